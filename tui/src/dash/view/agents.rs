//! The list of agents.

use super::list::{Cell, Empty, List, list};
use crate::dash::model::Model;
use crate::dash::pen::{Column, Pen};
use crate::dash::row::Row;
use crate::dash::theme::{Tone, of_agent};
use guildhall_protocol::agent::Health;
use guildhall_protocol::time::show_span;
use guildhall_protocol::view::AgentHead;
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

pub(super) fn circuit(pen: &mut Pen<'_>, health: Option<&Health>) -> Cell {
    match health {
        Some(Health::Closed) => ("well".to_owned(), Tone::Dim),
        Some(Health::Open(until)) => (format!("open {}", pen.until(*until)), Tone::Bad),
        Some(Health::HalfOpen) => ("on trial".to_owned(), Tone::Warn),
        Some(Health::Quarantined) => ("quarantine".to_owned(), Tone::Bad),
        None => ("?".to_owned(), Tone::Dim),
    }
}
