//! What models decide: which agent gets a job, and whether its answer is good; and what they are not asked about.

use crate::cast::{is, state, tells};
use crate::place::{Place, endings};
use crate::thinking::{
    BRIEF, Pair, VERSES, calls, first_agent, only_attempt, outcomes, verses, verses_judged, without,
};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::attempt::{CheckedBy, CriterionRef, Decision, EndedAs};
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft, Models, Priority, Review};
use guildhall_protocol::model::{CallOutcome, ModelName, ModelRole, WithoutModel};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::pick::PickMethod;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::Order;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::{ChatRequest, FakeOpenAi, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A server that chooses `@haiku`, which the rank would not, and judges as its own mind does.
async fn fond_of_haiku() -> FakeOpenAi {
    FakeOpenAi::start(|chat| match chat.role.as_str() {
        "choose" => Reply::Json(json!({"agent": "@haiku", "reason": "A river is best in three lines."})),
        _ => Reply::Sensible,
    })
    .await
}

/// A verdict about the first criterion, and nothing about others.
fn verdict(decision: &str, reason: &str, quote: &str) -> Reply {
    Reply::Json(json!({"findings": [
        {"criterion": 0, "decision": decision, "reason": reason, "quote": quote},
    ]}))
}

/// An agent that repairs: its second answer is another one.
async fn poet_who_repairs() -> FakeAgent {
    FakeAgent::start(|delivery| {
        let second = delivery.data["findings"].as_array().is_some_and(|findings| !findings.is_empty());
        Answer::Output(if second { json!("A heron stands in the river.") } else { json!(VERSES) })
    })
    .await
}

/// The words that only a prompt's own text holds: random delimiters and canaries.
fn marks_of(chat: &ChatRequest) -> BTreeSet<String> {
    let random = |word: &str| {
        let letters = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        ((11..=13).contains(&letters.len())
            && letters.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()))
        .then(|| letters.to_owned())
    };
    let canary = chat.system.split("The word ").nth(1).and_then(|rest| rest.split(' ').next());
    chat.system.split_whitespace().filter_map(random).chain(canary.map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_model_s_choice_is_taken_and_recorded() {
    let server = fond_of_haiku().await;
    let place = Place::open_thinking(&server, &[]).await;
    let pair = Pair::hire(&place).await;
    let job = place.post(verses()).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("haiku".to_owned(), EndedAs::Passed)], "{story:#?}");
    assert_eq!((pair.haiku.assigned().len(), pair.sonnet.assigned().len()), (1, 0));
    let pick = only_attempt(&story).pick.as_ref().expect("a pick");
    assert_eq!(pick.candidates[0].name.as_str(), "sonnet", "the rank would have chosen it: {pick:#?}");
    assert_eq!(pick.method, PickMethod::Model);
    assert_eq!(pick.reason, "@haiku: chosen by gpt-4.1-mini among 2: A river is best in three lines.",);
    let record = pick.model.as_ref().expect("what the model said");
    let call = calls(&story)[0];
    assert_eq!((call.role, call.outcome), (ModelRole::Choose, CallOutcome::Answered));
    assert_eq!((&record.prompt, record.model.as_str()), (&call.prompt, "gpt-4.1-mini"));
    assert_eq!(call.prompt.0.len(), 64, "a hash in hex");
    assert_eq!(record.chosen.as_ref().map(AgentName::as_str), Some("haiku"));
    let shown: Vec<String> = record.order.iter().map(ToString::to_string).collect();
    let asked = server.of_role("choose");
    assert_eq!(asked.len(), 1);
    let listed: Vec<&str> = asked[0].schema["properties"]["agent"]["enum"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(listed, shown, "it is told in the order in which the model saw it");
    let why = place.run(&["job", "why", &job.0.to_string()]).await;
    assert!(why.contains("gpt-4.1-mini") && why.contains("A river is best in three lines."), "{why}");
}

#[tokio::test]
async fn the_order_is_shuffled_job_by_job() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    let mut orders = BTreeSet::new();
    for _ in 0..40 {
        let job = place.post(verses()).await.expect("it is posted");
        let story = place.ended(job).await;
        let pick = only_attempt(&story).pick.clone().expect("a pick");
        orders.insert(pick.model.expect("a model chose").order);
        if orders.len() == 2 {
            return;
        }
    }
    panic!("forty jobs, and always {orders:?}");
}

