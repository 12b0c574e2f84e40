//! A mind without a model: it reads the blocks of a prompt and counts words.
//!
//! What it can do is little, and the same every time. *Choose* takes the agent that shares most words with the job;
//! the first of equals. *Judge* passes what has an answer, except that it knows one kind of criterion: where brief or
//! criterion say that an answer must mention (contain, include, say, name) a word in quotes or in capitals, an answer
//! without that word fails. It abstains where there is no answer. *Shape* has a file of its own.

use super::prompt::Prompt;
use super::request::ChatRequest;
use super::shape;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words of a quote.
const QUOTE_WORDS: usize = 8;
/// Letters of a word that says nothing.
const SHORT_WORD: usize = 3;

static WANTED: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = r"(?:must|should|has to|have to|needs to)\s+(?i:mention|contain|include|say|name)s?";
    let word =
        r#"(?:the\s+(?:word|phrase|text|name)\s+)?(?:["“”'‘«„]([^"“”'’»]{1,80})["“”'’»]|([A-Z][A-Z0-9]+)\b)"#;
    Regex::new(&format!(r"{verbs}\s+{word}")).expect("it is an expression")
});

/// What the mind says to a chat: its whole content.
pub(super) fn think(chat: &ChatRequest) -> String {
    let prompt = chat.prompt();
    let fields = &chat.schema["properties"];
    if chat.role.is_empty() {
        "This is an answer of a fake model: it read your message and found nothing to add.".to_owned()
    } else if fields["agent"].is_object() {
        choose(&prompt, &listed(chat)).to_string()
    } else if fields["findings"].is_object() {
        judge(&prompt).to_string()
    } else if fields["missing"].is_object() {
        shape::shape(&prompt).to_string()
    } else {
        sample(&chat.schema, &chat.schema).to_string()
    }
}

/// The agents that may be chosen.
pub(super) fn listed(chat: &ChatRequest) -> Vec<String> {
    let names = chat.schema["properties"]["agent"]["enum"].as_array();
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn choose(prompt: &Prompt, listed: &[String]) -> Value {
    let job = ["brief", "title", "tags"].map(|label| prompt.text_of(label).unwrap_or_default());
    let wanted = words(&job.join(" "));
    let described = prompt.several("agent");
    let mut best: Option<(usize, &str, Vec<String>)> = None;
    for name in listed {
        let bare = |name: &str| name.trim_start_matches('@').to_owned();
        let text =
            described.iter().find(|(label, _)| bare(label) == bare(name)).map_or("", |(_, text)| *text);
        let shared: Vec<String> = words(text).intersection(&wanted).cloned().collect();
        if best.as_ref().is_none_or(|(most, _, _)| shared.len() > *most) {
            best = Some((shared.len(), name, shared));
        }
    }
    match best {
        None => json!({"agent": "", "reason": "Nobody is on the list."}),
        Some((0, name, _)) => json!({"agent": name, "reason": "None fits better than another."}),
        Some((_, name, shared)) => {
            let told: Vec<String> = shared.into_iter().take(5).collect();
            json!({"agent": name, "reason": format!("Its description fits the brief: {}.", told.join(", "))})
        }
    }
}

fn judge(prompt: &Prompt) -> Value {
    let answer = prompt.text_of("answer").unwrap_or_default();
    let quote = first_words(answer);
    let of_brief = wanted(prompt.text_of("brief").unwrap_or_default());
    let findings = criteria(prompt).into_iter().map(|(number, criterion)| {
        let words = wanted(criterion).into_iter().chain(of_brief.iter().cloned());
        let lacking = words.into_iter().find(|word| !answer.to_lowercase().contains(&word.to_lowercase()));
        let (decision, reason) = match lacking {
            _ if quote.is_empty() => ("abstain", "There is no answer to judge.".to_owned()),
            Some(word) => ("fail", format!("The answer does not mention \"{word}\".")),
            None => ("pass", "The answer does what is asked.".to_owned()),
        };
        json!({"criterion": number, "decision": decision, "reason": reason, "quote": quote})
    });
    json!({"findings": findings.collect::<Vec<_>>()})
}

/// A verdict that passes every criterion of a prompt with this quote.
pub(super) fn passing(prompt: &Prompt, quote: &str) -> Value {
    let pass = |(number, _)| json!({"criterion": number, "decision": "pass", "reason": "It is met.", "quote": quote});
    json!({"findings": criteria(prompt).into_iter().map(pass).collect::<Vec<_>>()})
}

/// The criteria of a prompt with their numbers.
fn criteria(prompt: &Prompt) -> Vec<(u64, &str)> {
    let numbered = |(label, text): (&str, _)| Some((label.parse().ok()?, text));
    prompt.several("criterion").into_iter().filter_map(numbered).collect()
}

/// What a text says that an answer must mention.
fn wanted(text: &str) -> Vec<String> {
    let word = |found: regex::Captures<'_>| {
        found.get(1).or_else(|| found.get(2)).map(|word| word.as_str().to_owned())
    };
    WANTED.captures_iter(text).filter_map(word).collect()
}

/// The first words of an answer as they stand there; of its longest text where it is JSON.
pub(super) fn first_words(answer: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(answer).ok();
    let longest = parsed.as_ref().map(texts).unwrap_or_default().into_iter().max_by_key(|text| text.len());
    let source = longest.filter(|text| answer.contains(*text)).unwrap_or(answer);
    let line = source
        .lines()
        .map(str::trim)
        .find(|line| line.chars().any(char::is_alphanumeric))
        .unwrap_or_default();
    let ends = line.char_indices().filter(|(_, letter)| *letter == ' ').map(|(at, _)| at);
    line[..ends.into_iter().nth(QUOTE_WORDS - 1).unwrap_or(line.len())].to_owned()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The words that say something: lower case, longer than three letters, without the `s` of a plural.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let words = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().count() > SHORT_WORD);
    words
        .map(|word| word.strip_suffix('s').filter(|stem| !stem.ends_with('s')).unwrap_or(word).to_owned())
        .collect()
}

/// Something that a schema allows, for a role that the mind does not know.
fn sample(schema: &Value, root: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|pointer| pointer.strip_prefix("#/$defs/")) {
        return sample(&root["$defs"][name], root);
    }
    if let Some(value) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return value.clone();
    }
    if let Some(variant) = schema["anyOf"].get(0) {
        return sample(variant, root);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("null");
    match kind {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            Value::Object(fields.map(|(name, field)| (name.clone(), sample(field, root))).collect())
        }
        "array" => json!([]),
        "string" => json!("an answer of a fake model"),
        "number" | "integer" => schema.get("minimum").cloned().unwrap_or(json!(0)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}
