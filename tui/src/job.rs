//! `job ...`

mod list;
mod order;
mod post;
mod show;
mod watch;
mod written;

pub(crate) use watch::watch;

use crate::cli::JobCommand;
use crate::fault::Fault;
use crate::session::Session;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::{JobFilter, JobStory, PageRequest};

pub(crate) async fn run(session: &Session, command: JobCommand) -> Result<(), Fault> {
    match command {
        JobCommand::Post(args) => post::post(session, *args).await,
        JobCommand::List { state, mine, label, agent, limit, after } => {
            let filter = JobFilter { states: state, mine, label, agent };
            list::list(session, filter, PageRequest { after, limit }).await
        }
        JobCommand::Show { job, answer: true } => show::answer(session, job).await,
        JobCommand::Show { job, answer: false } => show::show(session, job).await,
        JobCommand::Watch { job } => watch(session, job).await,
        JobCommand::Why { job, agent: None } => show::why(session, job).await,
        JobCommand::Why { job, agent: Some(agent) } => show::why_not(session, job, agent).await,
        JobCommand::Cancel(args) => order::order(session, args, JobAction::Cancel).await,
        JobCommand::Retry(args) => order::order(session, args, JobAction::Retry).await,
        JobCommand::Again(args) => order::order(session, args, JobAction::Again).await,
        JobCommand::Accept(args) => order::order(session, args, JobAction::Accept).await,
        JobCommand::RequestChanges(args) => order::order(session, args, JobAction::RequestChanges).await,
        JobCommand::Dispute(args) => order::order(session, args, JobAction::Dispute).await,
        JobCommand::Resend(args) => order::order(session, args, JobAction::Resend).await,
        JobCommand::Reassign(args) => order::order(session, args, JobAction::Reassign).await,
        JobCommand::GiveUp(args) => order::order(session, args, JobAction::GiveUp).await,
    }
}

async fn story(session: &Session, job: JobId) -> Result<JobStory, Fault> {
    session.call(|service, context| async move { service.job(context, job).await }).await
}
