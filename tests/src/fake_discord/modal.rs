//! A form that the bot opened for somebody, and how it is filled in.

use super::components::{LABEL, ROW, TEXT_INPUT, TEXT_SELECT};
use super::user::ClientRefuses;
use super::world::Id;
use serde_json::{Value, json};

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the bot knows it by.
    pub custom_id: String,
    /// What stands above it.
    pub label: String,
    /// What stands in it already.
    pub value: String,
    /// What stands in it in gray while it is empty.
    pub placeholder: String,
    /// Whether it must not be empty.
    pub required: bool,
    /// Whether it has several lines.
    pub is_paragraph: bool,
    /// Letters that it takes at most.
    pub max_length: u64,
}

/// A form.
#[derive(Clone, Debug)]
pub struct Modal {
    /// The interaction that it answered.
    pub(super) opened_by: Id,
    value: Value,
}

impl Modal {
    pub(super) fn new(opened_by: Id, value: Value) -> Self {
        Self { opened_by, value }
    }

    /// What stands above it.
    pub fn title(&self) -> &str {
        self.value["title"].as_str().unwrap_or_default()
    }

    /// What the bot knows it by.
    pub fn custom_id(&self) -> &str {
        self.value["custom_id"].as_str().unwrap_or_default()
    }

    /// As the bot sent it.
    pub fn raw(&self) -> &Value {
        &self.value
    }

    /// Its fields, in order.
    pub fn fields(&self) -> Vec<Field> {
        let rows = self.value["components"].as_array().into_iter().flatten();
        rows.filter_map(|row| Some(field(inner(row)?, row))).collect()
    }

    /// The data of a form that was filled in so, each answer with a custom id or a label.
    pub(super) fn filled(&self, answers: &[(&str, &str)]) -> Result<Value, ClientRefuses> {
        let fields = self.fields();
        let is_of = |field: &Field, name: &str| field.custom_id == name || field.label == name;
        if let Some((name, _)) =
            answers.iter().find(|(name, _)| !fields.iter().any(|field| is_of(field, name)))
        {
            return Err(ClientRefuses(format!("the form has no field {name:?}")));
        }
        let mut rows = Vec::new();
        for (number, row) in self.value["components"].as_array().into_iter().flatten().enumerate() {
            let Some(input) = inner(row) else { continue };
            let field = field(input, row);
            let answer = answers.iter().find(|(name, _)| is_of(&field, name));
            let answer = answer.map_or(field.value.as_str(), |(_, answer)| answer);
            let mut filled = value_of(&field, input, answer)?;
            filled["id"] = json!(2 * number + 2);
            let id = 2 * number + 1;
            rows.push(if row["type"] == LABEL {
                json!({"type": LABEL, "id": id, "component": filled})
            } else {
                json!({"type": ROW, "id": id, "components": [filled]})
            });
        }
        Ok(json!({"custom_id": self.custom_id(), "components": rows}))
    }
}

fn inner(row: &Value) -> Option<&Value> {
    let input = if row["type"] == LABEL { &row["component"] } else { &row["components"][0] };
    input["custom_id"].is_string().then_some(input)
}

fn field(input: &Value, row: &Value) -> Field {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Field {
        custom_id: text(&input["custom_id"]),
        label: if row["type"] == LABEL { text(&row["label"]) } else { text(&input["label"]) },
        value: text(&input["value"]),
        placeholder: text(&input["placeholder"]),
        required: input["required"] != false,
        is_paragraph: input["style"] == 2,
        max_length: input["max_length"].as_u64().unwrap_or(4_000),
    }
}

fn value_of(field: &Field, input: &Value, answer: &str) -> Result<Value, ClientRefuses> {
    let label = &field.label;
    let letters = answer.chars().count() as u64;
    if field.required && letters == 0 {
        return Err(ClientRefuses(format!("the field {label:?} is required")));
    }
    match input["type"].as_u64() {
        Some(TEXT_INPUT) => {
            let least = input["min_length"].as_u64().unwrap_or(0);
            if letters > field.max_length || (letters > 0 && letters < least) {
                let most = field.max_length;
                return Err(ClientRefuses(format!(
                    "the field {label:?} has {letters} letters, not {least} to {most}"
                )));
            }
            Ok(json!({"type": TEXT_INPUT, "custom_id": field.custom_id, "value": answer}))
        }
        Some(TEXT_SELECT) => {
            let mut options = input["options"].as_array().into_iter().flatten();
            let option = options.find(|one| one["value"] == answer || one["label"] == answer);
            let values = match option {
                Some(option) => json!([option["value"]]),
                None if letters == 0 => json!([]),
                None => {
                    return Err(ClientRefuses(format!("the field {label:?} does not offer {answer:?}")));
                }
            };
            Ok(json!({"type": TEXT_SELECT, "custom_id": field.custom_id, "values": values}))
        }
        _ => Err(ClientRefuses(format!("nobody here can fill in the field {label:?}"))),
    }
}
