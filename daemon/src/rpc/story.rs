//! Heads and stories: what people see of a job or an agent.

use super::chained::chained;
use super::errors::{not_found, store};
use super::reveal::mask;
use super::{Caller, Desk};
use crate::engine::input::Given;
use crate::market::{Listing, day};
use crate::store::{AppealRecord, AttemptRecord, BodyRecord, Chain, JobRecord, Query};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Event, Subject, What};
use guildhall_protocol::ids::{AgentId, BodyId, JobId};
use guildhall_protocol::pick::Pick;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    AgentHead, AppealView, AttemptView, BODY_HEAD_BYTES_MAX, BodyHead, Chained, JobHead, JobStory, Record,
    Sight,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most bytes of the words that belong to an event.
const TEXT_BYTES_MAX: usize = 500;
/// Most events in a story.
const EVENTS_MAX: u64 = 500;

impl Caller {
    /// The job, if it exists for this caller.
    pub(super) async fn visible_job(&self, id: JobId) -> Result<JobRecord, ApiError> {
        let nothing = || not_found(&format!("job {id}"));
        let jobs = self.desk.store().jobs(Query::Job(id)).await.map_err(store)?;
        self.readable(jobs.into_iter().next().ok_or_else(nothing)?).await
    }

    /// A job about which this caller may order something: one that they see, or one in which an answer of their agent was
    /// failed. An owner contests that, although the job is somebody else's.
    pub(super) async fn job_to_order(&self, id: JobId) -> Result<JobRecord, ApiError> {
        let jobs = self.desk.store().jobs(Query::Job(id)).await.map_err(store)?;
        let nothing = || not_found(&format!("job {id}"));
        let job = jobs.into_iter().next().ok_or_else(nothing)?;
        if self.may_read(&job).await? || self.standing(&job, &self.docket(&job).await?).await?.failed_owner {
            Ok(job)
        } else {
            Err(nothing())
        }
    }

    /// The heads of jobs.
    pub(super) async fn heads(&self, jobs: Vec<JobRecord>) -> Result<Vec<JobHead>, ApiError> {
        let ids = jobs.iter().map(|job| job.id).collect();
        let newest = self.desk.store().attempts(Query::NewestAttempts(ids)).await.map_err(store)?;
        let agents: BTreeMap<JobId, _> =
            newest.into_iter().map(|attempt| (attempt.job, attempt.agent)).collect();
        let market = self.desk.engine.market();
        let head = |job: JobRecord| {
            let agent = agents.get(&job.id).and_then(|agent| market.get(*agent));
            head_of(job, agent)
        };
        Ok(jobs.into_iter().map(head).collect())
    }

    /// The head of one job as it is now.
    pub(super) async fn head(&self, id: JobId) -> Result<JobHead, ApiError> {
        let job = self.job_to_order(id).await?;
        self.heads(vec![job]).await?.pop().ok_or_else(|| not_found(&format!("job {id}")))
    }

