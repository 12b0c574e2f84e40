//! An agent's form in words, for a client when there is no model that could fill it.
//!
//! Schemas are foreign: every word of them is cleaned and cut, and what is read of them is bounded.

use super::WARNING;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::{clean_line, cut};
use serde_json::Value;

/// Most fields that are listed.
const FIELDS_MAX: usize = 15;
/// Longest name of a field or allowed value, graphemes.
const NAME_MAX: usize = 60;
/// Longest description of a field, graphemes.
const DESCRIPTION_MAX: usize = 150;
/// Most allowed values that are listed.
const VALUES_MAX: usize = 8;
/// Most references that are followed for one field.
const HOPS_MAX: usize = 4;

/// The question to the client where no model can be asked: the fields that the agent's schema requires, or all that it
/// knows if it requires none. The reply has to be JSON.
pub fn question_without_model(agent: &AgentName, schema: &Value) -> String {
    let root = resolved(schema, schema);
    let fields = root.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = match root.get("required").and_then(Value::as_array) {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    let (intro, names): (&str, Vec<&str>) = if required.is_empty() {
        let known = fields.map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default();
        ("can be given these fields, none of which is required", known)
    } else {
        ("needs these fields before it can start", required)
    };
    if names.is_empty() {
        let kind = kind(root).unwrap_or_else(|| "JSON".to_owned());
        return format!("{agent} needs its input as JSON before it can start: {kind}. {WARNING}");
    }
    let mut text = format!("{agent} {intro}:");
    for name in names.iter().take(FIELDS_MAX) {
        let field = fields.and_then(|fields| fields.get(*name)).map(|field| resolved(schema, field));
        text.push_str(&format!("\n- {}", line(name, field)));
    }
    if names.len() > FIELDS_MAX {
        text.push_str(&format!("\n- and {} more", names.len() - FIELDS_MAX));
    }
    format!("{text}\nReply with a JSON object that has these fields. {WARNING}")
}

/// `city (text): the city to look up`.
fn line(name: &str, field: Option<&Value>) -> String {
    let mut line = words(name, NAME_MAX);
    if let Some(kind) = field.and_then(kind) {
        line.push_str(&format!(" ({kind})"));
    }
    let described = ["description", "title"].iter().find_map(|key| field?.get(key)?.as_str());
    match described.map(|text| words(text, DESCRIPTION_MAX)) {
        Some(text) if !text.is_empty() => format!("{line}: {text}"),
        Some(_) | None => line,
    }
}

/// What may be written in a field, in words.
fn kind(field: &Value) -> Option<String> {
    if let Some(value) = field.get("const") {
        return Some(format!("always {}", shown(value)));
    }
    if let Some(values) = field.get("enum").and_then(Value::as_array) {
        let listed: Vec<String> = values.iter().take(VALUES_MAX).map(shown).collect();
        let more = if values.len() > VALUES_MAX { ", …" } else { "" };
        return Some(format!("one of {}{more}", listed.join(", ")));
    }
    let names: Vec<&str> = match field.get("type")? {
        Value::String(name) => vec![named(name)?],
        Value::Array(names) => {
            names.iter().take(VALUES_MAX).filter_map(|name| named(name.as_str()?)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    (!names.is_empty()).then(|| names.join(" or "))
}

fn named(kind: &str) -> Option<&'static str> {
    match kind {
        "string" => Some("text"),
        "integer" => Some("whole number"),
        "number" => Some("number"),
        "boolean" => Some("true or false"),
        "array" => Some("list"),
        "object" => Some("object"),
        "null" => Some("null"),
        _ => None,
    }
}

/// The schema behind local references; the reference itself where it leads nowhere or in a circle.
fn resolved<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..HOPS_MAX {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        match reference.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

fn shown(value: &Value) -> String {
    words(&value.to_string(), NAME_MAX)
}

fn words(text: &str, graphemes_max: usize) -> String {
    cut(&clean_line(text), graphemes_max)
}
