//! A list with a heading: the rows that are shown, and no others, are ever made.

use super::frame::seconds;
use crate::dash::link::{Before, Link};
use crate::dash::msg::Hit;
use crate::dash::pen::{Align, Column, Pen, fit};
use crate::dash::row::{Cursor, Row};
use crate::dash::theme::{Sign, Tone};
use guildhall_protocol::error::ApiError;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// One cell.
pub(crate) type Cell = (String, Tone);

/// What stands in a list where there is nothing.
pub(crate) struct Empty<'a> {
    /// Whether it was read.
    pub(crate) loaded: bool,
    pub(crate) trouble: Option<&'a ApiError>,
    /// What it means that nothing is there.
    pub(crate) says: &'a str,
}

/// A list: its rows, where one is in it, and what stands there if it is empty.
pub(crate) struct List<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) rows: &'a [Row],
    pub(crate) cursor: &'a Cursor,
    pub(crate) empty: Empty<'a>,
}

/// Paints a list; `cell` tells what stands in a row and column.
pub(crate) fn list(
    pen: &mut Pen<'_>,
    area: Rect,
    list: &List<'_>,
    mut cell: impl FnMut(&mut Pen<'_>, usize, usize) -> Cell,
) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let shown = fit(list.columns, area.width.saturating_sub(1));
    let mut x = area.x + 1;
    for (place, width) in &shown {
        let column = &list.columns[*place];
        let title = aligned(column.title, *width, column.align);
        pen.text(x, area.y, *width, &title, Tone::Dim);
        x += width + 1;
    }
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if list.rows.is_empty() {
        nothing(pen, body, &list.empty);
        return;
    }
    for line in 0..body.height {
        let at = list.cursor.top + usize::from(line);
        let Some(row) = list.rows.get(at) else { break };
        let y = body.y + line;
        let whole = Rect { y, height: 1, ..body };
        let mut x = body.x + 1;
        for (place, width) in &shown {
            let (text, tone) = cell(pen, at, *place);
            let text = aligned(&text, *width, list.columns[*place].align);
            pen.text(x, y, *width, &text, tone);
            x += width + 1;
        }
        if let Row::Job(id) = row
            && pen.model.marks.contains_key(id)
        {
            let sign = pen.sign(Sign::Marked);
            pen.text(body.x, y, 1, sign, Tone::Marked);
        }
        if at == list.cursor.at {
            pen.select(whole);
        }
        pen.hit(whole, Hit::Row(row.clone()));
    }
}

/// Says why there is nothing, over as many lines as it takes.
pub(crate) fn nothing(pen: &mut Pen<'_>, area: Rect, empty: &Empty<'_>) {
    if !empty.loaded && !pen.model.link.is_live() {
        return no_daemon(pen, area);
    }
    match empty.trouble {
        Some(error) => {
            let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            paragraph(pen, area, &format!("{}{hint}", error.message), Tone::Bad);
        }
        None if !empty.loaded => {
            paragraph(pen, area, "reading ...", Tone::Dim);
        }
        None => {
            paragraph(pen, area, empty.says, Tone::Dim);
        }
    }
}

/// Nothing can be read: since when, what to do about it, and why, in this order where there is little room.
fn no_daemon(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let (how, why, hint, retry_at) = match &model.link {
        // It was read before this was painted.
        Link::Live => return,
        Link::Connecting { since } => {
            let text = format!("looking for the daemon for {} ...", pen.age(*since));
            paragraph(pen, area, &text, Tone::Dim);
            return;
        }
        Link::Lost { before: Before::Nothing(since), why, hint, retry_at } => {
            (format!("The daemon was never reached, tried for {}", pen.age(*since)), why, hint, retry_at)
        }
        Link::Lost { before: Before::Daemon(heard), why, hint, retry_at } => {
            (format!("The daemon was lost {} ago", pen.age(*heard)), why, hint, retry_at)
        }
        Link::Refused { why, hint, retry_at, .. } => {
            ("The daemon is not spoken to".to_owned(), why, hint, retry_at)
        }
    };
    let how = format!("{how}; the next try is in {} s.", seconds(pen, *retry_at));
    let mut y = area.y;
    let told = [(Some(&how), Tone::Bad), (hint.as_ref(), Tone::Text), (Some(why), Tone::Dim)];
    for (text, tone) in told.into_iter().filter_map(|(text, tone)| Some((text?, tone))) {
        y += paragraph(pen, Rect { y, height: area.bottom().saturating_sub(y), ..area }, text, tone);
    }
}

/// Text over several lines, broken between words; how many it took.
pub(crate) fn paragraph(pen: &mut Pen<'_>, area: Rect, text: &str, tone: Tone) -> u16 {
    let mut lines = 0;
    for line in wrapped(text, usize::from(area.width.saturating_sub(2))) {
        if lines >= area.height {
            break;
        }
        pen.text(area.x + 1, area.y + lines, area.width.saturating_sub(1), &line, tone);
        lines += 1;
    }
    lines
}

/// Lines of at most this width, broken between words where that is possible.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = word;
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            while word.width() > width && bytes_within(word, width) < word.len() {
                let (head, rest) = word.split_at(bytes_within(word, width));
                lines.push(head.to_owned());
                word = rest;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Bytes of the beginning that is at most so wide, one character at least.
fn bytes_within(text: &str, width: usize) -> usize {
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        let next = at + letter.len_utf8();
        if end > 0 && text[..next].width() > width {
            break;
        }
        end = next;
    }
    end
}

pub(super) fn aligned(text: &str, width: u16, align: Align) -> String {
    let gap = usize::from(width).saturating_sub(text.width());
    match align {
        Align::Left => text.to_owned(),
        Align::Right => format!("{}{text}", " ".repeat(gap)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("日本", 1), ["日", "本"]);
        assert_eq!(wrapped("a\n\nb", 9), ["a", "", "b"]);
    }
}
