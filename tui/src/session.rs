//! One run of the program: the connection to the daemon, and where answers go.

use crate::cli::Remote;
use crate::credential::{Means, endpoint, means, means_of_context};
use crate::dash::Reach;
use crate::fault::Fault;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::{Hello, Principal};
use guildhall_protocol::ids::{BodyId, JobId, RequestId, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::service::GuildhallClient;
use guildhall_protocol::time::{TimeZone, Timestamp, zone};
use guildhall_protocol::view::{NewJob, Posted, Scope};
use serde::Serialize;
use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tarpc::client::RpcError;
use tarpc::context::Context;

/// Longest wait of one `wait_for_change`, ms.
const WAIT_MS: u64 = 20_000;

/// How long a daemon that answered before may be away.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// In words, for people.
    Words,
    /// As JSON, for programs.
    Json,
    /// As JSON, each row of a list on a line of its own.
    Rows,
}

pub(crate) struct Session {
    client: Client,
    endpoint: Endpoint,
    means: Means,
    /// Whether a call was answered: then whoever waits for something waits for the daemon, too.
    answered: Cell<bool>,
    /// Answers go to a program.
    pub(crate) json: bool,
    output: Output,
}

impl Session {
    pub(crate) fn new(socket: Option<PathBuf>, remote: Remote, output: Output) -> Result<Self, Fault> {
        let token_file = remote.token_file.clone();
        let endpoint = endpoint(socket, remote)?;
        let (means, credential) = means(token_file, &endpoint)?;
        Ok(Self::with(endpoint, means, credential, output))
    }

    /// The daemon of a context. The token of the environment is for the daemon of the command line, and no other one sees it.
    pub(crate) fn of_context(reach: &Reach) -> Result<Self, Fault> {
        let remote = Remote {
            server: reach.server.clone(),
            ca: reach.ca.clone(),
            token_file: reach.token_file.clone(),
            client_cert: reach.client_cert.clone(),
            client_key: reach.client_key.clone(),
        };
        let endpoint = endpoint(reach.socket.clone(), remote)?;
        let (means, credential) = means_of_context(reach.token_file.clone(), &endpoint)?;
        Ok(Self::with(endpoint, means, credential, Output::Words))
    }

    fn with(endpoint: Endpoint, means: Means, credential: Option<String>, output: Output) -> Self {
        let hello = Hello { credential, ..Hello::of("guildhall") };
        // A call may wait for a change; agents are tested within a call.
        let limit = Duration::from_millis(WAIT_MS) + Duration::from_secs(40);
        let client = Client::new(endpoint.clone(), hello).call_limit(limit);
        let client = match &means {
            Means::File(_) | Means::Environment | Means::Nothing => client,
            Means::SignIn(saved) => client.with(Arc::clone(saved)),
        };
        let json = output != Output::Words;
        Self { client, endpoint, means, answered: Cell::new(false), json, output }
    }

    /// Where the daemon is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What we come with.
    pub(crate) fn means(&self) -> &Means {
        &self.means
    }

    /// Whom the daemon takes us for.
    pub(crate) async fn principal(&self) -> Result<Principal, Fault> {
        Ok(self.client.principal().await?)
    }

    /// One call to the daemon.
    pub(crate) async fn call<T, F, Call>(&self, call: Call) -> Result<T, Fault>
    where
        F: Future<Output = Result<Result<T, ApiError>, RpcError>>,
        Call: FnOnce(GuildhallClient, Context) -> F,
    {
        let answer = self.client.call(call).await;
        if answer.is_ok() && !self.answered.replace(true) {
            self.learn_zone().await;
        }
        Ok(answer?)
    }

    /// Learns the reader's own zone, before they are shown times, or read. It stands in the daemon's greeting; without a
    /// daemon the machine's is theirs.
    pub(crate) async fn learn_zone(&self) {
        // Who cannot be reached is heard of at the next call.
        drop(self.who().await);
    }

    /// One call to the daemon, whose own error is wanted.
    pub(crate) async fn ask<T, F, Call>(&self, call: Call) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Result<T, ApiError>, RpcError>>,
        Call: FnOnce(GuildhallClient, Context) -> F,
    {
        self.client.call(call).await
    }

