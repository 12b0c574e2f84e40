//! Whether words that a model quoted are in the text that it saw.
//!
//! Models copy words faithfully, and signs, line ends, capitals, and JSON escapes less so: only letters and digits are
//! compared, in order, and whatever stands between them counts as one space.

/// Letters that make a quote say something; those of scripts without many letters in a word count [`DENSE`].
const LETTERS_MIN: usize = 6;
/// What a letter counts that is not of ASCII.
const DENSE: usize = 3;
/// Words that make a quote say something, however short they are.
const WORDS_MIN: usize = 3;

/// Whether `quote` is in `text`, in whole words, and long enough to show something: some letters or words, or half of a
/// text that is short itself. A quote without a letter or digit is in no text.
pub(super) fn is_in(quote: &str, text: &str) -> bool {
    let (needle, text) = (essential(quote), essential(text));
    says_something(&needle, &text) && text.match_indices(&needle).any(|(at, _)| is_whole(&needle, &text, at))
}

fn says_something(needle: &str, text: &str) -> bool {
    let weight = |letter: char| match letter {
        ' ' => 0,
        letter if letter.is_ascii() => 1,
        _ => DENSE,
    };
    let letters: usize = needle.chars().map(weight).sum();
    let words = needle.split(' ').filter(|word| !word.is_empty()).count();
    letters > 0 && (letters >= LETTERS_MIN || words >= WORDS_MIN || 2 * needle.len() >= text.len())
}

/// Whether the needle that is found here begins and ends with a word. Scripts that write no spaces have words anywhere.
fn is_whole(needle: &str, text: &str, at: usize) -> bool {
    let joined = |one: Option<char>, other: Option<char>| {
        let inside = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        inside(one) && inside(other)
    };
    let (before, after) = (&text[..at], &text[at + needle.len()..]);
    !joined(before.chars().next_back(), needle.chars().next())
        && !joined(needle.chars().next_back(), after.chars().next())
}

/// Letters and digits, small, with one space between runs of them and none around.
fn essential(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut gap = false;
    for letter in unescaped(text).chars() {
        if letter.is_alphanumeric() {
            if gap && !kept.is_empty() {
                kept.push(' ');
            }
            gap = false;
            kept.extend(letter.to_lowercase());
        } else {
            gap = true;
        }
    }
    kept
}

/// The text with JSON's escapes as what they stand for; other backslashes stay. It is applied to both sides, so that a
/// text which means its backslashes is still found.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (letter, length) = match escape.as_bytes().first() {
            Some(b'n' | b't' | b'r' | b'b' | b'f') => (' ', 1),
            Some(b'"') => ('"', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'/') => ('/', 1),
            Some(b'u') => code(escape).unwrap_or(('\\', 0)),
            Some(_) | None => ('\\', 0),
        };
        plain.push(letter);
        rest = &escape[length..];
    }
    plain.push_str(rest);
    plain
}

/// The character that `uXXXX` or `uXXXX\uXXXX` stands for, and the length of the escape.
fn code(escape: &str) -> Option<(char, usize)> {
    let first = unit(escape)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((letter, 5));
    }
    let second = unit(escape.get(5..)?.strip_prefix('\\')?)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let letter = char::from_u32(0x1_0000 + (first.checked_sub(0xd800)? << 10) + second.checked_sub(0xdc00)?)?;
    is_pair.then_some((letter, 11))
}

fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}
