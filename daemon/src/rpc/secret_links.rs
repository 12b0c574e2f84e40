//! Addresses that show new secrets of an agent once, to whoever asked for one elsewhere than here.
//!
//! They are promises: nothing is made before one is opened, so one that is lost, or was never opened, costs nothing. That is
//! why they are in memory only: after a restart, whoever wants one asks again. Codes are kept by their hash.

use super::session::Session;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most addresses that are open at a time; each agent and person has one at most.
const LINKS_MAX: usize = 10_000;
/// Bytes of a code.
pub(super) const CODE_BYTES: usize = 32;

/// What opening an address does.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    /// In whose name: what they may is looked at again when it is opened.
    pub(super) who: Arc<Session>,
    /// The agent.
    pub(super) agent: AgentId,
    /// Its name.
    pub(super) name: AgentName,
    /// How long the secrets before the new ones count on, ms.
    pub(super) overlap_ms: u64,
    /// SHA-256 of the sealed secret that was in force: whoever replaced it meanwhile ended the promise.
    pub(super) replaces: [u8; 32],
    /// When it ends.
    pub(super) expires_at: Timestamp,
}

/// Too many addresses are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many links are open at the moment")]
pub(super) struct TooManyLinks;

/// The addresses that are open.
pub struct SecretLinks {
    life: Duration,
    open: Mutex<BTreeMap<[u8; 32], Promise>>,
}

impl SecretLinks {
    /// None is open; each is good for so long.
    pub fn new(life: Duration) -> Self {
        Self { life, open: Mutex::default() }
    }

    /// When an address ends that is made now.
    pub(super) fn expiry(&self, now: Timestamp) -> Timestamp {
        now.after(self.life)
    }

    /// Keeps a promise, and answers with its code. The one before it of the same agent and person ends.
    pub(super) fn make(
        &self,
        promise: Promise,
        code: [u8; CODE_BYTES],
        now: Timestamp,
    ) -> Result<String, TooManyLinks> {
        let code = hex::encode(code);
        let is_same = |other: &Promise| other.agent == promise.agent && other.who.user == promise.who.user;
        let mut open = self.lock();
        open.retain(|_, other| other.expires_at > now && !is_same(other));
        if open.len() >= LINKS_MAX {
            return Err(TooManyLinks);
        }
        open.insert(hash(&code), promise);
        Ok(code)
    }

    /// Of which agent an address would show secrets. Looking uses nothing up.
    pub(super) fn look(&self, code: &str, now: Timestamp) -> Option<AgentName> {
        let open = self.lock();
        open.get(&hash(code)).filter(|promise| promise.expires_at > now).map(|promise| promise.name.clone())
    }

    /// Takes what an address promises: nobody else gets it.
    pub(super) fn take(&self, code: &str, now: Timestamp) -> Option<Promise> {
        self.lock().remove(&hash(code)).filter(|promise| promise.expires_at > now)
    }

    /// Gives back what could not be kept, unless another was made meanwhile.
    pub(super) fn give_back(&self, code: &str, promise: Promise) {
        let mut open = self.lock();
        let is_same = |other: &Promise| other.agent == promise.agent && other.who.user == promise.who.user;
        if !open.values().any(is_same) {
            open.insert(hash(code), promise);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Promise>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Codes are looked up by it: the time that this takes tells nothing of others.
fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::UserId;

    const NOW: Timestamp = Timestamp(1_000);
    const LIFE: Duration = Duration::from_mins(15);

    fn promise(agent: i64, user: i64) -> Promise {
        Promise {
            who: Arc::new(Session::of(UserId(user), "ada".to_owned())),
            agent: AgentId(agent),
            name: "@sum".parse().expect("a name"),
            overlap_ms: 0,
            replaces: [0; 32],
            expires_at: NOW.after(LIFE),
        }
    }

    #[test]
    fn a_link_is_taken_once_and_looked_at_often() {
        let links = SecretLinks::new(LIFE);
        let code = links.make(promise(1, 1), [7; 32], NOW).expect("there is room");
        assert_eq!(code.len(), 64);
        for _ in 0..50 {
            assert!(links.look(&code, NOW).is_some());
        }
        assert!(links.take(&code.replace('7', "8"), NOW).is_none());
        let taken = links.take(&code, NOW).expect("it is open");
        assert!(links.take(&code, NOW).is_none() && links.look(&code, NOW).is_none());
        links.give_back(&code, taken);
        let late = NOW.after(LIFE);
        assert!(links.look(&code, NOW).is_some() && links.look(&code, late).is_none());
        assert!(links.take(&code, late).is_none(), "it is over");
    }

    #[test]
    fn a_new_link_ends_the_one_before_of_the_same_agent_and_person() {
        let links = SecretLinks::new(LIFE);
        let make = |agent, user, code| links.make(promise(agent, user), [code; 32], NOW).expect("room");
        let (first, other, hers) = (make(1, 1, 1), make(2, 1, 2), make(1, 2, 3));
        let again = make(1, 1, 4);
        assert!(links.look(&first, NOW).is_none());
        for code in [other, hers, again] {
            assert!(links.look(&code, NOW).is_some());
        }
    }
}
