//! What people change about a job without a step in its life: its time, its class, who may get it; complaints and contests,
//! and what operators decide about them. And the engine's own pause.

use super::Engine;
use super::commit::CommitError;
use super::next_step::attempt_deadline;
use super::work::Work;
use crate::scribe::Scribe;
use crate::store::{
    AppealRecord, AppealTurn, AttemptTurn, Cause, Command, JobRecord, Query, Request, Steering, StoreError,
    TallyRecord,
};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::{Actor, Text, What};
use guildhall_protocol::ids::{AgentId, AttemptNumber, UserId};
use guildhall_protocol::job::Priority;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use std::sync::atomic::Ordering;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// More time, or less.
    Deadline(Timestamp),
    /// Another class in the queue.
    Priority(Priority),
    /// An agent that does not get it.
    Exclude(AgentId),
    /// An agent that did not get it, and may again.
    Include(AgentId),
    /// An operator sees its texts until then; the text says why.
    Reveal(Timestamp),
    /// A complaint about the result of an attempt, or a contest of its findings; the text says why.
    Appeal(AttemptNumber, AppealKind),
    /// An operator's word on it.
    Decide {
        /// About which attempt.
        attempt: AttemptNumber,
        /// Complaint or contest.
        kind: AppealKind,
        /// Whether it is right.
        upheld: bool,
    },
}

impl Engine {
    /// Carries out a change. Whether the person may is the caller's question.
    ///
    /// # Errors
    /// The job changed meanwhile, it was said before, or the store cannot be written.
    pub async fn steer(
        &self,
        job: JobRecord,
        who: UserId,
        request: Request,
        change: Change,
        reason: Option<String>,
    ) -> Result<(), CommitError> {
        let now = Timestamp::now();
        let mut work = Work::load(&*self.parts.store, job).await?;
        let mut scribe = self.scribe(&work, now, Actor::User(who));
        let reason = reason.map(|text| scribe.text(&text));
        let mut note = work.note();
        let (mut tallies, mut appeal) = (Vec::new(), None);
        match change {
            Change::Deadline(deadline) => {
                scribe.event(What::Extended { deadline, reason });
                // What waits for its end alone waits for the new one.
                if note.due_at == Some(work.job.deadline) {
                    note.due_at = Some(deadline);
                }
                note.due_at = note.due_at.map(|due| due.min(deadline));
                note.deadline = deadline;
                note.attempt = more_time(&work, deadline, now);
            }
            Change::Priority(priority) => {
                scribe.event(What::Prioritized { to: priority, reason });
                note.priority = priority;
            }
            Change::Exclude(agent) => {
                scribe.event(What::Excluded { agent, reason });
                let mut steering = Steering { assign: work.job.steering.assign, ..work.job.steering.clone() };
                steering.assign = steering.assign.filter(|assigned| *assigned != agent);
                if !steering.exclude.contains(&agent) {
                    steering.exclude.push(agent);
                }
                note.steering = Some(steering);
            }
            Change::Include(agent) => {
                scribe.event(What::Included { agent, reason });
                let mut steering = work.job.steering.clone();
                steering.exclude.retain(|excluded| *excluded != agent);
                note.steering = Some(steering);
            }
            Change::Reveal(until) => {
                let Some(reason) = reason else { return Ok(()) };
                scribe.event(What::TextsRevealed { until, reason });
            }
            Change::Appeal(attempt, kind) => {
                let Some(Text { commitment, body }) = reason else { return Ok(()) };
                scribe.event(What::AppealMade { attempt, kind, text: commitment });
                self.tell_operators(&work.job, &mut scribe, NoticeKind::AppealMade);
                appeal = Some(AppealTurn::Made { attempt, kind, user: who, text: body });
            }
            Change::Decide { attempt, kind, upheld } => {
                scribe.event(What::AppealDecided { attempt, kind, upheld, reason });
                if let Some(made) = self.appeal(&work, attempt, kind).await? {
                    self.tell_user(&work, made.user, &mut scribe, NoticeKind::AppealDecided);
                }
                if upheld {
                    tallies = self.corrections(&work, attempt, kind, now);
                }
                // Who complains says that the answer is not good, who contests that it is.
                let good = match kind {
                    AppealKind::Complaint => !upheld,
                    AppealKind::Contest => upheld,
                };
                scribe.opinion(attempt, good);
                appeal = Some(AppealTurn::Decided { attempt, kind, upheld });
            }
        }
        let cause = Some(Cause::Request(request));
        self.note_all(&mut work, now, scribe, cause, note, tallies, appeal).await?;
        self.nudge();
        Ok(())
    }

    async fn appeal(
        &self,
        work: &Work,
        attempt: AttemptNumber,
        kind: AppealKind,
    ) -> Result<Option<AppealRecord>, StoreError> {
        let appeals = self.parts.store.appeals(Query::Appeals(work.job.id)).await?;
        Ok(appeals.into_iter().find(|appeal| appeal.attempt.number == attempt && appeal.kind == kind))
    }

    /// What an appeal that is right changes in the agent's record: what counted as good counts as bad, or the reverse.
    fn corrections(
        &self,
        work: &Work,
        attempt: AttemptNumber,
        kind: AppealKind,
        now: Timestamp,
    ) -> Vec<TallyRecord> {
        let Some(attempt) = work.attempt(attempt) else { return Vec::new() };
        let (counted, right) = match kind {
            AppealKind::Complaint => (EndedAs::Passed, EndedAs::Failed),
            AppealKind::Contest => (EndedAs::Failed, EndedAs::Passed),
        };
        // Silence that accepted an answer was never counted: nothing is taken back for it.
        let by_nobody = kind == AppealKind::Complaint
            && work.job.checked_by == Some(guildhall_protocol::attempt::CheckedBy::Nobody);
        let before = self.tally(work, attempt, counted, now).filter(|_| !by_nobody);
        let mut tallies: Vec<TallyRecord> = before.map(TallyRecord::taken_back).into_iter().collect();
        tallies.extend(self.tally(work, attempt, right, now));
        tallies
    }

    /// Stops or starts new attempts everywhere.
    ///
    /// # Errors
    /// The store refuses it or cannot be written.
    pub async fn pause(
        &self,
        who: UserId,
        request: Request,
        paused: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let system = self.parts.store.system(Query::System).await?;
        let mut scribe = Scribe::new(&self.parts.maker, now, system.chain, Actor::User(who));
        let reason = reason.map(|text| scribe.text(&text));
        scribe.event(if paused { What::EnginePaused { reason } } else { What::EngineResumed { reason } });
        let entry = scribe.finish();
        self.parts
            .store
            .apply(now, Command::PauseEngine { request, chain: system.chain, paused, entry })
            .await?;
        let paused = self.parts.store.system(Query::System).await?.paused;
        self.paused.store(paused, Ordering::Relaxed);
        self.nudge();
        Ok(())
    }
}

/// The attempt that runs gets its part of a job's new time.
fn more_time(work: &Work, deadline: Timestamp, now: Timestamp) -> Option<AttemptTurn> {
    let attempt = work.newest().filter(|newest| newest.state.ended().is_none())?;
    let share = attempt_deadline(&work.attempts, &work.draft.policy, deadline, now);
    Some(AttemptTurn { deadline: attempt.deadline.max(share).min(deadline), ..attempt.unchanged() })
}
