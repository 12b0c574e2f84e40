//! What a message may be: the limits that Discord documents, in letters, not bytes.

use super::components;
use super::form::Upload;
use super::refused::Refused;
use super::world::COMPONENTS_V2;
use serde_json::Value;

const CONTENT_LETTERS_MAX: usize = 2_000;
const EMBEDS_MAX: usize = 10;
const EMBEDS_LETTERS_MAX: usize = 6_000;
const FIELDS_MAX: usize = 25;
const NONCE_LETTERS_MAX: usize = 25;
const FILES_MAX: usize = 10;
/// Bytes of one file.
pub(super) const FILE_BYTES_MAX: usize = 10 << 20;
/// The flags that a bot may set on a message.
const FLAGS: u64 = (1 << 2) | (1 << 6) | (1 << 12) | COMPONENTS_V2;

/// Checks what a bot wants to write; `at` is where it stands in the request, empty or ending in a dot.
pub(super) fn check_message(data: &Value, files: &[Upload], at: &str) -> Result<(), Refused> {
    check_change(data, files, at, 0)
}

/// Checks what a bot wants to change in a message that has these flags.
pub(super) fn check_change(data: &Value, files: &[Upload], at: &str, before: u64) -> Result<(), Refused> {
    if !data.is_object() && !data.is_null() {
        let said = "Only dictionaries may be used in a DictType";
        return Err(Refused::form(at.trim_end_matches('.'), "DICT_TYPE_CONVERT", said));
    }
    let flags = data["flags"].as_u64().unwrap_or(0);
    if flags & !FLAGS != 0 {
        let said = format!("the flags {flags} are not for bots");
        return Err(Refused::form(&format!("{at}flags"), "BITFIELD", &said));
    }
    text(data, "content", &format!("{at}content"), 0, CONTENT_LETTERS_MAX)?;
    check_embeds(&data["embeds"], &format!("{at}embeds"))?;
    let v2 = (flags | before) & COMPONENTS_V2 != 0;
    if v2 && (says_something(&data["content"]) || says_something(&data["embeds"])) {
        let said = "The content and embeds fields cannot be used with MessageFlags.IS_COMPONENTS_V2";
        return Err(Refused::form(&format!("{at}flags"), "MESSAGE_CANNOT_USE_LEGACY_FIELDS", said));
    }
    components::check(&data["components"], v2, &format!("{at}components"))?;
    check_nonce(&data["nonce"], &format!("{at}nonce"))?;
    check_mentions(&data["allowed_mentions"], &format!("{at}allowed_mentions"))?;
    check_files(files, at)
}

/// Whether a value is more than null, an empty text or an empty list.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

/// Checks the length of a text that may be absent or null; answers its letters.
pub(super) fn text(data: &Value, name: &str, at: &str, min: usize, max: usize) -> Result<usize, Refused> {
    let value = &data[name];
    let letters = match value {
        Value::Null => return Ok(0),
        Value::String(text) => text.trim().chars().count(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            return Err(Refused::form(at, "STRING_TYPE_CONVERT", "Could not interpret as string."));
        }
    };
    if letters > max {
        let said = format!("Must be {max} or fewer in length.");
        return Err(Refused::form(at, "BASE_TYPE_MAX_LENGTH", &said));
    }
    if letters < min {
        let said = format!("Must be between {min} and {max} in length.");
        return Err(Refused::form(at, "BASE_TYPE_BAD_LENGTH", &said));
    }
    Ok(letters)
}

/// Like [`text`], and it must be there.
pub(super) fn required(data: &Value, name: &str, at: &str, min: usize, max: usize) -> Result<usize, Refused> {
    if data[name].is_null() {
        return Err(Refused::required(at));
    }
    text(data, name, at, min, max)
}

/// Checks the number of items of a list that may be absent or null; answers them.
pub(super) fn list<'a>(value: &'a Value, at: &str, max: usize) -> Result<&'a [Value], Refused> {
    let items = match value {
        Value::Null => return Ok(&[]),
        Value::Array(items) => items,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err(Refused::form(at, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
        }
    };
    if items.len() > max {
        let said = format!("Must be {max} or fewer in length.");
        return Err(Refused::form(at, "BASE_TYPE_MAX_LENGTH", &said));
    }
    Ok(items)
}

fn check_embeds(embeds: &Value, at: &str) -> Result<(), Refused> {
    let mut letters = 0;
    for (number, embed) in list(embeds, at, EMBEDS_MAX)?.iter().enumerate() {
        let at = format!("{at}.{number}");
        letters += text(embed, "title", &format!("{at}.title"), 0, 256)?;
        letters += text(embed, "description", &format!("{at}.description"), 0, 4_096)?;
        letters += text(&embed["footer"], "text", &format!("{at}.footer.text"), 0, 2_048)?;
        letters += text(&embed["author"], "name", &format!("{at}.author.name"), 0, 256)?;
        let fields = list(&embed["fields"], &format!("{at}.fields"), FIELDS_MAX)?;
        for (number, field) in fields.iter().enumerate() {
            let at = format!("{at}.fields.{number}");
            letters += required(field, "name", &format!("{at}.name"), 1, 256)?;
            letters += required(field, "value", &format!("{at}.value"), 1, 1_024)?;
        }
        if embed["color"].as_u64().is_some_and(|color| color > 0xFF_FFFF) {
            let said = "int value should be less than or equal to 16777215.";
            return Err(Refused::form(&format!("{at}.color"), "NUMBER_TYPE_MAX", said));
        }
        let is_address = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if embed["url"].as_str().is_some_and(|url| !is_address(url)) {
            return Err(Refused::form(
                &format!("{at}.url"),
                "URL_TYPE_INVALID_URL",
                "Not a well formed URL.",
            ));
        }
    }
    if letters > EMBEDS_LETTERS_MAX {
        let said = "Embed size exceeds maximum size of 6000";
        return Err(Refused::form(at, "MAX_EMBED_SIZE_EXCEEDED", said));
    }
    Ok(())
}

fn check_nonce(nonce: &Value, at: &str) -> Result<(), Refused> {
    let letters = match nonce {
        Value::Null => 0,
        Value::String(text) => text.chars().count(),
        Value::Number(number) => number.to_string().len(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => NONCE_LETTERS_MAX + 1,
    };
    if letters > NONCE_LETTERS_MAX {
        return Err(Refused::form(at, "NONCE_TYPE_TOO_LONG", "Nonce is too long"));
    }
    Ok(())
}

fn check_mentions(mentions: &Value, at: &str) -> Result<(), Refused> {
    let parse = mentions["parse"].as_array().cloned().unwrap_or_default();
    for kind in ["users", "roles"] {
        if parse.iter().any(|parsed| parsed == kind) && says_something(&mentions[kind]) {
            let said = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            return Err(Refused::form(at, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &said));
        }
    }
    Ok(())
}

fn check_files(files: &[Upload], at: &str) -> Result<(), Refused> {
    if files.len() > FILES_MAX {
        let said = "Must be 10 or fewer in length.";
        return Err(Refused::form(&format!("{at}attachments"), "BASE_TYPE_MAX_LENGTH", said));
    }
    if files.iter().any(|file| file.bytes.len() > FILE_BYTES_MAX) {
        return Err(Refused::by_the_bot(413, 40_005, "Request entity too large"));
    }
    Ok(())
}
