//! What agents and people may do to a job between its posting and its end.

use crate::cast::number_from;
use crate::place::{Place, endings};
use guildhall_protocol::agent::{AgentState, PausedWhy};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

#[tokio::test]
async fn a_busy_agent_is_asked_again_under_the_same_id() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match delivery.times {
        3 => Answer::Output(json!(1)),
        _ => Answer::Status(503),
    })
    .await;
    place.hire(&agent, "@busy", "Says a number.").await;
    let job = place.post(number_from(&["busy"])).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed), "{story:#?}");
    assert_eq!(story.attempts[0].tries, 3);
    let ids: Vec<String> = agent.assigned().into_iter().map(|delivery| delivery.id).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_bad_answer_is_repaired_with_its_findings() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| {
        let findings = delivery.data["findings"].as_array().map_or(0, Vec::len);
        Answer::Output(json!(if findings == 0 { -1 } else { 1 }))
    })
    .await;
    place.hire(&agent, "@learner", "Says a number.").await;
    let job = place.post(number_from(&["learner"])).await.expect("it is posted");
    let story = place.ended(job).await;
    let learner = |ended| ("learner".to_owned(), ended);
    assert_eq!(endings(&story), [learner(EndedAs::Failed), learner(EndedAs::Passed)], "{story:#?}");
    assert!(story.attempts[1].repair);
}

#[tokio::test]
async fn a_gone_agent_is_paused() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Status(410)).await;
    place.hire(&agent, "@gone", "Says a number.").await;
    let mut draft = number_from(&["gone"]);
    draft.policy.offers_max = 1;
    let job = place.post(draft).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("gone".to_owned(), EndedAs::Unreachable)], "{story:#?}");
    // It is paused after its job has ended.
    place.until_agent("gone", AgentState::Paused(PausedWhy::Gone)).await;
}

#[tokio::test]
async fn a_client_reviews() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let draft = JobDraft { review: Review::Always, ..number_from(&["steady"]) };
    let job = place.post(draft).await.expect("it is posted");
    let in_review = |state: &JobState| matches!(state, JobState::InReview(_));
    place.until(job, in_review).await;
    let changes = place.order(job, JobAction::RequestChanges, Some("A larger one, please.")).await;
    changes.expect("changes are requested");
    let story = place.until(job, in_review).await;
    assert_eq!(story.head.attempts, 2, "{story:#?}");
    assert!(agent.assigned()[1].data["findings"].to_string().contains("A larger one, please."));
    place.order(job, JobAction::Accept, None).await.expect("it is accepted");
    assert_eq!(place.ended(job).await.head.state.known(), Some(&JobState::Completed));
}

#[tokio::test]
async fn an_owner_tries_an_agent_out() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!("hello"))).await;
    place.hire(&agent, "@steady", "Says hello.").await;
    let (code, told, complaint) = place.guildhall(&["agent", "try", "@steady", "Say hello."]).await;
    assert_eq!(code, 8, "nothing can check it: {told}{complaint}");
    assert!(told.contains("Answer of @steady") && told.contains("hello"), "{told}");
    assert!(complaint.contains("guildhall job accept"), "{complaint}");
    let (code, _, complaint) = place.guildhall(&["job", "accept", "1"]).await;
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(place.agent("steady").await.head.record.passed, 0, "a trial does not count");
}
