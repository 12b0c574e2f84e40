//! What can be written. One command is one atomic change together with its history, its messages and its notifications.

use super::record::{Chain, Lease, SealedBytes};
use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::attempt::{AttemptState, CheckedBy};
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, BodyId, DeliveryLogId, Incarnation, JobId, MessageId,
    NotificationId, PlaceId, RequestId, StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One atomic change.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Changes nothing, durably: shows that the store can be written.
    Probe,
    /// Gives a new store its tag. Refused with `Stale` when it has one.
    Found {
        /// The tag.
        tag: StoreTag,
    },
    /// A daemon begins. Guarded by the system's chain.
    StartDaemon {
        /// The new run: one more than the newest.
        incarnation: Incarnation,
        /// The system's chain as read.
        chain: Chain,
        /// Its record.
        entry: Entry,
    },
    /// A daemon ends in good order. Guarded by incarnation and the system's chain.
    StopDaemon {
        /// The run that ends.
        incarnation: Incarnation,
        /// The system's chain as read.
        chain: Chain,
        /// Its record.
        entry: Entry,
    },
    /// Finds the user with this identity, or makes one. Answers `User`.
    SeeUser {
        /// The kind of identity, such as `uid`.
        kind: String,
        /// The identity.
        identity: String,
        /// The name of a new user.
        name: String,
        /// The first line of a new user's history.
        entry: Entry,
    },
    /// Posts jobs, all or none, and hands out their numbers in order. Answers `Posted`.
    Post {
        /// Makes it idempotent.
        request: Request,
        /// At least one.
        jobs: Vec<NewPost>,
    },
    /// Writes the next attempt, takes the lease for its delivery, and lets the queue's clock advance. Guarded by the
    /// fence, by state `open`, and by a free slot of an active agent.
    Assign {
        /// The job as read.
        fence: Fence,
        /// The attempt.
        attempt: NewAttempt,
        /// How the job goes on; its state is `Assigned`.
        turn: JobTurn,
        /// Its record.
        entry: Entry,
    },
    /// Nobody can take the job now: it waits for the agents named, or for `due_at`. The pick is made, so it killed no
    /// daemon. Guarded by the fence and state `open`.
    Park {
        /// The job as read.
        fence: Fence,
        /// Who could take it later; at most eight.
        waits_for: Vec<AgentId>,
        /// The pick that found nobody; one of `entry`'s bodies.
        pick: BodyId,
        /// When to look again in any case.
        due_at: Timestamp,
        /// Its record.
        entry: Entry,
    },
    /// A job goes on, with what became of its current attempt. Guarded by the fence.
    Turn {
        /// The job as read.
        fence: Fence,
        /// Present when a person asked for it.
        request: Option<Request>,
        /// How the job goes on.
        turn: JobTurn,
        /// How its attempt goes on.
        attempt: Option<AttemptTurn>,
        /// What the agent's record gains.
        tally: Option<(AgentId, i64, Tally)>,
        /// Its record.
        entry: Entry,
    },
    /// Registers an agent, `pending`, and hands out its number. Answers `Registered`.
    Register {
        /// Makes it idempotent.
        request: Request,
        /// Its name; never given to anybody else.
        name: AgentName,
        /// Its owner.
        owner: UserId,
        /// Who may be matched with it.
        audience: Audience,
        /// Version 1.
        version: NewVersion,
        /// Signs deliveries.
        delivery_secret: SealedSecret,
        /// Verifies callbacks.
        callback_secret: SealedSecret,
        /// When the challenge goes out.
        due_at: Timestamp,
        /// Its record.
        entry: Entry,
    },
    /// Makes a version current. Guarded by the fence.
    Revise {
        /// The agent as read.
        fence: AgentFence,
        /// Makes it idempotent.
        request: Request,
        /// The new version.
        version: NewVersion,
        /// Where the agent stands then.
        turn: AgentTurn,
        /// Its record.
        entry: Entry,
    },
    /// An agent goes on. Guarded by the fence.
    TurnAgent {
        /// The agent as read.
        fence: AgentFence,
        /// Present when a person asked for it.
        request: Option<Request>,
        /// Where it stands then.
        turn: AgentTurn,
        /// Its record.
        entry: Entry,
    },
    /// Keeps exchanges with an agent that belong to no change.
    LogDeliveries {
        /// The exchanges.
        deliveries: Vec<NewDelivery>,
    },
    /// Drops requests and deliveries older than these times, at most a thousand rows each.
    Prune {
        /// Requests made before.
        requests_before: Timestamp,
        /// Deliveries begun before.
        deliveries_before: Timestamp,
    },
}

/// A job as the caller read it. The store refuses with `Stale` if either has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The job.
    pub job: JobId,
    /// Its epoch.
    pub epoch: u64,
    /// Its revision: the entry's events follow it.
    pub revision: u64,
}

/// An agent as the caller read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentFence {
    /// The agent.
    pub agent: AgentId,
    /// Its revision.
    pub revision: u64,
}

/// A person's request: (user, id) is kept with hash and receipt. The same again answers `Repeated` and changes
/// nothing; another hash is `Conflict(RequestReused)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub user: UserId,
    /// Made by the asker.
    pub id: RequestId,
    /// SHA-256 of what is asked.
    pub hash: [u8; 32],
}

