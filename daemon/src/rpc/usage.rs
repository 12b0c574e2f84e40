//! What a user has of everything that is limited: the same numbers that refuse, told before they do.

use super::Caller;
use super::errors::{not_found, store};
use crate::store::Query;
use guildhall_protocol::account::UserRef;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::usage::{Allowance, UsageReport};
use guildhall_protocol::view::PAGE_ROWS_MAX;

/// States of jobs that end with their deadline; an answer that is there is judged to the end, however long that takes.
const ENDS_IN_TIME: [&str; 5] = ["open", "assigned", "working", "input_required", "held"];
/// Most pages of a user's open jobs that are looked through for the first deadline.
const PAGES_MAX: u32 = 20;
const MINUTE_MS: i64 = 60_000;

impl Caller {
    pub(super) async fn usage_report(&self, user: Option<UserRef>) -> Result<UsageReport, ApiError> {
        let record = self.named_user(user.as_ref()).await?;
        // Whether somebody is there is nobody's business who may not read them.
        let nobody =
            |_| not_found(&user.as_ref().map_or_else(|| "user".to_owned(), |user| format!("user {user}")));
        self.check_on(Verb::ReadUsage, self.relation_to_user(record.id)).map_err(nobody)?;
        let (now, user) = (Timestamp::now(), record.id);
        let (usage, limits) = (self.usage_of(user).await?, self.limits_of(user));
        let plain = |used, most| Allowance { used, most, free_at: None };
        let mut open_jobs = plain(usage.open_jobs, limits.open_jobs);
        if open_jobs.is_spent() && open_jobs.used > 0 {
            open_jobs.free_at = self.first_deadline(user).await?;
        }
        let mut posts = plain(self.desk.accounts.posts_of(user, now), limits.posts_per_minute);
        if posts.is_spent() && posts.used > 0 {
            posts.free_at = Some(Timestamp((now.0.div_euclid(MINUTE_MS) + 1) * MINUTE_MS));
        }
        Ok(UsageReport {
            user,
            open_jobs,
            posts,
            stored_bytes: plain(usage.stored_bytes, limits.stored_bytes),
            agents: plain(usage.agents, limits.agents),
        })
    }

    /// When the first of a user's jobs ends at the latest.
    async fn first_deadline(&self, user: UserId) -> Result<Option<Timestamp>, ApiError> {
        let (mut first, mut before) = (None, None);
        for _ in 0..PAGES_MAX {
            let query = Query::List {
                states: ENDS_IN_TIME.map(str::to_owned).to_vec(),
                client: Some(user),
                place: None,
                label: None,
                agent: None,
                before,
                limit: PAGE_ROWS_MAX,
            };
            let jobs = self.desk.store().jobs(query).await.map_err(store)?;
            first = jobs.iter().map(|job| job.deadline).chain(first).min();
            let is_full = u32::try_from(jobs.len()).is_ok_and(|count| count == PAGE_ROWS_MAX);
            before = jobs.last().map(|job| job.id).filter(|_| is_full);
            if before.is_none() {
                break;
            }
        }
        Ok(first)
    }
}
