//! A daemon whose disk is full: it refuses to write in clear words, goes on reading, and recovers by itself.
//!
//! The disk is a small tmpfs in a mount namespace of the daemon's own. Where the system forbids those, nothing is tested,
//! and the test says so.

use crate::place::{PATIENCE, Place};
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn greeting() -> JobDraft {
    JobDraft {
        brief: format!("Say hello. {}", "Politely. ".repeat(100)),
        criteria: vec![Criterion::Rule("output == 'hello'".to_owned())],
        ..JobDraft::default()
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers() {
    let Some(place) = Place::open_on_small_disk().await else {
        writeln!(std::io::stderr(), "not tested: this system allows no mount namespace").expect("it is told");
        return;
    };
    let agent = FakeAgent::start(|_| Answer::Output(json!("hello"))).await;
    place.hire(&agent, "@polite", "Says hello.").await;
    let first = place.post(greeting()).await.expect("it is posted");
    place.ended(first).await;

    let pid = place.daemon.as_ref().and_then(tokio::process::Child::id).expect("it runs");
    let disk = place.disk.as_ref().expect("a disk").path();
    // The disk as the daemon sees it.
    let filler = PathBuf::from(format!("/proc/{pid}/root{}/filler", disk.display()));
    let mut file = std::fs::File::create(&filler).expect("a file");
    while file.write_all(&[0; 4_096]).is_ok() {}

    let mut refusals = 0;
    while refusals < 5 {
        if let Err(refused) = place.post(greeting()).await {
            assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
            assert!(refused.to_string().contains("the disk that holds the store is full"), "{refused}");
            refusals += 1;
        }
    }
    assert_eq!(place.ended(first).await.head.state.known(), Some(&JobState::Completed), "reads go on");
    place.status().await.expect("the daemon answers");

    drop(file);
    std::fs::remove_file(filler).expect("it is there");
    let ends = Instant::now() + PATIENCE;
    let last = loop {
        match place.post(greeting()).await {
            Ok(job) => break job,
            Err(error) => assert!(Instant::now() < ends, "it does not recover: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    for job in first.0..=last.0 {
        let story = place.ended(guildhall_protocol::ids::JobId(job)).await;
        assert_eq!(story.head.state.known(), Some(&JobState::Completed), "{story:#?}");
    }
}
