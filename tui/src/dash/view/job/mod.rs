//! A job, whole: where it stands, its time as a picture, and its parts: attempts with findings, the pick, the answer, the
//! history.

mod answer;
mod lines;

use super::gantt;
use super::jobs::short;
use super::list::{Empty, nothing};
use crate::dash::layout::{Width, parts};
use crate::dash::model::{Model, PANES, Pane};
use crate::dash::pen::Pen;
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::{Tone, of_job};
use answer::{answer, shown_tree};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::narrate::tell_pick;
use guildhall_protocol::view::{JobStory, Sight};
use lines::{Made, lines, scroll, write};
use ratatui::layout::Rect;

pub(crate) use lines::Lines;

/// Makes the lines anew if something that they are made of changed.
pub(crate) fn settle(model: &mut Model) {
    let Screen::Job(job) = *model.screen() else { return };
    let Some(story) = model.data.job(job) else { return };
    let of = Some(Made { job, taken: model.data.taken, pane: model.pane, size: model.size });
    if model.lines.of == of {
        return;
    }
    let places = places(body(model), story);
    let width = |area: Rect| usize::from(area.width.saturating_sub(2)).max(1);
    let pane = lines(story, model.pane, width(places.pane));
    let beside = places.beside.map(|beside| lines(story, beside_of(model.pane), width(beside)));
    model.lines = Lines { of, pane, beside: beside.unwrap_or_default() };
}

/// The part that stands beside another one.
fn beside_of(pane: Pane) -> Pane {
    if pane == Pane::History { Pane::Attempts } else { Pane::History }
}

fn body(model: &Model) -> Rect {
    parts(Rect::new(0, 0, model.size.0, model.size.1)).body
}

/// Where things stand.
struct Places {
    summary: Rect,
    gantt: Rect,
    tabs: Rect,
    pane: Rect,
    /// The history beside it, where there is room.
    beside: Option<Rect>,
}

fn places(area: Rect, story: &JobStory) -> Places {
    let line = |y: u16, height: u16| Rect {
        y: area.y + y.min(area.height),
        height: height.min(area.height.saturating_sub(y)),
        ..area
    };
    let summary = if area.height < 12 { 1 } else { 3 };
    let room = area.height.saturating_sub(summary + 1);
    // The picture takes a third at most.
    let picture = gantt::height(story).min(room / 3);
    let picture = if picture < 3 { 0 } else { picture };
    let top = summary + picture;
    let mut pane = line(top + 1, area.height.saturating_sub(top + 1));
    let mut beside = None;
    if Width::of(area.width) >= Width::Huge {
        let half = area.width * 3 / 5;
        beside =
            Some(Rect { x: area.x + half, y: pane.y - 1, width: area.width - half, height: pane.height + 1 });
        pane.width = half - 1;
    }
    Places { summary: line(0, summary), gantt: line(summary, picture), tabs: line(top, 1), pane, beside }
}

/// Lines of the part that are shown at a time.
pub(crate) fn pane_height(model: &Model) -> usize {
    let body = body(model);
    let story = if let Screen::Job(id) = model.screen() { model.data.job(*id) } else { None };
    usize::from(story.map_or(body.height, |story| places(body, story).pane.height)).max(1)
}

pub(super) fn rows(model: &Model, id: JobId) -> Vec<Row> {
    let Some(story) = model.data.job(id) else { return Vec::new() };
    let count = match model.pane {
        Pane::Answer => shown_tree(model, story).map_or(1, |tree| tree.shown().len()),
        Pane::Attempts | Pane::Pick | Pane::History => model.lines.pane.len(),
    };
    (0..count).map(Row::Line).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, id: JobId) {
    let model = pen.model;
    let Some(story) = model.data.job(id) else {
        let trouble = model.data.job_trouble(id);
        nothing(pen, area, &Empty { loaded: false, trouble, says: "" });
        return;
    };
    let places = places(area, story);
    summary(pen, places.summary, story);
    gantt::paint(pen, places.gantt, story);
    tabs(pen, places.tabs, story);
    let cursor = model.cursor();
    if model.pane == Pane::Answer {
        answer(pen, places.pane, story, &cursor);
    } else {
        scroll(pen, places.pane, &model.lines.pane, &cursor);
    }
    if let Some(beside) = places.beside {
        let pane = beside_of(model.pane);
        pen.rule(Rect { height: 1, ..beside }, pane.title());
        let inner = Rect { y: beside.y + 1, height: beside.height - 1, ..beside };
        let lines = &model.lines.beside;
        let top =
            if pane == Pane::History { lines.len().saturating_sub(usize::from(inner.height)) } else { 0 };
        for (line, parts) in lines.iter().skip(top).take(usize::from(inner.height)).enumerate() {
            write(pen, inner, u16::try_from(line).unwrap_or(0), parts);
        }
    }
}

fn summary(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    let head = &story.head;
    let state = head.state.known();
    let (sign, tone) = of_job(state);
    let word = state.map_or_else(|| head.state.to_string(), |state| short(*state).to_owned());
    let title = head.title.clone().unwrap_or_else(|| "(forgotten)".to_owned());
    let first = [
        (format!(" {} ", pen.sign(sign)), tone),
        (format!("{} {word}  ", head.id), tone),
        (title, Tone::Title),
    ];
    pen.spans(area.x, area.y, area.width, &first);
    if area.height < 3 {
        return;
    }
    let label = head.label.as_ref().map_or_else(String::new, |label| format!("  label {label}"));
    let posted = pen.time(head.posted_at);
    let deadline = pen.until(head.deadline);
    let due = match (head.window_ends_at, head.due_at) {
        (Some(window), _) => format!("  window ends in {}", pen.until(window)),
        (None, Some(due)) => format!("  next by itself in {}", pen.until(due)),
        (None, None) => String::new(),
    };
    let time = format!(
        "   client {}  posted {posted}  deadline {deadline}{due}  {} tries  {:?}{label}",
        head.client.0, head.attempts, head.priority,
    );
    pen.text(area.x, area.y + 1, area.width, &time, Tone::Dim);
    let why = match (&story.waiting, story.asked()) {
        _ if story.sight == Sight::Masked => Some((
            "a private job of somebody else: its texts are masked; v shows them, for a reason".to_owned(),
            Tone::Warn,
        )),
        (Some(pick), _) => Some((tell_pick(pick), Tone::Warn)),
        (None, Some(question)) => Some((format!("asks: {}", question.text), Tone::Warn)),
        (None, None) => head.checked_by.map(|by| (format!("checked {by}"), Tone::Dim)),
    };
    if let Some((why, tone)) = why {
        pen.text(area.x + 3, area.y + 2, area.width.saturating_sub(3), &why, tone);
    }
}

fn tabs(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    if area.height == 0 {
        return;
    }
    pen.rule(area, "");
    let mut x = area.x + 1;
    for pane in PANES {
        let count = match pane {
            Pane::Attempts => format!(" {}", story.attempts.len()),
            Pane::History => format!(" {}", story.events.len()),
            Pane::Pick | Pane::Answer => String::new(),
        };
        let name = format!(" {}{count} ", pane.title());
        let chosen = pane == pen.model.pane;
        let used = pen.text(
            x,
            area.y,
            area.right().saturating_sub(x),
            &name,
            if chosen { Tone::Title } else { Tone::Dim },
        );
        if chosen {
            pen.select(Rect { x, width: used, ..area });
        }
        x += used + 1;
    }
}
