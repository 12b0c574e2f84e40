//! The command line of agents and their owners.

use clap::{Args, Subcommand, ValueEnum};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::{AgentName, Audience};
use guildhall_protocol::ids::{AgentVersion, RequestId};
use guildhall_protocol::model::ModelName;

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Register an agent from a JSON definition, or a chat endpoint with a prompt; secrets are shown once
    Register(DefinitionArgs),
    /// Make a new version from a definition or with what the flags change, and show the difference
    Update(DefinitionArgs),
    /// Make a new version that repeats an earlier one
    Rollback {
        /// The agent
        name: AgentName,
        /// The version to repeat, such as 2
        #[arg(value_parser = version)]
        to: AgentVersion,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Print the definition, as `register` reads it
    Export {
        /// The agent
        name: AgentName,
        /// This version instead of the current one
        #[arg(long, value_parser = version)]
        version: Option<AgentVersion>,
    },
    /// List agents
    List,
    /// Show everything about an agent
    Show {
        /// The agent
        name: AgentName,
    },
    /// Find agents for a text
    Find {
        /// What is wanted
        #[arg(required = true)]
        text: Vec<String>,
        /// How many
        #[arg(long, default_value_t = 10)]
        limit: u32,
    },
    /// Send the challenge and the examples to the endpoint, outside any job
    Test {
        /// The agent
        name: AgentName,
    },
    /// Post a trial job to this agent alone and wait for the answer; it never counts in its record
    Try {
        /// The agent
        name: AgentName,
        /// What is wanted; by default, the agent's first example
        brief: Vec<String>,
        /// Input: a JSON file, `-`, or a document
        #[arg(long)]
        input: Option<String>,
    },
    /// What was sent to an agent and what came back, newest first
    Log {
        /// The agent
        name: AgentName,
        /// How many exchanges
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// With replies and lines to repeat them
        #[arg(long)]
        full: bool,
    },
    /// No new jobs; running ones end
    Pause {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// It resumes by itself after this time, such as 2h
        #[arg(long = "for", value_name = "TIME")]
        span: Option<String>,
    },
    /// Work again, after a new challenge
    Resume(AgentArgs),
    /// Gone for good; the name stays taken
    Retire(AgentArgs),
    /// Let it work for others, once its examples pass and, where one must, an operator approves; operators approve so, too
    Publish {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// For whom
        #[arg(long, value_enum, default_value_t = PublishArg::Public)]
        audience: PublishArg,
    },
    /// Let it work for its owners only
    Withdraw(AgentArgs),
    /// Operators: do not let an agent work for others
    Refuse {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
    },
    /// Operators: it needs no challenge, and gets jobs
    Vouch(AgentArgs),
    /// Somebody has it, too: they may do all that its owner may, but give it away
    AddOwner {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// A number, or an identity such as discord:80351110224678912
        user: UserRef,
    },
    /// Somebody no longer has it
    RemoveOwner {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// Who
        user: UserRef,
    },
    /// Offer it to somebody, who then takes it; without anybody, to nobody any more
    Offer {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// To whom
        user: Option<UserRef>,
    },
    /// Take an agent that is offered to you
    Take(AgentArgs),
    /// New secrets, shown once; those before count on for a while
    RotateSecret {
        /// The agent and a key
        #[command(flatten)]
        agent: AgentArgs,
        /// How long those before count, such as 2h or 7d; by default a day
        #[arg(long, value_name = "TIME", conflicts_with = "now")]
        overlap: Option<String>,
        /// Those before count no longer: somebody else may know them
        #[arg(long)]
        now: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PublishArg {
    /// Jobs of this place
    Place,
    /// Everybody's jobs
    Public,
}

impl From<PublishArg> for Audience {
    fn from(argument: PublishArg) -> Self {
        match argument {
            PublishArg::Place => Self::Place,
            PublishArg::Public => Self::Public,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The agent
    pub(crate) name: AgentName,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct DefinitionArgs {
    /// A chat agent that these flags define, instead of a file; of one that is there, what they change
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub(crate) name: Option<AgentName>,
    /// The definition, a JSON file; `-` is standard input
    #[arg(long, short)]
    pub(crate) file: Option<String>,
    /// What makes a chat endpoint an agent
    #[command(flatten)]
    pub(crate) chat: ChatArgs,
    /// Chat agents: the file that holds the API key, which nobody else may be able to read; none if the server wants none
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<String>,
    /// Operators: allow the endpoint although it is private or plain http
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// Operators: it belongs to the house and not to you, and your own jobs count in its record
    #[arg(long)]
    pub(crate) house: bool,
    /// Operators: who may be matched with it
    #[arg(long, value_enum, default_value_t = AudienceArg::Owner)]
    pub(crate) audience: AudienceArg,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// How the agent is spoken to; agents of other kinds are defined in a file
    #[arg(long, value_enum, requires = "name", default_value_t = KindArg::Chat)]
    pub(crate) kind: KindArg,
    /// Any OpenAI-compatible server, up to and with `/v1`
    #[arg(long, value_name = "URL", requires = "name")]
    pub(crate) base_url: Option<String>,
    /// The model that does the work
    #[arg(long, requires = "name")]
    pub(crate) model: Option<ModelName>,
    /// What tells the model what to do, its system prompt: a text file; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "name")]
    pub(crate) prompt_file: Option<String>,
    /// JSON Schema of its answers, a file; without one it answers with text
    #[arg(long, value_name = "FILE", requires = "name")]
    pub(crate) output_schema: Option<String>,
    /// What it does, the text that jobs are matched with; by default, the first line of the prompt
    #[arg(long, value_name = "TEXT", requires = "name")]
    pub(crate) description: Option<String>,
    /// A word that jobs can ask for; may be repeated
    #[arg(long, value_name = "WORD", requires = "name")]
    pub(crate) tag: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum KindArg {
    /// An OpenAI-compatible chat endpoint
    Chat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AudienceArg {
    /// Its owner's jobs
    Owner,
    /// Jobs of this place
    Place,
    /// Everybody's jobs
    Public,
}

impl From<AudienceArg> for Audience {
    fn from(argument: AudienceArg) -> Self {
        match argument {
            AudienceArg::Owner => Self::Owner,
            AudienceArg::Place => Self::Place,
            AudienceArg::Public => Self::Public,
        }
    }
}

fn version(text: &str) -> Result<AgentVersion, String> {
    let number = text.strip_prefix('v').unwrap_or(text).parse::<u32>().ok().filter(|number| *number > 0);
    number.map(AgentVersion).ok_or_else(|| "a version is a number such as 2".to_owned())
}
