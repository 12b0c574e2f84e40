//! The loop: level-triggered, so that a missed nudge costs a second and not a job.

use super::Engine;
use super::hands::Hands;
use super::perform::Cause;
use crate::market::Listing;
use crate::store::{Command, JobRecord, JobSelection, Outcome, Query, StoreError};
use guildhall_protocol::ids::{AgentId, JobId};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most jobs taken in one look.
const BATCH: usize = 64;
/// Wait before a job whose step failed is looked at again.
const AFTER_ERROR: Duration = Duration::from_millis(500);
/// The same after a panic.
const AFTER_PANIC: Duration = Duration::from_secs(30);
/// Time between two looks for rows that have had their time; fewer while there are many.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// How long requests and callbacks are remembered.
pub(crate) const REQUESTS_KEPT: Duration = Duration::from_hours(30 * 24);
/// How long exchanges with agents, and notifications that are done with, are kept.
pub(crate) const DELIVERIES_KEPT: Duration = Duration::from_hours(14 * 24);

impl Engine {
    /// Runs until `stop`, then finishes the steps in hand, at most for `drain_limit`. What is not finished then is taken
    /// up by the next daemon, as after a crash. Answers whether everything was finished.
    pub async fn run(self: Arc<Self>, stop: CancellationToken, drain_limit: Duration) -> bool {
        let steps = TaskTracker::new();
        let tidy = tokio::spawn(Arc::clone(&self).tidy(stop.clone()));
        while !stop.is_cancelled() {
            let now = Timestamp::now();
            self.last_turn.store(now.0, Ordering::Relaxed);
            let wait = match self.look(&steps, now).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "the engine cannot read the store; trying again");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
        self.draining.store(true, Ordering::Relaxed);
        tidy.abort();
        steps.close();
        tracing::info!(steps = steps.len(), "the engine drains");
        tokio::time::timeout(drain_limit, steps.wait()).await.is_ok()
    }

