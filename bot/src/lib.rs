//! Guildhall's Discord bot: a front end of the daemon. It turns what people do into calls, and answers into messages; it
//! decides nothing, and forgets everything: what must last is the daemon's.
//!
//! `incoming.rs` reads, `route.rs` says what is wanted, `act/` does it, `render/` shows it; only `discord.rs` names serenity.

mod act;
mod address;
mod alerts;
mod cards;
mod check;
mod cli;
mod commands;
mod custom_id;
mod definition;
mod discord;
mod discord_error;
mod draft;
mod fields;
mod files;
mod hall;
mod health;
mod incoming;
mod keep;
mod many;
mod message;
mod notices;
mod permission;
mod posting;
mod rates;
mod refusal;
mod render;
mod room;
mod route;
mod run;
mod select;
mod setup_step;
mod threads;
mod turns;

use clap::Parser;
use cli::{Cli, Command};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Whatever else is logged: of what goes to Discord only what went wrong. Its spans hold whole requests, with people's answers
/// and links to secrets in them.
const QUIET: &str = "serenity::http=warn";

/// Runs the command on the process's command line: 0 when it is done, 1 when it failed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(format!("{},{QUIET}", cli.options.log)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::anyhow!("the system refuses threads: {error}")),
    };
    let done = runtime.block_on(async {
        let config = cli.options.config()?;
        match cli.command.unwrap_or(Command::Run) {
            Command::Run => run::run(config).await,
            Command::Check => check::check(config).await,
        }
    });
    // Whatever still waits on Discord ends with us.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    // Standard error may be closed, and then nobody listens.
    drop(writeln!(std::io::stderr(), "guildhall-bot: {error:#}"));
    ExitCode::FAILURE
}
