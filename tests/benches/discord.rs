//! How soon does the bot answer, and how soon does an owner hear of an assignment? A fake Discord, the real bot and the real
//! daemon, three processes on one machine. Prints one line of JSON.
//!
//! An interaction counts from the moment in which the fake hands it out to the one in which it has the answer. An assignment counts
//! from the call that posts the job to the direct message, picking and delivery included. Then bot and daemon are killed again and
//! again while thousands of people are told that their jobs are done: is one lost, is one told twice?
//! `GUILDHALL_BENCH_INTERACTIONS` and `GUILDHALL_BENCH_NOTICES` say how many there are, `GUILDHALL_SEED` when is killed.

use guildhall_protocol::account::{NewToken, Role, TokenKind, TokenScope};
use guildhall_protocol::agent::{AgentState, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::{ActingFor, Hello};
use guildhall_protocol::ids::{JobId, RequestId, UserId};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::view::{HoldOrder, NewJob, RegisterOptions};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Channel, FakeDiscord, User};
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms, usage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Interactions that are under way at the same time in the second round.
const IN_FLIGHT: usize = 64;
/// Assignments that are measured, and jobs of each person: more of a kind within a minute would be told as one.
const ASSIGNMENTS: usize = 5;
/// Longest wait until everybody is told everything.
const TELL_MAX: Duration = Duration::from_mins(15);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let interactions = count_of("GUILDHALL_BENCH_INTERACTIONS", 2_000)?;
    let folder = tempfile::tempdir()?;
    let daemon = start_daemon(folder.path()).await?;
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
    let mut bot = Bot::start(&discord, folder.path(), &token)?;
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
    let _agent = hire(&client, &discord, folder.path(), &token).await?;
    let mut told = assignments(&client, &discord).await?;
    let used = usage(bot.0.id())?;
    let notices = count_of("GUILDHALL_BENCH_NOTICES", 1_000)?;
    // Nobody is told yet: what waits is told while everything dies.
    bot.kill();
    let waiting = posted(&discord, folder.path(), &token, notices).await?;
    let seed: u64 = std::env::var("GUILDHALL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut daemon = Some(daemon);
    let killed = Killed::run(&waiting, &mut daemon, &mut bot, &discord, folder.path(), &token, seed).await?;
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
        "notices": killed.json(&waiting, seed),
    });
    println!("{line}");
    Ok(())
}

/// The bot, which ends with the bench.
struct Bot(Child);

impl Bot {
    fn start(discord: &FakeDiscord, home: &Path, token: &str) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall-bot"));
        command.env_clear().env("HOME", home).envs(discord.environment());
        command.env("GUILDHALL_TOKEN", token).env("GUILDHALL_BOT_LOG", "error");
        Ok(Self(command.arg("--socket").arg(home.join("s.sock")).spawn()?))
    }
}

