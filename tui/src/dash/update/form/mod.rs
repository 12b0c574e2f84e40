//! Keys in a form, and what is read because of what was typed.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other key goes to the field, or means nothing here"
)]

mod draft;
mod editor;
mod outcome;
mod send;

use crate::dash::form::field::Field;
use crate::dash::form::{Form, Look, agent, job, schema};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::need::Need;
use crate::dash::overlay::Overlay;
use crate::dash::state::DraftOf;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::JobId;

pub(super) use draft::{close_all, keep_due, not_kept};
pub(super) use editor::edited;
pub(super) use outcome::{posted, registered, updated};
pub(super) use send::looked;

/// What the keys do in a form.
pub(crate) fn keys(form: &Form) -> &'static [(&'static str, &'static str)] {
    match (&form.look, &form.of) {
        (Look::Shown { .. }, _) => &[("ctrl-s", "post it"), ("esc", "back to the fields")],
        (Look::None | Look::Asked, DraftOf::Job | DraftOf::Again(_)) => &[
            ("ctrl-s", "post"),
            ("ctrl-p", "who would get it"),
            ("esc", "leave, keep"),
            ("ctrl-e", "editor"),
            ("alt-e", "all as JSON"),
            ("ctrl-x", "discard"),
            ("tab", "next"),
        ],
        (Look::None | Look::Asked, DraftOf::Agent | DraftOf::Version(_)) => &[
            ("ctrl-s", "send"),
            ("ctrl-p", "check"),
            ("esc", "leave, keep"),
            ("ctrl-e", "editor"),
            ("alt-e", "all as JSON"),
            ("ctrl-x", "discard"),
            ("tab", "next"),
        ],
    }
}

/// Opens a form: with the draft of before, if there is one.
pub(super) fn open(model: &mut Model, of: &DraftOf) {
    let kept = model.drafts.get(of).map(|kept| Form::restored(of.clone(), kept));
    let unread = matches!(kept, Some(None));
    let mut form = kept.flatten().unwrap_or_else(|| Form::new(of.clone(), model.fresh_request()));
    if unread {
        form.note = Some("the draft of before cannot be read; this one takes its place".to_owned());
    }
    let to_here = |(endpoint, other): &(String, DraftOf)| *endpoint == model.endpoint && other == of;
    form.sending = model.sending.iter().find(|(_, sent)| to_here(sent)).map(|(number, _)| *number);
    model.overlays.push(Overlay::Form(Box::new(form)));
    settle(model);
}

/// A form on top, if there is one.
fn top(model: &mut Model) -> Option<&mut Form> {
    match model.overlays.last_mut() {
        Some(Overlay::Form(form)) => Some(form),
        Some(_) | None => None,
    }
}

/// A key, while this form lies on top; it was taken off.
pub(super) fn press(model: &mut Model, mut form: Box<Form>, key: KeyEvent) -> Vec<Effect> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let discards = std::mem::take(&mut form.discarding);
    if let Look::Shown { top, .. } = &mut form.look {
        let lines = isize::try_from(model.height()).unwrap_or(1);
        match key.code {
            KeyCode::Esc => form.look = Look::None,
            KeyCode::Up => *top = top.saturating_sub(1),
            KeyCode::Down => *top += 1,
            KeyCode::PageDown => *top = top.saturating_add_signed(lines),
            KeyCode::PageUp => *top = top.saturating_add_signed(-lines),
            KeyCode::Char('s') if ctrl => return send::send(model, form),
            _ => {}
        }
        return back(model, form);
    }
    match key.code {
        KeyCode::Esc => return draft::close(model, &form),
        KeyCode::Char('x') if ctrl && discards => return draft::discard(model, &form),
        KeyCode::Char('x') if ctrl => {
            form.discarding = true;
            form.trouble = Some("ctrl-x once more throws this draft away".to_owned());
            return back(model, form);
        }
        _ if form.sending.is_some() => {
            form.trouble =
                Some("it is on its way; esc leaves, and the draft is kept until it is known".to_owned());
            return back(model, form);
        }
        _ => form.trouble = None,
    }
    match key.code {
        KeyCode::Char('s') if ctrl => return send::send(model, form),
        KeyCode::Char('p') if ctrl => return send::look(model, form),
        KeyCode::Char('e') if ctrl || alt => return editor::edit(model, form, alt),
        KeyCode::Tab => turn(model, &mut form, 1),
        KeyCode::BackTab => turn(model, &mut form, -1),
        code => {
            let place = form.focus;
            let Some(field) = form.fields.get_mut(place) else { return back(model, form) };
            let (first, last) = field.edges();
            match code {
                KeyCode::Up if first => turn(model, &mut form, -1),
                KeyCode::Down if last => turn(model, &mut form, 1),
                KeyCode::Enter if !field.is_text() => turn(model, &mut form, 1),
                _ => {
                    if field.press(key) {
                        field.error = None;
                        draft::keep_soon(&mut form, model.now);
                    }
                }
            }
        }
    }
    back(model, form)
}

