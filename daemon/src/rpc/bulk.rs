//! One order to many jobs: each is ordered as if it came alone, under a request of its own, so that a lost answer can be
//! asked for again.

use super::Caller;
use super::errors::{internal, invalid, not_found, store};
use crate::store::{JobSearch, Query};
use futures::StreamExt;
use guildhall_protocol::bulk::{BULK_JOBS_MAX, BulkOrder, BulkOutcome, BulkTarget, SeenJob};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{RequestId, UserId};
use guildhall_protocol::listing::{COUNT_SEARCHED_MAX, JobFilter, JobSort, PageFrom};
use guildhall_protocol::view::Order;
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Orders of one call that are carried out at a time: they share commits.
const AT_A_TIME: usize = 32;
/// Calls whose jobs are remembered.
const REMEMBERED_MAX: usize = 64;

/// Which jobs the newest calls were about. What a filter admits changes by the order itself, so that the same call again
/// would find others; after a restart of the daemon it is refused then, because the count differs.
#[derive(Default)]
pub struct Bulks(Mutex<VecDeque<Remembered>>);

struct Remembered {
    user: UserId,
    request: RequestId,
    hash: [u8; 32],
    jobs: Vec<SeenJob>,
}

impl Bulks {
    fn recall(&self, user: UserId, request: &RequestId, hash: [u8; 32]) -> Option<Vec<SeenJob>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |bulk: &&Remembered| bulk.user == user && bulk.request == *request && bulk.hash == hash;
        known.iter().find(same).map(|bulk| bulk.jobs.clone())
    }

    fn keep(&self, remembered: Remembered) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_back(remembered);
        while known.len() > REMEMBERED_MAX {
            known.pop_front();
        }
    }
}

impl Caller {
    pub(super) async fn many_ordered(
        &self,
        request: RequestId,
        bulk: BulkOrder,
    ) -> Result<Vec<BulkOutcome>, ApiError> {
        if bulk.order.epoch.is_some() {
            return Err(invalid("order.epoch", "each job has its own epoch: leave it out of the order"));
        }
        let content = serde_json::to_vec(&bulk).map_err(|error| internal(&error))?;
        let hash: [u8; 32] = Sha256::digest(&content).into();
        let BulkOrder { target, order } = bulk;
        let jobs = match (self.desk.bulks.recall(self.who.user, &request, hash), target) {
            (Some(jobs), _) => jobs,
            (None, BulkTarget::Jobs(jobs)) => checked(jobs)?,
            (None, BulkTarget::Matching { filter, expected_count }) => {
                let jobs = self.matching(filter, expected_count).await?;
                let (user, request) = (self.who.user, request.clone());
                self.desk.bulks.keep(Remembered { user, request, hash, jobs: jobs.clone() });
                jobs
            }
        };
        let each = jobs.into_iter().map(|seen| self.one_of_many(&request, seen, &order));
        Ok(futures::stream::iter(each).buffered(AT_A_TIME).collect().await)
    }

    async fn one_of_many(&self, request: &RequestId, seen: SeenJob, order: &Order) -> BulkOutcome {
        let order = Order { epoch: Some(seen.epoch), ..order.clone() };
        let outcome = match format!("{request}:{}", seen.job.0).parse::<RequestId>() {
            Ok(request) => self.order_job(request, seen.job, order).await,
            Err(_) => Err(invalid("request", "a request for many jobs has an id of at most 80 characters")),
        };
        BulkOutcome { job: seen.job, outcome }
    }

    /// All jobs that a filter admits now, if there are as many as the person was told.
    async fn matching(&self, filter: JobFilter, expected_count: u64) -> Result<Vec<SeenJob>, ApiError> {
        let wish = self.wish(filter).await?.ok_or_else(|| not_found("job that could be meant"))?;
        let limit = u32::try_from(BULK_JOBS_MAX + 1).unwrap_or(u32::MAX);
        let search = JobSearch {
            wish,
            sort: JobSort::default(),
            from: PageFrom::First,
            limit,
            searched_max: COUNT_SEARCHED_MAX,
        };
        let found = self.desk.store().found(Query::Find(search)).await.map_err(store)?;
        if found.jobs.len() > BULK_JOBS_MAX {
            return Err(too_many());
        }
        if found.next.is_some() {
            let message = format!("more than {COUNT_SEARCHED_MAX} jobs would have to be looked at");
            return Err(ApiError::new(ErrorKind::Limited, message)
                .hint("nothing was ordered; narrow it by a state, an agent, a label or a time"));
        }
        let count = u64::try_from(found.jobs.len()).unwrap_or(u64::MAX);
        if count != expected_count {
            let message = format!("there are {count} of these jobs by now, and not {expected_count}");
            return Err(ApiError::new(ErrorKind::Conflict, message)
                .in_field("expected_count")
                .hint("nothing was ordered; look again, then decide again"));
        }
        Ok(found.jobs.iter().map(|job| SeenJob { job: job.id, epoch: job.epoch }).collect())
    }
}

/// Each job once, and not too many.
fn checked(jobs: Vec<SeenJob>) -> Result<Vec<SeenJob>, ApiError> {
    if jobs.len() > BULK_JOBS_MAX {
        return Err(too_many());
    }
    let mut known = HashSet::new();
    match jobs.iter().find(|seen| !known.insert(seen.job)) {
        Some(twice) => Err(invalid("target", format!("job {} is named twice", twice.job))),
        None => Ok(jobs),
    }
}

fn too_many() -> ApiError {
    ApiError::new(ErrorKind::Limited, format!("one order goes to {BULK_JOBS_MAX} jobs at most"))
        .hint("nothing was ordered; narrow it, or give it in parts")
}
