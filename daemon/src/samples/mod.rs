//! Sample agents on loopback: a newcomer's market is not empty, and the demo has somebody to work. They speak the same
//! contract as everybody's agents, verify what they are sent, and compute their answers from it alone.
//!
//! Two are bad on purpose: `@hasty` breaks its own output schema, `@sleepy` turns every delivery away once.

mod agents;
mod slow;
mod text;
mod units;

use crate::agents::signing::SigningSecret;
use crate::serve::Daemon;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use guildhall_protocol::agent::{AgentDefinition, AgentName, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::RegisterOptions;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where `serve --with-samples` has them.
pub const ADDRESS: &str = "127.0.0.1:7432";
/// Most delivery ids that `@sleepy` remembers.
const SEEN_MAX: usize = 10_000;
/// How often a sample calls back before it gives up, and the time between two calls.
const CALLS_MAX: u32 = 30;
const CALL_AGAIN: Duration = Duration::from_secs(1);

/// What a sample makes of a job.
enum Work {
    /// The answer.
    Output(Value),
    /// Not its work, with a reason.
    Declined(String),
    /// It asks the client, who answers as the schema says.
    Question { text: String, schema: Value },
    /// It takes a while; what it is given reports how far it is.
    Later(Box<LongWork>),
}

/// Work that reports how far it is.
type LongWork = dyn FnOnce(&mut dyn FnMut(String)) -> Value + Send;

/// The job as a sample sees it.
struct Task<'a> {
    /// The input, or `{"text": brief}`.
    input: Value,
    /// What was wrong with the answer before.
    findings: &'a [SeenFinding],
    /// What the client answered to a question.
    reply: Option<Value>,
}

#[derive(Deserialize)]
struct SeenFinding {
    label: String,
    decision: String,
}

#[derive(Deserialize)]
struct Message {
    r#type: String,
    #[serde(default)]
    data: Value,
}

/// A sample's secrets.
#[derive(Clone)]
struct Secrets {
    delivery: SigningSecret,
    callback: SigningSecret,
}

#[derive(Default)]
struct Desk {
    secrets: Mutex<BTreeMap<String, Secrets>>,
    turned_away: Mutex<HashSet<String>>,
}

/// The running samples.
pub struct Samples {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
    served: JoinHandle<io::Result<()>>,
}

impl Samples {
    /// Starts them at a loopback address; port 0 takes any.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::default());
        let router = Router::new().route("/agents/{name}", post(answer)).with_state(Arc::clone(&desk));
        let stop = CancellationToken::new();
        let ended = stop.clone().cancelled_owned();
        let served =
            tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(ended).await });
        Ok(Self { address, desk, stop, served })
    }

    /// What each says about itself.
    pub fn definitions(&self) -> Vec<AgentDefinition> {
        agents::definitions(self.address)
    }

    /// Tells a sample its secrets: of its deliveries, and of what it sends by itself. Until then it answers 503.
    pub fn trust(&self, name: &AgentName, delivery: SigningSecret, callback: SigningSecret) {
        let secrets = Secrets { delivery, callback };
        lock(&self.desk.secrets).insert(name.as_str().to_owned(), secrets);
    }

    /// Registers them, or brings them up to date, in the market of a running daemon, through its socket. A sample whose
    /// name belongs to another agent is left out. Answers one line about each that was.
    ///
    /// # Errors
    /// The daemon refuses one.
    pub async fn join(&self, daemon: &Daemon, client: &Client) -> Result<Vec<String>, ApiError> {
        let mut left_out = Vec::new();
        for definition in self.definitions() {
            let name = definition.name.clone();
            let known = client.call(|service, context| {
                let name = name.clone();
                async move { service.agent(context, name).await }
            });
            let options = RegisterOptions {
                allow_private: true,
                audience: Audience::Public,
                house: true,
                ..RegisterOptions::default()
            };
            match known.await {
                Ok(story) if !ours(&story.definition) => {
                    left_out.push(format!("the name {name} is taken: that sample is left out"));
                    continue;
                }
                Ok(_) => {
                    let update = client.call(|service, context| async move {
                        service.update_agent(context, RequestId::fresh(), definition, options).await
                    });
                    update.await?;
                }
                Err(error) if error.kind == ErrorKind::NotFound => {
                    let register = client.call(|service, context| async move {
                        service.register_agent(context, RequestId::fresh(), definition, options).await
                    });
                    register.await?;
                }
                Err(error) => return Err(error),
            }
            let (delivery, callback) = daemon.secrets(&name).map_err(|error| {
                ApiError::new(ErrorKind::Unavailable, format!("{name} gets no secret: {error}"))
            })?;
            self.trust(&name, delivery, callback);
        }
        Ok(left_out)
    }

    /// Ends them; requests that they have are answered first.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.served.await {
            tracing::warn!(%error, "the sample agents ended badly");
        }
    }
}

