//! The read-only connections. A connection is lent with its permit and both come back together, when the reading ends: also
//! after a panic, and also when whoever asked has gone.

use crate::store::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    /// As many as there are connections.
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { idle: Mutex::new(connections), permits }
    }

    /// Reads on a thread that may block. May be dropped midway: what was begun is then read to its end for nobody.
    ///
    /// # Errors
    /// `Unavailable`: the reading panicked, or the daemon ends.
    pub(super) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        read: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| unavailable(&error))?;
        let reading = tokio::task::spawn_blocking(move || {
            let lent = self.lend(permit)?;
            Ok(read(lent.connection.as_ref().ok_or(StoreError::Busy)?))
        });
        reading.await.map_err(|error| unavailable(&error))?
    }

    fn lend(self: Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Lent, StoreError> {
        let connection = Some(self.idle().pop().ok_or(StoreError::Busy)?);
        Ok(Lent { connection, readers: self, _permit: permit })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. The permit is its last field: it is free only when the connection is back.
struct Lent {
    connection: Option<Connection>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.readers.idle().extend(self.connection.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::mpsc;

    fn one() -> Arc<Readers> {
        Arc::new(Readers::new(vec![Connection::open_in_memory().expect("a connection")]))
    }

    fn number(connection: &Connection) -> i64 {
        connection.query_row("SELECT 7", [], |row| row.get(0)).expect("a number")
    }

    #[tokio::test]
    async fn a_reader_whose_caller_has_gone_is_waited_for() {
        let readers = one();
        let (go_on, wait) = mpsc::channel::<()>();
        let abandoned = Arc::clone(&readers).run(move |_| wait.recv());
        assert!(abandoned.now_or_never().is_none(), "it is begun, and then dropped");
        let next = tokio::spawn(Arc::clone(&readers).run(number));
        tokio::task::yield_now().await;
        go_on.send(()).expect("it still reads");
        assert_eq!(next.await.expect("it ends"), Ok(7));
    }

    #[tokio::test]
    async fn a_panic_gives_the_connection_back() {
        let readers = one();
        let broken = Arc::clone(&readers).run(|_| panic!("a fault of ours")).await;
        assert!(matches!(broken, Err::<(), _>(StoreError::Unavailable(_))), "{broken:?}");
        assert_eq!(readers.run(number).await, Ok(7));
    }
}
