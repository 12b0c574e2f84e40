//! Making untrusted text safe to show: one allow-list at every output edge. What is stored stays as it came.

use unicode_segmentation::UnicodeSegmentation;

/// Columns between tab stops when tabs become spaces.
const TAB_WIDTH: usize = 4;
/// Most combining marks kept on one character; more is zalgo, not language.
const MARKS_MAX: usize = 4;

/// Text that is safe to print on a terminal or to put into a message: no escape sequences, no C0 or C1 controls, no
/// bidirectional overrides, no zero-width or tag characters; tabs are expanded and line ends are `\n`.
pub fn clean(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut column = 0;
    let mut marks = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                safe.push('\n');
                column = 0;
            }
            '\n' => {
                safe.push('\n');
                column = 0;
            }
            '\t' => {
                let spaces = TAB_WIDTH - column % TAB_WIDTH;
                safe.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            letter if is_mark(letter) => {
                marks += 1;
                if marks <= MARKS_MAX {
                    safe.push(letter);
                }
                continue;
            }
            letter if is_shown(letter) => {
                safe.push(letter);
                column += 1;
            }
            _ => continue,
        }
        marks = 0;
    }
    safe
}

/// [`clean`] on one line: line ends and runs of spaces become one space.
pub fn clean_line(text: &str) -> String {
    let safe = clean(text);
    let mut line = String::with_capacity(safe.len());
    for word in safe.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The first `graphemes_max` characters as people count them; an ellipsis stands for what was cut.
pub fn cut(text: &str, graphemes_max: usize) -> String {
    let mut graphemes = text.grapheme_indices(true);
    match graphemes.nth(graphemes_max) {
        None => text.to_owned(),
        Some(_) if graphemes_max == 0 => String::new(),
        Some(_) => {
            let end = text.grapheme_indices(true).nth(graphemes_max - 1).map_or(0, |(at, _)| at);
            format!("{}…", &text[..end])
        }
    }
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The allow-list: what has a visible form of its own, and spaces.
fn is_shown(letter: char) -> bool {
    let hidden = matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'       // C0, DEL, C1
        | '\u{ad}' | '\u{34f}' | '\u{61c}'          // soft hyphen, grapheme joiner, Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // blank letters
        | '\u{180b}'..='\u{180f}'                   // Mongolian selectors
        | '\u{200b}'..='\u{200f}'                   // zero width, direction marks
        | '\u{2028}'..='\u{202e}'                   // line and paragraph separators, bidi overrides
        | '\u{2060}'..='\u{206f}'                   // word joiner, isolates, deprecated formats
        | '\u{fe00}'..='\u{fe0f}'                   // variation selectors
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}'      // byte order mark, specials
        | '\u{e000}'..='\u{f8ff}'                   // private use
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // shorthand and music formats
        | '\u{e0000}'..='\u{10ffff}'                // tags, selectors, private planes
    );
    !hidden && (u32::from(letter) & 0xfffe) != 0xfffe && !matches!(letter, '\u{fdd0}'..='\u{fdef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_passes() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "[31mred[0m");
        assert_eq!(clean("a\u{9b}31mb\u{0}c\u{7f}d"), "a31mbcd");
        assert_eq!(clean("abc\u{202e}fed\u{2066}x\u{200b}y\u{feff}"), "abcfedxy");
        assert_eq!(clean("hi\u{e0041}\u{e0042}"), "hi");
        assert_eq!(clean("a\tb\r\nc\rd"), "a   b\nc\nd");
    }

    #[test]
    fn languages_and_emoji_stay() {
        for text in ["Grüße, 世界", "नमस्ते", "שלום", "é e\u{301}", "🦀 ok", "数学 ∑ ≤ ½"]
        {
            assert_eq!(clean(text), text);
        }
        assert_eq!(clean(&format!("z{}", "\u{301}".repeat(50))).chars().count(), 1 + MARKS_MAX);
    }

    #[test]
    fn no_character_of_unicode_leaves_a_control() {
        let everything: String = (0..=u32::from(char::MAX)).filter_map(char::from_u32).collect();
        let safe = clean(&everything);
        assert!(safe.chars().all(|letter| letter == '\n' || !letter.is_control()));
        assert!(!safe.contains('\u{1b}') && !safe.contains('\u{202e}') && !safe.contains('\u{e0041}'));
    }

    #[test]
    fn lines_and_cuts() {
        assert_eq!(clean_line("  a\n\tb  c "), "a b c");
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 3), "ab…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(cut("abc", 0), "");
    }
}
