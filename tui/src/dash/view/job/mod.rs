//! A job, whole: where it stands, its time as a picture, and its parts: attempts with findings, the pick, answers,
//! what was asked, the history.

mod answer;
mod bodies;
mod lines;
mod summary;

use super::gantt;
use super::list::{Empty, nothing, paragraph};
use crate::dash::layout::Width;
use crate::dash::model::{Model, PANES, Pane};
use crate::dash::pen::Pen;
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::{Tone, of_chained};
use answer::{columns, json};
use bodies::{answered, body};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::narrate::tell_attempt_state;
use guildhall_protocol::view::JobStory;
use lines::{Made, attempts, lines, scroll, write};
use ratatui::layout::Rect;
use summary::summary;
use unicode_width::UnicodeWidthStr;

pub(crate) use bodies::{answers, attempt_at, bodies, open_attempt, searched, tree, tree_mut, turn_answer};
pub(crate) use lines::Lines;

/// Makes the lines anew if something that they are made of changed, and breaks JSON for the room that it has.
pub(crate) fn settle(model: &mut Model) {
    let Screen::Job(job) = *model.screen() else { return };
    let Some(story) = model.data.job(job) else { return };
    let places = places(body_area(model), story);
    let pane = model.pane;
    let (beside, room) = (beside_of(pane), places.beside.map(inside));
    let mut laid = Vec::new();
    for (pane, area) in [(pane, Some(places.pane)), (beside, room)] {
        if let (true, Some(area), Ok(body)) = (pane.is_json(), area, body(model, story, pane)) {
            laid.push((body, columns(area)));
        }
    }
    let of = Some(Made { job, taken: model.data.taken, pane, size: model.size });
    if model.lines.of != of {
        let width = |area: Rect| usize::from(area.width.saturating_sub(2)).max(1);
        let attempts = attempts(story, width(places.pane)).1;
        let beside = room.map(|room| lines(story, beside, width(room))).unwrap_or_default();
        model.lines = Lines { of, pane: lines(story, pane, width(places.pane)), beside, attempts };
    }
    for (body, columns) in laid {
        if let Some(tree) = model.data.tree_mut(job, body) {
            tree.lay(columns);
        }
    }
}

/// The part that stands beside another one: beside an answer, what was asked.
fn beside_of(pane: Pane) -> Pane {
    match pane {
        Pane::Attempts | Pane::Pick => Pane::History,
        Pane::History => Pane::Attempts,
        Pane::Answer => Pane::Asked,
        Pane::Asked => Pane::Answer,
    }
}

