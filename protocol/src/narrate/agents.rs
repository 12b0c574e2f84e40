//! An agent's history in words.

use crate::agent::Audience;
use crate::history::{Event, What};
use crate::time::show_span;

/// An event of an agent in words; none for what is not part of an agent's story.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are about jobs, people or the marketplace")]
pub fn tell_agent(event: &Event) -> Option<String> {
    Some(match &event.what {
        What::AgentRegistered { version, .. } => format!("registered ({version})"),
        What::AgentUpdated { version, .. } => format!("updated: {version} is current"),
        What::AgentRolledBack { version, to, .. } => format!("rolled back: {version} repeats {to}"),
        What::AgentProved { .. } => "proved that the endpoint is its own".to_owned(),
        What::AgentPaused { why, until } => {
            let why = crate::agent::AgentState::Paused(*why);
            match until {
                Some(until) => format!("{why}, for {}", show_span(until.since(event.at))),
                None => why.to_string(),
            }
        }
        What::CircuitOpened { misses, until } => format!(
            "gets no jobs for {}: {misses} deliveries in a row missed it",
            show_span(until.since(event.at))
        ),
        What::CircuitHalfOpened => "gets one job, which decides whether it gets more".to_owned(),
        What::CircuitClosed => "gets jobs again".to_owned(),
        What::Quarantined { openings } => {
            format!("gets no jobs until its owner tests it: it was lost {openings} times")
        }
        What::AgentResumed => "resumed".to_owned(),
        What::AgentRetired => "retired".to_owned(),
        What::AgentGranted { .. } => "an operator allowed its private address".to_owned(),
        What::AgentKeyReplaced => "its endpoint is opened with another key".to_owned(),
        What::SecretsRotated { old_until: None, .. } => {
            "has new secrets; those before count no longer".to_owned()
        }
        What::SecretsRotated { old_until: Some(until), .. } => {
            format!("has new secrets; those before count for {}", show_span(until.since(event.at)))
        }
        What::AgentVouchedFor { .. } => "an operator answered for its endpoint".to_owned(),
        What::PublishingAsked { audience } => {
            format!("waits for an operator's approval to work for {}", audience.whom())
        }
        What::AgentPublished { audience } => format!("works for {}", audience.whom()),
        What::PublishingRefused { audience, .. } => {
            format!("an operator did not let it work for {}", audience.whom())
        }
        What::ApprovalEnded { audience } => {
            format!("moved to another host: it waits for approval again to work for {}", audience.whom())
        }
        What::PublishingEnded { audience } => {
            format!("changed while it waited for approval: ask again for it to work for {}", audience.whom())
        }
        What::AgentWithdrawn => format!("works for {} only", Audience::Owner.whom()),
        What::OwnerAdded { user } => format!("{user} has it, too"),
        What::OwnerRemoved { user } => format!("{user} no longer has it"),
        What::AgentOffered { to: Some(user) } => format!("offered to {user}"),
        What::AgentOffered { to: None } => "no longer offered to anybody".to_owned(),
        What::AgentTaken { from, to } => format!("{to} has it now, and no longer {from}"),
        _ => return None,
    })
}
