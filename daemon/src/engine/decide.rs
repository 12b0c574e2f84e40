//! What people decide about a job: checked by its state, written as one turn.

use super::Engine;
use super::assign::ended;
use super::commit::{CommitError, Turn};
use super::next_step::attempt_deadline;
use super::perform::withdraw;
use super::settle::same;
use super::work::{Work, findings, read};
use crate::scribe::Scribe;
use crate::store::{AttemptTurn, Cause, JobRecord, JobTurn, Request, Steering, StoreError};
use guildhall_protocol::attempt::{
    AttemptState, CheckedBy, CriterionRef, Decision as Found, EndedAs, Finding, Question,
};
use guildhall_protocol::history::{Actor, Text, What};
use guildhall_protocol::ids::{AgentId, UserId};
use guildhall_protocol::json::Json;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{Asker, IllegalTransition, JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Time that an agent has at least after its question was answered, if the job has.
const REPLY_TIME_MIN: Duration = Duration::from_mins(1);

/// A decision that is a step in the job's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Call it off.
    Cancel,
    /// Look for an agent now.
    LookNow,
    /// Accept the answer in review.
    Accept,
    /// Another attempt, with what is wrong as a finding.
    RequestChanges(String),
    /// Let an operator decide.
    Dispute(String),
    /// Answer the question.
    Reply(Json),
    /// Send the same delivery again.
    Resend,
    /// Take it from its agent, and look for another one or for this one.
    Reassign(Option<AgentId>),
    /// End a held job as failed.
    GiveUp,
}

impl Engine {
    /// Carries out what a person decided. Whether they may is the caller's question.
    ///
    /// # Errors
    /// The job's state does not know it, the job changed meanwhile, or the store cannot be written.
    pub async fn decide(
        &self,
        job: JobRecord,
        who: UserId,
        request: Request,
        decision: Decision,
        reason: Option<String>,
    ) -> Result<(), CommitError> {
        let now = Timestamp::now();
        let mut work = Work::load(&*self.parts.store, job).await?;
        let mut scribe = self.scribe(&work, now, Actor::User(who));
        let reason = reason.map(|text| scribe.text(&text));
        let mut turn = match decision {
            Decision::Cancel => self.cancel(&work, who, &mut scribe, reason, now)?,
            Decision::LookNow => {
                scribe.event(What::LookAgain { reason });
                Turn::of(open_again(&work, work.job.state))
            }
            Decision::Accept => self.accept(&work, who, &mut scribe, now)?,
            Decision::RequestChanges(text) => {
                let store = &*self.parts.store;
                let found = findings(store, work.newest().and_then(|newest| newest.findings)).await?;
                self.request_changes(&work, &mut scribe, found, text, now)?
            }
            Decision::Dispute(text) => {
                let next = work.job.state.after(JobEvent::Disputed)?;
                let text = scribe.text(&text);
                scribe.event(What::Disputed { text });
                let window = self.open_review(&work, Reviewer::Operator, &mut scribe, now);
                let due_at = Some(window.next_look());
                Turn::of(JobTurn { state: next, due_at, window: Some(window), ..same(&work) })
            }
            Decision::Reply(text) => {
                let asked = self.open_question(&work).await?;
                reply(&work, &mut scribe, &text, asked.as_ref(), now)?
            }
            Decision::Resend => {
                let next = work.job.state.after(JobEvent::Resend)?;
                scribe.event(What::Released { reason });
                let attempt = work.newest().map(|attempt| AttemptTurn {
                    state: AttemptState::Sending,
                    tries: 0,
                    // It was held for as long as it took: it gets its part of what is left.
                    deadline: attempt_deadline(&work.attempts, &work.draft.policy, work.job.deadline, now),
                    ..attempt.unchanged()
                });
                Turn { attempt, ..Turn::of(JobTurn { state: next, due_at: Some(now), ..same(&work) }) }
            }
            Decision::Reassign(to) => reassign(&work, &mut scribe, to, reason, now)?,
            Decision::GiveUp => {
                let next = work.job.state.after(JobEvent::GiveUp)?;
                scribe.event(What::Released { reason });
                let attempt = withdraw(&work, &mut scribe, now);
                scribe.event(super::assign::failed(&work.attempts));
                self.tell_client(&work, &mut scribe, NoticeKind::JobFailed);
                Turn { attempt, ..Turn::of(ended(next, &work)) }
            }
        };
        turn.cause = Some(Cause::Request(request));
        self.turn(&mut work, now, scribe, turn).await?;
        self.nudge();
        Ok(())
    }

    /// What the marketplace itself asked last.
    async fn open_question(&self, work: &Work) -> Result<Option<Question>, StoreError> {
        let Some(question) = work.job.question else { return Ok(None) };
        self.parts.store.body(question).await?.map(|bytes| read(&bytes)).transpose()
    }

    fn cancel(
        &self,
        work: &Work,
        who: UserId,
        scribe: &mut Scribe<'_>,
        reason: Option<Text>,
        now: Timestamp,
    ) -> Result<Turn, IllegalTransition> {
        let next = work.job.state.after(JobEvent::Canceled)?;
        let attempt = withdraw(work, scribe, now);
        scribe.event(What::Canceled { reason });
        if who != work.job.client {
            self.tell_client(work, scribe, NoticeKind::JobCanceled);
        }
        Ok(Turn { attempt, ..Turn::of(ended(next, work)) })
    }

