//! The socket's file: what is in its place is never taken away unless it is the socket of a daemon that died.

use crate::tls::TlsError;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Why the socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Something else has its name.
    #[error("{} is there and is not a socket, so it was left alone: name another file with --socket", .path.display())]
    NotASocket {
        /// The file.
        path: PathBuf,
    },
    /// Somebody listens there.
    #[error("another daemon answers on the socket {}: stop it first, or name another file with --socket", .path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// There is no such group.
    #[error("there is no group {group:?} on this machine: set socket_group to another, or to its number")]
    NoGroup {
        /// As configured.
        group: String,
    },
    /// The network cannot be listened to.
    #[error("cannot listen on {address} for front ends; choose another listen, or `off`")]
    Network {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of its certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system refuses.
    #[error("cannot listen on the socket {}", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The file of a socket that this daemon made.
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode: another daemon may have put its own in this place.
    identity: (u64, u64),
}

impl SocketFile {
    /// Removes the file, if it still is the one that was made.
    pub fn remove(self) {
        let same = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|entry| (entry.dev(), entry.ino()) == self.identity);
        if !same {
            tracing::warn!("the socket {} is no longer ours, and stays", self.path.display());
        } else if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "the socket {} could not be removed", self.path.display());
        }
    }
}

/// The number of a group that is named so, or by its number.
pub(super) fn group_id(group: &str) -> Result<u32, ListenError> {
    let unknown = || ListenError::NoGroup { group: group.to_owned() };
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group").map_err(|_| unknown())?;
    let named = |line: &str| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    groups.lines().find_map(named).ok_or_else(unknown)
}

/// Makes the socket with this mode and group.
///
/// # Errors
/// See [`ListenError`]; what was in its place is still there.
pub(super) async fn bind(
    path: &Path,
    mode: u32,
    group: Option<u32>,
) -> Result<(UnixListener, SocketFile), ListenError> {
    let failed = |source| ListenError::Socket { path: path.to_path_buf(), source };
    make_room(path).await?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    let entry = std::fs::symlink_metadata(path).map_err(failed)?;
    Ok((listener, SocketFile { path: path.to_path_buf(), identity: (entry.dev(), entry.ino()) }))
}

/// Removes the socket of a daemon that died. Whoever listens accepts a connection, or has a queue that is full; only a
/// socket that nobody has open refuses one.
async fn make_room(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Socket { path: path.to_path_buf(), source };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(entry) if !entry.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path: path.to_path_buf() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)
        }
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(failed(error)),
        Ok(_) | Err(_) => Err(ListenError::InUse { path: path.to_path_buf() }),
    }
}
