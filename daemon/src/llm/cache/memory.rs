//! A cache in memory: until the daemon ends, and never more than its bytes.

use super::{Cache, CacheKey, CacheStats, VALUE_BYTES_MAX};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an entry takes beside its value, bytes: its key twice and the maps' own needs.
const ENTRY_BYTES: u64 = 160;

/// Keeps values in memory; what was not used for longest makes room.
pub struct Memory {
    bytes_max: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<CacheKey, Entry>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, CacheKey>,
    /// Counts uses.
    clock: u64,
    stats: CacheStats,
}

struct Entry {
    value: Vec<u8>,
    used: u64,
}

impl Memory {
    /// An empty cache of at most so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        let stats = CacheStats { kind: "memory", bytes_max, ..CacheStats::default() };
        Self { bytes_max, kept: Mutex::new(Kept { stats, ..Kept::default() }) }
    }

    /// Held for a few instructions that do not panic; if one did, the worst is a value that is missed.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for Memory {
    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(std::future::ready(self.kept().get(key)))
    }

    fn put(&self, key: &CacheKey, value: &[u8]) {
        let mut kept = self.kept();
        if value.len() > VALUE_BYTES_MAX || bytes_of(value) > self.bytes_max {
            kept.stats.dropped += 1;
            return;
        }
        kept.put(key, value);
        while kept.stats.bytes > self.bytes_max {
            kept.evict();
        }
    }

    fn stats(&self) -> CacheStats {
        self.kept().stats.clone()
    }
}

impl Kept {
    fn get(&mut self, key: &CacheKey) -> Option<Vec<u8>> {
        self.clock += 1;
        let now = self.clock;
        let Some(entry) = self.entries.get_mut(key) else {
            self.stats.misses += 1;
            return None;
        };
        self.order.remove(&std::mem::replace(&mut entry.used, now));
        self.order.insert(now, *key);
        self.stats.hits += 1;
        Some(entry.value.clone())
    }

    fn put(&mut self, key: &CacheKey, value: &[u8]) {
        self.clock += 1;
        let entry = Entry { value: value.to_vec(), used: self.clock };
        self.stats.bytes += bytes_of(value);
        if let Some(before) = self.entries.insert(*key, entry) {
            self.order.remove(&before.used);
            self.stats.bytes -= bytes_of(&before.value);
        }
        self.order.insert(self.clock, *key);
    }

    fn evict(&mut self) {
        if let Some((_, key)) = self.order.pop_first()
            && let Some(entry) = self.entries.remove(&key)
        {
            self.stats.bytes -= bytes_of(&entry.value);
            self.stats.evictions += 1;
        }
    }
}

fn bytes_of(value: &[u8]) -> u64 {
    value.len() as u64 + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let memory = Memory::new(3 * (ENTRY_BYTES + 10));
        for number in 0..3 {
            memory.put(&[number; 32], &[number; 10]);
        }
        assert!(memory.kept().get(&[0; 32]).is_some());
        memory.put(&[3; 32], &[3; 10]);
        let mut kept = memory.kept();
        assert!(kept.get(&[1; 32]).is_none(), "it was used last of all");
        assert!([0, 2, 3].iter().all(|number| kept.get(&[*number; 32]).is_some()));
        assert_eq!((kept.stats.bytes, kept.stats.evictions), (3 * (ENTRY_BYTES + 10), 1));
        assert_eq!(kept.order.len(), kept.entries.len());
    }

    #[test]
    fn what_is_larger_than_all_is_not_kept() {
        let memory = Memory::new(100);
        memory.put(&[0; 32], &[0; 200]);
        assert_eq!((memory.stats().bytes, memory.stats().dropped), (0, 1));
    }
}
