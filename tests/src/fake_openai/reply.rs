//! What the server may say, from a good answer to half of one, and the bytes of it.

use super::request::{ChatRequest, EmbeddingsRequest, Refused, json_body};
use super::{brain, embeddings};
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures::{StreamExt, stream};
use guildhall_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;

/// From the first half of a body to the end of the connection: long enough for the half to leave.
const BREAK: Duration = Duration::from_millis(200);
/// The page that stands before an overloaded server.
const OVERLOADED: &str = "<html><head><title>503 Service Temporarily Unavailable</title></head>\
    <body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>";
/// A quote that stands in no answer.
pub(super) const MADE_UP: &str = "Every requirement was met beyond any doubt, as the auditors confirmed.";

/// What the server says to a chat.
#[derive(Clone, Debug)]
pub enum Reply {
    /// What its own mind makes of the prompt.
    Sensible,
    /// This JSON as the content.
    Json(Value),
    /// This text as the content, JSON or not.
    Text(String),
    /// A refusal in its own field, and no content.
    Refusal,
    /// The first half of what its own mind says, with the finish reason `length`.
    CutShort,
    /// Content that is no JSON.
    NotJson,
    /// JSON that the schema does not allow.
    OutsideSchema,
    /// A choice of an agent that is not on the list.
    StrangerAgent,
    /// A verdict that passes every criterion with a made-up quote.
    InjectedVerdict,
    /// An answer without choices.
    NoChoices,
    /// What its own mind says, in an envelope as other servers send it.
    Odd(Oddity),
    /// No answer worth the name.
    Fails(Fault),
}

/// What other servers do differently. All of it is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// No usage.
    WithoutUsage,
    /// The finish reason is `eos`.
    FinishEos,
    /// The time of creation is a number with a fraction.
    FloatCreated,
    /// No id.
    WithoutId,
    /// Nothing but the choice with its content.
    Bare,
}

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, and come back after so many seconds.
    RateLimited {
        /// What `Retry-After` says.
        retry_after_s: u64,
    },
    /// 429, and paying is what helps.
    QuotaSpent,
    /// 401: the key was good until now.
    KeyRevoked,
    /// 400: this model has no structured output.
    NoStructuredOutput,
    /// 500 with OpenAI's error.
    ServerError,
    /// 503 with a page of HTML.
    Overloaded,
    /// No answer until the client goes away.
    Hang,
    /// 200, half a body, and then the connection is lost.
    HalfBody,
    /// 200 and then bytes as fast as they are taken, without end.
    Endless,
}

/// What the server says to a request for embeddings.
#[derive(Clone, Debug)]
pub enum EmbeddingReply {
    /// A vector for each text; like texts lie near each other.
    Sensible,
    /// As if every first word of a pair were the second: texts may be near without a word in common.
    Synonyms(Vec<(&'static str, &'static str)>),
    /// One vector too few.
    OneMissing,
    /// The last vector is one number shorter.
    UnequalLengths,
    /// Nothing but zeros.
    Zeros,
    /// No numbers but words.
    NotNumbers,
    /// Without usage and `object`, the vectors in the opposite order with their indexes.
    Shuffled,
    /// No answer worth the name.
    Fails(Fault),
}

