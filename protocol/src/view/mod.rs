//! What the daemon tells the front ends: lists hold heads, stories hold everything about one thing in bounded size, and
//! bodies are read in pages.

mod agent;

use crate::agent::AgentName;
use crate::appeal::AppealKind;
use crate::attempt::{AttemptState, CheckedBy, EndedAs, Finding, Question};
use crate::history::{Event, Subject};
use crate::ids::{
    AgentId, AgentVersion, AttemptNumber, BodyId, EventId, Incarnation, JobId, StoreTag, UserId,
};
use crate::job::{Priority, Visibility};
use crate::model::ModelSpending;
use crate::permission::JobAction;
use crate::pick::{Exclusion, Pick};
use crate::state::JobState;
use crate::time::Timestamp;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};

pub use crate::listing::JobFilter;
pub use agent::{
    AgentAttempt, AgentHead, AgentOrder, AgentStory, DeliveryView, HoldOrder, LINK_FIELD, OVERLAP_MS,
    OVERLAP_MS_MAX, PickShare, RECENT_ATTEMPTS_MAX, Record, RegisterOptions, Registered, Rotated, SecretLink,
    Secrets, TestReport, TestStep, Updated,
};

/// Most rows in one page.
pub const PAGE_ROWS_MAX: u32 = 500;
/// Most bytes of a body shown with a story.
pub const BODY_HEAD_BYTES_MAX: usize = 2_048;
/// Most bytes of one page of a body.
pub const BODY_PAGE_BYTES_MAX: usize = 256 * 1024;

/// A page of a list. Pages are keyed: `next` continues after the last row even while rows come and go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page starts; none when this is the last.
    pub next: Option<i64>,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// The `next` of the page before; none for the first.
    pub after: Option<i64>,
    /// How many rows, at most [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, limit: 50 }
    }
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct JobHead {
    pub id: JobId,
    /// None when it was forgotten.
    pub title: Option<String>,
    pub label: Option<String>,
    pub state: Wire<JobState>,
    pub client: UserId,
    pub visibility: Visibility,
    pub priority: Priority,
    /// The agent of the latest attempt.
    pub agent: Option<AgentName>,
    pub attempts: u32,
    pub checked_by: Option<CheckedBy>,
    pub posted_at: Timestamp,
    pub changed_at: Timestamp,
    pub deadline: Timestamp,
    /// What time alone will do next happens then; none when it ended.
    pub due_at: Option<Timestamp>,
    /// Until when a person may answer or decide, while it waits for one.
    pub window_ends_at: Option<Timestamp>,
    /// Fences decisions: send it back with one.
    pub epoch: u64,
    /// Grows with anything visible.
    pub revision: u64,
}

/// The beginning of a body, and where the rest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyHead {
    /// Its id, for `read_body`.
    pub id: BodyId,
    /// Its whole length.
    pub bytes: u64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its first [`BODY_HEAD_BYTES_MAX`] bytes as text; none when it was forgotten.
    pub head: Option<String>,
}

/// One page of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyPage {
    /// Whole length.
    pub bytes: u64,
    /// The text from the offset on, at most [`BODY_PAGE_BYTES_MAX`] bytes, whole characters.
    pub text: String,
    /// Where the next page starts; none at the end.
    pub next: Option<u64>,
}

/// One attempt in a job's story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct AttemptView {
    pub number: AttemptNumber,
    pub agent: AgentName,
    pub version: AgentVersion,
    pub state: Wire<AttemptState>,
    pub repair: bool,
    /// How often the delivery went out.
    pub tries: u32,
    pub started_at: Timestamp,
    /// Its part of the job's time.
    pub deadline: Timestamp,
    /// The agent's newest sign of life since it accepted.
    pub heard_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// What the agent asked last.
    pub question: Option<Question>,
    /// What the client answered.
    pub reply: Option<String>,
    /// Why it ended so, when there is more to say than the findings.
    pub reason: Option<String>,
    pub pick: Option<Pick>,
    /// What it got instead of words, where a model built it from the brief.
    #[serde(default)]
    pub input: Option<BodyHead>,
    pub answer: Option<BodyHead>,
    pub findings: Vec<Finding>,
}

/// The whole story of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct JobStory {
    pub head: JobHead,
    /// The job as posted, a JSON draft.
    pub draft: BodyHead,
    pub attempts: Vec<AttemptView>,
    /// Why it waits, when it waits for an agent.
    pub waiting: Option<Pick>,
    /// What the marketplace asks the client, and what they answered, before any agent was chosen.
    #[serde(default)]
    pub question: Option<Question>,
    /// See `question`.
    #[serde(default)]
    pub reply: Option<String>,
    /// What models cost for it.
    #[serde(default)]
    pub spent: ModelSpending,
    /// JSON pointer to the part of the answer that people should read.
    pub display: Option<String>,
    pub events: Vec<Event>,
    /// The words that belong to events, as far as they are not forgotten; cut.
    pub texts: Vec<(BodyId, String)>,
    /// The names of agents that events mention.
    pub agents: Vec<(AgentId, AgentName)>,
    /// Agents that an operator ruled out.
    pub excluded: Vec<AgentName>,
    /// Complaints and contests.
    pub appeals: Vec<AppealView>,
    /// What the caller may do now.
    pub allowed: Vec<JobAction>,
    /// Whether the caller sees its texts.
    #[serde(default)]
    pub sight: Sight,
    /// Whether its history is what was written.
    #[serde(default)]
    pub chained: Chained,
}

