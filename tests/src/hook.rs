//! A person's webhook: a real server on loopback that checks every notice as Standard Webhooks, and takes it or not.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use guildhall_daemon::agents::signing::SigningSecret;
use serde_json::Value;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A notice that was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its `webhook-id`.
    pub id: String,
    /// Its kind, such as `job_completed`.
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// Whether its signature and its envelope are in order.
    pub in_order: bool,
    /// What the webhook answered.
    pub status: u16,
}

/// The status of a webhook that never answers.
const STALLS: u16 = 0;

/// A notice that waits for an answer.
struct Stalling<'a>(&'a AtomicUsize);

impl Drop for Stalling<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Desk {
    stalling: AtomicUsize,
    status: AtomicU16,
    secret: Mutex<Option<SigningSecret>>,
    posted: Mutex<Vec<Posted>>,
}

/// The running webhook. It ends when it is dropped.
pub struct Hook {
    /// Where notices are posted to.
    pub url: String,
    desk: Arc<Desk>,
    served: JoinHandle<()>,
}

impl Hook {
    /// Starts a webhook that takes everything.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (secret, posted) = (Mutex::default(), Mutex::default());
        let desk =
            Arc::new(Desk { stalling: AtomicUsize::new(0), status: AtomicU16::new(200), secret, posted });
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&desk));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, desk, served }
    }

    /// Tells it the secret that verifies what is posted.
    ///
    /// # Panics
    /// It is no secret.
    pub fn trust(&self, secret: &str) {
        let secret = SigningSecret::parse(secret).expect("a secret");
        *self.desk.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
    }

    /// From now on it answers this.
    pub fn answer(&self, status: u16) {
        self.desk.status.store(status, Ordering::SeqCst);
    }

    /// From now on it answers nothing.
    pub fn stall(&self) {
        self.answer(STALLS);
    }

    /// Whether a notice waits for an answer that will not come.
    pub fn is_stalling(&self) -> bool {
        self.desk.stalling.load(Ordering::SeqCst) > 0
    }

    /// What was posted, in order.
    pub fn posted(&self) -> Vec<Posted> {
        self.desk.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What of one kind was posted, in order.
    pub fn of_kind(&self, kind: &str) -> Vec<Posted> {
        self.posted().into_iter().filter(|posted| posted.kind == kind).collect()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = desk.status.load(Ordering::SeqCst);
    if status == STALLS {
        desk.stalling.fetch_add(1, Ordering::SeqCst);
        let _stalling = Stalling(&desk.stalling);
        std::future::pending::<()>().await;
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let secret = desk.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let signed = secret.is_some_and(|secret| secret.verifies(&headers, &body));
    let kind = message["type"].as_str().and_then(|kind| kind.strip_prefix("guildhall."));
    let posted = Posted {
        id: headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned(),
        kind: kind.unwrap_or_default().to_owned(),
        data: message["data"].clone(),
        in_order: signed && kind.is_some() && message["timestamp"].is_string(),
        status,
    };
    desk.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
