//! A place with a daemon: a folder, a socket, and a process that a test starts, asks, kills and starts again.

use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_daemon::samples::Samples;
use guildhall_protocol::agent::{AgentDefinition, AgentName, AgentState, Audience};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{
    AgentStory, AttemptView, JobHead, JobStory, NewJob, Order, RegisterOptions, Status,
};
use guildhall_tests::fake_agent::FakeAgent;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A user who is neither the daemon's nor root: `nobody`.
const STRANGER: u32 = 65_534;

/// A place with a daemon.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    /// Where the store is, when it is not in the folder: a small disk that only the daemon sees.
    pub(crate) disk: Option<tempfile::TempDir>,
    pub(crate) client: Client,
    pub(crate) daemon: Option<Child>,
}

impl Place {
    pub(crate) async fn open() -> Self {
        Self::open_on(None).await
    }

    /// A place whose store is on a disk of 8 MB; none where the system allows no mount namespace.
    pub(crate) async fn open_on_small_disk() -> Option<Self> {
        let disk = tempfile::tempdir().expect("a folder");
        let allowed = on_small_disk(&disk, "true").status().await.is_ok_and(|status| status.success());
        if allowed { Some(Self::open_on(Some(disk)).await) } else { None }
    }

    async fn open_on(disk: Option<tempfile::TempDir>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client::new(folder.path().join("s.sock"), Hello::of("test"));
        let mut place = Self { folder, disk, client, daemon: None };
        place.start().await;
        place
    }

