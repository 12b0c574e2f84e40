//! The agents as the picker sees them: in memory, compiled, indexed, updated on change. The store stays the truth.

use crate::judge::schema::Schema;
use crate::pick::meaning::{self, Meanings, Unfit};
use crate::pick::relevance::{AgentText, Relevance, SkillText};
use crate::store::{AgentRecord, DayRecord, Pulse, Tally, TallyRecord};
use guildhall_protocol::agent::{AgentDefinition, AgentName, AgentState, Health};
use guildhall_protocol::ids::{AgentId, AgentVersion, UserId};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Days that count in an agent's record.
pub const RECORD_DAYS: i64 = 90;
/// Days after which a verdict counts half.
const HALF_LIFE_DAYS: f64 = 14.0;

/// A version of an agent, ready to use.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the owner wrote.
    pub definition: AgentDefinition,
    /// Its input schema.
    pub input: Option<Schema>,
    /// Its output schema.
    pub output: Option<Schema>,
}

/// An agent in the market.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The agent as stored.
    pub record: AgentRecord,
    /// Its current version.
    pub compiled: Arc<Compiled>,
    /// Attempts that hold a slot, among them those that are being written.
    pub running: u32,
    tallies: BTreeMap<i64, Tally>,
    /// Attempts of one day by client, for agents with daily caps.
    today: (i64, BTreeMap<UserId, u32>),
}

/// What counts of an agent's past.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Past {
    /// Accepted answers, recent ones heavier.
    pub passed: f64,
    /// Refused answers, recent ones heavier.
    pub failed: f64,
    /// Mean time to an answer, ms.
    pub answer_ms: Option<f64>,
}

impl Listing {
    /// The agent's past as of a day.
    pub fn past(&self, today: i64) -> Past {
        let mut past = Past::default();
        let (mut answered, mut answer_ms) = (0.0, 0.0);
        for (day, tally) in self.tallies.range(today - RECORD_DAYS..) {
            #[expect(clippy::cast_precision_loss, reason = "days, counts and milliseconds of a few months")]
            let number = |count: i64| count as f64;
            let weight = 0.5_f64.powf(number((today - day).max(0)) / HALF_LIFE_DAYS);
            past.passed += weight * number(tally.passed);
            past.failed += weight * number(tally.failed);
            answered += weight * number(tally.answered);
            answer_ms += weight * number(tally.answer_ms);
        }
        // A correction may be heavier by now than what it corrects.
        (past.passed, past.failed) = (past.passed.max(0.0), past.failed.max(0.0));
        past.answer_ms = (answered > 0.0).then(|| answer_ms / answered);
        past
    }

    /// The plain sums of the record's days.
    pub fn sums(&self, today: i64) -> Tally {
        self.tallies.range(today - RECORD_DAYS..).fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
    }

    /// Attempts of this day, in all and of one client; counted where the agent has daily caps.
    pub fn jobs_of_day(&self, today: i64, client: UserId) -> (u32, u32) {
        let (day, jobs) = &self.today;
        if *day != today {
            return (0, 0);
        }
        (jobs.values().sum(), jobs.get(&client).copied().unwrap_or(0))
    }

    /// Slots that are free; while one job decides about the agent's circuit there is one slot.
    pub fn free(&self) -> u32 {
        let slots = if self.record.health == Health::HalfOpen { 1 } else { self.record.concurrency };
        slots.saturating_sub(self.running)
    }
}

/// All agents.
#[derive(Default)]
pub struct Market {
    agents: BTreeMap<AgentId, Listing>,
    names: BTreeMap<AgentName, AgentId>,
    relevance: Relevance,
    /// Behind a lock of its own: ten thousand agents take a while to compare, and nobody who takes a slot waits for that.
    meanings: Arc<RwLock<Meanings>>,
}

impl Market {
    /// Takes an agent in, or what it is now. Whoever read it before somebody else changed it, and comes after them, changes
    /// nothing.
    pub fn put(&mut self, record: AgentRecord, compiled: Arc<Compiled>) {
        let (id, name) = (record.id, record.name.clone());
        let known = self.agents.get(&id);
        if known.is_some_and(|known| known.record.chain.revision > record.chain.revision) {
            return;
        }
        if known.is_none_or(|known| known.record.version != record.version) {
            index(&mut self.relevance, id, &compiled);
            write(&self.meanings).remove(id);
        }
        // Slots that are being taken are known here before the store knows them.
        let running = known.map_or(record.running, |known| known.running);
        let (tallies, today) =
            known.map(|known| (known.tallies.clone(), known.today.clone())).unwrap_or_default();
        self.agents.insert(id, Listing { record, compiled, running, tallies, today });
        self.names.insert(name, id);
    }

    /// Adds to an agent's record.
    pub fn tally(&mut self, row: TallyRecord) {
        if let Some(listing) = self.agents.get_mut(&row.agent) {
            let sum = listing.tallies.entry(row.day).or_default();
            *sum = sum.plus(row.tally);
        }
    }

    /// Counts an attempt against an agent's daily caps.
    pub fn count_day(&mut self, agent: AgentId, client: UserId, day: i64) {
        self.add_day(DayRecord { agent, client, day, jobs: 1 });
    }

