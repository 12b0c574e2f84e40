//! A front end's connection to the daemon: it connects when needed, bounds every call, and connects again after a loss.
//!
//! A lost connection does not say whether the call ran. Writing calls carry request ids, so calling again is safe.

use crate::endpoint::{ConnectError, Endpoint};
use crate::error::{ApiError, ErrorKind};
use crate::handshake::{Hello, Principal, Welcome};
use crate::service::GuildhallClient;
use crate::transport;
use futures::future::BoxFuture;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarpc::client::RpcError;
use tarpc::context::Context;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How a server refuses a call of somebody who makes too many: one of the kinds that the wire knows.
pub const LIMITED: std::io::ErrorKind = std::io::ErrorKind::Interrupted;
/// Default limit of one call.
pub const CALL_MS: u64 = 10_000;

/// What a client comes with, where it changes with time.
pub trait Credentials: Send + Sync {
    /// What is good now; none: what the machine says of the peer. Asked before each call, so it is quick while nothing changes.
    fn current(&self) -> BoxFuture<'_, Result<Option<String>, ApiError>>;
}

impl<C: Credentials + ?Sized> Credentials for Arc<C> {
    fn current(&self) -> BoxFuture<'_, Result<Option<String>, ApiError>> {
        (**self).current()
    }
}

/// A connection that mends itself.
pub struct Client {
    endpoint: Endpoint,
    hello: Hello,
    credentials: Option<Box<dyn Credentials>>,
    call_limit: Duration,
    live: Mutex<Option<Live>>,
}

#[derive(Clone)]
struct Live {
    service: GuildhallClient,
    principal: Principal,
    credential: Option<String>,
    ended: CancellationToken,
}

impl Client {
    /// A client of the daemon behind a unix socket or another endpoint. Nothing is connected yet.
    pub fn new(endpoint: impl Into<Endpoint>, hello: Hello) -> Self {
        Self {
            endpoint: endpoint.into(),
            hello,
            credentials: None,
            call_limit: Duration::from_millis(CALL_MS),
            live: Mutex::new(None),
        }
    }

    /// Comes with what these say, and connects again when it changes.
    #[must_use]
    pub fn with(mut self, credentials: impl Credentials + 'static) -> Self {
        self.credentials = Some(Box::new(credentials));
        self
    }

    /// Sets the limit of one call.
    #[must_use]
    pub fn call_limit(mut self, limit: Duration) -> Self {
        self.call_limit = limit;
        self
    }

    /// Whom the daemon takes us for.
    ///
    /// # Errors
    /// The daemon cannot be reached, or refuses us.
    pub async fn principal(&self) -> Result<Principal, ApiError> {
        Ok(self.connected().await?.principal)
    }

