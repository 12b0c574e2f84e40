//! JSON as lines that fold: one flat index, so that an answer of a megabyte scrolls like one of ten lines. Text that is no
//! JSON is shown as it is.

use guildhall_protocol::clean::{clean, clean_line};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::collections::BTreeSet;
use std::fmt;

/// Longest value in one line, in characters; the rest is cut.
const VALUE_SHOWN_MAX: usize = 2_000;

/// What a line is, for its color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    String,
    Number,
    Word,
    Open,
    Close,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonLine {
    pub(crate) depth: usize,
    /// The key, with its quotes.
    pub(crate) key: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) value: String,
    /// How many members it opens.
    pub(crate) members: usize,
    /// The line after its last: what folding hides ends there.
    end: usize,
    parent: Option<usize>,
    /// Its part of the JSON pointer.
    step: String,
}

/// A value whose fields stand in the order in which they came.
enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, is: bool) -> Result<Value, E> {
        Ok(Value::Bool(is))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Value::Object(object))
    }
}

/// All lines, and which are folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonTree {
    lines: Vec<JsonLine>,
    folded: BTreeSet<usize>,
}

impl JsonTree {
    /// Reads an answer: JSON, or whatever it is.
    pub(crate) fn read(text: &str) -> Self {
        let mut tree = Self::default();
        match serde_json::from_str(text) {
            Ok(Value::String(words)) => tree.words(&words),
            Ok(value) => tree.value(&value, None, String::new(), 0, None),
            Err(_) => tree.words(text),
        }
        tree
    }

    fn words(&mut self, text: &str) {
        for line in clean(text).lines() {
            let value = line.to_owned();
            let end = self.lines.len() + 1;
            self.lines.push(JsonLine {
                depth: 0,
                key: None,
                kind: Kind::Text,
                value,
                members: 0,
                end,
                parent: None,
                step: String::new(),
            });
        }
    }

