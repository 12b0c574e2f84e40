//! What went wrong with a call, and what that means: try again, mend something, or make do without.

use super::super::settings::ApiKey;
use super::Usage;
use guildhall_protocol::clean::{clean_line, cut};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

/// Most characters of a reason that are shown.
pub(in crate::llm) const WHY_CHARACTERS_MAX: usize = 200;
/// Most that are kept until a key has been struck out: cutting first could leave a part of the key.
const RAW_CHARACTERS_MAX: usize = 4096;
/// Longest wait that a server may ask for.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// A shorter key is not struck out of texts: it is a placeholder, and striking it out would garble them.
const KEY_BYTES_MIN: usize = 4;

/// Why a call has no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::llm) struct Failure {
    /// What it means.
    pub(in crate::llm) kind: FailureKind,
    /// When the server wants to be asked again; capped.
    pub(in crate::llm) retry_after: Option<Duration>,
    /// Whether it took too long: then it is not tried again at once.
    pub(in crate::llm) timed_out: bool,
    /// One clean, short line for people; never a prompt, a whole body or the key.
    pub(in crate::llm) why: String,
    /// What is paid nevertheless.
    pub(in crate::llm) paid: Paid,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) enum FailureKind {
    /// It may work later.
    Transient,
    /// It will not work as things are.
    Permanent(PermanentWhy),
    /// The model would not answer.
    Refused,
    /// The answer cannot be used.
    Malformed,
}

/// Why it will not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermanentWhy {
    /// The key is not accepted.
    Key,
    /// The model is not known, or the URL is wrong.
    Model,
    /// There is no structured output.
    Structured,
    /// The account at the server has no quota left.
    Quota,
    /// Something about this request.
    Other,
}

/// What a failed call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm) enum Paid {
    /// Nothing: the model saw nothing.
    Nothing,
    /// What the server counted.
    Counted(Usage),
    /// The prompt at least: it was sent, and nobody said what came of it. To be estimated.
    Prompt,
}

impl Failure {
    /// A failure that costs nothing and says nothing about when to try again. Cleans the reason.
    pub(in crate::llm) fn new(kind: FailureKind, why: &str) -> Self {
        let why = cut(&clean_line(why), RAW_CHARACTERS_MAX);
        Self { kind, retry_after: None, timed_out: false, why, paid: Paid::Nothing }
    }

    /// The same, of which this is paid.
    #[must_use]
    pub(in crate::llm) fn paying(self, paid: Paid) -> Self {
        Self { paid, ..self }
    }

    /// Strikes the key out of the reason, for servers like to repeat what they do not accept, and cuts it short.
    pub(super) fn strike_out(&mut self, key: Option<&ApiKey>) {
        if let Some(key) = key.filter(|key| key.reveal().len() >= KEY_BYTES_MIN) {
            self.why = self.why.replace(key.reveal(), "[the key]");
        }
        self.why = cut(&self.why, WHY_CHARACTERS_MAX);
    }
}

/// What happened to a request on its way.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection, so nothing was sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No connection in time, so nothing was sent.
    #[error("cannot connect in time")]
    ConnectTooSlow,
    /// The connection broke after the request was sent, or amid the answer.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// An error of the server.
    #[error("the server answered {status}")]
    Status { status: u16, retry_after: Option<Duration>, body: String },
    /// The answer is longer than allowed.
    #[error("the answer is longer than {bytes_max} bytes")]
    TooLong { bytes_max: usize },
    /// A success that is no JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// Something else, before the request was made.
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// What reqwest's error means before there is an answer.
    pub(super) fn of_request(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let why = cause(&error);
        if error.is_connect() && error.is_timeout() {
            Self::ConnectTooSlow
        } else if error.is_connect() {
            Self::Connect(why)
        } else if error.is_builder() {
            Self::Other(why)
        } else {
            Self::Broken(why)
        }
    }

    /// What it means.
    pub(super) fn failure(self) -> Failure {
        let words = self.to_string();
        match self {
            Self::Connect(_) => Failure::new(FailureKind::Transient, &words),
            Self::ConnectTooSlow => {
                Failure { timed_out: true, ..Failure::new(FailureKind::Transient, &words) }
            }
            Self::Broken(_) => Failure::new(FailureKind::Transient, &words).paying(Paid::Prompt),
            Self::Status { status, retry_after, body } => of_status(status, retry_after, &body),
            Self::TooLong { .. } | Self::NotJson => {
                Failure::new(FailureKind::Malformed, &words).paying(Paid::Prompt)
            }
            Self::Other(_) => Failure::new(FailureKind::Permanent(PermanentWhy::Other), &words),
        }
    }
}

