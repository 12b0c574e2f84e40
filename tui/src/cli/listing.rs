//! The command line of lists of jobs, of orders to many, and of what operators watch.

use clap::{Args, ValueEnum};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{JobId, PlaceId, RequestId};
use guildhall_protocol::listing::{Direction, JobCursor, JobFilter, JobSort, SortBy};
use guildhall_protocol::log::LogLevel;
use guildhall_protocol::state::HeldWhy;
use guildhall_protocol::time::{Timestamp, parse_span};
use std::time::Duration;

/// Which jobs: those to which all of it applies.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only these states, such as open or completed
    #[arg(long)]
    state: Vec<String>,
    /// Only yours
    #[arg(long)]
    mine: bool,
    /// Only this label
    #[arg(long)]
    label: Option<String>,
    /// Only jobs that this agent tried
    #[arg(long)]
    agent: Option<AgentName>,
    /// Operators: only jobs of this client: a number, or an identity such as discord:80351110224678912
    #[arg(long)]
    client: Option<UserRef>,
    /// Only jobs posted in the place with this number
    #[arg(long)]
    place: Option<i64>,
    /// Only this class of the queue
    #[arg(long, value_enum)]
    class: Option<super::job::PriorityArg>,
    /// Only jobs with this in their title
    #[arg(long)]
    text: Option<String>,
    /// Only jobs posted at least so long ago, such as 2h
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    older: Option<Duration>,
    /// Only jobs posted within this time
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    newer: Option<Duration>,
    /// Only jobs that did not change for so long
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    unchanged: Option<Duration>,
    /// Only jobs that changed within this time
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    changed: Option<Duration>,
    /// Only jobs with an attempt that ended so
    #[arg(long, value_enum, value_name = "HOW")]
    ended: Option<EndedArg>,
    /// Only jobs with at least so many attempts
    #[arg(long, value_name = "NUMBER")]
    attempts: Option<u32>,
    /// Only jobs held for this
    #[arg(long, value_enum, value_name = "WHY")]
    held: Option<HeldArg>,
}

