//! Two threads with big stacks, where schemas and rules of strangers are compiled and checked.
//!
//! The invariant is that such work neither blocks the runtime nor takes the process down: the stacks are deep enough for
//! every limit in [`super::schema`] and [`super::rule`], and a panic ends only its own call. Nothing here limits time:
//! what runs must be bounded by itself.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Threads of a pool.
pub const THREADS: usize = 2;
/// Stack of each thread in bytes. The pages are mapped when they are touched, so an idle pool costs nothing.
pub const STACK_BYTES: usize = 64 << 20;
/// Calls that wait in line; further callers wait in their own `run`.
pub const QUEUE_MAX: usize = 64;

type Work = Box<dyn FnOnce() + Send>;

/// Runs closures on threads of its own. Clones share the threads, which end when the last clone is gone.
#[derive(Debug, Clone)]
pub struct Pool {
    queue: mpsc::Sender<Work>,
}

/// Why a call gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The closure panicked; the pool goes on.
    #[error("the check failed inside; this is a fault of Guildhall, not of the answer")]
    Panicked,
    /// The threads are gone.
    #[error("the pool of checking threads has stopped")]
    Stopped,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start() -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel::<Work>(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 1..=THREADS {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(format!("judge-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || work_off(&waiting))?;
        }
        Ok(Self { queue })
    }

    /// Runs a closure on the pool and gives what it returns. May be dropped at any point: a closure that waits is then
    /// skipped, one that runs finishes unheard.
    ///
    /// # Errors
    /// The closure panicked, or the threads are gone.
    pub async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move || {
            if reply.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(f)).map_err(|_| PoolError::Panicked);
            // The caller may have gone meanwhile; then nobody needs the result.
            drop(reply.send(result));
        });
        self.queue.send(work).await.map_err(|_| PoolError::Stopped)?;
        answer.await.map_err(|_| PoolError::Stopped)?
    }
}

fn work_off(waiting: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let work = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match work {
            Some(work) => work(),
            None => return,
        }
    }
}

/// Runs a test on a thread with the pool's stack.
#[cfg(test)]
pub(crate) fn on_big_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).expect("a thread starts");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn deep(levels: usize) -> usize {
        let page = std::hint::black_box([1_u8; 4096]);
        if levels == 0 { 0 } else { usize::from(page[levels % 4096]) + deep(levels - 1) }
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_call() {
        let pool = Pool::start().expect("threads start");
        for _ in 0..2 * THREADS {
            assert_eq!(pool.run(|| panic!("on purpose")).await, Err::<(), _>(PoolError::Panicked));
        }
        assert_eq!(pool.run(|| 42).await, Ok(42));
    }

    #[tokio::test]
    async fn the_stacks_are_deep() {
        let pool = Pool::start().expect("threads start");
        assert_eq!(pool.run(|| deep(5_000)).await, Ok(5_000));
    }

    #[tokio::test]
    async fn more_calls_than_places_all_finish() {
        let pool = Pool::start().expect("threads start");
        let calls: Vec<_> = (0..3 * QUEUE_MAX).map(|n| pool.run(move || n)).collect();
        let results = futures::future::join_all(calls).await;
        assert_eq!(results, (0..3 * QUEUE_MAX).map(Ok).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_caller_may_leave_while_its_closure_waits() {
        let pool = Pool::start().expect("threads start");
        let ran = Arc::new(AtomicUsize::new(0));
        let gates: Vec<_> = (0..THREADS)
            .map(|_| {
                let (open, gate) = std::sync::mpsc::channel::<()>();
                let pool = pool.clone();
                tokio::spawn(async move { pool.run(move || gate.recv().is_ok()).await });
                open
            })
            .collect();
        tokio::task::yield_now().await;
        let counter = Arc::clone(&ran);
        let left = pool.clone();
        let caller =
            tokio::spawn(async move { left.run(move || counter.fetch_add(1, Ordering::SeqCst)).await });
        tokio::task::yield_now().await;
        caller.abort();
        assert!(caller.await.expect_err("it was aborted").is_cancelled());
        for open in gates {
            open.send(()).expect("the gate waits");
        }
        // Everything queued before this call has been looked at once it answers on every thread.
        for _ in 0..THREADS {
            assert_eq!(pool.run(|| 1).await, Ok(1));
        }
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
