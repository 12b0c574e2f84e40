//! How the bot is, for monitoring: `/healthz` and `/metrics` on an address of this machine.

use crate::hall::Hall;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Upper bounds of the classes of answer times, ms; Discord waits for 3,000.
const CLASSES_MS: [u64; 7] = [10, 50, 100, 500, 1_000, 1_500, 3_000];
/// Longest wait for the daemon's answer.
const DAEMON_MAX: Duration = Duration::from_secs(2);

/// What is counted of what happens.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Interactions.
    pub(crate) interactions: AtomicU64,
    /// Interactions that nobody understood, and that were answered all the same.
    pub(crate) strange: AtomicU64,
    /// Interactions that could not be answered.
    pub(crate) failed: AtomicU64,
    /// New sessions.
    pub(crate) sessions: AtomicU64,
    /// Whether there is a session that hears something.
    pub(crate) is_connected: AtomicBool,
    /// Interactions whose answer came after a thought.
    pub(crate) deferred: AtomicU64,
    /// Notices that were told to their reader.
    pub(crate) told: AtomicU64,
    /// Notices that were told beside a card, since direct messages of ours are not taken.
    pub(crate) elsewhere: AtomicU64,
    /// Notices that were not told now, and are tried again.
    pub(crate) put_off: AtomicU64,
    /// Notices that were given up, since direct messages of ours are not taken.
    pub(crate) closed: AtomicU64,
    /// Notices that were not told, and for which there is nobody any more, or of which we could make nothing.
    pub(crate) untold: AtomicU64,
    /// Limits of a route that were met and waited out.
    pub(crate) limited: AtomicU64,
    /// Limits of all requests that were met and waited out.
    pub(crate) limited_globally: AtomicU64,
    /// First answers by class of time, the last without a bound.
    answered: [AtomicU64; CLASSES_MS.len() + 1],
    answered_ms: AtomicU64,
}

impl Counters {
    /// One more.
    pub(crate) fn one(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// An interaction had its first answer after this time.
    pub(crate) fn answered(&self, after: Duration) {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let class = CLASSES_MS.iter().position(|most| ms <= *most).unwrap_or(CLASSES_MS.len());
        Self::one(&self.answered[class]);
        self.answered_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// As Prometheus reads it.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, about: &str, label: &str, counts: &[(&str, &AtomicU64)]| {
            let name = format!("guildhall_bot_{name}_total");
            writeln!(text, "# HELP {name} {about}\n# TYPE {name} counter").expect("a string takes all");
            for (value, count) in counts {
                let which = if label.is_empty() { String::new() } else { format!("{{{label}=\"{value}\"}}") };
                writeln!(text, "{name}{which} {}", count.load(Ordering::Relaxed))
                    .expect("a string takes all");
            }
        };
        let mut counter =
            |name: &str, about: &str, count: &AtomicU64| family(name, about, "", &[("", count)]);
        counter("interactions", "Interactions.", &self.interactions);
        counter("strange_interactions", "Interactions that were not understood.", &self.strange);
        counter("failed_interactions", "Interactions that could not be answered.", &self.failed);
        let about = "Interactions that were answered with a thought first.";
        counter("deferred_interactions", about, &self.deferred);
        counter("sessions", "New sessions at Discord's gateway.", &self.sessions);
        let notices = [
            ("told", &self.told),
            ("elsewhere", &self.elsewhere),
            ("put_off", &self.put_off),
            ("closed", &self.closed),
            ("failed", &self.untold),
        ];
        family("notices", "Tries to tell somebody something, by what came of them.", "outcome", &notices);
        let limits = [("route", &self.limited), ("global", &self.limited_globally)];
        family("rate_limits", "Limits of Discord that were met and waited out.", "kind", &limits);
        let name = "guildhall_bot_answer_seconds";
        writeln!(text, "# HELP {name} Time to the first answer.\n# TYPE {name} histogram")
            .expect("a string takes all");
        let mut sum = 0;
        let bounds = CLASSES_MS.iter().map(|ms| format!("{}.{:03}", ms / 1_000, ms % 1_000));
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&self.answered) {
            sum += count.load(Ordering::Relaxed);
            writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}").expect("a string takes all");
        }
        let ms = self.answered_ms.load(Ordering::Relaxed);
        let seconds = format!("{}.{:03}", ms / 1_000, ms % 1_000);
        writeln!(text, "{name}_sum {seconds}\n{name}_count {sum}").expect("a string takes all");
        text
    }
}

#[derive(Clone)]
struct Desk {
    counters: Arc<Counters>,
    hall: Arc<Hall>,
}

/// Listens until `ended`.
///
/// # Errors
/// The address is taken.
pub(crate) async fn listen(
    address: SocketAddr,
    counters: Arc<Counters>,
    hall: Arc<Hall>,
    ended: CancellationToken,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(Desk { counters, hall });
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(ended.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::warn!(%error, "nobody can ask any more how the bot is");
        }
    });
    Ok(())
}

async fn metrics(State(desk): State<Desk>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], desk.counters.text())
}

/// Whether the bot can do what people ask of it.
async fn health(State(desk): State<Desk>) -> (StatusCode, String) {
    if !desk.counters.is_connected.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "not connected to Discord\n".to_owned());
    }
    match tokio::time::timeout(DAEMON_MAX, desk.hall.itself().principal()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok\n".to_owned()),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("the daemon: {}\n", error.message)),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the daemon does not answer\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_their_time() {
        let counters = Counters::default();
        for ms in [3, 40, 60, 9_000] {
            counters.answered(Duration::from_millis(ms));
        }
        let text = counters.text();
        for line in [
            "guildhall_bot_answer_seconds_bucket{le=\"0.010\"} 1",
            "guildhall_bot_answer_seconds_bucket{le=\"0.100\"} 3",
            "guildhall_bot_answer_seconds_bucket{le=\"+Inf\"} 4",
            "guildhall_bot_answer_seconds_sum 9.103",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn what_came_of_notices_and_limits_is_told_apart() {
        let counters = Counters::default();
        for count in [&counters.told, &counters.told, &counters.closed, &counters.limited_globally] {
            Counters::one(count);
        }
        let text = counters.text();
        for line in [
            "# TYPE guildhall_bot_notices_total counter",
            "guildhall_bot_notices_total{outcome=\"told\"} 2",
            "guildhall_bot_notices_total{outcome=\"closed\"} 1",
            "guildhall_bot_notices_total{outcome=\"put_off\"} 0",
            "guildhall_bot_rate_limits_total{kind=\"route\"} 0",
            "guildhall_bot_rate_limits_total{kind=\"global\"} 1",
            "guildhall_bot_deferred_interactions_total 0",
        ] {
            assert!(text.lines().any(|is| is == line), "{line} is not in {text}");
        }
        assert_eq!(text.matches("# TYPE guildhall_bot_notices_total").count(), 1);
    }
}
