//! Rules in plain words: `max 200 words`, `contains "x"`, `valid JSON`.
//!
//! They apply to the readable text of an answer. The forms are few on purpose: whoever needs more writes an expression
//! (see [`super::rule`]). Every form is linear in the size of the answer.

use guildhall_protocol::clean::{clean_line, cut};
use serde_json::Value;
use std::fmt;

/// One example of each form, for people.
pub const EXAMPLES: &[&str] = &[
    "max 200 words",
    "min 3 words",
    "at least 2 items",
    "at most 80 characters",
    "max 10 lines",
    "contains \"total\"",
    "does not contain \"TODO\"",
    "starts with \"Dear\"",
    "ends with \".\"",
    "valid JSON",
    "one of \"yes\", \"no\"",
];

/// Quoted texts longer than this are cut in reasons, in graphemes.
const QUOTE_SHOWN_MAX: usize = 60;

/// A rule in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// At most so many.
    AtMost(u64, Unit),
    /// At least so many.
    AtLeast(u64, Unit),
    /// The text has this somewhere, in this case.
    Contains(String),
    /// The text has this nowhere.
    Lacks(String),
    /// The text begins so, white space aside.
    StartsWith(String),
    /// The text ends so, white space aside.
    EndsWith(String),
    /// The text is one JSON document.
    ValidJson,
    /// The text is one of these, white space aside.
    OneOf(Vec<String>),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Runs of anything but white space.
    Words,
    /// Unicode code points.
    Characters,
    /// Lines that are not the empty rest after a final line break.
    Lines,
    /// Elements of a list.
    Items,
}

/// Why words that look like a plain rule are none. Says which form was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; for example: {example}")]
pub struct PlainError {
    /// What is wrong.
    pub problem: String,
    /// The form that was probably meant.
    pub example: &'static str,
}

impl Plain {
    /// Reads a rule; `None` if it does not begin like any of the forms.
    ///
    /// # Errors
    /// It begins like one, and then goes wrong.
    pub fn parse(source: &str) -> Result<Option<Self>, PlainError> {
        let source = source.trim().trim_end_matches('.').trim_end();
        if source.eq_ignore_ascii_case("valid json") {
            return Ok(Some(Self::ValidJson));
        }
        if let Some(rest) = after_any(source, &["max", "at most", "maximum", "no more than"]) {
            return amount(rest, "max 200 words").map(|(n, unit)| Some(Self::AtMost(n, unit)));
        }
        if let Some(rest) = after_any(source, &["min", "at least", "minimum"]) {
            return amount(rest, "min 3 words").map(|(n, unit)| Some(Self::AtLeast(n, unit)));
        }
        if let Some(rest) = after_any(source, &["contains"]) {
            return one_quote(rest, "contains \"total\"").map(|text| Some(Self::Contains(text)));
        }
        if let Some(rest) = after_any(source, &["does not contain", "doesn't contain"]) {
            return one_quote(rest, "does not contain \"TODO\"").map(|text| Some(Self::Lacks(text)));
        }
        if let Some(rest) = after_any(source, &["starts with", "begins with"]) {
            return one_quote(rest, "starts with \"Dear\"").map(|text| Some(Self::StartsWith(text)));
        }
        if let Some(rest) = after_any(source, &["ends with"]) {
            return one_quote(rest, "ends with \".\"").map(|text| Some(Self::EndsWith(text)));
        }
        if let Some(rest) = after_any(source, &["one of"]) {
            return quotes(rest, "one of \"yes\", \"no\"").map(|texts| Some(Self::OneOf(texts)));
        }
        Ok(None)
    }

    /// Checks an answer; `display` is the JSON pointer of what people should read. The error says what is wrong with the
    /// answer.
    ///
    /// # Errors
    /// The answer does not meet the rule.
    pub fn check(&self, output: &Value, display: Option<&str>) -> Result<(), String> {
        let shown = display.and_then(|pointer| output.pointer(pointer));
        match self {
            Self::AtMost(most, unit) => match unit.count(output, shown)? {
                found if found > *most => {
                    Err(format!("the answer has {}, at most {most} are allowed", unit.of(found)))
                }
                _ => Ok(()),
            },
            Self::AtLeast(least, unit) => match unit.count(output, shown)? {
                found if found < *least => {
                    Err(format!("the answer has {}, at least {least} are needed", unit.of(found)))
                }
                _ => Ok(()),
            },
            Self::Contains(text) => met(readable(output, shown).contains(text.as_str()), || {
                format!("the answer does not contain {}", Quoted(text))
            }),
            Self::Lacks(text) => met(!readable(output, shown).contains(text.as_str()), || {
                format!("the answer contains {}", Quoted(text))
            }),
            Self::StartsWith(text) => {
                met(readable(output, shown).trim_start().starts_with(text.trim_start()), || {
                    format!("the answer does not start with {}", Quoted(text))
                })
            }
            Self::EndsWith(text) => {
                met(readable(output, shown).trim_end().ends_with(text.trim_end()), || {
                    format!("the answer does not end with {}", Quoted(text))
                })
            }
            Self::ValidJson => match serde_json::from_str::<Value>(&readable(output, shown)) {
                Ok(_) => Ok(()),
                Err(error) => Err(format!(
                    "the answer is not valid JSON: line {}, column {}",
                    error.line(),
                    error.column()
                )),
            },
            Self::OneOf(texts) => {
                let answer = readable(output, shown);
                met(texts.iter().any(|text| text.trim() == answer.trim()), || {
                    let texts: Vec<String> = texts.iter().map(|text| Quoted(text).to_string()).collect();
                    cut(&format!("the answer is none of {}", texts.join(", ")), 400)
                })
            }
        }
    }
}

