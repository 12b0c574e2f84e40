//! What people are told, by log and by webhook: once taken, signed, again when it was not taken, and never in floods.

use crate::cast::{Cast, is, number_from, state};
use crate::place::Place;
use guildhall_daemon::notify::words::words;
use guildhall_daemon::store::NotificationRecord;
use guildhall_protocol::ids::{JobId, NotificationId, UserId};
use guildhall_protocol::job::Review;
use guildhall_protocol::notice::{Channel, NoticeKind, NoticeView};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, HeldWhy, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::hook::Hook;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A webhook of the caller's.
pub(crate) async fn webhook(place: &Place) -> Hook {
    let hook = Hook::start().await;
    let told = place.run(&["notices", "settings", "--webhook", &hook.url, "--allow-private"]).await;
    let secret = told.split_whitespace().find(|word| word.starts_with("whsec_")).expect("a secret");
    hook.trust(secret);
    hook
}

fn about(posted: &guildhall_tests::hook::Posted, job: JobId) -> bool {
    posted.data["job"] == job.0
}

#[tokio::test]
async fn a_webhook_hears_signed_of_all_that_happens() {
    let place = Place::open().await;
    let hook = webhook(&place).await;
    let _cast = Cast::hire(&place).await;
    let done = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(done).await;
    let mut hopeless = number_from(&["steady"]);
    hopeless.criteria = vec![guildhall_protocol::job::Criterion::Rule("output > 5".to_owned())];
    hopeless.policy.attempts_max = 1;
    let failed = place.post(hopeless).await.expect("it is posted");
    place.ended(failed).await;
    let asked = Cast::bring(&place, JobState::InputRequired(Asker::Agent)).await;
    let reviewed = Cast::bring(&place, JobState::InReview(Reviewer::Client)).await;
    let held = Cast::bring(&place, JobState::Held(HeldWhy::Unclear)).await;
    let expected = [
        ("agent_assigned", done),
        ("agent_judged", done),
        ("job_completed", done),
        ("agent_ended", failed),
        ("job_failed", failed),
        ("question", asked),
        ("review_wanted", reviewed),
        ("job_held", held),
        ("operator_needed", held),
    ];
    for (kind, job) in expected {
        place.until_met(|| hook.of_kind(kind).iter().any(|posted| about(posted, job))).await;
    }
    place.order(reviewed, JobAction::Dispute, Some("It is ugly.")).await.expect("it is disputed");
    place
        .until_met(|| {
            hook.of_kind("review_wanted").iter().filter(|posted| about(posted, reviewed)).count() == 2
        })
        .await;
    let posted = hook.posted();
    assert!(posted.iter().all(|posted| posted.in_order), "signed, each of them: {posted:#?}");
    let ids: BTreeSet<&str> = posted.iter().map(|posted| posted.id.as_str()).collect();
    assert_eq!(ids.len(), posted.len(), "each once");
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    assert!(posted.iter().all(|posted| text(&posted.data["text"]) && text(&posted.data["next"])));
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_under_the_same_id() {
    let mut place = Place::open().await;
    let hook = webhook(&place).await;
    let _cast = Cast::hire(&place).await;
    // What is told of a job is told in order: only this kind is wanted.
    place.run(&["notices", "settings", "--kind", "agent_assigned=off", "--kind", "agent_judged=off"]).await;
    hook.answer(500);
    let job = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(job).await;
    place.until_met(|| !hook.of_kind("job_completed").is_empty()).await;
    let first = hook.of_kind("job_completed")[0].clone();
    let notice = place.until_noticed("job_completed").await;
    let number = notice.id.0.to_string();
    let waits = |known: &NoticeView| known.id == notice.id && known.due_at > Some(known.made_at);
    place.until_notices(|notices| notices.iter().any(waits)).await;
    let shown = place.run(&["notices", "show", &number]).await;
    assert!(shown.contains("answered 500"), "{shown}");
    let notice = place.until_noticed("job_completed").await;
    assert!(notice.acknowledged_at.is_none(), "{notice:?}");
    assert!(notice.due_at.is_some_and(|due| due.0 >= notice.made_at.0 + 5_000), "it waits: {notice:?}");
    hook.answer(200);
    place.let_pass(1).await;
    place.until_met(|| hook.of_kind("job_completed").len() > 1).await;
    let taken = |known: &NoticeView| known.id == notice.id && known.acknowledged_at.is_some();
    place.until_notices(|notices| notices.iter().any(taken)).await;
    let shown = place.run(&["notices", "show", &number]).await;
    assert!(shown.contains("answered 500") && shown.contains("taken (200)"), "{shown}");
    let told = hook.of_kind("job_completed");
    assert!(told.iter().all(|posted| posted.id == first.id && posted.in_order), "{told:#?}");

    let before = told.len();
    place.run(&["notices", "replay", &number]).await;
    place.until_met(|| hook.of_kind("job_completed").len() == before + 1).await;
    assert_eq!(hook.of_kind("job_completed")[before].id, first.id);
}

#[tokio::test]
async fn what_nobody_wants_to_hear_is_not_told_and_the_log_takes_all() {
    let place = Place::open().await;
    let hook = webhook(&place).await;
    let _cast = Cast::hire(&place).await;
    let kinds =
        ["--kind", "agent_assigned=off", "--kind", "job_completed=log", "--kind", "agent_judged=log,webhook"];
    let told = place.run(&[&["notices", "settings"][..], &kinds[..]].concat()).await;
    assert!(told.contains("agent_assigned  off"), "{told}");
    let job = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(job).await;
    place.until_met(|| !hook.of_kind("agent_judged").is_empty()).await;
    let all_taken = |notices: &[NoticeView]| notices.iter().all(|notice| notice.acknowledged_at.is_some());
    let notices = place.until_notices(all_taken).await;
    let ways: BTreeSet<(String, String)> =
        notices.iter().map(|notice| (notice.kind.to_string(), notice.channel.to_string())).collect();
    let expected = [("agent_judged", "log"), ("agent_judged", "webhook"), ("job_completed", "log")];
    assert_eq!(ways, expected.map(|(kind, way)| (kind.to_owned(), way.to_owned())).into());
    assert!(hook.of_kind("job_completed").is_empty() && hook.of_kind("agent_assigned").is_empty());
    let (code, _, complaint) = place.guildhall(&["notices", "settings", "--kind", "nonsense=off"]).await;
    assert!(code == 2 && complaint.contains("there is no such kind"), "{complaint}");
}

#[tokio::test]
async fn a_flood_of_one_kind_becomes_one() {
    let mut place = Place::open().await;
    let hook = webhook(&place).await;
    let _cast = Cast::hire(&place).await;
    // In whatever minutes these end: one of them has seven or more, two of which are held back.
    let mut jobs = BTreeSet::new();
    for _ in 0..14 {
        let job = place.post(number_from(&["steady"])).await.expect("it is posted");
        place.ended(job).await;
        jobs.insert(job.0);
    }
    place.let_pass(1).await;
    let told = || -> BTreeSet<i64> {
        let posted = hook.of_kind("job_completed");
        posted
            .iter()
            .flat_map(|posted| posted.data["jobs"].as_array().cloned().unwrap_or_default())
            .filter_map(|job| job.as_i64())
            .collect()
    };
    place.until_met(|| told() == jobs).await;
    let posted = hook.of_kind("job_completed");
    let ids: BTreeSet<&str> = posted.iter().map(|posted| posted.id.as_str()).collect();
    assert!(ids.len() <= 12, "{posted:#?}");
    let together =
        posted.iter().find(|posted| posted.data["count"].as_i64() > Some(1)).expect("some are one");
    let text = together.data["text"].as_str().unwrap_or_default();
    assert!(text.contains("of your jobs are done"), "{text}");
}

#[tokio::test]
async fn what_is_held_back_for_a_digest_holds_nothing_else_up() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|delivery| match delivery.data["job"].as_i64() {
        Some(1..=10) => Answer::Output(json!(1)),
        _ => Answer::Says(json!({"question": "Which number?"})),
    })
    .await;
    place.hire(&agent, "@ada", "Says a number.").await;
    for _ in 0..10 {
        let job = place.post(number_from(&["ada"])).await.expect("it is posted");
        place.ended(job).await;
    }
    let job = place.post(number_from(&["ada"])).await.expect("it is posted");
    place.until_story(job, |story| matches!(state(story), JobState::InputRequired(_))).await;
    let of = |kind: &str, notice: &NoticeView| notice.job == Some(job) && notice.kind.to_string() == kind;
    let asked = |notice: &NoticeView| of("question", notice) && notice.acknowledged_at.is_some();
    let notices = place.until_notices(|notices| notices.iter().any(asked)).await;
    let assigned = notices.iter().find(|notice| of("agent_assigned", notice)).expect("its owner hears of it");
    assert!(assigned.due_at.is_none_or(|due| due > assigned.made_at), "with others, later: {assigned:?}");
    place.order(job, JobAction::Cancel, None).await.expect("it is canceled");
}

