//! What models cost: counted to the token, bounded by budgets that operators set while the daemon runs, and remembered.

use crate::cast::{is, state};
use crate::place::Place;
use crate::thinking::{Pair, calls, first_agent, only_attempt, outcomes, verses, verses_judged, without};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::history::{Event, What};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::model::{
    BudgetScope, CallOutcome, Micros, ModelOrder, ModelRole, ModelSpending, WithoutModel,
};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_openai::{ChatRequest, FakeOpenAi, Reply};

/// What a model says about [`verses`]: 40 tokens, as the fake counts.
const CHOICE: &str = r#"{"agent": "@haiku", "reason": "Of the two it is the one whose texts speak of a river with more words than the brief has, and of a lake, which is water too." }"#;

/// A verdict on the first criterion of [`verses_judged`].
const VERDICT: &str = r#"{"findings": [{"criterion": 0, "decision": "pass", "reason": "It is fine.", "quote": "The rain is over"}]}"#;

/// A token of an answer costs a cent, a token of a prompt nothing; an answer has at most 100.
const DEAR: [&str; 3] = ["llm_prices=gpt-4.1-mini=0/10000", "llm_answer_tokens_max=100", "cache=off"];

/// The fake's rule of thumb.
fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(4).max(1) as u64
}

fn prompt_tokens(chat: &ChatRequest) -> u64 {
    chat.messages.iter().map(|message| tokens(&message.content)).sum()
}

async fn terse() -> FakeOpenAi {
    FakeOpenAi::start(|chat| match chat.role.as_str() {
        "choose" => Reply::Text(CHOICE.to_owned()),
        "judge" => Reply::Text(VERDICT.to_owned()),
        _ => Reply::Sensible,
    })
    .await
}

fn cents(cents: u64) -> Micros {
    Micros(cents * 10_000)
}

async fn done(place: &Place, draft: JobDraft) -> JobStory {
    place.ended(place.post(draft).await.expect("it is posted")).await
}

async fn noticed(place: &Place, kind: &str) -> usize {
    place.notices().await.iter().filter(|notice| notice.kind.to_string() == kind).count()
}

#[tokio::test]
async fn with_nothing_to_spend_no_model_is_asked_and_all_goes_on() {
    let server = terse().await;
    let place = Place::open_thinking(&server, &["llm_budget_day=0"]).await;
    let _pair = Pair::hire(&place).await;
    let chosen = done(&place, verses()).await;
    assert_eq!((state(&chosen), first_agent(&chosen)), (JobState::Completed, "sonnet"), "{chosen:#?}");
    let told = without(&chosen);
    assert_eq!((told[0].0, told[0].1), (ModelRole::Choose, WithoutModel::OverBudget));
    let job = place.post(verses_judged(&["It is fine."])).await.expect("it is posted");
    let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    let found = &only_attempt(&story).findings[0];
    assert_eq!(found.decision, Decision::Abstain);
    assert_eq!(found.evidence, "not judged by a model: the budget is spent");
    let shown = place.run(&["job", "show", &job.0.to_string()]).await;
    assert!(shown.contains("the budget is spent"), "{shown}");
    let status = place.models().await;
    assert_eq!((status.budgets.day, status.spent), (Some(Micros(0)), Micros(0)));
    let count = |role| status.without.iter().filter(|row| row.0 == role).map(|row| row.2).sum::<u64>();
    assert_eq!((count(ModelRole::Choose), count(ModelRole::Judge)), (2, 1), "{status:#?}");
    assert!(server.seen().is_empty());
    assert_eq!(
        noticed(&place, "budget_spent").await + noticed(&place, "budget_low").await,
        0,
        "it is a switch"
    );
}

