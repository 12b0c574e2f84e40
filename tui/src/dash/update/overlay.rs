//! Keys while something lies over the view.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other key is a letter to type, or means nothing here"
)]

use super::{deed, key};
use crate::dash::action::{ENTRIES, Now, now};
use crate::dash::filter;
use crate::dash::model::{Model, Pane};
use crate::dash::msg::Effect;
use crate::dash::overlay::{Focus, Found, Overlay};
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use crossterm::event::{Event, KeyCode, KeyEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

/// Most characters that a line takes; what is pasted beyond is cut.
const LINE_MAX: usize = 4_000;

/// What somebody typed or pasted into a line, cut to what it takes.
fn typed(input: &mut Input, key: KeyEvent) {
    if input.value().chars().count() < LINE_MAX || !matches!(key.code, KeyCode::Char(_)) {
        input.handle_event(&Event::Key(key));
    }
}

pub(super) fn press(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(overlay) = model.overlays.pop() else { return Vec::new() };
    match overlay {
        Overlay::Help { top } => {
            if let Some(top) = scroll(top, key.code, model.height()) {
                model.overlays.push(Overlay::Help { top });
            }
            Vec::new()
        }
        Overlay::Actions { top } => {
            if let Some(top) = scroll(top, key.code, model.height()) {
                model.overlays.push(Overlay::Actions { top });
            }
            Vec::new()
        }
        Overlay::Palette { input, at } => palette(model, input, at, key),
        Overlay::Filter { input, .. } => filter(model, input, key),
        Overlay::Find { input } => find(model, input, key),
        Overlay::Confirm(confirm) => question(model, *confirm, key),
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
        // Letters that somebody pastes are no keys.
        Some(Overlay::Help { .. } | Overlay::Actions { .. }) | None => {}
    }
    Vec::new()
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

/// What fits what was typed, best first; with nothing typed, all.
pub(crate) fn palette_finds(model: &Model, text: &str) -> Vec<Found> {
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut letters = Vec::new();
    let mut found: Vec<(u32, Found)> = Vec::new();
    for entry in &ENTRIES {
        let why_not = match now(model, entry) {
            Now::Absent => continue,
            Now::No(why) => Some(why),
            Now::Yes => None,
        };
        let words = format!("{} {}", entry.id, entry.does);
        if let Some(score) = pattern.score(Utf32Str::new(&words, &mut letters), &mut matcher) {
            found.push((score, Found { act: entry.act, id: entry.id, does: entry.does, why_not }));
        }
    }
    found.sort_by_key(|(score, found)| (std::cmp::Reverse(*score), found.why_not.is_some()));
    found.into_iter().map(|(_, found)| found).collect()
}

fn palette(model: &mut Model, mut input: Input, mut at: usize, key: KeyEvent) -> Vec<Effect> {
    let found = palette_finds(model, input.value());
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            return match found.into_iter().nth(at) {
                Some(Found { act, .. }) => key::act(model, act),
                None => Vec::new(),
            };
        }
        KeyCode::Up => at = at.saturating_sub(1),
        KeyCode::Down => at = (at + 1).min(found.len().saturating_sub(1)),
        KeyCode::Tab => {
            if let Some(found) = found.get(at) {
                input = Input::new(found.id.to_owned());
            }
        }
        _ => {
            typed(&mut input, key);
            at = 0;
        }
    }
    model.overlays.push(Overlay::Palette { input, at });
    Vec::new()
}

fn filter(model: &mut Model, mut input: Input, key: KeyEvent) -> Vec<Effect> {
    let mut trouble = None;
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => match filter::parse(input.value()) {
            Ok(_) => {
                set_filter(model, input.value().trim().to_owned());
                return Vec::new();
            }
            Err(error) => trouble = Some(error.to_string()),
        },
        KeyCode::Tab => {
            if let Some(completed) =
                filter::complete(input.value(), model.data.agents.value.as_deref().unwrap_or(&[]))
            {
                input = Input::new(completed);
            }
        }
        _ => typed(&mut input, key),
    }
    model.overlays.push(Overlay::Filter { input, trouble });
    Vec::new()
}

/// Shows the jobs that this filter means. It must be one.
pub(crate) fn set_filter(model: &mut Model, text: String) {
    let Ok(parsed) = filter::parse(&text) else { return };
    model.filter_text = text;
    model.filter = parsed;
    model.filter_turn += 1;
    model.marks.clear();
    model.data.jobs = crate::dash::window::Window::default();
    model.cursors.remove(&Screen::Jobs);
    model.trail.go(Screen::Jobs);
}

fn find(model: &mut Model, mut input: Input, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            input.value().clone_into(&mut model.search);
            let from = model.cursor().at + 1;
            model.pane = Pane::Answer;
            let found = model.data.tree.value.as_mut().and_then(|tree| {
                let from = tree.shown().get(from).copied().unwrap_or(0);
                let line = tree.find(input.value(), from)?;
                tree.shown().iter().position(|shown| *shown == line)
            });
            match found {
                Some(at) => {
                    let cursor = model.cursor_mut();
                    cursor.at = at;
                    cursor.on = None;
                }
                None => model.tell(Tone::Warn, "it is not in the answer"),
            }
            return Vec::new();
        }
        _ => typed(&mut input, key),
    }
    model.overlays.push(Overlay::Find { input });
    Vec::new()
}

fn question(model: &mut Model, mut confirm: crate::dash::overlay::Confirm, key: KeyEvent) -> Vec<Effect> {
    confirm.trouble = None;
    match (key.code, confirm.focused()) {
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
            match confirm.missing().map_or_else(|| deed::ready(&confirm, model.now, &model.zone), Err) {
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
    Vec::new()
}
