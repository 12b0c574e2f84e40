//! A job on one axis of time: waiting, attempts, judging and review, each with its own sign, and where now is.

use crate::dash::pen::Pen;
use crate::dash::theme::{Sign, Tone, of_attempt};
use guildhall_protocol::history::What as History;
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::JobStory;
use ratatui::layout::Rect;

/// A stretch of time in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    what: What,
}

/// What a stretch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Waits,
    Works(Tone),
    Judged,
    Reviewed,
}

/// A row: what it is called, and its stretches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lane {
    name: String,
    tone: Tone,
    stretches: Vec<Stretch>,
}

/// Columns for the names.
const NAMES: u16 = 20;

/// How many lines it needs at most.
pub(super) fn height(story: &JobStory) -> u16 {
    u16::try_from(story.attempts.len()).unwrap_or(u16::MAX).saturating_add(2)
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    if area.height < 2 || area.width < NAMES + 10 {
        return;
    }
    let now = pen.model.now;
    let lanes = lanes(story, now);
    let begin = story.head.posted_at;
    let end = end(story, now);
    let axis = Axis { begin, end, width: area.width - NAMES - 1 };
    let x = area.x + NAMES;
    // The newest lanes are the ones that matter, where there is no room for all.
    let room = usize::from(area.height - 1);
    let skipped = lanes.len().saturating_sub(room);
    for (line, lane) in lanes.iter().skip(skipped).enumerate() {
        let y = area.y + u16::try_from(line).unwrap_or(0);
        pen.text(area.x + 1, y, NAMES - 2, &lane.name, lane.tone);
        for stretch in &lane.stretches {
            let (symbol, tone) = look(pen, stretch.what);
            for column in axis.columns(stretch.from, stretch.to) {
                pen.cell(x + column, y, symbol, tone);
            }
        }
        if story.head.due_at.is_some() {
            let sign = pen.sign(Sign::Now);
            pen.cell(x + axis.column(now), y, sign, Tone::Accent);
        }
    }
    let y = area.y + u16::try_from(lanes.len() - skipped).unwrap_or(0);
    let whole = show_span(end.since(begin));
    pen.text(x, y, axis.width, "0", Tone::Dim);
    pen.right(Rect { x, y, width: axis.width, height: 1 }, &whole, Tone::Dim);
    let names = legend(pen);
    pen.text(
        x + 3,
        y,
        axis.width.saturating_sub(u16::try_from(whole.len()).unwrap_or(0) + 4),
        &names,
        Tone::Dim,
    );
}

fn legend(pen: &Pen<'_>) -> String {
    let sign = |what| look(pen, what).0;
    let (waits, works) = (sign(What::Waits), sign(What::Works(Tone::Busy)));
    let (judged, reviewed) = (sign(What::Judged), sign(What::Reviewed));
    format!("{waits} waits  {works} works  {judged} judged  {reviewed} reviewed")
}

fn look(pen: &Pen<'_>, what: What) -> (&'static str, Tone) {
    let ascii = pen.model.theme.ascii;
    match what {
        What::Waits => (if ascii { "." } else { "░" }, Tone::Dim),
        What::Works(tone) => (if ascii { "#" } else { "█" }, tone),
        What::Judged => (if ascii { "j" } else { "▒" }, Tone::Busy),
        What::Reviewed => (if ascii { "r" } else { "▓" }, Tone::Warn),
    }
}

/// When the picture ends: now, or when the job did.
fn end(story: &JobStory, now: Timestamp) -> Timestamp {
    let end = if story.head.due_at.is_some() { now } else { story.head.changed_at };
    end.max(Timestamp(story.head.posted_at.0 + 1))
}

fn lanes(story: &JobStory, now: Timestamp) -> Vec<Lane> {
    let end = end(story, now);
    let mut waits = Vec::new();
    let mut since = Some(story.head.posted_at);
    let mut lanes = Vec::new();
    for view in &story.attempts {
        if let Some(from) = since.take() {
            waits.push(Stretch { from, to: view.started_at, what: What::Waits });
        }
        let (_, tone) = of_attempt(view.state.known());
        let over = view.ended_at.unwrap_or(end);
        let worked = view.answered_at.unwrap_or(over).min(over);
        let mut stretches = vec![Stretch { from: view.started_at, to: worked, what: What::Works(tone) }];
        if view.answered_at.is_some() {
            // Findings are there when it was judged; what comes after is a person's time.
            let of_this =
                |what: &History| matches!(what, History::Judged { attempt, .. } if *attempt == view.number);
            let judged = story.events.iter().find(|event| of_this(&event.what)).map(|event| event.at);
            let judged = judged.unwrap_or(over).clamp(worked, over.max(worked));
            stretches.push(Stretch { from: worked, to: judged, what: What::Judged });
            stretches.push(Stretch { from: judged, to: over, what: What::Reviewed });
        }
        stretches.retain(|stretch| stretch.to > stretch.from);
        let repair = if view.repair { " again" } else { "" };
        let name = format!("{}.{} {}{repair}", story.head.id, view.number.0, view.agent);
        lanes.push(Lane { name, tone, stretches });
        since = view.ended_at;
    }
    if let Some(from) = since
        && story.head.due_at.is_some()
    {
        waits.push(Stretch { from, to: end, what: What::Waits });
    }
    waits.retain(|stretch| stretch.to > stretch.from);
    lanes.insert(0, Lane { name: "queue".to_owned(), tone: Tone::Dim, stretches: waits });
    lanes
}

/// Time as columns.
#[derive(Clone, Copy)]
struct Axis {
    begin: Timestamp,
    end: Timestamp,
    width: u16,
}

impl Axis {
    fn column(self, at: Timestamp) -> u16 {
        let whole = self.end.since(self.begin).as_millis().max(1);
        let part = at.since(self.begin).as_millis().min(whole);
        let last = u128::from(self.width.saturating_sub(1));
        u16::try_from(part * last / whole).unwrap_or(0)
    }

    /// The columns of a stretch: one at least.
    fn columns(self, from: Timestamp, to: Timestamp) -> std::ops::RangeInclusive<u16> {
        self.column(from)..=self.column(Timestamp(to.0 - 1)).max(self.column(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_falls_on_columns() {
        let axis = Axis { begin: Timestamp(0), end: Timestamp(1_000), width: 11 };
        assert_eq!([0, 500, 1_000, 9_999].map(|at| axis.column(Timestamp(at))), [0, 5, 10, 10]);
        assert_eq!(axis.columns(Timestamp(500), Timestamp(501)), 5..=5, "however short, it is seen");
        assert_eq!(axis.columns(Timestamp(0), Timestamp(1_000)), 0..=9);
    }
}
