//! Calls about agents.

use super::check::checked_definition;
use super::errors::{forbidden, internal, invalid, not_found, store};
use super::{Caller, Desk};
use crate::agents::egress::Grants;
use crate::agents::secrets::{SecretKind, place};
use crate::agents::signing::SigningSecret;
use crate::catalog;
use crate::market::Compiled;
use crate::scribe::Scribe;
use crate::store::{
    AgentFence, AgentRecord, AgentTurn, Chain, Command, NewVersion, Outcome, Query, Receipt, Request,
    SealedSecret, StoreError,
};
use guildhall_protocol::agent::{AgentDefinition, AgentEvent, AgentName, AgentState, Audience, PausedWhy};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, DeliveryLogId, RequestId};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    AgentHead, AgentOrder, AgentStory, DeliveryView, PAGE_ROWS_MAX, Page, PageRequest, RegisterOptions,
    Registered, TestReport, TestStep, Updated,
};
use std::time::Duration;
use url::Url;

/// Longest pause that ends by itself, ms: 90 days.
const PAUSE_MS_MAX: u64 = 90 * 86_400_000;
/// Most bytes in a page of exchanges, which is shorter then: each holds the beginning of what was said.
const LOG_BYTES_MAX: usize = 1_000_000;

impl Caller {
    pub(super) async fn register(
        &self,
        id: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Registered, ApiError> {
        let now = Timestamp::now();
        let content = serde_json::to_vec(&(&definition, &options)).map_err(|error| internal(&error))?;
        let request = self.request(id, "register", &content);
        if let Some(agent) = self.agent_receipt(&request).await? {
            let checked = checked_definition(&self.desk, definition).await;
            return self
                .registered_before(agent, checked.map(|(_, warnings)| warnings).unwrap_or_default())
                .await;
        }
        if options.audience != Audience::Owner && !self.who.operator {
            return Err(forbidden("publishing an agent needs the operator's role").in_field("audience"));
        }
        if options.house && !self.who.operator {
            return Err(forbidden("only an operator registers agents of the house").in_field("house"));
        }
        let owner = if options.house {
            self.desk.user("house", "house", "the house").await.map_err(store)?
        } else {
            self.who.user
        };
        let grants = self.grants(&definition.endpoint, &options)?;
        self.check_endpoint(&definition.endpoint, &grants)?;
        let (compiled, warnings) = checked_definition(&self.desk, definition).await?;
        let definition = compiled.definition;
        let name = definition.name.clone();

        let maker = self.desk.maker();
        let secrets = [SecretKind::Delivery, SecretKind::Callback].map(|kind| {
            let secret = SigningSecret::from_random(maker.random());
            let sealed =
                self.desk.engine.parts().key.seal(&place(&name, kind), maker.random(), secret.bytes());
            (secret, SealedSecret(sealed))
        });
        let [(delivery, sealed_delivery), (callback, sealed_callback)] = secrets;
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
            delivery_secret: sealed_delivery,
            callback_secret: sealed_callback,
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
                let (delivery_secret, callback_secret) = (delivery.reveal(), callback.reveal());
                Ok(Registered { id, version, delivery_secret, callback_secret, warnings })
            }
            Outcome::Repeated(Receipt::Agent(id)) => self.registered_before(id, warnings).await,
            Outcome::Repeated(Receipt::Posted(_) | Receipt::Job(_) | Receipt::Done)
            | Outcome::Leased(_)
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
        let (record, _) =
            catalog::reload(self.desk.store(), &self.desk.engine.parts().pool, id).await.map_err(store)?;
        let reveal = |kind, sealed: &[u8]| {
            let bytes = self
                .desk
                .engine
                .parts()
                .key
                .open(&place(&record.name, kind), sealed)
                .map_err(|error| internal(&error))?;
            let bytes = bytes.try_into().map_err(|_| internal(&crate::agents::secrets::OpenSealedError))?;
            Ok::<_, ApiError>(SigningSecret::from_random(bytes).reveal())
        };
        Ok(Registered {
            id,
            version: AgentVersion(1),
            delivery_secret: reveal(SecretKind::Delivery, &record.delivery_secret)?,
            callback_secret: reveal(SecretKind::Callback, &record.callback_secret)?,
            warnings,
        })
    }

