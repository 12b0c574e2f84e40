//! What operators see of somebody's private job: that it is there and how it goes. Its texts they see when an operator is
//! waited for, or after they said why; then its history tells its client so.

use super::Caller;
use super::errors::{commit, internal, invalid, not_found, store};
use super::session::denied;
use crate::engine::CommitError;
use crate::engine::steer::Change;
use crate::store::{JobRecord, Query, StoreError};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::matrix::{Verb, Whose};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    BodyHead, DeliveryView, JobStory, REVEAL_MS, REVEAL_REASON_BYTES_MAX, Revealed, Sight,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it is noted when the job changes meanwhile.
const NOTE_TRIES: u32 = 5;

impl Caller {
    /// Whether this caller, who may read the job, sees its texts.
    pub(super) async fn sight(&self, job: &JobRecord, is_appealed: bool) -> Result<Sight, ApiError> {
        if self.relation_to_job(job).await? != Whose::Others {
            return Ok(Sight::Open);
        }
        let is_decided_by_operators =
            matches!(job.state, JobState::InReview(Reviewer::Operator) | JobState::Held(_)) || is_appealed;
        if is_decided_by_operators {
            return Ok(Sight::Open);
        }
        let until = self.desk.reveals.until(self.who.user, job.id, Timestamp::now());
        Ok(until.map_or(Sight::Masked, |until| Sight::Revealed { until }))
    }

    /// The same, where complaints and contests are not read yet.
    pub(super) async fn sight_of(&self, job: &JobRecord) -> Result<Sight, ApiError> {
        let appeals = self.desk.store().appeals(Query::Appeals(job.id)).await.map_err(store)?;
        self.sight(job, appeals.iter().any(|appeal| appeal.upheld.is_none())).await
    }

    pub(super) async fn revealed(
        &self,
        request: RequestId,
        job: JobId,
        reason: String,
    ) -> Result<Revealed, ApiError> {
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.len() > REVEAL_REASON_BYTES_MAX {
            let message = format!("say why, in at most {REVEAL_REASON_BYTES_MAX} bytes: its client reads it");
            return Err(invalid("reason", message));
        }
        let content = serde_json::to_vec(&(job, &reason)).map_err(|error| internal(&error))?;
        let request = self.request(request, "reveal", &content);
        if self.receipt(&request).await?.is_some() {
            let until = self.desk.reveals.until(self.who.user, job, Timestamp::now());
            let over = || ApiError::new(ErrorKind::Conflict, "what this request revealed is masked again");
            let until = until.ok_or_else(|| over().hint("make a new request for it"))?;
            return Ok(Revealed { job, until: Some(until) });
        }
        for _ in 0..NOTE_TRIES {
            let record = self.visible_job(job).await?;
            let whose = self.relation_to_job(&record).await?;
            Verb::RevealJob.may(whose, self.powers_in(record.place)).map_err(denied)?;
            if self.sight_of(&record).await? == Sight::Open {
                return Ok(Revealed { job, until: None });
            }
            let now = Timestamp::now();
            let until = now.after(Duration::from_millis(REVEAL_MS));
            let (who, change) = (self.who.user, Change::Reveal(until));
            let noted = self.desk.engine.steer(record, who, request.clone(), change, Some(reason.clone()));
            match noted.await {
                Ok(()) => {
                    // Only what its history tells is shown.
                    self.desk.reveals.open(who, job, until, now);
                    return Ok(Revealed { job, until: Some(until) });
                }
                Err(CommitError::Store(StoreError::Stale)) => {}
                Err(error) => return Err(commit(error)),
            }
        }
        Err(store(StoreError::Stale))
    }

    /// Leaves out what agents were sent and answered for jobs whose texts this caller does not see.
    pub(super) async fn mask_deliveries(&self, rows: &mut [DeliveryView]) -> Result<(), ApiError> {
        let mut seen: BTreeMap<JobId, bool> = BTreeMap::new();
        for row in rows {
            let Some(job) = row.job else { continue };
            let shows = if let Some(shows) = seen.get(&job) {
                *shows
            } else {
                let record = self.desk.store().jobs(Query::Job(job)).await.map_err(store)?;
                let record = record.into_iter().next().ok_or_else(|| not_found(&format!("job {job}")))?;
                let shows = self.sight_of(&record).await? != Sight::Masked;
                seen.insert(job, shows);
                shows
            };
            if !shows {
                (row.reply_head, row.curl) = (String::new(), String::new());
            }
        }
        Ok(())
    }
}

/// Leaves out the texts of a job.
pub(super) fn mask(story: &mut JobStory) {
    story.sight = Sight::Masked;
    mask_body(&mut story.draft);
    for attempt in &mut story.attempts {
        (attempt.question, attempt.reply, attempt.reason) = (None, None, None);
        attempt.findings.clear();
        if let Some(model) = attempt.pick.as_mut().and_then(|pick| pick.model.as_mut()) {
            model.reason.clear();
        }
        for body in [&mut attempt.input, &mut attempt.answer].into_iter().flatten() {
            mask_body(body);
        }
    }
    if let Some(model) = story.waiting.as_mut().and_then(|pick| pick.model.as_mut()) {
        model.reason.clear();
    }
    (story.question, story.reply) = (None, None);
    story.texts.clear();
    for appeal in &mut story.appeals {
        appeal.text = None;
    }
}

/// That there is a body, and how long it is. A hash of few words would tell them to whoever guesses.
fn mask_body(body: &mut BodyHead) {
    (body.sha256, body.head) = (String::new(), None);
}
