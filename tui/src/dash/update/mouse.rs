//! The mouse: it means what lies on top. What is covered by it neither moves nor does anything.

use super::{command, key, open, overlay};
use crate::dash::action::Act;
use crate::dash::model::Model;
use crate::dash::msg::{Effect, Hit};
use crate::dash::overlay::Overlay;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Rows that one turn of the wheel moves.
const WHEEL_ROWS: isize = 3;

/// Somebody clicked at something.
pub(super) fn click(model: &mut Model, hit: Hit, twice: bool) -> Vec<Effect> {
    if model.overlays.last().is_some_and(|top| !is_of(top, &hit)) {
        return Vec::new();
    }
    match hit {
        Hit::Row(row) => {
            let rows = model.rows();
            let height = model.height();
            if let Some(at) = rows.iter().position(|other| *other == row) {
                let cursor = model.cursor_mut();
                let step = isize::try_from(at).unwrap_or(0) - isize::try_from(cursor.at).unwrap_or(0);
                cursor.by(&rows, step, height);
            }
            if twice { open(model, Some(row)) } else { Vec::new() }
        }
        Hit::Tab(place) => key::act(model, Act::Go(place)),
        Hit::Act(act) => key::act(model, act),
        Hit::Found(at) => command::click(model, at),
    }
}

/// Whether something that can be clicked at is a part of what lies on top.
fn is_of(top: &Overlay, hit: &Hit) -> bool {
    match hit {
        Hit::Found(_) => matches!(top, Overlay::Palette { .. }),
        Hit::Row(_) | Hit::Tab(_) | Hit::Act(_) => false,
    }
}

/// Somebody turned the wheel.
pub(super) fn scroll(model: &mut Model, down: bool) {
    match model.overlays.last() {
        None => {
            let rows = model.rows();
            let height = model.height();
            model.cursor_mut().by(&rows, if down { WHEEL_ROWS } else { -WHEEL_ROWS }, height);
        }
        Some(
            Overlay::Help { .. } | Overlay::Palette { .. } | Overlay::Actions { .. } | Overlay::Told { .. },
        ) => {
            let code = if down { KeyCode::Down } else { KeyCode::Up };
            for _ in 0..WHEEL_ROWS {
                // These keys move, and want nothing done.
                overlay::press(model, KeyEvent::new(code, KeyModifiers::NONE));
            }
        }
        // They are as long as they are, and a form is moved by its own keys.
        Some(
            Overlay::Filter { .. }
            | Overlay::Find { .. }
            | Overlay::Confirm(_)
            | Overlay::Leave
            | Overlay::Form(_),
        ) => {}
    }
}
