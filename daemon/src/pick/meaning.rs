//! Who is meant by a job, whatever its words: vectors of agents and of their skills, and how they are fused with the rank
//! by words.
//!
//! In memory and exact: every vector is looked at, in one pass over one block of numbers, and ties go by id. Vectors have
//! length 1, so a product is a cosine. Agents without vectors are no worse for it: their words speak for them.

use super::relevance::AgentText;
use guildhall_protocol::ids::AgentId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most of one text of an agent that is embedded, bytes. Encoders read a few hundred tokens and drop the rest.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// Most of a job's text that is embedded, bytes.
pub const JOB_BYTES_MAX: usize = 8_000;
/// Most numbers held in all: half a gigabyte. Ten thousand agents of ten skills have 42 million with a small encoder and 169
/// million with a large one; agents beyond it are ranked by their words.
const NUMBERS_MAX: usize = 1 << 27;
/// What meaning counts in the fused value; words count the rest. Anything from 0.3 to 0.4 measures alike, and the ranks
/// alone (reciprocal rank fusion) lose what the text rank is sure of.
const MEANING: f32 = 0.4;
/// Numbers that are added up side by side, so that the compiler can use wide registers: it may not reorder sums by itself.
const LANES: usize = 16;
/// The owner of a free row.
const NOBODY: u32 = u32::MAX;

/// Agents and what their texts mean.
#[derive(Default)]
pub struct Meanings {
    /// Numbers of a vector; zero while there is none.
    dimensions: usize,
    /// All vectors, one row each; rows are used again.
    numbers: Vec<f32>,
    /// By row: whose it is, as a place in `agents`.
    owners: Vec<u32>,
    free_rows: Vec<usize>,
    /// Agents by place; places are used again.
    agents: Vec<Option<AgentId>>,
    free_places: Vec<u32>,
    held: BTreeMap<AgentId, Held>,
    /// Somebody found no room since somebody left.
    full: bool,
}

/// Where an agent's vectors stand.
struct Held {
    place: u32,
    rows: Vec<usize>,
}

/// Vectors that cannot be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// They are of another model than those that are here.
    #[error("vectors have {found} numbers, and those of other agents have {expected}")]
    Dimensions {
        /// Numbers of a vector that is here.
        expected: usize,
        /// Numbers of one that is not.
        found: usize,
    },
    /// There is no vector, or one without numbers.
    #[error("there is no vector")]
    Empty,
    /// There are too many already.
    #[error("there is no room for more vectors")]
    Full,
}

/// The texts of an agent that are embedded: of the whole agent first, then of each skill. Each is cut to
/// [`TEXT_BYTES_MAX`] and none is empty.
pub fn texts(text: &AgentText<'_>) -> Vec<String> {
    let whole = format!("{}: {}\n{}", text.name, text.description, text.tags.join(" "));
    let skills =
        text.skills.iter().map(|skill| format!("{}: {}: {}", text.name, skill.name, skill.description));
    std::iter::once(whole).chain(skills).map(|text| head(&text, TEXT_BYTES_MAX)).collect()
}

/// The text of a job that is embedded, cut to [`JOB_BYTES_MAX`]; none if it says nothing.
pub fn job_text(title: Option<&str>, brief: &str) -> Option<String> {
    let text = head(&format!("{}\n{brief}", title.unwrap_or_default()), JOB_BYTES_MAX);
    (!text.is_empty()).then_some(text)
}

fn head(text: &str, bytes_max: usize) -> String {
    let text = text.trim();
    text[..text.floor_char_boundary(bytes_max)].trim_end().to_owned()
}

