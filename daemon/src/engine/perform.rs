//! Taking a step: what time alone does to a job.

use super::Engine;
use super::assign::{LEASE_MARGIN, ended};
use super::commit::{CommitError, Turn};
use super::next_step::Failure;
use super::settle::{same, unchanged};
use super::step::{Step, step};
use super::work::{Work, findings};
use crate::store::{AttemptRecord, AttemptTurn, JobRecord, JobTurn, Lease, StoreError};
use guildhall_protocol::attempt::{AttemptState, CheckedBy, Decision, EndedAs};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::AttemptNumber;
use guildhall_protocol::state::{HeldWhy, JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Why a job is in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is ready, due or orphaned.
    Time,
    /// An agent that it may wait for has changed: a waiting job is looked at although it is not due.
    Agent,
}

impl Engine {
    /// Takes the next step of a job.
    pub(super) async fn perform(
        &self,
        job: JobRecord,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let mut work = Work::load(&*self.parts.store, job).await?;
        let next = step(&work.job, work.newest(), now, self.parts.incarnation);
        let attempt = |number: AttemptNumber| {
            work.attempts.iter().find(|attempt| attempt.number == number).cloned().ok_or(StoreError::NotFound)
        };
        match next {
            Step::Wait(_)
                if cause == Cause::Agent && work.job.state == JobState::Open && work.job.lease.is_none() =>
            {
                self.pick(work, now).await
            }
            Step::Wait(_) | Step::Nothing => Ok(()),
            Step::Pick => self.pick(work, now).await,
            Step::Send(number) => {
                let attempt = attempt(number)?;
                self.resend(work, attempt, now).await
            }
            Step::Reconcile(number) => {
                let attempt = attempt(number)?;
                self.reconcile(work, attempt, now).await
            }
            Step::GiveUpWaiting(number) => {
                let attempt = attempt(number)?;
                self.end_silently(work, &attempt, EndedAs::Silent, now).await
            }
            Step::Evaluate(number) => {
                let attempt = attempt(number)?;
                self.evaluate(work, attempt, now).await
            }
            Step::Lapse(_) => self.expire(&mut work, JobEvent::Lapsed, now).await,
            Step::Expire => self.expire(&mut work, JobEvent::Deadline, now).await,
            Step::CloseReview(reviewer) => self.close_review(work, reviewer, now).await,
            Step::CountDeath { deaths, hold } => self.count_death(&mut work, deaths, hold, now).await,
        }
    }

    /// Takes the lease for another send of the same delivery, and sends it.
    async fn resend(
        &self,
        mut work: Work,
        mut attempt: AttemptRecord,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        attempt.tries += 1;
        let exchange_ms =
            self.compiled(attempt.agent, attempt.version).await?.definition.time_limits.exchange_ms;
        let until = now.after(Duration::from_millis(exchange_ms) + LEASE_MARGIN);
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(What::Resent { attempt: attempt.number, tries: attempt.tries });
        let lease = Some(Lease { incarnation: self.parts.incarnation, until });
        let turn = JobTurn { due_at: Some(until), lease, ..same(&work) };
        attempt.state = AttemptState::Sending;
        let turn = Turn { attempt: Some(unchanged(&attempt)), ..Turn::of(turn) };
        self.turn(&mut work, now, scribe, turn).await?;
        self.send(work, attempt).await
    }

    /// Nobody knows what the last send did: the same id again is safe if the agent says so.
    async fn reconcile(
        &self,
        mut work: Work,
        attempt: AttemptRecord,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        if !compiled.definition.idempotent {
            let scribe = self.scribe(&work, now, Actor::Daemon);
            return self.hold(&mut work, &attempt, scribe, now).await;
        }
        // A crash of ours uses up no try of the agent's.
        self.resend(work, attempt, now).await
    }

    async fn end_silently(
        &self,
        mut work: Work,
        attempt: &AttemptRecord,
        how: EndedAs,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(What::AttemptEnded { attempt: attempt.number, ended: how, reason: None });
        let turn = AttemptTurn { state: AttemptState::Ended(how), ended_at: Some(now), ..unchanged(attempt) };
        self.end_attempt(&mut work, attempt, turn, Failure::Other, scribe, now).await
    }

