//! What people were told, and what became of it.

use super::list::{Cell, Empty, List, list, nothing, paragraph};
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::{Sign, Tone};
use guildhall_protocol::ids::NotificationId;
use guildhall_protocol::notice::NoticeView;
use ratatui::layout::Rect;

const COLUMNS: [Column; 8] = [
    Column::fixed("", 1, 1),
    Column::number("Made", 11, 3),
    Column::number("User", 6, 4),
    Column::fixed("Channel", 8, 5),
    Column::fixed("Kind", 18, 2),
    Column::number("Job", 8, 6),
    Column::number("Tries", 5, 7),
    Column::text("What", 20, 0),
];

pub(super) fn rows(model: &Model) -> Vec<Row> {
    model.data.notices.value.iter().flatten().map(|notice| Row::Notice(notice.id)).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let notices: &[NoticeView] = model.data.notices.value.as_deref().unwrap_or(&[]);
    let empty = Empty {
        loaded: model.data.notices.value.is_some(),
        trouble: model.data.notices.trouble.as_ref(),
        says: "nobody was told anything yet",
    };
    let (rows, cursor) = (rows(model), model.cursor());
    let all = List { columns: &COLUMNS, rows: &rows, cursor: &cursor, empty };
    list(pen, area, &all, |pen, at, column| {
        notices.get(at).map_or_else(|| (String::new(), Tone::Dim), |notice| cell(pen, notice, column))
    });
}

/// How it stands: taken, on its way, or given up.
fn state(notice: &NoticeView) -> (Sign, Tone, &'static str) {
    match (notice.acknowledged_at, notice.due_at) {
        (Some(_), _) => (Sign::Check, Tone::Good, "told"),
        (None, Some(_)) if notice.tries > 0 => (Sign::Half, Tone::Warn, "told again later"),
        (None, Some(_)) => (Sign::Ring, Tone::Text, "to be told"),
        (None, None) => (Sign::Cross, Tone::Bad, "given up"),
    }
}

fn cell(pen: &mut Pen<'_>, notice: &NoticeView, column: usize) -> Cell {
    let (sign, tone, _) = state(notice);
    match column {
        0 => (pen.sign(sign).to_owned(), tone),
        1 => (pen.time(notice.made_at), Tone::Dim),
        2 => (notice.user.0.to_string(), Tone::Text),
        3 => (notice.channel.to_string(), Tone::Dim),
        4 => (notice.kind.to_string(), Tone::Accent),
        5 => (notice.job.map_or_else(String::new, |job| job.to_string()), Tone::Text),
        6 => (notice.tries.to_string(), if notice.tries > 1 { Tone::Warn } else { Tone::Dim }),
        _ => (notice.text.clone(), Tone::Text),
    }
}

pub(super) fn rows_of_one(model: &Model, id: NotificationId) -> Vec<Row> {
    let lines = model.data.notice(id).map_or(0, |story| story.log.len());
    (0..lines).map(Row::Line).collect()
}

pub(super) fn paint_one(pen: &mut Pen<'_>, area: Rect, id: NotificationId) {
    let model = pen.model;
    let Some(story) = model.data.notice(id) else {
        nothing(pen, area, &Empty { loaded: false, trouble: model.data.notice_trouble(id), says: "" });
        return;
    };
    let notice = &story.notice;
    let (sign, tone, word) = state(notice);
    let made = pen.time(notice.made_at);
    let next = notice.due_at.map_or_else(String::new, |due| format!(", next in {}", pen.until(due)));
    let heading = [
        (format!(" {} {word}{next}  ", pen.sign(sign)), tone),
        (
            format!("{} to user {} on {}, made {made}", notice.kind, notice.user.0, notice.channel),
            Tone::Title,
        ),
    ];
    pen.spans(area.x, area.y, area.width, &heading);
    let mut y = area.y + 1;
    for text in [&notice.text, &notice.next] {
        if y < area.bottom() {
            y += paragraph(pen, Rect { y, height: area.bottom() - y, ..area }, text, Tone::Text);
        }
    }
    if y + 1 < area.bottom() {
        pen.rule(Rect { y, height: 1, ..area }, "What became of it");
        y += 1;
    }
    let cursor = model.cursor();
    // The words above take some of the room that a page is reckoned by.
    let room = usize::from(area.bottom().saturating_sub(y)).max(1);
    let top = cursor.top.max((cursor.at + 1).saturating_sub(room));
    for (at, taken, detail) in story.log.iter().skip(top) {
        if y >= area.bottom() {
            break;
        }
        let time = pen.time(*at);
        let (sign, tone) = if *taken { (Sign::Check, Tone::Good) } else { (Sign::Cross, Tone::Warn) };
        let spans = [
            (format!(" {time:>11} "), Tone::Dim),
            (format!("{} ", pen.sign(sign)), tone),
            (detail.clone(), Tone::Text),
        ];
        pen.spans(area.x, y, area.width, &spans);
        y += 1;
    }
}
