//! Work that takes longer than one exchange: accepted, called back, asked for, given up, and found again.

use crate::cast::{is, number_from, tells};
use crate::place::{Place, endings};
use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{HeldWhy, JobState};
use guildhall_protocol::view::Order;
use guildhall_tests::fake_agent::{Answer, Callback, FakeAgent};
use serde_json::json;

#[tokio::test]
async fn an_agent_works_for_long_and_calls_back() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&agent, "@slow", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();
    let (status, said) = agent.call_back(&delivery, json!({"progress": "half of it"})).await;
    assert_eq!(status, 200, "{said}");
    let answer = Callback::new(&delivery, json!({"output": 7}));
    assert_eq!(answer.send(&agent).await.0, 200);
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed), "{story:#?}");
    assert_eq!(answer.send(&agent).await.0, 200, "the same again is answered as before");
    let other = Callback { body: answer.body.replace("\"output\":7", "\"output\":8"), ..answer };
    let (status, said) = other.send(&agent).await;
    assert!(status == 422 && said.contains("was used for another message"), "{said}");
    let (status, _) = agent.call_back(&delivery, json!({"output": 9})).await;
    assert_eq!(status, 200, "what comes too late is kept");
    let story =
        place.until_story(job, |story| tells(story, |what| matches!(what, What::Late { .. })) == 1).await;
    assert_eq!(tells(&story, |what| matches!(what, What::Answered { .. })), 1, "{story:#?}");
}

#[tokio::test]
async fn callbacks_that_are_not_in_order_are_told_why() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&agent, "@slow", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();
    let good = || Callback::new(&delivery, json!({"output": 1}));
    let url = good().url;
    let table = [
        (Callback { secret: Some(SigningSecret::from_random([9; 32])), ..good() }, 401, "signature"),
        (Callback { timestamp: good().timestamp - 301, ..good() }, 401, "five minutes"),
        (Callback { url: url.replace("_1", "_2"), ..good() }, 404, "no such attempt"),
        (Callback { url: url.replace("att_", "att_x"), ..good() }, 404, "no such attempt"),
        (Callback { body: good().body.replace("att_", "att_x"), ..good() }, 422, "another attempt"),
        (Callback { body: "{".to_owned(), ..good() }, 422, "not JSON"),
        (Callback { body: good().body.replace("output", "outptu"), ..good() }, 422, "none of the keys"),
        (Callback { body: " ".repeat(10_000_000), ..good() }, 413, "larger than"),
        (Callback { id: "x".repeat(201), ..good() }, 422, "1 to 200"),
    ];
    for (callback, expected, told) in table {
        let (status, said) = callback.send(&agent).await;
        assert!(status == expected && said.contains(told), "{status} {said}, expected {expected} {told}");
    }
    assert_eq!(good().send(&agent).await.0, 200);
    assert_eq!(place.ended(job).await.head.state.known(), Some(&JobState::Completed));
}

#[tokio::test]
async fn an_agent_that_cannot_call_back_is_asked() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match (delivery.kind.as_str(), delivery.times) {
        ("job.status", _) => Answer::Says(json!({"output": 3})),
        _ => Answer::Status(202),
    })
    .await;
    place.hire(&agent, "@slow", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("slow".to_owned(), EndedAs::Passed)], "{story:#?}");
    assert!(agent.assigned()[0].data.get("callback_url").is_none());
}

#[tokio::test]
async fn an_agent_asks_and_its_client_answers() {
    let place = Place::open().await;
    let schema = json!({"type": "integer", "minimum": 1});
    let agent = FakeAgent::start(move |delivery| match delivery.kind.as_str() {
        "job.input_provided" => Answer::Output(delivery.data["reply"].clone()),
        _ => Answer::Says(json!({"question": "Which number?", "schema": schema.clone()})),
    })
    .await;
    place.hire(&agent, "@curious", "Says a number.").await;
    let job = place.post(number_from(&["curious"])).await.expect("it is posted");
    let asked = |state: &JobState| matches!(state, JobState::InputRequired(_));
    let story = place.until(job, asked).await;
    let question = story.attempts[0].question.as_ref().expect("a question");
    assert_eq!(question.text, "Which number?");
    let number = job.0.to_string();
    let (code, _, complaint) = place.guildhall(&["job", "answer", &number, "many"]).await;
    assert!(code == 2 && complaint.contains("does not fit what the agent asks for"), "{complaint}");
    let (code, told, complaint) = place.guildhall(&["job", "answer", &number, "42"]).await;
    assert_eq!(code, 0, "{told}{complaint}");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("curious".to_owned(), EndedAs::Passed)], "the same attempt: {story:#?}");
    let reply = &agent.got("job.input_provided")[0];
    assert!(reply.id.ends_with("_1_in1"), "{}", reply.id);
    assert_eq!(reply.data["question"], "Which number?");
    assert_eq!(reply.data["brief"], "Say a number above zero.", "the whole assignment once more");
    let late = place.order(job, JobAction::Reply, Some("7")).await.expect_err("it has lapsed");
    assert!(late.to_string().contains("the job is completed"), "{late}");
}

