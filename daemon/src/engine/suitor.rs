//! Choosing by a model among the best of the rank.
//!
//! A model that thinks for long, or not at all, holds nobody up: no slot is taken meanwhile. What it says counts only if it
//! names one of those that it was shown.

use super::Engine;
use super::thinking::Thoughts;
use super::work::Work;
use crate::llm::choose::{self, Chosen, Suitor};
use crate::llm::foreign::Marks;
use crate::market::{Compiled, Listing, day};
use crate::pick::choose::Choice;
use guildhall_protocol::agent::AgentName;
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
    /// Lets a model choose among the best, if there is something to choose and a model to ask. Slots are the caller's.
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
        heed(choice, &shown, chosen, &model, thoughts);
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
}

/// Takes what the model chose, or leaves the rank's choice.
fn heed(
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
    let version = choice.pick.candidates.iter().find(|known| known.agent == agent);
    let Some(version) = version.map(|known| known.version) else { return };
    choice.chosen = Some((agent, version));
    choice.pick.method = PickMethod::Model;
    choice.pick.chosen = Some(chosen.agent.clone());
    let among = shown.len();
    choice.pick.reason = if chosen.reason.is_empty() {
        format!("{}: chosen by {model} among {among}", chosen.agent)
    } else {
        format!("{}: chosen by {model} among {among}: {}", chosen.agent, chosen.reason)
    };
}

/// The beginning of an input, up to a whole character.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(INPUT_HEAD_BYTES)]
}
