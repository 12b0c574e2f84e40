//! What agents and jobs mean, as vectors: agents' are made beside the work, a job's in its own step.
//!
//! Nothing waits for it. An agent whose texts nobody embedded yet is ranked by its words, and a job whose text cannot be
//! embedded soon is too.

use super::Engine;
use super::thinking::{Thoughts, log_calls};
use super::work::Work;
use crate::llm::embed::BATCH_TEXTS_MAX;
use crate::llm::{Llm, NoAnswer};
use crate::market::{Compiled, texts_of};
use crate::pick::meaning::{Meanings, job_text};
use guildhall_protocol::ids::{AgentId, PlaceId, UserId};
use guildhall_protocol::job::{JobDraft, Models};
use guildhall_protocol::model::{CallOutcome, ModelRole, Payer, WithoutModel};
use guildhall_protocol::time::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Who pays for agents' vectors: the daemon, which is no user.
pub const OWN: Payer = Payer { place: PlaceId(0), user: UserId(0) };
/// Longest that a job waits for its vector. The call goes on: the job's next pick finds it in the cache.
const JOB_WAIT: Duration = Duration::from_secs(3);
/// Wait after the first failure, and the longest one; each is twice the one before.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(5);
/// Time between two looks for agents without vectors, should a nudge be missed.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Most agents taken in hand at a time.
const AGENTS_MAX: usize = 64;

/// An agent whose texts are to be embedded.
struct Unlearned {
    agent: AgentId,
    compiled: Arc<Compiled>,
    texts: Vec<String>,
}

/// Why some agents have no vectors.
enum Trouble {
    /// Asking for others would not help now.
    Server(String),
    /// These texts, or what the server made of them; others may fare better.
    Texts(String),
}

impl Trouble {
    fn why(self) -> String {
        match self {
            Self::Server(why) | Self::Texts(why) => why,
        }
    }
}

/// A job's vector, and those of the agents.
pub(crate) struct Compared {
    meanings: Arc<RwLock<Meanings>>,
    vector: Arc<[f32]>,
}

impl Compared {
    /// Agents by how near they are, nearest first. Reads every vector: for the pool.
    pub(crate) fn near(&self) -> Vec<(AgentId, f32)> {
        self.meanings.read().unwrap_or_else(PoisonError::into_inner).rank(&self.vector)
    }
}