    /// One call: `client.call(|service, context| async move { service.status(context).await }).await`.
    ///
    /// # Errors
    /// The daemon's own error, or `Unavailable` when it cannot be reached and nothing happened, or `Unknown` when the
    /// connection was lost or too slow and it may have happened.
    pub async fn call<T, F, Call>(&self, call: Call) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Result<T, ApiError>, RpcError>>,
        Call: FnOnce(GuildhallClient, Context) -> F,
    {
        let live = self.connected().await?;
        let mut context = Context::current();
        context.deadline = Instant::now() + self.call_limit;
        // The daemon answers within the deadline; the extra second is for a daemon that hangs.
        let limit = self.call_limit + Duration::from_secs(1);
        match tokio::time::timeout(limit, call(live.service.clone(), context)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                if matches!(&error, RpcError::Server(server) if server.kind == io::ErrorKind::PermissionDenied)
                {
                    // What the connection stands for is over; the next call makes another one.
                    live.ended.cancel();
                }
                Err(explain(&error, self.call_limit))
            }
            Err(_) => Err(explain(&RpcError::DeadlineExceeded, self.call_limit)),
        }
    }

    async fn connected(&self) -> Result<Live, ApiError> {
        let mut slot = self.live.lock().await;
        let credential = match &self.credentials {
            Some(credentials) => credentials.current().await?,
            None => self.hello.credential.clone(),
        };
        if let Some(live) = slot.as_ref()
            && !live.ended.is_cancelled()
            && live.credential == credential
        {
            return Ok(live.clone());
        }
        let live = self.connect(credential).await?;
        *slot = Some(live.clone());
        Ok(live)
    }

    fn unreachable(&self, error: &ConnectError) -> ApiError {
        // A file of ours is no daemon's fault.
        if let ConnectError::File { .. } = error {
            return ApiError::new(ErrorKind::Invalid, error.to_string());
        }
        let told = format!("no daemon answers at {}: {error}", self.endpoint);
        let error = ApiError::new(ErrorKind::Unavailable, told);
        match self.endpoint {
            Endpoint::Socket(_) => error.hint(
                "start one with `guildhalld serve`, or name its socket with --socket or GUILDHALL_SOCKET",
            ),
            Endpoint::Tls(_) => {
                error.hint("is it listening there? Its operator sees it in `guildhalld config show`")
            }
        }
    }

    async fn connect(&self, credential: Option<String>) -> Result<Live, ApiError> {
        let hello = Hello { credential: credential.clone(), ..self.hello.clone() };
        let mut connection = self.endpoint.connect().await.map_err(|error| self.unreachable(&error))?;
        let greeted = transport::greet(&mut connection, &hello).await;
        let principal = match greeted.map_err(|error| self.unreachable(&error.into()))? {
            Welcome::Accepted { principal, .. } => principal,
            Welcome::Refused { reason, kind, sign_in } => {
                let error = ApiError::new(kind, reason);
                let hint = "`guildhall login` signs you in";
                return Err(if sign_in.is_some() { error.hint(hint) } else { error });
            }
        };
        let tarpc::client::NewClient { client, dispatch } =
            GuildhallClient::new(tarpc::client::Config::default(), transport::service(connection));
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        tokio::spawn(async move {
            if let Err(error) = dispatch.await {
                tracing::debug!(%error, "the connection to the daemon ended");
            }
            drop(guard);
        });
        Ok(Live { service: client, principal, credential, ended })
    }
}

fn explain(error: &RpcError, limit: Duration) -> ApiError {
    let again = "the same request id again is safe; look before you repeat by hand";
    match error {
        RpcError::Server(server) if matches!(server.kind, std::io::ErrorKind::ConnectionRefused) => {
            ApiError::new(ErrorKind::Unavailable, format!("{}; nothing was changed", server.detail))
                .hint("try again when it is back")
        }
        RpcError::Server(server) if matches!(server.kind, std::io::ErrorKind::PermissionDenied) => {
            ApiError::new(ErrorKind::Forbidden, format!("{}; nothing was changed", server.detail))
        }
        RpcError::Server(server) if server.kind == LIMITED => {
            ApiError::new(ErrorKind::Limited, format!("{}; nothing was changed", server.detail))
        }
        RpcError::Server(server) if matches!(server.kind, std::io::ErrorKind::WouldBlock) => ApiError::new(
            ErrorKind::Limited,
            "too many calls at once on this connection; nothing was changed",
        ),
        RpcError::Server(server) if matches!(server.kind, std::io::ErrorKind::TimedOut) => {
            ApiError::new(ErrorKind::Unknown, "the daemon could not finish the call in time").hint(again)
        }
        RpcError::Server(server) if matches!(server.kind, std::io::ErrorKind::InvalidData) => {
            ApiError::new(ErrorKind::Invalid, server.detail.clone())
                .hint("ask for less at once, for example with --limit")
        }
        RpcError::Server(server) => ApiError::new(ErrorKind::Internal, server.detail.clone()),
        RpcError::DeadlineExceeded => ApiError::new(
            ErrorKind::Unknown,
            format!("the daemon did not answer within {} s", limit.as_secs()),
        )
        .hint(again),
        RpcError::Send(error) if transport::is_too_large(error.as_ref()) => ApiError::new(
            ErrorKind::Invalid,
            format!(
                "the request is larger than {} bytes, the most that one call takes; nothing was sent",
                transport::SERVICE_FRAME_BYTES_MAX
            ),
        )
        .hint("send less at once"),
        RpcError::Shutdown | RpcError::Send(_) | RpcError::Channel(_) => {
            ApiError::new(ErrorKind::Unknown, "the connection to the daemon was lost during the call")
                .hint(again)
        }
    }
}
