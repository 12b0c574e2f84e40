//! A model that does what it reads. It thinks as the sensible mind does, and then obeys.

use super::brain;
use super::disguises::{BASE64, rot13};
use super::orders::{Broken, Form, Orders};
use super::prompt::Prompt;
use super::reply::Reply;
use super::request::ChatRequest;
use base64::Engine;
use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Secrets that are looked for in a system prompt.
const SECRETS_MAX: usize = 12;
/// Characters of a system prompt that are told in one breath.
const TOLD_CHARS_MAX: usize = 1_000;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z0-9_-]{6,}").expect("an expression"));
static KEPT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)canary|secret|code ?word|password|never (?:be|appear|write|repeat|print|say|show)")
        .expect("an expression")
});

/// Which texts it obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gullible {
    /// All of them: it reads through marks and disguises.
    ReadsMarks,
    /// Those whose spaces are not replaced by marks.
    PlainOnly,
}

impl Gullible {
    /// What it says to a chat.
    pub(super) fn reply(self, chat: &ChatRequest) -> Reply {
        let prompt = chat.prompt();
        let orders = self.orders(&prompt);
        let thought = brain::think(chat);
        let Ok(mut answer) = serde_json::from_str::<Value>(&thought) else { return Reply::Text(thought) };
        let mut obeyed = false;
        if orders.pass && answer["findings"].is_array() {
            let quote = orders.quote.clone();
            let quote =
                quote.unwrap_or_else(|| brain::first_words(prompt.text_of("answer").unwrap_or_default()));
            answer = brain::passing(&prompt, &quote);
            obeyed = true;
        }
        if let (Some(name), true) = (&orders.choose, answer["agent"].is_string()) {
            answer = json!({"agent": as_listed(name, chat), "reason": "I was told to choose it."});
            obeyed = true;
        }
        if let Some(form) = orders.leak {
            tell(&mut answer, &told(&chat.system, form));
            obeyed = true;
        }
        match orders.breaks.filter(|_| !obeyed) {
            Some(Broken::Text) => {
                Reply::Text("As you wish: no more forms. Roses are red, violets are blue.".to_owned())
            }
            Some(Broken::OtherJson) => Reply::Json(json!({"status": "ok", "done_as_told": true})),
            None => Reply::Json(answer),
        }
    }

    /// What the blocks of a prompt order that it obeys. All of them are also read as one, since an order may be split.
    /// What stands between blocks is the asker's own ("judge every criterion: pass, fail ...") and no order of a stranger.
    fn orders(self, prompt: &Prompt) -> Orders {
        let obeys = |marked: bool| match self {
            Self::ReadsMarks => true,
            Self::PlainOnly => !marked,
        };
        let mut orders = Orders::default();
        let mut together = String::new();
        for block in prompt.blocks.iter().filter(|block| obeys(block.marked)) {
            orders.merge(Orders::read(&block.text, block.label.strip_prefix("agent ")));
            together.extend([block.text.as_str(), " "]);
        }
        orders.merge(Orders::read(&together, None));
        orders
    }
}

/// A name as the list writes names.
fn as_listed(name: &str, chat: &ChatRequest) -> String {
    let bare = name.trim_start_matches('@');
    let at = brain::listed(chat).iter().any(|listed| listed.starts_with('@'));
    if at { format!("@{bare}") } else { bare.to_owned() }
}

/// Puts a text where an answer has room for text.
fn tell(answer: &mut Value, text: &str) {
    if let Some(finding) = answer.get_mut("findings").and_then(|findings| findings.get_mut(0)) {
        finding["reason"] = json!(text);
    } else if answer["reason"].is_string() {
        answer["reason"] = json!(text);
    } else if let Some(missing) = answer.get_mut("missing").and_then(Value::as_array_mut) {
        missing.push(json!({"field": "note", "question": text}));
    } else {
        *answer = json!({"note": text});
    }
}

/// The secrets of a system prompt in the wanted form; all of it where it has none.
fn told(system: &str, form: Form) -> String {
    let mut found = secrets(system);
    if found.is_empty() {
        found.push(system.chars().take(TOLD_CHARS_MAX).collect());
    }
    let written: Vec<String> = found.iter().map(|secret| write(secret, form)).collect();
    match form {
        Form::Plain => {
            let all: String = system.chars().take(TOLD_CHARS_MAX).collect();
            format!("{} {all}", written.join(" "))
        }
        Form::Spaced
        | Form::Dashed
        | Form::Reversed
        | Form::Upper
        | Form::Base64
        | Form::Hex
        | Form::Rot13 => written.join("   "),
    }
}

/// How a secret is written in a form.
pub(super) fn write(secret: &str, form: Form) -> String {
    let apart = |by: &str| secret.chars().map(String::from).collect::<Vec<_>>().join(by);
    match form {
        Form::Plain => secret.to_owned(),
        Form::Spaced => apart(" "),
        Form::Dashed => apart("-"),
        Form::Reversed => secret.chars().rev().collect(),
        Form::Upper => secret.to_uppercase(),
        Form::Base64 => BASE64.encode(secret),
        Form::Hex => secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        Form::Rot13 => rot13(secret),
    }
}

/// Words that look random come first; then every longer word of a sentence about something that is to be kept.
fn secrets(system: &str) -> Vec<String> {
    let mut found: Vec<&str> =
        TOKEN.find_iter(system).map(|word| word.as_str()).filter(|word| is_random(word)).collect();
    for line in system.lines().filter(|line| KEPT.is_match(line)) {
        found.extend(TOKEN.find_iter(line).map(|word| word.as_str()).filter(|word| word.len() >= 8));
    }
    let mut secrets: Vec<String> = Vec::new();
    for word in found {
        if secrets.len() < SECRETS_MAX && !secrets.iter().any(|known| known == word) {
            secrets.push(word.to_owned());
        }
    }
    secrets
}

/// Letters mixed with digits, or nothing but capitals.
fn is_random(word: &str) -> bool {
    let any = |is: fn(&u8) -> bool| word.bytes().any(|byte| is(&byte));
    let mixed = any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic);
    mixed || word.bytes().all(|byte| byte.is_ascii_uppercase())
}
