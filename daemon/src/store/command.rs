//! What can be written. One command is one atomic change together with its history, its messages and its notifications.

use super::record::{
    AttemptRecord, Chain, Lease, NotificationRecord, Pulses, SealedBytes, Steering, TallyRecord, Window,
};
use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{AttemptState, CheckedBy};
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, AttemptRef, BodyId, DeliveryLogId, Incarnation, JobId, MessageId,
    NotificationId, PlaceId, RequestId, StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::notice::{Channel, NoticeKind};
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
        /// As in `Turn`: an order that this attempt carries out is over.
        steering: Option<Steering>,
        /// The day that counts it against the agent's daily caps, if it has any.
        day: Option<i64>,
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
    /// A job goes on, with what became of its current attempt. Guarded by the fence, and by a state that has not ended.
    Turn {
        /// The job as read.
        fence: Fence,
        /// Present when a person or an agent asked for it.
        cause: Option<Cause>,
        /// How the job goes on.
        turn: JobTurn,
        /// How its attempt goes on.
        attempt: Option<AttemptTurn>,
        /// What an operator ordered for its picks from now on; none leaves what is there.
        steering: Option<Steering>,
        /// What the agent's record gains.
        tally: Option<TallyRecord>,
        /// What the agent's circuit hears.
        pulse: Option<(AgentId, Pulse)>,
        /// Its record.
        entry: Entry,
    },
    /// Something is noted about a job, also about one that has ended. It begins no epoch: what people are deciding
    /// about the job still stands. Guarded by the fence.
    Note {
        /// The job as read.
        fence: Fence,
        /// Present when a person or an agent asked for it.
        cause: Option<Cause>,
        /// What it changes.
        note: JobNote,
        /// What agents' records gain or lose.
        tallies: Vec<TallyRecord>,
        /// A complaint or contest that is made or decided. Refused with `Conflict(Appealed)` when it was made before,
        /// with `Stale` when it is not open.
        appeal: Option<AppealTurn>,
        /// Its record; it may have no events.
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
    /// A message to an agent went out, or not yet.
    SettleMessage {
        /// The message.
        id: MessageId,
        /// How often it was sent.
        tries: u32,
        /// When it goes out again; none when it is done with.
        due_at: Option<Timestamp>,
        /// The exchange.
        delivery: Option<NewDelivery>,
    },
    /// Hands out what people must be told on a channel, to be sent before `until`: due, not handed out to anybody else,
    /// and of one person and job only the oldest that is open. Answers `Leased`.
    LeaseNotifications {
        /// The channel.
        channel: Channel,
        /// Names this lease.
        lease: i64,
        /// When it ends.
        until: Timestamp,
        /// At most so many.
        limit: u32,
    },
    /// What became of notifications that were told as one. Those that are not under the lease any more are passed over;
    /// refused with `Stale` when that is all of them.
    SettleNotifications {
        /// The notifications.
        ids: Vec<NotificationId>,
        /// The lease under which it was sent.
        lease: i64,
        /// When it is sent again; none when it is done with.
        due_at: Option<Timestamp>,
        /// Whether the channel took it.
        acknowledged: bool,
        /// For the delivery log; foreign text, cut.
        detail: String,
    },
    /// Sends a notification again. Refused with `NotFound` when there is none.
    ReplayNotification {
        /// Makes it idempotent.
        request: Request,
        /// The notification.
        id: NotificationId,
    },
    /// How a person wants to be told. Guarded by the user's revision.
    SetPerson {
        /// Makes it idempotent; its user is the person.
        request: Request,
        /// The user's revision as read.
        revision: u64,
        /// Their settings as JSON.
        settings: String,
        /// Signs what goes to their webhook; sealed. None leaves what is there.
        secret: Option<SealedSecret>,
        /// Its record.
        entry: Entry,
    },
    /// Stops or starts new attempts everywhere. Guarded by the system's chain.
    PauseEngine {
        /// Makes it idempotent.
        request: Request,
        /// The system's chain as read.
        chain: Chain,
        /// Whether no new attempts are made.
        paused: bool,
        /// Its record.
        entry: Entry,
    },
    /// Keeps exchanges with an agent that belong to no change.
    LogDeliveries {
        /// The exchanges.
        deliveries: Vec<NewDelivery>,
    },
    /// Drops what is older than these times, at most a thousand rows of each kind. Answers `Dropped`.
    Prune {
        /// Requests and callbacks made before.
        requests_before: Timestamp,
        /// Exchanges begun, and notifications and messages made and done with, before.
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

/// Who asked for a change, so that asking twice changes once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A person.
    Request(Request),
    /// An agent that called back.
    Callback(Callback),
}

/// A message that an agent sent by itself. The same again answers `Repeated` and changes nothing; the same id with
/// another hash is `Conflict(RequestReused)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// About which attempt.
    pub attempt: AttemptRef,
    /// Its `webhook-id`.
    pub id: String,
    /// SHA-256 of its body.
    pub hash: [u8; 32],
}

