//! The thread that sled runs on.
//!
//! Every call of sled is fenced: an error or a panic closes it, moves the folder aside (one broken folder is kept, to look
//! at), and starts an empty one. A folder that cannot be used at all, because another process has locked it or it cannot be
//! written to, is left alone for a while; until then everything is a miss.
//!
//! When the limit is reached everything goes, not the oldest: sled's log gives space back late, so a folder from which the
//! oldest entries were removed would stay above its limit for long. Deleting it is exact, and what is still asked comes back.

use super::super::{CacheKey, entry};
use super::Shared;
use guildhall_protocol::ids::StoreTag;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Bytes of pages that sled keeps in memory; its own default is a GiB.
const PAGES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often sled writes to the disk, ms. What is lost with the power is asked again.
const FLUSH_MS: u64 = 1000;
/// What an entry takes in sled's log beside itself, bytes, about.
const LOG_BYTES: u64 = 64;
/// The real size is looked at whenever this part of the limit was written.
const LOOKS_PER_LIMIT: u64 = 16;
/// Tries to open a folder that is locked: the daemon before this one may still be ending.
const LOCK_TRIES: u32 = 10;
/// Between them, ms.
const LOCK_WAIT_MS: u64 = 20;

/// What the thread is asked.
pub(super) enum Request {
    /// Find a value.
    Get { key: CacheKey, reply: oneshot::Sender<Option<Vec<u8>>> },
    /// Keep a value.
    Put { key: CacheKey, value: Vec<u8> },
}

/// Why there is no sled.
enum OpenTrouble {
    /// Not for us, or not now: leave it alone.
    Unusable(String),
    /// What is there is broken: move it aside.
    Broken(String),
}

/// Owns sled and its folder.
pub(super) struct Keeper {
    folder: PathBuf,
    bytes_max: u64,
    tag: StoreTag,
    /// How long a folder that cannot be used, or broke twice, is left alone.
    retry: Duration,
    shared: Arc<Shared>,
    db: Option<sled::Db>,
    /// Not opened before.
    not_before: Option<Instant>,
    last_reset: Option<Instant>,
    /// As this counts them.
    bytes: u64,
    bytes_at_last_look: u64,
}

impl Keeper {
    pub(super) fn new(
        folder: PathBuf,
        bytes_max: u64,
        tag: StoreTag,
        retry: Duration,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            folder,
            bytes_max,
            tag,
            retry,
            shared,
            db: None,
            not_before: None,
            last_reset: None,
            bytes: 0,
            bytes_at_last_look: 0,
        }
    }

    /// Answers requests until nobody can ask any more.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        self.ensure_open();
        for request in requests {
            match request {
                // Nobody waits any more.
                Request::Get { reply, .. } if reply.is_closed() => {}
                Request::Get { key, reply } => {
                    // An error only says that nobody waits any more.
                    drop(reply.send(self.find(&key)));
                }
                Request::Put { key, value } => self.keep(&key, &value),
            }
        }
        self.close();
    }

    fn find(&mut self, key: &CacheKey) -> Option<Vec<u8>> {
        let found = self.fenced(|db| db.get(key))??;
        let value = entry::read(self.tag, key, &found);
        if value.is_none() {
            self.fenced(|db| db.remove(key).map(drop));
        }
        value
    }

    fn keep(&mut self, key: &CacheKey, value: &[u8]) {
        if self.db.is_some() && !data_file(&self.folder).exists() {
            self.reset("the folder is gone");
        }
        let entry = entry::write(self.tag, key, value);
        let added = (key.len() + entry.len()) as u64 + LOG_BYTES;
        if self.fenced(|db| db.insert(key, entry).map(drop)).is_none() {
            return;
        }
        self.bytes = self.bytes.saturating_add(added);
        if self.bytes - self.bytes_at_last_look >= self.bytes_max / LOOKS_PER_LIMIT {
            // Logs hold more than their entries, at times.
            let real = self.fenced(sled::Db::size_on_disk).unwrap_or(0);
            self.bytes = self.bytes.max(real);
            self.bytes_at_last_look = self.bytes;
        }
        if self.bytes > self.bytes_max {
            self.make_room();
        }
        self.shared.bytes.store(self.bytes, Ordering::Relaxed);
    }

    /// Starts empty because the limit is reached.
    fn make_room(&mut self) {
        self.close();
        self.shared.evictions.fetch_add(1, Ordering::Relaxed);
        let emptied = refuse_foreign(&self.folder).and_then(|()| gone(fs::remove_dir_all(&self.folder)));
        if let Err(error) = emptied {
            self.leave_alone(&format!("it cannot be emptied: {error}"));
            return;
        }
        self.ensure_open();
    }

    /// Runs something on sled, if there is one. None also if it failed.
    fn fenced<R>(&mut self, run: impl FnOnce(&sled::Db) -> sled::Result<R>) -> Option<R> {
        self.ensure_open();
        let db = self.db.as_ref()?;
        let why = match catch_unwind(AssertUnwindSafe(|| run(db))) {
            Ok(Ok(result)) => return Some(result),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "sled panicked".to_owned(),
        };
        self.reset(&why);
        None
    }

    /// Starts empty because what is there is broken.
    fn reset(&mut self, why: &str) {
        self.close();
        self.shared.resets.fetch_add(1, Ordering::Relaxed);
        let aside = aside(&self.folder);
        tracing::warn!(
            folder = %self.folder.display(),
            "the cache of models' answers was broken ({why}) and starts empty; what was there is in {}",
            aside.display()
        );
        if let Err(error) = move_aside(&self.folder, &aside) {
            self.leave_alone(&format!("it is broken ({why}) and cannot be moved aside: {error}"));
            return;
        }
        // The second time within a short while something else is wrong.
        let now = Instant::now();
        if self.last_reset.is_some_and(|last| now - last < self.retry) {
            self.leave_alone(why);
        }
        self.last_reset = Some(now);
    }

    fn close(&mut self) {
        if let Some(db) = self.db.take() {
            // It writes down what it has, which may fail as anything else.
            if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
                tracing::debug!("sled panicked when it was closed");
            }
        }
        self.bytes = 0;
        self.bytes_at_last_look = 0;
        self.shared.bytes.store(0, Ordering::Relaxed);
    }

    fn ensure_open(&mut self) {
        if self.db.is_some() || self.not_before.is_some_and(|time| Instant::now() < time) {
            return;
        }
        let opened = match open(&self.folder) {
            Err(OpenTrouble::Broken(why)) => {
                self.reset(&why);
                if self.not_before.is_some_and(|time| Instant::now() < time) {
                    return;
                }
                open(&self.folder)
            }
            opened @ (Ok(_) | Err(OpenTrouble::Unusable(_))) => opened,
        };
        match opened {
            Ok((db, bytes)) => {
                self.db = Some(db);
                self.bytes = bytes;
                self.bytes_at_last_look = bytes;
                self.not_before = None;
                self.shared.bytes.store(bytes, Ordering::Relaxed);
                self.say(None);
            }
            Err(OpenTrouble::Unusable(why) | OpenTrouble::Broken(why)) => self.leave_alone(&why),
        }
    }

    /// Does without the folder for a while. Said once until it works again.
    fn leave_alone(&mut self, why: &str) {
        self.not_before = Some(Instant::now() + self.retry);
        if !self.say(Some(why.to_owned())) {
            tracing::warn!(
                folder = %self.folder.display(),
                "the cache of models' answers cannot be used: {why}; going on without it"
            );
        }
    }

    /// Notes what is wrong. Whether something was wrong before.
    fn say(&self, trouble: Option<String>) -> bool {
        let mut said = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *said, trouble).is_some()
    }
}