    /// Whom the daemon takes us for, with the daemon's own error; their zone is learned with it.
    pub(crate) async fn who(&self) -> Result<Principal, ApiError> {
        let who = self.client.principal().await?;
        if let Some(zone) = who.timezone.as_deref().and_then(zone) {
            ZONE.get_or_init(|| zone);
        }
        Ok(who)
    }

    /// Whom the daemon takes us for.
    pub(crate) async fn user(&self) -> Result<UserId, Fault> {
        Ok(self.client.principal().await?.user)
    }

    /// A read that outlasts a daemon that ends and comes back: it is tried again for a while, and the person is told once.
    pub(crate) async fn patient<T, F>(&self, read: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut since = None;
        loop {
            let fault = match read().await {
                Err(Fault::Api(error)) if self.answered.get() && may_come_back(error.kind) => error,
                outcome => return outcome,
            };
            if since.is_none() {
                // Standard error may be closed, and then nobody listens.
                let told = format!("guildhall: {}; waiting for it to come back", clean_line(&fault.message));
                drop(writeln!(std::io::stderr(), "{told}"));
            }
            if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return Err(fault.into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Posts one job.
    pub(crate) async fn post(&self, request: RequestId, draft: JobDraft) -> Result<Posted, Fault> {
        draft.check().map_err(ApiError::from)?;
        let job = NewJob { request, draft };
        let posted = self.call(|service, context| async move { service.post(context, vec![job]).await });
        let nothing = || Fault::EndedBadly("the daemon posted nothing".to_owned());
        Ok(posted.await?.pop().ok_or_else(nothing)??)
    }

    /// Waits until a job has another revision than `seen`, or a while passed.
    pub(crate) async fn wait(&self, job: JobId, seen: u64) -> Result<u64, Fault> {
        self.call(|service, context| async move {
            service.wait_for_change(context, Scope::Job(job), seen, WAIT_MS).await
        })
        .await
    }

    /// A whole body, page by page.
    pub(crate) async fn body(&self, job: JobId, body: BodyId) -> Result<String, Fault> {
        let mut text = String::new();
        let mut offset = Some(0);
        while let Some(from) = offset {
            let page = self
                .call(|service, context| async move { service.read_body(context, job, body, from).await })
                .await?;
            text.push_str(&page.text);
            offset = page.next;
        }
        Ok(text)
    }

    /// Prints an answer: as JSON for programs, or as `show` tells it.
    pub(crate) fn answer<T: Serialize>(
        &self,
        answer: &T,
        show: impl FnOnce(&T) -> String,
    ) -> Result<(), Fault> {
        if self.json {
            let text = serde_json::to_string(answer)
                .map_err(|error| Fault::Input(format!("the answer cannot be printed as JSON: {error}")))?;
            return print(&(text + "\n"));
        }
        print(&show(answer))
    }

    /// Prints a list: for programs that want rows, each by itself.
    pub(crate) fn answer_list<T: Serialize, L: Serialize>(
        &self,
        rows: &[T],
        whole: &L,
        show: impl FnOnce(&L) -> String,
    ) -> Result<(), Fault> {
        if self.output != Output::Rows {
            return self.answer(whole, show);
        }
        rows.iter().try_for_each(|row| self.answer(row, |_| String::new()))
    }
}

fn may_come_back(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable | ErrorKind::Unknown => true,
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Forbidden
        | ErrorKind::Limited
        | ErrorKind::Unsupported
        | ErrorKind::Internal => false,
    }
}

/// Prints text that is safe to print.
pub(crate) fn print(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The zone that the daemon keeps for whoever we are: one process is one person.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// The reader's own zone: what they said, as far as the daemon was asked, or the machine's.
pub(crate) fn own_zone() -> TimeZone {
    ZONE.get().cloned().unwrap_or_else(TimeZone::system)
}

/// A point in time in the reader's own zone: `2026-11-24 13:05:09`.
pub(crate) fn clock(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).map(|time| time.to_zoned(own_zone()));
    time.map_or_else(|_| at.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
