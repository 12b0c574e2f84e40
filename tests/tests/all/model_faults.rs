//! Models that fail in every way there is: a job's decisions get plainer, its history says why, and it ends all the same.

use crate::cast::{is, state, tells};
use crate::place::{Place, endings};
use crate::thinking::{Pair, calls, first_agent, only_attempt, outcomes, verses, verses_judged, without};
use guildhall_protocol::attempt::{CheckedBy, Decision};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::{CallOutcome, ModelOrder, ModelRole, WithoutModel};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::pick::PickMethod;
use guildhall_protocol::state::{Asker, JobState, Reviewer};
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::{FakeOpenAi, Fault, Reply};
use serde_json::json;
use std::time::Duration;

/// Everything that goes wrong, what history calls it, and what part of the reason people read.
fn faults() -> Vec<(Reply, CallOutcome, &'static str)> {
    use CallOutcome::{Malformed, Permanent, Refused, Transient};
    vec![
        (Reply::Fails(Fault::RateLimited { retry_after_s: 60 }), Transient, "429: Rate limit reached"),
        (Reply::Fails(Fault::ServerError), Transient, "500: The server had an error"),
        (Reply::Fails(Fault::Overloaded), Transient, "the server answered 503"),
        (Reply::Fails(Fault::Hang), Transient, "did not answer within 3 s"),
        (Reply::Fails(Fault::HalfBody), Transient, "the connection broke"),
        (Reply::Fails(Fault::Endless), Malformed, "longer than"),
        (Reply::Fails(Fault::QuotaSpent), Permanent, "exceeded your current quota"),
        (Reply::Fails(Fault::KeyRevoked), Permanent, "401: Incorrect API key"),
        (Reply::Fails(Fault::NoStructuredOutput), Permanent, "'json_schema' is not supported"),
        (Reply::Refusal, Refused, "refused"),
        (Reply::CutShort, Malformed, ""),
        (Reply::NotJson, Malformed, ""),
        (Reply::OutsideSchema, Malformed, "does not fit"),
        (Reply::NoChoices, Malformed, ""),
        (Reply::Text(String::new()), Malformed, ""),
        (Reply::Text("[".repeat(100_000)), Malformed, ""),
    ]
}

/// An agent that wants a number, and words do not do.
async fn hire_counter(place: &Place) -> FakeAgent {
    let agent = FakeAgent::start(|delivery| Answer::Output(delivery.data["input"]["number"].clone())).await;
    let mut definition = agent.definition("@counter", "Counts up to a number.");
    let schema = json!({
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": false,
    });
    definition.input_schema = Some(Json::from(schema));
    place.hire_as(&agent, definition).await;
    place.until_agent("counter", guildhall_protocol::agent::AgentState::Active).await;
    agent
}

/// A job for that agent.
fn counting() -> JobDraft {
    let criteria = vec![Criterion::Rule("output == 12".to_owned())];
    JobDraft { brief: "Count up to the number 12.".to_owned(), criteria, ..verses() }
}

fn only(name: &str, draft: JobDraft) -> JobDraft {
    JobDraft { only: vec![name.parse().expect("a name")], ..draft }
}

/// Whether history tells of the failed call, and why it was done without.
fn assert_told(story: &JobStory, role: ModelRole, outcome: CallOutcome, words: &str, case: &str) {
    assert_eq!(outcomes(story), [(role, outcome)], "{case}: {story:#?}");
    let told = without(story);
    let why = match outcome {
        CallOutcome::Transient | CallOutcome::Permanent => WithoutModel::Unavailable,
        CallOutcome::Refused | CallOutcome::Malformed | CallOutcome::Answered | CallOutcome::Cached => {
            WithoutModel::NoUse
        }
        CallOutcome::OverBudget => WithoutModel::OverBudget,
    };
    assert_eq!((told.len(), told[0].0, told[0].1), (1, role, why), "{case}: {told:?}");
    let said = &told[0].2;
    assert!(said.contains(words) && said.len() > 10 && said.len() <= 400, "{case}: {said:?}");
    assert!(!said.contains('\n') && !said.contains("sk-"), "{case}: {said:?}");
}

#[tokio::test]
async fn whatever_a_model_does_when_it_is_to_choose_the_rank_decides() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off", "llm_time_limit_s=3"]).await;
    let _pair = Pair::hire(&place).await;
    let mut faults = faults();
    faults.push((Reply::StrangerAgent, CallOutcome::Malformed, "@nobody-you-know is not on the list"));
    for (reply, outcome, words) in faults {
        server.always_to("choose", reply.clone());
        place.order_models(ModelOrder::On).await;
        let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
        let case = format!("choose, {}", named(&reply));
        assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "sonnet"), "{case}");
        assert_eq!(story.head.checked_by, Some(CheckedBy::Rules));
        assert_told(&story, ModelRole::Choose, outcome, words, &case);
        let pick = only_attempt(&story).pick.as_ref().expect("a pick");
        assert_eq!(pick.method, PickMethod::Rank, "{case}");
        let record = pick.model.as_ref().expect("it was asked");
        assert!(record.chosen.is_none() && record.reason.contains(words), "{case}: {record:?}");
    }
}

