//! One agent's try at one job, what was found in its answer, and how it ended.

use crate::json::Json;
use crate::model::ModelName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an unended attempt stands, and how an ended one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// On its way to the agent, or with it and not yet accepted.
    Sending,
    /// The agent said that it works on it.
    Accepted,
    /// The agent asked the client something.
    Asked,
    /// The answer is here; it is being judged or reviewed. The agent's slot is free again.
    Answered,
    /// Nobody can say whether the agent did it.
    Unclear,
    /// It is over.
    Ended(EndedAs),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedAs {
    /// The answer was accepted.
    Passed,
    /// The answer did not meet a criterion, or was malformed.
    Failed,
    /// The agent said that this is not its work. No harm to its record.
    Declined,
    /// The agent could not be reached, or was busy for too long.
    Unreachable,
    /// The agent accepted and was never heard of again.
    Silent,
    /// Nobody could say whether the agent did it, and it was given up.
    Unclear,
    /// The job ended, or the agent was paused, before the agent was done. Not counted.
    Withdrawn,
}

/// Every attempt state once.
pub const ATTEMPT_STATES: [AttemptState; 12] = [
    AttemptState::Sending,
    AttemptState::Accepted,
    AttemptState::Asked,
    AttemptState::Answered,
    AttemptState::Unclear,
    AttemptState::Ended(EndedAs::Passed),
    AttemptState::Ended(EndedAs::Failed),
    AttemptState::Ended(EndedAs::Declined),
    AttemptState::Ended(EndedAs::Unreachable),
    AttemptState::Ended(EndedAs::Silent),
    AttemptState::Ended(EndedAs::Unclear),
    AttemptState::Ended(EndedAs::Withdrawn),
];

impl AttemptState {
    /// Whether the agent may be at it: what its capacity counts.
    pub fn holds_slot(self) -> bool {
        match self {
            Self::Sending | Self::Accepted | Self::Asked | Self::Unclear => true,
            Self::Answered | Self::Ended(_) => false,
        }
    }

    /// How it ended, if it did.
    pub fn ended(self) -> Option<EndedAs> {
        match self {
            Self::Ended(ended) => Some(ended),
            Self::Sending | Self::Accepted | Self::Asked | Self::Answered | Self::Unclear => None,
        }
    }

    /// The state's name in storage and JSON output. Names of ended attempts are those of [`EndedAs`], `unclear`
    /// excepted, which is `ended_unclear` there.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Unclear => "unclear",
            Self::Ended(EndedAs::Unclear) => "ended_unclear",
            Self::Ended(ended) => ended.name(),
        }
    }

    /// The state with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        ATTEMPT_STATES.into_iter().find(|state| state.name() == name)
    }
}

impl EndedAs {
    /// The name in events and JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Unclear => "unclear",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether it counts against `attempts_max` (true) or `offers_max` (false); a withdrawn one counts nowhere.
    pub fn counts_as(self) -> Counts {
        match self {
            Self::Passed | Self::Failed | Self::Silent | Self::Unclear => Counts::Attempt,
            Self::Declined | Self::Unreachable => Counts::Offer,
            Self::Withdrawn => Counts::Nothing,
        }
    }
}

/// Which of a policy's limits an ended attempt uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// One of `attempts_max`.
    Attempt,
    /// One of `offers_max`.
    Offer,
    /// None.
    Nothing,
}

impl fmt::Display for EndedAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for AttemptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended(ended) => ended.name(),
            Self::Sending | Self::Accepted | Self::Asked | Self::Answered | Self::Unclear => self.name(),
        })
    }
}

/// What an agent asks the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The question. Foreign text; clean it before showing it.
    pub text: String,
    /// JSON Schema of the reply; none: any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Json>,
}

/// What an answer was held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriterionRef {
    /// The contract of [`crate::agent`]s: an answer that can be read at all.
    Contract,
    /// The agent's own output schema.
    AgentSchema,
    /// The job's criterion with this index, from 0.
    Job(u32),
    /// "The answer does what the brief asks": the criterion of a job that has none.
    Brief,
    /// What a reviewer wrote.
    Review,
}

/// The outcome of one criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Met.
    Pass,
    /// Not met.
    Fail,
    /// Could not be decided.
    Abstain,
}

impl Decision {
    /// The name in storage and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Abstain => "abstain",
        }
    }

    /// The decision with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Abstain].into_iter().find(|decision| decision.name() == name)
    }
}

/// One criterion's outcome, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What the answer was held against.
    pub criterion: CriterionRef,
    /// The criterion in words, such as `max 40 words`.
    pub label: String,
    /// The outcome.
    pub decision: Decision,
    /// Why: where in the answer, what was expected, what was there. Foreign text; clean it before showing it.
    pub evidence: String,
    /// Words of the answer that show it, where a model decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The model that decided it; none: it was decided exactly, by a person, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
}

impl Finding {
    /// A finding that no model made.
    pub fn new(
        criterion: CriterionRef,
        label: impl Into<String>,
        decision: Decision,
        evidence: impl Into<String>,
    ) -> Self {
        Self { criterion, label: label.into(), decision, evidence: evidence.into(), quote: None, model: None }
    }
}

/// How a result was checked: every result says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckedBy {
    /// By nobody: a window passed in silence.
    Nobody,
    /// Exactly: by schemas and rules alone.
    Rules,
    /// By a model.
    Model,
    /// By a person.
    Person,
}

impl fmt::Display for CheckedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "by nobody",
            Self::Rules => "exactly, by schemas and rules",
            Self::Model => "by a model",
            Self::Person => "by a person",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for state in ATTEMPT_STATES {
            assert_eq!(AttemptState::from_name(state.name()), Some(state));
        }
    }

    #[test]
    fn an_answered_attempt_frees_its_slot() {
        assert!(AttemptState::Sending.holds_slot());
        assert!(!AttemptState::Answered.holds_slot());
        assert!(!AttemptState::Ended(EndedAs::Passed).holds_slot());
    }
}
