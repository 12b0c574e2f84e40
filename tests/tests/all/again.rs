//! The same request again: the same outcome, whatever happened in between; another request under its id is refused.

use crate::place::Place;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Posted;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_deadline_as_a_span_is_the_same_request() {
    let place = Place::open().await;
    let post = ["job", "post", "Say something.", "--key", "k", "--deadline", "2h"];
    let (code, _, complaint) = place.guildhall(&post).await;
    assert_eq!(code, 0, "{complaint}");
    let (code, told, complaint) = place.guildhall(&post).await;
    assert!(code == 0 && told.contains("was posted before"), "{told}{complaint}");

    let file = place.folder.path().join("jobs.jsonl");
    std::fs::write(&file, "{\"brief\":\"One.\"}\n{\"brief\":\"Two.\"}\n").expect("a file");
    let file = file.to_str().expect("a name");
    let batch = ["job", "post", "--batch", file, "--key", "b", "--deadline", "2h"];
    let (code, told, complaint) = place.guildhall(&batch).await;
    assert!(code == 0 && told.contains("2 posted, 0 posted before"), "{told}{complaint}");
    let (code, told, complaint) = place.guildhall(&batch).await;
    assert!(code == 0 && told.contains("0 posted, 2 posted before"), "{told}{complaint}");
}

#[tokio::test]
async fn a_job_whose_deadline_passed_was_posted_before() {
    let place = Place::open().await;
    let file = place.folder.path().join("jobs.jsonl");
    let soon = Timestamp::now().after(Duration::from_millis(2_500));
    std::fs::write(&file, json!({"brief": "Say something.", "deadline": soon}).to_string()).expect("a file");
    let file = file.to_str().expect("a name");
    let (code, told, complaint) = place.guildhall(&["job", "post", "--batch", file, "--key", "b"]).await;
    assert!(code == 0 && told.contains("1 posted"), "{told}{complaint}");
    assert_eq!(place.ended(JobId(1)).await.head.state.known(), Some(&JobState::Expired));
    let (code, told, complaint) = place.guildhall(&["job", "post", "--batch", file, "--key", "b"]).await;
    assert!(code == 0 && told.contains("1 posted before"), "{told}{complaint}");
}

#[tokio::test]
async fn an_order_is_given_once() {
    let place = Place::open().await;
    for (arguments, code, job) in [
        (["job", "post", "Say something."], 0, 1),
        // The id was used to post: nothing is canceled.
        (["job", "cancel", "1"], 4, 0),
        (["job", "post", "Say something else."], 4, 0),
    ] {
        let with_key = [&["--json"], &arguments[..], &["--key", "k"]].concat();
        let (got, told, complaint) = place.guildhall(&with_key).await;
        assert_eq!(got, code, "{arguments:?}: {told}{complaint}");
        if code == 0 {
            assert_eq!(serde_json::from_str::<Posted>(&told).expect("JSON").id, JobId(job));
        }
    }
    let job = place.until(JobId(1), |_| true).await;
    assert!(!job.head.state.known().is_some_and(|state| state.is_terminal()), "{job:#?}");
    place.order(JobId(1), JobAction::Cancel, None).await.expect("it is canceled");
    for _ in 0..2 {
        let (code, told, complaint) = place.guildhall(&["job", "again", "1", "--key", "again"]).await;
        assert!(code == 0 && told.contains("job #2 follows"), "{told}{complaint}");
    }
    let (code, _, complaint) = place.guildhall(&["job", "cancel", "2", "--key", "again"]).await;
    assert_eq!(code, 4, "{complaint}");
}

#[tokio::test]
async fn an_order_to_an_agent_is_given_once() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    let definition = agent.definition("@steady", "Says a number.");
    place.hire_as(&agent, definition.clone()).await;
    place.until_agent("steady", AgentState::Active).await;
    for (order, state) in [("pause", "paused"), ("resume", ""), ("retire", "retired")] {
        for _ in 0..2 {
            let (code, told, complaint) = place.guildhall(&["agent", order, "@steady", "--key", order]).await;
            assert!(code == 0 && told.contains(state), "{order}: {told}{complaint}");
        }
    }
    let (code, _, complaint) = place.guildhall(&["agent", "pause", "@steady", "--key", "retire"]).await;
    assert_eq!(code, 4, "{complaint}");
    assert_eq!(place.agent("steady").await.events.iter().filter(|event| is_order(event)).count(), 3);
}

fn is_order(event: &guildhall_protocol::history::Event) -> bool {
    use guildhall_protocol::history::What;
    matches!(event.what, What::AgentPaused { .. } | What::AgentResumed | What::AgentRetired)
}

#[tokio::test]
async fn a_version_is_made_once() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    let mut definition = agent.definition("@steady", "Says a number.");
    place.hire_as(&agent, definition.clone()).await;
    definition.description = "Says a larger number.".to_owned();
    let file = place.folder.path().join("agent.json");
    std::fs::write(&file, serde_json::to_string(&definition).expect("JSON")).expect("a file");
    let file = file.to_str().expect("a name");
    for _ in 0..2 {
        let (code, told, complaint) =
            place.guildhall(&["agent", "update", "--file", file, "--key", "u"]).await;
        assert!(code == 0 && told.contains("@steady is at v2"), "{told}{complaint}");
        assert!(told.contains("a larger number"), "{told}");
    }
    // What was granted is granted: nothing differs.
    let private = ["agent", "update", "--file", file, "--allow-private"];
    let (code, told, complaint) = place.guildhall(&private).await;
    assert!(code == 0 && told.contains("nothing differs: @steady stays at v2"), "{told}{complaint}");
    for _ in 0..2 {
        let (code, told, complaint) =
            place.guildhall(&["agent", "rollback", "@steady", "1", "--key", "r"]).await;
        assert!(code == 0 && told.contains("@steady is at v3"), "{told}{complaint}");
    }
    assert_eq!(place.agent("steady").await.head.version.0, 3);
}

#[tokio::test]
async fn an_agent_is_registered_once_and_its_secrets_come_again() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    let definition = agent.definition("@steady", "Says a number.");
    let file = place.folder.path().join("agent.json");
    std::fs::write(&file, serde_json::to_string(&definition).expect("JSON")).expect("a file");
    let file = file.to_str().expect("a name");
    let register = ["agent", "register", "--file", file, "--allow-private", "--key", "r"];
    let (code, first, complaint) = place.guildhall(&register).await;
    assert!(code == 0 && first.contains("whsec_"), "{first}{complaint}");
    let (code, second, complaint) = place.guildhall(&register).await;
    assert!(code == 0 && second == first, "{second}{complaint}");
    // The same id for another verb.
    let update = ["agent", "update", "--file", file, "--allow-private", "--key", "r"];
    let (code, _, complaint) = place.guildhall(&update).await;
    assert!(code == 4 && complaint.contains("used for a different request"), "{complaint}");
}