#[tokio::test]
async fn operators_hear_once_that_a_budget_is_nearly_spent_and_once_that_it_is() {
    for scope in ["day", "user"] {
        let server = terse().await;
        let budget = format!("llm_budget_{scope}=3");
        let place = Place::open_thinking(&server, &[&DEAR[..], &[&budget]].concat()).await;
        let _pair = Pair::hire(&place).await;
        let cost = cents(tokens(CHOICE));
        assert_eq!(cost, cents(40), "six of these are 80 % of 3 dollars");
        for number in 1..=6 {
            assert_eq!(noticed(&place, "budget_low").await, 0, "{scope}: {number}");
            let story = done(&place, verses()).await;
            assert_eq!(outcomes(&story), [(ModelRole::Choose, CallOutcome::Answered)], "{scope}: {story:#?}");
            assert_eq!(first_agent(&story), "haiku");
        }
        place.until_noticed("budget_low").await;
        assert_eq!(noticed(&place, "budget_spent").await, 0);
        // The next one may cost a dollar, and 60 cents are left.
        for _ in 0..3 {
            let story = done(&place, verses()).await;
            assert_eq!((state(&story), first_agent(&story)), (JobState::Completed, "sonnet"), "{story:#?}");
            let told = without(&story);
            assert_eq!((told[0].0, told[0].1), (ModelRole::Choose, WithoutModel::OverBudget), "{told:?}");
            let whose = if scope == "day" { "of the day" } else { "of the user for today" };
            assert_eq!(told[0].2, format!("the budget is spent: that {whose}"));
        }
        let spent = place.until_noticed("budget_spent").await;
        assert!(spent.job.is_none(), "{spent:?}");
        assert_eq!((noticed(&place, "budget_low").await, noticed(&place, "budget_spent").await), (1, 1));
        let status = place.models().await;
        assert_eq!(status.spent, cents(240), "{scope}: {status:#?}");
        assert_eq!(status.users.iter().map(|(_, spent)| *spent).collect::<Vec<_>>(), [cents(240)]);
        let reached = |event: &Event| {
            let What::BudgetReached { scope, percent, .. } = &event.what else { return None };
            Some((scope.name(), *percent))
        };
        let reached: Vec<_> = place.system_events().await.iter().filter_map(reached).collect();
        assert_eq!(reached, [(scope, 80), (scope, 100)]);
        assert_eq!(server.seen().len(), 6);
    }
}

