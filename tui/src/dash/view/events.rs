//! What happens, as it happens: the feed of everything that the person may see; and the daemon's log.

use super::list::{Empty, nothing};
use crate::dash::data::FEED_MAX;
use crate::dash::layout::Width;
use crate::dash::model::Model;
use crate::dash::msg::Hit;
use crate::dash::pen::Pen;
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use crate::feed::{numbered, say_naming};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::history::{Actor, Subject};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::view::FeedLine;
use guildhall_protocol::wire::Wire;
use ratatui::layout::Rect;
use std::collections::BTreeMap;

pub(super) fn rows(model: &Model) -> Vec<Row> {
    model.data.feed.lines.iter().map(|line| Row::Event(line.id)).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let feed = &model.data.feed;
    if feed.lines.is_empty() {
        let empty = Empty { loaded: feed.is_read(), trouble: feed.trouble(), says: "nothing happened yet" };
        nothing(pen, area, &empty);
        return;
    }
    let cursor = model.cursor();
    let state = state(model, &Screen::Events);
    let full = if feed.lines.len() >= FEED_MAX { format!("the last {FEED_MAX}  ") } else { String::new() };
    pen.right(Rect { height: 1, ..area }, &format!("{full}{state} "), Tone::Accent);
    let names = names(model);
    for line in 1..area.height {
        let at = cursor.top + usize::from(line - 1);
        let Some(told) = feed.lines.get(at) else { break };
        let whole = Rect { y: area.y + line, height: 1, ..area };
        paint_line(pen, whole, told, &names);
        if model.is_still() && at == cursor.at {
            pen.select(whole);
        }
        pen.hit(whole, Hit::Row(Row::Event(told.id)));
    }
}

/// Whether a feed follows, and how much came since it does not.
fn state(model: &Model, feed: &Screen) -> String {
    if !model.is_still() {
        return "following; f stands still".to_owned();
    }
    let new = model.new_lines(feed);
    let new = if new > 0 { format!("{new} new  ") } else { String::new() };
    format!("{new}standing still; f follows")
}

fn names(model: &Model) -> BTreeMap<AgentId, &AgentName> {
    model.data.agents.value.iter().flatten().map(|head| (head.id, &head.name)).collect()
}

/// The agent that a line of the feed is about or that did it.
fn agent_of(line: &FeedLine) -> Option<AgentId> {
    match (line.subject, &line.event) {
        (Subject::Agent(id), _) => Some(id),
        (_, Wire::Known(event)) => {
            if let Actor::Agent(id) = event.by {
                Some(id)
            } else {
                None
            }
        }
        (_, Wire::Unknown(_)) => None,
    }
}

/// Whether the names of agents are to be read: none were, or something happened by one that is new.
pub(crate) fn needs_names(model: &Model) -> bool {
    let Some(agents) = &model.data.agents.value else { return true };
    let newest = model.data.feed.lines.back().and_then(agent_of);
    newest.is_some_and(|id| !agents.iter().any(|head| head.id == id))
}

fn paint_line(pen: &mut Pen<'_>, area: Rect, line: &FeedLine, names: &BTreeMap<AgentId, &AgentName>) {
    let called = |id: AgentId| names.get(&id).map_or_else(|| numbered(id), ToString::to_string);
    let subject = match line.subject {
        Subject::Job(id) => id.to_string(),
        Subject::Agent(id) => called(id),
        Subject::User(id) => format!("user {}", id.0),
        Subject::Place(id) => format!("place {}", id.0),
        Subject::System => "guildhall".to_owned(),
    };
    let (time, told) = match &line.event {
        Wire::Known(event) => (pen.time(event.at), say_naming(line.subject, event, called)),
        Wire::Unknown(_) => (String::new(), "something that this version does not know".to_owned()),
    };
    pen.text(area.x + 1, area.y, 11, &format!("{time:>11}"), Tone::Dim);
    let subjects = if Width::of(area.width) >= Width::Normal { 18 } else { 12 };
    pen.text(area.x + 13, area.y, subjects, &subject, Tone::Accent);
    let x = 14 + subjects;
    pen.text(area.x + x, area.y, area.width.saturating_sub(x), &told, Tone::Text);
}

pub(super) fn rows_of_log(model: &Model) -> Vec<Row> {
    // By their numbers: when the oldest go, the others stay where they are.
    model.data.log.lines.iter().map(|line| Row::Line(usize::try_from(line.number).unwrap_or(0))).collect()
}

pub(super) fn paint_log(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let log = &model.data.log;
    if log.lines.is_empty() {
        let empty =
            Empty { loaded: log.is_read(), trouble: log.trouble(), says: "the daemon has said nothing yet" };
        nothing(pen, area, &empty);
        return;
    }
    let cursor = model.cursor();
    let state = state(model, &Screen::Log);
    let lost = if log.lost > 0 {
        format!("{} lines were dropped before they could be read  ", log.lost)
    } else {
        String::new()
    };
    pen.right(Rect { height: 1, ..area }, &format!("{lost}{state} "), Tone::Accent);
    for line in 1..area.height {
        let at = cursor.top + usize::from(line - 1);
        let Some(told) = log.lines.get(at) else { break };
        let y = area.y + line;
        let level = told.level.known().copied();
        let tone = match level {
            Some(guildhall_protocol::log::LogLevel::Error) => Tone::Bad,
            Some(guildhall_protocol::log::LogLevel::Warn) => Tone::Warn,
            Some(guildhall_protocol::log::LogLevel::Info) => Tone::Text,
            Some(guildhall_protocol::log::LogLevel::Debug | guildhall_protocol::log::LogLevel::Trace)
            | None => Tone::Dim,
        };
        let time = pen.time(told.at);
        let fields: Vec<String> = told.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let name = level.map_or("?", guildhall_protocol::log::LogLevel::name);
        let spans = [
            (format!("{time:>11} "), Tone::Dim),
            (format!("{name:<5} "), tone),
            (told.message.clone(), tone),
            (format!("  {}", fields.join(" ")), Tone::Dim),
        ];
        pen.spans(area.x + 1, y, area.width.saturating_sub(1), &spans);
        if model.is_still() && at == cursor.at {
            pen.select(Rect { y, height: 1, ..area });
        }
    }
}
