//! One HTTP exchange with an agent's endpoint: guarded, authorized, bounded in time and bytes, and told afterwards step by
//! step, so that an owner can see what failed without asking.

use super::contract::{MessageType, Reply};
use super::egress::{Checked, Egress, Grants, PrivateAddresses, ResolveError, came_from_allowed, check};
use super::speech::{Speech, curl};
use guildhall_protocol::time::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::{Duration, Instant};

/// Bytes of a reply that are kept for the owner to look at.
pub const REPLY_HEAD_BYTES_MAX: usize = 2_048;

/// Longest wait for the body of an answer whose status says everything.
const HEAD_WAIT: Duration = Duration::from_secs(2);

/// Sends messages to agents.
pub struct Courier {
    egress: Egress,
    private: PrivateAddresses,
    answer_bytes_max: usize,
}

/// One message to send.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// Where to: the endpoint as its owner wrote it.
    pub endpoint: &'a str,
    /// What an operator granted to this agent.
    pub grants: &'a Grants,
    /// How the agent is spoken to.
    pub speech: Speech<'a>,
    /// Its type.
    pub kind: MessageType,
    /// Its id: the same on every resend.
    pub id: &'a str,
    /// The time of this send.
    pub now: Timestamp,
    /// When the work must be done.
    pub deadline: Option<Timestamp>,
    /// Random ids of trace and span; they tie the logs of both sides together.
    pub trace: (u128, u64),
    /// The message.
    pub body: Vec<u8>,
    /// For all of it, from name to last byte.
    pub time_limit: Duration,
    /// Whether what comes back may be shown to the owner: not before the challenge passed, or a probe of somebody else's
    /// server would be readable.
    pub keep_reply: bool,
}

/// The step at which an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedStep {
    /// The endpoint is not one that may be called.
    Guard,
    /// The name does not resolve.
    Dns,
    /// Nobody takes the connection.
    Connect,
    /// The two could not agree on TLS, or the certificate is not to be trusted.
    Tls,
    /// The connection was lost, or the time was up.
    Exchange,
    /// The status says no.
    Status,
    /// The answer is of another type, or packed.
    Type,
    /// The answer is too large.
    Size,
    /// The answer cannot be read.
    Body,
}

/// What is kept of an exchange, for the agent's owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLog {
    /// Where it failed; none if the answer could be read.
    pub failed_step: Option<FailedStep>,
    /// In words.
    pub summary: String,
    /// The status.
    pub status: Option<u16>,
    /// Who answered.
    pub remote: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// The beginning of the reply, as text.
    pub reply_head: String,
    /// A shell line that sends the same again. It holds the signature, never a secret.
    pub curl: String,
}

impl DeliveryLog {
    /// Of a message that was not sent at all.
    pub fn unsent(failed_step: Option<FailedStep>, outcome: &Delivered) -> Self {
        Self {
            failed_step,
            summary: summary(outcome, None),
            status: None,
            remote: None,
            duration_ms: 0,
            reply_head: String::new(),
            curl: String::new(),
        }
    }
}

/// What came of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The agent's word.
    Reply(Reply),
    /// It never got the message.
    NotConnected {
        /// In words.
        why: String,
    },
    /// It answered more than is read.
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

struct Failure {
    step: FailedStep,
    outcome: Delivered,
}

impl Failure {
    fn not_connected(step: FailedStep, why: String) -> Self {
        Self { step, outcome: Delivered::NotConnected { why } }
    }

    fn reply(step: FailedStep, reply: Reply) -> Self {
        Self { step, outcome: Delivered::Reply(reply) }
    }
}

/// What is seen on the way, whether it ends well or not.
#[derive(Default)]
struct Seen {
    status: Option<u16>,
    remote: Option<String>,
    body: Vec<u8>,
    /// What the status alone says: whatever becomes of the body then.
    decided: Option<Reply>,
}

