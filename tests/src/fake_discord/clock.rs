//! The server's clock: it goes as the wall clock does, and tests move it on.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Clock {
    started: Instant,
    began_ms: i64,
    moved_ms: AtomicI64,
}

impl Clock {
    pub(super) fn start() -> Self {
        let began_ms = jiff::Timestamp::now().as_millisecond();
        Self { started: Instant::now(), began_ms, moved_ms: AtomicI64::new(0) }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> i64 {
        let went = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began_ms + went + self.moved_ms.load(Ordering::SeqCst)
    }

    pub(super) fn pass(&self, span: Duration) {
        self.moved_ms.fetch_add(i64::try_from(span.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }
}

/// A point in time as Discord writes it.
pub(super) fn written(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{}+00:00", format!("{time:.6}").trim_end_matches('Z'))
}
