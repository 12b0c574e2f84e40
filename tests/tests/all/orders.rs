//! What clients and operators order about jobs: each order does what it says, once, and tells who and why.

use crate::cast::{Cast, is, number_from, state, tells};
use crate::place::{Place, endings};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::job::{JobDraft, Priority};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, HeldWhy, JobState};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{JobStory, Order};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

/// Who did this, if it happened once.
fn by(story: &JobStory, what: impl Fn(&What) -> bool) -> Option<Actor> {
    let mut told = story.events.iter().filter(|event| what(&event.what)).map(|event| event.by);
    told.next().filter(|_| told.next().is_none())
}

fn by_a_person(story: &JobStory, what: impl Fn(&What) -> bool) -> bool {
    matches!(by(story, what), Some(Actor::User(_)))
}

#[tokio::test]
async fn more_time_another_class_and_no_such_agent() {
    let place = Place::open().await;
    let cast = Cast::hire(&place).await;
    place.client_pauses_engine(true).await;
    let job = place.post(number_from(&["steady", "slow"])).await.expect("it is posted");
    let number = job.0.to_string();
    let before = Timestamp::now();
    place.run(&["job", "extend", &number, "20d", "--reason", "there is no hurry"]).await;
    place.run(&["job", "prioritize", &number, "high", "--reason", "the boss asks"]).await;
    place.run(&["job", "exclude", &number, "@slow", "--reason", "it is slow"]).await;
    let story = place.until_story(job, |story| !story.excluded.is_empty()).await;
    assert!(story.head.deadline.0 >= before.0 + 20 * 86_400_000, "{story:#?}");
    assert_eq!(story.head.priority.to_string(), "high");
    assert!(by_a_person(&story, |what| matches!(what, What::Extended { reason: Some(_), .. })));
    assert!(by_a_person(&story, |what| matches!(what, What::Prioritized { reason: Some(_), .. })));
    assert!(by_a_person(&story, |what| matches!(what, What::Excluded { reason: Some(_), .. })));
    place.client_pauses_engine(false).await;
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("steady".to_owned(), EndedAs::Passed)], "{story:#?}");
    assert!(cast.slow.assigned().is_empty());
}

#[tokio::test]
async fn a_higher_class_goes_first() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    let mut definition = agent.definition("@one-hand", "Says a number.");
    definition.caps.concurrency = 1;
    place.hire_as(&agent, definition).await;
    let mut jobs = Vec::new();
    for waits in [false, true, true, true] {
        let job = place.post(number_from(&["one-hand"])).await.expect("it is posted");
        let there = |story: &JobStory| {
            story.waiting.is_some() == waits && (waits || state(story) == JobState::Working)
        };
        place.until_story(job, there).await;
        jobs.push(job);
    }
    place.run(&["job", "prioritize", &jobs[1].0.to_string(), "low"]).await;
    place.run(&["job", "prioritize", &jobs[3].0.to_string(), "high"]).await;
    for done in 0..4 {
        place.until_met(|| agent.assigned().len() > done).await;
        let delivery = agent.assigned()[done].clone();
        assert_eq!(agent.call_back(&delivery, json!({"output": 1})).await.0, 200);
    }
    let order: Vec<i64> = agent.assigned().iter().filter_map(|got| got.data["job"].as_i64()).collect();
    assert_eq!(order, [jobs[0].0, jobs[3].0, jobs[2].0, jobs[1].0]);
}

