//! A place with a daemon: a folder, a socket, and a process that a test starts, asks, kills and starts again.

use crate::audit::audit;
use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_daemon::samples::Samples;
use guildhall_protocol::agent::{AgentDefinition, AgentName, AgentState, Audience};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::notice::NoticeView;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{
    AgentStory, AttemptView, EngineOrder, JobHead, JobStory, NewJob, Order, PageRequest, RegisterOptions,
    Secrets, Status,
};
use guildhall_tests::fake_agent::FakeAgent;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A user who is neither the daemon's nor root: `nobody`.
pub(crate) const STRANGER: u32 = 65_534;

/// A place with a daemon.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    /// Where the store is, when it is not in the folder: a small disk that only the daemon sees.
    pub(crate) disk: Option<tempfile::TempDir>,
    /// Settings beside the usual ones, as `key=value`.
    settings: Vec<String>,
    /// What is logged, and where to, when it is more than errors for whoever runs the tests.
    log: Option<(&'static str, PathBuf)>,
    pub(crate) client: Client,
    pub(crate) daemon: Option<Child>,
}

impl Place {
    pub(crate) async fn open() -> Self {
        Self::open_on(None, Vec::new()).await
    }

    /// A place whose agents can call back.
    pub(crate) async fn open_public() -> Self {
        let port = free_port();
        Self::open_with(&[
            &format!("public_listen=127.0.0.1:{port}"),
            &format!("public_url=http://127.0.0.1:{port}"),
        ])
        .await
    }

    /// A place with settings of its own.
    pub(crate) async fn open_with(settings: &[&str]) -> Self {
        Self::open_on(None, settings.iter().map(|setting| (*setting).to_owned()).collect()).await
    }

