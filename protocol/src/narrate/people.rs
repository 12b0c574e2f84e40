//! A user's history, and a place's, in words.

use crate::history::{Actor, Event, What};

/// One line of a place's history; none when it is not about places.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all others are about jobs, agents, users or the marketplace"
)]
pub fn tell_place(event: &Event) -> Option<String> {
    let by = match event.by {
        Actor::Daemon => "the daemon".to_owned(),
        Actor::User(user) => user.to_string(),
        Actor::Agent(agent) => agent.to_string(),
    };
    match &event.what {
        What::PlaceChanged { setting, .. } => Some(format!("{by} settled its {setting}")),
        _ => None,
    }
}

/// One line of a user's history; none when it is not about users.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are about jobs, agents or the marketplace")]
pub fn tell_user(event: &Event) -> Option<String> {
    let everywhere = |place: &Option<crate::ids::PlaceId>| match place {
        None => String::new(),
        Some(place) => format!(" in {place}"),
    };
    Some(match &event.what {
        What::UserSeen => "first seen".to_owned(),
        What::SettingsChanged => "said how to be told".to_owned(),
        What::RoleGranted { role, place, .. } => format!("is {role} now{}", everywhere(place)),
        What::RoleRevoked { place, .. } => format!("has no role but the usual one{}", everywhere(place)),
        What::UserSuspended { .. } => "suspended".to_owned(),
        What::UserRestored { .. } => "no longer suspended".to_owned(),
        What::UserLimited { .. } => "has limits of their own".to_owned(),
        What::Consented { version } => format!("consented to the privacy policy {version}"),
        What::TokenMade { token, kind, up_to, expires_at } => {
            format!("{token} was made: {kind}, up to {up_to}, until {expires_at}")
        }
        What::TokenRevoked { token } => format!("{token} was revoked"),
        What::UserJoined { other } => format!("{other} is the same person, and part of this account now"),
        What::JoinedUser { other } => format!("is part of {other} now"),
        What::IdentityRemoved { .. } => "is no longer known by one of their identities".to_owned(),
        _ => return None,
    })
}
