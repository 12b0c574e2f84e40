//! Language models: what the daemon asks them, under which limits, and what it does when they do not answer.
//!
//! Models are never in the way: whatever happens to a call, [`Llm::ask`] answers within its time limit, and its caller goes
//! on without a model. Nothing here decides about a job.
//!
//! A question passes these checks in this order, and the first that fails is the answer:
//!
//! ```text
//! switched on? ─ answered before? ─ breaker ─ job's tokens ─ budgets, day's tokens ─ free permit ─ one call ─ readable?
//!      │no            │yes            │open       └─────── too much ──────┘              │          │ fails     │no
//! SwitchedOff    Cached, free    Unavailable             OverBudget                (waits)    retry once    NoUse
//!                                                                                            or Unavailable
//! ```
//!
//! What a call may cost at most is set aside before it is made, so that many calls at once cannot overshoot a budget; what
//! it did cost is written down after it. Only an answer that its reader accepted is kept in the cache.

pub mod accounts;
pub mod ask;
pub mod breaker;
pub mod cache;
mod call;
pub mod choose;
pub mod counters;
pub mod embed;
pub mod foreign;
pub mod judge;
pub mod settings;
pub mod shape;
pub mod state;
mod transport;

#[cfg(test)]
mod tests;

pub use accounts::{BudgetAccount, Crossing, Spent};
pub use ask::{Asked, NoAnswer, Question};
pub use cache::{Cache, CacheStats};
pub use counters::Count;
pub use state::{BreakerState, LlmState};

use accounts::Accounts;
use breaker::{Admission, Breaker};
use counters::Counters;
use guildhall_protocol::ids::StoreTag;
use guildhall_protocol::model::{Budgets, ModelName, Payer, WithoutModel};
use guildhall_protocol::time::Timestamp;
use settings::LlmSettings;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use transport::{FailureKind, PermanentWhy, Server};

/// Everything the daemon knows and remembers about its models. One per daemon, in an `Arc`.
pub struct Llm {
    settings: LlmSettings,
    chat: Server,
    /// Embeds; none without an embedding model.
    embedder: Option<Server>,
    cache: Arc<dyn Cache>,
    tag: StoreTag,
    on: AtomicBool,
    /// Bounds calls in flight.
    permits: Arc<Semaphore>,
    accounts: Mutex<Accounts>,
    /// One per configured model: a second model without structured output must not stop the first.
    breakers: Mutex<BTreeMap<ModelName, Breaker>>,
    counters: Mutex<Counters>,
}

/// Models cannot be used with what is configured.
#[derive(Debug, thiserror::Error)]
pub enum LlmSetupError {
    /// A base URL cannot be used.
    #[error("the base URL of the models cannot be used: {why}; write it as https://host/v1")]
    BaseUrl {
        /// What is wrong.
        why: String,
    },
    /// The key cannot be sent.
    #[error("the key for the models holds characters that cannot be sent; check where it is read from")]
    Key,
    /// The HTTP client could not be made.
    #[error("the HTTP client for the models could not be made")]
    Http(#[from] reqwest::Error),
}

impl Llm {
    /// Makes the clients; calls nothing. `spent` is what was spent on the UTC day of `now`. Installs the process's TLS
    /// provider if there is none yet.
    ///
    /// # Errors
    /// [`LlmSetupError`] says what is wrong with the settings.
    pub fn new(
        settings: LlmSettings,
        cache: Arc<dyn Cache>,
        tag: StoreTag,
        on: bool,
        budgets: Budgets,
        spent: &[Spent],
        now: Timestamp,
    ) -> Result<Self, LlmSetupError> {
        let (chat, embedder) = transport::servers(&settings)?;
        let mut accounts = Accounts::new(budgets, settings.day_tokens_max, now);
        accounts.load(spent);
        Ok(Self {
            chat,
            embedder,
            cache,
            tag,
            on: AtomicBool::new(on),
            permits: Arc::new(Semaphore::new(settings.calls_max.clamp(1, Semaphore::MAX_PERMITS))),
            accounts: Mutex::new(accounts),
            breakers: Mutex::default(),
            counters: Mutex::default(),
            settings,
        })
    }

    /// Whether a question of this payer has a chance now: a cheap look before a prompt is built. What it says may change
    /// until the question is asked.
    ///
    /// # Errors
    /// Why it has none.
    pub fn usable(&self, payer: Payer, now: Timestamp) -> Result<(), WithoutModel> {
        if !self.is_on() {
            return Err(WithoutModel::SwitchedOff);
        }
        if self.breaker(&self.settings.model, |breaker| breaker.look(now)).is_err() {
            return Err(WithoutModel::Unavailable);
        }
        match self.accounts().look(Some(payer), now) {
            Ok(()) => Ok(()),
            Err(_) => Err(WithoutModel::OverBudget),
        }
    }

