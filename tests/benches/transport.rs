//! How many calls a second go over the unix socket and over TLS, and does a normal client notice a crowd that means no
//! good? Prints one line of JSON. The calls are `status`, a cheap read.
//!
//! For the second question a client calls [`CALLS_PER_S`] times a second over TLS, and beside that makes
//! [`NEW_PER_S`] new connections a second, each with one call. It does so alone, and then beside [`IDLE`] connections that
//! say nothing and [`ATTACKERS`] attackers: a quarter each sends garbage, begins handshakes and is silent, connects and
//! closes, calls with the token of another user far over its limit. They are this program again, in a process of its own
//! with the lowest priority, since real ones do not run on the daemon's processors; `attackers` tells how they are paced, and
//! `GUILDHALL_BENCH_SPEED` makes them so many times as fast. All limits are the daemon's defaults.
//!
//! A machine with nothing to do takes longer to wake for a call than a busy one, and all share a few processors. So there is a
//! third kind of phase: the crowd meets another daemon, `elsewhere`, while the client calls the first one. What is slower
//! beside the crowd than then is what the daemon lets the crowd do to the client.

use guildhall_daemon::tls::authority::{self, TlsCommand};
use guildhall_protocol::account::{NewToken, Role, TokenKind, TokenScope, UserRef};
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::RequestId;
use guildhall_tests::attackers::{Deeds, Target};
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms, usage};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time in which calls are counted, for each way and number of connections.
const COUNT_FOR: Duration = Duration::from_secs(2);
/// Connections that call at the same time.
const CONNECTIONS: usize = 16;
/// Calls of the normal client, and its new connections: it is far within the limits.
const CALLS_PER_S: u32 = 100;
const NEW_PER_S: u32 = 10;
/// Time of a phase, and how often each kind comes: others on the machine come and go.
const PHASE: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
/// Connections that are let in and say nothing.
const IDLE: usize = 1_000;
/// Of one user: fewer than the most that one may have.
const IDLE_PER_USER: usize = 50;
/// Those who mean no good.
const ATTACKERS: usize = 200;
/// Time in which the crowd gets going before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// Names the place of the daemon to the process that is the crowd.
const CROWD: &str = "GUILDHALL_BENCH_CROWD";

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::var_os(CROWD).is_some() { be_the_crowd().await } else { measure().await }
}

#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn measure() -> Result<(), Failure> {
    let calls_per_s = count_calls().await?;
    let folder = tempfile::tempdir()?;
    let place = Place::open(folder.path(), &[]).await?;
    let token = place.token("normal").await?;
    let client = place.client(&token);
    client.principal().await?;

    let speed = count_of("GUILDHALL_BENCH_SPEED", 1)?;
    let other_folder = tempfile::tempdir()?;
    let other = Place::open(other_folder.path(), &[]).await?;
    let [mut alone, mut elsewhere, mut beside] = [(); 3].map(|()| Phase::default());
    let (mut crowd_did, mut crowd_cpu_s) = (Vec::new(), 0.0);
    let memory_mb_alone = place.daemon.usage()?.memory_mb;
    let mut memory_mb_idle = Vec::new();
    for round in 0..ROUNDS {
        place.phase(&client, &token, &mut alone).await?;
        let mut crowd = Crowd::gather(&other, round, speed).await?;
        crowd.attack().await?;
        place.phase(&client, &token, &mut elsewhere).await?;
        crowd.end()?;
        let mut crowd = Crowd::gather(&place, round, speed).await?;
        memory_mb_idle.push(place.daemon.usage()?.memory_mb);
        crowd.attack().await?;
        let before = usage(crowd.process.id())?;
        place.phase(&client, &token, &mut beside).await?;
        crowd_cpu_s += usage(crowd.process.id())?.cpu_s - before.cpu_s;
        crowd_did.push(crowd.end()?);
    }
    let (alone, elsewhere, beside) = (alone.end(), elsewhere.end(), beside.end());
    let line = json!({
        "bench": "transport",
        "calls_per_s": calls_per_s,
        "alone": alone,
        "elsewhere": elsewhere,
        "beside": beside,
        "ratio_p99": ratio(&beside, &alone),
        "ratio_p99_to_elsewhere": ratio(&beside, &elsewhere),
        "idle_connections": IDLE,
        "attackers": ATTACKERS,
        "speed": speed,
        "crowd_did": crowd_did,
        "crowd_cpu": of_phases(crowd_cpu_s),
        "daemon_memory_mb_alone": memory_mb_alone,
        "daemon_memory_mb_idle_connections": memory_mb_idle,
        "daemon_memory_mb_max": place.daemon.usage()?.memory_mb_max,
    });
    println!("{line}");
    Ok(())
}

