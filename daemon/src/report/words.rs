//! A report for people. Names of models are plain by their type, and everything else is ours.

use guildhall_protocol::model::{JudgeReport, JudgeRow, Micros, ModelName};
use std::fmt::Write;

const AGREEMENT: &str = "\
`brief`: the answer does what the brief asks; `judge`: a statement of the client's.
Agreement: a person decides about an answer as a whole, so a model's `pass` of one criterion agrees
with an accepted answer and its `fail` with a refused one; a right `pass` beside another criterion
that failed counts against the model, so the true agreement is not lower than what is shown.
";

/// The report of a source, such as `the store /s/g.db`.
pub(super) fn tell(report: &JudgeReport, source: &str) -> String {
    let mut text = format!("Judges and people, from {source}\n");
    if report.rows.is_empty() {
        text.push_str("\nNo model has judged anything yet.\n");
    } else {
        write!(text, "\n{}\n{AGREEMENT}", verdicts(&report.rows)).expect("a string takes all");
    }
    if !report.costs.is_empty() {
        write!(text, "\nWhat judging costs\n{}", costs(report)).expect("a string takes all");
    }
    if !report.without.is_empty() {
        write!(text, "\nDone without a model\n{}", without(report)).expect("a string takes all");
    }
    text
}

fn verdicts(rows: &[JudgeRow]) -> String {
    let heading = [
        "model",
        "criterion",
        "verdicts",
        "passed",
        "failed",
        "left open",
        "reviewed",
        "agreement",
        "passed wrongly",
        "failed wrongly",
    ];
    let rows = rows.iter().map(|row| {
        let counts = [row.verdicts, row.passed, row.failed, row.abstained, row.reviewed];
        let [verdicts, passed, failed, open, reviewed] = counts.map(|count| count.to_string());
        let (model, criterion) = (row.model.to_string(), row.criterion.clone());
        let wrongly = [row.passed_wrongly, row.failed_wrongly].map(|count| count.to_string());
        let [passed_wrongly, failed_wrongly] = wrongly;
        let agreement = agreement(row);
        [
            model,
            criterion,
            verdicts,
            passed,
            failed,
            open,
            reviewed,
            agreement,
            passed_wrongly,
            failed_wrongly,
        ]
    });
    table(heading, 2, rows)
}

/// `91.7 % (n = 12)`; nothing where no person decided.
fn agreement(row: &JudgeRow) -> String {
    let n = row.reviewed;
    let Some(permille) = (row.agreed.saturating_mul(1_000).saturating_add(n / 2)).checked_div(n) else {
        return "-".to_owned();
    };
    format!("{}.{} % (n = {n})", permille / 10, permille % 10)
}

fn costs(report: &JudgeReport) -> String {
    let verdicts = |model: &ModelName| -> u64 {
        report.rows.iter().filter(|row| row.model == *model).map(|row| row.verdicts).sum()
    };
    let rows = report.costs.iter().map(|(model, calls, cost)| {
        let verdicts = verdicts(model);
        let each =
            cost.0.checked_div(verdicts).map_or_else(|| "-".to_owned(), |each| Micros(each).to_string());
        [model.to_string(), calls.to_string(), verdicts.to_string(), cost.to_string(), each]
    });
    table(["model", "calls", "verdicts", "cost", "per verdict"], 1, rows)
}

fn without(report: &JudgeReport) -> String {
    let rows = report
        .without
        .iter()
        .map(|(role, why, times)| [format!("{}: {why}", role.name().replace('_', " ")), times.to_string()]);
    table(["what and why", "times"], 1, rows)
}

/// Columns two spaces apart; after the first `left` of them, numbers stand to the right.
fn table<const N: usize>(
    heading: [&str; N],
    left: usize,
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < left { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        let cells: Vec<String> = cells.collect();
        writeln!(text, "  {}", cells.join("  ").trim_end()).expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::model::{ModelRole, WithoutModel};

    fn model(name: &str) -> ModelName {
        name.parse().expect("a name")
    }

    fn row(name: &str, criterion: &str) -> JudgeRow {
        JudgeRow {
            model: model(name),
            criterion: criterion.to_owned(),
            verdicts: 25,
            passed: 17,
            failed: 4,
            abstained: 4,
            reviewed: 12,
            agreed: 11,
            passed_wrongly: 1,
            failed_wrongly: 0,
        }
    }

    #[test]
    fn a_report_compares_judges_with_people() {
        let unseen = JudgeRow { reviewed: 0, agreed: 0, passed_wrongly: 0, ..row("gpt-x", "judge") };
        let report = JudgeReport {
            rows: vec![row("gpt-x", "brief"), unseen],
            costs: vec![(model("gpt-x"), 40, Micros(10_000)), (model("other"), 1, Micros(7))],
            without: vec![(ModelRole::SecondJudge, WithoutModel::Unavailable, 3)],
        };
        let expected = format!(
            "\
Judges and people, from the store /s/g.db

  model  criterion  verdicts  passed  failed  left open  reviewed        agreement  passed wrongly  failed wrongly
  gpt-x  brief            25      17       4          4        12  91.7 % (n = 12)               1               0
  gpt-x  judge            25      17       4          4         0                -               0               0

{AGREEMENT}
What judging costs
  model  calls  verdicts       cost  per verdict
  gpt-x     40        50      $0.01      $0.0002
  other      1         0  $0.000007            -

Done without a model
  what and why                                              times
  second judge: it cannot be reached or used at the moment      3
"
        );
        assert_eq!(tell(&report, "the store /s/g.db"), expected);
    }

    #[test]
    fn an_empty_record_says_so() {
        let told = tell(&JudgeReport::default(), "the daemon at /s.sock");
        assert_eq!(
            told,
            "Judges and people, from the daemon at /s.sock\n\nNo model has judged anything yet.\n"
        );
    }
}
