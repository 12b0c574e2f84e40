//! A daemon under measurement: a process of its own on a store of its own, and what Linux says about processes. For
//! benches only: it reports, and judges nothing.

use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::Hello;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Longest wait for the daemon's first answer.
const START_MAX: Duration = Duration::from_secs(30);
/// Clock ticks of `/proc`: 100 a second on every Linux, whatever the kernel's own clock.
const TICKS_PER_S: f64 = 100.0;

/// The running daemon. It is killed when it is dropped: what it has answered is stored.
pub struct MeasuredDaemon {
    process: Child,
    store: PathBuf,
    socket: PathBuf,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time in user and kernel mode, s.
    pub cpu_s: f64,
    /// Memory now, MB.
    pub memory_mb: f64,
    /// Most memory at a time, MB.
    pub memory_mb_max: f64,
}

impl MeasuredDaemon {
    /// Starts the daemon `program` with its usual settings on the store in a folder, and waits until it answers.
    ///
    /// # Errors
    /// It does not start, or does not answer in time.
    pub async fn start(program: &str, folder: &Path) -> io::Result<Self> {
        Self::start_with(program, folder, &[]).await
    }

    /// The same with settings of its own, as `key=value`.
    ///
    /// # Errors
    /// It does not start, or does not answer in time.
    pub async fn start_with(program: &str, folder: &Path, settings: &[&str]) -> io::Result<Self> {
        let (store, socket) = (store_in(folder), folder.join("s.sock"));
        let mut command = Command::new(program);
        command.arg("--store").arg(&store).arg("--socket").arg(&socket);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let process = command.args(["--set", "ops_listen=off", "--log", "error", "serve"]).spawn()?;
        let daemon = Self { process, store, socket };
        let ends = Instant::now() + START_MAX;
        let client = daemon.client();
        while let Err(error) = client.principal().await {
            if Instant::now() > ends {
                return Err(io::Error::other(error));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(daemon)
    }

    /// A connection of its own.
    pub fn client(&self) -> Client {
        Client::new(&self.socket, Hello::of("bench"))
    }

    /// Its number.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It has ended, or this is no Linux.
    pub fn usage(&self) -> io::Result<Usage> {
        usage(self.process.id())
    }

    /// Size of the store, its log included.
    ///
    /// # Errors
    /// The files cannot be seen.
    pub fn store_bytes(&self) -> io::Result<u64> {
        let mut log = self.store.clone().into_os_string();
        log.push("-wal");
        Ok(std::fs::metadata(&self.store)?.len() + std::fs::metadata(log)?.len())
    }
}

impl Drop for MeasuredDaemon {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            assert!(std::thread::panicking(), "the daemon does not end: {error}");
        }
    }
}

/// Where the store of a measured daemon lies.
pub fn store_in(folder: &Path) -> PathBuf {
    folder.join("guildhall.db")
}

/// What a process has used so far.
///
/// # Errors
/// There is no such process, or this is no Linux.
pub fn usage(process: u32) -> io::Result<Usage> {
    let odd = || io::Error::other("/proc does not look like Linux's");
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold anything; user and kernel time are the 12th and 13th word after it.
    let (_, words) = stat.rsplit_once(')').ok_or_else(odd)?;
    let ticks = words.split_whitespace().skip(11).take(2).map(|word| word.parse::<f64>().unwrap_or(0.0));
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let memory_mb = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some((kilobytes / 102.4).round() / 10.0)
    };
    Ok(Usage {
        cpu_s: ticks.sum::<f64>() / TICKS_PER_S,
        memory_mb: memory_mb("VmRSS:").ok_or_else(odd)?,
        memory_mb_max: memory_mb("VmHWM:").ok_or_else(odd)?,
    })
}

/// What the threads of a process did so far, as exact as Linux knows it while they sleep.
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// Processor time.
    pub cpu: Duration,
    /// How often a thread slept and was woken.
    pub wakes: u64,
    /// Calls of its first thread that wrote something.
    pub writes: u64,
}

/// What the threads of a process did so far.
///
/// # Errors
/// There is no such process, or this is no Linux.
pub fn activity(process: u32) -> io::Result<Activity> {
    let (mut cpu_ns, mut wakes) = (0, 0);
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?.path();
        // A thread may end meanwhile.
        let read = |name: &str| std::fs::read_to_string(thread.join(name)).unwrap_or_default();
        cpu_ns += read("schedstat").split_whitespace().next().and_then(number).unwrap_or(0);
        wakes += named(&read("status"), "voluntary_ctxt_switches:").unwrap_or(0);
    }
    let io = std::fs::read_to_string(format!("/proc/{process}/task/{process}/io"))?;
    let writes = named(&io, "syscw:").unwrap_or(0);
    Ok(Activity { cpu: Duration::from_nanos(cpu_ns), wakes, writes })
}

fn named(text: &str, name: &str) -> Option<u64> {
    number(text.lines().find_map(|line| line.strip_prefix(name))?)
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The time in ms below which so many of a hundred lie; sorts them.
pub fn percentile_ms(times: &mut [Duration], share: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * share / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| (time.as_secs_f64() * 100_000.0).round() / 100.0)
}

/// A count of a bench: what the variable says, else the default.
///
/// # Errors
/// The variable holds something else than a number.
pub fn count_of(variable: &str, default: usize) -> io::Result<usize> {
    match std::env::var(variable) {
        Err(_) => Ok(default),
        Ok(text) => {
            text.parse().map_err(|error| io::Error::other(format!("{variable} is {text:?}: {error}")))
        }
    }
}
