//! Guildhall on the command line: a front end of the daemon. It asks and shows; it decides nothing.
//!
//! Everything that comes from agents and clients is cleaned before it reaches the terminal. With `--json` it is printed
//! as the daemon told it, for programs.

mod agent;
mod cli;
mod credential;
mod dash;
mod fault;
mod feed;
mod input;
mod job;
mod link;
mod llm;
mod logs;
mod notices;
mod overview;
mod place;
mod session;
mod sign_in;
mod status;
mod table;
mod user;
mod watch;

use clap::{CommandFactory, Parser};
use cli::{Cli, Command};
use fault::Fault;
use guildhall_protocol::clean::clean;
use session::{Output, Session};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Runs the command on the process's command line. The exit codes stand in `fault.rs`.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&Fault::Io("the system refuses timers".to_owned(), error), false),
    };
    let json = cli.json || cli.jsonl;
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => complain(&fault, json),
    }
}

async fn run(cli: Cli) -> Result<(), Fault> {
    let Cli { socket, remote, json, jsonl, no_tui, dash, command } = cli;
    let output = match (json, jsonl) {
        (_, true) => Output::Rows,
        (true, false) => Output::Json,
        (false, false) => Output::Words,
    };
    let open = |socket, remote| Session::new(socket, remote, output);
    let Some(command) = command else {
        let named = socket.is_some() || remote.server.is_some();
        let socket = if named { socket } else { dash::demo() };
        let session = open(socket, remote)?;
        if no_tui {
            return Box::pin(dash::run_without_screen(session, dash.read_only)).await;
        }
        return Box::pin(dash::run(session, dash::Options::of(&dash, named)?)).await;
    };
    match command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "guildhall", &mut script);
            Ok(std::io::stdout().write_all(&script)?)
        }
        Command::Login(args) => sign_in::login(socket, remote, args).await,
        Command::Logout => sign_in::logout(socket, remote).await,
        Command::Whoami => sign_in::whoami(&open(socket, remote)?).await,
        Command::Link { code, yes } => link::link(&open(socket, remote)?, code, yes).await,
        Command::Unlink { identity } => link::unlink(&open(socket, remote)?, identity).await,
        Command::Agent(command) => agent::run(&open(socket, remote)?, command).await,
        Command::Job(command) => job::run(&open(socket, remote)?, command).await,
        Command::Inbox => notices::inbox(&open(socket, remote)?).await,
        Command::Notices(command) => notices::run(&open(socket, remote)?, command).await,
        Command::Engine(command) => notices::engine(&open(socket, remote)?, command).await,
        Command::Llm(command) => llm::run(&open(socket, remote)?, command).await,
        Command::Account(command) => user::account(&open(socket, remote)?, command).await,
        Command::Place(command) => place::run(&open(socket, remote)?, command).await,
        Command::User(command) => user::run(&open(socket, remote)?, command).await,
        Command::Overview => overview::run(&open(socket, remote)?).await,
        Command::Logs(args) => logs::run(&open(socket, remote)?, args).await,
        Command::Status => status::run(&open(socket, remote)?).await,
        Command::Watch(args) => watch::run(&open(socket, remote)?, args).await,
    }
}

fn complain(fault: &Fault, json: bool) -> ExitCode {
    // Whoever reads us has gone, as `head` does: that is no failure of ours.
    if let Fault::Io(_, error) = fault
        && error.kind() == ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    let text = match (json, fault) {
        (true, Fault::Api(error)) => serde_json::json!({"error": error}).to_string(),
        (true, _) => serde_json::json!({"error": {"message": fault.to_string()}}).to_string(),
        (false, _) => format!("guildhall: {}", clean(&fault.to_string())),
    };
    // Standard error may be closed, and then nobody listens.
    drop(writeln!(std::io::stderr(), "{text}"));
    fault.exit_code()
}
