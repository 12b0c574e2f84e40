//! Calls that look for jobs and count them. Who is no operator finds their own.

use super::Caller;
use super::errors::{invalid, not_found, store};
use crate::store::{JobSearch, JobWish, Query, Span};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{JobId, UserId};
use guildhall_protocol::listing::{
    JobCount, JobCursor, JobFilter, JobPage, JobQuery, JobSort, PageFrom, SEARCHED_MAX, TEXT_BYTES_MAX,
};
use guildhall_protocol::state::{HeldWhy, JOB_STATES, JobState};
use guildhall_protocol::view::{JobHead, PAGE_ROWS_MAX, Page, PageRequest};

impl Caller {
    pub(super) async fn found_jobs(&self, query: JobQuery) -> Result<JobPage, ApiError> {
        let JobQuery { filter, sort, from, limit } = query;
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let Some(wish) = self.wish(filter).await? else {
            return Ok(JobPage { rows: Vec::new(), next: None, searched: 0 });
        };
        let search = JobSearch { wish, sort, from, limit, searched_max: SEARCHED_MAX };
        let found = self.desk.store().found(Query::Find(search)).await.map_err(store)?;
        Ok(JobPage { rows: self.heads(found.jobs).await?, next: found.next, searched: found.searched })
    }

    pub(super) async fn counted_jobs(&self, filter: JobFilter) -> Result<JobCount, ApiError> {
        match self.wish(filter).await? {
            None => Ok(JobCount { count: 0, exact: true }),
            Some(wish) => self.desk.store().job_count(Query::CountJobs(wish)).await.map_err(store),
        }
    }

    /// The same by number, as front ends ask that show one list from its top on.
    pub(super) async fn list_jobs(
        &self,
        filter: JobFilter,
        page: PageRequest,
    ) -> Result<Page<JobHead>, ApiError> {
        let behind = |number| PageFrom::After(JobCursor { key: number, id: JobId(number) });
        let from = page.after.map_or(PageFrom::First, behind);
        let query = JobQuery { filter, sort: JobSort::default(), from, limit: page.limit };
        let found = self.found_jobs(query).await?;
        Ok(Page { rows: found.rows, next: found.next.map(|next| next.id.0) })
    }

    /// What a filter means for the store; none: no job can be meant.
    pub(super) async fn wish(&self, filter: JobFilter) -> Result<Option<JobWish>, ApiError> {
        let agent = match &filter.agent {
            None => None,
            Some(name) => {
                let id = self.desk.engine.market().named(name).map(|listing| listing.record.id);
                Some(id.ok_or_else(|| not_found(&format!("agent {name}")))?)
            }
        };
        if let Some(unknown) = filter.states.iter().find(|name| !state_names().contains(&name.as_str())) {
            return Err(invalid("state", format!("there is no state {unknown:?}"))
                .hint(format!("the states are {}", state_names().join(", "))));
        }
        if filter.text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(invalid("text", format!("is longer than {TEXT_BYTES_MAX} bytes")));
        }
        let Some(client) = self.meant_client(filter.mine, filter.client.as_ref()).await? else {
            return Ok(None);
        };
        let mut states = filter.states;
        if states.is_empty() && filter.held.is_some() {
            // The few that are held lead to those held for this.
            states.push(JobState::Held(HeldWhy::Unclear).name().to_owned());
        }
        Ok(Some(JobWish {
            states,
            client: client.only(),
            label: filter.label,
            agent,
            place: filter.place,
            priority: filter.priority,
            text: filter.text.filter(|text| !text.is_empty()),
            posted: Span { from: filter.posted_from, before: filter.posted_before },
            changed: Span { from: filter.changed_from, before: filter.changed_before },
            ended: filter.ended,
            attempts_min: filter.attempts_min,
            held: filter.held,
        }))
    }

    /// Whose jobs are meant; none: nobody's. Whether others are there is nobody's business who may not read them.
    async fn meant_client(&self, mine: bool, client: Option<&UserRef>) -> Result<Option<Whom>, ApiError> {
        let own = self.who.user;
        let only_own = mine || !self.is_operator();
        Ok(match client {
            None if only_own => Some(Whom::Only(own)),
            None => Some(Whom::Everybody),
            Some(client) if only_own => {
                let named = self.named_user(Some(client)).await.ok();
                named.filter(|named| named.id == own).map(|_| Whom::Only(own))
            }
            Some(client) => Some(Whom::Only(self.named_user(Some(client)).await?.id)),
        })
    }
}

/// Whose jobs are meant.
enum Whom {
    Everybody,
    Only(UserId),
}

impl Whom {
    fn only(self) -> Option<UserId> {
        match self {
            Self::Everybody => None,
            Self::Only(user) => Some(user),
        }
    }
}

/// The names of a job's states, each once, in the order of its life.
fn state_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
    names.dedup();
    names
}
