//! What happens, as it happens: the feed of everything that the person may see; and the daemon's log.

use super::list::{Empty, nothing};
use crate::dash::data::FEED_MAX;
use crate::dash::model::Model;
use crate::dash::msg::Hit;
use crate::dash::pen::Pen;
use crate::dash::row::Row;
use crate::dash::theme::Tone;
use guildhall_protocol::history::{Actor, Event, Subject};
use guildhall_protocol::narrate::{tell_agent, tell_place, tell_user};
use guildhall_protocol::view::FeedLine;
use guildhall_protocol::wire::Wire;
use ratatui::layout::Rect;

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
    let state = if model.still { "standing still; f follows" } else { "following; f stands still" };
    let below = feed.lines.len().saturating_sub(cursor.top + usize::from(area.height.saturating_sub(1)));
    let new = if model.still && below > 0 { format!("{below} below  ") } else { String::new() };
    let full = if feed.lines.len() >= FEED_MAX { format!("the last {FEED_MAX}  ") } else { String::new() };
    pen.right(Rect { height: 1, ..area }, &format!("{full}{new}{state} "), Tone::Accent);
    for line in 1..area.height {
        let at = cursor.top + usize::from(line - 1);
        let Some(told) = feed.lines.get(at) else { break };
        let whole = Rect { y: area.y + line, height: 1, ..area };
        paint_line(pen, whole, told);
        if model.still && at == cursor.at {
            pen.select(whole);
        }
        pen.hit(whole, Hit::Row(Row::Event(told.id)));
    }
}

fn paint_line(pen: &mut Pen<'_>, area: Rect, line: &FeedLine) {
    let subject = match line.subject {
        Subject::Job(id) => id.to_string(),
        Subject::Agent(id) => format!("agent {}", id.0),
        Subject::User(id) => format!("user {}", id.0),
        Subject::Place(id) => format!("place {}", id.0),
        Subject::System => "guildhall".to_owned(),
    };
    let (time, told) = match &line.event {
        Wire::Known(event) => (pen.time(event.at), say(line.subject, event)),
        Wire::Unknown(_) => (String::new(), "something that this version does not know".to_owned()),
    };
    pen.text(area.x + 1, area.y, 11, &format!("{time:>11}"), Tone::Dim);
    pen.text(area.x + 13, area.y, 12, &subject, Tone::Accent);
    pen.text(area.x + 26, area.y, area.width.saturating_sub(26), &told, Tone::Text);
}

/// A line without its story around it: what it is called, and who did it.
fn say(subject: Subject, event: &Event) -> String {
    let told = match subject {
        Subject::Agent(_) => tell_agent(event),
        Subject::User(_) => tell_user(event),
        Subject::Place(_) => tell_place(event),
        Subject::Job(_) | Subject::System => None,
    };
    let by = match event.by {
        Actor::Daemon => String::new(),
        Actor::User(user) => format!(", by user {}", user.0),
        Actor::Agent(agent) => format!(", by agent {}", agent.0),
    };
    told.unwrap_or_else(|| format!("{}{by}", name(event)))
}

/// The event's name in its JSON, as words.
fn name(event: &Event) -> String {
    let json = serde_json::to_value(&event.what).unwrap_or_default();
    let name = json.get("type").and_then(|name| name.as_str()).unwrap_or("something").replace('_', " ");
    let attempt = json.get("attempt").and_then(serde_json::Value::as_u64);
    attempt.map_or_else(|| name.clone(), |attempt| format!("attempt {attempt}: {name}"))
}

pub(super) fn rows_of_log(model: &Model) -> Vec<Row> {
    (0..model.data.log.lines.len()).map(Row::Line).collect()
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
    let state = if model.still { "standing still; f follows" } else { "following; f stands still" };
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
        if model.still && at == cursor.at {
            pen.select(Rect { y, height: 1, ..area });
        }
    }
}
