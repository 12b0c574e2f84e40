//! Where a job stands, in three lines; one where there is no room.

use super::super::jobs::short;
use super::super::whole::fitting;
use crate::dash::model::Model;
use crate::dash::pen::Pen;
use crate::dash::theme::{Tone, of_job};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::history::What;
use guildhall_protocol::narrate::{tell, tell_pick};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::{AppealView, JobHead, JobStory, Sight};
use ratatui::layout::Rect;

/// Columns before the second and the third line.
const INDENT: u16 = 3;

/// The lines about a job; without its story, what a list told of it.
pub(super) fn summary(pen: &mut Pen<'_>, area: Rect, head: &JobHead, story: Option<&JobStory>) {
    let state = head.state.known();
    let (sign, tone) = of_job(state);
    let word = state.map_or_else(|| head.state.to_string(), |state| short(*state).to_owned());
    let title = head.title.clone().unwrap_or_else(|| "(forgotten)".to_owned());
    let open = story.and_then(appeals);
    // Where there is one line, what waits for a decision goes before what the job is called.
    let rest = match open {
        Some(open) if area.height < 3 => (open, Tone::Warn),
        Some(_) | None => (title, Tone::Title),
    };
    let first = [(format!(" {} ", pen.sign(sign)), tone), (format!("{} {word}  ", head.id), tone), rest];
    pen.spans(area.x, area.y, area.width, &first);
    if area.height < 3 {
        return;
    }
    let width = area.width.saturating_sub(INDENT);
    let times = times(pen, head);
    let times = fitting(&times, "  ", usize::from(width));
    pen.text(area.x + INDENT, area.y + 1, width, &times, Tone::Dim);
    if let Some((why, tone)) = story.and_then(|story| why(pen.model, story)) {
        pen.text(area.x + INDENT, area.y + 2, width, &why, tone);
    }
}

/// Whose it is and its times, what matters most first.
fn times(pen: &mut Pen<'_>, head: &JobHead) -> Vec<String> {
    let due = match (head.window_ends_at, head.due_at.filter(|_| !is_paused(pen.model, head))) {
        (Some(window), _) => format!("window ends in {}", pen.until(window)),
        (None, Some(due)) => format!("next by itself in {}", pen.until(due)),
        (None, None) => String::new(),
    };
    vec![
        format!("client {}", head.client.0),
        format!("posted {}", pen.time(head.posted_at)),
        format!("deadline {}", pen.until(head.deadline)),
        due,
        if head.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", head.attempts) },
        format!("{:?}", head.priority),
        head.label.as_ref().map_or_else(String::new, |label| format!("label {}", clean_line(label))),
    ]
}

/// Whether it waits for the engine, which was paused.
fn is_paused(model: &Model, head: &JobHead) -> bool {
    let paused = model.data.status.value.as_ref().is_some_and(|status| status.paused);
    paused && head.state.known() == Some(&JobState::Open)
}

/// What its client said when they asked an operator to decide, as long as nobody has.
fn dispute(story: &JobStory) -> Option<String> {
    if story.head.state.known() != Some(&JobState::InReview(Reviewer::Operator)) {
        return None;
    }
    let event = story.events.iter().rev().find(|event| matches!(event.what, What::Disputed { .. }))?;
    let told = tell(story, event)?;
    Some(format!("{}: {}", told.text, clean_line(told.details.first()?)))
}

/// Why it stands so.
fn why(model: &Model, story: &JobStory) -> Option<(String, Tone)> {
    if story.sight == Sight::Masked {
        let masked = "a private job of somebody else: its texts are masked; v shows them, for a reason";
        return Some((masked.to_owned(), Tone::Warn));
    }
    if let Some(open) = appeals(story) {
        return Some((open, Tone::Warn));
    }
    if let Some(dispute) = dispute(story) {
        return Some((dispute, Tone::Warn));
    }
    if is_paused(model, &story.head) {
        return Some(("the engine is paused: nobody gets it until it is resumed".to_owned(), Tone::Bad));
    }
    match (&story.waiting, story.asked()) {
        (Some(pick), _) => Some((tell_pick(pick), Tone::Warn)),
        (None, Some(question)) => Some((format!("asks: {}", question.text), Tone::Warn)),
        (None, None) => story.head.checked_by.map(|by| (format!("checked {by}"), Tone::Dim)),
    }
}

/// The complaints and contests that nobody has decided yet.
fn appeals(story: &JobStory) -> Option<String> {
    let open = story.appeals.iter().filter(|appeal| appeal.upheld.is_none());
    let told: Vec<String> = open.map(|appeal| appealed(story, appeal)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn appealed(story: &JobStory, appeal: &AppealView) -> String {
    let words = appeal.text.as_deref().map_or_else(|| "(forgotten)".to_owned(), clean_line);
    format!("a {} about {}.{} is open: {words}", appeal.kind, story.head.id, appeal.attempt.0)
}
