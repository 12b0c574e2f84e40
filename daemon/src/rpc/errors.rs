//! From what went wrong inside to what people read.

use crate::engine::CommitError;
use crate::store::{Conflict, StoreError};
use guildhall_protocol::error::{ApiError, ErrorKind};

/// A fault of ours: the log has it under an incident id, the caller gets the id.
pub(super) fn internal(error: &dyn std::error::Error) -> ApiError {
    let incident = guildhall_protocol::ids::RequestId::fresh();
    tracing::error!(%error, incident = incident.as_str(), "a call failed by a fault of ours");
    let mut told = ApiError::new(ErrorKind::Internal, "the daemon could not do this by a fault of its own");
    told.incident = Some(incident.to_string());
    told
}

/// What the store's refusal means for a person.
#[expect(clippy::needless_pass_by_value, reason = "the last use of an error, in `map_err(store)`")]
pub(super) fn store(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound => ApiError::new(ErrorKind::NotFound, "there is no such thing"),
        StoreError::Stale => ApiError::new(ErrorKind::Conflict, "it changed while you looked at it")
            .hint("look again, then decide again"),
        StoreError::Conflict(Conflict::RequestReused) => {
            ApiError::new(ErrorKind::Conflict, "this request id was already used for a different request")
                .hint("use a new request id for each new thing")
        }
        StoreError::Conflict(conflict @ (Conflict::NameTaken | Conflict::NoSlot | Conflict::Appealed)) => {
            ApiError::new(ErrorKind::Conflict, conflict.to_string())
        }
        StoreError::Busy => ApiError::new(ErrorKind::Limited, "the daemon is busy; nothing was changed")
            .hint("try again in a moment"),
        StoreError::Full => ApiError::new(
            ErrorKind::Unavailable,
            "the disk that holds the store is full; nothing was changed",
        )
        .hint("reading still works; writing works again as soon as there is space"),
        StoreError::Unavailable(_) => {
            let mut told = internal(&error);
            told.kind = ErrorKind::Unavailable;
            "the store cannot be used at the moment; nothing was changed".clone_into(&mut told.message);
            told
        }
        StoreError::Unknown(_) => ApiError::new(ErrorKind::Unknown, "nobody can say whether this was stored")
            .hint("make the same request again with the same request id: it happens at most once"),
    }
}

/// What a refused decision means for a person.
pub(super) fn commit(error: CommitError) -> ApiError {
    match error {
        CommitError::Store(error) => store(error),
        CommitError::Illegal(illegal) => {
            ApiError::new(ErrorKind::Conflict, format!("the job is {}", illegal.state))
                .hint("look again, then decide again")
        }
    }
}

/// A field that does not fit.
pub(super) fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Invalid, message).in_field(field)
}

/// Something that is not there, or not for this caller.
pub(super) fn not_found(what: &str) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("there is no {what}")).hint("or it is not visible to you")
}

/// Something that others may do.
pub(super) fn forbidden(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Forbidden, message)
}

/// A channel that the daemon serves itself.
pub(super) fn denied_channel(channel: guildhall_protocol::notice::Channel) -> ApiError {
    invalid("channel", format!("the daemon serves the channel {channel} itself"))
}