impl Courier {
    /// A courier whose answers end at `answer_bytes_max`.
    pub fn new(egress: Egress, private: PrivateAddresses, answer_bytes_max: usize) -> Self {
        Self { egress, private, answer_bytes_max }
    }

    /// Checks an endpoint as [`Courier::deliver`] will.
    ///
    /// # Errors
    /// What is wrong with it, and what can be done.
    pub fn check(&self, endpoint: &str, grants: &Grants) -> Result<Checked, super::egress::EgressError> {
        check(endpoint, grants, self.private)
    }

    /// Sends a message and reads the answer. Ends within its time limit.
    pub async fn deliver(&self, exchange: Exchange<'_>) -> (Delivered, DeliveryLog) {
        let started = Instant::now();
        let mut seen = Seen::default();
        let headers = exchange.speech.headers(&exchange);
        let curl = headers.as_ref().map(|headers| curl(&exchange, headers)).unwrap_or_default();
        let result = match headers {
            Some(headers) => {
                let work = self.exchange(&exchange, headers, &mut seen);
                let finished = tokio::time::timeout(exchange.time_limit, work).await;
                exchange.speech.hide(&mut seen.body);
                match (finished, seen.decided.take()) {
                    (Ok(Ok(())) | Err(_), Some(reply)) => by_status(reply),
                    (Ok(Ok(())), None) => by_body(exchange.speech.read_body(&exchange, &seen.body)),
                    (Ok(Err(failure)), _) => Err(failure),
                    (Err(_), None) => {
                        let why = format!("no answer within {} ms", exchange.time_limit.as_millis());
                        Err(Failure::reply(FailedStep::Exchange, Reply::Unclear { why }))
                    }
                }
            }
            None => Err(Failure::not_connected(FailedStep::Guard, "the message cannot be signed".to_owned())),
        };
        let (failed_step, outcome) = match result {
            Ok(reply) => (None, Delivered::Reply(reply)),
            Err(failure) => (Some(failure.step), failure.outcome),
        };
        let shown =
            if exchange.keep_reply { &seen.body[..seen.body.len().min(REPLY_HEAD_BYTES_MAX)] } else { &[] };
        let log = DeliveryLog {
            failed_step,
            summary: summary(&outcome, Some(exchange.speech)),
            status: seen.status,
            remote: seen.remote,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            reply_head: String::from_utf8_lossy(shown).into_owned(),
            curl,
        };
        (outcome, log)
    }

    async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        headers: HeaderMap,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let checked = self
            .check(&exchange.speech.address(exchange.endpoint), exchange.grants)
            .map_err(|error| Failure::not_connected(FailedStep::Guard, error.to_string()))?;
        let request = self
            .egress
            .client(&checked)
            .post(checked.url.clone())
            .headers(headers)
            .body(exchange.body.clone());
        let mut response = request.send().await.map_err(|error| broken(&error))?;
        seen.status = Some(response.status().as_u16());
        seen.remote = response.remote_addr().map(|address| address.to_string());
        if !came_from_allowed(&checked, response.remote_addr()) {
            let why = "the answer came from an address that is not public".to_owned();
            return Err(Failure::not_connected(FailedStep::Guard, why));
        }
        let retry_after = text(response.headers(), &RETRY_AFTER);
        seen.decided = exchange.speech.read_status(exchange, response.status().as_u16(), retry_after);
        if seen.decided.is_some() {
            // For the owner to look at, as far as it comes: it changes nothing.
            drop(tokio::time::timeout(HEAD_WAIT, read_head(&mut response, &mut seen.body)).await);
            return Ok(());
        }
        check_type(response.headers())?;
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if seen.body.len() + chunk.len() > self.answer_bytes_max {
                let outcome = Delivered::TooLarge { bytes_max: self.answer_bytes_max };
                return Err(Failure { step: FailedStep::Size, outcome });
            }
            seen.body.extend_from_slice(&chunk);
        }
        Ok(())
    }
}

