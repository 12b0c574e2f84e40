//! Each agent's circuit: fed by real deliveries, never by what an agent says about itself.
//!
//! Closed, until [`MISSES_MAX`] deliveries in a row miss; then open for a while that grows. After it a cheap probe, and one
//! job that decides. An agent whose circuit opens too often is quarantined: its owner tests it first.

use super::Engine;
use super::deliver::Outgoing;
use crate::agents::chat;
use crate::agents::contract::{MessageType, Reply, message};
use crate::agents::delivery::Delivered;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{AgentRecord, AgentTurn, Pulse, Pulses, StoreError};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Deliveries in a row that miss before a circuit opens.
pub const MISSES_MAX: u32 = 5;
/// Openings without a long time of health in between before an agent is quarantined.
pub const OPENINGS_MAX: u32 = 6;
/// The first wait of an open circuit; it doubles up to the longest.
const OPEN_FIRST: Duration = Duration::from_secs(30);
const OPEN_MAX: Duration = Duration::from_hours(1);
/// After so long without an opening the next one counts as the first.
const HEALTHY_AFTER: Duration = Duration::from_hours(24);
/// Time for one probe.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// The same for a model, which may have to be loaded first.
const CHAT_PROBE_LIMIT: Duration = Duration::from_secs(30);

/// What a circuit does next. Pure; none when nothing changes.
pub fn next_health(health: Health, pulses: Pulses, pulse: Pulse, now: Timestamp) -> Option<(Health, Pulses)> {
    match (health, pulse) {
        (Health::HalfOpen, Pulse::Beat) => Some((Health::Closed, Pulses { misses: 0, ..pulses })),
        (Health::HalfOpen, Pulse::Miss) => Some(opened(pulses, now)),
        (Health::Closed, Pulse::Miss) if pulses.misses >= MISSES_MAX => Some(opened(pulses, now)),
        // Deliveries that were on their way when it opened.
        (Health::Closed | Health::Open(_) | Health::Quarantined, _) => None,
    }
}

fn opened(pulses: Pulses, now: Timestamp) -> (Health, Pulses) {
    let long_ago = pulses.opened_at.is_none_or(|at| now.since(at) > HEALTHY_AFTER);
    let openings = if long_ago { 1 } else { pulses.openings + 1 };
    let pulses = Pulses { openings, opened_at: Some(now), ..pulses };
    if openings >= OPENINGS_MAX {
        return (Health::Quarantined, pulses);
    }
    let wait = OPEN_FIRST.saturating_mul(1 << (openings - 1).min(10)).min(OPEN_MAX);
    (Health::Open(now.after(wait)), pulses)
}

impl Engine {
    /// An agent's circuit heard something. What a turn heard is on record already, and signs of life beside it count here
    /// only; what follows is written here, and found out again at the next beat if the daemon dies in between.
    pub(super) async fn feel(&self, agent: AgentId, pulse: Pulse, now: Timestamp) {
        let record = {
            let mut market = self.market_mut();
            market.feel(agent, pulse);
            market.get(agent).map(|listing| listing.record.clone())
        };
        let Some(record) = record else { return };
        let Some((health, pulses)) = next_health(record.health, record.pulses, pulse, now) else { return };
        match self.turn_health(&record, health, pulses, now).await {
            Ok(()) => {}
            // Another delivery found it out first.
            Err(StoreError::Stale) => {}
            Err(error) => {
                tracing::warn!(agent.id = agent.0, %error, "a circuit could not be turned; the next delivery turns it");
            }
        }
    }

    /// Writes a circuit's turn down, tells the owner, and lets waiting jobs look again.
    async fn turn_health(
        &self,
        record: &AgentRecord,
        health: Health,
        pulses: Pulses,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut scribe = Scribe::new(&self.parts.maker, now, record.chain, Actor::Daemon);
        let (what, kind, due_at) = match health {
            Health::Closed => (What::CircuitClosed, Some(NoticeKind::CircuitClosed), None),
            Health::Open(until) => (
                What::CircuitOpened { misses: pulses.misses, until },
                Some(NoticeKind::CircuitOpened),
                Some(until),
            ),
            Health::HalfOpen => (What::CircuitHalfOpened, None, None),
            Health::Quarantined => {
                let openings = pulses.openings;
                (What::Quarantined { openings }, Some(NoticeKind::AgentQuarantined), None)
            }
        };
        scribe.event(what);
        if let Some(kind) = kind {
            for owner in record.owners() {
                scribe.notify(&self.parts.people, Notice::of_agent(owner, kind, record.id));
            }
        }
        // A paused or pending agent is looked at for another reason.
        let due_at = if record.state == AgentState::Active { due_at } else { record.due_at };
        let turn = AgentTurn { state: record.state, health, due_at, tries: record.tries, pulses };
        self.turn_agent(record, None, turn, scribe, now).await?;
        match health {
            Health::Closed | Health::HalfOpen => self.room_for(record.id),
            Health::Open(_) | Health::Quarantined => self.release(record.id).await,
        }
        Ok(())
    }

