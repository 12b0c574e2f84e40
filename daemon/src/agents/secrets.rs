//! Secrets at rest: XChaCha20-Poly1305 under a master key that lives in a file of its own. What is sealed for one place
//! does not open in another.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use guildhall_protocol::agent::AgentName;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// First byte of what is sealed: the form, so that a later one can be told apart.
const FORM: u8 = 1;

/// The key that seals what the store keeps. Whoever has it and the store has every secret.
pub struct MasterKey(XChaCha20Poly1305);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Others can read the file.
    #[error("the key file {} can be read by others (mode {mode:o}): run `chmod 600` on it", .path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("the key file {} does not hold a key of {KEY_BYTES} bytes: restore it from a backup", .path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// It is gone, and what it sealed is not.
    #[error("the key file {} is not there, and the store {} holds secrets that were sealed with it: put it back from a backup, or name it with --set key_file=FILE", .path.display(), .store.display())]
    Lost {
        /// The file.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// It holds another key.
    #[error("the key file {} does not open the secrets in the store {}: they were sealed with another key. Put that one back from a backup, or name it with --set key_file=FILE", .path.display(), .store.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// It cannot be read or made.
    #[error("the key file {} cannot be read or made", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom(#[from] getrandom::Error),
}

/// Which of an agent's two secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Authorizes what goes to the agent: it signs, or opens a chat agent's endpoint.
    Delivery,
    /// Verifies what it sends by itself.
    Callback,
}

/// The place that a secret of an agent is sealed for: table, row and column. Names are never given away.
pub fn place(agent: &AgentName, kind: SecretKind) -> String {
    match kind {
        SecretKind::Delivery => format!("agents|{agent}|delivery_secret"),
        SecretKind::Callback => format!("agents|{agent}|callback_secret"),
    }
}

/// What was to be opened was not sealed with this key for this place, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret does not open: it was sealed with another key, or changed")]
pub struct OpenSealedError;

impl MasterKey {
    /// The key made of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(bytes)))
    }

    /// Reads the key in the file at `path`, or makes one there, with mode 0600.
    ///
    /// # Errors
    /// The file can be read by others, holds no key, or cannot be read or made.
    pub fn open_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_path_buf(), source };
        let mut fresh = [0; KEY_BYTES];
        getrandom::fill(&mut fresh)?;
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                file.write_all(&fresh).and_then(|()| file.sync_all()).map_err(failed)?;
                Ok(Self::from_bytes(fresh))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::open_file(path),
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    /// The file is not there, can be read by others, holds no key, or cannot be read.
    pub fn open_file(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_path_buf(), source };
        let mode = std::fs::metadata(path).map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Loose { path: path.to_path_buf(), mode });
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let key = bytes.try_into().map_err(|_| MasterKeyError::NotAKey { path: path.to_path_buf() })?;
        Ok(Self::from_bytes(key))
    }

    /// Seals a secret for one place, such as `agents|@echo|delivery`. `nonce` is random and never used twice.
    pub fn seal(&self, place: &str, nonce: [u8; NONCE_BYTES], secret: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let text = self.0.encrypt(&XNonce::from(nonce), payload).expect("a secret is shorter than 256 GB");
        [&[FORM], nonce.as_slice(), &text].concat()
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// Another key, another place, or not what was sealed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenSealedError> {
        let (form, rest) = sealed.split_first().ok_or(OpenSealedError)?;
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or(OpenSealedError)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| OpenSealedError)?;
        if *form != FORM {
            return Err(OpenSealedError);
        }
        let payload = Payload { msg: text, aad: place.as_bytes() };
        self.0.decrypt(&XNonce::from(nonce), payload).map_err(|_| OpenSealedError)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let key = MasterKey::from_bytes([1; KEY_BYTES]);
        let sealed = key.seal("agents|1|delivery", [9; NONCE_BYTES], b"secret");
        assert_eq!(key.open("agents|1|delivery", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(key.open("agents|2|delivery", &sealed), Err(OpenSealedError));
        assert_eq!(
            MasterKey::from_bytes([2; KEY_BYTES]).open("agents|1|delivery", &sealed),
            Err(OpenSealedError)
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("agents|1|delivery", &changed), Err(OpenSealedError), "byte {at}");
            assert_eq!(key.open("agents|1|delivery", &sealed[..at]), Err(OpenSealedError), "cut at {at}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let sealed = MasterKey::open_or_create(&path).expect("it is made").seal("p", [0; NONCE_BYTES], b"s");
        assert_eq!(std::fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(
            MasterKey::open_or_create(&path).expect("it is read").open("p", &sealed),
            Ok(b"s".to_vec())
        );

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let loose = MasterKey::open_or_create(&path).expect_err("others can read it");
        assert!(loose.to_string().contains("mode 644"), "{loose}");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        std::fs::write(&path, "short").expect("a file");
        assert!(matches!(MasterKey::open_or_create(&path), Err(MasterKeyError::NotAKey { .. })));
    }
}
