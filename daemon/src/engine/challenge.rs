//! What is due for agents: a new endpoint proves that it is its owner's by echoing a signed challenge, retried with growing
//! waits until it does; a pause ends; an open circuit is probed.

use super::Engine;
use super::deliver::Outgoing;
use crate::agents::chat;
use crate::agents::contract::{MessageType, Reply, message};
use crate::agents::delivery::{Delivered, DeliveryLog};
use crate::market::Listing;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{AgentFence, AgentRecord, AgentTurn, Command, StoreError};
use guildhall_protocol::agent::{AgentEvent, AgentState, Health, PausedWhy};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// Time for one challenge.
const CHALLENGE_LIMIT: Duration = Duration::from_secs(10);
/// The same for a model, which may have to be loaded first.
const CHAT_CHALLENGE_LIMIT: Duration = Duration::from_secs(30);
/// First wait after a challenge that failed; it doubles up to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(10);

impl Engine {
    /// Starts what is due for agents: challenges, probes of open circuits, the end of a pause.
    pub(super) fn visit_due(self: &Arc<Self>, steps: &TaskTracker, now: Timestamp) {
        let due: Vec<AgentId> = {
            let (market, visits) = (self.market(), self.visits());
            let due = |listing: &&Listing| listing.record.due_at.is_some_and(|due| due <= now);
            let ids = market.all().filter(due).map(|listing| listing.record.id);
            ids.filter(|id| !visits.contains(id)).collect()
        };
        for agent in due {
            self.visits().insert(agent);
            let engine = Arc::clone(self);
            steps.spawn(async move {
                if let Err(error) = Arc::clone(&engine).visit(agent, now).await {
                    tracing::warn!(agent.id = agent.0, %error, "an agent could not be visited; it is visited again");
                    tokio::time::sleep(WAIT_FIRST).await;
                }
                engine.visits().remove(&agent);
                engine.nudge();
            });
        }
    }

