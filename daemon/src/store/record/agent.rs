//! Agents as the store keeps them, and what it counts of them.

use super::Chain;
use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::ids::{AgentId, AgentVersion, BodyId, UserId};
use guildhall_protocol::time::Timestamp;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRecord {
    /// Its number.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Who registered it.
    pub owner: UserId,
    /// Where it stands.
    pub state: AgentState,
    /// Its circuit.
    pub health: Health,
    /// Who has it beside them, by number.
    pub co_owners: Vec<UserId>,
    /// To whom the owner offered it.
    pub offered_to: Option<UserId>,
    /// Who may be matched with it.
    pub audience: Audience,
    /// Who may be once an operator approves.
    pub wanted: Option<Audience>,
    /// The current version.
    pub version: AgentVersion,
    /// The body that holds the current `AgentDefinition` as JSON.
    pub definition: BodyId,
    /// Most jobs at a time, from the current version; the store guards it.
    pub concurrency: u32,
    /// Attempts that hold a slot now.
    pub running: u32,
    /// Hosts and ports that an operator granted.
    pub grants: Vec<(String, u16)>,
    /// Signs deliveries, or opens a chat agent's endpoint; sealed.
    pub delivery_secret: SealedBytes,
    /// Verifies what the agent sends by itself; sealed.
    pub callback_secret: SealedBytes,
    /// The secrets before these, which count for a while.
    pub old_secrets: Option<OldSecrets>,
    /// When the engine looks at it next: the challenge of a pending agent.
    pub due_at: Option<Timestamp>,
    /// How often the challenge was tried since it became pending.
    pub tries: u32,
    /// What its circuit counts.
    pub pulses: Pulses,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The head of its history.
    pub chain: Chain,
}

impl AgentRecord {
    /// Everybody who has it: they may change it, and are told about it.
    pub fn owners(&self) -> impl Iterator<Item = UserId> {
        std::iter::once(self.owner).chain(self.co_owners.iter().copied())
    }

    /// Whether somebody has it.
    pub fn is_owned_by(&self, user: UserId) -> bool {
        self.owners().any(|owner| owner == user)
    }

    /// Whose it is, and for whom it works.
    pub fn holding(&self) -> Holding {
        Holding {
            owner: self.owner,
            co_owners: self.co_owners.clone(),
            offered_to: self.offered_to,
            audience: self.audience,
            wanted: self.wanted,
        }
    }
}

/// Whose an agent is, and for whom it works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said at the fields of `AgentRecord`")]
pub struct Holding {
    pub owner: UserId,
    pub co_owners: Vec<UserId>,
    pub offered_to: Option<UserId>,
    pub audience: Audience,
    pub wanted: Option<Audience>,
}

impl Holding {
    /// Everybody who has it, or may take it.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        std::iter::once(self.owner).chain(self.co_owners.iter().copied()).chain(self.offered_to)
    }
}

/// Secrets of an agent that were replaced: both count until a time, so that its owner can replace them without haste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSecrets {
    /// Signs deliveries, too; sealed.
    pub delivery: SealedBytes,
    /// Verifies what the agent sends, too; sealed.
    pub callback: SealedBytes,
    /// Until when.
    pub until: Timestamp,
}

/// A sealed secret: key id, nonce and ciphertext as one string of bytes that only the daemon's key opens.
pub type SealedBytes = Vec<u8>;

/// Counts of one agent on one UTC day (days since 1970).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyRecord {
    /// The agent.
    pub agent: AgentId,
    /// The day.
    pub day: i64,
    /// The counts.
    pub tally: Tally,
}

impl TallyRecord {
    /// What takes these counts back, on the day on which they are taken back.
    #[must_use]
    pub fn taken_back(self) -> Self {
        let Tally { passed, failed, declined, unreachable, answered, answer_ms } = self.tally;
        let tally = Tally {
            passed: -passed,
            failed: -failed,
            declined: -declined,
            unreachable: -unreachable,
            answered: -answered,
            answer_ms: -answer_ms,
        };
        Self { tally, ..self }
    }

    /// Both together, for the same agent.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { tally: self.tally.plus(other.tally), ..self }
    }
}

/// What is counted of an agent; a correction takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts whose answer was accepted.
    pub passed: i64,
    /// Attempts whose answer was not.
    pub failed: i64,
    /// Attempts declined.
    pub declined: i64,
    /// Attempts that never reached it.
    pub unreachable: i64,
    /// Answers, and the ms that they took together.
    pub answered: i64,
    /// See `answered`.
    pub answer_ms: i64,
}

impl Tally {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            declined: self.declined + other.declined,
            unreachable: self.unreachable + other.unreachable,
            answered: self.answered + other.answered,
            answer_ms: self.answer_ms + other.answer_ms,
        }
    }
}

/// What an agent's circuit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulses {
    /// Deliveries in a row that missed.
    pub misses: u32,
    /// How often the circuit opened without a long time of health in between.
    pub openings: u32,
    /// When it opened last.
    pub opened_at: Option<Timestamp>,
}

/// Attempts that one agent got from one client on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRecord {
    /// The agent.
    pub agent: AgentId,
    /// The client.
    pub client: UserId,
    /// The day, from 1970.
    pub day: i64,
    /// How many.
    pub jobs: u32,
}
