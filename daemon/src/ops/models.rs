//! The metrics of language models. Sums over calls and judgements come from the store and outlive a daemon; what is spent
//! is today's, UTC; the cache counts since the daemon started.

use super::exposition::Exposition;
use crate::llm::{CacheStats, LlmState};
use crate::report;
use crate::store::{JudgementSum, Query, Store, StoreError};
use guildhall_protocol::model::{BudgetScope, Micros, ModelRole, ModelTotal, WithoutModel};

/// What the store knows of models.
pub(super) struct Record {
    totals: Vec<ModelTotal>,
    without: Vec<(ModelRole, WithoutModel, u64)>,
    judgements: Vec<JudgementSum>,
}

impl Record {
    /// Reads it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            totals: store.model_totals(Query::ModelTotals).await?,
            without: store.without(Query::Without).await?,
            judgements: store.judgements(Query::Judgements).await?,
        })
    }
}

/// Exposes the record, and the models as they are now, if any are configured.
pub(super) fn expose(to: &mut Exposition, record: &Record, state: Option<&LlmState>) {
    calls(to, &record.totals);
    let mut without = to.family(
        "guildhall_model_without_total",
        "counter",
        "How often something was done without a model although one is configured.",
    );
    for (role, why, times) in &record.without {
        without.sample(&[("role", role.name()), ("why", why.name())], times);
    }
    judgements(to, &record.judgements);
    if let Some(state) = state {
        now(to, state);
        cache(to, &state.cache);
    }
}

fn calls(to: &mut Exposition, totals: &[ModelTotal]) {
    let labels = |total: &ModelTotal| {
        [("role", total.role.name()), ("model", total.model.as_str()), ("outcome", total.outcome.name())]
            .map(|(label, held)| (label, held.to_owned()))
    };
    let mut family = |name: &str, about: &str, value: &dyn Fn(&ModelTotal) -> String| {
        let mut family = to.family(name, "counter", about);
        for total in totals {
            let labels = labels(total);
            let labels = labels.each_ref().map(|(label, held)| (*label, held.as_str()));
            family.sample(&labels, value(total));
        }
    };
    family("guildhall_model_calls_total", "Questions to models.", &|total| total.calls.to_string());
    family("guildhall_model_cost_dollars_total", "What they cost.", &|total| dollars(total.cost));
    family("guildhall_model_latency_seconds_total", "How long they took, together.", &|total| {
        format!("{}.{:03}", total.latency_ms / 1_000, total.latency_ms % 1_000)
    });
    let mut tokens = to.family("guildhall_model_tokens_total", "counter", "Tokens read and written.");
    for total in totals {
        let labels = labels(total);
        let [role, model, outcome] = labels.each_ref().map(|(label, held)| (*label, held.as_str()));
        for (direction, count) in [("in", total.tokens_in), ("out", total.tokens_out)] {
            tokens.sample(&[role, model, outcome, ("direction", direction)], count);
        }
    }
}

fn judgements(to: &mut Exposition, sums: &[JudgementSum]) {
    let rows = report::rows(sums);
    let mut verdicts =
        to.family("guildhall_judge_verdicts_total", "counter", "Criteria that models decided or left open.");
    for row in &rows {
        for (decision, count) in [("pass", row.passed), ("fail", row.failed), ("abstain", row.abstained)] {
            let labels =
                [("model", row.model.as_str()), ("criterion", &row.criterion), ("decision", decision)];
            verdicts.sample(&labels, count);
        }
    }
    let mut reviewed = to.family(
        "guildhall_judge_reviewed_total",
        "counter",
        "Criteria that models passed or failed, in answers about which a person decided, too.",
    );
    for row in &rows {
        reviewed.sample(&[("model", row.model.as_str()), ("criterion", &row.criterion)], row.reviewed);
    }
    let mut agreement = to.family(
        "guildhall_judge_agreement",
        "gauge",
        "The share of those in which the model and the person agree, 0 to 1.",
    );
    for row in &rows {
        // In parts of ten thousand; a row that no person saw has none.
        let share =
            row.agreed.saturating_mul(10_000).saturating_add(row.reviewed / 2).checked_div(row.reviewed);
        if let Some(share) = share {
            let share = format!("{}.{:04}", share / 10_000, share % 10_000);
            agreement.sample(&[("model", row.model.as_str()), ("criterion", &row.criterion)], share);
        }
    }
}