impl Bot {
    fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.kill();
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

async fn start_daemon(folder: &Path) -> Result<MeasuredDaemon, Failure> {
    let settings = ["calls_per_s=100000", "user_posts_per_minute=100000"];
    Ok(MeasuredDaemon::start_with(env!("CARGO_BIN_EXE_test-guildhalld"), folder, &settings).await?)
}

/// A connection in the name of somebody on Discord.
fn behind(user: &User, home: &Path, token: &str) -> Result<Client, Failure> {
    let identity = format!("discord:{}", user.id()).parse()?;
    let acting_for = ActingFor { identity, name: "somebody".to_owned(), place: None };
    let hello =
        Hello { credential: Some(token.to_owned()), acting_for: Some(acting_for), ..Hello::of("bench") };
    Ok(Client::new(home.join("s.sock"), hello))
}

fn number() -> NewJob {
    let draft = JobDraft {
        brief: "Say a number".to_owned(),
        criteria: vec![Criterion::Rule("valid JSON".to_owned())],
        ..JobDraft::default()
    };
    NewJob { request: RequestId::fresh(), draft }
}

/// An agent whose owner is on Discord.
async fn hire(
    client: &Client,
    discord: &FakeDiscord,
    home: &Path,
    token: &str,
) -> Result<FakeAgent, Failure> {
    let owen = discord.user("owen");
    let owner: UserId = behind(&owen, home, token)?.principal().await?.user;
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
    Ok(agent)
}

/// From the post of a job to the message that its agent's owner gets.
async fn assignments(client: &Client, discord: &FakeDiscord) -> Result<Vec<Duration>, Failure> {
    let owen = discord.user("owen");
    let mut lasted = Vec::new();
    for number in 1..=ASSIGNMENTS {
        let job = self::number();
        let begun = Instant::now();
        client.call(|service, context| async move { service.post(context, vec![job]).await }).await?;
        let wanted = format!("got job {number}");
        owen.until_dm(|message| message.shows(&wanted)).await;
        lasted.push(begun.elapsed());
    }
    Ok(lasted)
}

/// Jobs of people who do not look, each to be told of.
struct Waiting {
    people: Vec<User>,
    jobs: BTreeSet<JobId>,
}

async fn posted(discord: &FakeDiscord, home: &Path, token: &str, notices: usize) -> Result<Waiting, Failure> {
    let mut waiting = Waiting { people: Vec::new(), jobs: BTreeSet::new() };
    for person in 0..notices.div_ceil(ASSIGNMENTS) {
        let user = discord.user(&format!("client{person}"));
        let client = behind(&user, home, token)?;
        let policy = client.call(|service, context| async move { service.policy(context).await }).await?;
        client
            .call(|service, context| async move {
                service.consent(context, RequestId::fresh(), policy.version).await
            })
            .await?;
        let jobs = (0..ASSIGNMENTS).map(|_| number()).collect();
        let jobs = client.call(|service, context| async move { service.post(context, jobs).await }).await?;
        for job in jobs {
            waiting.jobs.insert(job?.id);
        }
        waiting.people.push(user);
    }
    Ok(waiting)
}

/// What came of being told while everything dies.
#[derive(Default)]
struct Killed {
    bots: usize,
    daemons: usize,
    messages: usize,
    /// How often each job was told of.
    told: BTreeMap<JobId, usize>,
    lasted: Duration,
}

impl Killed {
    async fn run(
        waiting: &Waiting,
        daemon: &mut Option<MeasuredDaemon>,
        bot: &mut Bot,
        discord: &FakeDiscord,
        home: &Path,
        token: &str,
        seed: u64,
    ) -> Result<Self, Failure> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let begun = Instant::now();
        let mut killed = Self::default();
        *bot = Bot::start(discord, home, token)?;
        while begun.elapsed() < TELL_MAX {
            tokio::time::sleep(Duration::from_millis(chance.random_range(50..1_500))).await;
            killed.count(waiting);
            if waiting.jobs.iter().all(|job| killed.told.contains_key(job)) {
                break;
            }
            if chance.random_range(0..3) == 0 {
                drop(daemon.take());
                *daemon = Some(start_daemon(home).await?);
                killed.daemons += 1;
            } else {
                bot.kill();
                *bot = Bot::start(discord, home, token)?;
                killed.bots += 1;
            }
        }
        // Whatever is told once more would be told by now.
        tokio::time::sleep(Duration::from_secs(8)).await;
        killed.count(waiting);
        killed.lasted = begun.elapsed();
        Ok(killed)
    }

    /// Reads what everybody was told, jobs that are told together included.
    fn count(&mut self, waiting: &Waiting) {
        self.told.clear();
        self.messages = 0;
        for person in &waiting.people {
            for message in person.dms().iter().filter(|message| message.content().contains("done")) {
                self.messages += 1;
                let numbers = message.content().split(|letter: char| !letter.is_ascii_digit());
                let jobs: BTreeSet<JobId> =
                    numbers.filter_map(|number| number.parse().ok().map(JobId)).collect();
                for job in jobs.intersection(&waiting.jobs) {
                    *self.told.entry(*job).or_default() += 1;
                }
            }
        }
    }

    fn json(&self, waiting: &Waiting, seed: u64) -> Value {
        json!({
            "jobs": waiting.jobs.len(),
            "messages": self.messages,
            "lost": waiting.jobs.len() - self.told.len(),
            "told_twice": self.told.values().filter(|times| **times > 1).count(),
            "bots_killed": self.bots,
            "daemons_killed": self.daemons,
            "seed": seed,
            "s": self.lasted.as_secs_f64().round(),
        })
    }
}

fn shares(times: &mut [Duration]) -> Value {
    json!({"count": times.len(), "p50_ms": percentile_ms(times, 50), "p99_ms": percentile_ms(times, 99)})
}
