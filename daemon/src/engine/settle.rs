//! Writing down what an agent said, or did not say, about an attempt: in answer to a delivery, or by itself.
//!
//! Whoever decides meanwhile wins: what then does not fit any more is kept as late, and changes nothing.

use super::Engine;
use super::assign::{LEASE_MARGIN, ended, failed};
use super::commit::{CommitError, Turn};
use super::next_step::{Failure, NextStep, Story, next_step};
use super::reading::Reading;
use super::work::Work;
use crate::agents::contract::MessageType;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{
    AttemptRecord, AttemptTurn, Callback, Cause, Command, JobRecord, JobTurn, Lease, NewDelivery, Pulse,
    StoreError,
};
use guildhall_protocol::attempt::{AttemptState, CriterionRef, Decision, EndedAs, Finding};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AttemptNumber, DeliveryLogId};
use guildhall_protocol::json::Json;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::state::{Asker, HeldWhy, JobEvent, JobState};
use guildhall_protocol::time::Timestamp;

/// How often an outcome is written when the job changes under it.
const SETTLE_TRIES: u32 = 8;

/// Events of a job after which its agents' unasked words are acknowledged and not kept, so that talking fills no store.
pub(super) const CHATTY_AFTER: u64 = 200;
/// Most bytes kept of what came too late.
const LATE_BYTES_MAX: usize = 64 * 1024;

/// What came of an exchange, or of a callback.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// About which attempt.
    pub(super) attempt: AttemptNumber,
    /// What it means.
    pub(super) reading: Reading,
    /// The exchange, for the delivery log.
    pub(super) log: Option<(MessageType, Vec<u8>)>,
    /// The callback that said it.
    pub(super) callback: Option<Callback>,
    /// How many questions of the attempt were answered when the exchange began. What an older exchange says does not
    /// tell whether the newest reply arrived. None for a callback, which answers no exchange.
    pub(super) replies: Option<u32>,
    /// What the agent's circuit hears of it.
    pub(super) pulse: Option<Pulse>,
}

/// What became of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It went on record, and the job with it.
    Recorded,
    /// It came too late to matter.
    Late,
}

