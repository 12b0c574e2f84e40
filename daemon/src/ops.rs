//! Health and metrics on loopback, for whoever runs the machine.

mod exposition;
mod models;

use crate::engine::Engine;
use crate::store::{Command, Query, Store, StoreError};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use exposition::{CONTENT_TYPE, Exposition};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::time::Timestamp;
use models::Record;
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

/// Everything that is counted, for Prometheus.
async fn metrics(State(engine): State<Arc<Engine>>) -> Response {
    let store: &dyn Store = &*engine.parts().store;
    let read =
        async { Ok::<_, StoreError>((store.counts(Query::Counts).await?, Record::read(store).await?)) };
    let (jobs, record) = match read.await {
        Ok(read) => read,
        Err(error) => return ill(format!("the store cannot be read: {error}")),
    };
    let now = Timestamp::now();
    let mut to = Exposition::default();
    expose_engine(&mut to, &engine, &jobs, now);
    let llm = engine.parts().llm.as_ref().map(|llm| llm.state(now));
    models::expose(&mut to, &record, llm.as_ref());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], to.into_text()).into_response()
}

fn expose_engine(to: &mut Exposition, engine: &Engine, jobs: &[(String, u64)], now: Timestamp) {
    let mut states = to.family("guildhall_jobs", "gauge", "Jobs by state.");
    for (state, count) in jobs {
        states.sample(&[("state", state)], count);
    }
    let (mut active, mut running, mut all) = (0_u64, 0_u64, 0_u64);
    for listing in engine.market().all() {
        all += 1;
        active += u64::from(listing.record.state == AgentState::Active);
        running += u64::from(listing.running);
    }
    to.family("guildhall_agents", "gauge", "Agents.").sample(&[], all);
    to.family("guildhall_agents_active", "gauge", "Agents that get jobs.").sample(&[], active);
    to.family("guildhall_attempts_running", "gauge", "Attempts that hold a slot of their agent.")
        .sample(&[], running);
    to.family("guildhall_engine_idle_seconds", "gauge", "Time since the engine last looked for work.")
        .sample(&[], now.since(engine.last_turn()).as_secs());
    let incarnation = u64::try_from(engine.parts().incarnation.0).unwrap_or(0);
    to.family("guildhall_incarnation", "counter", "Starts of a daemon on this store.")
        .sample(&[], incarnation);
}
