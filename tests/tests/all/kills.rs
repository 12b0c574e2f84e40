//! `kill -9` of the daemon, with jobs in flight: nothing is lost, nothing is done twice, and a job that kills daemons is
//! found out.

use crate::place::{Place, endings};
use guildhall_daemon::samples::Samples;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::json::Json;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{HeldWhy, JobState};
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::time::Duration;

fn counting() -> JobDraft {
    JobDraft {
        brief: "Count the words of this text.".to_owned(),
        input: Some(Json::from(json!({"text": "to be or not to be"}))),
        criteria: vec![Criterion::Rule("output.words == 6".to_owned())],
        ..JobDraft::default()
    }
}

#[tokio::test]
async fn twenty_kills_lose_nothing() {
    let seed = std::env::var("GUILDHALL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand_seed);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut place = Place::open().await;
    let samples = Samples::start(([127, 0, 0, 1], 0).into()).await.expect("samples");
    place.welcome(&samples).await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        let dies_after = Duration::from_millis(random.random_range(0..150));
        let posting = async {
            loop {
                match place.post(counting()).await {
                    Ok(id) => jobs.push(id),
                    Err(error) => return error,
                }
            }
        };
        match tokio::time::timeout(dies_after, posting).await {
            Ok(error) => assert_eq!(error.kind, ErrorKind::Unknown, "{error}"),
            Err(_) => place.kill().await,
        }
        place.start().await;
    }
    assert!(jobs.len() >= 20, "only {} jobs were posted between the kills", jobs.len());
    for job in &jobs {
        let story = place.ended(*job).await;
        assert_eq!(story.head.state.known(), Some(&JobState::Completed), "GUILDHALL_SEED={seed} {story:#?}");
        let passed = endings(&story).iter().filter(|(_, ended)| *ended == EndedAs::Passed).count();
        assert_eq!(passed, 1, "GUILDHALL_SEED={seed} {story:#?}");
    }
    samples.stop().await;
}

#[tokio::test]
async fn a_job_that_kills_daemons_is_held() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!((0..1_000).collect::<Vec<_>>()))).await;
    place.hire(&agent, "@long", "Says many numbers.").await;
    // Judging these takes a while: each runs into its bound.
    let rule = |number: usize| format!("output.all(a, output.all(b, a + b != {number} - 10000))");
    let criteria = (0..20).map(|number| Criterion::Rule(rule(number))).collect();
    let draft = JobDraft { brief: "Say many numbers.".to_owned(), criteria, ..JobDraft::default() };
    let job = place.post(draft).await.expect("it is posted");
    place.until_met(|| !agent.assigned().is_empty()).await;
    let mut seen = 0;
    let story = loop {
        place.kill().await;
        place.start().await;
        let being_judged = |story: &JobStory| {
            let newest = story.events.last().map(|event| &event.what);
            story.events.len() > seen && matches!(newest, Some(What::Announced | What::Answered { .. }))
        };
        let held = |story: &JobStory| story.head.state.known() == Some(&JobState::Held(HeldWhy::Poison));
        let story = place.until_story(job, |story| held(story) || being_judged(story)).await;
        seen = story.events.len();
        if held(&story) {
            break story;
        }
    };
    let deaths = story.events.iter().filter(|event| matches!(event.what, What::DaemonDied { .. })).count();
    assert_eq!(deaths, 5, "{story:#?}");
    place.order(job, JobAction::GiveUp, None).await.expect("an operator ends it");
    assert_eq!(place.ended(job).await.head.state.known(), Some(&JobState::Failed));
}

fn rand_seed() -> u64 {
    u64::from(std::process::id())
}
