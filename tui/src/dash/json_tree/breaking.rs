//! Where a long text is broken into rows. One pass, so that a word of a megabyte costs no more than a page of prose.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Fewest columns worth beginning a text in; with less, it begins in the next row.
const BEGIN_MIN: usize = 12;

/// The rows of a text, as ranges of its bytes, at least one: at most `first` columns in the first row and `rest` in each
/// other one, broken after a space where there is one. Its own line ends are kept, and in no row.
pub(super) fn rows(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut room = first;
    if first < BEGIN_MIN && text.width() > first {
        rows.push(0..0);
        room = rest;
    }
    let mut begin = 0;
    for paragraph in text.split('\n') {
        let end = begin + paragraph.len();
        break_one(&mut rows, text, begin..end, (room, rest));
        room = rest;
        begin = end + 1;
    }
    rows
}

/// `rooms`: columns of the first row and of the others.
fn break_one(rows: &mut Vec<Range<usize>>, text: &str, whole: Range<usize>, rooms: (usize, usize)) {
    let (mut room, rest) = (rooms.0.max(1), rooms.1.max(1));
    let paragraph = &text[whole.clone()];
    let mut start = whole.start;
    let mut used = 0;
    // After the last space of this row: the place, and the columns up to it.
    let mut space: Option<(usize, usize)> = None;
    let mut step = |at: usize, wide: usize, is_space: bool| {
        while used + wide > room && at > start {
            let (end, before) = space.take().unwrap_or((at, used));
            rows.push(start..end);
            (start, used, room) = (end, used - before, rest);
        }
        used += wide;
        if is_space {
            space = Some((at + 1, used));
        }
    };
    if paragraph.is_ascii() {
        for (at, byte) in paragraph.bytes().enumerate() {
            step(whole.start + at, 1, byte == b' ');
        }
    } else {
        for (at, grapheme) in paragraph.grapheme_indices(true) {
            step(whole.start + at, grapheme.width(), grapheme == " ");
        }
    }
    rows.push(start..whole.end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str, first: usize, rest: usize) -> Vec<&str> {
        rows(text, first, rest).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn text_is_broken_after_spaces_and_at_its_own_ends() {
        assert_eq!(broken("one two three four", 14, 8), ["one two three ", "four"]);
        assert_eq!(broken("abcdefgh ij", 20, 3), ["abcdefgh ij"]);
        assert_eq!(broken("abcdefgh ij", 2, 3), ["", "abc", "def", "gh ", "ij"]);
        assert_eq!(broken("a\n\nb", 20, 9), ["a", "", "b"]);
        assert_eq!(broken("日本語", 2, 4), ["", "日本", "語"]);
        assert_eq!(broken("日本", 1, 1), ["", "日", "本"], "one letter at least");
        assert_eq!(broken("", 0, 0), [""]);
    }
}
