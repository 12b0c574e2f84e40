//! One question to a model and its answer, through all checks.

use super::Llm;
use guildhall_protocol::model::{ModelCall, ModelName, ModelRole, Payer, WithoutModel};
use serde_json::Value;

/// A question to a model. The answer is JSON that follows a schema.
#[derive(Clone, Debug)]
pub struct Question {
    /// What for.
    pub role: ModelRole,
    /// Which model.
    pub model: ModelName,
    /// Whose money.
    pub payer: Payer,
    /// Tokens that the job used before, read and written.
    pub job_tokens_used: u64,
    /// The schema's name: `a-z A-Z 0-9 _ -`, at most 64 characters. It changes whenever the meaning of the answer does.
    pub schema_name: &'static str,
    /// What the answer must look like, in the strict subset of JSON Schema that such servers take.
    pub schema: Value,
    /// What the model is to do.
    pub system: String,
    /// What it is to do that with.
    pub user: String,
    /// SHA-256 of all that the answer depends on, without the random marks of the prompt: questions of the same essence,
    /// model and schema have the same answer.
    pub essence: [u8; 32],
}

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// The answer, or why there is none.
    pub answer: Result<T, NoAnswer>,
    /// The call, for the history; none when nothing was called and nothing was found.
    pub call: Option<ModelCall>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// The reason in one word.
    pub without: WithoutModel,
    /// The reason for people: one line, clean, without a prompt, an answer or the key.
    pub why: String,
}

impl Llm {
    /// Asks. Always answers within the time limit of a call. `read` turns the answer into a value, or says why it cannot be
    /// used; it may be called more than once. The future may be dropped at any time: permit and reservation are given back.
    pub async fn ask<T>(&self, question: Question, read: impl Fn(&Value) -> Result<T, String>) -> Asked<T> {
        drop((question, read));
        let why = "not built yet".to_owned();
        Asked { answer: Err(NoAnswer { without: WithoutModel::Unavailable, why }), call: None }
    }
}