#[tokio::test]
async fn a_job_is_taken_from_its_agent() {
    let place = Place::open_public().await;
    let cast = Cast::hire(&place).await;
    let states = [
        JobState::Assigned,
        JobState::Working,
        JobState::InputRequired(Asker::Agent),
        JobState::Held(HeldWhy::Unclear),
    ];
    for wanted in states {
        for to in [None, Some("@steady")] {
            let first = Cast::agent_for(wanted);
            place.client_pauses_engine(true).await;
            let mut draft = Cast::job_for(wanted);
            draft.only.push("steady".parse().expect("a name"));
            let job = place.post(draft).await.expect("it is posted");
            let number = job.0.to_string();
            place.run(&["job", "reassign", &number, "--to", &format!("@{first}")]).await;
            place.client_pauses_engine(false).await;
            place.until(job, is(wanted)).await;
            let mut order = vec!["job", "reassign", &number, "--reason", "it takes too long"];
            order.extend(to.into_iter().flat_map(|to| ["--to", to]));
            place.run(&order).await;
            let story = place.ended(job).await;
            let expected = [(first.to_owned(), EndedAs::Withdrawn), ("steady".to_owned(), EndedAs::Passed)];
            assert_eq!(endings(&story), expected, "from {wanted:?} to {to:?}: {story:#?}");
            assert_eq!(tells(&story, |what| matches!(what, What::Reassigned { .. })), 2);
            let why = |what: &What| matches!(what, What::Reassigned { reason: Some(_), .. });
            assert!(by_a_person(&story, why), "{story:#?}");
        }
    }
    place.until_met(|| cast.slow.got("job.canceled").len() >= 2).await;
    let told = cast.slow.got("job.canceled");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(cast.steady.assigned().len(), 8);
}

#[tokio::test]
async fn an_operator_ends_what_is_held_or_sends_it_once_more() {
    let place = Place::open().await;
    let cast = Cast::hire(&place).await;
    let given_up = Cast::bring(&place, JobState::Held(HeldWhy::Unclear)).await;
    place.run(&["job", "give-up", &given_up.0.to_string(), "--reason", "nobody knows"]).await;
    let story = place.ended(given_up).await;
    assert_eq!(state(&story), JobState::Failed);
    assert_eq!(endings(&story), [("careful".to_owned(), EndedAs::Withdrawn)]);
    assert!(by_a_person(&story, |what| matches!(what, What::Released { reason: Some(_) })), "{story:#?}");
    place.until_noticed("job_failed").await;

    let resent = Cast::bring(&place, JobState::Held(HeldWhy::Unclear)).await;
    place.until_noticed("operator_needed").await;
    place.run(&["job", "resend", &resent.0.to_string(), "--reason", "it did nothing"]).await;
    let story = place.ended(resent).await;
    assert_eq!(endings(&story), [("careful".to_owned(), EndedAs::Passed)], "{story:#?}");
    let ids: Vec<String> = cast.careful.assigned().into_iter().map(|delivery| delivery.id).collect();
    assert!(ids.len() == 3 && ids[1] == ids[2], "the same delivery: {ids:?}");
    assert!(by_a_person(&story, |what| matches!(what, What::Released { reason: Some(_) })), "{story:#?}");
}

#[tokio::test]
async fn a_paused_engine_stays_paused_over_a_restart() {
    let mut place = Place::open_public().await;
    let cast = Cast::hire(&place).await;
    let running = Cast::bring(&place, JobState::Working).await;
    place.run(&["engine", "pause", "--reason", "a new disk"]).await;
    let waiting = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.kill().await;
    place.start().await;
    assert!(place.status().await.expect("it answers").paused);
    let delivery = cast.slow.assigned()[0].clone();
    assert_eq!(cast.slow.call_back(&delivery, json!({"output": 4})).await.0, 200);
    assert_eq!(state(&place.ended(running).await), JobState::Completed, "what runs is finished");
    let resumed = Timestamp::now();
    place.run(&["engine", "resume"]).await;
    let story = place.ended(waiting).await;
    let assigned = story.events.iter().find(|event| matches!(event.what, What::Assigned { .. }));
    assert!(assigned.is_some_and(|event| event.at >= resumed), "{story:#?}");
}

