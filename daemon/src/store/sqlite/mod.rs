//! SQLite behind the store: one writer thread that commits in groups, a few read-only connections, one daemon at a time.
//!
//! No rusqlite type leaves this folder.

mod accounts;
mod agents;
mod entry;
mod front_ends;
mod jobs;
mod models;
mod notes;
mod open;
mod outbox;
mod places;
mod queries;
mod readers;
mod reseal;
mod rows;
mod search;
mod system;
mod waiting;
mod walk;
mod writer;

pub use open::{OpenError, make_folder, migrate};

use super::{Answer, Command, Outcome, Query, Store, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use guildhall_protocol::time::Timestamp;
use readers::Readers;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
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
        let readers = Arc::new(Readers::new(idle));
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
            let read = move |connection: &_| queries::answer(connection, query);
            readers.run(read).await?.map_err(|error| writer::store_error(&error))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
