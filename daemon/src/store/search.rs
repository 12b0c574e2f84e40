//! Looking for jobs in any order from any row on, and what waits, counted.

use super::record::JobRecord;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{AgentId, JobId, PlaceId, UserId};
use guildhall_protocol::job::Priority;
use guildhall_protocol::listing::{JobCursor, JobSort, PageFrom};
use guildhall_protocol::state::{HeldWhy, JobState};
use guildhall_protocol::time::Timestamp;

/// Jobs to which all of this applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobWish {
    /// Only these state names; empty: all.
    pub states: Vec<String>,
    /// Only jobs of this client.
    pub client: Option<UserId>,
    /// Only this label.
    pub label: Option<String>,
    /// Only jobs with an attempt of this agent.
    pub agent: Option<AgentId>,
    /// Only jobs posted in this place.
    pub place: Option<PlaceId>,
    /// Only this class.
    pub priority: Option<Priority>,
    /// Only jobs with this in their title; letters from a to z match in either case.
    pub text: Option<String>,
    /// Posted from then on, and before then.
    pub posted: Span,
    /// Changed from then on, and before then.
    pub changed: Span,
    /// Only jobs with an attempt that ended so.
    pub ended: Option<EndedAs>,
    /// Only jobs with at least so many attempts.
    pub attempts_min: Option<u32>,
    /// Only jobs held for this.
    pub held: Option<HeldWhy>,
}

/// A part of time; without an end where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub before: Option<Timestamp>,
}

impl Span {
    /// Whether it has an end.
    pub fn is_bounded(self) -> bool {
        self.from.is_some() || self.before.is_some()
    }

    /// Whether a time lies in it.
    pub fn holds(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.before.is_none_or(|before| time < before)
    }
}

impl JobWish {
    /// Whether nothing but states is asked for: counters know how many there are.
    pub fn is_of_states(&self) -> bool {
        *self == Self { states: self.states.clone(), ..Self::default() }
    }
}

/// A page of jobs to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSearch {
    /// Which jobs.
    pub wish: JobWish,
    /// In what order.
    pub sort: JobSort,
    /// From where.
    pub from: PageFrom,
    /// At most so many rows.
    pub limit: u32,
    /// At most so many jobs are looked at.
    pub searched_max: u32,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The jobs, from top to bottom.
    pub jobs: Vec<JobRecord>,
    /// Where it goes on: after the last row of a full page, or after the last job looked at when there was no more looking.
    pub next: Option<JobCursor>,
    /// How many jobs were looked at.
    pub searched: u32,
}

/// Whose jobs a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobsOf {
    /// All.
    Everybody,
    /// Those of a client.
    Client(UserId),
    /// Those that were posted in a place.
    Place(PlaceId),
}

/// What waits, as of now. Each count stops at the limit of the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitingRecord {
    /// Jobs that wait for a person, by state.
    pub jobs: Vec<(JobState, u64)>,
    /// The open job with the lowest number that is ready for a pick, and when it was posted.
    pub oldest_ready: Option<(JobId, Timestamp)>,
    /// The same of all open jobs.
    pub oldest_open: Option<(JobId, Timestamp)>,
    /// Complaints and contests that are not decided; zero for a client.
    pub appeals: u64,
    /// Notifications that are due; only of the whole.
    pub due: u64,
    /// Notifications that were given up; only of the whole.
    pub undeliverable: u64,
}
