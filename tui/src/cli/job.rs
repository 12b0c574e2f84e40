//! The command line of jobs: posting, looking, deciding.

use super::listing::{ListArgs, ManyArgs, RevealArgs};
use super::place::VisibilityArg;
use clap::{Args, Subcommand, ValueEnum};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::{Models, Priority, Review, Visibility};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Post a job
    Post(Box<PostArgs>),
    /// List jobs
    List(Box<ListArgs>),
    /// Give one order to many jobs
    OrderMany(Box<ManyArgs>),
    /// Operators: see the texts of somebody's private job for a while
    Reveal(RevealArgs),
    /// Show the whole story of a job
    Show {
        /// The job
        job: JobId,
        /// Only the answer, as it came
        #[arg(long)]
        answer: bool,
    },
    /// Tell what happens to a job until it ends or waits for a person
    Watch {
        /// The job
        job: JobId,
    },
    /// Why this agent, or why nobody; with an agent, why not that one
    Why {
        /// The job
        job: JobId,
        /// An agent that did not get it
        agent: Option<AgentName>,
    },
    /// Let somebody read a job, answer its questions and review its answers
    Share {
        /// The job
        job: JobId,
        /// A number, or an identity such as discord:80351110224678912
        user: UserRef,
        /// No longer
        #[arg(long)]
        stop: bool,
    },
    #[command(flatten)]
    Order(OrderCommand),
}