    /// Adds what an agent got from a client on a day.
    pub fn add_day(&mut self, row: DayRecord) {
        if let Some(listing) = self.agents.get_mut(&row.agent) {
            if listing.today.0 != row.day {
                listing.today = (row.day, BTreeMap::new());
            }
            *listing.today.1.entry(row.client).or_default() += row.jobs;
        }
    }

    /// What an agent's circuit heard.
    pub fn feel(&mut self, agent: AgentId, pulse: Pulse) {
        if let Some(listing) = self.agents.get_mut(&agent) {
            let misses = &mut listing.record.pulses.misses;
            *misses = match pulse {
                Pulse::Beat => 0,
                Pulse::Miss => *misses + 1,
            };
        }
    }

    /// Takes a slot.
    pub fn take_slot(&mut self, agent: AgentId) {
        if let Some(listing) = self.agents.get_mut(&agent) {
            listing.running += 1;
        }
    }

    /// Gives a slot back.
    pub fn free_slot(&mut self, agent: AgentId) {
        if let Some(listing) = self.agents.get_mut(&agent) {
            listing.running = listing.running.saturating_sub(1);
        }
    }

    /// One agent.
    pub fn get(&self, id: AgentId) -> Option<&Listing> {
        self.agents.get(&id)
    }

    /// One agent by name.
    pub fn named(&self, name: &AgentName) -> Option<&Listing> {
        self.names.get(name).and_then(|id| self.agents.get(id))
    }

    /// All agents, by number.
    pub fn all(&self) -> impl Iterator<Item = &Listing> {
        self.agents.values()
    }

    /// How well agents fit a text, best first.
    pub fn relevance(&self, text: &str) -> Vec<(AgentId, f32)> {
        self.relevance.rank(text)
    }

    /// Agents that can get jobs and have no vectors, by number: those after one, at most so many. Nobody while there is no
    /// room for more vectors.
    pub fn without_meaning(&self, after: AgentId, most: usize) -> Vec<(AgentId, Arc<Compiled>)> {
        let meanings = read(&self.meanings);
        if meanings.is_full() {
            return Vec::new();
        }
        let later = self.agents.range((Bound::Excluded(after), Bound::Unbounded)).map(|(_, listing)| listing);
        later
            .filter(|listing| is_ranked(listing) && !meanings.has(listing.record.id))
            .map(|listing| (listing.record.id, Arc::clone(&listing.compiled)))
            .take(most)
            .collect()
    }

    /// Takes in what an agent's texts mean: those of [`texts_of`]. Does nothing if the agent has another version meanwhile.
    ///
    /// # Errors
    /// [`Unfit`]: the agent is ranked by words alone.
    pub fn learn(
        &self,
        agent: AgentId,
        compiled: &Arc<Compiled>,
        vectors: &[Arc<[f32]>],
    ) -> Result<(), Unfit> {
        let current = self.agents.get(&agent).is_some_and(|listing| Arc::ptr_eq(&listing.compiled, compiled));
        if current { write(&self.meanings).upsert(agent, vectors) } else { Ok(()) }
    }

    /// What agents' texts mean, once most of those that can get jobs have vectors: a few alone would seem nearer than they
    /// are.
    pub fn meanings(&self) -> Option<Arc<RwLock<Meanings>>> {
        let ranked = self.agents.values().filter(|listing| is_ranked(listing)).count();
        let known = read(&self.meanings).len();
        (known > 0 && known * 2 >= ranked).then(|| Arc::clone(&self.meanings))
    }

    /// The version of an agent if it is the current one.
    pub fn compiled(&self, agent: AgentId, version: AgentVersion) -> Option<Arc<Compiled>> {
        let listing = self.agents.get(&agent).filter(|listing| listing.record.version == version)?;
        Some(Arc::clone(&listing.compiled))
    }
}

fn is_ranked(listing: &Listing) -> bool {
    listing.record.state != AgentState::Retired
}

// A poisoned lock holds whole values: what panics under it are assertions before a change.
fn read(meanings: &RwLock<Meanings>) -> RwLockReadGuard<'_, Meanings> {
    meanings.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(meanings: &RwLock<Meanings>) -> RwLockWriteGuard<'_, Meanings> {
    meanings.write().unwrap_or_else(PoisonError::into_inner)
}

/// The texts of an agent that are embedded.
pub fn texts_of(compiled: &Compiled) -> Vec<String> {
    with_text(compiled, meaning::texts)
}

fn index(relevance: &mut Relevance, id: AgentId, compiled: &Compiled) {
    with_text(compiled, |text| relevance.upsert(id, text));
}

/// What an agent says about itself, lent.
fn with_text<R>(compiled: &Compiled, read: impl FnOnce(&AgentText<'_>) -> R) -> R {
    let definition = &compiled.definition;
    let skills: Vec<SkillText<'_>> = definition
        .skills
        .iter()
        .map(|skill| SkillText { name: &skill.name, description: &skill.description })
        .collect();
    let schemas = [&compiled.input, &compiled.output];
    let properties: Vec<String> =
        schemas.into_iter().flatten().flat_map(|schema| schema.properties().to_vec()).collect();
    let text = AgentText {
        name: definition.name.as_str(),
        description: &definition.description,
        tags: &definition.tags,
        skills: &skills,
        properties: &properties,
    };
    read(&text)
}

/// Days since 1970 of a time.
pub fn day(now: guildhall_protocol::time::Timestamp) -> i64 {
    now.0.div_euclid(86_400_000)
}
