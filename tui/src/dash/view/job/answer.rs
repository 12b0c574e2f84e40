//! The answer of a job as JSON that folds.

use super::super::list::{Empty, nothing, paragraph};
use crate::dash::json_tree::{JsonTree, Kind};
use crate::dash::model::Model;
use crate::dash::pen::{Pen, Span};
use crate::dash::row::Cursor;
use crate::dash::theme::{Sign, Tone};
use guildhall_protocol::view::JobStory;
use ratatui::layout::Rect;

/// The answer as a tree, if it is the one of this job.
pub(super) fn shown_tree<'a>(model: &'a Model, story: &JobStory) -> Option<&'a JsonTree> {
    let answer = story.answered()?.answer.as_ref()?;
    if model.data.body != Some((story.head.id, answer.id)) {
        return None;
    }
    model.data.tree.value.as_ref()
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

pub(super) fn answer(pen: &mut Pen<'_>, area: Rect, story: &JobStory, cursor: &Cursor) {
    let model = pen.model;
    let Some(tree) = shown_tree(model, story) else {
        let there = story.answered().is_some_and(|view| view.answer.is_some());
        let trouble = model.data.tree.trouble.as_ref();
        let empty = Empty { loaded: !there, trouble, says: "there is no answer yet" };
        nothing(pen, area, &empty);
        return;
    };
    let shown = tree.shown();
    if shown.is_empty() {
        paragraph(pen, area, "the answer is empty", Tone::Dim);
    }
    for line in 0..area.height {
        let at = cursor.top + usize::from(line);
        let Some(place) = shown.get(at) else { break };
        let Some(json) = tree.line(*place) else { break };
        let fold = match (json.members > 0, tree.is_folded(*place)) {
            (true, true) => Some(Sign::Folded),
            (true, false) => Some(Sign::Unfolded),
            (false, _) => None,
        };
        let fold = fold.map_or(" ", |fold| pen.sign(fold));
        let mut spans: Vec<Span> = vec![(format!("{}{fold} ", "  ".repeat(json.depth.min(40))), Tone::Dim)];
        if let Some(key) = &json.key {
            spans.extend(marked(key, Tone::Accent, &model.search));
            spans.push((": ".to_owned(), Tone::Dim));
        }
        let tone = match json.kind {
            Kind::Text => Tone::Text,
            Kind::String => Tone::Good,
            Kind::Number => Tone::Busy,
            Kind::Word => Tone::Warn,
            Kind::Open | Kind::Close => Tone::Dim,
        };
        spans.extend(marked(&json.value, tone, &model.search));
        if tree.is_folded(*place) {
            spans.push((format!(" {} inside", json.members), Tone::Dim));
        }
        let whole = Rect { y: area.y + line, height: 1, ..area };
        pen.spans(area.x + 1, whole.y, area.width.saturating_sub(1), &spans);
        if at == cursor.at {
            pen.select(whole);
            let path = tree.path(*place);
            if !path.is_empty() {
                let tabs = Rect { y: area.y.saturating_sub(1), height: 1, ..area };
                pen.right(tabs, &format!(" {path} "), Tone::Accent);
            }
        }
    }
}
