//! People judge: reviews, disputes, silence, complaints and contests, and what they change in an agent's record.

use crate::cast::{is, number_from, state, tells};
use crate::notices::webhook;
use crate::place::{Place, endings};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{CheckedBy, EndedAs};
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{Criterion, JobDraft, Review};
use guildhall_protocol::notice::NoticeView;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

const BY_CLIENT: JobState = JobState::InReview(Reviewer::Client);
const BY_OPERATOR: JobState = JobState::InReview(Reviewer::Operator);

/// A place with an agent that says how many findings it got, plus one.
async fn with_agent() -> (Place, FakeAgent) {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| {
        let findings = delivery.data["findings"].as_array().map_or(0, Vec::len);
        Answer::Output(json!(findings + 1))
    })
    .await;
    place.hire(&agent, "@ada", "Says a number.").await;
    (place, agent)
}

fn reviewed() -> JobDraft {
    JobDraft { review: Review::Always, ..number_from(&["ada"]) }
}

/// Nobody but a person can decide whether it is well done.
fn doubtful() -> JobDraft {
    JobDraft {
        criteria: vec![Criterion::Judge("It is a beautiful number.".to_owned())],
        ..number_from(&["ada"])
    }
}

async fn in_review(place: &Place, draft: JobDraft) -> JobId {
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, |state| matches!(state, JobState::InReview(_))).await;
    job
}

#[tokio::test]
async fn who_looks_at_an_answer() {
    let (place, _agent) = with_agent().await;
    let table = [
        (Review::Never, false, JobState::Completed),
        (Review::Never, true, BY_OPERATOR),
        (Review::Always, false, BY_CLIENT),
        (Review::Always, true, BY_CLIENT),
        (Review::OnAbstain, false, JobState::Completed),
        (Review::OnAbstain, true, BY_CLIENT),
    ];
    for (review, doubt, expected) in table {
        let draft = if doubt { doubtful() } else { number_from(&["ada"]) };
        let job = place.post(JobDraft { review, ..draft }).await.expect("it is posted");
        let looked_at = |state: &JobState| state.is_terminal() || matches!(state, JobState::InReview(_));
        let story = place.until(job, looked_at).await;
        assert_eq!(state(&story), expected, "{review:?}, {doubt}");
        if expected == JobState::Completed {
            assert_eq!(story.head.checked_by, Some(CheckedBy::Rules));
            continue;
        }
        place.run(&["job", "decide", &job.0.to_string(), "accept"]).await;
        let story = place.ended(job).await;
        assert_eq!((state(&story), story.head.checked_by), (JobState::Completed, Some(CheckedBy::Person)));
    }
}

#[tokio::test]
async fn an_operator_decides_a_dispute() {
    let (place, agent) = with_agent().await;
    for (verdict, expected) in
        [("accept", JobState::Completed), ("redo", BY_CLIENT), ("cancel", JobState::Canceled)]
    {
        let job = in_review(&place, reviewed()).await;
        let number = job.0.to_string();
        place.run(&["job", "dispute", &number, "--reason", "It is too small."]).await;
        let story = place.until(job, is(BY_OPERATOR)).await;
        assert_eq!(tells(&story, |what| matches!(what, What::Disputed { .. })), 1);
        place.run(&["job", "decide", &number, verdict, "--reason", "Say a larger one."]).await;
        let story = place.until(job, is(expected)).await;
        if verdict == "redo" {
            let newest = agent.assigned().pop().expect("it got it again");
            assert!(newest.data["findings"].to_string().contains("Say a larger one."), "{:?}", newest.data);
            assert_eq!(endings(&story), [("ada".to_owned(), EndedAs::Failed)]);
            place.order(job, JobAction::Accept, None).await.expect("the client decides again");
            place.ended(job).await;
        }
    }
    let notices = place.notices().await;
    let is_done = |notice: &NoticeView| notice.kind.to_string() == "job_completed";
    assert!(!notices.iter().any(is_done), "who decides about their own job knows it: {notices:#?}");
}

#[tokio::test]
async fn silence_accepts_after_two_reminders_and_counts_for_nobody() {
    let (mut place, _agent) = with_agent().await;
    place.give_away("@ada").await;
    let job = in_review(&place, reviewed()).await;
    told_of(&place, "review_wanted", 1).await;
    place.let_pass(35).await;
    assert_eq!(reminders(&place).await, 0);
    place.let_pass(2).await;
    told_of(&place, "reminder", 1).await;
    place.let_pass(32).await;
    assert_eq!(reminders(&place).await, 1);
    place.let_pass(2).await;
    told_of(&place, "reminder", 2).await;
    assert_eq!(state(&place.until(job, |_| true).await), BY_CLIENT);
    place.let_pass(2).await;
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed);
    assert_eq!(story.head.checked_by, Some(CheckedBy::Nobody), "it is said that nobody looked");
    assert_eq!(tells(&story, |what| matches!(what, What::WindowPassed { reviewer: Reviewer::Client })), 1);
    let record = place.agent("ada").await.head.record;
    assert_eq!((record.passed, record.failed), (0, 0), "silence is no verdict");
}

