//! What the server sends, spoken differently: a bot must not depend on more than Discord promises.

use serde_json::{Value, json};

/// Fields that Discord says may be absent, and that real bots lean on all the same.
const OPTIONAL: [&str; 17] = [
    "app_permissions",
    "attachment_size_limit",
    "avatar",
    "channel",
    "channel_types",
    "content_type",
    "context",
    "entitlements",
    "global_name",
    "features",
    "guild_locale",
    "integration_types_config",
    "interaction_metadata",
    "public_flags",
    "nick",
    "primary_guild",
    "ephemeral",
];
/// Numbers that some servers write as texts.
const NUMBERS: [&str; 12] = [
    "accent_color",
    "attachment_size_limit",
    "code",
    "color",
    "flags",
    "height",
    "public_flags",
    "rate_limit_per_user",
    "retry_after",
    "size",
    "version",
    "width",
];
/// Objects whose keys are not field names.
const MAPS: [&str; 10] = [
    "attachments",
    "authorizing_integration_owners",
    "channels",
    "description_localizations",
    "errors",
    "members",
    "messages",
    "name_localizations",
    "roles",
    "users",
];

/// How the server deviates from what it usually sends. The default: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Optional fields are absent.
    pub without_optional_fields: bool,
    /// Every object has a field that nobody knows.
    pub with_extra_fields: bool,
    /// Numbers that do not tell what something is come as texts.
    pub numbers_as_texts: bool,
}

impl Dialect {
    /// Says something in this dialect.
    pub(super) fn speak(self, said: Value) -> Value {
        if self == Self::default() { said } else { self.object_or_list(said, false) }
    }

    fn object_or_list(self, said: Value, is_map: bool) -> Value {
        match said {
            Value::Array(items) => items.into_iter().map(|item| self.object_or_list(item, false)).collect(),
            Value::Object(fields) => {
                let mut spoken = serde_json::Map::new();
                for (name, value) in fields {
                    if self.without_optional_fields && !is_map && OPTIONAL.contains(&name.as_str()) {
                        continue;
                    }
                    let keys_are_ids = MAPS.contains(&name.as_str());
                    let is_number = value.is_number() && NUMBERS.contains(&name.as_str());
                    let value = if self.numbers_as_texts && is_number {
                        json!(value.to_string())
                    } else {
                        self.object_or_list(value, keys_are_ids)
                    };
                    spoken.insert(name, value);
                }
                if self.with_extra_fields && !is_map {
                    spoken.insert("field_of_tomorrow".to_owned(), json!({"list": [1, null]}));
                }
                Value::Object(spoken)
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }
}
