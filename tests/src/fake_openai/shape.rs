//! Filling an agent's input from a brief, without a model.
//!
//! Numbers go to the fields that are named beside them, else by their order; a text field gets what stands in quotes or
//! after a colon; a field with few values gets the one that the brief mentions; a field for a unit gets the word after
//! the first number; any other needs its name and a colon in the brief. What the client said later (blocks `words`) is
//! read with the brief, and if the last of it is short, it is the answer to the first question for a text. What is
//! required and stays empty is asked for, and then there is no input.

use super::prompt::Prompt;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Fields that hold what the job is about.
const TEXT_FIELDS: [&str; 7] = ["text", "content", "body", "document", "message", "input", "passage"];

/// Words of an answer to a question, at most.
const SHORT_ANSWER: usize = 4;
/// Numbers that people write as words, from two.
const SMALL_NUMBERS: [&str; 11] =
    ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?").expect("it is an expression"));
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)["“„«](.+?)["”“»]"#).expect("it is an expression"));
static UNIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d\s*(°?[A-Za-z]+|%|€|\$)").expect("it is an expression"));

static CONVERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d\s*(°?[A-Za-z]+)\s+(?:in|into|to)\s+(°?[A-Za-z]+)").expect("it is an expression")
});

/// What is left of a brief to fill fields with.
struct Brief<'a> {
    text: &'a str,
    /// What the client said last, if it is short.
    last: Option<&'a str>,
    /// The numbers that no field took, with where they stand.
    numbers: Vec<(usize, f64)>,
}

/// The reply to a prompt: the input as JSON text, and what is missing.
pub(super) fn shape(prompt: &Prompt) -> Value {
    let said = prompt.several("words");
    let mut texts = vec![prompt.text_of("brief").unwrap_or_default()];
    texts.extend(said.iter().map(|(_, text)| *text));
    let text = &in_digits(&texts.join("\n"));
    let schema_text = prompt.text_of("schema").unwrap_or_default();
    let schema: Value = serde_json::from_str(schema_text).unwrap_or_default();
    let numbers =
        NUMBER.find_iter(text).filter_map(|found| Some((found.start(), found.as_str().parse().ok()?)));
    let last = said.last().map(|(_, text)| text.trim());
    let is_number = |text: &str| in_digits(text).contains(|letter: char| letter.is_ascii_digit());
    let last = last.filter(|text| text.split_whitespace().count() <= SHORT_ANSWER && !is_number(text));
    let mut brief = Brief { text, last, numbers: numbers.collect() };
    let given: Option<Map<String, Value>> =
        prompt.text_of("input").and_then(|text| serde_json::from_str(text).ok());
    let mut input = given.unwrap_or_default();
    let fields = in_order(&schema, schema_text);
    let open: Vec<_> = fields.iter().filter(|(name, _)| !input.contains_key(*name)).copied().collect();
    for named in [true, false] {
        for (name, field) in &open {
            if input.contains_key(*name) {
                continue;
            }
            let value = if named { brief.named_number(name, field) } else { brief.find(name, field) };
            if let Some(value) = value {
                input.insert((*name).to_owned(), value);
            }
        }
    }
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let missing = fields.iter().filter(|(name, _)| required.contains(name) && !input.contains_key(*name));
    let missing: Vec<Value> =
        missing.map(|(name, field)| json!({"field": name, "question": question(name, field)})).collect();
    let input = if missing.is_empty() { Value::Object(input).to_string() } else { String::new() };
    json!({"input": input, "missing": missing})
}

/// A text with digits for the words of small numbers.
fn in_digits(text: &str) -> String {
    let read = |word: &str| {
        let end = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let place = SMALL_NUMBERS.iter().position(|known| end.eq_ignore_ascii_case(known));
        place.map_or_else(|| word.to_owned(), |place| format!("{}{}", place + 2, &word[end.len()..]))
    };
    text.split_inclusive(|letter: char| !letter.is_alphanumeric()).map(read).collect()
}

/// The fields by their order in the text; a parsed object has lost it.
fn in_order<'a>(schema: &'a Value, text: &str) -> Vec<(&'a str, &'a Value)> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<_> = fields.map(|(name, field)| (name.as_str(), field)).collect();
    fields.sort_by_key(|(name, _)| {
        text.find(&format!("\"{name}\":")).or_else(|| text.find(&format!("\"{name}\"")))
    });
    fields
}

