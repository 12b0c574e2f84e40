//! Many calls at once: permits, budgets, and futures that are dropped.

use super::*;
use std::sync::atomic::Ordering;

fn spawn_questions(llm: &Arc<Llm>, questions: usize) -> Vec<tokio::task::JoinHandle<Asked<u64>>> {
    let ask = |_| {
        let llm = Arc::clone(llm);
        tokio::spawn(async move { llm.ask(question(), read).await })
    };
    (0..questions).map(ask).collect()
}

fn gated(requests: usize) -> impl Iterator<Item = Plan> {
    std::iter::repeat_n(Plan::Gate, requests)
}

#[tokio::test]
async fn permits_bound_the_calls_in_flight() {
    let fake = Fake::new(gated(12)).await;
    let llm = llm(LlmSettings { calls_max: 3, ..settings(&fake) });
    let asked = spawn_questions(&llm, 12);
    fake.until_in_flight(3).await;
    assert_eq!(llm.state(Timestamp::now()).in_flight, 3);
    fake.open_gate();
    for asked in asked {
        assert_eq!(asked.await.expect("no panic").answer, Ok(1));
    }
    assert_eq!(fake.seen.in_flight_max.load(Ordering::SeqCst), 3);
    assert_eq!(llm.state(Timestamp::now()).in_flight, 0);
}

#[tokio::test]
async fn who_waits_for_a_permit_too_long_goes_on_without() {
    let fake = Fake::new([]).await;
    let patient = LlmSettings { calls_max: 1, time_limit: Duration::from_millis(300), ..settings(&fake) };
    let llm = llm(patient);
    let held = llm.permits.acquire().await.expect("nobody closes it");
    let asked = llm.ask(question(), read).await;
    assert_eq!(outcome(&asked), Some(CallOutcome::Transient));
    drop(held);
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn fifty_calls_at_once_do_not_overshoot_a_budget() {
    let fake = Fake::new([]).await;
    let limit = Micros(1500);
    let budgets = Budgets { user: Some(limit), ..Budgets::default() };
    let llm = llm(LlmSettings { calls_max: 50, budgets, ..settings(&fake) });
    let mut answered = 0;
    for asked in spawn_questions(&llm, 50) {
        let asked = asked.await.expect("no panic");
        match asked.answer {
            Ok(_) => answered += 1,
            Err(none) => {
                assert_eq!(none.without, WithoutModel::OverBudget);
                assert_eq!(asked.call.map(|call| call.outcome), Some(CallOutcome::OverBudget));
            }
        }
    }
    let state = llm.state(Timestamp::now());
    assert!(state.spent <= limit && state.set_aside == Micros(0), "{state:?}");
    assert_eq!(
        (state.spent, fake.requests()),
        (Micros(120 * answered), usize::try_from(answered).expect("few"))
    );
    assert!(answered > 0);
    let crossings = llm.crossings();
    let accounts: Vec<_> = crossings.iter().map(|crossing| (crossing.account, crossing.percent)).collect();
    assert_eq!(accounts, [(BudgetAccount::User(PAYER.user), 100)], "once, however many were refused");
}

#[tokio::test]
async fn a_budget_of_zero_calls_nothing() {
    let fake = Fake::new([]).await;
    let llm = llm(settings(&fake));
    llm.set_budgets(Budgets { day: Some(Micros(0)), ..Budgets::default() });
    assert_eq!(llm.usable(PAYER, Timestamp::now()), Err(WithoutModel::OverBudget));
    let asked = llm.ask(question(), read).await;
    assert_eq!(outcome(&asked), Some(CallOutcome::OverBudget));
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn a_job_s_tokens_are_limited() {
    let fake = Fake::new([]).await;
    let llm = llm(settings(&fake));
    let used = Question { job_tokens_used: 99_900, ..question() };
    let asked = llm.ask(used, read).await;
    assert_eq!((outcome(&asked), fake.requests()), (Some(CallOutcome::OverBudget), 0));
}

#[tokio::test]
async fn a_dropped_question_gives_back_what_it_held() {
    let fake = Fake::new(gated(2)).await;
    let llm = llm(LlmSettings { calls_max: 1, ..settings(&fake) });
    let asked = spawn_questions(&llm, 2);
    fake.until_in_flight(1).await;
    let state = llm.state(Timestamp::now());
    assert!(state.in_flight == 1 && state.set_aside > Micros(0) && state.spent == Micros(0), "{state:?}");
    // The second, which waits for a permit, is dropped first.
    for asked in asked.into_iter().rev() {
        asked.abort();
        assert!(asked.await.is_err_and(|error| error.is_cancelled()));
    }
    let state = llm.state(Timestamp::now());
    assert_eq!((state.in_flight, state.set_aside), (0, Micros(0)));
    assert!(state.spent > Micros(0), "the prompt that was sent may be paid");
    fake.open_gate();
    assert_eq!(llm.ask(question(), read).await.answer, Ok(1));
}
