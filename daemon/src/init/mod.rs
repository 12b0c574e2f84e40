//! `guildhalld init`: what a new operator needs before the first start. A configuration to read, folders, the master key.
//!
//! Nothing is ever written over, and a run that fails takes away what it made. The key comes last: once it is there a daemon
//! may seal with it, so it is never taken away.

mod made;
mod unit;

pub use unit::unit;

use crate::agents::secrets::MasterKey;
use crate::config::{Config, commented, usual_file};
use crate::master_key;
use crate::store::sqlite::SqliteStore;
use guildhall_protocol::transport::usual_socket;
use made::Made;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is said of a thing.
const MADE: &str = "made";
const KEPT: &str = "kept";

/// What is set up.
pub struct Setup {
    /// The program, as it was called.
    pub program: String,
    /// The configuration file, from the root on; it may be there already.
    pub file: PathBuf,
    /// The settings that the command line names.
    pub said: Vec<(&'static str, String)>,
    /// What is in force with the file, if it is there, and with what the command line says.
    pub config: Config,
}

/// Makes what is missing, and says what was made, what to keep a copy of, and what to do next.
///
/// # Errors
/// Something cannot be made: nothing that was made before it is left. Or the key that is there is none.
pub async fn run(setup: &Setup, out: &mut (impl Write + ?Sized)) -> anyhow::Result<()> {
    let mut made = Made::default();
    let report = match make(setup, &mut made).await {
        Ok(report) => report,
        Err(error) => {
            made.undo();
            return Err(error);
        }
    };
    Ok(write!(out, "{report}\n{}\n{}", backup(&setup.config), next(setup, made.has(&setup.file)))?)
}

/// Makes what is missing; answers a line for each thing that is there now.
async fn make(setup: &Setup, made: &mut Made) -> anyhow::Result<String> {
    let (config, file) = (&setup.config, setup.file.as_path());
    made.file(file, &commented(config, &setup.said))?;
    for path in [&config.store, &config.key_file] {
        made.folder_of(path)?;
    }
    let key_verb = make_key(config).await?;
    let file_verb = if made.has(file) { MADE } else { KEPT };
    let mut report = format!("{file_verb} the configuration {}\n", file.display());
    for folder in made.folders().filter(|folder| !file.starts_with(folder)) {
        report.push_str(&format!("made the folder {}, for its owner alone\n", folder.display()));
    }
    report.push_str(&format!("{key_verb} the master key {}\n", config.key_file.display()));
    Ok(report)
}

/// The master key as `serve` would have made it: none is made for a store that holds what another one sealed. Answers what
/// was done with it.
async fn make_key(config: &Config) -> anyhow::Result<&'static str> {
    let path = &config.key_file;
    if path.exists() {
        MasterKey::open_file(path)?;
        return Ok(KEPT);
    }
    if config.store.exists() {
        let store = SqliteStore::open(&config.store)?;
        master_key::find(path, &config.store, &store).await?;
        return Ok(MADE);
    }
    MasterKey::create(path)?;
    Ok(MADE)
}

fn backup(config: &Config) -> String {
    let store = config.store.display();
    format!(
        "Keep copies of:\n  \
         {store} and {store}-wal, taken together while no daemon runs: everything that was done\n  \
         {}, in another place: without it the secrets in the store are lost, and it is of no use without the store\n  \
         {}, once `tls init` has made it: callers trust it, and without it each must be given another ca.pem\n",
        config.key_file.display(),
        config.store.with_file_name("tls").join("ca.key").display(),
    )
}

/// The next three commands. What the file does not say is said by them.
fn next(setup: &Setup, is_new: bool) -> String {
    let mut daemon = shell_word(&setup.program);
    if usual_file().as_ref() != Some(&setup.file) {
        daemon.push_str(&format!(" --config {}", shell_word(&setup.file.display().to_string())));
    }
    for (key, value) in setup.said.iter().filter(|_| !is_new) {
        daemon.push_str(&format!(" --set {}", shell_word(&format!("{key}={value}"))));
    }
    let mut front_end = "guildhall".to_owned();
    if usual_socket().as_ref() != Some(&setup.config.socket) {
        front_end.push_str(&format!(" --socket {}", shell_word(&setup.config.socket.display().to_string())));
    }
    format!(
        "Next:\n  \
         {daemon} serve\n  \
         {front_end} status    # in another terminal\n  \
         {front_end} agent register --help    # the market is empty yet\n\
         `{daemon} init --systemd` prints a unit that runs it as a service.\n"
    )
}

/// A word for a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path from the root on, as a service needs it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_one_word() {
        for (text, expected) in
            [("/a/b-c.toml", "/a/b-c.toml"), ("", "''"), ("/a b", "'/a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(shell_word(text), expected);
        }
    }
}
