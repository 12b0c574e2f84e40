//! What can be read. Lists are paged by key and bounded by their callers.

use super::Receipt;
use super::account::AccountQuery;
use super::front_end::{ClosedRecord, SurfaceRecord};
use super::place::{AlertRecord, PlaceQuery, PlaceRecord};
use super::record::{
    AgentRecord, AppealRecord, AttemptRecord, BodyRecord, DayRecord, DeliveryRecord, EventRecord, JobRecord,
    JudgementSum, MessageRecord, NoticeLogRecord, NotificationRecord, PersonRecord, SpentRecord,
    SystemRecord, TallyRecord, UserRecord,
};
use super::search::{Found, JobSearch, JobWish, JobsOf, WaitingRecord};
use guildhall_protocol::account::{Identity, TokenView, Usage};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{
    AgentId, AgentVersion, BodyId, DeliveryLogId, EventId, Incarnation, JobId, NotificationId, PlaceId,
    RequestId, UserId,
};
use guildhall_protocol::listing::JobCount;
use guildhall_protocol::model::{ModelRole, ModelSpending, ModelTotal, WithoutModel};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::time::Timestamp;

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The store itself. Answers `System`.
    System,
    /// One job. Answers `Jobs` with one row or none.
    Job(JobId),
    /// Jobs that the engine may act on. Answers `Jobs`.
    Select {
        /// Which.
        selection: JobSelection,
        /// At most so many.
        limit: u32,
    },
    /// The earliest `due_at` of all jobs. Answers `Time`.
    NextDue,
    /// Jobs for a list, newest first. Answers `Jobs`.
    List {
        /// Only these state names; empty: all.
        states: Vec<String>,
        /// Only jobs of this client.
        client: Option<UserId>,
        /// Only jobs of this place.
        place: Option<PlaceId>,
        /// Only this label.
        label: Option<String>,
        /// Only jobs with an attempt of this agent.
        agent: Option<AgentId>,
        /// Only numbers below this one.
        before: Option<JobId>,
        /// At most so many.
        limit: u32,
    },
    /// Jobs in any order from any row on. Answers `Found`.
    Find(JobSearch),
    /// How many jobs there are of these, as far as it is worth counting. Answers `JobCount`.
    CountJobs(JobWish),
    /// What waits. Answers `Waiting`.
    Waiting {
        /// Whose.
        of: JobsOf,
        /// What is due by then.
        now: Timestamp,
        /// Every count ends there.
        limit: u32,
    },
    /// Jobs of this client per state name: of all, or of their newest ones up to the limit. Answers `Counts`, by name.
    CountsOf {
        /// Whose.
        client: UserId,
        /// So many jobs at most.
        limit: u32,
    },
    /// Jobs of this place per state name, each count up to the limit. Answers `Counts`, by name.
    CountsIn {
        /// Where.
        place: PlaceId,
        /// Every count ends there.
        limit: u32,
    },
    /// A job's attempts, oldest first. Answers `Attempts`.
    Attempts(JobId),
    /// An agent's attempts, those of the newest job first. Answers `Attempts`.
    AttemptsOf {
        /// Whose.
        agent: AgentId,
        /// At most so many.
        limit: u32,
    },
    /// The newest attempt of each of these jobs that has one. Answers `Attempts`, by job.
    NewestAttempts(Vec<JobId>),
    /// Bodies with these ids, in the order of the ids; unknown ones are left out. Answers `Bodies`.
    Bodies(Vec<BodyId>),
    /// A subject's history, oldest first. Answers `Events`.
    Events {
        /// Whose.
        subject: Subject,
        /// After this place in it.
        after: u64,
        /// At most so many.
        limit: u32,
    },
    /// Everybody's history in commit order. Answers `Events`.
    Feed {
        /// After this one.
        after: EventId,
        /// At most so many.
        limit: u32,
    },
    /// Agents by number. Answers `Agents`.
    Agents {
        /// After this one.
        after: AgentId,
        /// At most so many.
        limit: u32,
    },
    /// One agent. Answers `Agents` with one row or none.
    Agent(AgentId),
    /// One agent by its name. Answers `Agents` with one row or none.
    AgentNamed(AgentName),
    /// An agent's versions, newest first. Answers `Versions`.
    Versions(AgentId),
    /// What agents did since this day. Answers `Tallies`, by agent and day.
    Tallies {
        /// Days since 1970.
        since: i64,
    },
    /// Exchanges with an agent, newest first. Answers `Deliveries`.
    Deliveries {
        /// Whose.
        agent: AgentId,
        /// Only ids below this one.
        before: Option<DeliveryLogId>,
        /// At most so many.
        limit: u32,
    },
    /// What agents with daily caps got on this day. Answers `Days`, by agent and client.
    Days {
        /// The day, from 1970.
        day: i64,
    },
    /// Messages to agents that are due, by `due_at` and id. Answers `Messages`.
    DueMessages {
        /// By then.
        now: Timestamp,
        /// At most so many.
        limit: u32,
    },
    /// A person's notifications, newest first. Answers `Notifications`.
    Notifications {
        /// Whose; none: everybody's.
        user: Option<UserId>,
        /// Only ids below this one.
        before: Option<NotificationId>,
        /// At most so many.
        limit: u32,
    },
    /// The notifications of one kind about a job, oldest first. Answers `Notifications`.
    NotificationsOf {
        /// The job.
        job: JobId,
        /// The kind.
        kind: NoticeKind,
    },
    /// One notification. Answers `Notifications` with one row or none.
    Notification(NotificationId),
    /// What became of a notification, oldest first. Answers `NoticeLog`.
    NoticeLog(NotificationId),
    /// Complaints and contests that are not decided, oldest first. Answers `Appeals`.
    OpenAppeals {
        /// At most so many.
        limit: u32,
    },
    /// Complaints and contests about a job, by attempt. Answers `Appeals`.
    Appeals(JobId),
    /// How everybody wants to be told, by user. Answers `People`.
    People,
    /// Number of jobs per state name. Answers `Counts`, by name.
    Counts,
    /// What an operator said about models, as JSON. Answers `Text`.
    ModelSettings,
    /// What each payer spent on models on this day. Answers `Spent`, by place and user.
    Spent {
        /// The day, from 1970.
        day: i64,
    },
    /// What models cost for a job. Answers `Spending`.
    JobSpending(JobId),
    /// Everything that models were ever asked, summed. Answers `ModelTotals`, by role, model and outcome.
    ModelTotals,
    /// How often something was done without a model. Answers `Without`, by role and reason.
    Without,
    /// What models decided, and what people then did. Answers `Judgements`, by model, criterion, decision and opinion.
    Judgements,
    /// The user. Answers `Users` with one row or none.
    User(UserId),
    /// About users, tokens or shares.
    Account(AccountQuery),
    /// About places.
    Place(PlaceQuery),
    /// What a draft holds. Answers `Text`.
    Draft {
        /// Whose.
        user: UserId,
        /// Its name.
        name: String,
        /// Only if it was kept since.
        since: Timestamp,
    },
    /// Whether somebody takes nothing on a channel. Answers `Closed`.
    Closed {
        /// Who.
        user: UserId,
        /// Where.
        channel: Channel,
    },
    /// The messages elsewhere that show a job, by number. Answers `Surfaces`.
    Surfaces(JobId),
    /// The hash of a request and what it led to. Answers `Receipt`.
    Receipt {
        /// Who asked.
        user: UserId,
        /// The request.
        id: RequestId,
    },
}

