//! The lines of a job's parts that are text: attempts with findings, the pick, the history.

use super::super::list::wrapped;
use crate::dash::model::Pane;
use crate::dash::pen::{Pen, Span};
use crate::dash::row::Cursor;
use crate::dash::theme::{Sign, Tone, of_attempt, of_chained, of_decision, of_mark};
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::ids::{AttemptNumber, JobId};
use guildhall_protocol::narrate::{tell, tell_attempt_state, tell_chained, tell_finding, tell_pick};
use guildhall_protocol::pick::Pick;
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::JobStory;
use ratatui::layout::Rect;

/// Longest input that is shown beside its attempt, in graphemes.
const INPUT_SHOWN_MAX: usize = 500;

/// A part of a line.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String, Tone),
    At(Timestamp),
    Sign(Sign, Tone),
}

pub(super) type Line = Vec<Part>;

/// The lines of the job that is shown. They are kept, since breaking all its words for each key would cost more than the rest
/// of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    pub(super) of: Option<Made>,
    pub(super) pane: Vec<Line>,
    pub(super) beside: Vec<Line>,
    /// Where each attempt begins among the lines of the attempts.
    pub(super) attempts: Vec<(usize, AttemptNumber)>,
}

impl Lines {
    /// The attempt that a line is about.
    pub(super) fn attempt_at(&self, line: usize) -> Option<AttemptNumber> {
        let begun = self.attempts.partition_point(|(begin, _)| *begin <= line);
        Some(self.attempts.get(begun.checked_sub(1)?)?.1)
    }
}

/// What lines were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) job: JobId,
    /// How much was read by then.
    pub(super) taken: u64,
    pub(super) pane: Pane,
    pub(super) size: (u16, u16),
}

pub(super) fn scroll(pen: &mut Pen<'_>, area: Rect, lines: &[Line], cursor: &Cursor) {
    for line in 0..area.height {
        let at = cursor.top + usize::from(line);
        let Some(parts) = lines.get(at) else { break };
        write(pen, area, line, parts);
        if at == cursor.at {
            let sign = pen.sign(Sign::Arrow);
            pen.text(area.x, area.y + line, 1, sign, Tone::Accent);
        }
    }
}

pub(super) fn write(pen: &mut Pen<'_>, area: Rect, line: u16, parts: &Line) {
    let mut spans: Vec<Span> = Vec::with_capacity(parts.len());
    for part in parts {
        spans.push(match part {
            Part::Text(text, tone) => (text.clone(), *tone),
            Part::At(at) => (format!("{:>8}", pen.time(*at)), Tone::Dim),
            Part::Sign(sign, tone) => (pen.sign(*sign).to_owned(), *tone),
        });
    }
    pen.spans(area.x + 1, area.y + line, area.width.saturating_sub(1), &spans);
}

/// The lines of a part.
pub(super) fn lines(story: &JobStory, pane: Pane, width: usize) -> Vec<Line> {
    match pane {
        Pane::Attempts => attempts(story, width).0,
        Pane::Pick => picks(story, width),
        Pane::History => history(story, width),
        Pane::Answer | Pane::Asked => Vec::new(),
    }
}

fn text(text: impl Into<String>, tone: Tone) -> Part {
    Part::Text(text.into(), tone)
}

/// Text over as many lines as it needs, each with this before it.
fn broken(lines: &mut Vec<Line>, indent: usize, words: &str, tone: Tone, width: usize) {
    let words = guildhall_protocol::clean::clean(words);
    for line in wrapped(&words, width.saturating_sub(indent)) {
        lines.push(vec![text(format!("{}{line}", " ".repeat(indent)), tone)]);
    }
}

/// The lines of all attempts, newest first, and where each begins.
pub(super) fn attempts(story: &JobStory, width: usize) -> (Vec<Line>, Vec<(usize, AttemptNumber)>) {
    let mut lines = Vec::new();
    let mut begins = Vec::new();
    for view in story.attempts.iter().rev() {
        begins.push((lines.len(), view.number));
        let (sign, tone) = of_attempt(view.state.known());
        let end = view.ended_at.or(view.answered_at);
        let took =
            end.map_or_else(String::new, |end| format!(" after {}", show_span(end.since(view.started_at))));
        lines.push(vec![
            Part::Sign(sign, tone),
            text(
                format!(" {}.{} {} {}  ", story.head.id, view.number.0, view.agent, view.version),
                Tone::Title,
            ),
            text(format!("{}{took}", tell_attempt_state(view)), tone),
        ]);
        lines.push(vec![
            text("    begun ", Tone::Dim),
            Part::At(view.started_at),
            text(
                if view.tries == 1 {
                    "  sent once".to_owned()
                } else {
                    format!("  sent {} times", view.tries)
                },
                Tone::Dim,
            ),
            text(
                if view.answer.is_some() && width >= 60 { "  enter shows its answer" } else { "" },
                Tone::Dim,
            ),
        ]);
        if let Some(input) = &view.input {
            let head = input.head.as_deref().unwrap_or("(forgotten)");
            let words = cut(&clean_line(head), INPUT_SHOWN_MAX);
            broken(&mut lines, 4, &format!("input, built by a model: {words}"), Tone::Text, width);
        }
        if let Some(reason) = &view.reason {
            broken(&mut lines, 4, reason, Tone::Warn, width);
        }
        for finding in &view.findings {
            let (_, tone) = of_decision(finding.decision);
            broken(&mut lines, 4, &tell_finding(finding), tone, width);
        }
        if let Some(question) = &view.question {
            broken(&mut lines, 4, &format!("asks: {}", question.text), Tone::Warn, width);
        }
        if let Some(reply) = &view.reply {
            broken(&mut lines, 4, &format!("answered: {reply}"), Tone::Text, width);
        }
    }
    if lines.is_empty() {
        broken(&mut lines, 0, untried(story), Tone::Dim, width);
    }
    (lines, begins)
}

