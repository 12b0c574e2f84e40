//! How models are, what they cost, what their judgement is worth: what people read about them.

use super::{Budgets, CallOutcome, Micros, ModelName, ModelRole, WithoutModel};
use crate::ids::{PlaceId, UserId};
use serde::{Deserialize, Serialize};

/// What models cost for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct ModelSpending {
    /// Those that were answered from the cache are not among them.
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    pub cost: Micros,
}

/// How models are, and what they cost today.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// The model that chooses, shapes and judges; none: none is configured.
    pub model: Option<ModelName>,
    /// The one that judges a second time.
    pub second: Option<ModelName>,
    /// The one that embeds texts.
    pub embedding: Option<ModelName>,
    /// Where they are; never with a key.
    pub base_url: Option<String>,
    /// Whether an operator lets them be asked.
    pub on: bool,
    /// How they are, in words.
    pub health: String,
    /// Most that they may cost on a day.
    pub budgets: Budgets,
    /// What they cost today, UTC.
    pub spent: Micros,
    /// Tokens of today, read and written.
    pub tokens: u64,
    /// Places that cost most today, at most ten.
    pub places: Vec<(PlaceId, Micros)>,
    /// Users that cost most today, at most ten.
    pub users: Vec<(UserId, Micros)>,
    /// Everything that was ever asked, by role, model and outcome.
    pub totals: Vec<ModelTotal>,
    /// How often something was done without a model, by role and reason.
    pub without: Vec<(ModelRole, WithoutModel, u64)>,
    /// Models in use of which no price is known: they count as free.
    pub unpriced: Vec<ModelName>,
    /// The cache in words.
    pub cache: String,
}

/// Calls of one role to one model with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the words of the domain")]
pub struct ModelTotal {
    pub role: ModelRole,
    pub model: ModelName,
    pub outcome: CallOutcome,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    pub cost: Micros,
    /// Of all of them together, ms.
    pub latency_ms: u64,
}

/// How far a judge agrees with people, for one kind of criterion.
///
/// A person decides about an answer as a whole. A model's `pass` of one criterion agrees with an accepted answer, its
/// `fail` with a refused one; a `pass` beside a criterion that failed counts as a disagreement although it may be right,
/// so the true agreement is not lower than what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeRow {
    /// The judge.
    pub model: ModelName,
    /// `brief`: that the answer does what the brief asks; `judge`: a statement of the client's.
    pub criterion: String,
    /// Criteria that it decided or left open.
    pub verdicts: u64,
    /// Of those, passed, failed and left open.
    pub passed: u64,
    /// See `passed`.
    pub failed: u64,
    /// See `passed`.
    pub abstained: u64,
    /// Passed or failed, and a person decided about the answer.
    pub reviewed: u64,
    /// Of those, where both agree.
    pub agreed: u64,
    /// Passed, and a person refused the answer.
    pub passed_wrongly: u64,
    /// Failed, and a person accepted the answer.
    pub failed_wrongly: u64,
}

/// What judges are worth, and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeReport {
    /// By model and kind of criterion.
    pub rows: Vec<JudgeRow>,
    /// Answered calls of judges and their cost, by model.
    pub costs: Vec<(ModelName, u64, Micros)>,
    /// How often a judge, a choice or a shaping was done without a model, and why.
    pub without: Vec<(ModelRole, WithoutModel, u64)>,
}
