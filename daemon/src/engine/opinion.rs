//! What only a model or a person can decide about an answer.
//!
//! A model is asked only when everything that can be decided exactly has passed: it can veto or abstain, never rescue. The
//! answer is stored, with what was decided exactly, before a model is asked; so nothing is lost while it thinks, and a job
//! that is met in that state after a crash is no suspect.

use super::Engine;
use super::assign::LEASE_MARGIN;
use super::commit::{CommitError, Turn};
use super::settle::same;
use super::thinking::Thoughts;
use super::work::Work;
use crate::judge::verdict::{Exact, Open};
use crate::llm::Llm;
use crate::llm::foreign::Marks;
use crate::llm::judge::{self, Answer, Opened, Opinion};
use crate::market::Compiled;
use crate::scribe::Scribe;
use crate::store::{AttemptRecord, AttemptTurn, JobTurn, JudgedCriterion, Lease, NewJudgement, StoreError};
use guildhall_protocol::attempt::{AttemptState, CriterionRef, Decision, Finding};
use guildhall_protocol::history::What;
use guildhall_protocol::json::Json;
use guildhall_protocol::model::{ModelName, ModelRole};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;

/// Everything that was found about an answer.
pub(super) struct Findings {
    /// What was decided exactly, then what was open.
    pub(super) all: Vec<Finding>,
    /// What models decided.
    pub(super) judgements: Vec<NewJudgement>,
    /// What was asked of models.
    pub(super) thoughts: Thoughts,
}

impl Findings {
    /// Findings that no model had a part in.
    pub(super) fn without_model(all: Vec<Finding>) -> Self {
        Self { all, judgements: Vec::new(), thoughts: Thoughts::default() }
    }
}

