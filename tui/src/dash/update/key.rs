//! A key: of what lies on top, else what the registry says.

use super::{find, leave, open, overlay};
use crate::dash::action::{Act, Entry, Now, entry, keymap};
use crate::dash::chord::Chord;
use crate::dash::model::{Model, PANES, Times};
use crate::dash::msg::Effect;
use crate::dash::overlay::{Matching, Overlay};
use crate::dash::row::Row;
use crate::dash::screen::{Screen, TABS};
use crate::dash::state::DraftOf;
use crate::dash::theme::{Palette, Tone};
use crate::dash::view::job;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::bulk::BULK_JOBS_MAX;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::Subject;
use guildhall_protocol::listing::{Direction, JobCount, JobFilter, JobSort, SortBy};
use tui_input::Input;

pub(super) fn press(model: &mut Model, chord: Chord, key: KeyEvent) -> Vec<Effect> {
    let held = |letter| key.code == KeyCode::Char(letter) && key.modifiers.contains(KeyModifiers::CONTROL);
    if held('c') {
        return leave(model);
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
    let now = crate::dash::action::now(model, entry);
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
    } else if !model.trail.back() {
        model.toasts.clear();
    }
    Vec::new()
}

fn perform(model: &mut Model, act: Act) -> Vec<Effect> {
    let page = isize::try_from(model.height().saturating_sub(1)).unwrap_or(1).max(1);
    match act {
        Act::Quit => return leave(model),
        Act::Back => {
            model.trail.back();
        }
        Act::Forward => {
            model.trail.forward();
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
        Act::ActionLog => model.overlays.push(Overlay::Actions { top: 0 }),
        Act::Undo => return super::back::take_back(model),
        Act::Up => step(model, -1),
        Act::Down => step(model, 1),
        Act::PageUp => step(model, -page),
        Act::PageDown => step(model, page),
        Act::First => {
            step(model, isize::MIN / 2);
            if *model.screen() == Screen::Jobs {
                model.data.jobs.restart();
            }
        }
        Act::Last => {
            step(model, isize::MAX / 2);
            model.to_end = *model.screen() == Screen::Jobs;
        }
        Act::Open => {
            let row = model.chosen_row();
            return open(model, row);
        }
        Act::Mark => {
            if let Some(Row::Job(id)) = model.chosen_row() {
                model.matching = None;
                if !model.marks.remove(&id) {
                    model.marks.insert(id);
                }
                step(model, 1);
            }
        }
        Act::MarkAll => return mark_all(model),
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
        Act::NextJob => neighbor(model, 1),
        Act::PreviousJob => neighbor(model, -1),
        Act::Fold => fold(model),
        Act::NextAnswer => job::turn_answer(model, 1),
        Act::PreviousAnswer => job::turn_answer(model, -1),
        Act::Follow => model.still = !model.still,
        Act::CopyId => return copy(model, id_of),
        Act::CopyValue => return copy(model, value_of),
        Act::CopyCommand => return copy(model, command_of),
        Act::Job(action) => super::deed::ask_jobs(model, action),
        Act::TestAgent => return super::deed::test_agent(model),
        Act::ResumeAgent => return super::deed::resume_agent(model),
        Act::PauseAgent => super::deed::ask_pause(model),
        Act::RetireAgent => super::deed::ask_retire(model),
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

fn step(model: &mut Model, step: isize) {
    let rows = model.rows();
    let height = model.height();
    if matches!(model.screen(), Screen::Events | Screen::Log) && !model.still {
        model.still = true;
    }
    model.cursor_mut().by(&rows, step, height);
}

/// All that are loaded; then all that match, if they are more; then none.
fn mark_all(model: &mut Model) -> Vec<Effect> {
    let loaded = model.data.jobs.rows.len();
    let more = model.data.jobs.has_more();
    if model.marks.len() < loaded {
        model.matching = None;
        model.marks = model.data.jobs.rows.iter().map(|head| head.id).collect();
        if more {
            model.tell(Tone::Accent, format!("{loaded} rows are marked; * once more means all that match"));
        }
        return Vec::new();
    }
    if !more || model.matching.is_some() {
        model.unmark();
        return Vec::new();
    }
    let filter = model.filter.at(model.now);
    vec![Effect::Count { turn: model.filter_turn, filter }]
}

/// So many match: they are what is meant from now on, if one order takes them.
pub(super) fn counted(model: &mut Model, turn: u64, filter: JobFilter, count: Result<JobCount, ApiError>) {
    // Meanwhile something else is shown, or nothing is marked any more.
    if turn != model.filter_turn || model.marks.is_empty() {
        return;
    }
    match count {
        Err(error) => model.tell(Tone::Bad, format!("they cannot be counted: {}", error.message)),
        Ok(found) if !found.exact || found.count > BULK_JOBS_MAX as u64 => {
            let told =
                format!("{found} match, and one order takes {BULK_JOBS_MAX}: narrow the filter with /");
            model.tell(Tone::Warn, told);
        }
        Ok(found) => {
            let text = if model.filter_text.is_empty() { "everything" } else { model.filter_text.as_str() };
            model.matching = Some(Matching { filter, text: text.to_owned(), count: found.count });
            model.tell(Tone::Accent, format!("all {found} that match are meant; * means none"));
        }
    }
}

fn turn_pane(model: &mut Model, step: usize) {
    let at = PANES.iter().position(|pane| *pane == model.pane).unwrap_or(0);
    model.pane = PANES[(at + step) % PANES.len()];
}

/// The job before or after in the list that one came from.
fn neighbor(model: &mut Model, step: isize) {
    let Screen::Job(id) = *model.screen() else { return };
    let rows = &model.data.jobs.rows;
    if rows.is_empty() {
        model.tell(Tone::Dim, "there is no list to go on in; open one with 2");
        return;
    }
    let at = rows.iter().position(|head| head.id == id);
    let next = at.and_then(|at| rows.get(at.checked_add_signed(step)?)).map(|head| head.id);
    match next {
        Some(next) => {
            model.trail.replace(Screen::Job(next));
            let cursor = model.cursors.entry(Screen::Jobs).or_default();
            cursor.on = Some(Row::Job(next));
        }
        None => {
            model.tell(Tone::Dim, if step > 0 { "this is the last one" } else { "this is the first one" });
        }
    }
}

/// Folds or unfolds what the cursor is on.
pub(super) fn fold(model: &mut Model) {
    let row = model.cursor().at;
    let Some(tree) = job::tree_mut(model) else { return };
    let at = tree.fold(row);
    let cursor = model.cursor_mut();
    (cursor.at, cursor.on) = (at, None);
}

fn copy(model: &mut Model, text: impl Fn(&Model) -> Option<String>) -> Vec<Effect> {
    match text(model) {
        Some(text) => vec![Effect::Copy(text)],
        None => Vec::new(),
    }
}

/// What one would say of what is chosen; in JSON, the path to the line.
fn id_of(model: &Model) -> Option<String> {
    if let Some(tree) = job::tree(model) {
        return Some(tree.path(tree.rows().get(model.cursor().at)?.line));
    }
    Some(match subject(model)? {
        Row::Job(id) => id.to_string(),
        Row::Attempt(job, number) => format!("{job}.{}", number.0),
        Row::Agent(name) => name.to_string(),
        Row::Notice(id) => id.0.to_string(),
        Row::User(id) => id.0.to_string(),
        Row::Event(id) => id.0.to_string(),
        Row::Line(_) | Row::Heading(_) => return None,
    })
}

/// The value under the cursor, whole.
fn value_of(model: &Model) -> Option<String> {
    let tree = job::tree(model)?;
    Some(tree.copied(tree.rows().get(model.cursor().at)?.line))
}

fn command_of(model: &Model) -> Option<String> {
    Some(match subject(model)? {
        Row::Job(id) | Row::Attempt(id, _) => format!("guildhall job show {}", id.0),
        Row::Agent(name) => format!("guildhall agent show {name}"),
        Row::Notice(id) => format!("guildhall notices show {}", id.0),
        Row::User(id) => format!("guildhall user show {}", id.0),
        Row::Event(id) => {
            let line = model.data.feed.lines.iter().find(|line| line.id == id)?;
            match line.subject {
                Subject::Job(job) => format!("guildhall job show {}", job.0),
                Subject::Place(place) => format!("guildhall place show {}", place.0),
                Subject::Agent(_) | Subject::User(_) | Subject::System => return None,
            }
        }
        Row::Line(_) | Row::Heading(_) => return None,
    })
}

/// What the screen is about, or the row.
fn subject(model: &Model) -> Option<Row> {
    match model.screen() {
        Screen::Job(id) => Some(Row::Job(*id)),
        Screen::Agent(name) => Some(Row::Agent(name.clone())),
        Screen::Notice(id) => Some(Row::Notice(*id)),
        Screen::Person(id) => Some(Row::User(*id)),
        Screen::Overview
        | Screen::Jobs
        | Screen::Agents
        | Screen::Events
        | Screen::Notices
        | Screen::Inbox
        | Screen::Log
        | Screen::People => model.chosen_row(),
    }
}
