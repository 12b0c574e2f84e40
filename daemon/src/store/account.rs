//! What is written and asked about users, tokens and shared jobs.

use super::command::{Fence, Request};
use super::entry::Entry;
use super::record::Chain;
use guildhall_protocol::account::{Account, Identity, TokenView};
use guildhall_protocol::ids::{JobId, TokenId, UserId};
use guildhall_protocol::time::Timestamp;

/// A change to users, tokens or shares.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    /// What is kept of a user from now on. Guarded by the user's revision.
    Turn {
        /// Makes it idempotent.
        request: Request,
        /// The user as read.
        fence: UserFence,
        /// All of it.
        account: Account,
        /// Its record.
        entry: Entry,
    },
    /// Makes a token. Guarded by the user's revision.
    MakeToken {
        /// Makes it idempotent.
        request: Request,
        /// The user as read.
        fence: UserFence,
        /// The token: neither used nor revoked; its user is the fence's.
        token: TokenView,
        /// SHA-256 of its text.
        hash: [u8; 32],
        /// Its record.
        entry: Entry,
    },
    /// Ends a token. Guarded by the user's revision, and by a token of theirs that is not revoked.
    RevokeToken {
        /// Makes it idempotent.
        request: Request,
        /// The user as read.
        fence: UserFence,
        /// The token.
        token: TokenId,
        /// Its record.
        entry: Entry,
    },
    /// Makes one user of two: identities, tokens, jobs, agents, notices and counts of the one who goes are the other's from now
    /// on; how the one who goes wanted to be told is forgotten. Guarded by both revisions.
    Merge {
        /// Makes it idempotent; its user is the one who stays.
        request: Request,
        /// Who stays, as read.
        kept: UserFence,
        /// The record of that.
        entry: Entry,
        /// Who goes, as read.
        gone: UserFence,
        /// What is kept of whoever goes.
        account: Account,
        /// The record of that.
        gone_entry: Entry,
    },
    /// A user is no longer known so. Guarded by the user's revision, and by another identity of theirs.
    RemoveIdentity {
        /// Makes it idempotent.
        request: Request,
        /// The user as read.
        fence: UserFence,
        /// The identity.
        identity: Identity,
        /// Its record.
        entry: Entry,
    },
    /// A token was used; the time never goes back.
    UseToken {
        /// The token.
        token: TokenId,
    },
    /// Shares a job with a user, or no longer. It begins no epoch. Guarded by the fence.
    Share {
        /// Makes it idempotent.
        request: Request,
        /// The job as read.
        fence: Fence,
        /// With whom.
        user: UserId,
        /// Whether from now on, or no longer.
        shared: bool,
        /// Its record.
        entry: Entry,
    },
}

/// A user as the caller read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFence {
    /// The user.
    pub user: UserId,
    /// The head of their history.
    pub chain: Chain,
}

/// A question about users, tokens or shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountQuery {
    /// Users by number. Answers `Users`.
    Users {
        /// After this one.
        after: UserId,
        /// At most so many.
        limit: u32,
    },
    /// Who is known so. Answers `Users` with one row or none.
    Known(Identity),
    /// Everybody who is known by this kind of identity. Answers `UserIds`, by number.
    KnownBy(String),
    /// How a user is known. Answers `Identities`, by kind and identity.
    Identities(UserId),
    /// The token with this hash. Answers `Tokens` with one row or none.
    TokenOf([u8; 32]),
    /// The token with this number. Answers `Tokens` with one row or none.
    Token(TokenId),
    /// Tokens, newest first. Answers `Tokens`.
    Tokens {
        /// Whose; none: everybody's.
        user: Option<UserId>,
        /// At most so many.
        limit: u32,
    },
    /// With whom a job is shared. Answers `UserIds`, by number.
    Shares(JobId),
    /// What a user's jobs hold. Answers `Usage`; it counts no agents.
    Usage(UserId),
}

/// When a token was last used is kept to this, so that a busy token writes little.
pub const TOKEN_USE_MS: i64 = 60_000;

/// Whether a use at `now` is worth writing.
pub fn is_news(used_at: Option<Timestamp>, now: Timestamp) -> bool {
    used_at.is_none_or(|used| now.0 - used.0 >= TOKEN_USE_MS)
}
