//! Reads what a server answers, whatever it leaves out: only what is needed is looked at.

use super::{Failure, FailureKind, Paid};
use serde::Deserialize;
use serde_json::Value;

/// Most names of models that are read.
const MODELS_MAX: usize = 10_000;

/// Tokens as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::llm) struct Usage {
    /// Read.
    pub(in crate::llm) tokens_in: u32,
    /// Written, with those of thinking.
    pub(in crate::llm) tokens_out: u32,
}

/// A chat model's reply.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::llm) struct Reply {
    /// The JSON that it wrote, or why it cannot be used.
    pub(in crate::llm) content: Result<Value, Failure>,
    /// What the server counted, if it did.
    pub(in crate::llm) usage: Option<Usage>,
    /// Bytes that the model wrote, to estimate tokens where the server counted none.
    pub(in crate::llm) bytes_out: usize,
}

/// Vectors for texts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::llm) struct Embedded {
    /// One for each text, in their order.
    pub(in crate::llm) vectors: Vec<Vec<f32>>,
    /// What the server counted, if it did.
    pub(in crate::llm) usage: Option<Usage>,
}

/// Reads a chat's body, which is JSON.
pub(super) fn read_chat(body: &str) -> Reply {
    // Too deep, or a number out of range: JSON all the same, so whoever checked it before did not see this.
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let usage = read_usage(&body["usage"]);
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let text = message["content"].as_str().unwrap_or_default();
    let bytes_out = text.len();
    let paid = usage.map_or(Paid::Prompt, Paid::Counted);
    let fail = |kind, why: &str| Err(Failure::new(kind, why).paying(paid));
    let refusal = message["refusal"].as_str().unwrap_or_default();
    let content = if !refusal.is_empty() {
        fail(FailureKind::Refused, &format!("the model refused: {refusal}"))
    } else if choice["finish_reason"] == "content_filter" {
        fail(FailureKind::Refused, "the server's content filter stopped the answer")
    } else if choice["finish_reason"] == "length" {
        fail(FailureKind::Malformed, "the answer is cut off: it has more tokens than allowed")
    } else if text.trim().is_empty() {
        fail(FailureKind::Malformed, "the answer is empty")
    } else {
        match serde_json::from_str(text) {
            Ok(value) => Ok(value),
            // Without the parser's words: they may repeat the answer.
            Err(_) => fail(FailureKind::Malformed, "what the model wrote is not JSON"),
        }
    };
    Reply { content, usage, bytes_out }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    let tokens = |name: &str| usage[name].as_u64().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let tokens_in = tokens("prompt_tokens")?;
    Some(Usage { tokens_in, tokens_out: tokens("completion_tokens").unwrap_or(0) })
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Embedding {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Reads the body of an embedding call, which is JSON. The server may answer in another order, if it says in which.
pub(super) fn read_embeddings(body: &str, texts: usize) -> Result<Embedded, Failure> {
    let malformed = |why: &str| Failure::new(FailureKind::Malformed, why).paying(Paid::Prompt);
    let Ok(read) = serde_json::from_str::<Embeddings>(body) else {
        return Err(malformed("the answer holds no list of vectors"));
    };
    let usage = read_usage(&read.usage);
    let paid = usage.map_or(Paid::Prompt, Paid::Counted);
    if read.data.len() != texts {
        let why = format!("the answer holds {} vectors for {texts} texts", read.data.len());
        return Err(malformed(&why).paying(paid));
    }
    let mut vectors = vec![Vec::new(); texts];
    for (place, embedding) in read.data.into_iter().enumerate() {
        match vectors.get_mut(embedding.index.unwrap_or(place)) {
            Some(vector) if vector.is_empty() => *vector = embedding.embedding,
            Some(_) | None => return Err(malformed("the vectors are numbered wrongly").paying(paid)),
        }
    }
    Ok(Embedded { vectors, usage })
}

/// Reads a list of models; what is no name is left out.
pub(super) fn read_models(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let list = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().take(MODELS_MAX).filter_map(|model| Some(model["id"].as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chat(content: &str, finish: &str) -> Reply {
        let choice = json!({"message": {"content": content}, "finish_reason": finish});
        read_chat(&json!({"choices": [choice]}).to_string())
    }

    #[test]
    fn what_is_left_out_is_no_matter() {
        let reply = read_chat(r#"{"choices":[{"message":{"content":"{\"a\":1}"}}]}"#);
        assert_eq!(reply, Reply { content: Ok(json!({"a": 1})), usage: None, bytes_out: 7 });
        assert_eq!(chat("[1]", "eos").content, Ok(json!([1])), "an odd reason to stop");
        let counted = r#"{"choices":[{"message":{"content":"1"}}],"usage":{"prompt_tokens":9}}"#;
        assert_eq!(read_chat(counted).usage, Some(Usage { tokens_in: 9, tokens_out: 0 }));
    }

    #[test]
    fn what_cannot_be_used_is_told_apart_and_paid() {
        let kind = |reply: Reply| reply.content.map_err(|failure| (failure.kind, failure.paid));
        for reply in
            [chat("{}", "length"), chat("", "stop"), chat("Sure! {}", "stop"), chat("{\"a\":", "stop")]
        {
            assert_eq!(kind(reply), Err((FailureKind::Malformed, Paid::Prompt)));
        }
        for body in ["{}", "[]", "null", r#"{"choices":[]}"#, r#"{"choices":[{"message":null}]}"#, "1"] {
            assert_eq!(kind(read_chat(body)), Err((FailureKind::Malformed, Paid::Prompt)), "{body}");
        }
        assert_eq!(kind(chat("{}", "content_filter")), Err((FailureKind::Refused, Paid::Prompt)));
        let refusal = r#"{"choices":[{"message":{"refusal":"I can't"}}],"usage":{"prompt_tokens":3}}"#;
        let counted = Paid::Counted(Usage { tokens_in: 3, tokens_out: 0 });
        assert_eq!(kind(read_chat(refusal)), Err((FailureKind::Refused, counted)));
    }

    #[test]
    fn vectors_come_in_the_order_of_their_texts() {
        let body = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        assert_eq!(read_embeddings(body, 2).map(|read| read.vectors), Ok(vec![vec![1.0], vec![2.0]]));
        let unnumbered = r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
        assert_eq!(read_embeddings(unnumbered, 2).map(|read| read.vectors), Ok(vec![vec![1.0], vec![2.0]]));
        let twice = r#"{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        let far = r#"{"data":[{"index":9,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        for body in [twice, far, "{}", r#"{"data":[{"embedding":"AAAA"}]}"#, r#"{"data":[]}"#] {
            assert_eq!(read_embeddings(body, 2).map_err(|failure| failure.kind), Err(FailureKind::Malformed));
        }
    }
}
