//! A field, or the whole of a form, goes to the person's editor and comes back; what comes back wrong is not lost.

use super::draft::{keep, keep_soon};
use super::{back, settle, top};
use crate::dash::form::field::Kind;
use crate::dash::form::{Edited, Form};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::Overlay;
use guildhall_protocol::clean::clean_line;

/// Opens the editor: for the field, or for all of it.
pub(super) fn edit(model: &mut Model, mut form: Box<Form>, whole: bool) -> Vec<Effect> {
    let own = form.fields.get(form.focus).filter(|field| field.is_text() && !whole);
    let what = own.map_or(Edited::Whole, |field| Edited::Field(field.key.clone()));
    let unread = form.unread.as_ref().filter(|(other, _)| *other == what).map(|(_, text)| text.clone());
    let text = match (&what, unread) {
        // What could not be read is opened again, not lost.
        (_, Some(text)) => text,
        (Edited::Field(key), None) => form.text(key),
        (Edited::Whole, None) => match form.whole(model.now) {
            Ok(text) => text,
            Err(problems) => {
                form.tell(&problems);
                return back(model, form);
            }
        },
    };
    let json = match &what {
        Edited::Whole => true,
        Edited::Field(key) => is_json(&form, key),
    };
    form.editing = Some(what);
    let mut effects = keep(model, &form);
    effects.push(Effect::Edit { text, suffix: if json { ".json" } else { ".md" } });
    model.overlays.push(Overlay::Form(form));
    effects
}

/// The editor gave this back.
pub(in crate::dash::update) fn edited(model: &mut Model, outcome: Result<String, String>) {
    let now = model.now;
    let Some(form) = top(model) else { return };
    let Some(what) = form.editing.take() else { return };
    let text = match outcome {
        Ok(text) => text,
        Err(why) => {
            form.trouble = Some(format!("{why}; nothing was taken"));
            return;
        }
    };
    let taken = match &what {
        Edited::Whole => form.take_whole(&text),
        Edited::Field(key) => {
            let is_json = is_json(form, key);
            // An editor ends the last line; the text did not.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let wrong = if is_json && !text.trim().is_empty() { not_json(text) } else { None };
            form.set(key, text);
            wrong.map_or(Ok(()), Err)
        }
    };
    keep_soon(form, now);
    match taken {
        Ok(()) => {
            form.unread = None;
            let problems = form.problems(now);
            form.fields.iter_mut().for_each(|field| field.error = None);
            form.tell(&problems);
        }
        Err(why) => {
            let key = if what == Edited::Whole { "alt-e" } else { "ctrl-e" };
            form.trouble = Some(format!("{key} opens your text again: {}", clean_line(&why)));
            form.unread = Some((what, text));
        }
    }
    settle(model);
}

fn is_json(form: &Form, key: &str) -> bool {
    form.field(key).is_some_and(|field| field.kind == Kind::Json)
}

fn not_json(text: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(text).err().map(|error| format!("it is not JSON: {error}"))
}
