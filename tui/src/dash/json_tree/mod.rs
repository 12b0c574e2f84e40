//! JSON as rows that fold: one flat index, so that an answer of a megabyte scrolls like one of ten lines. Strings are never
//! cut: they are broken over as many rows as they take. Text that is no JSON is shown as it is.

mod breaking;
mod value;

use guildhall_protocol::clean::{clean, clean_line};
use std::collections::BTreeSet;
use std::ops::Range;
use value::{Value, step_of};

/// Columns of a level.
const LEVEL: usize = 2;
/// Columns before every value: the sign that it folds.
const SIGN: usize = 2;

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

/// One line: a value, or the beginning or the end of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonLine {
    depth: usize,
    /// The key, with its quotes.
    pub(crate) key: Option<String>,
    pub(crate) kind: Kind,
    value: String,
    /// How many members it opens.
    pub(crate) members: usize,
    /// The rows of its value, one at least.
    parts: Vec<Range<usize>>,
    /// The line after its last: what folding hides ends there.
    end: usize,
    parent: Option<usize>,
    /// Its part of the JSON pointer.
    step: String,
}

impl JsonLine {
    fn new(depth: usize, kind: Kind, value: String, place: usize) -> Self {
        let parts = Vec::new();
        let step = String::new();
        Self { depth, key: None, kind, value, members: 0, parts, end: place + 1, parent: None, step }
    }

    /// What stands in one of its rows.
    pub(crate) fn part(&self, part: usize) -> &str {
        self.parts.get(part).and_then(|range| self.value.get(range.clone())).unwrap_or_default()
    }

    /// How many rows it takes.
    pub(crate) fn rows(&self) -> usize {
        self.parts.len()
    }

    fn folds(&self) -> bool {
        self.members > 0 || self.parts.len() > 1
    }
}

/// A row that is shown: a line, and which row of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) line: usize,
    pub(crate) part: usize,
}

/// All lines, and which are folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonTree {
    /// As it came.
    source: String,
    lines: Vec<JsonLine>,
    folded: BTreeSet<usize>,
    /// Columns that a row may take.
    width: usize,
    rows: Vec<Shown>,
}

impl JsonTree {
    /// Reads an answer: JSON, or whatever it is. Nothing is broken before [`Self::lay`].
    pub(crate) fn read(text: &str) -> Self {
        let mut tree = Self { source: text.to_owned(), ..Self::default() };
        match serde_json::from_str(text) {
            Ok(Value::String(words)) => tree.words(&words),
            Ok(value) => tree.value(&value, None, String::new(), 0, None),
            Err(_) => tree.words(text),
        }
        tree.lay(usize::MAX);
        tree
    }

