//! Writing down what came of a delivery: one turn of the job, one of its attempt, one record.

use super::Engine;
use super::assign::{LEASE_MARGIN, ended, failed};
use super::commit::{CommitError, Turn};
use super::next_step::{Failure, NextStep, Story, next_step};
use super::reading::Reading;
use super::work::Work;
use crate::agents::delivery::DeliveryLog;
use crate::judge::verdict::{Case, Verdict, judge};
use crate::market::{Compiled, day};
use crate::scribe::Scribe;
use crate::store::{AttemptRecord, AttemptTurn, JobTurn, Lease, StoreError, Tally};
use guildhall_protocol::attempt::{AttemptState, CheckedBy, CriterionRef, Decision, EndedAs, Finding};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::job::Review;
use guildhall_protocol::json::Json;
use guildhall_protocol::state::{HeldWhy, JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

impl Engine {
    /// Writes down what came of a delivery.
    pub(super) async fn settle(
        &self,
        mut work: Work,
        attempt: AttemptRecord,
        reading: Reading,
        log: &DeliveryLog,
        compiled: &Compiled,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let by = Actor::Agent(attempt.agent);
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        let log = serde_json::to_vec(log).unwrap_or_default();
        scribe.delivery(attempt.agent, Some((attempt.job, attempt.number)), "job.assigned", log);
        let outcome = match reading {
            Reading::Answer(output) => self.answer(work, &attempt, &output, compiled, scribe, now).await,
            Reading::Again { wait, unclear } => {
                let until = now.after(wait).min(work.job.deadline);
                scribe.event(What::Deferred { attempt: attempt.number, tries: attempt.tries, until });
                let turn = JobTurn { due_at: Some(until), lease: None, ..same(&work) };
                let state = if unclear { AttemptState::Unclear } else { AttemptState::Sending };
                let turn =
                    Turn { attempt: Some(AttemptTurn { state, ..unchanged(&attempt) }), ..Turn::of(turn) };
                self.turn(&mut work, now, scribe, turn).await.map_err(CommitError::from)
            }
            Reading::Hold => self.hold(&mut work, &attempt, scribe, now).await,
            Reading::Ended { ended, reason, failure, breach, gone } => {
                let (reason_body, commitment) = scribe.body(reason.clone().into_bytes());
                let mut turn = AttemptTurn {
                    state: AttemptState::Ended(ended),
                    ended_at: Some(now),
                    reason: Some(reason_body),
                    ..unchanged(&attempt)
                };
                if breach {
                    let finding = Finding {
                        criterion: CriterionRef::Contract,
                        label: "an answer that can be read".to_owned(),
                        decision: Decision::Fail,
                        evidence: reason,
                    };
                    turn.findings = Some(scribe.body(serde_json::to_vec(&[finding]).unwrap_or_default()).0);
                    turn.answered_at = Some(now);
                }
                let what = What::AttemptEnded { attempt: attempt.number, ended, reason: Some(commitment) };
                scribe.event_by(by, what);
                let agent = attempt.agent;
                self.end_attempt(&mut work, &attempt, turn, failure, scribe, now).await?;
                if gone {
                    self.pause_gone(agent, now).await;
                }
                Ok(())
            }
        };
        match outcome {
            // Somebody decided otherwise while the agent worked: what it said is too late to matter.
            Err(CommitError::Store(StoreError::Stale) | CommitError::Illegal(_)) => {
                tracing::debug!(
                    job.id = attempt.job.0,
                    attempt.number = attempt.number.0,
                    "an outcome came too late"
                );
                Ok(())
            }
            other => other,
        }
    }

    /// Judges an answer and writes it down with its verdict; after an unclean end, in two turns.
    async fn answer(
        &self,
        mut work: Work,
        attempt: &AttemptRecord,
        output: &Json,
        compiled: &Compiled,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let (body, commitment) = scribe.body(output.as_str().as_bytes().to_vec());
        let what = What::Answered { attempt: attempt.number, answer: commitment };
        scribe.event_by(Actor::Agent(attempt.agent), what);
        let answered = AttemptTurn {
            state: AttemptState::Answered,
            answered_at: Some(now),
            answer: Some(body),
            ..unchanged(attempt)
        };
        if !self.is_careful(&work.job, now) {
            let state = work.job.state.after(JobEvent::Answered)?;
            return self.verdict(work, state, answered, attempt, output, compiled, scribe, now).await;
        }
        let state = work.job.state.after(JobEvent::Answered)?;
        let until = now.after(LEASE_MARGIN);
        let lease = Some(Lease { incarnation: self.parts.incarnation, until });
        let turn = JobTurn { state, due_at: Some(until), lease, ..same(&work) };
        self.turn(&mut work, now, scribe, Turn { attempt: Some(answered), ..Turn::of(turn) }).await?;
        let scribe = self.scribe(&work, now, Actor::Daemon);
        self.verdict(work, state, answered, attempt, output, compiled, scribe, now).await
    }

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
        let turn = unchanged(&attempt);
        self.verdict(work, state, turn, &attempt, &output, &compiled, scribe, now).await
    }

    #[expect(clippy::too_many_arguments, reason = "an answer, whose it is, and the record that it continues")]
    async fn verdict(
        &self,
        mut work: Work,
        state: JobState,
        answered: AttemptTurn,
        attempt: &AttemptRecord,
        output: &Json,
        compiled: &Compiled,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let verdict = self.judge(&work, output, compiled).await?;
        // It is judged, and the daemon lives.
        work.job.deaths = 0;
        let findings = scribe.body(serde_json::to_vec(&verdict.findings).unwrap_or_default());
        let count = |decision| {
            let found = verdict.findings.iter().filter(|finding| finding.decision == decision).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        scribe.event(What::Judged {
            attempt: attempt.number,
            findings: findings.1,
            passed: count(Decision::Pass),
            failed: count(Decision::Fail),
            abstained: count(Decision::Abstain),
            by: CheckedBy::Rules,
        });
        let answered = AttemptTurn { findings: Some(findings.0), ..answered };
        let by_client = work.draft.review == Review::Always;
        match verdict.decision {
            Decision::Pass if !by_client => {
                self.complete(&mut work, state, attempt, answered, scribe, now).await
            }
            Decision::Pass => {
                self.ask_reviewer(&mut work, state.after(JobEvent::ReviewWanted)?, answered, scribe, now)
                    .await
            }
            Decision::Abstain => {
                let reviewer =
                    if work.draft.review == Review::Never { Reviewer::Operator } else { Reviewer::Client };
                let state = state.after(JobEvent::Abstained(reviewer))?;
                self.ask_reviewer(&mut work, state, answered, scribe, now).await
            }
            Decision::Fail => {
                let ended = EndedAs::Failed;
                scribe.event(What::AttemptEnded { attempt: attempt.number, ended, reason: None });
                let turn = AttemptTurn { state: AttemptState::Ended(ended), ended_at: Some(now), ..answered };
                work.job.state = state;
                self.end_attempt(&mut work, attempt, turn, Failure::Criteria, scribe, now).await
            }
        }
    }

    async fn complete(
        &self,
        work: &mut Work,
        state: JobState,
        attempt: &AttemptRecord,
        answered: AttemptTurn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = state.after(JobEvent::Passed)?;
        let checked = CheckedBy::Rules;
        scribe.event(What::AttemptEnded { attempt: attempt.number, ended: EndedAs::Passed, reason: None });
        scribe.event(What::Completed { attempt: attempt.number, by: checked });
        scribe.notify(work.job.client, "job_completed", Some(work.job.id), Some(attempt.number));
        let turn = Turn {
            job: JobTurn { checked_by: Some(checked), ..ended(state, work) },
            attempt: Some(AttemptTurn {
                state: AttemptState::Ended(EndedAs::Passed),
                ended_at: Some(now),
                ..answered
            }),
            tally: self.tally(work, attempt, EndedAs::Passed, now),
            request: None,
        };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    async fn ask_reviewer(
        &self,
        work: &mut Work,
        state: JobState,
        answered: AttemptTurn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let until = now.after(self.parts.limits.review_window);
        let reviewer = if state == JobState::InReview(Reviewer::Operator) {
            Reviewer::Operator
        } else {
            Reviewer::Client
        };
        scribe.event(What::ReviewRequested { reviewer, until });
        if reviewer == Reviewer::Client {
            scribe.notify(work.job.client, "review_wanted", Some(work.job.id), Some(answered.number));
        }
        let turn = JobTurn { state, due_at: Some(until), lease: None, ..same(work) };
        let turn = Turn {
            attempt: Some(AttemptTurn { state: AttemptState::Answered, ..answered }),
            ..Turn::of(turn)
        };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    /// An attempt is over without success: the job is open again, or failed.
    pub(super) async fn end_attempt(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        turn: AttemptTurn,
        failure: Failure,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let mut attempts = work.attempts.clone();
        if let Some(newest) = attempts.iter_mut().find(|newest| newest.number == turn.number) {
            newest.state = turn.state;
        }
        let (posted_at, deadline) = (work.job.posted_at, work.job.deadline);
        let story = Story { attempts: &attempts, failure, agent_ready: true, posted_at, deadline };
        let give_up = next_step(&story, &work.draft.policy, now) == NextStep::GiveUp;
        let evaluated = work.job.state == JobState::Evaluating;
        let state = match (evaluated, give_up) {
            (true, true) => work.job.state.after(JobEvent::FailedForGood)?,
            (true, false) => work.job.state.after(JobEvent::FailedTryAgain)?,
            (false, true) => work.job.state.after(JobEvent::AttemptEnded)?.after(JobEvent::Exhausted)?,
            (false, false) => work.job.state.after(JobEvent::AttemptEnded)?,
        };
        let job_turn = if give_up {
            scribe.event(failed(&attempts));
            scribe.notify(work.job.client, "job_failed", Some(work.job.id), Some(turn.number));
            ended(state, work)
        } else {
            JobTurn { state, due_at: Some(deadline), ready: true, lease: None, ..same(work) }
        };
        let how = turn.state.ended().unwrap_or(EndedAs::Unclear);
        let tally = self.tally(work, attempt, how, now);
        self.turn(work, now, scribe, Turn { job: job_turn, attempt: Some(turn), tally, request: None })
            .await?;
        self.nudge();
        Ok(())
    }

    pub(super) async fn hold(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Unresolvable)?;
        scribe.event(What::Held { why: HeldWhy::Unclear });
        scribe.notify(work.job.client, "job_held", Some(work.job.id), Some(attempt.number));
        let turn = JobTurn { state, due_at: Some(work.job.deadline), lease: None, ..same(work) };
        let attempt = Some(AttemptTurn { state: AttemptState::Unclear, ..unchanged(attempt) });
        Ok(self.turn(work, now, scribe, Turn { attempt, ..Turn::of(turn) }).await?)
    }

    async fn judge(&self, work: &Work, output: &Json, compiled: &Compiled) -> Result<Verdict, StoreError> {
        let (draft, input, output) = (work.draft.clone(), work.input(), output.clone());
        let (schema, display) = (compiled.output.clone(), super::work::display(compiled));
        let work = move || {
            let output = output.value();
            let (agent_schema, display) = (schema.as_ref(), display.as_deref());
            judge(&Case { draft: &draft, input: &input, output: &output, agent_schema, display })
        };
        self.parts.pool.run(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// What the attempt adds to its agent's record: nothing for trials and for the owner's own jobs.
    pub(super) fn tally(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        ended: EndedAs,
        now: Timestamp,
    ) -> Option<(guildhall_protocol::ids::AgentId, i64, Tally)> {
        let owner = self.market().get(attempt.agent).map(|listing| listing.record.owner);
        if work.job.trial || owner == Some(work.job.client) {
            return None;
        }
        let answer_ms = u64::try_from(now.since(attempt.started_at).as_millis()).unwrap_or(u64::MAX);
        let tally = match ended {
            EndedAs::Passed => Tally { passed: 1, answered: 1, answer_ms, ..Tally::default() },
            EndedAs::Failed | EndedAs::Silent => Tally { failed: 1, ..Tally::default() },
            EndedAs::Declined => Tally { declined: 1, ..Tally::default() },
            EndedAs::Unreachable => Tally { unreachable: 1, ..Tally::default() },
            EndedAs::Unclear | EndedAs::Withdrawn => return None,
        };
        Some((attempt.agent, day(now), tally))
    }
}

/// A turn that leaves the job as it is.
pub(super) fn same(work: &Work) -> JobTurn {
    JobTurn {
        state: work.job.state,
        due_at: work.job.due_at,
        ready: false,
        lease: work.job.lease,
        deaths: work.job.deaths,
        checked_by: None,
    }
}

/// A turn that leaves the attempt as it is.
pub(super) fn unchanged(attempt: &AttemptRecord) -> AttemptTurn {
    AttemptTurn {
        number: attempt.number,
        state: attempt.state,
        tries: attempt.tries,
        answered_at: None,
        ended_at: None,
        answer: None,
        findings: None,
        reason: None,
    }
}