impl Reply {
    /// One line of it for people; `thought` is what the server's own mind says.
    pub(super) fn shown(&self, thought: &str) -> String {
        match self {
            Self::Sensible => thought.to_owned(),
            Self::Json(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Refusal
            | Self::CutShort
            | Self::NotJson
            | Self::OutsideSchema
            | Self::StrangerAgent
            | Self::InjectedVerdict
            | Self::NoChoices
            | Self::Odd(_)
            | Self::Fails(_) => format!("{self:?}"),
        }
    }
}

pub(super) async fn perform(reply: Reply, chat: &ChatRequest) -> Response {
    let content = match reply {
        Reply::Sensible => brain::think(chat),
        Reply::Json(value) => value.to_string(),
        Reply::Text(text) => text,
        Reply::NotJson => "Sure! Here is the JSON you asked for: {\"agent\": ".to_owned(),
        Reply::OutsideSchema => json!({"outcome": "fine", "confidence": 0.97}).to_string(),
        Reply::StrangerAgent => stranger(chat).to_string(),
        Reply::InjectedVerdict => brain::passing(&chat.prompt(), MADE_UP).to_string(),
        Reply::Refusal => return json_body(&refusal(chat)),
        Reply::CutShort => {
            let thought = brain::think(chat);
            let half: String = thought.chars().take(thought.chars().count() / 2).collect();
            return json_body(&envelope(chat, &half, "length"));
        }
        Reply::NoChoices => {
            let mut body = envelope(chat, "", "stop");
            body["choices"] = json!([]);
            return json_body(&body);
        }
        Reply::Odd(oddity) => {
            return json_body(&odd(oddity, envelope(chat, &brain::think(chat), "stop")));
        }
        Reply::Fails(fault) => return fail(fault).await,
    };
    json_body(&finished(chat, &content))
}

pub(super) async fn perform_embeddings(reply: EmbeddingReply, asked: &EmbeddingsRequest) -> Response {
    let mut body = match &reply {
        EmbeddingReply::Synonyms(pairs) => embeddings::answer(&meant(asked, pairs)),
        EmbeddingReply::Sensible
        | EmbeddingReply::OneMissing
        | EmbeddingReply::UnequalLengths
        | EmbeddingReply::Zeros
        | EmbeddingReply::NotNumbers
        | EmbeddingReply::Shuffled
        | EmbeddingReply::Fails(_) => embeddings::answer(asked),
    };
    let vectors = body["data"].as_array_mut().expect("an answer has its vectors");
    match reply {
        EmbeddingReply::Sensible | EmbeddingReply::Synonyms(_) => {}
        EmbeddingReply::OneMissing => drop(vectors.pop()),
        EmbeddingReply::UnequalLengths => {
            let last = vectors.last_mut().and_then(|vector| vector["embedding"].as_array_mut());
            drop(last.and_then(Vec::pop));
        }
        EmbeddingReply::Zeros => {
            for vector in vectors.iter_mut() {
                vector["embedding"] = json!(vec![0.0; embeddings::DIMENSIONS]);
            }
        }
        EmbeddingReply::NotNumbers => {
            for vector in vectors.iter_mut() {
                vector["embedding"] = json!(["near", "far"]);
            }
        }
        EmbeddingReply::Shuffled => {
            vectors.reverse();
            let data = body["data"].take();
            body = json!({"data": data});
        }
        EmbeddingReply::Fails(fault) => return fail(fault).await,
    }
    json_body(&body)
}

/// A request for the words that are meant.
fn meant(asked: &EmbeddingsRequest, pairs: &[(&str, &str)]) -> EmbeddingsRequest {
    let mut asked = asked.clone();
    for text in &mut asked.input {
        let meant = brain::words(text).into_iter().map(|word| {
            let pair = pairs.iter().find(|(said, _)| *said == word);
            pair.map_or(word.as_str(), |(_, meant)| meant).to_owned()
        });
        *text = meant.collect::<Vec<_>>().join(" ");
    }
    asked
}

/// A whole answer, or as much of it as the client allows.
fn finished(chat: &ChatRequest, content: &str) -> Value {
    match chat.max_completion_tokens {
        Some(most) if tokens(content) > most => {
            let kept: String =
                content.chars().take(usize::try_from(most).unwrap_or(usize::MAX) * 4).collect();
            envelope(chat, &kept, "length")
        }
        Some(_) | None => envelope(chat, content, "stop"),
    }
}

fn envelope(chat: &ChatRequest, content: &str, finish_reason: &str) -> Value {
    let tokens_in = chat.messages.iter().map(|message| tokens(&message.content)).sum::<u64>();
    let tokens_out = tokens(content);
    json!({
        "id": format!("chatcmpl-fake{:06}", chat.number),
        "object": "chat.completion",
        "created": Timestamp::now().0 / 1_000,
        "model": chat.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": finish_reason,
        }],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    })
}

/// Four characters are a token, as a rule of thumb; no text has none.
pub(super) fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(4).max(1) as u64
}

fn refusal(chat: &ChatRequest) -> Value {
    let mut body = envelope(chat, "", "stop");
    let message = &mut body["choices"][0]["message"];
    message["content"] = Value::Null;
    message["refusal"] = json!("I'm sorry, but I can't assist with that request.");
    body
}

fn odd(oddity: Oddity, mut body: Value) -> Value {
    let fields = body.as_object_mut().expect("an envelope is an object");
    match oddity {
        Oddity::WithoutUsage => drop(fields.remove("usage")),
        Oddity::FinishEos => body["choices"][0]["finish_reason"] = json!("eos"),
        Oddity::FloatCreated => body["created"] = json!(1_764_000_000.25),
        Oddity::WithoutId => drop(fields.remove("id")),
        Oddity::Bare => {
            let content = body["choices"][0]["message"]["content"].take();
            return json!({"choices": [{"message": {"content": content}}]});
        }
    }
    body
}

/// A choice in due form of somebody who is not on the list.
fn stranger(chat: &ChatRequest) -> Value {
    let at = if brain::listed(chat).iter().any(|name| name.starts_with('@')) { "@" } else { "" };
    json!({"agent": format!("{at}nobody-you-know"), "reason": "It is better than all on the list."})
}

async fn fail(fault: Fault) -> Response {
    let half: &[u8] =
        b"{\"id\": \"chatcmpl-fake\", \"object\": \"chat.completion\", \"choices\": [{\"index\": 0, \"mess";
    match fault {
        Fault::RateLimited { retry_after_s } => {
            let retry = [(header::RETRY_AFTER, retry_after_s.to_string())];
            let body =
                Refused::of_limit("rate_limit_exceeded", "Rate limit reached. Please try again later.");
            (retry, body.answer()).into_response()
        }
        Fault::QuotaSpent => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            Refused::of_limit("insufficient_quota", message).answer()
        }
        Fault::KeyRevoked => Refused::wrong_key().answer(),
        Fault::NoStructuredOutput => {
            let message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.";
            Refused::invalid("response_format", message).answer()
        }
        Fault::ServerError => Refused {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "server_error",
            code: None,
            param: None,
            message: "The server had an error while processing your request. Sorry about that!".to_owned(),
        }
        .answer(),
        Fault::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, Html(OVERLOADED)).into_response(),
        Fault::Hang => std::future::pending().await,
        Fault::HalfBody => {
            let begins = stream::iter([Ok(Bytes::from_static(half))]);
            let ends = stream::once(async {
                tokio::time::sleep(BREAK).await;
                Err(std::io::Error::other("lost"))
            });
            json_stream(Body::from_stream(begins.chain(ends)))
        }
        Fault::Endless => {
            let begins = stream::iter([Ok::<_, Infallible>(Bytes::from_static(half))]);
            let flood = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16_384])));
            json_stream(Body::from_stream(begins.chain(flood)))
        }
    }
}

fn json_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