/// What a person decides about a job.
#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommand {
    /// Call a job off
    Cancel(OrderArgs),
    /// Look for an agent now; of a job that ended, post it again
    Retry(OrderArgs),
    /// Post a job once more
    Again(OrderArgs),
    /// Accept the answer in review
    Accept(OrderArgs),
    /// Ask for another attempt, with a reason
    RequestChanges(OrderArgs),
    /// Ask an operator to decide, with a reason
    Dispute(OrderArgs),
    /// Answer an agent's question, in words or as JSON
    Answer {
        /// The job
        job: JobId,
        /// The answer; `-` reads it from standard input
        answer: Vec<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Say that a completed job is not as it should be, with a reason
    Complain(AppealArgs),
    /// Owners: say that an answer of your agent was failed wrongly, with a reason
    Contest(AppealArgs),
    /// Operators: decide an answer in review, a complaint or a contest
    Decide {
        /// The job
        job: JobId,
        /// What you decide
        #[arg(value_enum)]
        verdict: VerdictArg,
        /// Of a complaint or contest: which attempt, if more than one is open
        #[arg(long)]
        attempt: Option<u32>,
        /// Why; another attempt reads it
        #[arg(long, short)]
        reason: Option<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Give a job more time
    Extend {
        /// The job
        job: JobId,
        /// Until when: 2h, 3d, 18:30, or a date and time
        deadline: String,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Operators: send a held job's delivery again
    Resend(OrderArgs),
    /// Operators: take a job from its agent, for another one or the one named
    Reassign {
        /// The job and a reason
        #[command(flatten)]
        order: OrderArgs,
        /// Who gets it
        #[arg(long)]
        to: Option<AgentName>,
    },
    /// Operators: rule an agent out
    Exclude {
        /// The job
        job: JobId,
        /// The agent
        agent: AgentName,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Operators: let an agent that was ruled out get it again
    Include {
        /// The job
        job: JobId,
        /// The agent
        agent: AgentName,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Operators: move a job to another class of the queue
    Prioritize {
        /// The job
        job: JobId,
        /// The class
        #[arg(value_enum)]
        priority: PriorityArg,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Operators: end a held job as failed
    GiveUp(OrderArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum VerdictArg {
    /// The answer is accepted
    Accept,
    /// Another attempt, with the reason
    Redo,
    /// The job is called off
    Cancel,
    /// The complaint or contest is right
    Uphold,
    /// It is not
    Reject,
}

#[derive(Debug, Args)]
pub(crate) struct AppealArgs {
    /// The job
    pub(crate) job: JobId,
    /// Why
    #[arg(long, short)]
    pub(crate) reason: String,
    /// Which attempt; by default the newest that it can be about
    #[arg(long)]
    pub(crate) attempt: Option<u32>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// The job
    pub(crate) job: JobId,
    /// Why, or what is wrong with the answer
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct PostArgs {
    /// What is wanted, in words; `-` reads it from standard input
    pub(crate) brief: Vec<String>,
    /// A whole job as JSON: a file or `-`; other arguments change it
    #[arg(long, short, conflicts_with = "batch")]
    pub(crate) file: Option<String>,
    /// Input: a JSON file, `-`, or a document
    #[arg(long, short)]
    pub(crate) input: Option<String>,
    /// One line; by default the first line of the brief
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// A rule for the answer, such as "max 200 words" or an expression
    #[arg(long)]
    pub(crate) rule: Vec<String>,
    /// A JSON Schema for the answer: a file, `-`, or a document
    #[arg(long)]
    pub(crate) schema: Vec<String>,
    /// A statement that a model or you will judge
    #[arg(long)]
    pub(crate) judge: Vec<String>,
    /// Only agents with this tag
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Nobody but these agents
    #[arg(long)]
    pub(crate) only: Vec<AgentName>,
    /// Never these agents
    #[arg(long)]
    pub(crate) not: Vec<AgentName>,
    /// Your own word for a group of jobs
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// When it must be done: 90s, 2h, 3d, 18:30, or a date and time
    #[arg(long)]
    pub(crate) deadline: Option<String>,
    /// When a person looks at the answer
    #[arg(long, value_enum)]
    pub(crate) review: Option<ReviewArg>,
    /// Everybody in this place may see it
    #[arg(long)]
    pub(crate) visible: bool,
    /// Who may see it, whatever is usual in this place
    #[arg(long, value_enum, conflicts_with = "visible")]
    pub(crate) visibility: Option<VisibilityArg>,
    /// Whether its text may go to the marketplace's language models
    #[arg(long, value_enum)]
    pub(crate) models: Option<ModelsArg>,
    /// Its class in the queue; high needs the operator's role
    #[arg(long, value_enum)]
    pub(crate) priority: Option<PriorityArg>,
    /// Write nothing: show who would get it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Tell what happens until it ends or waits for a person
    #[arg(long)]
    pub(crate) wait: bool,
    /// The same key again posts it once; with --batch, the beginning of every line's: its own "key", or what it says
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
    /// Many jobs, one JSON document a line: a file or `-`; posting it again posts only what is missing
    #[arg(long, requires = "key", conflicts_with_all = ["brief", "input", "dry_run", "wait"])]
    pub(crate) batch: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ReviewArg {
    /// Never; a doubtful answer goes to an operator
    Never,
    /// Always
    Always,
    /// When a criterion cannot be decided
    OnAbstain,
}

impl From<ReviewArg> for Review {
    fn from(argument: ReviewArg) -> Self {
        match argument {
            ReviewArg::Never => Self::Never,
            ReviewArg::Always => Self::Always,
            ReviewArg::OnAbstain => Self::OnAbstain,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ModelsArg {
    /// It may
    On,
    /// None of it may
    Off,
}

impl From<ModelsArg> for Models {
    fn from(argument: ModelsArg) -> Self {
        match argument {
            ModelsArg::On => Self::On,
            ModelsArg::Off => Self::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PriorityArg {
    /// After everything else
    Low,
    /// As everybody
    Normal,
    /// Before others
    High,
}

impl From<PriorityArg> for Priority {
    fn from(argument: PriorityArg) -> Self {
        match argument {
            PriorityArg::Low => Self::Low,
            PriorityArg::Normal => Self::Normal,
            PriorityArg::High => Self::High,
        }
    }
}

impl PostArgs {
    pub(crate) fn visibility(&self) -> Option<Visibility> {
        self.visible.then_some(Visibility::Place).or(self.visibility.map(Visibility::from))
    }
}
