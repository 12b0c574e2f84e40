//! Calls about what happens: the feed, and waiting for a change.

use super::Caller;
use super::errors::store;
use crate::notes::notes;
use crate::store::{EventRecord, Query};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{EventId, JobId};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{FeedLine, PAGE_ROWS_MAX, Scope, Status};
use guildhall_protocol::wire::Wire;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Longest wait for a change, ms.
const WAIT_MS_MAX: u64 = 25_000;

/// Most pages looked at for one answer.
const FEED_PAGES_MAX: usize = 200;

impl Caller {
    pub(super) async fn feed(&self, after: EventId, limit: u32) -> Result<Vec<FeedLine>, ApiError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut seen: BTreeMap<JobId, bool> = BTreeMap::new();
        let mut lines = Vec::new();
        let mut after = after;
        // Pages of other people's events are passed over, so that an empty answer means that there is nothing new.
        for _ in 0..FEED_PAGES_MAX {
            let rows = self.desk.store().events(Query::Feed { after, limit }).await.map_err(store)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in &rows {
                if self.is_operator() || self.is_own(row.subject, &mut seen).await? {
                    lines.push(line(row));
                }
            }
            if !lines.is_empty() {
                break;
            }
        }
        Ok(lines)
    }

    /// Whether a subject is this caller's own business.
    async fn is_own(&self, subject: Subject, seen: &mut BTreeMap<JobId, bool>) -> Result<bool, ApiError> {
        match subject {
            Subject::User(user) => Ok(user == self.who.user),
            Subject::Agent(agent) => {
                let market = self.desk.engine.market();
                Ok(market.get(agent).is_some_and(|listing| listing.record.is_owned_by(self.who.user)))
            }
            Subject::Place(place) => Ok(self.who.terms.manages && place == self.who.terms.place),
            Subject::System => Ok(false),
            Subject::Job(job) => {
                if let Some(own) = seen.get(&job) {
                    return Ok(*own);
                }
                let jobs = self.desk.store().jobs(Query::Job(job)).await.map_err(store)?;
                let own = match jobs.first() {
                    Some(job) => self.may_read(job).await?,
                    None => false,
                };
                seen.insert(job, own);
                Ok(own)
            }
        }
    }

    pub(super) async fn wait(&self, scope: Scope, seen: u64, wait_ms: u64) -> Result<u64, ApiError> {
        let limit = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let changes = &self.desk.engine.parts().changes;
        let ended = self.desk.ended.cancelled();
        tokio::pin!(ended);
        let job = match scope {
            Scope::Everything => {
                return Ok(tokio::select! {
                    now = changes.everything(seen, limit) => now,
                    () = ended => seen,
                });
            }
            Scope::Log => return self.log_waited(seen, limit).await,
            Scope::Job(job) => job,
        };
        let ends = Instant::now() + limit;
        let hints = changes.job(job);
        loop {
            let hint = hints.notified();
            tokio::pin!(hint);
            hint.as_mut().enable();
            let revision = self.visible_job(job).await?.chain.revision;
            if revision != seen {
                return Ok(revision);
            }
            let waited = tokio::select! {
                waited = tokio::time::timeout_at(ends.into(), hint) => waited.is_ok(),
                () = &mut ended => false,
            };
            if !waited {
                return Ok(revision);
            }
        }
    }

    pub(super) async fn status_now(&self) -> Result<Status, ApiError> {
        let parts = self.desk.engine.parts();
        let jobs = self.desk.store().counts(Query::Counts).await.map_err(store)?;
        let (agents, active) = {
            let market = self.desk.engine.market();
            let active = market
                .all()
                .filter(|listing| listing.record.state == guildhall_protocol::agent::AgentState::Active);
            (market.all().count(), active.count())
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(Status {
            daemon: env!("CARGO_PKG_VERSION").to_owned(),
            store: parts.tag,
            incarnation: parts.incarnation,
            started_at: self.desk.started_at,
            jobs,
            agents_active: count(active),
            agents: count(agents),
            draining: self.desk.engine.is_draining(),
            paused: self.desk.engine.is_paused(),
            notes: notes(&self.desk.engine, Timestamp::now()),
        })
    }
}

fn line(row: &EventRecord) -> FeedLine {
    let event = serde_json::from_slice(&row.bytes)
        .map_or_else(|_| Wire::Unknown(String::from_utf8_lossy(&row.bytes).into_owned()), Wire::Known);
    FeedLine { id: row.id, subject: row.subject, event }
}
