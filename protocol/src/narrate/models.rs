//! What models did for a job, in words.

use super::{Mark, Told, agent_of, attempt_of, name_of, shown, tell_finding};
use crate::attempt::Decision;
use crate::history::{Event, What};
use crate::model::{CallOutcome, ModelCall, ModelRole, ModelSpending, WithoutModel};
use crate::time::show_span;
use crate::view::JobStory;
use std::time::Duration;

/// An event about models; the caller lists which come here.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller lists what comes here, and tells the rest itself"
)]
pub(super) fn tell(story: &JobStory, event: &Event) -> Option<Told> {
    Some(match &event.what {
        What::Checked { attempt, passed, .. } => {
            let text = match passed {
                0 => "nothing can be checked exactly: a model is asked".to_owned(),
                passed => format!("checked exactly: {passed} passed; a model is asked about the rest"),
            };
            let mut told = Told::new(Mark::Good, text);
            let findings =
                attempt_of(story, *attempt).map(|view| view.findings.as_slice()).unwrap_or_default();
            let exact = findings
                .iter()
                .filter(|finding| finding.model.is_none() && finding.decision == Decision::Fail);
            told.details.extend(exact.map(tell_finding));
            told
        }
        What::ModelCalled { call, .. } => Told::new(Mark::Step, tell_call(call)?),
        What::WithoutModel { role, why, .. } => {
            Told::new(mark_without(*why), format!("{}: {why}", undone(*role)))
        }
        What::InputShaped { attempt, .. } => Told::new(
            Mark::Step,
            format!("a model built the input of {} from the brief", agent_of(story, *attempt)),
        ),
        What::InputAsked { agent, until, .. } => {
            let told = Told::new(
                Mark::Waits,
                format!(
                    "the client is asked for what {} needs, and has {}",
                    name_of(story, *agent),
                    show_span(until.since(event.at))
                ),
            );
            match &story.question {
                Some(question) => told.with(shown(&question.text)),
                None => told,
            }
        }
        _ => return None,
    })
}

/// One call in one line: `gpt-4.1-mini chose in 420 ms (812 tokens read, 31 written, $0.0004)`. None for a call without a
/// usable answer: what is done without one is told by an event of its own, which says why.
fn tell_call(call: &ModelCall) -> Option<String> {
    let model = &call.model;
    let did = match call.role {
        ModelRole::Choose => "chose",
        ModelRole::Shape => "worked on the input",
        ModelRole::Judge | ModelRole::SecondJudge => "judged",
        ModelRole::Embed => "read the job",
    };
    match call.outcome {
        CallOutcome::Answered => Some(format!(
            "{model} {did} in {} ({})",
            show_span(Duration::from_millis(call.latency_ms.into())),
            tell_spending(&ModelSpending {
                calls: 1,
                tokens_in: call.tokens_in.into(),
                tokens_out: call.tokens_out.into(),
                cost: call.cost,
            })
        )),
        CallOutcome::Cached => Some(format!("{model} {did}: an equal question was answered before")),
        CallOutcome::Transient
        | CallOutcome::Permanent
        | CallOutcome::Refused
        | CallOutcome::Malformed
        | CallOutcome::OverBudget => None,
    }
}

/// Tokens and money in words.
pub fn tell_spending(spent: &ModelSpending) -> String {
    format!("{} tokens read, {} written, {}", spent.tokens_in, spent.tokens_out, spent.cost)
}

/// What then was not done by a model.
fn undone(role: ModelRole) -> &'static str {
    match role {
        ModelRole::Choose => "chosen by the rank, without a model",
        ModelRole::Shape => "no input was built by a model",
        ModelRole::Judge => "not judged by a model",
        ModelRole::SecondJudge => "not judged a second time",
        ModelRole::Embed => "ranked by words alone",
    }
}

fn mark_without(why: WithoutModel) -> Mark {
    match why {
        WithoutModel::JobSaysNo | WithoutModel::SwitchedOff => Mark::Step,
        WithoutModel::OverBudget | WithoutModel::Unavailable | WithoutModel::NoUse => Mark::Bad,
    }
}
