//! `guildhalld`: see [`guildhall_daemon::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    guildhall_daemon::cli::main()
}