impl FilterArgs {
    /// The filter, as of now.
    pub(crate) fn filter(self, now: Timestamp) -> JobFilter {
        let ago = |span: Option<Duration>| span.map(|span| now.before(span));
        JobFilter {
            states: self.state,
            mine: self.mine,
            label: self.label,
            agent: self.agent,
            client: self.client,
            place: self.place.map(PlaceId),
            priority: self.class.map(Into::into),
            text: self.text,
            posted_from: ago(self.newer),
            posted_before: ago(self.older),
            changed_from: ago(self.changed),
            changed_before: ago(self.unchanged),
            ended: self.ended.map(Into::into),
            attempts_min: self.attempts,
            held: self.held.map(|why| match why {
                HeldArg::Unclear => HeldWhy::Unclear,
                HeldArg::Poison => HeldWhy::Poison,
            }),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HeldArg {
    /// Nobody can say whether the agent did the work
    Unclear,
    /// Daemons died while they worked on it
    Poison,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EndedArg {
    /// Its answer was accepted
    Passed,
    /// Its answer was not accepted
    Failed,
    /// The agent said that it is not its work
    Declined,
    /// The agent could not be reached
    Unreachable,
    /// The agent was never heard of again
    Silent,
    /// Nobody could say whether the agent did it
    Unclear,
    /// It was taken from its agent
    Withdrawn,
}

impl From<EndedArg> for EndedAs {
    fn from(argument: EndedArg) -> Self {
        match argument {
            EndedArg::Passed => Self::Passed,
            EndedArg::Failed => Self::Failed,
            EndedArg::Declined => Self::Declined,
            EndedArg::Unreachable => Self::Unreachable,
            EndedArg::Silent => Self::Silent,
            EndedArg::Unclear => Self::Unclear,
            EndedArg::Withdrawn => Self::Withdrawn,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// By what; the newest, latest or highest first
    #[arg(long, value_enum, default_value_t = SortArg::Number)]
    pub(crate) sort: SortArg,
    /// The oldest, earliest or lowest first
    #[arg(long)]
    pub(crate) ascending: bool,
    /// How many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Continue below the page that ended with this
    #[arg(long, value_name = "ROW", value_parser = cursor, conflicts_with = "before")]
    pub(crate) after: Option<JobCursor>,
    /// Continue above the page that began with this
    #[arg(long, value_name = "ROW", value_parser = cursor)]
    pub(crate) before: Option<JobCursor>,
    /// Only tell how many there are
    #[arg(long, conflicts_with_all = ["after", "before"])]
    pub(crate) count: bool,
}

impl ListArgs {
    pub(crate) fn order(&self) -> JobSort {
        let direction = if self.ascending { Direction::Ascending } else { Direction::Descending };
        JobSort { by: self.sort.into(), direction }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SortArg {
    /// Their number
    Number,
    /// When they last changed
    Changed,
    /// When they were posted
    Posted,
    /// Until when they must be done
    Deadline,
    /// When time alone does something next; without those that ended
    Due,
    /// Their class in the queue
    Priority,
}

impl From<SortArg> for SortBy {
    fn from(argument: SortArg) -> Self {
        match argument {
            SortArg::Number => Self::Number,
            SortArg::Changed => Self::Changed,
            SortArg::Posted => Self::Posted,
            SortArg::Deadline => Self::Deadline,
            SortArg::Due => Self::Due,
            SortArg::Priority => Self::Priority,
        }
    }
}

/// A row as a list tells it: `KEY:NUMBER`, or the number alone in a list by number.
fn cursor(text: &str) -> Result<JobCursor, String> {
    let wrong = || "write it as the list before told it".to_owned();
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    let (key, id) = text.split_once(':').unwrap_or((text, text));
    Ok(JobCursor { key: number(key)?, id: JobId(number(id)?) })
}

#[derive(Debug, Args)]
pub(crate) struct ManyArgs {
    /// What to do
    #[arg(value_enum)]
    pub(crate) action: ManyArg,
    /// These jobs, as they are now; none: all that the filter admits
    pub(crate) jobs: Vec<JobId>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Do it, if the filter admits as many jobs as this; without it, only tell how many there are
    #[arg(long, value_name = "NUMBER", conflicts_with = "jobs")]
    pub(crate) expect: Option<u64>,
    /// Whom to reassign to, to rule out or to let in again
    #[arg(long, value_name = "AGENT")]
    pub(crate) to: Option<AgentName>,
    /// The class to prioritize to
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(crate) to_class: Option<super::job::PriorityArg>,
    /// Why
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

/// What can be ordered of many jobs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ManyArg {
    /// Call them off
    Cancel,
    /// Look for agents now; of jobs that ended, post them again
    Retry,
    /// Operators: take them from their agents
    Reassign,
    /// Operators: rule an agent out
    Exclude,
    /// Operators: let an agent that was ruled out get them again
    Include,
    /// Operators: move them to another class of the queue
    Prioritize,
    /// Operators: send held jobs' deliveries again
    Resend,
    /// Operators: end held jobs as failed
    GiveUp,
}

#[derive(Debug, Args)]
pub(crate) struct RevealArgs {
    /// The job
    pub(crate) job: JobId,
    /// Why; its client reads it
    #[arg(long, short)]
    pub(crate) reason: String,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Go on with what is written next
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many lines to begin with
    #[arg(long, default_value_t = 100)]
    pub(crate) lines: u32,
    /// Only lines that matter so much or more
    #[arg(long, value_enum)]
    pub(crate) level: Option<LevelArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LevelArg {
    /// Somebody must act
    Error,
    /// Something is not as it should be
    Warn,
    /// Worth knowing
    Info,
    /// For whoever looks for a fault
    Debug,
    /// Everything
    Trace,
}

impl From<LevelArg> for LogLevel {
    fn from(argument: LevelArg) -> Self {
        match argument {
            LevelArg::Error => Self::Error,
            LevelArg::Warn => Self::Warn,
            LevelArg::Info => Self::Info,
            LevelArg::Debug => Self::Debug,
            LevelArg::Trace => Self::Trace,
        }
    }
}
