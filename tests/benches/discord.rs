//! How soon does the bot answer, and how soon does an owner hear of an assignment? A fake Discord, the real bot and the real
//! daemon, three processes on one machine. Prints one line of JSON.
//!
//! An interaction counts from the moment in which the fake hands it out to the one in which it has the answer. An assignment counts
//! from the call that posts the job to the direct message, picking and delivery included. `GUILDHALL_BENCH_INTERACTIONS` says how
//! many interactions there are.

use guildhall_protocol::account::{NewToken, Role, TokenKind, TokenScope};
use guildhall_protocol::agent::{AgentState, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::{ActingFor, Hello};
use guildhall_protocol::ids::{RequestId, UserId};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::view::{HoldOrder, NewJob, RegisterOptions};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Channel, FakeDiscord, User};
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms, usage};
use serde_json::{Value, json};
use std::error::Error;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Interactions that are under way at the same time in the second round.
const IN_FLIGHT: usize = 64;
/// Assignments that are measured: more of a kind within a minute would be told as one.
const ASSIGNMENTS: usize = 5;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let interactions = count_of("GUILDHALL_BENCH_INTERACTIONS", 2_000)?;
    let folder = tempfile::tempdir()?;
    let daemon = MeasuredDaemon::start_with(
        env!("CARGO_BIN_EXE_test-guildhalld"),
        folder.path(),
        &["calls_per_s=100000", "user_posts_per_minute=100000"],
    )
    .await?;
    let client = daemon.client();
    let scope =
        TokenScope { kind: TokenKind::Bridge, up_to: Role::Owner, read_only: false, places: Vec::new() };
    let token = NewToken { user: None, name: "bench".to_owned(), scope, days: 1 };
    let token = client
        .call(|service, context| async move { service.make_token(context, RequestId::fresh(), token).await })
        .await?
        .token;
    let discord = FakeDiscord::start().await;
    let channel = discord.server("Guild").channel("jobs");
    let bot = Bot::start(&discord, folder.path(), &token)?;
    discord.until_ready().await;

    let ada = discord.user("ada");
    let mut alone = rounds(&ada, &channel, interactions / 2).await?;
    let people: Vec<User> = (0..IN_FLIGHT).map(|number| discord.user(&format!("user{number}"))).collect();
    let mut crowd = Vec::new();
    let mut waves = Vec::new();
    for person in &people {
        waves.push(rounds(person, &channel, (interactions / 2).div_ceil(IN_FLIGHT)));
    }
    for times in futures::future::join_all(waves).await {
        crowd.extend(times?);
    }
    let mut told = assignments(&client, &discord, folder.path(), &token).await?;
    let used = usage(bot.0.id())?;
    let line = json!({
        "bench": "discord",
        "interactions": alone.len() + crowd.len(),
        "one_at_a_time": shares(&mut alone),
        "in_flight": IN_FLIGHT,
        "at_once": shares(&mut crowd),
        "assignment_to_dm": shares(&mut told),
        "bot_memory_mb": used.memory_mb,
        "bot_memory_mb_max": used.memory_mb_max,
        "bot_cpu_s": used.cpu_s,
    });
    println!("{line}");
    Ok(())
}

/// The bot, which ends with the bench.
struct Bot(Child);

impl Bot {
    fn start(discord: &FakeDiscord, home: &std::path::Path, token: &str) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall-bot"));
        command.env_clear().env("HOME", home).envs(discord.environment());
        command.env("GUILDHALL_TOKEN", token).env("GUILDHALL_BOT_LOG", "error");
        Ok(Self(command.arg("--socket").arg(home.join("s.sock")).spawn()?))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// One user who looks into her inbox again and again.
async fn rounds(user: &User, channel: &Channel, times: usize) -> Result<Vec<Duration>, Failure> {
    let mut lasted = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let shown = user.types(channel, "/inbox", &[]).await;
        lasted.push(begun.elapsed());
        if shown.did_not_respond() {
            return Err("an interaction was not answered".into());
        }
    }
    Ok(lasted)
}

/// Jobs for an agent whose owner is on Discord: from the post to the message.
async fn assignments(
    client: &Client,
    discord: &FakeDiscord,
    home: &std::path::Path,
    token: &str,
) -> Result<Vec<Duration>, Failure> {
    let owen = discord.user("owen");
    let identity = format!("discord:{}", owen.id()).parse()?;
    let acting_for = ActingFor { identity, name: "owen".to_owned(), place: None };
    let hello =
        Hello { credential: Some(token.to_owned()), acting_for: Some(acting_for), ..Hello::of("bench") };
    let owner: UserId = Client::new(home.join("s.sock"), hello).principal().await?.user;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    let definition = agent.definition("@steady", "Says a number.");
    let options =
        RegisterOptions { allow_private: true, audience: Audience::Public, ..RegisterOptions::default() };
    let registered = client
        .call(|service, context| async move {
            service.register_agent(context, RequestId::fresh(), definition, options).await
        })
        .await?;
    let secrets = registered.secrets.ok_or("a native agent has secrets")?;
    agent.trust(&secrets.delivery_secret, &secrets.callback_secret);
    loop {
        let story = client
            .call(|service, context| async move {
                service.agent(context, "@steady".parse().expect("a name")).await
            })
            .await?;
        if story.head.state.known() == Some(&AgentState::Active) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let order = HoldOrder::AddOwner { user: guildhall_protocol::account::UserRef::Number(owner) };
    client
        .call(|service, context| async move {
            service.hold_agent(context, RequestId::fresh(), "@steady".parse().expect("a name"), order).await
        })
        .await?;
    let mut lasted = Vec::new();
    for number in 1..=ASSIGNMENTS {
        let draft = JobDraft {
            brief: "Say a number".to_owned(),
            criteria: vec![Criterion::Rule("valid JSON".to_owned())],
            ..JobDraft::default()
        };
        let job = NewJob { request: RequestId::fresh(), draft };
        let begun = Instant::now();
        client.call(|service, context| async move { service.post(context, vec![job]).await }).await?;
        let wanted = format!("got job {number}");
        owen.until_dm(|message| message.shows(&wanted)).await;
        lasted.push(begun.elapsed());
    }
    Ok(lasted)
}

fn shares(times: &mut [Duration]) -> Value {
    json!({"count": times.len(), "p50_ms": percentile_ms(times, 50), "p99_ms": percentile_ms(times, 99)})
}