#[tokio::test]
async fn a_question_that_nobody_answers_lapses() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match delivery.kind.as_str() {
        "job.assigned" => Answer::Says(json!({"question": "Which number?"})),
        _ => Answer::Status(204),
    })
    .await;
    place.hire(&agent, "@curious", "Says a number.").await;
    let mut draft = number_from(&["curious"]);
    draft.deadline =
        Some(guildhall_protocol::time::Timestamp::now().after(std::time::Duration::from_hours(240)));
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, |state| matches!(state, JobState::InputRequired(_))).await;
    place.let_pass(13).await;
    place.until_noticed("reminder").await;
    assert!(matches!(place.until(job, |_| true).await.head.state.known(), Some(JobState::InputRequired(_))));
    place.let_pass(12).await;
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Expired), "{story:#?}");
    place.until_met(|| !agent.got("job.canceled").is_empty()).await;
}

#[tokio::test]
async fn a_silent_agent_is_given_up_and_its_late_answer_still_counts() {
    let mut place = Place::open_public().await;
    let agent = FakeAgent::start(|delivery| match delivery.kind.as_str() {
        "job.assigned" => Answer::Status(202),
        _ => Answer::Status(404),
    })
    .await;
    place.hire(&agent, "@sleeper", "Says a number.").await;
    let job = place.post(number_from(&["sleeper"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();
    place.client_pauses_engine(true).await;
    place.let_pass(1).await;
    let story = place.until(job, is(JobState::Open)).await;
    assert_eq!(endings(&story), [("sleeper".to_owned(), EndedAs::Silent)], "{story:#?}");
    place.until_met(|| !agent.got("job.canceled").is_empty()).await;
    let (status, said) = agent.call_back(&delivery, json!({"output": 5})).await;
    assert_eq!(status, 200, "{said}");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("sleeper".to_owned(), EndedAs::Passed)], "{story:#?}");
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_asked_about_and_then_held() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match delivery.kind.as_str() {
        "job.status" => Answer::Says(json!({"status": "unknown"})),
        "job.assigned" => Answer::Status(500),
        _ => Answer::Status(204),
    })
    .await;
    let mut definition = agent.definition("@careful", "Says a number.");
    definition.idempotent = false;
    place.hire_as(&agent, definition).await;
    let other = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&other, "@other", "Says a number.").await;
    let (code, told, _) = place.guildhall(&["engine", "pause", "--reason", "a test"]).await;
    assert!(code == 0 && told.contains("no new attempts"), "{told}");
    let job = place.post(number_from(&["careful", "other"])).await.expect("it is posted");
    let number = job.0.to_string();
    let (code, _, complaint) = place.guildhall(&["job", "reassign", &number, "--to", "@careful"]).await;
    assert_eq!(code, 0, "{complaint}");
    assert!(agent.assigned().is_empty() && other.assigned().is_empty(), "the engine is paused");
    assert_eq!(place.guildhall(&["engine", "resume"]).await.0, 0);
    place.until(job, is(JobState::Held(HeldWhy::Unclear))).await;
    assert_eq!(agent.assigned().len(), 1, "it is never sent twice");
    let (code, _, complaint) = place.guildhall(&["job", "reassign", &number, "--reason", "not again"]).await;
    assert_eq!(code, 0, "{complaint}");
    let story = place.ended(job).await;
    let [first, second] = &endings(&story)[..] else { panic!("{story:#?}") };
    assert_eq!((first.1, second.1), (EndedAs::Withdrawn, EndedAs::Passed), "{story:#?}");
    assert_eq!(second.0, "other", "not back to the same");
    assert_eq!(agent.assigned().len(), 1);
}

#[tokio::test]
async fn a_cancel_reaches_the_agent() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|delivery| match delivery.kind.as_str() {
        "job.assigned" => Answer::Status(202),
        _ => Answer::Status(204),
    })
    .await;
    place.hire(&agent, "@slow", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    place.order_with(job, Order::of(JobAction::Cancel)).await.expect("it is canceled");
    place.until_met(|| !agent.got("job.canceled").is_empty()).await;
    let message = &agent.got("job.canceled")[0];
    assert!(message.id.ends_with("_1_cancel"), "{}", message.id);
    assert_eq!(message.data["job"], job.0);
    let (status, _) = agent.call_back(&agent.assigned()[0].clone(), json!({"output": 5})).await;
    assert_eq!(status, 200, "it is kept");
    assert_eq!(place.ended(job).await.head.state.known(), Some(&JobState::Canceled));
}
