//! What agents say by themselves, by a callback.
//!
//! The HTTP listener has checked who speaks; here it is decided what it changes. An answer is stored now and judged by the
//! engine's next step, so that the agent hears of the commit and not of the judging.

use super::Engine;
use super::commit::CommitError;
use super::next_step::Failure;
use super::reading::Reading;
use super::settle::{Heard, Settled};
use super::work::Work;
use crate::agents::callback::Said;
use crate::store::{Callback, Conflict, Pulse, StoreError};
use guildhall_protocol::attempt::EndedAs;

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// It is on record; perhaps too late to change anything.
    Recorded,
    /// Another message came under this id before.
    IdReused,
}

impl Engine {
    /// Takes what an agent said about one of its attempts. The same again changes nothing.
    ///
    /// # Errors
    /// There is no such attempt, or the store cannot be read or written.
    pub async fn hear(&self, callback: Callback, said: Said) -> Result<CallbackOutcome, CommitError> {
        let reading = match said {
            Said::Output(output) => Reading::Answer(output),
            Said::Progress(note) => Reading::Working(Some(note)),
            Said::Question(question) => Reading::Asked(question),
            Said::Declined(reason) => Reading::Ended {
                ended: EndedAs::Declined,
                reason,
                failure: Failure::Other,
                breach: false,
                gone: false,
            },
        };
        let job = self.parts.store.job(callback.attempt.job).await?;
        let work = Work::load(&*self.parts.store, job).await?;
        let attempt = callback.attempt.number;
        let (callback, pulse) = (Some(callback), Some(Pulse::Beat));
        let heard = Heard { attempt, reading, log: None, callback, replies: None, pulse };
        match self.settle(work, heard).await {
            Ok(Settled::Recorded | Settled::Late) => Ok(CallbackOutcome::Recorded),
            Err(CommitError::Store(StoreError::Conflict(Conflict::RequestReused))) => {
                Ok(CallbackOutcome::IdReused)
            }
            Err(error) => Err(error),
        }
    }
}
