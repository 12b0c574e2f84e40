//! Choosing an agent: the question, and what may be made of the answer.

use super::foreign::{Marks, Prompt};
use guildhall_protocol::agent::{AgentName, Skill};
use serde_json::Value;

/// An agent that may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Suitor<'a> {
    /// Its name.
    pub name: &'a AgentName,
    /// What its owner says about it.
    pub description: &'a str,
    /// What it can do.
    pub skills: &'a [Skill],
    /// Answers that were accepted.
    pub accepted: u32,
    /// Answers that were judged.
    pub judged: u32,
}

/// The agent that the model chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// One of the suitors.
    pub agent: AgentName,
    /// Why; may be empty.
    pub reason: String,
}

/// Asks which suitor fits best.
pub fn prompt(
    brief: &str,
    title: Option<&str>,
    tags: &[String],
    input_head: Option<&str>,
    suitors: &[Suitor<'_>],
    marks: &Marks,
) -> Prompt {
    unimplemented!("{brief} {title:?} {tags:?} {input_head:?} {suitors:?} {}", marks.rules())
}

/// Reads the answer.
///
/// # Errors
/// Why it cannot be used.
pub fn read(answer: &Value, suitors: &[Suitor<'_>], marks: &Marks) -> Result<Chosen, String> {
    unimplemented!("{answer} {suitors:?} {}", marks.rules())
}

/// The numbers below `n` in an order that only `seed` decides.
pub fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    unimplemented!("{n} {seed}")
}
