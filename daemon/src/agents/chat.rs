//! How a job is put to a chat endpoint, and what a chat completion means. Pure; [`super::delivery`] carries it.
//!
//! What is sent is OpenAI's; what comes back is read leniently, since every compatible server adds and leaves out fields of
//! its own. A model can answer or refuse; it has nothing to say about a job beside that.

mod strict;

use super::contract::{Assignment, MessageType, Reply, cut};
use guildhall_protocol::agent::Chat;
use guildhall_protocol::attempt::Finding;
use guildhall_protocol::clean::{clean, clean_line};
use guildhall_protocol::job::Criterion;
use guildhall_protocol::json::Json;
use serde::Serialize;
use serde_json::{Value, json};
use strict::{is_strict, takes_schema};
use url::Url;

/// What an answer's schema is called on the wire.
const SCHEMA_NAME: &str = "answer";
/// What proves that the key opens the endpoint and that there is such a model.
const READY: &str = "Reply with the single word: ready.";

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    schema: &'a Json,
    strict: bool,
}

/// Where completions are asked for, under a base URL. What is no URL stays as it is: the guard says what is wrong.
pub fn address(base_url: &str) -> String {
    let Ok(mut url) = Url::parse(base_url) else { return base_url.to_owned() };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["chat", "completions"]);
    }
    url.into()
}

/// Whether two endpoints are at one server: what is said to one may be said to the other.
pub fn is_same_server(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        (Ok(_) | Err(_), _) => false,
    }
}

/// What an owner should know about an output schema that a chat endpoint does not hold its model to.
pub fn schema_warning(schema: &Json) -> Option<&'static str> {
    let schema = schema.value();
    if !takes_schema(&schema) {
        return Some("its root is not of the type object, so the model is only asked for it in words");
    }
    let loose =
        "it is not of OpenAI's strict subset, so the model may miss it; answers are checked all the same";
    (!is_strict(&schema)).then_some(loose)
}