/// Whether an agent of this definition is one of the samples.
fn ours(definition: &AgentDefinition) -> bool {
    let loopback = definition.endpoint.starts_with("http://127.0.0.1:");
    loopback && definition.endpoint.ends_with(&format!("/agents/{}", definition.name.as_str()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(work) = agents::work_of(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(secrets) = lock(&desk.secrets).get(&name).cloned() else { return later() };
    if !secrets.delivery.verifies(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(message) = serde_json::from_slice::<Message>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match message.r#type.as_str() {
        "agent.challenge" => json_answer(&json!({"challenge": message.data["challenge"]})),
        "job.assigned" | "job.input_provided" => {
            let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
            if name == "sleepy" && turns_away(&desk, id) {
                return later();
            }
            let findings = serde_json::from_value::<Vec<SeenFinding>>(message.data["findings"].clone());
            let brief = || json!({"text": message.data["brief"]});
            let input = message.data.get("input").cloned().unwrap_or_else(brief);
            let reply = message.data.get("reply").cloned();
            let task = Task { input, findings: &findings.unwrap_or_default(), reply };
            let callback_url = message.data["callback_url"].as_str().map(ToOwned::to_owned);
            match work(&task) {
                Work::Output(output) => json_answer(&json!({"output": output})),
                Work::Declined(reason) => json_answer(&json!({"declined": reason})),
                Work::Question { text, schema } => json_answer(&json!({"question": text, "schema": schema})),
                Work::Later(work) => work_long(work, callback_url, secrets.callback).await,
            }
        }
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Accepts and calls back where that is possible; else the exchange takes as long as the work does.
async fn work_long(work: Box<LongWork>, callback_url: Option<String>, secret: SigningSecret) -> Response {
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        // Nobody listens where nobody can be called back.
        work(&mut |note| drop(report.send(note)))
    });
    let Some(url) = callback_url else {
        return match work.await {
            Ok(output) => json_answer(&json!({"output": output})),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
    };
    tokio::spawn(async move {
        let phone = Phone { url, secret };
        let mut calls = 0;
        while let Some(note) = reports.recv().await {
            calls += 1;
            phone.call(calls, json!({"progress": note})).await;
        }
        let said = match work.await {
            Ok(output) => json!({"output": output}),
            Err(_) => json!({"declined": "I broke down over it"}),
        };
        phone.call(calls + 1, said).await;
    });
    StatusCode::ACCEPTED.into_response()
}

/// Where and how a sample calls back.
struct Phone {
    url: String,
    secret: SigningSecret,
}

impl Phone {
    /// Says something, and says it again while the daemon is not to be had.
    async fn call(&self, number: usize, mut said: Value) {
        let attempt = self.url.rsplit('/').next().unwrap_or_default();
        said["attempt"] = json!(attempt);
        let (id, body) = (format!("{attempt}_said{number}"), said.to_string());
        for _ in 0..CALLS_MAX {
            let seconds = Timestamp::now().0 / 1_000;
            let Ok(signature) = self.secret.sign(&id, seconds, body.as_bytes()) else { return };
            let Ok(client) = reqwest::Client::builder().no_proxy().build() else { return };
            let sent = client
                .post(&self.url)
                .header("webhook-id", &id)
                .header("webhook-timestamp", seconds.to_string())
                .header("webhook-signature", signature)
                .header("content-type", "application/json")
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(response) if response.status() != StatusCode::SERVICE_UNAVAILABLE => return,
                Ok(_) | Err(_) => tokio::time::sleep(CALL_AGAIN).await,
            }
        }
    }
}

/// Whether this delivery comes for the first time.
fn turns_away(desk: &Desk, id: &str) -> bool {
    let mut seen = lock(&desk.turned_away);
    if seen.len() >= SEEN_MAX {
        seen.clear();
    }
    seen.insert(id.to_owned())
}

fn later() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response()
}

fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
