//! What an agent may send by itself, read strictly: one meaning or none, and about the attempt that the address names.

use super::contract::TEXT_BYTES_MAX;
use guildhall_protocol::attempt::Question;
use guildhall_protocol::json::Json;
use serde::{Deserialize, Deserializer};

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The answer.
    Output(Json),
    /// It is at it, and how far.
    Progress(String),
    /// It needs input of the client.
    Question(Question),
    /// Not its work.
    Declined(String),
}

#[derive(Deserialize)]
struct Body {
    attempt: String,
    #[serde(default, deserialize_with = "present")]
    output: Option<Json>,
    progress: Option<String>,
    question: Option<String>,
    schema: Option<Json>,
    declined: Option<String>,
}

/// A key that is there counts, even when its value is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Reads the body of a callback for the attempt delivered under `delivery`.
///
/// # Errors
/// What is wrong, for the agent's author.
pub fn read(bytes: &[u8], delivery: &str) -> Result<Said, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("the body is not UTF-8: {error}"))?;
    // Bodies are raw text to serde: reading the value bounds depth and numbers everywhere.
    serde_json::from_str::<serde_json::Value>(text)
        .map_err(|error| format!("the body is not JSON: {error}"))?;
    let body: Body =
        serde_json::from_str(text).map_err(|error| format!("the body is not of the contract: {error}"))?;
    if body.attempt != delivery {
        return Err(format!("the body is about another attempt than {delivery}"));
    }
    let short = |field: &str, text: String| {
        if text.len() <= TEXT_BYTES_MAX {
            return Ok(text);
        }
        Err(format!("{field} has {} bytes, the limit is {TEXT_BYTES_MAX}", text.len()))
    };
    match (body.output, body.progress, body.question, body.declined) {
        (Some(output), None, None, None) => Ok(Said::Output(output)),
        (None, Some(note), None, None) => short("progress", note).map(Said::Progress),
        (None, None, Some(text), None) => {
            let text = short("question", text)?;
            Ok(Said::Question(Question { text, schema: body.schema }))
        }
        (None, None, None, Some(reason)) => short("declined", reason).map(Said::Declined),
        (None, None, None, None) => {
            Err("the body has none of the keys output, progress, question, declined".to_owned())
        }
        _ => Err("the body has two meanings: give one of output, progress, question, declined".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "att_k3x9qa_1042_2";

    fn read_text(rest: &str) -> Result<Said, String> {
        read(format!("{{\"attempt\": \"{ID}\"{rest}}}").as_bytes(), ID)
    }

    #[test]
    fn what_an_agent_can_say() {
        assert_eq!(read_text(r#", "output": null"#), Ok(Said::Output(Json::from(serde_json::Value::Null))));
        assert_eq!(read_text(r#", "progress": "half""#), Ok(Said::Progress("half".to_owned())));
        let question = Question { text: "Which?".to_owned(), schema: None };
        assert_eq!(read_text(r#", "question": "Which?", "more": 1"#), Ok(Said::Question(question)));
        assert_eq!(read_text(r#", "declined": "no""#), Ok(Said::Declined("no".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (rest, expected) in [
            ("", "none of the keys"),
            (r#", "output": 1, "declined": "no""#, "two meanings"),
            (r#", "progress": 7"#, "invalid type"),
            (&format!(r#", "declined": "{}""#, "x".repeat(4_001)), "4001 bytes, the limit is 4000"),
        ] {
            let problem = read_text(rest).expect_err(rest);
            assert!(problem.contains(expected), "{problem}");
        }
        let problem = read(br#"{"attempt": "att_k3x9qa_7_1", "output": 1}"#, ID).expect_err("another");
        assert!(problem.contains("another attempt"), "{problem}");
        assert!(read(b"{", ID).expect_err("no JSON").contains("not JSON"));
    }
}
