//! Where a job is shown on Discord, as the daemon keeps it for us: an address says all that is needed to find it again.

use serde::{Deserialize, Serialize};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Address {
    Thread(Thread),
    Card(Card),
}

/// One message that is kept current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) channel: u64,
    pub(crate) message: u64,
    /// Whether the channel is a server's.
    #[serde(default)]
    pub(crate) in_server: bool,
    /// Whether it shows everything.
    pub(crate) full: bool,
    /// Whether we might open a thread at it when it was put.
    #[serde(default)]
    pub(crate) may_thread: bool,
}

/// A thread in which a job is told, message by message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// Its channel.
    pub(crate) thread: u64,
}

impl Address {
    /// Reads what the daemon kept; none: it is none of ours.
    pub(crate) fn read(kept: &str) -> Option<Self> {
        serde_json::from_str(kept).ok()
    }

    /// As the daemon keeps it.
    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).expect("numbers and truths are JSON")
    }
}

/// The cards among some addresses.
pub(crate) fn cards(kept: &[String]) -> impl Iterator<Item = Card> {
    kept.iter().filter_map(|kept| match Address::read(kept)? {
        Address::Card(card) => Some(card),
        Address::Thread(_) => None,
    })
}

/// The thread among some addresses: a job has one at most.
pub(crate) fn thread(kept: &[String]) -> Option<Thread> {
    kept.iter().find_map(|kept| match Address::read(kept)? {
        Address::Thread(thread) => Some(thread),
        Address::Card(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_back_and_old_ones_are_read() {
        let card = Card { channel: 1, message: 2, in_server: true, full: true, may_thread: true };
        let kept = [Address::Card(card.clone()).write(), Address::Thread(Thread { thread: 7 }).write()];
        assert_eq!(cards(&kept).collect::<Vec<_>>(), [card]);
        assert_eq!(thread(&kept), Some(Thread { thread: 7 }));
        let old = r#"{"channel":1,"message":2,"in_server":true,"full":false}"#.to_owned();
        let read = cards(&[old, "elsewhere".to_owned()]).collect::<Vec<_>>();
        assert!(read.len() == 1 && !read[0].may_thread, "{read:?}");
    }
}
