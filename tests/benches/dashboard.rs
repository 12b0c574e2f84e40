//! What the dashboard costs: the real program in a terminal of 200x60, a real daemon with many jobs behind it. One JSON line.
//!
//! Processor time is what Linux says of the program's threads; times by the clock are named `_wall_` and mean little on a
//! machine that does other things. Counts: `GUILDHALL_BENCH_JOBS`, `GUILDHALL_BENCH_EVENTS`.

use guildhall_protocol::client::Client;
use guildhall_protocol::ids::{EventId, JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{NewJob, Order};
use guildhall_tests::measured::{MeasuredDaemon, activity, count_of, percentile_ms, store_in, usage};
use guildhall_tests::terminal::{Program, Terminal, send};
use serde_json::{Map, Value, json};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

/// Jobs in the store, unless the variable says otherwise, and at least: the keys go through so many pages.
const JOBS: usize = 100_000;
const JOBS_MIN: usize = 20_000;
/// Events after which memory is looked at again, unless the variable says otherwise.
const EVENTS: usize = 20_000;
/// Columns and rows.
const WINDOW: (u16, u16) = (200, 60);
/// Keys that are pressed for one figure.
const KEYS: usize = 200;
/// How long the program is left alone, and is watched under load.
const IDLE: Duration = Duration::from_secs(20);
const LOAD: Duration = Duration::from_secs(10);
/// The program is quiet when it used no processor for so long.
const QUIET: Duration = Duration::from_millis(8);
/// How often it is started.
const STARTS: usize = 10;
/// How often it is left while the daemon hangs.
const QUITS: usize = 5;
/// Between two batches of jobs under load.
const BATCH_EVERY: Duration = Duration::from_millis(50);

type Failure = Box<dyn Error + Send + Sync>;
type Line = Map<String, Value>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let jobs = count_of("GUILDHALL_BENCH_JOBS", JOBS)?;
    if jobs < JOBS_MIN {
        return Err(format!("GUILDHALL_BENCH_JOBS is at least {JOBS_MIN}").into());
    }
    let events = count_of("GUILDHALL_BENCH_EVENTS", EVENTS)?;
    let folder = tempfile::tempdir()?;
    let mut line = Line::new();
    line.insert("bench".to_owned(), json!("dashboard"));
    line.insert("jobs".to_owned(), json!(jobs));
    line.insert("window".to_owned(), json!(format!("{}x{}", WINDOW.0, WINDOW.1)));
    first_paint(folder.path(), &mut line).await?;
    fill(folder.path(), jobs).await?;
    let daemon = start(folder.path()).await?;
    frames(folder.path(), &mut line).await?;
    idle(folder.path(), &mut line).await?;
    load(&daemon, folder.path(), events, &mut line).await?;
    quit(&daemon, folder.path(), &mut line).await?;
    println!("{}", json!(line));
    Ok(())
}

async fn start(folder: &Path) -> Result<MeasuredDaemon, Failure> {
    Ok(MeasuredDaemon::start(env!("CARGO_BIN_EXE_test-guildhalld"), folder).await?)
}

fn dashboard(folder: &Path) -> Terminal {
    let socket = folder.join("s.sock").display().to_string();
    let program = Program::new(env!("CARGO_BIN_EXE_test-guildhall"), &["--socket", &socket], folder);
    Terminal::open(program, WINDOW.0, WINDOW.1)
}

/// The dashboard with the list of jobs open.
async fn list_of_jobs(folder: &Path) -> Terminal {
    let mut terminal = dashboard(folder);
    terminal.until_sees("live").await;
    terminal.presses("2");
    terminal.until_sees("Title").await;
    terminal.until_sees("Job of many").await;
    terminal
}

/// The first picture, with no daemon anywhere.
async fn first_paint(folder: &Path, line: &mut Line) -> Result<(), Failure> {
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut terminal = dashboard(folder);
        terminal.until_sees("looking for the daemon").await;
        walls.push(begun.elapsed());
        cpus.push(activity(terminal.process())?.cpu);
        terminal.presses("q");
        terminal.ends().await;
    }
    line.insert("first_paint_wall_ms_p50".to_owned(), json!(percentile_ms(&mut walls, 50)));
    line.insert("first_paint_cpu_ms_p50".to_owned(), json!(percentile_ms(&mut cpus, 50)));
    Ok(())
}

/// What keys cost from the key to the end of the picture, with all that is read for it.
async fn frames(folder: &Path, line: &mut Line) -> Result<(), Failure> {
    for (name, key) in [("move", "j"), ("page", "pagedown"), ("help", "?")] {
        let mut terminal = list_of_jobs(folder).await;
        let process = terminal.process();
        let mut cpus = Vec::new();
        quiet(process).await?;
        let before = activity(process)?;
        for _ in 0..KEYS {
            let cpu = quiet(process).await?;
            terminal.looks_away();
            terminal.presses(key);
            terminal.until_painted().await;
            cpus.push(quiet(process).await?.saturating_sub(cpu));
        }
        let writes = activity(process)?.writes - before.writes;
        let figures = json!({
            "cpu_ms_p50": percentile_ms(&mut cpus, 50),
            "cpu_ms_p99": percentile_ms(&mut cpus, 99),
            "writes_per_key": share(writes, KEYS),
        });
        line.insert(format!("key_{name}"), figures);
        terminal.presses("q");
        terminal.ends().await;
    }
    Ok(())
}

