//! An agent's definition as somebody writes it in Discord: typed into a form, or a file as the command line reads it.
//!
//! Everything that is wrong is found at once, field by field, since a form that is opened again for each mistake is no fun.

use guildhall_protocol::agent::{AgentDefinition, AgentName};
use guildhall_protocol::clean::cut;
use guildhall_protocol::job::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// Everything that a definition can say, in the order in which people read it.
const KEYS: [&str; 14] = [
    "name",
    "description",
    "endpoint",
    "kind",
    "chat",
    "skills",
    "tags",
    "languages",
    "input_schema",
    "output_schema",
    "examples",
    "display",
    "caps",
    "time_limits",
];
/// The one that stands alone.
const IDEMPOTENT: &str = "idempotent";
/// The form's field for whatever else there is to say.
pub(crate) const MORE: &str = "more";
/// Most characters that a form's field holds.
const FIELD_MAX: usize = 4_000;
/// Longest value in a summary of changes, graphemes.
const SHOWN_MAX: usize = 100;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Written {
    /// Into the form, by field.
    Typed(BTreeMap<String, String>),
    /// As a file.
    File(String),
}

impl Written {
    /// Its name at the daemon, as a draft.
    pub(crate) fn draft_name(number: u64) -> String {
        format!("agent-{number}")
    }

    /// The agent that it is about, if that is said.
    pub(crate) fn name(&self) -> Option<AgentName> {
        let name = match self {
            Self::Typed(typed) => typed.get("name")?.clone(),
            Self::File(text) => object(text).ok()?.get("name")?.as_str()?.to_owned(),
        };
        name.parse().ok()
    }

    /// The definition. What a form leaves empty stays as it is in the agent that is there.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn definition(
        &self,
        before: Option<&AgentDefinition>,
    ) -> Result<AgentDefinition, Vec<FieldError>> {
        match self {
            Self::File(text) => {
                read(&object(text).map_err(|why| vec![FieldError::new("definition", &why)])?, Vec::new())
            }
            Self::Typed(typed) => {
                let known = before.and_then(|before| serde_json::to_value(before).ok());
                let mut said = known.and_then(|known| known.as_object().cloned()).unwrap_or_default();
                let given =
                    |name: &str| typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
                for name in ["name", "description", "endpoint"] {
                    if let Some(text) = given(name) {
                        said.insert(name.to_owned(), json!(text));
                    }
                }
                if let Some(tags) = given("tags") {
                    let tags = tags.split([',', '\n', ';']).map(str::trim).filter(|tag| !tag.is_empty());
                    said.insert("tags".to_owned(), tags.collect());
                }
                let mut problems = Vec::new();
                match given(MORE).map(more).transpose() {
                    Ok(more) => said.extend(more.unwrap_or_default()),
                    Err(why) => problems.push(FieldError::new(MORE, &why)),
                }
                read(&said, problems)
            }
        }
    }

    /// The same for a form; none where no form holds it.
    pub(crate) fn typed(&self) -> Option<BTreeMap<String, String>> {
        let text = match self {
            Self::Typed(typed) => return Some(typed.clone()),
            Self::File(text) => text,
        };
        let mut said = object(text).ok()?;
        let mut typed = BTreeMap::new();
        for name in ["name", "description", "endpoint"] {
            let value = said.remove(name).unwrap_or_default();
            typed.insert(name.to_owned(), value.as_str().map_or_else(String::new, str::to_owned));
        }
        if let Some(Value::Array(tags)) = said.remove("tags") {
            let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
            typed.insert("tags".to_owned(), tags.join(", "));
        }
        if !said.is_empty() {
            typed.insert(MORE.to_owned(), serde_json::to_string_pretty(&said).ok()?);
        }
        typed.values().all(|text| text.chars().count() <= FIELD_MAX).then_some(typed)
    }
}

/// A JSON object.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text.trim()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("is JSON, but no object such as {\"name\": \"@summarizer\", ...}".to_owned()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// What else somebody said: parts of a definition, an example, or a schema of what the agent takes.
fn more(text: &str) -> Result<Map<String, Value>, String> {
    let said = object(text)?;
    let has = |name: &str| said.contains_key(name);
    let is_example = has("input") && said.keys().all(|key| key == "input" || key == "output");
    if is_example {
        return Ok(Map::from_iter([("examples".to_owned(), json!([said]))]));
    }
    if ["type", "properties", "$schema"].into_iter().any(has) {
        return Ok(Map::from_iter([("input_schema".to_owned(), Value::Object(said))]));
    }
    Ok(said)
}

/// Reads a definition, each field by itself.
fn read(
    said: &Map<String, Value>,
    mut problems: Vec<FieldError>,
) -> Result<AgentDefinition, Vec<FieldError>> {
    let known = || KEYS.into_iter().chain([IDEMPOTENT]);
    let mut good = placeholder();
    for key in known() {
        let Some(value) = said.get(key) else {
            if placeholder().contains_key(key) {
                problems.push(FieldError::new(key, "is missing"));
            }
            continue;
        };
        let mut alone = placeholder();
        alone.insert(key.to_owned(), value.clone());
        match definition(alone) {
            Ok(_) => drop(good.insert(key.to_owned(), value.clone())),
            Err(error) => problems.push(FieldError::new(key, &format!("does not fit: {error}"))),
        }
    }
    for key in said.keys().filter(|key| !known().any(|known| known == key.as_str())) {
        let key = cut(key, SHOWN_MAX);
        problems.push(FieldError::new(&key, "is nothing that a definition says"));
    }
    match definition(good) {
        Ok(definition) => {
            problems.extend(definition.problems());
            problems.extend(address(&definition.endpoint).map(|why| FieldError::new("endpoint", &why)));
            if problems.is_empty() { Ok(definition) } else { Err(problems) }
        }
        Err(error) => {
            problems.push(FieldError::new("definition", &format!("does not fit: {error}")));
            Err(problems)
        }
    }
}

