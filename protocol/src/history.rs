//! What happened, line by line: the events of a job, an agent, a user or the system, chained by hash per subject.
//!
//! An event holds ids, enums, numbers, times and commitments only. Foreign text is a body of its own, referenced by its
//! [`Commitment`]; forgetting drops the text, and the chain still verifies.

use crate::account::{Limits, Role, TokenKind};
use crate::agent::{Audience, PausedWhy};
use crate::appeal::AppealKind;
use crate::attempt::{CheckedBy, EndedAs};
use crate::ids::{
    AgentId, AgentVersion, AttemptNumber, BodyId, Incarnation, JobId, PlaceId, TokenId, UserId,
};
use crate::job::Priority;
use crate::model::{BudgetScope, Micros, ModelCall, ModelRole, WithoutModel};
use crate::place::PlaceSetting;
use crate::state::{HeldWhy, Reviewer};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose history a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A job.
    Job(JobId),
    /// An agent.
    Agent(AgentId),
    /// A user.
    User(UserId),
    /// A place.
    Place(PlaceId),
    /// The marketplace itself.
    System,
}

impl Subject {
    /// Kind and number, as storage keeps them.
    pub fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Job(id) => ("job", id.0),
            Self::Agent(id) => ("agent", id.0),
            Self::User(id) => ("user", id.0),
            Self::Place(id) => ("place", id.0),
            Self::System => ("system", 0),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number) = self.parts();
        write!(f, "{kind}:{number}")
    }
}

/// SHA-256 over a nonce and the bytes of a body, as 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub String);

/// Foreign text that belongs to a line: what commits to it, and where it stands as long as it is not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The commitment.
    pub commitment: Commitment,
    /// The body.
    pub body: BodyId,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The daemon by itself.
    Daemon,
    /// A person.
    User(UserId),
    /// An agent's endpoint.
    Agent(AgentId),
}

/// One line of a history. Its JSON is what the chain hashes: `hash = SHA-256(previous hash, JSON)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the subject's history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What.
    pub what: What,
}

