//! The file that holds the master key: private to its owner, or a credential that systemd hands to the service. A key is
//! made once and never written over: what it sealed would be lost.

use super::secrets::{KEY_BYTES, MasterKey};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Names the folder in which systemd puts the credentials of a service.
pub const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The credential that is the master key.
pub const CREDENTIAL: &str = "guildhall-master-key";

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

/// Whether a key file is a credential of systemd, which may belong to root and be readable by the service's group.
fn is_credential(path: &Path, folder: Option<OsString>) -> bool {
    folder.is_some_and(|folder| path.parent() == Some(Path::new(&folder)))
}

/// Those of a mode's bits with which others than its owner could read a file that holds a key.
pub fn loose_bits(path: &Path) -> u32 {
    if is_systemd_credential(path) { 0o037 } else { 0o077 }
}

/// Whether systemd handed this file to the service. Such a file cannot be changed from within.
pub fn is_systemd_credential(path: &Path) -> bool {
    is_credential(path, std::env::var_os(CREDENTIALS_DIRECTORY))
}

impl MasterKey {
    /// Reads the key in the file at `path`, or makes one there, with mode 0600.
    ///
    /// # Errors
    /// The file can be read by others, holds no key, or cannot be read or made.
    pub fn open_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::create(path) {
            Err(MasterKeyError::File { source, .. })
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Self::open_file(path)
            }
            made => made,
        }
    }

    /// Makes a key in a new file at `path`, with mode 0600. When this returns, it is on disk, or there is no file.
    ///
    /// # Errors
    /// There is a file already, or none can be made.
    pub fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_path_buf(), source };
        let mut fresh = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(fresh.as_mut_slice())?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let written = file.write_all(fresh.as_slice()).and_then(|()| file.sync_all());
        if let Err(source) = written.and_then(|()| sync_folder(path)) {
            // The next start would take what is there for a key that was damaged.
            std::fs::remove_file(path).map_err(failed)?;
            return Err(failed(source));
        }
        Ok(Self::from_bytes(&fresh))
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    /// The file is not there, can be read by others, holds no key, or cannot be read.
    pub fn open_file(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File { path: path.to_path_buf(), source };
        let mode = std::fs::metadata(path).map_err(failed)?.mode() & 0o777;
        if mode & loose_bits(path) != 0 {
            return Err(MasterKeyError::Loose { path: path.to_path_buf(), mode });
        }
        let bytes = Zeroizing::new(std::fs::read(path).map_err(failed)?);
        let key = <&[u8; KEY_BYTES]>::try_from(bytes.as_slice());
        let key = key.map_err(|_| MasterKeyError::NotAKey { path: path.to_path_buf() })?;
        Ok(Self::from_bytes(key))
    }
}

/// Makes what happened to the names in the folder of `path` last.
///
/// # Errors
/// The folder cannot be opened or written.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NONCE: [u8; 24] = [0; 24];

    #[test]
    fn the_key_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let sealed = MasterKey::open_or_create(&path).expect("it is made").seal("p", NONCE, b"s");
        assert_eq!(std::fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(
            MasterKey::open_or_create(&path).expect("it is read").open("p", &sealed),
            Ok(b"s".to_vec().into())
        );

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let loose = MasterKey::open_or_create(&path).expect_err("others can read it");
        assert!(loose.to_string().contains("mode 644"), "{loose}");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        std::fs::write(&path, "short").expect("a file");
        assert!(matches!(MasterKey::open_or_create(&path), Err(MasterKeyError::NotAKey { .. })));
    }

    #[test]
    fn a_credential_is_known_by_its_folder() {
        let folder = || Some(OsString::from("/run/credentials/guildhalld.service"));
        assert!(is_credential(
            Path::new("/run/credentials/guildhalld.service/guildhall-master-key"),
            folder()
        ));
        assert!(!is_credential(Path::new("/var/lib/guildhall/master.key"), folder()));
        assert!(!is_credential(Path::new("/var/lib/guildhall/master.key"), None));
    }
}
