//! A cache in a folder, by sled, which is kept at arm's length: it may block, fail or panic, and nobody waits for it.
//!
//! All of sled runs on one thread ([`keeper`]) behind a queue of bounded length. A question that the queue has no room for, or
//! that is not answered in time, is a miss. So the folder may be deleted, broken or locked at any time, and all that changes
//! is speed.

mod keeper;

use super::{Cache, CacheKey, CacheStats, VALUE_BYTES_MAX, WAIT_MS_MAX};
use futures::future::BoxFuture;
use guildhall_protocol::ids::StoreTag;
use keeper::{Keeper, Request};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Smallest limit that is kept, bytes: an empty sled takes half a MiB.
pub const SLED_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// Most requests that wait for the thread.
const QUEUE_MAX: usize = 256;
/// Longest wait for the thread to write down the last values when the cache is dropped, ms.
const CLOSE_MS_MAX: u64 = 2000;
/// How long a folder that cannot be used is left alone, s.
const RETRY_S: u64 = 60;

/// Keeps values in a folder.
pub struct Sled {
    /// None only while it is dropped, and where no thread could be started.
    requests: Option<SyncSender<Request>>,
    /// Ends when the thread has ended.
    ended: Mutex<Receiver<()>>,
    shared: Arc<Shared>,
    bytes_max: u64,
}

/// What the thread tells.
#[derive(Default)]
struct Shared {
    hits: AtomicU64,
    misses: AtomicU64,
    dropped: AtomicU64,
    bytes: AtomicU64,
    evictions: AtomicU64,
    resets: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Sled {
    /// A cache in this folder, which is made if it is missing, for this store only. At most so many bytes, but no fewer than
    /// [`SLED_BYTES_MIN`]. Returns at once; the folder is opened by the thread.
    pub fn open(folder: PathBuf, bytes_max: u64, tag: StoreTag) -> Self {
        Self::open_with(folder, bytes_max, tag, Duration::from_secs(RETRY_S))
    }

    fn open_with(folder: PathBuf, bytes_max: u64, tag: StoreTag, retry: Duration) -> Self {
        let bytes_max = bytes_max.max(SLED_BYTES_MIN);
        let shared = Arc::new(Shared::default());
        let (sender, requests) = sync_channel(QUEUE_MAX);
        let (end, ended) = sync_channel(0);
        let keeper = Keeper::new(folder, bytes_max, tag, retry, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("llm-cache".to_owned()).spawn(move || {
            keeper.run(&requests);
            drop(end);
        });
        let requests = match thread {
            Ok(_) => Some(sender),
            Err(error) => {
                tracing::warn!(
                    "no thread for the cache of models' answers: {error}; going on without the cache"
                );
                None
            }
        };
        Self { requests, ended: Mutex::new(ended), shared, bytes_max }
    }

    async fn look(&self, key: &CacheKey) -> Option<Vec<u8>> {
        let (reply, answer) = oneshot::channel();
        self.requests.as_ref()?.try_send(Request::Get { key: *key, reply }).ok()?;
        let wait = Duration::from_millis(WAIT_MS_MAX);
        tokio::time::timeout(wait, answer).await.ok()?.ok()?
    }
}

impl Cache for Sled {
    fn get<'a>(&'a self, key: &'a CacheKey) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let found = self.look(key).await;
            let counter = if found.is_some() { &self.shared.hits } else { &self.shared.misses };
            counter.fetch_add(1, Ordering::Relaxed);
            found
        })
    }

    fn put(&self, key: &CacheKey, value: &[u8]) {
        let put = || Request::Put { key: *key, value: value.to_vec() };
        let kept = value.len() <= VALUE_BYTES_MAX
            && self.requests.as_ref().is_some_and(|requests| requests.try_send(put()).is_ok());
        if !kept {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stats(&self) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            kind: "sled",
            hits: read(&self.shared.hits),
            misses: read(&self.shared.misses),
            dropped: read(&self.shared.dropped),
            bytes: read(&self.shared.bytes),
            bytes_max: self.bytes_max,
            evictions: read(&self.shared.evictions),
            resets: read(&self.shared.resets),
            trouble: self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Drop for Sled {
    /// Gives the thread a moment to write down what it has, so that the folder is free when this returns. A thread that hangs
    /// is left behind.
    fn drop(&mut self) {
        drop(self.requests.take());
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is ever sent: the other error says that the thread has ended.
        let wait = Duration::from_millis(CLOSE_MS_MAX);
        if ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("the thread of the cache hangs and is left behind");
        }
    }
}

#[cfg(test)]
mod tests;
