//! Asking models on behalf of a job: whether its text may go to one, what was asked, and what it cost.
//!
//! A model is asked outside of any transaction and without a lease: a step that dies with its daemon is taken again. What
//! was asked is accounted for at once, whatever then becomes of the step; the job's history tells it with the step's turn.

use super::Engine;
use super::work::Work;
use crate::llm::foreign::Prompt;
use crate::llm::{Crossing, Llm, NoAnswer, Question};
use crate::market::day;
use crate::pick::choose::Material;
use crate::scribe::Scribe;
use crate::store::{Command, Query, Store};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::{AttemptNumber, JobId, PlaceId, UserId};
use guildhall_protocol::job::{JobDraft, Models};
use guildhall_protocol::model::{ModelCall, ModelName, ModelRole, Payer, WithoutModel};
use guildhall_protocol::time::Timestamp;
use serde_json::Value;
use std::sync::{Arc, PoisonError};

/// What a step asked of models, for the job's history.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    calls: Vec<ModelCall>,
    without: Vec<(ModelRole, NoAnswer)>,
}

impl Thoughts {
    /// Something is done without a model, although there is one.
    pub(super) fn do_without(&mut self, role: ModelRole, without: WithoutModel) {
        self.without.push((role, NoAnswer { without, why: String::new() }));
    }

    /// A model was asked.
    pub(super) fn called(&mut self, call: Option<ModelCall>) {
        self.calls.extend(call);
    }

    /// A model was asked, or was not, and there is no answer.
    pub(super) fn failed(&mut self, role: ModelRole, error: NoAnswer) {
        self.without.push((role, error));
    }

    /// The newest call of a role, if it gave an answer.
    pub(super) fn call(&self, role: ModelRole) -> Option<&ModelCall> {
        self.calls.iter().rfind(|call| call.role == role)
    }

    /// Why a role was done without a model, in words.
    pub(super) fn why_without(&self, role: ModelRole) -> Option<String> {
        let (_, answer) = self.without.iter().rfind(|(known, _)| *known == role)?;
        Some(if answer.why.is_empty() { answer.without.to_string() } else { answer.why.clone() })
    }

    /// Tells it in the job's history.
    pub(super) fn tell(&self, scribe: &mut Scribe<'_>, attempt: Option<AttemptNumber>) {
        for call in &self.calls {
            scribe.event(What::ModelCalled { attempt, call: call.clone() });
        }
        for (role, answer) in &self.without {
            let detail = Some(&answer.why).filter(|why| !why.is_empty()).map(|why| scribe.text(why));
            scribe.event(What::WithoutModel { role: *role, why: answer.without, detail });
        }
    }
}

impl Engine {
    /// What an agent can get of a draft whose words are not the input that it wants.
    pub(crate) fn material(&self, draft: &JobDraft, client: UserId) -> Material {
        let payer = Payer { place: PlaceId::LOCAL, user: client };
        match self.models_for(draft, payer, Timestamp::now()) {
            _ if draft.input.is_some() => Material::Given,
            Ok(_) => Material::Words,
            Err(_) => Material::WordsOnly,
        }
    }

    /// The models, if the job's text may go to them and they can be asked now.
    ///
    /// # Errors
    /// Why not; none when no model is configured, which needs no telling.
    pub(crate) fn models_for(
        &self,
        draft: &JobDraft,
        payer: Payer,
        now: Timestamp,
    ) -> Result<Arc<Llm>, Option<WithoutModel>> {
        let Some(llm) = &self.parts.llm else { return Err(None) };
        if draft.models == Models::Off {
            return Err(Some(WithoutModel::JobSaysNo));
        }
        llm.usable(payer, now).map_err(Some)?;
        Ok(Arc::clone(llm))
    }

    /// Asks a model about a job, and accounts for it. None: it has no usable answer, and `thoughts` say why.
    pub(super) async fn ask_model<T>(
        &self,
        work: &Work,
        llm: &Llm,
        (role, model): (ModelRole, ModelName),
        prompt: Prompt,
        thoughts: &mut Thoughts,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let (job, payer) = (work.job.id, work.payer());
        let thinking = self.thinks(job);
        let used = self.parts.store.spending(Query::JobSpending(job)).await.unwrap_or_default();
        let question = Question {
            role,
            model,
            payer,
            job_tokens_used: used.tokens_in + used.tokens_out,
            schema_name: prompt.schema_name,
            schema: prompt.schema,
            system: prompt.system,
            user: prompt.user,
            essence: prompt.essence,
        };
        let asked = Box::pin(llm.ask(question, read)).await;
        drop(thinking);
        let answer = asked.answer.map_err(|error| thoughts.without.push((role, error))).ok();
        let without = thoughts.without.last().filter(|_| answer.is_none());
        let without: Vec<_> = without.map(|(role, error)| (*role, error.without)).into_iter().collect();
        self.account(Some(job), payer, asked.call.as_slice(), without).await;
        self.tell_of_budgets(&llm.crossings()).await;
        thoughts.calls.extend(asked.call);
        answer
    }

    /// Something is done without a model although there is one: it is counted, and told with the job's next turn.
    pub(super) async fn do_without(
        &self,
        work: &Work,
        role: ModelRole,
        why: WithoutModel,
        thoughts: &mut Thoughts,
    ) {
        thoughts.do_without(role, why);
        self.account(Some(work.job.id), work.payer(), &[], vec![(role, why)]).await;
    }

    /// Accounts for calls. A store that cannot be written loses only figures: the day's budget is kept in memory too.
    pub(crate) async fn account(
        &self,
        job: Option<JobId>,
        payer: Payer,
        calls: &[ModelCall],
        without: Vec<(ModelRole, WithoutModel)>,
    ) {
        log_calls(&*self.parts.store, job, payer, calls, without).await;
    }

    /// While a model thinks about it, a job takes no place from jobs that need none.
    pub(super) fn thinks(&self, job: JobId) -> Thinking<'_> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).think(job);
        self.nudge();
        Thinking { engine: self, job }
    }

    /// Tells operators what was spent of the budgets.
    pub(super) async fn tell_of_budgets(&self, crossings: &[Crossing]) {
        for crossing in crossings {
            if let Err(error) = self.tell_of_budget(*crossing).await {
                tracing::warn!(%error, "operators could not be told that a budget for models is spent");
            }
        }
    }
}

/// Accounts for calls, as [`Engine::account`] does, where no engine is at hand.
pub(super) async fn log_calls(
    store: &dyn Store,
    job: Option<JobId>,
    payer: Payer,
    calls: &[ModelCall],
    without: Vec<(ModelRole, WithoutModel)>,
) {
    if calls.is_empty() && without.is_empty() {
        return;
    }
    let now = Timestamp::now();
    let command = Command::LogCalls { job, payer, day: day(now), calls: calls.to_vec(), without };
    if let Err(error) = store.apply(now, command).await {
        tracing::warn!(%error, "calls of models could not be accounted for; today's budgets still count them");
    }
}

/// A job about which a model thinks.
pub(super) struct Thinking<'a> {
    engine: &'a Engine,
    job: JobId,
}

impl Drop for Thinking<'_> {
    fn drop(&mut self) {
        self.engine.hands.lock().unwrap_or_else(PoisonError::into_inner).thought(self.job);
    }
}

impl Work {
    /// Whose money is spent on it.
    pub(super) fn payer(&self) -> Payer {
        Payer { place: self.job.place, user: self.job.client }
    }
}
