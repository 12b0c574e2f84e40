//! Calls that make agents, and versions of them.

use super::Caller;
use super::agents::{no_version, shown_grants};
use super::check::checked_definition;
use super::errors::{internal, invalid, store};
use crate::agents::chat::is_same_server;
use crate::agents::egress::Grants;
use crate::agents::secrets::{SecretKind, place};
use crate::agents::signing::SigningSecret;
use crate::catalog;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{
    AgentFence, AgentRecord, AgentTurn, Chain, Command, NewVersion, Outcome, Query, Receipt, Request,
    SealedSecret, StoreError,
};
use guildhall_protocol::agent::{
    AgentDefinition, AgentEvent, AgentKey, AgentKind, AgentName, AgentState, Audience,
};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, RequestId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{RegisterOptions, Registered, Secrets, Updated};
use sha2::{Digest, Sha256};
use url::Url;

impl Caller {
    pub(super) async fn register(
        &self,
        id: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Registered, ApiError> {
        let now = Timestamp::now();
        let request = self.request(id, "register", &content(&definition, &options)?);
        self.check(Verb::Register)?;
        if options.api_key.is_some() {
            // A key is a secret, too.
            self.check(Verb::RotateSecret).map_err(|error| error.in_field("api_key"))?;
        }
        if let Some(agent) = self.agent_receipt(&request).await? {
            let checked = checked_definition(&self.desk, definition).await;
            return self
                .registered_before(agent, checked.map(|(_, warnings)| warnings).unwrap_or_default())
                .await;
        }
        self.check_registration()?;
        if options.audience != Audience::Owner {
            self.check(Verb::Publish).map_err(|error| error.in_field("audience"))?;
        }
        if options.house {
            self.check(Verb::RegisterHouse).map_err(|error| error.in_field("house"))?;
        }
        let owner = if options.house {
            self.desk.user("house", "house", "the house").await.map_err(store)?
        } else {
            self.who.user
        };
        check_key(definition.kind, options.api_key.as_ref())?;
        let grants = self.grants(&definition.endpoint, &options)?;
        self.check_endpoint(&definition.endpoint, &grants)?;
        let (compiled, warnings) = checked_definition(&self.desk, definition).await?;
        let definition = compiled.definition;
        let name = definition.name.clone();

        let maker = self.desk.maker();
        let (secrets, [delivery_secret, callback_secret]) = self.new_secrets(&definition, options.api_key);
        let mut scribe = Scribe::new(maker, now, Chain::default(), Actor::User(self.who.user));
        let version = AgentVersion(1);
        let body = serde_json::to_vec(&definition).map_err(|error| internal(&error))?;
        let (body, commitment) = scribe.body(body);
        scribe.event(What::AgentRegistered { owner, version, definition: commitment });
        grant_events(&mut scribe, &grants);
        let new = NewVersion { version, definition: body, concurrency: definition.caps.concurrency, grants };
        let command = Command::Register {
            request,
            name: name.clone(),
            owner,
            audience: options.audience,
            version: new,
            delivery_secret,
            callback_secret,
            due_at: now,
            entry: scribe.finish(),
        };
        let taken = |error| {
            if error != StoreError::Conflict(crate::store::Conflict::NameTaken) {
                return store(error);
            }
            let other = format!(
                "choose another, or change yours with `guildhall agent update`; see `guildhall agent show {name}`"
            );
            ApiError::new(ErrorKind::Conflict, format!("the name {name} is taken"))
                .in_field("name")
                .hint(other)
        };
        match self.desk.store().apply(now, command).await.map_err(taken)? {
            Outcome::Registered(id) => {
                self.desk.engine.refresh(id).await.map_err(store)?;
                let secrets = secrets.filter(|_| !self.who.terms.bridged);
                Ok(Registered { id, version, secrets, warnings })
            }
            Outcome::Repeated(Receipt::Agent(id)) => self.registered_before(id, warnings).await,
            Outcome::Repeated(Receipt::Posted(_) | Receipt::Job(_) | Receipt::Done)
            | Outcome::Place(_)
            | Outcome::Leased(_)
            | Outcome::Surfaces(_)
            | Outcome::Alerts(_)
            | Outcome::Dropped(_)
            | Outcome::Done
            | Outcome::Posted(_)
            | Outcome::User(_) => {
                Err(store(StoreError::Unavailable("an outcome of another command".to_owned())))
            }
        }
    }

    /// The same registration again, because its answer was lost: the same secrets.
    async fn registered_before(&self, id: AgentId, warnings: Vec<String>) -> Result<Registered, ApiError> {
        let parts = self.desk.engine.parts();
        let (record, compiled) = catalog::reload(self.desk.store(), &parts.pool, id).await.map_err(store)?;
        let version = AgentVersion(1);
        if compiled.definition.kind == AgentKind::Chat || self.who.terms.bridged {
            return Ok(Registered { id, version, secrets: None, warnings });
        }
        self.check_shown(&record, None).await?;
        let secrets = Some(self.reveal(&record)?);
        Ok(Registered { id, version, secrets, warnings })
    }

    /// Refuses to show an agent's secrets once more, unless they are those that the request made: since the registration, or
    /// since the rotation under this key, nobody replaced them and nobody else took the agent.
    pub(super) async fn check_shown(&self, record: &AgentRecord, key: Option<&str>) -> Result<(), ApiError> {
        let events = self.desk.events(Subject::Agent(record.id), record.chain.revision).await?;
        let made =
            |what: &'_ What| matches!(what, What::SecretsRotated { .. } | What::AgentRegistered { .. });
        let newest = events.iter().rev().map(|event| &event.what).find(|what| made(what));
        let newest = newest
            .map(|what| if let What::SecretsRotated { key, .. } = what { Some(key.as_str()) } else { None });
        let was_taken = events.iter().any(|event| matches!(event.what, What::AgentTaken { .. }));
        let is_theirs = record.is_owned_by(self.who.user) || self.is_operator();
        if newest == Some(key) && is_theirs && (key.is_some() || !was_taken) {
            return Ok(());
        }
        let name = &record.name;
        Err(ApiError::new(
            ErrorKind::Conflict,
            format!("the secrets of {name} were shown then, and are others by now"),
        )
        .hint(format!("`guildhall agent rotate-secret {name}` makes new ones, if it is yours")))
    }

    /// The current secrets of an agent, for whoever was to see them once and lost the answer.
    pub(super) fn reveal(&self, record: &AgentRecord) -> Result<Secrets, ApiError> {
        let parts = self.desk.engine.parts();
        let reveal = |kind, sealed: &[u8]| {
            let opened = parts.key.open(&place(&record.name, kind), sealed);
            let bytes = opened.map_err(|error| internal(&error))?;
            let secret = SigningSecret::from_bytes(&bytes);
            let secret = secret.ok_or_else(|| internal(&crate::agents::secrets::OpenSealedError))?;
            Ok::<_, ApiError>(secret.reveal())
        };
        Ok(Secrets {
            delivery_secret: reveal(SecretKind::Delivery, &record.delivery_secret)?,
            callback_secret: reveal(SecretKind::Callback, &record.callback_secret)?,
        })
    }

    /// The secrets of a new agent: as its owner sees them, if they do not know them already, and sealed.
    fn new_secrets(
        &self,
        definition: &AgentDefinition,
        key: Option<AgentKey>,
    ) -> (Option<Secrets>, [SealedSecret; 2]) {
        let name = &definition.name;
        let [delivery, callback] = [(); 2].map(|()| SigningSecret::from_random(self.desk.maker().random()));
        // Nobody gets to know that of a chat agent: whoever calls back in its name is turned away.
        let sealed_callback = self.sealed(name, SecretKind::Callback, callback.bytes());
        match definition.kind {
            AgentKind::Native | AgentKind::A2a => {
                let sealed = self.sealed(name, SecretKind::Delivery, delivery.bytes());
                let (delivery_secret, callback_secret) = (delivery.reveal(), callback.reveal());
                (Some(Secrets { delivery_secret, callback_secret }), [sealed, sealed_callback])
            }
            AgentKind::Chat => {
                let key = key.map(String::from).unwrap_or_default();
                (None, [self.sealed(name, SecretKind::Delivery, key.as_bytes()), sealed_callback])
            }
        }
    }

    pub(super) fn sealed(&self, name: &AgentName, kind: SecretKind, secret: &[u8]) -> SealedSecret {
        let nonce = self.desk.maker().random();
        SealedSecret(self.desk.engine.parts().key.seal(&place(name, kind), nonce, secret))
    }

    /// What `--allow-private` grants: exactly the endpoint's host and port, by an operator.
    fn grants(&self, endpoint: &str, options: &RegisterOptions) -> Result<Vec<(String, u16)>, ApiError> {
        if !options.allow_private {
            return Ok(Vec::new());
        }
        self.check(Verb::GrantAddress).map_err(|error| error.in_field("endpoint"))?;
        let url = Url::parse(endpoint)
            .map_err(|error| invalid("endpoint", format!("the endpoint is not a URL: {error}")))?;
        let host = url.host_str().map(ToOwned::to_owned).zip(url.port_or_known_default());
        Ok(host.into_iter().collect())
    }

    fn check_endpoint(&self, endpoint: &str, grants: &[(String, u16)]) -> Result<(), ApiError> {
        let grants = Grants::new(grants.to_vec());
        let checked = self.desk.engine.parts().courier.check(endpoint, &grants);
        checked.map(drop).map_err(|error| invalid("endpoint", error.to_string()))
    }

    pub(super) async fn update(
        &self,
        id: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Updated, ApiError> {
        if options.api_key.is_some() {
            self.check(Verb::RotateSecret)?;
        }
        let request = self.request(id, "update", &content(&definition, &options)?);
        let grants = self.grants(&definition.endpoint, &options)?;
        if let Some(agent) = self.agent_receipt(&request).await? {
            return self.revised_before(agent, &definition, &grants, options.api_key.is_some()).await;
        }
        check_key(definition.kind, options.api_key.as_ref())?;
        let change = Change { definition, grants, key: options.api_key, back_to: None };
        self.revise(request, change).await
    }

    pub(super) async fn rollback(
        &self,
        id: RequestId,
        name: AgentName,
        to: AgentVersion,
    ) -> Result<Updated, ApiError> {
        let request = self.request(id, "rollback", format!("{name} {to}").as_bytes());
        let (record, _) = self.own(&name)?;
        let pool = &self.desk.engine.parts().pool;
        let nothing = |error| no_version(error, &name, to);
        let earlier = catalog::load_version(self.desk.store(), pool, record.id, to).await.map_err(nothing)?;
        if let Some(agent) = self.agent_receipt(&request).await? {
            return self.revised_before(agent, &earlier.definition, &[], false).await;
        }
        let definition = earlier.definition;
        self.revise(request, Change { definition, grants: Vec::new(), key: None, back_to: Some(to) }).await
    }

    /// The same revision again, because its answer was lost: the newest version that says this, and the one before it.
    async fn revised_before(
        &self,
        agent: AgentId,
        said: &AgentDefinition,
        grants: &[(String, u16)],
        key_replaced: bool,
    ) -> Result<Updated, ApiError> {
        let after = pretty(said)?;
        let told = |version, before: String| {
            let granted = shown_grants(grants);
            Updated { version, before, after: after.clone(), granted, key_replaced, warnings: Vec::new() }
        };
        let mut found = None;
        let versions = self.desk.store().versions(Query::Versions(agent)).await.map_err(store)?;
        let newest = versions.first().map_or(AgentVersion(1), |(version, _, _)| *version);
        for (version, _, body) in versions {
            let bytes = self.desk.store().body(body).await.map_err(store)?.unwrap_or_default();
            let definition: AgentDefinition =
                serde_json::from_slice(&bytes).map_err(|error| internal(&error))?;
            let text = pretty(&definition)?;
            match found {
                Some(found) => return Ok(told(found, text)),
                None if text == after => found = Some(version),
                None => {}
            }
        }
        Ok(told(found.unwrap_or(newest), after.clone()))
    }

    async fn revise(&self, request: Request, change: Change) -> Result<Updated, ApiError> {
        let now = Timestamp::now();
        let Change { definition, grants: mut new_grants, key, back_to } = change;
        let (record, current) = self.own(&definition.name)?;
        if definition.kind != current.definition.kind {
            let problem = format!("{} was registered as another kind, and stays of it", record.name);
            return Err(invalid("kind", problem).hint("register another agent for it"));
        }
        let new_key = self.new_key(&record, &current.definition, &definition, key)?;
        new_grants.retain(|grant| !record.grants.contains(grant));
        let all_grants: Vec<(String, u16)> = record.grants.iter().chain(&new_grants).cloned().collect();
        self.check_endpoint(&definition.endpoint, &all_grants)?;
        let (compiled, warnings) = checked_definition(&self.desk, definition).await?;
        let definition = compiled.definition;
        let (before, after) = (pretty(&current.definition)?, pretty(&definition)?);
        let granted = shown_grants(&new_grants);
        let key_replaced = new_key.is_some();
        if before == after && new_grants.is_empty() && !key_replaced {
            return Ok(Updated { version: record.version, before, after, granted, key_replaced, warnings });
        }
        let version = AgentVersion(record.version.0 + 1);
        let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
        let (body, commitment) =
            scribe.body(serde_json::to_vec(&definition).map_err(|error| internal(&error))?);
        scribe.event(match back_to {
            Some(to) => What::AgentRolledBack { version, to, definition: commitment },
            None => What::AgentUpdated { version, definition: commitment },
        });
        grant_events(&mut scribe, &new_grants);
        if key_replaced {
            scribe.event(What::AgentKeyReplaced);
        }
        let (audience, wanted) = self.audience_after(&record, &definition, &current.definition);
        if let Some(asked) = record.wanted.filter(|_| wanted.is_none()) {
            scribe.event(What::PublishingEnded { audience: asked });
        }
        if audience != record.audience {
            scribe.event(What::ApprovalEnded { audience: record.audience });
            let people = &self.desk.engine.parts().people;
            for operator in people.operators() {
                scribe.notify(people, Notice::of_agent(operator, NoticeKind::ApprovalWanted, record.id));
            }
        }
        // Another key proves itself as another endpoint does.
        let moved = definition.endpoint != current.definition.endpoint || key_replaced;
        let state = if moved { record.state.after(AgentEvent::EndpointChanged) } else { Some(record.state) };
        let gone = || ApiError::new(ErrorKind::Conflict, format!("{} is retired", record.name));
        let state = state.filter(|state| *state != AgentState::Retired).ok_or_else(gone)?;
        let due_at = (state == AgentState::Pending).then_some(now);
        let pulses = record.pulses;
        let turn = AgentTurn { state, health: record.health, due_at, tries: 0, pulses };
        let fence = AgentFence { agent: record.id, revision: record.chain.revision };
        let new = NewVersion {
            version,
            definition: body,
            concurrency: definition.caps.concurrency,
            grants: new_grants,
        };
        let delivery_secret =
            new_key.map(|key| self.sealed(&record.name, SecretKind::Delivery, key.reveal().as_bytes()));
        let entry = scribe.finish();
        let command =
            Command::Revise { fence, request, version: new, delivery_secret, audience, wanted, turn, entry };
        self.desk.store().apply(now, command).await.map_err(store)?;
        self.desk.engine.refresh(record.id).await.map_err(store)?;
        self.desk.engine.agent_changed();
        Ok(Updated { version, before, after, granted, key_replaced, warnings })
    }

    /// For whom a new version works: an approval is for the host that was looked at. Operators bring theirs with the change.
    fn audience_after(
        &self,
        record: &AgentRecord,
        definition: &AgentDefinition,
        current: &AgentDefinition,
    ) -> (Audience, Option<Audience>) {
        let host = |definition: &AgentDefinition| {
            Url::parse(&definition.endpoint).ok().and_then(|url| url.host_str().map(str::to_owned))
        };
        let stays = host(definition) == host(current)
            || !self.desk.approval.is_needed(record.audience)
            || self.check_agent(Verb::Publish, record).is_ok();
        // What waits for approval is what was looked at: another version is asked for again.
        if stays { (record.audience, None) } else { (Audience::Owner, Some(record.audience)) }
    }

    /// The key that opens the endpoint from now on; none if it stays the same. A key is for one server: it is never sent to
    /// another one without its owner saying so.
    fn new_key(
        &self,
        record: &AgentRecord,
        current: &AgentDefinition,
        definition: &AgentDefinition,
        given: Option<AgentKey>,
    ) -> Result<Option<AgentKey>, ApiError> {
        if definition.kind != AgentKind::Chat {
            return Ok(None);
        }
        let known = self.desk.engine.agent_key(record).map_err(store)?;
        match given {
            Some(key) => Ok((key != known).then_some(key)),
            None if known.reveal().is_empty() => Ok(None),
            None if is_same_server(&definition.endpoint, &current.endpoint) => Ok(None),
            None => {
                let name = &record.name;
                Err(invalid(
                    "api_key",
                    format!("{name} moves to another server, and its key is for this one"),
                )
                .hint("`guildhall agent update` with --key-file brings the key for the new one"))
            }
        }
    }
}

/// A new version, and what comes with it.
struct Change {
    definition: AgentDefinition,
    grants: Vec<(String, u16)>,
    key: Option<AgentKey>,
    /// The version that it repeats.
    back_to: Option<AgentVersion>,
}

/// Only chat agents have a key of their owner's.
fn check_key(kind: AgentKind, key: Option<&AgentKey>) -> Result<(), ApiError> {
    match kind {
        AgentKind::Native | AgentKind::A2a if key.is_some() => {
            Err(invalid("api_key", "a key is for agents of the kind chat; this one gets secrets of its own"))
        }
        AgentKind::Native | AgentKind::A2a | AgentKind::Chat => Ok(()),
    }
}

/// What a request is about, for its hash: of a key its hash alone.
fn content(definition: &AgentDefinition, options: &RegisterOptions) -> Result<Vec<u8>, ApiError> {
    let key = options.api_key.as_ref().map(|key| hex::encode(Sha256::digest(key.reveal())));
    let options = RegisterOptions { api_key: None, ..options.clone() };
    serde_json::to_vec(&(definition, options, key)).map_err(|error| internal(&error))
}

fn pretty(definition: &AgentDefinition) -> Result<String, ApiError> {
    serde_json::to_string_pretty(definition).map_err(|error| internal(&error))
}

fn grant_events(scribe: &mut Scribe<'_>, grants: &[(String, u16)]) {
    for (host, port) in grants {
        let host = scribe.body(format!("{host}:{port}").into_bytes()).1;
        scribe.event(What::AgentGranted { host });
    }
}
