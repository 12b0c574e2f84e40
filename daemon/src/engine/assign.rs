//! Writing down what a pick leads to: an attempt, waiting, or the end.

use super::Engine;
use super::commit::{CommitError, Turn};
use super::input::Input;
use super::next_step::attempt_deadline;
use super::settle::same;
use super::thinking::Thoughts;
use super::work::Work;
use crate::market::{Compiled, day};
use crate::pick::choose::Choice;
use crate::store::{AttemptRecord, Command, JobTurn, Lease, NewAttempt, Steering, StoreError};
use guildhall_protocol::attempt::{AttemptState, Counts};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, AttemptNumber};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::pick::Pick;
use guildhall_protocol::state::{JobEvent, JobState};
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What a lease lasts beyond the exchange that it covers: time to judge and to write.
pub(super) const LEASE_MARGIN: Duration = Duration::from_secs(90);

impl Engine {
    /// Writes the attempt and takes the lease for its delivery.
    pub(super) async fn assign(
        &self,
        work: &mut Work,
        new: Assignment<'_>,
        now: Timestamp,
    ) -> Result<Option<AttemptRecord>, CommitError> {
        let Assignment { pick, agent, version, repair, input, thoughts } = new;
        let number = AttemptNumber(work.job.attempts + 1);
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        thoughts.tell(&mut scribe, Some(number));
        let (pick_body, commitment) = scribe.body(serde_json::to_vec(pick).unwrap_or_default());
        scribe.event(What::Assigned { attempt: number, agent, version, pick: commitment, repair });
        let input = match input {
            Input::AsGiven | Input::Missing(_) => None,
            Input::Same(body) => Some(body),
            Input::Shaped(json) => {
                let text = scribe.text(json.as_str());
                let body = text.body;
                scribe.event(What::InputShaped { attempt: number, input: text });
                Some(body)
            }
        };
        let (exchange_ms, day) = {
            let market = self.market();
            let limits = market.get(agent).map(|listing| {
                let definition = &listing.compiled.definition;
                (
                    definition.time_limits.exchange_ms,
                    (definition.caps.is_daily() && !repair).then(|| day(now)),
                )
            });
            limits.unwrap_or((60_000, None))
        };
        let until = now.after(Duration::from_millis(exchange_ms) + LEASE_MARGIN);
        let lease = Lease { incarnation: self.parts.incarnation, until };
        let deadline = attempt_deadline(&work.attempts, &work.draft.policy, work.job.deadline, now);
        let record = AttemptRecord {
            job: work.job.id,
            number,
            agent,
            version,
            state: AttemptState::Sending,
            repair,
            tries: 1,
            started_at: now,
            answered_at: None,
            ended_at: None,
            pick: pick_body,
            answer: None,
            findings: None,
            reason: None,
            deadline,
            left_ms: None,
            heard_at: None,
            question: None,
            reply: None,
            replies: 0,
            input,
        };
        self.tell_owner(work, &record, &mut scribe, NoticeKind::AgentAssigned);
        let turn = JobTurn {
            state: work.job.state.after(JobEvent::Assigned)?,
            due_at: Some(until),
            ready: false,
            lease: Some(lease),
            window: None,
            ..same(work)
        };
        // An order to assign it is carried out by this.
        let ordered = work.job.steering.assign.is_some();
        let steering = ordered.then(|| Steering { assign: None, ..work.job.steering.clone() });
        let entry = scribe.finish();
        let head = entry.events.last().map_or(work.job.chain, |event| event.chain);
        let attempt = NewAttempt { number, agent, version, repair, deadline, pick: pick_body, input };
        let command =
            Command::Assign { fence: work.fence(), attempt, turn, steering: steering.clone(), day, entry };
        if let Err(error) = self.commit(work.job.id, head.hash, now, command).await {
            // Whoever waits for it may have it.
            self.slot_freed(agent);
            return match error {
                // Somebody else was faster, or the store knows less room than we do: the job is simply looked at again.
                StoreError::Stale | StoreError::Conflict(_) => Ok(None),
                StoreError::NotFound
                | StoreError::Busy
                | StoreError::Full
                | StoreError::Unavailable(_)
                | StoreError::Unknown(_) => Err(error.into()),
            };
        }
        if number.0 == 1 {
            self.flow.waited(now, now.since(work.job.posted_at));
        }
        if let Some(day) = day {
            self.market_mut().count_day(agent, work.job.client, day);
        }
        let job = &mut work.job;
        (job.state, job.epoch, job.chain, job.lease) = (turn.state, job.epoch + 1, head, Some(lease));
        (job.ready, job.attempts, job.due_at, job.window) = (false, number.0, Some(until), None);
        job.steering = steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        self.parts.changes.touch(Some(job.id));
        work.attempts.push(record.clone());
        Ok(Some(record))
    }

