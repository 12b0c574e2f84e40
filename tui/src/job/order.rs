//! What a person decides about a job.

use crate::cli::{AppealArgs, OrderArgs, OrderCommand, VerdictArg};
use crate::fault::Fault;
use crate::input;
use crate::session::{Session, own_zone};
use guildhall_protocol::ids::{AttemptNumber, JobId, RequestId};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::{Timestamp, parse_moment};
use guildhall_protocol::view::Order;

/// Carries out the commands that order something.
pub(super) async fn run(session: &Session, command: OrderCommand) -> Result<(), Fault> {
    let (job, order, key) = match command {
        OrderCommand::Cancel(args) => plain(args, JobAction::Cancel),
        OrderCommand::Retry(args) => plain(args, JobAction::Retry),
        OrderCommand::Again(args) => plain(args, JobAction::Again),
        OrderCommand::Accept(args) => plain(args, JobAction::Accept),
        OrderCommand::RequestChanges(args) => plain(args, JobAction::RequestChanges),
        OrderCommand::Dispute(args) => plain(args, JobAction::Dispute),
        OrderCommand::Resend(args) => plain(args, JobAction::Resend),
        OrderCommand::GiveUp(args) => plain(args, JobAction::GiveUp),
        OrderCommand::Reassign { order: args, to } => {
            let (job, order, key) = plain(args, JobAction::Reassign);
            (job, Order { agent: to, ..order }, key)
        }
        OrderCommand::Answer { job, answer, key } => {
            let text = match answer.join(" ") {
                dash if dash == "-" => input::read("-")?,
                text => text,
            };
            (job, Order { text: Some(text), ..Order::of(JobAction::Reply) }, key)
        }
        OrderCommand::Complain(args) => appeal(args, JobAction::Complain),
        OrderCommand::Contest(args) => appeal(args, JobAction::Contest),
        OrderCommand::Decide { job, verdict, attempt, reason, key } => {
            let action = match verdict {
                VerdictArg::Accept => JobAction::Accept,
                VerdictArg::Redo => JobAction::RequestChanges,
                VerdictArg::Cancel => JobAction::Cancel,
                VerdictArg::Uphold => JobAction::Uphold,
                VerdictArg::Reject => JobAction::Reject,
            };
            let attempt = attempt.map(AttemptNumber);
            (job, Order { text: reason, attempt, ..Order::of(action) }, key)
        }
        OrderCommand::Extend { job, deadline, reason, key } => {
            session.learn_zone().await;
            let moment = parse_moment(&deadline, Timestamp::now(), &own_zone());
            let deadline = Some(moment.map_err(|error| Fault::Input(error.to_string()))?);
            (job, Order { text: reason, deadline, ..Order::of(JobAction::Extend) }, key)
        }
        OrderCommand::Exclude { job, agent, reason, key } => {
            (job, Order { text: reason, agent: Some(agent), ..Order::of(JobAction::Exclude) }, key)
        }
        OrderCommand::Include { job, agent, reason, key } => {
            (job, Order { text: reason, agent: Some(agent), ..Order::of(JobAction::Include) }, key)
        }
        OrderCommand::Prioritize { job, priority, reason, key } => {
            let priority = Some(priority.into());
            (job, Order { text: reason, priority, ..Order::of(JobAction::Prioritize) }, key)
        }
    };
    send(session, job, order, key).await
}

fn plain(args: OrderArgs, action: JobAction) -> (JobId, Order, Option<RequestId>) {
    (args.job, Order { text: args.reason, ..Order::of(action) }, args.key)
}

fn appeal(args: AppealArgs, action: JobAction) -> (JobId, Order, Option<RequestId>) {
    let attempt = args.attempt.map(AttemptNumber);
    (args.job, Order { text: Some(args.reason), attempt, ..Order::of(action) }, args.key)
}

async fn send(session: &Session, job: JobId, order: Order, key: Option<RequestId>) -> Result<(), Fault> {
    let request = key.unwrap_or_else(RequestId::fresh);
    let head = session
        .call(|service, context| async move { service.order(context, request, job, order).await })
        .await?;
    session.answer(&head, |head| {
        if head.id == job {
            format!("job {} is {}\n", head.id, head.state)
        } else {
            format!("job {} follows job {job}; it is {}\n", head.id, head.state)
        }
    })
}
