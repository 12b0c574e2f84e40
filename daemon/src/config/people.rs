//! What is configured about people: who is an admin, and what limits everybody.

use super::{ConfigError, Layers, number, wrong};
use guildhall_protocol::account::Limits;
use std::time::Duration;

/// Bytes of a MB.
const MB: u64 = 1_000_000;

/// What is configured about people.
#[derive(Clone, Debug)]
pub struct PeopleSettings {
    /// Whose processes on this machine are admins, beside the daemon's own user.
    pub admin_uids: Vec<u32>,
    /// The most that everybody has who is neither operator nor has limits of their own.
    pub limits: Limits,
    /// Which agents an operator must approve.
    pub approval: Approval,
    /// How long a link to new secrets can be opened.
    pub secret_link: Duration,
}

/// For whom an agent works only once an operator approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// For nobody: who publishes is believed.
    None,
    /// For everybody.
    Public,
    /// For everybody or a place.
    All,
}

pub(super) fn people(layers: &Layers) -> Result<PeopleSettings, ConfigError> {
    let uids = layers["admin_uids"].0.split_whitespace().map(str::parse);
    let admin_uids = uids.collect::<Result<_, _>>().map_err(|_| wrong(layers, "admin_uids"))?;
    let limit = |key, max| number(layers, key, 0, max).map(Some);
    let limits = Limits {
        open_jobs: limit("user_open_jobs_max", 10_000_000)?,
        posts_per_minute: limit("user_posts_per_minute", 1_000_000)?,
        stored_bytes: limit("user_stored_mb_max", 1_000_000)?.map(|mb| mb * MB),
        agents: limit("user_agents_max", 100_000)?,
    };
    let approval = match layers["agent_approval"].0.as_str() {
        "none" => Approval::None,
        "public" => Approval::Public,
        "all" => Approval::All,
        _ => return Err(wrong(layers, "agent_approval")),
    };
    let secret_link = Duration::from_secs(number(layers, "secret_link_s", 1, 3_600)?);
    Ok(PeopleSettings { admin_uids, limits, approval, secret_link })
}
