//! An answer against everything that it must meet: the agent's own schema, then the job's schemas and rules. What only
//! a person or a model can decide is left open, and only when the rest has passed.
//!
//! Recurses into foreign values: callers run it on the [`super::pool`].

use super::rule::{Rule, RuleVerdict};
use super::schema::{Schema, SchemaVerdict};
use guildhall_protocol::attempt::{CriterionRef, Decision, Finding};
use guildhall_protocol::job::{Criterion, JobDraft, Review};
use serde_json::Value;

/// What the answer is held against.
pub struct Case<'a> {
    /// The job.
    pub draft: &'a JobDraft,
    /// What the agent got.
    pub input: &'a Value,
    /// What it gave.
    pub output: &'a Value,
    /// The agent's output schema.
    pub agent_schema: Option<&'a Schema>,
    /// JSON pointer to what people should read.
    pub display: Option<&'a str>,
}

/// All findings, and what they come to: `Fail` if one failed, else `Abstain` if one abstained, else `Pass`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// One per criterion that was looked at.
    pub findings: Vec<Finding>,
    /// What they come to.
    pub decision: Decision,
}

impl Verdict {
    /// What findings come to.
    pub fn of(findings: Vec<Finding>) -> Self {
        let has = |decision| findings.iter().any(|finding| finding.decision == decision);
        let decision = if has(Decision::Fail) {
            Decision::Fail
        } else if has(Decision::Abstain) {
            Decision::Abstain
        } else {
            Decision::Pass
        };
        Self { findings, decision }
    }
}

/// What can be decided exactly, and what is left for a model or a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    /// One per criterion that could be decided exactly.
    pub findings: Vec<Finding>,
    /// The others, in the order of the job; none when something failed, since nothing can rescue the answer then.
    pub open: Vec<Open>,
}

/// A criterion that only a model or a person can decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub criterion: CriterionRef,
    /// What must be true of the answer.
    pub statement: String,
}

impl Open {
    /// The finding that it could not be decided.
    pub fn undecided(&self, why: &str) -> Finding {
        Finding::new(self.criterion.clone(), self.statement.clone(), Decision::Abstain, why)
    }
}

impl Exact {
    /// The verdict when nobody decides what is left.
    pub fn undecided(self, why: &str) -> Verdict {
        let mut findings = self.findings;
        findings.extend(self.open.iter().map(|open| open.undecided(why)));
        Verdict::of(findings)
    }
}

/// The criterion of a job that has none.
const DOES_WHAT_WAS_ASKED: &str = "the answer does what the brief asks";

/// Decides what can be decided exactly.
pub fn exact(case: &Case<'_>) -> Exact {
    let mut findings = Vec::new();
    let failed = |findings: &[Finding]| findings.iter().any(|finding| finding.decision == Decision::Fail);
    if let Some(schema) = case.agent_schema {
        // An agent that publishes a schema too heavy to check has not kept its own promise.
        let heavy = Decision::Fail;
        let label = "the agent's output schema";
        findings.push(by_schema(schema, case.output, CriterionRef::AgentSchema, label, heavy));
    }
    if failed(&findings) {
        return Exact { findings, open: Vec::new() };
    }
    let criteria = || case.draft.criteria.iter().zip(0..);
    findings.extend(criteria().filter_map(|(criterion, index)| decided(case, criterion, index)));
    if failed(&findings) {
        return Exact { findings, open: Vec::new() };
    }
    let mut open: Vec<Open> = criteria().filter_map(|(criterion, index)| opinion(criterion, index)).collect();
    let schema_is_all = case.draft.review == Review::Never && case.agent_schema.is_some();
    if case.draft.criteria.is_empty() && !schema_is_all {
        let statement = DOES_WHAT_WAS_ASKED.to_owned();
        open.push(Open { criterion: CriterionRef::Brief, statement });
    }
    Exact { findings, open }
}

/// Checks the criteria of a draft when it is posted.
///
/// # Errors
/// The index of the criterion and what is wrong with it.
pub fn check_criteria(criteria: &[Criterion]) -> Result<Vec<String>, (usize, String)> {
    let mut warnings = Vec::new();
    for (index, criterion) in criteria.iter().enumerate() {
        match criterion {
            Criterion::Schema(schema) => {
                let schema = Schema::compile(&schema.value()).map_err(|error| (index, error.to_string()))?;
                warnings
                    .extend(schema.warnings().iter().map(|warning| format!("criteria[{index}]: {warning}")));
            }
            Criterion::Rule(rule) => drop(Rule::compile(rule).map_err(|error| (index, error.to_string()))?),
            Criterion::Judge(_) => {}
        }
    }
    Ok(warnings)
}

