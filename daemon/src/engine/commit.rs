//! Writing a turn down, whatever the store says: an unknown commit is looked up, a full disk is waited for.

use super::Engine;
use super::work::Work;
use crate::scribe::Scribe;
use crate::store::{AttemptTurn, Command, JobTurn, Request, StoreError, Tally, TallyRecord};
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
    pub(super) tally: Option<(AgentId, i64, Tally)>,
    pub(super) request: Option<Request>,
}

impl Turn {
    pub(super) fn of(job: JobTurn) -> Self {
        Self { job, attempt: None, tally: None, request: None }
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
        let Turn { job: turn, attempt, tally, request } = turn;
        let command = Command::Turn { fence: work.fence(), request, turn, attempt, tally, entry };
        self.commit(work.job.id, head.hash, now, command).await?;

        let job = &mut work.job;
        job.state = turn.state;
        job.epoch += 1;
        job.chain = head;
        job.due_at = turn.due_at;
        job.ready = turn.ready;
        job.lease = turn.lease;
        job.deaths = turn.deaths;
        if let Some(turn) = attempt
            && let Some(attempt) = work.attempts.iter_mut().find(|attempt| attempt.number == turn.number)
        {
            let had_slot = attempt.state.holds_slot();
            attempt.state = turn.state;
            attempt.tries = turn.tries;
            attempt.answer = turn.answer.or(attempt.answer);
            attempt.findings = turn.findings.or(attempt.findings);
            let agent = attempt.agent;
            if had_slot && !turn.state.holds_slot() {
                self.slot_freed(agent);
            }
        }
        if let Some((agent, day, tally)) = tally {
            self.market_mut().tally(TallyRecord { agent, day, tally });
        }
        self.parts.changes.touch(Some(job.id));
        Ok(())
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
