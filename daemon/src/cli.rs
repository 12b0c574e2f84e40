//! The daemon's commands: `init`, `serve`, `demo`, `config show`, `judge report`, `token`, `key`, `privacy`, `tls`, `migrate`.

use crate::agents::egress::PrivateAddresses;
use crate::config::{Config, ConfigError, Origin, Setting, usual_file};
use crate::demo;
use crate::init::{self, Setup};
use crate::key_command::{self, KeyCommand};
use crate::log_ring::{LogRing, RingLayer};
use crate::privacy;
use crate::report::{self, ReportFlags};
use crate::samples::{self, Samples};
use crate::serve::Daemon;
use crate::store::sqlite::{SqliteStore, make_folder};
use crate::tls::authority::{self, TlsCommand};
use crate::token_command::{self, TokenCommand};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::Hello;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Guildhall's daemon: a marketplace where people post jobs and agents do them.
#[derive(Debug, Parser)]
#[command(name = "guildhalld", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Flags {
    /// Read this configuration file; by default ~/.config/guildhall/guildhalld.toml, if it is there
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_CONFIG")]
    config: Option<PathBuf>,
    /// The store's file
    #[arg(long, global = true, value_name = "FILE")]
    store: Option<String>,
    /// The socket for front ends
    #[arg(long, global = true, value_name = "FILE")]
    socket: Option<String>,
    /// What is logged: error, warn, info, debug, or a tracing filter
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// Any setting, such as `drain_s=5`; `config show` lists them
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a configuration file, the folders and the master key, and say what to do next; what is there is kept
    Init {
        /// Print a unit of systemd that runs this program as a service, and make nothing
        #[arg(long)]
        systemd: bool,
    },
    /// Run the marketplace until a signal ends it
    Serve {
        /// Run the sample agents beside it and register them
        #[arg(long)]
        with_samples: bool,
    },
    /// Show the whole loop on a temporary store: jobs are matched, delivered, judged, repaired, completed
    Demo {
        /// Leave everything running at the end, so that other programs can connect
        #[arg(long)]
        keep: bool,
    },
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The judgement of language models
    #[command(subcommand)]
    Judge(JudgeCommand),
    /// Tokens: what programs and front ends come with
    #[command(subcommand)]
    Token(TokenCommand),
    /// Certificates for front ends on other machines
    #[command(subcommand)]
    Tls(TlsCommand),
    /// The master key, which seals every secret in the store
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print who receives the text of jobs, what is kept and how long, from the settings in force
    Privacy,
    /// Bring the store's schema up to date, and end
    Migrate,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print what is in force and where it came from
    Show,
}

#[derive(Debug, Subcommand)]
enum JudgeCommand {
    /// Tell how far models that judge agree with people, what they cost, and what was done without one
    Report(ReportFlags),
}

