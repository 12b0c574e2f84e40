//! Who gets a job: eligibility with reasons, then the rank. Pure; it reads the market and changes nothing.
//!
//! Cheap filters first, then relevance, then the input against schemas down the ranking until
//! [`CANDIDATES_MAX`] fit. Ties go by id.

use crate::judge::schema::SchemaVerdict;
use crate::market::{Listing, Market, day};
use crate::pick::meaning::{Fit, fuse};
use crate::store::Steering;
use guildhall_protocol::agent::{AgentKind, AgentState, Audience, Health};
use guildhall_protocol::ids::{AgentId, AgentVersion, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::pick::{CANDIDATES_MAX, Candidate, Exclusion, Factors, Pick, PickMethod};
use guildhall_protocol::place::PlaceSettings;
use guildhall_protocol::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Agents whose relevance is below this share of the best do not get the job, even when they are the only free ones: a
/// wait for the right agent is better than an answer of the wrong one.
const RELEVANCE_SHARE_MIN: f32 = 0.4;
/// Most agents that a parked job waits for.
pub const WAITS_MAX: usize = 8;
/// What an unknown agent is believed to be worth, and how many verdicts that belief weighs.
const SUCCESS_PRIOR: f64 = 0.7;
const SUCCESS_PRIOR_WEIGHT: f64 = 3.0;
/// Verdicts after which an agent is no newcomer.
const NEWCOMER_VERDICTS_MAX: f64 = 5.0;
/// The weights of the factors; their sum is 1. Meaning has its weight in relevance.
const WEIGHTS: Factors =
    Factors { relevance: 0.62, meaning: None, success: 0.2, latency: 0.05, free: 0.1, newcomer: 0.03 };

/// What is asked for.
pub struct Wanted<'a> {
    /// Who asks.
    pub client: UserId,
    /// The job.
    pub draft: &'a JobDraft,
    /// What is settled where it was posted.
    pub place: &'a PlaceSettings,
    /// What an operator ordered.
    pub steering: &'a Steering,
    /// Its input, or its brief as text.
    pub input: &'a Value,
    /// Size of the input, bytes.
    pub input_bytes: usize,
    /// What an agent gets whose input schema it does not fit.
    pub material: Material,
    /// Who has tried it already.
    pub tried: &'a [AgentId],
    /// When it must be done.
    pub deadline: Timestamp,
    /// Agents by how near they mean what the job does, nearest first; empty where nothing is known of it.
    pub near: &'a [(AgentId, f32)],
    /// The job's seed: equal agents share the load.
    pub seed: u64,
}

/// What a client gave an agent to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// An input: an agent takes it or does not.
    Given,
    /// Words, of which a model can make the input that an agent wants.
    Words,
    /// Words, and nobody can make an input of them: only agents that take words.
    WordsOnly,
}

/// What came of it.
pub struct Choice {
    /// The record.
    pub pick: Pick,
    /// Who gets it.
    pub chosen: Option<(AgentId, AgentVersion)>,
    /// Who could take it later.
    pub waits_for: Vec<AgentId>,
    /// When one of them could by time alone.
    pub look_again: Option<Timestamp>,
    /// Agents that need an input which the client's words are not yet, best first: among the candidates with
    /// [`Material::Words`], among the excluded with [`Material::WordsOnly`].
    pub need_input: Vec<AgentId>,
    /// Whether the chosen agent's slot is taken for it: its caller's to say.
    pub holds_slot: bool,
}