fn picks(story: &JobStory, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(pick) = &story.waiting {
        lines.push(vec![text("Now", Tone::Title)]);
        pick_lines(&mut lines, pick, width);
    }
    for view in story.attempts.iter().rev() {
        if let Some(pick) = &view.pick {
            lines.push(vec![text(format!("For {}.{}", story.head.id, view.number.0), Tone::Title)]);
            pick_lines(&mut lines, pick, width);
        }
    }
    if !story.excluded.is_empty() {
        let names: Vec<String> = story.excluded.iter().map(ToString::to_string).collect();
        broken(&mut lines, 0, &format!("Ruled out by an operator: {}", names.join(", ")), Tone::Warn, width);
    }
    if lines.is_empty() {
        broken(&mut lines, 0, unpicked(story), Tone::Dim, width);
    }
    lines
}

/// Why no agent has tried it.
fn untried(story: &JobStory) -> &'static str {
    match story.head.state.known() {
        Some(JobState::Canceled) => "it was called off before any agent tried it",
        Some(JobState::Expired) => "its time was over before any agent tried it",
        Some(JobState::Failed | JobState::Completed) => "it ended before any agent tried it",
        Some(JobState::InputRequired(_)) => "no agent has tried it yet: its client is asked something first",
        Some(JobState::Held(_)) => "no agent has tried it: it is held",
        Some(JobState::Open) if story.waiting.is_some() => "no agent has tried it yet; Pick says why",
        Some(
            JobState::Open
            | JobState::Assigned
            | JobState::Working
            | JobState::Evaluating
            | JobState::InReview(_),
        )
        | None => "no agent has tried it yet",
    }
}

/// Why there is no pick.
fn unpicked(story: &JobStory) -> &'static str {
    if story.head.state.known().is_some_and(|state| state.is_terminal()) {
        return "it ended before anybody was chosen";
    }
    "nobody was chosen yet"
}

fn pick_lines(lines: &mut Vec<Line>, pick: &Pick, width: usize) {
    broken(lines, 2, &tell_pick(pick), Tone::Text, width);
    if let Some(model) = &pick.model {
        broken(lines, 2, &format!("{} says: {}", model.model, model.reason), Tone::Dim, width);
    }
    if !pick.candidates.is_empty() {
        let heading = "     score  words mean.  past speed  free  new";
        lines.push(vec![text(heading, Tone::Dim)]);
    }
    for candidate in &pick.candidates {
        let chosen = pick.chosen.as_ref() == Some(&candidate.name);
        let factors = candidate.factors;
        let meaning = factors.meaning.map_or_else(|| "   - ".to_owned(), |meaning| format!("{meaning:5.2}"));
        let numbers = format!(
            "{:5.2}  {:5.2} {meaning} {:5.2} {:5.2} {:5.2} {:5.2}  ",
            candidate.score,
            factors.relevance,
            factors.success,
            factors.latency,
            factors.free,
            factors.newcomer
        );
        let (sign, tone) = if chosen { (Sign::Arrow, Tone::Good) } else { (Sign::Step, Tone::Dim) };
        lines.push(vec![
            text("  ", Tone::Text),
            if chosen { Part::Sign(sign, tone) } else { text(" ", tone) },
            text(format!("  {numbers}"), if chosen { Tone::Text } else { Tone::Dim }),
            text(candidate.name.to_string(), if chosen { Tone::Good } else { Tone::Text }),
        ]);
    }
    for (exclusion, count) in &pick.excluded {
        broken(lines, 4, &format!("{count} left out: {exclusion}"), Tone::Dim, width);
    }
    for (name, exclusion) in &pick.named {
        let told = exclusion.map_or_else(|| "could take it".to_owned(), |exclusion| exclusion.to_string());
        broken(lines, 4, &format!("{name}, named by the client: {told}"), Tone::Dim, width);
    }
}

fn history(story: &JobStory, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let (Some(chained), Some((sign, tone))) = (tell_chained(story.chained), of_chained(story.chained)) {
        lines.push(vec![Part::Sign(sign, tone), text(format!(" {chained}"), tone)]);
    }
    for event in &story.events {
        let Some(told) = tell(story, event) else { continue };
        let (sign, tone) = of_mark(told.mark);
        let mut words = wrapped(&told.text, width.saturating_sub(12)).into_iter();
        lines.push(vec![
            Part::At(event.at),
            text(" ", Tone::Text),
            Part::Sign(sign, tone),
            text(format!(" {}", words.next().unwrap_or_default()), Tone::Text),
        ]);
        let indent = " ".repeat(11);
        lines.extend(words.map(|line| vec![text(format!("{indent}{line}"), Tone::Text)]));
        for detail in &told.details {
            broken(&mut lines, 13, detail, Tone::Dim, width);
        }
    }
    lines
}
