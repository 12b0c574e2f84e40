//! `job reveal`: the texts of somebody's private job, for a while.

use crate::cli::RevealArgs;
use crate::fault::Fault;
use crate::session::{Session, clock};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::view::Revealed;

pub(super) async fn reveal(session: &Session, args: RevealArgs) -> Result<(), Fault> {
    let RevealArgs { job, reason, key } = args;
    let request = key.unwrap_or_else(RequestId::fresh);
    let revealed =
        session.call(|service, context| async move { service.reveal(context, request, job, reason).await });
    session.answer(&revealed.await?, show)
}

fn show(revealed: &Revealed) -> String {
    let job = revealed.job;
    match revealed.until {
        Some(until) => format!(
            "The texts of job {job} are shown to you until {}. Its client reads that, and why.\n",
            clock(until)
        ),
        None => format!("The texts of job {job} are not masked for you.\n"),
    }
}
