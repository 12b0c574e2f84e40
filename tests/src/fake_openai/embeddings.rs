//! Vectors without a model: words are hashed into dimensions and counted, so that like texts lie near each other.

use super::brain;
use super::reply::tokens;
use super::request::EmbeddingsRequest;
use serde_json::{Value, json};

/// Numbers of a vector unless the request says otherwise.
pub(super) const DIMENSIONS: usize = 64;

/// The whole answer to a request.
pub(super) fn answer(asked: &EmbeddingsRequest) -> Value {
    let dimensions = asked.dimensions.unwrap_or(DIMENSIONS);
    let vectors = asked.input.iter().enumerate().map(
        |(index, text)| json!({"object": "embedding", "index": index, "embedding": embed(text, dimensions)}),
    );
    let tokens_in: u64 = asked.input.iter().map(|text| tokens(text)).sum();
    json!({
        "object": "list",
        "data": vectors.collect::<Vec<_>>(),
        "model": asked.model,
        "usage": {"prompt_tokens": tokens_in, "total_tokens": tokens_in},
    })
}

/// A vector of length 1. A text without words lies in a direction of its own.
pub(super) fn embed(text: &str, dimensions: usize) -> Vec<f64> {
    let mut vector = vec![0.0; dimensions];
    for word in brain::words(text) {
        let hash = fnv(&word);
        let at = usize::try_from(hash % dimensions as u64).expect("it is below the dimensions");
        vector[at] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    if vector.iter().all(|number| *number == 0.0) {
        vector[0] = 1.0;
    }
    let length = vector.iter().map(|number| number * number).sum::<f64>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}

/// FNV-1a: the same on every machine.
fn fnv(word: &str) -> u64 {
    word.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
