//! The list of jobs.

use super::list::{Cell, Empty, List, list};
use super::whole::fitting;
use crate::dash::filter::with_sort;
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::{Sign, Tone, of_job};
use guildhall_protocol::listing::{Direction, JobSort};
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
    let top = above(model, area);
    if top > 0 {
        paint_above(pen, Rect { height: top, ..area });
    }
    let area = Rect { y: area.y + top, height: area.height - top, ..area };
    list(pen, area, &all, |pen, at, column| {
        heads.get(at).map_or_else(nothing, |head| cell(pen, head, column))
    });
}

/// Rows of the list that are shown at a time.
pub(crate) fn list_height(model: &Model) -> usize {
    let body = model.parts().body;
    usize::from(body.height.saturating_sub(above(model, body) + 1)).max(1)
}

/// From so many lines on, the line above the list is always there: the list does not jump when there is something to tell.
const ALWAYS_FROM: u16 = 10;

/// Lines above the list.
fn above(model: &Model, area: Rect) -> u16 {
    let tells = !(model.filter_text.is_empty() && not_seen(model).is_empty());
    u16::from(area.height >= ALWAYS_FROM || (area.height > 2 && tells))
}

/// The filter at the left, and at the right what the rows do not show; its numbers are not cut.
fn paint_above(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let width = area.width.saturating_sub(2);
    let told = fitting(&not_seen(model), "  ", usize::from(width));
    let used = pen.right(Rect { width: width + 1, ..area }, &told, Tone::Accent);
    // The sort is told in words.
    let filter = with_sort(&model.filter_text, JobSort::default());
    let (filter, tone) = match filter.as_str() {
        "" => ("all jobs".to_owned(), Tone::Dim),
        filter => (format!("/{filter}"), Tone::Accent),
    };
    pen.text(area.x + 1, area.y, width.saturating_sub(used + 2), &filter, tone);
}

/// What is not seen in the rows: marks, jobs that came meanwhile, the sort.
fn not_seen(model: &Model) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(matching) = &model.matching {
        told.push(format!("all {} that match are meant", matching.count));
    } else if !model.marks.is_empty() {
        told.push(format!("{} marked", model.marks.len()));
    }
    let new = model.data.jobs.new_above;
    if new > 0 {
        told.push(format!("{} {new} new above (g)", model.theme.sign(Sign::Up)));
    }
    if model.filter.sort != JobSort::default() {
        let direction = match model.filter.sort.direction {
            Direction::Descending => "highest first",
            Direction::Ascending => "lowest first",
        };
        told.push(format!("by {}, {direction}", model.filter.sort.by));
    }
    if model.data.jobs.cut {
        told.push("only so many were searched".to_owned());
    }
    told
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
