//! The agent contract: what is sent, and what an answer means. Pure; [`super::delivery`] carries it.
//!
//! An answer is read strictly: one meaning or none. Unknown keys beside it are let pass, since both sides only add.

use crate::retry_after::read_retry_after;
use guildhall_protocol::attempt::Finding;
use guildhall_protocol::ids::{AttemptRef, DeliveryId, JobId, StoreTag};
use guildhall_protocol::job::Criterion;
use guildhall_protocol::json::Json;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// The version of the contract.
pub const VERSION: u32 = 1;
/// Longest `Retry-After` that is obeyed; an agent that wants more rest is treated as if it had asked for this.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);
/// Longest reason or question kept of an agent's, bytes.
pub const TEXT_BYTES_MAX: usize = 4_000;

/// Every type of message that an agent may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Do this job.
    JobAssigned,
    /// The client answered your question.
    JobInputProvided,
    /// Where are you with it?
    JobStatus,
    /// Stop.
    JobCanceled,
    /// Forget its texts.
    JobForget,
    /// Prove that this endpoint is yours.
    AgentChallenge,
    /// Are you there?
    AgentProbe,
}

impl MessageType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::JobAssigned => "job.assigned",
            Self::JobInputProvided => "job.input_provided",
            Self::JobStatus => "job.status",
            Self::JobCanceled => "job.canceled",
            Self::JobForget => "job.forget",
            Self::AgentChallenge => "agent.challenge",
            Self::AgentProbe => "agent.probe",
        }
    }

    /// Whether an agent may not know this type: then 204, 404, 405, 422 and 501 mean "not supported".
    pub fn is_optional(self) -> bool {
        !matches!(self, Self::JobAssigned | Self::AgentChallenge)
    }
}

/// The data of `job.assigned`.
#[derive(Clone, Debug, Serialize)]
pub struct Assignment<'a> {
    /// The job.
    pub job: JobId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Its title.
    pub title: &'a str,
    /// What is wanted.
    pub brief: &'a str,
    /// Material to work on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<&'a Json>,
    /// What the answer must meet.
    pub criteria: &'a [Criterion],
    /// What was wrong before.
    pub findings: &'a [Finding],
    /// Where to send what follows, when the daemon can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<&'a str>,
}

/// The data of messages about an attempt that the agent knows: `job.status`, `job.canceled`, `job.forget`.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The job.
    pub job: JobId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The `webhook-id` under which it was delivered.
    pub delivery: String,
}

impl About {
    /// About this attempt.
    pub fn of(store: StoreTag, attempt: AttemptRef) -> Self {
        let delivery = DeliveryId { store, attempt }.to_string();
        Self { job: attempt.job, attempt: attempt.number.0, delivery }
    }
}

/// The data of `job.input_provided`: the whole assignment once more, so that an agent need not remember it, with its
/// question and the client's reply.
#[derive(Clone, Debug, Serialize)]
pub struct InputProvided<'a> {
    /// The job.
    #[serde(flatten)]
    pub assignment: Assignment<'a>,
    /// The `webhook-id` under which it was delivered first.
    pub delivery: &'a str,
    /// What the agent asked.
    pub question: &'a str,
    /// What the client answered: of the question's schema, or text.
    pub reply: &'a Json,
}

/// The bytes of a message.
pub fn message(kind: MessageType, now: Timestamp, data: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        contract: u32,
        r#type: &'a str,
        timestamp: String,
        data: &'a T,
    }
    let envelope = Envelope { contract: VERSION, r#type: kind.name(), timestamp: now.to_string(), data };
    serde_json::to_vec(&envelope).expect("a message of plain values prints as JSON")
}

/// What an agent's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer to the job.
    Output(Json),
    /// It needs input of the client.
    Question {
        /// The question.
        text: String,
        /// JSON Schema of the reply that it wants.
        schema: Option<Json>,
    },
    /// Not its work.
    Declined(String),
    /// It has it and is at it.
    Accepted,
    /// To `job.status`: it is at it.
    Working,
    /// To `job.status`: it does not know this job.
    UnknownJob,
    /// To `agent.challenge`: what it echoed.
    Challenge(String),
    /// Later.
    Later {
        /// 429 or 503.
        status: u16,
        /// How long it asks to wait, at most [`RETRY_AFTER_MAX`].
        after: Option<Duration>,
    },
    /// The agent is gone.
    Gone,
    /// It does not support this type of message.
    NotSupported,
    /// It refuses the request.
    Refused {
        /// The status.
        status: u16,
    },
    /// Nobody can say what it did.
    Unclear {
        /// In words.
        why: String,
    },
    /// It breaks the contract.
    Malformed {
        /// In words.
        why: String,
    },
}

