//! What the samples do with texts and tables.

use regex::RegexBuilder;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Most matches that are answered.
const MATCHES_MAX: usize = 1_000;
/// Largest compiled pattern, bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Words that say nothing about a text.
const FILLERS: [&str; 48] = [
    "about", "after", "also", "and", "are", "been", "before", "but", "can", "each", "every", "for", "from",
    "had", "has", "have", "her", "his", "how", "into", "its", "more", "most", "not", "one", "only", "our",
    "out", "own", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "was", "were", "what", "when", "which", "with", "you",
];

/// Counts of a text.
pub(super) fn statistics(text: &str) -> Value {
    let words = words(text);
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    let average = if words.is_empty() { 0.0 } else { ratio(letters, words.len()) };
    json!({
        "words": words.len(),
        "sentences": sentences(text).len(),
        "characters": text.chars().count(),
        "lines": text.lines().count(),
        "average_word_length": (average * 100.0).round() / 100.0,
        "most_frequent": by_frequency(&words).first().map(|(word, _)| *word),
    })
}

/// The rows of a table with a header, as objects; what is a number becomes one.
pub(super) fn csv_rows(text: &str) -> Result<Vec<Value>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| format!("the table has no header: {error}"))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("the table is broken: {error}"))?;
        let cell = |text: &str| {
            let number = text.parse::<i64>().map(Value::from);
            number.or_else(|_| text.parse::<f64>().map(Value::from)).unwrap_or_else(|_| Value::from(text))
        };
        let row: Map<String, Value> = header
            .iter()
            .zip(&record)
            .map(|(name, text)| (name.trim().to_owned(), cell(text.trim())))
            .collect();
        rows.push(Value::Object(row));
    }
    Ok(rows)
}

/// Everything that a pattern matches.
pub(super) fn matches<'a>(text: &'a str, pattern: &str) -> Result<Vec<&'a str>, String> {
    let pattern = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
    let pattern = pattern.map_err(|error| format!("the pattern cannot be used: {error}"))?;
    Ok(pattern.find_iter(text).take(MATCHES_MAX).map(|found| found.as_str()).collect())
}

/// The lines, sorted, each once.
pub(super) fn sort_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_by_key(|line| line.to_lowercase());
    lines.dedup();
    lines
}

/// The words that say most about a text: frequent, and no fillers.
pub(super) fn keywords(text: &str, count: usize) -> Vec<String> {
    let words = words(text);
    let telling: Vec<String> = words.into_iter().filter(|word| is_telling(word)).collect();
    by_frequency(&telling).into_iter().take(count).map(|(word, _)| word.to_owned()).collect()
}

/// The sentences with the most frequent words, in their order, as many as fit into `words_max` words.
pub(super) fn summarize(text: &str, words_max: usize) -> String {
    let all = words(text);
    let telling: Vec<String> = all.into_iter().filter(|word| is_telling(word)).collect();
    let frequency: BTreeMap<&str, usize> = by_frequency(&telling).into_iter().collect();
    let sentences = sentences(text);
    let score = |sentence: &str| {
        let words = words(sentence);
        let sum: usize = words.iter().map(|word| frequency.get(word.as_str()).copied().unwrap_or(0)).sum();
        ratio(sum, words.len().max(1))
    };
    let mut ranked: Vec<(usize, f64)> =
        sentences.iter().enumerate().map(|(index, sentence)| (index, score(sentence))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut left = words_max;
    let mut kept = Vec::new();
    for (index, _) in ranked {
        let length = sentences[index].split_whitespace().count();
        if length <= left {
            left -= length;
            kept.push(index);
        }
    }
    kept.sort_unstable();
    let kept: Vec<&str> = kept.into_iter().map(|index| sentences[index]).collect();
    if kept.is_empty() {
        return text.split_whitespace().take(words_max).collect::<Vec<_>>().join(" ");
    }
    kept.join(" ")
}

fn is_telling(word: &str) -> bool {
    word.chars().count() > 2 && !FILLERS.contains(&word)
}

/// The words in lower case, without marks around them.
fn words(text: &str) -> Vec<String> {
    let bare =
        text.split_whitespace().map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()));
    bare.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((index, letter)) = letters.next() {
        let ends = matches!(letter, '.' | '!' | '?');
        if ends && letters.peek().is_none_or(|(_, next)| next.is_whitespace()) {
            sentences.push(text[start..=index].trim());
            start = index + 1;
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Each word with its count, most frequent first, then by the alphabet.
fn by_frequency(words: &[String]) -> Vec<(&str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted() {
        let counts = statistics("One two. Two three!\nFour?");
        assert_eq!(
            (&counts["words"], &counts["sentences"], &counts["lines"]),
            (&json!(5), &json!(3), &json!(2))
        );
        assert_eq!(counts["most_frequent"], "two");
        assert_eq!(statistics("")["words"], 0);
    }

    #[test]
    fn tables_become_objects() {
        let rows = csv_rows("name,age,city\nAda,36,\"London, UK\"\nAlan,41.5,\n").expect("a table");
        assert_eq!(rows[0], json!({"name": "Ada", "age": 36, "city": "London, UK"}));
        assert_eq!(rows[1], json!({"name": "Alan", "age": 41.5, "city": ""}));
        assert!(csv_rows("a,b\n1\n").expect_err("a ragged table").contains("broken"));
    }

    #[test]
    fn a_summary_keeps_to_its_words() {
        let text =
            "Bees make honey. The weather was dull. Honey from bees feeds the hive, and bees guard honey.";
        assert_eq!(
            summarize(text, 13),
            "Bees make honey. Honey from bees feeds the hive, and bees guard honey."
        );
        assert_eq!(summarize(text, 4), "Bees make honey.");
        assert_eq!(summarize(text, 2), "Bees make");
    }

    #[test]
    fn keywords_are_no_fillers() {
        assert_eq!(keywords("the bees and the honey of the bees", 5), ["bees", "honey"]);
    }
}
