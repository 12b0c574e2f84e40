//! `agent ...`

mod chat;
mod define;
mod look;
mod trial;

use crate::cli::AgentCommand;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::time::parse_span;
use guildhall_protocol::view::{AgentOrder, AgentStory};

pub(crate) async fn run(session: &Session, command: AgentCommand) -> Result<(), Fault> {
    match command {
        AgentCommand::Register(args) => define::register(session, args).await,
        AgentCommand::Update(args) => define::update(session, args).await,
        AgentCommand::Rollback { name, to, key } => define::rollback(session, name, to, key).await,
        AgentCommand::Export { name, version } => define::export(session, name, version).await,
        AgentCommand::List => look::list(session).await,
        AgentCommand::Show { name } => look::show(session, name).await,
        AgentCommand::Find { text, limit } => look::find(session, text.join(" "), limit).await,
        AgentCommand::Test { name } => trial::test(session, name).await,
        AgentCommand::Try { name, brief, input } => trial::attempt(session, name, brief, input).await,
        AgentCommand::Log { name, limit, full } => look::log(session, name, limit, full).await,
        AgentCommand::Pause { agent, span } => {
            let span = span
                .as_deref()
                .map(parse_span)
                .transpose()
                .map_err(|error| Fault::Input(error.to_string()))?;
            let for_ms = span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
            define::order(session, agent, AgentOrder::Pause { for_ms }).await
        }
        AgentCommand::Resume(args) => define::order(session, args, AgentOrder::Resume).await,
        AgentCommand::Retire(args) => define::order(session, args, AgentOrder::Retire).await,
    }
}

async fn story(session: &Session, name: AgentName) -> Result<AgentStory, Fault> {
    session.call(|service, context| async move { service.agent(context, name).await }).await
}