/// Runs the command on the process's command line. 0: well; 1: it failed; 2: the command line is wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&anyhow::Error::new(error).context("the system refuses threads")),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    // Standard error may be closed, and then nobody listens.
    drop(writeln!(std::io::stderr(), "guildhalld: {error:#}"));
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Demo { keep } => {
            log_to_stderr(cli.settings.log.as_deref().unwrap_or("error"))?;
            let well = demo::run(&mut std::io::stdout().lock(), keep, Signals::new()?).await?;
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Init { systemd } => {
            let setup = cli.settings.setup()?;
            let mut out = std::io::stdout().lock();
            if systemd {
                let program =
                    std::env::current_exe().context("the system does not say where this program is")?;
                write!(out, "{}", init::unit(&program, &setup)?)?;
            } else {
                init::run(&setup, &mut out).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve { with_samples } => {
            let config = cli.settings.load()?;
            log_to_stderr(&config.log)?;
            serve(config, with_samples).await
        }
        Command::Config(ConfigCommand::Show) => {
            let config = cli.settings.load()?;
            let mut out = std::io::stdout().lock();
            for (key, (value, origin)) in &config.shown {
                writeln!(out, "{key} = {value:?}  # {origin}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Judge(JudgeCommand::Report(flags)) => {
            let config = cli.settings.load()?;
            report::run(&config, &flags, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Token(command) => {
            let config = cli.settings.load()?;
            token_command::run(&config, command, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Tls(command) => {
            let config = cli.settings.load()?;
            let folder = config.store.with_file_name("tls");
            authority::run(&folder, &command, &mut std::io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Key(command) => {
            let config = cli.settings.load()?;
            log_to_stderr(&config.log)?;
            key_command::run(&config, command, &mut std::io::stdout().lock()).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Privacy => {
            let policy = privacy::policy(&cli.settings.load()?);
            writeln!(std::io::stdout(), "{}\n\nVersion {}", policy.text.trim_end(), policy.version)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate => {
            let config = cli.settings.load()?;
            make_folder(&config.store)
                .with_context(|| format!("cannot make the folder of {}", config.store.display()))?;
            drop(SqliteStore::open(&config.store)?);
            writeln!(std::io::stdout(), "the schema of {} is up to date", config.store.display())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn serve(config: Config, with_samples: bool) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let store = config.store.display().to_string();
    let daemon = Daemon::start(config, PrivateAddresses::ByGrant).await?;
    let socket = daemon.config().socket.clone();
    tracing::info!("serving the store {store} on {}", socket.display());
    for note in daemon.notes() {
        tracing::info!("{note}");
    }
    let mut beside = None;
    if with_samples {
        let address = samples::ADDRESS.parse().expect("it is an address");
        let samples = Samples::start(address)
            .await
            .with_context(|| format!("the sample agents need {}, and it is taken", samples::ADDRESS))?;
        let client = Client::new(socket, Hello::of("guildhalld"));
        for note in samples.join(&daemon, &client).await? {
            tracing::warn!("{note}");
        }
        tracing::info!("sample agents work at {}", samples::ADDRESS);
        beside = Some(samples);
    }
    let name = signals.next().await;
    tracing::info!("{name}: ending when what runs is done, within {} s", daemon.config().drain.as_secs());
    let ended = tokio::select! {
        clean = daemon.stop() => Some(clean),
        _ = signals.next() => None,
    };
    match ended {
        Some(true) => tracing::info!("ended in good order"),
        Some(false) => tracing::warn!("ended before everything was done; the next start takes it over"),
        None => tracing::warn!("ended at once, as asked; the next start takes over what was running"),
    }
    if let Some(samples) = beside {
        samples.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// The signals that end a daemon.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("the system refuses signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next; answers its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

impl Flags {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), std::env::vars(), &self.said()?)
    }

    /// What a new operator asks for: the configuration may not be there yet.
    fn setup(&self) -> anyhow::Result<Setup> {
        let file = self.config.clone().or_else(usual_file).ok_or(ConfigError::NoHome)?;
        let file =
            std::path::absolute(&file).with_context(|| format!("{} is no name of a file", file.display()))?;
        let said = self.said()?;
        let there = Some(file.as_path()).filter(|file| file.exists());
        let config = Config::load_from(there, std::env::vars(), &said)?;
        let program = std::env::args_os().next().unwrap_or_else(|| "guildhalld".into());
        let program = program.to_string_lossy().into_owned();
        Ok(Setup { program, file, said, config })
    }

    /// The settings that the command line names.
    fn said(&self) -> Result<Vec<(&'static str, String)>, ConfigError> {
        let mut flags = Vec::new();
        for (key, value) in [("store", &self.store), ("socket", &self.socket), ("log", &self.log)] {
            flags.extend(value.clone().map(|value| (key, value)));
        }
        for pair in &self.set {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            flags.push((Setting::named(key.trim(), &Origin::Flag)?.key, value.trim().to_owned()));
        }
        Ok(flags)
    }
}

fn log_to_stderr(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log = {filter:?} is no filter"))?;
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
        .with_target(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(RingLayer(LogRing::of_process()))
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
