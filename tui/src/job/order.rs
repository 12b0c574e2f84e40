//! What a person decides about a job.

use crate::cli::OrderArgs;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::Order;

pub(super) async fn order(session: &Session, args: OrderArgs, action: JobAction) -> Result<(), Fault> {
    let request = args.key.unwrap_or_else(RequestId::fresh);
    let (job, order) = (args.job, Order { text: args.reason, ..Order::of(action) });
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