impl Meanings {
    /// Takes an agent's vectors in, or replaces those that it had. All must have length 1.
    ///
    /// # Errors
    /// [`Unfit`]; the agent has no vectors then.
    pub fn upsert(&mut self, agent: AgentId, vectors: &[Arc<[f32]>]) -> Result<(), Unfit> {
        self.remove(agent);
        let found = vectors.first().map_or(0, |vector| vector.len());
        if found == 0 {
            return Err(Unfit::Empty);
        }
        let expected = if self.held.is_empty() { found } else { self.dimensions };
        if let Some(other) = vectors.iter().find(|vector| vector.len() != expected) {
            return Err(Unfit::Dimensions { expected, found: other.len() });
        }
        if self.held.is_empty() {
            // The rows may have been of another length.
            *self = Self { dimensions: expected, ..Self::default() };
        }
        let new_rows = vectors.len().saturating_sub(self.free_rows.len());
        if self.numbers.len() + new_rows * expected > NUMBERS_MAX {
            self.full = true;
            return Err(Unfit::Full);
        }
        let place = self.free_places.pop().unwrap_or_else(|| {
            self.agents.push(None);
            u32::try_from(self.agents.len() - 1).expect("memory ends before four billion agents")
        });
        self.agents[place as usize] = Some(agent);
        let mut rows = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let row = self.free_rows.pop().unwrap_or_else(|| {
                self.numbers.extend(std::iter::repeat_n(0.0, expected));
                self.owners.push(NOBODY);
                self.owners.len() - 1
            });
            self.numbers[row * expected..(row + 1) * expected].copy_from_slice(vector);
            self.owners[row] = place;
            rows.push(row);
        }
        self.held.insert(agent, Held { place, rows });
        Ok(())
    }

    /// Forgets an agent; does nothing if it is not there.
    pub fn remove(&mut self, agent: AgentId) {
        let Some(Held { place, rows }) = self.held.remove(&agent) else { return };
        for row in rows {
            self.owners[row] = NOBODY;
            self.free_rows.push(row);
        }
        self.full = false;
        self.agents[place as usize] = None;
        self.free_places.push(place);
    }

    /// Every agent that has vectors, nearest first, ties by id: the cosine of the nearest of its vectors, the whole agent's
    /// or a skill's. Nobody if the query has another length than the vectors.
    pub fn rank(&self, query: &[f32]) -> Vec<(AgentId, f32)> {
        if query.len() != self.dimensions || query.is_empty() {
            return Vec::new();
        }
        let mut best = vec![f32::NEG_INFINITY; self.agents.len()];
        for (row, owner) in self.numbers.chunks_exact(self.dimensions).zip(&self.owners) {
            if *owner != NOBODY {
                let best = &mut best[*owner as usize];
                *best = best.max(product(row, query));
            }
        }
        let near = self.agents.iter().zip(best).filter_map(|(agent, near)| Some(((*agent)?, near)));
        let mut near: Vec<(AgentId, f32)> = near.collect();
        near.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near
    }

    /// Whether an agent has vectors.
    pub fn has(&self, agent: AgentId) -> bool {
        self.held.contains_key(&agent)
    }

    /// Whether there was no room for the last who came: it is of no use to embed others.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is no agent.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// How well an agent fits a job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fit {
    /// Words and meaning together; words alone for an agent without vectors. From 0 to 1.
    pub relevance: f32,
    /// How near its meaning is, relative to the nearest; none for an agent without vectors. From 0 to 1.
    pub meaning: Option<f32>,
}