/// Puts the form on top again.
fn back(model: &mut Model, form: Box<Form>) -> Vec<Effect> {
    model.overlays.push(Overlay::Form(form));
    settle(model);
    Vec::new()
}

/// Goes to the next field, or the one before.
fn turn(model: &Model, form: &mut Form, step: isize) {
    let count = isize::try_from(form.fields.len().max(1)).unwrap_or(1);
    let focus = isize::try_from(form.focus).unwrap_or(0);
    go(model, form, usize::try_from((focus + step).rem_euclid(count)).unwrap_or(0));
}

/// Goes to another field; what is wrong with the one that is left is told beside it.
fn go(model: &Model, form: &mut Form, to: usize) {
    let left = form.focus;
    if let Some(field) = form.fields.get(left)
        && !field.is_blank()
    {
        let problems = form.problems(model.now);
        let own = problems.into_iter().find(|problem| form.place(&problem.field) == Some(left));
        form.fields[left].error = own.map(|problem| problem.problem);
    }
    form.focus = to.min(form.fields.len().saturating_sub(1));
}

/// The form on top, taken off, if something can be written into it now.
fn writable(model: &mut Model) -> Option<Box<Form>> {
    let form = top(model)?;
    if form.sending.is_some() || !matches!(form.look, Look::None) {
        return None;
    }
    match model.overlays.pop() {
        Some(Overlay::Form(form)) => Some(form),
        Some(_) | None => None,
    }
}

/// Somebody clicked at a field, or at a word of its choice.
pub(super) fn click(model: &mut Model, place: usize, word: Option<usize>) {
    let Some(mut form) = writable(model) else { return };
    form.discarding = false;
    if place != form.focus {
        go(model, &mut form, place);
    }
    if let Some(word) = word
        && let Some(field) = form.fields.get_mut(place)
        && field.choose(word)
    {
        field.error = None;
        draft::keep_soon(&mut form, model.now);
    }
    back(model, form);
}

/// The wheel turned: over a long text, else over the fields, and not around.
pub(super) fn scroll(model: &mut Model, down: bool) {
    const LINES: usize = 3;
    if let Some(Form { look: Look::Shown { top, .. }, .. }) = top(model) {
        *top = if down { *top + LINES } else { top.saturating_sub(LINES) };
        return;
    }
    let Some(mut form) = writable(model) else { return };
    let (focus, last) = (form.focus, form.fields.len().saturating_sub(1));
    let (at_first, at_last) = form.fields.get(focus).map_or((true, true), Field::edges);
    match (down, at_first, at_last) {
        (true, _, true) => go(model, &mut form, (focus + 1).min(last)),
        (false, true, _) => go(model, &mut form, focus.saturating_sub(1)),
        (true, _, false) | (false, false, _) => {
            let key = KeyEvent::new(if down { KeyCode::Down } else { KeyCode::Up }, KeyModifiers::NONE);
            if let Some(field) = form.fields.get_mut(focus) {
                // Such keys write nothing into a text.
                for _ in 0..LINES {
                    field.press(key);
                }
            }
        }
    }
    back(model, form);
}

