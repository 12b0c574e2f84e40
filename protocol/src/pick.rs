//! Why this agent: the record of one choice, in bounded size.

use crate::agent::AgentName;
use crate::history::Commitment;
use crate::ids::{AgentId, AgentVersion};
use crate::model::ModelName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most candidates kept with a pick.
pub const CANDIDATES_MAX: usize = 20;

/// Why this agent, or why nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// When it was made.
    pub at: Timestamp,
    /// Who was chosen.
    pub chosen: Option<AgentName>,
    /// How.
    pub method: PickMethod,
    /// One sentence for people.
    pub reason: String,
    /// How many agents were looked at.
    pub examined: u32,
    /// How many could have taken it now.
    pub eligible: u32,
    /// The best, best first; at most [`CANDIDATES_MAX`].
    pub candidates: Vec<Candidate>,
    /// How many were excluded, by reason, most frequent first.
    pub excluded: Vec<(Exclusion, u32)>,
    /// What became of every agent that the client named in `only`.
    pub named: Vec<(AgentName, Option<Exclusion>)>,
    /// What a model was asked, and what it said; none if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelPick>,
}

/// What a model said about the best of the rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelPick {
    /// Which model.
    pub model: ModelName,
    /// Names the prompt: see [`crate::model::ModelCall`].
    pub prompt: Commitment,
    /// Whom it was shown, in this order.
    pub order: Vec<AgentName>,
    /// Whom it chose; none if its answer could not be used.
    pub chosen: Option<AgentName>,
    /// Why, in its words; or why its answer could not be used. Foreign text; clean it before showing it.
    pub reason: String,
}

/// How an agent was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickMethod {
    /// First of the embedded rank.
    Rank,
    /// By a model from the rank's best.
    Model,
    /// The same agent again, with its findings.
    Repair,
    /// An operator named it.
    Operator,
}

/// An agent that could take the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The agent.
    pub agent: AgentId,
    /// Its name then.
    pub name: AgentName,
    /// Its version then.
    pub version: AgentVersion,
    /// The weighted sum of its factors, 0 to 1.
    pub score: f32,
    /// What it is made of.
    pub factors: Factors,
}

/// What a score is made of; each from 0 to 1, more is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// How well its texts fit the job's, relative to the best: by words, and by meaning where that is known.
    pub relevance: f32,
    /// How near its texts mean what the job's do, relative to the nearest; a part of `relevance`. None: nobody embedded
    /// them, or the job, and words decide alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<f32>,
    /// Its smoothed success rate, recent verdicts heavier.
    pub success: f32,
    /// How fast it answers.
    pub latency: f32,
    /// How much of its capacity is free.
    pub free: f32,
    /// A small seeded share for newcomers.
    pub newcomer: f32,
}

/// Why an agent cannot take a job now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// It has not proved itself yet, is paused or retired.
    NotActive,
    /// Its circuit is open, or it is quarantined.
    CircuitOpen,
    /// It works on as many jobs as it takes.
    AtCapacity,
    /// It has had its jobs for today, in all or of this client.
    DailyCap,
    /// Its owner has not published it to this client.
    NotPublished,
    /// The job's `only` does not name it.
    NotInOnly,
    /// The job's `not` names it.
    InNot,
    /// It lacks a tag that the job asks for.
    LacksTag,
    /// The input is larger than it takes.
    InputTooLarge,
    /// The input does not fit its input schema.
    InputInvalid,
    /// Its texts have little to do with the job, and those of others do.
    LittleRelevance,
    /// It has tried this job already.
    TriedBefore,
    /// Its kind cannot be spoken to by this daemon.
    KindUnsupported,
    /// An operator ruled it out.
    RuledOut,
    /// An operator ordered another agent.
    NotOrdered,
    /// The place of the job names the agents that get its jobs, and this is none of them.
    NotInPlace,
}

impl Exclusion {
    /// The reason of one agent, to be read after `it`.
    pub fn of_one(self) -> &'static str {
        match self {
            Self::NotActive => "is paused, retired or not yet active",
            Self::CircuitOpen => "fails at the moment",
            Self::AtCapacity => "is busy",
            Self::DailyCap => "has had its jobs for today",
            Self::NotPublished => "is not published to you",
            Self::NotInOnly => "is not in the job's `only`",
            Self::InNot => "is in the job's `not`",
            Self::LacksTag => "lacks a tag that the job asks for",
            Self::InputTooLarge => "takes no inputs of this size",
            Self::InputInvalid => "needs another input",
            Self::LittleRelevance => "is made for other work",
            Self::TriedBefore => "has tried it already",
            Self::KindUnsupported => "is of a kind that this daemon cannot speak to",
            Self::RuledOut => "was ruled out by an operator",
            Self::NotOrdered => "is not the one that an operator ordered",
            Self::NotInPlace => "is not among the agents that the job's place allows",
        }
    }

    /// Whether the agent could take the job later without any change of the job or of the agent's definition.
    pub fn passes_with_time(self) -> bool {
        match self {
            Self::NotActive | Self::CircuitOpen | Self::AtCapacity | Self::DailyCap => true,
            Self::NotPublished
            | Self::NotInOnly
            | Self::InNot
            | Self::LacksTag
            | Self::InputTooLarge
            | Self::InputInvalid
            | Self::LittleRelevance
            | Self::TriedBefore
            | Self::KindUnsupported
            | Self::RuledOut
            | Self::NotOrdered
            | Self::NotInPlace => false,
        }
    }
}

impl fmt::Display for Exclusion {
    /// To be read after a count: `2 are paused or not yet active`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotActive => "paused or not yet active",
            Self::CircuitOpen => "failing at the moment",
            Self::AtCapacity => "busy",
            Self::DailyCap => "done for today",
            Self::NotPublished => "not published to you",
            Self::NotInOnly => "not in `only`",
            Self::InNot => "in `not`",
            Self::LacksTag => "without a tag that the job asks for",
            Self::InputTooLarge => "not taking inputs of this size",
            Self::InputInvalid => "needing another input",
            Self::LittleRelevance => "made for other work",
            Self::TriedBefore => "already tried",
            Self::KindUnsupported => "of a kind that this daemon cannot speak to",
            Self::RuledOut => "ruled out by an operator",
            Self::NotOrdered => "not the one that an operator ordered",
            Self::NotInPlace => "not among the agents that the job's place allows",
        })
    }
}
