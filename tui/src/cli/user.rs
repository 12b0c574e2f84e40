//! The command line of users and of one's own account.

use clap::{Args, Subcommand};
use guildhall_protocol::account::{Role, UserRef};
use guildhall_protocol::ids::RequestId;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Operators: list users
    List {
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Continue after the page that ended with this
        #[arg(long)]
        after: Option<i64>,
    },
    /// Show a user; without one, yourself
    Show {
        /// A number, or an identity such as uid:1000 or discord:80351110224678912
        user: Option<UserRef>,
    },
    /// Show what a user has of everything that is limited, and when there is room again; without one, yourself
    Usage {
        /// A number, or an identity such as uid:1000 or discord:80351110224678912
        user: Option<UserRef>,
    },
    /// Admins: add somebody who comes with a token, as name:NAME
    Add {
        /// Letters, digits, dots, dashes, underscores
        name: String,
    },
    /// Admins: give a role, everywhere or in one place
    Grant {
        /// The user
        user: UserRef,
        /// client, owner, operator or admin
        role: Role,
        /// Only in the place with this number
        #[arg(long)]
        place: Option<i64>,
        /// Why, and a key
        #[command(flatten)]
        args: UserArgs,
    },
    /// Admins: take a role back
    Revoke {
        /// The user
        user: UserRef,
        /// Only in the place with this number
        #[arg(long)]
        place: Option<i64>,
        /// Why, and a key
        #[command(flatten)]
        args: UserArgs,
    },
    /// Operators: nothing new may be begun, their agents pause; what runs ends
    Suspend {
        /// The user
        user: UserRef,
        /// Why, and a key
        #[command(flatten)]
        args: UserArgs,
    },
    /// Operators: end a suspension; their agents are resumed one by one
    Restore {
        /// The user
        user: UserRef,
        /// Why, and a key
        #[command(flatten)]
        args: UserArgs,
    },
    /// Operators: set the limits of a user; what is not named is as for everybody
    Limits {
        /// The user
        user: UserRef,
        /// Jobs that have not ended
        #[arg(long)]
        open_jobs: Option<u64>,
        /// Jobs posted in a minute
        #[arg(long)]
        posts_per_minute: Option<u64>,
        /// Bytes that their posts hold
        #[arg(long)]
        stored_bytes: Option<u64>,
        /// Agents that are not retired
        #[arg(long)]
        agents: Option<u64>,
        /// Why, and a key
        #[command(flatten)]
        args: UserArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// Why
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// The same key again does it once
    #[arg(long)]
    pub(crate) key: Option<RequestId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Show who you are here, what you may and what you have
    Show,
    /// Show your time zone, or say it: clock times that you type and read are of it, here and in Discord
    Timezone {
        /// An IANA name such as Europe/Berlin; `off` forgets it
        zone: Option<String>,
    },
    /// Read who receives the text of your jobs, what is kept and how long
    Privacy,
    /// Say that you have read it, which your first post waits for
    Consent {
        /// The version, as `account privacy` prints it
        version: String,
    },
}
