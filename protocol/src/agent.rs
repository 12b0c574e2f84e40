//! Who does the work: an agent's definition and its limits, and where it stands ([`AgentState`]).

mod chat;
mod life;

pub use chat::{AgentKey, AgentKeyError, Chat, KEY_BYTES_MAX, PROMPT_BYTES_MAX};
pub use life::{AGENT_STATES, AgentEvent, AgentState, Health, PausedWhy};

use crate::job::FieldError;
use crate::json::Json;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Limits of a definition. Lengths of text are in bytes.
pub mod limits {
    /// Longest description of an agent or skill.
    pub const DESCRIPTION_BYTES_MAX: usize = 4_000;
    /// Most skills.
    pub const SKILLS_MAX: usize = 50;
    /// Longest name of a skill.
    pub const SKILL_NAME_BYTES_MAX: usize = 100;
    /// Most tags, and most languages.
    pub const TAGS_MAX: usize = 20;
    /// Longest tag or language.
    pub const TAG_BYTES_MAX: usize = 64;
    /// Longest endpoint.
    pub const ENDPOINT_BYTES_MAX: usize = 1_000;
    /// Most examples.
    pub const EXAMPLES_MAX: usize = 3;
    /// Largest input or output of an example.
    pub const EXAMPLE_BYTES_MAX: usize = 64_000;
    /// Most jobs at a time that an agent can ask for.
    pub const CONCURRENCY_MAX: u32 = 1_000;
    /// Largest input that an agent can ask for; the platform's own limit for a job's input.
    pub const INPUT_BYTES_MAX: u64 = crate::job::limits::INPUT_BYTES_MAX as u64;
    /// Longest time for one answer, ms: a day.
    pub const ANSWER_MS_MAX: u64 = 86_400_000;
}

/// An agent's name, shown with its sign: `@summarizer`. Two to 32 characters of `a-z 0-9 - _`, the first a letter.
/// A name is never given to another owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

impl AgentName {
    /// The name without its sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl FromStr for AgentName {
    type Err = AgentNameError;

    /// Takes the name with or without its sign; capitals become small.
    fn from_str(text: &str) -> Result<Self, AgentNameError> {
        let name = text.trim().strip_prefix('@').unwrap_or(text.trim()).to_ascii_lowercase();
        let allowed =
            |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        let fits = (2..=32).contains(&name.len()) && name.bytes().all(allowed);
        if fits && name.as_bytes()[0].is_ascii_lowercase() {
            Ok(Self(name))
        } else {
            Err(AgentNameError { text: text.chars().take(40).collect() })
        }
    }
}

impl TryFrom<String> for AgentName {
    type Error = AgentNameError;

    fn try_from(text: String) -> Result<Self, AgentNameError> {
        text.parse()
    }
}

impl From<AgentName> for String {
    fn from(name: AgentName) -> Self {
        name.to_string()
    }
}

/// Text that is no agent's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no agent's name: write @ and 2 to 32 characters a-z 0-9 - _, the first a letter")]
pub struct AgentNameError {
    text: String,
}

/// What an owner says about an agent. Each edit makes a new immutable version; this is also the file that
/// `agent register` reads and `agent export` writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentDefinition {
    /// Its name.
    pub name: AgentName,
    /// What it does, in a few sentences: the text that jobs are matched with.
    pub description: String,
    /// Where it listens: an `https` URL; `http` or a private address needs an operator's grant. Of a chat agent, the base
    /// URL, such as `https://api.openai.com/v1`.
    pub endpoint: String,
    /// How it is spoken to.
    #[serde(default)]
    pub kind: AgentKind,
    /// Model and prompt of a chat agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Chat>,
    /// The single things that it can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<Skill>,
    /// Words that jobs can ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Languages that it works in, as BCP 47 tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// JSON Schema of `input`; none: it takes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Json>,
    /// JSON Schema of `output`; none: anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Json>,
    /// One to three examples, each valid under the schemas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// JSON pointer to the part of the output that people should read, such as `/text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// How much it takes.
    #[serde(default)]
    pub caps: Caps,
    /// How long it may take.
    #[serde(default)]
    pub time_limits: TimeLimits,
    /// Whether the same delivery sent twice does the work once.
    #[serde(default = "yes")]
    pub idempotent: bool,
}

fn yes() -> bool {
    true
}

