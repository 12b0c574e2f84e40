//! The master key of a store: finding it, trying it, and replacing it.
//!
//! A rotation goes in [`Step`]s, and what is on disk after each opens the store: the new key lies beside the old one before
//! anything is sealed with it, all secrets move in one transaction, and only then the files change places. Whoever opens
//! the store next finishes what was begun.

use crate::agents::key_file::{MasterKeyError, is_systemd_credential, sync_folder};
use crate::agents::secrets::{KeyId, MasterKey, OpenSealedError, SecretKind, place};
use crate::maker::Maker;
use crate::notify;
use crate::scribe::Scribe;
use crate::store::reseal::{Resealed, SecretAt};
use crate::store::{Command, Query, SealedSecret, Store, StoreError};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::time::Timestamp;
use std::path::{Path, PathBuf};

/// Agents read at a time.
const PAGE: u32 = 500;

/// Why a master key was not found, or not replaced.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not as it must be.
    #[error(transparent)]
    File(#[from] MasterKeyError),
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// One of its secrets does not open.
    #[error(
        "the secret {at} does not open with the key {key}: nothing was changed. Restore the store from a backup, or {mend}"
    )]
    Secret {
        /// What it is sealed for.
        at: String,
        /// The key that opens others.
        key: KeyId,
        /// How its holder gets another.
        mend: &'static str,
    },
    /// The key is a credential of systemd.
    #[error("the key {} is a credential that systemd hands to the service, and cannot be replaced from within: run `guildhalld key rotate` as root with --store, and with --set key_file= naming the file of the unit's LoadCredential=", .path.display())]
    Credential {
        /// The file.
        path: PathBuf,
    },
}

/// A secret of the store.
pub struct Stored {
    /// Where it stands.
    pub at: SecretAt,
    /// What it is sealed for.
    pub place: String,
    /// It, sealed.
    pub sealed: SealedSecret,
}

/// Every secret of a store.
///
/// # Errors
/// The store cannot be read.
pub async fn secrets(store: &dyn Store) -> Result<Vec<Stored>, StoreError> {
    let mut found = Vec::new();
    let mut after = AgentId(0);
    loop {
        let page = store.agents(Query::Agents { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for agent in page {
            let old = agent.old_secrets.into_iter().flat_map(|old| {
                [
                    (SecretAt::OldDelivery(agent.id), SecretKind::OldDelivery, old.delivery),
                    (SecretAt::OldCallback(agent.id), SecretKind::OldCallback, old.callback),
                ]
            });
            let current = [
                (SecretAt::Delivery(agent.id), SecretKind::Delivery, agent.delivery_secret),
                (SecretAt::Callback(agent.id), SecretKind::Callback, agent.callback_secret),
            ];
            for (at, kind, sealed) in current.into_iter().chain(old) {
                found.push(Stored { at, place: place(&agent.name, kind), sealed: SealedSecret(sealed) });
            }
        }
    }
    for person in store.people(Query::People).await? {
        let (at, place) = (SecretAt::Webhook(person.user), notify::sealed_for(person.user));
        found.extend(person.secret.map(|sealed| Stored { at, place, sealed: SealedSecret(sealed) }));
    }
    Ok(found)
}

/// The key of this store: made if there is nothing yet that it could open, and tried on a secret otherwise. A daemon with
/// another key would turn every agent away, and seal new secrets with a key that nobody kept. A rotation that was
/// interrupted after the secrets had moved is finished.
///
/// # Errors
/// There is no such key, or it opens nothing of this store.
pub async fn find(path: &Path, store_path: &Path, store: &dyn Store) -> Result<MasterKey, KeyError> {
    let secrets = secrets(store).await?;
    let Some(first) = secrets.first() else { return Ok(MasterKey::open_or_create(path)?) };
    let opens = |key: &MasterKey| key.open(&first.place, &first.sealed.0).is_ok();
    let (path, at) = (path.to_path_buf(), store_path.to_path_buf());
    if !path.exists() {
        return Err(MasterKeyError::Lost { path, store: at }.into());
    }
    let key = MasterKey::open_file(&path)?;
    if opens(&key) {
        return Ok(key);
    }
    let next = beside(&path, "new");
    if next.exists() {
        let new = MasterKey::open_file(&next)?;
        if opens(&new) {
            swap(&path, key.id())?;
            tracing::warn!("the key {new:?} is in place now: its rotation had been interrupted");
            return Ok(new);
        }
    }
    Err(MasterKeyError::Other { path, store: at }.into())
}

/// Opens every secret.
///
/// # Errors
/// The first that does not open.
pub async fn check(key: &MasterKey, store: &dyn Store) -> Result<usize, KeyError> {
    let secrets = secrets(store).await?;
    for secret in &secrets {
        key.open(&secret.place, &secret.sealed.0).map_err(|error| not_opened(key, secret, error))?;
    }
    Ok(secrets.len())
}

fn not_opened(key: &MasterKey, secret: &Stored, _: OpenSealedError) -> KeyError {
    let mend = match secret.at {
        SecretAt::Delivery(_) | SecretAt::Callback(_) => {
            "let its owner replace its secrets with `guildhall agent rotate-secret NAME --now`"
        }
        SecretAt::OldDelivery(_) | SecretAt::OldCallback(_) => {
            "let its owner replace its secrets once more with `guildhall agent rotate-secret NAME --now`"
        }
        SecretAt::Webhook(_) => "let that person set another webhook",
    };
    KeyError::Secret { at: secret.place.clone(), key: key.id(), mend }
}

/// A step of a rotation. A crash between two of them leaves a store that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The new key is on disk, beside the old one; it seals nothing yet.
    KeyMade,
    /// Every secret is sealed with the new key, in one transaction.
    Resealed,
    /// The new key is where the store looks for it; the old one is kept beside it, for backups of the store.
    Swapped,
}

/// The steps in their order.
pub const STEPS: [Step; 3] = [Step::KeyMade, Step::Resealed, Step::Swapped];

/// The replacement of a master key.
pub struct Rotation<'a> {
    path: &'a Path,
    store: &'a dyn Store,
    old: MasterKey,
    new: Option<MasterKey>,
}

