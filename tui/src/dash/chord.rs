//! A key with what is held beside it, as it is written in help and in the file of keys: `x`, `G`, `ctrl-r`, `space`, `f5`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

/// One press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Chord {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        Self {
            // Shift is in the letter already; a terminal that tells it of others, too, must not make another key of it.
            code: key.code,
            ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
            alt: key.modifiers.contains(KeyModifiers::ALT),
        }
    }
}

impl From<Chord> for KeyEvent {
    fn from(chord: Chord) -> Self {
        let mut held = KeyModifiers::NONE;
        held.set(KeyModifiers::CONTROL, chord.ctrl);
        held.set(KeyModifiers::ALT, chord.alt);
        Self::new(chord.code, held)
    }
}

/// Keys that have a name.
const NAMED: [(&str, KeyCode); 16] = [
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
];

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        if let KeyCode::Char(letter) = self.code {
            return write!(f, "{letter}");
        }
        if let KeyCode::F(number) = self.code {
            return write!(f, "f{number}");
        }
        f.write_str("?")
    }
}

/// No key is written so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key: write x, G, ctrl-r, alt-left, space, enter, f5 and the like")]
pub(crate) struct ChordError(String);

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let (mut ctrl, mut alt) = (false, false);
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
                (ctrl, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty()) {
                (alt, rest) = (true, after);
            } else {
                break;
            }
        }
        let mut letters = rest.chars();
        let code = match (letters.next(), letters.next()) {
            (Some(letter), None) => Some(KeyCode::Char(letter)),
            (Some('f'), Some(_))
                if rest[1..].parse::<u8>().is_ok_and(|number| (1..=24).contains(&number)) =>
            {
                rest[1..].parse().ok().map(KeyCode::F)
            }
            (Some(_), Some(_)) => NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code),
            (None, _) => None,
        };
        code.map(|code| Self { code, ctrl, alt }).ok_or_else(|| ChordError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_leads_back() {
        for text in [
            "x",
            "G",
            "?",
            "-",
            "ctrl-r",
            "alt-left",
            "ctrl-alt-x",
            "space",
            "pagedown",
            "f5",
            "f12",
            "backtab",
        ] {
            assert_eq!(text.parse::<Chord>().expect("a key").to_string(), text);
        }
        for text in ["", "ctrl-", "hyper-x", "f99", "xx"] {
            assert!(text.parse::<Chord>().is_err(), "{text:?}");
        }
    }
}