/// How an agent is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// Guildhall's own contract: signed JSON over HTTP.
    #[default]
    Native,
    /// The A2A protocol.
    A2a,
    /// An OpenAI-compatible chat endpoint.
    Chat,
}

/// One thing that an agent can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    /// Its name, such as `csv_to_json`.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
}

/// An input and the output that the agent gives for it, or one like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Valid under the input schema.
    pub input: Json,
    /// Valid under the output schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
}

/// How much an agent takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Jobs at a time.
    pub concurrency: u32,
    /// Jobs in a UTC day, if limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs_per_day: Option<u32>,
    /// Jobs in a UTC day for one client, if limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs_per_client_per_day: Option<u32>,
    /// Largest input, bytes.
    pub input_bytes: u64,
}

impl Caps {
    /// Whether the agent takes so many jobs in a day only.
    pub fn is_daily(&self) -> bool {
        self.jobs_per_day.is_some() || self.jobs_per_client_per_day.is_some()
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self { concurrency: 4, jobs_per_day: None, jobs_per_client_per_day: None, input_bytes: 256_000 }
    }
}

/// How long an agent may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeLimits {
    /// For one HTTP exchange, ms. 100 to 600,000.
    pub exchange_ms: u64,
    /// From acceptance to the answer, ms. 1,000 to a day.
    pub answer_ms: u64,
    /// Without a sign of life after acceptance, ms. 1,000 to a day.
    pub silence_ms: u64,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self { exchange_ms: 60_000, answer_ms: 3_600_000, silence_ms: 600_000 }
    }
}

impl AgentDefinition {
    /// Checks every bound that needs no store and no schema compiler.
    ///
    /// # Errors
    /// The first field that is out of bounds, and the bound.
    pub fn check(&self) -> Result<(), FieldError> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that [`Self::check`] could complain of, in the order of the fields.
    pub fn problems(&self) -> Vec<FieldError> {
        use limits as l;
        let mut checks = vec![self.check_description()];
        checks.push(text("endpoint", &self.endpoint, l::ENDPOINT_BYTES_MAX));
        checks.push(self.check_kind());
        checks.push(count("skills", self.skills.len(), l::SKILLS_MAX));
        for (index, skill) in self.skills.iter().enumerate() {
            checks.push(text(&format!("skills[{index}].name"), &skill.name, l::SKILL_NAME_BYTES_MAX));
            let field = format!("skills[{index}].description");
            checks.push(text(&field, &skill.description, l::DESCRIPTION_BYTES_MAX));
        }
        checks.extend(
            [("tags", &self.tags), ("languages", &self.languages)].map(|(field, list)| words(field, list)),
        );
        checks.push(count("examples", self.examples.len(), l::EXAMPLES_MAX));
        for (index, example) in self.examples.iter().enumerate() {
            let (input, output) = (example.input.as_str(), example.output.as_ref().map_or("", Json::as_str));
            checks.push(text(&format!("examples[{index}].input"), input, l::EXAMPLE_BYTES_MAX));
            checks.push(text(&format!("examples[{index}].output"), output, l::EXAMPLE_BYTES_MAX));
        }
        if self.display.as_ref().is_some_and(|pointer| !(pointer.is_empty() || pointer.starts_with('/'))) {
            checks.push(Err(FieldError::new("display", "must be a JSON pointer such as /text")));
        }
        let (caps, times) = (&self.caps, &self.time_limits);
        checks.extend([
            between("caps.concurrency", caps.concurrency.into(), 1, l::CONCURRENCY_MAX.into()),
            between("caps.input_bytes", caps.input_bytes, 1, l::INPUT_BYTES_MAX),
            between("time_limits.exchange_ms", times.exchange_ms, 100, 600_000),
            between("time_limits.answer_ms", times.answer_ms, 1_000, l::ANSWER_MS_MAX),
            between("time_limits.silence_ms", times.silence_ms, 1_000, l::ANSWER_MS_MAX),
        ]);
        checks.into_iter().filter_map(Result::err).collect()
    }

    fn check_description(&self) -> Result<(), FieldError> {
        text("description", &self.description, limits::DESCRIPTION_BYTES_MAX)?;
        if self.description.trim().is_empty() {
            let told = "is empty: say what the agent does; jobs are matched with it";
            return Err(FieldError::new("description", told));
        }
        Ok(())
    }