    pub(crate) fn daemon_command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_test-guildhalld");
        let (mut command, store) = match &self.disk {
            Some(disk) => (on_small_disk(disk, program), disk),
            None => (Command::new(program), &self.folder),
        };
        command.arg("--store").arg(store.path().join("guildhall.db"));
        command.arg("--socket").arg(self.folder.path().join("s.sock"));
        command.args(["--set", "ops_listen=off", "--set", "drain_s=10", "--log", "error"]);
        command.kill_on_drop(true);
        command
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) async fn start(&mut self) {
        self.daemon = Some(self.daemon_command().arg("serve").spawn().expect("it starts"));
        let ends = Instant::now() + PATIENCE;
        while let Err(error) = self.status().await {
            assert!(Instant::now() < ends, "the daemon does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.daemon.take().expect("it runs").kill().await.expect("it dies");
    }

    pub(crate) async fn status(&self) -> Result<Status, ApiError> {
        self.client.call(|service, context| async move { service.status(context).await }).await
    }

    /// Brings the sample agents into the market.
    pub(crate) async fn welcome(&self, samples: &Samples) {
        for definition in samples.definitions() {
            let name = definition.name.clone();
            let secret = self.register(definition).await;
            samples.trust(&name, SigningSecret::parse(&secret).expect("a secret"));
        }
    }

    /// Brings a scripted agent into the market.
    pub(crate) async fn hire(&self, agent: &FakeAgent, name: &str, description: &str) {
        self.hire_as(agent, agent.definition(name, description)).await;
    }

    /// Brings a scripted agent into the market that says this about itself.
    pub(crate) async fn hire_as(&self, agent: &FakeAgent, definition: AgentDefinition) {
        agent.trust(&self.register(definition).await);
    }

    /// Registers an agent for everybody, private endpoints allowed; answers its delivery secret.
    async fn register(&self, definition: AgentDefinition) -> String {
        let options = RegisterOptions { allow_private: true, audience: Audience::Public };
        let registered = self.client.call(|service, context| async move {
            service.register_agent(context, RequestId::fresh(), definition, options).await
        });
        registered.await.expect("it is registered").delivery_secret
    }

    pub(crate) async fn post(&self, draft: JobDraft) -> Result<JobId, ApiError> {
        let job = NewJob { request: RequestId::fresh(), draft };
        let mut posted = self
            .client
            .call(|service, context| async move { service.post(context, vec![job]).await })
            .await?;
        Ok(posted.pop().expect("one answer")?.id)
    }

    /// Waits until a job has ended.
    pub(crate) async fn ended(&self, job: JobId) -> JobStory {
        self.until(job, |state| state.is_terminal()).await
    }

    /// Waits until a job is in such a state.
    pub(crate) async fn until(&self, job: JobId, right: impl Fn(&JobState) -> bool) -> JobStory {
        self.until_story(job, |story| story.head.state.known().is_some_and(&right)).await
    }

    /// Waits until something is true that no job's story tells.
    pub(crate) async fn until_met(&self, right: impl Fn() -> bool) {
        let ends = Instant::now() + PATIENCE;
        while !right() {
            assert!(Instant::now() < ends, "it does not get there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a job's story tells something.
    pub(crate) async fn until_story(&self, job: JobId, right: impl Fn(&JobStory) -> bool) -> JobStory {
        let ends = Instant::now() + PATIENCE;
        loop {
            let story =
                self.client.call(|service, context| async move { service.job(context, job).await }).await;
            let story = story.expect("the job is there");
            if right(&story) {
                return story;
            }
            assert!(Instant::now() < ends, "job {job} does not get there: {story:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Orders something for a job.
    pub(crate) async fn order(
        &self,
        job: JobId,
        action: JobAction,
        text: Option<&str>,
    ) -> Result<JobHead, ApiError> {
        let order = Order { action, text: text.map(str::to_owned), epoch: None };
        self.client
            .call(|service, context| async move {
                service.order(context, RequestId::fresh(), job, order).await
            })
            .await
    }

    /// What an agent is and did.
    pub(crate) async fn agent(&self, name: &str) -> AgentStory {
        let name: AgentName = name.parse().expect("a name");
        let story = self.client.call(|service, context| async move { service.agent(context, name).await });
        story.await.expect("the agent is there")
    }

    /// Waits until an agent stands so.
    pub(crate) async fn until_agent(&self, name: &str, state: AgentState) {
        let ends = Instant::now() + PATIENCE;
        loop {
            let head = self.agent(name).await.head;
            if head.state.known() == Some(&state) {
                return;
            }
            assert!(Instant::now() < ends, "{name} does not get there: it is {}", head.state);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs `guildhall`.
    pub(crate) async fn guildhall(&self, arguments: &[&str]) -> (i32, String, String) {
        ended_program(self.guildhall_command(arguments).output().await.expect("it runs"))
    }

    /// Runs `guildhall` as another user of the machine; none where the system does not let us.
    pub(crate) async fn guildhall_as_stranger(&self, arguments: &[&str]) -> Option<(i32, String, String)> {
        let open = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode));
        open(self.folder.path(), 0o755).expect("it is ours");
        open(&self.folder.path().join("s.sock"), 0o666).expect("it is ours");
        // The program may lie where that user cannot go.
        let program = self.folder.path().join("guildhall");
        std::fs::copy(env!("CARGO_BIN_EXE_test-guildhall"), &program).expect("a copy");
        let mut command = Command::new(program);
        command.arg("--socket").arg(self.folder.path().join("s.sock")).args(arguments);
        let output = command.uid(STRANGER).gid(STRANGER).output().await.ok()?;
        Some(ended_program(output))
    }

    /// `guildhall` with these arguments.
    pub(crate) fn guildhall_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall"));
        command.arg("--socket").arg(self.folder.path().join("s.sock")).args(arguments).kill_on_drop(true);
        command
    }
}

/// How a program ended, and what it said.
pub(crate) fn ended_program(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A program in a mount namespace of its own, where this folder is a disk of 8 MB.
fn on_small_disk(disk: &tempfile::TempDir, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#]);
    command.arg(disk.path()).arg(program);
    command
}

/// How the attempts of a job ended, in order; those that run are left out.
pub(crate) fn endings(story: &JobStory) -> Vec<(String, EndedAs)> {
    let ended = |view: &AttemptView| {
        let state = view.state.known().and_then(|state| state.ended());
        state.map(|ended| (view.agent.as_str().to_owned(), ended))
    };
    story.attempts.iter().filter_map(ended).collect()
}