/// What a [`Command::Note`] changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNote {
    /// The deadline from now on.
    pub deadline: Timestamp,
    /// When time alone does something next; none exactly when it has ended.
    pub due_at: Option<Timestamp>,
    /// Its window from now on.
    pub window: Option<Window>,
    /// Its class from now on; in another one it comes as if it were posted now.
    pub priority: Priority,
    /// As in `Turn`.
    pub steering: Option<Steering>,
    /// How an attempt goes on; its state stays.
    pub attempt: Option<AttemptTurn>,
}

/// A complaint or contest that is made or decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppealTurn {
    /// It is made.
    Made {
        /// About which attempt.
        attempt: AttemptNumber,
        /// Which it is.
        kind: AppealKind,
        /// Who makes it.
        user: UserId,
        /// Why; one of the entry's bodies.
        text: BodyId,
    },
    /// An operator decided it.
    Decided {
        /// About which attempt.
        attempt: AttemptNumber,
        /// Which it is.
        kind: AppealKind,
        /// Whether it was right.
        upheld: bool,
    },
}

/// What an agent's circuit hears of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// The agent said something that can be read.
    Beat,
    /// It could not be reached, broke off, or said nothing that can be read.
    Miss,
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
    /// By which way.
    pub channel: Channel,
    /// What kind.
    pub kind: NoticeKind,
    /// About which job; in a `Post` the job that is being posted.
    pub job: Option<JobId>,
    /// About which attempt.
    pub attempt: Option<AttemptNumber>,
    /// About which agent.
    pub agent: Option<AgentId>,
    /// Not before.
    pub due_at: Timestamp,
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
    /// Its part of the job's time.
    pub deadline: Timestamp,
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
    /// Until when a person may answer or decide; present exactly in the states that wait for one.
    pub window: Option<Window>,
}

/// How an attempt goes on: everything of it that can change, as it is from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptTurn {
    /// The attempt.
    pub number: AttemptNumber,
    /// Its state.
    pub state: AttemptState,
    /// How often the delivery that is on its way went out.
    pub tries: u32,
    /// Its part of the job's time.
    pub deadline: Timestamp,
    /// What is left of it, ms, while a question stops the clock; present exactly in state `asked`.
    pub left_ms: Option<u64>,
    /// The agent's newest sign of life since it accepted.
    pub heard_at: Option<Timestamp>,
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
    /// The newest question, a `Question` as JSON.
    pub question: Option<BodyId>,
    /// The client's answer to it.
    pub reply: Option<BodyId>,
    /// How many questions were answered.
    pub replies: u32,
}

impl AttemptRecord {
    /// A turn that leaves the attempt as it is.
    pub fn unchanged(&self) -> AttemptTurn {
        AttemptTurn {
            number: self.number,
            state: self.state,
            tries: self.tries,
            deadline: self.deadline,
            left_ms: self.left_ms,
            heard_at: self.heard_at,
            answered_at: self.answered_at,
            ended_at: self.ended_at,
            answer: self.answer,
            findings: self.findings,
            reason: self.reason,
            question: self.question,
            reply: self.reply,
            replies: self.replies,
        }
    }

    /// The attempt as it is after a turn.
    #[must_use]
    pub fn after(self, turn: AttemptTurn) -> Self {
        Self {
            state: turn.state,
            tries: turn.tries,
            deadline: turn.deadline,
            left_ms: turn.left_ms,
            heard_at: turn.heard_at,
            answered_at: turn.answered_at,
            ended_at: turn.ended_at,
            answer: turn.answer,
            findings: turn.findings,
            reason: turn.reason,
            question: turn.question,
            reply: turn.reply,
            replies: turn.replies,
            ..self
        }
    }
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
    /// What its circuit counts.
    pub pulses: Pulses,
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
    /// The notifications that were handed out, by `due_at` and id.
    Leased(Vec<NotificationRecord>),
    /// So many rows were dropped.
    Dropped(u64),
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
    /// Something else was changed, which the request names itself.
    Done,
}
