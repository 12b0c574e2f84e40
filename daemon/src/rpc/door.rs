//! Who may stand in the door, and how many: limits on connections and calls, so that nobody is in another's way.

use crate::crowd::{Crowd, Guest, Throttle, network};
use guildhall_protocol::ids::UserId;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Callers who have not said yet who they are; one more, and the first of them is turned away.
const WAITING_MAX: usize = 256;
/// Connections of one address at a time: a proxy, and everybody behind it, is one address.
const CONNECTIONS_OF_ADDRESS_MAX: usize = 1_024;

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
    connections: usize,
    waiting: Mutex<Waiting>,
    addresses: Arc<Crowd<IpAddr>>,
    users: Arc<Crowd<UserId>>,
    calls: Throttle<UserId>,
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

impl Door {
    /// A door with nobody in it.
    pub fn new(limits: DoorLimits) -> Self {
        Self {
            connections: limits.connections,
            waiting: Mutex::default(),
            addresses: Crowd::new(CONNECTIONS_OF_ADDRESS_MAX),
            users: Crowd::new(limits.connections_of_user),
            calls: Throttle::new(limits.calls_per_s),
        }
    }

    /// Connections at a time.
    pub(super) fn connections_max(&self) -> usize {
        self.connections
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

    /// Counts a connection of an address; none when it has too many.
    pub(super) fn come(&self, address: IpAddr) -> Option<Guest<IpAddr>> {
        self.addresses.enter(network(address))
    }

    /// Counts a connection of a user.
    ///
    /// # Errors
    /// They have too many; says so.
    pub(super) fn enter(&self, user: UserId) -> Result<Guest<UserId>, String> {
        let most = self.users.most();
        let full = || format!("you have {most} connections already, the most there may be: close one");
        self.users.enter(user).ok_or_else(full)
    }

    /// Counts a call of a user.
    ///
    /// # Errors
    /// They made too many; says when they may go on.
    pub(super) fn call(&self, user: UserId) -> Result<(), String> {
        self.calls.call(user).map_err(|wait| {
            let most = self.calls.per_s();
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
}
