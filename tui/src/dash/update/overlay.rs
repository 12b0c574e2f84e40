//! Keys while something lies over the view.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other key is a letter to type, or means nothing here"
)]

use super::deed;
use crate::dash::action::ENTRIES;
use crate::dash::as_command::command;
use crate::dash::completion::{Known, complete as completed};
use crate::dash::filter;
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::{Confirm, Focus, Overlay};
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::listing::JobSort;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

/// Most characters that a line takes; what is pasted beyond is cut.
const LINE_MAX: usize = 4_000;

/// What somebody typed or pasted into a line, cut to what it takes.
pub(super) fn typed(input: &mut Input, key: KeyEvent) {
    if input.value().chars().count() < LINE_MAX || !matches!(key.code, KeyCode::Char(_)) {
        input.handle_event(&Event::Key(key));
    }
}

pub(super) fn press(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(overlay) = model.overlays.pop() else { return Vec::new() };
    match overlay {
        Overlay::Help { top } => {
            if let Some(top) = scroll(top, key.code, model.height()) {
                let top = top.min(ENTRIES.len());
                model.overlays.push(Overlay::Help { top });
            }
            Vec::new()
        }
        Overlay::Actions { at } => actions(model, at, key),
        Overlay::Palette { input, at } => super::command::palette(model, input, at, key),
        Overlay::Filter { input, back, typed, .. } => filter(model, FilterLine { input, back, typed }, key),
        Overlay::Find { input } => find(model, input, key),
        Overlay::Confirm(confirm) => question(model, *confirm, key),
        Overlay::Leave => super::leave::press(model, key.code),
        Overlay::Form(form) => super::form::press(model, form, key),
        Overlay::Told { title, lines, top } => told(model, (title, lines, top), key),
    }
}

pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let line = guildhall_protocol::clean::clean_line(text);
    let add = |input: &mut Input| {
        let room = LINE_MAX.saturating_sub(input.value().chars().count());
        let at = input.cursor();
        let before: String = input.value().chars().take(at).collect();
        let after: String = input.value().chars().skip(at).collect();
        let added: String = line.chars().take(room).collect();
        let cursor = at + added.chars().count();
        *input = Input::new(format!("{before}{added}{after}")).with_cursor(cursor);
    };
    match model.overlays.last_mut() {
        Some(Overlay::Palette { input, .. } | Overlay::Filter { input, .. } | Overlay::Find { input }) => {
            add(input);
        }
        Some(Overlay::Confirm(confirm)) => match confirm.focused() {
            Focus::Field(place) => add(&mut confirm.fields[place].input),
            Focus::Number => {
                if let Some((_, input)) = &mut confirm.typed {
                    add(input);
                }
            }
            Focus::No | Focus::Yes => {}
        },
        Some(Overlay::Form(_)) => super::form::paste(model, text),
        // Letters that somebody pastes are no keys.
        Some(Overlay::Help { .. } | Overlay::Actions { .. } | Overlay::Told { .. } | Overlay::Leave)
        | None => {}
    }
    Vec::new()
}

/// Among what was ordered, the newest first.
fn actions(model: &mut Model, at: usize, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Char('y') {
        let command = model.done.iter().rev().nth(at).map(|done| done.command.clone());
        model.overlays.push(Overlay::Actions { at });
        return command.map_or_else(Vec::new, |command| copy(model, command));
    }
    if let Some(at) = scroll(at, key.code, model.height()) {
        let at = at.min(model.done.len().saturating_sub(1));
        model.overlays.push(Overlay::Actions { at });
    }
    Vec::new()
}

/// Copies an order as a command.
fn copy(model: &mut Model, command: Option<String>) -> Vec<Effect> {
    if let Some(command) = command {
        return vec![Effect::Copy(command)];
    }
    let told = "no command to copy: there is none for this order, or it would be too long or hold a key";
    model.tell(Tone::Warn, told);
    Vec::new()
}

/// What must be read goes by a key that nobody types by chance.
fn told(model: &mut Model, shown: (String, Vec<String>, usize), key: KeyEvent) -> Vec<Effect> {
    let (title, lines, mut top) = shown;
    let mut effects = Vec::new();
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Char('y') => effects.push(Effect::Copy(lines.join("\n"))),
        other => top = scroll(top, other, model.height()).unwrap_or(top),
    }
    let top = top.min(lines.len().saturating_sub(1));
    model.overlays.push(Overlay::Told { title, lines, top });
    effects
}