impl Engine {
    /// Stores an answer that met every exact criterion, with those findings: a model is asked about the rest.
    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and the record that it continues")]
    pub(super) async fn keep_checked(
        &self,
        work: &mut Work,
        state: JobState,
        turn: Turn,
        attempt: &AttemptRecord,
        exact: &Exact,
        llm: &Llm,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let (findings, commitment) = scribe.body(serde_json::to_vec(&exact.findings).unwrap_or_default());
        let passed = exact.findings.iter().filter(|finding| finding.decision == Decision::Pass).count();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        scribe.event(What::Checked { attempt: attempt.number, findings: commitment, passed });
        // Two models may be asked, one after the other.
        let until = now.after(llm.settings().time_limit * 2 + LEASE_MARGIN);
        let lease = Some(Lease { incarnation: self.parts.incarnation, until });
        let checked = |answered| AttemptTurn { findings: Some(findings), ..answered };
        let job = JobTurn {
            state,
            due_at: Some(until),
            ready: false,
            lease,
            deaths: 0,
            window: None,
            ..same(work)
        };
        let turn = Turn { job, attempt: turn.attempt.map(checked), ..turn };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    /// Whether an answer's exact findings are stored and a model is to be asked about the rest.
    pub(super) fn is_checked(&self, work: &Work, attempt: &AttemptRecord) -> bool {
        let mine = work.job.lease.is_some_and(|lease| lease.incarnation == self.parts.incarnation);
        mine && attempt.findings.is_some() && attempt.state == AttemptState::Answered
    }

    /// Asks about what is open.
    pub(super) async fn opinions(
        &self,
        work: &Work,
        llm: &Llm,
        attempt: &AttemptRecord,
        output: &Json,
        compiled: &Compiled,
        exact: Exact,
    ) -> Result<Findings, StoreError> {
        let mut thoughts = Thoughts::default();
        let input = work.input_of(&*self.parts.store, attempt).await?;
        let (output, display) = (output.clone(), super::work::display(compiled));
        let render = move || Answer::of(&output.value(), display.as_deref());
        let answer = self.parts.pool.run(render).await;
        let answer = answer.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let case = Case { words: work.words(), input, open: &exact.open, answer: &answer };
        let settings = llm.settings();
        let first =
            self.ask_judge(work, llm, (ModelRole::Judge, &settings.model), &case, &mut thoughts).await;
        let Some(first) = first else {
            let why = thoughts.why_without(ModelRole::Judge).unwrap_or_default();
            let mut all = exact.findings;
            let why = format!("no model decided this ({why}): a person has to look");
            all.extend(exact.open.iter().map(|open| open.undecided(&why)));
            return Ok(Findings { all, judgements: Vec::new(), thoughts });
        };
        let mut judgements = judged(attempt, &exact.open, &first, &settings.model, 0);
        let second = settings.second.as_ref().filter(|second| work.job.priority >= second.from);
        let opinions = match second {
            None => first,
            Some(second) => {
                let role = (ModelRole::SecondJudge, &second.model);
                match self.ask_judge(work, llm, role, &case, &mut thoughts).await {
                    Some(other) => {
                        judgements.extend(judged(attempt, &exact.open, &other, &second.model, 1));
                        judge::combine(&first, &other)
                    }
                    None => first.into_iter().map(alone).collect(),
                }
            }
        };
        let mut all = exact.findings;
        all.extend(
            exact.open.iter().zip(opinions).map(|(open, opinion)| finding(open, opinion, &settings.model)),
        );
        Ok(Findings { all, judgements, thoughts })
    }

    async fn ask_judge(
        &self,
        work: &Work,
        llm: &Llm,
        (role, model): (ModelRole, &ModelName),
        case: &Case<'_>,
        thoughts: &mut Thoughts,
    ) -> Option<Vec<Opinion>> {
        let marks = Marks::new(self.parts.maker.random());
        let opened: Vec<Opened<'_>> = case
            .open
            .iter()
            .enumerate()
            .map(|(index, open)| Opened { index, statement: &open.statement })
            .collect();
        let input = case.input.as_ref().map(Json::as_str);
        let prompt = judge::prompt(&case.words, input, &opened, case.answer, &marks);
        let whole = judge::is_shown_whole(&case.words, input, &opened);
        let read = |answer: &serde_json::Value| {
            let opinions = judge::read(answer, &opened, case.answer, &marks)?;
            Ok(if whole { opinions } else { judge::doubtful(opinions) })
        };
        self.ask_model(work, llm, (role, model.clone()), prompt, thoughts, read).await
    }
}

/// What a judge sees.
struct Case<'a> {
    words: String,
    input: Option<Json>,
    open: &'a [Open],
    answer: &'a Answer,
}

/// The second model, which was to look too, did not: what the first one passed is doubtful.
fn alone(opinion: Opinion) -> Opinion {
    match opinion.decision {
        Decision::Pass => Opinion {
            decision: Decision::Abstain,
            reason: format!(
                "the second model could not be asked; the first one passes it: {}",
                opinion.reason
            ),
            ..opinion
        },
        Decision::Fail | Decision::Abstain => opinion,
    }
}

fn finding(open: &Open, opinion: Opinion, model: &ModelName) -> Finding {
    Finding {
        criterion: open.criterion.clone(),
        label: open.statement.clone(),
        decision: opinion.decision,
        evidence: opinion.reason,
        quote: opinion.quote,
        model: Some(model.clone()),
    }
}

/// A model's decisions, for the comparison with people. Two models have places of their own.
fn judged(
    attempt: &AttemptRecord,
    open: &[Open],
    opinions: &[Opinion],
    model: &ModelName,
    which: u32,
) -> Vec<NewJudgement> {
    let kind = |open: &Open| match open.criterion {
        CriterionRef::Brief => JudgedCriterion::Brief,
        CriterionRef::Job(_) | CriterionRef::Contract | CriterionRef::AgentSchema | CriterionRef::Review => {
            JudgedCriterion::Judge
        }
    };
    let one = |(place, (open, opinion)): (u32, (&Open, &Opinion))| NewJudgement {
        attempt: attempt.number,
        place: 2 * place + which,
        model: model.clone(),
        criterion: kind(open),
        decision: opinion.decision,
    };
    (0..).zip(open.iter().zip(opinions)).map(one).collect()
}