/// Chooses among all agents.
pub fn choose(market: &Market, wanted: &Wanted<'_>, now: Timestamp) -> Choice {
    let fits = fuse(&market.relevance(&query(wanted.draft)), wanted.near);
    let mut reasons: BTreeMap<AgentId, Exclusion> = BTreeMap::new();
    let mut able: Vec<(&Listing, Fit)> = Vec::new();
    for listing in market.all() {
        match lasting(listing, wanted) {
            Some(reason) => drop(reasons.insert(listing.record.id, reason)),
            None => able.push((listing, fits.get(&listing.record.id).copied().unwrap_or_default())),
        }
    }
    let best = able.iter().map(|(_, fit)| fit.relevance).fold(0.0, f32::max);
    if wanted.draft.only.is_empty() && wanted.steering.assign.is_none() {
        able.retain(|(listing, fit)| {
            let fits = fit.relevance >= best * RELEVANCE_SHARE_MIN;
            if !fits {
                reasons.insert(listing.record.id, Exclusion::LittleRelevance);
            }
            fits
        });
    }
    let scale = if best > 0.0 { best } else { 1.0 };
    let mut ranked: Vec<(&Listing, Factors, f32)> = able
        .into_iter()
        .map(|(listing, fit)| {
            let fit = Fit { relevance: fit.relevance / scale, ..fit };
            let factors = factors(listing, fit, wanted, now);
            (listing, factors, score(&factors))
        })
        .collect();
    ranked.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.record.id.cmp(&b.0.record.id)));

    let mut candidates = Vec::new();
    let mut waits_for = Vec::new();
    let mut look_again = None;
    let mut need_input = Vec::new();
    for (listing, factors, score) in ranked {
        if candidates.len() == CANDIDATES_MAX {
            break;
        }
        let id = listing.record.id;
        let unfit = invalid_input(listing, wanted);
        if unfit.is_some() && wanted.material == Material::WordsOnly && need_input.len() < CANDIDATES_MAX {
            need_input.push(id);
        }
        if let Some(reason) = unfit.filter(|_| wanted.material != Material::Words) {
            reasons.insert(id, reason);
        } else if let Some(reason) = passing(listing, wanted.client, now) {
            reasons.insert(id, reason);
            if reason == Exclusion::DailyCap {
                look_again = Some(tomorrow(now));
            }
            if waits_for.len() < WAITS_MAX {
                waits_for.push(id);
            }
        } else {
            if unfit.is_some() {
                need_input.push(id);
            }
            let (name, version) = (listing.record.name.clone(), listing.record.version);
            candidates.push(Candidate { agent: id, name, version, score, factors });
        }
    }
    let pick = record(market, wanted, now, candidates, &reasons);
    let chosen = pick.candidates.first().map(|first| (first.agent, first.version));
    Choice { pick, chosen, waits_for, look_again, need_input, holds_slot: false }
}

/// When daily caps begin anew.
fn tomorrow(now: Timestamp) -> Timestamp {
    Timestamp((day(now) + 1) * 86_400_000)
}

