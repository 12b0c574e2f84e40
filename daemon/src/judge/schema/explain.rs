//! What is wrong with a value, said so that a person understands it and an agent can repair it.
//!
//! A message names what was expected and what kind of value was found. It never repeats a value: values may be private,
//! long or hostile. Names of properties are repeated, cleaned and cut, because nobody can repair what has no name.

use guildhall_protocol::clean::{clean_line, cut};
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// The longest name or list in a message, in graphemes.
const NAME_MAX: usize = 60;
const LIST_MAX: usize = 200;
/// Alternatives of an `anyOf` or `oneOf` that a message goes into.
const ALTERNATIVES_MAX: usize = 4;

/// The message for one error.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    nested(error, 0)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's own masked text serves for all other kinds"
)]
fn nested(error: &ValidationError<'_>, level: usize) -> String {
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(set) => {
                    set.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            format!("expected {expected}, found {}", kind_of(error.instance()))
        }
        ValidationErrorKind::Required { property } => {
            format!("the property {} is missing", name(property.as_str().unwrap_or_default()))
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let shown: Vec<String> = unexpected.iter().take(3).map(|text| name(text)).collect();
            let more = if unexpected.len() > 3 {
                format!(" and {} more", unexpected.len() - 3)
            } else {
                String::new()
            };
            format!("these properties are not allowed: {}{more}", shown.join(", "))
        }
        ValidationErrorKind::Enum { options } => format!("expected one of {}", listed(options)),
        ValidationErrorKind::Constant { expected_value } => format!("expected {}", listed(expected_value)),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            format!(
                "none of the {} alternatives fits{}",
                context.len(),
                alternatives(context, error.instance_path().as_str(), level)
            )
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "more than one of the alternatives fits, exactly one must".to_owned()
        }
        ValidationErrorKind::PropertyNames { error } => {
            format!("a property has a name that is not allowed: {}", nested(error, level + 1))
        }
        ValidationErrorKind::Not { .. } => "the value fits what it must not be".to_owned(),
        ValidationErrorKind::FalseSchema => "nothing is allowed here".to_owned(),
        ValidationErrorKind::UnevaluatedItems { .. } => "there are items beyond those allowed".to_owned(),
        ValidationErrorKind::Format { format } => format!("the text is not a valid {}", name(format)),
        ValidationErrorKind::Pattern { pattern } => {
            format!("the text does not match the pattern {}", cut(&clean_line(pattern), LIST_MAX))
        }
        _ => cut(&clean_line(&error.masked_with(kind_of(error.instance())).to_string()), LIST_MAX),
    }
}

fn alternatives(context: &[Vec<ValidationError<'static>>], parent: &str, level: usize) -> String {
    if level > 0 {
        return String::new();
    }
    let shown: Vec<String> = context
        .iter()
        .take(ALTERNATIVES_MAX)
        .enumerate()
        .filter_map(|(index, errors)| {
            let first = errors.first()?;
            let path = first.instance_path().as_str();
            let path = path.strip_prefix(parent).unwrap_or(path);
            let place = if path.is_empty() { String::new() } else { format!("{}: ", path_shown(path)) };
            Some(format!("{}) {place}{}", index + 1, nested(first, level + 1)))
        })
        .collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join("; ")) }
}

/// A JSON pointer, cleaned and cut.
pub(super) fn path_shown(path: &str) -> String {
    cut(&clean_line(path), LIST_MAX)
}

/// What kind of value this is, with its article.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn name(text: &str) -> String {
    format!("\"{}\"", cut(&clean_line(text), NAME_MAX))
}

fn listed(value: &Value) -> String {
    cut(&clean_line(&value.to_string()), LIST_MAX)
}
