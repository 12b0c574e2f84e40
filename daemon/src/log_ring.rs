//! The newest lines of the process's own log, in memory, for operators who read it from afar.
//!
//! It holds what the log's filter lets through and nothing else. Writing a line never waits for whoever reads: readers copy
//! pointers under the lock, and nothing is written or sent there.

use guildhall_protocol::log::{LOG_PAGE_BYTES_MAX, LOG_PAGE_LINES_MAX, LogLevel, LogLine, LogPage};
use guildhall_protocol::time::Timestamp;
use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Most lines that are kept.
const LINES_MAX: usize = 5_000;
/// Most bytes of text in all lines.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most bytes of text in one line; the rest is cut off.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// Most fields of a line.
const FIELDS_MAX: usize = 32;
/// Lines that come so soon after one another are told together. It also keeps apart a reader and the lines that its own
/// reading writes.
const TOGETHER: Duration = Duration::from_millis(200);

static OF_PROCESS: LazyLock<LogRing> = LazyLock::new(LogRing::default);

/// The lines.
pub struct LogRing {
    lines: Mutex<Lines>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Arc<LogLine>>,
    bytes: usize,
    /// The number of the newest line; 0: there is none.
    newest: u64,
}

impl Default for LogRing {
    fn default() -> Self {
        Self { lines: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl LogRing {
    /// The one of this process: it has one log.
    pub fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// The lines after one, oldest first; none: the newest lines. A number that no line had yet is from a process before
    /// this one: then the page begins with the oldest line.
    pub fn page(&self, after: Option<u64>, limit: u32) -> LogPage {
        let limit = usize::try_from(limit.clamp(1, LOG_PAGE_LINES_MAX)).unwrap_or(1);
        let (lines, first, newest) = {
            let lines = self.lines();
            let first = lines.kept.front().map_or(lines.newest + 1, |line| line.number);
            let after = after.map(|after| if after > lines.newest { 0 } else { after });
            let skipped = match after {
                Some(after) => usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX),
                None => lines.kept.len().saturating_sub(limit),
            };
            let page: Vec<Arc<LogLine>> = lines.kept.iter().skip(skipped).take(limit).cloned().collect();
            (page, first, lines.newest)
        };
        let after = after.filter(|after| *after <= newest);
        let mut page = LogPage { lines: Vec::new(), seen: after.unwrap_or(0), lost: 0 };
        let mut bytes = 0;
        for line in lines {
            bytes += bytes_of(&line);
            if bytes > LOG_PAGE_BYTES_MAX && !page.lines.is_empty() {
                break;
            }
            page.seen = line.number;
            page.lines.push(LogLine::clone(&line));
        }
        page.lost = after.map_or(0, |after| first.saturating_sub(after + 1));
        page
    }

    /// The number of the newest line once it is not `seen`, or after `wait`.
    pub async fn newest(&self, seen: u64, wait: Duration) -> u64 {
        let mut newest = self.newest.subscribe();
        let changed = async {
            // Whoever writes lines is in this process, too: the channel does not end.
            drop(newest.wait_for(|newest| *newest != seen).await);
            tokio::time::sleep(TOGETHER).await;
        };
        drop(tokio::time::timeout(wait, changed).await);
        *self.newest.borrow()
    }

    /// Keeps a line, and drops the oldest where there is no room. The line is numbered here.
    fn keep(&self, mut line: LogLine) {
        let bytes = bytes_of(&line);
        let number = {
            let mut lines = self.lines();
            lines.newest += 1;
            line.number = lines.newest;
            lines.bytes += bytes;
            lines.kept.push_back(Arc::new(line));
            while lines.kept.len() > LINES_MAX || lines.bytes > BYTES_MAX {
                let Some(oldest) = lines.kept.pop_front() else { break };
                lines.bytes -= bytes_of(&oldest);
            }
            lines.newest
        };
        self.newest.send_if_modified(|newest| {
            let is_newer = number > *newest;
            *newest = number.max(*newest);
            is_newer
        });
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(line: &LogLine) -> usize {
    let fields: usize = line.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    line.target.len() + line.message.len() + fields
}

/// The layer of a subscriber that feeds a ring.
pub struct RingLayer(pub &'static LogRing);

impl<S: Subscriber> Layer<S> for RingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut taken =
            Taken { message: String::new(), fields: Vec::new(), left: LINE_BYTES_MAX, cut: false };
        event.record(&mut taken);
        let Taken { message, fields, cut, .. } = taken;
        self.0.keep(LogLine {
            number: 0,
            at: Timestamp::now(),
            level: level(*metadata.level()).into(),
            target: metadata.target().to_owned(),
            message,
            fields,
            cut,
        });
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// A line while it is read, up to its limit.
struct Taken {
    message: String,
    fields: Vec<(String, String)>,
    /// Bytes that there is still room for.
    left: usize,
    cut: bool,
}

impl Taken {
    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.fields.len() >= FIELDS_MAX {
            self.cut = true;
            return;
        }
        let mut text = Bounded { text: String::new(), left: self.left, cut: false };
        // It takes everything, and keeps what there is room for.
        text.write_fmt(value).unwrap_or_default();
        self.left = text.left;
        self.cut |= text.cut;
        if field.name() == "message" {
            self.message = text.text;
        } else {
            self.fields.push((field.name().to_owned(), text.text));
        }
    }
}

impl Visit for Taken {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format_args!("{value:?}"));
    }
}

/// A text of bounded length: what comes after is dropped as it is written, whole characters.
struct Bounded {
    text: String,
    left: usize,
    cut: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.floor_char_boundary(if self.cut { 0 } else { self.left });
        self.cut |= end < text.len();
        self.left -= end;
        self.text.push_str(&text[..end]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    /// A ring of its own, and what is logged into it.
    fn logged(log: impl FnOnce()) -> &'static LogRing {
        let ring: &'static LogRing = Box::leak(Box::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(RingLayer(ring)), log);
        ring
    }

    #[test]
    fn a_line_has_its_message_and_its_fields() {
        let ring = logged(|| {
            let error = std::io::Error::other("no disk");
            tracing::warn!(job.id = 7, %error, name = "ada", "job {} waits", 7);
        });
        let page = ring.page(None, 10);
        let line = &page.lines[0];
        assert_eq!((line.number, line.message.as_str(), line.cut), (1, "job 7 waits", false));
        assert_eq!(line.level.known(), Some(&LogLevel::Warn));
        assert!(line.target.starts_with("guildhall_daemon"), "{line:?}");
        let fields: Vec<String> = line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(fields, ["job.id=7", "error=no disk", "name=ada"]);
    }

    #[test]
    fn lines_and_their_number_are_bounded() {
        let ring = logged(|| {
            let long = "ü".repeat(1_000_000);
            tracing::info!(long, "{long}");
            for number in 0..LINES_MAX + 10 {
                tracing::info!("line {number}");
            }
        });
        let page = ring.page(Some(0), u32::MAX);
        assert_eq!((page.lines.len(), page.lost), (1_000, 11));
        assert_eq!((page.lines[0].message.as_str(), page.seen), ("line 10", 1_011));
        let next = ring.page(Some(page.seen), 5);
        assert_eq!((next.lines[0].message.as_str(), next.lost), ("line 1010", 0));
        let newest = ring.page(None, 2);
        assert_eq!(newest.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [5_010, 5_011]);
        let end = ring.page(Some(5_011), 5);
        assert_eq!((end.lines.len(), end.seen), (0, 5_011));
        let of_before = ring.page(Some(9_999_999), 1);
        assert_eq!((of_before.lines[0].number, of_before.lost), (12, 0));

        let ring = logged(|| {
            for _ in 0..2_000 {
                tracing::info!("{}", "ü".repeat(1_000_000));
            }
        });
        let page = ring.page(Some(0), u32::MAX);
        assert!(page.lines[0].cut && page.lines[0].message.len() == LINE_BYTES_MAX, "{}", page.lines.len());
        assert!(page.lost > 900 && page.lines.iter().map(bytes_of).sum::<usize>() <= LOG_PAGE_BYTES_MAX);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_a_new_line() {
        let ring = logged(|| tracing::info!("the first"));
        assert_eq!(ring.newest(0, Duration::from_mins(1)).await, 1);
        assert_eq!(ring.newest(1, Duration::from_millis(5)).await, 1);
        let waiting = tokio::spawn(ring.newest(1, Duration::from_mins(1)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(RingLayer(ring)), || {
            tracing::info!("the second");
        });
        assert_eq!(waiting.await.expect("it ends"), 2);
    }
}