/// What is under the title of a part.
fn inside(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

fn body_area(model: &Model) -> Rect {
    model.parts().body
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
    let picture = if picture < 2 { 0 } else { picture };
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
    let body = body_area(model);
    let story = if let Screen::Job(id) = model.screen() { model.data.job(*id) } else { None };
    usize::from(story.map_or(body.height, |story| places(body, story).pane.height)).max(1)
}

pub(super) fn rows(model: &Model, id: JobId) -> Vec<Row> {
    if model.data.job(id).is_none() {
        return Vec::new();
    }
    let count = if model.pane.is_json() {
        tree(model).map_or(1, |tree| tree.rows().len())
    } else {
        model.lines.pane.len()
    };
    (0..count).map(Row::Line).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, id: JobId) {
    let model = pen.model;
    let Some(story) = model.data.job(id) else {
        unread(pen, area, id);
        return;
    };
    let places = places(area, story);
    summary(pen, places.summary, &story.head, Some(story));
    gantt::paint(pen, places.gantt, story);
    let used = tabs(pen, places.tabs, story);
    let cursor = model.cursor();
    if model.pane.is_json() {
        let path = json(pen, places.pane, story, model.pane, Some(&cursor));
        // Beside the tabs: where one is.
        let room = places.pane.width.saturating_sub(used + 1);
        if let Some(path) = path.filter(|path| !path.is_empty() && room > 8) {
            let tabs = Rect { x: places.tabs.x + used + 1, width: room, ..places.tabs };
            pen.right(tabs, &format!(" {path} "), Tone::Accent);
        }
    } else {
        scroll(pen, places.pane, &model.lines.pane, &cursor);
    }
    if let Some(area) = places.beside {
        beside(pen, area, story);
    }
}

/// What is known of a job whose story was not read yet.
fn unread(pen: &mut Pen<'_>, area: Rect, id: JobId) {
    let model = pen.model;
    let known = model.head(id);
    let top = known.map_or(0, |_| if area.height < 12 { 1 } else { 3 });
    if let Some(head) = known {
        summary(pen, Rect { height: top, ..area }, head, None);
    }
    let rest = Rect { y: area.y + top, height: area.height.saturating_sub(top), ..area };
    let trouble = model.data.job_trouble(id);
    if known.is_some() && trouble.is_none() && !model.link.is_live() {
        paragraph(pen, rest, "the rest of it cannot be read without a daemon", Tone::Warn);
    } else {
        nothing(pen, rest, &Empty { loaded: false, trouble, says: "" });
    }
}

/// What stands beside the part that was chosen.
fn beside(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    let model = pen.model;
    let pane = beside_of(model.pane);
    let title = title(model, story, pane, Width::Huge);
    pen.rule(Rect { height: 1, ..area }, &title);
    let inside = inside(area);
    if pane.is_json() {
        json(pen, inside, story, pane, None);
        return;
    }
    let lines = &model.lines.beside;
    let top = if pane == Pane::History { lines.len().saturating_sub(usize::from(inside.height)) } else { 0 };
    for (line, parts) in lines.iter().skip(top).take(usize::from(inside.height)).enumerate() {
        write(pen, inside, u16::try_from(line).unwrap_or(0), parts);
    }
}

/// What a part is called: an answer, by its attempt.
fn title(model: &Model, story: &JobStory, pane: Pane, width: Width) -> String {
    match (pane, answered(model, story)) {
        (Pane::Answer, Some(view)) if width >= Width::Normal => {
            format!(
                "Answer of {}.{} {}, {}",
                story.head.id,
                view.number.0,
                view.agent,
                tell_attempt_state(view)
            )
        }
        (Pane::Answer, Some(view)) => format!("Answer {}.{}", story.head.id, view.number.0),
        (Pane::Attempts, _) if width > Width::Tiny => format!("{} {}", pane.title(), story.attempts.len()),
        (Pane::History, _) if width > Width::Tiny => {
            let chained = of_chained(story.chained).map(|(sign, _)| format!(" {}", model.theme.sign(sign)));
            format!("{} {}{}", pane.title(), story.events.len(), chained.unwrap_or_default())
        }
        (Pane::Attempts | Pane::Pick | Pane::Answer | Pane::Asked | Pane::History, _) => {
            pane.title().to_owned()
        }
    }
}

/// The names of all parts; how many columns they take. Those before the chosen one go where there is no room for it.
fn tabs(pen: &mut Pen<'_>, area: Rect, story: &JobStory) -> u16 {
    if area.height == 0 {
        return 0;
    }
    pen.rule(area, "");
    let model = pen.model;
    // Which attempt it is, is said of the answer that is shown.
    let class = Width::of(area.width);
    let name = |pane: Pane| {
        let class = if pane == model.pane { class } else { class.min(Width::Narrow) };
        format!(" {} ", title(model, story, pane, class))
    };
    let names: Vec<(Pane, String)> = PANES.iter().map(|pane| (*pane, name(*pane))).collect();
    let chosen = PANES.iter().position(|pane| *pane == model.pane).unwrap_or(0);
    let width = |names: &[(Pane, String)]| names.iter().map(|(_, name)| name.width() + 1).sum::<usize>();
    let room = usize::from(area.width.saturating_sub(1));
    let first = (0..chosen).find(|first| width(&names[*first..=chosen]) <= room).unwrap_or(chosen);
    let mut x = area.x + 1;
    for (pane, name) in &names[first..] {
        let tone = if *pane == model.pane { Tone::Title } else { Tone::Dim };
        let used = pen.text(x, area.y, area.right().saturating_sub(x), name, tone);
        if *pane == model.pane {
            pen.select(Rect { x, width: used, ..area });
        }
        x += used + 1;
    }
    x - area.x
}
