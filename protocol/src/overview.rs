//! How a marketplace is, in one answer: what the dashboard's first page shows, in bounded size.
//!
//! What passes is counted by the daemon in memory from its start on: every such number says since when.

use crate::agent::{AgentName, Health};
use crate::attempt::EndedAs;
use crate::ids::JobId;
use crate::model::Micros;
use crate::time::Timestamp;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most agents that an overview names.
pub const NAMED_AGENTS_MAX: usize = 20;
/// How long one bucket of a series lasts, ms.
pub const BUCKET_MS: u64 = 10_000;
/// Most buckets of a series, the one that still fills among them.
pub const BUCKETS_MAX: usize = 60;
/// How far back failures are counted, ms: an hour.
pub const FAILURES_MS: u64 = 3_600_000;
/// Most of what waits that is counted exactly.
pub const WAITING_MAX: u64 = 10_000;

/// How the marketplace is: the whole of it for operators, what is of their place for operators of one, what is theirs for
/// everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// When it was so.
    pub at: Timestamp,
    /// Of what it tells.
    pub of: Wire<OverviewOf>,
    /// Jobs per state name, states without any left out.
    pub jobs: Vec<(String, u64)>,
    /// Whether those are all. If not, the newest jobs of somebody who has very many were counted, or a count of a place's jobs
    /// ended early.
    pub jobs_exact: bool,
    /// The job that has been ready for a pick for longest, by when it was posted.
    pub oldest_ready: Option<OldestJob>,
    /// The open job that was posted first; also one that waits for agents who have no slot.
    pub oldest_open: Option<OldestJob>,
    /// What people are waited for.
    pub waiting: Waiting,
    /// What only operators see of the whole.
    pub market: Option<MarketOverview>,
}

/// Of what an overview tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverviewOf {
    /// Everything.
    Market,
    /// What was posted in the place that the caller is an operator of.
    Place,
    /// Only what is the caller's.
    Caller,
}

/// A job that has waited for longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldestJob {
    /// Which.
    pub job: JobId,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// How much waits for people; each at most [`WAITING_MAX`], which means "at least".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Questions to clients.
    pub questions: u64,
    /// Answers in review by their clients.
    pub reviews: u64,
    /// Answers that operators decide: disputes, and reviews that are theirs from the beginning.
    pub disputes: u64,
    /// Jobs held for an operator.
    pub held: u64,
    /// Complaints and contests; zero for who is no operator.
    pub appeals: u64,
    /// Agents that wait for approval; zero for who is no operator.
    pub approvals: u64,
}

/// What operators see of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketOverview {
    /// Whether an operator stopped new attempts.
    pub paused: bool,
    /// Whether the daemon is ending.
    pub draining: bool,
    /// What passed lately.
    pub series: Series,
    /// How attempts that came to nothing ended within the last hour, or since `series.since`. Without those that passed or
    /// were withdrawn.
    pub failures: Vec<(Wire<EndedAs>, u64)>,
    /// What agents work on.
    pub agents: AgentsOverview,
    /// What models cost today, UTC; none: no model is configured.
    pub models: Option<ModelBudget>,
    /// What people are to be told.
    pub notices: NoticesOverview,
}

/// What agents work on, and how they are. Retired ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsOverview {
    /// Agents.
    pub agents: u64,
    /// Those that get jobs.
    pub active: u64,
    /// Slots that are in use.
    pub used: u64,
    /// Slots of those that get jobs.
    pub slots: u64,
    /// The busiest, at most [`NAMED_AGENTS_MAX`].
    pub busiest: Vec<AgentLoad>,
    /// How many circuits are how.
    pub breakers: Breakers,
    /// Those whose circuit lets no jobs through, or one: at most [`NAMED_AGENTS_MAX`].
    pub troubled: Vec<(AgentName, Wire<Health>)>,
}

/// What one agent works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLoad {
    /// Which.
    pub name: AgentName,
    /// Slots that are in use.
    pub used: u32,
    /// Slots.
    pub slots: u32,
}

