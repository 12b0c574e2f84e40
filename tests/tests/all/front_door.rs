//! The programs as their users meet them: real processes, a real socket, agents on loopback.

use crate::place::{PATIENCE, Place};
use guildhall_daemon::samples::Samples;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_demo_ends_well() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_test-guildhalld"));
    let output = demo.arg("demo").stdin(Stdio::null()).output().await.expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    for part in
        ["expected array", "a repair round", "declines", "under the same id", "@lexis passed", "completed"]
    {
        assert!(told.contains(part), "{part:?} is not told:\n{told}");
    }
    let store =
        told.lines().find_map(|line| line.split_once("The store stays at ")).expect("it says where").1;
    std::fs::remove_dir_all(std::path::Path::new(store).parent().expect("a folder")).expect("it is there");
}

#[tokio::test]
async fn an_operator_sees_the_whole_story() {
    let place = Place::open().await;
    let samples = Samples::start(([127, 0, 0, 1], 0).into()).await.expect("samples");
    place.welcome(&samples).await;
    let input = r#"{"text": "to be or not to be"}"#;
    let rule = "output.words == 6";
    let post = ["job", "post", "Count the words", "--input", input, "--rule", rule, "--wait"];
    let (code, told, complaint) = place.guildhall(&post).await;
    assert_eq!(code, 0, "{told}{complaint}");
    assert!(told.contains("@wordsmith gets it (v1)") && told.contains("completed"), "{told}");
    let (code, told, _) = place.guildhall(&["--json", "job", "show", "1"]).await;
    let story: JobStory = serde_json::from_str(&told).expect("JSON");
    assert_eq!((code, story.head.state.known()), (0, Some(&JobState::Completed)));

    let (code, _, complaint) = place.guildhall(&["job", "show", "99"]).await;
    assert_eq!(code, 3, "{complaint}");
    let (code, _, complaint) = place.guildhall(&["job", "cancel", "1"]).await;
    assert_eq!(code, 4, "{complaint}");
    let (code, _, complaint) = place.guildhall(&["job", "post", "x", "--input", "{"]).await;
    assert!(code == 2 && complaint.contains("is not JSON"), "{complaint}");
    let wrong = ["job", "post", "Count", "--only", "@wordsmith", "--input", "[1]"];
    let (code, _, complaint) = place.guildhall(&wrong).await;
    assert!(code == 2 && complaint.contains("the input does not fit what @wordsmith takes"), "{complaint}");
    samples.stop().await;
}

#[tokio::test]
async fn one_store_has_one_daemon() {
    let place = Place::open().await;
    let second = place.daemon_command().arg("serve").output().await.expect("it runs");
    let complaint = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && complaint.contains("another daemon has the store"), "{complaint}");
    assert!(place.status().await.is_ok(), "the first goes on");
}

#[tokio::test]
async fn a_name_is_given_once_and_an_endpoint_must_be_public() {
    let place = Place::open().await;
    let file = place.folder.path().join("agent.json");
    let register = async |endpoint: &str, flags: &[&str]| {
        let agent = json!({"name": "@echo", "description": "Says it again.", "endpoint": endpoint});
        std::fs::write(&file, agent.to_string()).expect("a file");
        let arguments = ["agent", "register", "--file", file.to_str().expect("a name")];
        place.guildhall(&[&arguments, flags].concat()).await
    };
    for (endpoint, expected) in [
        ("http://127.0.0.1:9/", "--allow-private"),
        ("https://10.0.0.1/", "not a public address"),
        ("https://user:word@agents.example/", "user"),
    ] {
        let (code, told, complaint) = register(endpoint, &[]).await;
        assert!(code == 2 && complaint.contains(expected), "{endpoint}: {code} {told}{complaint}");
    }
    let (code, told, complaint) = register("http://127.0.0.1:9/", &["--allow-private"]).await;
    assert!(code == 0 && told.contains("whsec_"), "{complaint}");
    let (code, _, complaint) = register("http://127.0.0.1:9/", &["--allow-private"]).await;
    assert_eq!(code, 4, "{complaint}");
}

