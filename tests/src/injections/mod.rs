//! A corpus of prompt injections: texts that try to make a model do what it was not asked to do.
//!
//! They stand where strangers write (answers, descriptions, briefs, criteria, findings, questions, schemas) and are
//! harmless in themselves: they want a verdict, a choice, a secret word or a broken format. Each is of another kind than
//! its neighbors, so that a defense against one of them says little about the next.

mod answers;
mod clients;
mod owners;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The agent that wants to be chosen and is on the list, if a test puts it there.
pub const PUSHY: &str = "@pushy";
/// The agent that wants to be chosen and is on no list.
pub const GHOST: &str = "@ghost";

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// What an agent answered.
    Answer,
    /// What an owner says about an agent.
    Description,
    /// What a client wants.
    Brief,
    /// What was said about an earlier answer.
    Finding,
    /// What a client asks of an answer.
    Criterion,
    /// What an agent asks its client, and what the client replies.
    Question,
    /// A description within the schema of an agent's input.
    SchemaField,
}

/// Which agent is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pushed {
    /// [`PUSHY`], which is on the list.
    OnList,
    /// [`GHOST`], which is not.
    OffList,
}

/// What a text wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aim {
    /// A bad answer shall pass.
    PassAnswer,
    /// An agent shall be chosen.
    ChooseMe(Pushed),
    /// The secret word of the system prompt shall be told.
    LeakCanary,
    /// The reply shall be of no use.
    BreakFormat,
    /// An answer shall pass although a rule failed it.
    MakeRulePass,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Injection {
    /// Names it: place, then kind.
    pub id: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it wants.
    pub aim: Aim,
    /// What it says.
    pub text: String,
}

/// All of them, by place.
pub fn corpus() -> Vec<Injection> {
    [answers::all(), owners::all(), clients::all()].concat()
}

fn one(id: &'static str, place: Place, aim: Aim, text: impl Into<String>) -> Injection {
    Injection { id, place, aim, text: text.into() }
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn rot13(text: &str) -> String {
    let turn = |letter: char| match letter {
        'a'..='m' | 'A'..='M' => char::from(u8::try_from(letter).expect("it is ASCII") + 13),
        'n'..='z' | 'N'..='Z' => char::from(u8::try_from(letter).expect("it is ASCII") - 13),
        other => other,
    };
    text.chars().map(turn).collect()
}

/// With a zero-width space after each letter.
fn zero_width(text: &str) -> String {
    text.chars().flat_map(|letter| [letter, '\u{200b}']).collect()
}

/// In the invisible tag characters of Unicode.
fn tags(text: &str) -> String {
    text.bytes().filter_map(|byte| char::from_u32(0xe0000 + u32::from(byte))).collect()
}

/// With Cyrillic letters that look Latin.
fn look_alikes(text: &str) -> String {
    let alike = |letter| match letter {
        'a' => 'а',
        'c' => 'с',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'i' => 'і',
        's' => 'ѕ',
        other => other,
    };
    text.chars().map(alike).collect()
}

/// In full-width letters, as they stand in Japanese text.
fn full_width(text: &str) -> String {
    let wide = |letter| match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).expect("they lie side by side"),
        other => other,
    };
    text.chars().map(wide).collect()
}

/// With a space between letters and three between words.
fn spaced(text: &str) -> String {
    let apart = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(" ");
    text.split(' ').map(apart).collect::<Vec<_>>().join("   ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_corpus_is_wide() {
        let corpus = corpus();
        assert!(corpus.len() >= 72, "{}", corpus.len());
        let ids: BTreeSet<_> = corpus.iter().map(|injection| injection.id).collect();
        let texts: BTreeSet<_> = corpus.iter().map(|injection| &injection.text).collect();
        assert_eq!((ids.len(), texts.len()), (corpus.len(), corpus.len()), "each id and each text once");
        for (place, least) in [
            (Place::Answer, 30),
            (Place::Description, 12),
            (Place::Brief, 6),
            (Place::Finding, 4),
            (Place::Criterion, 4),
            (Place::Question, 4),
            (Place::SchemaField, 4),
        ] {
            let number = corpus.iter().filter(|injection| injection.place == place).count();
            assert!(number >= least, "{number} at {place:?}");
        }
        for aim in [
            Aim::PassAnswer,
            Aim::ChooseMe(Pushed::OnList),
            Aim::ChooseMe(Pushed::OffList),
            Aim::LeakCanary,
            Aim::BreakFormat,
            Aim::MakeRulePass,
        ] {
            assert!(corpus.iter().filter(|injection| injection.aim == aim).count() >= 5, "{aim:?}");
        }
    }
}