/// Fuses two ranks of one job: by words, and by meaning. Without the second it is the first. The values compare within one
/// job only, as those of [`super::relevance::Relevance::rank`] do.
pub fn fuse(words: &[(AgentId, f32)], near: &[(AgentId, f32)]) -> BTreeMap<AgentId, Fit> {
    let mut fits: BTreeMap<AgentId, Fit> = words
        .iter()
        .map(|(agent, relevance)| (*agent, Fit { relevance: *relevance, meaning: None }))
        .collect();
    let (Some((_, nearest)), Some((_, farthest))) = (near.first(), near.last()) else { return fits };
    if *nearest <= 0.0 {
        return fits;
    }
    let best_words = words.first().map_or(0.0, |(_, best)| *best).max(f32::MIN_POSITIVE);
    for fit in fits.values_mut() {
        fit.relevance /= best_words;
    }
    // With many encoders all texts are near each other, so what all have in common must not count. Never more than half
    // is taken off: between a few agents that are near alike, the farthest is not far.
    let floor = farthest.min(nearest / 2.0);
    for (agent, near) in near {
        let meaning = (near - floor) / (nearest - floor);
        let fit = fits.entry(*agent).or_default();
        *fit = Fit { relevance: (1.0 - MEANING) * fit.relevance + MEANING * meaning, meaning: Some(meaning) };
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::super::relevance::SkillText;
    use super::*;

    fn vector(numbers: &[f32]) -> Arc<[f32]> {
        let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        numbers.iter().map(|number| number / length).collect()
    }

    /// A vector that follows from a number.
    fn some(seed: usize, dimensions: usize) -> Arc<[f32]> {
        let mut state = u64::try_from(seed).expect("a small number") * 2 + 1;
        let numbers: Vec<f32> = (0..dimensions)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f32::from(u16::try_from(state >> 48).expect("16 bits")) - 32_768.0
            })
            .collect();
        vector(&numbers)
    }

    fn id(number: usize) -> AgentId {
        AgentId(i64::try_from(number).expect("a small number"))
    }

    fn put(index: &mut Meanings, number: usize) {
        let vectors: Vec<_> = (0..=number % 4).map(|skill| some(number * 7 + skill, 37)).collect();
        index.upsert(id(number), &vectors).expect("it fits");
    }

    #[test]
    fn the_nearest_of_an_agents_vectors_counts() {
        let mut index = Meanings::default();
        let (east, north) = (vector(&[1.0, 0.0]), vector(&[0.0, 1.0]));
        index.upsert(AgentId(1), &[Arc::clone(&north), Arc::clone(&east)]).expect("it fits");
        index.upsert(AgentId(2), &[vector(&[1.0, 1.0])]).expect("it fits");
        index.upsert(AgentId(3), &[north]).expect("it fits");
        let ranked = index.rank(&east);
        assert_eq!(ranked.iter().map(|(agent, _)| agent.0).collect::<Vec<_>>(), [1, 2, 3]);
        assert!((ranked[0].1 - 1.0).abs() < 1e-6 && ranked[2].1.abs() < 1e-6, "{ranked:?}");
    }

    #[test]
    fn neither_order_nor_history_matters_and_ties_go_by_id() {
        let mut fresh = Meanings::default();
        (0..40).for_each(|agent| put(&mut fresh, agent));
        let mut changed = Meanings::default();
        (0..60).rev().for_each(|agent| put(&mut changed, agent));
        for agent in 0..60 {
            changed.remove(id(agent * 7 % 60));
            if agent * 7 % 60 < 40 {
                put(&mut changed, agent * 7 % 60);
            }
        }
        for seed in 0..20 {
            assert_eq!(changed.rank(&some(seed, 37)), fresh.rank(&some(seed, 37)), "seed {seed}");
        }
        assert_eq!((changed.len(), fresh.is_empty()), (40, false));
        for agent in [13, 1, 7] {
            fresh.upsert(id(agent), &[some(99, 37)]).expect("it fits");
        }
        let ranked = fresh.rank(&some(99, 37));
        assert_eq!(ranked[..3].iter().map(|(agent, _)| agent.0).collect::<Vec<_>>(), [1, 7, 13]);
    }

    #[test]
    fn another_length_is_refused_until_nobody_is_left() {
        let mut index = Meanings::default();
        assert_eq!(index.upsert(AgentId(1), &[]), Err(Unfit::Empty));
        index.upsert(AgentId(1), &[some(1, 8)]).expect("the first decides");
        let refused = Unfit::Dimensions { expected: 8, found: 9 };
        assert_eq!(index.upsert(AgentId(2), &[some(1, 8), some(1, 9)]), Err(refused));
        assert!(!index.has(AgentId(2)));
        assert_eq!(index.rank(&some(1, 9)), []);
        index.remove(AgentId(1));
        index.upsert(AgentId(2), &[some(1, 9)]).expect("nobody else is here");
        assert_eq!(index.rank(&some(1, 9)).len(), 1);
        assert_eq!(index.rank(&some(1, 8)), []);
    }

    #[test]
    fn without_meaning_words_decide_as_ever() {
        let words = [(AgentId(1), 0.8), (AgentId(2), 0.3)];
        let fits = fuse(&words, &[]);
        assert_eq!(fits[&AgentId(1)], Fit { relevance: 0.8, meaning: None });
        assert_eq!(fuse(&words, &[(AgentId(1), -0.1)]), fits, "nobody is near");
    }

    #[test]
    fn meaning_finds_whom_words_miss_and_punishes_nobody_who_has_none_yet() {
        let words = [(AgentId(1), 0.5), (AgentId(2), 0.45)];
        let near = [(AgentId(3), 0.6), (AgentId(1), 0.1), (AgentId(4), 0.0)];
        let fits = fuse(&words, &near);
        let relevance = |agent| fits[&AgentId(agent)].relevance;
        assert!((relevance(3) - MEANING).abs() < 1e-6);
        assert!((relevance(2) - 0.9).abs() < 1e-6, "its words alone");
        assert!(relevance(1) > relevance(3) && relevance(4).abs() < 1e-6);
        assert!(fits.values().all(|fit| (0.0..=1.0).contains(&fit.relevance)), "{fits:?}");
    }

    #[test]
    fn agents_that_are_near_alike_stay_so_whatever_the_encoder() {
        // Few encoders use the whole range: with this one all texts are near.
        let fits = fuse(&[], &[(AgentId(1), 0.86), (AgentId(2), 0.85)]);
        assert!(fits[&AgentId(2)].relevance > 0.97 * fits[&AgentId(1)].relevance, "{fits:?}");
    }

    #[test]
    fn texts_are_bounded_and_never_empty() {
        let skills = [SkillText { name: "count", description: "é" }];
        let description = "é".repeat(2_000);
        let text =
            AgentText { name: "@a", description: &description, tags: &[], skills: &skills, properties: &[] };
        let texts = texts(&text);
        assert_eq!(texts[1], "@a: count: é");
        assert!(texts[0].len() <= TEXT_BYTES_MAX);
        assert_eq!(job_text(None, " \n "), None);
        assert_eq!(job_text(Some("T"), "b").as_deref(), Some("T\nb"));
        assert!(job_text(None, &"é".repeat(9_000)).expect("a text").len() <= JOB_BYTES_MAX);
    }
}
