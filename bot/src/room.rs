//! Room for interactions: few are being answered at a time, and many may wait for the daemon after their first answer. Whoever
//! waits holds no newcomer up.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Interactions without their first answer at a time; more wait their turn.
const AT_ONCE_MAX: usize = 256;
/// Interactions that have their first answer, and wait for what comes of them.
const WAITING_MAX: usize = 4_096;

/// The room that there is.
pub(crate) struct Room {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }
}

/// The place of one interaction, until it is dropped or exchanged for one among those that wait.
pub(crate) struct Seat {
    at_once: Mutex<Option<OwnedSemaphorePermit>>,
    waiting: Arc<Semaphore>,
}

impl Room {
    /// A place among those that are being answered, as soon as there is one.
    pub(crate) async fn seat(&self) -> Seat {
        let permit = Arc::clone(&self.at_once).acquire_owned().await;
        let permit = permit.expect("nobody closes the semaphore");
        Seat { at_once: Mutex::new(Some(permit)), waiting: Arc::clone(&self.waiting) }
    }
}

impl Seat {
    /// Waits elsewhere from now on, and lets somebody else be answered. None: too many wait there already.
    pub(crate) fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        *self.at_once.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_holds_nobody_up_and_not_everybody_waits() {
        let room = Room::default();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_MAX {
            // More than can be answered at a time.
            let seat = room.seat().await;
            waiting.push((seat.wait().expect("there is room"), seat));
        }
        let seat = room.seat().await;
        assert!(seat.wait().is_none());
        waiting.pop();
        assert!(seat.wait().is_some());
        assert_eq!(room.at_once.available_permits(), AT_ONCE_MAX);
    }
}
