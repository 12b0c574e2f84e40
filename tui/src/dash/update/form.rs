//! Keys in a form, and what becomes of it: kept, looked at before, sent, taken from the editor.

use super::deed::told;
use crate::dash::form::{Edited, Form, Look, agent, job, schema};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::screen::Screen;
use crate::dash::state::{DraftOf, Slot};
use crate::dash::theme::Tone;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::view::{Posted, Preview, Registered, Updated};
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// How long after a letter the draft is kept: as much as a crash may cost.
const KEEP_AFTER: Duration = Duration::from_secs(2);

/// Opens a form: with the draft of before, if there is one.
pub(super) fn open(model: &mut Model, of: DraftOf) {
    let kept = model.drafts.get(&of).and_then(|kept| Form::restored(of.clone(), kept));
    let mut form = kept.unwrap_or_else(|| Form::new(of.clone(), model.fresh_request()));
    form.sending = model.sending.iter().find(|(_, other)| **other == of).map(|(number, _)| *number);
    model.overlays.push(Overlay::Form(Box::new(form)));
    settle(model);
}

/// What the keys do in a form.
pub(crate) fn keys(form: &Form) -> &'static [(&'static str, &'static str)] {
    match (&form.look, &form.of) {
        (Look::Shown { .. }, _) => &[("ctrl-s", "post it"), ("esc", "back to the fields")],
        (Look::None | Look::Asked, DraftOf::Job) => &[
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

/// The draft could not be kept.
pub(super) fn not_kept(model: &mut Model, why: &str) {
    if let Some(form) = top(model) {
        form.trouble = Some(why.to_owned());
    }
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
            KeyCode::Char('s') if ctrl => return send(model, form),
            _ => {}
        }
        return back(model, form);
    }
    match key.code {
        KeyCode::Esc => return close(model, &form),
        KeyCode::Char('x') if ctrl && discards => return discard(model, &form),
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
        KeyCode::Char('s') if ctrl => return send(model, form),
        KeyCode::Char('p') if ctrl => return look(model, form),
        KeyCode::Char('e') if ctrl || alt => return edit(model, form, alt),
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
                        changed(model, &mut form);
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

/// Something was written: it is kept soon.
fn changed(model: &mut Model, form: &mut Form) {
    form.changed = true;
    form.keep_at.get_or_insert(model.now.after(KEEP_AFTER));
}

/// Goes to another field; what is wrong with the one that is left is told beside it.
fn turn(model: &Model, form: &mut Form, step: isize) {
    let count = form.fields.len().max(1);
    let left = form.focus;
    if let Some(field) = form.fields.get(left)
        && !field.is_blank()
    {
        let problems = form.problems(model.now);
        let own = problems.into_iter().find(|problem| form.place(&problem.field) == Some(left));
        form.fields[left].error = own.map(|problem| problem.problem);
    }
    let count = isize::try_from(count).unwrap_or(1);
    let focus = isize::try_from(left).unwrap_or(0);
    form.focus = usize::try_from((focus + step).rem_euclid(count)).unwrap_or(0);
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
    form.changed = true;
    form.keep_at.get_or_insert(now.after(KEEP_AFTER));
    settle(model);
}

/// What the form needs to know of an agent: its input schema, or its definition.
pub(crate) fn needs(model: &Model) -> Option<AgentName> {
    let Some(Overlay::Form(form)) = model.overlays.last() else { return None };
    match &form.of {
        DraftOf::Job => alone(form),
        DraftOf::Version(name) => form.waits.then(|| name.clone()),
        DraftOf::Agent => None,
    }
}

/// The only agent that is named.
fn alone(form: &Form) -> Option<AgentName> {
    let words = form.words("only");
    let [one] = words.as_slice() else { return None };
    one.parse().ok()
}

/// What was read of an agent, or who is named, changes what is asked.
pub(super) fn settle(model: &mut Model) {
    let Some(Overlay::Form(form)) = model.overlays.last() else { return };
    match form.of.clone() {
        DraftOf::Job => {
            let wanted = alone(form);
            if wanted == form.input.agent {
                return;
            }
            let Some(name) = wanted else {
                if let Some(form) = top(model) {
                    form.ask_input(None, None);
                }
                return;
            };
            let trouble = model.data.agent_trouble(&name).map(|error| clean_line(&error.message));
            let shape = model
                .data
                .agent(&name)
                .map(|story| story.definition.input_schema.as_ref().map(schema::shape));
            let Some(form) = top(model) else { return };
            match (shape, trouble) {
                (Some(shape), _) => form.ask_input(Some(name), shape),
                (None, Some(trouble)) => form.note = Some(trouble),
                (None, None) => {}
            }
        }
        DraftOf::Version(name) => {
            let definition = model.data.agent(&name).map(|story| story.definition.clone());
            let Some(form) = top(model).filter(|form| form.waits) else { return };
            if let Some(definition) = definition {
                agent::fill(form, &definition);
                form.waits = false;
            }
        }
        DraftOf::Agent => {}
    }
}

fn slot(model: &Model, of: &DraftOf) -> Slot {
    Slot::Draft { endpoint: model.endpoint.clone(), of: of.clone() }
}

/// Keeps the draft, in memory and for the next run.
fn keep(model: &mut Model, form: &Form) -> Vec<Effect> {
    let kept = form.kept();
    if model.drafts.get(&form.of) == Some(&kept) {
        return Vec::new();
    }
    model.drafts.insert(form.of.clone(), kept.clone());
    vec![Effect::Keep { slot: slot(model, &form.of), text: Some(kept) }]
}

/// Keeps what was written a while ago.
pub(super) fn keep_due(model: &mut Model) -> Vec<Effect> {
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
fn close(model: &mut Model, form: &Form) -> Vec<Effect> {
    if !form.changed {
        return Vec::new();
    }
    model.tell(Tone::Accent, format!("{}: your draft is kept and offered again", form.title()));
    keep(model, form)
}

/// Keeps every form that is open, and closes it.
pub(super) fn close_all(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    for overlay in std::mem::take(&mut model.overlays) {
        if let Overlay::Form(form) = overlay {
            effects.extend(close(model, &form));
        }
    }
    effects
}

fn discard(model: &mut Model, form: &Form) -> Vec<Effect> {
    model.tell(Tone::Warn, format!("{}: the draft is gone", form.title()));
    forget(model, &form.of)
}

fn forget(model: &mut Model, of: &DraftOf) -> Vec<Effect> {
    model.drafts.remove(of);
    vec![Effect::Keep { slot: slot(model, of), text: None }]
}

/// Sends it, if nothing is wrong as far as this side knows.
fn send(model: &mut Model, mut form: Box<Form>) -> Vec<Effect> {
    form.look = Look::None;
    if form.waits {
        form.trouble = Some("its definition is not read yet".to_owned());
        return back(model, form);
    }
    if model.read_only || !model.link.is_live() {
        let why =
            if model.read_only { "the dashboard is read-only" } else { "there is no daemon to send it to" };
        form.trouble = Some(format!("{why}; the draft is kept"));
        return back(model, form);
    }
    let deed = match deed(&form, model) {
        Ok(deed) => deed,
        Err(problems) => {
            form.fields.iter_mut().for_each(|field| field.error = None);
            form.tell(&problems);
            return back(model, form);
        }
    };
    let number = model.log(form.title());
    form.sending = Some(number);
    form.changed = true;
    model.sending.insert(number, form.of.clone());
    // Its request id must outlast a crash: then it can be sent again and is posted once.
    let mut effects = keep(model, &form);
    effects.push(Effect::Do { number, deed });
    model.overlays.push(Overlay::Form(form));
    effects
}

fn deed(form: &Form, model: &Model) -> Result<Deed, Vec<guildhall_protocol::job::FieldError>> {
    let request = form.request.clone();
    match &form.of {
        DraftOf::Job => Ok(Deed::Post { request, draft: Box::new(job::draft(form, model.now)?) }),
        DraftOf::Agent => {
            let (definition, options) = agent::definition(form)?;
            Ok(Deed::Register { request, definition: Box::new(definition), options })
        }
        DraftOf::Version(_) => {
            let (definition, options) = agent::definition(form)?;
            Ok(Deed::Update { request, definition: Box::new(definition), options })
        }
    }
}

/// Looks who would get the job; of an agent, whether anything is wrong.
fn look(model: &mut Model, mut form: Box<Form>) -> Vec<Effect> {
    let problems = form.problems(model.now);
    if !problems.is_empty() {
        form.tell(&problems);
        return back(model, form);
    }
    if form.of != DraftOf::Job {
        form.trouble = Some("nothing is wrong as far as this side can tell; ctrl-s sends it".to_owned());
        return back(model, form);
    }
    if !model.link.is_live() {
        form.trouble = Some("there is no daemon to ask".to_owned());
        return back(model, form);
    }
    let Ok(draft) = job::draft(&form, model.now) else { return back(model, form) };
    form.turn += 1;
    form.look = Look::Asked;
    let effect = Effect::Preview { turn: form.turn, draft: Box::new(draft) };
    model.overlays.push(Overlay::Form(form));
    vec![effect]
}

/// Who would get the job.
pub(super) fn looked(model: &mut Model, turn: u64, preview: Result<Box<Preview>, ApiError>) {
    let Some(form) = top(model) else { return };
    if form.turn == turn && matches!(form.look, Look::Asked) {
        form.look = Look::Shown { preview, top: 0 };
    }
}

/// Opens the editor: for the field, or for all of it.
fn edit(model: &mut Model, mut form: Box<Form>, whole: bool) -> Vec<Effect> {
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
        Edited::Field(key) => {
            form.field(key).is_some_and(|field| field.kind == crate::dash::form::field::Kind::Json)
        }
    };
    form.editing = Some(what);
    let mut effects = keep(model, &form);
    effects.push(Effect::Edit { text, suffix: if json { ".json" } else { ".md" } });
    model.overlays.push(Overlay::Form(form));
    effects
}

/// The editor gave this back.
pub(super) fn edited(model: &mut Model, outcome: Result<String, String>) {
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
            let is_json =
                form.field(key).is_some_and(|field| field.kind == crate::dash::form::field::Kind::Json);
            // An editor ends the last line; the text did not.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let wrong = if is_json && !text.trim().is_empty() { not_json(text) } else { None };
            form.set(key, text);
            wrong.map_or(Ok(()), Err)
        }
    };
    form.changed = true;
    form.keep_at.get_or_insert(now.after(KEEP_AFTER));
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

fn not_json(text: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(text).err().map(|error| format!("it is not JSON: {error}"))
}

/// The form with this order, wherever it lies; and of what it was.
fn sent(model: &mut Model, number: u64) -> Option<DraftOf> {
    let of = model.sending.remove(&number)?;
    for overlay in &mut model.overlays {
        if let Overlay::Form(form) = overlay
            && form.sending == Some(number)
        {
            form.sending = None;
        }
    }
    Some(of)
}

/// Closes the form of this kind and forgets its draft: it was sent.
fn done(model: &mut Model, of: &DraftOf) -> Vec<Effect> {
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Form(form) if form.of == *of));
    forget(model, of)
}