    /// A passing test by the owner: one job decides, whatever was before.
    ///
    /// # Errors
    /// The store refuses it or cannot be written.
    pub async fn half_open(&self, agent: AgentId) -> Result<(), StoreError> {
        let record = self.market().get(agent).map(|listing| listing.record.clone());
        let Some(record) = record else { return Err(StoreError::NotFound) };
        if !matches!(record.health, Health::Open(_) | Health::Quarantined) {
            return Ok(());
        }
        let pulses = Pulses { misses: 0, ..record.pulses };
        self.turn_health(&record, Health::HalfOpen, pulses, Timestamp::now()).await
    }

    /// An open circuit's wait is over: any answer to a probe lets one job through.
    pub(super) async fn probe(self: Arc<Self>, agent: AgentId) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let (record, compiled) = {
            let market = self.market();
            let listing = market.get(agent).ok_or(StoreError::NotFound)?;
            (listing.record.clone(), Arc::clone(&listing.compiled))
        };
        let id = format!("prb_{}_{}_{}", self.parts.tag, agent.0, self.parts.maker.id(now));
        let (body, time_limit) = match &compiled.definition.chat {
            Some(chat) => (chat::ready(chat), CHAT_PROBE_LIMIT),
            None => (message(MessageType::AgentProbe, now, &json!({})), PROBE_LIMIT),
        };
        let out = Outgoing {
            agent,
            definition: &compiled.definition,
            kind: MessageType::AgentProbe,
            id: &id,
            deadline: None,
            body,
            time_limit,
            keep_reply: true,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        let log = serde_json::to_vec(&log).unwrap_or_default();
        let now = Timestamp::now();
        if is_alive(&delivered) {
            let pulses = Pulses { misses: 0, ..record.pulses };
            self.turn_health(&record, Health::HalfOpen, pulses, now).await?;
        } else {
            let (health, pulses) = opened(record.pulses, now);
            self.turn_health(&record, health, pulses, now).await?;
        }
        self.log_of_agent(agent, MessageType::AgentProbe, log, now).await
    }
}

/// Whether somebody answers there who can be spoken to.
fn is_alive(delivered: &Delivered) -> bool {
    match delivered {
        Delivered::NotConnected { .. } | Delivered::TooLarge { .. } => false,
        Delivered::Reply(reply) => match reply {
            Reply::NotSupported
            | Reply::Working
            | Reply::UnknownJob
            | Reply::Challenge(_)
            | Reply::Accepted
            | Reply::Output(_)
            | Reply::Question { .. }
            | Reply::Declined(_) => true,
            // A 200 without anything in it.
            Reply::Malformed { .. } => true,
            Reply::Later { .. } | Reply::Gone | Reply::Refused { .. } | Reply::Unclear { .. } => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_opens_after_misses_in_a_row_and_closes_after_one_job() {
        let now = Timestamp(1_000_000_000);
        let pulses = |misses| Pulses { misses, ..Pulses::default() };
        assert_eq!(next_health(Health::Closed, pulses(4), Pulse::Miss, now), None);
        assert_eq!(next_health(Health::Closed, pulses(0), Pulse::Beat, now), None);
        let (open, counted) = next_health(Health::Closed, pulses(5), Pulse::Miss, now).expect("it opens");
        assert_eq!(open, Health::Open(now.after(OPEN_FIRST)));
        assert_eq!((counted.openings, counted.opened_at), (1, Some(now)));
        assert_eq!(next_health(open, counted, Pulse::Miss, now), None, "it is open already");
        let (closed, counted) = next_health(Health::HalfOpen, counted, Pulse::Beat, now).expect("it closes");
        assert_eq!((closed, counted.misses, counted.openings), (Health::Closed, 0, 1));
    }

    #[test]
    fn who_is_lost_too_often_is_quarantined() {
        let mut now = Timestamp(1_000_000_000);
        let mut pulses = Pulses::default();
        let mut waits = Vec::new();
        let last = loop {
            let (health, counted) =
                next_health(Health::HalfOpen, pulses, Pulse::Miss, now).expect("it opens again");
            pulses = counted;
            let Health::Open(until) = health else { break health };
            waits.push(until.since(now).as_secs());
            now = until;
        };
        assert_eq!(waits, [30, 60, 120, 240, 480]);
        assert_eq!(last, Health::Quarantined);
        let later = now.after(HEALTHY_AFTER + Duration::from_secs(1));
        let (health, counted) = next_health(Health::HalfOpen, pulses, Pulse::Miss, later).expect("it opens");
        assert_eq!((health, counted.openings), (Health::Open(later.after(OPEN_FIRST)), 1), "long ago");
    }
}