    fn words(&mut self, text: &str) {
        for line in clean(text).lines() {
            let place = self.lines.len();
            self.lines.push(JsonLine::new(0, Kind::Text, line.to_owned(), place));
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
            Value::String(text) => (Kind::String, format!("\"{}\"", clean(text)), 0),
            Value::Array(items) if items.is_empty() => (Kind::Word, "[]".to_owned(), 0),
            Value::Object(fields) if fields.is_empty() => (Kind::Word, "{}".to_owned(), 0),
            Value::Array(items) => (Kind::Open, "[".to_owned(), items.len()),
            Value::Object(fields) => (Kind::Open, "{".to_owned(), fields.len()),
        };
        let place = self.lines.len();
        let line = JsonLine::new(depth, kind, shown, place);
        self.lines.push(JsonLine { key, members, parent, step, ..line });
        let close = match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.value(item, None, number.to_string(), depth + 1, Some(place));
                }
                "]"
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let key = Some(format!("\"{}\"", clean_line(name)));
                    self.value(field, key, step_of(name), depth + 1, Some(place));
                }
                "}"
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
        };
        if members > 0 {
            let at = self.lines.len();
            let line = JsonLine::new(depth, Kind::Close, close.to_owned(), at);
            self.lines.push(JsonLine { parent, ..line });
            self.lines[place].end = self.lines.len();
        }
    }

    /// Breaks what is longer than so many columns. It costs nothing when the width is the same as before.
    pub(crate) fn lay(&mut self, width: usize) {
        if self.width == width {
            return;
        }
        self.width = width;
        for line in &mut self.lines {
            let used = indent_of(line.depth, width) + SIGN;
            let key =
                line.key.as_ref().map_or(0, |key| unicode_width::UnicodeWidthStr::width(key.as_str()) + 2);
            let rest = width.saturating_sub(used + LEVEL);
            line.parts = breaking::rows(&line.value, width.saturating_sub(used + key), rest);
        }
        self.arrange();
    }

    fn arrange(&mut self) {
        self.rows.clear();
        let mut at = 0;
        while let Some(line) = self.lines.get(at) {
            let folded = self.folded.contains(&at);
            let parts = if folded { 1 } else { line.parts.len() };
            self.rows.extend((0..parts).map(|part| Shown { line: at, part }));
            at = if folded { line.end } else { at + 1 };
        }
    }

    /// The rows that are shown.
    pub(crate) fn rows(&self) -> &[Shown] {
        &self.rows
    }

    /// Which row this is, or the last one before it that is shown.
    pub(crate) fn row_of(&self, shown: Shown) -> usize {
        self.rows.partition_point(|row| *row <= shown).saturating_sub(1)
    }

    /// Columns before a row.
    pub(crate) fn indent(&self, shown: Shown) -> usize {
        let depth = self.lines.get(shown.line).map_or(0, |line| line.depth);
        indent_of(depth, self.width) + if shown.part > 0 { SIGN + LEVEL } else { 0 }
    }

    /// All lines as text, unfolded.
    pub(crate) fn text(&self) -> Vec<String> {
        let text = |line: &JsonLine| {
            let key = line.key.as_ref().map_or_else(String::new, |key| format!("{key}: "));
            format!("{}{key}{}", " ".repeat(line.depth * LEVEL), line.value)
        };
        self.lines.iter().map(text).collect()
    }

    /// A line.
    pub(crate) fn line(&self, place: usize) -> Option<&JsonLine> {
        self.lines.get(place)
    }

    /// Whether a line hides what it opens or the rest of its text; none: it has nothing to hide.
    pub(crate) fn folded(&self, place: usize) -> Option<bool> {
        self.lines.get(place).filter(|line| line.folds()).map(|_| self.folded.contains(&place))
    }

    /// Whether a row can be folded or unfolded, or what it belongs to.
    pub(crate) fn folds_at(&self, row: usize) -> bool {
        let line = self.rows.get(row).and_then(|shown| self.lines.get(shown.line));
        line.is_some_and(|line| line.folds() || line.parent.is_some())
    }

    /// Folds what the line of a row opens, or its text, or what it belongs to; or unfolds it. The row that is left to stand
    /// on.
    pub(crate) fn fold(&mut self, row: usize) -> usize {
        let Some(place) = self.rows.get(row).map(|shown| shown.line) else { return row };
        let line = &self.lines[place];
        let target = if line.folds() { Some(place) } else { line.parent };
        let Some(target) = target else { return row };
        if !self.folded.remove(&target) {
            self.folded.insert(target);
        }
        self.arrange();
        self.row_of(Shown { line: target, part: 0 })
    }

    /// The parts of the JSON pointer to a line.
    fn steps(&self, place: usize) -> Vec<&str> {
        let mut steps = Vec::new();
        let mut at = Some(place);
        while let Some(line) = at.and_then(|at| self.lines.get(at)) {
            if line.parent.is_some() && line.kind != Kind::Close {
                steps.push(line.step.as_str());
            }
            at = line.parent;
        }
        steps.reverse();
        steps
    }

    /// The JSON pointer to a line.
    pub(crate) fn path(&self, place: usize) -> String {
        self.steps(place).iter().map(|step| format!("/{step}")).collect()
    }

    /// The value of a line, whole: a string as its text, anything else as JSON; what is no JSON as it is. Cleaned.
    pub(crate) fn copied(&self, place: usize) -> String {
        let Ok(whole) = serde_json::from_str::<Value>(&self.source) else { return clean(&self.source) };
        match whole.at(&self.steps(place)) {
            Some(Value::String(text)) => clean(text),
            Some(value) => clean(&serde_json::to_string_pretty(value).unwrap_or_default()),
            None => String::new(),
        }
    }

    /// The rows whose key or value holds the text, in order, whether they are shown or not; capitals and small letters are
    /// the same.
    pub(crate) fn holding(&self, text: &str) -> Vec<Shown> {
        let text = text.to_lowercase();
        let mut found = Vec::new();
        if text.is_empty() {
            return found;
        }
        for (place, line) in self.lines.iter().enumerate() {
            if line.key.as_ref().is_some_and(|key| key.to_lowercase().contains(&text)) {
                found.push(Shown { line: place, part: 0 });
            }
            let lower = line.value.to_lowercase();
            for (at, _) in lower.match_indices(&text) {
                // Where capitals have another length, the places are not the same.
                let at = if lower.len() == line.value.len() { at } else { 0 };
                let part = line.parts.partition_point(|range| range.end <= at);
                found.push(Shown { line: place, part: part.min(line.parts.len().saturating_sub(1)) });
            }
        }
        found.dedup();
        found
    }

    /// Unfolds whatever hides a row; where it stands then.
    pub(crate) fn reveal(&mut self, shown: Shown) -> usize {
        if shown.part > 0 {
            self.folded.remove(&shown.line);
        }
        let mut at = self.lines.get(shown.line).and_then(|line| line.parent);
        while let Some(parent) = at {
            self.folded.remove(&parent);
            at = self.lines[parent].parent;
        }
        self.arrange();
        self.row_of(shown)
    }
}