fn decided(case: &Case<'_>, criterion: &Criterion, index: u32) -> Option<Finding> {
    let reference = CriterionRef::Job(index);
    let broken = |label: &str, evidence: String| {
        Finding::new(CriterionRef::Job(index), label, Decision::Abstain, evidence)
    };
    match criterion {
        Criterion::Schema(schema) => Some(match Schema::compile(&schema.value()) {
            Ok(schema) => by_schema(&schema, case.output, reference, "the job's schema", Decision::Abstain),
            Err(error) => broken("the job's schema", error.to_string()),
        }),
        Criterion::Rule(source) => Some(match Rule::compile(source) {
            Ok(rule) => by_rule(&rule, source, case, reference),
            Err(error) => broken(source, error.to_string()),
        }),
        Criterion::Judge(_) => None,
    }
}

fn opinion(criterion: &Criterion, index: u32) -> Option<Open> {
    match criterion {
        Criterion::Judge(statement) => {
            Some(Open { criterion: CriterionRef::Job(index), statement: statement.clone() })
        }
        Criterion::Schema(_) | Criterion::Rule(_) => None,
    }
}

fn by_schema(
    schema: &Schema,
    output: &Value,
    criterion: CriterionRef,
    label: &str,
    heavy: Decision,
) -> Finding {
    let (decision, evidence) = match schema.check(output) {
        SchemaVerdict::Pass => (Decision::Pass, String::new()),
        SchemaVerdict::Fail(violations) => {
            let lines: Vec<String> = violations
                .iter()
                .map(|violation| {
                    let place = if violation.instance_path.is_empty() {
                        "the output"
                    } else {
                        &violation.instance_path
                    };
                    format!("{place}: {}", violation.message)
                })
                .collect();
            (Decision::Fail, lines.join("; "))
        }
        SchemaVerdict::TooMuchWork { work, work_max } => (
            heavy,
            format!("the check would take {work} steps, the limit is {work_max}: simplify the schema"),
        ),
    };
    Finding::new(criterion, label, decision, evidence)
}

fn by_rule(rule: &Rule, source: &str, case: &Case<'_>, criterion: CriterionRef) -> Finding {
    let (decision, evidence) = match rule.check(case.input, case.output, case.display) {
        RuleVerdict::Pass => (Decision::Pass, String::new()),
        RuleVerdict::Fail { reason } => (Decision::Fail, reason),
        RuleVerdict::Abstain { reason } => (Decision::Abstain, reason),
    };
    Finding::new(criterion, source, decision, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(draft: &Value, output: &Value, schema: Option<&Value>) -> Verdict {
        let draft: JobDraft = serde_json::from_value(draft.clone()).expect("a draft");
        let schema = schema.map(|schema| Schema::compile(schema).expect("a schema"));
        let (input, agent_schema) = (json!({"n": 2}), schema.as_ref());
        exact(&Case { draft: &draft, input: &input, output, agent_schema, display: Some("/text") })
            .undecided("nobody is there to decide")
    }

    #[test]
    fn what_findings_come_to() {
        use Decision::{Abstain, Fail, Pass};
        let text = json!({"type": "object", "required": ["text"]});
        let schema = Some(&text);
        let good = json!({"text": "three short words"});
        let table = [
            (json!({"brief": "b"}), &good, schema, Abstain, 2),
            (json!({"brief": "b", "review": "never"}), &good, schema, Pass, 1),
            (json!({"brief": "b", "review": "never"}), &good, None, Abstain, 1),
            (json!({"brief": "b", "criteria": [{"rule": "max 3 words"}]}), &good, schema, Pass, 2),
            (json!({"brief": "b", "criteria": [{"rule": "max 2 words"}]}), &good, schema, Fail, 2),
            (
                json!({"brief": "b", "criteria": [{"rule": "max 2 words"}, {"judge": "polite"}]}),
                &good,
                schema,
                Fail,
                3 - 1,
            ),
            (json!({"brief": "b", "criteria": [{"judge": "polite"}]}), &good, schema, Abstain, 2),
            (json!({"brief": "b", "criteria": [{"rule": "max 2 words"}]}), &json!({}), schema, Fail, 1),
            (json!({"brief": "b", "criteria": [{"schema": {"required": ["x"]}}]}), &good, None, Fail, 1),
            (
                json!({"brief": "b", "criteria": [{"rule": "output.missing == input.n"}]}),
                &good,
                None,
                Fail,
                1,
            ),
        ];
        for (draft, output, schema, decision, findings) in table {
            let verdict = decide(&draft, output, schema);
            assert_eq!(
                (verdict.decision, verdict.findings.len()),
                (decision, findings),
                "{draft}: {verdict:?}"
            );
        }
    }

    #[test]
    fn evidence_says_where() {
        let schema = json!({"properties": {"rows": {"items": {"type": "number"}}}});
        let verdict = decide(&json!({"brief": "b"}), &json!({"rows": [1, "2"]}), Some(&schema));
        assert!(verdict.findings[0].evidence.starts_with("/rows/1: "), "{verdict:?}");
    }

    #[test]
    fn criteria_are_checked_when_they_are_posted() {
        let rule = |text: &str| Criterion::Rule(text.to_owned());
        assert!(check_criteria(&[rule("max 5 words"), rule("output.n == 1")]).is_ok());
        assert_eq!(check_criteria(&[rule("max 5 words"), rule("output.n ==")]).expect_err("no rule").0, 1);
    }
}