/// Which jobs the engine may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobSelection {
    /// Ready for a pick: by class (highest first), fair tag, number.
    Ready,
    /// `due_at` has come, and no lease is in force: by `due_at`, number.
    Due(Timestamp),
    /// Leased by an earlier incarnation: by incarnation, number.
    Orphaned(Incarnation),
    /// Parked and waiting for this agent: by class (highest first), fair tag, number.
    WaitingFor(AgentId),
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named by the query that they answer")]
pub enum Answer {
    System(SystemRecord),
    Jobs(Vec<JobRecord>),
    Found(Found),
    JobCount(JobCount),
    Waiting(WaitingRecord),
    Time(Option<Timestamp>),
    Attempts(Vec<AttemptRecord>),
    Bodies(Vec<BodyRecord>),
    Events(Vec<EventRecord>),
    Agents(Vec<AgentRecord>),
    Versions(Vec<(AgentVersion, Timestamp, BodyId)>),
    Tallies(Vec<TallyRecord>),
    Deliveries(Vec<DeliveryRecord>),
    Days(Vec<DayRecord>),
    Messages(Vec<MessageRecord>),
    Notifications(Vec<NotificationRecord>),
    NoticeLog(Vec<NoticeLogRecord>),
    Appeals(Vec<AppealRecord>),
    People(Vec<PersonRecord>),
    Counts(Vec<(String, u64)>),
    Text(Option<String>),
    Spent(Vec<SpentRecord>),
    Spending(ModelSpending),
    ModelTotals(Vec<ModelTotal>),
    Without(Vec<(ModelRole, WithoutModel, u64)>),
    Judgements(Vec<JudgementSum>),
    Users(Vec<UserRecord>),
    UserIds(Vec<UserId>),
    Identities(Vec<Identity>),
    Tokens(Vec<TokenView>),
    Usage(Usage),
    Surfaces(Vec<SurfaceRecord>),
    Places(Vec<PlaceRecord>),
    Alerts(Vec<AlertRecord>),
    Closed(Option<ClosedRecord>),
    Receipt(Option<([u8; 32], Receipt)>),
}
