//! From a stored answer to its consequence: judged, and then completed, in review, repaired or failed.

use super::Engine;
use super::assign::ended;
use super::commit::{CommitError, Turn};
use super::next_step::Failure;
use super::opinion::Findings;
use super::settle::same;
use super::work::Work;
use crate::judge::verdict::{Case, Exact, Verdict, exact};
use crate::market::{Compiled, day};
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{AttemptRecord, AttemptTurn, JobTurn, StoreError, Tally, TallyRecord, Window};
use guildhall_protocol::attempt::{AttemptState, CheckedBy, Decision, EndedAs};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::job::Review;
use guildhall_protocol::json::Json;
use guildhall_protocol::model::ModelRole;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

/// How often an answer is concluded about when its job changes meanwhile.
const CONCLUDE_TRIES: u32 = 8;
/// Why something is left open when there is no model.
const NO_MODEL: &str = "no model is configured: a person has to look";

impl Engine {
    /// Judges the stored answer of an attempt.
    pub(super) async fn evaluate(
        &self,
        mut work: Work,
        attempt: AttemptRecord,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        if self.is_careful(&work.job, now) {
            self.announce(&mut work, now).await?;
        }
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        let bytes = match attempt.answer {
            Some(body) => self.parts.store.body(body).await?,
            None => None,
        };
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| "null".to_owned());
        let output = Json::from_text(text).unwrap_or_else(|_| Json::from(serde_json::Value::Null));
        let scribe = self.scribe(&work, now, Actor::Daemon);
        let state = work.job.state;
        let turn = Turn { attempt: Some(attempt.unchanged()), ..Turn::of(same(&work)) };
        self.judge(&mut work, state, turn, &attempt, &output, &compiled, scribe, now).await
    }

    /// Judges an answer and writes down what follows. `turn.attempt` holds the answer.
    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and the record that it continues")]
    pub(super) async fn judge(
        &self,
        work: &mut Work,
        state: JobState,
        turn: Turn,
        attempt: &AttemptRecord,
        output: &Json,
        compiled: &Compiled,
        scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let exact = self.exact(work, attempt, output, compiled).await?;
        if exact.open.is_empty() {
            let findings = Findings::without_model(exact.findings);
            return self.conclude(work, state, turn, attempt, &findings, scribe, now).await;
        }
        let llm = match self.models_for(&work.draft, work.payer(), now) {
            Ok(llm) => llm,
            Err(why) => {
                let undecided =
                    why.map_or_else(|| NO_MODEL.to_owned(), |why| format!("not judged by a model: {why}"));
                let mut findings = Findings::without_model(exact.undecided(&undecided).findings);
                if let Some(why) = why {
                    self.do_without(work, ModelRole::Judge, why, &mut findings.thoughts).await;
                }
                return self.conclude(work, state, turn, attempt, &findings, scribe, now).await;
            }
        };
        if !self.is_checked(work, attempt) {
            let kept = self.keep_checked(work, state, turn, attempt, &exact, &llm, scribe, now);
            Box::pin(kept).await?;
        }
        let findings = Box::pin(self.opinions(work, &llm, attempt, output, compiled, exact)).await?;
        Box::pin(self.conclude_checked(work, attempt, &findings)).await
    }

    /// Concludes about an answer that is stored, whatever else happened to the job while a model thought.
    async fn conclude_checked(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        findings: &Findings,
    ) -> Result<(), CommitError> {
        for _ in 0..CONCLUDE_TRIES {
            let now = Timestamp::now();
            let scribe = self.scribe(work, now, Actor::Daemon);
            let Some(current) = work.attempt(attempt.number).cloned() else { return Ok(()) };
            let turn = Turn { attempt: Some(current.unchanged()), ..Turn::of(same(work)) };
            match self.conclude(work, JobState::Evaluating, turn, &current, findings, scribe, now).await {
                Err(CommitError::Store(StoreError::Stale)) => {}
                concluded => return concluded,
            }
            let job = self.parts.store.job(work.job.id).await?;
            *work = Work::load(&*self.parts.store, job).await?;
            let newest = work.newest().map(|newest| newest.number);
            if work.job.state != JobState::Evaluating || newest != Some(attempt.number) {
                // Somebody decided meanwhile: nobody waits for what a model thinks, but it was asked.
                return self.tell_thoughts(work, attempt, findings).await;
            }
        }
        Err(StoreError::Stale.into())
    }

    /// Tells in a job's history what models were asked, and nothing else.
    async fn tell_thoughts(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        findings: &Findings,
    ) -> Result<(), CommitError> {
        let mut scribe = self.scribe(work, Timestamp::now(), Actor::Daemon);
        findings.thoughts.tell(&mut scribe, Some(attempt.number));
        let note = work.note();
        match self.note(work, Timestamp::now(), scribe, None, note).await {
            // It goes on changing; the accounts have the calls.
            Ok(()) | Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes down what findings lead to.
    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and the record that it continues")]
    async fn conclude(
        &self,
        work: &mut Work,
        state: JobState,
        turn: Turn,
        attempt: &AttemptRecord,
        found: &Findings,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let verdict = Verdict::of(found.all.clone());
        // It is judged, and the daemon lives.
        work.job.deaths = 0;
        found.thoughts.tell(&mut scribe, Some(attempt.number));
        scribe.judged(&found.judgements);
        let findings = scribe.body(serde_json::to_vec(&verdict.findings).unwrap_or_default());
        let count = |decision| {
            let found = verdict.findings.iter().filter(|finding| finding.decision == decision).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        let by_model = verdict.findings.iter().any(|finding| finding.model.is_some());
        let by = if by_model { CheckedBy::Model } else { CheckedBy::Rules };
        scribe.event(What::Judged {
            attempt: attempt.number,
            findings: findings.1,
            passed: count(Decision::Pass),
            failed: count(Decision::Fail),
            abstained: count(Decision::Abstain),
            by,
        });
        let Some(answered) = turn.attempt else { return Ok(()) };
        let answered = AttemptTurn { findings: Some(findings.0), ..answered };
        let turn = Turn { attempt: Some(answered), ..turn };
        let by_client = work.draft.review == Review::Always;
        match verdict.decision {
            Decision::Pass if !by_client => self.complete(work, state, by, attempt, turn, scribe, now).await,
            Decision::Pass => {
                let state = state.after(JobEvent::ReviewWanted)?;
                self.ask_reviewer(work, state, Reviewer::Client, turn, scribe, now).await
            }
            Decision::Abstain => {
                let reviewer =
                    if work.draft.review == Review::Never { Reviewer::Operator } else { Reviewer::Client };
                let state = state.after(JobEvent::Abstained(reviewer))?;
                self.ask_reviewer(work, state, reviewer, turn, scribe, now).await
            }
            Decision::Fail => {
                let ended = EndedAs::Failed;
                scribe.event(What::AttemptEnded { attempt: attempt.number, ended, reason: None });
                let over = AttemptTurn { state: AttemptState::Ended(ended), ended_at: Some(now), ..answered };
                work.job.state = state;
                let turn = Turn { attempt: Some(over), ..turn };
                self.end_attempt(work, attempt, turn, Failure::Criteria, scribe, now).await
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and the record that it continues")]
    async fn complete(
        &self,
        work: &mut Work,
        state: JobState,
        checked: CheckedBy,
        attempt: &AttemptRecord,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = state.after(JobEvent::Passed)?;
        scribe.event(What::AttemptEnded { attempt: attempt.number, ended: EndedAs::Passed, reason: None });
        scribe.event(What::Completed { attempt: attempt.number, by: checked });
        self.tell_client(work, &mut scribe, NoticeKind::JobCompleted);
        self.tell_owner(work, attempt, &mut scribe, NoticeKind::AgentJudged);
        let passed = |answered| AttemptTurn {
            state: AttemptState::Ended(EndedAs::Passed),
            ended_at: Some(now),
            ..answered
        };
        let tally = match (turn.tally, self.tally(work, attempt, EndedAs::Passed, now)) {
            (Some(before), Some(counted)) => Some(before.and(counted)),
            (before, counted) => before.or(counted),
        };
        let job = JobTurn { checked_by: Some(checked), ..ended(state, work) };
        let turn = Turn { job, attempt: turn.attempt.map(passed), tally, ..turn };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    /// A person decides about the answer in `turn.attempt`.
    async fn ask_reviewer(
        &self,
        work: &mut Work,
        state: JobState,
        reviewer: Reviewer,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let window = self.open_review(work, reviewer, &mut scribe, now);
        let due_at = Some(window.next_look());
        let job = JobTurn { state, due_at, ready: false, lease: None, window: Some(window), ..same(work) };
        let answered = |turn| AttemptTurn { state: AttemptState::Answered, ..turn };
        let turn = Turn { job, attempt: turn.attempt.map(answered), ..turn };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    /// Asks a reviewer to decide, and begins their window.
    pub(super) fn open_review(
        &self,
        work: &Work,
        reviewer: Reviewer,
        scribe: &mut Scribe<'_>,
        now: Timestamp,
    ) -> Window {
        let ends_at = now.after(self.parts.limits.review_window);
        scribe.event(What::ReviewRequested { reviewer, until: ends_at });
        match reviewer {
            Reviewer::Client => self.tell_client(work, scribe, NoticeKind::ReviewWanted),
            Reviewer::Operator => self.tell_operators(&work.job, scribe, NoticeKind::ReviewWanted),
        }
        Window { begins_at: now, ends_at, reminded: 0 }
    }

    async fn exact(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        output: &Json,
        compiled: &Compiled,
    ) -> Result<Exact, StoreError> {
        let input = work.input_of(&*self.parts.store, attempt).await?;
        let input = input.map_or_else(|| work.input(), |input| input.value());
        let (draft, output) = (work.draft.clone(), output.clone());
        let (schema, display) = (compiled.output.clone(), super::work::display(compiled));
        let work = move || {
            let output = output.value();
            let (agent_schema, display) = (schema.as_ref(), display.as_deref());
            exact(&Case { draft: &draft, input: &input, output: &output, agent_schema, display })
        };
        self.parts.pool.run(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// What the end of an attempt adds to its agent's record: nothing for trials and for the owner's own jobs.
    pub(super) fn tally(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        ended: EndedAs,
        now: Timestamp,
    ) -> Option<TallyRecord> {
        if work.job.trial || self.owners(attempt.agent).contains(&work.job.client) {
            return None;
        }
        let answer_ms =
            i64::try_from(attempt.answered_at.unwrap_or(now).since(attempt.started_at).as_millis())
                .unwrap_or(i64::MAX);
        let tally = match ended {
            EndedAs::Passed => Tally { passed: 1, answered: 1, answer_ms, ..Tally::default() },
            EndedAs::Failed | EndedAs::Silent => Tally { failed: 1, ..Tally::default() },
            EndedAs::Declined => Tally { declined: 1, ..Tally::default() },
            EndedAs::Unreachable => Tally { unreachable: 1, ..Tally::default() },
            EndedAs::Unclear | EndedAs::Withdrawn => return None,
        };
        Some(TallyRecord { agent: attempt.agent, day: day(now), tally })
    }

    /// Tells an operator or the client about an appeal that was decided.
    pub(super) fn tell_user(
        &self,
        work: &Work,
        user: guildhall_protocol::ids::UserId,
        scribe: &mut Scribe<'_>,
        kind: NoticeKind,
    ) {
        scribe.notify(&self.parts.people, Notice::of_job(user, kind, work.job.id));
    }
}
