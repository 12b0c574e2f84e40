//! Trying everything that serving needs, and saying what is missing, what does not work without it, and how to mend it.

use crate::cli::Config;
use crate::discord::Discord;
use crate::hall::Hall;
use crate::incoming::{identity, number, text};
use crate::permission::{Need, missing, wanted_bits};
use guildhall_protocol::account::Role;
use guildhall_protocol::clean::{clean_line, cut};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

/// Pages of servers that are looked at: 4,000 of them, more than one connection to Discord may serve.
const PAGES_MAX: usize = 20;
/// Longest foreign text in a line, characters.
const FOREIGN_MAX: usize = 100;

/// What came of looking at something.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Fine(String),
    /// The bot can do without.
    Warning(String),
    /// The bot cannot do without.
    Missing(String),
}

/// Looks at everything, and prints what was found.
///
/// # Errors
/// Something is missing that the bot cannot do without, or nobody reads what is printed.
pub(crate) async fn check(config: Config) -> anyhow::Result<()> {
    let (mut findings, mut invite_link) = (Vec::new(), None);
    match Discord::connect(&config.discord_token, config.discord_api.as_deref(), Arc::default()).await {
        Ok(discord) => {
            let application = discord.application();
            match discord.about().await {
                Ok(about) => findings.extend(of_application(application, &about)),
                Err(error) => {
                    let said = format!(
                        "Discord takes the token of application {application}, and says no more of it: {error}"
                    );
                    findings.push(Finding::Warning(said));
                }
            }
            findings.extend(in_servers(&discord).await);
            invite_link = Some(invite(application, None));
        }
        Err(error) => {
            let said = format!("Discord does not take the bot's token, or cannot be reached: {error}");
            findings.push(Finding::Missing(said));
        }
    }
    findings.extend(at_daemon(&config).await);
    let mut out = std::io::stdout();
    let mut is_missing = false;
    for finding in &findings {
        match finding {
            Finding::Fine(said) => writeln!(out, "ok: {said}")?,
            Finding::Warning(said) => writeln!(out, "warning: {said}")?,
            Finding::Missing(said) => {
                is_missing = true;
                writeln!(out, "missing: {said}")?;
            }
        }
    }
    if let Some(link) = invite_link {
        writeln!(out, "invite it: {link}")?;
    }
    anyhow::ensure!(!is_missing, "something is missing that the bot cannot do without: see above");
    Ok(())
}

/// With which whoever manages a server invites the bot, or gives it in their server what is missing.
fn invite(application: u64, server: Option<u64>) -> String {
    let only = server.map(|id| format!("&guild_id={id}&disable_guild_select=true")).unwrap_or_default();
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={}{only}",
        wanted_bits()
    )
}

async fn at_daemon(config: &Config) -> Vec<Finding> {
    let hall = Hall::new(config.endpoint.clone(), config.token.clone());
    let at = &config.endpoint;
    let principal = match hall.itself().principal().await {
        Ok(principal) => principal,
        Err(error) => {
            let said = format!("the daemon at {at} does not let the bot in: {}", error.message);
            return vec![Finding::Missing(said)];
        }
    };
    if !principal.bridged {
        let said = "the token for the daemon is no bridge's: `guildhalld token create discord --kind bridge` makes one";
        return vec![Finding::Missing(said.to_owned())];
    }
    let mut findings =
        vec![Finding::Fine(format!("the daemon at {at} lets the bot in, up to {}", principal.role))];
    if principal.role < Role::Owner {
        let said = "nobody can register agents through this bridge: `guildhalld token create discord --kind bridge \
             --up-to owner` makes one for that";
        findings.push(Finding::Warning(said.to_owned()));
    }
    findings
}