/// Waits until the program sleeps; what it had used by then.
async fn quiet(process: u32) -> Result<Duration, Failure> {
    let mut last = activity(process)?.cpu;
    loop {
        tokio::time::sleep(QUIET).await;
        let cpu = activity(process)?.cpu;
        if cpu == last {
            return Ok(cpu);
        }
        last = cpu;
    }
}

/// Nobody touches it, and nothing happens.
async fn idle(folder: &Path, line: &mut Line) -> Result<(), Failure> {
    let mut terminal = list_of_jobs(folder).await;
    quiet(terminal.process()).await?;
    let (before, traffic) = (activity(terminal.process())?, terminal.traffic());
    tokio::time::sleep(IDLE).await;
    let after = activity(terminal.process())?;
    line.insert("idle_bytes".to_owned(), json!(terminal.traffic().bytes - traffic.bytes));
    let seconds = usize::try_from(IDLE.as_secs())?;
    line.insert("idle_wakes_per_s".to_owned(), json!(share(after.wakes - before.wakes, seconds)));
    let cpu = after.cpu.saturating_sub(before.cpu);
    line.insert("idle_cpu_percent".to_owned(), json!(percent(cpu, IDLE)));
    line.insert("memory_mb_idle".to_owned(), json!(usage(terminal.process())?.memory_mb));
    terminal.presses("q");
    terminal.ends().await;
    Ok(())
}

/// What it costs while much happens, whether keys are still answered, and whether memory grows.
async fn load(daemon: &MeasuredDaemon, folder: &Path, events: usize, line: &mut Line) -> Result<(), Failure> {
    for (name, per_s, view) in [
        ("events_100", 100, "5"),
        ("jobs_100", 100, "2"),
        ("overview_100", 100, "1"),
        ("events_1000", 1_000, "5"),
    ] {
        let mut terminal = list_of_jobs(folder).await;
        if view != "2" {
            terminal.presses(view);
        }
        let process = terminal.process();
        let begun = (activity(process)?, terminal.traffic(), Timestamp::now(), Instant::now());
        let (busy, mut keys) =
            tokio::join!(post_for(daemon.client(), per_s, LOAD), keys_for(&mut terminal, LOAD));
        busy?;
        let took = begun.3.elapsed();
        let (after, traffic) = (activity(process)?, terminal.traffic());
        let happened = happened(&daemon.client(), begun.2).await?;
        let cpu = after.cpu.saturating_sub(begun.0.cpu);
        let figures = json!({
            "events_per_s": share(happened as u64, usize::try_from(took.as_secs())?.max(1)),
            "cpu_percent": percent(cpu, took),
            "kb_per_s": share((traffic.bytes - begun.1.bytes) / 1_000, usize::try_from(LOAD.as_secs())?),
            "wakes_per_s": share(after.wakes - begun.0.wakes, usize::try_from(LOAD.as_secs())?),
            "key_to_paint_wall_ms_p50": percentile_ms(&mut keys, 50),
            "key_to_paint_wall_ms_p95": percentile_ms(&mut keys, 95),
        });
        line.insert(name.to_owned(), figures);
        terminal.presses("q");
        terminal.ends().await;
    }
    memory(daemon, folder, events, line).await
}

/// Memory at a tenth, at half and at the end of many events.
async fn memory(
    daemon: &MeasuredDaemon,
    folder: &Path,
    events: usize,
    line: &mut Line,
) -> Result<(), Failure> {
    let mut terminal = list_of_jobs(folder).await;
    terminal.presses("5");
    let (client, begun) = (daemon.client(), Timestamp::now());
    let mut figures = Line::new();
    let (mut seen, mut after) = (0, EventId::earliest(begun));
    for (name, part) in [("at_tenth", events / 10), ("at_half", events / 2), ("at_end", events)] {
        while seen < part {
            post(&client, 100).await?;
            (seen, after) = count(&client, seen, after).await?;
        }
        quiet_for(&terminal).await?;
        figures.insert(name.to_owned(), json!(usage(terminal.process())?.memory_mb));
    }
    figures.insert("events".to_owned(), json!(seen));
    figures.insert("max".to_owned(), json!(usage(terminal.process())?.memory_mb_max));
    line.insert("memory_mb".to_owned(), json!(figures));
    terminal.presses("q");
    terminal.ends().await;
    Ok(())
}

