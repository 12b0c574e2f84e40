//! Whether a history is what was written. The rows say which hash each event got; here all of them are reckoned anew.

use crate::store::{Chain, EventRecord};
use guildhall_protocol::view::Chained;

/// Reckons the hashes of these events, the oldest first: all those after number `after`, up to the head that the subject's own
/// row has. Where `after` is not 0, the first of them is believed, as what it follows from is not at hand.
pub(super) fn chained(events: &[EventRecord], after: u64, head: Chain) -> Chained {
    let mut events = events.iter();
    let mut chain = Chain { revision: after, ..Chain::default() };
    if after > 0 {
        match events.next() {
            Some(first) if first.seq == after + 1 => {
                chain = Chain { revision: first.seq, hash: first.hash };
            }
            Some(_) | None => return Chained::Broken { at: after + 1 },
        }
    }
    let after = chain.revision;
    for event in events {
        let next = chain.followed_by(&event.bytes);
        if (event.seq, event.hash) != (next.revision, next.hash) {
            return Chained::Broken { at: next.revision };
        }
        chain = next;
    }
    if chain == head {
        return Chained::Whole { after, up_to: head.revision };
    }
    // The newest are missing; or all are there, and end otherwise than the subject remembers.
    Chained::Broken { at: (chain.revision + 1).min(head.revision) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::history::Subject;
    use guildhall_protocol::ids::{EventId, JobId};

    /// A history of five events, and its head.
    fn history() -> (Vec<EventRecord>, Chain) {
        let mut chain = Chain::default();
        let event = |seq: u8| {
            let bytes = vec![seq; 3];
            chain = chain.followed_by(&bytes);
            let (id, subject) = (EventId(i64::from(seq)), Subject::Job(JobId(7)));
            EventRecord { id, subject, seq: chain.revision, bytes, hash: chain.hash }
        };
        ((1..=5).map(event).collect(), chain)
    }

    #[test]
    fn a_history_is_whole_from_its_beginning_or_from_where_it_was_read() {
        let (events, head) = history();
        assert_eq!(chained(&events, 0, head), Chained::Whole { after: 0, up_to: 5 });
        assert_eq!(chained(&events[2..], 2, head), Chained::Whole { after: 3, up_to: 5 });
        assert_eq!(chained(&[], 0, Chain::default()), Chained::Whole { after: 0, up_to: 0 });
    }

    #[test]
    fn what_was_changed_taken_out_or_put_in_is_found_where_it_is() {
        let at = |at| Chained::Broken { at };
        let (events, head) = history();
        let mut changed = events.clone();
        changed[2].bytes = b"other".to_vec();
        assert_eq!(chained(&changed, 0, head), at(3));
        // Whoever changes the hash, too, is found at the next one.
        changed[2].hash = Chain { revision: 2, hash: events[1].hash }.followed_by(b"other").hash;
        assert_eq!(chained(&changed, 0, head), at(4));
        let mut without = events.clone();
        without.remove(1);
        assert_eq!(chained(&without, 0, head), at(2));
        assert_eq!(chained(&events[..4], 0, head), at(5), "the newest is gone");
        assert_eq!(chained(&events[3..], 2, head), at(3), "what it follows from is gone");
        let mut twice = events.clone();
        twice.insert(3, events[2].clone());
        assert_eq!(chained(&twice, 0, head), at(4));
        let otherwise = Chain { hash: [9; 32], ..head };
        assert_eq!(chained(&events, 0, otherwise), at(5), "its job remembers another one");
    }
}