#[tokio::test]
async fn an_inbox_shows_what_waits_for_a_person() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    assert!(place.run(&["inbox"]).await.contains("Nothing waits for you"));
    let mut draft = number_from(&["steady"]);
    draft.review = Review::Always;
    draft.title = Some("A number to look at".to_owned());
    let job = place.post(draft).await.expect("it is posted");
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    Cast::bring(&place, JobState::Held(HeldWhy::Unclear)).await;
    let told = place.run(&["inbox"]).await;
    assert!(told.contains("Waiting for you") && told.contains("A number to look at"), "{told}");
    assert!(told.contains("Waiting for an operator"), "{told}");
}

#[tokio::test]
async fn the_log_does_not_wait_for_a_webhook_that_stalls() {
    let place = Place::open().await;
    let hook = webhook(&place).await;
    hook.stall();
    let kinds = ["job_completed=log,webhook", "agent_judged=log", "agent_assigned=log"];
    let kinds = kinds.iter().flat_map(|kind| ["--kind", kind]);
    place.run(&["notices", "settings"].into_iter().chain(kinds).collect::<Vec<_>>()).await;
    let _cast = Cast::hire(&place).await;
    let first = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(first).await;
    place.until_met(|| hook.is_stalling()).await;
    let second = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(second).await;
    let logged = |notice: &NoticeView| {
        notice.job == Some(second)
            && notice.kind.to_string() == "job_completed"
            && notice.channel.to_string() == "log"
            && notice.acknowledged_at.is_some()
    };
    place.until_notices(|notices| notices.iter().any(logged)).await;
    assert!(hook.is_stalling(), "the log did not wait for it");
}

