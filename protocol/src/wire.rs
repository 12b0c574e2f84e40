//! Values that a newer peer may extend: what this version does not know is kept as text instead of failing the call.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A value of an enum that may have grown since this program was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire<T> {
    /// A value that this version knows.
    Known(T),
    /// The JSON of one that it does not.
    Unknown(String),
}

impl<T> Wire<T> {
    /// The value, if this version knows it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Wire<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: fmt::Display> fmt::Display for Wire<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(text) => write!(f, "{text} (unknown to this version)"),
        }
    }
}

impl<T: Serialize> Serialize for Wire<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value) => value.serialize(serializer),
                Err(_) => text.serialize(serializer),
            },
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value.to_string();
        Ok(serde_json::from_value(value).map_or(Self::Unknown(text), Self::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{JobState, Reviewer};

    #[test]
    fn the_unknown_survives_a_round_trip() {
        let known: Wire<JobState> = serde_json::from_str(r#"{"in_review":"client"}"#).expect("it reads");
        assert_eq!(known, Wire::Known(JobState::InReview(Reviewer::Client)));
        let unknown: Wire<JobState> = serde_json::from_str(r#"{"on_hold":{"by":"tax"}}"#).expect("it reads");
        assert_eq!(unknown.known(), None);
        assert_eq!(serde_json::to_string(&unknown).expect("it prints"), r#"{"on_hold":{"by":"tax"}}"#);
    }
}
