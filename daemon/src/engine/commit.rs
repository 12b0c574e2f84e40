//! Writing a turn down, whatever the store says: an unknown commit is looked up, a full disk is waited for.

use super::Engine;
use super::work::Work;
use crate::scribe::Scribe;
use crate::store::{
    AppealTurn, AttemptTurn, Cause, Command, JobNote, JobTurn, Pulse, Steering, StoreError, TallyRecord,
};
use guildhall_protocol::history::Actor;
use guildhall_protocol::ids::{AgentId, JobId};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Waits between tries when the store cannot be written, and how many there are: about a minute in all.
const AGAIN: Duration = Duration::from_millis(250);
const AGAIN_MAX: u32 = 240;

/// A turn that was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job's state does not know the event.
    #[error(transparent)]
    Illegal(#[from] guildhall_protocol::state::IllegalTransition),
}

/// A job's turn, ready to be written.
pub(super) struct Turn {
    pub(super) job: JobTurn,
    pub(super) attempt: Option<AttemptTurn>,
    pub(super) steering: Option<Steering>,
    pub(super) tally: Option<TallyRecord>,
    pub(super) pulse: Option<(AgentId, Pulse)>,
    pub(super) cause: Option<Cause>,
}

impl Turn {
    pub(super) fn of(job: JobTurn) -> Self {
        Self { job, attempt: None, steering: None, tally: None, pulse: None, cause: None }
    }
}

impl Engine {
    /// Begins the record of a job's turn.
    pub(super) fn scribe(&self, work: &Work, now: Timestamp, by: Actor) -> Scribe<'_> {
        Scribe::new(&self.parts.maker, now, work.job.chain, by)
    }

    /// Writes a turn down, and takes the job in hand along: its epoch, its chain, its attempt.
    pub(super) async fn turn(
        &self,
        work: &mut Work,
        now: Timestamp,
        scribe: Scribe<'_>,
        turn: Turn,
    ) -> Result<(), StoreError> {
        let entry = scribe.finish();
        let Some(head) = entry.events.last().map(|event| event.chain) else {
            return Err(StoreError::Unavailable("a turn without an event".to_owned()));
        };
        let Turn { job: turn, attempt, steering, tally, pulse, cause } = turn;
        let fence = work.fence();
        let command =
            Command::Turn { fence, cause, turn, attempt, steering: steering.clone(), tally, pulse, entry };
        self.commit(work.job.id, head.hash, now, command).await?;

        let job = &mut work.job;
        job.state = turn.state;
        job.epoch += 1;
        job.chain = head;
        job.due_at = turn.due_at;
        job.ready = turn.ready;
        job.lease = turn.lease;
        job.deaths = turn.deaths;
        job.window = turn.window;
        if turn.question.is_some() || turn.reply.is_some() {
            (job.question, job.reply) = (turn.question, turn.reply);
        }
        job.steering = steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        let id = job.id;
        self.flow.turned(now, turn.state);
        self.take_along(work, attempt, tally.as_slice());
        self.parts.changes.touch(Some(id));
        Ok(())
    }

    /// Writes a note down, and takes the job in hand along.
    pub(super) async fn note(
        &self,
        work: &mut Work,
        now: Timestamp,
        scribe: Scribe<'_>,
        cause: Option<Cause>,
        note: JobNote,
    ) -> Result<(), StoreError> {
        self.note_all(work, now, scribe, cause, note, Vec::new(), None).await
    }

    /// The same, with what agents' records gain and what is said about an appeal.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the fields of the one command that this hands in"
    )]
    pub(super) async fn note_all(
        &self,
        work: &mut Work,
        now: Timestamp,
        scribe: Scribe<'_>,
        cause: Option<Cause>,
        note: JobNote,
        tallies: Vec<TallyRecord>,
        appeal: Option<AppealTurn>,
    ) -> Result<(), StoreError> {
        let entry = scribe.finish();
        let head = entry.events.last().map_or(work.job.chain, |event| event.chain);
        let fence = work.fence();
        let command =
            Command::Note { fence, cause, note: note.clone(), tallies: tallies.clone(), appeal, entry };
        self.commit(work.job.id, head.hash, now, command).await?;
        let job = &mut work.job;
        job.chain = head;
        (job.deadline, job.due_at, job.window) = (note.deadline, note.due_at, note.window);
        job.priority = note.priority;
        job.steering = note.steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        let id = job.id;
        self.take_along(work, note.attempt, &tallies);
        self.parts.changes.touch(Some(id));
        Ok(())
    }

    /// What a command changed beside the job: its attempt, the agent's slots and record.
    fn take_along(&self, work: &mut Work, turn: Option<AttemptTurn>, tallies: &[TallyRecord]) {
        if let Some(turn) = turn
            && let Some(attempt) = work.attempts.iter_mut().find(|attempt| attempt.number == turn.number)
        {
            let had_slot = attempt.state.holds_slot();
            let before = (attempt.answered_at, attempt.state.ended());
            *attempt = attempt.clone().after(turn);
            if let (None, Some(at)) = (before.0, attempt.answered_at) {
                self.flow.ran(at, at.since(attempt.started_at));
            }
            if let (None, Some(ended), Some(at)) = (before.1, attempt.state.ended(), attempt.ended_at) {
                self.flow.ended(at, ended);
            }
            let agent = attempt.agent;
            match (had_slot, turn.state.holds_slot()) {
                (true, false) => self.slot_freed(agent),
                (false, true) => self.market_mut().take_slot(agent),
                (true, true) | (false, false) => {}
            }
        }
        for tally in tallies {
            self.market_mut().tally(*tally);
        }
    }

    /// Hands a command to the store until it is known to be stored or refused.
    pub(super) async fn commit(
        &self,
        job: JobId,
        head: [u8; 32],
        now: Timestamp,
        command: Command,
    ) -> Result<(), StoreError> {
        for _ in 0..AGAIN_MAX {
            match self.parts.store.apply(now, command.clone()).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Unknown(why)) => {
                    tracing::warn!(
                        job.id = job.0,
                        why,
                        "it is unknown whether a turn of {job} was stored; looking"
                    );
                    if self.is_head(job, head).await? {
                        return Ok(());
                    }
                }
                Err(error @ (StoreError::Busy | StoreError::Full | StoreError::Unavailable(_))) => {
                    tracing::warn!(job.id = job.0, %error, "a turn of {job} could not be stored; trying again");
                }
                Err(error @ (StoreError::NotFound | StoreError::Conflict(_) | StoreError::Stale)) => {
                    return Err(error);
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(StoreError::Unavailable("the store could not be written for a minute".to_owned()))
    }

    async fn is_head(&self, job: JobId, head: [u8; 32]) -> Result<bool, StoreError> {
        Ok(self.parts.store.job(job).await?.chain.hash == head)
    }
}