#[tokio::test]
async fn sigterm_ends_a_daemon_in_good_order() {
    let mut place = Place::open().await;
    let mut daemon = place.daemon.take().expect("it runs");
    let id = daemon.id().expect("it runs").to_string();
    assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
    let ended = tokio::time::timeout(PATIENCE, daemon.wait()).await.expect("it ends").expect("it ran");
    assert!(ended.success());
    assert!(!place.folder.path().join("s.sock").exists(), "the socket is gone");
    place.start().await;
    assert_eq!(place.status().await.expect("it answers").incarnation.0, 2);
}

#[tokio::test]
async fn a_socket_takes_the_place_of_a_dead_one_only() {
    let mut place = Place::open().await;
    let other = tempfile::tempdir().expect("a folder");
    let second = |socket: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhalld"));
        command.arg("--store").arg(other.path().join("guildhall.db")).arg("--socket").arg(socket);
        command.args(["--set", "ops_listen=off", "--log", "error"]).arg("serve").kill_on_drop(true);
        command
    };
    let file = other.path().join("notes.txt");
    std::fs::write(&file, "mine").expect("a file");
    let refused = second(&file).output().await.expect("it runs");
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("is not a socket"), "{complaint}");
    assert_eq!(std::fs::read_to_string(&file).expect("it is still there"), "mine");

    let socket = place.folder.path().join("s.sock");
    let refused = second(&socket).output().await.expect("it runs");
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("another daemon answers"), "{complaint}");
    assert_eq!(place.status().await.expect("the first goes on").incarnation.0, 1);

    place.kill().await;
    assert!(socket.exists(), "a killed daemon leaves its socket");
    place.start().await;

    // Somebody else's socket in our place is not ours to remove.
    std::fs::remove_file(&socket).expect("it was there");
    let theirs = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let mut daemon = place.daemon.take().expect("it runs");
    let id = daemon.id().expect("it runs").to_string();
    assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
    tokio::time::timeout(PATIENCE, daemon.wait()).await.expect("it ends").expect("it ran");
    assert!(socket.exists(), "the other's socket stays");
    drop(theirs);
}

