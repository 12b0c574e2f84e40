//! From text to search terms: identifiers are taken apart, small words dropped, English endings cut, and Chinese,
//! Japanese and Korean cut into pairs of characters.
//!
//! Pure and the same on every machine. It never fails: what has no letters or digits has no terms.

use rust_stemmers::{Algorithm, Stemmer};

/// Longest term, in characters; longer words are cut. Nobody searches for more, and hostile text would fill the index.
const TERM_CHARS_MAX: usize = 40;

/// Words that say nothing about what somebody wants done: the Snowball list, and a few of polite letters. Sorted, for the
/// search.
const STOP_WORDS: [&str; 143] = [
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are", "as",
    "at", "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "cant",
    "could", "did", "didnt", "do", "does", "doesnt", "doing", "dont", "down", "during", "each", "etc", "few",
    "for", "from", "further", "had", "has", "have", "having", "he", "her", "here", "hers", "herself", "him",
    "himself", "his", "how", "i", "id", "if", "im", "in", "into", "is", "isnt", "it", "its", "itself", "ive",
    "just", "lets", "may", "me", "might", "more", "most", "must", "my", "myself", "no", "nor", "not", "of",
    "off", "on", "once", "only", "or", "other", "ought", "our", "ours", "out", "over", "own", "per",
    "please", "same", "shall", "she", "should", "so", "some", "such", "than", "that", "the", "their",
    "theirs", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too", "under",
    "until", "up", "very", "via", "was", "we", "were", "what", "when", "where", "which", "while", "who",
    "whom", "why", "will", "with", "wont", "would", "you", "your", "youre", "yours", "yourself",
];

/// Takes texts apart. Making one is cheap, but not free: keep it.
pub struct Words {
    stemmer: Stemmer,
}

impl Default for Words {
    fn default() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English) }
    }
}

impl Words {
    /// The terms of a text in order, with repetitions; at most `terms_max`.
    pub fn terms(&self, text: &str, terms_max: usize) -> Vec<String> {
        let mut terms = Vec::new();
        for word in text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
            if terms.len() >= terms_max {
                break;
            }
            self.word(word, &mut terms);
        }
        terms.truncate(terms_max);
        terms
    }

    /// The term of one word.
    pub fn stem(&self, word: &str) -> String {
        let lower: String = word.chars().flat_map(char::to_lowercase).take(TERM_CHARS_MAX).collect();
        if lower.is_ascii() { self.stemmer.stem(&lower).into_owned() } else { lower }
    }

    /// One run of letters, digits and underscores: its parts, and all of it when it has several.
    fn word(&self, word: &str, terms: &mut Vec<String>) {
        if word.chars().any(is_cjk) {
            pairs(word, terms);
            return;
        }
        let parts = parts(word);
        for part in &parts {
            self.part(part, terms);
        }
        if parts.len() > 1 {
            let joined: String = parts.concat();
            self.part(&joined, terms);
        }
    }

    fn part(&self, part: &str, terms: &mut Vec<String>) {
        let lower: String = part.chars().flat_map(char::to_lowercase).take(TERM_CHARS_MAX).collect();
        if !lower.is_empty() && is_said(&lower) {
            terms.push(self.stem(&lower));
        }
    }
}

/// Whether a word, in small letters, says anything about what somebody wants done.
pub(super) fn is_said(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_err()
}

/// `parseHTTPRequest_v2` is `parse`, `HTTP`, `Request`, `v`, `2`.
fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut parts = Vec::new();
    let mut part = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let next = letters.get(index + 1);
        let begins = before.is_some_and(|before| {
            (before.is_lowercase() && letter.is_uppercase())
                || (before.is_uppercase()
                    && letter.is_uppercase()
                    && next.is_some_and(|next| next.is_lowercase()))
                || before.is_numeric() != letter.is_numeric()
        });
        if (begins || letter == '_') && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if letter != '_' {
            part.push(letter);
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Languages without spaces: every two neighbors; other scripts within the run stay words.
fn pairs(word: &str, terms: &mut Vec<String>) {
    let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    for run in letters.chunk_by(|a, b| is_cjk(*a) == is_cjk(*b)) {
        if !is_cjk(run[0]) {
            terms.push(run.iter().take(TERM_CHARS_MAX).collect());
        } else if run.len() == 1 {
            terms.push(run.iter().collect());
        } else {
            terms.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
        }
    }
}

fn is_cjk(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_apart() {
        let table: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("… 🦀 --", &[]),
            ("Convert the tables", &["convert", "tabl"]),
            ("csvToJson", &["csv", "to", "json", "csvtojson"]),
            ("HTTPServer", &["http", "server", "httpserver"]),
            ("get_stock_price", &["get", "stock", "price", "getstockpric"]),
            ("kebab-case", &["kebab", "case"]),
            ("utf8", &["utf", "8", "utf8"]),
            ("Grüße aus Köln", &["grüße", "aus", "köln"]),
            ("必应搜索", &["必应", "应搜", "搜索"]),
            ("用PDF转换", &["用", "pdf", "转换"]),
            ("running runs runner", &["run", "run", "runner"]),
        ];
        let words = Words::default();
        for (text, expected) in table {
            let expected: Vec<&str> = expected.iter().filter(|term| **term != "to").copied().collect();
            assert_eq!(words.terms(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn small_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted(), "they are searched by halves");
    }

    #[test]
    fn hostile_text_is_bounded() {
        let words = Words::default();
        assert_eq!(words.terms(&"word ".repeat(100_000), 64).len(), 64);
        assert_eq!(words.terms(&"界".repeat(100_000), 64).len(), 64);
        assert_eq!(words.terms(&"é".repeat(100_000), 64)[0].chars().count(), TERM_CHARS_MAX);
    }
}
