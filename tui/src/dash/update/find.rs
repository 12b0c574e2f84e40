//! A search in an answer, and from one place that was found to the next.

use crate::dash::model::{Model, Pane};
use crate::dash::theme::Tone;

/// Begins a search at the line after the cursor.
pub(super) fn begin(model: &mut Model, text: String) {
    model.search = text;
    if !model.search.is_empty() {
        go(model, Way::Next);
    }
}

/// Goes to the next place.
pub(super) fn next(model: &mut Model) {
    go(model, Way::Next);
}

/// Goes to the place before.
pub(super) fn previous(model: &mut Model) {
    go(model, Way::Previous);
}

#[derive(Clone, Copy)]
enum Way {
    Next,
    Previous,
}

/// Goes to a line that holds what is searched, around the end.
fn go(model: &mut Model, way: Way) {
    model.pane = Pane::Answer;
    let cursor = model.cursor().at;
    let Some(tree) = model.data.tree.value.as_mut() else { return };
    let here = tree.shown().get(cursor).copied().unwrap_or(0);
    let places = tree.holding(&model.search);
    let found = match way {
        Way::Next => places.iter().position(|place| *place > here).or(Some(0)),
        Way::Previous => places.iter().rposition(|place| *place < here).or(places.len().checked_sub(1)),
    };
    let Some(place) = found.and_then(|at| places.get(at).copied()) else {
        model.tell(Tone::Warn, "it is not in the answer");
        return;
    };
    tree.reveal(place);
    let at = tree.shown().iter().position(|shown| *shown == place).unwrap_or(0);
    let cursor = model.cursor_mut();
    (cursor.at, cursor.on) = (at, None);
}
