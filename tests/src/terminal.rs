//! A terminal with somebody before it: a program runs in it, keys go in, and what it paints is read as a screen. Whoever
//! waits, waits for something to be seen and never for a time; only the program that was started here is ever ended.

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Longest wait for anything to be seen.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Most bytes that are kept of what was written, and what is left of them when there are more.
const BYTES_MAX: usize = 8 << 20;
const BYTES_KEPT: usize = 4 << 20;

/// What runs in a terminal.
pub struct Program {
    command: CommandBuilder,
}

impl Program {
    /// A program with these arguments, in a home where nobody lived yet.
    pub fn new(program: &str, arguments: &[&str], home: &std::path::Path) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(home);
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        let ours = ["NO_COLOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "EDITOR", "VISUAL", "RUST_BACKTRACE"];
        let guildhalls = ["GUILDHALL_THEME", "GUILDHALL_ASCII", "GUILDHALL_MOUSE", "GUILDHALL_TOKEN"];
        for name in ours.into_iter().chain(guildhalls) {
            command.env_remove(name);
        }
        Self { command }
    }

    /// A variable that it finds.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }
}

/// A terminal with a program in it.
pub struct Terminal {
    child: Running,
    master: Box<dyn MasterPty + Send>,
    /// Held, so that what the program leaves behind can be looked at after its end.
    _slave: Box<dyn SlavePty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<u64>,
}

/// A program that was started here, and is killed when this is dropped.
struct Running(Box<dyn Child + Send + Sync>);

impl Running {
    /// How it ended; none: it runs.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("it is ours")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // It may be stopped, and may end by itself meanwhile.
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

/// What came out of the program.
struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    written: u64,
    writes: u64,
    last_at: Instant,
    closed: bool,
}

/// What came out so far, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Pieces in which they came: a write of up to 4 kB is one, if the reader was quick.
    pub reads: u64,
}

