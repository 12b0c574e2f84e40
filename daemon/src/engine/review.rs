//! Windows in which people answer and decide: reminders, and what silence means.
//!
//! A review's window begins when a channel took the request: who was never told has not been silent.

use super::Engine;
use super::assign::ended;
use super::commit::{CommitError, Turn};
use super::settle::same;
use super::work::{Work, findings};
use crate::store::{AttemptTurn, JobTurn, Query, StoreError, Window};
use guildhall_protocol::attempt::{AttemptState, CheckedBy, Decision, EndedAs};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{JobEvent, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

/// Whether and when a request reached the person who was asked.
enum Told {
    Never,
    At(Timestamp),
}

impl Engine {
    /// Reminds whoever was asked, and looks again at the next reminder or the end.
    pub(super) async fn remind(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let Some(window) = work.job.window else { return Ok(()) };
        let window = Window { reminded: window.reminded + 1, ..window };
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        if work.job.state == JobState::InReview(Reviewer::Operator) {
            self.tell_operators(&work.job, &mut scribe, NoticeKind::Reminder);
        } else {
            self.tell_client(&work, &mut scribe, NoticeKind::Reminder);
        }
        let mut note = work.note();
        note.window = Some(window);
        note.due_at = Some(window.next_look());
        Ok(self.note(&mut work, now, scribe, None, note).await?)
    }

    /// The window of a review is over: it goes on from when the request was taken; silence accepts what had passed;
    /// what was doubtful, or never told, goes to operators, and after them ends unjudged.
    pub(super) async fn close_review(
        &self,
        mut work: Work,
        reviewer: Reviewer,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let Some(attempt) = work.newest().cloned() else { return Ok(()) };
        let mut doubtful = self.is_doubtful(&work).await?;
        if let (Reviewer::Client, Some(window)) = (reviewer, work.job.window) {
            match self.told(&work, window).await? {
                Told::At(at) if at.after(self.parts.limits.review_window) > now => {
                    return self.move_window(work, window, at, now).await;
                }
                Told::At(_) => {}
                Told::Never => doubtful = true,
            }
        }
        let event = if doubtful { JobEvent::WindowPassedDoubtful } else { JobEvent::WindowPassed };
        let state = work.job.state.after(event)?;
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(What::WindowPassed { reviewer });
        if !state.is_terminal() {
            let window = self.open_review(&work, Reviewer::Operator, &mut scribe, now);
            let turn =
                JobTurn { state, due_at: Some(window.next_look()), window: Some(window), ..same(&work) };
            return Ok(self.turn(&mut work, now, scribe, Turn::of(turn)).await?);
        }
        let checked = CheckedBy::Nobody;
        scribe.event(What::AttemptEnded { attempt: attempt.number, ended: EndedAs::Passed, reason: None });
        scribe.event(What::Completed { attempt: attempt.number, by: checked });
        self.tell_client(&work, &mut scribe, NoticeKind::JobCompleted);
        self.tell_owner(&work, &attempt, &mut scribe, NoticeKind::AgentJudged);
        let turn = JobTurn { checked_by: Some(checked), ..ended(state, &work) };
        let passed = AttemptTurn {
            state: AttemptState::Ended(EndedAs::Passed),
            ended_at: Some(now),
            ..attempt.unchanged()
        };
        Ok(self.turn(&mut work, now, scribe, Turn { attempt: Some(passed), ..Turn::of(turn) }).await?)
    }

    /// Whether a criterion of the newest answer could not be decided.
    async fn is_doubtful(&self, work: &Work) -> Result<bool, StoreError> {
        let findings = findings(&*self.parts.store, work.newest().and_then(|newest| newest.findings)).await?;
        Ok(findings.iter().any(|finding| finding.decision == Decision::Abstain))
    }

    /// When the request of this window was first taken by a channel.
    async fn told(&self, work: &Work, window: Window) -> Result<Told, StoreError> {
        let query = Query::NotificationsOf { job: work.job.id, kind: NoticeKind::ReviewWanted };
        let notices = self.parts.store.notifications(query).await?;
        let mine = notices
            .iter()
            .filter(|notice| notice.user == work.job.client && notice.made_at >= window.begins_at)
            .collect::<Vec<_>>();
        if mine.is_empty() {
            // Who switched these notices off wants to look by themselves.
            return Ok(Told::At(window.begins_at));
        }
        let taken = mine.iter().filter_map(|notice| notice.acknowledged_at).min();
        Ok(taken.map_or(Told::Never, Told::At))
    }

    async fn move_window(
        &self,
        mut work: Work,
        window: Window,
        begins_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let ends_at = begins_at.after(self.parts.limits.review_window);
        // The last reminder is for the end as it is now.
        let window = Window { begins_at: window.begins_at, ends_at, reminded: window.reminded.min(1) };
        let mut note = work.note();
        note.window = Some(window);
        note.due_at = Some(window.next_look());
        let scribe = self.scribe(&work, now, Actor::Daemon);
        Ok(self.note(&mut work, now, scribe, None, note).await?)
    }
}
