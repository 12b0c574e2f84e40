//! Calls that look for jobs and count them. Operators of the marketplace find all, those of a place what was posted there, and
//! everybody else their own.

use super::Caller;
use super::errors::{invalid, not_found, store};
use super::session::Sees;
use crate::store::{JobSearch, JobWish, Query, Span};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{JobId, PlaceId, UserId};
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
        let Some(Meant { client, place }) = self.meant(&filter).await? else { return Ok(None) };
        let mut states = filter.states;
        if states.is_empty() && filter.held.is_some() {
            // The few that are held lead to those held for this.
            states.push(JobState::Held(HeldWhy::Unclear).name().to_owned());
        }
        Ok(Some(JobWish {
            states,
            client,
            label: filter.label,
            agent,
            place,
            priority: filter.priority,
            text: filter.text.filter(|text| !text.is_empty()),
            posted: Span { from: filter.posted_from, before: filter.posted_before },
            changed: Span { from: filter.changed_from, before: filter.changed_before },
            ended: filter.ended,
            attempts_min: filter.attempts_min,
            held: filter.held,
        }))
    }

    /// Whose jobs are meant, and where; none: nobody's. Whoever runs the marketplace means all, whoever runs the place where
    /// they act all that were posted there, and everybody else their own.
    async fn meant(&self, filter: &JobFilter) -> Result<Option<Meant>, ApiError> {
        let (own, here) = (self.who.user, self.who.terms.place);
        let sees = match self.sees() {
            // In another place they are as everybody.
            Sees::Place if filter.place.is_some_and(|place| place != here) => Sees::Own,
            sees @ (Sees::Own | Sees::Place | Sees::Everything) => sees,
        };
        let sees = if filter.mine { Sees::Own } else { sees };
        let client = match &filter.client {
            None => None,
            Some(client) => match (sees, self.named_user(Some(client)).await) {
                (_, Ok(named)) => Some(named.id),
                (Sees::Everything, Err(error)) => return Err(error),
                // Whether others are there is nobody's business who may not read them.
                (Sees::Own | Sees::Place, Err(_)) => return Ok(None),
            },
        };
        Ok(match sees {
            Sees::Everything => Some(Meant { client, place: filter.place }),
            Sees::Place if client != Some(own) => Some(Meant { client, place: Some(here) }),
            Sees::Own | Sees::Place => client
                .is_none_or(|client| client == own)
                .then_some(Meant { client: Some(own), place: filter.place }),
        })
    }
}

/// Whose jobs are meant, and where; none: everybody's, everywhere.
struct Meant {
    client: Option<UserId>,
    place: Option<PlaceId>,
}

/// The names of a job's states, each once, in the order of its life.
fn state_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
    names.dedup();
    names
}