/// Waits until so many notices of a kind were taken by their channel.
async fn told_of(place: &Place, kind: &str, count: usize) {
    let taken = |notice: &&NoticeView| notice.kind.to_string() == kind && notice.acknowledged_at.is_some();
    place.until_notices(|notices| notices.iter().filter(taken).count() >= count).await;
}

async fn reminders(place: &Place) -> usize {
    place.notices().await.iter().filter(|notice| notice.kind.to_string() == "reminder").count()
}

#[tokio::test]
async fn a_doubtful_answer_passes_to_operators_and_ends_unjudged() {
    let (mut place, _agent) = with_agent().await;
    let job = in_review(&place, doubtful()).await;
    told_of(&place, "review_wanted", 1).await;
    place.let_pass(73).await;
    place.until(job, is(BY_OPERATOR)).await;
    told_of(&place, "review_wanted", 2).await;
    place.let_pass(73).await;
    let story = place.ended(job).await;
    assert_eq!((state(&story), story.head.checked_by), (JobState::Completed, Some(CheckedBy::Nobody)));
    assert_eq!(tells(&story, |what| matches!(what, What::WindowPassed { .. })), 2, "{story:#?}");
}

#[tokio::test]
async fn a_window_begins_when_the_request_was_taken() {
    let (mut place, _agent) = with_agent().await;
    place.give_away("@ada").await;
    let hook = webhook(&place).await;
    hook.answer(500);
    let job = in_review(&place, reviewed()).await;
    place.until_met(|| !hook.of_kind("review_wanted").is_empty()).await;
    place.let_pass(20).await;
    hook.answer(200);
    place.let_pass(1).await;
    told_of(&place, "review_wanted", 1).await;
    place.let_pass(60).await;
    place.until_story(job, |story| story.head.window_ends_at.is_some_and(|end| end > Timestamp::now())).await;
    assert_eq!(
        state(&place.until(job, |_| true).await),
        BY_CLIENT,
        "81 hours after the answer, 60 after it was told"
    );
    place.let_pass(13).await;
    let story = place.ended(job).await;
    assert_eq!((state(&story), story.head.checked_by), (JobState::Completed, Some(CheckedBy::Nobody)));
}

#[tokio::test]
async fn who_was_never_told_has_not_been_silent() {
    let (mut place, _agent) = with_agent().await;
    place.give_away("@ada").await;
    let hook = webhook(&place).await;
    hook.answer(500);
    let job = in_review(&place, reviewed()).await;
    place.until_met(|| !hook.of_kind("review_wanted").is_empty()).await;
    place.let_pass(73).await;
    place.until(job, is(BY_OPERATOR)).await;
    place.run(&["job", "decide", &job.0.to_string(), "accept"]).await;
    assert_eq!(place.ended(job).await.head.checked_by, Some(CheckedBy::Person));
}

#[tokio::test]
async fn a_complaint_that_is_right_corrects_the_record_and_leaves_the_job() {
    let (mut place, _agent) = with_agent().await;
    place.give_away("@ada").await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let job = place.post(number_from(&["ada"])).await.expect("it is posted");
        place.ended(job).await;
        jobs.push(job);
    }
    assert_eq!(place.agent("ada").await.head.record.passed, 3);
    for (job, verdict, record) in [(jobs[0], "reject", (3, 0)), (jobs[1], "uphold", (2, 1))] {
        let number = job.0.to_string();
        place.run(&["job", "complain", &number, "--reason", "It is not a nice number."]).await;
        let again =
            place.order(job, JobAction::Complain, Some("Once more.")).await.expect_err("once is enough");
        assert_eq!(again.kind, ErrorKind::Conflict, "{again}");
        assert!(place.run(&["inbox"]).await.contains("It is not a nice number."));
        place.until_noticed("appeal_made").await;
        place.run(&["job", "decide", &number, verdict, "--reason", "I looked."]).await;
        place.until_noticed("appeal_decided").await;
        let story = place.until(job, |_| true).await;
        assert_eq!(state(&story), JobState::Completed, "it stays as it ended");
        assert_eq!(story.appeals[0].upheld, Some(verdict == "uphold"));
        let kept = place.agent("ada").await.head.record;
        assert_eq!((kept.passed, kept.failed), record, "{verdict}");
        let nothing = place.order(job, JobAction::Uphold, None).await.expect_err("it is decided");
        assert_eq!(nothing.kind, ErrorKind::Conflict, "{nothing}");
    }
    place.let_pass(24 * 7 + 1).await;
    let late = place.order(jobs[2], JobAction::Complain, Some("Only now.")).await.expect_err("too late");
    assert_eq!(late.kind, ErrorKind::Conflict, "{late}");
    place.hand_over(jobs[2]).await;
    let others = place.order(jobs[2], JobAction::Complain, Some("Mine?")).await.expect_err("not theirs");
    assert_eq!(others.kind, ErrorKind::Forbidden, "{others}");
    let kept = place.agent("ada").await.head.record;
    assert_eq!((kept.passed, kept.failed), (2, 1), "the record is the same after a restart");
}

