//! What can be written. One command is one atomic change together with its history, its messages and its notifications.

use super::account::AccountCommand;
use super::entry::{Entry, NewDelivery};
use super::front_end::{FrontEndCommand, SurfaceRecord};
use super::place::{AlertRecord, PlaceCommand};
use super::record::{Chain, Holding, NotificationRecord, OldSecrets, Steering, TallyRecord};
use super::reseal::Resealed;
use super::turn::{
    AgentTurn, AppealTurn, AttemptTurn, JobNote, JobTurn, NewAttempt, NewPost, NewVersion, Pulse,
    SealedSecret,
};
use guildhall_protocol::agent::{AgentName, Audience};
use guildhall_protocol::ids::{
    AgentId, AttemptRef, BodyId, Incarnation, JobId, MessageId, NotificationId, PlaceId, RequestId, StoreTag,
    UserId,
};
use guildhall_protocol::model::{ModelCall, ModelRole, Payer, WithoutModel};
use guildhall_protocol::notice::Channel;
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
        /// Signs deliveries, or opens the endpoint.
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
        /// Authorizes deliveries from now on; none leaves what is there.
        delivery_secret: Option<SealedSecret>,
        /// Who may be matched with it from now on.
        audience: Audience,
        /// Who may be once an operator approves.
        wanted: Option<Audience>,
        /// Where the agent stands then.
        turn: AgentTurn,
        /// Its record.
        entry: Entry,
    },
    /// Whose an agent is from now on, and for whom it works. Guarded by the fence, by an agent that is not retired, and by users
    /// who are not part of others.
    Hold {
        /// The agent as read.
        fence: AgentFence,
        /// Makes it idempotent.
        request: Request,
        /// All of it.
        holding: Holding,
        /// Its record.
        entry: Entry,
    },
    /// An agent has new secrets. Guarded by the fence, and by an agent that is not retired.
    Rekey {
        /// The agent as read.
        fence: AgentFence,
        /// Makes it idempotent.
        request: Request,
        /// Signs deliveries.
        delivery_secret: SealedSecret,
        /// Verifies callbacks.
        callback_secret: SealedSecret,
        /// Those before, if they count on.
        old: Option<OldSecrets>,
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
    /// Changes users, tokens or shares.
    Account(AccountCommand),
    /// Changes places.
    Place(PlaceCommand),
    /// What front ends keep.
    FrontEnd(FrontEndCommand),
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
    /// What an operator said about models. Guarded by the system's chain.
    SetModels {
        /// Makes it idempotent.
        request: Request,
        /// The system's chain as read.
        chain: Chain,
        /// What is in force then, as JSON.
        settings: String,
        /// Its record.
        entry: Entry,
    },
    /// Something is noted about the marketplace itself. Guarded by the system's chain.
    NoteSystem {
        /// The system's chain as read.
        chain: Chain,
        /// Its record.
        entry: Entry,
    },
    /// Seals every secret with another master key. Guarded by the system's chain; refused with `Stale` when one is not as
    /// read, or when there are others.
    Reseal {
        /// The system's chain as read.
        chain: Chain,
        /// All of them.
        secrets: Vec<Resealed>,
        /// Its record.
        entry: Entry,
    },
    /// Accounts for calls of models, whatever then becomes of what they were made for.
    LogCalls {
        /// For which job.
        job: Option<JobId>,
        /// Whose money it is.
        payer: Payer,
        /// The day that it counts for.
        day: i64,
        /// The calls.
        calls: Vec<ModelCall>,
        /// What was done without a model.
        without: Vec<(ModelRole, WithoutModel)>,
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
    /// The place with that identity.
    Place(PlaceId),
    /// The request had already been carried out, with this receipt; nothing was changed now.
    Repeated(Receipt),
    /// The notifications that were handed out, by `due_at` and id.
    Leased(Vec<NotificationRecord>),
    /// The messages elsewhere that were handed out, by `due_at` and number.
    Surfaces(Vec<SurfaceRecord>),
    /// What was handed out to be told in places, by `due_at` and number.
    Alerts(Vec<AlertRecord>),
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
