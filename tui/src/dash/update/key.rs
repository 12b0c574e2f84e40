//! A key: of what lies on top, else what the registry says.

use super::{find, follow, leave, mark, open, overlay, walk};
use crate::dash::about;
use crate::dash::action::{Act, Entry, entry, keymap};
use crate::dash::chord::Chord;
use crate::dash::enabled::{Now, now};
use crate::dash::model::{Model, PANES, Times};
use crate::dash::msg::Effect;
use crate::dash::overlay::Overlay;
use crate::dash::screen::{Screen, TABS};
use crate::dash::state::DraftOf;
use crate::dash::theme::{Palette, Tone};
use crate::dash::view::job;
use crate::dash::window::Edge;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::listing::{Direction, JobSort, SortBy};
use guildhall_protocol::permission::JobAction;
use tui_input::Input;

pub(super) fn press(model: &mut Model, chord: Chord, key: KeyEvent) -> Vec<Effect> {
    let held = |letter| key.code == KeyCode::Char(letter) && key.modifiers.contains(KeyModifiers::CONTROL);
    if held('c') {
        return leave::ask(model);
    }
    if held('z') {
        return vec![Effect::Suspend];
    }
    if !model.overlays.is_empty() {
        return overlay::press(model, key);
    }
    if key.code == KeyCode::Esc {
        return escape(model);
    }
    let binding = keymap(model).into_iter().find(|binding| binding.chord == chord);
    let Some(binding) = binding else { return Vec::new() };
    try_act(model, binding.entry, binding.now)
}

/// Does something by its name, if it can be done now.
pub(super) fn act(model: &mut Model, act: Act) -> Vec<Effect> {
    let Some(entry) = entry(act) else { return Vec::new() };
    let now = now(model, entry);
    try_act(model, entry, now)
}

fn try_act(model: &mut Model, entry: &Entry, now: Now) -> Vec<Effect> {
    match now {
        Now::Yes => perform(model, entry.act),
        Now::Absent => Vec::new(),
        Now::No(why) => {
            model.tell(Tone::Warn, format!("{}: {why}", entry.does));
            Vec::new()
        }
    }
}

/// What is nearest goes: a toast, marks, then the screen.
fn escape(model: &mut Model) -> Vec<Effect> {
    if !model.marks.is_empty() && *model.screen() == Screen::Jobs {
        model.unmark();
    } else if !model.search.is_empty() && matches!(model.screen(), Screen::Job(_)) {
        model.search.clear();
    } else if model.trail.back() {
        overlay::follow_trail(model);
    } else {
        model.toasts.clear();
    }
    Vec::new()
}

