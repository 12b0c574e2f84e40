//! Around every view: where one is and how the connection is above, what the keys do below.

use crate::dash::action::{Act, Entry, Scope, keymap};
use crate::dash::enabled::Now;
use crate::dash::layout::Width;
use crate::dash::link::{Before, Link};
use crate::dash::loaded::Reading;
use crate::dash::msg::Hit;
use crate::dash::need::{failed, shows_anything};
use crate::dash::pen::{Pen, Span};
use crate::dash::screen::TABS;
use crate::dash::theme::{Sign, Tone};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::Timestamp;
use ratatui::layout::Rect;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// Tabs, the screen's title, and the connection at the right.
pub(super) fn header(pen: &mut Pen<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let model = pen.model;
    let (state, tone) = connection(pen);
    let name = model.contexts.current.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let state = format!("{name}{state}");
    let right = pen.right(area, &state, tone);
    let room = area.width.saturating_sub(right + 1);
    let screen = model.screen();
    let current = screen.tab();
    let mut x = area.x;
    if Width::of(area.width) >= Width::Wide {
        for (place, tab) in TABS.iter().enumerate() {
            let name = format!(" {} {} ", place + 1, tab.title());
            let tone = if *tab == current { Tone::Title } else { Tone::Dim };
            let used = pen.text(x, area.y, (area.x + room).saturating_sub(x), &name, tone);
            let part = Rect { x, width: used, ..area };
            if *tab == current {
                pen.select(part);
            }
            pen.hit(part, Hit::Tab(u8::try_from(place).unwrap_or(0)));
            x += used;
        }
        if *screen != current {
            let arrow = pen.sign(Sign::Arrow);
            let title = format!(" {arrow} {}", screen.title());
            pen.text(x, area.y, (area.x + room).saturating_sub(x), &title, Tone::Title);
        }
    } else {
        pen.text(x, area.y, room, &format!(" {}", screen.title()), Tone::Title);
    }
}

/// Who looks, where there is room, and how the connection is, in few words.
fn connection(pen: &mut Pen<'_>) -> Span {
    let (how, tone) = link(pen);
    let model = pen.model;
    let lock = if model.read_only { "read-only " } else { "" };
    // What is wrong takes more words.
    let room = if model.link.is_live() { Width::Normal } else { Width::Huge };
    let who = model.who.as_ref().filter(|_| Width::of(model.size.0) >= room);
    let who = who.map_or_else(String::new, |who| format!("{} ({}) ", who.name, who.role.name()));
    (format!("{lock}{who}{how}"), tone)
}

fn link(pen: &mut Pen<'_>) -> Span {
    let model = pen.model;
    match &model.link {
        Link::Connecting { .. } => ("connecting ... ".to_owned(), Tone::Warn),
        Link::Live => {
            let status = model.data.status.value.as_ref();
            let live = format!("{} live ", pen.sign(Sign::Dot));
            if status.is_some_and(|status| status.draining) {
                ("the daemon is ending ".to_owned(), Tone::Warn)
            } else if status.is_some_and(|status| status.paused) {
                let live = if Width::of(model.size.0) >= Width::Normal { live } else { String::new() };
                (format!("PAUSED {live}"), Tone::Bad)
            } else {
                (live, Tone::Good)
            }
        }
        Link::Lost { before, retry_at, .. } => {
            let left = seconds(pen, *retry_at);
            let how = match before {
                Before::Nothing(_) => "never reached".to_owned(),
                Before::Daemon(heard) => {
                    let ago = model.now.since(*heard).as_secs();
                    if shows_anything(model) { format!("stale {ago} s") } else { format!("lost {ago} s ago") }
                }
            };
            (format!("{how}, retry in {left} s "), Tone::Bad)
        }
        Link::Refused { retry_at, .. } => {
            let left = seconds(pen, *retry_at);
            (format!("refused, retry in {left} s "), Tone::Bad)
        }
    }
}