fn now(to: &mut Exposition, state: &LlmState) {
    to.family("guildhall_model_on", "gauge", "Whether an operator lets models be asked.")
        .sample(&[], u8::from(state.on));
    to.family("guildhall_model_calls_in_flight", "gauge", "Calls of models in flight.")
        .sample(&[], state.in_flight);
    to.family("guildhall_model_spent_dollars", "gauge", "What models cost today, UTC.")
        .sample(&[], dollars(state.spent));
    let mut budgets = to.family(
        "guildhall_model_budget_dollars",
        "gauge",
        "Most that models may cost on a day, in all, of each place, of each user; none: no limit.",
    );
    for scope in BudgetScope::ALL {
        if let Some(limit) = state.budgets.of(scope) {
            budgets.sample(&[("scope", scope.name())], dollars(limit));
        }
    }
}

fn cache(to: &mut Exposition, stats: &CacheStats) {
    let counters = [
        ("guildhall_model_cache_hits_total", "Answers that were known.", stats.hits),
        ("guildhall_model_cache_misses_total", "Answers that were not known.", stats.misses),
        (
            "guildhall_model_cache_resets_total",
            "Starts from nothing, because what was kept was broken.",
            stats.resets,
        ),
        ("guildhall_model_cache_evictions_total", "Answers that had to go to make room.", stats.evictions),
    ];
    for (name, about, count) in counters {
        to.family(name, "counter", about).sample(&[], count);
    }
    to.family("guildhall_model_cache_bytes", "gauge", "What the cache takes.").sample(&[], stats.bytes);
}

fn dollars(amount: Micros) -> String {
    format!("{}.{:06}", amount.0 / 1_000_000, amount.0 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::attempt::Decision;
    use guildhall_protocol::model::{Budgets, CallOutcome, ModelName};

    fn model() -> ModelName {
        "org/gpt-x".parse().expect("a name")
    }

    fn record() -> Record {
        let sum = |decision, accepted, count| JudgementSum {
            model: model(),
            criterion: "brief".to_owned(),
            decision,
            accepted,
            count,
        };
        Record {
            totals: vec![ModelTotal {
                role: ModelRole::Judge,
                model: model(),
                outcome: CallOutcome::Answered,
                calls: 3,
                tokens_in: 100,
                tokens_out: 20,
                cost: Micros(1_000_050),
                latency_ms: 1_050,
            }],
            without: vec![(ModelRole::Choose, WithoutModel::SwitchedOff, 2)],
            judgements: vec![
                sum(Decision::Pass, Some(true), 2),
                sum(Decision::Pass, Some(false), 1),
                sum(Decision::Abstain, None, 4),
            ],
        }
    }

    fn state() -> LlmState {
        LlmState {
            on: true,
            budgets: Budgets { day: Some(Micros(5_000_000)), ..Budgets::default() },
            spent: Micros(10),
            set_aside: Micros(0),
            tokens: 0,
            day_tokens_max: None,
            top_places: Vec::new(),
            top_users: Vec::new(),
            breakers: Vec::new(),
            counts: Vec::new(),
            cache: CacheStats { kind: "memory", hits: 1, bytes: 70, ..CacheStats::default() },
            in_flight: 2,
            calls_max: 8,
            unpriced: Vec::new(),
        }
    }

    #[test]
    fn everything_is_exposed() {
        let mut exposition = Exposition::default();
        expose(&mut exposition, &record(), Some(&state()));
        let text = exposition.into_text();
        let answered = "role=\"judge\",model=\"org/gpt-x\",outcome=\"answered\"";
        for line in [
            &format!("guildhall_model_calls_total{{{answered}}} 3"),
            &format!("guildhall_model_tokens_total{{{answered},direction=\"out\"}} 20"),
            &format!("guildhall_model_cost_dollars_total{{{answered}}} 1.000050"),
            &format!("guildhall_model_latency_seconds_total{{{answered}}} 1.050"),
            "guildhall_model_without_total{role=\"choose\",why=\"switched_off\"} 2",
            "guildhall_model_budget_dollars{scope=\"day\"} 5.000000",
            "guildhall_model_spent_dollars 0.000010",
            "guildhall_model_on 1",
            "guildhall_model_calls_in_flight 2",
            "guildhall_model_cache_hits_total 1",
            "guildhall_model_cache_bytes 70",
            "guildhall_judge_verdicts_total{model=\"org/gpt-x\",criterion=\"brief\",decision=\"abstain\"} 4",
            "guildhall_judge_reviewed_total{model=\"org/gpt-x\",criterion=\"brief\"} 3",
            "guildhall_judge_agreement{model=\"org/gpt-x\",criterion=\"brief\"} 0.6667",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn without_a_model_only_the_record_is_exposed() {
        let mut exposition = Exposition::default();
        expose(&mut exposition, &record(), None);
        let text = exposition.into_text();
        assert!(
            text.contains("guildhall_model_calls_total{") && !text.contains("guildhall_model_on"),
            "{text}"
        );
    }
}
