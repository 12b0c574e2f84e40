//! What people decide about a job: checked by its state, written as one turn.

use super::Engine;
use super::assign::ended;
use super::commit::{CommitError, Turn};
use super::perform::withdraw;
use super::settle::{same, unchanged};
use super::work::Work;
use crate::scribe::Scribe;
use crate::store::{AttemptTurn, JobRecord, JobTurn, Request};
use guildhall_protocol::attempt::{
    AttemptState, CheckedBy, CriterionRef, Decision as Found, EndedAs, Finding,
};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::UserId;
use guildhall_protocol::state::{IllegalTransition, JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

/// A decision.
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
    /// Send the same delivery again.
    Resend,
    /// Look for another agent.
    Reassign,
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
        let state = work.job.state;
        let open_again = |work: &Work, state| JobTurn {
            state,
            due_at: Some(work.job.deadline),
            ready: true,
            lease: None,
            ..same(work)
        };
        let mut turn = match decision {
            Decision::Cancel => {
                let next = state.after(JobEvent::Canceled)?;
                let reason = reason.map(|text| scribe.body(text.into_bytes()).1);
                let attempt = withdraw(&work, &mut scribe, now);
                scribe.event(What::Canceled { reason });
                Turn { attempt, ..Turn::of(ended(next, &work)) }
            }
            Decision::LookNow => {
                scribe.event(What::LookAgain);
                Turn::of(open_again(&work, state))
            }
            Decision::Accept => self.accept(&work, &mut scribe, now)?,
            Decision::RequestChanges(text) => self.request_changes(&work, &mut scribe, text, now)?,
            Decision::Dispute(text) => {
                let next = state.after(JobEvent::Disputed)?;
                let text = scribe.body(text.into_bytes()).1;
                let until = now.after(self.parts.limits.review_window);
                scribe.event(What::Disputed { text });
                scribe.event(What::ReviewRequested { reviewer: Reviewer::Operator, until });
                Turn::of(JobTurn { state: next, due_at: Some(until), ..same(&work) })
            }
            Decision::Resend => {
                let next = state.after(JobEvent::Resend)?;
                scribe.event(What::Released);
                let attempt = work
                    .newest()
                    .map(|attempt| AttemptTurn { state: AttemptState::Sending, ..unchanged(attempt) });
                Turn { attempt, ..Turn::of(JobTurn { state: next, due_at: Some(now), ..same(&work) }) }
            }
            Decision::Reassign => {
                let next = state.after(JobEvent::Reassign)?;
                scribe.event(What::Released);
                let attempt = withdraw(&work, &mut scribe, now);
                Turn { attempt, ..Turn::of(JobTurn { deaths: 0, ..open_again(&work, next) }) }
            }
            Decision::GiveUp => {
                let next = state.after(JobEvent::GiveUp)?;
                let attempt = withdraw(&work, &mut scribe, now);
                scribe.event(super::assign::failed(&work.attempts));
                scribe.notify(work.job.client, "job_failed", Some(work.job.id), None);
                Turn { attempt, ..Turn::of(ended(next, &work)) }
            }
        };
        turn.request = Some(request);
        self.turn(&mut work, now, scribe, turn).await?;
        self.nudge();
        Ok(())
    }

    fn accept(
        &self,
        work: &Work,
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
            turn.tally = self.tally(work, attempt, EndedAs::Passed, now);
            let state = AttemptState::Ended(EndedAs::Passed);
            turn.attempt = Some(AttemptTurn { state, ended_at: Some(now), ..unchanged(attempt) });
        }
        Ok(turn)
    }

    fn request_changes(
        &self,
        work: &Work,
        scribe: &mut Scribe<'_>,
        text: String,
        now: Timestamp,
    ) -> Result<Turn, IllegalTransition> {
        let state = work.job.state.after(JobEvent::ChangesRequested)?;
        let finding = Finding {
            criterion: CriterionRef::Review,
            label: "what the reviewer asks for".to_owned(),
            decision: Found::Fail,
            evidence: text.clone(),
        };
        let text = scribe.body(text.into_bytes()).1;
        scribe.event(What::ChangesRequested { reviewer: reviewer(work.job.state), text });
        let due_at = Some(work.job.deadline);
        let mut turn = Turn::of(JobTurn { state, due_at, ready: true, lease: None, ..same(work) });
        if let Some(attempt) = work.newest() {
            scribe.event(What::AttemptEnded {
                attempt: attempt.number,
                ended: EndedAs::Failed,
                reason: None,
            });
            let findings = Some(scribe.body(serde_json::to_vec(&[finding]).unwrap_or_default()).0);
            turn.tally = self.tally(work, attempt, EndedAs::Failed, now);
            let state = AttemptState::Ended(EndedAs::Failed);
            turn.attempt = Some(AttemptTurn { state, ended_at: Some(now), findings, ..unchanged(attempt) });
        }
        Ok(turn)
    }
}

fn reviewer(state: JobState) -> Reviewer {
    if state == JobState::InReview(Reviewer::Operator) { Reviewer::Operator } else { Reviewer::Client }
}
