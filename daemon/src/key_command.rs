//! `guildhalld key ...`: trying and replacing the master key. The store is opened here, and so no daemon may run on it.

use crate::config::Config;
use crate::master_key::{self, Rotation, STEPS, kept};
use crate::store::Store;
use crate::store::sqlite::{OpenError, SqliteStore};
use anyhow::Context;
use clap::Subcommand;
use std::io::Write;

/// What is done with the master key.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum KeyCommand {
    /// Try it on every secret in the store; an interrupted rotation is finished
    Check,
    /// Make another key and seal every secret with it; the daemon must not run
    Rotate,
}

/// Runs the command.
///
/// # Errors
/// A daemon runs, or key and store do not fit.
pub async fn run(
    config: &Config,
    command: KeyCommand,
    out: &mut (impl Write + ?Sized),
) -> anyhow::Result<()> {
    let (path, at) = (&config.key_file, &config.store);
    anyhow::ensure!(at.exists(), "there is no store at {}: name it with --store", at.display());
    let store = SqliteStore::open(at).map_err(|error| {
        let runs = matches!(error, OpenError::InUse { .. });
        let error = anyhow::Error::new(error);
        if runs {
            error.context("the key can be tried and replaced only while no daemon runs")
        } else {
            error
        }
    })?;
    let store: &dyn Store = &store;
    let key = master_key::find(path, at, store).await?;
    let count = master_key::check(&key, store).await?;
    match command {
        KeyCommand::Check => {
            writeln!(
                out,
                "The key {} in {} opens all {count} secrets in {}.",
                key.id(),
                path.display(),
                at.display()
            )?;
        }
        KeyCommand::Rotate => {
            let old = key.id();
            let mut rotation = Rotation::begin(path, store, key)?;
            let mut new = old;
            for step in STEPS {
                new = rotation.take(step).await.context("the key was not replaced")?;
            }
            writeln!(
                out,
                "{count} secrets are sealed with the new key {new} in {}.\n\
                 The old key {old} is kept as {}: backups of the store from before need it. Delete it when they are gone.\n\
                 Now copy the new key to where you keep the old one, apart from the store.",
                path.display(),
                kept(path, old).display()
            )?;
        }
    }
    Ok(())
}