fn definition(said: Map<String, Value>) -> Result<AgentDefinition, serde_json::Error> {
    serde_json::from_value(Value::Object(said))
}

/// What no definition goes without, so that the rest can be read without it.
fn placeholder() -> Map<String, Value> {
    [("name", "@none"), ("description", "-"), ("endpoint", "https://agents.example/")]
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .into_iter()
        .collect()
}

/// What is wrong with an address as a text; whether it may be reached is the daemon's to say.
fn address(endpoint: &str) -> Option<String> {
    match Url::parse(endpoint) {
        Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => None,
        Ok(_) => Some("is no address of the web, such as https://agents.example/".to_owned()),
        Err(error) => Some(format!("is no address: {error}")),
    }
}

/// What a new version changes, a line for each field; foreign text.
pub(crate) fn changes(before: &AgentDefinition, after: &AgentDefinition) -> Vec<String> {
    let [before, after] = [before, after].map(|one| serde_json::to_value(one).unwrap_or_default());
    let shown = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        cut(&guildhall_protocol::clean::clean_line(&text), SHOWN_MAX)
    };
    let told = |key: &str| match (before.get(key), after.get(key)) {
        (None, None) => None,
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => Some(format!("{key}: {} → {}", shown(before), shown(after))),
        (None, Some(after)) => Some(format!("{key}: new, {}", shown(after))),
        (Some(before), None) => Some(format!("{key}: no longer {}", shown(before))),
    };
    KEYS.into_iter().chain([IDEMPOTENT]).filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Written {
        Written::Typed(pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    fn fields(problems: Vec<FieldError>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.field).collect()
    }

    const SMALL: [(&str, &str); 3] =
        [("name", "@sum"), ("description", "Adds."), ("endpoint", "https://a.example/")];

    #[test]
    fn a_form_becomes_a_definition() {
        let with = |more: &str| {
            let pairs = [SMALL.as_slice(), &[("tags", "math, sums"), (MORE, more)]].concat();
            typed(&pairs).definition(None).expect("a definition")
        };
        let definition = with("");
        assert_eq!((definition.name.to_string().as_str(), definition.tags.len()), ("@sum", 2));
        assert_eq!(with(r#"{"input": [1, 2], "output": 3}"#).examples.len(), 1);
        assert!(with(r#"{"type": "object", "properties": {}}"#).input_schema.is_some());
        let both = with(r#"{"output_schema": {"type": "integer"}, "caps": {"concurrency": 2}}"#);
        assert!(both.output_schema.is_some() && both.caps.concurrency == 2);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let wrong = typed(&[
            ("name", "a b"),
            ("description", " "),
            ("endpoint", "ftp://a.example"),
            ("tags", &"x".repeat(70)),
            (MORE, "{ no"),
        ]);
        let problems = fields(wrong.definition(None).expect_err("all of it"));
        assert_eq!(problems, [MORE, "name", "description", "tags", "endpoint"]);
        let file = Written::File(
            json!({"name": 7, "description": "", "endpoint": "x", "kind": "robot", "tags": "a", "caps": {"concurrency": 0},
                "idempotent": "yes", "colour": "red"})
            .to_string(),
        );
        let problems = fields(file.definition(None).expect_err("all of it"));
        assert_eq!(
            problems,
            ["name", "kind", "tags", "idempotent", "colour", "description", "caps.concurrency", "endpoint"]
        );
        for (text, expected) in [("[1]", "no object"), ("name = \"@a\"", "not JSON")] {
            let problems = Written::File(text.to_owned()).definition(None).expect_err("no definition");
            assert!(problems[0].problem.contains(expected), "{problems:?}");
        }
    }

    #[test]
    fn a_form_of_an_agent_that_is_there_changes_what_it_says() {
        let pairs = [SMALL.as_slice(), &[(MORE, r#"{"caps": {"concurrency": 9}}"#)]].concat();
        let before = typed(&pairs).definition(None).expect("a definition");
        let edit = typed(&[("name", "@sum"), ("description", "Adds two numbers."), ("endpoint", "")]);
        let after = edit.definition(Some(&before)).expect("a definition");
        assert_eq!((after.caps.concurrency, after.endpoint.as_str()), (9, "https://a.example/"));
        assert_eq!(changes(&before, &after), ["description: Adds. → Adds two numbers."]);
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn a_file_that_fits_is_shown_in_the_form() {
        let text = json!({"name": "@sum", "description": "Adds.", "endpoint": "https://a.example/", "tags": ["a", "b"],
            "display": "/sum"});
        let file = Written::File(text.to_string());
        let shown = Written::Typed(file.typed().expect("it fits"));
        assert_eq!(shown.definition(None), file.definition(None));
        let long = json!({"name": "@sum", "description": "x".repeat(5_000)});
        assert_eq!(Written::File(long.to_string()).typed(), None);
        assert_eq!(Written::File("no".to_owned()).typed(), None);
        let kept = serde_json::to_string(&file).expect("JSON");
        assert_eq!(serde_json::from_str::<Written>(&kept).expect("it is read again"), file);
    }
}
