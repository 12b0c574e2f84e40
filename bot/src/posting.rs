//! Who posts a job just now. An agent may be quicker than Discord: what the daemon has for them waits until the job's card is
//! there, and its thread, so that they are told where they look.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest that a notice waits for somebody who posts.
const POST_MAX: Duration = Duration::from_secs(10);

/// Those people. A bot that dies while one of them posts forgets them, and they are told as if they did not.
#[derive(Default)]
pub(crate) struct Posters {
    people: Mutex<BTreeMap<u64, u32>>,
    done: Notify,
}

/// Somebody is posting, until this is dropped.
pub(crate) struct Posting<'a>(&'a Posters, u64);

impl Posters {
    /// Somebody begins to post.
    pub(crate) fn begin(&self, user: u64) -> Posting<'_> {
        *self.people().entry(user).or_default() += 1;
        Posting(self, user)
    }

    /// Waits while somebody posts, but not for long. Whether that was so.
    pub(crate) async fn waited(&self, user: u64) -> bool {
        let mut has_waited = false;
        let ends = Instant::now() + POST_MAX;
        loop {
            let done = self.done.notified();
            tokio::pin!(done);
            // Before the look, so that no end is missed between the two.
            done.as_mut().enable();
            if !self.people().contains_key(&user) {
                return has_waited;
            }
            has_waited = true;
            if tokio::time::timeout_at(ends, done).await.is_err() {
                return true;
            }
        }
    }

    fn people(&self) -> MutexGuard<'_, BTreeMap<u64, u32>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        let mut people = self.0.people();
        if let Some(count) = people.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                people.remove(&self.1);
            }
        }
        drop(people);
        self.0.done.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_wait_for_whoever_posts() {
        let posters = Posters::default();
        assert!(!posters.waited(7).await, "nobody posts");
        let (first, second) = (posters.begin(7), posters.begin(7));
        assert!(!posters.waited(8).await, "somebody else does");
        drop(first);
        let (waited, ()) = tokio::join!(posters.waited(7), async {
            tokio::task::yield_now().await;
            drop(second);
        });
        assert!(waited && !posters.waited(7).await);
    }
}
