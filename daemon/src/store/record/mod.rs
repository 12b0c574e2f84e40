//! Rows as the store keeps them.

mod agent;

use guildhall_protocol::account::Account;
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{AttemptState, CheckedBy, Decision};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, AttemptRef, BodyId, DeliveryLogId, EventId, Incarnation, JobId,
    MessageId, NotificationId, PlaceId, StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::model::{Micros, ModelName, Payer};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use agent::{AgentRecord, DayRecord, Holding, OldSecrets, Pulses, SealedBytes, Tally, TallyRecord};

/// The head of a subject's hash chain: how many events it has, and the hash of the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Number of events; also the subject's revision.
    pub revision: u64,
    /// Hash of the newest event; zeros before the first.
    pub hash: [u8; 32],
}

impl Chain {
    /// The head after one more event with these bytes: `SHA-256(previous hash, bytes)`.
    #[must_use]
    pub fn followed_by(self, bytes: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(self.hash).chain_update(bytes).finalize();
        Self { revision: self.revision + 1, hash: hash.into() }
    }
}

/// Who may act for a job until when; a lease of an incarnation that is over is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The daemon run that holds it.
    pub incarnation: Incarnation,
    /// Its effect ends by then.
    pub until: Timestamp,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Its number.
    pub id: JobId,
    /// Who posted it.
    pub client: UserId,
    /// Where.
    pub place: PlaceId,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its class in the queue.
    pub priority: Priority,
    /// Its place in its class: lower goes first.
    pub fair_tag: i64,
    /// Foreign text; none when forgotten.
    pub title: Option<String>,
    /// Foreign text; none when not given or forgotten.
    pub label: Option<String>,
    /// The job that it repeats or corrects.
    pub derived_from: Option<JobId>,
    /// Whether it only tries an agent out.
    pub trial: bool,
    /// The body that holds its `JobDraft` as JSON.
    pub draft: BodyId,
    /// Where it stands.
    pub state: JobState,
    /// Changes with state or attempt; fences decisions.
    pub epoch: u64,
    /// The head of its history.
    pub chain: Chain,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// When it must be done.
    pub deadline: Timestamp,
    /// When time alone does something next. Present exactly while it has not ended.
    pub due_at: Option<Timestamp>,
    /// Open and not yet looked at since something changed for it.
    pub ready: bool,
    /// Who acts for it at the moment.
    pub lease: Option<Lease>,
    /// Daemons that died while they held it in pick or evaluation.
    pub deaths: u32,
    /// Number of attempts so far.
    pub attempts: u32,
    /// How the result was checked.
    pub checked_by: Option<CheckedBy>,
    /// The body of the pick that found nobody, while it waits.
    pub waiting: Option<BodyId>,
    /// Until when a person may answer or decide.
    pub window: Option<Window>,
    /// What an operator ordered for its picks.
    pub steering: Steering,
    /// What the marketplace asks its client, a `Question` as JSON.
    pub question: Option<BodyId>,
    /// The client's answer to it.
    pub reply: Option<BodyId>,
}

/// Time that a person has, and how often they were reminded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it began.
    pub begins_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Reminders so far.
    pub reminded: u32,
}

impl Window {
    /// When it is looked at next: for a reminder at half time and two hours before the end, and at the end.
    pub fn next_look(self) -> Timestamp {
        let half = self.begins_at.after(self.ends_at.since(self.begins_at) / 2);
        let last = Timestamp(self.ends_at.0 - LAST_REMINDER_MS);
        match self.reminded {
            0 => half,
            1 if last > half => last,
            _ => self.ends_at,
        }
    }
}

/// Before the end of a window, ms: two hours.
const LAST_REMINDER_MS: i64 = 2 * 3_600_000;

/// What an operator ordered for a job's picks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// The next attempt is this agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<AgentId>,
    /// Never these agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<AgentId>,
}

/// One attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its job.
    pub job: JobId,
    /// Its number, from 1.
    pub number: AttemptNumber,
    /// Who tries.
    pub agent: AgentId,
    /// With which version.
    pub version: AgentVersion,
    /// Where it stands, or how it ended.
    pub state: AttemptState,
    /// Whether it repairs the attempt before.
    pub repair: bool,
    /// How often the delivery went out or is about to, from 1.
    pub tries: u32,
    /// When it was written.
    pub started_at: Timestamp,
    /// When its answer came.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The pick that chose the agent, a `Pick` as JSON.
    pub pick: BodyId,
    /// The output as it came.
    pub answer: Option<BodyId>,
    /// `Vec<Finding>` as JSON.
    pub findings: Option<BodyId>,
    /// Why it ended so, as text.
    pub reason: Option<BodyId>,
    /// Its part of the job's time.
    pub deadline: Timestamp,
    /// What is left of it, ms, while a question stops the clock.
    pub left_ms: Option<u64>,
    /// The agent's newest sign of life since it accepted.
    pub heard_at: Option<Timestamp>,
    /// The newest question, a `Question` as JSON.
    pub question: Option<BodyId>,
    /// The client's answer to it.
    pub reply: Option<BodyId>,
    /// How many questions were answered.
    pub replies: u32,
    /// The input that a model built for its agent.
    pub input: Option<BodyId>,
}

