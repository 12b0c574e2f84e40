//! Putting untrusted text into a prompt, and reading what comes back.

use serde_json::Value;

/// One question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The rules, in our words only.
    pub system: String,
    /// The case: foreign text in blocks.
    pub user: String,
    /// Names the schema.
    pub schema_name: &'static str,
    /// Strict JSON Schema of the answer.
    pub schema: Value,
    /// Equal for equal questions, whatever the marks.
    pub essence: [u8; 32],
}

/// The random marks of one prompt.
#[derive(Clone, PartialEq, Eq)]
pub struct Marks {
    word: String,
    datamark: char,
    canary: String,
}

impl Marks {
    /// The marks made of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        unimplemented!("{random:?}")
    }

    /// The text as a block, and whether it was cut.
    pub fn block(&self, label: &str, text: &str, chars_max: usize) -> (String, bool) {
        unimplemented!("{label} {text} {chars_max}")
    }

    /// The sentences that explain blocks.
    pub fn rules(&self) -> String {
        unimplemented!()
    }

    /// Whether the canary is in an answer.
    pub fn leaks(&self, answer: &Value) -> bool {
        unimplemented!("{answer}")
    }

    /// Text of a block with spaces again.
    pub fn unmark(&self, text: &str) -> String {
        unimplemented!("{text}")
    }

    /// What a model said, safe to show: one line, at most so many graphemes.
    pub fn said(&self, text: &str, graphemes_max: usize) -> String {
        unimplemented!("{text} {graphemes_max}")
    }
}
