//! Agents that are a chat endpoint and a prompt: what their owner says about them, and the key that opens the endpoint.

use crate::job::FieldError;
use crate::model::ModelName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Longest prompt, bytes.
pub const PROMPT_BYTES_MAX: usize = 20_000;
/// Longest key, bytes.
pub const KEY_BYTES_MAX: usize = 500;

/// What makes an OpenAI-compatible chat endpoint an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Which model does the work.
    pub model: ModelName,
    /// Tells the model what it is to do: its system prompt. At most [`PROMPT_BYTES_MAX`].
    pub prompt: String,
}

impl Chat {
    /// Checks the bounds.
    ///
    /// # Errors
    /// The field that is out of bounds, and the bound.
    pub fn check(&self) -> Result<(), FieldError> {
        let field = "chat.prompt";
        if self.prompt.trim().is_empty() {
            return Err(FieldError::new(field, "is empty: tell the model what it is to do"));
        }
        let bytes = self.prompt.len();
        if bytes > PROMPT_BYTES_MAX {
            let problem = format!("is too large: {bytes} bytes, the limit is {PROMPT_BYTES_MAX}");
            return Err(FieldError::new(field, &problem));
        }
        Ok(())
    }
}

/// The key that opens a chat agent's endpoint; empty for a server that wants none. It travels from its owner to the
/// daemon once, and is never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentKey(Zeroizing<String>);

/// Text that is no key. It does not quote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no API key: a key has at most {KEY_BYTES_MAX} visible ASCII characters and no spaces")]
pub struct AgentKeyError;

impl AgentKey {
    /// The key itself, for the one place that sends it and the one that seals it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentKey {
    type Err = AgentKeyError;

    /// White space around it is dropped: a key file ends with a line end.
    fn from_str(text: &str) -> Result<Self, AgentKeyError> {
        let key = text.trim();
        if key.len() <= KEY_BYTES_MAX && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(Zeroizing::new(key.to_owned())))
        } else {
            Err(AgentKeyError)
        }
    }
}

impl TryFrom<String> for AgentKey {
    type Error = AgentKeyError;

    fn try_from(text: String) -> Result<Self, AgentKeyError> {
        Zeroizing::new(text).parse()
    }
}

impl From<AgentKey> for String {
    fn from(mut key: AgentKey) -> Self {
        std::mem::take(&mut key.0)
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_never_shown() {
        let key: AgentKey = " sk-proj-abc_123\n".parse().expect("a key");
        assert_eq!(key.reveal(), "sk-proj-abc_123");
        assert_eq!(format!("{key:?}"), "AgentKey(hidden)");
        assert_eq!(serde_json::to_string(&key).expect("it prints"), r#""sk-proj-abc_123""#);
        assert_eq!("".parse::<AgentKey>().expect("a server that wants none").reveal(), "");
        for wrong in ["two words", "line\nbreak", "clé", "\u{1b}", &"x".repeat(501)] {
            assert!(wrong.parse::<AgentKey>().is_err(), "{wrong:?}");
            let error = serde_json::from_value::<AgentKey>(wrong.into()).expect_err("no key").to_string();
            assert!(!error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_prompt_has_bounds() {
        let chat = |prompt: String| Chat { model: "m".parse().expect("a model"), prompt };
        assert_eq!(chat("Translate.".to_owned()).check(), Ok(()));
        for wrong in [" \n".to_owned(), "x".repeat(20_001)] {
            let error = chat(wrong).check().expect_err("out of bounds");
            assert_eq!(error.field, "chat.prompt");
        }
    }
}
