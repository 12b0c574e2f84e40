//! What a JSON schema asks for, field by field, as far as a form can show it; and what was typed, as JSON again.
//!
//! An object of words, numbers, truths, choices and plain lists becomes fields. What else stands in it becomes a field of
//! JSON, and what is no such object at all is one document that the editor writes: then the form says why.

use super::field::{Field, Kind};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::json::Json;
use serde_json::{Map, Number, Value};

/// Largest schema that a form is made of, bytes.
const SCHEMA_BYTES_MAX: usize = 256_000;
/// Most fields.
const FIELDS_MAX: usize = 60;
/// Most words of a choice.
const CHOICES_MAX: usize = 200;
/// Text of which this much is allowed gets many lines, characters.
const LONG: u64 = 200;
/// What an optional choice shows when nothing is chosen.
const NOTHING: &str = "(nothing)";

/// How a schema is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Fields(Vec<Asked>),
    /// As one document, and why.
    Document(String),
}

/// One property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    label: String,
    hint: String,
    required: bool,
    what: What,
    usual: Option<Value>,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Text { long: bool, least: u64, most: Option<u64> },
    Number { whole: bool, least: Option<f64>, most: Option<f64> },
    Truth,
    Choice(Vec<Value>),
    List(Box<What>),
    Json,
}

/// Reads a schema.
pub(crate) fn shape(schema: &Json) -> Shape {
    let document = |why: &str| Shape::Document(why.to_owned());
    if schema.as_str().len() > SCHEMA_BYTES_MAX {
        return document("its schema is too large for a form");
    }
    let schema = schema.value();
    let Some(object) = schema.as_object() else { return document("its schema says nothing about fields") };
    for word in ["$ref", "oneOf", "anyOf", "allOf", "not", "if", "patternProperties", "enum", "const"] {
        if object.contains_key(word) {
            return document(&format!("its schema uses {word}, which no form shows"));
        }
    }
    if object.get("type").is_some_and(|kind| kind.as_str() != Some("object")) {
        return document("its schema is not that of an object");
    }
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        return document("its schema names no fields");
    };
    let required: Vec<&str> = object
        .get("required")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |all| all.iter().filter_map(Value::as_str).collect());
    if required.iter().any(|name| !properties.contains_key(*name)) {
        return document("its schema requires what it does not describe");
    }
    if properties.is_empty() || properties.len() > FIELDS_MAX {
        return document(&format!("its schema has {} fields", properties.len()));
    }
    let asked =
        |(name, property): (&String, &Value)| asked(name, property, required.contains(&name.as_str()));
    let mut fields: Vec<Asked> = properties.iter().map(asked).collect();
    fields.sort_by_key(|field| !field.required);
    Shape::Fields(fields)
}

fn asked(name: &str, property: &Value, required: bool) -> Asked {
    let said = |key: &str| {
        let text = property.get(key).and_then(Value::as_str).map(clean_line);
        text.filter(|text| !text.is_empty())
    };
    let what = what(property);
    let label = said("title").unwrap_or_else(|| clean_line(name));
    let about = said("description");
    let form = match &what {
        What::Text { .. } | What::Choice(_) => None,
        What::Number { whole, least, most } => Some(range(*whole, *least, *most)),
        What::Truth => Some("yes or no".to_owned()),
        What::List(_) => Some("with commas between".to_owned()),
        What::Json => Some("JSON; ctrl-e opens it in the editor".to_owned()),
    };
    let hint = [about, form].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let usual = property.get("default").cloned();
    Asked { name: name.to_owned(), label, hint, required, what, usual }
}

fn what(property: &Value) -> What {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        let plain = choices.iter().all(|choice| !choice.is_object() && !choice.is_array());
        if plain && !choices.is_empty() && choices.len() <= CHOICES_MAX {
            return What::Choice(choices.clone());
        }
        return What::Json;
    }
    if ["$ref", "oneOf", "anyOf", "allOf", "const", "if"].iter().any(|word| property.get(*word).is_some()) {
        return What::Json;
    }
    let number = |key: &str| property.get(key).and_then(Value::as_f64);
    match property.get("type").and_then(Value::as_str) {
        Some("string") => {
            let most = property.get("maxLength").and_then(Value::as_u64);
            let least = property.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            let long = property.get("format").is_none() && most.is_none_or(|most| most > LONG);
            What::Text { long, least, most }
        }
        Some(kind @ ("number" | "integer")) => {
            What::Number { whole: kind == "integer", least: number("minimum"), most: number("maximum") }
        }
        Some("boolean") => What::Truth,
        Some("array") => match property.get("items").map(what) {
            Some(item @ (What::Number { .. } | What::Text { .. })) => What::List(Box::new(item)),
            Some(What::Choice(_) | What::Truth | What::List(_) | What::Json) | None => What::Json,
        },
        Some(_) | None => What::Json,
    }
}