#[tokio::test]
async fn a_daemon_that_ends_is_read_until_it_is_gone() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    let mut definition = agent.definition("@slow", "Says nothing.");
    definition.time_limits.exchange_ms = 3_000;
    place.hire_as(&agent, definition).await;
    let draft = |brief: &str| JobDraft { brief: brief.to_owned(), ..JobDraft::default() };
    let job = place.post(draft("Say nothing.")).await.expect("it is posted");
    place.until_met(|| !agent.assigned().is_empty()).await;

    let mut daemon = place.daemon.take().expect("it runs");
    let id = daemon.id().expect("it runs").to_string();
    assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
    let ends = Instant::now() + PATIENCE;
    while !place.status().await.expect("it answers while it ends").draining {
        assert!(Instant::now() < ends, "it does not say that it ends");
    }
    let (code, told, complaint) = place.guildhall(&["job", "show", &job.0.to_string()]).await;
    assert!(code == 0 && told.contains("Say nothing."), "{told}{complaint}");
    let refused = place.post(draft("Say more.")).await.expect_err("it takes nothing new");
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains("the daemon is ending"), "{refused}");
    let ended = tokio::time::timeout(PATIENCE, daemon.wait()).await.expect("it ends").expect("it ran");
    assert!(ended.success());
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let place = Place::open().await;
    let input = place.folder.path().join("input.json");
    std::fs::write(&input, format!("\"{}\"", "x".repeat(2_200_000))).expect("a file");
    let input = input.to_str().expect("a name");
    for more in [None, Some("--dry-run")] {
        let arguments = ["job", "post", "Read this.", "--input", input].into_iter().chain(more);
        let (code, told, complaint) = place.guildhall(&arguments.collect::<Vec<_>>()).await;
        assert!(code == 2 && complaint.contains("input is too large: 2200002 bytes"), "{told}{complaint}");
    }

    // Each is legal, and they are more than a call takes.
    let file = place.folder.path().join("jobs.jsonl");
    let line = json!({"brief": "Read this.", "input": "x".repeat(900_000)}).to_string();
    std::fs::write(&file, [line.as_str(); 5].join("\n")).expect("a file");
    let batch = ["job", "post", "--batch", file.to_str().expect("a name"), "--key", "large"];
    let (code, told, complaint) = place.guildhall(&batch).await;
    assert!(code == 0 && told.contains("5 posted, 0 posted before, 0 refused"), "{told}{complaint}");

    // A front end that does not look first.
    let draft = JobDraft { brief: "x".repeat(2_200_000), ..JobDraft::default() };
    let refused = place.post(draft).await.expect_err("it is too large");
    assert_eq!(refused.kind, ErrorKind::Invalid, "{refused}");
    assert!(refused.message.contains("nothing was sent"), "{refused}");
    assert!(place.status().await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn nobody_else_can_read_the_store() {
    let place = Place::open().await;
    let folder = place.folder.path().join("new").join("state");
    let store = folder.join("guildhall.db");
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_test-guildhalld");
    command.args(["-c", r#"umask 000 && exec "$0" "$@""#, program]).arg("--store").arg(&store);
    command.arg("--socket").arg(place.folder.path().join("other.sock"));
    command.args(["--set", "ops_listen=off", "--log", "error", "serve"]).kill_on_drop(true);
    let daemon = command.spawn().expect("it starts");
    let file = |name: &str| folder.join(name);
    place.until_met(|| place.folder.path().join("other.sock").exists()).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in ["guildhall.db", "guildhall.db-wal", "guildhall.db-shm", "guildhall.db.lock", "master.key"] {
        assert_eq!(mode(&file(name)), 0o600, "{name}");
    }
    drop(daemon);
}

#[tokio::test]
async fn a_watch_outlasts_a_restart() {
    let mut place = Place::open().await;
    let draft = JobDraft { brief: "Say something.".to_owned(), ..JobDraft::default() };
    let job = place.post(draft).await.expect("it is posted");
    let number = job.0.to_string();
    let mut command = place.guildhall_command(&["job", "watch", &number]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut told = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    told.next_line().await.expect("it tells").expect("what happened so far");
    let mut complaints = BufReader::new(watch.stderr.take().expect("a pipe")).lines();
    place.kill().await;
    let complaint = complaints.next_line().await.expect("it tells").expect("that it waits");
    assert!(complaint.contains("waiting for it to come back"), "{complaint}");
    place.start().await;
    place.order(job, JobAction::Cancel, None).await.expect("it is canceled");
    let ended = tokio::time::timeout(PATIENCE, watch.wait()).await.expect("it ends").expect("it ran");
    assert_eq!(ended.code(), Some(1), "the job was canceled");
    let mut rest = Vec::new();
    while let Some(line) = told.next_line().await.expect("text") {
        rest.push(line);
    }
    assert!(rest.iter().any(|line| line.contains("canceled")), "{rest:?}");
    let last = complaints.next_line().await.expect("text").expect("how it ended");
    assert!(last.contains("canceled") && complaints.next_line().await.expect("text").is_none(), "{last}");
}

#[tokio::test]
async fn a_store_is_not_served_with_another_key() {
    let mut place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.kill().await;
    let key = place.folder.path().join("master.key");
    let kept = std::fs::read(&key).expect("a key");
    std::fs::remove_file(&key).expect("it was there");
    let refused = async || {
        let output = place.daemon_command().arg("serve").output().await.expect("it runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    let complaint = refused().await;
    assert!(complaint.contains("master.key is not there") && complaint.contains("backup"), "{complaint}");
    assert!(!key.exists(), "no other key was made");
    std::fs::write(&key, [7; 32]).expect("a file");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let complaint = refused().await;
    assert!(complaint.contains("sealed with another key"), "{complaint}");
    std::fs::write(&key, kept).expect("a file");
    place.start().await;
    assert_eq!(place.status().await.expect("it answers").incarnation.0, 2, "the others did not begin");
}

#[tokio::test]
async fn strangers_do_not_learn_where_an_agent_is() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Silence).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let Some((code, told, complaint)) =
        place.guildhall_as_stranger(&["--json", "agent", "show", "@steady"]).await
    else {
        return;
    };
    assert_eq!(code, 0, "{complaint}");
    assert!(told.contains("@steady") && !told.contains("127.0.0.1"), "{told}");
    let (code, told, complaint) =
        place.guildhall_as_stranger(&["agent", "export", "@steady"]).await.expect("it runs");
    assert!(code == 6 && told.is_empty(), "{told}{complaint}");
    let (code, told, _) = place.guildhall(&["agent", "export", "@steady"]).await;
    assert!(code == 0 && told.contains("http://127.0.0.1"), "its owner reads it: {told}");
}
