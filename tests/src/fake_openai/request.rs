//! What a client may ask, and what OpenAI says when it asks otherwise.

use super::desk::Known;
use super::prompt::Prompt;
use super::schema;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use guildhall_protocol::time::Timestamp;
use serde_json::{Map, Value, json};

/// Characters that fit into a model, about.
const PROMPT_CHARS_MAX: usize = 512_000;
/// Tokens that an answer may be allowed.
const ANSWER_TOKENS_MAX: u64 = 16_384;
/// Texts of one request for embeddings.
const EMBEDDED_MAX: usize = 2_048;
/// Characters of one text to embed: about 8192 tokens.
const EMBEDDED_CHARS_MAX: usize = 32_768;
/// What a careful client sends. More is known to OpenAI (tools, audio, logprobs), and nothing of it belongs here.
const CHAT_FIELDS: [&str; 16] = [
    "model",
    "messages",
    "response_format",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "n",
    "stop",
    "stream",
    "store",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "reasoning_effort",
    "verbosity",
];
const EMBEDDING_FIELDS: [&str; 5] = ["model", "input", "encoding_format", "dimensions", "user"];
const MESSAGE_FIELDS: [&str; 3] = ["role", "content", "name"];

/// A chat that was in order.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The name of its schema, such as `judge`; empty for a plain chat.
    pub role: String,
    /// Which model it is for.
    pub model: String,
    /// The system message.
    pub system: String,
    /// The user messages, one after the other.
    pub user: String,
    /// All messages.
    pub messages: Vec<Message>,
    /// What the answer must look like; null for a plain chat.
    pub schema: Value,
    /// Most tokens that the answer may have.
    pub max_completion_tokens: Option<u64>,
    /// How many chats came until this one, from 1.
    pub number: usize,
    /// When it came.
    pub at: Timestamp,
    /// The whole request.
    pub body: Value,
}

impl ChatRequest {
    /// Its user messages as blocks and what stands between them.
    pub fn prompt(&self) -> Prompt {
        Prompt::parse(&self.user)
    }
}

/// One message of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `system` or `user`.
    pub role: String,
    /// Its text.
    pub content: String,
}

/// A request for embeddings that was in order.
#[derive(Clone, Debug)]
pub struct EmbeddingsRequest {
    /// Which model it is for.
    pub model: String,
    /// The texts.
    pub input: Vec<String>,
    /// How many numbers a vector shall have.
    pub dimensions: Option<usize>,
    /// When it came.
    pub at: Timestamp,
}

/// Why a request is not answered, in OpenAI's shape.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
    pub(super) param: Option<String>,
    pub(super) message: String,
}

impl Refused {
    /// 400: `param` is wrong; empty for the whole request.
    pub(super) fn invalid(param: &str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            param: (!param.is_empty()).then(|| param.to_owned()),
            message: message.to_owned(),
        }
    }

    pub(super) fn wrong_key() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: Some("invalid_api_key"),
            ..Self::invalid(
                "",
                "Incorrect API key provided. You can find your API key in your account's settings.",
            )
        }
    }

    /// 429. Its type is its code, as OpenAI's are.
    pub(super) fn of_limit(code: &'static str, message: &str) -> Self {
        let kind = if code == "insufficient_quota" { code } else { "requests" };
        Self { status: StatusCode::TOO_MANY_REQUESTS, kind, code: Some(code), ..Self::invalid("", message) }
    }

    fn unknown_model(model: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: Some("model_not_found"),
            ..Self::invalid(
                "",
                &format!("The model `{model}` does not exist or you do not have access to it."),
            )
        }
    }

    pub(super) fn answer(&self) -> Response {
        let Self { status, kind, code, param, message } = self;
        let body = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
        (*status, json_body(&body)).into_response()
    }
}