#[tokio::test]
async fn an_owner_contests_a_finding_once_and_in_time() {
    let (mut place, _agent) = with_agent().await;
    place.client_pauses_engine(true).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let mut draft = number_from(&["ada"]);
        draft.criteria = vec![Criterion::Rule("output > 100".to_owned())];
        draft.policy.attempts_max = 1;
        let job = place.post(draft).await.expect("it is posted");
        // What counts is done for somebody else.
        place.hand_over(job).await;
        jobs.push(job);
    }
    place.client_pauses_engine(false).await;
    for job in &jobs {
        assert_eq!(state(&place.ended(*job).await), JobState::Failed);
    }
    assert_eq!(place.agent("ada").await.head.record.failed, 3);
    for (job, verdict, record) in [(jobs[0], "reject", (0, 3)), (jobs[1], "uphold", (1, 2))] {
        let number = job.0.to_string();
        let before = place.until(job, |_| true).await.head.state;
        place.run(&["job", "contest", &number, "--reason", "One is a fine number."]).await;
        let story = place.until(job, |_| true).await;
        assert_eq!((story.appeals.len(), story.appeals[0].kind), (1, AppealKind::Contest));
        let again =
            place.order(job, JobAction::Contest, Some("Once more.")).await.expect_err("once per attempt");
        assert_eq!(again.kind, ErrorKind::Conflict, "{again}");
        place.run(&["job", "decide", &number, verdict]).await;
        assert_eq!(place.until(job, |_| true).await.head.state, before, "the job stays as it ended");
        let kept = place.agent("ada").await.head.record;
        assert_eq!((kept.passed, kept.failed), record, "{verdict}");
    }
    place.let_pass(24 * 7 + 1).await;
    let late = place.order(jobs[2], JobAction::Contest, Some("Only now.")).await.expect_err("too late");
    assert_eq!(late.kind, ErrorKind::Conflict, "{late}");
    place.give_away("@ada").await;
    let others = place.order(jobs[2], JobAction::Contest, Some("Mine?")).await.expect_err("not theirs");
    assert_eq!(others.kind, ErrorKind::Forbidden, "{others}");
}

#[tokio::test]
async fn an_owner_contests_although_the_job_is_not_theirs_to_see() {
    let (mut place, _agent) = with_agent().await;
    let mut draft = number_from(&["ada"]);
    draft.criteria = vec![Criterion::Rule("output > 100".to_owned())];
    draft.policy.attempts_max = 1;
    let job = place.post(draft).await.expect("it is posted");
    place.ended(job).await;
    let number = job.0.to_string();
    let contest = ["job", "contest", &number, "--reason", "One is a fine number."];
    let Some((code, ..)) = place.guildhall_as_stranger(&contest).await else { return };
    assert_eq!(code, 3, "to everybody else there is no such job");
    place.give_to_stranger("@ada").await;
    let (code, told, complaint) = place.guildhall_as_stranger(&contest).await.expect("it runs");
    assert_eq!(code, 0, "{told}{complaint}");
    assert_eq!(place.guildhall_as_stranger(&["job", "show", &number]).await.expect("it runs").0, 3);
    let cancel = place.guildhall_as_stranger(&["job", "cancel", &number]).await.expect("it runs");
    assert_eq!(cancel.0, 6, "{cancel:?}");
    place.run(&["job", "decide", &number, "uphold"]).await;
    assert_eq!(place.until(job, |_| true).await.appeals[0].upheld, Some(true));
}

#[tokio::test]
async fn what_was_not_good_is_posted_again_for_somebody_else_with_what_was_wrong() {
    let (place, ada) = with_agent().await;
    let job = place.post(number_from(&["ada"])).await.expect("it is posted");
    place.ended(job).await;
    let told = place.run(&["job", "again", &job.0.to_string(), "--reason", "It must be larger."]).await;
    assert!(told.contains(&format!("follows job {job};")), "{told}");
    let again = JobId(job.0 + 1);
    place.ended(again).await;
    let delivery = ada.assigned().pop().expect("it got it");
    assert_eq!(delivery.data["job"], again.0);
    assert!(delivery.data["findings"].to_string().contains("It must be larger."), "{:?}", delivery.data);

    let other = FakeAgent::start(|_| Answer::Output(json!(1_000))).await;
    place.hire(&other, "@bob", "Says a number.").await;
    let mut draft = number_from(&["ada", "bob"]);
    draft.criteria = vec![Criterion::Rule("output > 100".to_owned())];
    draft.policy.attempts_max = 1;
    let mut failed = Vec::new();
    // Whoever is picked first: until it was the one that fails.
    while failed.is_empty() {
        let job = place.post(draft.clone()).await.expect("it is posted");
        if endings(&place.ended(job).await) == [("ada".to_owned(), EndedAs::Failed)] {
            failed.push(job);
        }
    }
    for _ in 0..5 {
        place.run(&["job", "again", &failed[0].0.to_string()]).await;
    }
    for number in 1..=5 {
        let story = place.ended(JobId(failed[0].0 + number)).await;
        assert_eq!(
            endings(&story),
            [("bob".to_owned(), EndedAs::Passed)],
            "not first to the one that failed"
        );
    }
}
