//! Agents that want more than words: a model builds their input from the brief, or the client is asked for what is missing
//! before any agent is bothered.

use crate::cast::{is, state, tells};
use crate::place::{Place, endings};
use crate::thinking::{calls, first_agent, only_attempt, without};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft, Models, Policy};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::{CallOutcome, ModelRole, WithoutModel};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, JobState};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::{FakeOpenAi, Reply};
use serde_json::{Value, json};

/// Two numbers and a unit.
const BRIEF: &str = "Convert the temperature: value 20, from celsius to fahrenheit.";

/// Hires an agent that converts, answers what `convert` makes of its input, and wants a value and a unit.
async fn converter(
    place: &Place,
    convert: impl Fn(&Value, bool) -> Value + Send + Sync + 'static,
) -> FakeAgent {
    let agent = FakeAgent::start(move |delivery| {
        let repair = delivery.data["findings"].as_array().is_some_and(|findings| !findings.is_empty());
        Answer::Output(convert(&delivery.data["input"], repair))
    })
    .await;
    let mut definition = agent.definition("@converter", "Converts a temperature from celsius to fahrenheit.");
    definition.input_schema = Some(Json::from(json!({
        "type": "object",
        "properties": {
            "value": {"type": "number", "description": "The temperature."},
            "to": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "The unit that is wanted."},
            "place": {"type": "string", "description": "Where it was measured."},
        },
        "required": ["value", "to"],
        "additionalProperties": false,
    })));
    place.hire_as(&agent, definition).await;
    place.until_agent("converter", guildhall_protocol::agent::AgentState::Active).await;
    agent
}

/// Hires an agent that takes words.
async fn scribe(place: &Place) -> FakeAgent {
    let agent = FakeAgent::start(|delivery| {
        assert!(delivery.data["brief"].is_string());
        Answer::Output(json!(68))
    })
    .await;
    place
        .hire_ready(
            &agent,
            "@scribe",
            "Converts a temperature from celsius to fahrenheit, as it stands in words.",
        )
        .await;
    agent
}

fn doubled(input: &Value, _repair: bool) -> Value {
    json!(input["value"].as_f64().unwrap_or_default() * 2.0)
}

fn by_rule(brief: &str, rule: &str) -> JobDraft {
    JobDraft {
        brief: brief.to_owned(),
        criteria: vec![Criterion::Rule(rule.to_owned())],
        policy: Policy { backoff_ms: 100, ..Policy::default() },
        ..JobDraft::default()
    }
}

#[tokio::test]
async fn an_input_is_built_from_the_brief_delivered_shown_and_seen_by_rules() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let agent = converter(&place, doubled).await;
    let rule = "output == 40.0 && input.value == 20 && input.to == 'celsius'";
    let job = place.post(by_rule("Convert the temperature: value 20, in celsius.", rule)).await;
    let job = job.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    let got = &agent.assigned()[0].data;
    let wanted = json!({"value": 20, "to": "celsius"});
    assert_eq!(got["input"], wanted, "{got:#}");
    assert_eq!(got["brief"], "Convert the temperature: value 20, in celsius.", "the words are there too");
    let shown = only_attempt(&story).input.as_ref().expect("it is shown");
    let head: Value = serde_json::from_str(shown.head.as_deref().expect("a text")).expect("JSON");
    assert_eq!(head, wanted);
    assert_eq!(tells(&story, |what| matches!(what, What::InputShaped { .. })), 1);
    assert_eq!((calls(&story)[0].role, calls(&story)[0].outcome), (ModelRole::Shape, CallOutcome::Answered));
    let told = place.run(&["job", "show", &job.0.to_string()]).await;
    assert!(told.contains("\"value\":20") || told.contains("\"value\": 20"), "{told}");
}

#[tokio::test]
async fn the_client_is_asked_for_what_is_missing_before_any_agent_is() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let agent = converter(&place, doubled).await;
    let job = place.post(by_rule("Convert my temperature to fahrenheit.", "output == 42.0")).await;
    let job = job.expect("it is posted");
    let story = place.until(job, is(JobState::InputRequired(Asker::Daemon))).await;
    assert!(story.attempts.is_empty() && agent.assigned().is_empty(), "{story:#?}");
    let question = story.question.as_ref().expect("a question");
    assert!(question.schema.is_none(), "words are enough");
    assert!(
        question.text.contains("@converter needs to know more before it can start")
            && question.text.contains("What is \"value\" (The temperature)?")
            && question.text.contains("Do not write passwords"),
        "{}",
        question.text
    );
    assert!(!question.text.contains("\"to\""), "only what is missing: {}", question.text);
    assert!(story.allowed.contains(&JobAction::Reply), "{:?}", story.allowed);
    assert_eq!(place.until_noticed("question").await.job, Some(job));
    let shown = place.run(&["job", "show", &job.0.to_string()]).await;
    assert!(shown.contains("What is \"value\" (The temperature)?"), "{shown}");

    place.order(job, JobAction::Reply, Some("It is 21 degrees.")).await.expect("the client says it");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    assert_eq!(story.reply.as_deref(), Some("It is 21 degrees."));
    assert_eq!(agent.assigned()[0].data["input"], json!({"value": 21, "to": "fahrenheit"}));
    assert_eq!(server.of_role("shape").len(), 2);
}

