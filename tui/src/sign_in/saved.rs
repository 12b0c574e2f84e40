//! Sign-ins that are kept on this machine, one file per daemon, for its user alone; and their renewal.
//!
//! An issuer may take a refresh token once only, so whoever renews holds the file's lock, and everybody reads it again under
//! it. The lock stands in a file of its own, since the other one is replaced as a whole.

use super::by_sign_in;
use super::issuer::{Issuer, IssuerError};
use crate::credential::read_private;
use crate::fault::Fault;
use futures::FutureExt;
use futures::future::BoxFuture;
use guildhall_protocol::client::Credentials;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::sign_in::SignIn;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is renewed so long before its end, s; one that lives shorter after half its life.
const RENEW_BEFORE_S: i64 = 30;
/// After a renewal that failed, while the token is still good.
const REST: Duration = Duration::from_secs(10);
/// Longest wait for somebody else who renews.
const LOCK_MAX: Duration = Duration::from_secs(20);
/// Between two looks whether they are done.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// Somebody who signed in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    sign_in: SignIn,
    id_token: String,
    /// When that ends, Unix time, s.
    expires_at: i64,
    /// When it is better renewed, Unix time, s.
    renew_at: i64,
    refresh_token: Option<String>,
}

impl SignedIn {
    pub(super) fn new(
        sign_in: SignIn,
        id_token: String,
        expires_at: i64,
        refresh_token: Option<String>,
    ) -> Self {
        let now = now_s();
        let lives = expires_at.saturating_sub(now);
        let renew_at = now.saturating_add((lives - RENEW_BEFORE_S).max(lives / 2));
        Self { sign_in, id_token, expires_at, renew_at, refresh_token }
    }

    /// What the daemon is shown.
    pub(super) fn token(&self) -> &str {
        &self.id_token
    }

    /// For `whoami`.
    pub(crate) fn told(&self) -> String {
        by_sign_in(&self.sign_in.issuer, self.expires_at.saturating_mul(1_000))
    }

    fn is_fresh(&self) -> bool {
        now_s() < self.renew_at
    }

    /// Ends it at the issuer.
    pub(super) async fn revoke(&self) -> Result<(), IssuerError> {
        let Some(refresh) = &self.refresh_token else { return Ok(()) };
        Issuer::discover(self.sign_in.clone()).await?.revoke(refresh).await
    }

    async fn renewed(&self) -> Result<Self, ApiError> {
        let ended = |why: &str| {
            let told = format!("your sign-in with {} has ended{why}", self.sign_in.issuer);
            ApiError::new(ErrorKind::Forbidden, told).hint("`guildhall login` signs you in again")
        };
        let refresh = self.refresh_token.as_deref().ok_or_else(|| ended(""))?;
        let renewed = async { Issuer::discover(self.sign_in.clone()).await?.renew(refresh).await }.await;
        renewed.map_err(|error| match error {
            IssuerError::Refused { why, .. } => ended(&format!(" ({why})")),
            IssuerError::Away { .. } | IssuerError::Strange { .. } => error.into(),
        })
    }
}

/// The sign-in for one daemon: where it is kept, and what was read there.
pub(crate) struct Saved {
    file: PathBuf,
    read: Mutex<Option<SignedIn>>,
    /// Until when a renewal that failed is not tried again.
    rests_until: std::sync::Mutex<Option<Instant>>,
}

impl Saved {
    /// The sign-in for this daemon, of which nothing was read yet.
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Self, Fault> {
        let folder =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
        let state = state.ok_or_else(|| {
            Fault::Input("there is no home folder to keep a sign-in in: come with a token instead".to_owned())
        })?;
        let name = endpoint.to_string();
        let plain: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
        // Two daemons may have the same plain name.
        let hash = hex::encode(&Sha256::digest(&name)[..4]);
        let plain = plain.get(plain.len().saturating_sub(80)..).unwrap_or_default();
        let file = state.join("guildhall").join("sign-in").join(format!("{plain}-{hash}.json"));
        Ok(Self { file, read: Mutex::new(None), rests_until: std::sync::Mutex::default() })
    }