    /// The whole story of a job.
    pub(super) async fn story(&self, id: JobId) -> Result<JobStory, ApiError> {
        let job = self.visible_job(id).await?;
        let desk = &self.desk;
        // The history up to the head that was read, so that both tell the same; the attempts after it, so that whatever
        // the history speaks of is among them.
        let (events, chained) = desk.chained_events(Subject::Job(id), job.chain).await?;
        let docket = self.docket(&job).await?;
        let mut ids = vec![job.draft];
        ids.extend([job.waiting, job.question, job.reply].into_iter().flatten());
        ids.extend(docket.appeals.iter().map(|appeal| appeal.text));
        for attempt in &docket.attempts {
            ids.push(attempt.pick);
            let others = [
                attempt.answer,
                attempt.findings,
                attempt.reason,
                attempt.question,
                attempt.reply,
                attempt.input,
            ];
            ids.extend(others.into_iter().flatten());
        }
        let said: Vec<BodyId> =
            events.iter().filter_map(|event| event.what.text()).map(|text| text.body).collect();
        ids.extend(&said);
        let bodies = desk.store().bodies(Query::Bodies(ids)).await.map_err(store)?;
        let bodies: BTreeMap<BodyId, BodyRecord> = bodies.into_iter().map(|body| (body.id, body)).collect();
        let waiting = job.waiting.and_then(|body| read::<Pick>(&bodies, body));
        let question = job.question.and_then(|body| read(&bodies, body));
        let told: Option<Given> = job.reply.and_then(|body| read(&bodies, body));
        let reply = told.as_ref().and_then(Given::newest).map(str::to_owned);
        let spent = desk.store().spending(Query::JobSpending(id)).await.map_err(store)?;
        let draft = body_head(&bodies, job.draft).ok_or_else(|| not_found("draft"))?;
        let allowed = job.state.allowed(self.standing(&job, &docket).await?);
        let is_appealed = docket.appeals.iter().any(|appeal| appeal.upheld.is_none());
        let sight = self.sight(&job, is_appealed).await?;
        let texts = said.into_iter().filter_map(|id| Some((id, beginning(&bodies, id)?))).collect();
        let appeals = docket.appeals.iter().map(|appeal| appeal_view(appeal, &bodies)).collect();
        let mentioned: Vec<AgentId> = events.iter().filter_map(|event| mentioned(&event.what)).collect();
        let (head, display, excluded, agents) = {
            let market = desk.engine.market();
            let name = |agent: AgentId| Some((agent, market.get(agent)?.record.name.clone()));
            let agents = mentioned.into_iter().filter_map(name).collect();
            let excluded = job.steering.exclude.iter();
            let excluded =
                excluded.filter_map(|agent| Some(market.get(*agent)?.record.name.clone())).collect();
            let agent = docket.attempts.last().and_then(|attempt| market.get(attempt.agent));
            let display = agent.and_then(|listing| listing.compiled.definition.display.clone());
            (head_of(job, agent), display, excluded, agents)
        };
        let attempts = docket.attempts.iter().map(|attempt| desk.attempt_view(attempt, &bodies)).collect();
        let mut story = JobStory {
            head,
            draft,
            attempts,
            waiting,
            question,
            reply,
            spent,
            display,
            events,
            texts,
            agents,
            excluded,
            appeals,
            allowed,
            sight,
            chained,
        };
        if sight == Sight::Masked {
            mask(&mut story);
        }
        Ok(story)
    }
}

