//! Makes what the store must not: ids in the order of time, and random bytes. A simulator gives it a seed.

use guildhall_protocol::ids::earliest_id;
use guildhall_protocol::time::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The one source of ids and chance in a daemon.
pub struct Maker {
    last_id: AtomicI64,
    random: Mutex<ChaCha20Rng>,
}

impl Maker {
    /// A source whose ids are larger than `id_max` and whose chance follows from `seed`.
    pub fn new(id_max: i64, seed: [u8; 32]) -> Self {
        Self { last_id: AtomicI64::new(id_max), random: Mutex::new(ChaCha20Rng::from_seed(seed)) }
    }

    /// An id larger than all before, and about as large as the time says.
    pub fn id(&self, now: Timestamp) -> i64 {
        let by_time = earliest_id(now);
        let next = |last: i64| last.saturating_add(1).max(by_time);
        next(
            self.last_id
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)))
                .unwrap_or_else(|last| last),
        )
    }

    /// Random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A random number.
    pub fn random_u64(&self) -> u64 {
        u64::from_le_bytes(self.random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::{ID_EPOCH_MS, IDS_PER_MS};

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let maker = Maker::new(0, [0; 32]);
        let now = Timestamp(ID_EPOCH_MS + 1_000);
        let first = maker.id(now);
        assert_eq!(first, 1_000 * IDS_PER_MS);
        assert_eq!(maker.id(now), first + 1);
        assert_eq!(maker.id(Timestamp(0)), first + 2, "the clock went back");
        assert_eq!(maker.id(Timestamp(ID_EPOCH_MS + 2_000)), 2_000 * IDS_PER_MS);
        assert_eq!(
            Maker::new(5_000_000_000, [0; 32]).id(now),
            5_000_000_001,
            "the store is ahead of the clock"
        );
    }

    #[test]
    fn chance_follows_from_the_seed() {
        let draw = |seed| Maker::new(0, [seed; 32]).random::<16>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