async fn read_head(response: &mut reqwest::Response, head: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        head.extend_from_slice(&chunk[..chunk.len().min(REPLY_HEAD_BYTES_MAX - head.len())]);
        if head.len() == REPLY_HEAD_BYTES_MAX {
            return;
        }
    }
}

fn by_status(reply: Reply) -> Result<Reply, Failure> {
    match reply {
        Reply::Accepted | Reply::Declined(_) | Reply::NotSupported => Ok(reply),
        Reply::Output(_)
        | Reply::Question { .. }
        | Reply::Working
        | Reply::UnknownJob
        | Reply::Challenge(_)
        | Reply::Later { .. }
        | Reply::Gone
        | Reply::Refused { .. }
        | Reply::Unclear { .. }
        | Reply::Malformed { .. } => Err(Failure::reply(FailedStep::Status, reply)),
    }
}

fn by_body(reply: Reply) -> Result<Reply, Failure> {
    let malformed = matches!(reply, Reply::Malformed { .. });
    if malformed { Err(Failure::reply(FailedStep::Body, reply)) } else { Ok(reply) }
}

fn text<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn check_type(headers: &HeaderMap) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::reply(FailedStep::Type, Reply::Malformed { why }));
    if headers.contains_key(CONTENT_ENCODING) {
        return refuse("the answer is packed (content-encoding), which is not unpacked".to_owned());
    }
    let given = text(headers, &CONTENT_TYPE).unwrap_or("no type");
    let essence = given.split(';').next().unwrap_or(given).trim().to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json {
        Ok(())
    } else {
        let given: String = given.chars().take(80).collect();
        refuse(format!("the answer is {given}, not application/json"))
    }
}

/// An error of the client: before the connection nothing left us, after it nobody can say.
fn broken(error: &reqwest::Error) -> Failure {
    let mut why = "the connection was lost".to_owned();
    let mut step = FailedStep::Connect;
    let mut source = error.source();
    while let Some(cause) = source {
        why = cause.to_string();
        match cause.downcast_ref() {
            Some(ResolveError::Private(_)) => step = FailedStep::Guard,
            Some(ResolveError::Nowhere { .. }) => step = FailedStep::Dns,
            None if is_tls(cause) => step = FailedStep::Tls,
            None => {}
        }
        source = cause.source();
    }
    if error.is_connect() {
        Failure::not_connected(step, why)
    } else {
        Failure::reply(FailedStep::Exchange, Reply::Unclear { why })
    }
}

/// I/O errors hold what they wrap without naming it as their source.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_tls(inner))
}

fn summary(outcome: &Delivered, speech: Option<Speech<'_>>) -> String {
    match outcome {
        Delivered::NotConnected { why } => format!("not delivered: {why}"),
        Delivered::TooLarge { bytes_max } => format!("the answer is larger than {bytes_max} bytes"),
        Delivered::Reply(reply) => match reply {
            Reply::Output(output) => format!("answered with {} bytes", output.as_str().len()),
            Reply::Question { .. } => "asks the client".to_owned(),
            Reply::Declined(_) => "declined".to_owned(),
            Reply::Accepted => "accepted".to_owned(),
            Reply::Working => "is working on it".to_owned(),
            Reply::UnknownJob => "does not know this job".to_owned(),
            Reply::Challenge(_) => "echoed a challenge".to_owned(),
            Reply::Later { status, after: None } => format!("asks to come later ({status})"),
            Reply::Later { status, after: Some(after) } => {
                format!("asks to come later ({status}), in {} s", after.as_secs())
            }
            Reply::Gone => "is gone (410)".to_owned(),
            Reply::NotSupported => "does not support this message".to_owned(),
            Reply::Refused { status } => match speech.and_then(|speech| speech.hint(reply)) {
                Some(hint) => format!("refused the request ({status}): {hint}"),
                None => format!("refused the request ({status})"),
            },
            Reply::Unclear { why } => format!("unclear: {why}"),
            Reply::Malformed { why } => why.clone(),
        },
    }
}

#[cfg(test)]
mod tests;
