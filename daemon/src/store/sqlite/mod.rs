//! SQLite behind the store: one writer thread that commits in groups, a few read-only connections, one daemon at a time.
//!
//! No rusqlite type leaves this folder.

mod agents;
mod entry;
mod jobs;
mod open;
mod queries;
mod rows;
mod system;
mod writer;

pub use open::{OpenError, make_folder, migrate};

use super::{Answer, Command, Outcome, Query, Store, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use guildhall_protocol::time::Timestamp;
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use writer::Writer;

/// Read-only connections.
const READERS: usize = 4;

/// A store in one SQLite file. Dropping it waits for the writer to finish what it holds.
pub struct SqliteStore {
    writer: Writer,
    readers: Arc<Readers>,
    /// Held as long as the store is open, so that no second daemon opens it.
    _lock: File,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl SqliteStore {
    /// Opens the store in the file at `path`, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// See [`OpenError`]: another daemon has it open, it is of a newer version, it cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = open::lock(path)?;
        open::keep_private(path)?;
        let mut connection = open::write_connection(path)?;
        migrate(&mut connection)?;
        let idle = (0..READERS).map(|_| open::read_connection(path)).collect::<Result<Vec<_>, _>>()?;
        let reopen = path.to_path_buf();
        let writer = Writer::start(connection, move || open::write_connection(&reopen))?;
        let readers = Arc::new(Readers { idle: Mutex::new(idle), permits: Semaphore::new(READERS) });
        Ok(Self { writer, readers, _lock: lock })
    }
}

impl Store for SqliteStore {
    fn apply(&self, now: Timestamp, command: Command) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        self.writer.apply(now, command).boxed()
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, StoreError>> {
        let readers = Arc::clone(&self.readers);
        async move {
            let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
            let work = readers.permits.acquire().await.map_err(|error| unavailable(&error))?;
            let pool = Arc::clone(&readers);
            let answer = tokio::task::spawn_blocking(move || {
                let taken = pool.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
                let connection = taken.ok_or(StoreError::Busy)?;
                let answer = queries::answer(&connection, query).map_err(|error| writer::store_error(&error));
                pool.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(connection);
                answer
            })
            .await
            .map_err(|error| unavailable(&error))?;
            drop(work);
            answer
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
