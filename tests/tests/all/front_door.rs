//! The programs as their users meet them: real processes, a real socket, agents on loopback.

use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_daemon::samples::Samples;
use guildhall_protocol::agent::Audience;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::json::Json;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{JobStory, NewJob, RegisterOptions, Status};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_mins(1);

/// A place with a daemon.
struct Place {
    folder: tempfile::TempDir,
    client: Client,
    daemon: Option<Child>,
}

impl Place {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client::new(folder.path().join("s.sock"), Hello::of("test"));
        let mut place = Self { folder, client, daemon: None };
        place.start().await;
        place
    }

    fn daemon_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhalld"));
        let file = |name: &str| self.folder.path().join(name);
        command.arg("--store").arg(file("guildhall.db")).arg("--socket").arg(file("s.sock"));
        command.args(["--set", "ops_listen=off", "--set", "drain_s=10", "--log", "error"]);
        command.kill_on_drop(true);
        command
    }

    /// Starts the daemon and waits until it answers.
    async fn start(&mut self) {
        self.daemon = Some(self.daemon_command().arg("serve").spawn().expect("it starts"));
        let ends = Instant::now() + PATIENCE;
        while let Err(error) = self.status().await {
            assert!(Instant::now() < ends, "the daemon does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    async fn kill(&mut self) {
        self.daemon.take().expect("it runs").kill().await.expect("it dies");
    }

    async fn status(&self) -> Result<Status, ApiError> {
        self.client.call(|service, context| async move { service.status(context).await }).await
    }

    /// Brings the sample agents into the market.
    async fn welcome(&self, samples: &Samples) {
        for definition in samples.definitions() {
            let name = definition.name.clone();
            let options = RegisterOptions { allow_private: true, audience: Audience::Public };
            let registered = self.client.call(|service, context| async move {
                service.register_agent(context, RequestId::fresh(), definition, options).await
            });
            let secret = registered.await.expect("it is registered").delivery_secret;
            samples.trust(&name, SigningSecret::parse(&secret).expect("a secret"));
        }
    }

    async fn post(&self, draft: JobDraft) -> Result<JobId, ApiError> {
        let job = NewJob { request: RequestId::fresh(), draft };
        let mut posted = self
            .client
            .call(|service, context| async move { service.post(context, vec![job]).await })
            .await?;
        Ok(posted.pop().expect("one answer")?.id)
    }

    async fn ended(&self, job: JobId) -> JobStory {
        let ends = Instant::now() + PATIENCE;
        loop {
            let story =
                self.client.call(|service, context| async move { service.job(context, job).await }).await;
            let story = story.expect("the job is there");
            if story.head.state.known().is_some_and(|state| state.is_terminal()) {
                return story;
            }
            assert!(Instant::now() < ends, "job {job} does not end: {story:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs `guildhall`.
    async fn guildhall(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_test-guildhall"))
            .arg("--socket")
            .arg(self.folder.path().join("s.sock"))
            .args(arguments)
            .output();
        let Output { status, stdout, stderr } = output.await.expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }
}

fn counting() -> JobDraft {
    JobDraft {
        brief: "Count the words of this text.".to_owned(),
        input: Some(Json::from(json!({"text": "to be or not to be"}))),
        criteria: vec![Criterion::Rule("output.words == 6".to_owned())],
        ..JobDraft::default()
    }
}

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
        let passed = story
            .attempts
            .iter()
            .filter(|view| view.state.known().and_then(|state| state.ended()) == Some(EndedAs::Passed));
        assert_eq!(passed.count(), 1, "GUILDHALL_SEED={seed} {story:#?}");
    }
    samples.stop().await;
}

fn rand_seed() -> u64 {
    u64::from(std::process::id())
}