    /// The agent that this request made or changed, if it was made before.
    async fn agent_receipt(&self, request: &Request) -> Result<Option<AgentId>, ApiError> {
        match self.receipt(request).await? {
            None => Ok(None),
            Some(Receipt::Agent(agent)) => Ok(Some(agent)),
            Some(Receipt::Posted(_) | Receipt::Job(_) | Receipt::Done) => {
                Err(store(StoreError::Conflict(crate::store::Conflict::RequestReused)))
            }
        }
    }

    /// What `--allow-private` grants: exactly the endpoint's host and port, by an operator.
    fn grants(&self, endpoint: &str, options: &RegisterOptions) -> Result<Vec<(String, u16)>, ApiError> {
        if !options.allow_private {
            return Ok(Vec::new());
        }
        if !self.who.operator {
            return Err(
                forbidden("a private or plain-http endpoint needs an operator's grant").in_field("endpoint")
            );
        }
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

    /// An agent that this caller may change.
    fn own(&self, name: &AgentName) -> Result<(AgentRecord, std::sync::Arc<Compiled>), ApiError> {
        let market = self.desk.engine.market();
        let listing = market.named(name).filter(|listing| self.may_see(&listing.record));
        let listing = listing.ok_or_else(|| not_found(&format!("agent {name}")))?;
        if listing.record.owner != self.who.user && !self.who.operator {
            return Err(forbidden(format!("only the owner of {name} or an operator may do this")));
        }
        Ok((listing.record.clone(), std::sync::Arc::clone(&listing.compiled)))
    }

    pub(super) async fn update(
        &self,
        id: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Updated, ApiError> {
        let content = serde_json::to_vec(&(&definition, &options)).map_err(|error| internal(&error))?;
        let request = self.request(id, "update", &content);
        let grants = self.grants(&definition.endpoint, &options)?;
        if let Some(agent) = self.agent_receipt(&request).await? {
            return self.revised_before(agent, &definition, &grants).await;
        }
        self.revise(request, definition, grants, None).await
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
            return self.revised_before(agent, &earlier.definition, &[]).await;
        }
        self.revise(request, earlier.definition, Vec::new(), Some(to)).await
    }

    /// The same revision again, because its answer was lost: the newest version that says this, and the one before it.
    async fn revised_before(
        &self,
        agent: AgentId,
        said: &AgentDefinition,
        grants: &[(String, u16)],
    ) -> Result<Updated, ApiError> {
        let after = pretty(said)?;
        let told = |version, before: String| {
            let granted = shown_grants(grants);
            Updated { version, before, after: after.clone(), granted, warnings: Vec::new() }
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

    async fn revise(
        &self,
        request: Request,
        definition: AgentDefinition,
        mut new_grants: Vec<(String, u16)>,
        back_to: Option<AgentVersion>,
    ) -> Result<Updated, ApiError> {
        let now = Timestamp::now();
        let (record, current) = self.own(&definition.name)?;
        new_grants.retain(|grant| !record.grants.contains(grant));
        let all_grants: Vec<(String, u16)> = record.grants.iter().chain(&new_grants).cloned().collect();
        self.check_endpoint(&definition.endpoint, &all_grants)?;
        let (compiled, warnings) = checked_definition(&self.desk, definition).await?;
        let definition = compiled.definition;
        let (before, after) = (pretty(&current.definition)?, pretty(&definition)?);
        if before == after && new_grants.is_empty() {
            return Ok(Updated { version: record.version, before, after, granted: Vec::new(), warnings });
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
        let granted = shown_grants(&new_grants);
        let moved = definition.endpoint != current.definition.endpoint;
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
        let command = Command::Revise { fence, request, version: new, turn, entry: scribe.finish() };
        self.desk.store().apply(now, command).await.map_err(store)?;
        self.desk.engine.refresh(record.id).await.map_err(store)?;
        self.desk.engine.agent_changed();
        Ok(Updated { version, before, after, granted, warnings })
    }

    pub(super) async fn order_one(
        &self,
        id: RequestId,
        name: AgentName,
        order: AgentOrder,
    ) -> Result<AgentHead, ApiError> {
        let now = Timestamp::now();
        let request = self.request(id, "order-agent", format!("{name} {order:?}").as_bytes());
        if let Some(agent) = self.agent_receipt(&request).await? {
            return self.agent_head_of(agent, now);
        }
        let (record, _) = self.own(&name)?;
        let is_owner = record.owner == self.who.user;
        if order == AgentOrder::Resume
            && record.state == AgentState::Paused(PausedWhy::Operator)
            && !self.who.operator
        {
            return Err(forbidden(format!("an operator paused {name}, and only an operator can resume it")));
        }
        let why = if is_owner { PausedWhy::Owner } else { PausedWhy::Operator };
        let until = match order {
            AgentOrder::Pause { for_ms: Some(span) } if span > PAUSE_MS_MAX => {
                return Err(invalid("for_ms", "a pause that ends by itself lasts 90 days at most"));
            }
            AgentOrder::Pause { for_ms } => for_ms.map(|span| now.after(Duration::from_millis(span))),
            AgentOrder::Resume | AgentOrder::Retire => None,
        };
        let (event, what) = match order {
            AgentOrder::Pause { .. } => (AgentEvent::Paused(why), What::AgentPaused { why, until }),
            AgentOrder::Resume => (AgentEvent::Resumed, What::AgentResumed),
            AgentOrder::Retire => (AgentEvent::Retired, What::AgentRetired),
        };
        let refused = || ApiError::new(ErrorKind::Conflict, format!("{name} is {}", record.state));
        let state = record.state.after(event).ok_or_else(refused)?;
        if state == record.state {
            return Err(ApiError::new(ErrorKind::Conflict, format!("{name} is {state} already")));
        }
        let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
        scribe.event(what);
        let due_at = (state == AgentState::Pending).then_some(now).or(until);
        let pulses = record.pulses;
        let turn = AgentTurn { state, health: record.health, due_at, tries: 0, pulses };
        self.desk.engine.turn_agent(&record, Some(request), turn, scribe, now).await.map_err(store)?;
        if state != AgentState::Active {
            self.desk.engine.release(record.id).await;
        }
        self.agent_head_of(record.id, now)
    }

    fn agent_head_of(&self, id: AgentId, now: Timestamp) -> Result<AgentHead, ApiError> {
        let market = self.desk.engine.market();
        market.get(id).map(|listing| Desk::agent_head(listing, now)).ok_or_else(|| not_found("agent"))
    }

    pub(super) async fn agent_story(&self, name: AgentName) -> Result<AgentStory, ApiError> {
        let now = Timestamp::now();
        let (record, mut definition, head) = {
            let market = self.desk.engine.market();
            let listing = market.named(&name).filter(|listing| self.may_see(&listing.record));
            let listing = listing.ok_or_else(|| not_found(&format!("agent {name}")))?;
            (listing.record.clone(), listing.compiled.definition.clone(), Desk::agent_head(listing, now))
        };
        let inside = record.owner == self.who.user || self.who.operator;
        if !inside {
            "(known to its owner)".clone_into(&mut definition.endpoint);
        }
        let versions = self.desk.store().versions(Query::Versions(record.id)).await.map_err(store)?;
        let versions = versions.into_iter().map(|(version, at, _)| (version, at)).collect();
        let events = self.desk.events(Subject::Agent(record.id), record.chain.revision).await?;
        let grants = if inside { shown_grants(&record.grants) } else { Vec::new() };
        Ok(AgentStory { head, definition, grants, versions, events })
    }

    pub(super) async fn version_of(
        &self,
        name: AgentName,
        version: AgentVersion,
    ) -> Result<AgentDefinition, ApiError> {
        let (record, _) = self.own(&name)?;
        let pool = &self.desk.engine.parts().pool;
        let nothing = |error| no_version(error, &name, version);
        let compiled =
            catalog::load_version(self.desk.store(), pool, record.id, version).await.map_err(nothing)?;
        Ok(compiled.definition)
    }

    pub(super) fn list_agents(&self, page: PageRequest) -> Page<AgentHead> {
        let now = Timestamp::now();
        let limit = usize::try_from(page.limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(1);
        let market = self.desk.engine.market();
        let after = page.after.unwrap_or(0);
        let shown =
            market.all().filter(|listing| listing.record.id.0 > after && self.may_see(&listing.record));
        let rows: Vec<AgentHead> = shown.take(limit).map(|listing| Desk::agent_head(listing, now)).collect();
        let next = rows.last().filter(|_| rows.len() == limit).map(|head| head.id.0);
        Page { rows, next }
    }

    pub(super) fn find(&self, text: &str, limit: u32) -> Result<Vec<(AgentHead, f32)>, ApiError> {
        if text.trim().is_empty() {
            return Err(invalid("text", "say what you want done: agents are found by their texts"));
        }
        let now = Timestamp::now();
        let market = self.desk.engine.market();
        let ranked = market.relevance(text).into_iter();
        let shown = ranked.filter_map(|(agent, score)| Some((market.get(agent)?, score)));
        let shown = shown.filter(|(listing, _)| {
            self.may_see(&listing.record) && listing.record.state != AgentState::Retired
        });
        let limit = usize::try_from(limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(1);
        Ok(shown.take(limit).map(|(listing, score)| (Desk::agent_head(listing, now), score)).collect())
    }

    pub(super) async fn test(&self, name: AgentName) -> Result<TestReport, ApiError> {
        let (record, _) = self.own(&name)?;
        if record.state == AgentState::Retired {
            return Err(ApiError::new(
                ErrorKind::Conflict,
                format!("{name} is retired, and gets nothing more"),
            ));
        }
        let mut steps = Vec::new();
        let (proved, log) = self.desk.engine.challenge(record.id).await.map_err(store)?;
        let detail = if proved { format!("echoed in {} ms", log.duration_ms) } else { log.summary };
        steps.push(TestStep {
            name: "the endpoint echoes a signed challenge".to_owned(),
            passed: proved,
            detail,
        });
        if proved {
            steps.extend(self.desk.engine.try_examples(record.id).await.map_err(store)?);
        }
        if steps.iter().all(|step| step.passed) {
            // Whatever its circuit said: one job decides now.
            self.desk.engine.half_open(record.id).await.map_err(store)?;
        }
        Ok(TestReport { steps })
    }

    pub(super) async fn deliveries_of(
        &self,
        name: AgentName,
        page: PageRequest,
    ) -> Result<Page<DeliveryView>, ApiError> {
        let (record, _) = self.own(&name)?;
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX);
        let query = Query::Deliveries { agent: record.id, before: page.after.map(DeliveryLogId), limit };
        let rows = self.desk.store().deliveries(query).await.map_err(store)?;
        let full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let mut next = rows.last().filter(|_| full).map(|row| row.id.0);
        let view = |row: crate::store::DeliveryRecord| {
            let log: crate::agents::delivery::DeliveryLog = serde_json::from_slice(&row.log).ok()?;
            let step = log.failed_step.and_then(|step| serde_json::to_value(step).ok());
            Some(DeliveryView {
                id: row.id,
                at: row.at,
                job: row.attempt.map(|(job, _)| job),
                attempt: row.attempt.map(|(_, attempt)| attempt),
                message: row.message,
                failed_step: step.and_then(|step| step.as_str().map(ToOwned::to_owned)),
                status: log.status,
                duration_ms: log.duration_ms,
                summary: log.summary,
                reply_head: log.reply_head,
                curl: log.curl,
            })
        };
        let (mut shown, mut bytes) = (Vec::<DeliveryView>::new(), 0);
        for row in rows.into_iter().filter_map(view) {
            bytes += serde_json::to_vec(&row).map_err(|error| internal(&error))?.len();
            if bytes > LOG_BYTES_MAX && !shown.is_empty() {
                next = shown.last().map(|row| row.id.0);
                break;
            }
            shown.push(row);
        }
        Ok(Page { rows: shown, next })
    }
}

fn pretty(definition: &AgentDefinition) -> Result<String, ApiError> {
    serde_json::to_string_pretty(definition).map_err(|error| internal(&error))
}

fn shown_grants(grants: &[(String, u16)]) -> Vec<String> {
    grants.iter().map(|(host, port)| format!("{host}:{port}")).collect()
}

fn grant_events(scribe: &mut Scribe<'_>, grants: &[(String, u16)]) {
    for (host, port) in grants {
        let host = scribe.body(format!("{host}:{port}").into_bytes()).1;
        scribe.event(What::AgentGranted { host });
    }
}

/// What a caller reads when the store holds no such version of this agent.
fn no_version(error: StoreError, name: &AgentName, version: AgentVersion) -> ApiError {
    if error == StoreError::NotFound {
        not_found(&format!("version {} of {name}", version.0))
    } else {
        store(error)
    }
}
