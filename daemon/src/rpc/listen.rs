//! The unix socket: one handshake frame, then the service, one task per connection.
//!
//! tarpc is left alone with nothing: deadlines are clamped before they are added to a clock, a handler that panics or is
//! slow still answers, and what one peer sends ends that peer's connection only.

use super::authenticate::{Peer, authenticate};
use super::fitting::Fitting;
use super::session::Session;
use super::socket::{ListenError, SocketFile, bind};
use super::{Caller, Desk};
use futures::{StreamExt, TryStreamExt};
use guildhall_protocol::handshake::{Welcome, negotiate};
use guildhall_protocol::service::{Guildhall, GuildhallRequest, GuildhallResponse};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::transport;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarpc::server::{self, Channel, Serve};
use tarpc::{ClientMessage, Response, ServerError, context};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_mins(2);
/// Calls at a time on one connection.
const CALLS_MAX: usize = 128;
/// Connections at a time.
const CONNECTIONS_MAX: usize = 512;

/// Opens the socket and serves it: from `stop` on, calls that write are refused and reads go on, so that people can watch
/// the daemon end; from `ended` on, all calls are refused and those that run may finish.
///
/// # Errors
/// The socket cannot be made, or something that is not ours is in its place.
pub async fn listen(
    path: &Path,
    mode: u32,
    desk: Arc<Desk>,
    stop: CancellationToken,
    ended: CancellationToken,
) -> Result<(TaskTracker, SocketFile), ListenError> {
    let (listener, file) = bind(path, mode).await?;
    let connections = TaskTracker::new();
    let tracker = connections.clone();
    connections.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = ended.cancelled() => break,
            };
            match accepted {
                Ok((connection, _)) if tracker.len() <= CONNECTIONS_MAX => {
                    let until = Until { stop: stop.clone(), ended: ended.clone() };
                    tracker.spawn(serve(connection, Arc::clone(&desk), until));
                }
                Ok(_) => tracing::warn!("a connection was refused: there are {CONNECTIONS_MAX} already"),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        tracker.close();
    });
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

async fn serve(mut connection: UnixStream, desk: Arc<Desk>, until: Until) {
    let who = match greet(&mut connection, &desk).await {
        Ok(Some(who)) => Arc::new(who),
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(%error, "a handshake failed");
            return;
        }
    };
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

/// The handshake: version, then who it is.
async fn greet(connection: &mut UnixStream, desk: &Desk) -> io::Result<Option<Session>> {
    let hello = transport::receive_hello(connection).await?;
    let peer = Peer::Local { uid: connection.peer_cred()?.uid() };
    let answer = match negotiate(&hello) {
        Err(reason) => Err(reason),
        Ok(version) => authenticate(desk, &peer, &hello)
            .await
            .map(|session| (version, session))
            .map_err(|error| error.to_string()),
    };
    match answer {
        Ok((version, session)) => {
            let welcome = Welcome::Accepted { version, principal: session.principal(desk) };
            transport::send_welcome(connection, &welcome).await?;
            Ok(Some(session))
        }
        Err(reason) => {
            transport::send_welcome(connection, &Welcome::Refused { reason }).await?;
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
        | R::RegisterAgent { .. }
        | R::UpdateAgent { .. }
        | R::RollbackAgent { .. }
        | R::OrderAgent { .. }
        | R::TestAgent { .. }
        | R::OrderEngine { .. }
        | R::OrderModels { .. }
        | R::ReplayNotice { .. }
        | R::SetSettings { .. }
        | R::LeaseNotices { .. }
        | R::SettleNotice { .. }
        | R::AddUser { .. }
        | R::OrderUser { .. }
        | R::Consent { .. }
        | R::MakeToken { .. }
        | R::RevokeToken { .. }
        | R::ShareJob { .. } => true,
        R::Status { .. }
        | R::Preview { .. }
        | R::Job { .. }
        | R::Jobs { .. }
        | R::WhyNot { .. }
        | R::ReadBody { .. }
        | R::Agent { .. }
        | R::AgentVersion { .. }
        | R::Agents { .. }
        | R::FindAgents { .. }
        | R::Deliveries { .. }
        | R::Models { .. }
        | R::JudgeReport { .. }
        | R::Inbox { .. }
        | R::Notices { .. }
        | R::Notice { .. }
        | R::Settings { .. }
        | R::User { .. }
        | R::Users { .. }
        | R::Policy { .. }
        | R::Tokens { .. }
        | R::Events { .. }
        | R::WaitForChange { .. } => false,
    }
}
