//! A server of models on loopback that does what a test plans, call by call.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, header};
use axum::routing::{get, post};
use futures::StreamExt;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What comes of one request.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// This status and body.
    Says(u16, String),
    /// This status, and when to come again.
    Later(u16, &'static str),
    /// Half a body, then the connection breaks.
    Half,
    /// Nothing, for ever.
    Hang,
    /// An answer, when the gate is open.
    Gate,
}

/// A chat's body with this content and 100 tokens read, 10 written.
pub(super) fn answer(content: &str) -> Plan {
    let choice = json!({"message": {"content": content}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 10});
    Plan::Says(200, json!({"choices": [choice], "usage": usage}).to_string())
}

/// The server, and what it saw.
pub(super) struct Fake {
    pub(super) url: String,
    pub(super) seen: Arc<Seen>,
}

#[derive(Default)]
pub(super) struct Seen {
    /// What comes next; then an answer that can be used.
    plans: Mutex<VecDeque<Plan>>,
    pub(super) requests: Mutex<Vec<Value>>,
    pub(super) keys: Mutex<Vec<Option<String>>>,
    pub(super) dimensions: AtomicUsize,
    pub(super) in_flight: AtomicUsize,
    pub(super) in_flight_max: AtomicUsize,
    gate: Option<Semaphore>,
}

impl Fake {
    pub(super) async fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let seen = Arc::new(Seen {
            plans: Mutex::new(plans.into_iter().collect()),
            dimensions: AtomicUsize::new(4),
            gate: Some(Semaphore::new(0)),
            ..Seen::default()
        });
        let app = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/models", get(models))
            .with_state(Arc::clone(&seen));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    pub(super) fn plan(&self, plan: Plan) {
        self.seen.plans.lock().expect("plans").push_back(plan);
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.requests.lock().expect("requests").len()
    }

    pub(super) fn open_gate(&self) {
        self.seen.gate.as_ref().expect("a gate").add_permits(10_000);
    }

    pub(super) async fn until_in_flight(&self, calls: usize) {
        while self.seen.in_flight.load(Ordering::SeqCst) < calls {
            tokio::task::yield_now().await;
        }
    }
}

impl Seen {
    fn note(&self, headers: &HeaderMap, body: &Bytes) {
        let key = headers.get(header::AUTHORIZATION).map(|value| value.to_str().expect("text").to_owned());
        self.keys.lock().expect("keys").push(key);
        self.requests.lock().expect("requests").push(serde_json::from_slice(body).unwrap_or_default());
    }

    async fn run(&self, default: Plan) -> Response<Body> {
        let plan = self.plans.lock().expect("plans").pop_front().unwrap_or(default);
        let response = |status: u16| Response::builder().status(status);
        match plan {
            Plan::Says(status, body) => response(status).body(Body::from(body)),
            Plan::Later(status, after) => {
                response(status).header(header::RETRY_AFTER, after).body(Body::empty())
            }
            Plan::Half => {
                let half = futures::stream::iter([Ok("{\"choices\":[{\"mess"), Err("broken")]);
                // The half goes out before the connection breaks.
                response(200).body(Body::from_stream(half.then(|part| async move {
                    tokio::task::yield_now().await;
                    part
                })))
            }
            Plan::Hang => std::future::pending().await,
            Plan::Gate => {
                let flying = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                self.in_flight_max.fetch_max(flying, Ordering::SeqCst);
                drop(self.gate.as_ref().expect("a gate").acquire().await);
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                let Plan::Says(status, body) = answer("{\"n\":1}") else { unreachable!("it says so") };
                response(status).body(Body::from(body))
            }
        }
        .expect("a response")
    }
}

async fn chat(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    seen.note(&headers, &body);
    seen.run(answer("{\"n\":1}")).await
}

async fn models(State(seen): State<Arc<Seen>>) -> Response<Body> {
    seen.run(Plan::Says(200, json!({"data": [{"id": "m"}]}).to_string())).await
}

async fn embeddings(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    seen.note(&headers, &body);
    let request: Value = serde_json::from_slice(&body).expect("JSON");
    let dimensions = seen.dimensions.load(Ordering::SeqCst);
    let vector = |text: &Value| {
        let mut vector = vec![1.0; dimensions];
        vector[0] = f64::from(u32::try_from(text.as_str().expect("a text").len()).expect("short"));
        json!({"embedding": vector})
    };
    let data: Vec<Value> = request["input"].as_array().expect("texts").iter().map(vector).collect();
    seen.run(Plan::Says(200, json!({"data": data, "usage": {"prompt_tokens": 7}}).to_string())).await
}
