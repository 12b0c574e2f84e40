//! How many jobs a second go through the front door? Three processes: this one posts, the daemon's own program matches,
//! delivers and judges, and this program again, in another role, is the agent. Prints one line of JSON.
//!
//! A job is about 1 KB, goes to an agent with schemas of its own, and is checked by one rule. The poster keeps
//! [`IN_FLIGHT`] jobs on their way and posts in one call whatever it has room for. It knows that a job is done from the
//! feed of events, which shows an event only once its commit is durable: one call every [`FEED_EVERY`] tells of all jobs
//! together, which costs the daemon a few percent of what it does for them; waiting for each job by itself would cost
//! it several queries a job. Latencies are as coarse as that pause. `GUILDHALL_BENCH_JOBS` sets the number of jobs.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_protocol::agent::{AgentDefinition, AgentState, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Subject, What};
use guildhall_protocol::ids::{EventId, JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::view::{NewJob, PAGE_ROWS_MAX, Posted, RegisterOptions};
use guildhall_protocol::wire::Wire;
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms, usage};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Jobs posted and not known to be completed.
const IN_FLIGHT: usize = 64;
/// Jobs in all, unless the variable says otherwise.
const JOBS: usize = 20_000;
/// Pause between two looks at the feed.
const FEED_EVERY: Duration = Duration::from_millis(2);
/// Longest time without a completed job before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Says that this process is the agent.
const ROLE: &str = "GUILDHALL_BENCH_ROLE";
/// Words of a job's text: about 900 bytes.
const WORDS: usize = 150;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::var_os(ROLE).is_some() { be_the_agent().await } else { measure().await }
}

#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn measure() -> Result<(), Failure> {
    let jobs = count_of("GUILDHALL_BENCH_JOBS", JOBS)?;
    let folder = tempfile::tempdir()?;
    let daemon = MeasuredDaemon::start(env!("CARGO_BIN_EXE_test-guildhalld"), folder.path()).await?;
    let client = Arc::new(daemon.client());
    let agent = Agent::hire(&client).await?;

    let before = (daemon.usage()?, usage(agent.process.id())?, usage(std::process::id())?);
    let begun = Instant::now();
    let mut latencies = post_and_follow(Arc::clone(&client), jobs).await?;
    let took = begun.elapsed();
    let after = (daemon.usage()?, usage(agent.process.id())?, usage(std::process::id())?);

    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    let line = json!({
        "bench": "throughput",
        "jobs": jobs,
        "in_flight": IN_FLIGHT,
        "jobs_per_s": per_second(jobs, took),
        "latency_ms_p50": percentile_ms(&mut latencies, 50),
        "latency_ms_p99": percentile_ms(&mut latencies, 99),
        "daemon_cpu_s": rounded(after.0.cpu_s - before.0.cpu_s),
        "agent_cpu_s": rounded(after.1.cpu_s - before.1.cpu_s),
        "poster_cpu_s": rounded(after.2.cpu_s - before.2.cpu_s),
        "daemon_memory_mb_max": after.0.memory_mb_max,
        "store_bytes": daemon.store_bytes()?,
    });
    println!("{line}");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "nobody posts so many jobs")]
fn per_second(jobs: usize, took: Duration) -> f64 {
    (jobs as f64 / took.as_secs_f64()).round()
}

fn draft() -> JobDraft {
    let text = vec!["words"; WORDS].join(" ");
    let draft = json!({
        "brief": "Count the words of this text",
        "input": {"text": text},
        "criteria": [{"rule": format!("output.words == {WORDS}")}],
    });
    serde_json::from_value(draft).expect("a draft")
}

/// When a job was posted, and the room that it takes until it is completed.
type OnItsWay = (Instant, OwnedSemaphorePermit);

/// Posts the jobs and waits until all are completed; answers how long each took.
async fn post_and_follow(client: Arc<Client>, jobs: usize) -> Result<Vec<Duration>, Failure> {
    let (posted, mut news) = mpsc::unbounded_channel();
    let mut after = newest_event(&client).await?;
    let posting = tokio::spawn(post_all(Arc::clone(&client), jobs, posted));

    let mut on_their_way: HashMap<JobId, OnItsWay> = HashMap::new();
    // The feed may tell of a job before the answer to its post is here.
    let mut early: HashMap<JobId, Instant> = HashMap::new();
    let mut latencies = Vec::with_capacity(jobs);
    let mut progress = Instant::now();
    while latencies.len() < jobs {
        let lines = events(&client, after).await?;
        let now = Instant::now();
        let full = lines.len() >= PAGE_ROWS_MAX as usize;
        for line in lines {
            after = line.id;
            let (Subject::Job(job), Wire::Known(event)) = (line.subject, line.event) else { continue };
            if let What::Completed { .. } = event.what {
                early.insert(job, now);
            } else if is_other_end(&event.what) {
                return Err(format!("job {job} was not completed: {:?}", event.what).into());
            }
        }
        while let Ok((job, posted)) = news.try_recv() {
            on_their_way.insert(job, posted);
        }
        early.retain(|job, completed| {
            let Some((posted, _)) = on_their_way.remove(job) else { return true };
            latencies.push(completed.duration_since(posted));
            progress = now;
            false
        });
        if posting.is_finished() && on_their_way.is_empty() && latencies.len() < jobs && news.is_empty() {
            return Err(posting.await?.map_or_else(Into::into, |()| "jobs are missing".into()));
        }
        if progress.elapsed() > PATIENCE {
            return Err(format!("{} of {jobs} jobs, and then none for {PATIENCE:?}", latencies.len()).into());
        }
        if !full {
            tokio::time::sleep(FEED_EVERY).await;
        }
    }
    Ok(latencies)
}

