//! A fake OpenAI: a real server on loopback that checks every request against the shape it claims, keeps what it
//! was asked, and answers, or misbehaves, as its script decides.
//!
//! It has no model. Its own mind ([`Mind::Sensible`]) reads the blocks of the prompt and counts words; a gullible one
//! ([`Mind::Gullible`]) obeys whatever it is shown. Both give the same answer to the same request.

mod brain;
mod desk;
mod disguises;
mod embeddings;
mod gullible;
mod orders;
mod prompt;
mod reply;
mod request;
mod schema;
#[cfg(test)]
mod served;
mod shape;
#[cfg(test)]
mod tests;

pub use desk::Known;
pub use gullible::Gullible;
pub use prompt::{Block, Prompt};
pub use reply::{EmbeddingReply, Fault, Oddity, Reply};
pub use request::{ChatRequest, EmbeddingsRequest};

use crate::http_server::HttpServer;
use desk::{Desk, lock};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The key that it wants unless its options say otherwise.
pub const KEY: &str = "sk-fake-0123456789";

/// What answers a chat.
#[derive(Clone)]
pub enum Mind {
    /// Reads the prompt's blocks and counts words.
    Sensible,
    /// As sensible, until a text that it is shown tells it something else.
    Gullible(Gullible),
    /// A test's own.
    Script(Arc<dyn Fn(&ChatRequest) -> Reply + Send + Sync>),
}

impl fmt::Debug for Mind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sensible => f.write_str("Sensible"),
            Self::Gullible(level) => write!(f, "Gullible({level:?})"),
            Self::Script(_) => f.write_str("Script"),
        }
    }
}

/// How a fake is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// The key that it wants.
    pub key: String,
    /// The models that it has for chats.
    pub chat_models: Known,
    /// The models that it has for embeddings.
    pub embedding_models: Known,
    /// What answers a chat.
    pub mind: Mind,
    /// Gets a line about each request. A full channel loses lines.
    pub tell: Option<mpsc::Sender<String>>,
}

impl Default for Options {
    /// Any free port of loopback, [`KEY`], a few models of OpenAI, a sensible mind.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            key: KEY.to_owned(),
            chat_models: Known::only(&[
                "gpt-4.1",
                "gpt-4.1-mini",
                "gpt-4.1-nano",
                "gpt-4o",
                "gpt-4o-mini",
                "gpt-5",
                "gpt-5-mini",
                "gpt-5-nano",
            ]),
            embedding_models: Known::only(&["text-embedding-3-small", "text-embedding-3-large"]),
            mind: Mind::Sensible,
            tell: None,
        }
    }
}

/// The running server. It ends when it is dropped, and panics then if a request was wrong, unless the test allowed
/// that.
pub struct FakeOpenAi {
    address: SocketAddr,
    desk: Arc<Desk>,
    /// While it is there.
    server: Option<HttpServer>,
}

impl FakeOpenAi {
    /// Starts a server that lets a script answer chats; it embeds by itself.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn start(script: impl Fn(&ChatRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::of_mind(Mind::Script(Arc::new(script))).await
    }

    /// Starts a server with its own mind.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn sensible() -> Self {
        Self::of_mind(Mind::Sensible).await
    }

    /// Starts a server that obeys what it is shown.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn gullible(level: Gullible) -> Self {
        Self::of_mind(Mind::Gullible(level)).await
    }

    async fn of_mind(mind: Mind) -> Self {
        Self::with(Options { mind, ..Options::default() }).await.expect("a port")
    }

    /// Starts a server.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn with(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(options));
        let server = Some(HttpServer::begin(listener, desk::router(Arc::clone(&desk))));
        Ok(Self { address, desk, server })
    }

    /// What a client is told to use: up to and with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The key that it wants.
    pub fn key(&self) -> &str {
        &self.desk.key
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
        self.server = Some(HttpServer::begin(listener, desk::router(Arc::clone(&self.desk))));
    }

    /// Changes what answers chats from now on.
    pub fn change_mind(&self, mind: Mind) {
        *lock(&self.desk.mind) = mind;
    }

    /// Every answer, faults too, comes so much later from now on. Counted in whole milliseconds.
    pub fn set_latency(&self, latency: Duration) {
        let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.desk.latency_ms.store(ms, Ordering::SeqCst);
    }

    /// The next chats are answered so, one each; after those that were queued before.
    pub fn next_replies(&self, replies: Vec<Reply>) {
        lock(&self.desk.plans).next.extend(replies);
    }

    /// The next chats of one role are answered so, before what [`Self::next_replies`] says.
    pub fn next_replies_to(&self, role: &str, replies: Vec<Reply>) {
        lock(&self.desk.plans).next_to.entry(role.to_owned()).or_default().extend(replies);
    }

    /// All chats are answered so from now on, once nothing is queued.
    pub fn always(&self, reply: Reply) {
        lock(&self.desk.plans).always = Some(reply);
    }

    /// All chats of one role are answered so from now on, once nothing is queued for them.
    pub fn always_to(&self, role: &str, reply: Reply) {
        lock(&self.desk.plans).always_to.insert(role.to_owned(), reply);
    }

    /// The next embeddings are answered so, one request each.
    pub fn next_embeddings(&self, replies: Vec<EmbeddingReply>) {
        lock(&self.desk.plans).next_embeddings.extend(replies);
    }

    /// All embeddings are answered so from now on, once nothing is queued.
    pub fn always_embeddings(&self, reply: EmbeddingReply) {
        lock(&self.desk.plans).always_embeddings = Some(reply);
    }

    /// Forgets everything that was queued and said for always: its mind answers again.
    pub fn recover(&self) {
        *lock(&self.desk.plans) = desk::Plans::default();
    }

    /// The chats that were in order, by arrival.
    pub fn seen(&self) -> Vec<ChatRequest> {
        lock(&self.desk.log).chats.clone()
    }

    /// The chats of one role that were in order, by arrival: those whose schema has this name.
    pub fn of_role(&self, role: &str) -> Vec<ChatRequest> {
        lock(&self.desk.log).chats.iter().filter(|chat| chat.role == role).cloned().collect()
    }

    /// The requests for embeddings that were in order, by arrival.
    pub fn embedded(&self) -> Vec<EmbeddingsRequest> {
        lock(&self.desk.log).embeddings.clone()
    }

    /// Most requests that were open at one time.
    pub fn in_flight_max(&self) -> usize {
        self.desk.in_flight_max.load(Ordering::SeqCst)
    }

    /// What was wrong with requests, by arrival.
    pub fn complaints(&self) -> Vec<String> {
        lock(&self.desk.log).complaints.clone()
    }

    /// Lets requests be wrong: a test that sends a wrong key means to.
    pub fn allow_complaints(&self) {
        self.desk.complaints_allowed.store(true, Ordering::SeqCst);
    }

    /// Takes chats without a schema and without a limit too, as a chat agent's own server does. Their role is empty,
    /// and its own mind answers them with a sentence.
    pub fn take_plain_chats(&self) {
        self.desk.plain_chats.store(true, Ordering::SeqCst);
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        let complaints = self.complaints();
        let allowed = self.desk.complaints_allowed.load(Ordering::SeqCst);
        assert!(
            complaints.is_empty() || allowed || std::thread::panicking(),
            "requests were wrong: {complaints:?}"
        );
    }
}
