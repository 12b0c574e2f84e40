//! The listener that the outside reaches: agents call back here, and owners open links to secrets, over TLS of its own or
//! behind a proxy that speaks it.
//!
//! Limits come first, in the order of their cost: connections, all and of one address; calls of one address; then whether
//! there is such an attempt. Only then is a body kept, within its size and time, and only a signed one is read. An agent
//! hears of the commit.

use crate::agents::callback;
use crate::agents::signing::SigningSecret;
use crate::crowd::{Crowd, Throttle, network};
use crate::engine::Engine;
use crate::engine::hear::CallbackOutcome;
use crate::rpc::Desk;
use crate::secret_page;
use crate::store::{Callback, Query, StoreError};
use crate::tls::{TlsError, TlsFiles, acceptor};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use guildhall_protocol::ids::{AgentId, DeliveryId};
use guildhall_protocol::time::Timestamp;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Most connections at a time, and of one address: a proxy is one address, so it is not few.
const CONNECTIONS_MAX: usize = 1_024;
const CONNECTIONS_OF_ADDRESS_MAX: usize = 256;
/// Time for a TLS handshake, for the head of a request, and for its body.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const BODY_TIME_MAX: Duration = Duration::from_secs(20);
/// What a callback holds beside its answer.
const ENVELOPE_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a body that are read only to be dropped.
const DROPPED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest `webhook-id`.
const ID_BYTES_MAX: usize = 200;

/// How the listener is configured.
#[derive(Clone, Debug)]
pub struct PublicListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its files; none behind a proxy that speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Most calls of one address in a second.
    pub calls_per_s: NonZeroU32,
    /// Callbacks of one agent in a second; twice as many in a burst.
    pub agent_calls_per_s: NonZeroU32,
    /// Largest answer of an agent, bytes.
    pub answer_bytes_max: usize,
}

/// Why it does not listen.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    /// The address is taken.
    #[error("cannot listen on {address} for callbacks; choose another public_listen, or `off`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds no certificate or no key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

struct Door {
    engine: Arc<Engine>,
    calls: Arc<Throttle<IpAddr>>,
    agents: Throttle<AgentId>,
    bytes_max: usize,
}

impl Door {
    /// The delivery that a callback is about, its agent, and the secrets that it may sign with.
    async fn secrets_of(&self, id: &str) -> Result<(DeliveryId, AgentId, Vec<SigningSecret>), Refusal> {
        let parts = self.engine.parts();
        let delivery: DeliveryId = id.parse().map_err(|_| nothing())?;
        if delivery.store != parts.tag {
            return Err(nothing());
        }
        let attempts = parts.store.attempts(Query::Attempts(delivery.attempt.job)).await?;
        let attempt = attempts.into_iter().find(|attempt| attempt.number == delivery.attempt.number);
        let agent = attempt.ok_or_else(nothing)?.agent;
        let name = self.engine.market().get(agent).map(|listing| listing.record.name.clone());
        let secrets = self.engine.callback_secrets(&name.ok_or_else(nothing)?, Timestamp::now())?;
        Ok((delivery, agent, secrets))
    }
}

/// The listener, bound and not yet serving.
pub struct Bound {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    config: PublicListener,
    /// Where it listens, the port that it got included.
    pub address: SocketAddr,
}

/// Binds the listener.
///
/// # Errors
/// The address is taken, or certificate or key cannot be used.
pub async fn bind(config: PublicListener) -> Result<Bound, PublicError> {
    let tls = config.tls.as_ref().map(acceptor).transpose()?;
    let failed = |source| PublicError::Listen { address: config.address, source };
    let listener = TcpListener::bind(config.address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, tls, config, address })
}

impl Bound {
    /// The URL under which agents on this machine reach it; none where it listens to others, who need a name.
    pub fn local_url(&self) -> Option<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.address.ip().is_loopback().then(|| format!("{scheme}://{}", self.address))
    }

    /// Takes callbacks, and shows what is behind links to secrets, until `stop`.
    pub fn serve(self, engine: Arc<Engine>, desk: Arc<Desk>, stop: CancellationToken) {
        let calls = Arc::new(Throttle::new(self.config.calls_per_s));
        let pages = secret_page::routes(desk, Arc::clone(&calls));
        let door = Arc::new(Door {
            engine,
            calls,
            agents: Throttle::new(self.config.agent_calls_per_s),
            bytes_max: self.config.answer_bytes_max + ENVELOPE_BYTES_MAX,
        });
        let router = Router::new().route("/v1/attempts/{id}", post(take)).with_state(door).merge(pages);
        tokio::spawn(accept(self.listener, self.tls, router, stop));
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let crowd = Crowd::new(CONNECTIONS_OF_ADDRESS_MAX);
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the public listener could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(guest) = crowd.enter(network(peer.ip())) else {
            tracing::debug!(%peer, "a connection was closed: this address has too many");
            continue;
        };
        let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            connect(stream, peer, tls, router, stop).await;
            drop((guest, permit));
        });
    }
}

async fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let Some(tls) = tls else { return serve(stream, peer, router, stop).await };
    match tokio::time::timeout(HANDSHAKE_MAX, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, peer, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = TowerToHyperService::new(router.layer(Extension(network(peer.ip()))));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            // What is being answered is answered; then it closes.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection to the public listener ended badly");
    }
}

/// What an agent reads when its callback is not taken.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.0, answer(&json!({"error": self.1}))).into_response();
        if self.0 == StatusCode::SERVICE_UNAVAILABLE || self.0 == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => nothing(),
            StoreError::Stale
            | StoreError::Conflict(_)
            | StoreError::Busy
            | StoreError::Full
            | StoreError::Unavailable(_)
            | StoreError::Unknown(_) => {
                tracing::warn!(%error, "a callback could not be stored; its agent is asked to send it again");
                Self(StatusCode::SERVICE_UNAVAILABLE, "it could not be stored: send it again".to_owned())
            }
        }
    }
}

fn answer(body: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn nothing() -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "there is no such attempt".to_owned())
}

/// Takes one callback.
async fn take(
    State(door): State<Arc<Door>>,
    Extension(peer): Extension<IpAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if door.calls.call(peer).is_err() {
        let why = "too many calls from this address: come again later".to_owned();
        return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let known = door.secrets_of(&id).await;
    // The body of a caller that nobody knows is not kept.
    let body = read(body, if known.is_ok() { door.bytes_max } else { 0 }).await;
    let (delivery, agent, secrets) = known?;
    let body = body?;
    let parts = door.engine.parts();
    if !secrets.iter().any(|secret| secret.verifies(&headers, &body)) {
        let why = "the signature is wrong, or more than five minutes old: sign `{webhook-id}.{webhook-timestamp}.\
            {body}` with the callback secret";
        return Err(Refusal(StatusCode::UNAUTHORIZED, why.to_owned()));
    }
    // Only now: nobody else can use up what an agent may say.
    if let Err(wait) = door.agents.call(agent) {
        let why = format!("too many callbacks of this agent: come again in {} ms", wait.as_millis() + 1);
        return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, why));
    }
    let unreadable = |why| Refusal(StatusCode::UNPROCESSABLE_ENTITY, why);
    let message = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    if message.is_empty() || message.len() > ID_BYTES_MAX {
        return Err(unreadable(format!("the webhook-id must have 1 to {ID_BYTES_MAX} characters")));
    }
    let hash = Sha256::digest(&body).into();
    let callback = Callback { attempt: delivery.attempt, id: message.to_owned(), hash };
    let said = parts.pool.run(move || callback::read(&body, &id)).await;
    let said = said.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(unreadable)?;
    match door.engine.hear(callback, said).await {
        Ok(CallbackOutcome::Recorded) => Ok(answer(&json!({"recorded": true}))),
        Ok(CallbackOutcome::IdReused) => Err(unreadable(
            "this webhook-id was used for another message: make a new one for each".to_owned(),
        )),
        Err(crate::engine::CommitError::Store(error)) => Err(error.into()),
        Err(crate::engine::CommitError::Illegal(illegal)) => {
            Err(StoreError::Unavailable(illegal.to_string()).into())
        }
    }
}

/// Reads a body. What is too large is read to its end and dropped, within reason: a peer that is still writing would
/// never see the answer.
async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut stream = body.into_data_stream();
    let read = async {
        let (mut bytes, mut dropped) = (Vec::new(), 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| "the body broke off".to_owned())?;
            if bytes.len() + chunk.len() <= bytes_max && dropped == 0 {
                bytes.extend_from_slice(&chunk);
            } else {
                dropped += chunk.len();
            }
            if dropped > DROPPED_BYTES_MAX {
                break;
            }
        }
        if dropped == 0 { Ok(bytes) } else { Err(format!("the body is larger than {bytes_max} bytes")) }
    };
    match tokio::time::timeout(BODY_TIME_MAX, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(why)) => Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, why)),
        Err(_) => {
            let why = format!("the body took longer than {} s", BODY_TIME_MAX.as_secs());
            Err(Refusal(StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}
