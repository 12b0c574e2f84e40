//! Rows as the store keeps them.

use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::attempt::{AttemptState, CheckedBy};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, BodyId, DeliveryLogId, EventId, Incarnation, JobId, PlaceId,
    StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use sha2::{Digest, Sha256};

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

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// Its number.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Who registered it.
    pub owner: UserId,
    /// Where it stands.
    pub state: AgentState,
    /// Its circuit.
    pub health: Health,
    /// Who may be matched with it.
    pub audience: Audience,
    /// The current version.
    pub version: AgentVersion,
    /// The body that holds the current `AgentDefinition` as JSON.
    pub definition: BodyId,
    /// Most jobs at a time, from the current version; the store guards it.
    pub concurrency: u32,
    /// Attempts that hold a slot now.
    pub running: u32,
    /// Hosts and ports that an operator granted.
    pub grants: Vec<(String, u16)>,
    /// Signs deliveries; sealed.
    pub delivery_secret: SealedBytes,
    /// Verifies what the agent sends by itself; sealed.
    pub callback_secret: SealedBytes,
    /// When the engine looks at it next: the challenge of a pending agent.
    pub due_at: Option<Timestamp>,
    /// How often the challenge was tried since it became pending.
    pub tries: u32,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The head of its history.
    pub chain: Chain,
}

/// A sealed secret: key id, nonce and ciphertext as one string of bytes that only the daemon's key opens.
pub type SealedBytes = Vec<u8>;

/// Counts of one agent on one UTC day (days since 1970).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyRecord {
    /// The agent.
    pub agent: AgentId,
    /// The day.
    pub day: i64,
    /// The counts.
    pub tally: super::Tally,
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
    /// The head of the system's history.
    pub chain: Chain,
    /// The largest id that a caller made; new ones must be larger.
    pub id_max: i64,
}