    fn visits(&self) -> MutexGuard<'_, BTreeSet<AgentId>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn visit(self: Arc<Self>, agent: AgentId, now: Timestamp) -> Result<(), StoreError> {
        let record = self.market().get(agent).map(|listing| listing.record.clone());
        let Some(record) = record else { return Ok(()) };
        match (record.state, record.health) {
            (AgentState::Pending, _) => self.challenge(agent).await.map(drop),
            (AgentState::Paused(_), _) => self.end_pause(&record, now).await,
            (AgentState::Active, Health::Open(_)) => self.probe(agent).await,
            (AgentState::Active | AgentState::Retired, _) => Ok(()),
        }
    }

    /// A pause that was meant to end by itself does.
    async fn end_pause(&self, record: &AgentRecord, now: Timestamp) -> Result<(), StoreError> {
        let Some(state) = record.state.after(AgentEvent::Resumed) else { return Ok(()) };
        let mut scribe = Scribe::new(&self.parts.maker, now, record.chain, Actor::Daemon);
        scribe.event(What::AgentResumed);
        let turn =
            AgentTurn { state, health: record.health, due_at: Some(now), tries: 0, pulses: record.pulses };
        self.turn_agent(record, None, turn, scribe, now).await
    }

    /// Challenges an agent's endpoint once, now, and writes down what came of it. Answers the log of the exchange. A chat
    /// endpoint proves that its key opens it: whatever it completes is taken for the echo.
    ///
    /// # Errors
    /// The store cannot be read or written, or the agent changed meanwhile.
    pub async fn challenge(&self, agent: AgentId) -> Result<(bool, DeliveryLog), StoreError> {
        let now = Timestamp::now();
        let (record, compiled) = {
            let market = self.market();
            let listing = market.get(agent).ok_or(StoreError::NotFound)?;
            (listing.record.clone(), Arc::clone(&listing.compiled))
        };
        let expected = hex::encode(self.parts.maker.random::<16>());
        let id = format!("chl_{}_{}_{}", self.parts.tag, agent.0, self.parts.maker.id(now));
        let challenge = || message(MessageType::AgentChallenge, now, &json!({"challenge": expected}));
        let (body, time_limit) = match &compiled.definition.chat {
            Some(chat) => (chat::ready(chat), CHAT_CHALLENGE_LIMIT),
            None => (challenge(), CHALLENGE_LIMIT),
        };
        let out = Outgoing {
            agent,
            definition: &compiled.definition,
            kind: MessageType::AgentChallenge,
            id: &id,
            deadline: None,
            body,
            time_limit,
            keep_reply: record.state != AgentState::Pending,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        let any_echo = compiled.definition.chat.is_some();
        let proved =
            matches!(&delivered, Delivered::Reply(Reply::Challenge(echo)) if any_echo || *echo == expected);
        if record.state == AgentState::Pending {
            match self.write_challenge(&record, proved, &log, &delivered).await {
                // Another challenge of the same agent was written first; what this one saw is still true.
                Ok(()) | Err(StoreError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((proved, log))
    }

    async fn write_challenge(
        &self,
        record: &crate::store::AgentRecord,
        proved: bool,
        log: &DeliveryLog,
        delivered: &Delivered,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let mut scribe = Scribe::new(&self.parts.maker, now, record.chain, Actor::Daemon);
        let log = serde_json::to_vec(log).unwrap_or_default();
        scribe.delivery(record.id, None, MessageType::AgentChallenge.name(), log);
        let mut turn = AgentTurn {
            state: record.state,
            health: record.health,
            due_at: None,
            tries: record.tries + 1,
            pulses: record.pulses,
        };
        if let (true, Health::Open(until)) = (proved, record.health) {
            turn.due_at = Some(until);
        }
        if proved {
            turn.state = record.state.after(AgentEvent::Proved).unwrap_or(record.state);
            turn.tries = 0;
            scribe.event(What::AgentProved { version: record.version });
        } else {
            let asked = match delivered {
                Delivered::Reply(Reply::Later { after, .. }) => after.unwrap_or_default(),
                Delivered::Reply(_) | Delivered::NotConnected { .. } | Delivered::TooLarge { .. } => {
                    Duration::ZERO
                }
            };
            let wait = WAIT_FIRST.saturating_mul(1 << record.tries.min(10)).min(WAIT_MAX).max(asked);
            turn.due_at = Some(now.after(wait));
        }
        self.turn_agent(record, None, turn, scribe, now).await?;
        if proved {
            tracing::info!(agent.id = record.id.0, "{} proved its endpoint and is active", record.name);
            self.agent_changed();
        }
        Ok(())
    }

    /// An endpoint answered 410: no new jobs, until its owner says otherwise.
    pub(super) async fn pause_gone(&self, agent: AgentId, now: Timestamp) {
        let record = self.market().get(agent).map(|listing| listing.record.clone());
        let Some(record) = record.filter(|record| record.state == AgentState::Active) else { return };
        let Some(state) = record.state.after(AgentEvent::Paused(PausedWhy::Gone)) else { return };
        let mut scribe = Scribe::new(&self.parts.maker, now, record.chain, Actor::Agent(agent));
        scribe.event(What::AgentPaused { why: PausedWhy::Gone, until: None });
        for owner in record.owners() {
            scribe.notify(&self.parts.people, Notice::of_agent(owner, NoticeKind::AgentGone, agent));
        }
        let pulses = record.pulses;
        let turn = AgentTurn { state, health: record.health, due_at: None, tries: 0, pulses };
        if let Err(error) = self.turn_agent(&record, None, turn, scribe, now).await {
            // It answers 410 to the next job too, and is paused then.
            tracing::warn!(agent.id = agent.0, %error, "an agent that is gone could not be paused");
        }
    }

    /// Writes an agent's turn down, and shows it to the market.
    ///
    /// # Errors
    /// The store refuses it or cannot be written.
    pub async fn turn_agent(
        &self,
        record: &crate::store::AgentRecord,
        request: Option<crate::store::Request>,
        turn: AgentTurn,
        scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let fence = AgentFence { agent: record.id, revision: record.chain.revision };
        let command = Command::TurnAgent { fence, request, turn, entry: scribe.finish() };
        self.parts.store.apply(now, command).await?;
        self.refresh(record.id).await
    }

    /// Reads an agent anew into the market.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn refresh(&self, agent: AgentId) -> Result<(), StoreError> {
        let (record, compiled) = crate::catalog::reload(&*self.parts.store, &self.parts.pool, agent).await?;
        self.market_mut().put(record, compiled);
        self.learn.notify_one();
        self.parts.changes.touch(None);
        self.nudge();
        Ok(())
    }
}
