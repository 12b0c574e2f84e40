//! A daemon, a fake Discord, and the real bot between them.

use crate::people::scope;
use crate::place::{PATIENCE, Place};
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::agent::AgentState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Channel, FakeDiscord, Message, Server, User};
use serde_json::json;
use tokio::process::{Child, Command};

/// A daemon, a Discord, and the bot between them.
pub(crate) struct Chat {
    pub(crate) place: Place,
    pub(crate) discord: FakeDiscord,
    pub(crate) server: Server,
    pub(crate) channel: Channel,
    pub(crate) home: tempfile::TempDir,
    pub(crate) token: String,
    pub(crate) health_port: u16,
    pub(crate) bot: Option<Child>,
}

impl Chat {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(settings: &[&str]) -> Self {
        Self::open_up_to(Role::Owner, settings).await
    }

    /// With a bot whose people may so much at most.
    pub(crate) async fn open_up_to(up_to: Role, settings: &[&str]) -> Self {
        let place = Place::open_with(settings).await;
        let discord = FakeDiscord::start().await;
        let server = discord.server("Guild");
        let channel = server.channel("jobs");
        let token = place.token(None, scope(TokenKind::Bridge, up_to)).await.token;
        let home = tempfile::tempdir().expect("a folder");
        let health_port = crate::place::free_port();
        let mut chat = Self { place, discord, server, channel, home, token, health_port, bot: None };
        chat.start_bot().await;
        chat
    }

    pub(crate) fn bot_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall-bot"));
        command.env_clear().env("HOME", self.home.path()).envs(self.discord.environment());
        command.env("GUILDHALL_TOKEN", &self.token).env("GUILDHALL_BOT_LOG", "warn");
        command.env("GUILDHALL_BOT_LISTEN", format!("127.0.0.1:{}", self.health_port));
        command.arg("--socket").arg(self.place.folder.path().join("s.sock")).kill_on_drop(true);
        command
    }

    pub(crate) async fn start_bot(&mut self) {
        self.bot = Some(self.bot_command().spawn().expect("it starts"));
        self.discord.until_ready().await;
        self.discord.until_connected().await;
    }

    /// As a service manager does it.
    pub(crate) async fn stop_bot(&mut self) {
        let mut bot = self.bot.take().expect("it runs");
        let id = bot.id().expect("it runs").to_string();
        assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
        let ended = tokio::time::timeout(PATIENCE, bot.wait()).await.expect("it ends").expect("it ran");
        assert!(ended.success(), "{ended:?}");
    }

    pub(crate) async fn kill_bot(&mut self) {
        self.bot.take().expect("it runs").kill().await.expect("it dies");
        // What is clicked next is for the bot that comes, not for the connection of this one.
        self.discord.until_gone().await;
    }

    /// What the bot serves to whoever watches it.
    pub(crate) async fn served(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1:{}/{path}", self.health_port);
        // An error only says that one was installed before. Without one, reqwest panics.
        drop(rustls::crypto::ring::default_provider().install_default());
        reqwest::get(&url).await.expect("it listens").text().await.expect("text")
    }

    /// Waits until the bot counts so much, such as `notices_total{outcome="told"} 1`.
    pub(crate) async fn until_counted(&self, line: &str) {
        let wanted = format!("guildhall_bot_{line}");
        let counted = async {
            while !self.served("metrics").await.lines().any(|is| is == wanted) {
                tokio::task::yield_now().await;
            }
        };
        let counted = tokio::time::timeout(PATIENCE, counted).await;
        assert!(counted.is_ok(), "it does not count {wanted}: {}", self.served("metrics").await);
    }

    /// Somebody who has posted before, and so consented.
    pub(crate) async fn client(&self, name: &str) -> User {
        let user = self.discord.user(name);
        let client = self.place.client_with(
            &self.token,
            Some(crate::people::acting_for(&format!("discord:{}", user.id()), None)),
        );
        let who = client.principal().await.expect("they are let in").user;
        crate::people::Person { client, user: who }.consent().await;
        user
    }

    /// Posts by the form, with these options beside it; the ephemeral answer.
    pub(crate) async fn post(
        &self,
        user: &User,
        options: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Message {
        let form = user.types(&self.channel, "/job post", options).await.modal();
        user.fills(&form, fields).await.until(|message| !message.text().is_empty()).await
    }

    pub(crate) async fn steady(&self) -> FakeAgent {
        let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
        self.place.hire(&agent, "@steady", "Says a number.").await;
        self.place.until_agent("steady", AgentState::Active).await;
        agent
    }
}

/// What is asked for, so that it can be checked without anybody.
pub(crate) const NUMBER: &[(&str, &str)] = &[("brief", "Say a number"), ("criteria", "valid JSON")];

/// The number of the job that a message is about.
pub(crate) fn job_of(message: &Message) -> String {
    let text = message.text();
    let after = text.split("Job #").nth(1).unwrap_or_else(|| panic!("no job is named: {text}"));
    after.chars().take_while(char::is_ascii_digit).collect()
}

/// A text as people read it: what takes the power from it is not seen.
pub(crate) fn plain(message: &Message) -> String {
    message.text().replace(['\\', '\u{200b}'], "")
}

pub(crate) fn is_card_of(number: &str) -> impl Fn(&Message) -> bool + use<> {
    let title = format!("Job #{number}");
    move |message| {
        message.embeds().iter().any(|embed| embed["title"].as_str().is_some_and(|is| is.starts_with(&title)))
    }
}