#[tokio::test]
async fn whatever_a_model_does_when_it_is_to_judge_a_person_looks() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off", "llm_time_limit_s=3"]).await;
    let _pair = Pair::hire(&place).await;
    let draft = only("sonnet", verses_judged(&["It is beautiful."]));
    for (reply, outcome, words) in faults() {
        server.always_to("judge", reply.clone());
        place.order_models(ModelOrder::On).await;
        let job = place.post(draft.clone()).await.expect("it is posted");
        let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
        let case = format!("judge, {}", named(&reply));
        assert_told(&story, ModelRole::Judge, outcome, words, &case);
        let found = &only_attempt(&story).findings[0];
        assert!(
            found.decision == Decision::Abstain
                && found.model.is_none()
                && found.evidence.starts_with("no model decided this (")
                && found.evidence.contains(words),
            "{case}: {found:?}"
        );
        place.order(job, JobAction::Accept, None).await.expect("a person decides");
        assert_eq!(place.ended(job).await.head.checked_by, Some(CheckedBy::Person), "{case}");
    }
    // In due form, with a quote that nobody wrote.
    server.always_to("judge", Reply::InjectedVerdict);
    place.order_models(ModelOrder::On).await;
    let job = place.post(draft).await.expect("it is posted");
    let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    let found = &only_attempt(&story).findings[0];
    assert!(found.evidence.contains("quoted words that are not in the answer"), "{found:?}");
    assert!(found.quote.is_none(), "what is made up is not shown as a quote: {found:?}");
}

#[tokio::test]
async fn whatever_a_model_does_when_it_is_to_build_an_input_the_client_is_asked() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off", "llm_time_limit_s=3"]).await;
    let counter = hire_counter(&place).await;
    let draft = counting();
    for (reply, outcome, words) in faults() {
        server.always_to("shape", reply.clone());
        place.order_models(ModelOrder::On).await;
        let job = place.post(draft.clone()).await.expect("it is posted");
        let story = place.until(job, is(JobState::InputRequired(Asker::Daemon))).await;
        let case = format!("shape, {}", named(&reply));
        assert_told(&story, ModelRole::Shape, outcome, words, &case);
        assert!(story.attempts.is_empty(), "{case}: {story:#?}");
        place.order(job, JobAction::Reply, Some(r#"{"number": 12}"#)).await.expect("the client says it");
        assert_eq!(state(&place.ended(job).await), JobState::Completed, "{case}");
    }
    drop(counter);
}

/// A reply in few words.
fn named(reply: &Reply) -> String {
    format!("{reply:?}").chars().take(40).collect()
}

#[tokio::test]
async fn a_busy_server_is_asked_once_more_when_it_says_so() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    let busy = Reply::Fails(Fault::RateLimited { retry_after_s: 1 });
    server.next_replies_to("choose", vec![busy.clone(), Reply::Sensible, busy.clone(), busy]);
    let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
    assert_eq!(outcomes(&story), [(ModelRole::Choose, CallOutcome::Answered)], "{story:#?}");
    let asked = server.of_role("choose");
    assert_eq!(asked.len(), 2);
    assert!(asked[1].at.0 - asked[0].at.0 >= 1_000, "it waits as long as the server wants");
    assert!(calls(&story)[0].latency_ms >= 1_000, "the wait is told too: {:?}", calls(&story));
    let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
    assert_told(&story, ModelRole::Choose, CallOutcome::Transient, "429", "busy for long");
    assert_eq!(server.of_role("choose").len(), 4, "one more try, and no third");
}