impl Engine {
    /// Writes down what was heard, whatever happened to the job meanwhile.
    pub(super) async fn settle(&self, mut work: Work, heard: Heard) -> Result<Settled, CommitError> {
        for _ in 0..SETTLE_TRIES {
            let now = Timestamp::now();
            let written = match work.attempt(heard.attempt).cloned() {
                Some(attempt) if fits(&work, &attempt, &heard) => {
                    self.go_on(&mut work, &attempt, &heard, now).await.map(|()| Settled::Recorded)
                }
                Some(attempt) => self.late(&mut work, &attempt, &heard, now).await.map(|()| Settled::Late),
                None => Err(StoreError::NotFound.into()),
            };
            match written {
                Err(CommitError::Store(StoreError::Stale)) => {
                    let job = self.parts.store.job(work.job.id).await?;
                    work = Work::load(&*self.parts.store, job).await?;
                }
                Ok(settled) => {
                    if let (Some(pulse), Some(attempt)) = (heard.pulse, work.attempt(heard.attempt)) {
                        self.feel(attempt.agent, pulse, now).await;
                    }
                    return Ok(settled);
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Stale.into())
    }

    /// The scribe of what was heard: it keeps the exchange.
    fn scribe_of(&self, work: &Work, attempt: &AttemptRecord, heard: &Heard, now: Timestamp) -> Scribe<'_> {
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        if let Some((kind, log)) = &heard.log {
            let attempt_ref = Some((attempt.job, attempt.number));
            scribe.delivery(attempt.agent, attempt_ref, kind.name(), log.clone());
        }
        scribe
    }

    async fn go_on(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let scribe = self.scribe_of(work, attempt, heard, now);
        let cause = heard.callback.clone().map(Cause::Callback);
        let turn =
            Turn { cause, pulse: heard.pulse.map(|pulse| (attempt.agent, pulse)), ..Turn::of(same(work)) };
        match &heard.reading {
            Reading::Answer(output) => self.answer(work, attempt, output, turn, scribe, now).await,
            Reading::Accepted => self.accepted(work, attempt, turn, scribe, now).await,
            Reading::Working(note) => {
                self.progressed(work, attempt, note.as_deref(), turn, scribe, now).await
            }
            Reading::Asked(question) => self.asked(work, attempt, question, turn, scribe, now).await,
            Reading::Again { wait, unclear } => {
                let until = now.after(*wait).min(work.job.deadline);
                self.again(work, attempt, until, *unclear, turn, scribe, now).await
            }
            Reading::Listen => self.listen_on(work, attempt, turn, scribe, now).await,
            Reading::Hold(why) => self.hold(work, attempt, why, turn, scribe, now).await,
            Reading::Ended { .. } => self.end_by_word(work, attempt, &heard.reading, turn, scribe, now).await,
        }
    }

    /// The delivery goes out again, or the agent is asked, after a wait.
    #[expect(
        clippy::too_many_arguments,
        reason = "an outcome, whose it is, and the record that it continues"
    )]
    async fn again(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        until: Timestamp,
        unclear: bool,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        scribe.event(What::Deferred { attempt: attempt.number, tries: attempt.tries, until });
        let state = if unclear { AttemptState::Unclear } else { AttemptState::Sending };
        let job = JobTurn { due_at: Some(until), lease: None, ..same(work) };
        let attempt = Some(AttemptTurn { state, ..attempt.unchanged() });
        Ok(self.turn(work, now, scribe, Turn { job, attempt, ..turn }).await?)
    }

    async fn end_by_word(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        reading: &Reading,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let Reading::Ended { ended, reason, failure, breach, gone } = reading else { return Ok(()) };
        let (reason_body, commitment) = scribe.body(reason.clone().into_bytes());
        let mut over = AttemptTurn {
            state: AttemptState::Ended(*ended),
            left_ms: None,
            ended_at: Some(now),
            reason: Some(reason_body),
            ..attempt.unchanged()
        };
        if *breach {
            let label = "an answer that can be read";
            let finding = Finding::new(CriterionRef::Contract, label, Decision::Fail, reason.clone());
            over.findings = Some(scribe.body(serde_json::to_vec(&[finding]).unwrap_or_default()).0);
            over.answered_at = Some(now);
        }
        let what = What::AttemptEnded { attempt: attempt.number, ended: *ended, reason: Some(commitment) };
        scribe.event_by(Actor::Agent(attempt.agent), what);
        if *gone {
            // Before the attempt ends: the job must not come straight back.
            self.pause_gone(attempt.agent, now).await;
        }
        let turn = Turn { attempt: Some(over), ..turn };
        self.end_attempt(work, attempt, turn, *failure, scribe, now).await
    }

    /// Stores an answer. It is judged in the same turn where that is safe and nobody waits for the commit.
    async fn answer(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        output: &Json,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let late = work.job.state == JobState::Open;
        let state = work.job.state.after(if late { JobEvent::AnsweredLate } else { JobEvent::Answered })?;
        let (body, commitment) = scribe.body(output.as_str().as_bytes().to_vec());
        let what = What::Answered { attempt: attempt.number, answer: commitment };
        scribe.event_by(Actor::Agent(attempt.agent), what);
        let answered = AttemptTurn {
            state: AttemptState::Answered,
            left_ms: None,
            answered_at: Some(now),
            ended_at: None,
            answer: Some(body),
            reason: None,
            ..attempt.unchanged()
        };
        // An attempt that had ended was counted: whatever the answer is worth, that count was wrong.
        let corrected = attempt.state.ended().and_then(|ended| self.tally(work, attempt, ended, now));
        let tally = corrected.map(crate::store::TallyRecord::taken_back);
        let turn = Turn { attempt: Some(answered), tally, ..turn };
        let by_itself = turn.cause.is_some();
        if !by_itself && !late && !self.is_careful(&work.job, now) {
            let compiled = self.compiled(attempt.agent, attempt.version).await?;
            return self.judge(work, state, turn, attempt, output, &compiled, scribe, now).await;
        }
        let careful = self.is_careful(&work.job, now) && !by_itself;
        let until = if careful { now.after(LEASE_MARGIN) } else { now };
        let lease = careful.then_some(Lease { incarnation: self.parts.incarnation, until });
        let job = JobTurn { state, due_at: Some(until), ready: false, lease, window: None, ..same(work) };
        self.turn(work, now, scribe, Turn { job, ..turn }).await?;
        if !careful {
            self.nudge();
            return Ok(());
        }
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        let scribe = self.scribe(work, now, Actor::Daemon);
        let turn = Turn { attempt: Some(answered), ..Turn::of(same(work)) };
        self.judge(work, state, turn, attempt, output, &compiled, scribe, now).await
    }

    /// An attempt is over without success: the job is open again, or failed. `turn.attempt` says how it is over.
    pub(super) async fn end_attempt(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        turn: Turn,
        failure: Failure,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let Some(over) = turn.attempt else { return Ok(()) };
        let attempts: Vec<AttemptRecord> = work
            .attempts
            .iter()
            .map(|known| if known.number == over.number { known.clone().after(over) } else { known.clone() })
            .collect();
        let (posted_at, deadline) = (work.job.posted_at, work.job.deadline);
        let story = Story { attempts: &attempts, failure, agent_ready: true, posted_at, deadline };
        let give_up = next_step(&story, &work.draft.policy, now) == NextStep::GiveUp;
        let evaluated = work.job.state == JobState::Evaluating;
        let state = match (evaluated, give_up) {
            (true, true) => work.job.state.after(JobEvent::FailedForGood)?,
            (true, false) => work.job.state.after(JobEvent::FailedTryAgain)?,
            (false, true) => work.job.state.after(JobEvent::AttemptEnded)?.after(JobEvent::Exhausted)?,
            (false, false) => work.job.state.after(JobEvent::AttemptEnded)?,
        };
        let job = if give_up {
            scribe.event(failed(&attempts));
            self.tell_client(work, &mut scribe, NoticeKind::JobFailed);
            ended(state, work)
        } else {
            JobTurn { state, due_at: Some(deadline), ready: true, lease: None, window: None, ..same(work) }
        };
        let how = over.state.ended().unwrap_or(EndedAs::Unclear);
        let tally = self.tally(work, attempt, how, now);
        // What a late answer took back comes first.
        let tally = match (turn.tally, tally) {
            (Some(before), Some(counted)) => Some(before.and(counted)),
            (before, counted) => before.or(counted),
        };
        self.tell_owner(work, attempt, &mut scribe, NoticeKind::AgentEnded);
        self.turn(work, now, scribe, Turn { job, tally, ..turn }).await?;
        self.nudge();
        Ok(())
    }

    /// Nobody can say whether the agent did it, and doing it twice may do harm: an operator decides.
    async fn hold(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        why: &str,
        turn: Turn,
        mut scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Unresolvable)?;
        let reason = scribe.body(why.as_bytes().to_vec()).0;
        scribe.event(What::Held { why: HeldWhy::Unclear });
        self.tell_client(work, &mut scribe, NoticeKind::JobHeld);
        self.tell_operators(&work.job, &mut scribe, NoticeKind::OperatorNeeded);
        let job = JobTurn { state, due_at: Some(work.job.deadline), lease: None, window: None, ..same(work) };
        let attempt = Some(AttemptTurn {
            state: AttemptState::Unclear,
            left_ms: None,
            reason: Some(reason),
            ..attempt.unchanged()
        });
        Ok(self.turn(work, now, scribe, Turn { job, attempt, ..turn }).await?)
    }

    /// Keeps what came too late to matter.
    async fn late(
        &self,
        work: &mut Work,
        attempt: &AttemptRecord,
        heard: &Heard,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        if heard.callback.is_some() && work.job.chain.revision >= CHATTY_AFTER {
            // Heard, and not kept: nobody may fill the store by talking.
            return Ok(());
        }
        let mut scribe = self.scribe_of(work, attempt, heard, now);
        if let Some(word) = heard.reading.word() {
            let message = scribe.text(first_bytes(&word, LATE_BYTES_MAX));
            let what = What::Late { attempt: attempt.number, message };
            scribe.event_by(Actor::Agent(attempt.agent), what);
        } else if heard.callback.is_none() {
            // Not a word of the agent's: only the exchange is kept.
            if let Some((kind, log)) = &heard.log {
                self.log_delivery(attempt, *kind, log.clone(), now).await?;
            }
            return Ok(());
        }
        let cause = heard.callback.clone().map(Cause::Callback);
        let note = work.note();
        self.note(work, now, scribe, cause, note).await?;
        Ok(())
    }

    pub(super) async fn log_delivery(
        &self,
        attempt: &AttemptRecord,
        kind: MessageType,
        log: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let delivery = NewDelivery {
            id: DeliveryLogId(self.parts.maker.id(now)),
            agent: attempt.agent,
            at: now,
            attempt: Some((attempt.job, attempt.number)),
            message: kind.name(),
            log,
        };
        self.parts.store.apply(now, Command::LogDeliveries { deliveries: vec![delivery] }).await.map(drop)
    }

    /// Tells the job's client.
    pub(super) fn tell_client(&self, work: &Work, scribe: &mut Scribe<'_>, kind: NoticeKind) {
        let notice = Notice::of_job(work.job.client, kind, work.job.id);
        let notice = match work.newest() {
            Some(newest) => notice.attempt(newest.number, newest.agent),
            None => notice,
        };
        scribe.notify(&self.parts.people, notice);
    }

    /// Tells the owners of an attempt's agent, unless it is their own trial.
    pub(super) fn tell_owner(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        scribe: &mut Scribe<'_>,
        kind: NoticeKind,
    ) {
        for owner in self.owners(attempt.agent).into_iter().filter(|_| !work.job.trial) {
            let notice = Notice::of_job(owner, kind, work.job.id).attempt(attempt.number, attempt.agent);
            scribe.notify(&self.parts.people, notice);
        }
    }

    /// Tells every operator, and the alert channel of the job's place.
    pub(super) fn tell_operators(&self, job: &JobRecord, scribe: &mut Scribe<'_>, kind: NoticeKind) {
        for operator in self.parts.people.operators() {
            scribe.notify(&self.parts.people, Notice::of_job(operator, kind, job.id));
        }
        if self.parts.places.of(job.place).alerts.is_some() {
            scribe.alert(job.place, kind, Some(job.id));
        }
    }

    /// Who has an agent.
    pub(super) fn owners(&self, agent: AgentId) -> Vec<guildhall_protocol::ids::UserId> {
        self.market().get(agent).map(|listing| listing.record.owners().collect()).unwrap_or_default()
    }
}