    /// Nobody can take it now: it waits, and its client is told once.
    pub(super) async fn park(
        &self,
        work: Work,
        choice: Choice,
        thoughts: &Thoughts,
        parking: Parking,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        if !work.job.ready && work.job.waiting.is_some() && work.job.due_at.is_some_and(|due| due > now) {
            // It waits already, and nothing is different.
            return Ok(());
        }
        let until = choice.look_again.map_or(work.job.deadline, |again| again.min(work.job.deadline));
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        thoughts.tell(&mut scribe, None);
        let (pick, commitment) = scribe.body(serde_json::to_vec(&choice.pick).unwrap_or_default());
        scribe.event(What::Waiting { pick: commitment, until });
        if !parking.waited {
            self.tell_client(&work, &mut scribe, NoticeKind::JobWaiting);
        }
        let entry = scribe.finish();
        let head = entry.events.last().map_or(work.job.chain, |event| event.chain).hash;
        let waits_for = choice.waits_for;
        let command =
            Command::Park { fence: work.fence(), waits_for: waits_for.clone(), pick, due_at: until, entry };
        match self.commit(work.job.id, head, now, command).await {
            Ok(()) => {}
            Err(StoreError::Stale) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.parts.changes.touch(Some(work.job.id));
        if self.agent_changes() != parking.agents_seen {
            // Who looked at the waiting jobs for the agent that changed meanwhile did not see this one among them.
            self.look_again(work.job.id);
        }
        // A slot may have been freed between the look and the write: those jobs were not yet waiting then.
        let market = self.market();
        let free =
            waits_for.into_iter().find(|agent| market.get(*agent).is_some_and(|listing| listing.free() > 0));
        drop(market);
        if let Some(agent) = free {
            self.freed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(agent);
            self.nudge();
        }
        Ok(())
    }

    /// No attempt is left.
    pub(super) async fn exhaust(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Exhausted)?;
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(failed(&work.attempts));
        self.tell_client(&work, &mut scribe, NoticeKind::JobFailed);
        let turn = Turn::of(ended(state, &work));
        Ok(self.turn(&mut work, now, scribe, turn).await?)
    }

    /// A version of an agent, compiled: the current one from memory, an earlier one from the store.
    pub(super) async fn compiled(
        &self,
        agent: AgentId,
        version: AgentVersion,
    ) -> Result<Arc<Compiled>, StoreError> {
        if let Some(compiled) = self.market().compiled(agent, version) {
            return Ok(compiled);
        }
        crate::catalog::load_version(&*self.parts.store, &self.parts.pool, agent, version).await.map(Arc::new)
    }
}

/// What was so when a job looked for an agent and found none.
#[derive(Clone, Copy)]
pub(super) struct Parking {
    /// It had waited before: its client knows.
    pub(super) waited: bool,
    /// How often agents had changed.
    pub(super) agents_seen: u64,
}

/// An attempt to write.
pub(super) struct Assignment<'a> {
    pub(super) pick: &'a Pick,
    pub(super) agent: AgentId,
    pub(super) version: AgentVersion,
    pub(super) repair: bool,
    pub(super) input: Input,
    pub(super) thoughts: Thoughts,
}

/// The turn of a job that ends.
pub(super) fn ended(state: JobState, work: &Work) -> JobTurn {
    JobTurn { state, due_at: None, ready: false, lease: None, window: None, ..same(work) }
}

/// The event of a job that nobody could do.
pub(super) fn failed(attempts: &[AttemptRecord]) -> What {
    let count = |counts| {
        let ended = attempts.iter().filter_map(|attempt| attempt.state.ended());
        u32::try_from(ended.filter(|ended| ended.counts_as() == counts).count()).unwrap_or(u32::MAX)
    };
    What::Failed { attempts: count(Counts::Attempt), offers: count(Counts::Offer) }
}