fn range(whole: bool, least: Option<f64>, most: Option<f64>) -> String {
    let kind = if whole { "a whole number" } else { "a number" };
    match (least, most) {
        (Some(least), Some(most)) => format!("{kind} from {least} to {most}"),
        (Some(least), None) => format!("{kind}, at least {least}"),
        (None, Some(most)) => format!("{kind}, at most {most}"),
        (None, None) => kind.to_owned(),
    }
}

impl Asked {
    /// The key of its field.
    pub(crate) fn key(&self) -> String {
        format!("input/{}", self.name)
    }

    /// Its field, with what is usual in it.
    pub(crate) fn field(&self) -> Field {
        let (key, label, hint) = (self.key(), self.label.as_str(), self.hint.as_str());
        let field = match &self.what {
            What::Text { long: true, .. } => Field::text(&key, label, hint, Kind::Text),
            What::Text { long: false, .. } => Field::line(&key, label, hint, Kind::Line),
            What::Number { .. } => Field::line(&key, label, hint, Kind::Number),
            What::List(_) => Field::line(&key, label, hint, Kind::List),
            What::Json => Field::text(&key, label, hint, Kind::Json),
            What::Truth => {
                Field::choice(&key, label, hint, &self.words(&["no".to_owned(), "yes".to_owned()]))
            }
            What::Choice(choices) => {
                let words: Vec<String> = choices.iter().map(word).collect();
                Field::choice(&key, label, hint, &self.words(&words))
            }
        };
        let field = if self.required { field.required() } else { field };
        match &self.usual {
            Some(usual) => field.with(&self.show(usual)),
            None => field,
        }
    }

    /// The words of a choice: what need not be said can be left out.
    fn words<'a>(&self, words: &'a [String]) -> Vec<&'a str> {
        let nothing = (!self.required).then_some(NOTHING);
        nothing.into_iter().chain(words.iter().map(String::as_str)).collect()
    }

    /// A value as it stands in the field.
    pub(crate) fn show(&self, value: &Value) -> String {
        match (&self.what, value) {
            (What::Truth, Value::Bool(is)) => if *is { "yes" } else { "no" }.to_owned(),
            (What::Text { .. }, Value::String(text)) => text.clone(),
            (What::List(_), Value::Array(items)) => items.iter().map(word).collect::<Vec<_>>().join(", "),
            (What::Json, value) => serde_json::to_string_pretty(value).unwrap_or_default(),
            (_, value) => word(value),
        }
    }

    /// What was typed, as JSON; none: nothing was.
    ///
    /// # Errors
    /// What is wrong, to be read beside the field.
    pub(crate) fn value(&self, field: &Field) -> Result<Option<Value>, String> {
        let text = field.value();
        if let What::Choice(choices) = &self.what {
            let chosen = choices.iter().find(|choice| word(choice) == text).cloned();
            return Ok(chosen);
        }
        if field.is_blank() || text == NOTHING {
            return if self.required { Err("is needed".to_owned()) } else { Ok(None) };
        }
        match &self.what {
            What::Truth => Ok(Some(Value::Bool(text == "yes"))),
            What::List(item) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items
                    .map(|text| scalar(item, text))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|all| Some(Value::Array(all)))
            }
            What::Json => {
                let read = Json::from_text(text.trim().to_owned());
                read.map(|json| Some(json.value())).map_err(|error| format!("is not JSON: {error}"))
            }
            What::Text { .. } => scalar(&self.what, &text).map(Some),
            What::Number { .. } => scalar(&self.what, text.trim()).map(Some),
            What::Choice(_) => Ok(None),
        }
    }
}

fn scalar(what: &What, text: &str) -> Result<Value, String> {
    match what {
        What::Number { whole, least, most } => {
            let number = text.parse::<i64>().ok().map(Number::from);
            let number =
                if *whole { number } else { number.or_else(|| Number::from_f64(text.parse().ok()?)) };
            let shown: String = text.chars().take(40).collect();
            let number = number.ok_or_else(|| format!("{:?} is not {}", shown, range(*whole, None, None)))?;
            let size = number.as_f64().unwrap_or(0.0);
            if least.is_some_and(|least| size < least) || most.is_some_and(|most| size > most) {
                return Err(format!("must be {}", range(*whole, *least, *most)));
            }
            Ok(Value::Number(number))
        }
        What::Text { least, most, .. } => {
            let letters = text.chars().count() as u64;
            if letters < *least || most.is_some_and(|most| letters > most) {
                let most = most.map_or_else(String::new, |most| format!(", at most {most}"));
                return Err(format!("has {letters} letters; at least {least}{most}"));
            }
            Ok(Value::String(text.to_owned()))
        }
        What::Truth | What::Choice(_) | What::List(_) | What::Json => Ok(Value::String(text.to_owned())),
    }
}

