//! A step of an open job: repair, another agent, waiting, or the end.

use super::Engine;
use super::commit::{CommitError, Turn};
use super::input::Input;
use super::meanings::Compared;
use super::next_step::{Failure, NextStep, Story, attempt_deadline, next_step};
use super::settle::same;
use super::thinking::Thoughts;
use super::work::Work;
use crate::market::{Compiled, day};
use crate::pick::choose::{Choice, Material, Wanted, choose};
use crate::store::{AttemptRecord, Command, JobTurn, Lease, NewAttempt, Query, Steering, StoreError};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::{AttemptState, Counts, EndedAs, Question};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, AttemptNumber};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::pick::{Pick, PickMethod};
use guildhall_protocol::state::{JobEvent, JobState};
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What a lease lasts beyond the exchange that it covers: time to judge and to write.
pub(super) const LEASE_MARGIN: Duration = Duration::from_secs(90);

impl Engine {
    /// Finds an agent for an open job, or lets it wait, or ends it.
    pub(super) async fn pick(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let waited = work.job.waiting.is_some();
        if self.is_careful(&work.job, now) {
            self.announce(&mut work, now).await?;
        }
        let ordered = work.job.steering.assign.is_some();
        let repair = match self.after_failure(&work, now).await? {
            NextStep::GiveUp if !ordered => return self.exhaust(work, now).await,
            NextStep::Repair if !ordered => self.repair(&work, now),
            NextStep::GiveUp | NextStep::Repair | NextStep::AnotherAgent => None,
        };
        if self.is_draining() {
            // The next daemon goes on: nothing is begun that would not be finished.
            return Ok(());
        }
        let mut thoughts = Thoughts::default();
        let is_repair = repair.is_some();
        let mut choice = if let Some(choice) = repair {
            choice
        } else {
            // What is seldom done is not kept in the future of every step.
            let compared = Box::pin(self.compare(&work, &mut thoughts, now)).await;
            self.choice(&work, compared, now).await?
        };
        self.has_chosen(work.job.id);
        // The pick is made, and the daemon lives.
        work.job.deaths = 0;
        let announced = work.job.lease.is_some();
        if announced && self.models_for(&work.draft, work.payer(), now).is_ok() {
            let cleared = Box::pin(self.clear(&mut work, now)).await;
            cleared.inspect_err(|_| self.give_back(&choice))?;
        }
        Box::pin(self.let_choose(&work, &mut choice, &mut thoughts, now)).await;
        let Some(chosen) = choice.chosen else {
            return match choice.need_input.first() {
                // Nobody takes words: the best of those that need more is asked for.
                Some(agent) if choice.waits_for.is_empty() => {
                    let question = self.question_of(*agent).await?;
                    Box::pin(self.ask_client(work, *agent, &question, &thoughts)).await
                }
                Some(_) | None => self.park(work, choice, &thoughts, waited, now).await,
            };
        };
        let input = if is_repair {
            work.newest().and_then(|newest| newest.input).map_or(Input::AsGiven, Input::Same)
        } else {
            let input = Box::pin(self.input_for(&work, &mut choice, &mut thoughts)).await;
            input.inspect_err(|_| self.give_back(&choice))?
        };
        let (agent, version) = choice.chosen.unwrap_or(chosen);
        let now = Timestamp::now();
        if self.is_draining() || work.job.deadline <= now {
            // A model thought for long: the next look goes on from here.
            self.slot_freed(agent);
            return Ok(());
        }
        if let Input::Missing(question) = &input {
            self.slot_freed(agent);
            return Box::pin(self.ask_client(work, agent, question, &thoughts)).await;
        }
        let new = Assignment { pick: &choice.pick, agent, version, repair: is_repair, input, thoughts };
        match self.assign(&mut work, new, now).await? {
            Some(attempt) => self.send(work, attempt).await,
            None => Ok(()),
        }
    }

    async fn question_of(&self, agent: AgentId) -> Result<Question, StoreError> {
        let version = self.market().get(agent).map(|listing| listing.record.version);
        self.question_about(agent, version.ok_or(StoreError::NotFound)?).await
    }

