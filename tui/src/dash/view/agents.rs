//! Agents, and one of them.

use super::list::{Cell, Empty, List, list, nothing, paragraph};
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::{Tone, of_agent};
use guildhall_protocol::agent::{AgentName, AgentState, Health};
use guildhall_protocol::narrate::tell_agent;
use guildhall_protocol::time::show_span;
use guildhall_protocol::view::{AgentHead, AgentStory};
use ratatui::layout::Rect;
use std::time::Duration;

const COLUMNS: [Column; 9] = [
    Column::fixed("", 1, 1),
    Column::text("Agent", 14, 0),
    Column::fixed("State", 12, 2),
    Column::fixed("Circuit", 11, 4),
    Column::number("Slots", 7, 3),
    Column::number("Passed", 7, 5),
    Column::number("Failed", 7, 6),
    Column::number("Answers in", 10, 7),
    Column::fixed("For", 7, 8),
];

pub(super) fn rows(model: &Model) -> Vec<Row> {
    model.data.agents.value.iter().flatten().map(|head| Row::Agent(head.name.clone())).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let heads: &[AgentHead] = model.data.agents.value.as_deref().unwrap_or(&[]);
    let empty = Empty {
        loaded: model.data.agents.value.is_some(),
        trouble: model.data.agents.trouble.as_ref(),
        says: "there are no agents yet: register one with `guildhall agent register`",
    };
    let (rows, cursor) = (rows(model), model.cursor());
    let all = List { columns: &COLUMNS, rows: &rows, cursor: &cursor, empty };
    list(pen, area, &all, |pen, at, column| {
        heads.get(at).map_or_else(|| (String::new(), Tone::Dim), |head| cell(pen, head, column))
    });
}

fn cell(pen: &mut Pen<'_>, head: &AgentHead, column: usize) -> Cell {
    let (state, health) = (head.state.known(), head.health.known());
    let (sign, tone) = of_agent(state, health);
    match column {
        0 => (pen.sign(sign).to_owned(), tone),
        1 => (head.name.to_string(), Tone::Text),
        2 => (state.map_or("?", |state| state.name()).to_owned(), tone),
        3 => circuit(pen, health),
        4 => {
            let full = head.running >= head.concurrency;
            (format!("{}/{}", head.running, head.concurrency), if full { Tone::Warn } else { Tone::Text })
        }
        5 => (head.record.passed.to_string(), Tone::Text),
        6 => (head.record.failed.to_string(), if head.record.failed > 0 { Tone::Warn } else { Tone::Dim }),
        7 => {
            let took = head.record.answer_ms.map(|ms| show_span(Duration::from_millis(ms)));
            (took.unwrap_or_default(), Tone::Dim)
        }
        _ => (format!("{:?}", head.audience).to_lowercase(), Tone::Dim),
    }
}

fn circuit(pen: &mut Pen<'_>, health: Option<&Health>) -> Cell {
    match health {
        Some(Health::Closed) => ("well".to_owned(), Tone::Dim),
        Some(Health::Open(until)) => (format!("open {}", pen.until(*until)), Tone::Bad),
        Some(Health::HalfOpen) => ("on trial".to_owned(), Tone::Warn),
        Some(Health::Quarantined) => ("quarantine".to_owned(), Tone::Bad),
        None => ("?".to_owned(), Tone::Dim),
    }
}

pub(super) fn rows_of_one(model: &Model, name: &AgentName) -> Vec<Row> {
    let lines = model.data.agent(name).map_or(0, |story| story.events.len());
    (0..lines).map(Row::Line).collect()
}

/// Lines about the agent above its history.
const ABOUT: u16 = 7;

pub(super) fn paint_one(pen: &mut Pen<'_>, area: Rect, name: &AgentName) {
    let model = pen.model;
    let Some(story) = model.data.agent(name) else {
        nothing(pen, area, &Empty { loaded: false, trouble: model.data.agent_trouble(name), says: "" });
        return;
    };
    let about = ABOUT.min(area.height / 2);
    paint_about(pen, Rect { height: about, ..area }, story);
    let history = Rect { y: area.y + about, height: area.height - about, ..area };
    if history.height == 0 {
        return;
    }
    pen.rule(Rect { height: 1, ..history }, "History, newest first");
    let cursor = model.cursor();
    let lines = story.events.iter().rev().skip(cursor.top).take(usize::from(history.height - 1));
    for (line, event) in lines.enumerate() {
        let y = history.y + 1 + u16::try_from(line).unwrap_or(0);
        let time = pen.time(event.at);
        let told =
            tell_agent(event).unwrap_or_else(|| "something that this version does not know".to_owned());
        pen.text(history.x + 1, y, 12, &format!("{time:>11}"), Tone::Dim);
        pen.text(history.x + 13, y, history.width.saturating_sub(13), &told, Tone::Text);
    }
}

fn paint_about(pen: &mut Pen<'_>, area: Rect, story: &AgentStory) {
    let head = &story.head;
    let (sign, tone) = of_agent(head.state.known(), head.health.known());
    let state = head.state.known().map_or_else(|| head.state.to_string(), AgentState::to_string);
    let circuit = circuit(pen, head.health.known());
    let first = [
        (format!(" {} ", pen.sign(sign)), tone),
        (format!("{} {}  ", head.name, head.version), Tone::Title),
        (state, tone),
        (format!("  circuit {}", circuit.0), circuit.1),
    ];
    let definition = &story.definition;
    let record = head.record;
    let took = record
        .answer_ms
        .map_or_else(String::new, |ms| format!(", answers in {}", show_span(Duration::from_millis(ms))));
    let asked = if definition.input_schema.is_some() { "a form" } else { "words" };
    let lines = [
        format!(
            "{} of {} slots; {} passed, {} failed, {} declined, {} unreachable in 90 days{took}",
            head.running, head.concurrency, record.passed, record.failed, record.declined, record.unreachable
        ),
        format!(
            "owner {}  for {:?}  takes {asked}  tags {}",
            head.owner.0,
            head.audience,
            definition.tags.join(", ")
        ),
        format!("at {}", definition.endpoint),
        format!(
            "{} versions, the first made {}",
            story.versions.len(),
            story.versions.last().map_or_else(String::new, |(_, made)| pen.time(*made))
        ),
    ];
    let mut y = area.y;
    if y < area.bottom() {
        pen.spans(area.x, y, area.width, &first);
        y += 1;
    }
    for line in lines {
        if y < area.bottom() {
            pen.text(area.x + 3, y, area.width.saturating_sub(3), &line, Tone::Dim);
            y += 1;
        }
    }
    if y < area.bottom() {
        let rest = Rect { x: area.x + 2, y, width: area.width.saturating_sub(2), height: area.bottom() - y };
        paragraph(pen, rest, &definition.description, Tone::Text);
    }
}
