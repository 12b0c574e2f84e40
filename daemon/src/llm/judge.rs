//! Judging an answer: the question, and what may be made of the model's findings.

use super::foreign::{Marks, Prompt};
use guildhall_protocol::attempt::Decision;
use serde_json::Value;

/// A criterion that only a model or a person can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Its place in the list of open criteria, from 0.
    pub index: usize,
    /// The criterion in words.
    pub statement: &'a str,
}

/// An answer as the model sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    text: String,
    cut: bool,
    empty: bool,
}

impl Answer {
    /// Renders an output.
    pub fn of(output: &Value, display: Option<&str>) -> Self {
        unimplemented!("{output} {display:?}")
    }
}

/// What a model thinks of one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The criterion's.
    pub index: usize,
    /// The outcome.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// Words that are in the answer.
    pub quote: Option<String>,
}

/// Asks whether the answer meets the criteria.
pub fn prompt(
    brief: &str,
    input: Option<&str>,
    criteria: &[Opened<'_>],
    answer: &Answer,
    marks: &Marks,
) -> Prompt {
    unimplemented!("{brief} {input:?} {criteria:?} {answer:?} {}", marks.rules())
}

/// Reads the findings: exactly one opinion per criterion, in order.
///
/// # Errors
/// Why nothing in it can be used.
pub fn read(
    findings: &Value,
    criteria: &[Opened<'_>],
    answer: &Answer,
    marks: &Marks,
) -> Result<Vec<Opinion>, String> {
    unimplemented!("{findings} {criteria:?} {answer:?} {}", marks.rules())
}

/// Two models' opinions as one.
pub fn combine(first: &[Opinion], second: &[Opinion]) -> Vec<Opinion> {
    unimplemented!("{first:?} {second:?}")
}
