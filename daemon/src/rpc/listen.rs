//! The listeners: one handshake frame, then the service, one task per connection.
//!
//! tarpc is left alone with nothing: deadlines are clamped before they are added to a clock, a handler that panics or is
//! slow still answers, and what one peer sends ends that peer's connection only.

use super::authenticate::{Peer, authenticate};
use super::fitting::Fitting;
use super::session::Session;
use super::socket::{ListenError, SocketFile, bind, group_id};
use super::{Caller, Desk};
use crate::crowd::Guest;
use crate::oidc::Issuer;
use crate::tls::{TlsFiles, acceptor};
use futures::{StreamExt, TryStreamExt};
use guildhall_protocol::client::LIMITED;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::handshake::{Welcome, negotiate};
use guildhall_protocol::ids::UserId;
use guildhall_protocol::service::{Guildhall, GuildhallRequest, GuildhallResponse};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::transport;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarpc::server::{self, Channel, Serve};
use tarpc::{ClientMessage, Response, ServerError, context};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_mins(2);
/// Calls at a time on one connection.
const CALLS_MAX: usize = 128;
/// Time until a caller must have said who they are, TLS included.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Where front ends connect.
pub struct Listeners {
    /// The unix socket.
    pub socket: PathBuf,
    /// Its mode.
    pub mode: u32,
    /// Its group.
    pub group: Option<String>,
    /// For those on other machines.
    pub network: Option<(SocketAddr, TlsFiles)>,
}

/// Opens socket and network and serves them: from `stop` on, calls that write are refused and reads go on, so that people
/// can watch the daemon end; from `ended` on, all calls are refused and those that run may finish.
///
/// # Errors
/// The socket cannot be made, something that is not ours is in its place, or the network cannot be listened to.
pub async fn listen(
    listeners: Listeners,
    desk: Arc<Desk>,
    stop: CancellationToken,
    ended: CancellationToken,
) -> Result<(TaskTracker, SocketFile), ListenError> {
    let group = listeners.group.as_deref().map(group_id).transpose()?;
    let network = match listeners.network {
        None => None,
        Some((address, files)) => {
            let acceptor = acceptor(&files)?;
            let failed = |source| ListenError::Network { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            tracing::info!("front ends connect to {} with TLS", listener.local_addr().map_err(failed)?);
            Some((listener, acceptor))
        }
    };
    let (socket, file) = bind(&listeners.socket, listeners.mode, group).await?;
    let connections = TaskTracker::new();
    let host = Host { desk, until: Until { stop, ended }, connections: connections.clone() };
    if let Some((listener, acceptor)) = network {
        connections.spawn(host.clone().take_remote(listener, acceptor));
    }
    connections.spawn(host.take_local(socket));
    Ok((connections, file))
}

/// How long calls are taken.
#[derive(Clone)]
struct Until {
    /// Those that write.
    stop: CancellationToken,
    /// All.
    ended: CancellationToken,
}

/// What both listeners need.
#[derive(Clone)]
struct Host {
    desk: Arc<Desk>,
    until: Until,
    connections: TaskTracker,
}

impl Host {
    async fn take_local(self, listener: UnixListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted.map(|(connection, _)| connection),
                () = self.until.ended.cancelled() => break,
            };
            let Some(connection) = self.room(accepted).await else { continue };
            let Ok(uid) = connection.peer_cred().map(|peer| peer.uid()) else { continue };
            let opened = async move { Ok(connection) };
            self.connections.spawn(self.clone().host(opened, Peer::Local { uid }));
        }
        self.connections.close();
    }

    async fn take_remote(self, listener: TcpListener, acceptor: TlsAcceptor) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.until.ended.cancelled() => return,
            };
            let Some((connection, peer)) = self.room(accepted).await else { continue };
            let Some(guest) = self.desk.door.come(peer.ip()) else {
                tracing::debug!(%peer, "a connection was closed: this address has too many");
                continue;
            };
            let acceptor = acceptor.clone();
            let opened = async move {
                connection.set_nodelay(true)?;
                acceptor.accept(connection).await
            };
            let hosted = self.clone().host(opened, Peer::Remote);
            self.connections.spawn(async move {
                hosted.await;
                drop(guest);
            });
        }
    }

    /// A connection that was taken, if there is room for it.
    async fn room<C>(&self, accepted: io::Result<C>) -> Option<C> {
        let most = self.desk.door.connections_max();
        match accepted {
            Ok(connection) if self.connections.len() <= most => Some(connection),
            Ok(_) => {
                tracing::warn!("a connection was refused: there are {most} already");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }

    /// One connection from its first byte to its last. Whoever does not say in time who they are is turned away.
    async fn host<C>(self, opened: impl Future<Output = io::Result<C>>, peer: Peer)
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let waits = self.desk.door.wait();
        let greeted = async {
            let mut connection = opened.await?;
            let session = greet(&mut connection, &self.desk, peer).await?;
            Ok::<_, io::Error>(session.map(|(session, inside)| (connection, session, inside)))
        };
        let greeted = tokio::select! {
            greeted = tokio::time::timeout(HANDSHAKE_MAX, greeted) => greeted,
            () = waits.lost.cancelled() => return,
        };
        drop(waits);
        match greeted {
            Ok(Ok(Some((connection, session, inside)))) => {
                serve(connection, self.desk, Arc::new(session), self.until).await;
                drop(inside);
            }
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        }
    }
}

