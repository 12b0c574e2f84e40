//! The mouse: what lies on top takes it, and nothing under it.

use super::{command, form, key, open, overlay};
use crate::dash::action::Act;
use crate::dash::model::Model;
use crate::dash::msg::{Effect, Hit};
use crate::dash::overlay::{Focus, Overlay};
use crate::dash::row::Row;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Rows that one turn of the wheel goes.
const WHEEL: isize = 3;

/// Somebody clicked at something; twice: opened it.
pub(super) fn click(model: &mut Model, hit: Hit, twice: bool) -> Vec<Effect> {
    let covered = !model.overlays.is_empty();
    match hit {
        Hit::Row(_) | Hit::Tab(_) | Hit::Act(_) if covered => Vec::new(),
        Hit::Row(row) => {
            to_row(model, &row);
            if twice {
                open(model, &row);
            }
            Vec::new()
        }
        Hit::Tab(place) => key::act(model, Act::Go(place)),
        Hit::Act(act) => key::act(model, act),
        Hit::Found(at) => command::click(model, at),
        Hit::Field(place) => {
            form::click(model, place, None);
            Vec::new()
        }
        Hit::Choice(place, word) => {
            form::click(model, place, Some(word));
            Vec::new()
        }
        Hit::Key(key) if matches!(model.overlays.last(), Some(Overlay::Form(_))) => {
            overlay::press(model, key)
        }
        // Its form is gone.
        Hit::Key(_) => Vec::new(),
        Hit::Part(part) => answer(model, part),
    }
}

fn to_row(model: &mut Model, row: &Row) {
    if let Some(at) = model.rows().iter().position(|other| other == row) {
        let from = isize::try_from(model.cursor().at).unwrap_or(0);
        key::step(model, isize::try_from(at).unwrap_or(0) - from);
    }
}

/// A line of a question gets the focus; an answer is given.
fn answer(model: &mut Model, part: Focus) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() else { return Vec::new() };
    confirm.choose(part);
    match part {
        Focus::Field(_) | Focus::Number => Vec::new(),
        Focus::No | Focus::Yes => overlay::press(model, plain(KeyCode::Enter)),
    }
}

/// The wheel turned.
pub(super) fn scroll(model: &mut Model, down: bool) {
    match model.overlays.last() {
        None => key::step(model, if down { WHEEL } else { -WHEEL }),
        Some(Overlay::Form(_)) => form::scroll(model, down),
        Some(
            Overlay::Help { .. } | Overlay::Actions { .. } | Overlay::Told { .. } | Overlay::Palette { .. },
        ) => {
            let key = plain(if down { KeyCode::Down } else { KeyCode::Up });
            for _ in 0..WHEEL {
                // These keys move, and want nothing done.
                overlay::press(model, key);
            }
        }
        // They are as long as they are.
        Some(Overlay::Filter { .. } | Overlay::Find { .. } | Overlay::Confirm(_) | Overlay::Leave) => {}
    }
}

fn plain(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}
