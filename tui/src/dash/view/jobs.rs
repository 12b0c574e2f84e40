//! The list of jobs.

use super::list::{Cell, Empty, List, list};
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::{Sign, Tone, of_job};
use guildhall_protocol::state::{Asker, HeldWhy, JobState, Reviewer};
use guildhall_protocol::view::JobHead;
use ratatui::layout::Rect;

/// The columns of a job in any list; the number and the title are the last to go.
pub(super) const COLUMNS: [Column; 9] = [
    Column::number("#", 8, 0),
    Column::fixed("", 1, 1),
    Column::fixed("State", 15, 3),
    Column::text("Title", 12, 2),
    Column::fixed("Agent", 16, 4),
    Column::number("Tries", 5, 6),
    Column::number("Age", 11, 5),
    Column::number("Due", 5, 7),
    Column::fixed("Label", 12, 8),
];

pub(super) fn rows(model: &Model) -> Vec<Row> {
    model.data.jobs.rows.iter().map(|head| Row::Job(head.id)).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let heads = &model.data.jobs.rows;
    let says = if model.filter_text.is_empty() {
        "there are no jobs yet: post one with `guildhall job post`, or watch `guildhalld demo --keep`"
    } else {
        "no job fits the filter; / changes it, \\ shows all again"
    };
    let empty =
        Empty { loaded: model.data.jobs.is_read(), trouble: model.data.jobs.held.trouble.as_ref(), says };
    let rows = rows(model);
    let cursor = model.cursor();
    let all = List { columns: &COLUMNS, rows: &rows, cursor: &cursor, empty };
    list(pen, area, &all, |pen, at, column| {
        heads.get(at).map_or_else(nothing, |head| cell(pen, head, column))
    });
    above(pen, area);
}

/// What is not seen: a filter, marks, jobs that came meanwhile.
fn above(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let mut told = Vec::new();
    if !model.filter_text.is_empty() {
        told.push(format!("/{}", model.filter_text));
    }
    if model.data.jobs.cut {
        told.push("only so many were searched".to_owned());
    }
    if !model.marks.is_empty() {
        told.push(format!("{} marked", model.marks.len()));
    }
    let new = model.data.jobs.new_above;
    if new > 0 {
        let up = pen.sign(Sign::Up);
        told.push(format!("{up} {new} new above (g)"));
    }
    if !told.is_empty() {
        let line = Rect { height: 1.min(area.height), ..area };
        pen.right(line, &format!(" {} ", told.join("  ")), Tone::Accent);
    }
}

fn nothing() -> Cell {
    (String::new(), Tone::Dim)
}

/// What stands in a column of [`COLUMNS`].
pub(super) fn cell(pen: &mut Pen<'_>, head: &JobHead, column: usize) -> Cell {
    let state = head.state.known();
    let (sign, tone) = of_job(state);
    match column {
        0 => (head.id.0.to_string(), Tone::Text),
        1 => (pen.sign(sign).to_owned(), tone),
        2 => (state.map_or_else(|| head.state.to_string(), |state| short(*state).to_owned()), tone),
        3 => match &head.title {
            Some(title) => (title.clone(), Tone::Text),
            None => ("(forgotten)".to_owned(), Tone::Dim),
        },
        4 => (head.agent.as_ref().map_or_else(String::new, ToString::to_string), Tone::Text),
        5 => (head.attempts.to_string(), if head.attempts > 1 { Tone::Warn } else { Tone::Dim }),
        6 => (pen.time(head.posted_at), Tone::Dim),
        7 => {
            let due = head.window_ends_at.or(head.due_at);
            (due.map_or_else(String::new, |due| pen.until(due)), Tone::Dim)
        }
        _ => (head.label.clone().unwrap_or_default(), Tone::Dim),
    }
}

/// A state in at most fifteen letters.
pub(super) fn short(state: JobState) -> &'static str {
    match state {
        JobState::InputRequired(Asker::Daemon | Asker::Agent) => "asks the client",
        JobState::InReview(Reviewer::Client) => "client reviews",
        JobState::InReview(Reviewer::Operator) => "to be decided",
        JobState::Held(HeldWhy::Unclear) => "held: unclear",
        JobState::Held(HeldWhy::Poison) => "held: poison",
        JobState::Open
        | JobState::Assigned
        | JobState::Working
        | JobState::Evaluating
        | JobState::Completed
        | JobState::Failed
        | JobState::Canceled
        | JobState::Expired => state.name(),
    }
}