/// How much longer the slowest of a hundred calls take in one kind of phase than in another.
fn ratio(of: &Value, to: &Value) -> Value {
    let ms_p99 = |kind: &str, phase: &Value| phase[kind]["ms_p99"].as_f64();
    let ratio = |kind| ms_p99(kind, of).zip(ms_p99(kind, to)).map(|(of, to)| rounded(of / to));
    json!({"one_connection": ratio("one_connection"), "new_connections": ratio("new_connections")})
}

/// Processors that were busy in the phases of one kind.
#[expect(clippy::cast_precision_loss, reason = "the rounds are few")]
fn of_phases(cpu_s: f64) -> f64 {
    rounded(cpu_s / PHASE.as_secs_f64() / ROUNDS as f64)
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A daemon that listens to the network.
struct Place {
    daemon: MeasuredDaemon,
    address: SocketAddr,
    ca: PathBuf,
}

impl Place {
    async fn open(folder: &Path, settings: &[&str]) -> Result<Self, Failure> {
        let tls = folder.join("tls");
        let command = TlsCommand::Init { name: vec!["127.0.0.1".to_owned()], renew: false };
        authority::run(&tls, &command, &mut std::io::sink())?;
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let own = [
            format!("listen={address}"),
            format!("tls_cert={}", tls.join("daemon.pem").display()),
            format!("tls_key={}", tls.join("daemon.key").display()),
        ];
        let settings: Vec<&str> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        let program = env!("CARGO_BIN_EXE_test-guildhalld");
        let daemon = MeasuredDaemon::start_with(program, folder, &settings).await?;
        Ok(Self { daemon, address, ca: tls.join("ca.pem") })
    }

    /// The token of a new user.
    async fn token(&self, name: &str) -> Result<String, Failure> {
        let admin = self.daemon.client();
        let added = name.to_owned();
        let user = admin.call(|service, context| async move {
            service.add_user(context, RequestId::fresh(), added).await
        });
        let user = Some(UserRef::Number(user.await?.head.id));
        let scope = TokenScope { kind: TokenKind::Api, up_to: Role::Owner, read_only: false, places: vec![] };
        let token = NewToken { user, name: name.to_owned(), scope, days: 1 };
        let made = admin.call(|service, context| async move {
            service.make_token(context, RequestId::fresh(), token).await
        });
        Ok(made.await?.token)
    }

    /// A connection of its own over TLS.
    fn client(&self, token: &str) -> Client {
        let hello = Hello { credential: Some(token.to_owned()), ..Hello::of("bench") };
        let endpoint = Endpoint::server(&self.address.to_string(), Some(self.ca.clone()));
        Client::new(endpoint.expect("an address is one"), hello)
    }

    /// The normal client, once more.
    async fn phase(&self, client: &Client, token: &str, phase: &mut Phase) -> Result<(), Failure> {
        let before = self.daemon.usage()?;
        let calls = steady(CALLS_PER_S, &mut phase.calls, || status(client));
        let new = async || status(&self.client(token)).await;
        let new_connections = steady(NEW_PER_S, &mut phase.new_connections, new);
        tokio::join!(calls, new_connections);
        phase.daemon_cpu_s += self.daemon.usage()?.cpu_s - before.cpu_s;
        Ok(())
    }
}

async fn status(client: &Client) -> bool {
    client.call(|service, context| async move { service.status(context).await }).await.is_ok()
}

/// What the normal client saw in the phases of one kind.
#[derive(Default)]
struct Phase {
    calls: Seen,
    new_connections: Seen,
    daemon_cpu_s: f64,
}

#[derive(Default)]
struct Seen {
    errors: usize,
    times: Vec<Duration>,
}

impl Phase {
    fn end(self) -> Value {
        json!({
            "one_connection": self.calls.end(),
            "new_connections": self.new_connections.end(),
            "daemon_cpu": of_phases(self.daemon_cpu_s),
        })
    }
}

impl Seen {
    fn end(mut self) -> Value {
        json!({
            "calls": self.times.len(),
            "errors": self.errors,
            "ms_p50": percentile_ms(&mut self.times, 50),
            "ms_p99": percentile_ms(&mut self.times, 99),
        })
    }
}

/// Does something so often a second, one after another. What the one before made late counts from when it was to begin.
async fn steady(per_s: u32, seen: &mut Seen, act: impl AsyncFn() -> bool) {
    let (begun, every) = (Instant::now(), Duration::from_secs(1) / per_s);
    for number in 0.. {
        let due = begun + every * number;
        if due > begun + PHASE {
            return;
        }
        let late = Instant::now() > due;
        tokio::time::sleep_until(due.into()).await;
        let from = if late { due } else { Instant::now() };
        seen.errors += usize::from(!act().await);
        seen.times.push(from.elapsed());
    }
}

/// Calls a second over both ways, without limits that would be all that is measured.
async fn count_calls() -> Result<Value, Failure> {
    let folder = tempfile::tempdir()?;
    let place = Place::open(folder.path(), &["calls_per_s=1000000"]).await?;
    let token = place.token("counter").await?;
    let mut counts = serde_json::Map::new();
    for (way, over_tls) in [("socket", false), ("tls", true)] {
        for connections in [1, CONNECTIONS] {
            let clients: Vec<Client> = (0..connections)
                .map(|_| if over_tls { place.client(&token) } else { place.daemon.client() })
                .collect();
            let begun = place.daemon.usage()?;
            let made =
                futures::future::join_all(clients.into_iter().map(|client| tokio::spawn(count(client))))
                    .await;
            let calls: u32 = made.into_iter().collect::<Result<Vec<u32>, _>>()?.into_iter().sum();
            let cpu_s = place.daemon.usage()?.cpu_s - begun.cpu_s;
            let told = json!({
                "per_s": (f64::from(calls) / COUNT_FOR.as_secs_f64()).round(),
                "daemon_us_per_call": rounded(cpu_s * 1_000_000.0 / f64::from(calls.max(1))),
            });
            counts.insert(format!("{way}_{connections}"), told);
        }
    }
    Ok(Value::Object(counts))
}

async fn count(client: Client) -> u32 {
    assert!(status(&client).await, "it is let in");
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < COUNT_FOR {
        assert!(status(&client).await, "the daemon answers");
        calls += 1;
    }
    calls
}

/// The process that is everybody else.
struct Crowd {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Crowd {
    /// Starts it, and waits until those who are idle are let in.
    async fn gather(place: &Place, round: usize, speed: usize) -> Result<Self, Failure> {
        let mut tokens = vec![place.token(&format!("flood{round}")).await?];
        for number in 0..IDLE.div_ceil(IDLE_PER_USER) {
            tokens.push(place.token(&format!("idle{round}_{number}")).await?);
        }
        let target = json!({"address": place.address, "ca": place.ca, "tokens": tokens, "speed": speed});
        let mut process = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe()?)
            .env(CROWD, target.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut crowd = Self { process, lines };
        crowd.line()?;
        Ok(crowd)
    }

    /// From here on they attack.
    async fn attack(&mut self) -> Result<(), Failure> {
        use std::io::Write;
        writeln!(self.process.stdin.as_mut().ok_or("no input")?)?;
        tokio::time::sleep(WARM_UP).await;
        Ok(())
    }

    /// Ends it; what they did.
    fn end(&mut self) -> Result<Value, Failure> {
        drop(self.process.stdin.take());
        let did = serde_json::from_str(&self.line()?)?;
        self.process.wait()?;
        Ok(did)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("the crowd ended".into());
        }
        Ok(line)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It has ended already, unless something failed.
        drop(self.process.kill());
    }
}

/// A line says that those who are idle are in; a line on the input lets the others begin; its end ends all.
#[expect(clippy::print_stdout, reason = "the bench reads it")]
async fn be_the_crowd() -> Result<(), Failure> {
    let told: Value = serde_json::from_str(&std::env::var(CROWD)?)?;
    let address: SocketAddr = told["address"].as_str().ok_or("no address")?.parse()?;
    let ca = PathBuf::from(told["ca"].as_str().ok_or("no authority")?);
    let tokens: Vec<String> = serde_json::from_value(told["tokens"].clone())?;
    let (flood, idle) = tokens.split_first().ok_or("no tokens")?;
    let speed = u32::try_from(told["speed"].as_u64().unwrap_or(1))?;
    let target = Arc::new(Target::new(address, ca, speed.max(1))?);
    let mut connections = Vec::new();
    for number in 0..IDLE {
        connections.push(target.idle(number, &idle[number / IDLE_PER_USER]).await?);
    }
    println!("ready");
    let mut input = std::io::stdin().lock().lines();
    input.next().transpose()?;
    let deeds = Arc::new(Deeds::default());
    for number in 0..ATTACKERS {
        let (target, token, deeds) = (Arc::clone(&target), flood.clone(), Arc::clone(&deeds));
        tokio::spawn(async move {
            // Not all in the same moment.
            tokio::time::sleep(Duration::from_millis(u64::try_from(number).unwrap_or(0))).await;
            target.attack(number, &token, &deeds).await;
        });
    }
    input.next().transpose()?;
    let did = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let line = json!({
        "garbage": did(&deeds.garbage),
        "silent": did(&deeds.silent),
        "closed": did(&deeds.closed),
        "calls_answered": did(&deeds.calls),
        "calls_refused": did(&deeds.refused),
    });
    println!("{line}");
    drop(connections);
    Ok(())
}
