//! Which keys do what: the usual ones, or those of the person's file.

use super::action::{ENTRIES, Entry};
use super::chord::{Chord, ChordError};
use std::collections::BTreeMap;

/// The keys of everything that has other keys than usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    other: BTreeMap<String, Vec<Chord>>,
}

/// What is wrong in a file of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("nothing is called {name:?}; `?` in the dashboard shows what there is{nearest}")]
    Unknown { name: String, nearest: String },
    #[error("{name}: {source}")]
    Key { name: String, source: ChordError },
}

impl Keys {
    /// Reads `name = key` or `name = [keys]`; an empty list takes the keys away.
    pub(crate) fn new(names: BTreeMap<String, Vec<String>>) -> Result<Self, KeysError> {
        let mut other = BTreeMap::new();
        for (name, keys) in names {
            if !ENTRIES.iter().any(|entry| entry.id == name) {
                let near = |entry: &&Entry| entry.id.starts_with(name.chars().next().unwrap_or(' '));
                let nearest = ENTRIES
                    .iter()
                    .find(near)
                    .map_or_else(String::new, |entry| format!(", such as {}", entry.id));
                return Err(KeysError::Unknown { name, nearest });
            }
            let chords = keys.iter().map(|key| key.parse()).collect::<Result<Vec<Chord>, _>>();
            let chords = chords.map_err(|source| KeysError::Key { name: name.clone(), source })?;
            other.insert(name, chords);
        }
        Ok(Self { other })
    }

    /// The keys of one thing.
    pub(crate) fn of(&self, entry: &Entry) -> Vec<Chord> {
        match self.other.get(entry.id) {
            Some(chords) => chords.clone(),
            None => entry.keys.iter().filter_map(|key| key.parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::action::{Act, entry};

    #[test]
    fn a_file_changes_the_keys_that_it_names() {
        let file = [("quit".to_owned(), vec!["ctrl-q".to_owned()]), ("up".to_owned(), Vec::new())];
        let keys = Keys::new(file.into()).expect("it reads");
        let of =
            |act| keys.of(entry(act).expect("it is there")).iter().map(Chord::to_string).collect::<Vec<_>>();
        assert_eq!(of(Act::Quit), ["ctrl-q"]);
        assert!(of(Act::Up).is_empty());
        assert_eq!(of(Act::Down), ["j", "down"]);
        let wrong = Keys::new([("quite".to_owned(), Vec::new())].into()).expect_err("no such thing");
        assert_eq!(
            wrong.to_string(),
            "nothing is called \"quite\"; `?` in the dashboard shows what there is, such as quit"
        );
        let wrong = Keys::new([("quit".to_owned(), vec!["xx".to_owned()])].into()).expect_err("no such key");
        assert!(wrong.to_string().starts_with("quit: \"xx\" is no key"), "{wrong}");
    }
}