/// The request that does a job. With an output schema the answer is JSON of it.
pub fn ask(chat: &Chat, output_schema: Option<&Json>, assignment: &Assignment<'_>) -> Vec<u8> {
    let work = work(output_schema, assignment);
    let response_format = output_schema.and_then(|schema| {
        let value = schema.value();
        let strict = is_strict(&value);
        let json_schema = NamedSchema { name: SCHEMA_NAME, schema, strict };
        takes_schema(&value).then_some(ResponseFormat { r#type: "json_schema", json_schema })
    });
    let messages =
        vec![Message { role: "system", content: &chat.prompt }, Message { role: "user", content: &work }];
    print(&Request { model: chat.model.as_str(), messages, response_format })
}

/// The smallest request that shows whether key and model are right.
pub fn ready(chat: &Chat) -> Vec<u8> {
    let messages = vec![Message { role: "user", content: READY }];
    print(&Request { model: chat.model.as_str(), messages, response_format: None })
}

fn print(request: &Request<'_>) -> Vec<u8> {
    serde_json::to_vec(request).expect("a request of plain values prints as JSON")
}

/// The job in words.
fn work(output_schema: Option<&Json>, assignment: &Assignment<'_>) -> String {
    let mut parts = Vec::new();
    let title = assignment.title.trim_end_matches('…');
    if !assignment.brief.trim_start().starts_with(title) {
        parts.push(format!("# {}", clean_line(assignment.title)));
    }
    parts.push(assignment.brief.to_owned());
    // An input that was made of the brief says nothing new.
    let made = json!({"text": assignment.brief});
    if let Some(input) = assignment.input.filter(|input| input.value() != made) {
        parts.push(format!("The input, as JSON:\n{}", input.as_str()));
    }
    if !assignment.criteria.is_empty() {
        let lines = assignment.criteria.iter().map(criterion_in_words);
        parts.push(format!("The answer must meet all of this:\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    if !assignment.findings.is_empty() {
        let lines = assignment.findings.iter().map(finding_in_words);
        let lines = lines.collect::<Vec<_>>().join("\n");
        parts.push(format!("An earlier answer was not good enough. What was wrong:\n{lines}"));
    }
    if let Some(schema) = output_schema {
        let schema = schema.as_str();
        parts.push(format!(
            "Answer with one JSON value and nothing around it. It must fit this JSON Schema:\n{schema}"
        ));
    }
    parts.join("\n\n")
}

fn criterion_in_words(criterion: &Criterion) -> String {
    match criterion {
        Criterion::Schema(schema) => format!("- it fits the JSON Schema {}", schema.as_str()),
        Criterion::Rule(text) | Criterion::Judge(text) => format!("- {}", clean_line(text)),
    }
}

fn finding_in_words(finding: &Finding) -> String {
    let label = clean_line(&finding.label);
    if finding.evidence.trim().is_empty() {
        return format!("- {label}");
    }
    format!("- {label}: {}", clean(&finding.evidence).trim())
}

/// What a status means that decides alone, where a chat endpoint means something else by it than the contract does:
/// `reply` is what the contract says.
pub(super) fn read_status(status: u16, reply: Reply) -> Reply {
    match status {
        202 | 204 => Reply::Malformed { why: format!("the endpoint answered {status}, and no completion") },
        404 | 405 | 422 | 501 => Reply::Refused { status },
        408 | 409 | 425 => Reply::Unclear { why: format!("the endpoint answered {status}") },
        _ => reply,
    }
}

/// What an owner can do about a refusal.
pub(super) fn hint(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some("the key does not open the endpoint (agent update --key-file brings another one)"),
        404 => Some("under this base URL there is no chat endpoint, or no such model"),
        _ => None,
    }
}

/// What the body of a 200 means. `structured`: the answer is JSON and not text.
pub(super) fn read_body(kind: MessageType, structured: bool, body: &[u8]) -> Reply {
    match completion(body) {
        Err(reply) => reply,
        Ok(content) => match kind {
            MessageType::AgentChallenge | MessageType::AgentProbe => Reply::Challenge(cut(&content)),
            MessageType::JobAssigned
            | MessageType::JobInputProvided
            | MessageType::JobStatus
            | MessageType::JobCanceled
            | MessageType::JobForget => answer(structured, &content),
        },
    }
}

/// What the model wrote, or why there is nothing that could be used.
fn completion(body: &[u8]) -> Result<String, Reply> {
    let malformed = |why: String| Reply::Malformed { why };
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("the completion is not JSON: {error}")))?;
    let Some(choice) = body.pointer("/choices/0") else {
        // Some servers tell their errors with a 200.
        let error = body.pointer("/error/message").and_then(Value::as_str);
        let why = error.map_or_else(
            || "the completion has no choices".to_owned(),
            |error| format!("the endpoint answered with an error: {}", cut(&clean_line(error))),
        );
        return Err(malformed(why));
    };
    let refusal = choice.pointer("/message/refusal").and_then(Value::as_str).unwrap_or_default();
    if !refusal.trim().is_empty() {
        return Err(Reply::Declined(cut(&format!("the model refused: {}", clean_line(refusal)))));
    }
    match choice.get("finish_reason").and_then(Value::as_str) {
        Some("content_filter") => {
            return Err(Reply::Declined("the endpoint's content filter stopped the answer".to_owned()));
        }
        Some("length") => {
            return Err(malformed("the answer was cut off where the model's length limit is".to_owned()));
        }
        Some(_) | None => {}
    }
    let content = match choice.pointer("/message/content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => String::new(),
    };
    if content.trim().is_empty() {
        return Err(malformed("the completion has no content".to_owned()));
    }
    Ok(content)
}

fn answer(structured: bool, content: &str) -> Reply {
    if !structured {
        return Reply::Output(Json::from(json!({"text": content})));
    }
    match Json::from_text(unfenced(content).to_owned()) {
        Ok(output) => Reply::Output(output),
        Err(error) => Reply::Malformed { why: format!("the model's answer is not JSON: {error}") },
    }
}

/// The document in a text that may be fenced as Markdown fences code.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inner.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}

#[cfg(test)]
mod tests;
