//! Whose an agent is, for whom it works, and its secrets.

use crate::cli::AgentArgs;
use crate::fault::Fault;
use crate::session::{Session, clock};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::view::{AgentHead, HoldOrder, Rotated};

pub(super) async fn order(session: &Session, args: AgentArgs, order: HoldOrder) -> Result<(), Fault> {
    let (request, name) = (args.key.unwrap_or_else(RequestId::fresh), args.name);
    let head = session
        .call(|service, context| async move { service.hold_agent(context, request, name, order).await })
        .await?;
    session.answer(&head, tell)
}

pub(super) async fn rotate(session: &Session, args: AgentArgs, overlap_ms: u64) -> Result<(), Fault> {
    let (request, name) = (args.key.unwrap_or_else(RequestId::fresh), args.name);
    let rotated = session
        .call(
            |service, context| async move { service.rotate_secret(context, request, name, overlap_ms).await },
        )
        .await?;
    session.answer(&rotated, tell_secrets)
}

fn tell(head: &AgentHead) -> String {
    let waits = head.wanted.map(|wanted| format!("; waits for an operator's approval for {}", wanted.whom()));
    format!(
        "{} is {}, is {}'s, and works for {}{}\n",
        head.name,
        head.state,
        head.owner,
        head.audience.whom(),
        waits.unwrap_or_default()
    )
}

fn tell_secrets(rotated: &Rotated) -> String {
    let Rotated { secrets, old_until } = rotated;
    let old = match old_until {
        Some(until) => {
            format!("Those before count until {}: replace them in your agent by then.", clock(*until))
        }
        None => "Those before count no longer.".to_owned(),
    };
    format!(
        "Keep these; they are shown this once.\n  verifies what the daemon sends   {}\n  signs what the agent sends       {}\n{old}\n",
        secrets.delivery_secret, secrets.callback_secret
    )
}
