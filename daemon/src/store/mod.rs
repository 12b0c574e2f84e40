//! The store: the only truth. It takes [`Command`]s, each one atomic and durable when it is answered, and answers
//! queries.
//!
//! New states, ids, times, event bytes and chain hashes come from the caller, who read the subject at a revision; a
//! command is a fixed list of statements guarded by it. The store reads no clock, draws no random number and decides
//! nothing. It hands out only what must not have gaps or collide: numbers of jobs, agents and users, and the tags of the
//! fair queue.

pub mod account;
mod ask;
pub mod command;
pub mod entry;
pub mod front_end;
pub mod place;
pub mod query;
pub mod record;
pub mod reseal;
pub mod search;
pub mod sqlite;
pub mod turn;

pub use account::{AccountCommand, AccountQuery, UserFence};
pub use command::{AgentFence, Callback, Cause, Command, Fence, Outcome, Receipt, Request};
pub use entry::{
    Entry, JudgedCriterion, NewAlert, NewBody, NewDelivery, NewEvent, NewJudgement, NewMessage,
    NewNotification,
};
pub use place::{AlertRecord, PlaceCommand, PlaceFence, PlaceQuery, PlaceRecord};
pub use query::{Answer, JobSelection, Query};
pub use record::{
    AgentRecord, AppealRecord, AttemptRecord, BodyRecord, Chain, DayRecord, DeliveryRecord, EventRecord,
    Holding, JobRecord, JudgementSum, Lease, MessageRecord, NoticeLogRecord, NotificationRecord, OldSecrets,
    PersonRecord, Pulses, SealedBytes, SpentRecord, Steering, SystemRecord, Tally, TallyRecord, UserRecord,
    Window,
};
pub use search::{Found, JobSearch, JobWish, JobsOf, Span, WaitingRecord};
pub use turn::{
    AgentTurn, AppealTurn, AttemptTurn, JobNote, JobTurn, NewAttempt, NewPost, NewVersion, Pulse,
    SealedSecret,
};

use futures::future::BoxFuture;
use guildhall_protocol::time::Timestamp;

/// The store behind the daemon. Both calls may be dropped midway: a command that was handed in is then carried out or
/// not, but never half.
pub trait Store: Send + Sync + 'static {
    /// Carries out one command; when it answers `Ok`, the change survives a loss of power.
    ///
    /// # Errors
    /// See [`StoreError`]; after anything but `Unknown` nothing was changed.
    fn apply(&self, now: Timestamp, command: Command) -> BoxFuture<'_, Result<Outcome, StoreError>>;

    /// Reads. What it answers was true at one moment after the call began.
    ///
    /// # Errors
    /// `Busy`, `Unavailable`.
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, StoreError>>;
}

/// What the caller may do about a command or query that did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no such thing in the store")]
    NotFound,
    /// It contradicts what is there; asking again will not help.
    #[error("{0}")]
    Conflict(Conflict),
    /// The subject changed since the caller read it: read again, decide again.
    #[error("it has changed meanwhile")]
    Stale,
    /// Too much waits already: try again later.
    #[error("the store is busy")]
    Busy,
    /// The disk is full. Reads go on; writes work again when there is space.
    #[error("the disk that holds the store is full; nothing was changed")]
    Full,
    /// The store cannot be read or written at the moment.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The commit may have happened: look before acting.
    #[error("nobody can say whether the change was stored: {0}")]
    Unknown(String),
}

/// What a command contradicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The request id was used for another request.
    #[error("this request id was already used for a different request")]
    RequestReused,
    /// The name belongs to another agent, or did once.
    #[error("this agent name is taken")]
    NameTaken,
    /// The agent works on as many jobs as it takes, or is not active.
    #[error("the agent has no free slot")]
    NoSlot,
    /// The attempt was complained about or contested before.
    #[error("this was said before, once per attempt is enough")]
    Appealed,
}
