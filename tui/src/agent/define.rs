//! Making and changing agents.

use super::story;
use crate::cli::{AgentArgs, DefinitionArgs};
use crate::fault::Fault;
use crate::input;
use crate::session::{Session, print};
use guildhall_protocol::agent::{AgentDefinition, AgentName};
use guildhall_protocol::clean::{clean, clean_line};
use guildhall_protocol::ids::{AgentVersion, RequestId};
use guildhall_protocol::view::{AgentOrder, RegisterOptions, Updated};
use similar::{ChangeTag, TextDiff};

pub(super) async fn register(session: &Session, args: DefinitionArgs) -> Result<(), Fault> {
    let (request, definition, options) = read(args)?;
    let name = definition.name.clone();
    let registered = session
        .call(|service, context| async move {
            service.register_agent(context, request, definition, options).await
        })
        .await?;
    session.answer(&registered, |registered| {
        format!(
            "{name} is registered ({}). Its secrets, shown this once:\n\
             \x20 delivery  {}   verifies what the daemon sends to it\n\
             \x20 callback  {}   signs what it sends back later\n\
             {}It gets jobs as soon as its endpoint answers the challenge: guildhall agent test {name}\n",
            registered.version,
            registered.delivery_secret,
            registered.callback_secret,
            warnings(&registered.warnings)
        )
    })
}

pub(super) async fn update(session: &Session, args: DefinitionArgs) -> Result<(), Fault> {
    let (request, definition, options) = read(args)?;
    let name = definition.name.clone();
    let updated =
        session
            .call(|service, context| async move {
                service.update_agent(context, request, definition, options).await
            })
            .await?;
    session.answer(&updated, |updated| show(&name, updated))
}

pub(super) async fn rollback(
    session: &Session,
    name: AgentName,
    to: AgentVersion,
    key: Option<RequestId>,
) -> Result<(), Fault> {
    let request = key.unwrap_or_else(RequestId::fresh);
    let agent = name.clone();
    let updated = session
        .call(|service, context| async move { service.rollback_agent(context, request, agent, to).await })
        .await?;
    session.answer(&updated, |updated| show(&name, updated))
}

fn show(name: &AgentName, updated: &Updated) -> String {
    if updated.before == updated.after && updated.granted.is_empty() {
        return format!("nothing differs: {name} stays at {}\n", updated.version);
    }
    let mut text = format!("{name} is at {}; running attempts keep theirs\n", updated.version);
    for grant in &updated.granted {
        text.push_str(&format!("  granted {}\n", clean_line(grant)));
    }
    let diff = TextDiff::from_lines(&updated.before, &updated.after);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push_str(&format!("  {sign} {}\n", clean(change.value()).trim_end()));
        }
    }
    text + &warnings(&updated.warnings)
}

fn warnings(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("Warning: {}\n", clean_line(warning))).collect()
}

pub(super) async fn export(
    session: &Session,
    name: AgentName,
    version: Option<AgentVersion>,
) -> Result<(), Fault> {
    let version = match version {
        Some(version) => version,
        None => story(session, name.clone()).await?.head.version,
    };
    // Not the story's definition: strangers read it without its endpoint.
    let definition = session
        .call(|service, context| async move { service.agent_version(context, name, version).await })
        .await?;
    let pretty = serde_json::to_value(&definition).and_then(|value| serde_json::to_string_pretty(&value));
    let pretty =
        pretty.map_err(|error| Fault::Input(format!("the definition cannot be printed: {error}")))?;
    print(&(pretty + "\n"))
}

pub(super) async fn order(session: &Session, args: AgentArgs, order: AgentOrder) -> Result<(), Fault> {
    let request = args.key.unwrap_or_else(RequestId::fresh);
    let name = args.name;
    let head = session
        .call(|service, context| async move { service.order_agent(context, request, name, order).await })
        .await?;
    session.answer(&head, |head| format!("{} is {}\n", head.name, head.state))
}

fn read(args: DefinitionArgs) -> Result<(RequestId, AgentDefinition, RegisterOptions), Fault> {
    let definition = input::read_as(&args.file)?;
    let (allow_private, audience, house) = (args.allow_private, args.audience.into(), args.house);
    let options = RegisterOptions { allow_private, audience, house };
    Ok((args.key.unwrap_or_else(RequestId::fresh), definition, options))
}
