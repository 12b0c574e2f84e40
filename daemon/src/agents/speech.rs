//! The ways in which an agent is spoken to: what stands in the head of a request, how it is shown to the owner, and how a
//! status and a body are read. [`super::delivery`] carries it.
//!
//! A secret of ours stays here: neither a key nor a signing secret gets into a line for the owner or into an answer.

use super::chat;
use super::contract::{self, Reply};
use super::delivery::{Exchange, REPLY_HEAD_BYTES_MAX};
use super::signing::SigningSecret;
use guildhall_protocol::agent::AgentKey;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use std::borrow::Cow;

/// Keys that are shorter are placeholders, such as `ollama`, and may be words of an answer.
const KEY_HIDDEN_FROM: usize = 12;
/// As much of a key at the end of what was read is taken for the key.
const KEY_BEGINNING: usize = 4;
/// Stands where the key stood.
const HIDDEN: &str = "$KEY";

/// How an agent is spoken to, with what proves that it is us.
#[derive(Clone, Copy, Debug)]
pub enum Speech<'a> {
    /// Guildhall's own contract, signed with each of these secrets, as Standard Webhooks does while one replaces another.
    Native(&'a [SigningSecret]),
    /// OpenAI's chat completions.
    Chat {
        /// Opens the endpoint.
        key: &'a AgentKey,
        /// Whether the answer is JSON of a schema, and not text.
        structured: bool,
    },
}

impl Speech<'_> {
    /// Where a message goes.
    pub(super) fn address(self, endpoint: &str) -> Cow<'_, str> {
        match self {
            Self::Native(_) => Cow::Borrowed(endpoint),
            Self::Chat { .. } => Cow::Owned(chat::address(endpoint)),
        }
    }

    /// The head of a request; none if it cannot be signed.
    pub(super) fn headers(self, exchange: &Exchange<'_>) -> Option<HeaderMap> {
        let (trace, span) = exchange.trace;
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", format!("00-{trace:032x}-{span:016x}-01").parse().ok()?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::Native(secrets) => sign(&mut headers, secrets, exchange)?,
            Self::Chat { key, .. } => {
                headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
                if !key.reveal().is_empty() {
                    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal())).ok()?;
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
            }
        }
        Some(headers)
    }

    /// What a status alone means; none when the body decides.
    pub(super) fn read_status(
        self,
        exchange: &Exchange<'_>,
        status: u16,
        retry_after: Option<&str>,
    ) -> Option<Reply> {
        let reply = contract::read_status(exchange.kind, status, retry_after, exchange.now);
        match self {
            Self::Native(_) => reply,
            Self::Chat { .. } => reply.map(|reply| chat::read_status(status, reply)),
        }
    }

    /// What the body of a 200 means.
    pub(super) fn read_body(self, exchange: &Exchange<'_>, body: &[u8]) -> Reply {
        match self {
            Self::Native(_) => contract::read_body(body),
            Self::Chat { structured, .. } => chat::read_body(exchange.kind, structured, body),
        }
    }

    /// What an owner can do about a refusal, where the status says it.
    pub(super) fn hint(self, reply: &Reply) -> Option<&'static str> {
        if let (Self::Chat { .. }, Reply::Refused { status }) = (self, reply) {
            return chat::hint(*status);
        }
        None
    }

    /// Takes the key out of what came back: some servers quote it when they refuse it, and answers go to clients.
    pub(super) fn hide(self, body: &mut Vec<u8>) {
        let Self::Chat { key, .. } = self else { return };
        let key = key.reveal();
        if key.len() < KEY_HIDDEN_FROM {
            return;
        }
        replace(body, key.as_bytes());
        if key.contains('/') {
            // JSON may be written so.
            replace(body, key.replace('/', r"\/").as_bytes());
        }
        let lengths = (KEY_BEGINNING..key.len()).rev();
        let mut cut_off = lengths.filter(|length| body.ends_with(&key.as_bytes()[..*length]));
        if let Some(length) = cut_off.next() {
            body.truncate(body.len() - length);
        }
    }
}

fn replace(body: &mut Vec<u8>, secret: &[u8]) {
    if !body.windows(secret.len()).any(|window| window == secret) {
        return;
    }
    let mut shown = Vec::with_capacity(body.len());
    let mut rest = body.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(secret) {
            shown.extend_from_slice(HIDDEN.as_bytes());
            rest = after;
        } else {
            shown.push(*first);
            rest = after;
        }
    }
    *body = shown;
}

fn sign(headers: &mut HeaderMap, secrets: &[SigningSecret], exchange: &Exchange<'_>) -> Option<()> {
    let seconds = exchange.now.0.div_euclid(1_000);
    let signatures = secrets.iter().map(|secret| secret.sign(exchange.id, seconds, &exchange.body).ok());
    let signature = signatures.collect::<Option<Vec<_>>>()?.join(" ");
    headers.insert("webhook-id", exchange.id.parse().ok()?);
    headers.insert("webhook-timestamp", seconds.to_string().parse().ok()?);
    headers.insert("webhook-signature", signature.parse().ok()?);
    if let Some(deadline) = exchange.deadline {
        let time = jiff::Timestamp::from_millisecond(deadline.0).ok()?;
        headers.insert("guildhall-deadline", format!("{time:.0}").parse().ok()?);
    }
    Some(())
}

/// A shell line that sends the same again. It holds the signature, never a secret: a key stands as `$KEY`.
pub(super) fn curl(exchange: &Exchange<'_>, headers: &HeaderMap) -> String {
    use std::fmt::Write;
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut line = format!("curl -X POST {}", quoted(&exchange.speech.address(exchange.endpoint)));
    for (name, value) in headers {
        let header = if value.is_sensitive() {
            format!("\"{name}: Bearer {HIDDEN}\"")
        } else {
            quoted(&format!("{name}: {}", value.to_str().unwrap_or_default()))
        };
        write!(line, " -H {header}").expect("a string takes all");
    }
    if exchange.body.len() <= REPLY_HEAD_BYTES_MAX {
        write!(line, " --data-raw {}", quoted(&String::from_utf8_lossy(&exchange.body)))
            .expect("a string takes all");
    } else {
        line.push_str(" --data-binary @message.json");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(key: &str, body: &str) -> String {
        let key: AgentKey = key.parse().expect("a key");
        let mut body = body.as_bytes().to_vec();
        Speech::Chat { key: &key, structured: false }.hide(&mut body);
        String::from_utf8(body).expect("text")
    }

    #[test]
    fn a_key_is_taken_out_of_what_comes_back() {
        let key = "sk-abc/def-0123456789";
        for (body, shown) in [
            ("no such thing here", "no such thing here"),
            ("key sk-abc/def-0123456789 and sk-abc/def-0123456789!", "key $KEY and $KEY!"),
            (r"written sk-abc\/def-0123456789 so", "written $KEY so"),
            ("cut off after sk-abc/d", "cut off after "),
            ("", ""),
        ] {
            assert_eq!(hidden(key, body), shown);
        }
        assert_eq!(hidden("ollama", "ask ollama"), "ask ollama", "a placeholder is a word like any other");
    }
}