    /// From the next start on these hold, too.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
    }

    /// A place whose store is on a disk of 8 MB; none where the system allows no mount namespace.
    pub(crate) async fn open_on_small_disk() -> Option<Self> {
        let disk = tempfile::tempdir().expect("a folder");
        let allowed = on_small_disk(&disk, "true").status().await.is_ok_and(|status| status.success());
        if allowed { Some(Self::open_on(Some(disk), Vec::new()).await) } else { None }
    }

    async fn open_on(disk: Option<tempfile::TempDir>, settings: Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client::new(folder.path().join("s.sock"), Hello::of("test"));
        let mut place = Self { folder, disk, settings, log: None, client, daemon: None };
        place.start().await;
        place
    }

    /// From the next start on the daemon logs this much into a file; which one.
    pub(crate) fn log_to_file(&mut self, level: &'static str) -> PathBuf {
        let file = self.folder.path().join("daemon.log");
        self.log = Some((level, file.clone()));
        file
    }

    pub(crate) fn daemon_command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_test-guildhalld");
        let (mut command, store) = match &self.disk {
            Some(disk) => (on_small_disk(disk, program), disk),
            None => (Command::new(program), &self.folder),
        };
        command.arg("--store").arg(store.path().join("guildhall.db"));
        command.arg("--socket").arg(self.folder.path().join("s.sock"));
        command.args(["--set", "ops_listen=off", "--set", "drain_s=10"]);
        command.args(["--log", self.log.as_ref().map_or("error", |(level, _)| level)]);
        if let Some((_, file)) = &self.log {
            command.stderr(std::fs::File::create(file).expect("a log file"));
        }
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        // Whoever runs the tests may have a key; no test is to use it.
        command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
        command.kill_on_drop(true);
        command
    }

    /// Lets hours pass while no daemon runs: everything in the store that waits for a time is so much older then.
    pub(crate) async fn let_pass(&mut self, hours: i64) {
        self.kill().await;
        let store = self.store();
        let ms = hours * 3_600_000;
        let sql = "
            UPDATE jobs SET due_at = due_at - ?1, deadline = deadline - ?1, posted_at = posted_at - ?1,
                window_begins_at = window_begins_at - ?1, window_ends_at = window_ends_at - ?1";
        store.execute(sql, [ms]).expect("jobs grow older");
        let sql = "
            UPDATE attempts SET deadline = deadline - ?1, heard_at = heard_at - ?1, started_at = started_at - ?1,
                ended_at = ended_at - ?1";
        store.execute(sql, [ms]).expect("attempts grow older");
        let sql = "
            UPDATE notifications SET made_at = made_at - ?1, due_at = due_at - ?1,
                acknowledged_at = acknowledged_at - ?1, lease_until = lease_until - ?1";
        store.execute(sql, [ms]).expect("notices grow older");
        store
            .execute("UPDATE agents SET due_at = due_at - ?1, health_until = health_until - ?1", [ms])
            .expect("agents grow older");
        store
            .execute("UPDATE closed_channels SET closed_at = closed_at - ?1", [ms])
            .expect("what is known of people grows older");
        let days = hours / 24;
        store.execute("UPDATE agent_days SET day = day - ?1", [days]).expect("days pass");
        drop(store);
        self.start().await;
    }

    /// Makes somebody else the owner of an agent, so that what it does for the caller counts.
    pub(crate) async fn give_away(&mut self, agent: &str) {
        self.change("UPDATE agents SET owner_id = 99 WHERE name = ?1", agent.trim_start_matches('@')).await;
    }

    /// Makes somebody the owner of an agent.
    pub(crate) async fn give_to(&mut self, agent: &str, owner: guildhall_protocol::ids::UserId) {
        let sql = format!("UPDATE agents SET owner_id = {} WHERE name = ?1", owner.0);
        self.change(&sql, agent.trim_start_matches('@')).await;
    }

    /// Lets a token's time be up.
    pub(crate) async fn end_token(&mut self, token: &str) {
        self.change("UPDATE tokens SET expires_at = made_at WHERE last4 = ?1", &token[token.len() - 4..])
            .await;
    }

    /// Makes somebody the owner of agents, while no daemon runs.
    pub(crate) fn own_agents(&self, names: &[String], owner: guildhall_protocol::ids::UserId) {
        for name in names {
            let row = (owner.0, name);
            let given = self.store().execute("UPDATE agents SET owner_id = ?1 WHERE name = ?2", row);
            assert_eq!(given.expect("it is written"), 1, "there is {name}");
        }
    }

    /// Makes the other user of the machine the owner of an agent, once they were here.
    pub(crate) async fn give_to_stranger(&mut self, agent: &str) {
        let sql = "
            UPDATE agents
            SET owner_id = (SELECT max(id) FROM users WHERE id < 99)
            WHERE name = ?1";
        self.change(sql, agent.trim_start_matches('@')).await;
    }

    /// Makes somebody else the client of a job.
    pub(crate) async fn hand_over(&mut self, job: JobId) {
        self.change("UPDATE jobs SET client_id = 99 WHERE id = CAST(?1 AS INTEGER)", &job.0.to_string())
            .await;
    }

    /// Changes a row behind the daemon's back, once there is a user 99.
    async fn change(&mut self, sql: &str, row: &str) {
        self.kill().await;
        let store = self.store();
        let sql_user =
            "INSERT OR IGNORE INTO users (id, name, revision, chain) VALUES (99, 'bob', 0, zeroblob(32))";
        store.execute(sql_user, []).expect("a user");
        assert_eq!(store.execute(sql, [row]).expect("it is written"), 1, "there is {row}");
        drop(store);
        self.start().await;
    }

    pub(crate) fn store(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("guildhall.db")).expect("the store")
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) async fn start(&mut self) {
        self.daemon = Some(self.daemon_command().arg("serve").spawn().expect("it starts"));
        let ends = Instant::now() + PATIENCE;
        while let Err(error) = self.status().await {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().expect("it is ours"));
            assert!(ended.is_none(), "the daemon ended: {ended:?}");
            assert!(Instant::now() < ends, "the daemon does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill`, as a service manager does it, and waits for the end.
    pub(crate) async fn stop(&mut self) {
        let mut daemon = self.daemon.take().expect("it runs");
        let id = daemon.id().expect("it runs").to_string();
        assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
        tokio::time::timeout(PATIENCE, daemon.wait()).await.expect("it ends").expect("it ran");
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
            let secrets = self.register(definition).await;
            let secret = |text: &str| SigningSecret::parse(text).expect("a secret");
            samples.trust(&name, secret(&secrets.delivery_secret), secret(&secrets.callback_secret));
        }
    }

    /// Brings a scripted agent into the market.
    pub(crate) async fn hire(&self, agent: &FakeAgent, name: &str, description: &str) {
        self.hire_as(agent, agent.definition(name, description)).await;
    }

    /// Brings a scripted agent into the market that says this about itself.
    pub(crate) async fn hire_as(&self, agent: &FakeAgent, definition: AgentDefinition) {
        let secrets = self.register(definition).await;
        agent.trust(&secrets.delivery_secret, &secrets.callback_secret);
    }

    /// Registers an agent for everybody, private endpoints allowed.
    pub(crate) async fn register(&self, definition: AgentDefinition) -> Secrets {
        let options =
            RegisterOptions { allow_private: true, audience: Audience::Public, ..RegisterOptions::default() };
        let registered = self.client.call(|service, context| async move {
            service.register_agent(context, RequestId::fresh(), definition, options).await
        });
        registered.await.expect("it is registered").secrets.expect("a native agent has secrets")
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
        self.order_with(job, Order { text: text.map(str::to_owned), ..Order::of(action) }).await
    }

    /// Orders something for a job, with all that belongs to it.
    pub(crate) async fn order_with(&self, job: JobId, order: Order) -> Result<JobHead, ApiError> {
        self.client
            .call(|service, context| async move {
                service.order(context, RequestId::fresh(), job, order).await
            })
            .await
    }

    /// Stops or starts new attempts everywhere.
    pub(crate) async fn client_pauses_engine(&self, pause: bool) {
        let order = if pause { EngineOrder::Pause } else { EngineOrder::Resume };
        let ordered = self.client.call(|service, context| async move {
            service.order_engine(context, RequestId::fresh(), order, None).await
        });
        ordered.await.expect("an operator may");
    }

    /// What the caller was told, newest first.
    pub(crate) async fn notices(&self) -> Vec<NoticeView> {
        let page = PageRequest { after: None, limit: 200 };
        let notices =
            self.client.call(|service, context| async move { service.notices(context, false, page).await });
        notices.await.expect("notices").rows
    }

    /// Waits until the caller was told something of this kind.
    pub(crate) async fn until_noticed(&self, kind: &str) -> NoticeView {
        let of_kind = |notice: &&NoticeView| notice.kind.to_string() == kind;
        let notices = self.until_notices(|notices| notices.iter().any(|notice| of_kind(&notice))).await;
        notices.iter().find(of_kind).expect("it is among them").clone()
    }

    /// Waits until what the caller was told is so.
    pub(crate) async fn until_notices(&self, right: impl Fn(&[NoticeView]) -> bool) -> Vec<NoticeView> {
        let ends = Instant::now() + PATIENCE;
        loop {
            let notices = self.notices().await;
            if right(&notices) {
                return notices;
            }
            assert!(Instant::now() < ends, "nobody is told so: {notices:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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

    /// Waits until an agent's story tells something.
    pub(crate) async fn until_agent_tells(
        &self,
        name: &str,
        right: impl Fn(&AgentStory) -> bool,
    ) -> AgentStory {
        let ends = Instant::now() + PATIENCE;
        loop {
            let story = self.agent(name).await;
            if right(&story) {
                return story;
            }
            assert!(Instant::now() < ends, "{name} does not get there: {story:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Runs `guildhall`, which does as it is told; what it says.
    pub(crate) async fn run(&self, arguments: &[&str]) -> String {
        let (code, told, complaint) = self.guildhall(arguments).await;
        assert_eq!(code, 0, "guildhall {}: {told}{complaint}", arguments.join(" "));
        told
    }

    /// Runs `guildhalld` with the place's settings, which does as it is told; what it says.
    pub(crate) async fn guildhalld(&self, arguments: &[&str]) -> String {
        let output = self.daemon_command().args(arguments).output().await.expect("it runs");
        let (code, told, complaint) = ended_program(output);
        assert_eq!(code, 0, "guildhalld {}: {told}{complaint}", arguments.join(" "));
        told
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
        copy_program(env!("CARGO_BIN_EXE_test-guildhall"), &program);
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

/// Copies a program. Another one writes the copy: a test that starts something meanwhile would hand it the file that is
/// still open for writing, and then the copy could not be run.
pub(crate) fn copy_program(program: &str, to: &Path) {
    let copied = std::process::Command::new("cp").arg(program).arg(to).status().expect("cp runs");
    assert!(copied.success(), "{program} is copied");
}

/// How a program ended, and what it said.
pub(crate) fn ended_program(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

impl Drop for Place {
    /// However a test goes, it leaves a store in which nothing is lost.
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.start_kill().expect("it can be killed");
            while daemon.try_wait().expect("it is ours").is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if self.disk.is_none() && !std::thread::panicking() {
            audit(&self.folder.path().join("guildhall.db"));
        }
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
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
