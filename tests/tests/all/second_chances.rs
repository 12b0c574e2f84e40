//! What must not get lost on the way: a reply, a held job's second delivery, a reviewer's wish, an operator's order.

use crate::cast::{is, number_from, state};
use crate::place::{Place, endings};
use guildhall_protocol::attempt::{CriterionRef, EndedAs};
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, HeldWhy, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::time::Duration;

fn due_in(minutes: u64, draft: JobDraft) -> JobDraft {
    JobDraft { deadline: Some(Timestamp::now().after(Duration::from_mins(minutes))), ..draft }
}

#[tokio::test]
async fn a_sign_of_life_does_not_swallow_the_reply() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|delivery| match (delivery.kind.as_str(), delivery.times) {
        ("job.assigned", _) => Answer::Says(json!({"question": "Which number?"})),
        ("job.input_provided", 1) => Answer::Status(503),
        ("job.input_provided", _) => Answer::Output(json!(3)),
        _ => Answer::Status(204),
    })
    .await;
    place.hire(&agent, "@curious", "Says a number.").await;
    let mut draft = number_from(&["curious"]);
    draft.policy.backoff_ms = 2_000;
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, is(JobState::InputRequired(Asker::Agent))).await;
    place.order(job, JobAction::Reply, Some("3")).await.expect("it is answered");
    place.until_met(|| !agent.got("job.input_provided").is_empty()).await;
    let delivery = agent.assigned()[0].clone();
    let (status, said) = agent.call_back(&delivery, json!({"progress": "still here"})).await;
    assert_eq!(status, 200, "{said}");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("curious".to_owned(), EndedAs::Passed)], "{story:#?}");
    assert_eq!(agent.got("job.input_provided").len(), 2);
}

#[tokio::test]
async fn a_held_job_that_is_sent_again_has_time() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match (delivery.kind.as_str(), delivery.times) {
        ("job.assigned", 1) => Answer::Status(500),
        ("job.assigned", _) => Answer::Output(json!(1)),
        _ => Answer::Says(json!({"status": "unknown"})),
    })
    .await;
    let mut definition = agent.definition("@careful", "Says a number.");
    definition.idempotent = false;
    place.hire_as(&agent, definition).await;
    let job = place.post(due_in(90, number_from(&["careful"]))).await.expect("it is posted");
    place.until(job, is(JobState::Held(HeldWhy::Unclear))).await;
    place.let_pass(1).await;
    place.order(job, JobAction::Resend, None).await.expect("it is sent again");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("careful".to_owned(), EndedAs::Passed)], "{story:#?}");
}

#[tokio::test]
async fn changes_need_time_and_keep_what_was_found() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let draft = JobDraft { review: Review::Always, ..due_in(30, number_from(&["steady"])) };
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    place.let_pass(1).await;
    let number = job.0.to_string();
    let changes = ["job", "request-changes", &number, "--reason", "A larger one, please."];
    let (code, _, complaint) = place.guildhall(&changes).await;
    assert!(code == 4 && complaint.contains(&format!("job extend {number}")), "{code} {complaint}");
    assert_eq!(state(&place.until(job, |_| true).await), JobState::InReview(Reviewer::Client));
    assert_eq!(place.guildhall(&["job", "extend", &number, "1d"]).await.0, 0);
    assert_eq!(place.guildhall(&changes).await.0, 0);
    let story = place.until_story(job, |story| story.attempts.len() == 2).await;
    let found: Vec<&CriterionRef> =
        story.attempts[0].findings.iter().map(|finding| &finding.criterion).collect();
    assert_eq!(found, [&CriterionRef::Job(0), &CriterionRef::Review], "{story:#?}");
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
}

#[tokio::test]
async fn an_operator_cannot_order_who_could_never_take_it() {
    let place = Place::open_public().await;
    let slow = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&slow, "@slow", "Says a number.").await;
    let other = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&other, "@other", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let (code, _, complaint) =
        place.guildhall(&["job", "reassign", &job.0.to_string(), "--to", "@other"]).await;
    assert!(code == 4 && complaint.contains("is not in the job's `only`"), "{code} {complaint}");
    assert_eq!(state(&place.until(job, |_| true).await), JobState::Working, "it stays where it is");
}

#[tokio::test]
async fn an_agent_that_talks_without_end_fills_no_store() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&agent, "@chatty", "Says a number.").await;
    let job = place.post(number_from(&["chatty"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();
    let mut until = None;
    for question in 0..20 {
        let (status, said) = agent.call_back(&delivery, json!({"question": format!("{question}?")})).await;
        assert_eq!(status, 200, "{said}");
        let ends = place.until(job, is(JobState::InputRequired(Asker::Agent))).await.head.window_ends_at;
        assert_eq!(ends, *until.get_or_insert(ends), "asking again gives no more time");
    }
    let asked = place.notices().await.iter().filter(|notice| notice.kind.to_string() == "question").count();
    assert_eq!(asked, 1, "one question is open");
    place.order(job, JobAction::Cancel, None).await.expect("it is canceled");
    for word in 0..400 {
        let (status, said) = agent.call_back(&delivery, json!({"progress": format!("{word}")})).await;
        assert!(status == 200 || status == 429, "{status} {said}");
    }
    let story = place.ended(job).await;
    assert!(story.events.len() <= 210, "{} events", story.events.len());
}