/// What the application says of itself, as far as it does.
fn of_application(application: u64, about: &Value) -> Vec<Finding> {
    let name = text(about.get("name")).map(|name| format!(" ({})", foreign(&name))).unwrap_or_default();
    let mut findings =
        vec![Finding::Fine(format!("Discord takes the token of application {application}{name}"))];
    let portal = format!("https://discord.com/developers/applications/{application}");
    if let Some(address) = text(about.get("interactions_endpoint_url")).filter(|address| !address.is_empty())
    {
        findings.push(Finding::Missing(format!(
            "what people do is sent to {}, and the bot hears nothing of it: clear the interactions endpoint at \
             {portal}/information",
            foreign(&address)
        )));
    }
    if text(about.get("bot_require_code_grant")).is_some_and(|is| is == "true") {
        findings.push(Finding::Warning(format!(
            "the invite link does not work while the bot requires a code grant: switch that off at {portal}/bot"
        )));
    }
    let installation = format!("{portal}/installation");
    let ways =
        about.get("integration_types_config").and_then(Value::as_object).filter(|ways| !ways.is_empty());
    findings.push(match ways.map(|ways| (ways.contains_key("0"), ways.contains_key("1"))) {
        None => Finding::Fine(format!("Discord does not say who can install it; it stands at {installation}")),
        Some((true, true)) => Finding::Fine("it can be installed into servers, and by people for themselves".to_owned()),
        Some((true, false)) => Finding::Warning(format!(
            "people cannot install it for themselves, to use it where it is not invited: switch on the user install at \
             {installation}"
        )),
        Some((false, true)) => Finding::Warning(format!(
            "it cannot be invited into servers, and has no cards there: switch on the guild install at {installation}"
        )),
        Some((false, false)) => {
            Finding::Missing(format!("nobody can install it: switch on guild install and user install at {installation}"))
        }
    });
    findings
}

/// Asks page by page in which servers the bot is. A Discord that gives the same page again is asked no further.
async fn in_servers(discord: &Discord) -> Vec<Finding> {
    let (mut findings, mut after) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = match discord.servers(after).await {
            Ok(page) => page,
            Err(error) => {
                let said = format!(
                    "Discord does not say in which servers the bot is and what it may do there: {error}"
                );
                findings.push(Finding::Warning(said));
                return findings;
            }
        };
        let newer = |server: &&Value| identity(server.get("id")).is_none_or(|id| Some(id) > after);
        findings.extend(page.iter().filter(newer).map(|server| of_server(discord.application(), server)));
        let last = page.iter().filter_map(|server| identity(server.get("id"))).max();
        if last <= after {
            if findings.is_empty() {
                findings.push(in_no_server(discord.application()));
            }
            return findings;
        }
        after = last;
    }
    findings.push(Finding::Warning("it is in more servers, which were not looked at".to_owned()));
    findings
}

fn in_no_server(application: u64) -> Finding {
    let link = invite(application, None);
    Finding::Warning(format!("the bot is in no server yet: whoever manages one invites it with {link}"))
}

/// What the bot may do in a server. A channel of it may allow less.
fn of_server(application: u64, server: &Value) -> Finding {
    let id = identity(server.get("id"));
    let name = text(server.get("name")).map(|name| foreign(&name)).unwrap_or_default();
    let number = id.map_or_else(|| "without a number".to_owned(), |id| id.to_string());
    let shown =
        if name.is_empty() { format!("server {number}") } else { format!("server {name} ({number})") };
    let owns = text(server.get("owner")).is_some_and(|owns| owns == "true");
    let Some(bits) = self::number(server.get("permissions")).or(owns.then_some(u64::MAX)) else {
        return Finding::Warning(format!("{shown}: Discord does not say what the bot may do there"));
    };
    let lacking = if owns { Vec::new() } else { missing(bits) };
    if lacking.is_empty() {
        return Finding::Fine(format!("{shown}: the bot may do all that it needs"));
    }
    let mut said = format!("{shown} does not let the bot do all that it needs");
    for wanted in &lacking {
        said += &format!("\n  {}: without it {}", wanted.name, wanted.without);
    }
    said += &format!(
        "\n  whoever manages the server gives it that with {} or in the server's settings, under Roles",
        invite(application, id)
    );
    let is_vital = lacking.iter().any(|wanted| wanted.need == Need::Vital);
    if is_vital { Finding::Missing(said) } else { Finding::Warning(said) }
}

