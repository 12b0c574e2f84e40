//! The one frame each way before the service starts: which versions the caller speaks and who it is; which version is
//! in force and whom the daemon takes it for, or a refusal that says what to upgrade.

use crate::account::{Identity, Role};
use crate::error::ErrorKind;
use crate::ids::{PlaceId, UserId};
use crate::sign_in::SignIn;
use serde::{Deserialize, Serialize};

/// The version that this program speaks best.
pub const VERSION: u32 = 1;
/// The oldest version that it still speaks.
pub const VERSION_MIN: u32 = 1;
/// Largest handshake frame, bytes.
pub const FRAME_BYTES_MAX: usize = 4_096;
/// Longest wait for the peer's frame, ms.
pub const WAIT_MS_MAX: u64 = 5_000;

/// What the caller says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Oldest version that it speaks.
    pub version_min: u32,
    /// Newest version that it speaks.
    pub version_max: u32,
    /// Program and version, for the log.
    pub program: String,
    /// A token; none on the unix socket, where the peer's uid speaks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// With a bridge's token: for whom this connection acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acting_for: Option<ActingFor>,
}

/// For whom a bridge acts. The bridge answers for every word of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingFor {
    /// The person, as the bridge's side knows them, such as `discord:80351110224678912`.
    pub identity: Identity,
    /// How they are called there; foreign text.
    pub name: String,
    /// Where they act; none: nowhere in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<ActingIn>,
}

/// Where somebody acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingIn {
    /// The place, as the bridge's side knows it, such as `discord:1182`.
    pub identity: Identity,
    /// How it is called there; foreign text.
    pub name: String,
    /// What they are in this place, at most [`Role::Operator`]. It says nothing about the marketplace.
    #[serde(default)]
    pub role: Role,
    /// Whether they may change the place's settings.
    #[serde(default)]
    pub manages: bool,
    /// The groups that they are in there: at most [`crate::place::GROUPS_MAX`], named as [`crate::place::is_name`] wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl Hello {
    /// The hello of this build for a program's name and version.
    pub fn of(program: &str) -> Self {
        Self {
            version_min: VERSION_MIN,
            version_max: VERSION,
            program: format!("{program} {}", env!("CARGO_PKG_VERSION")),
            credential: None,
            acting_for: None,
        }
    }
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Welcome {
    /// Go on.
    Accepted {
        /// The version in force.
        version: u32,
        /// Who the caller is.
        principal: Principal,
        /// Where people sign in, if they can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sign_in: Option<SignIn>,
    },
    /// Not so. Nothing follows.
    Refused {
        /// Why, and what to do.
        reason: String,
        /// What the caller can do about it.
        #[serde(default = "unsupported")]
        kind: ErrorKind,
        /// Where people sign in, if they can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sign_in: Option<SignIn>,
    },
}

/// What a refusal of a daemon means that says nothing of it.
fn unsupported() -> ErrorKind {
    ErrorKind::Unsupported
}

/// Whom the daemon takes a caller for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// How the user is called.
    pub name: String,
    /// What they may in the whole marketplace, under the ceiling of what they came with.
    pub role: Role,
    /// Where they act.
    pub place: PlaceId,
    /// What they may there.
    pub place_role: Role,
    /// Whether a bridge acts for them.
    pub bridged: bool,
    /// The IANA name of their time zone, if they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// The version that both speak, or why there is none.
///
/// # Errors
/// A sentence that says which side to upgrade.
pub fn negotiate(hello: &Hello) -> Result<u32, String> {
    let version = hello.version_max.min(VERSION);
    if version >= hello.version_min.max(VERSION_MIN) {
        return Ok(version);
    }
    let (older, newer) = if hello.version_max < VERSION_MIN {
        (hello.program.as_str(), "the daemon")
    } else {
        ("the daemon", hello.program.as_str())
    };
    Err(format!(
        "{older} is too old for {newer}: {} speaks protocol {} to {}, the daemon {VERSION_MIN} to {VERSION}; upgrade {older}",
        hello.program, hello.version_min, hello.version_max
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_side_is_named() {
        let hello = |min, max| Hello {
            version_min: min,
            version_max: max,
            program: "tool 9".to_owned(),
            credential: None,
            acting_for: None,
        };
        assert_eq!(negotiate(&hello(1, 7)), Ok(1));
        assert!(negotiate(&hello(5, 7)).expect_err("no common version").ends_with("upgrade the daemon"));
        assert!(negotiate(&hello(0, 0)).expect_err("no common version").ends_with("upgrade tool 9"));
    }
}