    fn accept(
        &self,
        work: &Work,
        who: UserId,
        scribe: &mut Scribe<'_>,
        now: Timestamp,
    ) -> Result<Turn, IllegalTransition> {
        let next = work.job.state.after(JobEvent::ReviewAccepted)?;
        scribe.event(What::ReviewAccepted { reviewer: reviewer(work.job.state) });
        let mut turn = Turn::of(JobTurn { checked_by: Some(CheckedBy::Person), ..ended(next, work) });
        if let Some(attempt) = work.newest() {
            scribe.event(What::AttemptEnded {
                attempt: attempt.number,
                ended: EndedAs::Passed,
                reason: None,
            });
            scribe.event(What::Completed { attempt: attempt.number, by: CheckedBy::Person });
            scribe.opinion(attempt.number, true);
            turn.tally = self.tally(work, attempt, EndedAs::Passed, now);
            if who != work.job.client {
                self.tell_client(work, scribe, NoticeKind::JobCompleted);
            }
            self.tell_owner(work, attempt, scribe, NoticeKind::AgentJudged);
            let state = AttemptState::Ended(EndedAs::Passed);
            turn.attempt = Some(AttemptTurn { state, ended_at: Some(now), ..attempt.unchanged() });
        }
        Ok(turn)
    }

    fn request_changes(
        &self,
        work: &Work,
        scribe: &mut Scribe<'_>,
        mut found: Vec<Finding>,
        text: String,
        now: Timestamp,
    ) -> Result<Turn, IllegalTransition> {
        let state = work.job.state.after(JobEvent::ChangesRequested)?;
        let label = "what the reviewer asks for";
        let finding = Finding::new(CriterionRef::Review, label, Found::Fail, text.clone());
        let text = scribe.body(text.into_bytes()).1;
        scribe.event(What::ChangesRequested { reviewer: reviewer(work.job.state), text });
        let due_at = Some(work.job.deadline);
        let mut turn =
            Turn::of(JobTurn { state, due_at, ready: true, lease: None, window: None, ..same(work) });
        if let Some(attempt) = work.newest() {
            scribe.event(What::AttemptEnded {
                attempt: attempt.number,
                ended: EndedAs::Failed,
                reason: None,
            });
            scribe.opinion(attempt.number, false);
            // Beside what was found before.
            found.push(finding);
            let findings = Some(scribe.body(serde_json::to_vec(&found).unwrap_or_default()).0);
            turn.tally = self.tally(work, attempt, EndedAs::Failed, now);
            self.tell_owner(work, attempt, scribe, NoticeKind::AgentJudged);
            let state = AttemptState::Ended(EndedAs::Failed);
            turn.attempt = Some(AttemptTurn { state, ended_at: Some(now), findings, ..attempt.unchanged() });
        }
        Ok(turn)
    }
}

/// The client's reply goes to the same agent under the same attempt, whose clock runs again.
fn reply(
    work: &Work,
    scribe: &mut Scribe<'_>,
    reply: &Json,
    asked: Option<&Question>,
    now: Timestamp,
) -> Result<Turn, IllegalTransition> {
    let state = work.job.state.after(JobEvent::Replied)?;
    let asked_by_agent = work.job.state == JobState::InputRequired(Asker::Agent);
    let told = if asked_by_agent {
        reply.as_str().as_bytes().to_vec()
    } else {
        serde_json::to_vec(&work.told.clone().and(reply, asked)).unwrap_or_default()
    };
    let (body, commitment) = scribe.body(told);
    let attempt = work.newest().filter(|_| asked_by_agent).map(|attempt| AttemptTurn {
        state: AttemptState::Sending,
        tries: 0,
        deadline: now
            .after(Duration::from_millis(attempt.left_ms.unwrap_or(0)).max(REPLY_TIME_MIN))
            .min(work.job.deadline),
        left_ms: None,
        reply: Some(body),
        replies: attempt.replies + 1,
        ..attempt.unchanged()
    });
    let number = attempt.map_or(guildhall_protocol::ids::AttemptNumber(0), |attempt| attempt.number);
    scribe.event(What::Replied { attempt: number, reply: commitment });
    if !asked_by_agent {
        return Ok(Turn::of(JobTurn { reply: Some(body), ..open_again(work, state) }));
    }
    let turn = JobTurn { state, due_at: Some(now), lease: None, window: None, ..same(work) };
    Ok(Turn { attempt, ..Turn::of(turn) })
}

fn open_again(work: &Work, state: JobState) -> JobTurn {
    let due_at = Some(work.job.deadline);
    JobTurn { state, due_at, ready: true, lease: None, window: None, ..same(work) }
}

/// Whoever has the job loses it; unless it is ordered for the same agent, that one does not get it again.
fn reassign(
    work: &Work,
    scribe: &mut Scribe<'_>,
    to: Option<AgentId>,
    reason: Option<Text>,
    now: Timestamp,
) -> Result<Turn, IllegalTransition> {
    let next = work.job.state.after(JobEvent::Reassign)?;
    scribe.event(What::Reassigned { to, reason });
    let attempt = withdraw(work, scribe, now);
    let mut steering = Steering { assign: to, ..work.job.steering.clone() };
    let before = work.newest().filter(|_| attempt.is_some()).map(|newest| newest.agent);
    if let Some(before) = before.filter(|before| to != Some(*before) && !steering.exclude.contains(before)) {
        steering.exclude.push(before);
    }
    let job = JobTurn { deaths: 0, ..open_again(work, next) };
    Ok(Turn { attempt, steering: Some(steering), ..Turn::of(job) })
}

fn reviewer(state: JobState) -> Reviewer {
    if state == JobState::InReview(Reviewer::Operator) { Reviewer::Operator } else { Reviewer::Client }
}
