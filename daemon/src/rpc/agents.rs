//! Calls about agents that are there.

use super::agent_past::{breaker, share};
use super::errors::{forbidden, internal, invalid, not_found, store};
use super::{Caller, Desk};
use crate::catalog;
use crate::market::Compiled;
use crate::scribe::Scribe;
use crate::store::{AgentRecord, AgentTurn, Query, Receipt, Request, StoreError};
use guildhall_protocol::agent::{AgentDefinition, AgentEvent, AgentKind, AgentName, AgentState, PausedWhy};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, DeliveryLogId, RequestId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    AgentHead, AgentOrder, AgentStory, DeliveryView, PAGE_ROWS_MAX, Page, PageRequest, TestReport, TestStep,
};
use std::time::Duration;

/// Longest pause that ends by itself, ms: 90 days.
const PAUSE_MS_MAX: u64 = 90 * 86_400_000;
/// Most bytes in a page of exchanges, which is shorter then: each holds the beginning of what was said.
const LOG_BYTES_MAX: usize = 1_000_000;

impl Caller {
    /// The agent that this request made or changed, if it was made before.
    pub(super) async fn agent_receipt(&self, request: &Request) -> Result<Option<AgentId>, ApiError> {
        match self.receipt(request).await? {
            None => Ok(None),
            Some(Receipt::Agent(agent)) => Ok(Some(agent)),
            Some(Receipt::Posted(_) | Receipt::Job(_) | Receipt::Done) => {
                Err(store(StoreError::Conflict(crate::store::Conflict::RequestReused)))
            }
        }
    }

    /// An agent that this caller may change.
    pub(super) fn own(&self, name: &AgentName) -> Result<(AgentRecord, std::sync::Arc<Compiled>), ApiError> {
        let market = self.desk.engine.market();
        let listing = market.named(name).filter(|listing| self.may_see(&listing.record));
        let listing = listing.ok_or_else(|| not_found(&format!("agent {name}")))?;
        self.check_agent(Verb::ChangeAgent, &listing.record).map_err(|error| {
            let is_owner = listing.record.is_owned_by(self.who.user);
            if is_owner {
                error
            } else {
                forbidden(format!("only the owner of {name} or an operator may do this"))
            }
        })?;
        Ok((listing.record.clone(), std::sync::Arc::clone(&listing.compiled)))
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
        let is_owner = record.is_owned_by(self.who.user);
        if order == AgentOrder::Resume
            && record.state == AgentState::Paused(PausedWhy::Operator)
            && !self.is_operator()
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

    pub(super) fn agent_head_of(&self, id: AgentId, now: Timestamp) -> Result<AgentHead, ApiError> {
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
        let inside = record.is_owned_by(self.who.user) || self.is_operator();
        if !inside {
            "(known to its owner)".clone_into(&mut definition.endpoint);
            if let Some(chat) = &mut definition.chat {
                "(known to its owner)".clone_into(&mut chat.prompt);
            }
        }
        let versions = self.desk.store().versions(Query::Versions(record.id)).await.map_err(store)?;
        let versions = versions.into_iter().map(|(version, at, _)| (version, at)).collect();
        let events = self.desk.events(Subject::Agent(record.id), record.chain.revision).await?;
        let grants = if inside { shown_grants(&record.grants) } else { Vec::new() };
        let mut story = AgentStory {
            head,
            definition,
            grants,
            co_owners: Vec::new(),
            offered_to: None,
            old_secrets_until: None,
            versions,
            recent: Vec::new(),
            breaker: breaker(&events),
            events,
            share: share(&self.desk.engine.market(), record.id, now),
        };
        if inside {
            story.recent = self.recent_attempts(record.id).await?;
            story.old_secrets_until = record.old_secrets.map(|old| old.until).filter(|until| *until > now);
            (story.co_owners, story.offered_to) = (record.co_owners, record.offered_to);
        }
        Ok(story)
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

    /// The agents of which something is so, at most a page. Looks through all of them.
    pub(super) fn agents_where(&self, is_so: impl Fn(&AgentRecord) -> bool) -> Vec<AgentHead> {
        let (now, market) = (Timestamp::now(), self.desk.engine.market());
        let found = market
            .all()
            .filter(|listing| listing.record.state != AgentState::Retired && is_so(&listing.record));
        let most = usize::try_from(PAGE_ROWS_MAX).unwrap_or(usize::MAX);
        found.take(most).map(|listing| Desk::agent_head(listing, now)).collect()
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

    /// Looks through all of them: names are short, and held in memory.
    pub(super) fn names_with(&self, part: &str, for_work: bool, limit: u32) -> Vec<AgentName> {
        let part = part.trim().trim_start_matches('@').to_lowercase();
        let (market, here) = (self.desk.engine.market(), self.settled_here());
        let limit = usize::try_from(limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(1);
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for listing in market.all() {
            let record = &listing.record;
            let at = record.name.as_str().find(&part);
            let fits = record.state != AgentState::Retired && (!for_work || here.allows(&record.name));
            match at {
                Some(0) if fits && self.may_see(record) => first.push(record.name.clone()),
                Some(_) if fits && others.len() < limit && self.may_see(record) => {
                    others.push(record.name.clone());
                }
                Some(_) | None => {}
            }
            if first.len() == limit {
                return first;
            }
        }
        first.extend(others);
        first.truncate(limit);
        first
    }

    pub(super) async fn test(&self, name: AgentName) -> Result<TestReport, ApiError> {
        let (record, compiled) = self.own(&name)?;
        if record.state == AgentState::Retired {
            return Err(ApiError::new(
                ErrorKind::Conflict,
                format!("{name} is retired, and gets nothing more"),
            ));
        }
        let mut steps = Vec::new();
        let (proved, log) = self.desk.engine.challenge(record.id).await.map_err(store)?;
        let detail = if proved { format!("answered in {} ms", log.duration_ms) } else { log.summary };
        let name = match compiled.definition.kind {
            AgentKind::Native | AgentKind::A2a => "the endpoint echoes a signed challenge",
            AgentKind::Chat => "the key opens the endpoint, and the model answers",
        };
        steps.push(TestStep { name: name.to_owned(), passed: proved, detail });
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
        let mut views: Vec<DeliveryView> = rows.into_iter().filter_map(view).collect();
        if !record.is_owned_by(self.who.user) {
            self.mask_deliveries(&mut views).await?;
        }
        let (mut shown, mut bytes) = (Vec::<DeliveryView>::new(), 0);
        for row in views {
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

pub(super) fn shown_grants(grants: &[(String, u16)]) -> Vec<String> {
    grants.iter().map(|(host, port)| format!("{host}:{port}")).collect()
}

/// What a caller reads when the store holds no such version of this agent.
pub(super) fn no_version(error: StoreError, name: &AgentName, version: AgentVersion) -> ApiError {
    if error == StoreError::NotFound {
        not_found(&format!("version {} of {name}", version.0))
    } else {
        store(error)
    }
}
