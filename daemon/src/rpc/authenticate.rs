//! Who calls: from what a connection shows of itself to a session. Nothing else decides it.

use super::Desk;
use super::session::{Bridge, Session};
use super::sign_in::{by_issuer, is_issued};
use crate::accounts::Terms;
use crate::oidc::SignInError;
use crate::store::account::is_news;
use crate::store::{AccountCommand, AccountQuery, Command, Query, StoreError};
use crate::token::{self, TokenError};
use guildhall_protocol::account::{Identity, Role, TokenKind, TokenScope};
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::handshake::{ActingFor, Hello};
use guildhall_protocol::ids::UserId;
use guildhall_protocol::notice::Channel;
use guildhall_protocol::place::{GROUPS_MAX, NAME_BYTES_MAX, is_name};
use guildhall_protocol::time::Timestamp;

/// Longest name of a person or place that a bridge tells, graphemes.
const NAME_MAX: usize = 80;

/// What is known of the other side before it says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process on this machine, on the unix socket.
    Local {
        /// As the kernel says.
        uid: u32,
    },
    /// Somebody on another machine, over TLS.
    Remote,
}

/// Why a caller is not let in. Its text goes to the caller: it says what to do, and nothing about others.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// The store cannot be asked.
    #[error("the daemon cannot look you up at the moment: {0}")]
    Store(#[from] StoreError),
    /// Nobody is let in over the network just so.
    #[error(
        "over the network nobody is let in without a token: an admin makes one with `guildhalld token create`; give it with --token-file or GUILDHALL_TOKEN"
    )]
    NoCredential,
    /// The credential is no token.
    #[error(transparent)]
    NoToken(#[from] TokenError),
    /// It was never given, by this daemon.
    #[error("this daemon does not know this token: ask an admin for another")]
    Stranger,
    /// It was revoked.
    #[error("this token was revoked: ask an admin for another")]
    Revoked,
    /// It is over.
    #[error("this token has expired: ask an admin for another")]
    Expired,
    /// It is an issuer's, and none may sign people in.
    #[error("this daemon takes no sign-in tokens: its oidc_issuer is not set")]
    NoIssuer,
    /// It is an issuer's, and not good.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// Only bridges act for others.
    #[error("only a bridge's token acts for others; this is none")]
    NoBridge,
    /// The bridge is bound to other places.
    #[error("this token does not act in {0}")]
    OtherPlace(Identity),
    /// The person or place is named in a way that cannot be.
    #[error("a bridge names people and places as kind:id, such as discord:80351110224678912")]
    BadName,
    /// The groups of the person are too many, or named in a way that cannot be.
    #[error(
        "a bridge tells at most {GROUPS_MAX} groups of a person, each named by 1 to {NAME_BYTES_MAX} bytes"
    )]
    BadGroups,
}

impl Unknown {
    /// What the caller can do about it.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(_) | Self::SignIn(SignInError::Away { .. }) => ErrorKind::Unavailable,
            Self::NoIssuer => ErrorKind::Unsupported,
            Self::NoCredential
            | Self::NoToken(_)
            | Self::Stranger
            | Self::Revoked
            | Self::Expired
            | Self::SignIn(SignInError::Refused(_))
            | Self::NoBridge
            | Self::OtherPlace(_)
            | Self::BadName
            | Self::BadGroups => ErrorKind::Forbidden,
        }
    }
}

/// The session behind a connection. A credential goes before what the machine says of the peer.
///
/// # Errors
/// See [`Unknown`]: nobody is let in.
pub(super) async fn authenticate(desk: &Desk, peer: Peer, hello: &Hello) -> Result<Session, Unknown> {
    let acting_for = hello.acting_for.as_ref();
    match (hello.credential.as_deref(), peer) {
        (Some(credential), _) if !is_issued(credential) => by_token(desk, credential, acting_for).await,
        _ if acting_for.is_some() => Err(Unknown::NoBridge),
        (Some(credential), _) => by_issuer(desk, credential).await,
        (None, Peer::Local { uid }) => Ok(by_uid(desk, uid).await?),
        (None, Peer::Remote) => Err(Unknown::NoCredential),
    }
}

/// Everybody of whom something is kept, and whoever runs the daemon: they are told what operators must know from its first
/// moment on, not from their first call.
///
/// # Errors
/// The store cannot be read or written.
pub(crate) async fn expect_operators(desk: &Desk) -> Result<(), StoreError> {
    const PAGE: u32 = 1_000;
    for uid in &desk.admin_uids {
        let identity = Identity { kind: "uid".to_owned(), id: uid.to_string() };
        let known = desk.store().users(Query::Account(AccountQuery::Known(identity))).await?;
        for user in known {
            desk.bear_admin(user.id);
        }
    }
    by_uid(desk, own_uid()).await?;
    let on_discord = AccountQuery::KnownBy(Channel::Discord.name().to_owned());
    for user in desk.store().user_ids(Query::Account(on_discord)).await? {
        desk.engine.parts().people.set_on_discord(user, true);
    }
    let mut after = UserId(0);
    loop {
        let users = desk.store().users(Query::Account(AccountQuery::Users { after, limit: PAGE })).await?;
        for user in &users {
            desk.remember(user);
        }
        match users.last() {
            Some(last) if users.len() == PAGE as usize => after = last.id,
            Some(_) | None => return Ok(()),
        }
    }
}

