//! What do a hundred thousand jobs cost that wait for their agents to call back? Memory per waiting job, the time of a
//! fresh job beside them, and how exactly they expire. Prints one line of JSON.
//!
//! The agents are many, in this process, and accept everything (202). Every waiting job has a deadline of its own within
//! one minute; the daemon's events say when each expired. Fresh jobs are posted one by one, before the crowd is there
//! and while it waits, to an agent that answers at once; the two are compared within this run. `GUILDHALL_BENCH_JOBS`
//! sets the number of jobs.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use guildhall_protocol::agent::{AgentDefinition, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::history::{Subject, What};
use guildhall_protocol::ids::{EventId, JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{NewJob, PAGE_ROWS_MAX, RegisterOptions, Scope};
use guildhall_protocol::wire::Wire;
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

/// Jobs that wait, unless the variable says otherwise.
const JOBS: usize = 100_000;
/// Jobs of one agent: the most that one may have at a time.
const JOBS_PER_AGENT: usize = 1_000;
/// Jobs in one call.
const BATCH: usize = 100;
/// Jobs a second that are surely posted: the deadlines begin after that time, and a pause for the fresh ones.
const POSTED_PER_S: usize = 500;
const PAUSE: Duration = Duration::from_secs(40);
/// The deadlines lie within this time.
const SPREAD: Duration = Duration::from_mins(1);
/// Fresh jobs, before and beside the crowd.
const FRESH: usize = 200;
/// Longest time without news before the bench gives up.
const PATIENCE: Duration = Duration::from_mins(2);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let jobs = count_of("GUILDHALL_BENCH_JOBS", JOBS)?;
    let folder = tempfile::tempdir()?;
    let program = env!("CARGO_BIN_EXE_test-guildhalld");
    let settings = ["public_listen=127.0.0.1:0"];
    let daemon = MeasuredDaemon::start_with(program, folder.path(), &settings).await?;
    let client = daemon.client();
    let agents = jobs.div_ceil(JOBS_PER_AGENT);
    hire(&client, agents).await?;

    let mut alone = fresh_jobs(&client).await?;
    let before = daemon.usage()?;
    let first = Timestamp::now().after(Duration::from_secs((jobs / POSTED_PER_S) as u64) + PAUSE);
    let begun = Instant::now();
    let deadlines = post_waiting(&client, jobs, agents, first).await?;
    until_working(&client, jobs).await?;
    let (filled, waiting) = (begun.elapsed(), daemon.usage()?);
    let mut beside = fresh_jobs(&client).await?;
    let in_time = Timestamp::now() < first;
    let mut late = expiries(&client, &deadlines).await?;

    let kilobytes = |megabytes: f64| (megabytes * 1_024.0 * 100.0).round() / 100.0;
    #[expect(clippy::cast_precision_loss, reason = "nobody waits for so many jobs")]
    let per_job = kilobytes(waiting.memory_mb - before.memory_mb) / jobs as f64;
    let line = json!({
        "bench": "waiting",
        "jobs": jobs,
        "agents": agents,
        "filled_s": filled.as_secs(),
        "memory_mb_before": before.memory_mb,
        "memory_mb_waiting": waiting.memory_mb,
        "memory_kb_per_job": (per_job * 1_000.0).round() / 1_000.0,
        "fresh_ms_p50_alone": percentile_ms(&mut alone, 50),
        "fresh_ms_p99_alone": percentile_ms(&mut alone, 99),
        "fresh_ms_p50_beside": percentile_ms(&mut beside, 50),
        "fresh_ms_p99_beside": percentile_ms(&mut beside, 99),
        "fresh_before_first_deadline": in_time,
        "expiry_late_ms_p50": percentile_ms(&mut late, 50),
        "expiry_late_ms_p99": percentile_ms(&mut late, 99),
        "expiry_late_ms_max": percentile_ms(&mut late, 100),
        "store_bytes": daemon.store_bytes()?,
    });
    println!("{line}");
    Ok(())
}

