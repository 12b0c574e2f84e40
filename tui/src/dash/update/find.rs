//! A search in an answer or in what was asked, and from one place that was found to the next.

use crate::dash::model::{Model, Pane};
use crate::dash::theme::Tone;
use crate::dash::view::job;

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
    if !model.pane.is_json() {
        model.pane = Pane::Answer;
        // Where it is broken depends on the room that it has there.
        job::settle(model);
    }
    let cursor = model.cursor().at;
    let search = model.search.clone();
    let Some(tree) = job::tree_mut(model) else { return };
    let here = tree.rows().get(cursor).copied().unwrap_or_default();
    let places = tree.holding(&search);
    let found = match way {
        Way::Next => places.iter().position(|place| *place > here).or(Some(0)),
        Way::Previous => places.iter().rposition(|place| *place < here).or(places.len().checked_sub(1)),
    };
    let Some(place) = found.and_then(|at| places.get(at).copied()) else {
        let told =
            if model.pane == Pane::Asked { "it is not in what was asked" } else { "it is not in the answer" };
        model.tell(Tone::Warn, told);
        return;
    };
    let at = tree.reveal(place);
    let cursor = model.cursor_mut();
    (cursor.at, cursor.on) = (at, None);
}
