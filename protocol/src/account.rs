//! Users: who they are, what they may at most, what they are told about themselves.

use crate::error::{ApiError, ErrorKind};
use crate::history::Event;
use crate::ids::{PlaceId, TokenId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What somebody may, each role with everything of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Posts jobs.
    Client,
    /// Registers agents, too. Everybody, unless an admin says otherwise.
    #[default]
    Owner,
    /// Runs the queues: sees and steers all jobs.
    Operator,
    /// Says who is what, and hands out tokens.
    Admin,
}

/// Every role, the least first.
pub const ROLES: [Role; 4] = [Role::Client, Role::Owner, Role::Operator, Role::Admin];

impl Role {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: client, owner, operator or admin")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        ROLES.into_iter().find(|role| role.name() == text).ok_or_else(|| RoleError(text.to_owned()))
    }
}

/// What is kept of a user beside identities and history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// In the whole marketplace.
    pub role: Role,
    /// More than that, in one place only. Nobody becomes an operator of the marketplace by it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<PlaceId, Role>,
    /// Nothing new may be begun; what runs ends.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// Other limits than the usual ones.
    #[serde(skip_serializing_if = "Limits::is_usual")]
    pub limits: Limits,
    /// The version of the privacy policy that the user consented to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// Who has everything of theirs now, since both said that they are one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<UserId>,
}

/// The most that one user may have or do; none: as configured for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Jobs that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_jobs: Option<u64>,
    /// Jobs posted in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posts_per_minute: Option<u64>,
    /// Bytes that their jobs hold in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// Agents that are not retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<u64>,
}

impl Limits {
    /// Whether all are as for everybody.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// These, and the others' where these say nothing.
    #[must_use]
    pub fn or(self, usual: Self) -> Self {
        Self {
            open_jobs: self.open_jobs.or(usual.open_jobs),
            posts_per_minute: self.posts_per_minute.or(usual.posts_per_minute),
            stored_bytes: self.stored_bytes.or(usual.stored_bytes),
            agents: self.agents.or(usual.agents),
        }
    }
}

/// How a user is known to somebody else: a kind and what that kind calls them, such as `uid:1000` or `discord:80351110224678912`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// `uid`, `discord`, `oidc`, or `name` for who was added by an admin.
    pub kind: String,
    /// The identity itself.
    pub id: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// Largest identity, bytes.
pub const IDENTITY_BYTES_MAX: usize = 512;
/// Longest kind of identity, bytes.
const KIND_BYTES_MAX: usize = 32;

impl Identity {
    /// Whether it is one at all: a short lower-case kind, and something that can be printed.
    pub fn is_sound(&self) -> bool {
        let Self { kind, id } = self;
        let is_kind = !kind.is_empty()
            && kind.len() <= KIND_BYTES_MAX
            && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        is_kind && !id.is_empty() && id.len() <= IDENTITY_BYTES_MAX && !id.chars().any(char::is_control)
    }
}

/// Text that is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no identity: write kind:id, such as discord:80351110224678912")]
pub struct IdentityError(String);

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let identity =
            text.split_once(':').map(|(kind, id)| Self { kind: kind.to_owned(), id: id.to_owned() });
        let wrong = || IdentityError(text.chars().take(80).collect());
        identity.filter(Self::is_sound).ok_or_else(wrong)
    }
}

/// Names a user: their number, or one of their identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserRef {
    /// By number.
    Number(UserId),
    /// By identity.
    Identity(Identity),
}

/// Text that names no user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no user: write a number from `guildhall user list`, or an identity such as uid:1000, discord:80351110224678912 or name:ada"
)]
pub struct UserRefError(String);

impl FromStr for UserRef {
    type Err = UserRefError;

    fn from_str(text: &str) -> Result<Self, UserRefError> {
        let identity = || text.parse().map(Self::Identity).ok();
        let number = text.trim_start_matches('#').parse().map(|id| Self::Number(UserId(id)));
        number.ok().or_else(identity).ok_or_else(|| UserRefError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "{}", id.0),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

/// What an admin or operator decides about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserOrder {
    /// Gives a role; with a place, one that counts there only.
    Grant {
        /// The role.
        role: Role,
        /// Where; none: everywhere.
        place: Option<PlaceId>,
    },
    /// Takes it back: the usual role everywhere, or none of its own in the place.
    Revoke {
        /// Where; none: everywhere.
        place: Option<PlaceId>,
    },
    /// No new posts, their agents pause; running jobs end.
    Suspend,
    /// Ends a suspension. Their agents stay paused until they are resumed.
    Restore,
    /// Sets all limits.
    Limit(Limits),
}

/// A user in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserHead {
    /// Their number.
    pub id: UserId,
    /// How they are called; foreign text.
    pub name: String,
    /// What is kept of them.
    pub account: Account,
}

