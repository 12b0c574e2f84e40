//! New secrets of an agent. They never come here: a link shows them once in a browser, or the command line does.

use super::Answer;
use crate::hall::Person;
use crate::message::Message;
use crate::render;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::time::parse_span;
use guildhall_protocol::view::{LINK_FIELD, OVERLAP_MS};

/// Asks whether an agent is to get new secrets. `overlap` is how long those before count, as somebody typed it; a day if
/// nothing is said, not at all `now`.
pub(super) fn may_rotate(agent: AgentName, overlap: Option<&str>, now: bool) -> Answer {
    let overlap_ms = match overlap {
        _ if now => 0,
        None => OVERLAP_MS,
        Some(text) => {
            let span = parse_span(text);
            let span = span
                .map_err(|error| ApiError::new(ErrorKind::Invalid, error.to_string()).in_field("overlap"))?;
            u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
        }
    };
    Ok(render::may_rotate(agent, overlap_ms))
}

/// A link to new secrets; where there can be none, what to do instead.
pub(super) async fn link(person: &Person, agent: &AgentName, overlap_ms: u64) -> Message {
    let name = agent.clone();
    let made = person
        .call(|service, context| async move { service.secret_link(context, name, overlap_ms).await })
        .await;
    match made {
        Ok(link) => render::secret_link(agent, &link, overlap_ms),
        Err(error) if error.field.as_deref() == Some(LINK_FIELD) => render::secrets_elsewhere(agent),
        Err(error) => render::error(&error),
    }
}