/// What goes on record with a change, in its transaction. Events follow the subject's revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Lines of the subject's history.
    pub events: Vec<NewEvent>,
    /// Foreign text that the events or rows refer to.
    pub bodies: Vec<NewBody>,
    /// What people must be told.
    pub notifications: Vec<NewNotification>,
    /// What agents must be told beside deliveries.
    pub messages: Vec<NewMessage>,
    /// Exchanges that led to it.
    pub deliveries: Vec<NewDelivery>,
}

/// One line of a history, chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The bytes of an `Event`.
    pub bytes: Vec<u8>,
    /// The chain's head with it.
    pub chain: Chain,
}

/// A body to keep. Its id is made by the caller, larger than any before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBody {
    /// Its id.
    pub id: BodyId,
    /// Blinds its commitment.
    pub nonce: [u8; 16],
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Something that a person must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// Its id.
    pub id: NotificationId,
    /// To whom.
    pub user: UserId,
    /// What kind, such as `job_completed`.
    pub kind: &'static str,
    /// About which job; in a `Post` the job that is being posted.
    pub job: Option<JobId>,
    /// About which attempt.
    pub attempt: Option<AttemptNumber>,
}

/// Something that an agent must be told beside its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// To whom.
    pub agent: AgentId,
    /// The type of the contract, such as `job.canceled`.
    pub kind: &'static str,
    /// About which attempt.
    pub job: JobId,
    /// About which attempt.
    pub attempt: AttemptNumber,
}

/// One exchange with an agent's endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryLogId,
    /// The agent.
    pub agent: AgentId,
    /// When it began.
    pub at: Timestamp,
    /// The attempt that it delivered, if one.
    pub attempt: Option<(JobId, AttemptNumber)>,
    /// The type of the message.
    pub message: &'static str,
    /// Everything else, as JSON.
    pub log: Vec<u8>,
}

/// A job to post. It begins `open` and ready, at epoch 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// Who posts it.
    pub client: UserId,
    /// Where.
    pub place: PlaceId,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its class.
    pub priority: Priority,
    /// Its title.
    pub title: String,
    /// Its label.
    pub label: Option<String>,
    /// The job that it repeats or corrects.
    pub derived_from: Option<JobId>,
    /// Whether it only tries an agent out.
    pub trial: bool,
    /// The draft; one of `entry`'s bodies.
    pub draft: BodyId,
    /// When it must be done; also its first `due_at`.
    pub deadline: Timestamp,
    /// Its record, beginning a chain.
    pub entry: Entry,
}

/// An attempt to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its number: one more than the job has.
    pub number: AttemptNumber,
    /// Who tries.
    pub agent: AgentId,
    /// With which version.
    pub version: AgentVersion,
    /// Whether it repairs the attempt before.
    pub repair: bool,
    /// The pick; one of the entry's bodies.
    pub pick: BodyId,
}

/// How a job goes on. Every turn begins a new epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobTurn {
    /// Its state.
    pub state: JobState,
    /// When time alone does something next; none exactly when it has ended.
    pub due_at: Option<Timestamp>,
    /// Whether the picker should look at it now; only when `open`.
    pub ready: bool,
    /// Who acts for it; none ends a lease.
    pub lease: Option<Lease>,
    /// Daemons that died, one after another, while they held it in pick or evaluation.
    pub deaths: u32,
    /// How the result was checked; none leaves what is there.
    pub checked_by: Option<CheckedBy>,
}

/// How an attempt goes on. What is none stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptTurn {
    /// The attempt.
    pub number: AttemptNumber,
    /// Its state.
    pub state: AttemptState,
    /// How often its delivery went out.
    pub tries: u32,
    /// When its answer came.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The output.
    pub answer: Option<BodyId>,
    /// The findings.
    pub findings: Option<BodyId>,
    /// Why it ended so.
    pub reason: Option<BodyId>,
}

/// A version of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    /// Its number: one more than the current.
    pub version: AgentVersion,
    /// The definition; one of the entry's bodies.
    pub definition: BodyId,
    /// Most jobs at a time.
    pub concurrency: u32,
    /// Hosts and ports that are granted from now on, beside earlier ones.
    pub grants: Vec<(String, u16)>,
}

/// A secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret(pub SealedBytes);

/// Where an agent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentTurn {
    /// Its state.
    pub state: AgentState,
    /// Its circuit.
    pub health: Health,
    /// When the engine looks at it next.
    pub due_at: Option<Timestamp>,
    /// How often the challenge was tried.
    pub tries: u32,
}

/// What an agent's record gains; counts are added to those of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts whose answer was accepted.
    pub passed: u32,
    /// Attempts whose answer was not.
    pub failed: u32,
    /// Attempts declined.
    pub declined: u32,
    /// Attempts that never reached it.
    pub unreachable: u32,
    /// Answers, and the ms that they took together.
    pub answered: u32,
    /// See `answered`.
    pub answer_ms: u64,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The jobs have these numbers.
    Posted(Vec<JobId>),
    /// The agent has this number.
    Registered(AgentId),
    /// The user with that identity.
    User(UserId),
    /// The request had already been carried out, with this receipt; nothing was changed now.
    Repeated(Receipt),
}

/// What a request led to, as it is kept with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// Jobs were posted.
    Posted(Vec<JobId>),
    /// A job was changed.
    Job(JobId),
    /// An agent was registered or changed.
    Agent(AgentId),
}
