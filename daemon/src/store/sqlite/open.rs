//! Opening the file: the lock against a second daemon, the settings of a connection, the migrations.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod embedded {
    refinery::embed_migrations!("../migrations/sqlite");
}

/// Prepared statements kept per connection; the default of 16 would thrash.
const STATEMENTS_CACHED: usize = 256;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has it.
    #[error("another daemon has the store {} open: stop it first, or name another store with --store", .path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// It was written by a newer version.
    #[error("the store {} was written by a newer Guildhall ({detail}): start that version, or restore a backup", .path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// What is missing here.
        detail: String,
    },
    /// Its schema could not be brought up to date; nothing was changed.
    #[error("the schema of the store {} could not be brought up to date, and is as it was", .path.display())]
    Migrate {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<refinery::Error>,
    },
    /// The lock file could not be made.
    #[error("cannot lock the store: {} cannot be opened", .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others could read it.
    #[error("cannot make the store's file {} private", .path.display())]
    Private {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite could not open it.
    #[error("cannot open the store {}", .path.display())]
    Open {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// Makes the folder of the store at `path`, if it is not there, for its owner alone.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        Some(_) | None => Ok(()),
    }
}

/// A file that lies beside the store at `path`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes the file of the store at `path`, if it is not there, and keeps it and what SQLite puts beside it from everybody
/// but their owner: they hold everybody's jobs. SQLite gives new files the mode of the first.
pub(super) fn keep_private(path: &Path) -> Result<(), OpenError> {
    let failed = |path: &Path, source| OpenError::Private { path: path.to_path_buf(), source };
    let mut made = File::options();
    made.create(true).truncate(false).write(true).mode(0o600);
    made.open(path).map_err(|source| failed(path, source))?;
    for file in [path.to_path_buf(), beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::set_permissions(&file, Permissions::from_mode(0o600)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&file, source));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Takes the lock of the store at `path`: it lasts as long as the file returned.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, ".lock");
    let made = File::options().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
    let file = made.map_err(|source| OpenError::Lock { path: lock_path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(OpenError::Lock { path: lock_path, source }),
    }
}

/// The connection that writes. `synchronous=FULL`: with less, a loss of power takes acknowledged commits.
pub(super) fn write_connection(path: &Path) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", -65_536)?;
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Ok(connection)
    };
    open().map_err(|source| OpenError::Open { path: path.to_path_buf(), source })
}

/// A connection that only reads.
pub(super) fn read_connection(path: &Path) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "query_only", "ON")?;
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Ok(connection)
    };
    open().map_err(|source| OpenError::Open { path: path.to_path_buf(), source })
}

/// Without this SQLite looks at bound values when it plans, and prepares a cached statement anew whenever it is bound
/// again: that took more time than the queries.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Brings the schema up to date, in one transaction: all pending migrations or none.
///
/// # Errors
/// The store is of a newer version, or a migration failed and everything is as it was.
pub fn migrate(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
    let path = PathBuf::from(connection.path().unwrap_or_default());
    // Grouped: otherwise a migration and the note that it ran are two transactions.
    let report = embedded::migrations::runner().set_grouped(true).run(connection).map_err(|source| {
        if let refinery::error::Kind::MissingVersion(migration) = source.kind() {
            return OpenError::Newer { path: path.clone(), detail: format!("it has migration {migration}") };
        }
        OpenError::Migrate { path: path.clone(), source: Box::new(source) }
    })?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_embedded() {
        // A name that refinery does not understand is skipped in silence.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
        let files = std::fs::read_dir(folder).expect("the folder is there").count();
        assert_eq!(embedded::migrations::runner().get_migrations().len(), files);
    }
}