/// The user behind a uid. The daemon's own uid, root and those in the configuration are admins.
async fn by_uid(desk: &Desk, uid: u32) -> Result<Session, StoreError> {
    let name = format!("uid {uid}");
    let user = desk.user("uid", &uid.to_string(), &name).await?;
    let identity = Identity { kind: "uid".to_owned(), id: uid.to_string() };
    let born = desk.is_admin_uid(&identity);
    if born {
        desk.bear_admin(user);
    }
    let session = Session::of(user, name);
    let terms = Terms { born, ..session.terms };
    Ok(Session { identity: Some(identity), terms, ..session })
}

/// The user of a token, or the person for whom a bridge acts.
async fn by_token(desk: &Desk, text: &str, acting_for: Option<&ActingFor>) -> Result<Session, Unknown> {
    let hash = token::check(text)?;
    let now = Timestamp::now();
    let found = desk.store().tokens(Query::Account(AccountQuery::TokenOf(hash))).await?;
    let token = found.into_iter().next().ok_or(Unknown::Stranger)?;
    if token.revoked_at.is_some() {
        return Err(Unknown::Revoked);
    }
    if token.expires_at <= now {
        return Err(Unknown::Expired);
    }
    if is_news(token.used_at, now) {
        let command = AccountCommand::UseToken { token: token.id };
        desk.store().apply(now, Command::Account(command)).await?;
    }
    let scope = token.scope;
    let is_bridge = scope.kind == TokenKind::Bridge;
    let session = match acting_for {
        Some(acting_for) if is_bridge => bridged(desk, &scope, acting_for).await?,
        Some(_) => return Err(Unknown::NoBridge),
        None => {
            let name = desk.store().user(token.user).await?.name;
            let bridge = is_bridge.then_some(Bridge { has_all_places: scope.places.is_empty() });
            // No token may more than its maker did: one up to admin was made by an admin.
            let born = !is_bridge && desk.accounts.is_born_admin(token.user);
            let terms = Terms { bridged: is_bridge, born, ..Terms::up_to(scope.up_to) };
            Session { terms, bridge, ..Session::of(token.user, name) }
        }
    };
    let (token, expires_at) = (Some(token.id), Some(token.expires_at));
    Ok(Session { token, expires_at, read_only: scope.read_only, ..session })
}

/// Somebody for whom a bridge acts: never more than its ceiling, and in its places only.
async fn bridged(desk: &Desk, scope: &TokenScope, acting_for: &ActingFor) -> Result<Session, Unknown> {
    let ActingFor { identity, name, place } = acting_for;
    check_identity(identity)?;
    let here = match place {
        None if !scope.places.is_empty() => return Err(Unknown::OtherPlace(identity.clone())),
        None => None,
        Some(here) => {
            check_identity(&here.identity)?;
            if !scope.places.is_empty() && !scope.places.contains(&here.identity) {
                return Err(Unknown::OtherPlace(here.identity.clone()));
            }
            check_groups(&here.groups)?;
            Some((desk.place(&here.identity, &short(&here.name)).await?, here))
        }
    };
    let name = short(name);
    let user = desk.user(&identity.kind, &identity.id, &name).await?;
    let mut terms = Terms { bridged: true, ..Terms::up_to(scope.up_to) };
    let mut groups = Vec::new();
    if let Some((place, here)) = here {
        terms.place = place;
        terms.claimed = here.role.min(Role::Operator);
        terms.manages = here.manages;
        groups.clone_from(&here.groups);
    }
    Ok(Session { terms, groups, identity: Some(identity.clone()), ..Session::of(user, name) })
}

/// Those that only this daemon gives are no names for a bridge.
fn check_identity(identity: &Identity) -> Result<(), Unknown> {
    let is_own = ["uid", "oidc", "name", "house", "local"].contains(&identity.kind.as_str());
    if is_own || !identity.is_sound() { Err(Unknown::BadName) } else { Ok(()) }
}

/// A bridge may know more groups than a place ever names.
fn check_groups(groups: &[String]) -> Result<(), Unknown> {
    let fit = groups.len() <= GROUPS_MAX && groups.iter().all(|group| is_name(group));
    if fit { Ok(()) } else { Err(Unknown::BadGroups) }
}

impl Desk {
    /// Whether this is a user of the machine who is an admin by that: the daemon's own, root, those in the configuration.
    pub(super) fn is_admin_uid(&self, identity: &Identity) -> bool {
        let uid = identity.id.parse::<u32>().ok().filter(|_| identity.kind == "uid");
        uid.is_some_and(|uid| self.admin_uids.contains(&uid) || uid == own_uid())
    }
}

fn short(name: &str) -> String {
    cut(clean_line(name).trim(), NAME_MAX)
}

pub(crate) fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own process's entry is its effective uid; without one, nobody but root is taken for us.
    std::fs::metadata("/proc/self").map_or(0, |entry| entry.uid())
}