/// Reads a chat. `plain`: a chat without a schema and without a limit is taken too.
pub(super) fn read_chat(body: &[u8], models: &Known, plain: bool) -> Result<ChatRequest, Refused> {
    let body = read_object(body, &CHAT_FIELDS)?;
    let model = read_model(&body, models)?;
    let messages = read_messages(&body)?;
    let chars: usize = messages.iter().map(|message| message.content.chars().count()).sum();
    if chars > PROMPT_CHARS_MAX {
        let message = format!(
            "This model's maximum context length is exceeded: your messages have {chars} characters."
        );
        return Err(Refused {
            code: Some("context_length_exceeded"),
            ..Refused::invalid("messages", &message)
        });
    }
    if body.get("stream").is_some_and(|stream| stream != false) {
        return Err(Refused::invalid("stream", "nobody reads a stream here"));
    }
    if body.get("n").is_some_and(|n| n != 1) {
        return Err(Refused::invalid("n", "nobody reads a second choice here"));
    }
    let temperature = body.get("temperature").map_or(Some(1.0), Value::as_f64);
    if !temperature.is_some_and(|degree| (0.0..=2.0).contains(&degree)) {
        return Err(Refused::invalid("temperature", "temperature is a number from 0 to 2"));
    }
    let max_completion_tokens = body.get("max_completion_tokens").map(Value::as_u64);
    match max_completion_tokens {
        Some(Some(1..=ANSWER_TOKENS_MAX)) => {}
        None if plain => {}
        Some(_) | None => {
            let message = format!("max_completion_tokens must be there, from 1 to {ANSWER_TOKENS_MAX}");
            return Err(Refused::invalid("max_completion_tokens", &message));
        }
    }
    let (role, schema) = match body.get("response_format") {
        None if plain => (String::new(), Value::Null),
        format => read_format(format)?,
    };
    let of_role = |role: &str| -> Vec<&str> {
        messages
            .iter()
            .filter(|message| message.role == role)
            .map(|message| message.content.as_str())
            .collect()
    };
    Ok(ChatRequest {
        role,
        model,
        system: of_role("system").join("\n"),
        user: of_role("user").join("\n"),
        schema,
        max_completion_tokens: max_completion_tokens.flatten(),
        number: 0,
        at: Timestamp::now(),
        body: Value::Object(body),
        messages,
    })
}

/// Reads a request for embeddings.
pub(super) fn read_embeddings(body: &[u8], models: &Known) -> Result<EmbeddingsRequest, Refused> {
    let body = read_object(body, &EMBEDDING_FIELDS)?;
    let model = read_model(&body, models)?;
    let texts = body.get("input").and_then(Value::as_array).ok_or("input must be a list of texts");
    let texts = texts.map_err(|message| Refused::invalid("input", message))?;
    if !(1..=EMBEDDED_MAX).contains(&texts.len()) {
        return Err(Refused::invalid("input", &format!("input must have 1 to {EMBEDDED_MAX} texts")));
    }
    let mut input = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        match text.as_str() {
            Some(text) if !text.is_empty() && text.chars().count() <= EMBEDDED_CHARS_MAX => {
                input.push(text.to_owned());
            }
            Some(_) | None => {
                let message = format!("input[{at}] must be a text of 1 to {EMBEDDED_CHARS_MAX} characters");
                return Err(Refused::invalid("input", &message));
            }
        }
    }
    if body.get("encoding_format").is_some_and(|format| format != "float") {
        return Err(Refused::invalid("encoding_format", "only float is read here"));
    }
    let dimensions = match body.get("dimensions").map(Value::as_u64) {
        None => None,
        Some(Some(number @ 1..=3_072)) => Some(usize::try_from(number).expect("3072 fits")),
        Some(_) => return Err(Refused::invalid("dimensions", "dimensions must be from 1 to 3072")),
    };
    Ok(EmbeddingsRequest { model, input, dimensions, at: Timestamp::now() })
}

