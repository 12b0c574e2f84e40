//! `agent ...`

mod chat;
mod define;
mod hold;
mod look;
mod trial;

use crate::cli::AgentCommand;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::time::parse_span;
use guildhall_protocol::view::{AgentOrder, AgentStory, HoldOrder, OVERLAP_MS};

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
            let for_ms = span.as_deref().map(span_ms).transpose()?;
            define::order(session, agent, AgentOrder::Pause { for_ms }).await
        }
        AgentCommand::Resume(args) => define::order(session, args, AgentOrder::Resume).await,
        AgentCommand::Retire(args) => define::order(session, args, AgentOrder::Retire).await,
        AgentCommand::Publish { agent, audience } => {
            hold::order(session, agent, HoldOrder::Publish { audience: audience.into() }).await
        }
        AgentCommand::Withdraw(args) => hold::order(session, args, HoldOrder::Withdraw).await,
        AgentCommand::Refuse { agent, reason } => {
            hold::order(session, agent, HoldOrder::Refuse { reason }).await
        }
        AgentCommand::Vouch(args) => hold::order(session, args, HoldOrder::Vouch).await,
        AgentCommand::AddOwner { agent, user } => {
            hold::order(session, agent, HoldOrder::AddOwner { user }).await
        }
        AgentCommand::RemoveOwner { agent, user } => {
            hold::order(session, agent, HoldOrder::RemoveOwner { user }).await
        }
        AgentCommand::Offer { agent, user } => {
            hold::order(session, agent, HoldOrder::Offer { to: user }).await
        }
        AgentCommand::Take(args) => hold::order(session, args, HoldOrder::Take).await,
        AgentCommand::RotateSecret { agent, overlap, now } => {
            let overlap_ms = if now { Some(0) } else { overlap.as_deref().map(span_ms).transpose()? };
            hold::rotate(session, agent, overlap_ms.unwrap_or(OVERLAP_MS)).await
        }
    }
}

/// A span that somebody typed, such as `2h`, ms.
fn span_ms(text: &str) -> Result<u64, Fault> {
    let span = parse_span(text).map_err(|error| Fault::Input(error.to_string()))?;
    Ok(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

async fn story(session: &Session, name: AgentName) -> Result<AgentStory, Fault> {
    session.call(|service, context| async move { service.agent(context, name).await }).await
}