    async fn expire(&self, work: &mut Work, event: JobEvent, now: Timestamp) -> Result<(), CommitError> {
        let state = work.job.state.after(event)?;
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        let attempt = withdraw(work, &mut scribe, now);
        scribe.event(What::Expired);
        scribe.notify(work.job.client, "job_expired", Some(work.job.id), None);
        let turn = Turn { attempt, ..Turn::of(ended(state, work)) };
        Ok(self.turn(work, now, scribe, turn).await?)
    }

    /// Silence accepts what had passed; what was doubtful goes to operators, and after them ends unjudged.
    async fn close_review(
        &self,
        mut work: Work,
        reviewer: Reviewer,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let Some(attempt) = work.newest().cloned() else { return Ok(()) };
        let findings = findings(&*self.parts.store, attempt.findings).await?;
        let doubtful = findings.iter().any(|finding| finding.decision == Decision::Abstain);
        let event = if doubtful { JobEvent::WindowPassedDoubtful } else { JobEvent::WindowPassed };
        let state = work.job.state.after(event)?;
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(What::WindowPassed { reviewer });
        if !state.is_terminal() {
            let until = now.after(self.parts.limits.review_window);
            scribe.event(What::ReviewRequested { reviewer: Reviewer::Operator, until });
            let turn = JobTurn { state, due_at: Some(until), ..same(&work) };
            return Ok(self.turn(&mut work, now, scribe, Turn::of(turn)).await?);
        }
        let checked = CheckedBy::Nobody;
        scribe.event(What::AttemptEnded { attempt: attempt.number, ended: EndedAs::Passed, reason: None });
        scribe.event(What::Completed { attempt: attempt.number, by: checked });
        scribe.notify(work.job.client, "job_completed", Some(work.job.id), Some(attempt.number));
        let turn = JobTurn { checked_by: Some(checked), ..ended(state, &work) };
        let passed = AttemptTurn {
            state: AttemptState::Ended(EndedAs::Passed),
            ended_at: Some(now),
            ..unchanged(&attempt)
        };
        Ok(self.turn(&mut work, now, scribe, Turn { attempt: Some(passed), ..Turn::of(turn) }).await?)
    }

    async fn count_death(
        &self,
        work: &mut Work,
        deaths: u32,
        hold: bool,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let incarnation = work.job.lease.map_or(self.parts.incarnation, |lease| lease.incarnation);
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        scribe.event(What::DaemonDied { incarnation, deaths });
        let mut turn = JobTurn { due_at: Some(work.job.deadline), lease: None, deaths, ..same(work) };
        let mut attempt = None;
        if hold {
            tracing::error!(
                job.id = work.job.id.0,
                "{} stopped the daemon {deaths} times and is held for an operator",
                work.job.id
            );
            turn.state = work.job.state.after(JobEvent::Poisoned)?;
            attempt = withdraw(work, &mut scribe, now);
            scribe.event(What::Held { why: HeldWhy::Poison });
            scribe.notify(work.job.client, "job_held", Some(work.job.id), None);
        } else {
            turn.ready = turn.state == JobState::Open;
            // An evaluation is due at once.
            turn.due_at = if turn.ready { turn.due_at } else { Some(now) };
        }
        self.turn(work, now, scribe, Turn { attempt, ..Turn::of(turn) }).await?;
        self.nudge();
        Ok(())
    }
}

/// Ends the current attempt as withdrawn, uncounted, if it has not ended.
pub(super) fn withdraw(
    work: &Work,
    scribe: &mut crate::scribe::Scribe<'_>,
    now: Timestamp,
) -> Option<AttemptTurn> {
    let attempt = work.newest().filter(|attempt| attempt.state.ended().is_none())?;
    let withdrawn = EndedAs::Withdrawn;
    scribe.event(What::AttemptEnded { attempt: attempt.number, ended: withdrawn, reason: None });
    Some(AttemptTurn { state: AttemptState::Ended(withdrawn), ended_at: Some(now), ..unchanged(attempt) })
}