/// Columns before a line: half of the width at most.
fn indent_of(depth: usize, width: usize) -> usize {
    (depth * LEVEL).min(width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(tree: &JsonTree) -> Vec<String> {
        let one = |shown: &Shown| {
            let line = tree.line(shown.line).expect("it is there");
            let key = line.key.as_ref().filter(|_| shown.part == 0);
            let key = key.map_or_else(String::new, |key| format!("{key}: "));
            let fold = if tree.folded(shown.line) == Some(true) { "+" } else { "" };
            format!("{}{key}{}{fold}", " ".repeat(tree.indent(*shown)), line.part(shown.part))
        };
        tree.rows().iter().map(one).collect()
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
        assert_eq!(tree.holding("\"C\""), [Shown { line: 4, part: 0 }]);
        assert_eq!(tree.reveal(Shown { line: 4, part: 0 }), 4);
        assert_eq!(drawn(&tree), whole, "what was found is shown");
        assert!(tree.holding("nowhere").is_empty() && tree.holding("").is_empty());
    }

    #[test]
    fn a_long_string_is_broken_and_folds_into_one_row() {
        let mut tree = JsonTree::read(r#"{"k":"one two three four five six","n":1}"#);
        tree.lay(22);
        let whole = ["{", "  \"k\": \"one two ", "      three four five ", "      six\"", "  \"n\": 1", "}"];
        assert_eq!(drawn(&tree), whole);
        assert_eq!(tree.holding("FIVE"), [Shown { line: 1, part: 1 }]);
        assert_eq!(tree.fold(3), 1, "its own text is folded");
        assert_eq!(drawn(&tree), ["{", "  \"k\": \"one two +", "  \"n\": 1", "}"]);
        assert_eq!(tree.reveal(Shown { line: 1, part: 1 }), 2);
        assert_eq!(drawn(&tree), whole);
    }

    #[test]
    fn what_is_copied_is_whole() {
        let text = format!(r#"{{"b":{{"z":1,"a":"x\ny"}},"long":"{}\u001b[2J"}}"#, "w".repeat(5_000));
        let mut tree = JsonTree::read(&text);
        tree.lay(40);
        assert_eq!(tree.copied(3), "x\ny");
        assert_eq!(tree.copied(1), "{\n  \"z\": 1,\n  \"a\": \"x\\ny\"\n}", "its fields keep their order");
        assert_eq!(tree.copied(5), format!("{}[2J", "w".repeat(5_000)));
        assert_eq!(JsonTree::read("no\u{1b} JSON\nat all").copied(1), "no JSON\nat all");
    }

    #[test]
    fn what_is_no_json_is_shown_line_by_line() {
        assert_eq!(drawn(&JsonTree::read("one\u{1b}[2J\ntwo")), ["one[2J", "two"]);
        assert_eq!(drawn(&JsonTree::read("\"one\\ntwo\"")), ["one", "two"]);
        assert!(drawn(&JsonTree::read("")).is_empty());
    }
}
