//! The engine: take what is due, take one step, write it down.
//!
//! [`step`], [`next_step`] and [`reading`] decide, and are pure; `run` finds jobs, `perform` takes their steps,
//! `settle` writes down what came of a delivery, [`decide`] what people decided. The truth is in the store: what is held
//! here in memory only saves looking twice.

mod assign;
pub mod budgets;
mod challenge;
mod commit;
pub mod decide;
mod deliver;
mod examples;
mod hands;
pub mod health;
pub mod hear;
pub mod input;
pub mod meanings;
pub mod next_step;
mod opinion;
mod outbox;
mod perform;
mod picking;
pub mod reading;
mod review;
pub(crate) mod run;
mod settle;
pub mod steer;
pub mod step;
mod suitor;
mod thinking;
mod verdict;
mod work;
mod working;

pub use commit::CommitError;

use crate::agents::delivery::Courier;
use crate::agents::secrets::MasterKey;
use crate::changes::Changes;
use crate::flow::Flow;
use crate::judge::pool::Pool;
use crate::llm::Llm;
use crate::maker::Maker;
use crate::market::Market;
use crate::people::People;
use crate::places::Places;
use crate::store::{JobRecord, Store};
use guildhall_protocol::ids::{AgentId, Incarnation, JobId, StoreTag};
use guildhall_protocol::time::Timestamp;
use hands::Hands;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// Limits of the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Most steps at a time.
    pub steps_max: usize,
    /// Time for a person to review an answer.
    pub review_window: Duration,
    /// Time for a client to answer a question.
    pub question_window: Duration,
    /// Time to complain about a completed job, or to contest a finding.
    pub appeal_window: Duration,
    /// After an unclean end of the daemon before: how long picks and evaluations are announced before they are made.
    pub careful: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            steps_max: 256,
            review_window: Duration::from_hours(72),
            question_window: Duration::from_hours(24),
            appeal_window: Duration::from_hours(7 * 24),
            careful: Duration::from_mins(1),
        }
    }
}

/// What the engine works with.
pub struct EngineParts {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Ids and chance.
    pub maker: Arc<Maker>,
    /// The agents.
    pub market: Arc<RwLock<Market>>,
    /// Calls out.
    pub courier: Courier,
    /// Judges.
    pub pool: Pool,
    /// Language models, if any are configured.
    pub llm: Option<Arc<Llm>>,
    /// Opens secrets.
    pub key: Arc<MasterKey>,
    /// Hints for readers.
    pub changes: Arc<Changes>,
    /// Who is told what.
    pub people: Arc<People>,
    /// What is settled for places.
    pub places: Arc<Places>,
    /// Where agents reach the public listener; none: they are asked.
    pub public_url: Option<String>,
    /// The store's tag.
    pub tag: StoreTag,
    /// This run of the daemon.
    pub incarnation: Incarnation,
    /// Until when to announce picks and evaluations, after an unclean end.
    pub careful_until: Option<Timestamp>,
    /// Limits.
    pub limits: EngineLimits,
}

/// The engine of one daemon.
pub struct Engine {
    parts: EngineParts,
    /// Jobs whose step is being taken.
    hands: Mutex<Hands>,
    /// Agents that have a slot more than when their waiting jobs were last looked at.
    freed: Mutex<BTreeSet<AgentId>>,
    /// Where the look over all waiting jobs goes on, after an agent came or changed.
    sweep: Mutex<Option<JobId>>,
    /// Waiting jobs that an agent changed for while they were in hand.
    again: Mutex<BTreeSet<JobId>>,
    /// See [`Self::agent_changes`].
    agent_changes: AtomicU64,
    /// Messages to agents that are being sent.
    messages: Mutex<outbox::OnTheirWay>,
    /// Agents that are being challenged or probed.
    visits: Mutex<BTreeSet<AgentId>>,
    /// Whether an operator stopped new attempts.
    paused: AtomicBool,
    /// What passes, for whoever watches.
    flow: Flow,
    nudge: Notify,
    /// An agent came or changed: its texts are to be embedded.
    learn: Notify,
    last_turn: AtomicI64,
    draining: AtomicBool,
}

impl Engine {
    /// An engine; [`Engine::run`] starts it.
    pub fn new(parts: EngineParts, paused: bool) -> Self {
        Self {
            parts,
            hands: Mutex::default(),
            freed: Mutex::default(),
            sweep: Mutex::default(),
            again: Mutex::default(),
            agent_changes: AtomicU64::new(0),
            messages: Mutex::default(),
            visits: Mutex::default(),
            paused: AtomicBool::new(paused),
            flow: Flow::new(Timestamp::now()),
            nudge: Notify::new(),
            learn: Notify::new(),
            last_turn: AtomicI64::new(Timestamp::now().0),
            draining: AtomicBool::new(false),
        }
    }

    /// Looks sooner: a job was posted, a slot was freed, an agent changed.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// An agent came or changed: every waiting job may fit now.
    pub fn agent_changed(&self) {
        self.agent_changes.fetch_add(1, Ordering::SeqCst);
        *self.sweep.lock().unwrap_or_else(PoisonError::into_inner) = Some(JobId(i64::MAX));
        self.nudge();
    }

    /// How often an agent came or changed: a job that finds nobody asks before it looks and after it is written down as
    /// waiting, so that no change falls between.
    fn agent_changes(&self) -> u64 {
        self.agent_changes.load(Ordering::SeqCst)
    }

    /// Looks at this waiting job once more.
    fn look_again(&self, job: JobId) {
        self.again.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
        self.nudge();
    }

    /// The agents.
    pub fn market(&self) -> RwLockReadGuard<'_, Market> {
        self.parts.market.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agents, to change.
    pub fn market_mut(&self) -> RwLockWriteGuard<'_, Market> {
        self.parts.market.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it works with.
    pub fn parts(&self) -> &EngineParts {
        &self.parts
    }

    /// What passes, counted since it was made.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// When it last looked for work: an engine that is alive looks every second.
    pub fn last_turn(&self) -> Timestamp {
        Timestamp(self.last_turn.load(Ordering::Relaxed))
    }

    /// Whether it has stopped taking new steps.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether an operator stopped new attempts.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    fn slot_freed(&self, agent: AgentId) {
        self.market_mut().free_slot(agent);
        self.room_for(agent);
    }

    /// An agent can take more: as many waiting jobs look again as it has slots.
    fn room_for(&self, agent: AgentId) {
        self.freed.lock().unwrap_or_else(PoisonError::into_inner).insert(agent);
        self.nudge();
    }

    /// Whether a pick or an evaluation of this job is announced: for a while after an unclean end, and always while
    /// the job may be what ended a daemon.
    fn is_careful(&self, job: &JobRecord, now: Timestamp) -> bool {
        job.deaths > 0 || self.parts.careful_until.is_some_and(|until| now < until)
    }
}
