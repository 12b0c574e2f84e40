//! The master key: tried, replaced, and replaced by a program that dies in between.

use crate::cast::number_from;
use crate::notices::webhook;
use crate::place::{Place, ended_program};
use guildhall_daemon::master_key::{Rotation, STEPS, find, kept};
use guildhall_daemon::store::sqlite::SqliteStore;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::path::PathBuf;

fn key_file(place: &Place) -> PathBuf {
    place.folder.path().join("master.key")
}

/// Every sealed secret, as it is stored.
fn sealed(place: &Place) -> Vec<Vec<u8>> {
    let sql = "
        SELECT delivery_secret FROM agents
        UNION ALL SELECT callback_secret FROM agents
        UNION ALL SELECT secret FROM people WHERE secret IS NOT NULL";
    let store = place.store();
    let mut rows = store.prepare(sql).expect("SQL");
    rows.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a secret")).collect()
}

/// Runs `guildhalld`; its exit code and what it says, complaints included.
async fn guildhalld(place: &Place, arguments: &[&str]) -> (i32, String) {
    let output = place.daemon_command().args(arguments).output().await.expect("it runs");
    let (code, told, complaint) = ended_program(output);
    (code, format!("{told}{complaint}"))
}

/// That agents are still reached with their secrets, and people with theirs.
async fn works(place: &Place, hook: &guildhall_tests::hook::Hook) {
    let before = hook.posted().len();
    let job = place.post(number_from(&["steady"])).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed), "{story:#?}");
    place.until_met(|| hook.posted().len() > before).await;
    assert!(hook.posted().iter().all(|posted| posted.in_order), "signed as before");
}

#[tokio::test]
async fn another_key_seals_everything_and_nothing_else_changes() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let hook = webhook(&place).await;
    let (code, told) = guildhalld(&place, &["key", "rotate"]).await;
    assert!(code == 1 && told.contains("only while no daemon runs"), "{told}");
    place.stop().await;

    let (key, before) = (std::fs::read(key_file(&place)).expect("a key"), sealed(&place));
    let (code, told) = guildhalld(&place, &["key", "check"]).await;
    assert!(code == 0 && told.contains("opens all 3 secrets"), "{told}");
    let (code, told) = guildhalld(&place, &["key", "rotate"]).await;
    assert!(code == 0 && told.contains("3 secrets are sealed with the new key"), "{told}");
    assert_ne!(std::fs::read(key_file(&place)).expect("a key"), key, "another key");
    let after = sealed(&place);
    assert!(after.iter().all(|sealed| !before.contains(sealed) && sealed[0] == 2), "all sealed anew");
    let old = told.split_whitespace().find(|word| word.contains("master.key.old-")).expect("where it is");
    assert_eq!(std::fs::read(old.trim_end_matches(':')).expect("the old key"), key, "kept for backups");
    place.start().await;
    works(&place, &hook).await;
}

#[tokio::test]
async fn whoever_dies_while_the_key_is_replaced_leaves_a_store_that_opens() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let hook = webhook(&place).await;
    for done in 0..=STEPS.len() {
        place.kill().await;
        let (path, at) = (key_file(&place), place.folder.path().join("guildhall.db"));
        let old = std::fs::read(&path).expect("a key");
        let (old_id, sealed_with) = {
            let store = SqliteStore::open(&at).expect("nobody has it");
            let key = find(&path, &at, &store).await.expect("the key opens it");
            let old_id = key.id();
            let mut rotation = Rotation::begin(&path, &store, key).expect("it can begin");
            let mut sealed_with = old_id;
            for step in &STEPS[..done] {
                sealed_with = rotation.take(*step).await.expect("a step");
            }
            (old_id, sealed_with)
        };
        // Here it died. Both ways on are open: the daemon starts, or somebody looks first.
        if done.is_multiple_of(2) {
            let (code, told) = guildhalld(&place, &["key", "check"]).await;
            assert!(code == 0 && told.contains(&format!("key {sealed_with}")), "after {done} steps: {told}");
        }
        place.start().await;
        works(&place, &hook).await;
        assert_eq!(sealed_with != old_id, done >= 2, "after {done} steps");
        assert_eq!(std::fs::read(&path).expect("a key") != old, done >= 2, "after {done} steps");
        if done >= 2 {
            assert_eq!(std::fs::read(kept(&path, old_id)).expect("it is kept"), old, "after {done} steps");
        }
    }
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_named_and_nothing_is_replaced() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.stop().await;
    let key = std::fs::read(key_file(&place)).expect("a key");
    place.store().execute("UPDATE agents SET callback_secret = zeroblob(90)", []).expect("it is broken");
    for verb in ["check", "rotate"] {
        let (code, told) = guildhalld(&place, &["key", verb]).await;
        assert!(code == 1 && told.contains("agents|@steady|callback_secret"), "{told}");
    }
    assert_eq!(std::fs::read(key_file(&place)).expect("a key"), key);
}

#[tokio::test]
async fn the_key_may_come_from_systemd() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.stop().await;
    let credentials = tempfile::tempdir().expect("a folder");
    let credential = credentials.path().join("guildhall-master-key");
    std::fs::rename(key_file(&place), &credential).expect("it moves");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o440);
    std::fs::set_permissions(&credential, mode).expect("its mode");
    let run = async |verb| {
        let mut command = place.daemon_command();
        command.env("CREDENTIALS_DIRECTORY", credentials.path()).args(["key", verb]);
        let (code, told, complaint) = ended_program(command.output().await.expect("it runs"));
        (code, format!("{told}{complaint}"))
    };
    let (code, told) = run("check").await;
    assert!(code == 0 && told.contains("guildhall-master-key opens all 2 secrets"), "{told}");
    let (code, told) = run("rotate").await;
    assert!(code == 1 && told.contains("LoadCredential"), "{told}");
}
