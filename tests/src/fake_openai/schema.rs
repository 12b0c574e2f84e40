//! The subset of JSON Schema that OpenAI takes for strict output. Where its documents and its service disagree, the
//! narrower one.

use serde_json::{Map, Value};

/// Objects within objects; the root is the first.
const DEPTH_MAX: usize = 5;
/// Properties of all objects together.
const PROPERTIES_MAX: usize = 5_000;
/// Values of all enums together.
const ENUM_VALUES_MAX: usize = 1_000;
/// Values that one enum may have before its characters are counted.
const ENUM_VALUES_FREE: usize = 250;
/// Characters of the values of an enum with more values than [`ENUM_VALUES_FREE`].
const ENUM_CHARS_MAX: usize = 15_000;
/// Characters of all property names, definition names, enum values and constants.
const CHARS_MAX: usize = 120_000;
/// What a schema may say anywhere.
const KEYWORDS: [&str; 20] = [
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minItems",
    "maxItems",
];
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];

/// What is counted over a whole schema.
#[derive(Default)]
struct Sums {
    properties: usize,
    enum_values: usize,
    chars: usize,
}

/// Says why a schema is not of the strict subset.
pub(super) fn strict(schema: &Value) -> Result<(), String> {
    let root = schema.as_object().ok_or("schema must be a JSON Schema of 'type: \"object\"', got none")?;
    if root.get("type").and_then(Value::as_str) != Some("object") {
        return Err("schema must be a JSON Schema of 'type: \"object\"'".to_owned());
    }
    if let Some(word) = ["anyOf", "enum", "const", "$ref"].iter().find(|word| root.contains_key(**word)) {
        return Err(format!("In context=(), '{word}' is not permitted at the root"));
    }
    let mut sums = Sums::default();
    look(root, "()", 1, &mut sums)?;
    let Sums { properties, enum_values, chars } = sums;
    if properties > PROPERTIES_MAX || enum_values > ENUM_VALUES_MAX || chars > CHARS_MAX {
        return Err(format!(
            "it is too large: {properties} properties, {enum_values} values of enums, {chars} characters"
        ));
    }
    Ok(())
}

fn look(schema: &Map<String, Value>, at: &str, depth: usize, sums: &mut Sums) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err(format!("In context={at}, more than {DEPTH_MAX} levels of nesting"));
    }
    if let Some(word) = schema.keys().find(|word| !KEYWORDS.contains(&word.as_str())) {
        return Err(format!("In context={at}, '{word}' is not permitted"));
    }
    look_at_type(schema, at)?;
    look_at_enum(schema, at, sums)?;
    if let Some(constant) = schema.get("const") {
        sums.chars += chars(constant);
    }
    if types(schema).contains(&"object") {
        look_at_object(schema, at, depth, sums)?;
    }
    if types(schema).contains(&"array") {
        let items =
            schema.get("items").ok_or_else(|| format!("In context={at}, array schema missing items"))?;
        look_below(items, &format!("{at}.items"), depth + 1, sums)?;
    }
    let variants = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    for (number, variant) in variants.enumerate() {
        look_below(variant, &format!("{at}.anyOf.{number}"), depth + 1, sums)?;
    }
    for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        sums.chars += name.chars().count();
        look_below(definition, &format!("{at}.$defs.{name}"), depth, sums)?;
    }
    Ok(())
}

fn look_below(schema: &Value, at: &str, depth: usize, sums: &mut Sums) -> Result<(), String> {
    let schema = schema.as_object().ok_or_else(|| format!("In context={at}, this is no schema"))?;
    look(schema, at, depth, sums)
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

fn look_at_type(schema: &Map<String, Value>, at: &str) -> Result<(), String> {
    let types = types(schema);
    if let Some(odd) = types.iter().find(|kind| !TYPES.contains(kind)) {
        return Err(format!("In context={at}, {odd:?} is no type"));
    }
    if types.is_empty() && !["enum", "const", "anyOf", "$ref"].iter().any(|word| schema.contains_key(*word)) {
        return Err(format!("In context={at}, schema must have a 'type' key"));
    }
    Ok(())
}

fn look_at_enum(schema: &Map<String, Value>, at: &str, sums: &mut Sums) -> Result<(), String> {
    let Some(values) = schema.get("enum") else { return Ok(()) };
    let values = values.as_array().filter(|values| !values.is_empty());
    let values = values.ok_or_else(|| format!("In context={at}, an enum must have values"))?;
    let length: usize = values.iter().map(chars).sum();
    if values.len() > ENUM_VALUES_FREE && length > ENUM_CHARS_MAX {
        return Err(format!("In context={at}, the enum has more than {ENUM_CHARS_MAX} characters"));
    }
    sums.enum_values += values.len();
    sums.chars += length;
    Ok(())
}

/// Every property is required, and no other allowed.
fn look_at_object(
    schema: &Map<String, Value>,
    at: &str,
    depth: usize,
    sums: &mut Sums,
) -> Result<(), String> {
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(format!(
            "In context={at}, 'additionalProperties' is required to be supplied and to be false"
        ));
    }
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(name) = properties.keys().find(|name| !required.contains(&name.as_str())) {
        return Err(format!(
            "In context={at}, 'required' is required to be an array including every key in properties. \
             Missing '{name}'"
        ));
    }
    if let Some(name) = required.iter().find(|name| !properties.contains_key(**name)) {
        return Err(format!("In context={at}, 'required' has an extra key '{name}'"));
    }
    for (name, property) in properties {
        sums.properties += 1;
        sums.chars += name.chars().count();
        look_below(property, &format!("{at}.properties.{name}"), depth + 1, sums)?;
    }
    Ok(())
}

fn chars(value: &Value) -> usize {
    value.as_str().map_or_else(|| value.to_string().len(), |text| text.chars().count())
}
