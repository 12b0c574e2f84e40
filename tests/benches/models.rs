//! What do models cost in time? The latency that choosing and judging add with a server that answers at once, what a cached
//! answer costs, how many calls a repeated workload saves, and how many jobs pass when each call takes 300 ms and 256 are in
//! flight, with other jobs beside them that need no model. Prints one line of JSON.
//!
//! All figures are of one run on one machine: compare them with each other. `GUILDHALL_BENCH_JOBS` sets the number of jobs.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::{StreamExt, stream};
use guildhall_protocol::agent::{AgentDefinition, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{JobStory, NewJob, RegisterOptions, Scope};
use guildhall_tests::fake_openai::{FakeOpenAi, KEY, Reply};
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Jobs of the slow server, unless the variable says otherwise; a tenth of them one by one.
const JOBS: usize = 2_000;
/// The slow server's time for one answer.
const SLOW: Duration = Duration::from_millis(300);
/// Calls in flight to the slow server.
const CALLS_MAX: usize = 256;
/// Connections of the crowd's clients.
const CONNECTIONS: usize = 64;
/// Longest time for one job.
const PATIENCE: Duration = Duration::from_mins(5);
/// Agents among which a model chooses.
const AGENTS: usize = 8;

type Failure = Box<dyn Error + Send + Sync>;

/// What a job asks of models.
#[derive(Clone, Copy)]
enum Asks {
    /// Nothing: one agent, and a rule.
    Nothing,
    /// To choose among eight, and to judge.
    Both,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let jobs = count_of("GUILDHALL_BENCH_JOBS", JOBS)?;
    let single = (jobs / 10).max(1);
    let fake = FakeOpenAi::start(mind).await;
    let folder = tempfile::tempdir()?;
    let settings = [
        format!("llm_base_url={}", fake.base_url()),
        format!("llm_key={KEY}"),
        format!("llm_calls_max={CALLS_MAX}"),
        "llm_budget_day=off".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let daemon =
        MeasuredDaemon::start_with(env!("CARGO_BIN_EXE_test-guildhalld"), folder.path(), &settings).await?;
    let client = Arc::new(daemon.client());
    hire(&client).await?;

    let mut without = one_by_one(&client, single, Asks::Nothing, "plain").await?;
    let mut asked = one_by_one(&client, single, Asks::Both, "first").await?;
    let calls_first = fake.seen().len();
    let mut cached = one_by_one(&client, single, Asks::Both, "first").await?;
    let calls_again = fake.seen().len() - calls_first;

    let mut alone = one_by_one(&client, single, Asks::Nothing, "alone").await?;
    fake.set_latency(SLOW);
    let crowd = Arc::new(AtomicBool::new(true));
    let beside = tokio::spawn(beside(Arc::clone(&client), Arc::clone(&crowd)));
    let begun = Instant::now();
    // A connection takes so many calls at a time.
    let clients: Vec<Client> = (0..CONNECTIONS).map(|_| daemon.client()).collect();
    let all =
        (0..jobs).map(|number| run_job(&clients[number % CONNECTIONS], draft(Asks::Both, "slow", number)));
    let all: Vec<Result<Duration, Failure>> =
        stream::iter(all).buffer_unordered(2 * CALLS_MAX).collect().await;
    let took = begun.elapsed();
    crowd.store(false, Ordering::Relaxed);
    for ended in all {
        ended?;
    }
    let mut beside = beside.await??;
    let usage = daemon.usage()?;

    let p50 = |times: &mut Vec<Duration>| percentile_ms(times, 50);
    let (without_p50, asked_p50, cached_p50) = (p50(&mut without), p50(&mut asked), p50(&mut cached));
    #[expect(clippy::cast_precision_loss, reason = "nobody waits for so many jobs")]
    let jobs_per_s = (jobs as f64 / took.as_secs_f64() * 10.0).round() / 10.0;
    let added = |times: f64| ((times - without_p50) * 100.0).round() / 100.0;
    let line = json!({
        "bench": "models",
        "jobs_one_by_one": single,
        "job_ms_p50_without": without_p50,
        "job_ms_p50_asked": asked_p50,
        "job_ms_p50_cached": cached_p50,
        "added_ms_by_two_calls_at_0_ms": added(asked_p50),
        "added_ms_by_two_cached_answers": added(cached_p50),
        "calls_of_workload": calls_first,
        "calls_of_it_again": calls_again,
        "slow_jobs": jobs,
        "slow_ms": u64::try_from(SLOW.as_millis())?,
        "slow_jobs_per_s": jobs_per_s,
        "slow_calls_in_flight_max": fake.in_flight_max(),
        "other_ms_p50_alone": p50(&mut alone),
        "other_ms_p99_alone": percentile_ms(&mut alone, 99),
        "other_jobs_beside": beside.len(),
        "other_ms_p50_beside": p50(&mut beside),
        "other_ms_p99_beside": percentile_ms(&mut beside, 99),
        "daemon_cpu_s": usage.cpu_s,
        "daemon_memory_mb_max": usage.memory_mb_max,
    });
    println!("{line}");
    Ok(())
}

/// Chooses the first of the list and passes everything, with words that are in the answer.
fn mind(request: &guildhall_tests::fake_openai::ChatRequest) -> Reply {
    Reply::Json(match request.role.as_str() {
        "choose" => {
            json!({"agent": request.schema["properties"]["agent"]["enum"][0], "reason": "It is there."})
        }
        _ => json!({"findings": [
            {"criterion": 0, "decision": "pass", "reason": "It says so.", "quote": "It is well done"}]}),
    })
}

async fn hire(client: &Client) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/{name}", post(answer))).await });
    for number in 0..AGENTS {
        let definition: AgentDefinition = serde_json::from_value(json!({
            "name": format!("@worker-{number}"),
            "description": "Says that it is well done.",
            "endpoint": format!("http://{address}/worker-{number}"),
            "caps": {"concurrency": 1_000},
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
    let (wanted, begun) = (u64::try_from(AGENTS)?, Instant::now());
    while client.call(|service, context| async move { service.status(context).await }).await?.agents_active
        < wanted
    {
        if begun.elapsed() > PATIENCE {
            return Err("the agents are not active".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// What the agents say. They do not check signatures: the bench measures the daemon.
async fn answer(Path(_): Path<String>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reply = match message["type"].as_str() {
        Some("agent.challenge") => json!({"challenge": message["data"]["challenge"]}),
        Some("job.assigned") => json!({"output": {"text": "It is well done."}}),
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    ([(header::CONTENT_TYPE, "application/json")], reply.to_string()).into_response()
}

/// Jobs of the same label and number ask the same.
fn draft(asks: Asks, label: &str, number: usize) -> Value {
    let brief = format!("Say that it is well done: {label} {number}.");
    match asks {
        Asks::Nothing => {
            json!({"brief": brief, "only": ["worker-0"], "criteria": [{"rule": "contains \"done\""}]})
        }
        Asks::Both => json!({"brief": brief, "criteria": [{"judge": "It says that it is well done."}]}),
    }
}

async fn one_by_one(client: &Client, jobs: usize, asks: Asks, label: &str) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::with_capacity(jobs);
    for number in 0..jobs {
        times.push(run_job(client, draft(asks, label, number)).await?);
    }
    Ok(times)
}

/// Jobs that need no model, one by one, as long as the crowd is there.
async fn beside(client: Arc<Client>, crowd: Arc<AtomicBool>) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    while crowd.load(Ordering::Relaxed) {
        times.push(run_job(&client, draft(Asks::Nothing, "beside", times.len())).await?);
    }
    Ok(times)
}

/// Posts a job and waits until it is completed; answers how long that took.
async fn run_job(client: &Client, draft: Value) -> Result<Duration, Failure> {
    let draft: JobDraft = serde_json::from_value(draft)?;
    let begun = Instant::now();
    let job = vec![NewJob { request: RequestId::fresh(), draft }];
    let posted = client.call(|service, context| async move { service.post(context, job).await }).await?;
    let id: JobId = posted.into_iter().next().ok_or("no answer")??.id;
    let mut seen = 0;
    loop {
        let waited = client.call(|service, context| async move {
            service.wait_for_change(context, Scope::Job(id), seen, 5_000).await
        });
        seen = waited.await?;
        let story: JobStory =
            client.call(|service, context| async move { service.job(context, id).await }).await?;
        match story.head.state.known() {
            Some(JobState::Completed) => return Ok(begun.elapsed()),
            Some(state) if state.is_terminal() => return Err(format!("job {id} is {state}").into()),
            _ if begun.elapsed() > PATIENCE => return Err(format!("job {id} does not end").into()),
            _ => {}
        }
    }
}