#[tokio::test]
async fn where_there_is_nothing_to_choose_no_model_is_asked() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let pair = Pair::hire(&place).await;
    let only = JobDraft { only: vec!["sonnet".parse().expect("a name")], ..verses() };
    let alone = place.ended(place.post(only).await.expect("it is posted")).await;
    assert_eq!((state(&alone), first_agent(&alone)), (JobState::Completed, "sonnet"));
    assert_eq!((calls(&alone).len(), without(&alone).len()), (0, 0), "there is nothing to tell: {alone:#?}");

    let off = JobDraft { models: Models::Off, ..verses() };
    let off = place.ended(place.post(off).await.expect("it is posted")).await;
    assert_eq!(state(&off), JobState::Completed);
    let told = without(&off);
    assert_eq!((calls(&off).len(), told.len()), (0, 1), "{off:#?}");
    assert_eq!((told[0].0, told[0].1), (ModelRole::Choose, WithoutModel::JobSaysNo));
    let shown = place.run(&["job", "show", &off.head.id.0.to_string()]).await;
    assert!(shown.contains("the job's text may not go to one"), "{shown}");
    assert!(server.seen().is_empty(), "not a word of them went out");
    drop(pair);
}

#[tokio::test]
async fn an_operator_s_order_is_no_question_for_a_model() {
    let server = fond_of_haiku().await;
    let place = Place::open_thinking(&server, &[]).await;
    let _pair = Pair::hire(&place).await;
    place.client_pauses_engine(true).await;
    let job = place.post(verses()).await.expect("it is posted");
    let order = Order { agent: Some("sonnet".parse().expect("a name")), ..Order::of(JobAction::Reassign) };
    place.order_with(job, order).await.expect("an operator may");
    place.client_pauses_engine(false).await;
    let story = place.ended(job).await;
    assert_eq!(first_agent(&story), "sonnet", "{story:#?}");
    let pick = only_attempt(&story).pick.as_ref().expect("a pick");
    assert_eq!((pick.method, pick.model.is_none()), (PickMethod::Operator, true));
    assert!(server.of_role("choose").is_empty());
}

#[tokio::test]
async fn an_answer_that_a_model_passes_is_checked_by_a_model() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let _pair = Pair::hire(&place).await;
    let mut draft = verses_judged(&["It must mention \"heron\".", "It is about a river."]);
    draft.criteria.push(Criterion::Rule("max 40 words".to_owned()));
    let job = place.post(draft).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    assert_eq!(story.head.checked_by, Some(CheckedBy::Model));
    let findings = &only_attempt(&story).findings;
    let of =
        |index| findings.iter().find(|found| found.criterion == CriterionRef::Job(index)).expect("found");
    for index in [0, 1] {
        let found = of(index);
        assert_eq!(found.decision, Decision::Pass);
        assert_eq!(found.model.as_ref().map(ModelName::as_str), Some("gpt-4.1-mini"));
        let quote = found.quote.as_deref().expect("a quote");
        assert!(VERSES.starts_with(quote) && !quote.is_empty(), "{quote:?}");
    }
    assert!(of(2).model.is_none() && of(2).decision == Decision::Pass, "a rule is a rule: {findings:#?}");
    assert_eq!(server.of_role("judge").len(), 1, "one question for all of them");
    let said = place.run(&["job", "show", &job.0.to_string()]).await;
    assert!(said.contains("by a model"), "{said}");
}

#[tokio::test]
async fn a_failed_criterion_is_repaired_with_the_judge_s_reason_and_nothing_else() {
    let server = FakeOpenAi::start(|chat| match chat.role.as_str() {
        "judge" if chat.prompt().text_of("answer").is_some_and(|answer| answer.contains("rain")) => {
            verdict("fail", "It speaks of rain, which the client did not want.", "The rain is over")
        }
        _ => Reply::Sensible,
    })
    .await;
    let place = Place::open_thinking(&server, &[]).await;
    let poet = poet_who_repairs().await;
    place.hire_ready(&poet, "@poet", "Writes short verses about a river in spring.").await;
    let job = place.post(verses_judged(&["There is no rain in it."])).await.expect("it is posted");
    let story = place.ended(job).await;
    let poet_s = |ended| ("poet".to_owned(), ended);
    assert_eq!(endings(&story), [poet_s(EndedAs::Failed), poet_s(EndedAs::Passed)], "{story:#?}");
    assert_eq!(story.head.checked_by, Some(CheckedBy::Model));
    let repair = &poet.assigned()[1].data;
    let told = &repair["findings"][0];
    assert_eq!(told["evidence"], "It speaks of rain, which the client did not want.", "{repair:#}");
    assert_eq!(told["quote"], "The rain is over");
    let whole = repair.to_string();
    for chat in server.of_role("judge") {
        let marks = marks_of(&chat);
        assert!(marks.len() >= 2, "a delimiter and a canary: {marks:?}");
        for word in marks {
            assert!(!whole.contains(&word), "{word} is a secret of the prompt: {whole}");
        }
    }
    for words in ["[[[", "You check an answer", "canary", "Decide each criterion"] {
        assert!(!whole.contains(words), "{words:?} is the prompt's: {whole}");
    }
}

