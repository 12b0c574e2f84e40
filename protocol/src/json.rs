//! JSON kept as the bytes that came, so that what is stored, hashed, judged and shown is the same text.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// A JSON document as text. Its syntax was checked when it was made; its depth is at most serde's 128 levels.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Takes text that holds one JSON document.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        // RawValue checks the syntax alone; reading the value also bounds depth and numbers.
        serde_json::from_str::<serde_json::Value>(&text)?;
        Ok(Self(RawValue::from_string(text)?))
    }

    /// The document as a value.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.0.get()).unwrap_or(serde_json::Value::Null)
    }

    /// The document as the text that came.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        let text = value.to_string();
        Self(RawValue::from_string(text).expect("a value prints as JSON"))
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_came() {
        let json: Json = serde_json::from_str("{\"b\": 1.50, \"a\":[ 1 ]}").expect("it is JSON");
        assert_eq!(json.as_str(), "{\"b\": 1.50, \"a\":[ 1 ]}");
        assert_eq!(serde_json::to_string(&json).expect("it prints"), json.as_str());
        assert_eq!(json.value(), serde_json::json!({"b": 1.5, "a": [1]}));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
        for wrong in ["", "{", "1 2", "1e999", &deep] {
            assert!(Json::from_text(wrong.to_owned()).is_err(), "{wrong:?} was accepted");
        }
    }
}
