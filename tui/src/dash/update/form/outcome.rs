//! What became of a form that was sent.

use super::draft::forget;
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::Overlay;
use crate::dash::screen::Screen;
use crate::dash::state::DraftOf;
use crate::dash::theme::Tone;
use crate::dash::update::deed::told;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::view::{Posted, Registered, Updated};
use similar::{ChangeTag, TextDiff};

/// What was sent, to which daemon, and whether its form still lies there.
struct Sent {
    endpoint: String,
    of: DraftOf,
    open: bool,
}

/// What was sent with this order; its form is free again.
fn sent(model: &mut Model, number: u64) -> Option<Sent> {
    let (endpoint, of) = model.sending.remove(&number)?;
    let mut open = false;
    for overlay in &mut model.overlays {
        if let Overlay::Form(form) = overlay
            && form.sending == Some(number)
        {
            form.sending = None;
            open = true;
        }
    }
    Some(Sent { endpoint, of, open })
}

/// Closes its form and forgets its draft.
fn done(model: &mut Model, sent: &Sent) -> Vec<Effect> {
    if sent.open {
        model.overlays.retain(|overlay| !matches!(overlay, Overlay::Form(form) if form.of == sent.of));
    }
    forget(model, &sent.endpoint, &sent.of)
}

/// It was refused, or nobody knows.
fn refused(model: &mut Model, sent: &Sent, error: &ApiError) -> String {
    let of = &sent.of;
    let mut text = told(error);
    if error.kind == ErrorKind::Unknown {
        text = format!("{text}: ctrl-s sends the same again, and it happens once");
    }
    if !sent.open {
        return text;
    }
    let form = model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Form(form) if form.of == *of => Some(form),
        Overlay::Form(_)
        | Overlay::Help { .. }
        | Overlay::Palette { .. }
        | Overlay::Filter { .. }
        | Overlay::Find { .. }
        | Overlay::Confirm(_)
        | Overlay::Actions { .. }
        | Overlay::Leave
        | Overlay::Told { .. } => None,
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
pub(in crate::dash::update) fn posted(
    model: &mut Model,
    number: u64,
    outcome: Result<Posted, ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(sent) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    match outcome {
        Ok(posted) => {
            let effects = done(model, &sent);
            // Whoever went on is not called back.
            if sent.open {
                model.trail.go(Screen::Job(posted.id));
            }
            let verb = if posted.repeated { "was posted before" } else { "is posted" };
            (Tone::Good, format!("{} {verb}", posted.id), effects)
        }
        Err(error) => (Tone::Bad, refused(model, &sent, &error), Vec::new()),
    }
}

/// What became of an agent that was registered: its secrets are shown this once.
pub(in crate::dash::update) fn registered(
    model: &mut Model,
    number: u64,
    outcome: Result<(AgentName, Registered), ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(sent) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    let (name, registered) = match outcome {
        Ok(registered) => registered,
        Err(error) => return (Tone::Bad, refused(model, &sent, &error), Vec::new()),
    };
    let effects = done(model, &sent);
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
    if sent.open {
        model.trail.go(Screen::Agent(name.clone()));
    }
    model.overlays.push(Overlay::Told { title: format!("{name} is registered"), lines, top: 0 });
    (Tone::Good, format!("{name} is registered"), effects)
}

/// What became of a new version.
pub(in crate::dash::update) fn updated(
    model: &mut Model,
    number: u64,
    outcome: Result<(AgentName, Box<Updated>), ApiError>,
) -> (Tone, String, Vec<Effect>) {
    let Some(sent) = sent(model, number) else { return (Tone::Dim, "told twice".to_owned(), Vec::new()) };
    let (name, updated) = match outcome {
        Ok(updated) => updated,
        Err(error) => return (Tone::Bad, refused(model, &sent, &error), Vec::new()),
    };
    let effects = done(model, &sent);
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
