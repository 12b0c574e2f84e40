//! The parts of a job that are JSON: an answer, and what was asked.

use super::super::list::{Empty, nothing, paragraph};
use super::bodies::body;
use crate::dash::json_tree::{JsonTree, Kind, Shown};
use crate::dash::model::Pane;
use crate::dash::pen::{Pen, Span, width_of};
use crate::dash::row::Cursor;
use crate::dash::theme::{Sign, Tone};
use guildhall_protocol::view::JobStory;
use ratatui::layout::Rect;

/// Columns before each row: the one of the list's edge.
const EDGE: u16 = 1;

/// Columns that a row of JSON has in a part.
pub(super) fn columns(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(EDGE + 1)).max(1)
}

/// A text with the places marked where it holds what is searched.
fn marked(text: &str, tone: Tone, search: &str) -> Vec<Span> {
    let (lower, search) = (text.to_lowercase(), search.to_lowercase());
    // Where capitals have another length, the places would not be the same.
    if search.is_empty() || lower.len() != text.len() {
        return vec![(text.to_owned(), tone)];
    }
    let mut spans = Vec::new();
    let mut done = 0;
    for (at, found) in lower.match_indices(&search) {
        let (Some(before), Some(inside)) = (text.get(done..at), text.get(at..at + found.len())) else {
            break;
        };
        spans.push((before.to_owned(), tone));
        spans.push((inside.to_owned(), Tone::Found));
        done = at + found.len();
    }
    spans.push((text.get(done..).unwrap_or_default().to_owned(), tone));
    spans
}

/// A part that is JSON; without a cursor, from its beginning. The path to what the cursor is on, if it has one.
pub(super) fn json(
    pen: &mut Pen<'_>,
    area: Rect,
    story: &JobStory,
    pane: Pane,
    cursor: Option<&Cursor>,
) -> Option<String> {
    let model = pen.model;
    let loaded = match body(model, story, pane) {
        Ok(body) => model.data.body(story.head.id, body),
        Err(why) => {
            paragraph(pen, area, why, Tone::Dim);
            return None;
        }
    };
    let Some(tree) = loaded.and_then(|loaded| loaded.value.as_ref()) else {
        let trouble = loaded.and_then(|loaded| loaded.trouble.as_ref());
        nothing(pen, area, &Empty { loaded: false, trouble, says: "" });
        return None;
    };
    if tree.rows().is_empty() {
        paragraph(pen, area, "it is empty", Tone::Dim);
    }
    let top = cursor.map_or(0, |cursor| cursor.top);
    let shown = tree.rows().iter().enumerate().skip(top).take(usize::from(area.height));
    for (y, (at, shown)) in (area.y..area.bottom()).zip(shown) {
        row(pen, Rect { y, height: 1, ..area }, tree, *shown);
        if cursor.is_some_and(|cursor| cursor.at == at) {
            pen.select(Rect { y, height: 1, ..area });
        }
    }
    let on = tree.rows().get(cursor?.at)?;
    Some(tree.path(on.line))
}

fn row(pen: &mut Pen<'_>, area: Rect, tree: &JsonTree, shown: Shown) {
    let search = &pen.model.search;
    let Some(line) = tree.line(shown.line) else { return };
    let folded = tree.folded(shown.line);
    let mut spans: Vec<Span> = vec![(" ".repeat(tree.indent(shown)), Tone::Dim)];
    if shown.part == 0 {
        let sign = match folded {
            Some(true) => pen.sign(Sign::Folded),
            Some(false) => pen.sign(Sign::Unfolded),
            None => " ",
        };
        spans.push((format!("{sign} "), Tone::Dim));
        if let Some(key) = &line.key {
            spans.extend(marked(key, Tone::Accent, search));
            spans.push((": ".to_owned(), Tone::Dim));
        }
    }
    let tone = match line.kind {
        Kind::Text => Tone::Text,
        Kind::String => Tone::Good,
        Kind::Number => Tone::Busy,
        Kind::Word => Tone::Warn,
        Kind::Open | Kind::Close => Tone::Dim,
    };
    spans.extend(marked(line.part(shown.part), tone, search));
    let x = area.x + EDGE;
    let width = area.width.saturating_sub(EDGE);
    pen.spans(x, area.y, width, &spans);
    if folded == Some(true) {
        let hidden = match line.members {
            0 => format!(" {} lines more ", line.rows() - 1),
            members => format!(" {members} inside "),
        };
        // What is hidden is said, whatever it covers.
        let used = width_of(&spans).min(width.saturating_sub(u16::try_from(hidden.len()).unwrap_or(0)));
        pen.text(x + used, area.y, width - used, &hidden, Tone::Dim);
    }
}