    /// Takes a lease for a pick or an evaluation, so that a job which kills daemons is found out.
    pub(super) async fn announce(&self, work: &mut Work, now: Timestamp) -> Result<(), CommitError> {
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        scribe.event(What::Announced);
        let lease = Lease { incarnation: self.parts.incarnation, until: now.after(LEASE_MARGIN) };
        let ready = work.job.state == JobState::Open;
        let due_at = if ready { work.job.deadline } else { lease.until };
        let turn = JobTurn { due_at: Some(due_at), ready, lease: Some(lease), ..same(work) };
        Ok(self.turn(work, now, scribe, Turn::of(turn)).await?)
    }

    /// A choice comes to nothing: its slot is free again.
    fn give_back(&self, choice: &Choice) {
        if let Some((agent, _)) = choice.chosen {
            self.slot_freed(agent);
        }
    }

    /// Gives the lease of a pick back before a model is asked, which may take long: a daemon that dies then did not die of
    /// the job.
    async fn clear(&self, work: &mut Work, now: Timestamp) -> Result<(), CommitError> {
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        scribe.event(What::Unharmed);
        let turn = JobTurn { ready: true, lease: None, ..same(work) };
        Ok(self.turn(work, now, scribe, Turn::of(turn)).await?)
    }

    async fn after_failure(&self, work: &Work, now: Timestamp) -> Result<NextStep, StoreError> {
        let Some(newest) = work.newest() else { return Ok(NextStep::AnotherAgent) };
        let by_criteria = work.failed_by_criteria(&*self.parts.store).await?;
        let agent_ready = self.market().get(newest.agent).is_some_and(|listing| {
            listing.record.state == AgentState::Active
                && listing.record.health == Health::Closed
                && listing.free() > 0
        });
        let story = Story {
            attempts: &work.attempts,
            failure: if by_criteria { Failure::Criteria } else { Failure::Other },
            agent_ready,
            posted_at: work.job.posted_at,
            deadline: work.job.deadline,
        };
        Ok(next_step(&story, &work.draft.policy, now))
    }

    /// The same agent and version again, with its findings; it keeps its slot from here on.
    fn repair(&self, work: &Work, now: Timestamp) -> Option<Choice> {
        let newest = work.newest()?;
        let mut market = self.market_mut();
        let listing = market.get(newest.agent).filter(|listing| listing.free() > 0)?;
        let name = listing.record.name.clone();
        let pick = Pick {
            at: now,
            reason: format!("{name} again: it gets its findings and may repair its answer"),
            chosen: Some(name),
            method: PickMethod::Repair,
            examined: 1,
            eligible: 1,
            candidates: Vec::new(),
            excluded: Vec::new(),
            named: Vec::new(),
            model: None,
        };
        market.take_slot(newest.agent);
        let chosen = Some((newest.agent, newest.version));
        Some(Choice { pick, chosen, waits_for: Vec::new(), look_again: None, need_input: Vec::new() })
    }