#[tokio::test]
async fn doubt_goes_to_review() {
    let table = [
        ("abstain", "One would have to ask the heron.", "", "One would have to ask the heron."),
        ("pass", "It is fine.", "Every line is a delight.", "quoted words that are not in the answer"),
        ("pass", "It is fine.", "", "without a quote"),
        ("maybe", "It is fine.", "The rain is over", "none that was asked for"),
    ];
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    for (decision, reason, quote, told) in table {
        server.next_replies_to("judge", vec![verdict(decision, reason, quote)]);
        let job = place.post(verses_judged(&["It is beautiful."])).await.expect("it is posted");
        let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
        let found = &only_attempt(&story).findings[0];
        assert_eq!(found.decision, Decision::Abstain, "{decision}: {story:#?}");
        assert!(found.evidence.contains(told), "{decision}: {}", found.evidence);
        place.until_noticed("review_wanted").await;
        place.order(job, JobAction::Accept, None).await.expect("a person decides");
        assert_eq!(place.ended(job).await.head.checked_by, Some(CheckedBy::Person));
    }
    let nobody = JobDraft { review: Review::Never, ..verses_judged(&["It is beautiful."]) };
    server.next_replies_to("judge", vec![verdict("abstain", "Who knows.", "")]);
    let job = place.post(nobody).await.expect("it is posted");
    place.until(job, is(JobState::InReview(Reviewer::Operator))).await;
}

#[tokio::test]
async fn a_job_without_criteria_is_judged_by_its_brief() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let _pair = Pair::hire(&place).await;
    let plain = JobDraft { criteria: Vec::new(), ..verses() };
    let story = place.ended(place.post(plain.clone()).await.expect("it is posted")).await;
    assert_eq!(story.head.checked_by, Some(CheckedBy::Model), "{story:#?}");
    let found = &only_attempt(&story).findings[0];
    assert_eq!((&found.criterion, found.decision), (&CriterionRef::Brief, Decision::Pass));
    assert_eq!(found.label, "the answer does what the brief asks");

    let brief = format!("{BRIEF} It must mention \"otter\".");
    let mut wanting = JobDraft { brief, ..plain };
    wanting.policy.attempts_max = 1;
    let story = place.ended(place.post(wanting).await.expect("it is posted")).await;
    assert_eq!(state(&story), JobState::Failed, "{story:#?}");
    assert_eq!(only_attempt(&story).findings[0].evidence, "The answer does not mention \"otter\".");
}

#[tokio::test]
async fn what_a_rule_failed_no_judge_sees() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &[]).await;
    let _pair = Pair::hire(&place).await;
    let mut draft = verses_judged(&["It is beautiful."]);
    draft.criteria.push(Criterion::Rule("max 3 words".to_owned()));
    let story = place.ended(place.post(draft).await.expect("it is posted")).await;
    assert_eq!(state(&story), JobState::Failed, "{story:#?}");
    assert!(server.of_role("judge").is_empty());
    assert_eq!(tells(&story, |what| matches!(what, What::Checked { .. })), 0);
}

#[tokio::test]
async fn a_second_model_is_asked_about_urgent_jobs_and_must_agree() {
    let server = FakeOpenAi::start(|chat| match (chat.role.as_str(), chat.model.as_str()) {
        ("judge", "gpt-4.1") => verdict("fail", "A heron is no otter.", "a heron stands in it"),
        ("judge", _) => verdict("pass", "All is well.", "The rain is over"),
        _ => Reply::Sensible,
    })
    .await;
    let place = Place::open_thinking(&server, &["llm_second_model=gpt-4.1", "cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    let draft = verses_judged(&["It is beautiful."]);
    let normal = place.ended(place.post(draft.clone()).await.expect("it is posted")).await;
    assert_eq!(state(&normal), JobState::Completed, "{normal:#?}");
    assert_eq!(server.of_role("judge").len(), 1, "the second is for urgent jobs");

    let urgent = JobDraft { priority: Priority::High, ..draft };
    let job = place.post(urgent).await.expect("an operator may");
    let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    let found = &only_attempt(&story).findings[0];
    assert_eq!(
        found.evidence,
        "two models disagree: the first passes it, the second fails it; a model said: A heron is no otter."
    );
    let judges = [(ModelRole::Judge, CallOutcome::Answered), (ModelRole::SecondJudge, CallOutcome::Answered)];
    assert_eq!(outcomes(&story)[1..], judges, "{story:#?}");
    place.order(job, JobAction::Accept, None).await.expect("a person decides");

    // Where the second one fails, what the first one passed is in doubt.
    server
        .next_replies_to("judge", vec![verdict("pass", "All is well.", "The rain is over"), Reply::Refusal]);
    let again = JobDraft { priority: Priority::High, ..verses_judged(&["It is beautiful."]) };
    let job = place.post(again).await.expect("an operator may");
    let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    let found = &only_attempt(&story).findings[0];
    assert!(found.evidence.starts_with("the second model could not be asked"), "{}", found.evidence);
    let report =
        place.client.call(|service, context| async move { service.judge_report(context).await }).await;
    let report = report.expect("an operator may");
    assert!(
        report.rows.iter().any(|row| row.model.as_str() == "gpt-4.1" && row.reviewed == 1),
        "{report:#?}"
    );
}
