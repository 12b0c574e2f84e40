//! Making and changing agents.

use super::{chat, story};
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
    let (request, definition, options) = read_new(args)?;
    let name = definition.name.clone();
    let registered = session
        .call(|service, context| async move {
            service.register_agent(context, request, definition, options).await
        })
        .await?;
    session.answer(&registered, |registered| {
        let version = registered.version;
        let secrets = registered.secrets.as_ref().map_or_else(
            || format!("{name} is registered ({version}).\n"),
            |secrets| {
                format!(
                    "{name} is registered ({version}). Its secrets, shown this once:\n\
                     \x20 delivery  {}   verifies what the daemon sends to it\n\
                     \x20 callback  {}   signs what it sends back later\n",
                    secrets.delivery_secret, secrets.callback_secret
                )
            },
        );
        let next = "It gets jobs as soon as its endpoint answers the challenge: guildhall agent test";
        format!("{secrets}{}{next} {name}\n", warnings(&registered.warnings))
    })
}

pub(super) async fn update(session: &Session, args: DefinitionArgs) -> Result<(), Fault> {
    let (request, definition, options) = read_changed(session, args).await?;
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
    if updated.before == updated.after && updated.granted.is_empty() && !updated.key_replaced {
        return format!("nothing differs: {name} stays at {}\n", updated.version);
    }
    let mut text = format!("{name} is at {}; running attempts keep theirs\n", updated.version);
    for grant in &updated.granted {
        text.push_str(&format!("  granted {}\n", clean_line(grant)));
    }
    if updated.key_replaced {
        text.push_str("  its endpoint is opened with the new key\n");
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
    let definition = match version {
        Some(version) => version_of(session, name, version).await?,
        None => newest(session, name).await?,
    };
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

/// What is registered: of a file, or of flags that define a chat agent.
fn read_new(args: DefinitionArgs) -> Result<(RequestId, AgentDefinition, RegisterOptions), Fault> {
    let definition = match (&args.name, &args.file) {
        (_, Some(file)) => input::read_as(file)?,
        (Some(name), None) => chat::define(name, &args.chat)?,
        (None, None) => return Err(Fault::Input("name the agent, or give --file".to_owned())),
    };
    let (request, options) = options(args)?;
    Ok((request, definition, options))
}

/// What an agent becomes: of a file, or what it is with what the flags change.
async fn read_changed(
    session: &Session,
    args: DefinitionArgs,
) -> Result<(RequestId, AgentDefinition, RegisterOptions), Fault> {
    let definition = match (&args.name, &args.file) {
        (_, Some(file)) => input::read_as(file)?,
        (Some(name), None) => chat::change(newest(session, name.clone()).await?, &args.chat)?,
        (None, None) => return Err(Fault::Input("name the agent, or give --file".to_owned())),
    };
    let (request, options) = options(args)?;
    Ok((request, definition, options))
}

fn options(args: DefinitionArgs) -> Result<(RequestId, RegisterOptions), Fault> {
    let api_key = args.key_file.as_deref().map(chat::read_key).transpose()?;
    let (allow_private, audience, house) = (args.allow_private, args.audience.into(), args.house);
    let options = RegisterOptions { allow_private, audience, house, api_key };
    Ok((args.key.unwrap_or_else(RequestId::fresh), options))
}

/// The definition of the current version.
async fn newest(session: &Session, name: AgentName) -> Result<AgentDefinition, Fault> {
    let version = story(session, name.clone()).await?.head.version;
    version_of(session, name, version).await
}

async fn version_of(
    session: &Session,
    name: AgentName,
    version: AgentVersion,
) -> Result<AgentDefinition, Fault> {
    // Not the story's definition: strangers read it without its endpoint.
    session.call(|service, context| async move { service.agent_version(context, name, version).await }).await
}