/// What happened. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
#[expect(missing_docs, reason = "fields are named after the types that they hold")]
pub enum What {
    /// A client posted the job.
    Posted {
        client: UserId,
        draft: Commitment,
        deadline: Timestamp,
        derived_from: Option<JobId>,
        trial: bool,
    },
    /// Nobody can take it now; it waits until something changes or the time given.
    Waiting { pick: Commitment, until: Timestamp },
    /// An agent was chosen and an attempt written.
    Assigned { attempt: AttemptNumber, agent: AgentId, version: AgentVersion, pick: Commitment, repair: bool },
    /// The delivery did not get through and goes out again at the time given.
    Deferred { attempt: AttemptNumber, tries: u32, until: Timestamp },
    /// The delivery goes out again under the same id.
    Resent { attempt: AttemptNumber, tries: u32 },
    /// The agent accepted it and works.
    Accepted { attempt: AttemptNumber },
    /// The agent is alive and at it; perhaps it said how far it is.
    Progressed { attempt: AttemptNumber, note: Option<Text> },
    /// The agent asks the client something, who has time until then.
    Asked { attempt: AttemptNumber, question: Commitment, until: Timestamp },
    /// The client answered; it goes to the agent.
    Replied { attempt: AttemptNumber, reply: Commitment },
    /// The answer is here.
    Answered { attempt: AttemptNumber, answer: Commitment },
    /// An answer or another word came too late to matter; it is kept.
    Late { attempt: AttemptNumber, message: Text },
    /// The answer met every criterion that can be decided exactly; a model is asked about the others.
    Checked { attempt: AttemptNumber, findings: Commitment, passed: u32 },
    /// A model was asked.
    ModelCalled { attempt: Option<AttemptNumber>, call: ModelCall },
    /// A model is configured, and this was done without one.
    WithoutModel { role: ModelRole, why: WithoutModel, detail: Option<Text> },
    /// A model built the agent's input from the brief.
    InputShaped { attempt: AttemptNumber, input: Text },
    /// The agent that fits best needs what the brief does not say; the client is asked, and has time until then.
    InputAsked { agent: AgentId, question: Commitment, until: Timestamp },
    /// The answer was held against the criteria.
    Judged {
        attempt: AttemptNumber,
        findings: Commitment,
        passed: u32,
        failed: u32,
        abstained: u32,
        by: CheckedBy,
    },
    /// The attempt is over.
    AttemptEnded { attempt: AttemptNumber, ended: EndedAs, reason: Option<Commitment> },
    /// A person is asked to decide on the answer, until the time given.
    ReviewRequested { reviewer: Reviewer, until: Timestamp },
    /// The reviewer accepted.
    ReviewAccepted { reviewer: Reviewer },
    /// The reviewer wants another attempt.
    ChangesRequested { reviewer: Reviewer, text: Commitment },
    /// The client asks an operator to decide.
    Disputed { text: Text },
    /// Nobody decided in time.
    WindowPassed { reviewer: Reviewer },
    /// The job is held for an operator.
    Held { why: HeldWhy },
    /// An operator released a held job.
    Released { reason: Option<Text> },
    /// Somebody asked to look for an agent now.
    LookAgain { reason: Option<Text> },
    /// An operator takes it from its agent; perhaps another one gets it next.
    Reassigned { to: Option<AgentId>, reason: Option<Text> },
    /// An operator rules an agent out.
    Excluded { agent: AgentId, reason: Option<Text> },
    /// An operator lets an agent that was ruled out get it again.
    Included { agent: AgentId, reason: Option<Text> },
    /// An operator moves it to another class.
    Prioritized { to: Priority, reason: Option<Text> },
    /// An operator has its texts shown to them until then, and says why.
    TextsRevealed { until: Timestamp, reason: Text },
    /// It has more time.
    Extended { deadline: Timestamp, reason: Option<Text> },
    /// A client complains about the result, or an owner contests a finding.
    AppealMade { attempt: AttemptNumber, kind: AppealKind, text: Commitment },
    /// An operator decided it; the agent's record was corrected if it was right.
    AppealDecided { attempt: AttemptNumber, kind: AppealKind, upheld: bool, reason: Option<Text> },
    /// After an unclean end the daemon says so before it picks or judges: a job that stops daemons is found out.
    Announced,
    /// What was announced did the daemon no harm, and a model is asked next: whoever dies while it thinks did not die of the job.
    Unharmed,
    /// A daemon died while it held this job in its hands.
    DaemonDied { incarnation: Incarnation, deaths: u32 },
    /// The end: the answer was accepted.
    Completed { attempt: AttemptNumber, by: CheckedBy },
    /// The end: nobody could do it.
    Failed { attempts: u32, offers: u32 },
    /// The end: called off.
    Canceled { reason: Option<Text> },
    /// The end: the deadline passed.
    Expired,

    /// An owner registered the agent.
    AgentRegistered { owner: UserId, version: AgentVersion, definition: Commitment },
    /// A new version is current.
    AgentUpdated { version: AgentVersion, definition: Commitment },
    /// A new version that repeats an earlier one is current.
    AgentRolledBack { version: AgentVersion, to: AgentVersion, definition: Commitment },
    /// Its endpoint echoed the challenge.
    AgentProved { version: AgentVersion },
    /// It gets no new jobs, perhaps only until then.
    AgentPaused { why: PausedWhy, until: Option<Timestamp> },
    /// It may work again, after a new challenge.
    AgentResumed,
    /// It is gone for good.
    AgentRetired,
    /// Too many deliveries in a row missed: it gets no new jobs until then, and a probe decides.
    CircuitOpened { misses: u32, until: Timestamp },
    /// One job decides.
    CircuitHalfOpened,
    /// All is well again.
    CircuitClosed,
    /// Its circuit opened too often: it gets no jobs until its owner tests it.
    Quarantined { openings: u32 },
    /// An operator allows this agent an address that is otherwise refused.
    AgentGranted { host: Commitment },
    /// The endpoint of a chat agent is opened with another key.
    AgentKeyReplaced,
    /// A request made new secrets; those before count until then.
    SecretsRotated { key: String, old_until: Option<Timestamp> },
    /// An operator answered for its endpoint, in place of a challenge.
    AgentVouchedFor { version: AgentVersion },
    /// It is to work for these, once an operator approves.
    PublishingAsked { audience: Audience },
    /// It works for these.
    AgentPublished { audience: Audience },
    /// An operator did not approve.
    PublishingRefused { audience: Audience, reason: Option<Text> },
    /// It moved to another host, and waits for approval again.
    ApprovalEnded { audience: Audience },
    /// It changed while it waited for approval: whoever wants it for these asks again.
    PublishingEnded { audience: Audience },
    /// It works for its owners only.
    AgentWithdrawn,
    /// Somebody has it, too.
    OwnerAdded { user: UserId },
    /// Somebody no longer has it.
    OwnerRemoved { user: UserId },
    /// It is offered to somebody, or no longer.
    AgentOffered { to: Option<UserId> },
    /// Whoever it was offered to has it.
    AgentTaken { from: UserId, to: UserId },

