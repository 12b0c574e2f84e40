//! Taking a step: what time alone does to a job.

use super::Engine;
use super::assign::{LEASE_MARGIN, ended};
use super::commit::{CommitError, Turn};
use super::settle::same;
use super::step::{Step, step};
use super::work::Work;
use crate::agents::contract::MessageType;
use crate::store::{AttemptRecord, AttemptTurn, JobRecord, JobTurn, Lease, Query, StoreError};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::{AttemptState, EndedAs};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AttemptNumber};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{HeldWhy, JobEvent, JobState};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Most jobs taken back at once; others are when they are due.
const RELEASE_MAX: u32 = 500;

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
        let attempt = |number: AttemptNumber| work.attempt(number).cloned().ok_or(StoreError::NotFound);
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
                if self.is_shut(&attempt) && !self.may_have_it(&attempt).await? {
                    return self.take_back(work, now).await;
                }
                self.resend(work, attempt, now).await
            }
            Step::Reconcile(number) => {
                let attempt = attempt(number)?;
                Box::pin(self.reconcile(work, attempt, now)).await
            }
            Step::Ask(number) => {
                let attempt = attempt(number)?;
                self.ask(work, attempt, now).await
            }
            Step::GiveUpWaiting(number) => {
                let attempt = attempt(number)?;
                let scribe = self.scribe(&work, now, Actor::Daemon);
                let turn = Turn::of(same(&work));
                self.listen_on(&mut work, &attempt, turn, scribe, now).await
            }
            Step::Evaluate(number) => {
                let attempt = attempt(number)?;
                self.evaluate(work, attempt, now).await
            }
            Step::Remind => self.remind(work, now).await,
            Step::Lapse(_) => self.expire(&mut work, JobEvent::Lapsed, now).await,
            Step::Expire => self.expire(&mut work, JobEvent::Deadline, now).await,
            Step::CloseReview(reviewer) => self.close_review(work, reviewer, now).await,
            Step::CountDeath { deaths, hold } => self.count_death(&mut work, deaths, hold, now).await,
        }
    }

    /// Whether an agent gets nothing now, not even what was meant for it already but never reached it.
    fn is_shut(&self, attempt: &AttemptRecord) -> bool {
        let reached = attempt.heard_at.is_some() || attempt.replies > 0;
        let market = self.market();
        let Some(listing) = market.get(attempt.agent) else { return false };
        let active = listing.record.state == AgentState::Active;
        let open = matches!(listing.record.health, Health::Open(_) | Health::Quarantined);
        !reached && (!active || open)
    }

    /// Whether an earlier send may have reached an agent that must not do the job twice: then nobody else gets it either.
    async fn may_have_it(&self, attempt: &AttemptRecord) -> Result<bool, StoreError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        // The first send is counted when it is assigned; none is counted when an operator sends what was unclear again.
        Ok(attempt.tries != 1 && !compiled.definition.idempotent)
    }

    /// An agent gets nothing for now: jobs whose delivery waits to be sent to it again may go to others at once.
    pub(crate) async fn release(&self, agent: AgentId) {
        let states = vec!["assigned".to_owned()];
        let (agent, limit) = (Some(agent), RELEASE_MAX);
        let query =
            Query::List { states, client: None, place: None, label: None, agent, before: None, limit };
        let released = async {
            for job in self.parts.store.jobs(query).await? {
                let work = Work::load(&*self.parts.store, job).await?;
                let waits = work.newest().filter(|newest| {
                    newest.state == AttemptState::Sending && work.job.lease.is_none() && self.is_shut(newest)
                });
                if let Some(attempt) = waits
                    && !self.may_have_it(attempt).await?
                {
                    match self.take_back(work, Timestamp::now()).await {
                        // It went out meanwhile, or somebody decided about it.
                        Ok(()) | Err(CommitError::Store(StoreError::Stale)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok::<_, CommitError>(())
        };
        if let Err(error) = released.await {
            // Each is taken back when it is due, which only takes longer.
            tracing::warn!(%error, "jobs of an agent that gets nothing now could not be taken back at once");
        }
    }

    /// Takes back an attempt that never reached its agent: another one may get the job.
    async fn take_back(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::AttemptEnded)?;
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        let attempt = withdraw(&work, &mut scribe, now);
        let due_at = Some(work.job.deadline);
        let turn = JobTurn { state, due_at, ready: true, lease: None, ..same(&work) };
        self.turn(&mut work, now, scribe, Turn { attempt, ..Turn::of(turn) }).await?;
        self.nudge();
        Ok(())
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
        let turn = Turn { attempt: Some(attempt.unchanged()), ..Turn::of(turn) };
        self.turn(&mut work, now, scribe, turn).await?;
        self.send(work, attempt).await
    }

    /// Nobody knows what the last send did: the same id again is safe if the agent says so; else it is asked.
    async fn reconcile(
        &self,
        work: Work,
        mut attempt: AttemptRecord,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        if compiled.definition.idempotent {
            return self.resend(work, attempt, now).await;
        }
        attempt.state = AttemptState::Unclear;
        self.ask(work, attempt, now).await
    }

    async fn expire(&self, work: &mut Work, event: JobEvent, now: Timestamp) -> Result<(), CommitError> {
        let state = work.job.state.after(event)?;
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        let attempt = withdraw(work, &mut scribe, now);
        scribe.event(What::Expired);
        self.tell_client(work, &mut scribe, NoticeKind::JobExpired);
        let turn = Turn { attempt, ..Turn::of(ended(state, work)) };
        Ok(self.turn(work, now, scribe, turn).await?)
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
            self.tell_client(work, &mut scribe, NoticeKind::JobHeld);
            self.tell_operators(&work.job, &mut scribe, NoticeKind::OperatorNeeded);
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

/// Ends the current attempt as withdrawn, uncounted, if it has not ended; an agent that may be at it is told to stop.
pub(super) fn withdraw(
    work: &Work,
    scribe: &mut crate::scribe::Scribe<'_>,
    now: Timestamp,
) -> Option<AttemptTurn> {
    let attempt = work.newest().filter(|attempt| attempt.state.ended().is_none())?;
    let withdrawn = EndedAs::Withdrawn;
    scribe.event(What::AttemptEnded { attempt: attempt.number, ended: withdrawn, reason: None });
    let waits_for_its_turn = attempt.state == AttemptState::Sending && work.job.lease.is_none();
    if attempt.state.holds_slot() && !waits_for_its_turn {
        scribe.message(attempt.agent, MessageType::JobCanceled, attempt.reference());
    }
    Some(AttemptTurn {
        state: AttemptState::Ended(withdrawn),
        left_ms: None,
        ended_at: Some(now),
        ..attempt.unchanged()
    })
}