/// The beginning of a text, up to a whole character.
fn first_bytes(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Whether what was heard about an attempt still changes its job.
fn fits(work: &Work, attempt: &AttemptRecord, heard: &Heard) -> bool {
    if work.newest().map(|newest| newest.number) != Some(attempt.number) {
        return false;
    }
    let with_agent = matches!(
        work.job.state,
        JobState::Assigned | JobState::Working | JobState::InputRequired(Asker::Agent)
    );
    let ended = attempt.state.ended();
    let of_newest = heard.replies.is_none_or(|replies| replies == attempt.replies);
    let few = work.job.chain.revision < CHATTY_AFTER;
    match &heard.reading {
        Reading::Answer(_) => match ended {
            None => with_agent || work.job.state == JobState::Held(HeldWhy::Unclear),
            Some(EndedAs::Silent | EndedAs::Unclear) => work.job.state == JobState::Open,
            Some(_) => false,
        },
        Reading::Asked(_) => with_agent && ended.is_none() && of_newest && few,
        Reading::Ended { .. } | Reading::Working(_) => with_agent && ended.is_none() && of_newest,
        Reading::Accepted | Reading::Again { .. } | Reading::Listen | Reading::Hold(_) => {
            matches!(work.job.state, JobState::Assigned | JobState::Working) && ended.is_none() && of_newest
        }
    }
}

/// A turn that leaves the job as it is.
pub(super) fn same(work: &Work) -> JobTurn {
    JobTurn {
        state: work.job.state,
        due_at: work.job.due_at,
        ready: false,
        lease: work.job.lease,
        deaths: work.job.deaths,
        checked_by: None,
        window: work.job.window,
        question: work.job.question,
        reply: work.job.reply,
    }
}
