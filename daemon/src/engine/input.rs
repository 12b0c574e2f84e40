//! What an agent gets to work on when its client gave only words: an input that a model builds from them, or a question
//! to the client for exactly what is missing, before any agent is bothered.

use super::Engine;
use super::commit::{CommitError, Turn};
use super::settle::same;
use super::thinking::Thoughts;
use super::work::Work;
use crate::judge::schema::SchemaVerdict;
use crate::llm::foreign::Marks;
use crate::llm::shape::{self, Shaped};
use crate::market::Compiled;
use crate::people::Notice;
use crate::pick::choose::Choice;
use crate::store::{JobTurn, StoreError, Window};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::attempt::Question;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, BodyId};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::{ModelRole, WithoutModel};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::pick::PickMethod;
use guildhall_protocol::state::JobEvent;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a client said when the marketplace asked for an agent's input, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// In words, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// As the input itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
}

impl Given {
    /// The newest of it, for people to read.
    pub fn newest(&self) -> Option<&str> {
        self.input.as_ref().map(Json::as_str).or(self.words.last().map(String::as_str))
    }

    /// The same and a reply: words, if it is a text.
    #[must_use]
    pub fn and(mut self, reply: &Json) -> Self {
        match reply.value() {
            Value::String(words) => self.words.push(words),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.input = Some(reply.clone());
            }
        }
        self
    }
}

/// What the chosen agent gets beside the words.
pub(super) enum Input {
    /// What the client gave.
    AsGiven,
    /// What the attempt before got: it is repaired.
    Same(BodyId),
    /// What a model built.
    Shaped(Json),
    /// Not enough: the client is asked first.
    Missing(Question),
}

impl Engine {
    /// What the chosen agent gets. When no model can build what it needs, the best agent that takes words gets the job
    /// instead; when there is none, the client is asked.
    pub(super) async fn input_for(
        &self,
        work: &Work,
        choice: &mut Choice,
        thoughts: &mut Thoughts,
    ) -> Result<Input, StoreError> {
        let Some((agent, version)) = choice.chosen else { return Ok(Input::AsGiven) };
        if !choice.need_input.contains(&agent) {
            return Ok(Input::AsGiven);
        }
        let compiled = self.compiled(agent, version).await?;
        if let Some(input) = self.shape(work, &compiled, thoughts).await? {
            return Ok(input);
        }
        let candidates = choice.pick.candidates.iter().map(|candidate| candidate.agent);
        let take_words: Vec<AgentId> =
            candidates.filter(|other| !choice.need_input.contains(other)).collect();
        for other in take_words {
            if self.move_slot(choice, other) {
                tell_of_words(choice, other, &compiled.definition.name);
                return Ok(Input::AsGiven);
            }
        }
        Ok(Input::Missing(asked_without_model(&compiled)))
    }

    /// The question that gets an agent what it needs when no model can help.
    pub(super) async fn question_about(
        &self,
        agent: AgentId,
        version: AgentVersion,
    ) -> Result<Question, StoreError> {
        Ok(asked_without_model(&*self.compiled(agent, version).await?))
    }

    /// Builds the input from the client's words. None: no model could.
    async fn shape(
        &self,
        work: &Work,
        compiled: &Compiled,
        thoughts: &mut Thoughts,
    ) -> Result<Option<Input>, StoreError> {
        let (Some(schema), Some(source)) = (&compiled.input, &compiled.definition.input_schema) else {
            return Ok(Some(Input::AsGiven));
        };
        let llm = match self.models_for(&work.draft, work.payer(), Timestamp::now()) {
            Ok(llm) => llm,
            Err(None) => return Ok(None),
            Err(Some(why)) => {
                self.do_without(work, ModelRole::Shape, why, thoughts).await;
                return Ok(None);
            }
        };
        let definition = &compiled.definition;
        let examples: Vec<Value> = definition.examples.iter().map(|example| example.input.value()).collect();
        let examples: Vec<&Value> = examples.iter().collect();
        let words: Vec<&str> = work.told.words.iter().map(String::as_str).collect();
        let marks = Marks::new(self.parts.maker.random());
        let (brief, about) = (&work.draft.brief, &definition.description);
        let prompt =
            shape::prompt(brief, &words, &definition.name, about, &source.value(), &examples, &marks);
        let role = (ModelRole::Shape, llm.settings().model.clone());
        let read = |answer: &Value| shape::read(answer, &marks);
        let shaped = self.ask_model(work, &llm, role, prompt, thoughts, read).await;
        match shaped {
            None => Ok(None),
            Some(Shaped::Missing(missing)) => {
                let text = shape::question(&definition.name, &missing);
                Ok(Some(Input::Missing(Question { text, schema: None })))
            }
            Some(Shaped::Input(input)) => {
                let (schema, json) = (schema.clone(), Json::from(input.clone()));
                let check = move || matches!(schema.check(&input), SchemaVerdict::Pass);
                let checked = self.parts.pool.run(check).await;
                let fits = checked.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                if !fits {
                    thoughts.do_without(ModelRole::Shape, WithoutModel::NoUse);
                }
                Ok(fits.then_some(Input::Shaped(json)))
            }
        }
    }

    /// Asks the client for what an agent needs, before any agent is bothered.
    pub(super) async fn ask_client(
        &self,
        mut work: Work,
        agent: AgentId,
        question: &Question,
        thoughts: &Thoughts,
    ) -> Result<(), CommitError> {
        let now = Timestamp::now();
        let state = work.job.state.after(JobEvent::InputMissing)?;
        let ends_at = now.after(self.parts.limits.question_window).min(work.job.deadline);
        let mut scribe = self.scribe(&work, now, Actor::Daemon);
        thoughts.tell(&mut scribe, None);
        let (body, commitment) = scribe.body(serde_json::to_vec(question).unwrap_or_default());
        scribe.event(What::InputAsked { agent, question: commitment, until: ends_at });
        // Not by the agent of an earlier attempt: the marketplace asks.
        let notice = Notice::of_job(work.job.client, NoticeKind::Question, work.job.id);
        scribe.notify(&self.parts.people, notice);
        let window = Window { begins_at: now, ends_at, reminded: 0 };
        let due_at = Some(window.next_look());
        let turn = JobTurn {
            state,
            due_at,
            ready: false,
            lease: None,
            deaths: 0,
            window: Some(window),
            question: Some(body),
            ..same(&work)
        };
        Ok(self.turn(&mut work, now, scribe, Turn::of(turn)).await?)
    }
}

/// The record of a pick whose agent cannot be given what it needs: another one gets the job.
fn tell_of_words(choice: &mut Choice, agent: AgentId, first: &AgentName) {
    let pick = &mut choice.pick;
    let Some(candidate) = pick.candidates.iter().find(|candidate| candidate.agent == agent) else { return };
    let name = candidate.name.clone();
    pick.reason = format!("{name}: it takes words; no model could build the input that {first} needs");
    pick.method = PickMethod::Rank;
    pick.chosen = Some(name);
}

/// What an agent needs, said by its own schema: the reply must fit it, and is the input then.
fn asked_without_model(compiled: &Compiled) -> Question {
    let definition = &compiled.definition;
    let name: &AgentName = &definition.name;
    match &definition.input_schema {
        Some(schema) => {
            let text = shape::question_without_model(name, &schema.value());
            Question { text, schema: Some(schema.clone()) }
        }
        None => Question { text: format!("{name} needs to know more: what is it to work on?"), schema: None },
    }
}