/// A value as one word.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// What was typed into the fields, as an object; what the fields do not show goes with it.
///
/// # Errors
/// Each field that is wrong, and why.
pub(crate) fn object(
    asked: &[Asked],
    fields: &[Field],
    rest: &Map<String, Value>,
) -> Result<Map<String, Value>, Vec<(String, String)>> {
    let mut object = rest.clone();
    let mut wrong = Vec::new();
    for one in asked {
        let key = one.key();
        let Some(field) = fields.iter().find(|field| field.key == key) else { continue };
        match one.value(field) {
            Ok(Some(value)) => {
                object.insert(one.name.clone(), value);
            }
            Ok(None) => {}
            Err(problem) => wrong.push((key, problem)),
        }
    }
    if wrong.is_empty() { Ok(object) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(schema: &Value) -> Vec<Asked> {
        match shape(&Json::from(schema)) {
            Shape::Fields(fields) => fields,
            Shape::Document(why) => panic!("{why}"),
        }
    }

    #[test]
    fn an_object_becomes_fields_and_the_fields_an_object() {
        let schema = json!({"type": "object", "required": ["url"], "properties": {
            "url": {"type": "string", "format": "uri", "title": "Which\u{1b}[2J page", "description": "Its address"},
            "depth": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
            "tone": {"enum": ["dry", "warm", 7, null]},
            "deep": {"type": "boolean"},
            "words": {"type": "array", "items": {"type": "string"}},
            "nested": {"type": "object", "properties": {"a": {"type": "string"}}},
        }});
        let asked = fields(&schema);
        let mut form: Vec<Field> = asked.iter().map(Asked::field).collect();
        assert_eq!(
            (form[0].label.as_str(), form[0].hint.as_str(), form[0].required),
            ("Which[2J page", "Its address", true)
        );
        let mut set = |key: &str, text: &str| {
            let field =
                form.iter_mut().find(|field| field.key == format!("input/{key}")).expect("it is there");
            field.set(text);
        };
        set("url", "https://a.example");
        set("tone", "7");
        set("deep", "yes");
        set("words", "one, two,,");
        set("nested", "{\"a\": \"b\"}");
        let rest = json!({"kept": true}).as_object().cloned().expect("an object");
        let object = object(&asked, &form, &rest).expect("nothing is wrong");
        let expected = json!({"url": "https://a.example", "tone": 7, "deep": true, "words": ["one", "two"],
            "nested": {"a": "b"}, "depth": 3, "kept": true});
        assert_eq!(Value::Object(object), expected);
    }

    #[test]
    fn what_does_not_fit_is_told_beside_its_field() {
        let schema = json!({"required": ["n", "s"], "properties": {
            "n": {"type": "integer", "minimum": 1}, "s": {"type": "string", "maxLength": 3}, "j": {}}});
        let asked = fields(&schema);
        let mut form: Vec<Field> = asked.iter().map(Asked::field).collect();
        let mut told = |key: &str, text: &str| {
            let place =
                form.iter().position(|field| field.key == format!("input/{key}")).expect("it is there");
            form[place].set(text);
            asked[place].value(&form[place]).expect_err("it does not fit")
        };
        assert_eq!(told("n", ""), "is needed");
        assert_eq!(told("n", "two"), "\"two\" is not a whole number");
        assert_eq!(told("n", "0"), "must be a whole number, at least 1");
        assert_eq!(told("s", "long"), "has 4 letters; at least 0, at most 3");
        assert!(told("j", "{").starts_with("is not JSON"));
    }

    #[test]
    fn what_no_form_shows_is_one_document_and_says_why() {
        let why = |schema: Value| match shape(&Json::from(&schema)) {
            Shape::Document(why) => why,
            Shape::Fields(fields) => panic!("{fields:?}"),
        };
        assert_eq!(why(json!({"oneOf": []})), "its schema uses oneOf, which no form shows");
        assert_eq!(why(json!({"type": "array"})), "its schema is not that of an object");
        assert_eq!(why(json!(true)), "its schema says nothing about fields");
        assert_eq!(
            why(json!({"properties": {"a": {}}, "required": ["b"]})),
            "its schema requires what it does not describe"
        );
        let many: Map<String, Value> =
            (0..20_000).map(|n| (format!("field{n}"), json!({"type": "string"}))).collect();
        assert_eq!(why(json!({"properties": many})), "its schema is too large for a form");
    }
}
