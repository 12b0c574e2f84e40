//! Who waits for something to change, and the hints that wake them. Lossy by contract: whoever wakes reads again.

use guildhall_protocol::ids::JobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The hints of one daemon.
pub struct Changes {
    everything: watch::Sender<u64>,
    jobs: Mutex<HashMap<JobId, Weak<Notify>>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { everything: watch::Sender::new(1), jobs: Mutex::default() }
    }
}

impl Changes {
    /// Something about this job, or about no job in particular, is stored.
    pub fn touch(&self, job: Option<JobId>) {
        self.everything.send_modify(|count| *count += 1);
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = job
            && let Some(waiters) = jobs.get(&job)
        {
            match waiters.upgrade() {
                Some(waiters) => waiters.notify_waiters(),
                None => drop(jobs.remove(&job)),
            }
        }
    }

    /// A hint about one job: make it, look at the job, then wait.
    pub fn job(&self, job: JobId) -> Arc<Notify> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiters) = jobs.get(&job).and_then(Weak::upgrade) {
            return waiters;
        }
        jobs.retain(|_, waiters| waiters.strong_count() > 0);
        let waiters = Arc::new(Notify::new());
        jobs.insert(job, Arc::downgrade(&waiters));
        waiters
    }

    /// The count of everything once it is not `seen`, or after `wait`.
    pub async fn everything(&self, seen: u64, wait: Duration) -> u64 {
        let mut counts = self.everything.subscribe();
        if tokio::time::timeout(wait, counts.wait_for(|count| *count != seen)).await.is_err() {
            tracing::trace!("nothing changed meanwhile");
        }
        *self.everything.borrow()
    }
}
