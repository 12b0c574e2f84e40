//! What the judgement of models is worth: how far it agrees with people, what it costs, how often there was none.
//!
//! Read from the record in the store alone, so that a running daemon and one that is not there tell the same.

mod command;
mod words;

pub use command::{ReportFlags, run};

use crate::store::{JudgementSum, Query, Store, StoreError};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::model::{
    CallOutcome, JudgeReport, JudgeRow, Micros, ModelName, ModelRole, ModelTotal,
};
use std::collections::BTreeMap;

/// Reads the record.
///
/// # Errors
/// The store cannot be read.
pub async fn read(store: &dyn Store) -> Result<JudgeReport, StoreError> {
    let sums = store.judgements(Query::Judgements).await?;
    let totals = store.model_totals(Query::ModelTotals).await?;
    let without = store.without(Query::Without).await?;
    Ok(JudgeReport { rows: rows(&sums), costs: costs(&totals), without })
}

/// The rows of a report: by model, then kind of criterion.
pub fn rows(sums: &[JudgementSum]) -> Vec<JudgeRow> {
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
