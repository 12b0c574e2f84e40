//! What the server knows, and how it takes a request: check, keep, wait, answer.

use super::reply::{self, EmbeddingReply, Reply};
use super::request::{self, ChatRequest, EmbeddingsRequest, Refused};
use super::{Mind, Options, brain};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 32 << 20;

/// Which models a server has.
#[derive(Clone, Debug)]
pub enum Known {
    /// Whichever is asked for.
    Any,
    /// These.
    Only(BTreeSet<String>),
}

impl Known {
    /// These.
    pub fn only(names: &[&str]) -> Self {
        Self::Only(names.iter().map(|&name| name.to_owned()).collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Any => Vec::new(),
            Self::Only(names) => names.iter().cloned().collect(),
        }
    }
}

/// What tests want instead of what the mind says.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) next: VecDeque<Reply>,
    pub(super) next_to: BTreeMap<String, VecDeque<Reply>>,
    pub(super) always: Option<Reply>,
    pub(super) always_to: BTreeMap<String, Reply>,
    pub(super) next_embeddings: VecDeque<EmbeddingReply>,
    pub(super) always_embeddings: Option<EmbeddingReply>,
}

impl Plans {
    /// Takes what is planned for a chat of this role: queued before for always, the role's own before anybody's.
    fn take(&mut self, role: &str) -> Option<Reply> {
        let queued =
            self.next_to.get_mut(role).and_then(VecDeque::pop_front).or_else(|| self.next.pop_front());
        queued.or_else(|| self.always_to.get(role).cloned()).or_else(|| self.always.clone())
    }
}

/// What came.
#[derive(Default)]
pub(super) struct Log {
    pub(super) chats: Vec<ChatRequest>,
    pub(super) embeddings: Vec<EmbeddingsRequest>,
    pub(super) complaints: Vec<String>,
}

pub(super) struct Desk {
    pub(super) key: String,
    pub(super) chat_models: Known,
    pub(super) embedding_models: Known,
    pub(super) mind: Mutex<Mind>,
    pub(super) plans: Mutex<Plans>,
    pub(super) log: Mutex<Log>,
    pub(super) latency_ms: AtomicU64,
    pub(super) complaints_allowed: AtomicBool,
    pub(super) plain_chats: AtomicBool,
    pub(super) in_flight_max: AtomicUsize,
    in_flight: AtomicUsize,
    tell: Option<mpsc::Sender<String>>,
}

/// A request that is being answered.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    pub(super) fn new(options: Options) -> Self {
        let Options { listen: _, key, chat_models, embedding_models, mind, tell } = options;
        Self {
            key,
            chat_models,
            embedding_models,
            mind: Mutex::new(mind),
            plans: Mutex::default(),
            log: Mutex::default(),
            latency_ms: AtomicU64::new(0),
            complaints_allowed: AtomicBool::new(false),
            plain_chats: AtomicBool::new(false),
            in_flight_max: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            tell,
        }
    }

    /// Counts a request until it is answered or its client is gone.
    fn enter(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_max.fetch_max(now, Ordering::SeqCst);
        InFlight(&self.in_flight)
    }

    async fn wait(&self) {
        let ms = self.latency_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// Whoever reads may be slow or gone; the line is then lost.
    fn tell(&self, line: String) {
        if let Some(tell) = &self.tell {
            drop(tell.try_send(line));
        }
    }

    fn refuse(&self, what: &str, refused: &Refused) -> Response {
        self.tell(format!("{what}: {} {}", refused.status, refused.message));
        lock(&self.log).complaints.push(format!("{what}: {}", refused.message));
        refused.answer()
    }

    /// Whether the caller may call, and sends JSON where it sends something.
    fn admit(&self, headers: &HeaderMap, sends: bool) -> Result<(), Refused> {
        let named = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if named(header::AUTHORIZATION) != Some(&format!("Bearer {}", self.key)) {
            return Err(Refused::wrong_key());
        }
        let kind = named(header::CONTENT_TYPE).unwrap_or_default();
        if sends && kind.split(';').next() != Some("application/json") {
            return Err(Refused::invalid("", &format!("the content type is {kind:?}, not application/json")));
        }
        Ok(())
    }

    fn read_chat(&self, headers: &HeaderMap, body: &[u8]) -> Result<ChatRequest, Refused> {
        self.admit(headers, true)?;
        let plain = self.plain_chats.load(Ordering::SeqCst);
        let mut chat = request::read_chat(body, &self.chat_models, plain)?;
        let mut log = lock(&self.log);
        chat.number = log.chats.len() + 1;
        log.chats.push(chat.clone());
        Ok(chat)
    }

    fn read_embeddings(&self, headers: &HeaderMap, body: &[u8]) -> Result<EmbeddingsRequest, Refused> {
        self.admit(headers, true)?;
        let asked = request::read_embeddings(body, &self.embedding_models)?;
        lock(&self.log).embeddings.push(asked.clone());
        Ok(asked)
    }

    /// What to say to a chat. No lock is held while a script thinks.
    fn decide(&self, chat: &ChatRequest) -> Reply {
        let planned = lock(&self.plans).take(&chat.role);
        planned.unwrap_or_else(|| {
            let mind = lock(&self.mind).clone();
            match mind {
                Mind::Sensible => Reply::Sensible,
                Mind::Gullible(level) => level.reply(chat),
                Mind::Script(script) => script(chat),
            }
        })
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/models", get(models))
        .fallback(elsewhere)
        .method_not_allowed_fallback(elsewhere)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(desk)
}

async fn chat(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let _in_flight = desk.enter();
    let read = desk.read_chat(&headers, &body);
    desk.wait().await;
    match read {
        Err(refused) => desk.refuse("chat", &refused),
        Ok(chat) => {
            let reply = desk.decide(&chat);
            desk.tell(format!("{} by {}: {}", chat.role, chat.model, reply.shown(&brain::think(&chat))));
            reply::perform(reply, &chat).await
        }
    }
}

async fn embeddings(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let _in_flight = desk.enter();
    let read = desk.read_embeddings(&headers, &body);
    desk.wait().await;
    match read {
        Err(refused) => desk.refuse("embeddings", &refused),
        Ok(asked) => {
            desk.tell(format!("embeddings by {}: {} texts", asked.model, asked.input.len()));
            let planned = {
                let mut plans = lock(&desk.plans);
                plans.next_embeddings.pop_front().or_else(|| plans.always_embeddings.clone())
            };
            reply::perform_embeddings(planned.unwrap_or(EmbeddingReply::Sensible), &asked).await
        }
    }
}

async fn models(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let _in_flight = desk.enter();
    desk.wait().await;
    if let Err(refused) = desk.admit(&headers, false) {
        return desk.refuse("models", &refused);
    }
    let names = [desk.chat_models.names(), desk.embedding_models.names()].concat();
    let model = |id| json!({"id": id, "object": "model", "created": 1_744_316_542, "owned_by": "fake"});
    request::json_body(&json!({"object": "list", "data": names.into_iter().map(model).collect::<Vec<_>>()}))
}

async fn elsewhere(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let refused = Refused {
        status: StatusCode::NOT_FOUND,
        kind: "invalid_request_error",
        code: Some("unknown_url"),
        param: None,
        message: format!("Unknown request URL: {uri}. Please check the URL for typos."),
    };
    desk.refuse("elsewhere", &refused)
}