#[tokio::test]
async fn a_wrong_key_is_said_once_and_not_tried_again() {
    let server = FakeOpenAi::sensible().await;
    server.allow_complaints();
    let wrong = "sk-wrong-9f8e7d6c5b4a";
    let mut place = Place::open_thinking(&server, &[&format!("llm_key={wrong}")]).await;
    let pair = Pair::hire(&place).await;
    place.kill().await;
    let log = place.log_to_file("info");
    let before = server.complaints().len();
    place.start().await;
    place.until_met(|| server.complaints().len() > before).await;
    let health = loop {
        let health = place.models().await.health;
        if health.contains("key") {
            break health;
        }
        tokio::task::yield_now().await;
    };
    assert!(health.contains("the server does not accept the key: the server answered 401"), "{health}");
    for _ in 0..3 {
        let job =
            place.post(only("sonnet", verses_judged(&["It is beautiful."]))).await.expect("it is posted");
        let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
        let told = without(&story);
        assert_eq!((told[0].0, told[0].1), (ModelRole::Judge, WithoutModel::Unavailable), "{told:?}");
        let job = place.post(verses()).await.expect("it is posted");
        assert_eq!(state(&place.ended(job).await), JobState::Completed);
    }
    assert_eq!(server.complaints().len(), before + 1, "the look at the start, and nothing after it");
    assert!(server.seen().is_empty());
    let log = std::fs::read_to_string(log).expect("a log");
    let warned = log.lines().filter(|line| line.contains("WARN") && line.contains("accept the key")).count();
    assert_eq!(warned, 1, "{log}");
    assert!(!log.contains(wrong), "the key itself is not told: {log}");
    assert!(!format!("{:?}", place.models().await).contains(wrong));
    drop(pair);
}

#[tokio::test]
async fn a_model_without_structured_output_is_said_so_and_not_asked_again() {
    let server = FakeOpenAi::sensible().await;
    let mut place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    place.kill().await;
    let log = place.log_to_file("info");
    place.start().await;
    server.always(Reply::Fails(Fault::NoStructuredOutput));
    for _ in 0..4 {
        let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
        assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "sonnet"), "{story:#?}");
    }
    assert_eq!(server.seen().len(), 1, "what cannot work is not tried with every job");
    let health = place.models().await.health;
    let words = "the model or its server has no structured output (json_schema)";
    assert!(health.contains("gpt-4.1-mini") && health.contains(words), "{health}");
    let log = std::fs::read_to_string(log).expect("a log");
    assert_eq!(log.matches("no structured output").count(), 1, "{log}");
}

#[tokio::test]
async fn an_unreachable_server_is_in_nobody_s_way() {
    let mut server = FakeOpenAi::sensible().await;
    server.leave().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    for number in 0..7 {
        let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
        assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "sonnet"), "{story:#?}");
        let told = without(&story);
        assert_eq!((told[0].0, told[0].1), (ModelRole::Choose, WithoutModel::Unavailable));
        let tried = calls(&story).len();
        assert_eq!(tried, usize::from(number < 5), "five failures are enough: {told:?}");
    }
    let health = place.models().await.health;
    assert!(health.contains("the last 5 calls failed: cannot connect"), "{health}");
    server.come_back().await;
    place.order_models(ModelOrder::On).await;
    let story = place.ended(place.post(verses()).await.expect("it is posted")).await;
    assert_eq!(outcomes(&story), [(ModelRole::Choose, CallOutcome::Answered)], "{story:#?}");
    assert_eq!(place.models().await.health, "nothing is known to be wrong");
}

/// A daemon that is killed again and again while a model thinks about this job; then the model answers.
async fn killed_while_it_thinks(place: &mut Place, server: &FakeOpenAi, job: JobId) -> JobStory {
    for kills in 1..=6 {
        place.until_met(|| server.seen().len() >= kills).await;
        place.kill().await;
        if kills == 6 {
            server.set_latency(Duration::ZERO);
        }
        place.start().await;
    }
    place.ended(job).await
}

#[tokio::test]
async fn a_daemon_that_dies_while_a_model_thinks_did_not_die_of_the_job() {
    for role in [ModelRole::Choose, ModelRole::Shape, ModelRole::Judge] {
        let server = FakeOpenAi::sensible().await;
        let mut place = Place::open_thinking(&server, &[]).await;
        let pair = Pair::hire(&place).await;
        let counter = hire_counter(&place).await;
        server.set_latency(Duration::from_secs(20));
        let draft = match role {
            ModelRole::Judge => only("sonnet", verses_judged(&["It is beautiful."])),
            ModelRole::Shape => only("counter", counting()),
            ModelRole::Choose | ModelRole::SecondJudge | ModelRole::Embed => verses(),
        };
        let job = place.post(draft).await.expect("it is posted");
        let story = killed_while_it_thinks(&mut place, &server, job).await;
        assert_eq!(state(&story), JobState::Completed, "{role:?}: {story:#?}");
        assert_eq!(endings(&story).len(), 1, "{role:?}: {story:#?}");
        assert_eq!(tells(&story, |what| matches!(what, What::DaemonDied { .. })), 0, "{role:?}");
        assert_eq!(outcomes(&story), [(role, CallOutcome::Answered)], "{role:?}");
        let got = pair.sonnet.assigned().len() + pair.haiku.assigned().len() + counter.assigned().len();
        assert_eq!(got, 1, "{role:?}: an agent gets it once");
    }
}
