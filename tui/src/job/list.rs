//! `job list`

use crate::cli::ListArgs;
use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::table::table;
use guildhall_protocol::listing::{JobCursor, JobPage, JobQuery, PageFrom, SortBy};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::JobHead;

pub(super) async fn list(session: &Session, args: ListArgs) -> Result<(), Fault> {
    let (sort, limit, count) = (args.order(), args.limit, args.count);
    let (from, upward) = match (args.after, args.before) {
        (Some(row), _) => (PageFrom::After(row), false),
        (None, Some(row)) => (PageFrom::Before(row), true),
        (None, None) => (PageFrom::First, false),
    };
    let filter = args.filter.filter(Timestamp::now());
    if count {
        let count = session.call(|service, context| async move { service.count_jobs(context, filter).await });
        return session.answer(&count.await?, |count| format!("{count}\n"));
    }
    let query = JobQuery { filter, sort, from, limit };
    let page =
        session.call(|service, context| async move { service.find_jobs(context, query).await }).await?;
    session.answer_list(&page.rows, &page, |page| show(page, sort.by, limit, upward))
}

fn show(page: &JobPage, by: SortBy, limit: u32, upward: bool) -> String {
    let more = page.next.map(|next| more(page, next, by, limit, upward)).unwrap_or_default();
    if page.rows.is_empty() {
        return if more.is_empty() {
            "There is no such job. `guildhall job post \"...\"` posts one.\n".to_owned()
        } else {
            more
        };
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
    table(["job", "state", "agent", "tries", "posted", "title"], page.rows.iter().map(row)) + &more
}

/// Where it goes on; after a search that found little, how far it went.
fn more(page: &JobPage, next: JobCursor, by: SortBy, limit: u32, upward: bool) -> String {
    let row =
        if by == SortBy::Number { next.id.0.to_string() } else { format!("{}:{}", next.key, next.id.0) };
    let flag = if upward { "--before" } else { "--after" };
    if page.is_cut(limit) {
        format!("{} jobs were looked at; there may be more: {flag} {row}\n", page.searched)
    } else {
        format!("There are more: {flag} {row}\n")
    }
}