/// Brings one agent that answers at once, and many that accept, into the market.
async fn hire(client: &Client, agents: usize) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/{name}", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let names = (0..agents).map(|number| format!("slow-{number}")).chain(["quick".to_owned()]);
    for name in names {
        let definition: AgentDefinition = serde_json::from_value(json!({
            "name": format!("@{name}"),
            "description": "Says a number.",
            "endpoint": format!("http://{address}/{name}"),
            "caps": {"concurrency": JOBS_PER_AGENT},
            "time_limits": {"answer_ms": 3_600_000, "silence_ms": 3_600_000},
        }))?;
        let options = RegisterOptions {
            allow_private: true,
            audience: Audience::Public,
            house: true,
            ..RegisterOptions::default()
        };
        client
            .call(|service, context| async move {
                service.register_agent(context, RequestId::fresh(), definition, options).await
            })
            .await?;
    }
    let wanted = u64::try_from(agents + 1)?;
    let begun = Instant::now();
    loop {
        let status = client.call(|service, context| async move { service.status(context).await }).await?;
        if status.agents_active >= wanted {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err("the agents are not active".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the agents say. They do not check signatures: the bench measures the daemon.
async fn answer(Path(name): Path<String>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reply = match message["type"].as_str() {
        Some("agent.challenge") => json!({"challenge": message["data"]["challenge"]}),
        Some("job.assigned") if name == "quick" => json!({"output": 1}),
        Some("job.assigned") => return StatusCode::ACCEPTED.into_response(),
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    ([(header::CONTENT_TYPE, "application/json")], reply.to_string()).into_response()
}

fn draft(agent: &str) -> Result<JobDraft, Failure> {
    Ok(serde_json::from_value(json!({
        "brief": "Say a number above zero.",
        "criteria": [{"rule": "output > 0"}],
        "only": [agent],
        "policy": {"attempts_max": 1},
    }))?)
}

/// Posts jobs one by one to the quick agent; answers how long each took from post to completion.
async fn fresh_jobs(client: &Client) -> Result<Vec<Duration>, Failure> {
    let draft = draft("quick")?;
    let mut times = Vec::with_capacity(FRESH);
    for _ in 0..FRESH {
        let begun = Instant::now();
        let id = post_jobs(client, vec![draft.clone()]).await?[0];
        let mut seen = 0;
        loop {
            seen = client
                .call(|service, context| async move {
                    service.wait_for_change(context, Scope::Job(id), seen, 1_000).await
                })
                .await?;
            let story = client.call(|service, context| async move { service.job(context, id).await }).await?;
            if story.head.state.known().is_some_and(|state| state.is_terminal()) {
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("job {id} does not end").into());
            }
        }
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn post_jobs(client: &Client, drafts: Vec<JobDraft>) -> Result<Vec<JobId>, Failure> {
    let jobs: Vec<NewJob> =
        drafts.into_iter().map(|draft| NewJob { request: RequestId::fresh(), draft }).collect();
    let posted = client.call(|service, context| async move { service.post(context, jobs).await }).await?;
    posted.into_iter().map(|posted| Ok(posted?.id)).collect()
}

/// Posts the crowd; answers the deadline of each job.
async fn post_waiting(
    client: &Client,
    jobs: usize,
    agents: usize,
    first: Timestamp,
) -> Result<HashMap<JobId, Timestamp>, Failure> {
    let step = SPREAD / u32::try_from(jobs)?;
    let mut deadlines = HashMap::with_capacity(jobs);
    for from in (0..jobs).step_by(BATCH) {
        let mut drafts = Vec::with_capacity(BATCH);
        let mut at = Vec::with_capacity(BATCH);
        for number in from..(from + BATCH).min(jobs) {
            // Neighbors in the queue are no neighbors in time.
            let place = (number * 7_919) % jobs;
            let deadline = first.after(step * u32::try_from(place)?);
            let name = format!("slow-{}", number % agents);
            drafts.push(JobDraft { deadline: Some(deadline), ..draft(&name)? });
            at.push(deadline);
        }
        deadlines.extend(post_jobs(client, drafts).await?.into_iter().zip(at));
    }
    Ok(deadlines)
}

async fn until_working(client: &Client, jobs: usize) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let status = client.call(|service, context| async move { service.status(context).await }).await?;
        let working = status.jobs.iter().find(|(state, _)| state == "working").map_or(0, |(_, count)| *count);
        if working >= u64::try_from(jobs)? {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("only {working} of {jobs} jobs wait").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until every job has expired; answers how late each did, by the daemon's own clock.
async fn expiries(client: &Client, deadlines: &HashMap<JobId, Timestamp>) -> Result<Vec<Duration>, Failure> {
    let mut late = Vec::with_capacity(deadlines.len());
    let mut after = EventId(0);
    let mut news = Instant::now();
    while late.len() < deadlines.len() {
        let lines = client
            .call(|service, context| async move { service.events(context, after, PAGE_ROWS_MAX).await })
            .await?;
        let idle = lines.is_empty();
        for line in lines {
            after = line.id;
            news = Instant::now();
            let (Subject::Job(job), Wire::Known(event)) = (line.subject, line.event) else { continue };
            if let (What::Expired, Some(deadline)) = (event.what, deadlines.get(&job)) {
                late.push(event.at.since(*deadline));
            }
        }
        if news.elapsed() > PATIENCE + SPREAD {
            return Err(format!("{} of {} jobs expired", late.len(), deadlines.len()).into());
        }
        if idle {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(late)
}
