//! What a JSON schema asks for, field by field, as far as a form can show it; and what was typed into the form, as JSON again.
//!
//! A form holds a handful of lines of text. An object of words, numbers and truths fits into it; whatever else a schema asks
//! for is left out where it may be, and makes the whole schema one that no form shows where it may not.

use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::job::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Longest name of a property that a form's field can carry, characters; Discord's limit is 100, a prefix included.
const NAME_MAX: usize = 90;
/// Text of which this much is allowed gets a box of several lines, characters.
const LONG: u64 = 200;
/// Most choices that are named in a hint.
const CHOICES_MAX: usize = 8;
/// As much of a wrong text is shown, graphemes: what is wrong with it stands behind.
const SHOWN_MAX: usize = 40;

/// One thing that a schema asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Field {
    /// The property.
    pub(crate) name: String,
    /// What the schema calls it, cleaned.
    pub(crate) label: String,
    /// What can be typed; may be empty.
    pub(crate) hint: String,
    /// What becomes of what is typed.
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// Whether it gets a box of several lines.
    pub(crate) long: bool,
    /// Most characters, if the schema says so.
    pub(crate) most: Option<u64>,
}

/// What a field's text becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Text,
    /// One of these words.
    Choice(Vec<String>),
    Number,
    Integer,
    Truth,
}

/// The fields that an object's schema asks for, the required ones first, at most so many. None where a form cannot show what
/// is required, or there is nothing that it could show.
pub(crate) fn asked(schema: &Value, most: usize) -> Option<Vec<Field>> {
    let properties = schema.get("properties")?.as_object()?;
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |all| all.iter().filter_map(Value::as_str).collect());
    let is_required = |name: &str| required.contains(&name);
    let fits = |name: &str| !name.is_empty() && name.chars().count() <= NAME_MAX;
    let mut fields = Vec::new();
    for (name, property) in properties {
        match kind(property).filter(|_| fits(name)) {
            Some(kind) => fields.push(field(name, property, kind, is_required(name))),
            None if is_required(name) => return None,
            None => {}
        }
    }
    fields.sort_by_key(|field| !field.required);
    let needed = fields.iter().filter(|field| field.required).count();
    // What is required and not described could be anything.
    let is_described = required.iter().all(|name| properties.contains_key(*name));
    if fields.is_empty() || needed > most || !is_described {
        return None;
    }
    fields.truncate(most);
    Some(fields)
}

fn kind(property: &Value) -> Option<Kind> {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        let words = choices.iter().map(|choice| choice.as_str().map(str::to_owned));
        return words.collect::<Option<Vec<_>>>().filter(|words| !words.is_empty()).map(Kind::Choice);
    }
    match property.get("type")?.as_str()? {
        "string" => Some(Kind::Text),
        "number" => Some(Kind::Number),
        "integer" => Some(Kind::Integer),
        "boolean" => Some(Kind::Truth),
        _ => None,
    }
}

fn field(name: &str, property: &Value, kind: Kind, required: bool) -> Field {
    let said = |key: &str| {
        let text = property.get(key).and_then(Value::as_str).unwrap_or_default();
        Some(clean_line(text)).filter(|text| !text.is_empty())
    };
    let label = said("title").or_else(|| said("description"));
    let about = said("description").filter(|about| label.as_ref() != Some(about));
    let hint = match &kind {
        Kind::Choice(words) => clean_line(&format!("One of {}", some_of(words))),
        Kind::Truth => "yes or no".to_owned(),
        Kind::Integer => about.unwrap_or_else(|| "A whole number".to_owned()),
        Kind::Number => about.unwrap_or_else(|| "A number".to_owned()),
        Kind::Text => about.unwrap_or_default(),
    };
    let most = property.get("maxLength").and_then(Value::as_u64);
    let long = kind == Kind::Text && property.get("format").is_none() && most.is_none_or(|most| most > LONG);
    let nameless = || Some(clean_line(name)).filter(|name| !name.is_empty());
    let label = label.or_else(nameless).unwrap_or_else(|| "?".to_owned());
    Field { name: name.to_owned(), label, hint, kind, required, long, most }
}

/// What was typed, as the object that the schema asks for. A field that was left empty is left out.
///
/// # Errors
/// Every field whose text cannot be what is asked for, and what to write instead.
pub(crate) fn object(fields: &[Field], typed: &BTreeMap<String, String>) -> Result<Value, Vec<FieldError>> {
    let (mut object, mut problems) = (Map::new(), Vec::new());
    for field in fields {
        let text = typed.get(&field.name).map_or("", String::as_str);
        let value = match text.trim() {
            "" if field.required => Err("is missing: it cannot be left empty".to_owned()),
            "" => continue,
            _ => value(&field.kind, text),
        };
        match value {
            Ok(value) => drop(object.insert(field.name.clone(), value)),
            Err(told) => problems.push(FieldError::new(&field.name, &told)),
        }
    }
    if problems.is_empty() { Ok(Value::Object(object)) } else { Err(problems) }
}

