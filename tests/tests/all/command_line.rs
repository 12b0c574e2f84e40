//! What `guildhall` says when it is used wrongly, in files and to programs.

use crate::place::Place;
use guildhall_daemon::samples::Samples;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::history::What;
use guildhall_protocol::job::JobDraft;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::{Value, json};

#[tokio::test]
async fn wrong_input_is_refused_with_what_to_do() {
    let place = Place::open().await;
    for (arguments, told) in [
        (&["job", "list", "--state", "bogus"][..], "the states are open, assigned, working"),
        (&["job", "post", "x", "--input", "nope"], "it begins with {, [ or \""),
        (&["agent", "find"], "<TEXT>"),
        (&["agent", "find", " "], "say what you want done"),
    ] {
        let (code, out, complaint) = place.guildhall(arguments).await;
        assert!(code == 2 && out.is_empty() && complaint.contains(told), "{arguments:?}: {complaint}");
    }
    let (code, told, complaint) = place.guildhall(&["job", "list", "--state", "held"]).await;
    assert_eq!(code, 0, "{told}{complaint}");
}

#[tokio::test]
async fn lines_are_known_by_what_they_say() {
    let place = Place::open().await;
    let file = place.folder.path().join("jobs.jsonl");
    let batch = async |lines: &[&str]| {
        std::fs::write(&file, lines.join("\n")).expect("a file");
        place.guildhall(&["job", "post", "--batch", file.to_str().expect("a name"), "--key", "b"]).await
    };
    let (one, two) = (r#"{"brief":"One.","deadline":"2h"}"#, r#"{"brief":"Two.","deadline":"2h"}"#);
    let (code, told, complaint) = batch(&[one, one, two]).await;
    assert!(code == 0 && told.contains("3 posted, 0 posted before"), "{told}{complaint}");
    let (code, told, complaint) = batch(&[r#"{"brief":"None."}"#, two, "", one, one, one]).await;
    assert!(code == 0 && told.contains("2 posted, 3 posted before"), "{told}{complaint}");

    let (code, told, complaint) = batch(&[r#"{"key":"a","brief":"Three."}"#]).await;
    assert!(code == 0 && told.contains("1 posted, 0 posted before"), "{told}{complaint}");
    let (code, told, complaint) = batch(&[one, r#"{"key":"a","brief":"Four."}"#]).await;
    assert!(code == 1 && told.contains("1 posted before, 1 refused"), "{told}{complaint}");
    let refused = "line 2: this request id was already used for a different request (use a new request id";
    assert!(told.contains(refused), "{told}");
    let (code, told, complaint) = batch(&[r#"{"key":"a","brief":"x"}"#, r#"{"key":"a","brief":"y"}"#]).await;
    assert!(code == 2 && complaint.contains("line 2: its key \"a\" is that of line 1"), "{told}{complaint}");
}

#[tokio::test]
async fn programs_read_json_alone() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!("hello"))).await;
    place.hire(&agent, "@steady", "Says hello.").await;
    let file = place.folder.path().join("jobs.jsonl");
    let lines = [json!({"brief": "Say hello."}), json!({"brief": "Say hello.", "only": ["@nobody"]})];
    std::fs::write(&file, lines.map(|line| line.to_string()).join("\n")).expect("a file");
    let batch = ["job", "post", "--batch", file.to_str().expect("a name"), "--key", "b"];
    for (arguments, expected) in [
        (&batch[..], 1),
        (&["job", "post", "Say hello.", "--wait"], 8),
        (&["job", "post", "x", "--input", "nope"], 2),
        (&["job", "show", "99"], 3),
    ] {
        let (code, told, complaint) = place.guildhall(&[&["--json"], arguments].concat()).await;
        assert_eq!(code, expected, "{arguments:?}: {told}{complaint}");
        for line in told.lines().chain(complaint.lines()) {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{arguments:?}: {line}");
        }
        assert!(complaint.contains("\"message\""), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn why_not_names_what_the_input_misses() {
    let place = Place::open().await;
    let samples = Samples::start(([127, 0, 0, 1], 0).into()).await.expect("samples");
    place.welcome(&samples).await;
    let input = Some(guildhall_protocol::json::Json::from(json!({"words": 3})));
    let draft = JobDraft { brief: "Count the words.".to_owned(), input, ..JobDraft::default() };
    let job = place.post(draft).await.expect("it is posted");
    let (code, told, complaint) = place.guildhall(&["job", "why", &job.0.to_string(), "@wordsmith"]).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(told.starts_with("@wordsmith cannot take it now: it needs another input: "), "{told}");
    assert!(told.contains("\"text\""), "{told}");
    samples.stop().await;
}

#[tokio::test]
async fn an_agent_is_paused_once_and_tested_until_it_retires() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.until_agent("steady", AgentState::Active).await;
    for (order, expected) in [("pause", 0), ("pause", 4), ("retire", 0), ("test", 4)] {
        let (code, told, complaint) = place.guildhall(&["agent", order, "@steady"]).await;
        assert_eq!(code, expected, "{order}: {told}{complaint}");
    }
    let events = place.agent("steady").await.events;
    assert_eq!(events.iter().filter(|event| matches!(event.what, What::AgentPaused { .. })).count(), 1);
}
