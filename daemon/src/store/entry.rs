//! What goes on record with a change: events, bodies, notifications, alerts, messages and deliveries.

use super::record::Chain;
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::ids::{
    AgentId, AlertId, AttemptNumber, BodyId, DeliveryLogId, JobId, MessageId, NotificationId, PlaceId, UserId,
};
use guildhall_protocol::model::ModelName;
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::time::Timestamp;

/// What goes on record with a change, in its transaction. Events follow the subject's revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Lines of the subject's history.
    pub events: Vec<NewEvent>,
    /// Foreign text that the events or rows refer to.
    pub bodies: Vec<NewBody>,
    /// What people must be told.
    pub notifications: Vec<NewNotification>,
    /// What the operators of places must be told.
    pub alerts: Vec<NewAlert>,
    /// What agents must be told beside deliveries.
    pub messages: Vec<NewMessage>,
    /// Exchanges that led to it.
    pub deliveries: Vec<NewDelivery>,
    /// What models decided about an answer. Of an answer that was judged before, the newest counts.
    pub judgements: Vec<NewJudgement>,
    /// Whether a person accepted the answer of an attempt: what its judgements are compared with.
    pub opinion: Option<(AttemptNumber, bool)>,
}

/// What a model decided about one criterion of an attempt's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJudgement {
    /// The attempt; its job is the entry's subject.
    pub attempt: AttemptNumber,
    /// The criterion's place among the findings.
    pub place: u32,
    /// The model.
    pub model: ModelName,
    /// Which kind of criterion.
    pub criterion: JudgedCriterion,
    /// What it decided.
    pub decision: Decision,
}

/// The kinds of criteria that a model decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JudgedCriterion {
    /// The answer does what the brief asks.
    Brief,
    /// A statement of the client's.
    Judge,
}

impl JudgedCriterion {
    /// The name in storage and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brief => "brief",
            Self::Judge => "judge",
        }
    }
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

/// Something that the operators of a place must be told in its alert channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// Its number.
    pub id: AlertId,
    /// The place.
    pub place: PlaceId,
    /// What kind of notice.
    pub kind: NoticeKind,
    /// About which job.
    pub job: Option<JobId>,
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