    /// Model and prompt belong to chat agents, and to them alone.
    fn check_kind(&self) -> Result<(), FieldError> {
        match (self.kind, &self.chat) {
            (AgentKind::Native | AgentKind::A2a, None) => Ok(()),
            (AgentKind::Native | AgentKind::A2a, Some(_)) => {
                Err(FieldError::new("chat", "is for agents of the kind chat: write \"kind\": \"chat\" too"))
            }
            (AgentKind::Chat, None) => {
                Err(FieldError::new("chat", "is missing: an agent of the kind chat has a model and a prompt"))
            }
            (AgentKind::Chat, Some(_))
                if self.endpoint.trim_end_matches('/').ends_with("/chat/completions") =>
            {
                Err(FieldError::new("endpoint", "is the base URL: leave /chat/completions out"))
            }
            (AgentKind::Chat, Some(chat)) => chat.check(),
        }
    }
}

fn text(field: &str, text: &str, bytes_max: usize) -> Result<(), FieldError> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(FieldError::new(field, &format!("is too large: {} bytes, the limit is {bytes_max}", text.len())))
}

fn words(field: &str, list: &[String]) -> Result<(), FieldError> {
    count(field, list.len(), limits::TAGS_MAX)?;
    for word in list {
        text(field, word, limits::TAG_BYTES_MAX)?;
        if word.trim().is_empty() {
            return Err(FieldError::new(field, "holds an empty word"));
        }
    }
    Ok(())
}

fn count(field: &str, count: usize, max: usize) -> Result<(), FieldError> {
    if count <= max {
        return Ok(());
    }
    Err(FieldError::new(field, &format!("has {count} entries, the limit is {max}")))
}

fn between(field: &str, value: u64, min: u64, max: u64) -> Result<(), FieldError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(FieldError::new(field, &format!("is {value}; it must be between {min} and {max}")))
}

/// Who may be matched with an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Its owner's jobs only, until it is published.
    #[default]
    Owner,
    /// Jobs of the place where it was published.
    Place,
    /// Everybody's jobs.
    Public,
}

impl Audience {
    /// For whom an agent of this audience works.
    pub fn whom(self) -> &'static str {
        match self {
            Self::Owner => "its owners",
            Self::Place => "its place",
            Self::Public => "everybody",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        let name: AgentName = "@Word-Smith_2".parse().expect("a name");
        assert_eq!((name.to_string().as_str(), name.as_str()), ("@word-smith_2", "word-smith_2"));
        for wrong in ["", "@", "a", "@1st", "has space", "naïve", &"x".repeat(33)] {
            assert!(wrong.parse::<AgentName>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn the_smallest_definition() {
        let text = r#"{"name": "@echo", "description": "Says it again.", "endpoint": "https://agents.example/echo"}"#;
        let definition: AgentDefinition = serde_json::from_str(text).expect("a definition");
        assert_eq!(definition.check(), Ok(()));
        assert!(definition.idempotent);
        assert_eq!(definition.caps.concurrency, 4);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = r#"{"name": "@echo", "description": " ", "endpoint": "https://agents.example/echo", "tags": [""],
            "display": "text", "caps": {"concurrency": 0}, "time_limits": {"answer_ms": 1}}"#;
        let definition: AgentDefinition = serde_json::from_str(text).expect("a definition");
        let fields: Vec<String> = definition.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["description", "tags", "display", "caps.concurrency", "time_limits.answer_ms"]);
        assert_eq!(definition.check().expect_err("the first").field, "description");
    }

    #[test]
    fn model_and_prompt_belong_to_chat_agents() {
        let definition = |kind: &str, chat: bool, endpoint: &str| {
            let mut said = serde_json::json!({
                "name": "@poet", "description": "Writes verse.", "endpoint": endpoint, "kind": kind
            });
            if chat {
                said["chat"] = serde_json::json!({"model": "gpt-4.1-mini", "prompt": "Write verse."});
            }
            serde_json::from_value::<AgentDefinition>(said).expect("a definition")
        };
        let base = "https://api.example/v1";
        assert_eq!(definition("chat", true, base).check(), Ok(()));
        for (wrong, field) in [
            (definition("chat", false, base), "chat"),
            (definition("native", true, base), "chat"),
            (definition("a2a", true, base), "chat"),
            (definition("chat", true, "https://api.example/v1/chat/completions"), "endpoint"),
        ] {
            assert_eq!(wrong.check().expect_err("it does not fit").field, field, "{wrong:?}");
        }
    }
}