fn question(name: &str, field: &Value) -> String {
    match field["description"].as_str() {
        Some(described) => format!("What is \"{name}\" ({})?", described.trim_end_matches('.')),
        None => format!("What is \"{name}\"?"),
    }
}

impl Brief<'_> {
    /// The number that stands beside the field's own name.
    fn named_number(&mut self, name: &str, field: &Value) -> Option<Value> {
        let words = regex::escape(&name.replace(['_', '-'], " ")).replace(' ', r"[\s_-]");
        let beside = Regex::new(&format!(r"(?i)\b{words}\b(?:\s+(?:is|of|be|to))?\s*[:=]?\s*(-?\d)")).ok()?;
        let at = beside.captures(self.text)?.get(1)?.start();
        let place = self.numbers.iter().position(|(start, _)| *start == at)?;
        let value = as_kind(self.numbers[place].1, field)?;
        self.numbers.remove(place);
        Some(value)
    }

    fn find(&mut self, name: &str, field: &Value) -> Option<Value> {
        if let Some(values) = field["enum"].as_array() {
            return values.iter().find(|value| self.mentions(value)).cloned();
        }
        match field["type"].as_str().or_else(|| field["type"][0].as_str())? {
            "number" | "integer" => {
                let place = self.numbers.iter().position(|(_, number)| as_kind(*number, field).is_some())?;
                as_kind(self.numbers.remove(place).1, field)
            }
            "string" => self.find_text(name).map(Value::from),
            "array" => self.find_list(&field["items"]),
            _ => None,
        }
    }

    fn mentions(&self, value: &Value) -> bool {
        let Some(word) = value.as_str() else { return false };
        let inside = Regex::new(&format!(r"(?i)(?:\b|\d){}\b", regex::escape(word)));
        inside.is_ok_and(|inside| inside.is_match(self.text))
    }

    fn find_text(&mut self, name: &str) -> Option<String> {
        if TEXT_FIELDS.contains(&name) {
            let quoted =
                QUOTED.captures(self.text).and_then(|found| found.get(1)).map(|found| found.as_str());
            let after =
                self.text.split_once(':').map(|(_, rest)| rest.trim()).filter(|rest| !rest.is_empty());
            return quoted.or(after).map(str::to_owned);
        }
        if name.contains("unit") {
            return UNIT
                .captures(self.text)
                .and_then(|found| found.get(1))
                .map(|found| found.as_str().to_owned());
        }
        if let Some(unit) = self.converted(name) {
            return Some(unit);
        }
        let named = Regex::new(&format!(r"(?i)\b{}\s*[:=]\s*([^,;\n]+)", regex::escape(name))).ok()?;
        let after =
            named.captures(self.text).and_then(|found| found.get(1)).map(|found| found.as_str().trim());
        after.or_else(|| self.last.take()).map(str::to_owned)
    }

    /// The units of "26.2 mi to km", as the fields `from` and `to`.
    fn converted(&self, name: &str) -> Option<String> {
        let units = CONVERSION.captures(self.text)?;
        let place = match name {
            "from" => 1,
            "to" => 2,
            _ => return None,
        };
        Some(units.get(place)?.as_str().to_owned())
    }

    /// All numbers that are left, or what is listed after a colon.
    fn find_list(&mut self, items: &Value) -> Option<Value> {
        let list: Vec<Value> = match items["type"].as_str()? {
            "number" | "integer" => {
                self.numbers.drain(..).filter_map(|(_, number)| as_kind(number, items)).collect()
            }
            "string" => {
                let (_, listed) = self.text.split_once(':')?;
                listed
                    .split([',', '\n'])
                    .map(str::trim)
                    .filter(|word| !word.is_empty())
                    .map(Value::from)
                    .collect()
            }
            _ => return None,
        };
        (!list.is_empty()).then_some(Value::Array(list))
    }
}

/// A number as the field wants it.
fn as_kind(number: f64, field: &Value) -> Option<Value> {
    let kind = field["type"].as_str().or_else(|| field["type"][0].as_str())?;
    // A number without a fraction is written without one, as people write it.
    let whole = format!("{number:.0}").parse::<i64>().ok().filter(|_| number.fract() == 0.0);
    match kind {
        "integer" => whole.map(Value::from),
        "number" => Some(whole.map_or_else(|| json!(number), Value::from)),
        _ => None,
    }
}
