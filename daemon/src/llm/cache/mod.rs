//! Where answers are kept, so that equal questions are asked once.
//!
//! A cache is never the truth: a miss is never a fact, a value may be gone at any time, and nothing that happens to a cache
//! is an error for its caller. It never keeps its caller waiting longer than [`WAIT_MS_MAX`].

mod entry;
mod memory;
mod sled;

#[cfg(test)]
mod tests;

pub use self::sled::{SLED_BYTES_MIN, Sled};
pub use memory::Memory;

use super::settings::CacheSettings;
use futures::future::BoxFuture;
use guildhall_protocol::ids::StoreTag;
use std::sync::Arc;

/// Longest wait for a cache, ms; a slower answer is a miss. Models take longer than this to answer, also where a machine is
/// so busy that a cache takes a while to be opened.
pub const WAIT_MS_MAX: u64 = 500;
/// Largest value that is kept, bytes; larger ones are not.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Names a value: a SHA-256 of everything that it depends on.
pub type CacheKey = [u8; 32];

/// Keeps values under keys, as long as it pleases.
pub trait Cache: Send + Sync {
    /// The value under this key, if it is there and whole. Waits at most [`WAIT_MS_MAX`]; may be dropped midway.
    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Option<Vec<u8>>>;

    /// Keeps a value, or not. Returns at once.
    fn put(&self, key: &CacheKey, value: &[u8]);

    /// How it is doing. Costs little.
    fn stats(&self) -> CacheStats;
}

/// How a cache is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Its kind: `off`, `memory` or `sled`.
    pub kind: &'static str,
    /// Values found since start.
    pub hits: u64,
    /// Values not found since start, among them those that came too late.
    pub misses: u64,
    /// Values not kept since start: too large, or too many at once.
    pub dropped: u64,
    /// Bytes that it takes now, as it counts them.
    pub bytes: u64,
    /// Most bytes.
    pub bytes_max: u64,
    /// How often values had to go to make room.
    pub evictions: u64,
    /// How often it started empty because what was there was broken.
    pub resets: u64,
    /// What is wrong, for people; none: nothing.
    pub trouble: Option<String>,
}

/// The cache that the settings ask for. Its values belong to this store only. Never fails: a folder that cannot be used makes
/// a cache in which nothing is found.
pub fn open(settings: &CacheSettings, tag: StoreTag) -> Arc<dyn Cache> {
    match settings {
        CacheSettings::Off => Arc::new(Off),
        CacheSettings::Memory { bytes_max } => Arc::new(Memory::new(*bytes_max)),
        CacheSettings::Sled { folder, bytes_max } => Arc::new(Sled::open(folder.clone(), *bytes_max, tag)),
    }
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Off;

impl Cache for Off {
    fn get<'a>(&'a self, _key: &'a CacheKey) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(std::future::ready(None))
    }

    fn put(&self, _key: &CacheKey, _value: &[u8]) {}

    fn stats(&self) -> CacheStats {
        CacheStats { kind: "off", ..CacheStats::default() }
    }
}
