//! `job order-many`: one order to many jobs.

use crate::cli::{ManyArg, ManyArgs};
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::bulk::{BulkOrder, BulkOutcome, BulkTarget, SeenJob};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::listing::JobFilter;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Order;

pub(super) async fn order_many(session: &Session, args: ManyArgs) -> Result<(), Fault> {
    let action = match args.action {
        ManyArg::Cancel => JobAction::Cancel,
        ManyArg::Retry => JobAction::Retry,
        ManyArg::Reassign => JobAction::Reassign,
        ManyArg::Exclude => JobAction::Exclude,
        ManyArg::Include => JobAction::Include,
        ManyArg::Prioritize => JobAction::Prioritize,
        ManyArg::Resend => JobAction::Resend,
        ManyArg::GiveUp => JobAction::GiveUp,
    };
    let priority = args.to_class.map(Into::into);
    let order = Order { text: args.reason, agent: args.to, priority, ..Order::of(action) };
    let filter = args.filter.filter(Timestamp::now());
    let target = if args.jobs.is_empty() {
        let Some(expected_count) = args.expect else { return tell_count(session, filter).await };
        BulkTarget::Matching { filter, expected_count }
    } else {
        let mut seen = Vec::new();
        for job in args.jobs {
            seen.push(SeenJob::from(&super::story(session, job).await?.head));
        }
        BulkTarget::Jobs(seen)
    };
    let (request, bulk) = (args.key.unwrap_or_else(RequestId::fresh), BulkOrder { target, order });
    let outcomes =
        session.call(|service, context| async move { service.order_many(context, request, bulk).await });
    let outcomes = outcomes.await?;
    session.answer(&outcomes, |outcomes| outcomes.iter().map(line).collect())?;
    let refused = outcomes.iter().filter(|outcome| outcome.outcome.is_err()).count();
    if refused == 0 {
        return Ok(());
    }
    Err(Fault::EndedBadly(format!("{refused} of {} jobs were not ordered", outcomes.len())))
}

/// What would be ordered. Nothing is, until the number is said.
async fn tell_count(session: &Session, filter: JobFilter) -> Result<(), Fault> {
    let count = session.call(|service, context| async move { service.count_jobs(context, filter).await });
    session.answer(&count.await?, |count| {
        let again =
            if count.exact { format!("--expect {}", count.count) } else { "a narrower filter".to_owned() };
        format!("{count} jobs are meant; nothing was done. To do it, the same again with {again}\n")
    })
}

fn line(outcome: &BulkOutcome) -> String {
    match &outcome.outcome {
        Ok(head) if head.id == outcome.job => format!("job {} is {}\n", head.id, head.state),
        Ok(head) => format!("job {} follows job {}; it is {}\n", head.id, outcome.job, head.state),
        Err(error) => format!("job {}: {}\n", outcome.job, clean_line(&error.message)),
    }
}