    /// A user was seen for the first time.
    UserSeen,
    /// A user said how they want to be told.
    SettingsChanged,
    /// A role was given, everywhere or in a place.
    RoleGranted { role: Role, place: Option<PlaceId>, reason: Option<Text> },
    /// A role was taken back.
    RoleRevoked { place: Option<PlaceId>, reason: Option<Text> },
    /// Nothing new may be begun.
    UserSuspended { reason: Option<Text> },
    /// A suspension is over.
    UserRestored { reason: Option<Text> },
    /// Their limits were set.
    UserLimited { limits: Limits, reason: Option<Text> },
    /// They consented to this version of the privacy policy.
    Consented { version: String },
    /// A token was made for them.
    TokenMade { token: TokenId, kind: TokenKind, up_to: Role, expires_at: Timestamp },
    /// A token of theirs was revoked.
    TokenRevoked { token: TokenId },
    /// Another user turned out to be the same person: everything of theirs is this user's now.
    UserJoined { other: UserId },
    /// This user is part of another one from now on.
    JoinedUser { other: UserId },
    /// They are no longer known so.
    IdentityRemoved { identity: Option<Text> },
    /// A client let somebody read, answer and review the job.
    Shared { with: UserId },
    /// No longer.
    Unshared { with: UserId },
    /// Somebody settled this of a place; the text is the change as JSON.
    PlaceChanged { setting: PlaceSetting, change: Text },
    /// An operator stopped new attempts everywhere.
    EnginePaused { reason: Option<Text> },
    /// An operator allows new attempts again.
    EngineResumed { reason: Option<Text> },
    /// An operator switched models on or off.
    ModelsSwitched { on: bool, reason: Option<Text> },
    /// An operator set what models may cost on a day.
    BudgetSet { scope: BudgetScope, limit: Option<Micros>, reason: Option<Text> },
    /// So much of a day's budget is spent: of everybody's, of a place's or of a user's.
    BudgetReached { scope: BudgetScope, place: Option<PlaceId>, user: Option<UserId>, percent: u32 },
    /// Every secret is sealed with another master key.
    KeyRotated { key: String },
    /// A daemon opened the store.
    DaemonStarted { incarnation: Incarnation },
    /// A daemon closed the store in good order.
    DaemonStopped { incarnation: Incarnation },
}

impl What {
    /// The words that belong to it, where no attempt or appeal holds them.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others hold no words of their own")]
    pub fn text(&self) -> Option<&Text> {
        match self {
            Self::Disputed { text } | Self::TextsRevealed { reason: text, .. } => Some(text),
            Self::Late { message, .. } => Some(message),
            Self::InputShaped { input, .. } => Some(input),
            Self::PlaceChanged { change, .. } => Some(change),
            Self::Progressed { note: text, .. }
            | Self::Released { reason: text }
            | Self::LookAgain { reason: text }
            | Self::Reassigned { reason: text, .. }
            | Self::Excluded { reason: text, .. }
            | Self::Included { reason: text, .. }
            | Self::Prioritized { reason: text, .. }
            | Self::Extended { reason: text, .. }
            | Self::AppealDecided { reason: text, .. }
            | Self::Canceled { reason: text }
            | Self::WithoutModel { detail: text, .. }
            | Self::ModelsSwitched { reason: text, .. }
            | Self::BudgetSet { reason: text, .. }
            | Self::RoleGranted { reason: text, .. }
            | Self::RoleRevoked { reason: text, .. }
            | Self::UserSuspended { reason: text }
            | Self::UserRestored { reason: text }
            | Self::UserLimited { reason: text, .. }
            | Self::IdentityRemoved { identity: text }
            | Self::PublishingRefused { reason: text, .. }
            | Self::EnginePaused { reason: text }
            | Self::EngineResumed { reason: text } => text.as_ref(),
            _ => None,
        }
    }
}

impl Event {
    /// The bytes that the chain hashes.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event of plain values prints as JSON")
    }
}