/// Opens a folder, with the bytes that it takes.
fn open(folder: &Path) -> Result<(sled::Db, u64), OpenTrouble> {
    let unusable = |error: io::Error| OpenTrouble::Unusable(error.to_string());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    refuse_foreign(folder).map_err(unusable)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(unusable)?;
    // Sled looks at what is there before it asks whether it may; what is another's must not be found broken.
    if is_locked(&data_file(folder)).map_err(unusable)? {
        return Err(OpenTrouble::Unusable("another process uses it".to_owned()));
    }
    let config =
        sled::Config::new().path(folder).cache_capacity(PAGES_BYTES_MAX).flush_every_ms(Some(FLUSH_MS));
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = config.open()?;
        let bytes = db.size_on_disk()?;
        Ok((db, bytes))
    }));
    match opened {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(sled::Error::Io(error))) if is_no_fault_of_the_files(&error) => {
            Err(OpenTrouble::Unusable(error.to_string()))
        }
        Ok(Err(error)) => Err(OpenTrouble::Broken(error.to_string())),
        Err(_) => Err(OpenTrouble::Broken("sled panicked".to_owned())),
    }
}

fn is_no_fault_of_the_files(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::NotFound
    )
}

/// Where sled keeps its data and its lock.
fn data_file(folder: &Path) -> PathBuf {
    folder.join("db")
}

fn is_locked(file: &Path) -> io::Result<bool> {
    for _ in 0..LOCK_TRIES {
        let file = match File::options().read(true).write(true).open(file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => return Ok(false), // given back when the file is closed, here
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(LOCK_WAIT_MS)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(true)
}

/// Where a broken folder goes.
fn aside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".bad-1");
    PathBuf::from(name)
}

fn move_aside(folder: &Path, aside: &Path) -> io::Result<()> {
    gone(refuse_foreign(folder))?;
    gone(fs::remove_dir_all(aside))?;
    gone(fs::rename(folder, aside))
}

/// What is not there is gone.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// A cache's folder is moved and deleted whole, so it must hold nothing but sled's files: whoever configures the folder of
/// the store must not lose it.
fn refuse_foreign(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let ours = ["db", "conf", "blobs", "snap"]
            .iter()
            .any(|own| name.as_encoded_bytes().starts_with(own.as_bytes()));
        if !ours {
            return Err(io::Error::other(
                "the folder holds files that are no cache's; configure one of its own",
            ));
        }
    }
    Ok(())
}
