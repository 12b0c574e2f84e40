//! From a job's text to what is looked for: every term with a weight and the words that will do as well.
//!
//! What is said aside weighs less: words of asking, numbers, and the names inside of paths and addresses. They are what
//! the job works on, not what is to be done. That there is a file or an address does say something, so it is added.
//! Pure, and bounded whatever the text.

use super::documents::Wanted;
use super::lexicon::LEXICON;
use super::words::{Words, is_said};
use std::collections::HashMap;

/// Most distinct terms taken from a text; a brief can be 100 KB, its head says what it is about.
const TERMS_MAX: usize = 256;
/// What a term counts that is said aside. Anything from 0.3 to 0.7 measures the same.
const ASIDE: f32 = 0.5;
/// Longest run of letters and digits without a space that can be words, in bytes; a longer one is encoded data.
const RUN_BYTES_MAX: usize = 100;
/// Longest number that is only a number, in digits; longer ones are names and codes.
const NUMBER_DIGITS_MAX: usize = 4;
/// Last parts of the names of sites.
const SITE_ENDINGS: [&str; 10] = ["ai", "app", "com", "dev", "edu", "gov", "info", "io", "net", "org"];

/// What a piece of text without a space is.
enum Piece<'a> {
    Plain(&'a str),
    /// Encoded or random: nothing to read.
    Data,
    /// The name of something elsewhere, and what kind of thing it is.
    Reference(&'a str, &'static [&'static str]),
}

/// What a text asks for, in its order.
pub(super) fn wanted(words: &Words, text: &str) -> Vec<Wanted> {
    let mut query = Query::default();
    let mut before: Option<String> = None;
    for piece in text.split(separates).map(classify) {
        if query.wanted.len() >= TERMS_MAX {
            break;
        }
        match piece {
            Piece::Data => before = None,
            Piece::Reference(name, kinds) => {
                before = None;
                for term in words.terms(name, TERMS_MAX) {
                    query.add(term, ASIDE);
                }
                for kind in kinds {
                    query.add(words.stem(kind), ASIDE);
                }
            }
            Piece::Plain(piece) => {
                for term in words.terms(piece, TERMS_MAX) {
                    let aside = LEXICON.is_aside(&term) || is_number(&term);
                    query.add(term, if aside { ASIDE } else { 1.0 });
                }
                let mut runs = piece.split(|letter: char| !letter.is_alphabetic()).peekable();
                // A number or a gap of punctuation keeps two words apart.
                before = before.filter(|_| runs.peek().is_some_and(|run| !run.is_empty()));
                for word in runs.filter(|run| !run.is_empty()) {
                    let word = word.to_lowercase();
                    let said = is_said(&word);
                    // "Mind map" also asks for "mindmap"; a pair that nobody writes as one word finds nothing.
                    if let Some(before) = before.take().filter(|_| said) {
                        query.add(words.stem(&(before + &word)), 1.0);
                    }
                    before = said.then_some(word);
                }
            }
        }
    }
    query.wanted.truncate(TERMS_MAX);
    query.wanted
}

#[derive(Default)]
struct Query {
    wanted: Vec<Wanted>,
    places: HashMap<String, usize>,
}

impl Query {
    /// Adds a term, or gives it more weight if it is there. Only what is not said aside is widened by words like it.
    fn add(&mut self, term: String, weight: f32) {
        let place = *self.places.entry(term.clone()).or_insert(self.wanted.len());
        if place == self.wanted.len() {
            self.wanted.push(Wanted { alike: LEXICON.alike(&term, weight < 1.0), term, weight });
        } else if self.wanted[place].weight < weight {
            let alike = LEXICON.alike(&term, weight < 1.0);
            self.wanted[place] = Wanted { term, weight, alike };
        }
    }
}

fn separates(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '|')
        || matches!(letter, ',' | ';' | '，' | '。' | '；' | '“' | '”' | '「' | '」')
}

fn classify(piece: &str) -> Piece<'_> {
    let piece = piece.trim_end_matches(['.', ':', '!', '?']);
    let (stem, ending) = piece.rsplit_once('.').unwrap_or(("", ""));
    let named = stem.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if piece.contains("://") || piece.starts_with("www.") {
        Piece::Reference(piece, &["url", "web", "page"])
    } else if named && piece.contains('@') {
        Piece::Reference(piece, &["email"])
    } else if ["/", "~/", "./", "../"].iter().any(|start| piece.starts_with(start))
        || named && LEXICON.is_file_ending(ending)
    {
        Piece::Reference(piece, &["file"])
    } else if named && SITE_ENDINGS.contains(&ending) {
        Piece::Reference(piece, &["website", "domain"])
    } else if piece.len() > RUN_BYTES_MAX && piece.bytes().all(is_encoding) {
        Piece::Data
    } else {
        Piece::Plain(piece)
    }
}

