//! A scripted chat server: real HTTP on loopback that takes one key and one model, and completes, or misbehaves, as its script
//! decides.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// From half a body to the end of the connection: long enough for the half to leave.
const BREAK: Duration = Duration::from_millis(200);
/// The only model there is.
pub const MODEL: &str = "small-1";

/// A request that the server got, with the right key for the right model.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its body.
    pub body: Value,
    /// Which request for work it is, from 1.
    pub times: usize,
}

impl Asked {
    /// The system prompt.
    pub fn system(&self) -> &str {
        self.message("system")
    }

    /// What the user says: the job in words.
    pub fn user(&self) -> &str {
        self.message("user")
    }

    fn message(&self, role: &str) -> &str {
        let messages = self.body["messages"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let message = messages.iter().find(|message| message["role"] == role);
        message.and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

/// What the server says.
#[derive(Clone, Debug)]
pub enum Says {
    /// A completion with this content.
    Text(String),
    /// A completion whose only choice is this.
    Choice(Value),
    /// A bare status, with `Retry-After` in seconds.
    Status(u16, Option<u32>),
    /// 200 and half a body; then the connection is lost.
    Half,
}

type Script = dyn Fn(&Asked) -> Says + Send + Sync;

struct Desk {
    script: Box<Script>,
    key: Mutex<String>,
    asked: Mutex<Vec<Asked>>,
    /// Requests that only ask whether the model is there, and those with a wrong key.
    ready: Mutex<(usize, usize)>,
    complaints: Mutex<Vec<String>>,
}

/// The running server. It ends when it is dropped.
pub struct FakeChat {
    address: SocketAddr,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl FakeChat {
    /// Starts a server on a free port that `key` opens. The smallest requests it completes by itself.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn start(key: &str, script: impl Fn(&Asked) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let desk = Arc::new(Desk {
            script: Box::new(script),
            key: Mutex::new(key.to_owned()),
            asked: Mutex::default(),
            ready: Mutex::default(),
            complaints: Mutex::default(),
        });
        let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&desk));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, desk, task }
    }

    /// Its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on this key opens it.
    pub fn change_key(&self, key: &str) {
        key.clone_into(&mut lock(&self.desk.key));
    }

    /// The requests for work that it got, in order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.desk.asked).clone()
    }

    /// How often somebody with the right key asked only whether the model is there.
    pub fn asked_ready(&self) -> usize {
        lock(&self.desk.ready).0
    }

    /// How often somebody came with a wrong key.
    pub fn turned_away(&self) -> usize {
        lock(&self.desk.ready).1
    }
}

impl Drop for FakeChat {
    fn drop(&mut self) {
        self.task.abort();
        let complaints = lock(&self.desk.complaints);
        assert!(complaints.is_empty() || std::thread::panicking(), "requests were wrong: {complaints:?}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let key = lock(&desk.key).clone();
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let expected = (!key.is_empty()).then(|| format!("Bearer {key}"));
    if given != expected.as_deref() {
        lock(&desk.ready).1 += 1;
        // As some servers do: they quote what they were given.
        let error = json!({"error": {"message": format!("Incorrect API key provided: {}", given.unwrap_or_default())}});
        return (StatusCode::UNAUTHORIZED, as_json(&error)).into_response();
    }
    match check(&headers, &body) {
        Err(complaint) => {
            lock(&desk.complaints).push(complaint);
            StatusCode::BAD_REQUEST.into_response()
        }
        Ok(body) if body["messages"].as_array().is_some_and(|messages| messages.len() == 1) => {
            lock(&desk.ready).0 += 1;
            completion(&choice("Ready."))
        }
        Ok(body) => {
            let asked = {
                let mut seen = lock(&desk.asked);
                let asked = Asked { body, times: seen.len() + 1 };
                seen.push(asked.clone());
                asked
            };
            perform((desk.script)(&asked))
        }
    }
}

/// Reads a request, or says what is wrong with it.
fn check(headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err("it does not say that it is JSON".to_owned());
    }
    if let Some(name) = headers.keys().find(|name| name.as_str().starts_with("webhook-")) {
        return Err(format!("a chat server has nothing to do with {name}"));
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let known = ["model", "messages", "response_format"];
    let keys = body.as_object().ok_or("it is no object")?.keys();
    if let Some(key) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("{key} was not to be sent"));
    }
    if body["model"] != MODEL {
        return Err(format!("there is no model {}", body["model"]));
    }
    Ok(body)
}

fn choice(content: &str) -> Value {
    json!({"index": 0, "message": {"role": "assistant", "content": content, "refusal": null}, "finish_reason": "stop"})
}

fn completion(choice: &Value) -> Response {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12});
    let object = "chat.completion";
    let body = json!({"id": "c-1", "object": object, "model": MODEL, "choices": [choice], "usage": usage});
    as_json(&body).into_response()
}

fn as_json(body: &Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string())
}

fn perform(says: Says) -> Response {
    match says {
        Says::Text(text) => completion(&choice(&text)),
        Says::Choice(choice) => completion(&choice),
        Says::Status(status, after) => {
            let status = StatusCode::from_u16(status).expect("a status");
            match after {
                Some(seconds) => (status, [(header::RETRY_AFTER, seconds.to_string())]).into_response(),
                None => status.into_response(),
            }
        }
        Says::Half => {
            let half = stream::once(async { Ok(Bytes::from_static(b"{\"choices\":[{\"mess")) });
            let lost = stream::once(async {
                tokio::time::sleep(BREAK).await;
                Err(std::io::Error::other("lost"))
            });
            let body = Body::from_stream(futures::StreamExt::chain(half, lost));
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
    }
}