fn is_other_end(what: &What) -> bool {
    matches!(what, What::Failed { .. } | What::Expired | What::Held { .. } | What::ReviewRequested { .. })
}

/// Posts whatever there is room for, call after call.
async fn post_all(
    client: Arc<Client>,
    jobs: usize,
    posted: mpsc::UnboundedSender<(JobId, OnItsWay)>,
) -> Result<(), ApiError> {
    let (room, draft) = (Arc::new(Semaphore::new(IN_FLIGHT)), draft());
    let mut left = jobs;
    while left > 0 {
        let mut permits = vec![Arc::clone(&room).acquire_owned().await.expect("it is never closed")];
        while permits.len() < left
            && let Ok(permit) = Arc::clone(&room).try_acquire_owned()
        {
            permits.push(permit);
        }
        left -= permits.len();
        let new = || NewJob { request: RequestId::fresh(), draft: draft.clone() };
        let batch: Vec<NewJob> = permits.iter().map(|_| new()).collect();
        let begun = Instant::now();
        let answers: Vec<Result<Posted, ApiError>> =
            client.call(|service, context| async move { service.post(context, batch).await }).await?;
        for (answer, permit) in answers.into_iter().zip(permits) {
            drop(posted.send((answer?.id, (begun, permit))));
        }
    }
    Ok(())
}

async fn events(
    client: &Client,
    after: EventId,
) -> Result<Vec<guildhall_protocol::view::FeedLine>, ApiError> {
    client.call(|service, context| async move { service.events(context, after, PAGE_ROWS_MAX).await }).await
}

async fn newest_event(client: &Client) -> Result<EventId, ApiError> {
    let mut newest = EventId(0);
    while let Some(line) = events(client, newest).await?.last() {
        newest = line.id;
    }
    Ok(newest)
}

/// The agent's process, seen from the poster's. It ends when it is dropped.
struct Agent {
    process: Child,
}

impl Agent {
    /// Starts the agent, registers it, tells it its secret, and waits until the daemon has proved its endpoint.
    async fn hire(client: &Client) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.env(ROLE, "agent").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut agent = Self { process: command.spawn()? };
        let (Some(mut tell), Some(hear)) = (agent.process.stdin.take(), agent.process.stdout.take()) else {
            return Err("the agent has no pipes".into());
        };
        let mut endpoint = String::new();
        BufReader::new(hear).read_line(&mut endpoint)?;

        let text =
            json!({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}});
        let words =
            json!({"type": "object", "required": ["words"], "properties": {"words": {"type": "integer"}}});
        let definition: AgentDefinition = serde_json::from_value(json!({
            "name": "@counter",
            "description": "Counts the words of a text.",
            "endpoint": endpoint.trim(),
            "input_schema": text,
            "output_schema": words,
            "caps": {"concurrency": 4 * IN_FLIGHT},
        }))?;
        let name = definition.name.clone();
        let options = RegisterOptions {
            allow_private: true,
            audience: Audience::Public,
            house: true,
            ..RegisterOptions::default()
        };
        let register = client.call(|service, context| async move {
            service.register_agent(context, RequestId::fresh(), definition, options).await
        });
        writeln!(tell, "{}", register.await?.secrets.ok_or("a native agent has secrets")?.delivery_secret)?;

        let ends = Instant::now() + PATIENCE;
        loop {
            let name = name.clone();
            let story = client.call(|service, context| async move { service.agent(context, name).await });
            if story.await?.head.state.known() == Some(&AgentState::Active) {
                return Ok(agent);
            }
            if Instant::now() > ends {
                return Err("the agent is not active".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            assert!(std::thread::panicking(), "the agent does not end: {error}");
        }
    }
}

/// The other role: says where it listens, reads its secret, and answers until it is killed.
#[expect(clippy::print_stdout, reason = "the poster reads the endpoint from it")]
async fn be_the_agent() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}/jobs", listener.local_addr()?);
    let mut secret = String::new();
    std::io::stdin().read_line(&mut secret)?;
    let secret = SigningSecret::parse(secret.trim()).ok_or("this is no secret")?;
    let router = Router::new().route("/jobs", post(answer)).with_state(Arc::new(secret));
    Ok(axum::serve(listener, router).await?)
}

async fn answer(State(secret): State<Arc<SigningSecret>>, headers: HeaderMap, body: Bytes) -> Response {
    if !secret.verifies(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let data = &message["data"];
    let reply = if message["type"] == "agent.challenge" {
        json!({"challenge": data["challenge"]})
    } else {
        let words = data["input"]["text"].as_str().unwrap_or_default().split_whitespace().count();
        json!({"output": {"words": words}})
    };
    ([(header::CONTENT_TYPE, "application/json")], reply.to_string()).into_response()
}