async fn serve<C>(connection: C, desk: Arc<Desk>, who: Arc<Session>, until: Until)
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let clamp = |mut message| {
        if let ClientMessage::Request(request) = &mut message {
            let request: &mut tarpc::Request<GuildhallRequest> = request;
            request.context.deadline = request.context.deadline.min(Instant::now() + CALL_MAX);
        }
        message
    };
    let transport =
        transport::service::<_, ClientMessage<GuildhallRequest>, Response<GuildhallResponse>>(connection);
    let config = server::Config { pending_response_buffer: CALLS_MAX };
    let channel =
        server::BaseChannel::new(config, Fitting(transport).map_ok(clamp)).max_concurrent_requests(CALLS_MAX);
    let calls = TaskTracker::new();
    let requests = channel.requests();
    tokio::pin!(requests);
    let caller = Caller { desk, who };
    let mut draining = false;
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            // Polled on, so that the answers of running calls still leave.
            () = calls.wait(), if draining => break,
            () = until.ended.cancelled(), if !draining => {
                draining = true;
                calls.close();
                continue;
            }
        };
        match request {
            Some(Ok(request)) => {
                let guard =
                    Guard { inner: caller.clone().serve(), caller: caller.clone(), until: until.clone() };
                calls.spawn(request.execute(guard));
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection broke");
                break;
            }
            None => break,
        }
    }
    if draining {
        // The last answers are in the channel; one more turn sends them.
        drop(tokio::time::timeout(Duration::from_millis(100), requests.next()).await);
    }
}

/// The handshake: version, then who it is, then whether there is room for one more of theirs.
async fn greet<C>(
    connection: &mut C,
    desk: &Desk,
    peer: Peer,
) -> io::Result<Option<(Session, Option<Guest<UserId>>)>>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let hello = transport::receive_hello(connection).await?;
    let answer = match negotiate(&hello) {
        Err(reason) => Err((ErrorKind::Unsupported, reason)),
        Ok(version) => match authenticate(desk, peer, &hello).await {
            Err(error) => Err((error.kind(), error.to_string())),
            Ok(session) if session.is_at_home(peer) => Ok((version, session, None)),
            Ok(session) => {
                let inside = desk.door.enter(session.user).map_err(|full| (ErrorKind::Limited, full));
                inside.map(|inside| (version, session, Some(inside)))
            }
        },
    };
    let sign_in = desk.issuer.as_ref().and_then(Issuer::sign_in);
    match answer {
        Ok((version, session, inside)) => {
            let welcome = Welcome::Accepted { version, principal: session.principal(desk), sign_in };
            transport::send_welcome(connection, &welcome).await?;
            let is_limited = inside.is_some();
            Ok(Some((Session { is_limited, ..session }, inside)))
        }
        Err((kind, reason)) => {
            transport::send_welcome(connection, &Welcome::Refused { reason, kind, sign_in }).await?;
            Ok(None)
        }
    }
}

/// Around every call: an answer in time, whatever the handler does.
#[derive(Clone)]
struct Guard<S> {
    inner: S,
    caller: Caller,
    until: Until,
}