#[test]
fn every_command_that_a_notice_names_is_there() {
    let programs: BTreeSet<Vec<String>> = NoticeKind::ALL.iter().flat_map(|kind| commands(*kind)).collect();
    assert!(programs.len() > 10, "{programs:?}");
    for command in programs {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_test-guildhall"))
            .args(&command)
            .arg("--help")
            .output()
            .expect("it runs");
        assert!(output.status.success(), "guildhall {}: {output:?}", command.join(" "));
    }
}

/// The paths of the commands that a notice of a kind names, alone or with others.
fn commands(kind: NoticeKind) -> Vec<Vec<String>> {
    let notice = NotificationRecord {
        id: NotificationId(1),
        user: UserId(1),
        channel: Channel::Log,
        kind,
        job: Some(JobId(42)),
        attempt: None,
        agent: None,
        made_at: Timestamp(0),
        due_at: None,
        tries: 1,
        acknowledged_at: None,
    };
    let path = |rest: &str| {
        let words = rest.split_whitespace();
        let length = if rest.starts_with("job ") || rest.starts_with("agent ") { 2 } else { 1 };
        let path = words.take(length);
        path.map(|word| word.trim_end_matches([',', ';']).to_owned()).collect()
    };
    [1, 9]
        .iter()
        .flat_map(|count| {
            let next = words(&notice, None, Some("@ada"), *count).next;
            next.split("guildhall ").skip(1).map(path).collect::<Vec<_>>()
        })
        .collect()
}
