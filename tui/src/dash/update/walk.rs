//! From one job to its neighbor in the list that it was opened from, as far as that list goes, whatever of it is read.

use super::overlay;
use crate::dash::model::{Model, Walk};
use crate::dash::row::Row;
use crate::dash::screen::{Screen, Stop};
use crate::dash::theme::Tone;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;

/// Shows the job so many rows further, or before.
pub(super) fn neighbor(model: &mut Model, step: isize) {
    let Screen::Job(from) = *model.screen() else { return };
    model.walking = None;
    let Some(Stop { screen, filter }) = model.trail.before().cloned() else { return };
    match screen {
        Screen::Jobs => {
            if filter != model.filter_text {
                // Meanwhile there was another list.
                super::mark::drop_all(model);
                overlay::list_by(model, filter);
            }
            in_jobs(model, Walk { from, step });
        }
        Screen::Inbox | Screen::Agent(_) => among(model, &screen, Walk { from, step }),
        // From there it is not offered.
        Screen::Overview
        | Screen::Job(_)
        | Screen::Agents
        | Screen::Events
        | Screen::Notices
        | Screen::Notice(_)
        | Screen::Log
        | Screen::People
        | Screen::Person(_) => {}
    }
}

/// A part of the list of jobs was read, or could not be: whoever waited for it goes on.
pub(super) fn go_on(model: &mut Model, trouble: Option<&ApiError>) {
    let Some(walk) = model.walking.take() else { return };
    if *model.screen() != Screen::Job(walk.from) {
        return;
    }
    match trouble {
        Some(error) => model.tell(Tone::Bad, format!("the list cannot be read: {}", error.message)),
        None => neighbor(model, walk.step),
    }
}

fn in_jobs(model: &mut Model, walk: Walk) {
    let window = &mut model.data.jobs;
    if !window.is_read() {
        let head = model.data.job(walk.from).map(|story| &story.head);
        let place = head.and_then(|head| model.filter.sort.cursor(head));
        model.data.jobs.begin_at(place);
        return wait(model, walk);
    }
    let Some(at) = window.rows.iter().position(|head| head.id == walk.from) else {
        return not_there(model, walk.from);
    };
    let next = at.checked_add_signed(walk.step).and_then(|at| window.rows.get(at)).map(|head| head.id);
    match next {
        Some(next) => go(model, Screen::Jobs, next, Row::Job(next)),
        None if window.goes_on(walk.step) => wait(model, walk),
        None => at_the_end(model, walk),
    }
}

/// Among the rows of a screen that are about jobs, each job once.
fn among(model: &mut Model, screen: &Screen, walk: Walk) {
    let mut jobs: Vec<(JobId, Row)> = Vec::new();
    for row in model.rows_of(screen) {
        if let Row::Job(id) | Row::Attempt(id, _) = row
            && !jobs.iter().any(|(other, _)| *other == id)
        {
            jobs.push((id, row));
        }
    }
    let Some(at) = jobs.iter().position(|(id, _)| *id == walk.from) else {
        return not_there(model, walk.from);
    };
    match at.checked_add_signed(walk.step).and_then(|at| jobs.get(at)).cloned() {
        Some((next, row)) => go(model, screen.clone(), next, row),
        None => at_the_end(model, walk),
    }
}

fn go(model: &mut Model, list: Screen, next: JobId, row: Row) {
    model.trail.replace(Screen::Job(next));
    // Whoever goes back stands on it.
    model.cursors.entry(list).or_default().on = Some(row);
}

fn wait(model: &mut Model, walk: Walk) {
    if model.link.is_live() {
        model.walking = Some(walk);
    } else {
        model.tell(Tone::Warn, "the rest of the list cannot be read without a daemon");
    }
}

fn at_the_end(model: &mut Model, walk: Walk) {
    model.tell(Tone::Dim, if walk.step > 0 { "this is the last one" } else { "this is the first one" });
}

fn not_there(model: &mut Model, job: JobId) {
    model.tell(Tone::Dim, format!("{job} is not in the list that it was opened from"));
}
