//! A scripted agent: a real server on loopback that checks every delivery as the contract says, and answers, or
//! misbehaves, as its script decides.

use crate::http_server::HttpServer;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::{StreamExt, stream};
use guildhall_daemon::agents::egress::Egress;
use guildhall_daemon::agents::signing::SigningSecret;
use guildhall_protocol::agent::{AgentDefinition, TimeLimits};
use guildhall_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// Between two bytes of [`Answer::Drip`].
const DRIP: Duration = Duration::from_secs(1);

/// From the beginning of a body to the end of the connection, in [`Answer::Breaks`]: long enough for the head to leave.
const BREAK: Duration = Duration::from_millis(200);

/// A message that the agent got and found in order.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its `webhook-id`.
    pub id: String,
    /// Its type, for example `job.assigned`.
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// Its `guildhall-deadline`, where it has one.
    pub deadline: Option<String>,
    /// How often this id came, from 1.
    pub times: usize,
}

/// What the agent says to a delivery.
pub enum Answer {
    /// 200 with the output of a job.
    Output(Value),
    /// 200 with this body, of this content type.
    Body(&'static str, String),
    /// A bare status with `Retry-After: 0`.
    Status(u16),
    /// 200 with any body of the contract, such as `{"question": "Which?"}`.
    Says(Value),
    /// A status, `Retry-After: 0`, the beginning of a body, and then the connection is lost.
    Breaks(u16),
    /// A status, `Retry-After: 0`, the beginning of a body, and then nothing.
    Stalls(u16),
    /// A redirect to this address.
    Redirect(String),
    /// 200 and then one byte a second, without end.
    Drip,
    /// 200 and then bytes as fast as they are taken, without end.
    Endless,
    /// No answer until the other side goes away.
    Silence,
}

/// A callback, in order unless a test spoils it.
pub struct Callback {
    /// Where to.
    pub url: String,
    /// Its `webhook-id`.
    pub id: String,
    /// Its `webhook-timestamp`, Unix seconds.
    pub timestamp: i64,
    /// Its body.
    pub body: String,
    /// Signs it instead of the agent's own secret.
    pub secret: Option<SigningSecret>,
}

impl Callback {
    /// What an agent says about a delivery.
    ///
    /// # Panics
    /// The delivery named no address to call back.
    pub fn new(delivery: &Delivery, said: Value) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let url = delivery.data["callback_url"].as_str().expect("an address to call back").to_owned();
        let attempt = url.rsplit('/').next().expect("the attempt ends the address").to_owned();
        let mut body = json!({"attempt": attempt});
        if let (Value::Object(body), Value::Object(said)) = (&mut body, said) {
            body.extend(said);
        }
        let timestamp = Timestamp::now().0 / 1_000;
        let id = format!("msg-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { url, id, timestamp, body: body.to_string(), secret: None }
    }

    /// Sends it.
    ///
    /// # Panics
    /// Nobody answers, or the agent has no secret.
    pub async fn send(&self, agent: &FakeAgent) -> (u16, String) {
        self.try_send(agent).await.expect("the daemon answers")
    }