/// What the keys do, as many as there is room for; or why nothing can be done.
pub(super) fn footer(pen: &mut Pen<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let model = pen.model;
    // The keys go first: the reason may be long.
    let trouble = match &model.link {
        Link::Lost { why, .. } => Some(format!(" r tries again now, q leaves: {why}")),
        Link::Refused { why, hint, .. } => {
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            Some(format!(" r tries again now, q leaves: {why}{hint}"))
        }
        Link::Connecting { .. } => Some(format!(" q leaves; looking for the daemon at {}", model.endpoint)),
        Link::Live => None,
    };
    if let Some(trouble) = trouble {
        pen.text(area.x, area.y, area.width, &trouble, Tone::Bad);
        return;
    }
    let tail = " ? help ";
    if let Some((old, why)) = failed(model).and_then(|reading| Some((reading, reading.failed?))) {
        let old = format!(" {}: {}", old_as(pen, old), why.message);
        let help = if Width::of(area.width) >= Width::Narrow { pen.right(area, tail, Tone::Key) } else { 0 };
        pen.text(area.x, area.y, area.width - help, &old, Tone::Bad);
        return;
    }
    let mut x = area.x + 1;
    let room = area.right().saturating_sub(u16::try_from(tail.len()).unwrap_or(0));
    let mut told = Vec::new();
    let mut bindings = keymap(model);
    bindings.sort_by_key(|binding| importance(binding.entry));
    for binding in &bindings {
        let act = binding.entry.act;
        let moves = matches!(act, Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::First | Act::Last);
        if binding.now != Now::Yes || told.contains(&act) || moves || act == Act::Help {
            continue;
        }
        told.push(act);
        let key = binding.chord.to_string();
        let width = u16::try_from(key.width() + 1 + binding.entry.id.width()).unwrap_or(u16::MAX);
        if x + width + 2 > room {
            break;
        }
        let begin = x;
        x += pen.text(x, area.y, width, &key, Tone::Key) + 1;
        x += pen.text(x, area.y, width, binding.entry.id, Tone::Dim);
        pen.hit(Rect { x: begin, width: x - begin, ..area }, Hit::Act(act));
        x += 2;
    }
    pen.right(area, tail, Tone::Key);
}

/// How old what is shown is, and when it is read again.
fn old_as(pen: &mut Pen<'_>, reading: Reading<'_>) -> String {
    let shown = match reading.shown_of {
        Some(at) => format!("{} old", pen.age(at)),
        None => "not read".to_owned(),
    };
    match reading.again_at {
        Some(at) => format!("{shown}, again in {} s", seconds(pen, at)),
        None => format!("{shown}, again now"),
    }
}

/// Whole seconds until something, counted down.
pub(super) fn seconds(pen: &mut Pen<'_>, at: Timestamp) -> u128 {
    let now = pen.model.now;
    pen.changes_at(now.after(Duration::from_secs(1)));
    at.since(now).as_millis().div_ceil(1_000)
}

/// What is wanted first of what is waited for; everybody knows how to move.
const FIRST: [Act; 13] = [
    Act::TakeAgent,
    Act::ApproveAgent,
    Act::RefuseAgent,
    Act::Job(JobAction::Reply),
    Act::Job(JobAction::Accept),
    Act::Job(JobAction::RequestChanges),
    Act::Job(JobAction::Uphold),
    Act::Job(JobAction::Reject),
    Act::Job(JobAction::Dispute),
    Act::Job(JobAction::Cancel),
    Act::Job(JobAction::Retry),
    Act::Job(JobAction::Resend),
    Act::Job(JobAction::Reassign),
];

/// Its place in the footer: what is done to the thing that is chosen, opening it, other orders, then what only looks.
fn importance(entry: &Entry) -> usize {
    let first = FIRST.iter().position(|act| *act == entry.act);
    first.unwrap_or(match (entry.act, entry.writes) {
        (Act::Open, _) => FIRST.len() + 1,
        (_, true) if entry.scope != Scope::Everywhere => FIRST.len(),
        (_, true) => FIRST.len() + 2,
        (_, false) => FIRST.len() + 3,
    })
}

/// What can be taken back and what was told lately: the keys first, as the end may be cut.
pub(super) fn toasts(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let mut lines: Vec<Span> = Vec::new();
    for pending in model.pending.iter().rev() {
        let left = pending.at.since(model.now).as_millis().div_ceil(1_000);
        let when = if model.link.is_live() {
            format!("{left} s")
        } else {
            "sent when the daemon is back".to_owned()
        };
        lines.push((format!(" u takes it back, {when}: {} ", pending.what), Tone::Warn));
    }
    for sent in model.sent.iter().rev() {
        let left = sent.until.since(model.now).as_millis().div_ceil(1_000);
        lines.push((format!(" u {}, {left} s: {} ", sent.back.told(), sent.what), Tone::Warn));
    }
    // The newest that was told is there in any case.
    let told = model.toasts.iter().rev().map(|toast| (format!(" {} ", toast.text), toast.tone));
    let room = usize::from(area.height);
    lines.truncate(room.saturating_sub(usize::from(!model.toasts.is_empty())).max(1));
    lines.extend(told);
    for (y, (text, tone)) in (area.y..area.bottom()).zip(&lines) {
        let line = Rect { y, height: 1, ..area };
        pen.text(line.x, y, line.width, text, *tone);
        pen.select(line);
    }
}