impl Unit {
    fn count(self, output: &Value, shown: Option<&Value>) -> Result<u64, String> {
        let count = match self {
            Self::Words => words(&readable(output, shown)),
            Self::Characters => readable(output, shown).chars().count(),
            Self::Lines => lines(&readable(output, shown)),
            Self::Items => match (shown.unwrap_or(output), output.get("items")) {
                (Value::Array(items), _) | (_, Some(Value::Array(items))) => items.len(),
                _ => return Err("the answer is not a list, so its items can't be counted".to_owned()),
            },
        };
        Ok(count as u64)
    }

    /// "1 word", "2 words".
    fn of(self, count: u64) -> String {
        let (one, many) = match self {
            Self::Words => ("word", "words"),
            Self::Characters => ("character", "characters"),
            Self::Lines => ("line", "lines"),
            Self::Items => ("item", "items"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// Words of a text: runs of anything but white space.
pub fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Lines of a text; a final line break begins no line.
pub fn lines(text: &str) -> usize {
    text.lines().count()
}

/// The text of an answer that people read: what the display pointer shows, else the answer itself if it is a string,
/// else its `text`, else its compact JSON.
pub fn readable(output: &Value, shown: Option<&Value>) -> String {
    match (shown, output, output.get("text")) {
        (Some(Value::String(text)), _, _) => text.clone(),
        (Some(other), _, _) => other.to_string(),
        (None, Value::String(text), _) | (None, _, Some(Value::String(text))) => text.clone(),
        (None, other, _) => other.to_string(),
    }
}

fn met(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// What follows one of some openings, in any case, as a word of its own.
fn after_any<'a>(source: &'a str, openings: &[&str]) -> Option<&'a str> {
    openings.iter().find_map(|opening| {
        let (start, rest) = source.split_at_checked(opening.len())?;
        let whole = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (start.eq_ignore_ascii_case(opening) && whole).then(|| rest.trim())
    })
}

fn amount(rest: &str, example: &'static str) -> Result<(u64, Unit), PlainError> {
    let wrong = |problem: String| PlainError { problem, example };
    let (number, unit) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let number = number
        .replace([',', '_'], "")
        .parse()
        .map_err(|_| wrong(format!("{} is not a number such as 200", Quoted(number))))?;
    let unit = match unit.trim().to_lowercase().as_str() {
        "word" | "words" => Unit::Words,
        "character" | "characters" | "char" | "chars" => Unit::Characters,
        "line" | "lines" => Unit::Lines,
        "item" | "items" => Unit::Items,
        other => {
            return Err(wrong(format!(
                "{} can't be counted, only words, characters, lines and items",
                Quoted(other)
            )));
        }
    };
    Ok((number, unit))
}

fn one_quote(rest: &str, example: &'static str) -> Result<String, PlainError> {
    match <[String; 1]>::try_from(quotes(rest, example)?) {
        Ok([text]) => Ok(text),
        Err(_) => Err(PlainError { problem: "only one quoted text can stand here".to_owned(), example }),
    }
}

/// Quoted texts separated by commas; within straight quotes a backslash keeps the next character.
fn quotes(rest: &str, example: &'static str) -> Result<Vec<String>, PlainError> {
    let wrong = |problem: &str| PlainError { problem: problem.to_owned(), example };
    let mut texts = Vec::new();
    let mut chars = rest.chars();
    loop {
        let close = match chars.next() {
            Some('"') => '"',
            Some('\'') => '\'',
            Some('\u{201c}') => '\u{201d}',
            Some(_) | None => return Err(wrong("the text must stand in quotes")),
        };
        let mut text = String::new();
        loop {
            match chars.next() {
                None => return Err(wrong("the closing quote is missing")),
                Some(c) if c == close => break,
                Some('\\') => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c) => text.push(c),
                    None => return Err(wrong("the closing quote is missing")),
                },
                Some(c) => text.push(c),
            }
        }
        if text.is_empty() {
            return Err(wrong("the quoted text is empty"));
        }
        texts.push(text);
        match chars.as_str().trim_start() {
            "" => return Ok(texts),
            after => match after.strip_prefix(',').or_else(|| after.strip_prefix("or ")) {
                Some(next) => chars = next.trim_start().trim_start_matches("or ").trim_start().chars(),
                None => return Err(wrong("quoted texts are separated by commas")),
            },
        }
    }
}

/// A text in quotes, cleaned and cut.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", cut(&clean_line(self.0), QUOTE_SHOWN_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_example_is_understood() {
        for example in EXAMPLES {
            assert!(matches!(Plain::parse(example), Ok(Some(_))), "{example}");
        }
    }

    #[test]
    fn forms_are_read_as_people_write_them() {
        let table = [
            ("Max 1,000 words.", Plain::AtMost(1000, Unit::Words)),
            ("  at most 80 chars ", Plain::AtMost(80, Unit::Characters)),
            ("no more than 1 line", Plain::AtMost(1, Unit::Lines)),
            ("AT LEAST 2 items", Plain::AtLeast(2, Unit::Items)),
            ("contains 'it is'", Plain::Contains("it is".into())),
            ("doesn't contain \"a \\\"b\\\"\"", Plain::Lacks("a \"b\"".into())),
            ("begins with \u{201c}Dear\u{201d}", Plain::StartsWith("Dear".into())),
            ("one of \"a\" , \"b\", or \"c\"", Plain::OneOf(vec!["a".into(), "b".into(), "c".into()])),
            ("VALID JSON", Plain::ValidJson),
        ];
        for (source, plain) in table {
            assert_eq!(Plain::parse(source), Ok(Some(plain)), "{source}");
        }
        for other in ["output.n > 1", "maximize(output)", "max(1, 2) > 1", "", "valid"] {
            assert_eq!(Plain::parse(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_begins_well_and_goes_wrong_says_how() {
        let table = [
            ("max two hundred words", "\"two\" is not a number"),
            ("max 200 pages", "\"pages\" can't be counted"),
            ("max", "is not a number"),
            ("contains total", "must stand in quotes"),
            ("contains \"total", "closing quote is missing"),
            ("contains \"\"", "is empty"),
            ("contains \"a\", \"b\"", "only one quoted text"),
            ("one of \"a\" \"b\"", "separated by commas"),
        ];
        for (source, part) in table {
            let error = Plain::parse(source).expect_err(source).to_string();
            assert!(error.contains(part) && error.contains("for example: "), "{source}: {error}");
        }
    }

    /// Checks one rule on one answer: an empty reason stands for "met".
    fn check(source: &str, output: &Value, display: Option<&str>, reason: &str) {
        let plain = Plain::parse(source).expect(source).expect(source);
        let found = plain.check(output, display).err().unwrap_or_default();
        assert_eq!(found, reason, "{source} on {output}");
    }

    #[test]
    fn answers_are_counted() {
        check("max 3 words", &json!("one two  three\n"), None, "");
        check("max 2 words", &json!("one two three"), None, "the answer has 3 words, at most 2 are allowed");
        check("min 2 words", &json!({"text": "one"}), None, "the answer has 1 word, at least 2 are needed");
        check("max 2 lines", &json!("a\nb\n"), None, "");
        check("max 2 characters", &json!("äöü"), None, "the answer has 3 characters, at most 2 are allowed");
        check("at least 2 items", &json!([1, 2]), None, "");
        check("at least 2 items", &json!({"rows": [1, 2]}), Some("/rows"), "");
        check(
            "at least 2 items",
            &json!("x"),
            None,
            "the answer is not a list, so its items can't be counted",
        );
    }

    #[test]
    fn the_readable_text_is_what_people_see() {
        let answer = json!({"text": "hello", "summary": {"short": "bye"}});
        check("contains \"bye\"", &answer, Some("/summary/short"), "");
        check("contains \"bye\"", &answer, None, "the answer does not contain \"bye\"");
        check("contains \"hello\"", &answer, Some("/nowhere"), "");
        check("contains \"42\"", &json!({"n": 42}), None, "");
        check("does not contain \"o\"", &json!("no"), None, "the answer contains \"o\"");
        check("starts with \"Dear\"", &json!("\n Dear you."), None, "");
        check("ends with \"you.\"", &json!("Dear you. "), None, "");
        check("one of \"yes\", \"no\"", &json!(" yes\n"), None, "");
        check("one of \"yes\", \"no\"", &json!("Yes"), None, "the answer is none of \"yes\", \"no\"");
        check("valid JSON", &json!("{\"a\": 1}"), None, "");
        check("valid JSON", &json!({"a": 1}), None, "");
        check("valid JSON", &json!("{"), None, "the answer is not valid JSON: line 1, column 1");
    }
}