/// Whether a history is what was written: the hash of each event follows from the one before, and the last is the one that the
/// subject itself remembers. It is checked whenever the story is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chained {
    /// This daemon does not say.
    #[default]
    Unsaid,
    /// It is.
    Whole {
        /// What came before the event after this one was not looked at; 0: all of it was.
        after: u64,
        /// The newest event.
        up_to: u64,
    },
    /// It is not.
    Broken {
        /// The first event that is missing, or that does not follow from those before.
        at: u64,
    },
}

/// Whether the texts of a job are shown to whoever asks: what it says, what was answered, what people wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// They are.
    #[default]
    Open,
    /// They are left out: it is somebody's private job, and no operator is waited for. `reveal` shows them.
    Masked,
    /// They are shown to this operator, who said why, until then.
    Revealed {
        /// Until when.
        until: Timestamp,
    },
}

/// Longest reason to see the texts of a job, bytes.
pub const REVEAL_REASON_BYTES_MAX: usize = 500;
/// How long they are shown then, ms: a quarter of an hour.
pub const REVEAL_MS: u64 = 900_000;

/// The texts of a job are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    /// Of which.
    pub job: JobId,
    /// Until when; none: they were never masked for this caller, and nothing was noted.
    pub until: Option<Timestamp>,
}

impl JobStory {
    /// The attempt whose answer was accepted, or else the newest one with an answer.
    pub fn answered(&self) -> Option<&AttemptView> {
        let passed = |view: &&AttemptView| view.state.known() == Some(&AttemptState::Ended(EndedAs::Passed));
        let newest = || self.attempts.iter().rev().find(|view| view.answer.is_some());
        self.attempts.iter().rev().find(passed).or_else(newest)
    }

    /// What somebody is asked now, by the marketplace or by an agent, and not answered yet.
    pub fn asked(&self) -> Option<&Question> {
        let of_agent = self.attempts.last().filter(|view| view.reply.is_none());
        let of_agent = of_agent.and_then(|view| view.question.as_ref());
        of_agent.or_else(|| self.question.as_ref().filter(|_| self.reply.is_none()))
    }
}

/// A complaint or a contest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct AppealView {
    pub job: JobId,
    pub attempt: AttemptNumber,
    pub kind: AppealKind,
    pub made_at: Timestamp,
    /// Foreign text; none when it was forgotten.
    pub text: Option<String>,
    /// Whether it was right; none while it is open.
    pub upheld: Option<bool>,
}

/// One line of the live feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedLine {
    /// Its place in the feed.
    pub id: EventId,
    /// Whose history it belongs to.
    pub subject: Subject,
    /// What happened.
    pub event: Wire<Event>,
}

/// An order to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineOrder {
    /// No new attempts anywhere; running ones end.
    Pause,
    /// New attempts again.
    Resume,
}

/// A job to post, with the request id of its caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// The same id again gives the same job.
    pub request: crate::ids::RequestId,
    /// The job.
    pub draft: crate::job::JobDraft,
}

/// A posted job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Its number.
    pub id: JobId,
    /// Whether this request had already been made and this is its job.
    pub repeated: bool,
}

/// What a person decides about a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What to do.
    pub action: JobAction,
    /// Why, or what is wrong with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The epoch that the person saw, if the order must not meet another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// To reassign, exclude or include: the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// To prioritize: the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// To extend: the new deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// To contest, uphold or reject: the attempt; by default the newest that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptNumber>,
}

impl Order {
    /// An order without anything beside it.
    pub fn of(action: JobAction) -> Self {
        Self { action, text: None, epoch: None, agent: None, priority: None, deadline: None, attempt: None }
    }
}

/// Who would get a job, and what may be wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The pick as it would be now.
    pub pick: Pick,
    /// What a person should know before posting.
    pub notes: Vec<String>,
}

/// How one agent stands to one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyNot {
    /// The agent.
    pub agent: AgentName,
    /// Why it cannot take the job now; none if it can.
    pub exclusion: Option<Exclusion>,
    /// Its place in the rank among those who can, from 1.
    pub rank: Option<u32>,
    /// In words.
    pub detail: String,
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct Status {
    /// The daemon's version.
    pub daemon: String,
    pub store: StoreTag,
    pub incarnation: Incarnation,
    pub started_at: Timestamp,
    /// Jobs per state name.
    pub jobs: Vec<(String, u64)>,
    pub agents_active: u64,
    pub agents: u64,
    /// Whether the daemon is ending and starts no new steps.
    pub draining: bool,
    /// Whether an operator stopped new attempts.
    pub paused: bool,
    /// What a person should know: no model, for example.
    pub notes: Vec<String>,
}

/// What `wait_for_change` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One job.
    Job(JobId),
    /// Anything.
    Everything,
    /// The daemon's log; `seen` is the number of the newest line. Operators only.
    Log,
}
