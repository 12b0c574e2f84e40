//! Reading a prompt as Guildhall writes it: blocks between random words, the spaces in them replaced by a mark.

use std::collections::BTreeMap;

/// A message of a user, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The blocks, by their order.
    pub blocks: Vec<Block>,
    /// What stands outside of blocks.
    pub outside: String,
    /// What stands for a space within blocks, where something does.
    pub mark: Option<char>,
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds: `brief`, `answer`, `criterion 0`, `agent @name`.
    pub label: String,
    /// Its text as it came.
    pub raw: String,
    /// Its text with spaces instead of marks.
    pub text: String,
    /// Whether its spaces were replaced, as far as one can see: a block without any space in a prompt with marks counts
    /// as marked.
    pub marked: bool,
}

impl Prompt {
    /// Takes a text apart. A block ends where its own word says so and nowhere else; one that never ends is outside.
    pub fn parse(text: &str) -> Self {
        let mut prompt = Self::default();
        let mut found: Vec<(String, String)> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let block = opening(line).and_then(|(word, label)| {
                let mut ahead = lines.clone();
                let end = format!("[[[ /{word} ]]]");
                let mut body = Vec::new();
                loop {
                    let line = ahead.next()?;
                    if line.trim_end() == end {
                        return Some((label.to_owned(), body.join("\n"), ahead));
                    }
                    body.push(line);
                }
            });
            match block {
                Some((label, body, ahead)) => {
                    found.push((label, body));
                    lines = ahead;
                }
                None => prompt.outside.extend([line, "\n"]),
            }
        }
        prompt.mark = mark_of(found.iter().map(|(_, raw)| raw.as_str()));
        prompt.blocks = found.into_iter().map(|(label, raw)| Block::read(label, raw, prompt.mark)).collect();
        prompt
    }

    /// The text of the first block with this label.
    pub fn text_of(&self, label: &str) -> Option<&str> {
        self.blocks.iter().find(|block| block.label == label).map(|block| block.text.as_str())
    }

    /// The blocks whose label is this word and one more: what follows the word, and the text.
    pub fn several(&self, word: &str) -> Vec<(&str, &str)> {
        let read = |block: &'_ Block| -> Option<(usize, usize)> {
            let rest = block.label.strip_prefix(word)?.strip_prefix(' ')?;
            Some((block.label.len() - rest.len(), block.label.len()))
        };
        let pair = |block| read(block).map(|(from, to)| (&block.label[from..to], block.text.as_str()));
        self.blocks.iter().filter_map(pair).collect()
    }
}

impl Block {
    fn read(label: String, raw: String, mark: Option<char>) -> Self {
        let text = mark.map_or_else(|| raw.clone(), |mark| raw.replace(mark, " "));
        let marked = mark.is_some_and(|mark| raw.contains(mark) || !raw.contains(' '));
        Self { label, raw, text, marked }
    }
}

/// The word and the label of `[[[ WORD label ]]]`.
fn opening(line: &str) -> Option<(&str, &str)> {
    let inside = line.trim_end().strip_prefix("[[[ ")?.strip_suffix(" ]]]")?;
    let (word, label) = inside.split_once(' ')?;
    (!word.starts_with('/') && !word.is_empty() && !label.is_empty()).then_some((word, label))
}

/// What stands for a space: a rare visible sign, more frequent than spaces are.
fn mark_of<'a>(texts: impl Iterator<Item = &'a str>) -> Option<char> {
    let mut signs: BTreeMap<char, usize> = BTreeMap::new();
    let mut spaces = 0;
    for letter in texts.flat_map(str::chars) {
        if letter == ' ' {
            spaces += 1;
        } else if is_rare(letter) {
            *signs.entry(letter).or_default() += 1;
        }
    }
    let (sign, count) = signs.into_iter().max_by_key(|(_, count)| *count)?;
    (count > spaces).then_some(sign)
}

/// No letter, no digit, no everyday punctuation, nothing invisible.
fn is_rare(letter: char) -> bool {
    let modifier = matches!(letter, '\u{2b0}'..='\u{2ff}');
    let hidden = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{ad}'
        | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{300}'..='\u{36f}' | '\u{e0000}'..='\u{e01ef}');
    let punctuation = matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' | '–' | '—' | '…' | '„'
        | '“' | '”' | '‘' | '’' | '«' | '»' | '¿' | '¡');
    let ascii = letter.is_ascii() && !matches!(letter, '^' | '~' | '|');
    modifier || !(letter.is_alphanumeric() || letter.is_control() || hidden || punctuation || ascii)
}