/// What a status alone means; none when the body decides.
pub fn read_status(
    kind: MessageType,
    status: u16,
    retry_after: Option<&str>,
    now: Timestamp,
) -> Option<Reply> {
    Some(match status {
        200 => return None,
        204 | 404 | 405 | 422 | 501 if kind.is_optional() => Reply::NotSupported,
        202 | 409 => Reply::Accepted,
        422 => Reply::Declined("the agent answered 422".to_owned()),
        429 | 503 => Reply::Later {
            status,
            after: retry_after.and_then(|text| read_retry_after(text, now, RETRY_AFTER_MAX)),
        },
        410 => Reply::Gone,
        400..500 => Reply::Refused { status },
        500..600 => Reply::Unclear { why: format!("the agent answered {status}") },
        300..400 => Reply::Malformed {
            why: format!("the agent answered with a redirect ({status}), which is not followed"),
        },
        _ => {
            Reply::Malformed { why: format!("the agent answered {status}, which the contract does not know") }
        }
    })
}

/// A key that is there counts, even when its value is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "present")]
    output: Option<Json>,
    question: Option<String>,
    schema: Option<Json>,
    declined: Option<String>,
    status: Option<String>,
    challenge: Option<String>,
}

/// What the body of a 200 means.
pub fn read_body(bytes: &[u8]) -> Reply {
    let malformed = |why: String| Reply::Malformed { why };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return malformed(format!("the answer is not UTF-8: {error}")),
    };
    // Bodies are raw text to serde: reading the value bounds depth and numbers everywhere.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return malformed(format!("the answer is not JSON: {error}"));
    }
    let body: Body = match serde_json::from_str(text) {
        Ok(body) => body,
        Err(error) => return malformed(format!("the answer is not of the contract: {error}")),
    };
    match (body.output, body.question, body.declined, body.status, body.challenge) {
        (Some(output), None, None, None, None) => Reply::Output(output),
        (None, Some(question), None, None, None) => {
            Reply::Question { text: cut(&question), schema: body.schema }
        }
        (None, None, Some(reason), None, None) => Reply::Declined(cut(&reason)),
        (None, None, None, Some(status), None) if status == "working" => Reply::Working,
        (None, None, None, Some(status), None) if status == "unknown" => Reply::UnknownJob,
        (None, None, None, Some(_), None) => {
            malformed("the status is neither \"working\" nor \"unknown\"".to_owned())
        }
        (None, None, None, None, Some(challenge)) => Reply::Challenge(cut(&challenge)),
        (None, None, None, None, None) => malformed(
            "the answer has none of the keys output, question, declined, status, challenge".to_owned(),
        ),
        _ => malformed(
            "the answer has two meanings: give one of output, question, declined, status, challenge"
                .to_owned(),
        ),
    }
}

