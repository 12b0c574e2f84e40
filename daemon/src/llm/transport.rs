//! stub
use super::LlmSetupError;
use super::settings::LlmSettings;
use std::time::Duration;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub retry_after: Option<Duration>,
    pub why: String,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    Transient,
    Permanent(PermanentWhy),
    Refused,
    Malformed,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermanentWhy {
    Key,
    Model,
    Structured,
    Quota,
    Other,
}
pub struct Server;
impl Server {
    pub async fn models(&self) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}
pub fn servers(_: &LlmSettings) -> Result<(Server, Option<Server>), LlmSetupError> {
    Ok((Server, None))
}
