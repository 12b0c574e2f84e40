//! An inverted index that scores documents by BM25 and keeps the best of each owner.
//!
//! Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with the fields'
//! weights applied to term frequencies and lengths. Lengths are integers and each document's sum runs in the order of the
//! query's terms, so no order of changes or of a hash map reaches a score.

use super::words::Words;
use std::collections::{BTreeMap, HashMap};

/// Most terms taken from one field of a document.
const FIELD_TERMS_MAX: usize = 400;
/// Saturation of repeated terms, and the share of length that is discounted: the customary values.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// The weighted terms of one document.
#[derive(Default)]
pub(super) struct Bag {
    weights: BTreeMap<String, u32>,
    length: u32,
}

impl Bag {
    pub(super) fn add(&mut self, words: &Words, text: &str, weight: u32) {
        for term in words.terms(text, FIELD_TERMS_MAX) {
            *self.weights.entry(term).or_default() += weight;
            self.length += weight;
        }
    }
}

/// The index.
#[derive(Default)]
pub(super) struct Documents {
    terms: HashMap<String, u32>,
    postings: Vec<Vec<Posting>>,
    slots: Vec<Option<Document>>,
    free: Vec<u32>,
    count: u32,
    length: u64,
}

/// One term in one document. It repeats the document's length: looking it up elsewhere costs more than the memory.
struct Posting {
    slot: u32,
    weight: u32,
    length: u32,
}

struct Document {
    owner: u32,
    length: u32,
    terms: Vec<u32>,
}

#[expect(clippy::cast_precision_loss, reason = "scores need no more than 24 bits")]
impl Documents {
    pub(super) fn insert(&mut self, owner: u32, bag: Bag) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("memory ends before four billion documents")
        });
        let mut terms = Vec::with_capacity(bag.weights.len());
        for (term, weight) in bag.weights {
            let next = u32::try_from(self.postings.len()).expect("memory ends before four billion terms");
            let id = *self.terms.entry(term).or_insert(next);
            if id == next {
                self.postings.push(Vec::new());
            }
            self.postings[id as usize].push(Posting { slot, weight, length: bag.length });
            terms.push(id);
        }
        self.count += 1;
        self.length += u64::from(bag.length);
        self.slots[slot as usize] = Some(Document { owner, length: bag.length, terms });
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let Some(document) = self.slots[slot as usize].take() else { return };
        for term in document.terms {
            let postings = &mut self.postings[term as usize];
            if let Some(at) = postings.iter().position(|posting| posting.slot == slot) {
                postings.swap_remove(at);
            }
        }
        self.count -= 1;
        self.length -= u64::from(document.length);
        self.free.push(slot);
    }

    /// The best score of each owner's documents, by owner; zero where none holds a term.
    pub(super) fn score(&self, terms: &[String], owners: usize) -> Vec<f32> {
        let mut best = vec![0.0_f32; owners];
        let average = (self.length as f32 / self.count.max(1) as f32).max(1.0);
        let mut scores = vec![0.0_f32; self.slots.len()];
        for term in terms {
            let Some(postings) = self.terms.get(term).map(|id| &self.postings[*id as usize]) else {
                continue;
            };
            let holding = postings.len() as f32;
            let rarity = (1.0 + (self.count as f32 - holding + 0.5) / (holding + 0.5)).ln();
            for posting in postings {
                let length = 1.0 - B + B * posting.length as f32 / average;
                let frequency = posting.weight as f32;
                scores[posting.slot as usize] += rarity * frequency * (K1 + 1.0) / (frequency + K1 * length);
            }
        }
        for (document, score) in self.slots.iter().zip(scores) {
            if score > 0.0
                && let Some(document) = document
            {
                let best = &mut best[document.owner as usize];
                *best = best.max(score);
            }
        }
        best
    }
}
