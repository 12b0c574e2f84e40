//! One field of a form: what is typed into it, and how.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other key is a letter to type, or means nothing here"
)]

use crossterm::event::{Event, KeyCode, KeyEvent};
use ratatui_textarea::{CursorMove, TextArea, WrapMode};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

/// Most characters of one line.
const LINE_MAX: usize = 4_000;
/// Most bytes of a text of many lines: more than any text may have, so that what is too large can be told.
pub(crate) const TEXT_BYTES_MAX: usize = 1_100_000;

/// What is typed into a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line.
    Line,
    /// Words with commas between them.
    List,
    Number,
    /// Many lines.
    Text,
    /// Many lines that are one document.
    Json,
    /// One of these words.
    Choice(Vec<String>),
}

#[derive(Clone, Debug)]
enum Entry {
    Line(Input),
    Text(Box<TextArea<'static>>),
    Choice(usize),
}

/// What a field holds, to be painted.
pub(crate) enum Shown<'a> {
    Line(&'a Input),
    /// Lines, and row and column of the next letter.
    Text(&'a [String], (usize, usize)),
    Choice(&'a [String], usize),
}

/// One field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its path in what is written, such as `policy.attempts_max`.
    pub(crate) key: String,
    pub(crate) label: String,
    /// What can be typed.
    pub(crate) hint: String,
    pub(crate) required: bool,
    /// It is never shown, and kept nowhere.
    pub(crate) secret: bool,
    pub(crate) kind: Kind,
    entry: Entry,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

impl Field {
    fn new(key: &str, label: &str, hint: &str, kind: Kind, entry: Entry) -> Self {
        let (key, label, hint) = (key.to_owned(), label.to_owned(), hint.to_owned());
        Self { key, label, hint, required: false, secret: false, kind, entry, error: None }
    }

    /// One line of text, of words with commas, or of a number.
    pub(crate) fn line(key: &str, label: &str, hint: &str, kind: Kind) -> Self {
        Self::new(key, label, hint, kind, Entry::Line(Input::default()))
    }

    /// Many lines.
    pub(crate) fn text(key: &str, label: &str, hint: &str, kind: Kind) -> Self {
        Self::new(key, label, hint, kind, Entry::Text(area("")))
    }

    /// One of these words; the first of them, if nothing is chosen.
    pub(crate) fn choice(key: &str, label: &str, hint: &str, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self::new(key, label, hint, Kind::Choice(options), Entry::Choice(0))
    }

    /// It must be filled.
    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// It is never shown.
    pub(crate) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// It begins with this.
    pub(crate) fn with(mut self, text: &str) -> Self {
        self.set(text);
        self
    }

    /// What it holds, to be painted.
    pub(crate) fn shown(&self) -> Shown<'_> {
        match (&self.entry, &self.kind) {
            (Entry::Line(input), _) => Shown::Line(input),
            (Entry::Text(area), _) => {
                let cursor = area.cursor();
                Shown::Text(area.lines(), (cursor.0, cursor.1))
            }
            (Entry::Choice(at), Kind::Choice(options)) => Shown::Choice(options, *at),
            (Entry::Choice(at), _) => Shown::Choice(&[], *at),
        }
    }

    /// What it holds, as text.
    pub(crate) fn value(&self) -> String {
        match &self.entry {
            Entry::Line(input) => input.value().to_owned(),
            Entry::Text(area) => area.lines().join("\n"),
            Entry::Choice(at) => self.options().get(*at).cloned().unwrap_or_default(),
        }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_blank(&self) -> bool {
        match &self.entry {
            Entry::Line(input) => input.value().trim().is_empty(),
            Entry::Text(area) => area.lines().iter().all(|line| line.trim().is_empty()),
            Entry::Choice(_) => false,
        }
    }

    fn options(&self) -> &[String] {
        if let Kind::Choice(options) = &self.kind { options } else { &[] }
    }

    /// Holds this from now on, as far as it takes it.
    pub(crate) fn set(&mut self, text: &str) {
        let place = self.options().iter().position(|option| option == text);
        match &mut self.entry {
            Entry::Line(input) => *input = Input::new(one_line(text).chars().take(LINE_MAX).collect()),
            Entry::Text(old) => *old = area(&within(text, TEXT_BYTES_MAX)),
            Entry::Choice(at) => *at = place.unwrap_or(*at),
        }
        self.error = None;
    }

    /// Takes a key; whether it changed anything.
    pub(crate) fn press(&mut self, key: KeyEvent) -> bool {
        let options = self.options().to_vec();
        match &mut self.entry {
            Entry::Line(input) => {
                let full = input.value().chars().count() >= LINE_MAX;
                if full && matches!(key.code, KeyCode::Char(_)) {
                    return false;
                }
                let before = input.value().to_owned();
                input.handle_event(&Event::Key(key));
                before != input.value()
            }
            Entry::Text(area) => {
                let full = bytes(area) >= TEXT_BYTES_MAX;
                if full && matches!(key.code, KeyCode::Char(_) | KeyCode::Enter) {
                    return false;
                }
                area.input(key)
            }
            Entry::Choice(at) => choose(&options, at, key.code),
        }
    }

    /// Chooses the word at this place; whether that changed anything.
    pub(crate) fn choose(&mut self, word: usize) -> bool {
        let there = word < self.options().len();
        match &mut self.entry {
            Entry::Choice(at) if there && *at != word => {
                *at = word;
                true
            }
            Entry::Choice(_) | Entry::Line(_) | Entry::Text(_) => false,
        }
    }

    /// Takes a text that was pasted; how many bytes of it were too many.
    pub(crate) fn paste(&mut self, text: &str) -> usize {
        match &mut self.entry {
            Entry::Line(input) => {
                let line = one_line(text);
                let room = LINE_MAX.saturating_sub(input.value().chars().count());
                let added: String = line.chars().take(room).collect();
                let at = input.cursor();
                let before: String = input.value().chars().take(at).collect();
                let after: String = input.value().chars().skip(at).collect();
                let cursor = at + added.chars().count();
                *input = Input::new(format!("{before}{added}{after}")).with_cursor(cursor);
                line.len() - added.len()
            }
            Entry::Text(area) => {
                let text = many_lines(text);
                let added = within(&text, TEXT_BYTES_MAX.saturating_sub(bytes(area)));
                area.insert_str(&added);
                // Its picture of the lines is made anew with this alone.
                area.set_wrap_mode(WrapMode::None);
                text.len() - added.len()
            }
            Entry::Choice(_) => 0,
        }
    }

    /// Whether the next letter stands in the first line of a text, and in its last.
    pub(crate) fn edges(&self) -> (bool, bool) {
        match &self.entry {
            Entry::Text(area) => {
                let row = area.cursor().0;
                (row == 0, row + 1 >= area.lines().len())
            }
            Entry::Line(_) | Entry::Choice(_) => (true, true),
        }
    }

    /// Whether an editor could be opened for it alone.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.entry, Entry::Text(_))
    }
}

/// Another word: the next, the one before, or the next that begins with a letter.
fn choose(options: &[String], at: &mut usize, code: KeyCode) -> bool {
    let count = options.len().max(1);
    let before = *at;
    match code {
        KeyCode::Right | KeyCode::Char(' ') => *at = (*at + 1) % count,
        KeyCode::Left => *at = (*at + count - 1) % count,
        KeyCode::Char(letter) => {
            let letter = letter.to_ascii_lowercase();
            let begins = |place: &usize| options[*place].to_lowercase().starts_with(letter);
            let places = (1..=options.len()).map(|step| (before + step) % count);
            *at = places.into_iter().find(begins).unwrap_or(before);
        }
        _ => {}
    }
    *at != before
}

fn area(text: &str) -> Box<TextArea<'static>> {
    let mut area = TextArea::new(many_lines(text).split('\n').map(str::to_owned).collect());
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    Box::new(area)
}

fn bytes(area: &TextArea<'_>) -> usize {
    area.lines().iter().map(|line| line.len() + 1).sum::<usize>().saturating_sub(1)
}

/// The beginning of a text that has at most so many bytes.
fn within(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// Text as it was, without what a terminal would do instead of show.
fn many_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control()).collect()
}

