//! Health and metrics on loopback, for whoever runs the machine.

use crate::engine::Engine;
use crate::store::{Command, Query};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::time::Timestamp;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest that an empty write may take in a healthy store.
const WRITE_MAX: Duration = Duration::from_secs(1);
/// Longest since the engine last looked for work.
const TURN_MAX: Duration = Duration::from_secs(10);

/// Serves `/healthz` and `/metrics` until `stop`.
///
/// # Errors
/// The address is taken.
pub async fn listen(address: SocketAddr, engine: Arc<Engine>, stop: CancellationToken) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let router =
        Router::new().route("/healthz", get(health)).route("/metrics", get(metrics)).with_state(engine);
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "health and metrics are no longer served");
        }
    });
    Ok(())
}

/// Writable: an empty transaction goes through. Alive: the engine looked for work recently.
async fn health(State(engine): State<Arc<Engine>>) -> Response {
    let now = Timestamp::now();
    if engine.is_draining() {
        return ill("the daemon is ending".to_owned());
    }
    let idle = now.since(engine.last_turn());
    if idle > TURN_MAX {
        return ill(format!("the engine last looked for work {} s ago", idle.as_secs()));
    }
    let write = engine.parts().store.apply(now, Command::Probe);
    match tokio::time::timeout(WRITE_MAX, write).await {
        Ok(Ok(_)) => "ok\n".into_response(),
        Ok(Err(error)) => ill(format!("the store cannot be written: {error}")),
        Err(_) => ill(format!("a write takes longer than {} ms", WRITE_MAX.as_millis())),
    }
}

fn ill(why: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response()
}

/// Prometheus' text format.
async fn metrics(State(engine): State<Arc<Engine>>) -> Response {
    let jobs = match engine.parts().store.counts(Query::Counts).await {
        Ok(jobs) => jobs,
        Err(error) => return ill(format!("the store cannot be read: {error}")),
    };
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, about: &str, samples: &[(String, u64)]| {
        let mut lines = format!("# HELP {name} {about}\n# TYPE {name} {kind}\n");
        for (labels, value) in samples {
            writeln!(lines, "{name}{labels} {value}").expect("a string takes all");
        }
        text.push_str(&lines);
    };
    let states: Vec<(String, u64)> =
        jobs.into_iter().map(|(state, count)| (format!("{{state=\"{state}\"}}"), count)).collect();
    family("guildhall_jobs", "gauge", "Jobs by state.", &states);
    let (mut active, mut running, mut all) = (0, 0, 0);
    for listing in engine.market().all() {
        all += 1;
        active += u64::from(listing.record.state == AgentState::Active);
        running += u64::from(listing.running);
    }
    family("guildhall_agents", "gauge", "Agents.", &[(String::new(), all)]);
    family("guildhall_agents_active", "gauge", "Agents that get jobs.", &[(String::new(), active)]);
    family(
        "guildhall_attempts_running",
        "gauge",
        "Attempts that hold a slot of their agent.",
        &[(String::new(), running)],
    );
    let idle = Timestamp::now().since(engine.last_turn()).as_secs();
    family(
        "guildhall_engine_idle_seconds",
        "gauge",
        "Time since the engine last looked for work.",
        &[(String::new(), idle)],
    );
    let incarnation = u64::try_from(engine.parts().incarnation.0).unwrap_or(0);
    family(
        "guildhall_incarnation",
        "counter",
        "Starts of a daemon on this store.",
        &[(String::new(), incarnation)],
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
