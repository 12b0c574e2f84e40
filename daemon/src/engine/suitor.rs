//! Choosing by a model among the best of the rank.
//!
//! The first of the rank has its slot already: a model that thinks for long, or not at all, holds nobody up and loses
//! nothing. What it says is taken only if it names one of those that it was shown.

use super::Engine;
use super::thinking::Thoughts;
use super::work::Work;
use crate::llm::choose::{self, Chosen, Suitor};
use crate::llm::foreign::Marks;
use crate::market::{Compiled, Listing, day};
use crate::pick::choose::Choice;
use guildhall_protocol::agent::{AgentName, AgentState};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::model::{ModelName, ModelRole};
use guildhall_protocol::pick::{ModelPick, PickMethod};
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;

/// Agents that a model is shown.
const SUITORS_MAX: usize = 8;
/// Most of an input that a model sees, bytes.
const INPUT_HEAD_BYTES: usize = 4_000;

/// An agent that a model may choose, as it was when it was asked.
struct Candidate {
    agent: AgentId,
    name: AgentName,
    compiled: Arc<Compiled>,
    accepted: u32,
    judged: u32,
}

impl Candidate {
    fn of(listing: &Listing, now: Timestamp) -> Self {
        let past = listing.sums(day(now));
        let count = |count: i64| u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        Self {
            agent: listing.record.id,
            name: listing.record.name.clone(),
            compiled: Arc::clone(&listing.compiled),
            accepted: count(past.passed),
            judged: count(past.passed + past.failed),
        }
    }

    fn suitor(&self) -> Suitor<'_> {
        let definition = &self.compiled.definition;
        Suitor {
            name: &self.name,
            description: &definition.description,
            skills: &definition.skills,
            accepted: self.accepted,
            judged: self.judged,
        }
    }
}

impl Engine {
    /// Lets a model choose among the best, if there is something to choose and a model to ask. The choice changes only
    /// when its agent can take the job now; the slot moves with it.
    pub(super) async fn let_choose(
        &self,
        work: &Work,
        choice: &mut Choice,
        thoughts: &mut Thoughts,
        now: Timestamp,
    ) {
        if choice.pick.method != PickMethod::Rank || choice.pick.candidates.len() < 2 {
            return;
        }
        let llm = match self.models_for(&work.draft, work.payer(), now) {
            Ok(llm) => llm,
            Err(None) => return,
            Err(Some(why)) => return self.do_without(work, ModelRole::Choose, why, thoughts).await,
        };
        let shown = self.shown(work, choice, now);
        let suitors: Vec<Suitor<'_>> = shown.iter().map(Candidate::suitor).collect();
        let marks = Marks::new(self.parts.maker.random());
        let draft = &work.draft;
        let input = work.given().map(|input| head(input.as_str()).to_owned());
        let prompt = choose::prompt(
            &work.words(),
            draft.title.as_deref(),
            &draft.tags,
            input.as_deref(),
            &suitors,
            &marks,
        );
        let model = llm.settings().model.clone();
        let role = (ModelRole::Choose, model.clone());
        let read = |answer: &serde_json::Value| choose::read(answer, &suitors, &marks);
        let chosen = self.ask_model(work, &llm, role, prompt, thoughts, read).await;
        self.heed(choice, &shown, chosen, &model, thoughts);
    }

    /// The best of the rank, in the order in which the model sees them: models favor what they read first.
    fn shown(&self, work: &Work, choice: &Choice, now: Timestamp) -> Vec<Candidate> {
        let market = self.market();
        let best = choice.pick.candidates.iter().take(SUITORS_MAX);
        let best: Vec<Candidate> =
            best.filter_map(|candidate| Some(Candidate::of(market.get(candidate.agent)?, now))).collect();
        drop(market);
        let order = choose::shuffled(best.len(), work.seed());
        let mut best: Vec<Option<Candidate>> = best.into_iter().map(Some).collect();
        order.into_iter().filter_map(|place| best.get_mut(place)?.take()).collect()
    }

    /// Takes what the model chose, or leaves the rank's choice.
    fn heed(
        &self,
        choice: &mut Choice,
        shown: &[Candidate],
        chosen: Option<Chosen>,
        model: &ModelName,
        thoughts: &Thoughts,
    ) {
        let Some(call) = thoughts.call(ModelRole::Choose) else { return };
        let why_not = || thoughts.why_without(ModelRole::Choose).unwrap_or_default();
        let record = ModelPick {
            model: model.clone(),
            prompt: call.prompt.clone(),
            order: shown.iter().map(|candidate| candidate.name.clone()).collect(),
            chosen: chosen.as_ref().map(|chosen| chosen.agent.clone()),
            reason: chosen.as_ref().map_or_else(why_not, |chosen| chosen.reason.clone()),
        };
        choice.pick.model = Some(record);
        let Some(chosen) = chosen else { return };
        let Some(candidate) = shown.iter().find(|candidate| candidate.name == chosen.agent) else { return };
        let agent = candidate.agent;
        if !self.move_slot(choice, agent) {
            let first = choice.pick.chosen.as_ref().map(ToString::to_string).unwrap_or_default();
            choice.pick.reason =
                format!("{first}: {model} chose {}, which can take no more meanwhile", chosen.agent);
            return;
        }
        choice.pick.method = PickMethod::Model;
        choice.pick.chosen = Some(chosen.agent.clone());
        let among = shown.len();
        choice.pick.reason = if chosen.reason.is_empty() {
            format!("{}: chosen by {model} among {among}", chosen.agent)
        } else {
            format!("{}: chosen by {model} among {among}: {}", chosen.agent, chosen.reason)
        };
    }

    /// Moves the slot to another candidate. False: that one cannot take it now, and nothing changed.
    pub(super) fn move_slot(&self, choice: &mut Choice, agent: AgentId) -> bool {
        let version = choice.pick.candidates.iter().find(|candidate| candidate.agent == agent);
        let (Some((first, _)), Some(version)) = (choice.chosen, version.map(|candidate| candidate.version))
        else {
            return false;
        };
        if first == agent {
            return true;
        }
        let mut market = self.market_mut();
        let can = market.get(agent).is_some_and(|listing| {
            listing.record.state == AgentState::Active
                && listing.record.version == version
                && listing.free() > 0
        });
        if can {
            market.take_slot(agent);
            drop(market);
            choice.chosen = Some((agent, version));
            self.slot_freed(first);
        }
        can
    }
}

/// The beginning of an input, up to a whole character.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(INPUT_HEAD_BYTES)]
}