impl Engine {
    /// Makes agents' vectors until `stop`, wherever some are missing: at the start, and when an agent came or changed.
    /// Ends at once where no embedding model is configured.
    pub async fn learn_meanings(self: Arc<Self>, stop: CancellationToken) {
        let Some(llm) = self.embedder().cloned() else { return };
        let mut wait = WAIT_FIRST;
        // What the log says already.
        let mut said = String::new();
        while !stop.is_cancelled() {
            let learned = tokio::select! {
                learned = self.learn_all(&llm) => learned,
                () = stop.cancelled() => return,
            };
            let nudged = async {
                match learned {
                    Ok(()) => {
                        wait = WAIT_FIRST;
                        said.clear();
                        drop(tokio::time::timeout(LOOK_EVERY, self.learn.notified()).await); // either will do
                    }
                    Err(trouble) => {
                        let why = trouble.why();
                        if why != said {
                            tracing::warn!(
                                "agents are ranked by words until their texts can be embedded: {why}"
                            );
                            said = why;
                        }
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(WAIT_MAX);
                    }
                }
            };
            tokio::select! {
                () = nudged => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn embedder(&self) -> Option<&Arc<Llm>> {
        self.parts.llm.as_ref().filter(|llm| llm.settings().embedding.is_some())
    }

    /// Goes once over the agents that have no vectors.
    async fn learn_all(&self, llm: &Llm) -> Result<(), Trouble> {
        let mut after = AgentId(0);
        let mut trouble = Ok(());
        loop {
            let agents = self.market().without_meaning(after, AGENTS_MAX);
            let Some((last, _)) = agents.last() else { return trouble };
            after = *last;
            let mut agents: Vec<Unlearned> = agents
                .into_iter()
                .map(|(agent, compiled)| Unlearned { agent, texts: texts_of(&compiled), compiled })
                .collect();
            while !agents.is_empty() {
                let rest = agents.split_off(first_batch(&agents));
                match self.learn(llm, &agents).await {
                    Ok(()) => {}
                    Err(Trouble::Server(why)) => return Err(Trouble::Server(why)),
                    Err(Trouble::Texts(why)) if agents.len() == 1 => trouble = Err(Trouble::Texts(why)),
                    Err(Trouble::Texts(_)) => {
                        // One text that the server makes nothing of must not stand in the way of the others.
                        for agent in &agents {
                            match self.learn(llm, std::slice::from_ref(agent)).await {
                                Err(Trouble::Server(why)) => return Err(Trouble::Server(why)),
                                Err(Trouble::Texts(why)) => trouble = Err(Trouble::Texts(why)),
                                Ok(()) => {}
                            }
                        }
                    }
                }
                agents = rest;
            }
        }
    }

    /// Embeds agents and shows them to the market.
    async fn learn(&self, llm: &Llm, agents: &[Unlearned]) -> Result<(), Trouble> {
        let texts: Vec<String> = agents.iter().flat_map(|agent| agent.texts.iter().cloned()).collect();
        let (vectors, call) = llm.embed(&texts, None).await;
        // What the server will never take may be these texts: others may fare better.
        let permanent = call.as_ref().is_some_and(|call| call.outcome == CallOutcome::Permanent);
        let paid = call.filter(|call| call.outcome != CallOutcome::Cached);
        self.account(None, OWN, paid.as_slice(), Vec::new()).await;
        self.tell_of_budgets(&llm.crossings()).await;
        let vectors = vectors.map_err(|error| match error.without {
            WithoutModel::NoUse => Trouble::Texts(error.why),
            WithoutModel::Unavailable if permanent => Trouble::Texts(error.why),
            WithoutModel::SwitchedOff
            | WithoutModel::OverBudget
            | WithoutModel::Unavailable
            | WithoutModel::JobSaysNo => Trouble::Server(error.why),
        })?;
        let mut vectors = vectors.into_iter();
        let mut trouble = Ok(());
        for Unlearned { agent, compiled, texts } in agents {
            let own: Vec<Arc<[f32]>> = vectors.by_ref().take(texts.len()).collect();
            if let Err(unfit) = self.market().learn(*agent, compiled, &own) {
                let name = &compiled.definition.name;
                tracing::debug!(agent.id = agent.0, "{name} is ranked by words alone: {unfit}");
                trouble = Err(Trouble::Texts(unfit.to_string()));
            }
        }
        trouble
    }

    /// A job's vector beside those of the agents, if it makes a difference and can be had soon. `thoughts` say what was
    /// asked, or why not.
    pub(super) async fn compare(
        &self,
        work: &Work,
        thoughts: &mut Thoughts,
        now: Timestamp,
    ) -> Option<Compared> {
        let (job, draft, payer) = (work.job.id, &work.draft, work.payer());
        let llm = self.embedder()?;
        let ranked = work.job.steering.assign.is_none() && draft.only.len() != 1;
        let meanings = self.market().meanings().filter(|_| ranked)?;
        let text = job_text(draft.title.as_deref(), &draft.brief)?;
        let llm = match self.models_for(draft, payer, now) {
            Ok(llm) => llm,
            Err(None) => return None,
            // What ails the model that chats does not ail the one that embeds.
            Err(Some(WithoutModel::Unavailable)) => Arc::clone(llm),
            Err(Some(why)) if work.job.waiting.is_some() => {
                thoughts.do_without(ModelRole::Embed, why);
                return None;
            }
            Err(Some(why)) => {
                self.do_without(work, ModelRole::Embed, why, thoughts).await;
                return None;
            }
        };
        let thinking = self.thinks(job);
        let (store, asked) = (Arc::clone(&self.parts.store), Arc::clone(&llm));
        let asked = tokio::spawn(async move {
            let (answer, call) = asked.embed(&[text], Some(payer)).await;
            let without = answer.as_ref().err().map(|error| (ModelRole::Embed, error.without));
            log_calls(&*store, Some(job), payer, call.as_slice(), without.into_iter().collect()).await;
            (answer, call)
        });
        let answer = if let Ok(Ok((answer, call))) = tokio::time::timeout(JOB_WAIT, asked).await {
            thoughts.called(call);
            answer
        } else {
            let why = format!("the text was not embedded within {} s", JOB_WAIT.as_secs());
            Err(NoAnswer { without: WithoutModel::Unavailable, why })
        };
        drop(thinking);
        self.tell_of_budgets(&llm.crossings()).await;
        let vectors = answer.map_err(|error| thoughts.failed(ModelRole::Embed, error)).ok()?;
        Some(Compared { meanings, vector: vectors.into_iter().next()? })
    }

    /// The same for a look ahead, which pays for nothing: none if this text was not embedded before.
    pub(crate) async fn compare_as_known(&self, draft: &JobDraft) -> Option<Compared> {
        let llm = self.embedder().filter(|_| draft.models != Models::Off)?;
        let meanings = self.market().meanings()?;
        let vector = llm.embedded_before(&job_text(draft.title.as_deref(), &draft.brief)?).await?;
        Some(Compared { meanings, vector })
    }

    /// Whether a job's text will be embedded for its pick, as things are.
    pub(crate) fn compares(&self, draft: &JobDraft) -> bool {
        self.embedder().is_some() && draft.models != Models::Off && self.market().meanings().is_some()
    }
}

/// How many agents go into the first request: at least one.
fn first_batch(agents: &[Unlearned]) -> usize {
    let mut texts = 0;
    let fits = agents.iter().take_while(|agent| {
        texts += agent.texts.len();
        texts <= BATCH_TEXTS_MAX
    });
    fits.count().max(1)
}