fn of_status(status: u16, retry_after: Option<Duration>, body: &str) -> Failure {
    let said = Said::read(body);
    let permanent = FailureKind::Permanent;
    let kind = match status {
        429 if said.code == "insufficient_quota" => permanent(PermanentWhy::Quota),
        402 => permanent(PermanentWhy::Quota),
        408 | 409 | 429 | 500..600 => FailureKind::Transient,
        401 => permanent(PermanentWhy::Key),
        // Some servers say so that they will not answer this text; others mean the key, and then name it.
        403 if said.code.contains("key") || said.code.contains("permission") => permanent(PermanentWhy::Key),
        403 => FailureKind::Refused,
        404 => permanent(PermanentWhy::Model),
        // Not anywhere in the body: some servers repeat there what they were sent.
        400 | 422 if said.is_about("response_format") || said.is_about("json_schema") => {
            permanent(PermanentWhy::Structured)
        }
        _ => permanent(PermanentWhy::Other),
    };
    let words = match status {
        300..400 => {
            format!(
                "the server answered with a redirect ({status}), which is not followed: check the base URL"
            )
        }
        _ if said.message.is_empty() => format!("the server answered {status}"),
        // The words go on after it.
        _ => format!("the server answered {status}: {}", said.message.trim_end_matches('.')),
    };
    Failure { retry_after, ..Failure::new(kind, &words) }
}

/// What an error's body says, in whichever of the usual forms.
struct Said {
    code: String,
    param: String,
    message: String,
}

impl Said {
    fn read(body: &str) -> Self {
        let parsed: Value = serde_json::from_str(body).unwrap_or_default();
        let error = parsed.get("error").unwrap_or(&parsed);
        let text = |name| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let message = ["message", "detail", "error"].iter().find_map(|name| error.get(name)?.as_str());
        // Anything else, such as a page of HTML, says less to people than the status.
        let message = message.or(error.as_str()).unwrap_or_default();
        Self { code: text("code"), param: text("param"), message: message.to_owned() }
    }

    fn is_about(&self, what: &str) -> bool {
        [&self.code, &self.param, &self.message].iter().any(|said| said.contains(what))
    }
}

/// The innermost source of an error: what really happened. reqwest's own text hides it, and what lies between says
/// nothing to people.
pub(super) fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_to_do() {
        use FailureKind::{Permanent, Transient};
        let quota = r#"{"error":{"code":"insufficient_quota","message":"You exceeded your quota"}}"#;
        let structured =
            r#"{"error":{"message":"'response_format' of type 'json_schema' is not supported"}}"#;
        let table = [
            (408, "", Transient, "the server answered 408"),
            (429, "<html>slow down</html>", Transient, "the server answered 429"),
            (429, quota, Permanent(PermanentWhy::Quota), "the server answered 429: You exceeded your quota"),
            (503, r#"{"detail":"warming up"}"#, Transient, "the server answered 503: warming up"),
            (401, r#"{"error":"no"}"#, Permanent(PermanentWhy::Key), "the server answered 401: no"),
            (403, "{", FailureKind::Refused, "the server answered 403"),
            (402, "", Permanent(PermanentWhy::Quota), "the server answered 402"),
            (
                403,
                r#"{"error":{"code":"invalid_api_key","message":"no"}}"#,
                Permanent(PermanentWhy::Key),
                "the server answered 403: no",
            ),
            (
                422,
                r#"{"detail":"too long","input":"json_schema"}"#,
                Permanent(PermanentWhy::Other),
                "the server answered 422: too long",
            ),
            (404, r#"{"error":{"code":4}}"#, Permanent(PermanentWhy::Model), "the server answered 404"),
            (413, "", Permanent(PermanentWhy::Other), "the server answered 413"),
        ];
        for (status, body, kind, why) in table {
            let failure = of_status(status, None, body);
            assert_eq!(
                (failure.kind, failure.why.as_str(), failure.paid),
                (kind, why, Paid::Nothing),
                "{body}"
            );
        }
        assert_eq!(of_status(400, None, structured).kind, Permanent(PermanentWhy::Structured));
        assert_eq!(of_status(422, None, structured).kind, Permanent(PermanentWhy::Structured));
        assert!(of_status(302, None, "").why.contains("check the base URL"));
    }

    #[test]
    fn what_a_server_says_is_cleaned_cut_and_without_the_key() {
        let body = format!(r#"{{"error":{{"message":"bad key sk-secret\u001b[31m {}"}}}}"#, "x".repeat(1000));
        let mut failure = of_status(401, None, &body);
        failure.strike_out(Some(&ApiKey::new("sk-secret")));
        assert!(
            failure.why.starts_with("the server answered 401: bad key [the key][31m xxx"),
            "{}",
            failure.why
        );
        assert!(failure.why.chars().count() <= WHY_CHARACTERS_MAX);

        for before in 150..200 {
            let message = format!("{}sk-secret", "x".repeat(before));
            let mut failure = of_status(401, None, &serde_json::json!({ "error": message }).to_string());
            failure.strike_out(Some(&ApiKey::new("sk-secret")));
            assert!(!failure.why.contains("sk-"), "a part of the key is left: {}", failure.why);
        }
    }
}