    /// The rank's choice, whose slot is taken in the same moment.
    async fn choice(
        &self,
        work: &Work,
        compared: Option<Compared>,
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let (job, draft, input) = (work.job.clone(), work.draft.clone(), work.input());
        let input_bytes = work.given().map_or(draft.brief.len(), |input| input.as_str().len());
        let material = match work.given() {
            Some(_) => Material::Given,
            None => self.material(&draft, job.client),
        };
        let mut all: Vec<AgentId> = tried(&work.attempts, |_| true);
        all.extend(self.failed_before(work).await?);
        let unwilling: Vec<AgentId> = tried(&work.attempts, |ended| ended.counts_as() == Counts::Offer);
        let market = Arc::clone(&self.parts.market);
        let seed = work.seed();
        let work = move || {
            let near = compared.map(|compared| compared.near()).unwrap_or_default();
            let mut market = market.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            let wanted = |tried| Wanted {
                client: job.client,
                draft: &draft,
                steering: &job.steering,
                input: &input,
                input_bytes,
                material,
                tried,
                deadline: job.deadline,
                near: &near,
                seed,
            };
            let ordered = job.steering.assign.is_some();
            let mut choice = choose(&market, &wanted(if ordered { &[] } else { &all }), now);
            let nobody =
                choice.chosen.is_none() && choice.waits_for.is_empty() && choice.need_input.is_empty();
            if nobody && all.len() > unwilling.len() {
                // Nobody else is left: those that failed may try once more, those that did not want to may not.
                choice = choose(&market, &wanted(&unwilling), now);
            }
            if let Some((agent, _)) = choice.chosen {
                market.take_slot(agent);
            }
            choice
        };
        self.parts.pool.run(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Agents whose answer was not good enough for the job that this one repeats: not the first choice.
    async fn failed_before(&self, work: &Work) -> Result<Vec<AgentId>, StoreError> {
        let Some(earlier) = work.job.derived_from else { return Ok(Vec::new()) };
        let attempts = self.parts.store.attempts(Query::Attempts(earlier)).await?;
        Ok(tried(&attempts, |ended| ended.counts_as() == Counts::Attempt && ended != EndedAs::Passed))
    }

    /// Writes the attempt and takes the lease for its delivery.
    pub(super) async fn assign(
        &self,
        work: &mut Work,
        new: Assignment<'_>,
        now: Timestamp,
    ) -> Result<Option<AttemptRecord>, CommitError> {
        let Assignment { pick, agent, version, repair, input, thoughts } = new;
        let number = AttemptNumber(work.job.attempts + 1);
        let mut scribe = self.scribe(work, now, Actor::Daemon);
        thoughts.tell(&mut scribe, Some(number));
        let (pick_body, commitment) = scribe.body(serde_json::to_vec(pick).unwrap_or_default());
        scribe.event(What::Assigned { attempt: number, agent, version, pick: commitment, repair });
        let input = match input {
            Input::AsGiven | Input::Missing(_) => None,
            Input::Same(body) => Some(body),
            Input::Shaped(json) => {
                let text = scribe.text(json.as_str());
                let body = text.body;
                scribe.event(What::InputShaped { attempt: number, input: text });
                Some(body)
            }
        };
        let (exchange_ms, day) = {
            let market = self.market();
            let limits = market.get(agent).map(|listing| {
                let definition = &listing.compiled.definition;
                (
                    definition.time_limits.exchange_ms,
                    (definition.caps.is_daily() && !repair).then(|| day(now)),
                )
            });
            limits.unwrap_or((60_000, None))
        };
        let until = now.after(Duration::from_millis(exchange_ms) + LEASE_MARGIN);
        let lease = Lease { incarnation: self.parts.incarnation, until };
        let deadline = attempt_deadline(&work.attempts, &work.draft.policy, work.job.deadline, now);
        let record = AttemptRecord {
            job: work.job.id,
            number,
            agent,
            version,
            state: AttemptState::Sending,
            repair,
            tries: 1,
            started_at: now,
            answered_at: None,
            ended_at: None,
            pick: pick_body,
            answer: None,
            findings: None,
            reason: None,
            deadline,
            left_ms: None,
            heard_at: None,
            question: None,
            reply: None,
            replies: 0,
            input,
        };
        self.tell_owner(work, &record, &mut scribe, NoticeKind::AgentAssigned);
        let turn = JobTurn {
            state: work.job.state.after(JobEvent::Assigned)?,
            due_at: Some(until),
            ready: false,
            lease: Some(lease),
            window: None,
            ..same(work)
        };
        // An order to assign it is carried out by this.
        let ordered = work.job.steering.assign.is_some();
        let steering = ordered.then(|| Steering { assign: None, ..work.job.steering.clone() });
        let entry = scribe.finish();
        let head = entry.events.last().map_or(work.job.chain, |event| event.chain);
        let attempt = NewAttempt { number, agent, version, repair, deadline, pick: pick_body, input };
        let command =
            Command::Assign { fence: work.fence(), attempt, turn, steering: steering.clone(), day, entry };
        if let Err(error) = self.commit(work.job.id, head.hash, now, command).await {
            self.market_mut().free_slot(agent);
            return match error {
                // Somebody else was faster, or the store knows less room than we do: the job is simply looked at again.
                StoreError::Stale | StoreError::Conflict(_) => Ok(None),
                StoreError::NotFound
                | StoreError::Busy
                | StoreError::Full
                | StoreError::Unavailable(_)
                | StoreError::Unknown(_) => Err(error.into()),
            };
        }
        if let Some(day) = day {
            self.market_mut().count_day(agent, work.job.client, day);
        }
        let job = &mut work.job;
        (job.state, job.epoch, job.chain, job.lease) = (turn.state, job.epoch + 1, head, Some(lease));
        (job.ready, job.attempts, job.due_at, job.window) = (false, number.0, Some(until), None);
        job.steering = steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        self.parts.changes.touch(Some(job.id));
        work.attempts.push(record.clone());
        Ok(Some(record))
    }

    /// Nobody can take it now: it waits, and its client is told once.
    async fn park(
        &self,
        work: Work,
        choice: Choice,
        thoughts: &Thoughts,
        waited: bool,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        if !work.job.ready && work.job.waiting.is_some() && work.job.due_at.is_some_and(|due| due > now) {
            // It waits already, and nothing is different.
            return Ok(());
        }
        let until = choice.look_again.map_or(work.job.deadline, |again| again.min(work.job.deadline));
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        thoughts.tell(&mut scribe, None);
        let (pick, commitment) = scribe.body(serde_json::to_vec(&choice.pick).unwrap_or_default());
        scribe.event(What::Waiting { pick: commitment, until });
        if !waited {
            self.tell_client(&work, &mut scribe, NoticeKind::JobWaiting);
        }
        let entry = scribe.finish();
        let head = entry.events.last().map_or(work.job.chain, |event| event.chain).hash;
        let waits_for = choice.waits_for;
        let command =
            Command::Park { fence: work.fence(), waits_for: waits_for.clone(), pick, due_at: until, entry };
        match self.commit(work.job.id, head, now, command).await {
            Ok(()) => {}
            Err(StoreError::Stale) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.parts.changes.touch(Some(work.job.id));
        // A slot may have been freed between the look and the write: those jobs were not yet waiting then.
        let market = self.market();
        let free =
            waits_for.into_iter().find(|agent| market.get(*agent).is_some_and(|listing| listing.free() > 0));
        drop(market);
        if let Some(agent) = free {
            self.freed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(agent);
            self.nudge();
        }
        Ok(())
    }

    /// No attempt is left.
    async fn exhaust(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let state = work.job.state.after(JobEvent::Exhausted)?;
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        scribe.event(failed(&work.attempts));
        self.tell_client(&work, &mut scribe, NoticeKind::JobFailed);
        let turn = Turn::of(ended(state, &work));
        Ok(self.turn(&mut work, now, scribe, turn).await?)
    }

    /// A version of an agent, compiled: the current one from memory, an earlier one from the store.
    pub(super) async fn compiled(
        &self,
        agent: AgentId,
        version: AgentVersion,
    ) -> Result<Arc<Compiled>, StoreError> {
        if let Some(compiled) = self.market().compiled(agent, version) {
            return Ok(compiled);
        }
        crate::catalog::load_version(&*self.parts.store, &self.parts.pool, agent, version).await.map(Arc::new)
    }
}

/// An attempt to write.
pub(super) struct Assignment<'a> {
    pick: &'a Pick,
    agent: AgentId,
    version: AgentVersion,
    repair: bool,
    input: Input,
    thoughts: Thoughts,
}

/// The turn of a job that ends.
pub(super) fn ended(state: JobState, work: &Work) -> JobTurn {
    JobTurn { state, due_at: None, ready: false, lease: None, window: None, ..same(work) }
}

/// The event of a job that nobody could do.
pub(super) fn failed(attempts: &[AttemptRecord]) -> What {
    let count = |counts| {
        let ended = attempts.iter().filter_map(|attempt| attempt.state.ended());
        u32::try_from(ended.filter(|ended| ended.counts_as() == counts).count()).unwrap_or(u32::MAX)
    };
    What::Failed { attempts: count(Counts::Attempt), offers: count(Counts::Offer) }
}

fn tried(attempts: &[AttemptRecord], counts: impl Fn(EndedAs) -> bool) -> Vec<AgentId> {
    attempts
        .iter()
        .filter(|attempt| {
            attempt.state.ended().is_none_or(|ended| ended != EndedAs::Withdrawn && counts(ended))
        })
        .map(|attempt| attempt.agent)
        .collect()
}