/// It was refused, or nobody knows.
fn refused(model: &mut Model, of: &DraftOf, error: &ApiError) -> String {
    let mut text = told(error);
    if error.kind == ErrorKind::Unknown {
        text = format!("{text}: ctrl-s sends the same again, and it happens once");
    }
    let form = model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Form(form) if form.of == *of => Some(form),
        _ => None,
    });
    if let Some(form) = form {
        form.trouble = Some(text.clone());
        if let Some(place) = error.field.as_ref().and_then(|field| form.place(field)) {
            form.focus = place;
            form.fields[place].error = Some(clean_line(&error.message));
        }
    }
    text
}

/// What became of a job that was posted.
pub(super) fn posted(
    model: &mut Model,
    number: u64,
    outcome: Result<Posted, ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(of) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    match outcome {
        Ok(posted) => {
            let effects = done(model, &of);
            model.trail.go(Screen::Job(posted.id));
            let verb = if posted.repeated { "was posted before" } else { "is posted" };
            (Tone::Good, format!("{} {verb}", posted.id), effects)
        }
        Err(error) => (Tone::Bad, refused(model, &of, &error), Vec::new()),
    }
}

/// What became of an agent that was registered: its secrets are shown this once.
pub(super) fn registered(
    model: &mut Model,
    number: u64,
    outcome: Result<(AgentName, Registered), ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(of) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    let (name, registered) = match outcome {
        Ok(registered) => registered,
        Err(error) => return (Tone::Bad, refused(model, &of, &error), Vec::new()),
    };
    let effects = done(model, &of);
    let mut lines = vec![format!("{name} is registered ({}).", registered.version)];
    if let Some(secrets) = &registered.secrets {
        lines.push("Its secrets are shown this once: y copies them.".to_owned());
        lines.push(format!("delivery  {}", secrets.delivery_secret));
        lines.push("  verifies what the daemon sends to it".to_owned());
        lines.push(format!("callback  {}", secrets.callback_secret));
        lines.push("  signs what it sends back later".to_owned());
    }
    lines.extend(registered.warnings.iter().map(|warning| format!("Warning: {}", clean_line(warning))));
    lines.push("It gets jobs as soon as its endpoint answers the challenge: t tests it.".to_owned());
    model.trail.go(Screen::Agent(name.clone()));
    model.overlays.push(Overlay::Told { title: format!("{name} is registered"), lines, top: 0 });
    (Tone::Good, format!("{name} is registered"), effects)
}

/// What became of a new version.
pub(super) fn updated(
    model: &mut Model,
    number: u64,
    outcome: Result<(AgentName, Box<Updated>), ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(of) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    let (name, updated) = match outcome {
        Ok(updated) => updated,
        Err(error) => return (Tone::Bad, refused(model, &of, &error), Vec::new()),
    };
    let effects = done(model, &of);
    if updated.before == updated.after && updated.granted.is_empty() && !updated.key_replaced {
        return (Tone::Warn, format!("nothing differs: {name} stays at {}", updated.version), effects);
    }
    let mut lines: Vec<String> =
        updated.granted.iter().map(|grant| format!("granted {}", clean_line(grant))).collect();
    if updated.key_replaced {
        lines.push("its endpoint is opened with the new key".to_owned());
    }
    lines.extend(updated.warnings.iter().map(|warning| format!("Warning: {}", clean_line(warning))));
    for change in TextDiff::from_lines(&updated.before, &updated.after).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => continue,
        };
        lines.push(format!("{sign} {}", change.value().trim_end()));
    }
    let title = format!("{name} is at {}; running attempts keep theirs", updated.version);
    model.overlays.push(Overlay::Told { title: title.clone(), lines, top: 0 });
    (Tone::Good, title, effects)
}
