//! Looking through disguises: the readings of a text that a model might come upon.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Base64 with or without its end, and with bits left over: what stands in a text is rarely exact.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

static BASE64_RUN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/]{16,}={0,2}").expect("an expression"));
static HEX_RUN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:(?:\\x|0x|%)?[0-9a-f]{2}[ ,:]?){12,}").expect("an expression"));
static HEX_PAIR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:\\x|0x|%)?([0-9a-f]{2})").expect("an expression"));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"%([0-9a-fA-F]{2})").expect("an expression"));
static ENTITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:&#(\d{1,6});|(?:&#x([0-9a-f]{1,5});|\\u([0-9a-f]{4})))").expect("an expression")
});
static SPACED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:[A-Za-z][ .*_|-]){3,}[A-Za-z]\b").expect("an expression"));
static MARKUP: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"</?[A-Za-z][^<>]{0,200}>|<!--|-->|[*_`~#>]+").expect("an expression"));
static ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").expect("an expression"));

/// Every reading of a text, each on one line. The first ones are nearest to what stands there.
pub(super) fn readings(text: &str) -> Vec<String> {
    // Within JSON, quotes and line ends are written so.
    let text = text.replace("\\\"", "\"").replace("\\n", "\n");
    let plain = fold(&text);
    let mut readings = vec![one_line(&text), plain.clone()];
    let decoded = [
        decode_base64(&text),
        decode_hex(&text),
        fold(&decode_entities(&text)),
        decode_percent(&text),
        fold(&SPACED.replace_all(&text, |found: &Captures<'_>| letters(&found[0]))),
        MARKUP.replace_all(&plain, "").into_owned(),
        plain.replace(['{', '}', '[', ']', '"', ':', ',', ';', '|', '\\', '/'], " "),
        rot13(&plain),
        plain.chars().rev().collect(),
        unleet(&plain),
    ];
    for reading in decoded.into_iter().map(|reading| one_line(&reading)) {
        if !reading.is_empty() && !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).collect()
}

/// One line without invisible signs, with tag characters and look-alikes as ASCII.
fn fold(text: &str) -> String {
    let text = ESCAPE.replace_all(text, "");
    one_line(&text.chars().filter_map(ascii_of).collect::<String>())
}

/// What a sign looks like; nothing where it has no looks.
fn ascii_of(letter: char) -> Option<char> {
    let code = u32::from(letter);
    let nth = |first: char, number: u32| char::from_u32(u32::from(first) + number);
    match code {
        0xad | 0x034f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff => {
            None
        }
        0x0300..=0x036f => None,
        0xe0020..=0xe007e => char::from_u32(code - 0xe0000),
        0xff01..=0xff5e => char::from_u32(code - 0xff01 + 0x21),
        0x24b6..=0x24cf => nth('a', code - 0x24b6),
        0x24d0..=0x24e9 => nth('a', code - 0x24d0),
        // Mathematical alphabets: thirteen of 52 letters, capitals first.
        0x1d400..=0x1d6a3 => {
            let place = (code - 0x1d400) % 52;
            nth('a', place % 26)
        }
        _ => Some(look_alike(letter)),
    }
}

/// Cyrillic and Greek letters that look Latin.
fn look_alike(letter: char) -> char {
    const PAIRS: [(&str, char); 22] = [
        ("аαΑА", 'a'),
        ("еεΕЕ", 'e'),
        ("оοΟО", 'o'),
        ("рρΡР", 'p'),
        ("сС", 'c'),
        ("хχΧХ", 'x'),
        ("уΥУ", 'y'),
        ("іιІΙ", 'i'),
        ("ѕЅ", 's'),
        ("ԁ", 'd'),
        ("һ", 'h'),
        ("ј", 'j'),
        ("ӏ", 'l'),
        ("ԛ", 'q'),
        ("ԝ", 'w'),
        ("тТτΤ", 't'),
        ("мМΜ", 'm'),
        ("кКκΚ", 'k'),
        ("нНΗ", 'h'),
        ("вВΒ", 'b'),
        ("ѵν", 'v'),
        ("ɡ", 'g'),
    ];
    PAIRS.iter().find(|(alike, _)| alike.contains(letter)).map_or(letter, |(_, latin)| *latin)
}

fn decode_base64(text: &str) -> String {
    let runs = BASE64_RUN.find_iter(text).filter_map(|run| BASE64.decode(run.as_str()).ok());
    runs.filter_map(|bytes| String::from_utf8(bytes).ok()).collect::<Vec<_>>().join(" ")
}

fn decode_hex(text: &str) -> String {
    let read = |run: &str| -> Option<String> {
        let pairs = HEX_PAIR.captures_iter(run).map(|pair| u8::from_str_radix(&pair[1], 16));
        String::from_utf8(pairs.collect::<Result<_, _>>().ok()?).ok()
    };
    HEX_RUN.find_iter(text).filter_map(|run| read(run.as_str())).collect::<Vec<_>>().join(" ")
}

fn decode_entities(text: &str) -> String {
    let decoded = ENTITY.replace_all(text, |found: &Captures<'_>| {
        let decimal = found.get(1).and_then(|digits| digits.as_str().parse().ok());
        let hex = found.get(2).or_else(|| found.get(3));
        let code = decimal.or_else(|| hex.and_then(|digits| u32::from_str_radix(digits.as_str(), 16).ok()));
        code.and_then(char::from_u32).map_or_else(String::new, String::from)
    });
    decoded.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn decode_percent(text: &str) -> String {
    PERCENT
        .replace_all(text, |found: &Captures<'_>| {
            u8::from_str_radix(&found[1], 16)
                .map_or_else(|_| String::new(), |byte| char::from(byte).to_string())
        })
        .into_owned()
}

/// Each letter thirteen places on.
pub(super) fn rot13(text: &str) -> String {
    let turn = |letter: char| {
        let first = if letter.is_ascii_lowercase() { b'a' } else { b'A' };
        match u8::try_from(letter) {
            Ok(byte) if letter.is_ascii_alphabetic() => char::from((byte - first + 13) % 26 + first),
            Ok(_) | Err(_) => letter,
        }
    };
    text.chars().map(turn).collect()
}

/// Digits and signs that stand for letters.
fn unleet(text: &str) -> String {
    let read = |letter| match letter {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(read).collect()
}
