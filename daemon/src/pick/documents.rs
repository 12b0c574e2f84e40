//! An inverted index that scores documents by BM25F and keeps the best of each owner.
//!
//! Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with the length of
//! each field normalized by itself, so a long description does not bury a name. The pivot of a length is a constant, not
//! the average of what is held ("Pivoted Document Length Normalization", Singhal and others, 1996): all of a term's score
//! but its rarity is then known when a document comes in, and no other document changes it.
//!
//! A document's sum runs in the order of the query's terms, so neither an order of changes nor that of a hash map reaches
//! a score.

use super::words::Words;
use std::collections::{BTreeMap, HashMap};

/// Most terms taken from one field of a document.
const FIELD_TERMS_MAX: usize = 400;
/// Saturation of repeated terms, and the share of length that is discounted: the customary values.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// What a word that is like the wanted one counts. Anything from a half to 0.7 measures the same.
const ALIKE: f32 = 0.6;
/// The owner of a free slot.
const NOBODY: u32 = u32::MAX;

/// One kind of text in a document.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// What each of its terms counts.
    pub(super) weight: f32,
    /// Terms that it usually has; in a longer one each counts less.
    pub(super) usual: f32,
}

/// One thing that a query asks for.
pub(super) struct Wanted {
    /// Its term.
    pub(super) term: String,
    /// What it counts; 1 is a plain word of the text.
    pub(super) weight: f32,
    /// Terms that will do as well, though they count less.
    pub(super) alike: Vec<&'static str>,
}

/// The weighted terms of one document.
#[derive(Default)]
pub(super) struct Bag {
    weights: BTreeMap<String, f32>,
}

#[expect(clippy::cast_precision_loss, reason = "no field has four million terms")]
impl Bag {
    /// Adds a field of one or several texts.
    pub(super) fn add<'a>(&mut self, words: &Words, field: Field, texts: impl IntoIterator<Item = &'a str>) {
        let mut terms = Vec::new();
        for text in texts {
            terms.extend(words.terms(text, FIELD_TERMS_MAX - terms.len()));
        }
        let weight = field.weight / (1.0 - B + B * terms.len() as f32 / field.usual);
        for term in terms {
            *self.weights.entry(term).or_default() += weight;
        }
    }
}

/// The index.
#[derive(Default)]
pub(super) struct Documents {
    terms: HashMap<String, u32>,
    postings: Vec<Vec<Posting>>,
    /// By slot: whose document it is, and its terms. Apart, because a query reads all owners and no terms.
    owners: Vec<u32>,
    held: Vec<Vec<u32>>,
    free: Vec<u32>,
    count: u32,
}

/// One term in one document, and what it adds to the document's score before the term's rarity: from 0 to 1.
struct Posting {
    slot: u32,
    impact: f32,
}

impl Documents {
    /// Takes a document in and returns its slot.
    pub(super) fn insert(&mut self, owner: u32, bag: Bag) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.owners.push(NOBODY);
            self.held.push(Vec::new());
            u32::try_from(self.owners.len() - 1).expect("memory ends before four billion documents")
        });
        let mut terms = Vec::with_capacity(bag.weights.len());
        for (term, weight) in bag.weights {
            let next = u32::try_from(self.postings.len()).expect("memory ends before four billion terms");
            let id = *self.terms.entry(term).or_insert(next);
            if id == next {
                self.postings.push(Vec::new());
            }
            self.postings[id as usize].push(Posting { slot, impact: weight / (weight + K1) });
            terms.push(id);
        }
        self.count += 1;
        self.owners[slot as usize] = owner;
        self.held[slot as usize] = terms;
        slot
    }

    /// Forgets the document in a slot, which must hold one.
    pub(super) fn remove(&mut self, slot: u32) {
        for term in std::mem::take(&mut self.held[slot as usize]) {
            let postings = &mut self.postings[term as usize];
            if let Some(at) = postings.iter().position(|posting| posting.slot == slot) {
                postings.swap_remove(at);
            }
        }
        self.owners[slot as usize] = NOBODY;
        self.count -= 1;
        self.free.push(slot);
    }

    /// The best score of each owner's documents, by owner; zero where none holds a term.
    pub(super) fn score(&self, query: &[Wanted], owners: usize) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.owners.len()];
        let mut one = vec![0.0_f32; self.owners.len()];
        for wanted in query {
            let lists = self.lists(wanted);
            if let [(postings, factor)] = lists[..] {
                for posting in postings {
                    scores[posting.slot as usize] += factor * posting.impact;
                }
                continue;
            }
            // The best of the words that will do, not their sum: a document that says one thing three ways says it once.
            for (postings, factor) in &lists {
                for posting in *postings {
                    let best = &mut one[posting.slot as usize];
                    *best = best.max(factor * posting.impact);
                }
            }
            for posting in lists.iter().flat_map(|(postings, _)| *postings) {
                scores[posting.slot as usize] += std::mem::take(&mut one[posting.slot as usize]);
            }
        }
        let mut best = vec![0.0_f32; owners];
        for (owner, score) in self.owners.iter().zip(scores) {
            if score > 0.0 {
                let best = &mut best[*owner as usize];
                *best = best.max(score);
            }
        }
        best
    }

    /// Where a wanted term and those that are like it occur, with what their impact is multiplied by. A rare word that is
    /// like a common one counts no more than the common one would.
    fn lists(&self, wanted: &Wanted) -> Vec<(&[Posting], f32)> {
        let postings = |term: &str| {
            let postings = self.postings[*self.terms.get(term)? as usize].as_slice();
            (!postings.is_empty()).then_some(postings)
        };
        let mut lists = Vec::with_capacity(1 + wanted.alike.len());
        let mut rarity_max = f32::MAX;
        if let Some(postings) = postings(&wanted.term) {
            rarity_max = self.rarity(postings);
            lists.push((postings, wanted.weight * rarity_max));
        }
        for postings in wanted.alike.iter().filter_map(|term| postings(term)) {
            lists.push((postings, wanted.weight * ALIKE * self.rarity(postings).min(rarity_max)));
        }
        lists
    }

    /// How much a term tells documents apart: its inverse document frequency.
    #[expect(clippy::cast_precision_loss, reason = "scores need no more than 24 bits")]
    fn rarity(&self, postings: &[Posting]) -> f32 {
        let (all, holding) = (self.count as f32, postings.len() as f32);
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    }
}