fn one_line(text: &str) -> String {
    many_lines(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    #[test]
    fn a_choice_goes_around_and_knows_its_first_letters() {
        let mut field = Field::choice("p", "Priority", "", &["normal", "low", "high"]);
        let mut press = |code| {
            field.press(KeyEvent::new(code, KeyModifiers::NONE));
            field.value()
        };
        assert_eq!(press(KeyCode::Left), "high");
        assert_eq!(press(KeyCode::Right), "normal");
        assert_eq!(press(KeyCode::Char('L')), "low");
        assert_eq!(press(KeyCode::Char('z')), "low");
        field.set("high");
        field.set("no such word");
        assert_eq!(field.value(), "high");
    }

    #[test]
    fn a_megabyte_is_taken_and_what_is_beyond_is_counted() {
        let mut text = Field::text("b", "Brief", "", Kind::Text);
        assert_eq!(text.paste(&"x\u{1b}[2J\u{202e}é\r\n".repeat(80_000)), 0);
        assert!(text.value().starts_with("x[2J\u{202e}é\nx"), "what acts is gone, what was written stays");
        let over = text.paste(&"y".repeat(1_000_000));
        assert!(over > 0 && text.value().len() <= TEXT_BYTES_MAX, "{over}");
        assert!(!text.press(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::NONE)), "it is full");
        let mut line = Field::line("t", "Title", "", Kind::Line);
        assert_eq!(line.paste(&"z\n".repeat(500_000)), 1_000_000 - LINE_MAX);
    }
}