/// Waits until it has caught up, as far as it does.
async fn quiet_for(terminal: &Terminal) -> Result<(), Failure> {
    let mut last = terminal.traffic();
    loop {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let traffic = terminal.traffic();
        if traffic == last {
            return Ok(());
        }
        last = traffic;
        if activity(terminal.process()).is_err() {
            return Err("the dashboard ended".into());
        }
    }
}

/// Opens and leaves help as often as there is time for; how long each took until it was seen.
async fn keys_for(terminal: &mut Terminal, limit: Duration) -> Vec<Duration> {
    let ends = Instant::now() + limit;
    let mut times = Vec::new();
    while Instant::now() < ends {
        for open in [true, false] {
            let begun = Instant::now();
            terminal.presses("?");
            terminal
                .until("help comes and goes", |screen| screen.contains("What can be done here") == open)
                .await;
            times.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
    times
}

/// Posts jobs so that about so many things happen in a second.
async fn post_for(client: Client, events_per_s: usize, limit: Duration) -> Result<(), Failure> {
    // A job that nobody can do is posted, and then it is said that nobody can.
    let batches = 1_000 / usize::try_from(BATCH_EVERY.as_millis())?;
    let each = (events_per_s / batches / 2).max(1);
    let mut beat = tokio::time::interval(BATCH_EVERY);
    let ends = Instant::now() + limit;
    while Instant::now() < ends {
        beat.tick().await;
        post(&client, each).await?;
    }
    Ok(())
}

async fn post(client: &Client, count: usize) -> Result<Vec<JobId>, Failure> {
    let draft = JobDraft { brief: "Job of many, posted under load".to_owned(), ..for_nobody() };
    let jobs: Vec<NewJob> =
        (0..count).map(|_| NewJob { request: RequestId::fresh(), draft: draft.clone() }).collect();
    let posted = client.call(|service, context| async move { service.post(context, jobs).await }).await?;
    posted.into_iter().map(|posted| Ok(posted?.id)).collect()
}

/// A job for a market in which nobody works.
fn for_nobody() -> JobDraft {
    JobDraft { brief: "Job of many".to_owned(), ..JobDraft::default() }
}

async fn happened(client: &Client, since: Timestamp) -> Result<usize, Failure> {
    Ok(count(client, 0, EventId::earliest(since)).await?.0)
}

/// Counts on from an event; how many there are, and the last.
async fn count(client: &Client, mut seen: usize, mut after: EventId) -> Result<(usize, EventId), Failure> {
    loop {
        let page = client.call(|service, context| async move { service.events(context, after, 500).await });
        let page = page.await?;
        let Some(last) = page.last() else { return Ok((seen, after)) };
        after = last.id;
        seen += page.len();
    }
}

/// How long it takes to leave while the daemon hangs.
async fn quit(daemon: &MeasuredDaemon, folder: &Path, line: &mut Line) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..QUITS {
        let mut terminal = list_of_jobs(folder).await;
        send(daemon.process(), "STOP");
        terminal.presses("j");
        terminal.until_painted().await;
        let begun = Instant::now();
        terminal.presses("q");
        terminal.ends().await;
        times.push(begun.elapsed());
        send(daemon.process(), "CONT");
    }
    line.insert("quit_wall_ms_max".to_owned(), json!(percentile_ms(&mut times, 100)));
    Ok(())
}

/// Makes a store with so many jobs: one is posted and called off, and the others are its copies.
async fn fill(folder: &Path, jobs: usize) -> Result<(), Failure> {
    let daemon = start(folder).await?;
    let client = daemon.client();
    let draft = for_nobody();
    let job = NewJob { request: RequestId::fresh(), draft };
    let posted =
        client.call(|service, context| async move { service.post(context, vec![job]).await }).await?;
    let id = posted.into_iter().next().ok_or("nothing was posted")??.id;
    let order = Order::of(JobAction::Cancel);
    client
        .call(|service, context| async move { service.order(context, RequestId::fresh(), id, order).await })
        .await?;
    drop(daemon);
    let store = rusqlite::Connection::open(store_in(folder))?;
    let columns = store
        .prepare("SELECT name FROM pragma_table_info('jobs') WHERE name NOT IN ('id', 'posted_at', 'changed_at', 'title')")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?
        .join(", ");
    // As if they had been posted over the last months.
    let sql = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO jobs (id, posted_at, changed_at, title, {columns})
        SELECT ?1 + i, posted_at - (?2 - i) * 10000 - 86400000, changed_at - (?2 - i) * 10000 - 86400000,
            'Job of many, the one with number ' || i, {columns}
        FROM n CROSS JOIN jobs WHERE jobs.id = ?1"
    );
    store.execute(&sql, (id.0, i64::try_from(jobs)?))?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures of a bench")]
fn share(count: u64, of: usize) -> f64 {
    (count as f64 / of as f64 * 100.0).round() / 100.0
}

fn percent(cpu: Duration, wall: Duration) -> f64 {
    (cpu.as_secs_f64() / wall.as_secs_f64() * 10_000.0).round() / 100.0
}
