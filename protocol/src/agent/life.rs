//! Where an agent stands, and what may happen to it, as one function: [`AgentState::after`].

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an agent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Its endpoint has not yet echoed the challenge.
    Pending,
    /// It gets jobs.
    Active,
    /// It gets no new jobs.
    Paused(PausedWhy),
    /// It is gone for good; its name stays taken.
    Retired,
}

/// Why an agent is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedWhy {
    /// Its owner paused it.
    Owner,
    /// An operator paused it.
    Operator,
    /// Its endpoint answered 410.
    Gone,
}

/// Every agent state once.
pub const AGENT_STATES: [AgentState; 6] = [
    AgentState::Pending,
    AgentState::Active,
    AgentState::Paused(PausedWhy::Owner),
    AgentState::Paused(PausedWhy::Operator),
    AgentState::Paused(PausedWhy::Gone),
    AgentState::Retired,
];

/// What can happen to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentEvent {
    /// Its endpoint echoed the challenge.
    Proved,
    /// Somebody or something pauses it.
    Paused(PausedWhy),
    /// Its owner or an operator lets it work again: it answers a new challenge first.
    Resumed,
    /// Its owner takes it away for good.
    Retired,
    /// A new version has another endpoint: it must prove itself again.
    EndpointChanged,
}

impl AgentState {
    /// The state after `event`, or none if this state does not allow it. What an operator paused only an operator
    /// resumes: that is a question of who, and the caller's.
    pub fn after(self, event: AgentEvent) -> Option<Self> {
        match (self, event) {
            (Self::Retired, _) => None,
            (_, AgentEvent::Retired) => Some(Self::Retired),
            (Self::Pending, AgentEvent::Proved) => Some(Self::Active),
            // Whoever comes back proves itself again: the endpoint may have moved or died meanwhile.
            (Self::Paused(_), AgentEvent::Resumed) => Some(Self::Pending),
            // Nothing covers an operator's pause: its owner could lift the other one.
            (Self::Paused(PausedWhy::Operator), AgentEvent::Paused(_)) => Some(self),
            (Self::Active | Self::Paused(_), AgentEvent::Paused(why)) => Some(Self::Paused(why)),
            (Self::Active | Self::Pending, AgentEvent::EndpointChanged) => Some(Self::Pending),
            (Self::Paused(why), AgentEvent::EndpointChanged) => Some(Self::Paused(why)),
            (Self::Active, AgentEvent::Proved | AgentEvent::Resumed)
            | (Self::Pending, AgentEvent::Paused(_) | AgentEvent::Resumed)
            | (Self::Paused(_), AgentEvent::Proved) => None,
        }
    }

    /// The state's name in storage and filters, without its data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Paused(_) => "paused",
            Self::Retired => "retired",
        }
    }

    /// The state's data, as storage keeps it; empty where there is none.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Paused(PausedWhy::Owner) => "owner",
            Self::Paused(PausedWhy::Operator) => "operator",
            Self::Paused(PausedWhy::Gone) => "gone",
            Self::Pending | Self::Active | Self::Retired => "",
        }
    }

    /// The state with this name and detail, if there is one.
    pub fn from_parts(name: &str, detail: &str) -> Option<Self> {
        AGENT_STATES.into_iter().find(|state| state.name() == name && state.detail() == detail)
    }
}

impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending: its endpoint has not answered the challenge yet",
            Self::Active => "active",
            Self::Paused(PausedWhy::Owner) => "paused by its owner",
            Self::Paused(PausedWhy::Operator) => "paused by an operator",
            Self::Paused(PausedWhy::Gone) => "paused: its endpoint said that it is gone (410)",
            Self::Retired => "retired",
        })
    }
}

/// Whether an agent's circuit lets jobs through; fed by the outcomes of real deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All is well.
    Closed,
    /// No new jobs until then.
    Open(Timestamp),
    /// One job or probe decides.
    HalfOpen,
    /// It opened too often: its owner must test it.
    Quarantined,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_life() {
        use AgentEvent as E;
        use AgentState as S;
        let owner = PausedWhy::Owner;
        let table = [
            (S::Pending, E::Proved, Some(S::Active)),
            (S::Pending, E::Resumed, None),
            (S::Pending, E::Paused(owner), None),
            (S::Pending, E::EndpointChanged, Some(S::Pending)),
            (S::Active, E::Proved, None),
            (S::Active, E::Resumed, None),
            (S::Active, E::Paused(PausedWhy::Gone), Some(S::Paused(PausedWhy::Gone))),
            (S::Active, E::EndpointChanged, Some(S::Pending)),
            (S::Paused(owner), E::Paused(PausedWhy::Operator), Some(S::Paused(PausedWhy::Operator))),
            (S::Paused(PausedWhy::Operator), E::Paused(owner), Some(S::Paused(PausedWhy::Operator))),
            (
                S::Paused(PausedWhy::Operator),
                E::Paused(PausedWhy::Gone),
                Some(S::Paused(PausedWhy::Operator)),
            ),
            (S::Paused(owner), E::Resumed, Some(S::Pending)),
            (S::Paused(owner), E::Proved, None),
            (S::Paused(owner), E::EndpointChanged, Some(S::Paused(owner))),
            (S::Paused(owner), E::Retired, Some(S::Retired)),
            (S::Retired, E::Retired, None),
            (S::Retired, E::Resumed, None),
        ];
        for (state, event, expected) in table {
            assert_eq!(state.after(event), expected, "{state:?} after {event:?}");
        }
        for state in AGENT_STATES {
            assert_eq!(AgentState::from_parts(state.name(), state.detail()), Some(state));
        }
    }
}