impl Terminal {
    /// Starts a program in a terminal of so many columns and rows.
    pub fn open(program: Program, width: u16, height: u16) -> Self {
        let pair = native_pty_system().openpty(size(width, height)).expect("the system has terminals");
        let child = pair.slave.spawn_command(program.command).expect("it starts");
        let mut output = pair.master.try_clone_reader().expect("it can be read");
        let keys = pair.master.take_writer().expect("it can be written");
        let screen = vt100::Parser::new(height, width, 0);
        let seen =
            Seen { screen, bytes: Vec::new(), written: 0, writes: 0, last_at: Instant::now(), closed: false };
        let seen = Arc::new(Mutex::new(seen));
        let (tell, changes) = watch::channel(0);
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            // An error says that the other side is closed.
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if !lock(&shared).take(&piece[..count]) {
                    break;
                }
                tell.send_modify(|pieces| *pieces += 1);
            }
        });
        Self { child: Running(child), master: pair.master, _slave: pair.slave, keys, seen, changes }
    }

    /// One key, by its name: `x`, `enter`, `ctrl-z`.
    pub fn presses(&mut self, key: &str) {
        let bytes: &[u8] = match key {
            "enter" => b"\r",
            "esc" => b"\x1b",
            "tab" => b"\t",
            "backtab" => b"\x1b[Z",
            "up" => b"\x1b[A",
            "down" => b"\x1b[B",
            "pagedown" => b"\x1b[6~",
            "ctrl-c" => b"\x03",
            "ctrl-s" => b"\x13",
            "ctrl-z" => b"\x1a",
            letter => {
                assert_eq!(letter.chars().count(), 1, "{letter} is no key");
                letter.as_bytes()
            }
        };
        self.writes(bytes);
    }

    /// Text, letter by letter.
    pub fn types(&mut self, text: &str) {
        self.writes(text.as_bytes());
    }

    /// Text at once, as a terminal marks it.
    pub fn pastes(&mut self, text: &str) {
        self.writes(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    fn writes(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
    }

    /// Makes the window larger or smaller.
    pub fn resizes(&mut self, width: u16, height: u16) {
        lock(&self.seen).screen.screen_mut().set_size(height, width);
        self.master.resize(size(width, height)).expect("it can be resized");
    }

    /// What is to be seen now, line by line.
    pub fn screen(&self) -> String {
        lock(&self.seen).screen.screen().contents()
    }

    /// Waits until this text is to be seen.
    pub async fn until_sees(&mut self, text: &str) {
        self.until(&format!("{text:?} is seen"), |screen| screen.contains(text)).await;
    }

    /// Waits until this text is no longer to be seen.
    pub async fn until_misses(&mut self, text: &str) {
        self.until(&format!("{text:?} is gone"), |screen| !screen.contains(text)).await;
    }

    /// Waits until the screen is so; `what` says how, in case it never is.
    pub async fn until(&mut self, what: &str, right: impl Fn(&str) -> bool) {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.changes.mark_unchanged();
            let screen = self.screen();
            if right(&screen) {
                return;
            }
            let changed = tokio::time::timeout_at(ends, self.changes.changed()).await;
            let ended = self.child.ended();
            assert!(matches!(changed, Ok(Ok(()))), "it never is so that {what} ({ended:?}):\n{screen}");
        }
    }

    /// Waits until a line with this text is marked out, whatever colors there are.
    pub async fn until_reversed(&mut self, text: &str) {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            self.changes.mark_unchanged();
            if self.is_reversed(text) {
                return;
            }
            let changed = tokio::time::timeout_at(ends, self.changes.changed()).await;
            assert!(matches!(changed, Ok(Ok(()))), "{text:?} is not marked out:\n{}", self.screen());
        }
    }

    fn is_reversed(&self, text: &str) -> bool {
        let seen = lock(&self.seen);
        let screen = seen.screen.screen();
        let (_, width) = screen.size();
        let is_inverse = |(y, _): (usize, String)| {
            let y = u16::try_from(y).unwrap_or(u16::MAX);
            (0..width).any(|x| screen.cell(y, x).is_some_and(vt100::Cell::inverse))
        };
        screen.rows(0, width).enumerate().filter(|(_, row)| row.contains(text)).any(is_inverse)
    }

    /// Waits for the next bytes; when they came.
    pub async fn until_painted(&mut self) -> Instant {
        let changed = tokio::time::timeout(PATIENCE, self.changes.changed()).await;
        assert!(matches!(changed, Ok(Ok(()))), "nothing is painted:\n{}", self.screen());
        lock(&self.seen).last_at
    }

    /// Looks away: what came until now is not waited for any more.
    pub fn looks_away(&mut self) {
        self.changes.mark_unchanged();
    }

    /// Sends the program a signal, such as `TERM`.
    pub fn sends(&self, signal: &str) {
        send(self.process(), signal);
    }

    /// The program's number.
    pub fn process(&self) -> u32 {
        self.child.0.process_id().expect("it was started")
    }

    /// Waits until the program ends; its exit code.
    pub async fn ends(&mut self) -> u32 {
        let ends = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.ended() {
                return status.exit_code();
            }
            assert!(Instant::now() < ends, "it does not end:\n{}", self.screen());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Closes the window while the program runs; waits for its end.
    pub async fn closes(mut self) {
        // Whoever reads lets go of the window, too: with the next bytes.
        lock(&self.seen).closed = true;
        self.resizes(61, 17);
        self.changes.wait_for(|_| false).await.expect_err("nobody reads any more");
        let Self { mut child, master, _slave: slave, keys, .. } = self;
        drop((master, slave, keys));
        // A program that another test started in the moment in which this window was made holds it, too, until it ends.
        let ends = Instant::now() + PATIENCE * 3;
        while child.ended().is_none() {
            assert!(Instant::now() < ends, "it goes on without a terminal");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Everything that came out, up to some megabytes, the newest last.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.seen).bytes.clone()
    }

    /// How much came out.
    pub fn traffic(&self) -> Traffic {
        let seen = lock(&self.seen);
        Traffic { bytes: seen.written, reads: seen.writes }
    }

    /// Waits until the terminal is as it was before: what the program switched on is off, by the bytes that it wrote, and the
    /// terminal shows again what is typed.
    pub async fn until_given_back(&mut self) {
        let modes = ["1049h", "2004h"];
        self.until("the terminal is given back", |_| true).await;
        let ends = Instant::now() + PATIENCE;
        loop {
            let bytes = self.bytes();
            let off = modes.iter().all(|mode| is_off(&bytes, mode)) && is_shown(&bytes);
            if off {
                break;
            }
            assert!(Instant::now() < ends, "it is not given back: {}", tail(&bytes));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // Only a terminal that is no longer raw echoes. The program may need a moment after its last byte.
        let marker = "still-echoed";
        let ends = Instant::now() + PATIENCE;
        while !self.screen().contains(marker) {
            assert!(Instant::now() < ends, "what is typed is not shown:\n{}", self.screen());
            self.types(marker);
            tokio::time::sleep(LOOK_EVERY * 20).await;
        }
    }
}

impl Seen {
    /// Takes what was written; whether anybody still looks.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.screen.process(bytes);
        self.written += bytes.len() as u64;
        self.writes += 1;
        self.last_at = Instant::now();
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > BYTES_MAX {
            let over = self.bytes.len() - BYTES_KEPT;
            self.bytes.drain(..over);
        }
        !self.closed
    }
}

/// Sends a process a signal, such as `STOP`.
pub fn send(process: u32, signal: &str) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status();
    assert!(sent.expect("kill runs").success(), "{process} is there");
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a mode such as `2004h` was switched on, and off after that.
fn is_off(bytes: &[u8], mode: &str) -> bool {
    let off = mode.replace('h', "l");
    match (last(bytes, &format!("\x1b[?{mode}")), last(bytes, &format!("\x1b[?{off}"))) {
        (Some(on), Some(off)) => off > on,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Whether the cursor is shown: it was hidden, and shown after that.
fn is_shown(bytes: &[u8]) -> bool {
    last(bytes, "\x1b[?25h") > last(bytes, "\x1b[?25l")
}

fn last(bytes: &[u8], what: &str) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what.as_bytes())
}

fn tail(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(200);
    String::from_utf8_lossy(&bytes[from..]).escape_debug().to_string()
}
