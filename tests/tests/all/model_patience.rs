//! What happens to a job, and to other jobs, while a model thinks.

use crate::cast::{is, state};
use crate::place::{Place, endings};
use crate::thinking::{Pair, verses, verses_judged};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_openai::{FakeOpenAi, Fault, Reply};
use std::time::Duration;

fn by_sonnet(draft: JobDraft) -> JobDraft {
    JobDraft { only: vec!["sonnet".parse().expect("a name")], ..draft }
}

/// Waits until a call that led to nothing is accounted for.
async fn until_a_call_failed(place: &Place, times: u64) {
    loop {
        let totals = place.models().await.totals;
        if totals.iter().map(|total| total.calls).sum::<u64>() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_cancel_does_not_wait_for_a_model() {
    let server = FakeOpenAi::sensible().await;
    server.always(Reply::Fails(Fault::Hang));
    let place = Place::open_thinking(&server, &["llm_time_limit_s=3", "cache=off"]).await;
    let pair = Pair::hire(&place).await;
    let choosing = place.post(verses()).await.expect("it is posted");
    let judging = place.post(by_sonnet(verses_judged(&["It is beautiful."]))).await.expect("it is posted");
    place.until_met(|| server.of_role("choose").len() == 1 && server.of_role("judge").len() == 1).await;
    for job in [choosing, judging] {
        place.order(job, JobAction::Cancel, None).await.expect("the client may");
        let story = place.until(job, |_| true).await;
        assert_eq!(state(&story), JobState::Canceled, "at once: {story:#?}");
    }
    until_a_call_failed(&place, 2).await;
    let story = place.ended(choosing).await;
    assert!(story.attempts.is_empty() && state(&story) == JobState::Canceled, "{story:#?}");
    let story = place.ended(judging).await;
    assert_eq!(state(&story), JobState::Canceled, "{story:#?}");
    assert_eq!(endings(&story), [("sonnet".to_owned(), EndedAs::Withdrawn)], "{story:#?}");
    assert_eq!(pair.sonnet.assigned().len() + pair.haiku.assigned().len(), 1);
    // Whoever kept a place for the canceled job is free again.
    server.recover();
    let next = place.ended(place.post(by_sonnet(verses())).await.expect("it is posted")).await;
    assert_eq!(state(&next), JobState::Completed);
}

#[tokio::test]
async fn a_job_whose_time_is_up_while_a_model_chooses_expires() {
    let server = FakeOpenAi::sensible().await;
    server.always(Reply::Fails(Fault::Hang));
    let place = Place::open_thinking(&server, &["llm_time_limit_s=3", "cache=off"]).await;
    let pair = Pair::hire(&place).await;
    let job = place.post(JobDraft { within_ms: Some(1_000), ..verses() }).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Expired, "{story:#?}");
    assert!(story.attempts.is_empty() && pair.sonnet.assigned().is_empty(), "nobody is bothered: {story:#?}");
}

#[tokio::test]
async fn an_answer_in_time_is_judged_to_the_end() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off"]).await;
    let _pair = Pair::hire(&place).await;
    server.set_latency(Duration::from_millis(2_500));
    let draft = by_sonnet(verses_judged(&["It is beautiful."]));
    let job = place.post(JobDraft { within_ms: Some(2_000), ..draft }).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    let judged = story.events.last().expect("events").at;
    assert!(judged > story.head.deadline, "the model thought beyond the deadline: {story:#?}");
}

#[tokio::test]
async fn jobs_that_need_no_model_do_not_wait_for_those_that_do() {
    let server = FakeOpenAi::sensible().await;
    server.always(Reply::Fails(Fault::Hang));
    let settings = ["steps_max=2", "llm_time_limit_s=600", "cache=off"];
    let place = Place::open_thinking(&server, &settings).await;
    // One job at a time: an agent that a model thinks about is not busy.
    let _pair = Pair::hire_many(&place, 1).await;
    let mut thinking = Vec::new();
    for _ in 0..6 {
        thinking.push(place.post(verses()).await.expect("it is posted"));
    }
    place.until_met(|| server.of_role("choose").len() == 6).await;
    for _ in 0..6 {
        thinking.push(place.post(by_sonnet(verses_judged(&["It is fine."]))).await.expect("it is posted"));
    }
    place.until_met(|| server.of_role("judge").len() == 6).await;
    for _ in 0..5 {
        let story = place.ended(place.post(by_sonnet(verses())).await.expect("it is posted")).await;
        assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    }
    for job in thinking {
        place.order(job, JobAction::Cancel, None).await.expect("the client may");
        place.until(job, is(JobState::Canceled)).await;
    }
}

#[tokio::test]
async fn many_jobs_for_few_places_are_not_all_thought_about_again_and_again() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=off", "llm_budget_day=off"]).await;
    let _pair = Pair::hire_many(&place, 1).await;
    let mut jobs = Vec::new();
    for _ in 0..30 {
        jobs.push(place.post(verses()).await.expect("it is posted"));
    }
    for job in &jobs {
        let story = place.ended(*job).await;
        assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    }
    let asked = server.of_role("choose").len();
    assert!(asked <= 3 * jobs.len(), "{asked} questions about {} jobs", jobs.len());
}
