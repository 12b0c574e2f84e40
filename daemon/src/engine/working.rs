//! Work that takes longer than one exchange: the agent accepts, shows that it is alive, asks the client, is asked by us.

use super::Engine;
use super::commit::{CommitError, Turn};
use super::deliver::Outgoing;
use super::reading::{self, Reading};
use super::settle::{CHATTY_AFTER, Heard, same};
use super::work::Work;
use crate::agents::contract::{About, MessageType, message};
use crate::scribe::Scribe;
use crate::store::{AttemptRecord, AttemptTurn, JobTurn, StoreError, Window};
use guildhall_protocol::agent::TimeLimits;
use guildhall_protocol::attempt::{AttemptState, EndedAs, Question};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{JobEvent, JobState};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Between two questions how far an agent is: a quarter of the time since it got the job, within these.
const ASK_MIN: Duration = Duration::from_secs(1);
const ASK_MAX: Duration = Duration::from_secs(30);
/// Time for one such question.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// In a long history, words on progress closer together than this are only signs of life.
const PROGRESS_MIN: Duration = Duration::from_mins(1);

impl Engine {
    /// The agent said that it works on it.
    pub(super) async fn accepted(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Accepted)?;
        let limits = self.time_limits(attempt).await?;
        if work.job.state == JobState::Assigned {
            scribe.event_by(Actor::Agent(attempt.agent), What::Accepted { attempt: attempt.number });
        } else {
            let attempt = attempt.number;
            scribe.event_by(Actor::Daemon, What::Progressed { attempt, note: None });
        }
        let by_then = now.after(Duration::from_millis(limits.answer_ms));
        let accepted = AttemptTurn {
            state: AttemptState::Accepted,
            deadline: attempt.deadline.min(by_then),
            heard_at: Some(now),
            ..attempt.unchanged()
        };
        let due_at = Some(self.listen_until(attempt, &accepted, limits, now));
        let job = JobTurn { state, due_at, lease: None, ..same(work) };
        Ok(self.turn(work, now, scribe, Turn { job, attempt: Some(accepted), ..turn }).await?)
    }

    /// The agent is alive; perhaps it says how far it is. A sign of life alone begins no epoch and tells no story.
    pub(super) async fn progressed(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        note: Option<&str>,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let chatty = work.job.chain.revision > CHATTY_AFTER / 2
            && attempt.heard_at.is_some_and(|heard| now.since(heard) < PROGRESS_MIN);
        if let Some(note) = note.filter(|note| !note.trim().is_empty() && !chatty) {
            let note = Some(scribe.text(note));
            let what = What::Progressed { attempt: attempt.number, note };
            scribe.event_by(Actor::Agent(attempt.agent), what);
        }
        // While a reply is on its way, a sign of life does not say that it arrived.
        if work.job.state == JobState::Assigned && attempt.replies == 0 {
            return self.accepted(work, attempt, turn, scribe, now).await;
        }
        let heard = AttemptTurn { heard_at: Some(now), ..attempt.unchanged() };
        let mut noted = work.note();
        if work.job.state == JobState::Working {
            let limits = self.time_limits(attempt).await?;
            noted.due_at = Some(self.listen_until(attempt, &heard, limits, now));
        }
        noted.attempt = Some(heard);
        Ok(self.note(work, now, scribe, turn.cause, noted).await?)
    }

    /// The agent asks the client something: its clock stops.
    pub(super) async fn asked(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        question: &Question,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Asked)?;
        // A question that replaces an open one begins no new time, and tells nobody again.
        let open = work.job.window.filter(|_| attempt.state == AttemptState::Asked);
        let ends_at = open.map_or(now.after(self.parts.limits.question_window), |window| window.ends_at);
        let ends_at = ends_at.min(work.job.deadline);
        let (body, commitment) = scribe.body(serde_json::to_vec(question).unwrap_or_default());
        let what = What::Asked { attempt: attempt.number, question: commitment, until: ends_at };
        scribe.event_by(Actor::Agent(attempt.agent), what);
        if open.is_none() {
            self.tell_client(work, &mut scribe, NoticeKind::Question);
        }
        let left = u64::try_from(attempt.deadline.since(now).as_millis()).unwrap_or(u64::MAX);
        let asked = AttemptTurn {
            state: AttemptState::Asked,
            left_ms: Some(attempt.left_ms.unwrap_or(left)),
            heard_at: Some(now),
            question: Some(body),
            reply: None,
            ..attempt.unchanged()
        };
        let window = open.unwrap_or(Window { begins_at: now, ends_at, reminded: 0 });
        let due_at = Some(window.next_look());
        let job = JobTurn { state, due_at, lease: None, window: Some(window), ..same(work) };
        Ok(self.turn(work, now, scribe, Turn { job, attempt: Some(asked), ..turn }).await?)
    }

    /// Nothing new was heard: it is looked at again, until the agent has been silent for too long.
    pub(super) async fn listen_on(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let limits = self.time_limits(attempt).await?;
        let silent_at = silent_at(attempt.heard_at.unwrap_or(attempt.started_at), limits);
        if now < silent_at.min(attempt.deadline) {
            let mut noted = work.note();
            noted.due_at = Some(next_ask(attempt, now).min(silent_at).min(attempt.deadline));
            return Ok(self.note(work, now, scribe, turn.cause, noted).await?);
        }
        let silence = format!("no sign of life for {} s", limits.silence_ms / 1_000);
        let why = if now >= attempt.deadline { "its time was up".to_owned() } else { silence };
        let (reason, commitment) = scribe.body(why.into_bytes());
        let silent = EndedAs::Silent;
        let what = What::AttemptEnded { attempt: attempt.number, ended: silent, reason: Some(commitment) };
        scribe.event(what);
        scribe.message(attempt.agent, MessageType::JobCanceled, attempt.reference());
        let over = AttemptTurn {
            state: AttemptState::Ended(silent),
            ended_at: Some(now),
            reason: Some(reason),
            ..attempt.unchanged()
        };
        let turn = Turn { attempt: Some(over), ..turn };
        self.end_attempt(work, attempt, turn, super::next_step::Failure::Other, scribe, now).await
    }

    /// Asks the agent where it is with the job.
    pub(super) async fn ask(
        &self,
        work: Work,
        mut attempt: AttemptRecord,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        let about = About::of(self.parts.tag, attempt.reference());
        let id = format!("{}_status_{}", about.delivery, self.parts.maker.id(now));
        let limit = Duration::from_millis(compiled.definition.time_limits.exchange_ms).min(ASK_LIMIT);
        let out = Outgoing {
            agent: attempt.agent,
            definition: &compiled.definition,
            kind: MessageType::JobStatus,
            id: &id,
            deadline: Some(attempt.deadline),
            body: message(MessageType::JobStatus, now, &about),
            time_limit: limit,
            keep_reply: true,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        attempt.tries += 1;
        let sent = reading::Sent {
            tries: attempt.tries,
            policy: &work.draft.policy,
            idempotent: compiled.definition.idempotent,
            chance: self.chance(),
            time_left: attempt.deadline.since(now),
        };
        let (reading, pulse) = if attempt.state == AttemptState::Unclear {
            reading::read_unclear(delivered, sent)
        } else {
            reading::read_working(delivered, sent, self.parts.public_url.is_some())
        };
        let log = Some((MessageType::JobStatus, serde_json::to_vec(&log).unwrap_or_default()));
        let replies = Some(attempt.replies);
        let heard = Heard { attempt: attempt.number, reading, log, callback: None, replies, pulse };
        self.settle(work.with(attempt), heard).await.map(drop)
    }

    async fn time_limits(&self, attempt: &AttemptRecord) -> Result<TimeLimits, StoreError> {
        Ok(self.compiled(attempt.agent, attempt.version).await?.definition.time_limits)
    }

    /// When an attempt that was heard of is looked at next: when it has been silent for too long, or sooner where the
    /// agent cannot call back.
    fn listen_until(
        &self,
        attempt: &AttemptRecord,
        turn: &AttemptTurn,
        limits: TimeLimits,
        now: Timestamp,
    ) -> Timestamp {
        let silent_at = silent_at(turn.heard_at.unwrap_or(now), limits);
        let next = if self.parts.public_url.is_some() { silent_at } else { next_ask(attempt, now) };
        next.min(silent_at).min(turn.deadline)
    }
}

fn silent_at(heard_at: Timestamp, limits: TimeLimits) -> Timestamp {
    heard_at.after(Duration::from_millis(limits.silence_ms))
}

fn next_ask(attempt: &AttemptRecord, now: Timestamp) -> Timestamp {
    now.after((now.since(attempt.started_at) / 4).clamp(ASK_MIN, ASK_MAX))
}

impl Reading {
    /// What the agent said, as it is kept when it came too late; none where it said nothing.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Answer(output) => Some(output.as_str().to_owned()),
            Self::Asked(question) => Some(question.text.clone()),
            Self::Working(note) => note.clone(),
            Self::Ended { reason, ended: EndedAs::Declined, .. } => Some(reason.clone()),
            Self::Accepted | Self::Again { .. } | Self::Listen | Self::Hold(_) | Self::Ended { .. } => None,
        }
    }
}
