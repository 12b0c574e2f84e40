//! What language models do for the marketplace, what each call cost, and how far spending may go.

mod money;
mod report;

pub use money::{BudgetScope, Budgets, Micros, MicrosError, Payer};
pub use report::{JudgeReport, JudgeRow, ModelSpending, ModelStatus, ModelTotal};

use crate::history::Commitment;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelRole {
    /// Choose an agent among the best of the rank.
    Choose,
    /// Build an agent's input from a brief.
    Shape,
    /// Decide criteria about an answer.
    Judge,
    /// Decide them a second time, by another model.
    SecondJudge,
    /// Turn a text into numbers that lie near those of like texts.
    Embed,
}

impl ModelRole {
    /// Every role once.
    pub const ALL: [Self; 5] = [Self::Choose, Self::Shape, Self::Judge, Self::SecondJudge, Self::Embed];

    /// The name in storage and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Choose => "choose",
            Self::Shape => "shape",
            Self::Judge => "judge",
            Self::SecondJudge => "second_judge",
            Self::Embed => "embed",
        }
    }

    /// The role with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// An answer that could be used.
    Answered,
    /// An answer to an equal question of before; nothing was called and nothing paid.
    Cached,
    /// It may work later: no connection, too slow, 429, 5xx, or too many calls in flight.
    Transient,
    /// It will not work as things are: a wrong key, an unknown model, a model without structured output.
    Permanent,
    /// The model would not answer.
    Refused,
    /// The answer cannot be used.
    Malformed,
    /// Nothing was called: it would have cost more than is allowed.
    OverBudget,
}

impl CallOutcome {
    /// Every outcome once.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Cached,
        Self::Transient,
        Self::Permanent,
        Self::Refused,
        Self::Malformed,
        Self::OverBudget,
    ];

    /// The name in storage and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Cached => "cached",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::OverBudget => "over_budget",
        }
    }

    /// The outcome with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for CallOutcome {
    /// To be read after `the model`: `the model did not answer in time or is busy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::Cached => "answered this before",
            Self::Transient => "could not be reached or is busy",
            Self::Permanent => "cannot be used as it is configured",
            Self::Refused => "refused to answer",
            Self::Malformed => "gave an answer that cannot be used",
            Self::OverBudget => "was not asked: the budget is spent",
        })
    }
}

/// A model's name as its server knows it, such as `gpt-4.1-mini`: one to 100 characters of `A-Z a-z 0-9 . _ : / @ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

/// Text that is no model's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no model's name: write 1 to 100 characters of A-Z a-z 0-9 . _ : / @ -")]
pub struct ModelNameError {
    text: String,
}

impl ModelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = ModelNameError;

    fn from_str(text: &str) -> Result<Self, ModelNameError> {
        let text = text.trim();
        let allowed = |letter: u8| letter.is_ascii_alphanumeric() || b"._:/@-".contains(&letter);
        if (1..=100).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ModelNameError { text: text.chars().take(40).collect() })
        }
    }
}

impl TryFrom<String> for ModelName {
    type Error = ModelNameError;

    fn try_from(text: String) -> Result<Self, ModelNameError> {
        text.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One call of a model, as a job's history tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCall {
    /// What for.
    pub role: ModelRole,
    /// Which model.
    pub model: ModelName,
    /// SHA-256 of the prompt with its random marks: it names the prompt, and nobody can guess a text from it.
    pub prompt: Commitment,
    /// Tokens that were read.
    pub tokens_in: u32,
    /// Tokens that were written.
    pub tokens_out: u32,
    /// What it cost, by the configured prices.
    pub cost: Micros,
    /// From asking to the answer, ms; with waits and a second try.
    pub latency_ms: u32,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// Why something was done without a model although one is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutModel {
    /// The job says `models: off`.
    JobSaysNo,
    /// An operator switched models off.
    SwitchedOff,
    /// A budget is spent.
    OverBudget,
    /// The model cannot be reached or used at the moment.
    Unavailable,
    /// It was asked, and its answer could not be used.
    NoUse,
}

impl WithoutModel {
    /// Every reason once.
    pub const ALL: [Self; 5] =
        [Self::JobSaysNo, Self::SwitchedOff, Self::OverBudget, Self::Unavailable, Self::NoUse];

    /// The name in storage and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::JobSaysNo => "job_says_no",
            Self::SwitchedOff => "switched_off",
            Self::OverBudget => "over_budget",
            Self::Unavailable => "unavailable",
            Self::NoUse => "no_use",
        }
    }

    /// The reason with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for WithoutModel {
    /// To be read after `without a model:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JobSaysNo => "the job's text may not go to one",
            Self::SwitchedOff => "an operator switched models off",
            Self::OverBudget => "the budget is spent",
            Self::Unavailable => "it cannot be reached or used at the moment",
            Self::NoUse => "its answer could not be used",
        })
    }
}

/// What an operator says about models, without a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelOrder {
    /// Ask them; what was given up is tried again.
    On,
    /// Do not ask them.
    Off,
    /// Spend at most so much; none: no limit.
    Budget {
        /// For what.
        scope: BudgetScope,
        /// How much.
        limit: Option<Micros>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for role in ModelRole::ALL {
            assert_eq!(ModelRole::from_name(role.name()), Some(role));
        }
        for outcome in CallOutcome::ALL {
            assert_eq!(CallOutcome::from_name(outcome.name()), Some(outcome));
        }
    }

    #[test]
    fn a_model_s_name_is_plain() {
        for name in ["gpt-4.1-mini", "meta/llama:8b", "ft:x@2"] {
            assert_eq!(name.parse::<ModelName>().expect(name).as_str(), name);
        }
        for name in ["", "a b", "x\u{1b}[0m", &"x".repeat(101)] {
            assert!(name.parse::<ModelName>().is_err(), "{name:?}");
        }
    }
}
