//! `judge report`: asks the daemon that runs, or reads the store where none does.

use super::{read, words};
use crate::config::Config;
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore};
use anyhow::{Context, bail};
use clap::Args;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::model::JudgeReport;
use std::io::Write;

/// How it is printed.
#[derive(Debug, Args)]
pub struct ReportFlags {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Writes the report.
///
/// # Errors
/// The daemon refuses it, or there is neither a daemon nor a store.
pub async fn run(
    config: &Config,
    flags: &ReportFlags,
    out: &mut (impl Write + ?Sized),
) -> anyhow::Result<()> {
    let client = Client::new(&config.socket, Hello::of("guildhalld"));
    let asked = client.call(|service, context| async move { service.judge_report(context).await }).await;
    let (source, report) = match asked {
        Ok(report) => (format!("the daemon at {}", config.socket.display()), report),
        Err(error) if error.kind == ErrorKind::Unavailable => {
            (format!("the store {}", config.store.display()), from_store(config, &error).await?)
        }
        Err(error) => return Err(error.into()),
    };
    if flags.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{}", words::tell(&report, &source))?;
    }
    Ok(())
}

/// The report of a store that no daemon has open. A report makes no store.
async fn from_store(config: &Config, no_daemon: &ApiError) -> anyhow::Result<JudgeReport> {
    let path = &config.store;
    if !path.exists() {
        bail!("{}, and there is no store {}", no_daemon.message, path.display());
    }
    let store = match SqliteStore::open(path) {
        Ok(store) => store,
        Err(OpenError::InUse { path }) => bail!(
            "a daemon has the store {} open, and none answers at {}; name its socket with --socket",
            path.display(),
            config.socket.display()
        ),
        Err(error) => return Err(error).with_context(|| no_daemon.message.clone()),
    };
    let store: &dyn Store = &store;
    Ok(read(store).await?)
}
