//! Agents: heads, stories, the orders that they take, and what testing one shows.

use crate::account::UserRef;
use crate::agent::{AgentDefinition, AgentKey, AgentName, AgentState, Audience, Health};
use crate::attempt::AttemptState;
use crate::history::Event;
use crate::ids::{AgentId, AgentVersion, AttemptNumber, DeliveryLogId, JobId, UserId};
use crate::time::Timestamp;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};

/// An agent in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct AgentHead {
    pub id: AgentId,
    pub name: AgentName,
    pub owner: UserId,
    pub version: AgentVersion,
    pub state: Wire<AgentState>,
    pub health: Wire<Health>,
    pub audience: Audience,
    /// Who may be matched with it once an operator approves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Audience>,
    /// Attempts that it is working on.
    pub running: u32,
    /// Most at a time.
    pub concurrency: u32,
    pub record: Record,
    pub revision: u64,
}

/// What counts of an agent's past, over the last 90 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct Record {
    pub passed: u32,
    pub failed: u32,
    pub declined: u32,
    pub unreachable: u32,
    /// Mean time from delivery to answer, ms.
    pub answer_ms: Option<u64>,
}

/// Everything about one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentStory {
    /// Its head.
    pub head: AgentHead,
    /// The current version.
    pub definition: AgentDefinition,
    /// Hosts and ports that an operator granted, as `host:port`.
    pub grants: Vec<String>,
    /// Who has it beside its owner; empty for who is none of them.
    #[serde(default)]
    pub co_owners: Vec<UserId>,
    /// To whom it is offered; none for who has nothing to do with it.
    #[serde(default)]
    pub offered_to: Option<UserId>,
    /// Until when the secrets before count, too; none for who has nothing to do with it.
    #[serde(default)]
    pub old_secrets_until: Option<Timestamp>,
    /// Every version with the time it was made, newest first.
    pub versions: Vec<(AgentVersion, Timestamp)>,
    /// The newest lines of its history, newest last.
    pub events: Vec<Event>,
    /// Its newest attempts, newest first, at most [`RECENT_ATTEMPTS_MAX`]; empty for who has nothing to do with it.
    #[serde(default)]
    pub recent: Vec<AgentAttempt>,
    /// How its circuit went, oldest first, as far as `events` reach.
    #[serde(default)]
    pub breaker: Vec<(Timestamp, Wire<Health>)>,
    /// Its part of the work of all agents.
    #[serde(default)]
    pub share: PickShare,
}

/// Most attempts in an agent's story.
pub const RECENT_ATTEMPTS_MAX: u32 = 50;

/// An attempt in an agent's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct AgentAttempt {
    pub job: JobId,
    pub number: AttemptNumber,
    pub version: AgentVersion,
    pub state: Wire<AttemptState>,
    pub started_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// How many of all attempts were one agent's, over the days of its record: those that passed, failed, were declined or not
/// reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickShare {
    /// Its own.
    pub own: u64,
    /// Everybody's.
    pub all: u64,
}

/// How an agent is registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterOptions {
    /// Operators only: allow the endpoint although it is private or plain http.
    #[serde(default)]
    pub allow_private: bool,
    /// Operators only: who may be matched with it from the beginning; others publish it later.
    #[serde(default)]
    pub audience: Audience,
    /// Operators only: it belongs to the house and not to the caller, whose jobs then count in its record.
    #[serde(default)]
    pub house: bool,
    /// Chat agents only: the key that opens the endpoint. In an update, none leaves the one that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<AgentKey>,
}

/// A new agent, with the secrets that are shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its number.
    pub id: AgentId,
    /// Its first version.
    pub version: AgentVersion,
    /// Its secrets; none for a chat agent, whose owner brings the key, and none through a bridge, which no secret passes.
    #[serde(flatten)]
    pub secrets: Option<Secrets>,
    /// What may be a mistake in its schemas.
    pub warnings: Vec<String>,
}

/// The secrets of an agent that speaks Guildhall's own contract.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Verifies what the daemon sends: `whsec_...`.
    pub delivery_secret: String,
    /// Signs what the agent sends back later: `whsec_...`.
    pub callback_secret: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

/// What an update did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// The current version; unchanged when nothing differed.
    pub version: AgentVersion,
    /// The definition before and after, as pretty JSON.
    pub before: String,
    /// After.
    pub after: String,
    /// Hosts and ports that were granted with it, as `host:port`.
    #[serde(default)]
    pub granted: Vec<String>,
    /// Whether the endpoint is opened with another key from now on.
    #[serde(default)]
    pub key_replaced: bool,
    /// What may be a mistake in its schemas.
    pub warnings: Vec<String>,
}

/// An order to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOrder {
    /// No new jobs; running ones end.
    Pause {
        /// It resumes by itself after this time, ms; none: somebody resumes it.
        for_ms: Option<u64>,
    },
    /// Work again, after a new challenge.
    Resume,
    /// Gone for good.
    Retire,
}

/// Longest time that an agent's secrets count after new ones, ms: 30 days.
pub const OVERLAP_MS_MAX: u64 = 30 * 86_400_000;
/// The same if nothing is said, ms: a day.
pub const OVERLAP_MS: u64 = 86_400_000;

/// New secrets of an agent, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// They.
    #[serde(flatten)]
    pub secrets: Secrets,
    /// Until when those before count, too.
    pub old_until: Option<Timestamp>,
}

/// Where somebody sees new secrets of an agent, once. Whoever has the address sees them, so it is for their eyes only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretLink {
    /// What to open in a browser.
    pub url: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SecretLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The field of a refused link where nobody could open it: the command line is the way then.
pub const LINK_FIELD: &str = "public_url";

/// An order about whose an agent is, and for whom it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldOrder {
    /// Work for these, if its examples pass; an operator may have to approve. Operators approve by it, too.
    Publish {
        /// For whom.
        audience: Audience,
    },
    /// Work for its owners only.
    Withdraw,
    /// Operators: do not approve.
    Refuse {
        /// Why.
        reason: Option<String>,
    },
    /// Somebody has it, too: they may do with it what its owner may, but give it away.
    AddOwner {
        /// Who.
        user: UserRef,
    },
    /// Somebody no longer has it.
    RemoveOwner {
        /// Who.
        user: UserRef,
    },
    /// Offer it to somebody, or to nobody any more.
    Offer {
        /// To whom.
        to: Option<UserRef>,
    },
    /// Take what is offered to one.
    Take,
    /// Operators: it needs no challenge.
    Vouch,
}

/// What testing an agent showed: the challenge and each example, through the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Each step in order: what was tried, whether it went well, and what was seen.
    pub steps: Vec<TestStep>,
}

/// One step of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStep {
    /// What was tried.
    pub name: String,
    /// Whether it went well.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// One request to an agent's endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct DeliveryView {
    pub id: DeliveryLogId,
    pub at: Timestamp,
    pub job: Option<JobId>,
    pub attempt: Option<AttemptNumber>,
    /// The type of the message.
    pub message: String,
    /// The step that failed; none when the exchange itself worked.
    pub failed_step: Option<String>,
    pub status: Option<u16>,
    pub duration_ms: u64,
    /// What happened, in words.
    pub summary: String,
    /// The first 2 KB of the reply.
    pub reply_head: String,
    /// A line that repeats it in a shell.
    pub curl: String,
}