/// Why this agent cannot take the job now, if it cannot: the same checks for one agent.
pub fn exclusion(
    market: &Market,
    listing: &Listing,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Option<Exclusion> {
    let choice = choose(market, wanted, now);
    let in_race = choice.pick.candidates.iter().any(|candidate| candidate.agent == listing.record.id);
    if in_race {
        return None;
    }
    lasting(listing, wanted)
        .or_else(|| invalid_input(listing, wanted).filter(|_| wanted.material != Material::Words))
        .or_else(|| passing(listing, wanted.client, now))
        .or(Some(Exclusion::LittleRelevance))
}

fn query(draft: &JobDraft) -> String {
    format!("{}\n{}\n{}", draft.title.as_deref().unwrap_or_default(), draft.tags.join(" "), draft.brief)
}

/// Reasons that time alone does not change.
fn lasting(listing: &Listing, wanted: &Wanted<'_>) -> Option<Exclusion> {
    let (record, definition, draft) = (&listing.record, &listing.compiled.definition, wanted.draft);
    let published = match record.audience {
        Audience::Owner => record.is_owned_by(wanted.client),
        // One machine is one place.
        Audience::Place | Audience::Public => true,
    };
    let input_bytes = u64::try_from(wanted.input_bytes).unwrap_or(u64::MAX);
    if record.state == AgentState::Retired {
        Some(Exclusion::NotActive)
    } else if !draft.only.is_empty() && !draft.only.contains(&record.name) {
        Some(Exclusion::NotInOnly)
    } else if draft.not.contains(&record.name) {
        Some(Exclusion::InNot)
    } else if wanted.steering.assign.is_some_and(|ordered| ordered != record.id) {
        Some(Exclusion::NotOrdered)
    } else if wanted.steering.exclude.contains(&record.id) && wanted.steering.assign.is_none() {
        Some(Exclusion::RuledOut)
    } else if !wanted.place.allows(&record.name) {
        Some(Exclusion::NotInPlace)
    } else if !published {
        Some(Exclusion::NotPublished)
    } else if definition.kind == AgentKind::A2a {
        Some(Exclusion::KindUnsupported)
    } else if !draft.tags.iter().all(|tag| definition.tags.contains(tag)) {
        Some(Exclusion::LacksTag)
    } else if wanted.tried.contains(&record.id) {
        Some(Exclusion::TriedBefore)
    } else if input_bytes > definition.caps.input_bytes {
        Some(Exclusion::InputTooLarge)
    } else {
        None
    }
}

/// Reasons that pass.
fn passing(listing: &Listing, client: UserId, now: Timestamp) -> Option<Exclusion> {
    let health = listing.record.health;
    let caps = &listing.compiled.definition.caps;
    let (of_all, of_client) = listing.jobs_of_day(day(now), client);
    let capped = caps.jobs_per_day.is_some_and(|cap| of_all >= cap)
        || caps.jobs_per_client_per_day.is_some_and(|cap| of_client >= cap);
    if listing.record.state != AgentState::Active {
        Some(Exclusion::NotActive)
    } else if matches!(health, Health::Open(_) | Health::Quarantined) {
        Some(Exclusion::CircuitOpen)
    } else if capped {
        Some(Exclusion::DailyCap)
    } else if listing.free() == 0 {
        Some(Exclusion::AtCapacity)
    } else {
        None
    }
}

fn invalid_input(listing: &Listing, wanted: &Wanted<'_>) -> Option<Exclusion> {
    match listing.compiled.input.as_ref().map(|schema| schema.check(wanted.input)) {
        None | Some(SchemaVerdict::Pass) => None,
        Some(SchemaVerdict::Fail(_) | SchemaVerdict::TooMuchWork { .. }) => Some(Exclusion::InputInvalid),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "factors lie between 0 and 1"
)]
fn factors(listing: &Listing, fit: Fit, wanted: &Wanted<'_>, now: Timestamp) -> Factors {
    let past = listing.past(day(now));
    let verdicts = past.passed + past.failed;
    let success = (past.passed + SUCCESS_PRIOR * SUCCESS_PRIOR_WEIGHT) / (verdicts + SUCCESS_PRIOR_WEIGHT);
    let time_left = wanted.deadline.since(now).as_secs_f64().max(1.0);
    let seconds = past.answer_ms.unwrap_or(1_000.0) / 1_000.0;
    let newcomer = if verdicts < NEWCOMER_VERDICTS_MAX { share(wanted.seed, listing.record.id) } else { 0.0 };
    Factors {
        relevance: fit.relevance,
        meaning: fit.meaning,
        success: success as f32,
        latency: (1.0 / (1.0 + seconds * 10.0 / time_left)) as f32,
        free: listing.free() as f32 / listing.record.concurrency.max(1) as f32,
        newcomer,
    }
}

/// A number between 0 and 1 that follows from the job's seed and the agent.
#[expect(clippy::cast_precision_loss, reason = "24 bits are enough for a share")]
fn share(seed: u64, agent: AgentId) -> f32 {
    // SplitMix64's finalizer: near seeds and ids spread over the whole range.
    let mut mixed = seed ^ agent.0.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
}

fn score(factors: &Factors) -> f32 {
    WEIGHTS.relevance * factors.relevance
        + WEIGHTS.success * factors.success
        + WEIGHTS.latency * factors.latency
        + WEIGHTS.free * factors.free
        + WEIGHTS.newcomer * factors.newcomer
}

fn record(
    market: &Market,
    wanted: &Wanted<'_>,
    now: Timestamp,
    candidates: Vec<Candidate>,
    reasons: &BTreeMap<AgentId, Exclusion>,
) -> Pick {
    let mut counts: BTreeMap<Exclusion, u32> = BTreeMap::new();
    for reason in reasons.values() {
        *counts.entry(*reason).or_default() += 1;
    }
    let mut excluded: Vec<(Exclusion, u32)> = counts.into_iter().collect();
    excluded.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let of_name = |name| market.named(name).and_then(|listing| reasons.get(&listing.record.id)).copied();
    let named = wanted.draft.only.iter().map(|name| (name.clone(), of_name(name))).collect();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let examined = count(market.all().count());
    let first = candidates.first();
    let reason = match first {
        Some(first) => because(first, candidates.get(1)),
        None => nobody(examined, &excluded),
    };
    let method = if wanted.steering.assign.is_some() { PickMethod::Operator } else { PickMethod::Rank };
    let reason = match (first, method) {
        (Some(first), PickMethod::Operator) => format!("{}: an operator ordered it", first.name),
        _ => reason,
    };
    Pick {
        at: now,
        chosen: first.map(|first| first.name.clone()),
        method,
        reason,
        examined,
        eligible: count(candidates.len()),
        candidates,
        excluded,
        named,
        model: None,
    }
}

fn because(first: &Candidate, second: Option<&Candidate>) -> String {
    let Some(second) = second else { return format!("{} is the only one who can take it now", first.name) };
    let gains = [
        ("its texts fit best", WEIGHTS.relevance * (first.factors.relevance - second.factors.relevance)),
        ("its record is better", WEIGHTS.success * (first.factors.success - second.factors.success)),
        ("it is faster", WEIGHTS.latency * (first.factors.latency - second.factors.latency)),
        ("it has more room", WEIGHTS.free * (first.factors.free - second.factors.free)),
        (
            "it is new and gets a chance",
            WEIGHTS.newcomer * (first.factors.newcomer - second.factors.newcomer),
        ),
    ];
    let most = gains.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |(gain, _)| gain);
    format!("{}: {most}, before {}", first.name, second.name)
}

fn nobody(examined: u32, excluded: &[(Exclusion, u32)]) -> String {
    if examined == 0 {
        return "there is no agent yet".to_owned();
    }
    let reasons: Vec<String> = excluded.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    format!("0 of {examined} agents can take this now: {}", reasons.join(", "))
}

#[cfg(test)]
mod tests;
