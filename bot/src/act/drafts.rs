//! What somebody is writing, kept in the daemon under a name of theirs.

use crate::hall::Person;
use guildhall_protocol::error::{ApiError, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Keeps it for a day; the same name replaces it.
pub(super) async fn keep(person: &Person, name: String, draft: &impl Serialize) -> Result<(), ApiError> {
    let content = serde_json::to_string(draft)
        .map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))?;
    person.call(|service, context| async move { service.keep_draft(context, name, content).await }).await
}

/// What is kept; none: no longer, or something that this bot does not read.
pub(super) async fn kept<T: DeserializeOwned>(person: &Person, name: String) -> Result<Option<T>, ApiError> {
    let content = person.call(|service, context| async move { service.draft(context, name).await }).await?;
    Ok(content.and_then(|content| serde_json::from_str(&content).ok()))
}