fn perform(model: &mut Model, act: Act) -> Vec<Effect> {
    let page = isize::try_from(model.height().saturating_sub(1)).unwrap_or(1).max(1);
    match act {
        Act::Quit => return leave::ask(model),
        Act::Back => {
            model.trail.back();
            overlay::follow_trail(model);
        }
        Act::Forward => {
            model.trail.forward();
            overlay::follow_trail(model);
        }
        Act::Help => model.overlays.push(Overlay::Help { top: 0 }),
        Act::Palette => model.overlays.push(Overlay::Palette { input: Input::default(), at: 0 }),
        Act::Go(place) => model.trail.go(TABS[usize::from(place)].clone()),
        Act::Refresh => {
            if !model.link.is_live() {
                return vec![Effect::Reconnect];
            }
            model.data.renew();
        }
        Act::Times => {
            model.times = match model.times {
                Times::Relative => Times::Local,
                Times::Local => Times::Utc,
                Times::Utc => Times::Relative,
            };
        }
        Act::Look => {
            model.theme.palette = next_palette(model.theme.palette);
            model.chosen_palette = Some(model.theme.palette);
            model.contexts.palette = model.chosen_palette;
            model.tell(Tone::Accent, format!("colors: {:?}", model.theme.palette).to_lowercase());
        }
        Act::ActionLog => model.overlays.push(Overlay::Actions { at: 0 }),
        Act::Undo => return super::back::take_back(model),
        Act::Up => step(model, -1),
        Act::Down => step(model, 1),
        Act::PageUp => step(model, -page),
        Act::PageDown => step(model, page),
        Act::First => {
            step(model, isize::MIN / 2);
            model.to_edge = (*model.screen() == Screen::Jobs).then_some(Edge::First);
        }
        Act::Last => {
            step(model, isize::MAX / 2);
            model.to_edge = (*model.screen() == Screen::Jobs).then_some(Edge::Last);
        }
        Act::Open => {
            if let Some(row) = model.chosen_row() {
                open(model, &row);
            }
        }
        Act::Mark => {
            mark::turn(model);
            step(model, 1);
        }
        Act::MarkAll => return mark::all(model),
        Act::Filter => {
            let input = Input::new(model.filter_text.clone());
            model.overlays.push(Overlay::Filter { input, trouble: None, back: 0, typed: String::new() });
        }
        Act::Sort => overlay::sort(model, next_sort),
        Act::Reverse => overlay::sort(model, reversed),
        Act::Find => model.overlays.push(Overlay::Find { input: Input::new(model.search.clone()) }),
        Act::FindNext => find::next(model),
        Act::FindPrevious => find::previous(model),
        Act::ClearFilter => overlay::set_filter(model, String::new()),
        Act::NextPane => turn_pane(model, 1),
        Act::PreviousPane => turn_pane(model, PANES.len() - 1),
        Act::NextJob => walk::neighbor(model, 1),
        Act::PreviousJob => walk::neighbor(model, -1),
        Act::Fold => fold(model),
        Act::NextAnswer => job::turn_answer(model, 1),
        Act::PreviousAnswer => job::turn_answer(model, -1),
        Act::Follow => follow::turn(model),
        Act::CopyId => return about::number_or_path(model).map(Effect::Copy).into_iter().collect(),
        Act::CopyValue => return about::value(model).map(Effect::Copy).into_iter().collect(),
        Act::CopyCommand => return about::command(model).map(Effect::Copy).into_iter().collect(),
        Act::Job(JobAction::Again) => write_again(model),
        Act::Job(action) => super::deed::ask_jobs(model, action),
        Act::TestAgent => return super::deed::test_agent(model),
        Act::ResumeAgent => return super::deed::resume_agent(model),
        Act::PauseAgent => super::deed::ask_pause(model),
        Act::RetireAgent => super::deed::ask_retire(model),
        Act::ApproveAgent => super::deed::ask_approve(model),
        Act::RefuseAgent => super::deed::ask_refuse(model),
        Act::TakeAgent => super::deed::ask_take(model),
        Act::PauseEngine | Act::ResumeEngine => super::deed::ask_engine(model, act),
        Act::PostJob => super::form::open(model, &DraftOf::Job),
        Act::RegisterAgent => super::form::open(model, &DraftOf::Agent),
        Act::NewVersion => write_version(model),
        Act::Replay => return super::deed::replay(model),
        Act::Reveal => super::deed::ask_reveal(model),
    }
    Vec::new()
}

fn next_palette(palette: Palette) -> Palette {
    match palette {
        Palette::Dark => Palette::Light,
        Palette::Light => Palette::ColorBlind,
        Palette::ColorBlind => Palette::Ansi,
        Palette::Ansi => Palette::Plain,
        Palette::Plain => Palette::Dark,
    }
}

/// Opens the form in which the chosen job is posted again.
fn write_again(model: &mut Model) {
    if let Some(job) = model.chosen_jobs().first().map(|head| head.id) {
        super::form::open(model, &DraftOf::Again(job));
    }
}

/// Opens the form of a new version of the chosen agent.
fn write_version(model: &mut Model) {
    if let Some(name) = model.chosen_agent().map(|head| head.name.clone()) {
        super::form::open(model, &DraftOf::Version(name));
    }
}

/// By the next column, its usual end first.
fn next_sort(sort: JobSort) -> JobSort {
    let at = SortBy::ALL.iter().position(|by| *by == sort.by).unwrap_or(0);
    JobSort { by: SortBy::ALL[(at + 1) % SortBy::ALL.len()], direction: Direction::Descending }
}

fn reversed(sort: JobSort) -> JobSort {
    let direction = match sort.direction {
        Direction::Descending => Direction::Ascending,
        Direction::Ascending => Direction::Descending,
    };
    JobSort { direction, ..sort }
}

/// Moves over the rows. Every way of moving is this one.
pub(super) fn step(model: &mut Model, step: isize) {
    let rows = model.rows();
    let height = model.height();
    follow::stand(model);
    // Whoever moves on no longer waits for an end of the list.
    model.to_edge = None;
    model.cursor_mut().by(&rows, step, height);
}

fn turn_pane(model: &mut Model, step: usize) {
    let at = PANES.iter().position(|pane| *pane == model.pane).unwrap_or(0);
    model.pane = PANES[(at + step) % PANES.len()];
}

/// Folds or unfolds what the cursor is on.
pub(super) fn fold(model: &mut Model) {
    let row = model.cursor().at;
    let Some(tree) = job::tree_mut(model) else { return };
    let at = tree.fold(row);
    let cursor = model.cursor_mut();
    (cursor.at, cursor.on) = (at, None);
}