/// Text of others, safe on a terminal.
fn foreign(text: &str) -> String {
    cut(&clean_line(text), FOREIGN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all() -> u64 {
        wanted_bits()
    }

    #[test]
    fn a_server_is_read_however_it_is_written() {
        for server in [
            json!({"id": "5", "name": "Guild", "owner": false, "permissions": all().to_string(), "features": []}),
            json!({"id": 5, "name": "Guild", "permissions": all(), "more": {"than": "known"}}),
            json!({"id": 5, "name": "Guild", "owner": true}),
            json!({"id": "5", "name": "Guild", "owner": "true", "permissions": "0"}),
            json!({"id": "5", "name": "Guild", "permissions": "8"}),
        ] {
            let fine = "server Guild (5): the bot may do all that it needs";
            assert_eq!(of_server(1, &server), Finding::Fine(fine.to_owned()), "{server}");
        }
        for server in [json!({"id": "5"}), json!({"id": 5, "permissions": null}), json!({}), json!("strange")]
        {
            let Finding::Warning(said) = of_server(1, &server) else { panic!("{server}") };
            assert!(said.contains("does not say"), "{said}");
        }
    }

    #[test]
    fn what_is_missing_in_a_server_is_named_with_what_mends_it() {
        let of = |bits: u64| {
            of_server(1, &json!({"id": "5", "name": "A\u{1b}[2J\nB", "permissions": bits.to_string()}))
        };
        let Finding::Missing(said) = of(all() & !(1 << 11)) else { panic!("without it there are no cards") };
        assert!(said.contains("Send Messages: without it no card"), "{said}");
        assert!(said.contains("&guild_id=5&disable_guild_select=true"), "{said}");
        assert!(!said.contains('\u{1b}') && said.starts_with("server A"), "{said:?}");
        let Finding::Warning(said) = of(all() & !(1 << 35)) else { panic!("it can do without threads") };
        assert!(said.contains("Create Public Threads: without it jobs have no threads"), "{said}");
    }

    #[test]
    fn an_application_is_read_as_far_as_it_says_something() {
        let of = |about: Value| of_application(1, &about).into_iter().skip(1).collect::<Vec<_>>();
        let both = of(
            json!({"id": "1", "integration_types_config": {"0": {}, "1": {}}, "interactions_endpoint_url": null}),
        );
        assert!(matches!(both.as_slice(), [Finding::Fine(_)]), "{both:?}");
        for silent in
            [json!({}), json!({"integration_types_config": {}}), json!({"integration_types_config": [0]})]
        {
            assert!(
                matches!(of(silent.clone()).as_slice(), [Finding::Fine(said)] if said.contains("does not say")),
                "{silent}"
            );
        }
        for (only, wanted) in [("0", "user install"), ("1", "guild install")] {
            let found = of(json!({"integration_types_config": {only: {}}}));
            assert!(
                matches!(found.as_slice(), [Finding::Warning(said)] if said.contains(wanted)),
                "{found:?}"
            );
        }
        let nobody = of(json!({"integration_types_config": {"7": {}}}));
        assert!(matches!(nobody.as_slice(), [Finding::Missing(_)]), "{nobody:?}");
        let elsewhere = of(
            json!({"interactions_endpoint_url": "https://other.example", "bot_require_code_grant": "true"}),
        );
        assert!(
            matches!(elsewhere.as_slice(), [Finding::Missing(_), Finding::Warning(_), Finding::Fine(_)]),
            "{elsewhere:?}"
        );
    }
}