impl<'a> Rotation<'a> {
    /// Begins: `old` is the key in the file at `path`, and the store is nobody else's.
    ///
    /// # Errors
    /// The file cannot be replaced from here.
    pub fn begin(path: &'a Path, store: &'a dyn Store, old: MasterKey) -> Result<Self, KeyError> {
        if is_systemd_credential(path) {
            return Err(KeyError::Credential { path: path.to_path_buf() });
        }
        Ok(Self { path, store, old, new: None })
    }

    /// Takes one step; they are taken in the order of [`STEPS`]. Answers the key that the store is sealed with then.
    ///
    /// # Errors
    /// It could not be taken. What is on disk opens the store.
    pub async fn take(&mut self, step: Step) -> Result<KeyId, KeyError> {
        match step {
            Step::KeyMade => {
                let next = beside(self.path, "new");
                // A file that is left from a rotation of before: the old key opens the store, so it seals nothing.
                let failed = |source| MasterKeyError::File { path: next.clone(), source };
                if next.exists() {
                    std::fs::remove_file(&next).map_err(failed)?;
                }
                self.new = Some(MasterKey::create(&next)?);
                Ok(self.old.id())
            }
            Step::Resealed => {
                let new = self.new.as_ref().expect("the key is made first");
                self.reseal(new).await?;
                Ok(new.id())
            }
            Step::Swapped => {
                swap(self.path, self.old.id())?;
                Ok(self.new.as_ref().expect("the key is made first").id())
            }
        }
    }

    async fn reseal(&self, new: &MasterKey) -> Result<(), KeyError> {
        let now = Timestamp::now();
        let system = self.store.system(Query::System).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(MasterKeyError::NoRandom)?;
        let maker = Maker::new(system.id_max, seed);
        let mut resealed = Vec::new();
        for secret in secrets(self.store).await? {
            let opened = self.old.open(&secret.place, &secret.sealed.0);
            let opened = opened.map_err(|error| not_opened(&self.old, &secret, error))?;
            let after = SealedSecret(new.seal(&secret.place, maker.random(), &opened));
            resealed.push(Resealed { at: secret.at, before: secret.sealed, after });
        }
        let mut scribe = Scribe::new(&maker, now, system.chain, Actor::Daemon);
        scribe.event(What::KeyRotated { key: new.id().to_string() });
        let command = Command::Reseal { chain: system.chain, secrets: resealed, entry: scribe.finish() };
        self.store.apply(now, command).await?;
        Ok(())
    }
}

/// Where the old key is kept.
pub fn kept(path: &Path, old: KeyId) -> PathBuf {
    beside(path, &format!("old-{old}"))
}

/// Puts the new key where the old one is, which is kept under its id. It may be done twice.
fn swap(path: &Path, old: KeyId) -> Result<(), KeyError> {
    let failed = |source| MasterKeyError::File { path: path.to_path_buf(), source };
    let kept = kept(path, old);
    if !kept.exists() {
        std::fs::hard_link(path, &kept).map_err(failed)?;
    }
    std::fs::rename(beside(path, "new"), path).map_err(failed)?;
    Ok(sync_folder(path).map_err(failed)?)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix}"));
    path.with_file_name(name)
}