#[tokio::test]
async fn without_a_model_the_agents_that_take_words_get_it() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let converter = converter(&place, doubled).await;
    let scribe = scribe(&place).await;
    let off = JobDraft { models: Models::Off, ..by_rule(BRIEF, "output == 68") };
    let story = place.ended(place.post(off).await.expect("it is posted")).await;
    assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "scribe"), "{story:#?}");

    // The model answers the choice, and fails when it is to build the input.
    server.always_to("choose", Reply::Json(json!({"agent": "@converter", "reason": "It converts."})));
    server.always_to("shape", Reply::Refusal);
    let story = place.ended(place.post(by_rule(BRIEF, "output == 68")).await.expect("it is posted")).await;
    assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "scribe"), "{story:#?}");
    assert!(
        without(&story).iter().any(|(role, why, _)| (*role, *why) == (ModelRole::Shape, WithoutModel::NoUse))
    );
    let pick = only_attempt(&story).pick.as_ref().expect("a pick");
    let chosen = pick.chosen.as_ref().map(ToString::to_string);
    assert_eq!(chosen.as_deref(), Some("@scribe"), "the record says who got it: {pick:#?}");
    assert!(pick.reason.contains("@scribe"), "and why: {}", pick.reason);
    assert!(converter.assigned().is_empty());
    drop(scribe);
}

#[tokio::test]
async fn without_a_model_the_client_fills_the_agent_s_own_form() {
    let place = Place::open().await;
    let agent = converter(&place, doubled).await;
    let job = place.post(by_rule(BRIEF, "output == 40.0 && input.value == 20")).await.expect("it is posted");
    let story = place.until(job, is(JobState::InputRequired(Asker::Daemon))).await;
    let question = story.question.as_ref().expect("a question");
    assert!(question.schema.is_some(), "a form");
    assert_eq!(
        question.text,
        "@converter needs these fields before it can start:\n\
         - value (number): The temperature.\n\
         - to (one of \"celsius\", \"fahrenheit\"): The unit that is wanted.\n\
         Reply with a JSON object that has these fields. Do not write passwords, keys, or other secrets."
    );
    for (reply, names) in [
        (r#"{"value": "warm", "to": "celsius"}"#, "/value"),
        (r#"{"value": 20}"#, "to"),
        (r#"{"value": 20, "to": "kelvin"}"#, "/to"),
        (r#"{"value": 20, "to": "celsius", "other": 1}"#, "other"),
        ("twenty degrees", "object"),
    ] {
        let refused = place.order(job, JobAction::Reply, Some(reply)).await.expect_err(reply);
        let told = refused.to_string();
        assert!(told.contains(names) && told.contains("does not fit"), "{reply}: {told}");
    }
    let story = place.until(job, |_| true).await;
    assert_eq!(state(&story), JobState::InputRequired(Asker::Daemon), "it still waits");
    place.order(job, JobAction::Reply, Some(r#"{"value": 20, "to": "celsius"}"#)).await.expect("it fits");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    assert_eq!(agent.assigned()[0].data["input"], json!({"value": 20, "to": "celsius"}));
}

#[tokio::test]
async fn a_model_that_cannot_fill_the_form_right_leaves_it_to_the_client() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let agent = converter(&place, doubled).await;
    let wrong = json!({"input": r#"{"value": "warm", "to": "kelvin"}"#, "missing": []});
    let broken = json!({"input": r#"{"value": "#, "missing": []});
    let nothing = json!({"input": "", "missing": []});
    for reply in [Reply::Json(wrong), Reply::Json(broken), Reply::Json(nothing), Reply::NotJson] {
        server.next_replies_to("shape", vec![reply.clone()]);
        let job = place.post(by_rule(BRIEF, "output == 40.0")).await.expect("it is posted");
        let story = place.until(job, is(JobState::InputRequired(Asker::Daemon))).await;
        assert!(story.question.as_ref().expect("a question").schema.is_some(), "{reply:?}: {story:#?}");
        let told = without(&story);
        assert_eq!((told[0].0, told[0].1), (ModelRole::Shape, WithoutModel::NoUse), "{reply:?}: {told:?}");
        place.order(job, JobAction::Reply, Some(r#"{"value": 20, "to": "celsius"}"#)).await.expect("it fits");
        assert_eq!(state(&place.ended(job).await), JobState::Completed, "{reply:?}");
    }
    assert!(agent.assigned().iter().all(|delivery| delivery.data["input"]["value"] == 20));
}

#[tokio::test]
async fn a_repair_gets_the_same_input() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let agent = converter(&place, |input, repair| {
        if repair { json!(input["value"].as_f64().unwrap_or_default() * 2.0) } else { json!(-1) }
    })
    .await;
    let job = place.post(by_rule(BRIEF, "output > 0 && input.value == 20")).await.expect("it is posted");
    let story = place.ended(job).await;
    let converter_s = |ended| ("converter".to_owned(), ended);
    let ended = [converter_s(EndedAs::Failed), converter_s(EndedAs::Passed)];
    assert_eq!(endings(&story), ended, "{story:#?}");
    let got: Vec<Value> = agent.assigned().iter().map(|delivery| delivery.data["input"].clone()).collect();
    assert_eq!(got, [json!({"value": 20, "to": "celsius"}), json!({"value": 20, "to": "celsius"})]);
    assert_eq!(server.of_role("shape").len(), 1, "it is built once");
    let inputs: Vec<_> =
        story.attempts.iter().map(|attempt| attempt.input.as_ref().map(|body| body.id)).collect();
    assert!(inputs[0].is_some() && inputs[0] == inputs[1], "{inputs:?}");
}
