//! The official description of the API, where the environment says where it lies: bodies must be as it says.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use super::desk::lock;

/// Names the file with Discord's official description of its API, `OpenAPI` as JSON.
pub const SPEC_VARIABLE: &str = "GUILDHALL_DISCORD_SPEC";
/// Letters of a complaint.
const COMPLAINT_LETTERS_MAX: usize = 400;

/// The file is read once a process: it is large.
static FILE: LazyLock<Option<Spec>> = LazyLock::new(|| {
    let path = std::env::var_os(SPEC_VARIABLE)?;
    let text = std::fs::read_to_string(&path).expect("the file that GUILDHALL_DISCORD_SPEC names");
    let whole = serde_json::from_str(&text).expect("the description is JSON");
    Some(Spec { whole: Arc::new(whole), validators: Arc::default() })
});

/// The description.
#[derive(Clone)]
pub(super) struct Spec {
    whole: Arc<Value>,
    validators: Arc<Mutex<BTreeMap<String, Arc<Validator>>>>,
}

impl Spec {
    /// Nothing where the variable is not set.
    pub(super) fn from_environment() -> Option<Self> {
        FILE.clone()
    }

    /// What is wrong with a body, if anything is; the route as `POST /channels/{channel_id}/messages`.
    pub(super) fn complaint(&self, route: &str, body: &Value) -> Option<String> {
        let validator = self.validator(route, "requestBody")?;
        complaint(&validator, &coerced(body.clone(), ""))
            .map(|said| format!("{route} is not as described {said}"))
    }

    /// What is wrong with an answer of the fake itself, if anything is.
    pub(super) fn complaint_about_answer(&self, route: &str, status: u16, body: &Value) -> Option<String> {
        let validator = self.validator(route, &format!("responses/{status}"))?;
        complaint(&validator, body)
            .map(|said| format!("the fake's own answer to {route} is not as described {said}"))
    }

    /// Nothing where a route has no such part, or one without JSON.
    fn validator(&self, route: &str, part: &str) -> Option<Arc<Validator>> {
        let key = format!("{route} {part}");
        if let Some(known) = lock(&self.validators).get(&key) {
            return Some(Arc::clone(known));
        }
        let (method, path) = route.split_once(' ')?;
        let operation = &self.whole["paths"][path][method.to_lowercase()];
        let schema = operation.pointer(&format!("/{part}"))?["content"]["application/json"].get("schema")?;
        let mut root = schema.clone();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["components"] = self.whole["components"].clone();
        let validator = jsonschema::draft202012::new(&root).expect("the description has schemas");
        let validator = Arc::new(validator);
        lock(&self.validators).insert(key, Arc::clone(&validator));
        Some(validator)
    }
}

fn complaint(validator: &Validator, body: &Value) -> Option<String> {
    let error = validator.iter_errors(body).next()?;
    let (at, said) = deepest(&error);
    let said: String = said.chars().take(COMPLAINT_LETTERS_MAX).collect();
    Some(format!("at \"{at}\": {said}"))
}

/// Where the branch of a choice that fits best goes wrong, and how: a mismatch of a whole body says nothing.
fn deepest(error: &ValidationError<'_>) -> (String, String) {
    let own = (error.instance_path().to_string(), error.to_string());
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return own;
    };
    // A branch of another type fails at the type, whatever else is wrong with it.
    let discriminates = |inner: &ValidationError<'_>| inner.instance_path().to_string().ends_with("/type");
    let branches = context.iter().filter(|branch| !branch.iter().any(discriminates));
    let inner = branches.filter_map(|branch| branch.first()).map(deepest);
    inner
        .max_by_key(|(at, _)| at.matches('/').count())
        .filter(|(at, _)| at.len() >= own.0.len())
        .unwrap_or(own)
}

/// The two forms that Discord takes though its description has others: permissions as text, and the numbers of
/// attachments as numbers.
fn coerced(value: Value, within: &str) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| coerced(item, within)).collect(),
        Value::Object(fields) => {
            let each = fields.into_iter().map(|(name, value)| {
                let value = match (name.as_str(), &value) {
                    ("default_member_permissions", Value::String(bits)) => {
                        bits.parse::<u64>().map_or(value.clone(), |bits| json!(bits))
                    }
                    ("id", Value::Number(number)) if within == "attachments" => json!(number.to_string()),
                    _ => coerced(value, &name),
                };
                (name, value)
            });
            Value::Object(each.collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
