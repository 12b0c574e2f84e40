//! Lists to choose from, as Discord's JSON. Channels and roles are offered by Discord itself, so that nobody types what they
//! are.

use crate::custom_id::CustomId;
use crate::message::fit;
use serde_json::{Value, json};

/// Most options that Discord takes.
pub(crate) const OPTIONS_MAX: usize = 25;
/// Channels that people write in, and those that servers announce in.
const TEXT_CHANNELS: [u8; 2] = [0, 5];

/// A list to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Select {
    pub(crate) placeholder: String,
    pub(crate) custom_id: String,
    pub(crate) offered: Offered,
}

/// What a list offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// One of the server's channels.
    Channel,
    /// At least one of the server's roles, and at most so many.
    Roles { most: usize },
    /// One of these.
    One(Vec<Choice>),
    /// Any of these, or none.
    Any(Vec<Choice>),
}

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Plain text: no format counts in it.
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) is_chosen: bool,
}

impl Select {
    pub(crate) fn new(placeholder: impl Into<String>, id: &CustomId, offered: Offered) -> Self {
        Self { placeholder: placeholder.into(), custom_id: id.to_string(), offered }
    }

    /// Its row: a list fills one.
    pub(crate) fn row(&self) -> Value {
        let mut select = json!({"custom_id": self.custom_id, "placeholder": fit(&self.placeholder, 150)});
        let mut set = |kind: u8, least: usize, most: usize| {
            select["type"] = json!(kind);
            select["min_values"] = json!(least);
            select["max_values"] = json!(most);
        };
        match &self.offered {
            Offered::Channel => {
                set(8, 1, 1);
                select["channel_types"] = json!(TEXT_CHANNELS);
            }
            Offered::Roles { most } => set(6, 1, *most),
            Offered::One(choices) => {
                set(3, 1, 1);
                select["options"] = options(choices);
            }
            Offered::Any(choices) => {
                set(3, 0, choices.len().min(OPTIONS_MAX));
                select["options"] = options(choices);
            }
        }
        json!({"type": 1, "components": [select]})
    }
}

fn options(choices: &[Choice]) -> Value {
    let option = |choice: &Choice| {
        json!({
            "label": fit(&choice.label, 100), "value": fit(&choice.value, 100), "default": choice.is_chosen,
        })
    };
    Value::Array(choices.iter().take(OPTIONS_MAX).map(option).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_stays_within_discord_s_limits() {
        let choice = |number: usize| Choice {
            label: "😀".repeat(99),
            value: number.to_string(),
            is_chosen: number == 3,
        };
        let id = CustomId::Keep;
        let row = Select::new("p".repeat(200), &id, Offered::Any((0..40).map(choice).collect())).row();
        let select = &row["components"][0];
        let options = select["options"].as_array().expect("options");
        assert_eq!((options.len(), select["max_values"].as_u64()), (OPTIONS_MAX, Some(25)));
        assert!(
            options.iter().all(|option| option["label"]
                .as_str()
                .is_some_and(|text| text.encode_utf16().count() <= 100))
        );
        assert!(select["placeholder"].as_str().is_some_and(|text| text.len() <= 152));
        assert_eq!(options.iter().filter(|option| option["default"] == true).count(), 1);
    }
}