/// Takes what was pasted into the field.
pub(super) fn paste(model: &mut Model, text: &str) {
    let now = model.now;
    let Some(form) = top(model) else { return };
    if form.sending.is_some() || !matches!(form.look, Look::None) {
        return;
    }
    let place = form.focus;
    let Some(field) = form.fields.get_mut(place) else { return };
    let over = field.paste(text);
    field.error = (over > 0).then(|| format!("{over} bytes were too many and are left out"));
    draft::keep_soon(form, now);
    settle(model);
}

/// What the form needs to know: an agent's input schema or definition, or a job as it was posted.
pub(crate) fn needs(model: &Model) -> Vec<Need> {
    let Some(Overlay::Form(form)) = model.overlays.last() else { return Vec::new() };
    match &form.of {
        DraftOf::Again(job) if form.waits => {
            let draft = model.data.job(*job).map(|story| Need::Draft(*job, story.draft.id));
            vec![draft.unwrap_or(Need::Job(*job))]
        }
        DraftOf::Job | DraftOf::Again(_) => {
            // While a name is typed, its beginning is no name.
            let typing = form.fields.get(form.focus).is_some_and(|field| field.key == "only");
            let known =
                |name: &AgentName| model.data.agents.value.iter().flatten().any(|head| head.name == *name);
            alone(form).filter(|name| !typing || known(name)).map(Need::Agent).into_iter().collect()
        }
        DraftOf::Version(name) if form.waits => vec![Need::Agent(name.clone())],
        DraftOf::Version(_) | DraftOf::Agent => Vec::new(),
    }
}

/// The only agent that is named.
fn alone(form: &Form) -> Option<AgentName> {
    let words = form.words("only");
    let [one] = words.as_slice() else { return None };
    one.parse().ok()
}

/// What was read for it, or who is named, changes what is asked.
pub(super) fn settle(model: &mut Model) {
    let Some(Overlay::Form(form)) = model.overlays.last() else { return };
    match form.of.clone() {
        DraftOf::Job => settle_input(model),
        DraftOf::Again(job) => {
            if form.waits {
                fill_again(model, job);
            }
            settle_input(model);
        }
        DraftOf::Version(name) => {
            let definition = model.data.agent(&name).map(|story| story.definition.clone());
            let trouble = model.data.agent_trouble(&name).map(|error| clean_line(&error.message));
            let Some(form) = top(model).filter(|form| form.waits) else { return };
            match definition {
                Some(definition) => {
                    agent::fill(form, &definition);
                    form.waits = false;
                }
                None => form.note = trouble,
            }
        }
        DraftOf::Agent => {}
    }
}

/// The job as it was posted is read, or cannot be.
fn fill_again(model: &mut Model, earlier: JobId) {
    let draft = model.data.draft(earlier).cloned();
    let trouble = model.data.draft_trouble(earlier).or_else(|| model.data.job_trouble(earlier));
    let trouble = trouble.map(|error| clean_line(&error.message));
    let Some(form) = top(model) else { return };
    match draft {
        Some(draft) => {
            job::fill_again(form, earlier, draft);
            form.waits = false;
        }
        None => form.note = trouble,
    }
}

/// The input is asked for as the only agent that is named wants it.
fn settle_input(model: &mut Model) {
    let Some(form) = top(model) else { return };
    let wanted = alone(form);
    if wanted == form.input.agent {
        return;
    }
    let Some(name) = wanted else { return form.ask_input(None, None) };
    let trouble = model.data.agent_trouble(&name).map(|error| clean_line(&error.message));
    let shape =
        model.data.agent(&name).map(|story| story.definition.input_schema.as_ref().map(schema::shape));
    let Some(form) = top(model) else { return };
    match (shape, trouble) {
        (Some(shape), _) => form.ask_input(Some(name), shape),
        (None, Some(trouble)) => {
            if form.input.agent.is_some() {
                form.ask_input(None, None);
            }
            form.give_up_later();
            form.note = Some(trouble);
        }
        (None, None) => {}
    }
}