impl AttemptRecord {
    /// Which attempt it is.
    pub fn reference(&self) -> AttemptRef {
        AttemptRef { job: self.job, number: self.number }
    }
}

/// A body of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRecord {
    /// Its id.
    pub id: BodyId,
    /// Whose it is: forgetting the subject forgets the body.
    pub subject: Subject,
    /// Blinds the commitment; none when forgotten.
    pub nonce: Option<[u8; 16]>,
    /// The bytes; none when forgotten.
    pub bytes: Option<Vec<u8>>,
}

/// What one payer spent on models on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentRecord {
    /// Whose money.
    pub payer: Payer,
    /// Tokens, read and written.
    pub tokens: u64,
    /// Money.
    pub cost: Micros,
}

/// How often a model decided so about a kind of criterion, and what a person then did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgementSum {
    /// The model.
    pub model: ModelName,
    /// The kind's name.
    pub criterion: String,
    /// What it decided.
    pub decision: Decision,
    /// Whether a person accepted the answer; none: nobody decided.
    pub accepted: Option<bool>,
    /// How often.
    pub count: u64,
}

/// Something that an agent must be told beside its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// To whom.
    pub agent: AgentId,
    /// The type of the contract.
    pub kind: String,
    /// About which attempt.
    pub attempt: AttemptRef,
    /// When it was written.
    pub made_at: Timestamp,
    /// How often it went out.
    pub tries: u32,
}

/// Something that a person must be told by one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRecord {
    /// Its id.
    pub id: NotificationId,
    /// To whom.
    pub user: UserId,
    /// By which way.
    pub channel: Channel,
    /// What kind.
    pub kind: NoticeKind,
    /// About which job.
    pub job: Option<JobId>,
    /// About which attempt.
    pub attempt: Option<AttemptNumber>,
    /// About which agent.
    pub agent: Option<AgentId>,
    /// When it was written.
    pub made_at: Timestamp,
    /// When it goes out; none when it is done with.
    pub due_at: Option<Timestamp>,
    /// How often it was handed out.
    pub tries: u32,
    /// When the channel took it.
    pub acknowledged_at: Option<Timestamp>,
}

/// One line of a notification's delivery log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeLogRecord {
    /// Which notification.
    pub id: NotificationId,
    /// When.
    pub at: Timestamp,
    /// Whether the channel took it.
    pub acknowledged: bool,
    /// In words; foreign text.
    pub detail: String,
}

/// A complaint about a result, or a contest of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppealRecord {
    /// About which attempt.
    pub attempt: AttemptRef,
    /// Which it is.
    pub kind: AppealKind,
    /// Who made it.
    pub user: UserId,
    /// Why.
    pub text: BodyId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Whether it was right; none while it is open.
    pub upheld: Option<bool>,
}

/// How a person wants to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    /// Who.
    pub user: UserId,
    /// Their settings as JSON.
    pub settings: String,
    /// Signs what goes to their webhook; sealed.
    pub secret: Option<SealedBytes>,
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place in the feed.
    pub id: EventId,
    /// Whose history.
    pub subject: Subject,
    /// Its place there, from 1.
    pub seq: u64,
    /// The bytes of an `Event`.
    pub bytes: Vec<u8>,
    /// The chain's hash with it.
    pub hash: [u8; 32],
}

/// One exchange with an agent's endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id, ordered by time.
    pub id: DeliveryLogId,
    /// The agent.
    pub agent: AgentId,
    /// When it began.
    pub at: Timestamp,
    /// The attempt that it delivered, if one.
    pub attempt: Option<(JobId, AttemptNumber)>,
    /// The type of the message.
    pub message: String,
    /// Everything else, as JSON.
    pub log: Vec<u8>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The user's number.
    pub id: UserId,
    /// How they are called.
    pub name: String,
    /// What is kept of them.
    pub account: Account,
    /// The head of their history.
    pub chain: Chain,
}

/// What the store knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemRecord {
    /// Its tag; none until it was founded.
    pub tag: Option<StoreTag>,
    /// The newest run of a daemon on it; 0 before the first.
    pub incarnation: Incarnation,
    /// Whether that run ended in good order.
    pub clean: bool,
    /// Whether an operator stopped new attempts.
    pub paused: bool,
    /// The head of the system's history.
    pub chain: Chain,
    /// The largest id that a caller made; new ones must be larger.
    pub id_max: i64,
}
