//! What front ends keep at the daemon: messages elsewhere that show a job and must be kept current, and drafts.

use crate::account::Identity;
use crate::ids::SurfaceId;
use crate::view::JobHead;
use serde::{Deserialize, Serialize};

/// Largest address of a surface, bytes.
pub const ADDRESS_BYTES_MAX: usize = 512;
/// Largest draft, bytes.
pub const DRAFT_BYTES_MAX: usize = 1_000_000;
/// Longest name of a draft, bytes.
pub const DRAFT_NAME_BYTES_MAX: usize = 64;

/// A message elsewhere that shows less than there is, handed out to be brought up to date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeasedSurface {
    /// Its number.
    pub id: SurfaceId,
    /// Names the lease, to be given back with what became of it.
    pub lease: i64,
    /// What the front end finds it by.
    pub address: String,
    /// The job's revision that it shows.
    pub shown: u64,
    /// The job as it is now.
    pub job: JobHead,
    /// How the job's client is known on the channel, if at all.
    pub client: Option<Identity>,
    /// How often it was handed out since it last showed something new, this time counted.
    #[serde(default)]
    pub tries: u32,
    /// The addresses of the job's other messages on the channel.
    #[serde(default)]
    pub others: Vec<String>,
}
