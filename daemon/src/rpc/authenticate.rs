//! Who calls: from what a connection shows of itself to a principal. Nothing else decides it.

use super::Desk;
use crate::store::StoreError;
use guildhall_protocol::handshake::Principal;

/// What is known of the other side before it says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process on this machine, on the unix socket.
    Local {
        /// As the kernel says.
        uid: u32,
    },
}

/// Why a caller is not let in. Its text goes to the caller: it says what to do, and nothing about others.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// The store cannot be asked.
    #[error("the daemon cannot look you up at the moment: {0}")]
    Store(#[from] StoreError),
}

/// The principal behind a connection.
///
/// # Errors
/// See [`Unknown`]: nobody is let in.
pub(super) async fn authenticate(
    desk: &Desk,
    peer: &Peer,
    _credential: Option<&str>,
) -> Result<Principal, Unknown> {
    match peer {
        Peer::Local { uid } => Ok(by_uid(desk, *uid).await?),
    }
}

/// Whoever runs the daemon is told what operators must know from its first moment on, not from their first call.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn expect_operator(desk: &Desk) -> Result<(), StoreError> {
    by_uid(desk, own_uid()).await.map(drop)
}

/// The user behind a uid. The daemon's own uid and root run the place.
async fn by_uid(desk: &Desk, uid: u32) -> Result<Principal, StoreError> {
    let name = format!("uid {uid}");
    let user = desk.user("uid", &uid.to_string(), &name).await?;
    let operator = uid == 0 || uid == own_uid();
    if operator {
        desk.engine.parts().people.add_operator(user);
    }
    Ok(Principal { user, name, operator })
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own process's entry is its effective uid; without one, nobody but root is taken for us.
    std::fs::metadata("/proc/self").map_or(0, |entry| entry.uid())
}
