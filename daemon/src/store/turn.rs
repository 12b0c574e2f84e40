//! How jobs, attempts, agents and appeals begin and go on.

use super::entry::Entry;
use super::record::{AttemptRecord, Lease, Pulses, SealedBytes, Steering, Window};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{AttemptState, CheckedBy};
use guildhall_protocol::ids::{AgentId, AgentVersion, AttemptNumber, BodyId, JobId, PlaceId, UserId};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;

/// What a `Command::Note` changes.
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
    /// The input that a model built for the agent; one of the entry's bodies.
    pub input: Option<BodyId>,
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
    /// What the marketplace asks its client. Without question and reply, both stay as they are.
    pub question: Option<BodyId>,
    /// The client's answer to it.
    pub reply: Option<BodyId>,
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