/// The new first line; none: it goes.
fn scroll(top: usize, code: KeyCode, page: usize) -> Option<usize> {
    match code {
        KeyCode::Up | KeyCode::Char('k') => Some(top.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => Some(top + 1),
        KeyCode::PageUp => Some(top.saturating_sub(page)),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(top + page),
        KeyCode::Home | KeyCode::Char('g') => Some(0),
        _ => None,
    }
}

/// A line of the filter.
struct FilterLine {
    input: Input,
    back: usize,
    typed: String,
}

fn filter(model: &mut Model, line: FilterLine, key: KeyEvent) -> Vec<Effect> {
    let FilterLine { mut input, mut back, typed: mut before } = line;
    let mut trouble = None;
    let at_end = input.cursor() == input.value().chars().count();
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => match filter::parse(input.value()) {
            Ok(_) => return use_filter(model, input.value().trim().to_owned()),
            Err(error) => trouble = Some(error.to_string()),
        },
        KeyCode::Tab => complete(model, &mut input),
        KeyCode::Right if at_end => complete(model, &mut input),
        KeyCode::Up => {
            if let Some(older) = model.finding.back(back + 1) {
                if back == 0 {
                    input.value().clone_into(&mut before);
                }
                back += 1;
                input = Input::new(older.to_owned());
            }
        }
        KeyCode::Down if back > 0 => {
            back -= 1;
            let newer = model.finding.back(back).filter(|_| back > 0).unwrap_or(&before);
            input = Input::new(newer.to_owned());
        }
        _ => {
            typed(&mut input, key);
            back = 0;
        }
    }
    model.overlays.push(Overlay::Filter { input, trouble, back, typed: before });
    Vec::new()
}

fn complete(model: &Model, input: &mut Input) {
    if let Some(text) = completed(input.value(), &Known::of(model)) {
        *input = Input::new(text);
    }
}

/// Shows the jobs that this filter means, and remembers it.
pub(super) fn use_filter(model: &mut Model, text: String) -> Vec<Effect> {
    let new = model.finding.used(&text);
    set_filter(model, text);
    if new { vec![super::command::keep(model)] } else { Vec::new() }
}

/// Sorts the jobs otherwise: they are the same ones, and their marks stay.
pub(super) fn sort(model: &mut Model, other: impl Fn(JobSort) -> JobSort) {
    let text = filter::with_sort(&model.filter_text, other(model.filter.sort));
    list_by(model, text);
}

/// Shows the jobs that this filter means. It must be one.
pub(crate) fn set_filter(model: &mut Model, text: String) {
    super::mark::drop_all(model);
    model.trail.list(&text);
    list_by(model, text);
}

/// One went back or forward: where the list of jobs is shown, it is the one of that time.
pub(super) fn follow_trail(model: &mut Model) {
    if *model.screen() == Screen::Jobs && model.trail.filter() != model.filter_text {
        super::mark::drop_all(model);
        let text = model.trail.filter().to_owned();
        list_by(model, text);
    }
}

/// The list of jobs is the one of this filter.
pub(super) fn list_by(model: &mut Model, text: String) {
    let Ok(parsed) = filter::parse(&text) else { return };
    model.trail.refilter(&text);
    model.filter_text = text;
    model.filter = parsed;
    model.filter_turn += 1;
    model.to_edge = None;
    model.data.jobs = crate::dash::window::Window::default();
    model.cursors.remove(&Screen::Jobs);
}

fn find(model: &mut Model, mut input: Input, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            super::find::begin(model, input.value().to_owned());
            return Vec::new();
        }
        _ => typed(&mut input, key),
    }
    model.overlays.push(Overlay::Find { input });
    Vec::new()
}

fn question(model: &mut Model, mut confirm: Confirm, key: KeyEvent) -> Vec<Effect> {
    confirm.trouble = None;
    let mut effects = Vec::new();
    let ready = |confirm: &Confirm, model: &Model| deed::ready(confirm, model.now, &model.zone);
    match (key.code, confirm.focused()) {
        (KeyCode::Char('y'), _) if key.modifiers.contains(KeyModifiers::CONTROL) => {
            match confirm.unsaid().map_or_else(|| ready(&confirm, model), Err) {
                Ok(deed) => effects = copy(model, command(&deed, model.now)),
                Err(trouble) => confirm.trouble = Some(trouble),
            }
        }
        (KeyCode::Esc, _) | (KeyCode::Enter, Focus::No) | (KeyCode::Char('n'), Focus::No | Focus::Yes) => {
            return Vec::new();
        }
        (KeyCode::Tab | KeyCode::Down, _) | (KeyCode::Enter, Focus::Field(_) | Focus::Number) => {
            confirm.turn(1);
        }
        (KeyCode::BackTab | KeyCode::Up, _) => confirm.turn(-1),
        (KeyCode::Left | KeyCode::Right, Focus::No) => confirm.turn(1),
        (KeyCode::Left | KeyCode::Right, Focus::Yes) => confirm.turn(-1),
        (KeyCode::Enter, Focus::Yes) | (KeyCode::Char('y'), Focus::No | Focus::Yes) => {
            match confirm.missing().map_or_else(|| ready(&confirm, model), Err) {
                Ok(deed) => return deed::order(model, confirm.title, deed),
                Err(trouble) => confirm.trouble = Some(trouble),
            }
        }
        (_, Focus::Field(place)) => typed(&mut confirm.fields[place].input, key),
        (_, Focus::Number) => {
            if let Some((_, input)) = &mut confirm.typed {
                typed(input, key);
            }
        }
        (_, Focus::No | Focus::Yes) => {}
    }
    model.overlays.push(Overlay::Confirm(Box::new(confirm)));
    effects
}
