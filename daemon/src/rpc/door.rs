//! Who may stand in the door, and how many: limits on connections and calls, so that nobody is in another's way.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use guildhall_protocol::ids::UserId;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Callers who have not said yet who they are; one more, and the first of them is turned away.
const WAITING_MAX: usize = 256;
/// After so many calls the users that have been quiet are forgotten: seldom, since all are looked through.
const FORGET_EVERY: u32 = 10_000;

/// The limits of the door.
#[derive(Clone, Copy, Debug)]
pub struct DoorLimits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one user at a time.
    pub connections_of_user: usize,
    /// Calls of one user in a second; twice as many in a burst.
    pub calls_per_s: NonZeroU32,
}

/// The door of all listeners.
pub struct Door {
    limits: DoorLimits,
    waiting: Mutex<Waiting>,
    inside: Mutex<BTreeMap<UserId, usize>>,
    calls: DefaultKeyedRateLimiter<UserId>,
    counted: AtomicU32,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    queue: VecDeque<(u64, CancellationToken)>,
}

/// A place among those who have not said yet who they are. Dropping it leaves it.
pub(super) struct Waits {
    door: Arc<Door>,
    number: u64,
    /// Canceled when it is taken by somebody who came later.
    pub(super) lost: CancellationToken,
}

/// A connection of a user that counts. Dropping it takes it back.
pub(super) struct Inside {
    door: Arc<Door>,
    user: UserId,
}

impl Door {
    /// A door with nobody in it.
    pub fn new(limits: DoorLimits) -> Self {
        let burst = limits.calls_per_s.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        Self {
            limits,
            waiting: Mutex::default(),
            inside: Mutex::default(),
            calls: RateLimiter::keyed(Quota::per_second(limits.calls_per_s).allow_burst(burst)),
            counted: AtomicU32::new(1),
        }
    }

    /// Connections at a time.
    pub(super) fn connections_max(&self) -> usize {
        self.limits.connections
    }

    /// Lets a connection wait until its handshake is done; the oldest that waits leaves if there are too many. A handshake
    /// takes milliseconds, so that is somebody who means no handshake.
    pub(super) fn wait(self: &Arc<Self>) -> Waits {
        let lost = CancellationToken::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.next;
        waiting.next += 1;
        waiting.queue.push_back((number, lost.clone()));
        if waiting.queue.len() > WAITING_MAX
            && let Some((_, oldest)) = waiting.queue.pop_front()
        {
            oldest.cancel();
        }
        Waits { door: Arc::clone(self), number, lost }
    }

    /// Counts a connection of a user.
    ///
    /// # Errors
    /// They have too many; says so.
    pub(super) fn enter(self: &Arc<Self>, user: UserId) -> Result<Inside, String> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(user).or_default();
        let most = self.limits.connections_of_user;
        if *count >= most {
            return Err(format!("you have {most} connections already, the most there may be: close one"));
        }
        *count += 1;
        Ok(Inside { door: Arc::clone(self), user })
    }

    /// Counts a call of a user.
    ///
    /// # Errors
    /// They made too many; says when they may go on.
    pub(super) fn call(&self, user: UserId) -> Result<(), String> {
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.calls.retain_recent();
        }
        self.calls.check_key(&user).map_err(|until| {
            let wait: Duration = until.wait_time_from(DefaultClock::default().now());
            let most = self.limits.calls_per_s;
            format!("you make more than {most} calls a second: try again in {} ms", wait.as_millis() + 1)
        })
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let mut waiting = self.door.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those in front are few: a handshake is short.
        if let Some(place) = waiting.queue.iter().position(|(number, _)| *number == self.number) {
            drop(waiting.queue.remove(place));
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut inside = self.door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Arc<Door> {
        let calls_per_s = NonZeroU32::new(5).expect("more than none");
        Arc::new(Door::new(DoorLimits { connections: 10, connections_of_user: 2, calls_per_s }))
    }

    #[test]
    fn one_user_s_connections_are_counted_and_given_back() {
        let door = door();
        let (ada, bob) = (UserId(1), UserId(2));
        let first = door.enter(ada).expect("it fits");
        let _second = door.enter(ada).expect("it fits");
        assert!(door.enter(ada).err().expect("a third").contains("2 connections"));
        let _bobs = door.enter(bob).expect("somebody else");
        drop(first);
        assert!(door.enter(ada).is_ok());
    }

    #[test]
    fn who_waits_longest_makes_room() {
        let door = door();
        let waiting: Vec<Waits> = (0..=WAITING_MAX).map(|_| door.wait()).collect();
        let lost = waiting.iter().filter(|waits| waits.lost.is_cancelled()).count();
        assert!(waiting[0].lost.is_cancelled() && lost == 1, "{lost}");
        drop(waiting);
        assert!(!door.wait().lost.is_cancelled());
    }

    #[test]
    fn calls_are_counted_per_user() {
        let door = door();
        assert_eq!((0..10).filter(|_| door.call(UserId(1)).is_ok()).count(), 10, "a burst");
        assert!(door.call(UserId(1)).expect_err("one too many").contains("try again in"));
        assert!(door.call(UserId(2)).is_ok());
    }
}
