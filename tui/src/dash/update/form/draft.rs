//! What is written outlasts the form: kept while it is written, when it is left, and until it was sent.

use super::top;
use crate::dash::form::Form;
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::Overlay;
use crate::dash::state::{DraftOf, Slot};
use crate::dash::theme::Tone;
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// How long after a letter the draft is kept: as much as a crash may cost.
const KEEP_AFTER: Duration = Duration::from_secs(2);

/// Something was written: it is kept soon.
pub(super) fn keep_soon(form: &mut Form, now: Timestamp) {
    form.changed = true;
    form.keep_at.get_or_insert(now.after(KEEP_AFTER));
}

fn slot(model: &Model, of: &DraftOf) -> Slot {
    Slot::Draft { endpoint: model.endpoint.clone(), of: of.clone() }
}

/// Keeps the draft, in memory and for the next run.
pub(super) fn keep(model: &mut Model, form: &Form) -> Vec<Effect> {
    let kept = form.kept();
    if model.drafts.get(&form.of) == Some(&kept) {
        return Vec::new();
    }
    model.drafts.insert(form.of.clone(), kept.clone());
    vec![Effect::Keep { slot: slot(model, &form.of), text: Some(kept) }]
}

/// Keeps what was written a while ago.
pub(in crate::dash::update) fn keep_due(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    let Some(form) = top(model) else { return Vec::new() };
    match form.keep_at {
        Some(at) if at <= now => {
            form.keep_at = None;
            let form = form.clone();
            keep(model, &form)
        }
        Some(at) => {
            model.wake(at);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Leaves the form; what was written is kept.
pub(super) fn close(model: &mut Model, form: &Form) -> Vec<Effect> {
    if !form.changed {
        return Vec::new();
    }
    model.tell(Tone::Accent, format!("{}: your draft is kept and offered again", form.title()));
    keep(model, form)
}

/// Keeps every form that is open, and closes it.
pub(in crate::dash::update) fn close_all(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    for overlay in std::mem::take(&mut model.overlays) {
        if let Overlay::Form(form) = overlay {
            effects.extend(close(model, &form));
        }
    }
    effects
}

pub(super) fn discard(model: &mut Model, form: &Form) -> Vec<Effect> {
    model.tell(Tone::Warn, format!("{}: the draft is gone", form.title()));
    let endpoint = model.endpoint.clone();
    forget(model, &endpoint, &form.of)
}

pub(super) fn forget(model: &mut Model, endpoint: &str, of: &DraftOf) -> Vec<Effect> {
    if endpoint == model.endpoint {
        model.drafts.remove(of);
    }
    let slot = Slot::Draft { endpoint: endpoint.to_owned(), of: of.clone() };
    vec![Effect::Keep { slot, text: None }]
}

/// The draft could not be kept.
pub(in crate::dash::update) fn not_kept(model: &mut Model, why: &str) {
    if let Some(form) = top(model) {
        form.trouble = Some(why.to_owned());
    }
}
