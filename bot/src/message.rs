//! What the bot says, as Discord's JSON, and foreign text made safe for it.
//!
//! No message can mention anybody but the one person it is for. Foreign text never makes a link, a mention or a format.

use crate::select::Select;
use guildhall_protocol::clean::{clean, clean_line, cut};
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;

/// Longest content, characters.
pub(crate) const CONTENT_MAX: usize = 2_000;
/// Longest text of an embed, characters.
const DESCRIPTION_MAX: usize = 4_000;
/// Flag of a message that only its reader sees.
pub(crate) const EPHEMERAL: u64 = 1 << 6;

/// The look of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Primary,
    Secondary,
    Success,
    Danger,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) label: &'static str,
    pub(crate) style: Style,
    pub(crate) custom_id: String,
}

impl Button {
    pub(crate) fn new(label: &'static str, style: Style, id: &crate::custom_id::CustomId) -> Self {
        Self { label, style, custom_id: id.to_string() }
    }

    fn json(&self) -> Value {
        let style = match self.style {
            Style::Primary => 1,
            Style::Secondary => 2,
            Style::Success => 3,
            Style::Danger => 4,
        };
        json!({"type": 2, "style": style, "label": self.label, "custom_id": self.custom_id})
    }
}

/// A file to send along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The box with a coloured edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Embed {
    /// Safe text.
    pub(crate) title: String,
    /// Safe text.
    pub(crate) description: String,
    /// Names and values; safe text.
    pub(crate) fields: Vec<(String, String)>,
    /// Safe text.
    pub(crate) footer: String,
    pub(crate) color: u32,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Safe text.
    pub(crate) content: String,
    pub(crate) embed: Option<Embed>,
    /// Each in a row of its own, before the buttons.
    pub(crate) selects: Vec<Select>,
    pub(crate) buttons: Vec<Button>,
    pub(crate) files: Vec<File>,
}

impl Message {
    /// Some words.
    pub(crate) fn of(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn with(mut self, buttons: Vec<Button>) -> Self {
        self.buttons = buttons;
        self
    }

    /// As Discord's JSON. `ping` may be notified by it, and nobody else. Without `files`, those that a message has stay.
    pub(crate) fn json(&self, ping: Option<u64>) -> Value {
        let users: Vec<String> = ping.iter().map(u64::to_string).collect();
        let buttons = self.buttons.chunks(5);
        let buttons = buttons
            .map(|row| json!({"type": 1, "components": row.iter().map(Button::json).collect::<Vec<_>>()}));
        let rows: Vec<Value> = self.selects.iter().map(Select::row).chain(buttons).collect();
        let embeds: Vec<Value> = self.embed.iter().map(Embed::json).collect();
        let mut message = json!({
            "content": fit(&self.content, CONTENT_MAX),
            "embeds": embeds,
            "components": rows,
            "allowed_mentions": {"parse": [], "users": users},
        });
        if !self.files.is_empty() {
            let named = self.files.iter().enumerate();
            let named = named.map(|(number, file)| json!({"id": number.to_string(), "filename": file.name}));
            message["attachments"] = Value::Array(named.collect());
        }
        message
    }

    /// The same for one reader's eyes.
    pub(crate) fn ephemeral_json(&self) -> Value {
        let mut message = self.json(None);
        message["flags"] = json!(EPHEMERAL);
        message
    }
}

impl Embed {
    fn json(&self) -> Value {
        let mut embed = json!({"color": self.color});
        let mut set = |key: &str, value: Value| {
            if value.as_str().is_none_or(|text| !text.is_empty()) {
                embed[key] = value;
            }
        };
        set("title", json!(fit(&self.title, 256)));
        set("description", json!(fit(&self.description, DESCRIPTION_MAX)));
        if !self.footer.is_empty() {
            set("footer", json!({"text": fit(&self.footer, 1_000)}));
        }
        let fields = self.fields.iter().take(25);
        let fields = fields
            .map(|(name, value)| json!({"name": fit(name, 256), "value": fit(value, 1_000), "inline": true}));
        let fields: Vec<Value> = fields.collect();
        if !fields.is_empty() {
            set("fields", Value::Array(fields));
        }
        embed
    }
}

/// The number that says: for its reader only.
pub(crate) fn ephemeral_flags() -> Value {
    json!({"flags": EPHEMERAL})
}

/// Foreign text on one line, at most so many graphemes, without any power: no format, link, mention or emoji code.
pub(crate) fn line(text: &str, most: usize) -> String {
    escape(&cut(&clean_line(text), most))
}

/// Foreign text with its lines.
pub(crate) fn lines(text: &str, most: usize) -> String {
    escape(&cut(clean(text).trim(), most))
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '#' | '[' | ']' | '(' | ')' | '-' | '+' => {
                safe.push('\\');
                safe.push(letter);
            }
            // A zero-width space takes the power from mentions, emoji codes and links, and is not seen.
            '@' | '<' | ':' => {
                safe.push(letter);
                safe.push('\u{200b}');
            }
            '.' if letters.peek().is_some_and(|next| next.is_alphanumeric()) && is_name(&safe) => {
                safe.push('.');
                safe.push('\u{200b}');
            }
            other => safe.push(other),
        }
    }
    safe
}