impl Desk {
    fn attempt_view(&self, attempt: &AttemptRecord, bodies: &BTreeMap<BodyId, BodyRecord>) -> AttemptView {
        let name = self.engine.market().get(attempt.agent).map(|listing| listing.record.name.clone());
        let text = |body| {
            bodies
                .get(&body)
                .and_then(|body| body.bytes.as_ref())
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        AttemptView {
            number: attempt.number,
            agent: name
                .unwrap_or_else(|| format!("agent-{}", attempt.agent.0).parse().expect("a plain name")),
            version: attempt.version,
            state: attempt.state.into(),
            repair: attempt.repair,
            tries: attempt.tries,
            started_at: attempt.started_at,
            deadline: attempt.deadline,
            heard_at: attempt.heard_at,
            answered_at: attempt.answered_at,
            ended_at: attempt.ended_at,
            question: attempt.question.and_then(|body| read(bodies, body)),
            reply: attempt.reply.and_then(text),
            reason: attempt.reason.and_then(text),
            pick: read(bodies, attempt.pick),
            input: attempt.input.and_then(|body| body_head(bodies, body)),
            answer: attempt.answer.and_then(|body| body_head(bodies, body)),
            findings: attempt.findings.and_then(|body| read(bodies, body)).unwrap_or_default(),
        }
    }

    /// A subject's newest events up to a revision, which is the number of its newest event; oldest first.
    pub(super) async fn events(&self, subject: Subject, revision: u64) -> Result<Vec<Event>, ApiError> {
        let after = revision.saturating_sub(EVENTS_MAX);
        let limit = u32::try_from(revision - after).unwrap_or(u32::MAX);
        let rows = self.store().events(Query::Events { subject, after, limit }).await.map_err(store)?;
        Ok(rows.iter().filter_map(|row| serde_json::from_slice(&row.bytes).ok()).collect())
    }

    /// The same, and whether they are what was written, up to this head.
    async fn chained_events(&self, subject: Subject, head: Chain) -> Result<(Vec<Event>, Chained), ApiError> {
        // One more than is shown: what the first of them follows from.
        let after = head.revision.saturating_sub(EVENTS_MAX + 1);
        let limit = u32::try_from(head.revision - after).unwrap_or(u32::MAX);
        let rows = self.store().events(Query::Events { subject, after, limit }).await.map_err(store)?;
        let more = rows.len().saturating_sub(usize::try_from(EVENTS_MAX).unwrap_or(usize::MAX));
        let events = rows[more..].iter().filter_map(|row| serde_json::from_slice(&row.bytes).ok()).collect();
        Ok((events, chained(&rows, after, head)))
    }

    /// The head of an agent.
    pub(super) fn agent_head(listing: &Listing, now: Timestamp) -> AgentHead {
        let (record, sums) = (&listing.record, listing.sums(day(now)));
        // Corrections may outlive what they correct.
        let count = |count: i64| u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        AgentHead {
            id: record.id,
            name: record.name.clone(),
            owner: record.owner,
            version: record.version,
            state: record.state.into(),
            health: record.health.into(),
            audience: record.audience,
            wanted: record.wanted,
            running: listing.running,
            concurrency: record.concurrency,
            record: Record {
                passed: count(sums.passed),
                failed: count(sums.failed),
                declined: count(sums.declined),
                unreachable: count(sums.unreachable),
                answer_ms: sums.answer_ms.checked_div(sums.answered).and_then(|ms| u64::try_from(ms).ok()),
            },
            revision: record.chain.revision,
        }
    }
}

/// The head of a job whose newest attempt is this agent's.
fn head_of(job: JobRecord, agent: Option<&Listing>) -> JobHead {
    JobHead {
        id: job.id,
        title: job.title,
        label: job.label,
        state: job.state.into(),
        client: job.client,
        visibility: job.visibility,
        priority: job.priority,
        agent: agent.map(|listing| listing.record.name.clone()),
        attempts: job.attempts,
        checked_by: job.checked_by,
        posted_at: job.posted_at,
        changed_at: job.changed_at,
        deadline: job.deadline,
        due_at: job.due_at,
        window_ends_at: job.window.map(|window| window.ends_at),
        epoch: job.epoch,
        revision: job.chain.revision,
    }
}

/// The agent that an event mentions beside attempts.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others mention none")]
fn mentioned(what: &What) -> Option<AgentId> {
    match what {
        What::Reassigned { to, .. } => *to,
        What::Excluded { agent, .. } | What::Included { agent, .. } | What::InputAsked { agent, .. } => {
            Some(*agent)
        }
        _ => None,
    }
}

/// A complaint or contest as people see it.
pub(super) fn appeal_view(appeal: &AppealRecord, bodies: &BTreeMap<BodyId, BodyRecord>) -> AppealView {
    let text = bodies.get(&appeal.text).and_then(|body| body.bytes.as_ref());
    AppealView {
        job: appeal.attempt.job,
        attempt: appeal.attempt.number,
        kind: appeal.kind,
        made_at: appeal.made_at,
        text: text.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        upheld: appeal.upheld,
    }
}

fn read<T: serde::de::DeserializeOwned>(bodies: &BTreeMap<BodyId, BodyRecord>, id: BodyId) -> Option<T> {
    serde_json::from_slice(bodies.get(&id)?.bytes.as_ref()?).ok()
}

fn body_head(bodies: &BTreeMap<BodyId, BodyRecord>, id: BodyId) -> Option<BodyHead> {
    let body = bodies.get(&id)?;
    let Some(bytes) = &body.bytes else {
        return Some(BodyHead { id, bytes: 0, sha256: String::new(), head: None });
    };
    let head = &bytes[..bytes.len().min(BODY_HEAD_BYTES_MAX)];
    Some(BodyHead {
        id,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: hex::encode(Sha256::digest(bytes)),
        head: Some(whole_characters(head).to_owned()),
    })
}

/// The first bytes of a body as text; none when it was forgotten.
fn beginning(bodies: &BTreeMap<BodyId, BodyRecord>, id: BodyId) -> Option<String> {
    let bytes = bodies.get(&id)?.bytes.as_ref()?;
    Some(whole_characters(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).to_owned())
}

/// Text up to the last whole character.
pub(super) fn whole_characters(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}
