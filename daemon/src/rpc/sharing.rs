//! Calls about who else may see a job: a client lets somebody in, or no longer.

use super::Caller;
use super::errors::{internal, invalid, store};
use super::session::denied;
use crate::scribe::Scribe;
use crate::store::{AccountCommand, AccountQuery, Command, Fence, Query, StoreError};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::JobHead;

/// Most people whom one job is shared with.
const SHARES_MAX: usize = 50;
/// How often it is tried when the job changes under it.
const TRIES: u32 = 5;

impl Caller {
    pub(super) async fn share(
        &self,
        id: RequestId,
        job: JobId,
        user: UserRef,
        shared: bool,
    ) -> Result<JobHead, ApiError> {
        let content = serde_json::to_vec(&(job, &user, shared)).map_err(|error| internal(&error))?;
        let request = self.request(id, "share", &content);
        if self.receipt(&request).await?.is_some() {
            return self.head(job).await;
        }
        for _ in 0..TRIES {
            let record = self.visible_job(job).await?;
            let whose = self.relation_to_job(&record).await?;
            Verb::ShareJob.may(whose, self.powers_in(record.place)).map_err(denied)?;
            let with = self.named_user(Some(&user)).await?.id;
            if with == record.client {
                return Err(invalid("user", "this is whose job it is"));
            }
            let known = Query::Account(AccountQuery::Shares(job));
            let known = self.desk.store().user_ids(known).await.map_err(store)?;
            if known.contains(&with) == shared {
                return self.head(job).await;
            }
            if shared && known.len() >= SHARES_MAX {
                let message = format!("job {job} is shared with {SHARES_MAX} people, the most there may be");
                return Err(ApiError::new(ErrorKind::Limited, message));
            }
            let now = Timestamp::now();
            let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
            scribe.event(if shared { What::Shared { with } } else { What::Unshared { with } });
            let fence = Fence { job, epoch: record.epoch, revision: record.chain.revision };
            let (request, entry) = (request.clone(), scribe.finish());
            let command = AccountCommand::Share { request, fence, user: with, shared, entry };
            match self.desk.store().apply(now, Command::Account(command)).await {
                Ok(_) => {
                    self.desk.engine.parts().changes.touch(Some(job));
                    return self.head(job).await;
                }
                // The job went on meanwhile; sharing it is right all the same.
                Err(StoreError::Stale) => {}
                Err(error) => return Err(store(error)),
            }
        }
        Err(store(StoreError::Stale))
    }
}
