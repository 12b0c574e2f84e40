//! Leaving. What was ordered is sent; what cannot be sent is not dropped without a word.

use super::{deed, form};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::Overlay;
use crate::dash::place::Place;
use crate::dash::state::Slot;
use crate::dash::theme::Tone;
use crate::fault::Fault;
use crossterm::event::KeyCode;
use guildhall_protocol::error::{ApiError, ErrorKind};

/// An order that nobody can say is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) number: u64,
    pub(crate) what: String,
    pub(crate) sent: bool,
}

/// The orders that are not sent, or whose outcome is not known.
pub(crate) fn open_orders(model: &Model) -> Vec<Left> {
    let waits = |number| model.pending.iter().any(|pending| pending.number == number);
    let open = model.done.iter().filter(|done| done.outcome.is_none());
    open.map(|done| Left { number: done.number, what: done.what.clone(), sent: !waits(done.number) })
        .collect()
}

/// Somebody wants to leave: at once, or, where there is no daemon for what they ordered, after a question.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let asked = matches!(model.overlays.last(), Some(Overlay::Leave));
    if asked || model.link.is_live() || open_orders(model).is_empty() {
        return leave(model);
    }
    model.overlays.push(Overlay::Leave);
    Vec::new()
}

/// The answer to the question. What means neither asks again.
pub(super) fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    if matches!(code, KeyCode::Char('q' | 'y')) {
        return leave(model);
    }
    if !matches!(code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('n')) {
        model.overlays.push(Overlay::Leave);
    }
    Vec::new()
}

/// The daemon is back, or told the outcome: there is nothing to ask any more.
pub(super) fn settle(model: &mut Model) {
    let asked = matches!(model.overlays.last(), Some(Overlay::Leave));
    if asked && (model.link.is_live() || open_orders(model).is_empty()) {
        model.overlays.pop();
        model.tell(Tone::Accent, "nothing waits for the daemon any more; q leaves");
    }
}

/// Leaves. What waits for "undo" is sent, if there is a daemon: it was ordered.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let mut effects = form::close_all(model);
    if model.link.is_live() {
        effects.extend(deed::send_all(model));
    }
    effects.push(Effect::Keep { slot: Slot::Place, text: Some(Place::of(model).written()) });
    effects.push(Effect::Quit);
    effects
}

/// What became of the orders that were open when somebody left, if not all of them are done.
pub(crate) fn left_behind(model: &Model, open: &[Left]) -> Option<Fault> {
    let mut kind = None;
    let mut told = "not everything that was ordered is done:".to_owned();
    for left in open {
        let outcome = model.done.iter().find(|done| done.number == left.number);
        let outcome = outcome.and_then(|done| done.outcome.as_ref());
        let (how, of_kind) = match outcome {
            Some((Tone::Bad, why)) => (format!("{why}:"), ErrorKind::Conflict),
            Some(_) => continue,
            None if left.sent => ("sent, and nobody knows what became of it:".to_owned(), ErrorKind::Unknown),
            None => ("not sent, as there was no daemon:".to_owned(), ErrorKind::Unavailable),
        };
        told.push_str(&format!("\n  {how} {}", left.what));
        // What nobody knows matters more than what surely did not happen.
        if kind != Some(ErrorKind::Unknown) {
            kind = Some(of_kind);
        }
    }
    kind.map(|kind| Fault::Api(ApiError::new(kind, told)))
}