    /// Drops rows that have had their time, a thousand of each kind at a time.
    async fn tidy(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = Timestamp::now();
            let before = |span: Duration| Timestamp(now.0 - i64::try_from(span.as_millis()).unwrap_or(0));
            let prune = Command::Prune {
                requests_before: before(REQUESTS_KEPT),
                deliveries_before: before(DELIVERIES_KEPT),
            };
            let wait = match self.parts.store.apply(now, prune).await {
                Ok(Outcome::Dropped(0)) => TIDY_EVERY,
                Ok(_) => AFTER_ERROR,
                Err(error) => {
                    tracing::debug!(%error, "old rows could not be dropped; trying again");
                    TIDY_EVERY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Starts what can be started; answers how long to wait for the next look.
    async fn look(self: &Arc<Self>, steps: &TaskTracker, now: Timestamp) -> Result<Duration, StoreError> {
        self.visit_due(steps, now);
        self.send_messages(steps, now).await?;
        let room =
            |engine: &Self| engine.parts.limits.steps_max.saturating_sub(engine.hands().busy()).min(BATCH);
        for selection in [JobSelection::Orphaned(self.parts.incarnation), JobSelection::Due(now)] {
            let jobs = self.select(selection, room(self)).await?;
            self.take(steps, jobs, Cause::Time);
        }
        if !self.is_paused() {
            self.look_for_agents(steps, &room).await?;
        }
        if room(self) == 0 {
            // A step that ends nudges.
            return Ok(LOOK_EVERY);
        }
        let due = self.parts.store.time(Query::NextDue).await?;
        Ok(due.map_or(LOOK_EVERY, |due| {
            due.since(Timestamp::now()).clamp(Duration::from_millis(1), LOOK_EVERY)
        }))
    }

    /// Takes up jobs that look for an agent: new ones, and waiting ones whose agents have room or changed.
    async fn look_for_agents(
        self: &Arc<Self>,
        steps: &TaskTracker,
        room: &impl Fn(&Self) -> usize,
    ) -> Result<(), StoreError> {
        let jobs = self.select(JobSelection::Ready, room(self)).await?;
        let jobs = self.hands().highest(jobs);
        self.take(steps, jobs, Cause::Time);
        for agent in self.freed_agents() {
            let free = self.market().get(agent).map_or(0, Listing::free);
            let slots = usize::try_from(free).unwrap_or(0);
            let free = slots.min(room(self));
            let mut jobs = self.select(JobSelection::WaitingFor(agent), free).await?;
            // No more than there is room for: whoever comes later must not race the first for the slot.
            let mut hands = self.hands();
            jobs.retain(|job| {
                hands.want(job.id);
                !hands.has(job.id)
            });
            drop(hands);
            jobs.truncate(free);
            if free < slots && jobs.len() == free {
                // It has more slots than there was room to look for: the next look offers them.
                self.freed.lock().unwrap_or_else(PoisonError::into_inner).insert(agent);
            }
            self.take(steps, jobs, Cause::Agent);
        }
        self.look_once_more(steps, room(self)).await?;
        self.sweep_on(steps, room(self)).await
    }

    /// Looks again at waiting jobs that an agent changed for while they were in hand.
    async fn look_once_more(self: &Arc<Self>, steps: &TaskTracker, room: usize) -> Result<(), StoreError> {
        for _ in 0..room {
            let Some(job) = self.again.lock().unwrap_or_else(PoisonError::into_inner).pop_first() else {
                break;
            };
            let jobs = self.parts.store.jobs(Query::Job(job)).await;
            let Ok(mut jobs) = jobs else {
                self.look_again(job);
                return jobs.map(drop);
            };
            jobs.retain(|job| job.state == JobState::Open && !job.ready);
            self.take(steps, jobs, Cause::Agent);
        }
        Ok(())
    }

    fn freed_agents(&self) -> BTreeSet<AgentId> {
        std::mem::take(&mut *self.freed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at some more of the waiting jobs after an agent came or changed.
    async fn sweep_on(self: &Arc<Self>, steps: &TaskTracker, room: usize) -> Result<(), StoreError> {
        let before = *self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(before), true) = (before, room > 0) else { return Ok(()) };
        let states = vec!["open".to_owned()];
        let limit = u32::try_from(room).unwrap_or(1);
        let query = Query::List {
            states,
            client: None,
            place: None,
            label: None,
            agent: None,
            before: Some(before),
            limit,
        };
        let jobs = self.parts.store.jobs(query).await?;
        let next = jobs.last().map(|job| job.id);
        let mut sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        // Another agent may have changed meanwhile: then the sweep begins anew.
        if *sweep == Some(before) {
            *sweep = next;
        }
        drop(sweep);
        if next.is_some() {
            self.nudge();
        }
        let waiting = jobs.into_iter().filter(|job| !job.ready).collect();
        self.take(steps, waiting, Cause::Agent);
        Ok(())
    }

    async fn select(&self, selection: JobSelection, room: usize) -> Result<Vec<JobRecord>, StoreError> {
        if room == 0 {
            return Ok(Vec::new());
        }
        // Those in hand are still selected until their first commit.
        let limit = u32::try_from(room + self.hands().len()).unwrap_or(u32::MAX);
        self.parts.store.jobs(Query::Select { selection, limit }).await
    }

    fn take(self: &Arc<Self>, steps: &TaskTracker, jobs: Vec<JobRecord>, cause: Cause) {
        for job in jobs {
            let mut hands = self.hands();
            if !hands.take(&job, self.parts.incarnation, self.parts.limits.steps_max) {
                if cause == Cause::Agent && hands.has(job.id) {
                    hands.want(job.id);
                } else if cause == Cause::Agent {
                    // There was no room for it after all; the next look comes by itself.
                    drop(hands);
                    self.again.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id);
                }
                continue;
            }
            drop(hands);
            let held = InHand { engine: Arc::clone(self), job: job.id };
            steps.spawn(async move {
                let (engine, id) = (&held.engine, held.job);
                if let Err(error) = Box::pin(engine.perform(job, cause, Timestamp::now())).await {
                    tracing::warn!(job.id = id.0, %error, "a step of {id} failed; it is looked at again");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            });
        }
    }
}

impl Engine {
    /// A job has found an agent, or that there is none: those of a lower class may look now.
    pub(super) fn has_chosen(&self, job: JobId) {
        if self.hands().chosen(job) {
            self.nudge();
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job in hand, put back when its step ends, also by a panic.
struct InHand {
    engine: Arc<Engine>,
    job: JobId,
}

impl Drop for InHand {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wanted = self.engine.hands().put_back(self.job);
            if wanted {
                self.engine.look_again(self.job);
            }
            self.engine.nudge();
            return;
        }
        // Whatever it was may happen again: not at once, and nobody waits for it.
        self.engine.hands().chosen(self.job);
        tracing::error!(job.id = self.job.0, "a step of {} panicked; it is looked at again", self.job);
        let (engine, job) = (Arc::clone(&self.engine), self.job);
        tokio::spawn(async move {
            tokio::time::sleep(AFTER_PANIC).await;
            if engine.hands().put_back(job) {
                engine.look_again(job);
            }
            engine.nudge();
        });
    }
}
