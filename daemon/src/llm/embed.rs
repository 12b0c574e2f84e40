//! Texts to vectors: each text once, in batches, from the cache where it was embedded before.

use super::Llm;
use super::ask::{CACHE_FORMAT, NoAnswer, hash};
use super::cache::CacheKey;
use super::call::{Bill, Order, Stopped, estimate};
use super::settings::EmbeddingModel;
use super::transport::{Failure, FailureKind, Server, Usage};
use futures::future::join_all;
use guildhall_protocol::history::Commitment;
use guildhall_protocol::model::{CallOutcome, ModelCall, ModelRole, Payer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Most texts of one request.
pub const BATCH_TEXTS_MAX: usize = 64;
/// Most numbers of a vector.
pub const DIMENSIONS_MAX: usize = 8192;

/// A vector of length 1.
type Vector = Arc<[f32]>;

impl Llm {
    /// Embeds texts: one vector of length 1 for each, in their order, all with as many numbers. At most
    /// [`BATCH_TEXTS_MAX`] texts go into one request, and each request may take as long as a call. The payer is none for what
    /// the daemon does on its own account, such as embedding agents. The call sums up all requests; it is none when nothing
    /// was called and nothing found. May be dropped midway: what was embedded until then is kept in the cache.
    pub async fn embed(
        &self,
        texts: &[String],
        payer: Option<Payer>,
    ) -> (Result<Vec<Arc<[f32]>>, NoAnswer>, Option<ModelCall>) {
        let started = Instant::now();
        let (Some(model), Some(server)) = (&self.settings.embedding, &self.embedder) else {
            let failure = Failure::new(FailureKind::Transient, "no embedding model is configured");
            let stopped = Stopped::Failed(failure);
            return (Err(NoAnswer { without: stopped.without(), why: stopped.why(self) }), None);
        };
        if texts.is_empty() {
            return (Ok(Vec::new()), None);
        }
        let mut bill = Bill::default();
        let work = Work { llm: self, model, server, payer };
        let answer = if self.is_on() { work.run(texts, &mut bill).await } else { Err(Stopped::SwitchedOff) };
        let outcome = match &answer {
            Ok(_) if bill.requests == 0 => Some(CallOutcome::Cached),
            Ok(_) => Some(CallOutcome::Answered),
            Err(stopped) => stopped.outcome(),
        };
        let call = outcome.map(|outcome| {
            let call = bill.call(ModelRole::Embed, &model.model, commitment(texts), started, outcome);
            self.count(&call);
            call
        });
        let answer = answer.map_err(|stopped| {
            let without = stopped.without();
            NoAnswer { without, why: stopped.why(self) }
        });
        (answer, call)
    }
}

impl Llm {
    /// The vector of a text that was embedded before, from the cache: calls nothing and costs nothing. None also where the
    /// cache forgot it, or models are switched off.
    pub async fn embedded_before(&self, text: &str) -> Option<Arc<[f32]>> {
        let (Some(model), Some(server)) = (&self.settings.embedding, &self.embedder) else { return None };
        if !self.is_on() {
            return None;
        }
        Work { llm: self, model, server, payer: None }.embedded_before(text).await
    }
}

/// What stays the same for all batches.
struct Work<'a> {
    llm: &'a Llm,
    model: &'a EmbeddingModel,
    server: &'a Server,
    payer: Option<Payer>,
}

impl Work<'_> {
    async fn run(&self, texts: &[String], bill: &mut Bill) -> Result<Vec<Vector>, Stopped> {
        let mut known: BTreeMap<&str, Vector> = BTreeMap::new();
        // Many at once: a cache that does not answer costs a wait, and not one for each text.
        for batch in texts.chunks(BATCH_TEXTS_MAX) {
            let found = join_all(batch.iter().map(|text| self.embedded_before(text))).await;
            known.extend(batch.iter().zip(found).filter_map(|(text, vector)| Some((text.as_str(), vector?))));
        }
        let some_kept = !known.is_empty();
        self.fill(texts, &mut known, bill).await?;
        if some_kept && !of_one_size(&known) {
            // The server has another model under the same name now: what was kept is of no use any more.
            known.clear();
            self.fill(texts, &mut known, bill).await?;
        }
        if !of_one_size(&known) {
            return Err(malformed("the vectors have different lengths"));
        }
        // Every text is known now.
        Ok(texts.iter().filter_map(|text| known.get(text.as_str()).cloned()).collect())
    }

    /// Embeds the texts that are not known.
    async fn fill<'t>(
        &self,
        texts: &'t [String],
        known: &mut BTreeMap<&'t str, Vector>,
        bill: &mut Bill,
    ) -> Result<(), Stopped> {
        let mut unknown: Vec<&str> =
            texts.iter().map(String::as_str).filter(|text| !known.contains_key(text)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        for batch in unknown.chunks(BATCH_TEXTS_MAX) {
            let bytes = batch.iter().map(|text| text.len()).sum();
            let order = Order {
                model: &self.model.model,
                payer: self.payer,
                tokens_in: estimate(bytes),
                tokens_out_max: 0,
                deadline: Instant::now() + self.llm.settings.time_limit,
            };
            let (answer, cost) = self.llm.call(&order, || self.send(batch, order.tokens_in)).await;
            bill.add(cost);
            for (text, vector) in batch.iter().zip(answer?) {
                let vector =
                    normal(&vector).ok_or_else(|| malformed("a vector is empty, zero or not finite"))?;
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.llm.cache.put(&self.cache_key(text), &bytes);
                known.insert(text, vector);
            }
        }
        Ok(())
    }

    async fn send(&self, batch: &[&str], tokens_in: u32) -> Result<(Vec<Vec<f32>>, Usage), Failure> {
        let embedded = self.server.embed(&self.model.model, batch).await?;
        Ok((embedded.vectors, embedded.usage.unwrap_or(Usage { tokens_in, tokens_out: 0 })))
    }

    async fn embedded_before(&self, text: &str) -> Option<Vector> {
        let bytes = self.llm.cache.get(&self.cache_key(text)).await?;
        let numbers = bytes.chunks_exact(size_of::<f32>());
        if !numbers.remainder().is_empty() {
            return None;
        }
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        normal(&numbers.map(number).collect::<Vec<f32>>())
    }

    fn cache_key(&self, text: &str) -> CacheKey {
        let EmbeddingModel { model, base_url } = self.model;
        let tag = self.llm.tag;
        let parts: [&[u8]; 6] = [
            CACHE_FORMAT,
            b"embedding",
            tag.as_str().as_bytes(),
            base_url.as_bytes(),
            model.as_str().as_bytes(),
            text.as_bytes(),
        ];
        hash(parts)
    }
}

fn malformed(why: &str) -> Stopped {
    Stopped::Failed(Failure::new(FailureKind::Malformed, why))
}

fn of_one_size(known: &BTreeMap<&str, Vector>) -> bool {
    let mut sizes = known.values().map(|vector| vector.len());
    let first = sizes.next();
    sizes.all(|size| Some(size) == first)
}

/// The vector with length 1; none if it has no direction, or too many numbers.
fn normal(vector: &[f32]) -> Option<Vector> {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if vector.len() > DIMENSIONS_MAX || !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 1, and single precision is what was asked for"
    )]
    let scaled = vector.iter().map(|number| (f64::from(*number) / length) as f32).collect();
    Some(scaled)
}

/// Names what was sent.
fn commitment(texts: &[String]) -> Commitment {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text);
        digest.update("\n");
    }
    Commitment(hex::encode(digest.finalize()))
}