/// Everything about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStory {
    /// In short.
    pub head: UserHead,
    /// How they are known.
    pub identities: Vec<Identity>,
    /// What they have now.
    pub usage: Usage,
    /// What is in force for them.
    pub limits: Limits,
    /// Their history.
    pub events: Vec<Event>,
}

/// What a user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Jobs that have not ended.
    pub open_jobs: u64,
    /// Bytes that their jobs hold in the store.
    pub stored_bytes: u64,
    /// Agents that are not retired.
    pub agents: u64,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A program of its user.
    Api,
    /// A front end that acts for many: whoever holds it is each of them, up to its ceiling.
    Bridge,
}

impl TokenKind {
    /// Its name, also in the token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Bridge => "bridge",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TokenKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [Self::Api, Self::Bridge];
        let wrong = || format!("{text:?} is no kind of token: api or bridge");
        kinds.into_iter().find(|kind| kind.name() == text).ok_or_else(wrong)
    }
}

/// What a token may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenScope {
    /// What it is for.
    pub kind: TokenKind,
    /// The most that it may, whatever its user may.
    pub up_to: Role,
    /// Whether it may change nothing.
    #[serde(default)]
    pub read_only: bool,
    /// Where a bridge may act, such as `discord:1182`; empty: everywhere.
    #[serde(default)]
    pub places: Vec<Identity>,
}

/// Longest life of a token, days.
pub const TOKEN_DAYS_MAX: u64 = 3_650;
/// Life of a token of which nothing else is said, days.
pub const TOKEN_DAYS: u64 = 90;
/// Longest name of a token, bytes.
pub const TOKEN_NAME_BYTES_MAX: usize = 80;

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// Whose; none: the caller's.
    pub user: Option<UserRef>,
    /// What its maker calls it.
    pub name: String,
    /// What it may.
    pub scope: TokenScope,
    /// How long it lives, days, 1 to [`TOKEN_DAYS_MAX`].
    pub days: u64,
}

/// A token, without what would let anybody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its number.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// What its maker calls it; foreign text.
    pub name: String,
    /// What it may.
    pub scope: TokenScope,
    /// Its last four characters.
    pub last4: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// A new token: the one time that it is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMade {
    /// The token.
    pub token: String,
    /// What is kept of it.
    pub view: TokenView,
}

impl fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMade").field("view", &self.view).finish_non_exhaustive()
    }
}

/// Says once, and for some minutes, that whoever enters it is the same person as the user who asked for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCode {
    /// The code, such as `K7QM-2XWD`.
    pub code: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkCode").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What entering a code would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOffer {
    /// Who asked for the code: this account stays, with its role, limits and settings.
    pub kept: UserHead,
    /// How they are known.
    pub known_as: Vec<Identity>,
    /// Who would become part of it: the caller.
    pub gone: UserHead,
    /// What of theirs would move.
    pub moves: Usage,
}

/// What people are asked to consent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Changes with the text.
    pub version: String,
    /// The text.
    pub text: String,
    /// Whether the caller consented to this version.
    pub consented: bool,
}

/// A field of a post that waits for consent.
pub const CONSENT_FIELD: &str = "consent";

/// The refusal of a first post.
pub fn consent_needed(version: &str) -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        "before your first post, say that you know who receives its text and how long it is kept",
    )
    .in_field(CONSENT_FIELD)
    .hint(format!("read it with `guildhall account privacy`, then `guildhall account consent {version}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_by_number_or_identity() {
        assert_eq!("7".parse(), Ok(UserRef::Number(UserId(7))));
        let identity = Identity { kind: "oidc".to_owned(), id: "https://id.example user:1".to_owned() };
        assert_eq!("oidc:https://id.example user:1".parse(), Ok(UserRef::Identity(identity)));
        for wrong in ["", "ada", ":x", "uid:", "UID:1", "1.5"] {
            assert!(wrong.parse::<UserRef>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_account_of_which_nothing_was_said_is_nothing() {
        assert_eq!(serde_json::to_string(&Account::default()).expect("it prints"), r#"{"role":"owner"}"#);
        assert_eq!(serde_json::from_str::<Account>("{}").expect("it reads"), Account::default());
    }
}