    /// What is kept, if anything.
    pub(crate) fn find(&self) -> Result<Option<SignedIn>, Fault> {
        match std::fs::exists(&self.file) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            // Where this user may not even look, nothing of theirs is kept.
            Err(error) if error.kind() == IoErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        }
        let text = match read_private(&self.file, "sign-in") {
            Err(Fault::Io(_, error)) if error.kind() == IoErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let broken = || {
            let file = self.file.display();
            Fault::Input(format!("the sign-in in {file} cannot be read: `guildhall login` makes a new one"))
        };
        serde_json::from_str(&text).map(Some).map_err(|_| broken())
    }

    /// Keeps this from now on.
    pub(super) async fn keep(&self, signed_in: &SignedIn) -> Result<(), Fault> {
        let _lock = self.lock().await?;
        self.write(signed_in)
    }

    /// Keeps nothing from now on; what was kept, if it can be read.
    pub(super) async fn forget(&self) -> Result<Option<SignedIn>, Fault> {
        let _lock = self.lock().await?;
        // What cannot be read goes, too.
        let known = self.find().ok().flatten();
        match std::fs::remove_file(&self.file) {
            Ok(()) => Ok(known),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    fn failed(&self, error: std::io::Error) -> Fault {
        Fault::Io(format!("cannot keep the sign-in in {}", self.file.display()), error)
    }

    fn write(&self, signed_in: &SignedIn) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(signed_in).map_err(|error| self.failed(error.into()))?;
        // Whoever reads meanwhile sees the old one or the new one. Such files are their maker's alone.
        let mut file = tempfile::NamedTempFile::new_in(self.folder()).map_err(|error| self.failed(error))?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(|error| self.failed(error))?;
        file.persist(&self.file).map_err(|error| self.failed(error.error))?;
        Ok(())
    }

    /// The lock; it ends when it is dropped.
    async fn lock(&self) -> Result<File, Fault> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.folder())
            .map_err(|error| self.failed(error))?;
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(self.file.with_extension("lock"))
            .map_err(|error| self.failed(error))?;
        let locked = async {
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_EVERY).await,
                    Err(TryLockError::Error(error)) => return Err(self.failed(error)),
                }
            }
        };
        let late =
            || Fault::EndedBadly("another guildhall is renewing the sign-in and does not end".to_owned());
        tokio::time::timeout(LOCK_MAX, locked).await.map_err(|_| late())??;
        Ok(file)
    }

    /// What is good now: as it was read, or as somebody else renewed it, or as we do.
    async fn good(&self) -> Result<Option<String>, ApiError> {
        let mut read = self.read.lock().await;
        if let Some(known) = read.as_ref().filter(|known| known.is_fresh()) {
            return Ok(Some(known.id_token.clone()));
        }
        let unusable = |fault: Fault| {
            let why = fault.to_string();
            if let Fault::Api(error) = fault { error } else { ApiError::new(ErrorKind::Unavailable, why) }
        };
        let kept = self.find().map_err(unusable)?;
        if kept.as_ref().is_none_or(SignedIn::is_fresh) {
            *read = kept;
            return Ok(read.as_ref().map(|known| known.id_token.clone()));
        }
        let rests = || self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.as_ref().filter(|known| now_s() < known.expires_at)
            && rests().is_some_and(|until| Instant::now() < until)
        {
            return Ok(Some(known.id_token.clone()));
        }
        let _lock = self.lock().await.map_err(unusable)?;
        let kept = self.find().map_err(unusable)?;
        *read = match kept {
            None => None,
            Some(known) if known.is_fresh() => Some(known),
            Some(known) => match known.renewed().await {
                Ok(renewed) => {
                    self.write(&renewed).map_err(unusable)?;
                    Some(renewed)
                }
                // What is still good is better than nothing while the issuer is away.
                Err(_) if now_s() < known.expires_at => {
                    *rests() = Some(Instant::now() + REST);
                    Some(known)
                }
                Err(error) => return Err(error),
            },
        };
        Ok(read.as_ref().map(|known| known.id_token.clone()))
    }
}

impl Credentials for Saved {
    fn current(&self) -> BoxFuture<'_, Result<Option<String>, ApiError>> {
        self.good().boxed()
    }
}

/// Unix time, s.
fn now_s() -> i64 {
    Timestamp::now().0.div_euclid(1_000)
}