    /// Sends it; nothing where nobody answers.
    ///
    /// # Panics
    /// The agent has no secret.
    pub async fn try_send(&self, agent: &FakeAgent) -> Option<(u16, String)> {
        let own = lock(&agent.desk.callback_secret).clone();
        let secret = self.secret.clone().or(own).expect("a secret");
        let signature = secret.sign(&self.id, self.timestamp, self.body.as_bytes()).expect("it signs");
        // Reqwest takes the TLS provider that the process has.
        drop(Egress::new().expect("the daemon's own client"));
        let request = reqwest::Client::new()
            .post(&self.url)
            .header("webhook-id", &self.id)
            .header("webhook-timestamp", self.timestamp.to_string())
            .header("webhook-signature", signature)
            .header("content-type", "application/json")
            .body(self.body.clone());
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }
}

type Script = dyn Fn(&Delivery) -> Answer + Send + Sync;

struct Desk {
    script: Box<Script>,
    secret: Mutex<Option<SigningSecret>>,
    callback_secret: Mutex<Option<SigningSecret>>,
    seen: Mutex<Vec<Delivery>>,
    complaints: Mutex<Vec<String>>,
}

/// The running agent. It ends when it is dropped.
pub struct FakeAgent {
    address: SocketAddr,
    desk: Arc<Desk>,
    /// While it is there.
    server: Option<HttpServer>,
}

fn router(desk: &Arc<Desk>) -> Router {
    Router::new().route("/jobs", post(answer)).with_state(Arc::clone(desk))
}

impl FakeAgent {
    /// Starts an agent on a free port. It answers challenges itself and shows the rest to the script.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn start(script: impl Fn(&Delivery) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let desk = Arc::new(Desk {
            script: Box::new(script),
            secret: Mutex::default(),
            callback_secret: Mutex::default(),
            seen: Mutex::default(),
            complaints: Mutex::default(),
        });
        let server = Some(HttpServer::begin(listener, router(&desk)));
        Self { address, desk, server }
    }

    /// Goes away: whoever connects from now on is refused.
    ///
    /// # Panics
    /// It is away already.
    pub async fn leave(&mut self) {
        self.server.take().expect("it is there").end().await;
    }

    /// Comes back to where it was.
    ///
    /// # Panics
    /// Somebody else took its port.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("its port is free");
        self.server = Some(HttpServer::begin(listener, router(&self.desk)));
    }

    /// What it says about itself: any input, any output, one second for an exchange.
    pub fn definition(&self, name: &str, description: &str) -> AgentDefinition {
        let said = json!({
            "name": name,
            "description": description,
            "endpoint": format!("http://{}/jobs", self.address),
            "time_limits": TimeLimits { exchange_ms: 1_000, ..TimeLimits::default() },
        });
        serde_json::from_value(said).expect("a definition")
    }

    /// Tells it its secrets: of its deliveries, and of what it sends by itself.
    pub fn trust(&self, delivery: &str, callback: &str) {
        *lock(&self.desk.callback_secret) = SigningSecret::parse(callback);
        *lock(&self.desk.secret) = SigningSecret::parse(delivery);
    }

    /// The jobs that it got, in order.
    pub fn assigned(&self) -> Vec<Delivery> {
        self.got("job.assigned")
    }

    /// The messages of one type that it got, in order.
    pub fn got(&self, kind: &str) -> Vec<Delivery> {
        lock(&self.desk.seen).iter().filter(|delivery| delivery.kind == kind).cloned().collect()
    }

    /// Calls back about a delivery: `said` beside the attempt. Answers the status and what the daemon says.
    ///
    /// # Panics
    /// The delivery named no address to call back, or nobody answers there.
    pub async fn call_back(&self, delivery: &Delivery, said: Value) -> (u16, String) {
        Callback::new(delivery, said).send(self).await
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        let complaints = lock(&self.desk.complaints);
        assert!(complaints.is_empty() || std::thread::panicking(), "deliveries were wrong: {complaints:?}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(secret) = lock(&desk.secret).clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response(); // its owner has the secret, and it not yet
    };
    match desk.check(&secret, &headers, &body) {
        Err(complaint) => {
            lock(&desk.complaints).push(complaint);
            StatusCode::BAD_REQUEST.into_response()
        }
        Ok(delivery) if delivery.kind == "agent.challenge" => {
            typed("application/json", json!({"challenge": delivery.data["challenge"]}).to_string())
        }
        Ok(delivery) => perform((desk.script)(&delivery)).await,
    }
}

impl Desk {
    /// Reads a message, or says what is wrong with it.
    fn check(&self, secret: &SigningSecret, headers: &HeaderMap, body: &[u8]) -> Result<Delivery, String> {
        let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if !secret.verifies(headers, body) {
            return Err("the signature is wrong".to_owned());
        }
        if named("content-type") != Some("application/json") {
            return Err("it does not say that it is JSON".to_owned());
        }
        let trace = named("traceparent").unwrap_or_default();
        if trace.len() != 55 || !trace.starts_with("00-") {
            return Err(format!("the traceparent is {trace:?}"));
        }
        let message: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let kind = message["type"].as_str().unwrap_or_default().to_owned();
        if message["contract"] != 1 || !message["timestamp"].is_string() || kind.is_empty() {
            return Err(format!("the envelope is {message}"));
        }
        if kind == "job.assigned" && named("guildhall-deadline").is_none() {
            return Err("a job came without its deadline".to_owned());
        }
        let id = named("webhook-id").unwrap_or_default().to_owned();
        let deadline = named("guildhall-deadline").map(str::to_owned);
        let mut seen = lock(&self.seen);
        let times = seen.iter().filter(|delivery| delivery.id == id).count() + 1;
        let delivery = Delivery { id, kind, data: message["data"].clone(), deadline, times };
        seen.push(delivery.clone());
        Ok(delivery)
    }
}

async fn perform(answer: Answer) -> Response {
    match answer {
        Answer::Output(output) => typed("application/json", json!({"output": output}).to_string()),
        Answer::Says(body) => typed("application/json", body.to_string()),
        Answer::Body(kind, body) => typed(kind, body),
        Answer::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::RETRY_AFTER, "0")]).into_response()
        }
        Answer::Breaks(status) => cut_off(
            status,
            stream::once(async {
                tokio::time::sleep(BREAK).await;
                Err(std::io::Error::other("lost"))
            }),
        ),
        Answer::Stalls(status) => cut_off(status, stream::pending()),
        Answer::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Answer::Drip => {
            let drops = stream::unfold((), async |()| {
                tokio::time::sleep(DRIP).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
            });
            typed("application/json", Body::from_stream(drops))
        }
        Answer::Endless => {
            let flood = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16_384])));
            typed("application/json", Body::from_stream(flood))
        }
        Answer::Silence => std::future::pending().await,
    }
}

/// An answer whose body begins and then goes on like this.
fn cut_off<S>(status: u16, rest: S) -> Response
where
    S: futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
{
    let status = StatusCode::from_u16(status).expect("a status");
    let begins = stream::iter([Ok(Bytes::from_static(b"{\"sorry\":"))]);
    (status, [(header::RETRY_AFTER, "0")], Body::from_stream(begins.chain(rest))).into_response()
}

fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}
