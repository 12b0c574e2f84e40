//! One order to many jobs. Each job is ordered by itself, is guarded by the epoch that was seen, and has its own outcome.

use crate::error::ApiError;
use crate::ids::JobId;
use crate::listing::JobFilter;
use crate::view::{JobHead, Order};
use serde::{Deserialize, Serialize};

/// Most jobs that one call orders.
pub const BULK_JOBS_MAX: usize = 1_000;

/// An order to many jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOrder {
    /// To which.
    pub target: BulkTarget,
    /// The order. Its own epoch must be none: each job has one.
    pub order: Order,
}

/// Which jobs are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one is made for an order, and none is kept")]
pub enum BulkTarget {
    /// These, at most [`BULK_JOBS_MAX`].
    Jobs(Vec<SeenJob>),
    /// All that a filter admits when the order arrives.
    Matching {
        /// Which.
        filter: JobFilter,
        /// How many the person was told that there are. If there are others by then, or more than [`BULK_JOBS_MAX`],
        /// nothing is ordered.
        expected_count: u64,
    },
}

/// A job as a person saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeenJob {
    /// Which.
    pub job: JobId,
    /// Its epoch then: the order meets no other one.
    pub epoch: u64,
}

impl From<&JobHead> for SeenJob {
    fn from(head: &JobHead) -> Self {
        Self { job: head.id, epoch: head.epoch }
    }
}

/// What became of the order to one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkOutcome {
    /// Which.
    pub job: JobId,
    /// How it stands then; of a repeated job, the new one. Or why nothing was done.
    pub outcome: Result<JobHead, ApiError>,
}
