//! The daemon, in the name of people: one connection for each person and place, kept for a while.

use crate::incoming::Incoming;
use guildhall_protocol::account::{Identity, Role};
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::{ActingFor, ActingIn, Hello};
use guildhall_protocol::ids::UserId;
use guildhall_protocol::service::GuildhallClient;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tarpc::client::RpcError;
use tarpc::context::Context;

/// Connections in people's names at a time; the one that was not used for longest goes.
const PEOPLE_MAX: usize = 256;
/// Longest that one call takes; whoever waits on Discord waits longer with a deferred answer.
const CALL_MAX: Duration = Duration::from_mins(1);

/// For whom: the person, and the server if they are in one.
type Who = (u64, Option<u64>);

/// A connection in somebody's name.
struct Known {
    client: Arc<Client>,
    /// What was said of them where they are: when that changes, another connection says so.
    here: Option<ActingIn>,
    used: Instant,
}

/// The way to the daemon.
pub(crate) struct Hall {
    endpoint: Endpoint,
    token: String,
    itself: Client,
    people: Mutex<BTreeMap<Who, Known>>,
}

/// Somebody in whose name calls are made.
#[derive(Clone)]
pub(crate) struct Person(Arc<Client>);

impl Hall {
    /// A daemon behind an endpoint, with a bridge's token. Nothing is connected yet.
    pub(crate) fn new(endpoint: Endpoint, token: String) -> Self {
        let itself = Client::new(endpoint.clone(), hello(&token, None)).call_limit(CALL_MAX);
        Self { endpoint, token, itself, people: Mutex::default() }
    }

    /// The bridge itself, in nobody's name.
    pub(crate) fn itself(&self) -> &Client {
        &self.itself
    }

    /// Whoever did something on Discord.
    pub(crate) fn person(&self, incoming: &Incoming) -> Person {
        let place = incoming.server.as_ref().map(|server| ActingIn {
            identity: discord(server.id),
            name: format!("server {}", server.id),
            // Who manages a server is nobody special for its jobs, unless they have the role that operates them.
            role: Role::Client,
            manages: server.managed,
            groups: server.roles.iter().map(u64::to_string).collect(),
        });
        let who = (incoming.user.id, incoming.server.as_ref().map(|server| server.id));
        self.acting_for(who, &incoming.user.name, place)
    }

    /// Somebody of whom only the number is known, in no server.
    pub(crate) fn user(&self, id: u64) -> Person {
        self.acting_for((id, None), &format!("discord {id}"), None)
    }

    fn acting_for(&self, who: Who, name: &str, place: Option<ActingIn>) -> Person {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(known) = people.get_mut(&who).filter(|known| known.here == place) {
            known.used = now;
            return Person(Arc::clone(&known.client));
        }
        if people.len() >= PEOPLE_MAX
            && let Some(oldest) = people.iter().min_by_key(|(_, known)| known.used).map(|(who, _)| *who)
        {
            people.remove(&oldest);
        }
        let here = place.clone();
        let acting_for = ActingFor { identity: discord(who.0), name: name.to_owned(), place };
        let hello = hello(&self.token, Some(acting_for));
        let client = Arc::new(Client::new(self.endpoint.clone(), hello).call_limit(CALL_MAX));
        people.insert(who, Known { client: Arc::clone(&client), here, used: now });
        Person(client)
    }
}

impl Person {
    /// Who they are in the marketplace.
    pub(crate) async fn user(&self) -> Result<UserId, ApiError> {
        Ok(self.0.principal().await?.user)
    }

    /// One call in their name.
    pub(crate) async fn call<T, F, Call>(&self, call: Call) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Result<T, ApiError>, RpcError>>,
        Call: FnOnce(GuildhallClient, Context) -> F,
    {
        self.0.call(call).await
    }

    /// One call in their name that carries a request id, and so happens at most once: it is made again where nobody knows
    /// whether it happened.
    ///
    /// # Errors
    /// `Unknown` for as long as no answer says whether it happened.
    pub(crate) async fn call_once<T, F, Call>(&self, call: Call) -> Result<T, ApiError>
    where
        F: Future<Output = Result<Result<T, ApiError>, RpcError>>,
        Call: Fn(GuildhallClient, Context) -> F,
    {
        match self.0.call(&call).await {
            Err(unknown) if unknown.kind == ErrorKind::Unknown => known(unknown, self.0.call(&call).await),
            first => first,
        }
    }
}

/// What is known after a second call. That the daemon could not be asked again says nothing of the first.
fn known<T>(unknown: ApiError, again: Result<T, ApiError>) -> Result<T, ApiError> {
    again.map_err(|error| match error.kind {
        // It looked, and says that it did not happen.
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict => error,
        ErrorKind::Unavailable
        | ErrorKind::Unknown
        | ErrorKind::Limited
        | ErrorKind::Forbidden
        | ErrorKind::Unsupported
        | ErrorKind::Internal => unknown,
    })
}

fn hello(token: &str, acting_for: Option<ActingFor>) -> Hello {
    Hello { credential: Some(token.to_owned()), acting_for, ..Hello::of("guildhall-bot") }
}

/// How Discord's numbers are known in the marketplace.
pub(crate) fn discord(id: u64) -> Identity {
    Identity { kind: "discord".to_owned(), id: id.to_string() }
}

/// The number of somebody on Discord.
pub(crate) fn discord_id(identity: &Identity) -> Option<u64> {
    (identity.kind == "discord").then(|| identity.id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_ends_not_knowing() {
        let error = |kind: ErrorKind| ApiError::new(kind, "it is so");
        let after = |again: Result<u8, ApiError>| known(error(ErrorKind::Unknown), again);
        assert_eq!(after(Ok(7)), Ok(7));
        assert_eq!(after(Err(error(ErrorKind::Invalid))), Err(error(ErrorKind::Invalid)));
        for silent in [ErrorKind::Unavailable, ErrorKind::Limited, ErrorKind::Forbidden, ErrorKind::Internal]
        {
            assert_eq!(after(Err(error(silent))), Err(error(ErrorKind::Unknown)), "{silent:?}");
        }
    }
}
