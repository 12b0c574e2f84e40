//! Calls about models: how they are, what an operator says about them, and what their judgement is worth.

use super::Caller;
use super::errors::{internal, store};
use crate::llm::CacheStats;
use crate::store::{JudgementSum, Query};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::model::{
    CallOutcome, JudgeReport, JudgeRow, Micros, ModelName, ModelOrder, ModelRole, ModelStatus, ModelTotal,
};
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeMap;

const NOT_CONFIGURED: &str = "no model is configured";

impl Caller {
    pub(super) async fn model_status(&self) -> Result<ModelStatus, ApiError> {
        let totals = self.desk.store().model_totals(Query::ModelTotals).await.map_err(store)?;
        let without = self.desk.store().without(Query::Without).await.map_err(store)?;
        let status = ModelStatus { totals, without, ..ModelStatus::default() };
        let Some(llm) = &self.desk.engine.parts().llm else {
            return Ok(ModelStatus { health: NOT_CONFIGURED.to_owned(), ..status });
        };
        let (settings, state) = (llm.settings(), llm.state(Timestamp::now()));
        // Who spent how much is the operators' business.
        let (places, users) =
            if self.who.operator { (state.top_places, state.top_users) } else { (Vec::new(), Vec::new()) };
        let troubles: Vec<String> = state
            .breakers
            .iter()
            .filter_map(|breaker| Some(format!("{}: {}", breaker.model, breaker.trouble.as_ref()?)))
            .collect();
        let health =
            if troubles.is_empty() { "nothing is known to be wrong".to_owned() } else { troubles.join("; ") };
        Ok(ModelStatus {
            model: Some(settings.model.clone()),
            second: settings.second.as_ref().map(|second| second.model.clone()),
            embedding: settings.embedding.as_ref().map(|embedding| embedding.model.clone()),
            base_url: Some(settings.base_url.clone()),
            on: state.on,
            health,
            budgets: state.budgets,
            spent: state.spent,
            tokens: state.tokens,
            places,
            users,
            unpriced: state.unpriced,
            cache: tell_cache(&state.cache),
            ..status
        })
    }

    pub(super) async fn models_ordered(
        &self,
        request: RequestId,
        order: ModelOrder,
        reason: Option<String>,
    ) -> Result<ModelStatus, ApiError> {
        self.operators_only("switch models or set their budgets")?;
        if self.desk.engine.parts().llm.is_none() {
            return Err(ApiError::new(ErrorKind::Conflict, NOT_CONFIGURED)
                .hint("set llm_base_url, or a key, and start the daemon anew; see the README"));
        }
        let content = serde_json::to_vec(&(order, &reason)).map_err(|error| internal(&error))?;
        let request = self.request(request, "order-models", &content);
        self.desk.engine.order_models(self.who.user, request, order, reason).await.map_err(store)?;
        self.model_status().await
    }

    pub(super) async fn report_of_judges(&self) -> Result<JudgeReport, ApiError> {
        self.operators_only("compare judges with people")?;
        let sums = self.desk.store().judgements(Query::Judgements).await.map_err(store)?;
        let totals = self.desk.store().model_totals(Query::ModelTotals).await.map_err(store)?;
        let without = self.desk.store().without(Query::Without).await.map_err(store)?;
        Ok(JudgeReport { rows: rows(&sums), costs: costs(&totals), without })
    }
}

/// A cache in words.
fn tell_cache(stats: &CacheStats) -> String {
    let CacheStats { kind, hits, misses, bytes, bytes_max, resets, .. } = stats;
    let mut told = format!("{kind}: {hits} of {} answers found since start", hits + misses);
    if *bytes_max > 0 {
        told += &format!(", {} of {} MB", bytes / 1_000_000, bytes_max / 1_000_000);
    }
    if *resets > 0 {
        told += &format!(", started empty {resets} times because it was broken");
    }
    match &stats.trouble {
        Some(trouble) => told + "; " + trouble,
        None => told,
    }
}

/// The rows of a report: by model, then kind of criterion.
pub(crate) fn rows(sums: &[JudgementSum]) -> Vec<JudgeRow> {
    let mut rows: BTreeMap<(ModelName, String), JudgeRow> = BTreeMap::new();
    for sum in sums {
        let key = (sum.model.clone(), sum.criterion.clone());
        let row = rows.entry(key).or_insert_with(|| JudgeRow {
            model: sum.model.clone(),
            criterion: sum.criterion.clone(),
            verdicts: 0,
            passed: 0,
            failed: 0,
            abstained: 0,
            reviewed: 0,
            agreed: 0,
            passed_wrongly: 0,
            failed_wrongly: 0,
        });
        row.verdicts += sum.count;
        match sum.decision {
            Decision::Pass => row.passed += sum.count,
            Decision::Fail => row.failed += sum.count,
            Decision::Abstain => row.abstained += sum.count,
        }
        match (sum.decision, sum.accepted) {
            (Decision::Abstain, _) | (_, None) => {}
            (Decision::Pass, Some(true)) | (Decision::Fail, Some(false)) => {
                row.reviewed += sum.count;
                row.agreed += sum.count;
            }
            (Decision::Pass, Some(false)) => {
                row.reviewed += sum.count;
                row.passed_wrongly += sum.count;
            }
            (Decision::Fail, Some(true)) => {
                row.reviewed += sum.count;
                row.failed_wrongly += sum.count;
            }
        }
    }
    rows.into_values().collect()
}

/// Answered calls of judges and what they cost, by model.
fn costs(totals: &[ModelTotal]) -> Vec<(ModelName, u64, Micros)> {
    let mut costs: BTreeMap<ModelName, (u64, Micros)> = BTreeMap::new();
    let judges = totals.iter().filter(|total| {
        matches!(total.role, ModelRole::Judge | ModelRole::SecondJudge)
            && total.outcome == CallOutcome::Answered
    });
    for total in judges {
        let sum = costs.entry(total.model.clone()).or_default();
        *sum = (sum.0 + total.calls, sum.1.plus(total.cost));
    }
    costs.into_iter().map(|(model, (calls, cost))| (model, calls, cost)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_counts_where_both_decided() {
        use Decision::{Abstain, Fail, Pass};
        let sum = |decision, accepted, count| JudgementSum {
            model: "m".parse().expect("a name"),
            criterion: "brief".to_owned(),
            decision,
            accepted,
            count,
        };
        let sums = [
            sum(Pass, Some(true), 5),
            sum(Pass, Some(false), 2),
            sum(Fail, Some(false), 3),
            sum(Fail, Some(true), 1),
            sum(Pass, None, 10),
            sum(Abstain, Some(true), 4),
        ];
        let rows = rows(&sums);
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.verdicts, row.reviewed, row.agreed), (25, 11, 8));
        assert_eq!((row.passed_wrongly, row.failed_wrongly, row.abstained), (2, 1, 4));
    }
}