fn read_object(body: &[u8], fields: &[&str]) -> Result<Map<String, Value>, Refused> {
    let unparsed = "We could not parse the JSON body of your request. The API expects a JSON payload.";
    let body = serde_json::from_slice(body).map_err(|_| Refused::invalid("", unparsed))?;
    let Value::Object(body) = body else { return Err(Refused::invalid("", unparsed)) };
    match body.keys().find(|key| !fields.contains(&key.as_str())) {
        None => Ok(body),
        Some(key) => {
            let message = format!("Unrecognized request argument supplied: {key}");
            Err(Refused { code: Some("unknown_parameter"), ..Refused::invalid(key, &message) })
        }
    }
}

fn read_model(body: &Map<String, Value>, models: &Known) -> Result<String, Refused> {
    match body.get("model").and_then(Value::as_str) {
        None | Some("") => Err(Refused::invalid("model", "you must provide a model parameter")),
        Some(model) if models.has(model) => Ok(model.to_owned()),
        Some(model) => Err(Refused::unknown_model(model)),
    }
}

/// A system message and then at least one of the user, each of them a text.
fn read_messages(body: &Map<String, Value>) -> Result<Vec<Message>, Refused> {
    let refuse = |message: &str| Refused::invalid("messages", message);
    let said =
        body.get("messages").and_then(Value::as_array).ok_or_else(|| refuse("messages must be a list"))?;
    let mut messages = Vec::with_capacity(said.len());
    for (at, message) in said.iter().enumerate() {
        let fields =
            message.as_object().ok_or_else(|| refuse(&format!("messages[{at}] must be an object")))?;
        if let Some(key) = fields.keys().find(|key| !MESSAGE_FIELDS.contains(&key.as_str())) {
            return Err(refuse(&format!("messages[{at}] has an unknown field {key}")));
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = Message { role: text("role"), content: text("content") };
        let role_wanted = if at == 0 { "system" } else { "user" };
        if message.role != role_wanted {
            return Err(refuse(&format!(
                "messages[{at}] must be of the role {role_wanted}, not {:?}",
                message.role
            )));
        }
        if message.content.trim().is_empty() {
            return Err(refuse(&format!("messages[{at}] must have a text")));
        }
        messages.push(message);
    }
    if messages.len() < 2 {
        return Err(refuse("a system message and a user's are needed"));
    }
    Ok(messages)
}

/// The name and the schema of a strict format.
fn read_format(format: Option<&Value>) -> Result<(String, Value), Refused> {
    let refuse = |param: &str, message: &str| Err(Refused::invalid(param, message));
    let Some(format) = format.and_then(Value::as_object) else {
        return refuse("response_format", "response_format must be there");
    };
    if format.get("type").and_then(Value::as_str) != Some("json_schema") || format.len() != 2 {
        return refuse(
            "response_format",
            "response_format must be of the type json_schema and hold nothing else",
        );
    }
    let Some(strict) = format.get("json_schema").and_then(Value::as_object) else {
        return refuse("response_format.json_schema", "the schema is missing");
    };
    let known = ["name", "description", "schema", "strict"];
    if let Some(key) = strict.keys().find(|key| !known.contains(&key.as_str())) {
        return refuse("response_format.json_schema", &format!("Unknown parameter: {key}"));
    }
    let name = strict.get("name").and_then(Value::as_str).unwrap_or_default();
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return refuse("response_format.json_schema.name", "a name is 1 to 64 of a-z A-Z 0-9 _ -");
    }
    if strict.get("strict") != Some(&json!(true)) {
        return refuse("response_format.json_schema.strict", "strict must be true");
    }
    let schema = strict.get("schema").unwrap_or(&Value::Null);
    match schema::strict(schema) {
        Ok(()) => Ok((name.to_owned(), schema.clone())),
        Err(why) => {
            let message = format!("Invalid schema for response_format '{name}': {why}");
            refuse("response_format", &message)
        }
    }
}

pub(super) fn json_body(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
