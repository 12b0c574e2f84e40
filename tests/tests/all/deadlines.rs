//! Deadlines and cancels: what has not come in time has not come, and every agent that is at it hears of it.

use crate::cast::{Cast, WAITING, is, number_from, state, tells};
use crate::place::{Place, endings};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::time::Duration;

fn in_hours(hours: u64) -> Timestamp {
    Timestamp::now().after(Duration::from_hours(hours))
}

#[tokio::test]
async fn what_waits_at_its_deadline_expires_unless_its_answer_is_there() {
    let mut place = Place::open_public().await;
    let cast = Cast::hire(&place).await;
    let mut jobs = Vec::new();
    for wanted in WAITING {
        let draft = JobDraft { deadline: Some(in_hours(2)), ..Cast::job_for(wanted) };
        let job = place.post(draft).await.expect("it is posted");
        place.until(job, is(wanted)).await;
        jobs.push((job, wanted));
    }
    place.let_pass(3).await;
    for (job, wanted) in jobs {
        if matches!(wanted, JobState::InReview(_)) {
            assert_eq!(
                state(&place.until(job, |_| true).await),
                wanted,
                "an answer that came in time counts"
            );
            place.order(job, JobAction::Accept, None).await.expect("it is accepted");
            assert_eq!(state(&place.ended(job).await), JobState::Completed);
            continue;
        }
        let story = place.ended(job).await;
        assert_eq!(state(&story), JobState::Expired, "from {wanted:?}: {story:#?}");
        assert!(endings(&story).iter().all(|(_, ended)| *ended == EndedAs::Withdrawn), "{story:#?}");
        assert_eq!(endings(&story).len(), usize::from(wanted != JobState::Open));
    }
    place.until_noticed("job_expired").await;
    place.until_met(|| !cast.slow.got("job.canceled").is_empty()).await;
}

#[tokio::test]
async fn an_answer_that_is_being_judged_at_the_deadline_is_judged_to_the_end() {
    let mut place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&agent, "@long", "Says many numbers.").await;
    // Judging these takes a while: each runs into its bound, and a person decides.
    let rule = |number: usize| format!("output.all(a, output.all(b, a + b != {number} - 10000))");
    let draft = JobDraft {
        brief: "Say many numbers.".to_owned(),
        criteria: (0..10).map(|number| Criterion::Rule(rule(number))).collect(),
        deadline: Some(in_hours(2)),
        ..JobDraft::default()
    };
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let numbers: Vec<i32> = (0..1_000).collect();
    let (status, said) = agent.call_back(&agent.assigned()[0].clone(), json!({"output": numbers})).await;
    assert_eq!(status, 200, "{said}");
    place.let_pass(3).await;
    let story = place.until(job, |state| *state != JobState::Evaluating).await;
    assert!(matches!(state(&story), JobState::InReview(_)), "{story:#?}");
    assert_eq!(tells(&story, |what| *what == What::Expired), 0);
}

#[tokio::test]
async fn a_deadline_is_kept_to_the_second() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    let soon = Some(Timestamp::now().after(Duration::from_secs(2)));
    let mut jobs = Vec::new();
    for wanted in [JobState::Open, JobState::Assigned] {
        let draft = JobDraft { deadline: soon, ..Cast::job_for(wanted) };
        jobs.push(place.post(draft).await.expect("it is posted"));
    }
    for job in jobs {
        let story = place.ended(job).await;
        let expired = story.events.iter().find(|event| event.what == What::Expired).expect("it expired");
        let late = expired.at.0 - story.head.deadline.0;
        assert!((0..2_000).contains(&late), "{late} ms after its deadline");
    }
}

#[tokio::test]
async fn an_attempt_has_its_share_of_the_job_s_time() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(-1))).await;
    place.hire(&agent, "@wrong", "Says a number.").await;
    let mut draft = JobDraft { deadline: Some(in_hours(3)), ..number_from(&["wrong"]) };
    draft.policy.attempts_max = 2;
    let job = place.post(draft).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Failed, "{story:#?}");
    for (attempt, shares) in story.attempts.iter().zip([2, 1]) {
        let left = (story.head.deadline.0 - attempt.started_at.0) / shares;
        let given = attempt.deadline.0 - attempt.started_at.0;
        assert!((left - given).abs() < 1_000, "{given} ms of {left} ms");
    }
    let told: Vec<Option<String>> = agent.assigned().into_iter().map(|got| got.deadline).collect();
    for (told, attempt) in told.iter().zip(&story.attempts) {
        let (told, seconds) = (told.as_deref().unwrap_or_default(), attempt.deadline.to_string());
        assert_eq!(told.get(..19), seconds.get(..19), "{told}");
    }
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn whatever_has_not_ended_can_be_called_off_and_nothing_else() {
    let place = Place::open_public().await;
    let cast = Cast::hire(&place).await;
    for wanted in WAITING {
        let job = Cast::bring(&place, wanted).await;
        place.run(&["job", "cancel", &job.0.to_string(), "--reason", "it is not needed"]).await;
        let story = place.ended(job).await;
        assert_eq!(state(&story), JobState::Canceled, "from {wanted:?}");
        assert_eq!(tells(&story, |what| matches!(what, What::Canceled { reason: Some(_) })), 1);
        let again = place.order(job, JobAction::Cancel, None).await.expect_err("it has ended");
        assert!(
            again.kind == ErrorKind::Conflict && again.message.contains("the job is canceled"),
            "{again}"
        );
    }
    place.until_met(|| cast.slow.got("job.canceled").len() == 1).await;
    place.until_met(|| cast.careful.got("job.canceled").len() == 1).await;
    assert!(cast.steady.got("job.canceled").is_empty(), "it was done already");
}
