//! Sums of all calls since the daemon started, for metrics and the status.

use guildhall_protocol::model::{CallOutcome, Micros, ModelCall, ModelName, ModelRole};
use std::collections::BTreeMap;

/// The sums of one kind of call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What for.
    pub role: ModelRole,
    /// Which model.
    pub model: ModelName,
    /// What came of them.
    pub outcome: CallOutcome,
    /// How many.
    pub sums: Sums,
}

/// Sums of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Calls.
    pub calls: u64,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money.
    pub cost: Micros,
    /// Latency, ms.
    pub latency_ms: u64,
}

/// Adds up calls. Its size is bounded by the configured models times roles times outcomes.
#[derive(Debug, Default)]
pub struct Counters {
    sums: BTreeMap<(ModelRole, ModelName, CallOutcome), Sums>,
}

impl Counters {
    /// Adds a call.
    pub fn add(&mut self, call: &ModelCall) {
        let sums = self.sums.entry((call.role, call.model.clone(), call.outcome)).or_default();
        sums.calls += 1;
        sums.tokens_in += u64::from(call.tokens_in);
        sums.tokens_out += u64::from(call.tokens_out);
        sums.cost = sums.cost.plus(call.cost);
        sums.latency_ms += u64::from(call.latency_ms);
    }

    /// All sums, ordered by role, model and outcome.
    pub fn counts(&self) -> Vec<Count> {
        let count = |((role, model, outcome), sums): (&(ModelRole, ModelName, CallOutcome), &Sums)| Count {
            role: *role,
            model: model.clone(),
            outcome: *outcome,
            sums: *sums,
        };
        self.sums.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::history::Commitment;

    #[test]
    fn calls_of_a_kind_add_up() {
        let call = ModelCall {
            role: ModelRole::Judge,
            model: "m".parse().expect("a model's name"),
            prompt: Commitment(String::new()),
            tokens_in: 7,
            tokens_out: 2,
            cost: Micros(3),
            latency_ms: 40,
            outcome: CallOutcome::Answered,
        };
        let mut counters = Counters::default();
        counters.add(&call);
        counters.add(&call);
        counters.add(&ModelCall { outcome: CallOutcome::Cached, ..call });
        let counts = counters.counts();
        assert_eq!(counts.len(), 2);
        let twice = Sums { calls: 2, tokens_in: 14, tokens_out: 4, cost: Micros(6), latency_ms: 80 };
        assert_eq!((counts[0].outcome, counts[0].sums), (CallOutcome::Answered, twice));
    }
}
