//! Which answer and which draft a job's page is about, and how one comes to another answer.

use crate::dash::json_tree::JsonTree;
use crate::dash::model::{Model, Pane};
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use guildhall_protocol::ids::{AttemptNumber, BodyId, JobId};
use guildhall_protocol::view::{AttemptView, BodyHead, JobStory, Sight};

/// The attempt whose answer is shown: the one that somebody chose, else the one that counts.
pub(super) fn answered<'a>(model: &Model, story: &'a JobStory) -> Option<&'a AttemptView> {
    let chosen = model.answer_of.filter(|(job, _)| *job == story.head.id);
    let chosen = chosen.and_then(|(_, number)| of_number(story, number));
    chosen.filter(|view| view.answer.is_some()).or_else(|| story.answered())
}

fn of_number(story: &JobStory, number: AttemptNumber) -> Option<&AttemptView> {
    story.attempts.iter().find(|view| view.number == number)
}

/// What a part shows as JSON.
///
/// # Errors
///
/// Why there is nothing to show, in words.
pub(super) fn body(model: &Model, story: &JobStory, pane: Pane) -> Result<BodyId, &'static str> {
    let there = |body: &BodyHead, forgotten| match (story.sight, &body.head) {
        (Sight::Masked, _) => Err("it is masked, as it is private to its client; v shows it, for a reason"),
        (Sight::Open | Sight::Revealed { .. }, None) => Err(forgotten),
        (Sight::Open | Sight::Revealed { .. }, Some(_)) => Ok(body.id),
    };
    match pane {
        Pane::Asked => there(&story.draft, "what was asked is forgotten"),
        Pane::Attempts | Pane::Pick | Pane::Answer | Pane::History => {
            match answered(model, story).and_then(|view| view.answer.as_ref()) {
                Some(answer) => there(answer, "the answer is forgotten"),
                None if story.head.state.known().is_some_and(|state| state.is_terminal()) => {
                    Err("it ended without an answer")
                }
                None => Err("there is no answer yet"),
            }
        }
    }
}

/// The bodies that a job's page needs, as far as it is known which they are.
pub(crate) fn bodies(model: &Model, id: JobId) -> Vec<BodyId> {
    let Some(story) = model.data.job(id) else { return Vec::new() };
    let mut bodies: Vec<BodyId> = Vec::new();
    // Whoever looks at one of them wants to see the other.
    let asked = model.pane.is_json().then_some(Pane::Asked);
    for pane in asked.into_iter().chain([Pane::Answer]) {
        bodies.extend(body(model, story, pane));
    }
    bodies
}

/// The job and the part whose JSON is shown, or else would be searched.
fn place(model: &Model, pane: Pane) -> Option<(JobId, BodyId)> {
    let Screen::Job(id) = *model.screen() else { return None };
    Some((id, body(model, model.data.job(id)?, pane).ok()?))
}

/// The JSON that the cursor is in.
pub(crate) fn tree(model: &Model) -> Option<&JsonTree> {
    let (job, body) = place(model, model.pane).filter(|_| model.pane.is_json())?;
    model.data.body(job, body)?.value.as_ref()
}

/// The same, to be folded.
pub(crate) fn tree_mut(model: &mut Model) -> Option<&mut JsonTree> {
    let (job, body) = place(model, model.pane).filter(|_| model.pane.is_json())?;
    model.data.tree_mut(job, body)
}

/// What a search would search: the JSON that is shown, else the answer.
pub(crate) fn searched(model: &Model) -> Option<&JsonTree> {
    let pane = if model.pane.is_json() { model.pane } else { Pane::Answer };
    let (job, body) = place(model, pane)?;
    model.data.body(job, body)?.value.as_ref()
}

/// How many answers the job that is shown has.
pub(crate) fn answers(model: &Model) -> usize {
    let Screen::Job(id) = *model.screen() else { return 0 };
    model.data.job(id).map_or(0, |story| with_answers(story).count())
}

fn with_answers(story: &JobStory) -> impl Iterator<Item = AttemptNumber> {
    story.attempts.iter().filter(|view| view.answer.is_some()).map(|view| view.number)
}

/// Shows the answer of an attempt after or before, around the end.
pub(crate) fn turn_answer(model: &mut Model, step: isize) {
    let Screen::Job(id) = *model.screen() else { return };
    let Some(story) = model.data.job(id) else { return };
    let numbers: Vec<AttemptNumber> = with_answers(story).collect();
    let here =
        answered(model, story).and_then(|view| numbers.iter().position(|number| *number == view.number));
    let last = numbers.len().saturating_sub(1);
    // Whoever does not see the answer yet sees first which one it is.
    let at = match here {
        Some(at) if model.pane != Pane::Answer => at,
        Some(at) if step > 0 && at == last => 0,
        Some(0) if step < 0 => last,
        Some(at) => at.saturating_add_signed(step),
        None => 0,
    };
    if let Some(number) = numbers.get(at).copied() {
        choose(model, id, number);
    }
}

/// The attempt that a line of the attempts is about.
pub(crate) fn attempt_at(model: &Model, line: usize) -> Option<AttemptNumber> {
    model.lines.attempt_at(line).filter(|_| model.pane == Pane::Attempts)
}

/// Shows the answer of an attempt.
pub(crate) fn open_attempt(model: &mut Model, number: AttemptNumber) {
    let Screen::Job(id) = *model.screen() else { return };
    let view = model.data.job(id).and_then(|story| of_number(story, number));
    if view.is_some_and(|view| view.answer.is_some()) {
        choose(model, id, number);
    } else {
        model.tell(Tone::Dim, format!("{id}.{} has not answered", number.0));
    }
}

fn choose(model: &mut Model, job: JobId, number: AttemptNumber) {
    model.pane = Pane::Answer;
    if model.answer_of != Some((job, number)) {
        model.answer_of = Some((job, number));
        model.panes.remove(&(job, Pane::Answer));
    }
}
