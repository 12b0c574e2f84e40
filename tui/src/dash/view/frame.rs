//! Around every view: where one is and how the connection is above, what the keys do below.

use crate::dash::action::{Act, keymap};
use crate::dash::enabled::Now;
use crate::dash::layout::Width;
use crate::dash::link::Link;
use crate::dash::msg::Hit;
use crate::dash::pen::{Pen, Span};
use crate::dash::screen::TABS;
use crate::dash::theme::{Sign, Tone};
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

/// How the connection is, in few words.
fn connection(pen: &mut Pen<'_>) -> Span {
    let model = pen.model;
    let seconds = |pen: &mut Pen<'_>, at: Timestamp| {
        let now = pen.model.now;
        pen.changes_at(now.after(Duration::from_secs(1)));
        at.since(now).as_millis().div_ceil(1_000)
    };
    match &model.link {
        Link::Connecting => ("connecting ... ".to_owned(), Tone::Warn),
        Link::Live => {
            let status = model.data.status.value.as_ref();
            if status.is_some_and(|status| status.draining) {
                return ("the daemon is ending ".to_owned(), Tone::Warn);
            }
            if status.is_some_and(|status| status.paused) {
                return ("PAUSED ".to_owned(), Tone::Bad);
            }
            let lock = if model.read_only { "read-only " } else { "" };
            let who = model
                .who
                .as_ref()
                .map_or_else(String::new, |who| format!("{} ({}) ", who.name, who.role.name()));
            let dot = pen.sign(Sign::Dot);
            if Width::of(model.size.0) >= Width::Normal {
                (format!("{lock}{who}{dot} live "), Tone::Good)
            } else {
                (format!("{lock}{dot} live "), Tone::Good)
            }
        }
        Link::Lost { since, retry_at, .. } => {
            let left = seconds(pen, *retry_at);
            let stale = model.now.since(*since).as_secs();
            (format!("stale {stale} s, retry in {left} s "), Tone::Bad)
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
    let trouble = match &model.link {
        Link::Lost { why, .. } => Some(format!(" {why}; r tries again now, q leaves")),
        Link::Refused { why, hint, .. } => {
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            Some(format!(" {why}{hint}"))
        }
        Link::Connecting => Some(format!(" looking for the daemon at {}; q leaves", model.endpoint)),
        Link::Live => None,
    };
    if let Some(trouble) = trouble {
        pen.text(area.x, area.y, area.width, &trouble, Tone::Bad);
        return;
    }
    let mut x = area.x + 1;
    let tail = " ? help ";
    let room = area.right().saturating_sub(u16::try_from(tail.len()).unwrap_or(0));
    let mut told = Vec::new();
    let bindings = keymap(model);
    // What changes something is worth more room; everybody knows how to move.
    let (orders, looks): (Vec<_>, Vec<_>) = bindings.iter().partition(|binding| binding.entry.writes);
    for binding in orders.into_iter().chain(looks) {
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

/// What was told lately, over the end of the view; and what can be taken back.
pub(super) fn toasts(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let mut lines: Vec<Span> = Vec::new();
    for pending in &model.pending {
        let left = pending.at.since(model.now).as_millis().div_ceil(1_000);
        let text = if model.link.is_live() {
            format!(" {} in {left} s  (u takes it back) ", pending.what)
        } else {
            format!(" {} when the daemon is back  (u takes it back) ", pending.what)
        };
        lines.push((text, Tone::Warn));
    }
    for sent in &model.sent {
        let left = sent.until.since(model.now).as_millis().div_ceil(1_000);
        lines.push((format!(" {}: u {}, {left} s ", sent.what, sent.back.told()), Tone::Warn));
    }
    lines.extend(model.toasts.iter().map(|toast| (format!(" {} ", toast.text), toast.tone)));
    let shown = lines.len().min(usize::from(area.height));
    for (place, (text, tone)) in lines.iter().rev().take(shown).enumerate() {
        let y = area.bottom() - 1 - u16::try_from(place).unwrap_or(0);
        let line = Rect { y, height: 1, ..area };
        pen.blank(line);
        pen.text(line.x, y, line.width, text, *tone);
        pen.select(line);
    }
}