    /// Switches models on or off. Calls in flight end as they would have. Switching on also tries again what was given up,
    /// such as a key that was refused; it may be said twice.
    pub fn set_on(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if on {
            lock(&self.breakers).values_mut().for_each(Breaker::reset);
        }
    }

    /// Puts other budgets in force, from the next call on.
    pub fn set_budgets(&self, budgets: Budgets) {
        self.accounts().set_budgets(budgets);
    }

    /// What crossed 80 or 100 % of a budget since this was last called: each once a day.
    pub fn crossings(&self) -> Vec<Crossing> {
        self.accounts().take_crossings()
    }

    /// Looks at start-up whether the server can be reached and takes the key, and says in the log what is wrong. Never
    /// longer than the time limit of a call. A refused key stops calls at once, like a call would have.
    pub async fn probe(&self) {
        let answer = tokio::time::timeout(self.settings.time_limit, self.chat.models()).await;
        let failure = match answer {
            Ok(Ok(names)) => {
                if !names.is_empty() && !names.iter().any(|name| name == self.settings.model.as_str()) {
                    tracing::warn!(
                        model = %self.settings.model,
                        "the server of models does not list {}; calls may fail", self.settings.model
                    );
                }
                return;
            }
            Ok(Err(failure)) => failure,
            Err(_) => {
                let seconds = self.settings.time_limit.as_secs_f32();
                tracing::warn!("the server of models did not answer within {seconds} s; jobs go on without");
                return;
            }
        };
        match failure.kind {
            FailureKind::Permanent(PermanentWhy::Key) => {
                tracing::warn!(
                    "the server of models does not accept the key: {}; jobs go on without a model; mend the key and \
                     restart, or switch models on again if the server was wrong",
                    failure.why
                );
                let now = Timestamp::now();
                for model in self.chat_models() {
                    self.breaker(model, |breaker| {
                        breaker.block(PermanentWhy::Key, &failure.why, now, Admission::Normal)
                    });
                }
            }
            FailureKind::Transient => {
                tracing::warn!(
                    "the server of models cannot be used now: {}; jobs go on without",
                    failure.why
                );
            }
            // Many servers have no list of models, or answer it in a way of their own; a call will show.
            FailureKind::Permanent(_) | FailureKind::Refused | FailureKind::Malformed => {
                tracing::debug!("the server of models has no list of models: {}", failure.why);
            }
        }
    }

    /// Everything that a status or a metric shows. Costs a few locks and a copy.
    pub fn state(&self, now: Timestamp) -> LlmState {
        let breakers = {
            let breakers = lock(&self.breakers);
            let state = |(model, breaker): (&ModelName, &Breaker)| BreakerState {
                model: model.clone(),
                trouble: breaker.words(now),
            };
            breakers.iter().map(state).collect()
        };
        let counts = lock(&self.counters).counts();
        let in_flight = self.calls_max() - self.permits.available_permits();
        let unpriced =
            self.models().filter(|model| !self.settings.prices.contains_key(*model)).cloned().collect();
        let mut accounts = self.accounts();
        accounts.roll(now);
        LlmState {
            on: self.is_on(),
            budgets: accounts.budgets(),
            spent: accounts.spent(),
            set_aside: accounts.set_aside(),
            tokens: accounts.tokens(),
            day_tokens_max: self.settings.day_tokens_max,
            top_places: accounts.top_places(state::TOP_MAX),
            top_users: accounts.top_users(state::TOP_MAX),
            breakers,
            counts,
            cache: self.cache.stats(),
            in_flight,
            calls_max: self.calls_max(),
            unpriced,
        }
    }

    /// What is configured.
    pub fn settings(&self) -> &LlmSettings {
        &self.settings
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    fn calls_max(&self) -> usize {
        self.settings.calls_max.clamp(1, Semaphore::MAX_PERMITS)
    }

    fn chat_models(&self) -> impl Iterator<Item = &ModelName> {
        std::iter::once(&self.settings.model).chain(self.settings.second.as_ref().map(|second| &second.model))
    }

    fn models(&self) -> impl Iterator<Item = &ModelName> {
        self.chat_models().chain(self.settings.embedding.as_ref().map(|embedding| &embedding.model))
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
    }

    /// Looks at a model's breaker or changes it.
    fn breaker<R>(&self, model: &ModelName, change: impl FnOnce(&mut Breaker) -> R) -> R {
        let mut breakers = lock(&self.breakers);
        if let Some(breaker) = breakers.get_mut(model) {
            return change(breaker);
        }
        change(breakers.entry(model.clone()).or_default())
    }
}

impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// These locks are held for a few instructions that do not panic; if one did, the values are still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
