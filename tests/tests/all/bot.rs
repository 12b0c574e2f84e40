//! The stories of Discord: a client's, an owner's, and what goes wrong, from the slash command to the direct message, through
//! the real bot and the real daemon.

use crate::cast::{is, number_from};
use crate::people::scope;
use crate::place::{PATIENCE, Place};
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{
    Attachment, Channel, Dialect, FakeDiscord, Message, Modal, Server, User,
};
use serde_json::json;
use tokio::process::{Child, Command};

/// A daemon, a Discord, and the bot between them.
struct Chat {
    place: Place,
    discord: FakeDiscord,
    server: Server,
    channel: Channel,
    home: tempfile::TempDir,
    token: String,
    health_port: u16,
    bot: Option<Child>,
}

impl Chat {
    async fn open() -> Self {
        Self::open_with(&[]).await
    }

    async fn open_with(settings: &[&str]) -> Self {
        let place = Place::open_with(settings).await;
        let discord = FakeDiscord::start().await;
        let server = discord.server("Guild");
        let channel = server.channel("jobs");
        let token = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
        let home = tempfile::tempdir().expect("a folder");
        let health_port = crate::place::free_port();
        let mut chat = Self { place, discord, server, channel, home, token, health_port, bot: None };
        chat.start_bot().await;
        chat
    }

    fn bot_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall-bot"));
        command.env_clear().env("HOME", self.home.path()).envs(self.discord.environment());
        command.env("GUILDHALL_TOKEN", &self.token).env("GUILDHALL_BOT_LOG", "warn");
        command.env("GUILDHALL_BOT_LISTEN", format!("127.0.0.1:{}", self.health_port));
        command.arg("--socket").arg(self.place.folder.path().join("s.sock")).kill_on_drop(true);
        command
    }

    async fn start_bot(&mut self) {
        self.bot = Some(self.bot_command().spawn().expect("it starts"));
        self.discord.until_ready().await;
        self.discord.until_connected().await;
    }

    /// As a service manager does it.
    async fn stop_bot(&mut self) {
        let mut bot = self.bot.take().expect("it runs");
        let id = bot.id().expect("it runs").to_string();
        assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
        let ended = tokio::time::timeout(PATIENCE, bot.wait()).await.expect("it ends").expect("it ran");
        assert!(ended.success(), "{ended:?}");
    }

    async fn kill_bot(&mut self) {
        self.bot.take().expect("it runs").kill().await.expect("it dies");
    }

    /// Somebody who has posted before, and so consented.
    async fn client(&self, name: &str) -> User {
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
    async fn post(&self, user: &User, options: &[(&str, &str)], fields: &[(&str, &str)]) -> Message {
        let form = user.types(&self.channel, "/job post", options).await.modal();
        user.fills(&form, fields).await.until(|message| !message.text().is_empty()).await
    }

    async fn steady(&self) -> FakeAgent {
        let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
        self.place.hire(&agent, "@steady", "Says a number.").await;
        self.place.until_agent("steady", AgentState::Active).await;
        agent
    }
}

/// What is asked for, so that it can be checked without anybody.
const NUMBER: &[(&str, &str)] = &[("brief", "Say a number"), ("criteria", "valid JSON")];

/// The number of the job that a message is about.
fn job_of(message: &Message) -> String {
    let text = message.text();
    let after = text.split("Job #").nth(1).unwrap_or_else(|| panic!("no job is named: {text}"));
    after.chars().take_while(char::is_ascii_digit).collect()
}

