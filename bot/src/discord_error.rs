//! Why Discord did not take something.

use crate::incoming::number;
use serde_json::Value;

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscordError {
    /// The channel, message or person is gone, or never was.
    #[error("it is gone")]
    Gone,
    /// The person takes no direct messages of ours.
    #[error("they take no direct messages")]
    Closed,
    /// We may not.
    #[error("the bot may not do this there")]
    Forbidden,
    /// It was changed so often that it cannot be changed any more.
    #[error("it was changed too often")]
    Worn,
    /// The thread is archived.
    #[error("the thread is archived")]
    Archived,
    /// The message has a thread.
    #[error("it has a thread already")]
    HasThread,
    /// Too late, or answered already.
    #[error("the interaction is over")]
    Over,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What a refusal means.
pub(crate) fn explain(status: u16, said: &Value) -> DiscordError {
    let code = number(said.get("code")).unwrap_or(0);
    match code {
        // A server that gives no code says it by the status.
        0 if status == 404 => DiscordError::Gone,
        0 if status == 403 => DiscordError::Forbidden,
        10003 | 10008 | 10013 => DiscordError::Gone,
        50007 | 50278 => DiscordError::Closed,
        // The last one: the thread is locked, and who may not unlock it may not write there.
        50001 | 50013 | 160_005 => DiscordError::Forbidden,
        10062 | 40060 | 10015 => DiscordError::Over,
        30046 => DiscordError::Worn,
        50083 => DiscordError::Archived,
        160_004 => DiscordError::HasThread,
        code => {
            let message = said["message"].as_str().unwrap_or("no reason");
            DiscordError::Other(format!("Discord refuses it (status {status}, code {code}: {message})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_are_understood() {
        let of = |code: u64| explain(400, &json!({"code": code}));
        for gone in [10_003, 10_008, 10_013] {
            assert!(matches!(of(gone), DiscordError::Gone), "{gone}");
        }
        assert!(matches!(of(50_007), DiscordError::Closed) && matches!(of(50_001), DiscordError::Forbidden));
        assert!(matches!(explain(500, &Value::Null), DiscordError::Other(_)));
        assert!(
            matches!(explain(403, &json!({"code": "50278"})), DiscordError::Closed),
            "a number as a text"
        );
        assert!(matches!(explain(404, &json!({"message": "?"})), DiscordError::Gone));
        assert!(matches!(explain(403, &Value::Null), DiscordError::Forbidden));
    }
}
