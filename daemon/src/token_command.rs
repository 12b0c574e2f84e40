//! `guildhalld token ...`: making, listing and revoking tokens, through the daemon that runs.

use crate::config::Config;
use clap::Subcommand;
use guildhall_protocol::account::{
    Identity, NewToken, Role, TOKEN_DAYS, TokenKind, TokenMade, TokenScope, TokenView, UserRef,
};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::{RequestId, TokenId};
use std::io::Write;

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and print it this once
    Create {
        /// What it is for
        name: String,
        /// api: for one user; bridge: for a front end such as the bot, which acts for many
        #[arg(long, default_value = "api")]
        kind: TokenKind,
        /// Whose; by default yours
        #[arg(long = "for", value_name = "USER")]
        user: Option<UserRef>,
        /// The most that it may: client, owner, operator or admin
        #[arg(long, default_value = "owner")]
        up_to: Role,
        /// It may change nothing
        #[arg(long)]
        read_only: bool,
        /// Bridges: act only here, such as discord:1182; may be said more than once
        #[arg(long, value_name = "KIND:ID")]
        place: Vec<Identity>,
        /// How long it lives, days
        #[arg(long, default_value_t = TOKEN_DAYS)]
        days: u64,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// List tokens, newest first; none is shown whole
    List {
        /// Whose; by default yours
        #[arg(long = "for", value_name = "USER", conflicts_with = "all")]
        user: Option<UserRef>,
        /// Everybody's
        #[arg(long)]
        all: bool,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token: whoever came with it is turned away at once
    Revoke {
        /// Its number, as `list` prints it
        token: i64,
    },
}

/// Runs the command.
///
/// # Errors
/// No daemon runs, or it refuses.
pub async fn run(
    config: &Config,
    command: TokenCommand,
    out: &mut (impl Write + ?Sized),
) -> anyhow::Result<()> {
    let client = Client::new(&config.socket, Hello::of("guildhalld"));
    let request = RequestId::fresh();
    match command {
        TokenCommand::Create { name, kind, user, up_to, read_only, place, days, json } => {
            let scope = TokenScope { kind, up_to, read_only, places: place };
            let token = NewToken { user, name, scope, days };
            let made = client
                .call(|service, context| async move { service.make_token(context, request, token).await })
                .await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string(&made)?)?);
            }
            Ok(write!(out, "{}", tell_made(&made))?)
        }
        TokenCommand::List { user, all, json } => {
            let tokens = client
                .call(|service, context| async move { service.tokens(context, user, all).await })
                .await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string(&tokens)?)?);
            }
            if tokens.is_empty() {
                writeln!(out, "There is no token. `guildhalld token create NAME` makes one.")?;
            }
            for view in &tokens {
                writeln!(out, "{}", tell(view))?;
            }
            Ok(())
        }
        TokenCommand::Revoke { token } => {
            let token = TokenId(token);
            let view = client
                .call(|service, context| async move { service.revoke_token(context, request, token).await })
                .await?;
            Ok(writeln!(out, "{}", tell(&view))?)
        }
    }
}

fn tell_made(made: &TokenMade) -> String {
    let view = &made.view;
    let warning = match view.scope.kind {
        TokenKind::Api => format!("Whoever has it is {} up to {}.", view.user, view.scope.up_to),
        TokenKind::Bridge => {
            format!("Whoever has it is every user of the places that it acts in, up to {}.", view.scope.up_to)
        }
    };
    format!(
        "{}\n\nThis is shown once, and only its hash is kept. {warning}\nIt ends at {}; `guildhalld token revoke {}` ends it sooner.\n",
        made.token, view.expires_at, view.id.0
    )
}

fn tell(view: &TokenView) -> String {
    let TokenView { id, user, name, scope, last4, expires_at, revoked_at, used_at, .. } = view;
    let read_only = if scope.read_only { ", read only" } else { "" };
    let places: Vec<String> = scope.places.iter().map(ToString::to_string).collect();
    let places = if places.is_empty() { String::new() } else { format!(", in {}", places.join(" ")) };
    let state = match (revoked_at, used_at) {
        (Some(at), _) => format!("revoked at {at}"),
        (None, Some(at)) => format!("until {expires_at}, last used at {at}"),
        (None, None) => format!("until {expires_at}, never used"),
    };
    clean_line(&format!(
        "{}  ...{last4}  {name}: {} of {user} up to {}{read_only}{places}; {state}",
        id.0, scope.kind, scope.up_to
    ))
}