fn is_card_of(number: &str) -> impl Fn(&Message) -> bool {
    let title = format!("Job #{number}");
    move |message| {
        message.embeds().iter().any(|embed| embed["title"].as_str().is_some_and(|is| is.starts_with(&title)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_posts_reads_and_never_sees_a_daemon() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.discord.user("ada");

    // The first post waits for consent, and nothing that was typed is lost by that.
    let told = chat.post(&ada, &[], &[("brief", "Say a number"), ("criteria", "valid JSON")]).await;
    assert!(told.shows("who receives its text") && told.files().len() == 1, "{told:?}");
    let told = ada
        .clicks(&told, "I have read it: post my job")
        .await
        .until(|message| message.shows("is posted"))
        .await;
    let number = job_of(&told);
    let card = chat.channel.until(is_card_of(&number)).await;
    assert!(!card.text().contains("Say a number"), "a private job's card tells nothing: {}", card.text());
    chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    let told = ada.until_dm(|message| message.shows("is done")).await;
    assert!(told.shows("42"), "{told:?}");

    // Whoever clicks on the card sees what they may see.
    let shown = ada.clicks(&card, "Show me").await.until(|message| message.shows("Say a number")).await;
    assert!(shown.is_ephemeral() && shown.shows("42"), "{shown:?}");
    let bob = chat.discord.user("bob");
    let shown = bob.clicks(&card, "Show me").await.until(|message| !message.text().is_empty()).await;
    assert!(
        shown.is_ephemeral() && !shown.shows("Say a number") && shown.shows("there is no job"),
        "{shown:?}"
    );
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(listed.shows("Say a number") && listed.is_ephemeral());
    let choices = ada.completes(&chat.channel, "/job show", "job", "num").await;
    assert_eq!(choices.len(), 1, "{choices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_decides_by_buttons_once() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[("review", "Always")], &[("brief", "Say a number")]).await;
    let number = job_of(&told);
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    assert!(asked.shows("42"), "{asked:?}");
    let form: Modal = ada.clicks(&asked, "Request changes").await.modal();
    let told = ada
        .fills(&form, &[("reason", "It is too small")])
        .await
        .until(|message| message.shows("goes back"))
        .await;
    assert!(told.is_ephemeral());
    // The button of the first answer is stale: nothing happens by it.
    let again = ada.until_dm(|message| message.has_button("Accept") && message.id() != asked.id()).await;
    let stale = ada.clicks(&asked, "Accept").await.until(|message| !message.text().is_empty()).await;
    assert!(stale.shows("changed meanwhile") && stale.has_button("Show it"), "{stale:?}");
    let shown = ada.clicks(&again, "Accept").await;
    shown.until(|message| message.shows("is accepted")).await;
    // The same interaction once more is the same request.
    shown.comes_again();
    let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
    let story = chat.place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed));
    chat.discord.take_complaints();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_hears_of_an_assignment() {
    let mut chat = Chat::open().await;
    let agent = chat.steady().await;
    let owen = chat.client("owen").await;
    let identity = crate::people::acting_for(&format!("discord:{}", owen.id()), None);
    let user =
        chat.place.client_with(&chat.token, Some(identity)).principal().await.expect("they are let in").user;
    chat.place.give_to("@steady", user).await;
    chat.place.post(number_from(&["@steady"])).await.expect("it is posted");
    let told = owen.until_dm(|message| message.shows("steady got job")).await;
    let told = owen.clicks(&told, "No more of these").await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("not told of"), "{told:?}");
    let paused = owen.types(&chat.channel, "/agent pause", &[("agent", "@steady")]).await;
    paused.until(|message| message.shows("paused")).await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_posted_is_said_and_kept() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat
        .post(&ada, &[], &[("brief", "Say a number"), ("criteria", "valid JSON"), ("deadline", "soon")])
        .await;
    assert!(told.shows("deadline") && told.shows("Nothing was posted"), "{told:?}");
    let form = ada.clicks(&told, "Edit again").await.modal();
    let told =
        ada.fills(&form, &[("deadline", "2h")]).await.until(|message| message.shows("is posted")).await;
    let number = job_of(&told);
    let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
    assert_eq!(chat.place.ended(job).await.head.title.as_deref(), Some("Say a number"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_along_with_what_was_given_beside_the_form() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let file = Attachment::new("numbers.json", br#"{"numbers": [1, 2]}"#.to_vec());
    let options = [("agent", "@steady"), ("label", "sums"), ("material", "numbers.json")];
    let form = ada.types_with(&chat.channel, "/job post", &options, &[file]).await.modal();
    ada.fills(&form, &[("brief", "Add them")]).await.until(|message| message.shows("is posted")).await;
    chat.place.until_met(|| !agent.assigned().is_empty()).await;
    assert_eq!(agent.assigned()[0].data["input"], json!({"numbers": [1, 2]}));
    let lie = Attachment::new("picture.png", vec![0_u8, 159, 146, 150]);
    let form =
        ada.types_with(&chat.channel, "/job post", &[("material", "picture.png")], &[lie]).await.modal();
    let told =
        ada.fills(&form, &[("brief", "Add them")]).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("the file is no text") && told.shows("Nothing was posted"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_either_loses_nothing_and_buttons_work_on() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[("review", "Always")], &[("brief", "Say a number")]).await;
    let job = guildhall_protocol::ids::JobId(job_of(&told).parse().expect("a number"));
    chat.place.until(job, is(JobState::InReview(guildhall_protocol::state::Reviewer::Client))).await;
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    chat.kill_bot().await;
    chat.place.kill().await;
    chat.place.start().await;
    chat.start_bot().await;
    ada.clicks(&asked, "Accept").await.until(|message| message.shows("is accepted")).await;
    chat.channel.until(|message| message.shows("completed")).await;
    chat.stop_bot().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_arrives_once_whoever_dies() {
    // More of a kind within a minute would be told as one.
    const JOBS: usize = 5;
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let owen = chat.client("owen").await;
    let identity = crate::people::acting_for(&format!("discord:{}", owen.id()), None);
    let client = chat.place.client_with(&chat.token, Some(identity));
    let user = client.principal().await.expect("they are let in").user;
    let person = crate::people::Person { client, user };
    for round in 0..JOBS {
        let job = person.post(number_from(&["@steady"])).await.expect("it is posted");
        if round % 2 == 0 {
            // At some moment between the lease and the acknowledgment, or before, or after.
            chat.place.ended(job).await;
        }
        chat.kill_bot().await;
        if round % 2 == 1 {
            chat.place.kill().await;
            chat.place.start().await;
        }
        chat.start_bot().await;
    }
    let is_done = |message: &Message| message.shows("is done");
    let told = || owen.dms().into_iter().filter(is_done).map(|message| job_of(&message));
    let all = |told: &[String]| told.iter().collect::<std::collections::BTreeSet<_>>().len() == JOBS;
    owen.until_dm(|_| all(&told().collect::<Vec<_>>())).await;
    let told: Vec<String> = told().collect();
    assert_eq!(told.len(), JOBS, "nobody is told twice: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_people_are_told_that_nothing_happened() {
    let mut chat = Chat::open().await;
    let ada = chat.client("ada").await;
    chat.place.stop().await;
    let told = chat.post(&ada, &[], &[("brief", "Say a number")]).await;
    assert!(told.shows("Nothing was") && told.files().len() == 1, "{told:?}");
    chat.place.start().await;
    let _agent = chat.steady().await;
    chat.post(&ada, &[], NUMBER).await;
    ada.until_dm(|message| message.shows("is done")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_doors_and_lost_cards_hold_nobody_up() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.client("ada").await, chat.client("bob").await);
    ada.closes_dms();
    let told = chat.post(&ada, &[], NUMBER).await;
    let number = job_of(&told);
    chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    // Where no card can be posted, direct messages take it.
    chat.server.removes_bot();
    bob.installs_app();
    let told = chat.post(&bob, &[], NUMBER).await;
    assert!(told.shows("told by direct message"), "{told:?}");
    bob.until_dm(is_card_of(&job_of(&told))).await;
    bob.until_dm(|message| message.shows("is done")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_answered_all_the_same() {
    let chat = Chat::open().await;
    let ada = chat.client("ada").await;
    chat.discord.drops_connection();
    chat.discord.until_connected().await;
    let told = ada.types(&chat.channel, "/help", &[]).await.message();
    assert!(told.shows("/job post"), "{told:?}");
    for (path, wanted) in [("healthz", "ok"), ("metrics", "guildhall_bot_interactions_total 1")] {
        let url = format!("http://127.0.0.1:{}/{path}", chat.health_port);
        // An error only says that one was installed before. Without one, reqwest panics.
        drop(rustls::crypto::ring::default_provider().install_default());
        let told = reqwest::get(&url).await.expect("it listens").text().await.expect("text");
        assert!(told.contains(wanted), "{path}: {told}");
    }
    let (mut second, home) = (chat.bot_command(), chat.home.path());
    let output = second.env("HOME", home).output().await.expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("runs on this machine already"), "{told}");
    let output = chat.bot_command().arg("check").output().await.expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("invite it: https://discord.com/oauth2"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_has_no_power_and_long_answers_are_files() {
    const BOMB: &str = "@everyone <@1> **bold** `tick` ```fence``` ||hidden|| https://evil.example [x](http://evil.example) \u{202e}rtl";
    let chat = Chat::open().await;
    let agent = FakeAgent::start(|delivery| {
        let long = delivery.data["brief"].as_str().is_some_and(|brief| brief.contains("long"));
        Answer::Output(json!(if long { "x".repeat(900_000) } else { BOMB.to_owned() }))
    })
    .await;
    chat.place.hire(&agent, "@bomber", "Says something odd.").await;
    chat.place.until_agent("bomber", AgentState::Active).await;
    let ada = chat.client("ada").await;
    let brief = format!("{BOMB} {}", "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}".repeat(300));
    let fields = [("brief", brief.as_str()), ("title", BOMB), ("criteria", "min 1 words")];
    chat.post(&ada, &[("visibility", "Everybody here")], &fields).await;
    let card = chat.channel.until(|message| message.shows("completed")).await;
    let told = ada.until_dm(|message| message.shows("is done")).await;
    for message in [&card, &told] {
        assert!(message.pings().is_empty());
        let text = message.text();
        // Outside of the block nothing of it acts; in the block only its end would.
        let outside: String = text.split("```").step_by(2).collect();
        assert!(
            !outside.contains("@everyone") && !outside.contains("<@1>") && !outside.contains("https://"),
            "{outside}"
        );
        assert!(text.matches("```").count() % 2 == 0 && !text.contains('\u{202e}'), "{text}");
    }
    let long = [("brief", "Say something long"), ("criteria", "min 1 words")];
    let told = chat.post(&ada, &[], &long).await;
    let number = job_of(&told);
    let told = ada.until_dm(|message| message.shows("is done") && message.shows(&format!("#{number}"))).await;
    assert!(told.files().len() == 1 && told.files()[0].bytes.len() == 900_000, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_people_post_at_once_through_any_dialect() {
    let chat = Chat::open_with(&["user_posts_per_minute=1000"]).await;
    let _agent = chat.steady().await;
    chat.discord.speaks(Dialect {
        without_optional_fields: true,
        with_extra_fields: true,
        numbers_as_texts: true,
    });
    let mut people = Vec::new();
    for number in 0..50 {
        people.push(chat.client(&format!("user{number}")).await);
    }
    let posts = people.iter().map(|user| chat.post(user, &[], NUMBER));
    let told = futures::future::join_all(posts).await;
    let numbers: std::collections::BTreeSet<String> = told.iter().map(job_of).collect();
    assert_eq!(numbers.len(), 50, "each has a job of their own");
    assert_eq!(chat.channel.messages().len(), 50, "and a card");
    for number in numbers {
        let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
        assert_eq!(chat.place.ended(job).await.head.state.known(), Some(&JobState::Completed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_jobs_is_shown_and_then_posted_once() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let lines: String = (1..=12).map(|number| format!("{{\"brief\": \"Say number {number}\"}}\n")).collect();
    let file = Attachment::new("jobs.jsonl", lines.into_bytes());
    let shown = ada
        .types_with(&chat.channel, "/job post", &[("material", "jobs.jsonl"), ("label", "many")], &[file])
        .await;
    let shown = shown.until(|message| message.has_button("Post all of them")).await;
    assert!(shown.shows("12 jobs") && shown.shows("Nothing is posted yet"), "{shown:?}");
    for _ in 0..2 {
        ada.clicks(&shown, "Post all of them")
            .await
            .until(|message| message.shows("12 jobs are posted"))
            .await;
    }
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(listed.shows("#12") && !listed.shows("#13") && listed.has_button("Older"), "{listed:?}");
}
