//! A job on one axis of time: waiting, attempts, back-off, judging and review, each with its own sign, and where now is.

use crate::dash::pen::Pen;
use crate::dash::theme::{Sign, Tone, of_attempt};
use guildhall_protocol::history::What as History;
use guildhall_protocol::ids::AttemptNumber;
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
    /// The delivery did not get through and is not due again yet.
    BacksOff,
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
    let names = legend(pen, &lanes);
    pen.text(
        x + 3,
        y,
        axis.width.saturating_sub(u16::try_from(whole.len()).unwrap_or(0) + 4),
        &names,
        Tone::Dim,
    );
}

/// What the signs mean that are in the picture.
fn legend(pen: &Pen<'_>, lanes: &[Lane]) -> String {
    let names = [
        (What::Waits, "waits"),
        (What::Works(Tone::Busy), "works"),
        (What::BacksOff, "backs off"),
        (What::Judged, "judged"),
        (What::Reviewed, "reviewed"),
    ];
    let is_there = |what: What| {
        let mut stretches = lanes.iter().flat_map(|lane| &lane.stretches);
        stretches.any(|stretch| std::mem::discriminant(&stretch.what) == std::mem::discriminant(&what))
    };
    let shown = names.into_iter().filter(|(what, _)| is_there(*what));
    shown.map(|(what, name)| format!("{} {name}", look(pen, what).0)).collect::<Vec<_>>().join("  ")
}

fn look(pen: &Pen<'_>, what: What) -> (&'static str, Tone) {
    let ascii = pen.model.theme.ascii;
    match what {
        What::Waits => (if ascii { "." } else { "░" }, Tone::Dim),
        What::Works(tone) => (if ascii { "#" } else { "█" }, tone),
        What::BacksOff => (if ascii { "-" } else { "╌" }, Tone::Warn),
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
        // They lie over the work.
        stretches.extend(back_offs(story, view.number, worked));
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

/// When the delivery of an attempt was not due again yet; it was over at `worked`.
fn back_offs(
    story: &JobStory,
    number: AttemptNumber,
    worked: Timestamp,
) -> impl Iterator<Item = Stretch> + '_ {
    story.events.iter().enumerate().filter_map(move |(place, event)| {
        let History::Deferred { attempt, until, .. } = event.what else { return None };
        if attempt != number {
            return None;
        }
        // Somebody may have asked before it was due.
        let resent = |what: &History| matches!(what, History::Resent { attempt, .. } if *attempt == number);
        let sent = story.events[place..].iter().find(|event| resent(&event.what)).map(|event| event.at);
        let to = sent.map_or(until, |sent| sent.min(until)).min(worked);
        Some(Stretch { from: event.at, to, what: What::BacksOff })
    })
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
    use guildhall_protocol::history::{Actor, Event};

    const FIRST: AttemptNumber = AttemptNumber(1);

    /// A job of which the first attempt was begun at 284 and answered at 375, and what else happened in it.
    fn story(events: &[(i64, History)]) -> JobStory {
        let mut story: JobStory =
            serde_json::from_str(include_str!("../fixtures/job6.json")).expect("what a daemon told");
        let event = |(at, what): &(i64, History)| Event {
            seq: 3,
            at: Timestamp(1_795_865_975_000 + at),
            by: Actor::Daemon,
            what: what.clone(),
        };
        story.events.splice(2..2, events.iter().map(event));
        story
    }

    fn back_offs_of(story: &JobStory, now: i64) -> Vec<(i64, i64)> {
        let lanes = lanes(story, Timestamp(1_795_865_975_000 + now));
        let backs_off =
            lanes.iter().flat_map(|lane| &lane.stretches).filter(|one| one.what == What::BacksOff);
        backs_off.map(|one| (one.from.0 - 1_795_865_975_000, one.to.0 - 1_795_865_975_000)).collect()
    }

    fn deferred(until: i64) -> History {
        History::Deferred { attempt: FIRST, tries: 1, until: Timestamp(1_795_865_975_000 + until) }
    }

    #[test]
    fn a_back_off_is_no_work_until_the_delivery_is_due() {
        let resent = History::Resent { attempt: FIRST, tries: 2 };
        let late = story(&[(290, deferred(310)), (320, resent.clone())]);
        assert_eq!(back_offs_of(&late, 999), [(290, 310)], "after that it waits for the daemon");
        let early = story(&[(290, deferred(310)), (300, resent), (305, deferred(9_999))]);
        assert_eq!(back_offs_of(&early, 999), [(290, 300), (305, 375)], "the answer came before it was due");
        assert_eq!(back_offs_of(&story(&[]), 999), []);
    }

    #[test]
    fn a_back_off_that_goes_on_ends_now() {
        let mut story = story(&[(290, deferred(9_999))]);
        story.events.truncate(3);
        story.attempts.truncate(1);
        (story.attempts[0].answered_at, story.attempts[0].ended_at) = (None, None);
        story.head.due_at = Some(Timestamp(1_795_865_984_999));
        assert_eq!(back_offs_of(&story, 1_000), [(290, 1_000)]);
    }

    #[test]
    fn time_falls_on_columns() {
        let axis = Axis { begin: Timestamp(0), end: Timestamp(1_000), width: 11 };
        assert_eq!([0, 500, 1_000, 9_999].map(|at| axis.column(Timestamp(at))), [0, 5, 10, 10]);
        assert_eq!(axis.columns(Timestamp(500), Timestamp(501)), 5..=5, "however short, it is seen");
        assert_eq!(axis.columns(Timestamp(0), Timestamp(1_000)), 0..=9);
    }
}