/// How many agents' circuits are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakers {
    /// All is well.
    pub closed: u64,
    /// No new jobs for a while.
    pub open: u64,
    /// One job or probe decides.
    pub half_open: u64,
    /// No jobs until somebody tests them.
    pub quarantined: u64,
}

/// What models cost today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBudget {
    /// Whether they are asked.
    pub on: bool,
    /// So much.
    pub spent: Micros,
    /// Of so much; none: of any amount.
    pub limit: Option<Micros>,
}

/// What people are to be told; each at most [`WAITING_MAX`], which means "at least".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticesOverview {
    /// Not told yet, and due.
    pub due: u64,
    /// Given up: no channel took them.
    pub undeliverable: u64,
}

/// What passed lately, in buckets of equal length. Counted in memory: it begins anew with the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// From when on it was counted.
    pub since: Timestamp,
    /// How long a bucket lasts, ms.
    pub bucket_ms: u64,
    /// Oldest first, without gaps, at most [`BUCKETS_MAX`]; the last one still fills.
    pub buckets: Vec<Bucket>,
}

/// What passed in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// When it begins.
    pub from: Timestamp,
    /// Jobs posted.
    pub posted: u64,
    /// Jobs completed.
    pub completed: u64,
    /// Jobs that failed or expired.
    pub failed: u64,
    /// Jobs canceled.
    pub canceled: u64,
    /// From being posted to the first attempt.
    pub wait: Option<Spread>,
    /// From an attempt's begin to its answer.
    pub run: Option<Spread>,
}

/// How long something took, over several; within a sixteenth of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Over how many.
    pub count: u64,
    /// Half of them took at most so long, ms.
    pub p50_ms: u64,
    /// 19 of 20 took at most so long, ms.
    pub p95_ms: u64,
}

/// How much passed in a second, on the average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerSecond {
    /// Jobs posted.
    pub posted: f64,
    /// Jobs completed.
    pub completed: f64,
    /// Jobs that failed or expired.
    pub failed: f64,
}

impl Series {
    /// What passed in a second over the last minute, or since the series began: over its whole buckets and the one that
    /// still fills.
    pub fn per_second(&self, now: Timestamp) -> PerSecond {
        let begin = now.before(Duration::from_mins(1)).max(self.since);
        let recent: Vec<&Bucket> = self.buckets.iter().filter(|bucket| bucket.from >= begin).collect();
        // Before the first whole bucket has passed, what there is counts.
        let recent = if recent.is_empty() { self.buckets.last().into_iter().collect() } else { recent };
        let Some(first) = recent.first() else { return PerSecond::default() };
        let seconds = now.since(first.from.max(self.since)).as_secs_f64().max(1.0);
        let sum = |count: fn(&Bucket) -> u64| {
            let sum: u64 = recent.iter().map(|bucket| count(bucket)).sum();
            f64::from(u32::try_from(sum).unwrap_or(u32::MAX)) / seconds
        };
        PerSecond {
            posted: sum(|bucket| bucket.posted),
            completed: sum(|bucket| bucket.completed),
            failed: sum(|bucket| bucket.failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_minute() {
        let bucket = |from: i64, completed| Bucket { from: Timestamp(from), completed, ..Bucket::default() };
        let since = Timestamp(0);
        let buckets = vec![bucket(0, 1_000), bucket(100_000, 30), bucket(110_000, 30), bucket(120_000, 0)];
        let series = Series { since, bucket_ms: BUCKET_MS, buckets };
        let rate = series.per_second(Timestamp(130_000)).completed;
        assert!((rate - 2.0).abs() < 0.001, "{rate}");
        assert_eq!(Series::default().per_second(Timestamp(5)), PerSecond::default());
        let young = Series { since: Timestamp(5_000), bucket_ms: BUCKET_MS, buckets: vec![bucket(0, 8)] };
        let rate = young.per_second(Timestamp(9_000)).completed;
        assert!((rate - 2.0).abs() < 0.001, "{rate}");
    }
}
