//! Between JSON and CEL: values going in, and reasons coming out that never repeat a value.

use cel::objects::{Key, Map};
use cel::{ExecutionError, Value};
use guildhall_protocol::clean::{clean_line, cut};
use std::collections::HashMap;
use std::sync::Arc;

/// A JSON value as CEL sees it. Whole numbers are `int`, so that `output.n + 1` works, then `uint`, else `double`.
/// Recurses as deep as the value, which serde bounds.
pub(super) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), _, _) => Value::Int(int),
            (None, Some(uint), _) => Value::UInt(uint),
            (None, None, float) => Value::Float(float.unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(from_json).collect())),
        serde_json::Value::Object(fields) => {
            let map: HashMap<Key, Value> = fields
                .iter()
                .map(|(key, field)| (Key::String(Arc::new(key.clone())), from_json(field)))
                .collect();
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}

/// The type of a value as rules name it.
pub(super) fn type_name(value: &Value) -> String {
    value.type_of().to_string()
}

/// Why the evaluation of a rule failed, in words. The library's own words would print whole values; a key is named only
/// if the rule itself names it, because `output[output.a]` would make a key of a value.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library has many errors, and more with each version")]
pub(super) fn reason(error: &ExecutionError, source: &str) -> String {
    match error {
        ExecutionError::NoSuchKey(key) if !source.contains(key.as_str()) => "a key is not there".to_owned(),
        ExecutionError::NoSuchKey(key) => {
            format!("there is no \"{}\"; has(...) asks whether something is there", cut(&clean_line(key), 60))
        }
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` does not work on {}",
            shown(overload.function()),
            cut(&clean_line(&overload.argument_types().join(" and ")), 100)
        ),
        ExecutionError::UnsupportedBinaryOperator(name, left, right) => format!(
            "`{name}` does not work on {} and {}; double(...) makes a whole number fit a fraction",
            type_name(left),
            type_name(right)
        ),
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("{} and {} can't be compared", type_name(left), type_name(right))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than the rule expects".to_owned(),
        ExecutionError::UnexpectedType { want, .. } => {
            format!("a value is not of the type that is needed: {}", cut(&clean_line(want), 60))
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{}` can't take this value", shown(function))
        }
        _ => "it does not work on this answer".to_owned(),
    }
}

/// `_+_` is `+` to people.
fn shown(function: &str) -> String {
    cut(&clean_line(function.trim_matches(['_', '@'])), 40)
}