fn value(kind: &Kind, text: &str) -> Result<Value, String> {
    let word = text.trim();
    let shown = cut(&clean_line(word), SHOWN_MAX);
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Choice(words) => {
            let same = words.iter().find(|choice| choice.as_str() == word);
            let alike = || words.iter().find(|choice| choice.to_lowercase() == word.to_lowercase());
            let chosen = same.or_else(alike);
            let told = || format!("`{shown}` is none of these, write one of them: {}", some_of(words));
            Ok(Value::String(chosen.ok_or_else(told)?.clone()))
        }
        Kind::Integer => {
            let number: Option<Number> = word.parse::<i64>().ok().map(Number::from);
            let told = || format!("`{shown}` is no whole number: write one such as 3");
            number.map(Value::Number).ok_or_else(told)
        }
        Kind::Number => {
            let number = word.parse::<i64>().map(Number::from).ok();
            let number = number.or_else(|| word.parse::<f64>().ok().and_then(Number::from_f64));
            let told = || format!("`{shown}` is no number: write one such as 2.5");
            number.map(Value::Number).ok_or_else(told)
        }
        Kind::Truth => match word.to_lowercase().as_str() {
            "yes" | "y" | "true" | "1" => Ok(Value::Bool(true)),
            "no" | "n" | "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(format!("`{shown}` is neither yes nor no: write one of the two")),
        },
    }
}

/// The first of some choices.
fn some_of(words: &[String]) -> String {
    let some: Vec<&str> = words.iter().take(CHOICES_MAX).map(String::as_str).collect();
    let more = if words.len() > CHOICES_MAX { ", …" } else { "" };
    format!("{}{more}", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn typed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn an_object_of_plain_things_is_asked_field_by_field() {
        let schema = json!({"type": "object", "required": ["url"], "properties": {
            "depth": {"type": "integer"},
            "list": {"type": "array"},
            "tone": {"enum": ["Dry", "warm"], "title": "Tone"},
            "url": {"type": "string", "format": "uri", "title": "Which\n page", "description": "Its address"},
        }});
        let fields = asked(&schema, 5).expect("a form shows it");
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["url", "depth", "tone"], "the required first, without what no form shows");
        assert_eq!((fields[0].label.as_str(), fields[0].hint.as_str()), ("Which page", "Its address"));
        assert!(!fields[0].long && fields[0].required && !fields[1].required);
        assert_eq!(fields[2].hint, "One of Dry, warm");
        let filled = object(&fields, &typed(&[("url", "12345"), ("depth", " 3 "), ("tone", "WARM")]));
        assert_eq!(filled, Ok(json!({"url": "12345", "depth": 3, "tone": "warm"})), "words stay words");
        assert_eq!(object(&fields, &typed(&[("url", "x"), ("depth", " ")])), Ok(json!({"url": "x"})));
    }

    #[test]
    fn what_no_form_shows_is_not_asked_so() {
        for schema in [
            json!(true),
            json!({"type": "string"}),
            json!({"properties": {}}),
            json!({"properties": {"list": {"type": "array"}}}),
            json!({"properties": {"list": {"type": "array"}, "a": {"type": "string"}}, "required": ["list"]}),
            json!({"properties": {"a": {"type": "string"}}, "required": ["b"]}),
            json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}),
            json!({"properties": {"x".repeat(95): {"type": "string"}}}),
            json!({"properties": 7, "required": "a"}),
        ] {
            assert_eq!(asked(&schema, 1), None, "{schema}");
        }
    }

    #[test]
    fn everything_that_cannot_be_is_said_with_what_to_write() {
        let schema = json!({"required": ["a"], "properties": {"a": {"type": "string"}, "n": {"type": "number"},
            "i": {"type": "integer"}, "t": {"type": "boolean"}, "c": {"enum": ["dry", "warm"]}}});
        let fields = asked(&schema, 5).expect("a form shows it");
        let long = "9".repeat(4_000);
        let wrong = [("a", " "), ("n", "NaN"), ("i", long.as_str()), ("t", "maybe"), ("c", "cold")];
        let problems = object(&fields, &typed(&wrong)).expect_err("it cannot be");
        let of = |name: &str| {
            let found = problems.iter().find(|problem| problem.field == name);
            found.map(|problem| problem.problem.clone()).unwrap_or_default()
        };
        assert_eq!(of("a"), "is missing: it cannot be left empty");
        assert_eq!(of("n"), "`NaN` is no number: write one such as 2.5");
        assert!(of("i").len() < 100 && of("i").ends_with("is no whole number: write one such as 3"));
        assert_eq!(of("t"), "`maybe` is neither yes nor no: write one of the two");
        assert_eq!(of("c"), "`cold` is none of these, write one of them: dry, warm");
        let good = object(&fields, &typed(&[("a", "x"), ("n", "1e3"), ("t", "No")]));
        assert_eq!(good, Ok(json!({"a": "x", "n": 1000.0, "t": false})));
    }
}
