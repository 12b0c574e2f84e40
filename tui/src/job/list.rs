//! `job list`

use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::table::table;
use guildhall_protocol::view::{JobFilter, JobHead, Page, PageRequest};

pub(super) async fn list(session: &Session, filter: JobFilter, page: PageRequest) -> Result<(), Fault> {
    let jobs =
        session.call(|service, context| async move { service.jobs(context, filter, page).await }).await?;
    session.answer_list(&jobs.rows, &jobs, show)
}

fn show(page: &Page<JobHead>) -> String {
    if page.rows.is_empty() {
        return "There is no such job. `guildhall job post \"...\"` posts one.\n".to_owned();
    }
    let row = |head: &JobHead| {
        [
            head.id.to_string(),
            head.state.to_string(),
            head.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
            head.attempts.to_string(),
            clock(head.posted_at),
            head.title.clone().unwrap_or_else(|| "(forgotten)".to_owned()),
        ]
    };
    let mut text = table(["job", "state", "agent", "tries", "posted", "title"], page.rows.iter().map(row));
    if let Some(next) = page.next {
        text.push_str(&format!("There are more: --after {next}\n"));
    }
    text
}