fn is_encoding(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

fn is_number(term: &str) -> bool {
    term.len() <= NUMBER_DIGITS_MAX && term.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Terms of full weight, and those said aside.
    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let wanted = wanted(&Words::default(), text);
        let (full, aside): (Vec<Wanted>, Vec<Wanted>) = wanted.into_iter().partition(|one| one.weight >= 1.0);
        let terms = |wanted: Vec<Wanted>| wanted.into_iter().map(|one| one.term).collect();
        (terms(full), terms(aside))
    }

    #[test]
    fn what_is_said_aside_weighs_less() {
        let table: [(&str, &[&str], &[&str]); 8] = [
            ("Please help me compress 12 tables", &["compress", "tabl"], &["help", "12"]),
            ("Read ~/trips/rome.csv", &["read"], &["trip", "rome", "csv", "file"]),
            ("Open (notes.md).", &["open"], &["note", "md", "file"]),
            (
                "Crawl https://example.org/a?b=1",
                &["crawl"],
                &["https", "exampl", "org", "b", "1", "url", "web", "page"],
            ),
            ("Mail ada@example.org", &["mail"], &["ada", "exampl", "org", "email"]),
            ("Who owns example.com?", &["own"], &["exampl", "com", "websit", "domain"]),
            ("Trains of 12306", &["train", "12306"], &[]),
            ("and/or", &[], &[]),
        ];
        for (text, full, aside) in table {
            let (read_full, read_aside) = read(text);
            assert_eq!(read_full, full, "{text}");
            assert_eq!(read_aside, aside, "{text}");
        }
    }

    #[test]
    fn neighbors_are_looked_for_as_one_word_too() {
        assert_eq!(read("Draw a mind map").0, ["draw", "mind", "map", "mindmap"]);
        assert_eq!(read("map of mind").0, ["map", "mind"], "a small word stands between");
        assert_eq!(read("mind 7 map, mind").0, ["mind", "map"], "a number and a comma stand between");
    }

    #[test]
    fn a_plain_word_is_widened_and_what_is_said_aside_by_its_kind_only() {
        let alike = |text: &str, term: &str| {
            let wanted = wanted(&Words::default(), text);
            wanted.into_iter().find(|one| one.term == term).map(|one| one.alike).unwrap_or_default()
        };
        assert!(alike("Remove it", "remov").contains(&"delet"));
        assert!(alike("Sum up a.csv", "csv").contains(&"spreadsheet"));
        assert!(alike("Read /delete/a.csv", "delet").is_empty());
        assert!(alike("Delete /delete/a.csv", "delet").contains(&"remov"), "the heavier saying counts");
    }

    #[test]
    fn a_huge_text_is_bounded() {
        use std::fmt::Write;
        let mut text = "Describe this: ".to_owned();
        for number in 0..50_000 {
            write!(text, "q{number}x ").expect("a string takes all");
        }
        assert_eq!(wanted(&Words::default(), &text).len(), TERMS_MAX);
        assert_eq!(
            read(&format!("Describe {}", "aB3/".repeat(10_000))).0,
            ["describ"],
            "encoded data is no text"
        );
    }
}
