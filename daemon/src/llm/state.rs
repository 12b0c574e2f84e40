//! What a status and the metrics show of the models: one snapshot of plain values.

use super::cache::CacheStats;
use super::counters::Count;
use guildhall_protocol::ids::{PlaceId, UserId};
use guildhall_protocol::model::{Budgets, Micros, ModelName};

/// Places and users named in a state, each.
pub const TOP_MAX: usize = 10;

/// The models at one moment.
#[derive(Clone, Debug)]
pub struct LlmState {
    /// Whether they are asked.
    pub on: bool,
    /// Budgets in force.
    pub budgets: Budgets,
    /// Spent today, UTC.
    pub spent: Micros,
    /// Set aside for calls in flight.
    pub set_aside: Micros,
    /// Tokens used today.
    pub tokens: u64,
    /// Most tokens of a day; none: no limit.
    pub day_tokens_max: Option<u64>,
    /// Places that spent most today, most first; at most [`TOP_MAX`].
    pub top_places: Vec<(PlaceId, Micros)>,
    /// Users who spent most today, most first; at most [`TOP_MAX`].
    pub top_users: Vec<(UserId, Micros)>,
    /// Each model that was called since start.
    pub breakers: Vec<BreakerState>,
    /// Sums since start.
    pub counts: Vec<Count>,
    /// The cache.
    pub cache: CacheStats,
    /// Calls in flight.
    pub in_flight: usize,
    /// Most calls in flight.
    pub calls_max: usize,
    /// Configured models whose calls count as free because no price is configured.
    pub unpriced: Vec<ModelName>,
}

/// Whether a model is called at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerState {
    /// Which.
    pub model: ModelName,
    /// What is wrong and when it is tried again, for people; none: nothing.
    pub trouble: Option<String>,
}
