//! `job ...`

mod checked;
mod list;
mod many;
mod order;
mod post;
mod reveal;
mod show;
mod watch;
mod why;
mod written;

pub(crate) use watch::watch;

use crate::cli::JobCommand;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::view::JobStory;

pub(crate) async fn run(session: &Session, command: JobCommand) -> Result<(), Fault> {
    match command {
        JobCommand::Post(args) => post::post(session, *args).await,
        JobCommand::List(args) => list::list(session, *args).await,
        JobCommand::OrderMany(args) => many::order_many(session, *args).await,
        JobCommand::Reveal(args) => reveal::reveal(session, args).await,
        JobCommand::Show { job, answer: true } => show::answer(session, job).await,
        JobCommand::Show { job, answer: false } => show::show(session, job).await,
        JobCommand::Watch { job } => watch(session, job).await,
        JobCommand::Why { job, agent: None } => why::why(session, job).await,
        JobCommand::Why { job, agent: Some(agent) } => why::why_not(session, job, agent).await,
        JobCommand::Share { job, user, stop } => {
            let (request, told) = (RequestId::fresh(), user.to_string());
            let head = session.call(|service, context| async move {
                service.share_job(context, request, job, user, !stop).await
            });
            let what = if stop { "is no longer shared with" } else { "is shared with" };
            session.answer(&head.await?, |head| format!("job {} {what} {told}\n", head.id))
        }
        JobCommand::Order(command) => order::run(session, command).await,
    }
}

async fn story(session: &Session, job: JobId) -> Result<JobStory, Fault> {
    session.call(|service, context| async move { service.job(context, job).await }).await
}