/// Whether what stands before a dot may be the name of a site.
fn is_name(before: &str) -> bool {
    before.chars().next_back().is_some_and(char::is_alphanumeric)
}

/// Foreign text in a code block: as it came, but for what could end the block. None if it is longer than `most`, as Discord
/// counts.
pub(crate) fn block(text: &str, most: usize) -> Option<String> {
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in clean(text).trim_end().chars() {
        // Two of them never stand together, so three never do.
        if letter == '`' && safe.ends_with('`') {
            safe.push('\u{200b}');
        }
        safe.push(letter);
    }
    (length(&safe) <= most).then(|| format!("```\n{safe}\n```"))
}

/// Foreign text in a code block, cut where it is longer than `most`.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    // Each of its letters may need one of ours beside it.
    let cut = || block(&fit(&clean(text), most / 2), most).unwrap_or_default();
    block(text, most).unwrap_or_else(cut)
}

/// How long a text is, as Discord counts at its strictest: in units of UTF-16.
pub(crate) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text within Discord's limit, which counts units and not what people see as letters. It is cut between letters, and not
/// behind what only protects the next one.
pub(crate) fn fit(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut fitting = String::new();
    let mut left = most.saturating_sub(1);
    for letter in text.graphemes(true) {
        let Some(rest) = left.checked_sub(length(letter)) else { break };
        left = rest;
        fitting.push_str(letter);
    }
    let protecting = fitting.chars().rev().take_while(|letter| *letter == '\\').count();
    if protecting % 2 == 1 {
        fitting.pop();
    }
    fitting.push('…');
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_letters() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(fit(&family.repeat(3), 25), format!("{family}{family}…"));
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 4), "e\u{301}…");
        assert_eq!((fit(r"ab\*c", 4).as_str(), fit(r"ab\\cd", 5).as_str()), ("ab…", r"ab\\…"));
    }

    #[test]
    fn foreign_text_has_no_power() {
        for bomb in [
            "@everyone",
            "<@123>",
            "<#5>",
            "**bold**",
            "`code`",
            "||spoiler||",
            "[x](https://evil.example)",
            "# big",
            "> quote",
            ":smile:",
        ] {
            let safe = line(bomb, 200);
            assert!(
                !safe.contains("@everyone") && !safe.contains("<@") && !safe.contains("https://"),
                "{safe}"
            );
            let bare: Vec<char> = safe.chars().filter(|letter| "*`|[".contains(*letter)).collect();
            assert!(safe.matches('\\').count() >= bare.len(), "{safe}");
        }
        assert!(!line("see evil.example now", 200).contains("evil.example"));
        assert_eq!(line("It is 3. of May, at 10.", 200), "It is 3. of May, at 10.");
        assert_eq!(line("a\nb\u{202e}c", 200), "a bc");
    }

    #[test]
    fn a_block_cannot_be_left() {
        for ticks in 1..20 {
            let text = block(&format!("one {} two", "`".repeat(ticks)), 100).expect("it fits");
            assert_eq!(text.matches("```").count(), 2, "{text}");
            assert_eq!(text.matches('`').count(), ticks + 6, "none is lost: {text}");
        }
        assert_eq!(block(&"x".repeat(101), 100), None);
    }

    #[test]
    fn what_is_said_fits_as_discord_counts() {
        for heavy in ["z\u{301}\u{302}\u{303}\u{304}".repeat(3_000), "😀".repeat(3_000), "x".repeat(9_000)]
        {
            let embed = Embed { title: heavy.clone(), description: heavy.clone(), ..Embed::default() };
            let message = Message { content: heavy, embed: Some(embed), ..Message::default() }.json(None);
            let units = |text: &Value| text.as_str().map(|text| text.encode_utf16().count());
            let embed = &message["embeds"][0];
            for (text, most) in
                [(&message["content"], 2_000), (&embed["title"], 256), (&embed["description"], 4_000)]
            {
                // No letter is cut in parts, and the longest of them takes five units.
                assert!(units(text).is_some_and(|length| length <= most && length + 5 > most));
            }
        }
        assert_eq!(fit("as it is", 8), "as it is");
    }

    #[test]
    fn nobody_else_is_mentioned() {
        let message = Message::of("hello");
        assert_eq!(message.json(None)["allowed_mentions"], json!({"parse": [], "users": []}));
        assert_eq!(message.json(Some(7))["allowed_mentions"], json!({"parse": [], "users": ["7"]}));
        assert_eq!(message.ephemeral_json()["flags"], 64);
        assert!(message.json(None).get("attachments").is_none(), "files that are there stay");
    }
}
