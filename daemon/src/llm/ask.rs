//! One question to a model and its answer, through all checks.

use super::cache::CacheKey;
use super::call::{Bill, Order, Stopped, estimate};
use super::transport::{ChatRequest, Failure, FailureKind, Paid, Usage};
use super::{Llm, lock};
use guildhall_protocol::history::Commitment;
use guildhall_protocol::model::{CallOutcome, ModelCall, ModelName, ModelRole, Payer, WithoutModel};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Part of every key of the cache. Change it when kept values take another form.
pub(super) const CACHE_FORMAT: &[u8] = b"guildhall 1";

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
    /// SHA-256 of all that the answer depends on, the schema too, without the random marks of the prompt and without an
    /// order that means nothing: questions of the same essence to the same model have the same answer.
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
        let started = Instant::now();
        if !self.is_on() {
            return self.unanswered(&question, started, Bill::default(), Stopped::SwitchedOff);
        }
        let key = self.cache_key(&question);
        if let Some(value) = self.answered_before(&key, &read).await {
            let call = self.told(&question, started, Bill::default(), CallOutcome::Cached);
            return Asked { answer: Ok(value), call: Some(call) };
        }
        let tokens_out_max = self.settings.answer_tokens_max;
        let order = Order {
            model: &question.model,
            payer: Some(question.payer),
            tokens_in: estimate(question.bytes()),
            tokens_out_max,
            deadline: started + self.settings.time_limit,
        };
        let worst = u64::from(order.tokens_in) + u64::from(tokens_out_max);
        if question.job_tokens_used.saturating_add(worst) > self.settings.job_tokens_max {
            let stopped = Stopped::OverBudget("the tokens of a job".to_owned());
            return self.unanswered(&question, started, Bill::default(), stopped);
        }
        let (answer, bill) = self.call(&order, || self.chat(&question, order.tokens_in)).await;
        match answer.map(|json| (read(&json), json)) {
            Ok((Ok(value), json)) => {
                self.cache.put(&key, json.to_string().as_bytes());
                let call = self.told(&question, started, bill, CallOutcome::Answered);
                Asked { answer: Ok(value), call: Some(call) }
            }
            Ok((Err(why), _)) => {
                let failure =
                    Failure::new(FailureKind::Malformed, &format!("the answer does not fit: {why}"));
                self.unanswered(&question, started, bill, Stopped::Failed(failure))
            }
            Err(stopped) => self.unanswered(&question, started, bill, stopped),
        }
    }

    /// One request.
    async fn chat(&self, question: &Question, tokens_in: u32) -> Result<(Value, Usage), Failure> {
        let Question { model, system, user, schema_name, schema, .. } = question;
        let tokens_max = self.settings.answer_tokens_max;
        let request = ChatRequest::new(model, system, user, schema_name, schema, tokens_max);
        let reply = self.chat.chat(&request).await?;
        let estimated = Usage { tokens_in, tokens_out: estimate(reply.bytes_out) };
        let usage = reply.usage.unwrap_or(estimated);
        match reply.content {
            Ok(value) => Ok((value, usage)),
            // The answer was written and is paid, even if nobody counted.
            Err(failure) => Err(failure.paying(Paid::Counted(usage))),
        }
    }

    async fn answered_before<T>(
        &self,
        key: &CacheKey,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let bytes = self.cache.get(key).await?;
        read(&serde_json::from_slice(&bytes).ok()?).ok()
    }

    /// Everything that an answer depends on. The schema is part of the essence: here it may list what can be chosen in
    /// another order each time.
    fn cache_key(&self, question: &Question) -> CacheKey {
        let parts: [&[u8]; 6] = [
            CACHE_FORMAT,
            b"chat",
            self.tag.as_str().as_bytes(),
            question.model.as_str().as_bytes(),
            question.schema_name.as_bytes(),
            &question.essence,
        ];
        hash(parts)
    }

    fn unanswered<T>(&self, question: &Question, started: Instant, bill: Bill, stopped: Stopped) -> Asked<T> {
        let call = stopped.outcome().map(|outcome| self.told(question, started, bill, outcome));
        let without = stopped.without();
        Asked { answer: Err(NoAnswer { without, why: stopped.why(self) }), call }
    }

    /// Counts the call and says what history does about it.
    fn told(&self, question: &Question, started: Instant, bill: Bill, outcome: CallOutcome) -> ModelCall {
        let call = bill.call(question.role, &question.model, question.commitment(), started, outcome);
        self.count(&call);
        call
    }

    /// Counts a call.
    pub(super) fn count(&self, call: &ModelCall) {
        tracing::debug!(
            role = call.role.name(), model = %call.model, outcome = call.outcome.name(), cost_micros = call.cost.0,
            duration_ms = call.latency_ms, "asked {}: it {}", call.model, call.outcome
        );
        lock(&self.counters).add(call);
    }
}

impl Question {
    /// Names the prompt as it is sent.
    fn commitment(&self) -> Commitment {
        let digest = Sha256::new().chain_update(&self.system).chain_update("\n").chain_update(&self.user);
        Commitment(hex::encode(digest.finalize()))
    }

    /// Bytes that the model reads.
    fn bytes(&self) -> usize {
        self.system.len() + self.user.len() + self.schema.to_string().len()
    }
}

/// SHA-256 of parts, each with its length, so that no two lists of parts hash alike.
pub(super) fn hash<const N: usize>(parts: [&[u8]; N]) -> CacheKey {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}
