//! The command line of places.

use clap::{Args, Subcommand, ValueEnum};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::place::PlaceRef;

#[derive(Debug, Subcommand)]
pub(crate) enum PlaceCommand {
    /// Operators: list places
    List {
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Continue after the page that ended with this
        #[arg(long)]
        after: Option<i64>,
    },
    /// Show what is settled for a place; without one, for where you are
    Show {
        /// A number, or an identity such as discord:1182
        place: Option<PlaceRef>,
    },
    /// Operators: settle something of a place; what is not named stays
    Set(Box<PlaceSetArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct PlaceSetArgs {
    /// A number, or an identity such as discord:1182
    pub(crate) place: PlaceRef,
    /// The channel for the cards of new jobs that everybody there may see; `none`: where they are posted
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) board: Option<String>,
    /// The channel that is told what operators must know; `none` for none
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) alerts: Option<String>,
    /// Members of these groups may post, separated by commas; `everybody`
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub(crate) posters: Vec<String>,
    /// Members of this group are operators of the place's jobs; `none` for nobody
    #[arg(long, value_name = "GROUP")]
    pub(crate) operators: Option<String>,
    /// This agent gets the place's jobs, beside those that are named already
    #[arg(long, value_name = "AGENT")]
    pub(crate) allow: Vec<AgentName>,
    /// This agent is no longer named
    #[arg(long, value_name = "AGENT")]
    pub(crate) leave: Vec<AgentName>,
    /// All agents get the place's jobs, as far as their owners want
    #[arg(long, conflicts_with_all = ["allow", "leave"])]
    pub(crate) all_agents: bool,
    /// Who may see new jobs that do not say it
    #[arg(long, value_enum)]
    pub(crate) visibility: Option<VisibilityArg>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum VisibilityArg {
    /// Nobody but whoever posts it, those whom they share it with, and operators
    Private,
    /// Everybody in the place
    Place,
}

impl From<VisibilityArg> for Visibility {
    fn from(argument: VisibilityArg) -> Self {
        match argument {
            VisibilityArg::Private => Self::Private,
            VisibilityArg::Place => Self::Place,
        }
    }
}
