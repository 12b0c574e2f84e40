//! An agent's past, as its page shows it: newest attempts, how its circuit went, its part of all work.

use super::Caller;
use super::errors::store;
use crate::market::{Market, day};
use crate::store::{AttemptRecord, Query, Tally};
use guildhall_protocol::agent::Health;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Event, What};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentAttempt, PickShare, RECENT_ATTEMPTS_MAX};
use guildhall_protocol::wire::Wire;

impl Caller {
    /// An agent's newest attempts.
    pub(super) async fn recent_attempts(&self, agent: AgentId) -> Result<Vec<AgentAttempt>, ApiError> {
        let query = Query::AttemptsOf { agent, limit: RECENT_ATTEMPTS_MAX };
        let attempts = self.desk.store().attempts(query).await.map_err(store)?;
        let shown = |attempt: AttemptRecord| AgentAttempt {
            job: attempt.job,
            number: attempt.number,
            version: attempt.version,
            state: attempt.state.into(),
            started_at: attempt.started_at,
            answered_at: attempt.answered_at,
            ended_at: attempt.ended_at,
        };
        Ok(attempts.into_iter().map(shown).collect())
    }
}

/// How an agent's circuit went, as its history tells it.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are about something else")]
pub(super) fn breaker(events: &[Event]) -> Vec<(Timestamp, Wire<Health>)> {
    let health = |event: &Event| {
        Some(match &event.what {
            What::CircuitOpened { until, .. } => Health::Open(*until),
            What::CircuitHalfOpened => Health::HalfOpen,
            What::CircuitClosed => Health::Closed,
            What::Quarantined { .. } => Health::Quarantined,
            _ => return None,
        })
    };
    events.iter().filter_map(|event| Some((event.at, health(event)?.into()))).collect()
}

/// An agent's part of what all agents did. Looks through all of them.
pub(super) fn share(market: &Market, agent: AgentId, now: Timestamp) -> PickShare {
    // Corrections may outlive what they correct.
    let attempts = |tally: Tally| {
        let sum = tally.passed + tally.failed + tally.declined + tally.unreachable;
        u64::try_from(sum).unwrap_or(0)
    };
    let today = day(now);
    PickShare {
        own: market.get(agent).map_or(0, |listing| attempts(listing.sums(today))),
        all: market.all().map(|listing| attempts(listing.sums(today))).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::history::Actor;

    #[test]
    fn a_circuit_is_told_by_its_lines_alone() {
        let line = |at, what| Event { seq: 1, at: Timestamp(at), by: Actor::Daemon, what };
        let events = [
            line(1, What::CircuitOpened { misses: 5, until: Timestamp(9) }),
            line(2, What::AgentResumed),
            line(9, What::CircuitHalfOpened),
            line(10, What::CircuitClosed),
        ];
        let expected = [(1, Health::Open(Timestamp(9))), (9, Health::HalfOpen), (10, Health::Closed)];
        assert_eq!(breaker(&events), expected.map(|(at, health)| (Timestamp(at), health.into())));
    }
}
