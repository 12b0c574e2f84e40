//! The palette: things by name, and commands with something behind them.
#![expect(clippy::wildcard_enum_match_arm, reason = "every other key is a letter to type")]

use super::{key, overlay};
use crate::dash::action::ENTRIES;
use crate::dash::command::{Command, VERBS, offers};
use crate::dash::enabled::{Now, now};
use crate::dash::model::Model;
use crate::dash::msg::Effect;
use crate::dash::overlay::{Found, Opens, Overlay};
use crate::dash::screen::Screen;
use crate::dash::state::Slot;
use crate::dash::theme::Tone;
use crossterm::event::{KeyCode, KeyEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input;

/// What fits what was typed, best first; with nothing typed, all.
pub(crate) fn finds(model: &Model, text: &str) -> Vec<Found> {
    if let Some(offers) = offers(model, text) {
        let found = offers.into_iter().map(|offer| match offer.command {
            Ok(command) => {
                Found { opens: Opens::Command(command), id: offer.text, does: offer.does, why_not: None }
            }
            Err(why) => Found { opens: Opens::Nothing, id: offer.text, does: offer.does, why_not: Some(why) },
        });
        return found.collect();
    }
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut letters = Vec::new();
    let mut found: Vec<(u32, Found)> = Vec::new();
    for candidate in candidates(model) {
        let words = format!("{} {}", candidate.id, candidate.does);
        if let Some(score) = pattern.score(Utf32Str::new(&words, &mut letters), &mut matcher) {
            found.push((score, candidate));
        }
    }
    found.sort_by_key(|(score, found)| (std::cmp::Reverse(*score), found.why_not.is_some()));
    found.into_iter().map(|(_, found)| found).collect()
}

fn candidates(model: &Model) -> Vec<Found> {
    let mut all = Vec::new();
    for entry in &ENTRIES {
        let why_not = match now(model, entry) {
            Now::Absent => continue,
            Now::No(why) => Some(why),
            Now::Yes => None,
        };
        let (id, does) = (entry.id.to_owned(), entry.does.to_owned());
        all.push(Found { opens: Opens::Act(entry.act), id, does, why_not });
    }
    for (verb, behind, does) in VERBS {
        let id = format!("{verb} {behind}");
        all.push(Found { opens: Opens::Verb(verb), id, does: does.to_owned(), why_not: None });
    }
    for (name, filter) in model.finding.views() {
        let opens = Opens::Command(Command::View(name.to_owned()));
        all.push(Found { opens, id: format!("view {name}"), does: filter.to_owned(), why_not: None });
    }
    for context in model.contexts.others() {
        let opens = Opens::Command(Command::Context(context.name.clone()));
        let id = format!("ctx {}", context.name);
        all.push(Found { opens, id, does: context.told(), why_not: None });
    }
    all
}

pub(super) fn palette(model: &mut Model, mut input: Input, mut at: usize, key: KeyEvent) -> Vec<Effect> {
    let found = finds(model, input.value());
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            let Some(found) = found.into_iter().nth(at) else { return Vec::new() };
            return open(model, found);
        }
        KeyCode::Up => at = at.saturating_sub(1),
        KeyCode::Down => at = (at + 1).min(found.len().saturating_sub(1)),
        KeyCode::Tab => {
            if let Some(found) = found.get(at) {
                let text =
                    if let Opens::Verb(verb) = found.opens { format!("{verb} ") } else { found.id.clone() };
                input = Input::new(text);
                at = 0;
            }
        }
        _ => {
            overlay::typed(&mut input, key);
            at = 0;
        }
    }
    model.overlays.push(Overlay::Palette { input, at });
    Vec::new()
}

/// The line of the palette that was clicked at.
pub(super) fn click(model: &mut Model, at: usize) -> Vec<Effect> {
    let Some(Overlay::Palette { input, .. }) = model.overlays.last() else { return Vec::new() };
    let Some(found) = finds(model, input.value()).into_iter().nth(at) else { return Vec::new() };
    model.overlays.pop();
    open(model, found)
}

fn open(model: &mut Model, found: Found) -> Vec<Effect> {
    match found.opens {
        Opens::Act(act) => key::act(model, act),
        Opens::Command(command) => run(model, command),
        Opens::Verb(verb) => {
            let input = Input::new(format!("{verb} "));
            model.overlays.push(Overlay::Palette { input, at: 0 });
            Vec::new()
        }
        Opens::Nothing => {
            model.tell(Tone::Warn, found.why_not.unwrap_or_default());
            Vec::new()
        }
    }
}

/// Does it.
pub(super) fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Job(id) => model.trail.go(Screen::Job(id)),
        Command::Agent(name) => model.trail.go(Screen::Agent(name)),
        Command::Filter(filter) => return overlay::use_filter(model, filter),
        Command::View(name) => {
            if let Some(filter) = model.finding.view(&name).map(str::to_owned) {
                overlay::set_filter(model, filter);
            }
        }
        Command::Save(name) => {
            let filter = model.filter_text.clone();
            match model.finding.save(&name, &filter) {
                Ok(()) => {
                    model.tell(Tone::Good, format!("saved: `:view {name}` shows it"));
                    return vec![keep(model)];
                }
                Err(why) => model.tell(Tone::Bad, why.to_string()),
            }
        }
        Command::Forget(name) => {
            if model.finding.forget(&name) {
                model.tell(Tone::Good, format!("the view {name} is forgotten"));
                return vec![keep(model)];
            }
        }
        Command::Context(name) => return super::context::switch(model, &name),
    }
    Vec::new()
}

/// Keeps filters and views.
pub(super) fn keep(model: &Model) -> Effect {
    Effect::Keep { slot: Slot::Finding, text: Some(model.finding.written()) }
}
