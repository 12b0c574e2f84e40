//! Shaping an input: from a client's words to what an agent's schema wants.

use super::foreign::{Marks, Prompt};
use guildhall_protocol::agent::AgentName;
use serde_json::Value;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shaped {
    /// An input; not yet checked against the schema.
    Input(Value),
    /// What the client has to be asked; at least one.
    Missing(Vec<Missing>),
}

/// A field that the client's words do not fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub field: String,
    /// The question to the client.
    pub question: String,
}

/// Asks for the input.
pub fn prompt(
    brief: &str,
    words_added: &[&str],
    agent: &AgentName,
    description: &str,
    input_schema: &Value,
    examples: &[&Value],
    marks: &Marks,
) -> Prompt {
    unimplemented!("{brief} {words_added:?} {agent} {description} {input_schema} {examples:?} {}", marks.rules())
}

/// Reads the answer.
///
/// # Errors
/// Why it cannot be used.
pub fn read(answer: &Value, marks: &Marks) -> Result<Shaped, String> {
    unimplemented!("{answer} {}", marks.rules())
}

/// The question to the client, in words.
pub fn question(agent: &AgentName, missing: &[Missing]) -> String {
    unimplemented!("{agent} {missing:?}")
}

/// The question to the client where no model is there.
pub fn question_without_model(agent: &AgentName, schema: &Value) -> String {
    unimplemented!("{agent} {schema}")
}