#[tokio::test]
async fn what_was_spent_is_not_forgotten_over_a_restart() {
    let server = terse().await;
    let mut place = Place::open_thinking(&server, &[&DEAR[..], &["llm_budget_day=2"]].concat()).await;
    let _pair = Pair::hire(&place).await;
    for _ in 0..3 {
        done(&place, verses()).await;
    }
    let before = place.models().await;
    assert_eq!(before.spent, cents(120));
    place.kill().await;
    place.start().await;
    let after = place.models().await;
    assert_eq!((after.spent, after.tokens), (before.spent, before.tokens));
    assert_eq!((after.users, after.totals), (before.users, before.totals));
    let story = done(&place, verses()).await;
    assert_eq!(
        outcomes(&story),
        [(ModelRole::Choose, CallOutcome::OverBudget)],
        "80 cents are left: {story:#?}"
    );
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn operators_switch_models_and_set_budgets_without_a_restart_and_for_good() {
    let server = terse().await;
    let mut place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    assert!(!place.order_models(ModelOrder::Off).await.on);
    let off = done(&place, verses()).await;
    assert_eq!(without(&off)[0].1, WithoutModel::SwitchedOff, "{off:#?}");
    place.kill().await;
    place.start().await;
    assert!(!place.models().await.on, "it stays off");
    let off = done(&place, verses()).await;
    assert_eq!(without(&off)[0].1, WithoutModel::SwitchedOff, "{off:#?}");
    assert!(server.seen().is_empty());

    assert!(place.order_models(ModelOrder::On).await.on);
    let on = done(&place, verses()).await;
    assert_eq!(outcomes(&on), [(ModelRole::Choose, CallOutcome::Answered)], "{on:#?}");
    let order = |limit| ModelOrder::Budget { scope: BudgetScope::User, limit };
    assert_eq!(place.order_models(order(Some(Micros(0)))).await.budgets.user, Some(Micros(0)));
    let poor = done(&place, verses()).await;
    assert_eq!(without(&poor)[0].1, WithoutModel::OverBudget, "{poor:#?}");
    place.kill().await;
    place.start().await;
    let budgets = place.models().await.budgets;
    assert_eq!((budgets.user, budgets.day), (Some(Micros(0)), Some(Micros(5_000_000))), "{budgets:?}");
    place.order_models(order(None)).await;
    let rich = done(&place, verses()).await;
    assert_eq!(outcomes(&rich), [(ModelRole::Choose, CallOutcome::Answered)], "{rich:#?}");

    let said = |event: &Event| {
        if let What::ModelsSwitched { on, .. } = &event.what {
            return Some(format!("on: {on}"));
        }
        let What::BudgetSet { scope, limit, .. } = &event.what else { return None };
        Some(format!("{}: {limit:?}", scope.name()))
    };
    let said: Vec<String> = place.system_events().await.iter().filter_map(said).collect();
    assert_eq!(said, ["on: false", "on: true", "user: Some(Micros(0))", "user: None"]);
}

#[tokio::test]
async fn what_a_job_cost_is_right_to_the_token() {
    let server = terse().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    let (mut all, mut asked) = (ModelSpending::default(), 0);
    let refused = tokens("");
    for answers in [[tokens(CHOICE), tokens(VERDICT)], [refused, tokens(VERDICT)], [tokens(CHOICE), refused]]
    {
        let reply = |answer: u64| if answer == refused { vec![Reply::Refusal] } else { Vec::new() };
        server.next_replies_to("choose", reply(answers[0]));
        server.next_replies_to("judge", reply(answers[1]));
        let job = place.post(verses_judged(&["It is fine."])).await.expect("it is posted");
        let there = |state: &JobState| state.is_terminal() || matches!(state, JobState::InReview(_));
        let story = place.until(job, there).await;
        let seen = server.seen();
        let chats = &seen[asked..];
        asked = seen.len();
        let read: Vec<u64> = chats.iter().map(prompt_tokens).collect();
        let told: Vec<(u64, u64)> = calls(&story)
            .iter()
            .map(|call| (u64::from(call.tokens_in), u64::from(call.tokens_out)))
            .collect();
        assert_eq!(told, [(read[0], answers[0]), (read[1], answers[1])], "{story:#?}");
        // The usual prices: 0.40 and 1.60 dollars for a million, each call rounded up.
        let price = |(read, written): &(u64, u64)| (read * 400_000 + written * 1_600_000).div_ceil(1_000_000);
        let cost = Micros(told.iter().map(price).sum());
        let expected =
            ModelSpending { calls: 2, tokens_in: read.iter().sum(), tokens_out: answers.iter().sum(), cost };
        assert_eq!(story.spent, expected, "{story:#?}");
        let shown = place.run(&["job", "show", &job.0.to_string()]).await;
        assert!(shown.contains(&cost.to_string()), "{cost}: {shown}");
        all = ModelSpending {
            calls: all.calls + 2,
            tokens_in: all.tokens_in + expected.tokens_in,
            tokens_out: all.tokens_out + expected.tokens_out,
            cost: all.cost.plus(cost),
        };
    }
    let status = place.models().await;
    let sum = |field: fn(&guildhall_protocol::model::ModelTotal) -> u64| {
        status.totals.iter().map(field).sum::<u64>()
    };
    assert_eq!(sum(|total| total.calls), all.calls, "{status:#?}");
    assert_eq!(
        (sum(|total| total.tokens_in), sum(|total| total.tokens_out)),
        (all.tokens_in, all.tokens_out)
    );
    assert_eq!((sum(|total| total.cost.0), status.spent.0), (all.cost.0, all.cost.0));
    assert_eq!(status.tokens, all.tokens_in + all.tokens_out);
}

#[tokio::test]
async fn a_job_has_so_many_tokens_and_no_more() {
    let server = terse().await;
    let settings = ["llm_job_tokens_max=1300", "llm_answer_tokens_max=100", "cache=off"];
    let place = Place::open_thinking(&server, &settings).await;
    let _pair = Pair::hire(&place).await;
    let mut draft = verses_judged(&["It is fine."]);
    draft.criteria.push(Criterion::Rule("max 40 words".to_owned()));
    let job = place.post(draft).await.expect("it is posted");
    let story = place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    let expected = [(ModelRole::Choose, CallOutcome::Answered), (ModelRole::Judge, CallOutcome::OverBudget)];
    assert_eq!(outcomes(&story), expected, "{story:#?}");
    let told = without(&story);
    assert!(told[0].2.contains("the tokens of a job"), "{told:?}");
    let found = &only_attempt(&story).findings;
    assert!(found.iter().any(|found| found.evidence.contains("the tokens of a job")), "{found:#?}");
    assert_eq!(server.seen().len(), 1);
    place.order(job, JobAction::Accept, None).await.expect("a person decides");
    let other = done(&place, verses()).await;
    assert_eq!(outcomes(&other), [(ModelRole::Choose, CallOutcome::Answered)], "another job has its own");
}