    fn value(
        &mut self,
        value: &Value,
        key: Option<String>,
        step: String,
        depth: usize,
        parent: Option<usize>,
    ) {
        let (kind, shown, members) = match value {
            Value::Null => (Kind::Word, "null".to_owned(), 0),
            Value::Bool(is) => (Kind::Word, is.to_string(), 0),
            Value::Number(number) => (Kind::Number, number.to_string(), 0),
            Value::String(text) => {
                let cut: String = text.chars().take(VALUE_SHOWN_MAX).collect();
                (Kind::String, format!("\"{}\"", clean_line(&cut)), 0)
            }
            Value::Array(items) => (Kind::Open, "[".to_owned(), items.len()),
            Value::Object(fields) => (Kind::Open, "{".to_owned(), fields.len()),
        };
        let place = self.lines.len();
        let close = match value {
            Value::Array(_) => Some("]"),
            Value::Object(_) => Some("}"),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        self.lines.push(JsonLine { depth, key, kind, value: shown, members, end: place + 1, parent, step });
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.value(item, None, number.to_string(), depth + 1, Some(place));
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    self.value(
                        field,
                        Some(format!("\"{}\"", clean_line(name))),
                        step,
                        depth + 1,
                        Some(place),
                    );
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        if let Some(close) = close {
            if members == 0 {
                self.lines[place].value.push_str(close);
                self.lines[place].kind = Kind::Word;
            } else {
                let end = self.lines.len() + 1;
                self.lines.push(JsonLine {
                    depth,
                    key: None,
                    kind: Kind::Close,
                    value: close.to_owned(),
                    members: 0,
                    end,
                    parent,
                    step: String::new(),
                });
            }
            self.lines[place].end = self.lines.len();
        }
    }

    /// The lines that are shown, by their places.
    pub(crate) fn shown(&self) -> Vec<usize> {
        let mut shown = Vec::new();
        let mut at = 0;
        while let Some(line) = self.lines.get(at) {
            shown.push(at);
            at = if self.folded.contains(&at) { line.end } else { at + 1 };
        }
        shown
    }

    /// All lines as text, unfolded.
    pub(crate) fn text(&self) -> Vec<String> {
        let text = |line: &JsonLine| {
            let key = line.key.as_ref().map_or_else(String::new, |key| format!("{key}: "));
            format!("{}{key}{}", "  ".repeat(line.depth), line.value)
        };
        self.lines.iter().map(text).collect()
    }

    /// A line.
    pub(crate) fn line(&self, place: usize) -> Option<&JsonLine> {
        self.lines.get(place)
    }

    /// Whether a line hides what it opens.
    pub(crate) fn is_folded(&self, place: usize) -> bool {
        self.folded.contains(&place)
    }

    /// Folds what a line opens, or what it belongs to; or unfolds it. The line that is left to stand on.
    pub(crate) fn fold(&mut self, place: usize) -> usize {
        let Some(line) = self.lines.get(place) else { return place };
        let target = if line.members > 0 { Some(place) } else { line.parent };
        let Some(target) = target else { return place };
        if !self.folded.remove(&target) {
            self.folded.insert(target);
        }
        target
    }

    /// The JSON pointer to a line.
    pub(crate) fn path(&self, place: usize) -> String {
        let mut steps = Vec::new();
        let mut at = Some(place);
        while let Some(line) = at.and_then(|at| self.lines.get(at)) {
            if line.parent.is_some() && line.kind != Kind::Close {
                steps.push(line.step.as_str());
            }
            at = line.parent;
        }
        steps.iter().rev().map(|step| format!("/{step}")).collect()
    }

    /// The next line from `from` on, around the end, whose key or value holds the text; what hides it is unfolded.
    pub(crate) fn find(&mut self, text: &str, from: usize) -> Option<usize> {
        let text = text.to_lowercase();
        let count = self.lines.len();
        let holds = |line: &JsonLine| {
            line.value.to_lowercase().contains(&text)
                || line.key.as_ref().is_some_and(|key| key.to_lowercase().contains(&text))
        };
        let found = (0..count).map(|step| (from + step) % count).find(|place| holds(&self.lines[*place]))?;
        let mut at = self.lines[found].parent;
        while let Some(parent) = at {
            self.folded.remove(&parent);
            at = self.lines[parent].parent;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(tree: &JsonTree) -> Vec<String> {
        let one = |place: usize| {
            let line = tree.line(place).expect("it is there");
            let key = line.key.as_ref().map_or_else(String::new, |key| format!("{key}: "));
            let fold = if tree.is_folded(place) { "+" } else { "" };
            format!("{}{key}{}{fold}", "  ".repeat(line.depth), line.value)
        };
        tree.shown().into_iter().map(one).collect()
    }

    #[test]
    fn it_folds_and_unfolds_and_tells_the_path() {
        let mut tree = JsonTree::read(r#"{"a/b":[1,{"c":"x"}],"d":null,"e":[]}"#);
        let whole = [
            "{",
            "  \"a/b\": [",
            "    1",
            "    {",
            "      \"c\": \"x\"",
            "    }",
            "  ]",
            "  \"d\": null",
            "  \"e\": []",
            "}",
        ];
        assert_eq!(drawn(&tree), whole);
        assert_eq!(tree.path(4), "/a~1b/1/c");
        assert_eq!(tree.fold(2), 1, "a leaf folds what it belongs to");
        assert_eq!(drawn(&tree), ["{", "  \"a/b\": [+", "  \"d\": null", "  \"e\": []", "}"]);
        assert_eq!(tree.find("\"c\"", 7), Some(4));
        assert_eq!(drawn(&tree), whole, "what was found is shown");
        assert_eq!(tree.find("nowhere", 0), None);
    }

    #[test]
    fn what_is_no_json_is_shown_line_by_line() {
        assert_eq!(drawn(&JsonTree::read("one\u{1b}[2J\ntwo")), ["one[2J", "two"]);
        assert_eq!(drawn(&JsonTree::read("\"one\\ntwo\"")), ["one", "two"]);
        assert!(drawn(&JsonTree::read("")).is_empty());
    }
}
