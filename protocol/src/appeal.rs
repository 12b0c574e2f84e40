//! What can be said about a job after its end. The job stays as it ended; an operator decides, and an agent's record is
//! corrected.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppealKind {
    /// A client finds that a completed job is not as it should be.
    Complaint,
    /// An owner finds that an answer of their agent was failed wrongly.
    Contest,
}

impl AppealKind {
    /// Every kind once.
    pub const ALL: [Self; 2] = [Self::Complaint, Self::Contest];

    /// The name in storage and JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Contest => "contest",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for AppealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