impl<S: Serve<Req = GuildhallRequest>> Serve for Guard<S> {
    type Req = S::Req;
    type Resp = S::Resp;

    async fn serve(self, context: context::Context, request: S::Req) -> Result<S::Resp, ServerError> {
        if self.until.ended.is_cancelled() || self.until.stop.is_cancelled() && writes(&request) {
            return Err(ServerError::new(
                io::ErrorKind::ConnectionRefused,
                "the daemon is ending".to_owned(),
            ));
        }
        if let Some(why) = self.caller.turned_away(&request) {
            return Err(ServerError::new(io::ErrorKind::PermissionDenied, why.to_owned()));
        }
        if self.caller.who.is_limited
            && let Err(why) = self.caller.desk.door.call(self.caller.who.user)
        {
            return Err(ServerError::new(LIMITED, why));
        }
        let left = context.deadline.saturating_duration_since(Instant::now());
        let handler = AssertUnwindSafe(self.inner.serve(context, request));
        match tokio::time::timeout(left.mul_f64(0.95), futures::FutureExt::catch_unwind(handler)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!("a call panicked");
                Err(ServerError::new(
                    io::ErrorKind::Other,
                    "the daemon could not do this by a fault of its own".to_owned(),
                ))
            }
            Err(_) => Err(ServerError::new(io::ErrorKind::TimedOut, "the call took too long".to_owned())),
        }
    }
}

impl Caller {
    /// Why this call is not even looked at.
    fn turned_away(&self, request: &GuildhallRequest) -> Option<&'static str> {
        if self.who.read_only && writes(request) {
            return Some("this token may only read");
        }
        self.who.ended(&self.desk, Timestamp::now())
    }
}

/// Whether a call may change something.
fn writes(request: &GuildhallRequest) -> bool {
    use GuildhallRequest as R;
    match request {
        R::Post { .. }
        | R::Order { .. }
        | R::OrderMany { .. }
        | R::Reveal { .. }
        | R::RegisterAgent { .. }
        | R::UpdateAgent { .. }
        | R::RollbackAgent { .. }
        | R::OrderAgent { .. }
        | R::TestAgent { .. }
        | R::HoldAgent { .. }
        | R::RotateSecret { .. }
        | R::SecretLink { .. }
        | R::OrderEngine { .. }
        | R::OrderModels { .. }
        | R::ReplayNotice { .. }
        | R::SetSettings { .. }
        | R::LeaseNotices { .. }
        | R::SettleNotices { .. }
        | R::AddUser { .. }
        | R::OrderUser { .. }
        | R::Consent { .. }
        | R::MakeToken { .. }
        | R::RevokeToken { .. }
        | R::ShowAt { .. }
        | R::LeaseSurfaces { .. }
        | R::SettleSurface { .. }
        | R::ReleaseLeases { .. }
        | R::KeepDraft { .. }
        | R::SetPlace { .. }
        | R::LeaseAlerts { .. }
        | R::SettleAlert { .. }
        | R::HearClosed { .. }
        | R::MakeLinkCode { .. }
        | R::Link { .. }
        | R::Unlink { .. }
        | R::ShareJob { .. } => true,
        R::Status { .. }
        | R::Overview { .. }
        | R::LogLines { .. }
        | R::Preview { .. }
        | R::Job { .. }
        | R::Jobs { .. }
        | R::FindJobs { .. }
        | R::CountJobs { .. }
        | R::WhyNot { .. }
        | R::ReadBody { .. }
        | R::Agent { .. }
        | R::AgentVersion { .. }
        | R::Agents { .. }
        | R::FindAgents { .. }
        | R::AgentsNamed { .. }
        | R::Deliveries { .. }
        | R::Models { .. }
        | R::JudgeReport { .. }
        | R::Inbox { .. }
        | R::Notices { .. }
        | R::Notice { .. }
        | R::Settings { .. }
        | R::User { .. }
        | R::Usage { .. }
        | R::Users { .. }
        | R::Policy { .. }
        | R::Place { .. }
        | R::Places { .. }
        | R::LinkOffer { .. }
        | R::Draft { .. }
        | R::Surfaces { .. }
        | R::Tokens { .. }
        | R::Events { .. }
        | R::WaitForChange { .. } => false,
    }
}
