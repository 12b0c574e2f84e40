//! A step of an open job that looks for an agent: repair, the rank's choice, what models make of it, waiting, or the end.

use super::Engine;
use super::assign::{Assignment, LEASE_MARGIN, Parking};
use super::commit::{CommitError, Turn};
use super::input::Input;
use super::meanings::Compared;
use super::next_step::{Failure, NextStep, Story, next_step};
use super::settle::same;
use super::thinking::Thoughts;
use super::work::Work;
use crate::pick::choose::{Choice, Material, Wanted, choose};
use crate::store::{AttemptRecord, JobTurn, Lease, Query, StoreError};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::{Counts, EndedAs, Question};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AgentVersion};
use guildhall_protocol::pick::{Pick, PickMethod};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;

/// When the rank's choice takes its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// In the moment of the choice.
    AtOnce,
    /// When a model has thought about it, if one has to.
    AfterThought,
}

/// Whether there is something for a model: to choose, or to make an input.
fn is_to_think(choice: &Choice) -> bool {
    let to_choose = choice.pick.method == PickMethod::Rank && choice.pick.candidates.len() > 1;
    let to_shape = choice.chosen.is_some_and(|(chosen, _)| choice.need_input.contains(&chosen));
    to_choose || to_shape
}

/// How often a slot is claimed that others took while a model thought.
const CLAIMS_MAX: u32 = 3;

impl Engine {
    /// Finds an agent for an open job, or lets it wait, or ends it.
    pub(super) async fn pick(&self, mut work: Work, now: Timestamp) -> Result<(), CommitError> {
        let waited = work.job.waiting.is_some();
        let agents_seen = self.agent_changes();
        let ordered = work.job.steering.assign.is_some();
        let repair = match self.after_failure(&work, now).await? {
            NextStep::GiveUp if !ordered => return self.exhaust(work, now).await,
            NextStep::Repair if !ordered => self.repair(&work, now),
            NextStep::GiveUp | NextStep::Repair | NextStep::AnotherAgent => None,
        };
        if self.is_draining() {
            // The next daemon goes on: nothing is begun that would not be finished.
            repair.as_ref().inspect(|choice| self.give_back(choice));
            return Ok(());
        }
        let mut thoughts = Thoughts::default();
        let is_repair = repair.is_some();
        let mut choice = if let Some(choice) = repair {
            choice
        } else {
            // What is seldom done is not kept in the future of every step.
            let compared = Box::pin(self.compare(&work, &mut thoughts, now)).await;
            if self.is_careful(&work.job, now) {
                self.announce(&mut work, now).await?;
            }
            let models = self.models_for(&work.draft, work.payer(), now).is_ok();
            self.choice(&work, compared, if models { Slot::AfterThought } else { Slot::AtOnce }, now).await?
        };
        self.has_chosen(work.job.id);
        // The pick is made, and the daemon lives.
        work.job.deaths = 0;
        let input = if is_repair {
            work.newest().and_then(|newest| newest.input).map_or(Input::AsGiven, Input::Same)
        } else {
            Box::pin(self.think_over(&mut work, &mut choice, &mut thoughts, now)).await?
        };
        let Some((agent, version)) = choice.chosen else {
            return match choice.need_input.first() {
                // Nobody takes words: the best of those that need more is asked for.
                Some(agent) if choice.waits_for.is_empty() => {
                    let question = self.question_of(*agent).await?;
                    Box::pin(self.ask_client(work, *agent, &question, &thoughts)).await
                }
                Some(_) | None => {
                    self.park(work, choice, &thoughts, Parking { waited, agents_seen }, now).await
                }
            };
        };
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

    /// What models make of the rank's choice, and what the chosen agent gets. While they think the job holds no slot and no
    /// lease: others may have the agent meanwhile, and then the rank decides at once among those who are left.
    async fn think_over(
        &self,
        work: &mut Work,
        choice: &mut Choice,
        thoughts: &mut Thoughts,
        now: Timestamp,
    ) -> Result<Input, CommitError> {
        let Some((first, _)) = choice.chosen else { return Ok(Input::AsGiven) };
        if !is_to_think(choice) || self.models_for(&work.draft, work.payer(), now).is_err() {
            self.let_choose(work, choice, thoughts, now).await;
            let held = choice.chosen.filter(|_| choice.holds_slot);
            return self.settle_input(work, choice, held, thoughts).await;
        }
        let thought = async {
            if work.job.lease.is_some() {
                self.clear(work, now).await?;
            }
            self.let_choose(work, choice, thoughts, now).await;
            self.settle_input(work, choice, None, thoughts).await
        };
        let input = thought.await;
        // A waiting job that was woken for this slot and does not take it wakes the next. It would be too soon before it has
        // thought: each would think, and wake another.
        if input.is_err() || choice.chosen.is_none_or(|(agent, _)| agent != first) {
            self.room_for(first);
        }
        input
    }

    /// What the chosen agent gets, and its slot; `held` has one already. Another agent is chosen when it can take no more.
    async fn settle_input(
        &self,
        work: &Work,
        choice: &mut Choice,
        mut held: Option<(AgentId, AgentVersion)>,
        thoughts: &mut Thoughts,
    ) -> Result<Input, CommitError> {
        for _ in 0..CLAIMS_MAX {
            let input = self.input_for(work, choice, thoughts).await;
            if let (Some((agent, _)), true) = (held, input.is_err() || held != choice.chosen) {
                self.slot_freed(agent);
                held = None;
            }
            let input = input?;
            if choice.chosen.is_none() || held.is_some() || self.claim(choice) {
                choice.holds_slot = choice.chosen.is_some();
                return Ok(input);
            }
            *choice = self.choice(work, None, Slot::AtOnce, Timestamp::now()).await?;
            held = choice.chosen;
        }
        self.give_back(choice);
        // It is looked at again in a moment.
        Err(StoreError::Busy.into())
    }

    /// Takes the slot of the chosen agent. False: it can take no more, or changed meanwhile.
    fn claim(&self, choice: &Choice) -> bool {
        let Some((agent, version)) = choice.chosen else { return false };
        let mut market = self.market_mut();
        let can = market.get(agent).is_some_and(|listing| {
            let record = &listing.record;
            let open = matches!(record.health, Health::Open(_) | Health::Quarantined);
            record.state == AgentState::Active && !open && record.version == version && listing.free() > 0
        });
        if can {
            market.take_slot(agent);
        }
        can
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
        if let Some((agent, _)) = choice.chosen.filter(|_| choice.holds_slot) {
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
        Some(Choice {
            pick,
            chosen,
            waits_for: Vec::new(),
            look_again: None,
            need_input: Vec::new(),
            holds_slot: true,
        })
    }

    /// The rank's choice. Its slot is taken in the same moment, unless a model is to think about it first.
    async fn choice(
        &self,
        work: &Work,
        compared: Option<Compared>,
        slot: Slot,
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
        let place = self.parts.places.of(job.place);
        let market = Arc::clone(&self.parts.market);
        let seed = work.seed();
        let work = move || {
            let near = compared.map(|compared| compared.near()).unwrap_or_default();
            let mut market = market.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            let wanted = |tried| Wanted {
                client: job.client,
                draft: &draft,
                place: &place,
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
            choice.holds_slot = slot == Slot::AtOnce || !is_to_think(&choice);
            if let Some((agent, _)) = choice.chosen.filter(|_| choice.holds_slot) {
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
