//! What people read when something did not work: what went wrong, which field, what to do next.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The answer to a call that did not work. Its texts are written for people and are part of the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct ApiError {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// The field that it is about, as a path such as `criteria[2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When our own fault: the id under which the log tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Correct the request.
    Invalid,
    /// There is no such thing, or not for you.
    NotFound,
    /// It does not fit what is there now: look, then decide again.
    Conflict,
    /// Ask somebody who may.
    Forbidden,
    /// Wait, then try again.
    Limited,
    /// The daemon cannot do it at the moment; nothing was changed.
    Unavailable,
    /// Nobody can say whether it happened: the same request id again is safe.
    Unknown,
    /// Versions do not fit: upgrade what the message names.
    Unsupported,
    /// Our fault.
    Internal,
}

impl ApiError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, hint: None, incident: None }
    }

    /// Says which field it is about.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<crate::job::FieldError> for ApiError {
    fn from(error: crate::job::FieldError) -> Self {
        Self::new(ErrorKind::Invalid, error.to_string()).in_field(error.field)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  {hint}")?;
        }
        if let Some(incident) = &self.incident {
            write!(f, "\n  the daemon's log has more under incident {incident}")?;
        }
        Ok(())
    }
}
