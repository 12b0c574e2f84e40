//! Agents that break the contract: each costs its own job an attempt, is named in the record, and harms nobody else.

use crate::place::{Place, endings};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::job::{Criterion, JobDraft, Policy};
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::BodyPage;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

/// Levels of an answer, its envelope included.
const DEPTH_MAX: usize = 127;

/// A job for one agent only, that has one chance.
fn one_chance(agent: &str) -> JobDraft {
    JobDraft {
        brief: "Say something.".to_owned(),
        criteria: vec![Criterion::Rule("output != null".to_owned())],
        only: vec![agent.parse().expect("a name")],
        policy: Policy { attempts_max: 1, offers_max: 1, delivery_tries_max: 1, ..Policy::default() },
        ..JobDraft::default()
    }
}

fn deep(levels: usize) -> String {
    format!("{{\"output\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

type Misbehavior = fn() -> Answer;

#[tokio::test]
async fn each_misbehavior_is_told_in_the_record() {
    use EndedAs::{Declined, Failed, Unclear, Unreachable};
    let json = |body: &str| Answer::Body("application/json", body.to_owned());
    let table: [(&str, Misbehavior, EndedAs, &str); 20] = [
        ("redirects", || Answer::Redirect("http://127.0.0.1:1/".to_owned()), Failed, "redirect (302)"),
        ("drips", || Answer::Drip, Unclear, "1000 ms"),
        ("is-silent", || Answer::Silence, Unclear, "1000 ms"),
        ("never-ends", || Answer::Endless, Failed, "larger than"),
        ("lies", || Answer::Body("text/html", "{\"output\":1}".to_owned()), Failed, "text/html"),
        ("not-json", || Answer::Body("application/json", "{\"output\":".to_owned()), Failed, "JSON"),
        ("too-deep", || Answer::Body("application/json", deep(DEPTH_MAX + 1)), Failed, "recursion limit"),
        ("empty", || Answer::Body("application/json", String::new()), Failed, "JSON"),
        ("says-nothing", || Answer::Body("application/json", "{}".to_owned()), Failed, "output"),
        (
            "contradicts",
            || Answer::Body("application/json", r#"{"output":1,"declined":"no"}"#.to_owned()),
            Failed,
            "declined",
        ),
        ("breaks", || Answer::Status(500), Unclear, "500"),
        ("refuses", || Answer::Status(401), Declined, "401"),
        ("is-busy", || Answer::Status(503), Unreachable, "503"),
        ("is-lost", || Answer::Status(422), Declined, "422"),
        ("is-lost-and-breaks", || Answer::Breaks(422), Declined, "422"),
        ("is-lost-and-stalls", || Answer::Stalls(422), Declined, "422"),
        ("is-busy-and-breaks", || Answer::Breaks(503), Unreachable, "503"),
        ("is-busy-and-stalls", || Answer::Stalls(503), Unreachable, "503"),
        ("is-gone-and-breaks", || Answer::Breaks(410), Unreachable, "410"),
        ("is-gone-and-stalls", || Answer::Stalls(410), Unreachable, "410"),
    ];
    let place = Place::open().await;
    let good = FakeAgent::start(move |_| json(&deep(DEPTH_MAX))).await;
    place.hire(&good, "@good", "Says something.").await;
    let mut agents = Vec::new();
    for (name, answer, ended, told) in table {
        let agent = FakeAgent::start(move |_| answer()).await;
        place.hire(&agent, &format!("@{name}"), "Says something.").await;
        let job = place.post(one_chance(name)).await.expect("it is posted");
        agents.push((name, agent, job, ended, told));
    }
    let job = place.post(one_chance("good")).await.expect("it is posted");
    assert_eq!(
        place.ended(job).await.head.state.known(),
        Some(&JobState::Completed),
        "beside all the others"
    );
    for (name, agent, job, ended, told) in &agents {
        let story = place.ended(*job).await;
        assert_eq!(story.head.state.known(), Some(&JobState::Failed), "{name}");
        assert_eq!(endings(&story), [((*name).to_owned(), *ended)], "{name}: {story:#?}");
        let reason = story.attempts[0].reason.as_deref().unwrap_or_default();
        assert!(reason.contains(told), "{name}: the reason is {reason:?}");
        assert_eq!(agent.assigned().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_large_answer_is_kept_whole() {
    const BYTES: usize = 1_000_000;
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!("é".repeat(BYTES / 2)))).await;
    place.hire(&agent, "@long", "Says something.").await;
    let job = place.post(one_chance("long")).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed), "{story:#?}");
    let body = story.attempts[0].answer.as_ref().expect("an answer");
    assert_eq!(body.bytes, BYTES as u64 + 2, "with its quotation marks");
    let mut text = String::new();
    let mut offset = Some(0);
    while let Some(from) = offset {
        let id = body.id;
        let page = place
            .client
            .call(|service, context| async move { service.read_body(context, job, id, from).await });
        let BodyPage { text: part, next, .. } = page.await.expect("a page");
        text.push_str(&part);
        offset = next;
    }
    assert_eq!(text, format!("\"{}\"", "é".repeat(BYTES / 2)));
}

#[tokio::test]
async fn what_cannot_be_registered() {
    let place = Place::open().await;
    let doubling = |levels: usize| {
        let mut defs = json!({"l0": {"type": "object"}});
        for level in 1..=levels {
            let below = json!({"$ref": format!("#/$defs/l{}", level - 1)});
            defs[format!("l{level}")] = json!({"allOf": [below.clone(), below]});
        }
        json!({"$ref": format!("#/$defs/l{levels}"), "$defs": defs})
    };
    let table = [
        (json!({"$ref": "https://schemas.example/one.json"}), "$ref"),
        (json!({"$ref": "file:///etc/passwd"}), "$ref"),
        (json!({"type": "string", "pattern": "(?=a)b"}), "pattern"),
        (json!({"type": "string", "pattern": "(((a{100}){100}){100}){100}"}), "pattern"),
        (doubling(30), "$defs"),
        (json!({"type": "strnig"}), "strnig"),
    ];
    let file = place.folder.path().join("agent.json");
    for field in ["input_schema", "output_schema"] {
        for (schema, told) in &table {
            let mut agent = json!({
                "name": "@odd", "description": "Odd.", "endpoint": "https://agents.example/"
            });
            agent[field] = schema.clone();
            std::fs::write(&file, agent.to_string()).expect("a file");
            let arguments = ["agent", "register", "--file", file.to_str().expect("a name")];
            let (code, _, complaint) = place.guildhall(&arguments).await;
            assert_eq!(code, 2, "{schema:.200}: {complaint}");
            assert!(complaint.contains(field) && complaint.contains(told), "{schema}: {complaint}");
        }
    }
}

#[tokio::test]
async fn a_catastrophic_pattern_costs_nobody_time() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(format!("{}!", "a".repeat(50_000))))).await;
    let mut definition = agent.definition("@slow", "Says something.");
    definition.output_schema = Some(json!({"type": "string", "pattern": "^(a+)+$"}).into());
    place.hire_as(&agent, definition).await;
    let job = place.post(one_chance("slow")).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("slow".to_owned(), EndedAs::Failed)], "{story:#?}");
    assert!(
        story.attempts[0].findings.iter().any(|finding| finding.evidence.contains("(a+)+")),
        "{story:#?}"
    );
}
