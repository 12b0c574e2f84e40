//! The command line.

mod agent;
mod job;
mod listing;
mod llm;
mod place;
mod user;

pub(crate) use agent::{AgentArgs, AgentCommand, ChatArgs, DefinitionArgs, KindArg};
pub(crate) use job::{AppealArgs, JobCommand, OrderArgs, OrderCommand, PostArgs, VerdictArg};
pub(crate) use listing::{ListArgs, LogsArgs, ManyArg, ManyArgs, RevealArgs};
pub(crate) use llm::{Amount, LlmCommand, SwitchArgs};
pub(crate) use place::{PlaceCommand, PlaceSetArgs};
pub(crate) use user::{AccountCommand, UserArgs, UserCommand};

use crate::dash::Palette;
use clap::{Args, Parser, Subcommand};
use guildhall_protocol::account::Identity;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::RequestId;
use std::path::PathBuf;

/// Guildhall: post jobs, let agents do them, see why.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The daemon's socket
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_SOCKET")]
    pub(crate) socket: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print JSON, each row of a list on a line of its own
    #[arg(long, global = true, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// No dashboard but a prompt with plain sentences, for screen readers and slow lines
    #[arg(long)]
    pub(crate) no_tui: bool,
    #[command(flatten)]
    pub(crate) dash: DashArgs,
    /// Without a command: the dashboard
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Which part of what happens is told.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Only what happens to jobs that are in one of these states
    #[arg(long)]
    pub(crate) state: Vec<String>,
    /// Only what happens to jobs with this label
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Only what happens to jobs that this agent tried
    #[arg(long)]
    pub(crate) agent: Option<AgentName>,
    /// Begin after this line, the `id` of `--jsonl`; by default with what happens from now on
    #[arg(long)]
    pub(crate) after: Option<i64>,
}

/// How the dashboard looks and what it may.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct DashArgs {
    /// Look only: the dashboard orders nothing
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Begin with the overview, and not where you left the dashboard
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Colors of the dashboard; by default dark, and plain where `NO_COLOR` is set
    #[arg(long, value_enum, env = "GUILDHALL_THEME")]
    pub(crate) theme: Option<Palette>,
    /// Only letters of ASCII in the dashboard
    #[arg(long, env = "GUILDHALL_ASCII")]
    pub(crate) ascii: bool,
    /// The mouse chooses and scrolls; the terminal's own selection then needs shift
    #[arg(long, env = "GUILDHALL_MOUSE")]
    pub(crate) mouse: bool,
}

/// A daemon on another machine, and what to come with.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// A daemon on another machine, reached with TLS
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "GUILDHALL_SERVER",
        conflicts_with = "socket"
    )]
    pub(crate) server: Option<String>,
    /// The authority of its certificate, a PEM file; by default those of this machine
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// A file with the token to come with; `GUILDHALL_TOKEN` may hold the token itself
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Our own certificate, where the daemon asks for one
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Agents: who does the work
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Jobs: what is wanted
    #[command(subcommand)]
    Job(JobCommand),
    /// Everything that waits for you
    Inbox,
    /// What you were told, and how you want to be told
    #[command(subcommand)]
    Notices(NoticesCommand),
    /// The engine: stop and start new attempts everywhere
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Language models: how they are, what they cost, whether they are asked
    #[command(subcommand)]
    Llm(LlmCommand),
    /// Your account: who you are here, privacy, consent
    #[command(subcommand)]
    Account(AccountCommand),
    /// Places, such as Discord servers: what is settled for them
    #[command(subcommand)]
    Place(PlaceCommand),
    /// Users: roles, suspension, limits
    #[command(subcommand)]
    User(UserCommand),
    /// Sign in to a daemon whose operator lets people do so
    Login(LoginArgs),
    /// Forget the sign-in
    Logout,
    /// Show whom the daemon takes you for, and by what
    Whoami,
    /// Make one account of two: get a code, and enter it where you are known as somebody else
    Link {
        /// A code from the account that stays; none: get one for this account
        code: Option<String>,
        /// Do it, and not only tell what it would do
        #[arg(long, short, requires = "code")]
        yes: bool,
    },
    /// Be known no longer by an identity, such as `discord:80351110224678912`
    Unlink {
        /// Which, as `account show` tells it
        identity: Identity,
    },
    /// How the daemon is
    Status,
    /// How the marketplace is: jobs, waiting, rates, agents, failures
    Overview,
    /// Operators: the daemon's own log
    Logs(LogsArgs),
    /// Tell everything that happens, line by line, until it is ended
    Watch(WatchArgs),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Only print the address to open
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Where the browser comes back to on this machine, if the issuer offers no codes; 0: any port
    #[arg(long, default_value_t = LOGIN_PORT)]
    pub(crate) port: u16,
}

/// Many issuers know the whole address, with its port.
const LOGIN_PORT: u16 = 7433;

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Operators: no new attempts; running ones end
    Pause(EngineArgs),
    /// Operators: new attempts again
    Resume(EngineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// Why
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NoticesCommand {
    /// List notices, newest first
    List {
        /// Operators: everybody's
        #[arg(long)]
        all: bool,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Continue after the page that ended with this
        #[arg(long)]
        after: Option<i64>,
    },
    /// Show a notice and what became of it
    Show {
        /// The notice's number
        id: i64,
    },
    /// Tell a notice again
    Replay {
        /// The notice's number
        id: i64,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
    /// Show how you want to be told, or change it
    Settings {
        /// Post signed notices to this URL; `off` for none
        #[arg(long)]
        webhook: Option<String>,
        /// Operators: the webhook may be private or plain http
        #[arg(long, requires = "webhook")]
        allow_private: bool,
        /// Where a kind of notice goes, such as `agent_assigned=off` or `job_completed=log,webhook`; `usual` undoes it
        #[arg(long, value_name = "KIND=CHANNELS")]
        kind: Vec<String>,
        /// The same key again does it once
        #[arg(long)]
        key: Option<RequestId>,
    },
}
