//! People, and one of them.

use super::list::{Cell, Empty, List, list, nothing};
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::Tone;
use guildhall_protocol::account::UserHead;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::narrate::tell_user;
use ratatui::layout::Rect;

const COLUMNS: [Column; 4] = [
    Column::number("#", 6, 0),
    Column::text("Name", 16, 1),
    Column::fixed("Role", 9, 2),
    Column::fixed("State", 10, 3),
];

pub(super) fn rows(model: &Model) -> Vec<Row> {
    model.data.people.value.iter().flatten().map(|head| Row::User(head.id)).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let heads: &[UserHead] = model.data.people.value.as_deref().unwrap_or(&[]);
    let empty = Empty {
        loaded: model.data.people.value.is_some(),
        trouble: model.data.people.trouble.as_ref(),
        says: "nobody was here yet",
    };
    let (rows, cursor) = (rows(model), model.cursor());
    let all = List { columns: &COLUMNS, rows: &rows, cursor: &cursor, empty };
    list(pen, area, &all, |_, at, column| {
        heads.get(at).map_or_else(|| (String::new(), Tone::Dim), |head| cell(head, column))
    });
}

fn cell(head: &UserHead, column: usize) -> Cell {
    let suspended = head.account.suspended;
    match column {
        0 => (head.id.0.to_string(), Tone::Text),
        1 => (head.name.clone(), Tone::Text),
        2 => (head.account.role.name().to_owned(), Tone::Accent),
        _ if suspended => ("suspended".to_owned(), Tone::Bad),
        _ => ("in order".to_owned(), Tone::Dim),
    }
}

pub(super) fn rows_of_one(model: &Model, id: UserId) -> Vec<Row> {
    let lines = model.data.person(id).map_or(0, |story| story.events.len());
    (0..lines).map(Row::Line).collect()
}

pub(super) fn paint_one(pen: &mut Pen<'_>, area: Rect, id: UserId) {
    let model = pen.model;
    let Some(story) = model.data.person(id) else {
        nothing(pen, area, &Empty { loaded: false, trouble: model.data.person_trouble(id), says: "" });
        return;
    };
    let known: Vec<String> = story.identities.iter().map(ToString::to_string).collect();
    let state = if story.head.account.suspended { "suspended" } else { "in order" };
    let usage = story.usage;
    let lines = [
        (
            format!(" {} {}  {}, {state}", story.head.id.0, story.head.name, story.head.account.role.name()),
            Tone::Title,
        ),
        (format!("   known as {}", known.join(", ")), Tone::Dim),
        (
            format!(
                "   {} open jobs, {} agents, {} bytes kept",
                usage.open_jobs, usage.agents, usage.stored_bytes
            ),
            Tone::Dim,
        ),
    ];
    let mut y = area.y;
    for (text, tone) in &lines {
        if y < area.bottom() {
            pen.text(area.x, y, area.width, text, *tone);
            y += 1;
        }
    }
    if y < area.bottom() {
        pen.rule(Rect { y, height: 1, ..area }, "History, newest first");
        y += 1;
    }
    let cursor = model.cursor();
    for event in story.events.iter().rev().skip(cursor.top) {
        if y >= area.bottom() {
            break;
        }
        let time = pen.time(event.at);
        let told = tell_user(event).unwrap_or_else(|| "something that this version does not know".to_owned());
        pen.text(area.x + 1, y, 12, &format!("{time:>11}"), Tone::Dim);
        pen.text(area.x + 13, y, area.width.saturating_sub(13), &told, Tone::Text);
        y += 1;
    }
}