#[tokio::test]
async fn an_order_that_does_not_fit_is_told_what_does() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    let text = Some("Because.");
    let open = Cast::bring(&place, JobState::Open).await;
    let held = Cast::bring(&place, JobState::Held(HeldWhy::Unclear)).await;
    let done = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(done).await;
    let table = [
        (
            open,
            "waiting for an agent",
            "retry",
            &[
                JobAction::Accept,
                JobAction::RequestChanges,
                JobAction::Dispute,
                JobAction::Reply,
                JobAction::Resend,
                JobAction::GiveUp,
                JobAction::Again,
                JobAction::Complain,
            ][..],
        ),
        (
            held,
            "held for an operator",
            "give-up",
            &[JobAction::Accept, JobAction::Dispute, JobAction::Reply, JobAction::Retry, JobAction::Again][..],
        ),
        (
            done,
            "completed",
            "again",
            &[
                JobAction::Accept,
                JobAction::Cancel,
                JobAction::Extend,
                JobAction::Exclude,
                JobAction::Prioritize,
                JobAction::Reassign,
                JobAction::Resend,
            ][..],
        ),
    ];
    for (job, state, allowed, actions) in table {
        let before = place.until(job, |_| true).await.head.epoch;
        for action in actions {
            let refused = place.order(job, *action, text).await.expect_err("it does not fit");
            assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
            assert!(
                refused.to_string().contains(state) && refused.message.contains(action.name()),
                "{refused}"
            );
            assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains(allowed)), "{refused}");
        }
        assert_eq!(place.until(job, |_| true).await.head.epoch, before, "nothing happened");
    }
    let (code, _, complaint) = place.guildhall(&["job", "cancel", &done.0.to_string()]).await;
    assert!(code == 4 && complaint.contains("the job is completed"), "{code} {complaint}");
}

#[tokio::test]
async fn an_order_for_what_is_past_is_refused_and_one_order_happens_once() {
    let place = Place::open_public().await;
    let _cast = Cast::hire(&place).await;
    let job = Cast::bring(&place, JobState::Working).await;
    let number = job.0.to_string();
    let seen = place.until(job, |_| true).await.head.epoch;
    let stale = Order { epoch: Some(seen - 1), ..Order::of(JobAction::Cancel) };
    let refused = place.order_with(job, stale).await.expect_err("somebody was faster");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
    assert_eq!(state(&place.until(job, |_| true).await), JobState::Working);

    for _ in 0..2 {
        place.run(&["job", "prioritize", &number, "high", "--key", "once"]).await;
    }
    let story = place.until(job, |_| true).await;
    assert_eq!(tells(&story, |what| matches!(what, What::Prioritized { .. })), 1);
    let (code, _, complaint) = place.guildhall(&["job", "prioritize", &number, "low", "--key", "once"]).await;
    assert_eq!(code, 4, "{complaint}");

    let fresh = Order { epoch: Some(story.head.epoch), ..Order::of(JobAction::Cancel) };
    place.order_with(job, fresh).await.expect("it is canceled");
    let told = place.run(&["job", "again", &number, "--key", "twice"]).await;
    let follows = format!("job #{} follows job #{number}", job.0 + 1);
    assert!(told.starts_with(&follows), "{told}");
    let told = place.run(&["job", "again", &number, "--key", "twice"]).await;
    assert!(told.starts_with(&follows), "one new job: {told}");
}

#[tokio::test]
async fn after_a_pause_a_higher_class_goes_first() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    let mut definition = agent.definition("@one-hand", "Says a number.");
    definition.caps.concurrency = 1;
    place.hire_as(&agent, definition).await;
    place.until_agent("one-hand", AgentState::Active).await;
    for round in 0..10 {
        place.client_pauses_engine(true).await;
        let mut jobs = Vec::new();
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            let draft = JobDraft { priority, ..number_from(&["one-hand"]) };
            jobs.push(place.post(draft).await.expect("it is posted"));
        }
        place.client_pauses_engine(false).await;
        for done in 0..3 {
            place.until_met(|| agent.assigned().len() > 3 * round + done).await;
            let delivery = agent.assigned()[3 * round + done].clone();
            assert_eq!(agent.call_back(&delivery, json!({"output": 1})).await.0, 200);
        }
        let order: Vec<i64> = agent.assigned().iter().filter_map(|got| got.data["job"].as_i64()).collect();
        assert_eq!(order[3 * round..], [jobs[2].0, jobs[1].0, jobs[0].0], "round {round}");
    }
}
