//! Forms. A form holds five fields and answers nothing but itself.

use crate::custom_id::CustomId;
use guildhall_protocol::attempt::Question;
use guildhall_protocol::clean::{clean, clean_line, cut};
use guildhall_protocol::ids::JobId;
use serde_json::{Value, json};

/// Most characters that somebody can type into a field.
const TYPED_MAX: usize = 4_000;

struct Field<'a> {
    name: &'a str,
    label: &'a str,
    placeholder: &'a str,
    value: Option<&'a str>,
    long: bool,
    required: bool,
    most: usize,
}

fn form(id: &CustomId, title: &str, fields: &[Field<'_>]) -> Value {
    let rows: Vec<Value> = fields
        .iter()
        .map(|field| {
            let mut input = json!({
                "type": 4,
                "custom_id": field.name,
                "label": cut(field.label, 44),
                "style": if field.long { 2 } else { 1 },
                "required": field.required,
                "max_length": field.most,
            });
            if !field.placeholder.is_empty() {
                input["placeholder"] = json!(cut(field.placeholder, 99));
            }
            if let Some(value) = field.value.filter(|value| !value.is_empty()) {
                // Back to whoever typed it: as they did.
                input["value"] = json!(value.chars().take(field.most).collect::<String>());
            }
            json!({"type": 1, "components": [input]})
        })
        .collect();
    json!({"custom_id": id.to_string(), "title": cut(title, 44), "components": rows})
}

/// What somebody typed into the form of a new job.
pub(crate) type Typed<'a> = &'a std::collections::BTreeMap<String, String>;

/// The form of a new job, with what was typed before.
pub(crate) fn post_form(id: &CustomId, typed: Typed<'_>) -> Value {
    let value = |name: &str| typed.get(name).map(String::as_str);
    let field = |name, label, placeholder, long, required, most| Field {
        name,
        label,
        placeholder,
        value: value(name),
        long,
        required,
        most,
    };
    form(
        id,
        "Post a job",
        &[
            field("brief", "What do you want?", "In your own words", true, true, TYPED_MAX),
            field("material", "Material to work on", "Text or JSON, if there is any", true, false, TYPED_MAX),
            field(
                "criteria",
                "How will you know that it is right?",
                "One a line: max 200 words",
                true,
                false,
                2_000,
            ),
            field("title", "Title", "By default, the first line of what you want", false, false, 150),
            field("deadline", "When must it be done?", "2h, 3d; by default in a day", false, false, 40),
        ],
    )
}

/// A form that asks for a reason.
pub(crate) fn reason_form(id: &CustomId, title: &str, label: &str) -> Value {
    let field = Field {
        name: "reason",
        label,
        placeholder: "",
        value: None,
        long: true,
        required: true,
        most: 2_000,
    };
    form(id, title, &[field])
}

/// The form to post a job once more.
pub(crate) fn again_form(job: JobId) -> Value {
    let field = Field {
        name: "reason",
        label: "What was wrong with it?",
        placeholder: "The first attempt reads it; nothing, if it is only to be done again",
        value: None,
        long: true,
        required: false,
        most: 2_000,
    };
    form(&CustomId::Again { job }, &format!("Job {job} once more"), &[field])
}

/// The form for the answer to a question: a field for each thing that its schema asks for, or one for words.
pub(crate) fn answer_form(job: JobId, question: &Question) -> Value {
    let id = CustomId::Answer { job };
    let fields = question.schema.as_ref().map(|schema| asked(&schema.value())).unwrap_or_default();
    if fields.is_empty() || fields.len() > 5 {
        let asked = cut(&clean_line(&question.text), 99);
        let field = Field {
            name: "reply",
            label: "Your answer",
            placeholder: &asked,
            value: None,
            long: true,
            required: true,
            most: TYPED_MAX,
        };
        return form(&id, "Answer", &[field]);
    }
    let fields: Vec<Field<'_>> = fields
        .iter()
        .map(|(name, label, required)| Field {
            name,
            label,
            placeholder: "",
            value: None,
            long: false,
            required: *required,
            most: 1_000,
        })
        .collect();
    form(&id, "Answer", &fields)
}

/// Name, label and necessity of what an object's schema asks for; nothing where the form could not show it.
fn asked(schema: &Value) -> Vec<(String, String, bool)> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
    };
    let is_plain = |property: &Value| {
        let kind = property.get("type").and_then(Value::as_str);
        matches!(kind, Some("string" | "number" | "integer" | "boolean"))
    };
    if !properties.values().all(is_plain) || properties.keys().any(|name| name.is_empty() || name.len() > 100)
    {
        return Vec::new();
    }
    let label = |name: &String, property: &Value| {
        let title = property.get("title").or_else(|| property.get("description")).and_then(Value::as_str);
        let label = clean_line(&clean(title.unwrap_or(name)));
        if label.is_empty() { "?".to_owned() } else { label }
    };
    properties.iter().map(|(name, property)| (name.clone(), label(name, property), required(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::json::Json;
    use std::collections::BTreeMap;

    #[test]
    fn a_form_stays_within_discord_s_limits_and_keeps_what_was_typed() {
        let typed =
            BTreeMap::from([("brief".to_owned(), "x".repeat(5_000)), ("title".to_owned(), String::new())]);
        let form = post_form(&CustomId::Post { draft: Some(7) }, &typed);
        let rows = form["components"].as_array().expect("rows");
        assert_eq!(rows.len(), 5);
        for row in rows {
            let input = &row["components"][0];
            assert!(input["label"].as_str().is_some_and(|label| label.chars().count() <= 45), "{input}");
            assert!(input["placeholder"].as_str().is_none_or(|text| text.chars().count() <= 100));
        }
        assert_eq!(rows[0]["components"][0]["value"].as_str().map(str::len), Some(4_000));
        assert!(rows[3]["components"][0].get("value").is_none());
    }

    #[test]
    fn a_question_with_a_schema_asks_field_by_field() {
        let question =
            |schema: Value| Question { text: "Which units?".to_owned(), schema: Some(Json::from(schema)) };
        let two = json!({"type": "object", "required": ["from"], "properties": {
            "from": {"type": "string", "title": "From which unit"}, "to": {"type": "string"}}});
        let form = answer_form(JobId(3), &question(two));
        let rows = form["components"].as_array().expect("rows");
        assert_eq!((rows.len(), rows[0]["components"][0]["label"].as_str()), (2, Some("From which unit")));
        assert_eq!(rows[0]["components"][0]["required"], true);
        for odd in
            [json!(true), json!({"properties": {"list": {"type": "array"}}}), json!({"type": "string"})]
        {
            let form = answer_form(JobId(3), &question(odd));
            assert_eq!(form["components"].as_array().map(Vec::len), Some(1));
        }
    }
}
