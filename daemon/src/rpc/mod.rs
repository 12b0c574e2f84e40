//! The daemon's side of the RPC service: who calls, what they may, what they are told. Texts for people are made here.
//!
//! A handler is dropped when its caller hangs up, so a write is one command; and what memory must know of it runs to its end
//! (see `whole`).

mod agent_past;
mod agents;
mod alerts;
mod authenticate;
mod bulk;
mod chained;
mod check;
mod door;
mod errors;
mod feed;
mod find;
mod fitting;
mod front_ends;
mod jobs;
mod limits;
mod linking;
mod listen;
mod log;
mod models;
mod notices;
mod orders;
mod overview;
mod ownership;
mod places;
mod registration;
mod reveal;
mod rotation;
mod secret_links;
mod service;
mod session;
mod sharing;
mod sign_in;
mod socket;
mod story;
mod tokens;
mod usage;
mod users;

pub(crate) use authenticate::expect_operators;
pub use bulk::Bulks;
pub use door::{Door, DoorLimits};
pub use listen::{Listeners, listen};
pub(crate) use rotation::SECRETS_PATH;
pub use rotation::{Handed, NotHanded};
pub use secret_links::SecretLinks;
pub use socket::{ListenError, SocketFile};

use self::session::Session;
use crate::accounts::Accounts;
use crate::config::Approval;
use crate::engine::Engine;
use crate::links::Links;
use crate::maker::Maker;
use crate::oidc::Issuer;
use crate::privacy::Policy;
use crate::reveals::Reveals;
use crate::scribe::Scribe;
use crate::store::{Chain, Command, Conflict, Outcome, Query, Receipt, Request, Store, StoreError};
use guildhall_protocol::account::Limits;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{RequestId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What all callers share.
pub struct Desk {
    /// The engine, and through it everything else.
    pub engine: Arc<Engine>,
    /// Who may what.
    pub accounts: Accounts,
    /// Codes that join accounts.
    pub links: Links,
    /// Addresses that show new secrets of agents.
    pub secret_links: SecretLinks,
    /// Whose texts are shown to whom.
    pub reveals: Reveals,
    /// Orders to many jobs.
    pub bulks: Bulks,
    /// What limits everybody.
    pub limits: Limits,
    /// Which agents an operator must approve.
    pub approval: Approval,
    /// What people consent to.
    pub policy: Policy,
    /// How many may come.
    pub door: Arc<Door>,
    /// Whose people may sign in, if anybody's.
    pub issuer: Option<Issuer>,
    /// Who is an admin by configuration.
    pub admin_uids: Vec<u32>,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// From when on no call is answered: nobody waits for a change any more.
    pub ended: CancellationToken,
}

impl Desk {
    fn store(&self) -> &dyn Store {
        &*self.engine.parts().store
    }

    fn maker(&self) -> &Maker {
        &self.engine.parts().maker
    }

    /// The user with this identity; a new one is made.
    async fn user(&self, kind: &str, identity: &str, name: &str) -> Result<UserId, StoreError> {
        let now = Timestamp::now();
        let mut scribe = Scribe::new(self.maker(), now, Chain::default(), Actor::Daemon);
        scribe.event(What::UserSeen);
        let on_discord = kind == Channel::Discord.name();
        let (kind, identity, name) = (kind.to_owned(), identity.to_owned(), name.to_owned());
        let command = Command::SeeUser { kind, identity, name, entry: scribe.finish() };
        match self.store().apply(now, command).await? {
            Outcome::User(user) => {
                if on_discord {
                    self.engine.parts().people.set_on_discord(user, true);
                }
                Ok(user)
            }
            Outcome::Done
            | Outcome::Posted(_)
            | Outcome::Registered(_)
            | Outcome::Repeated(_)
            | Outcome::Place(_)
            | Outcome::Leased(_)
            | Outcome::Surfaces(_)
            | Outcome::Alerts(_)
            | Outcome::Dropped(_) => Err(StoreError::Unavailable("an outcome of another command".to_owned())),
        }
    }

    /// Runs something that recurses into foreign values.
    async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.engine.parts().pool.run(work).await.map_err(|error| errors::internal(&error))
    }
}

/// Runs a change to its end, whoever hangs up meanwhile: what is stored then counts at once.
async fn whole<T: Send + 'static>(
    change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(change).await.unwrap_or_else(|error| Err(errors::internal(&error)))
}

/// One caller: the desk, and who stands before it.
#[derive(Clone)]
pub(crate) struct Caller {
    desk: Arc<Desk>,
    who: Arc<Session>,
}

impl Caller {
    /// A request of this caller; its hash tells a repetition from another use of the same id.
    fn request(&self, id: RequestId, what: &str, content: &[u8]) -> Request {
        let hash = Sha256::new().chain_update(what).chain_update([0]).chain_update(content).finalize();
        Request { user: self.who.user, id, hash: hash.into() }
    }

    /// What this request led to, if it was made before. What happened stays so, whatever would become of it now:
    /// whoever refuses a request looks here first.
    ///
    /// # Errors
    /// `Conflict`: its id was used for another request.
    async fn receipt(&self, request: &Request) -> Result<Option<Receipt>, ApiError> {
        let query = Query::Receipt { user: request.user, id: request.id.clone() };
        match self.desk.store().receipt(query).await.map_err(errors::store)? {
            None => Ok(None),
            Some((hash, _)) if hash != request.hash => {
                Err(errors::store(StoreError::Conflict(Conflict::RequestReused)))
            }
            Some((_, receipt)) => Ok(Some(receipt)),
        }
    }
}
