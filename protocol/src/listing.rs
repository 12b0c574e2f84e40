//! Lists of jobs: which, in what order, and from which row on, in both directions.
//!
//! A page begins at a key and never at a count, so it costs the same anywhere among a million jobs. What no index
//! answers is looked for row by row, at most [`SEARCHED_MAX`] for a page; a page that ends there says so.

use crate::account::UserRef;
use crate::agent::AgentName;
use crate::attempt::EndedAs;
use crate::ids::{JobId, PlaceId};
use crate::job::Priority;
use crate::state::HeldWhy;
use crate::time::Timestamp;
use crate::view::JobHead;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most jobs that are looked at for one page.
pub const SEARCHED_MAX: u32 = 20_000;
/// Most jobs that are counted: beyond it there are "more than" so many.
pub const COUNTED_MAX: u64 = 10_000;
/// Most jobs that are looked at to count.
pub const COUNT_SEARCHED_MAX: u32 = 100_000;
/// Longest text to look for in titles, bytes.
pub const TEXT_BYTES_MAX: usize = 200;

/// Which jobs a list shows: those to which all of it applies. Empty: all that the caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFilter {
    /// Only states with these names.
    #[serde(default)]
    pub states: Vec<String>,
    /// Only jobs of the caller.
    #[serde(default)]
    pub mine: bool,
    /// Only this label.
    #[serde(default)]
    pub label: Option<String>,
    /// Only jobs that this agent tried.
    #[serde(default)]
    pub agent: Option<AgentName>,
    /// Only jobs of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<UserRef>,
    /// Only jobs posted in this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceId>,
    /// Only this class of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Only jobs with this in their title, at most [`TEXT_BYTES_MAX`] bytes. Letters from a to z match in either case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only jobs posted then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_from: Option<Timestamp>,
    /// Only jobs posted before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_before: Option<Timestamp>,
    /// Only jobs that changed then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_from: Option<Timestamp>,
    /// Only jobs that did not change since before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_before: Option<Timestamp>,
    /// Only jobs with an attempt that ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedAs>,
    /// Only jobs with at least so many attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_min: Option<u32>,
    /// Only jobs held for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldWhy>,
}

/// What jobs are sorted by; among equals, by number. Each has an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// Their number.
    #[default]
    Number,
    /// When they last changed.
    Changed,
    /// When they were posted.
    Posted,
    /// Until when they must be done.
    Deadline,
    /// When time alone does something next. Jobs that ended have no such time: the list leaves them out.
    Due,
    /// Their class in the queue.
    Priority,
}

impl SortBy {
    /// Every one once.
    pub const ALL: [Self; 6] =
        [Self::Number, Self::Changed, Self::Posted, Self::Deadline, Self::Due, Self::Priority];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Changed => "changed",
            Self::Posted => "posted",
            Self::Deadline => "deadline",
            Self::Due => "due",
            Self::Priority => "priority",
        }
    }
}

impl fmt::Display for SortBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which end of the order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The newest, latest or highest.
    #[default]
    Descending,
    /// The oldest, earliest or lowest.
    Ascending,
}

/// The order of a list. By default: highest number first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobSort {
    /// By what.
    pub by: SortBy,
    /// Which end first.
    pub direction: Direction,
}

impl JobSort {
    /// Where a row stands in this order; none: the list leaves it out.
    pub fn cursor(self, head: &JobHead) -> Option<JobCursor> {
        let key = match self.by {
            SortBy::Number => head.id.0,
            SortBy::Changed => head.changed_at.0,
            SortBy::Posted => head.posted_at.0,
            SortBy::Deadline => head.deadline.0,
            SortBy::Due => head.due_at?.0,
            SortBy::Priority => head.priority.class(),
        };
        Some(JobCursor { key, id: head.id })
    }
}

/// A place in an order: that of a row, whether or not the row still stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobCursor {
    /// What the row was sorted by.
    pub key: i64,
    /// Its number.
    pub id: JobId,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageFrom {
    /// At the top.
    #[default]
    First,
    /// At the bottom, upward.
    Last,
    /// Below this row, downward.
    After(JobCursor),
    /// Above this row, upward.
    Before(JobCursor),
}

/// A page of jobs to look for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobQuery {
    /// Which jobs.
    #[serde(default)]
    pub filter: JobFilter,
    /// In what order.
    #[serde(default)]
    pub sort: JobSort,
    /// From where.
    #[serde(default)]
    pub from: PageFrom,
    /// How many rows, at most [`crate::view::PAGE_ROWS_MAX`].
    pub limit: u32,
}

/// A page of jobs that were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobPage {
    /// The rows, always from top to bottom.
    pub rows: Vec<JobHead>,
    /// Where the next page in the direction that was asked for begins; none: there is nothing more that way. After a search
    /// that found little it is not the last row, but the last one looked at.
    pub next: Option<JobCursor>,
    /// How many jobs were looked at.
    pub searched: u32,
}

impl JobPage {
    /// Whether the page is short because [`SEARCHED_MAX`] jobs were looked at, and not because there are no more.
    pub fn is_cut(&self, limit: u32) -> bool {
        self.next.is_some() && self.rows.len() < usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

/// How many jobs a filter admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCount {
    /// So many were counted.
    pub count: u64,
    /// Whether that is all of them. If not, there are at least so many: [`COUNTED_MAX`] was reached, or
    /// [`COUNT_SEARCHED_MAX`] jobs were looked at.
    pub exact: bool,
}

impl fmt::Display for JobCount {
    /// `7`, `more than 10000`, `at least 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { count, exact: true } => write!(f, "{count}"),
            Self { count, exact: false } if *count >= COUNTED_MAX => write!(f, "more than {count}"),
            Self { count, exact: false } => write!(f, "at least {count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_before_still_reads() {
        let filter: JobFilter = serde_json::from_str(r#"{"states":["open"],"mine":true}"#).expect("it reads");
        assert_eq!(filter, JobFilter { states: vec!["open".to_owned()], mine: true, ..JobFilter::default() });
    }

    #[test]
    fn counts_say_whether_they_are_whole() {
        let count = |count, exact| JobCount { count, exact }.to_string();
        assert_eq!(count(7, true), "7");
        assert_eq!(count(COUNTED_MAX, false), "more than 10000");
        assert_eq!(count(12, false), "at least 12");
    }
}
