//! Which JSON Schemas a chat endpoint takes as the form of an answer, and which in strict mode: OpenAI refuses a request
//! whose schema is not of its subset. In doubt a schema is not strict; the answer is checked against all of it anyway.

use serde_json::{Map, Value};

/// Levels of nesting that strict mode takes.
const DEPTH_MAX: usize = 10;
/// Properties in all that strict mode takes.
const PROPERTIES_MAX: usize = 5_000;
/// Keywords that strict mode knows, beside those of objects.
const KEYWORDS: [&str; 22] = [
    "type",
    "title",
    "description",
    "enum",
    "const",
    "anyOf",
    "items",
    "minItems",
    "maxItems",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "properties",
    "required",
    "additionalProperties",
    "$ref",
    "$defs",
    "definitions",
];
/// Formats that strict mode knows.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Whether a schema can be the form of an answer at all: its root is an object.
pub(super) fn takes_schema(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

/// Whether a schema is in strict mode's subset.
pub(super) fn is_strict(schema: &Value) -> bool {
    let mut left = PROPERTIES_MAX;
    takes_schema(schema) && schema.get("anyOf").is_none() && is_part_strict(schema, DEPTH_MAX, &mut left)
}

fn is_part_strict(schema: &Value, levels: usize, properties_left: &mut usize) -> bool {
    let Some(schema) = schema.as_object().filter(|_| levels > 0) else { return false };
    if !schema.keys().all(|key| KEYWORDS.contains(&key.as_str())) {
        return false;
    }
    let known_format =
        schema.get("format").is_none_or(|format| format.as_str().is_some_and(|name| FORMATS.contains(&name)));
    let known_ref =
        schema.get("$ref").is_none_or(|to| to.as_str().is_some_and(|to| to == "#" || to.starts_with("#/")));
    let says_something =
        ["type", "enum", "const", "anyOf", "$ref"].iter().any(|key| schema.contains_key(*key));
    if !known_format || !known_ref || !says_something || !is_object_closed(schema, properties_left) {
        return false;
    }
    let maps = ["properties", "$defs", "definitions"].into_iter();
    let named = maps.filter_map(|key| schema.get(key)).filter_map(Value::as_object).flat_map(Map::values);
    let listed = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let mut parts = named.chain(listed).chain(schema.get("items"));
    parts.all(|part| is_part_strict(part, levels - 1, properties_left))
}

/// An object names all its properties, requires each, and takes no others.
fn is_object_closed(schema: &Map<String, Value>, properties_left: &mut usize) -> bool {
    let is_object = match schema.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => return false,
        None => false,
    };
    let about_objects = ["properties", "required", "additionalProperties"];
    if !is_object {
        return !about_objects.iter().any(|key| schema.contains_key(*key));
    }
    let (Some(properties), Some(required)) = (
        schema.get("properties").and_then(Value::as_object),
        schema.get("required").and_then(Value::as_array),
    ) else {
        return false;
    };
    let Some(left) = properties_left.checked_sub(properties.len()) else { return false };
    *properties_left = left;
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    // Counting keeps this linear: names are few but foreign.
    let required: std::collections::BTreeSet<&str> = required.iter().filter_map(Value::as_str).collect();
    closed
        && required.len() == properties.len()
        && properties.keys().all(|name| required.contains(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(properties: &Value, required: &Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    #[test]
    fn what_strict_mode_takes() {
        let nested = object(
            &json!({
                "words": {"type": "integer", "minimum": 0, "description": "How many."},
                "lines": {"type": "array", "items": object(&json!({"at": {"type": ["string", "null"], "format": "date"}}), &json!(["at"]))},
                "mood": {"anyOf": [{"enum": ["glad", "sad"]}, {"type": "null"}]},
            }),
            &json!(["mood", "lines", "words"]),
        );
        let recursive =
            object(&json!({"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}), &json!(["next"]));
        for schema in [nested, recursive, object(&json!({}), &json!([]))] {
            assert!(is_strict(&schema), "{schema}");
        }
    }

    #[test]
    fn what_it_does_not_take() {
        let text = json!({"a": {"type": "string"}});
        let with = |key: &str, value: Value| {
            let mut schema = object(&text, &json!(["a"]));
            schema[key] = value;
            schema
        };
        let mut deep = json!({"type": "string"});
        for _ in 0..10 {
            deep = object(&json!({"a": deep}), &json!(["a"]));
        }
        for schema in [
            json!({"type": "string"}),
            json!(true),
            json!({"type": "object"}),
            object(&text, &json!([])),
            object(&text, &json!(["b"])),
            object(&json!({"a": {}}), &json!(["a"])),
            object(&json!({"a": true}), &json!(["a"])),
            object(&json!({"a": {"type": "string", "minLength": 1}}), &json!(["a"])),
            object(&json!({"a": {"type": "string", "format": "iri"}}), &json!(["a"])),
            object(&json!({"a": {"type": "object"}}), &json!(["a"])),
            with("additionalProperties", json!(true)),
            with("allOf", json!([])),
            with("anyOf", json!([{"type": "object"}])),
            with("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
            with("$ref", json!("https://elsewhere.example/")),
            deep,
        ] {
            assert!(!is_strict(&schema), "{schema}");
        }
        assert!(takes_schema(&json!({"type": "object"})) && !takes_schema(&json!({"type": "array"})));
    }
}