/// The first [`TEXT_BYTES_MAX`] of a text.
pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_390_000_000);

    #[test]
    fn what_statuses_mean() {
        use MessageType::{AgentChallenge, JobAssigned, JobCanceled};
        let later =
            |status, seconds: Option<u64>| Reply::Later { status, after: seconds.map(Duration::from_secs) };
        let table = [
            (JobAssigned, 200, None, None),
            (JobAssigned, 202, None, Some(Reply::Accepted)),
            (JobAssigned, 409, None, Some(Reply::Accepted)),
            (JobAssigned, 410, None, Some(Reply::Gone)),
            (JobAssigned, 404, None, Some(Reply::Refused { status: 404 })),
            (JobAssigned, 429, Some("7"), Some(later(429, Some(7)))),
            (JobAssigned, 503, None, Some(later(503, None))),
            (JobAssigned, 503, Some("999999"), Some(later(503, Some(3_600)))),
            (JobAssigned, 503, Some("Sun, 22 Nov 2026 23:27:10 GMT"), Some(later(503, Some(30)))),
            (JobAssigned, 503, Some("Sun, 22 Nov 2020 23:27:10 GMT"), Some(later(503, Some(0)))),
            (JobAssigned, 503, Some("soon"), Some(later(503, None))),
            (JobCanceled, 204, None, Some(Reply::NotSupported)),
            (JobCanceled, 404, None, Some(Reply::NotSupported)),
            (JobCanceled, 422, None, Some(Reply::NotSupported)),
            (AgentChallenge, 404, None, Some(Reply::Refused { status: 404 })),
        ];
        for (kind, status, retry_after, expected) in table {
            assert_eq!(
                read_status(kind, status, retry_after, NOW),
                expected,
                "{kind:?} {status} {retry_after:?}"
            );
        }
        for status in [500, 502, 504, 599] {
            assert!(
                matches!(read_status(JobAssigned, status, None, NOW), Some(Reply::Unclear { .. })),
                "{status}"
            );
        }
        for status in [100, 204, 206, 301, 302, 307, 600] {
            assert!(
                matches!(read_status(JobAssigned, status, None, NOW), Some(Reply::Malformed { .. })),
                "{status}"
            );
        }
    }

    #[test]
    fn what_bodies_mean() {
        let json = |text: &str| Json::from_text(text.to_owned()).expect("it is JSON");
        let table = [
            (r#"{"output": {"n": 1.50}}"#, Reply::Output(json(r#"{"n": 1.50}"#))),
            (r#"{"output": null}"#, Reply::Output(json("null"))),
            (r#"{"output": 1, "cost": 3}"#, Reply::Output(json("1"))),
            (r#"{"question": "Which?"}"#, Reply::Question { text: "Which?".to_owned(), schema: None }),
            (r#"{"declined": "too hard"}"#, Reply::Declined("too hard".to_owned())),
            (r#"{"status": "working"}"#, Reply::Working),
            (r#"{"status": "unknown"}"#, Reply::UnknownJob),
            (r#"{"challenge": "abc"}"#, Reply::Challenge("abc".to_owned())),
        ];
        for (body, expected) in table {
            assert_eq!(read_body(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_breaks_the_contract_is_told() {
        let deep = format!("{{\"output\":{}{}}}", "[".repeat(128), "]".repeat(128));
        let table = [
            ("", "the answer is not JSON"),
            ("<html>", "the answer is not JSON"),
            ("[1]", "the answer is not of the contract"),
            ("{}", "none of the keys"),
            (r#"{"status": "fine"}"#, "neither"),
            (r#"{"output": 1, "declined": "no"}"#, "two meanings"),
            (r#"{"output": 1, "output": 2}"#, "duplicate field `output`"),
            (r#"{"declined": 7}"#, "invalid type"),
            (r#"{"output": 1e999}"#, "number out of range"),
            (r#"{"output": "\ud800"}"#, "the answer is not JSON"),
            (&deep, "recursion limit exceeded"),
        ];
        for (body, expected) in table {
            let Reply::Malformed { why } = read_body(body.as_bytes()) else { panic!("{body} was accepted") };
            assert!(why.contains(expected), "{body}: {why}");
        }
        assert!(matches!(read_body(b"{\"output\": \"\xff\"}"), Reply::Malformed { .. }));
    }

    #[test]
    fn an_assignment_on_the_wire() {
        let criteria = [Criterion::Rule("max 5 words".to_owned())];
        let assignment = Assignment {
            job: JobId(1042),
            attempt: 2,
            title: "Words",
            brief: "Count them.",
            input: None,
            criteria: &criteria,
            findings: &[],
            callback_url: None,
        };
        let bytes = message(MessageType::JobAssigned, NOW, &assignment);
        assert_eq!(
            String::from_utf8(bytes).expect("text"),
            r#"{"contract":1,"type":"job.assigned","timestamp":"2026-11-22T23:26:40.000Z","data":{"job":1042,"attempt":2,"title":"Words","brief":"Count them.","criteria":[{"rule":"max 5 words"}],"findings":[]}}"#
        );
    }
}
