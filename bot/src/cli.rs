//! The command line, and what is configured.

use clap::{Args, Parser, Subcommand};
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::transport::usual_socket;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Guildhall in Discord: post, follow, answer, decide.
#[derive(Debug, Parser)]
#[command(name = "guildhall-bot", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A file with the bot's token; `GUILDHALL_DISCORD_TOKEN` may hold the token itself
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) discord_token_file: Option<PathBuf>,
    /// The daemon's socket
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_SOCKET")]
    pub(crate) socket: Option<PathBuf>,
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
    /// A file with the bridge's token; `GUILDHALL_TOKEN` may hold the token itself
    #[arg(long, global = true, value_name = "FILE", env = "GUILDHALL_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Where `/healthz` and `/metrics` are served, such as 127.0.0.1:9188; by default nowhere
    #[arg(long, global = true, value_name = "ADDRESS:PORT", env = "GUILDHALL_BOT_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// What is logged: error, warn, info, debug; also for a part alone, as `serenity=debug`
    #[arg(long, global = true, default_value = "info,serenity=warn", env = "GUILDHALL_BOT_LOG")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve (what happens without a command)
    Run,
    /// Try the token, the application, the daemon and what the bot may do in its servers; print the invite link
    Check,
}

/// What is configured.
pub(crate) struct Config {
    pub(crate) discord_token: String,
    /// A server on this machine that speaks like Discord.
    pub(crate) discord_api: Option<String>,
    pub(crate) endpoint: Endpoint,
    pub(crate) token: String,
    /// Where the bot tells how it is.
    pub(crate) listen: Option<SocketAddr>,
}

impl Options {
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let discord_token = secret(self.discord_token_file.as_deref(), "GUILDHALL_DISCORD_TOKEN")?.ok_or_else(|| {
            anyhow::anyhow!(
                "there is no token of Discord's: give --discord-token-file or GUILDHALL_DISCORD_TOKEN; it stands in the \
                 developer portal under Bot"
            )
        })?;
        let token = secret(self.token_file.as_deref(), "GUILDHALL_TOKEN")?.ok_or_else(|| {
            anyhow::anyhow!(
                "there is no bridge's token: `guildhalld token create discord --kind bridge` makes one; give it with \
                 --token-file or GUILDHALL_TOKEN"
            )
        })?;
        let endpoint = if let Some(server) = &self.server {
            Endpoint::server(server, self.ca.clone()).map_err(anyhow::Error::msg)?
        } else {
            let socket = self.socket.clone().or_else(usual_socket);
            let none = || anyhow::anyhow!("there is no home folder: name the daemon's socket with --socket");
            Endpoint::Socket(socket.ok_or_else(none)?)
        };
        let discord_api = std::env::var("GUILDHALL_DISCORD_API").ok().map(|api| local(&api)).transpose()?;
        Ok(Config { discord_token, discord_api, endpoint, token, listen: self.listen })
    }
}

/// Whether an address is one of this machine.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Another Discord is one on this machine: anywhere else it would get the token.
fn local(api: &str) -> anyhow::Result<String> {
    let url = Url::parse(api).ok().filter(|url| url.scheme() == "http" && is_local(url));
    let url = url.ok_or_else(|| {
        anyhow::anyhow!("GUILDHALL_DISCORD_API must be http on this machine, such as http://127.0.0.1:8080")
    })?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// A secret in a file that nobody else can read, or in the environment.
fn secret(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<String>> {
    let text = match file {
        None => std::env::var(variable).ok(),
        Some(path) => {
            let shown = path.display();
            let mode =
                path.metadata().map_err(|error| anyhow::anyhow!("cannot read {shown}: {error}"))?.mode();
            let for_others = mode & 0o077;
            anyhow::ensure!(for_others == 0, "{shown} can be read by others: run `chmod 600 {shown}`");
            Some(
                std::fs::read_to_string(path)
                    .map_err(|error| anyhow::anyhow!("cannot read {shown}: {error}"))?,
            )
        }
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_discord_is_on_this_machine() {
        for good in ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:5"] {
            assert!(local(good).is_ok(), "{good}");
        }
        for bad in
            ["https://discord.com", "http://10.0.0.1", "http://127.0.0.1.evil.example", "file:///tmp/x", ""]
        {
            assert!(local(bad).is_err(), "{bad}");
        }
    }
}
