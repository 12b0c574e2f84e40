//! What lies over a view.

use crate::dash::action::ENTRIES;
use crate::dash::completion::{self, Known};
use crate::dash::enabled::{Now, now};
use crate::dash::filter;
use crate::dash::msg::Hit;
use crate::dash::overlay::{Confirm, Deed, Focus, Overlay};
use crate::dash::pen::Pen;
use crate::dash::theme::{Sign, Tone};
use crate::dash::update::{open_orders, palette_finds};
use ratatui::layout::Rect;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

/// Most jobs that a question names.
const NAMED_MAX: usize = 8;

pub(super) fn paint(pen: &mut Pen<'_>, body: Rect, overlay: &Overlay) {
    match overlay {
        Overlay::Help { top } => help(pen, body, *top),
        Overlay::Palette { input, at } => palette(pen, body, input, *at),
        Overlay::Filter { input, trouble, .. } => filter_line(pen, body, input, trouble.as_deref()),
        Overlay::Find { input } => {
            let title = "Find in the answer; then . is the next place and , the one before";
            prompt(pen, body, title, input, "", Tone::Dim);
        }
        Overlay::Confirm(confirm) => question(pen, body, confirm),
        Overlay::Leave => leave(pen, body),
        Overlay::Actions { at } => actions(pen, body, *at),
        Overlay::Form(form) => super::forms::paint(pen, body, form),
        Overlay::Told { title, lines, top } => told(pen, body, title, lines, *top),
    }
}

/// A window in the middle, no larger than the body.
fn middle(body: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(body.width), height.min(body.height));
    Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height }
}

/// A line that is typed, with the place of the next letter shown.
pub(super) fn line(pen: &mut Pen<'_>, area: Rect, input: &Input, focused: bool) {
    let width = usize::from(area.width.max(1));
    let scroll = input.visual_scroll(width.saturating_sub(1));
    let mut skipped = 0;
    let shown: String = input
        .value()
        .chars()
        .skip_while(|letter| {
            let skip = skipped < scroll;
            skipped += letter.to_string().width();
            skip
        })
        .collect();
    pen.text(area.x, area.y, area.width, &shown, Tone::Text);
    if focused {
        let at = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
        pen.select(Rect { x: area.x + at.min(area.width.saturating_sub(1)), width: 1, height: 1, ..area });
    }
}

/// A line to type at the foot of the view; where it is.
fn prompt(pen: &mut Pen<'_>, body: Rect, title: &str, input: &Input, hint: &str, tone: Tone) -> Rect {
    let height = 4.min(body.height);
    let area = Rect { y: body.bottom() - height, height, ..body };
    let inside = pen.window(area, title);
    if inside.height == 0 {
        return inside;
    }
    line(pen, Rect { height: 1, ..inside }, input, true);
    if inside.height > 1 {
        pen.text(inside.x, inside.y + 1, inside.width, hint, tone);
    }
    inside
}

fn filter_line(pen: &mut Pen<'_>, body: Rect, input: &Input, trouble: Option<&str>) {
    let known = Known::of(pen.model);
    let text = input.value();
    let candidates = completion::candidates(text, &known);
    let begun = !text.is_empty() && !text.ends_with(char::is_whitespace);
    let hint = match trouble {
        Some(trouble) => trouble.to_owned(),
        None if begun && !candidates.is_empty() => candidates.join("  "),
        None => filter::help().collect::<Vec<_>>().join("  "),
    };
    let tone = if trouble.is_some() { Tone::Bad } else { Tone::Dim };
    let title = "Filter the jobs: tab completes, up brings those of before, enter shows, esc leaves it";
    let area = prompt(pen, body, title, input, &hint, tone);
    // What tab would add, where it would stand.
    let at_end = input.cursor() == text.chars().count();
    if let (true, true, Some(whole)) = (begun, at_end, completion::complete(text, &known)) {
        let used = u16::try_from(input.visual_cursor()).unwrap_or(u16::MAX);
        if used < area.width {
            let ghost = whole.get(text.len()..).unwrap_or_default();
            pen.text(area.x + used, area.y, area.width - used, ghost, Tone::Dim);
            pen.select(Rect { x: area.x + used, width: 1, height: 1, ..area });
        }
    }
}

fn palette(pen: &mut Pen<'_>, body: Rect, input: &Input, at: usize) {
    let found = palette_finds(pen.model, input.value());
    let height = u16::try_from(found.len()).unwrap_or(u16::MAX).saturating_add(3).min(20);
    let inside = pen.window(middle(body, 72, height.max(5)), "Everything by name");
    if inside.height < 2 {
        return;
    }
    line(pen, Rect { height: 1, ..inside }, input, true);
    let room = usize::from(inside.height - 1);
    let top = (at + 1).saturating_sub(room);
    for (place, found) in found.iter().enumerate().skip(top).take(room) {
        let y = inside.y + 1 + u16::try_from(place - top).unwrap_or(0);
        let whole = Rect { y, height: 1, ..inside };
        let (does, tone) = match &found.why_not {
            Some(why) => (format!("{}: {why}", found.does), Tone::Dim),
            None => (found.does.clone(), Tone::Text),
        };
        pen.text(whole.x, y, 18, &found.id, if found.why_not.is_some() { Tone::Dim } else { Tone::Key });
        pen.text(whole.x + 19, y, whole.width.saturating_sub(19), &does, tone);
        if place == at {
            pen.select(whole);
        }
        pen.hit(whole, Hit::Found(place));
    }
    if found.is_empty() {
        pen.text(inside.x, inside.y + 1, inside.width, "nothing fits", Tone::Dim);
    }
}

fn help(pen: &mut Pen<'_>, body: Rect, top: usize) {
    let model = pen.model;
    let mut lines: Vec<(String, String, Option<String>)> = Vec::new();
    for entry in &ENTRIES {
        let why_not = match now(model, entry) {
            Now::Absent => continue,
            Now::No(why) => Some(why),
            Now::Yes => None,
        };
        let keys: Vec<String> = model.keys.of(entry).iter().map(ToString::to_string).collect();
        if !keys.is_empty() {
            lines.push((keys.join(" "), entry.does.to_owned(), why_not));
        }
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let title = format!("What can be done here, {} lines; any other key leaves", lines.len());
    let inside = pen.window(middle(body, 76, height), &title);
    let room = usize::from(inside.height);
    let top = top.min(lines.len().saturating_sub(room));
    for (place, (keys, does, why_not)) in lines.iter().skip(top).take(room).enumerate() {
        let y = inside.y + u16::try_from(place).unwrap_or(0);
        pen.text(inside.x, y, 17, keys, if why_not.is_some() { Tone::Dim } else { Tone::Key });
        let does = why_not.as_ref().map_or_else(|| does.clone(), |why| format!("{does}: {why}"));
        let tone = if why_not.is_some() { Tone::Dim } else { Tone::Text };
        pen.text(inside.x + 18, y, inside.width.saturating_sub(18), &does, tone);
    }
}

fn actions(pen: &mut Pen<'_>, body: Rect, at: usize) {
    let model = pen.model;
    let title = "What was ordered from here, newest first; y copies its command";
    let inside = pen.window(middle(body, 110, 24), title);
    if model.done.is_empty() {
        pen.text(inside.x, inside.y, inside.width, "nothing yet", Tone::Dim);
    }
    let room = usize::from(inside.height);
    let at = at.min(model.done.len().saturating_sub(1));
    let top = (at + 1).saturating_sub(room);
    for (place, done) in model.done.iter().rev().enumerate().skip(top).take(room) {
        let y = inside.y + u16::try_from(place - top).unwrap_or(0);
        let time = pen.time(done.at);
        let (tone, outcome) = done.outcome.clone().unwrap_or((Tone::Dim, "not known yet".to_owned()));
        let spans =
            [(format!("{time:>11}  "), Tone::Dim), (format!("{}: ", done.what), Tone::Text), (outcome, tone)];
        pen.spans(inside.x, y, inside.width, &spans);
        if place == at {
            pen.select(Rect { y, height: 1, ..inside });
        }
    }
}

fn leave(pen: &mut Pen<'_>, body: Rect) {
    let open = open_orders(pen.model);
    let height = u16::try_from(open.len()).unwrap_or(u16::MAX).saturating_add(4);
    let inside = pen.window(middle(body, 76, height), "Leave? There is no daemon for what was ordered");
    // The answer is always in sight.
    let Some(answer) = inside.height.checked_sub(1).map(|last| inside.y + last) else { return };
    for (y, left) in (inside.y..answer).zip(&open) {
        let (how, tone) = if left.sent { ("not known:", Tone::Bad) } else { ("not sent:", Tone::Warn) };
        let spans = [(format!("{how} "), tone), (left.what.clone(), Tone::Text)];
        pen.spans(inside.x, y, inside.width, &spans);
    }
    let hint = "q or y leaves without it, esc stays until it is sent";
    pen.text(inside.x, answer, inside.width, hint, Tone::Key);
}

fn told(pen: &mut Pen<'_>, body: Rect, title: &str, lines: &[String], top: usize) {
    let wanted = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(3);
    let inside = pen.window(middle(body, 110, wanted), title);
    let room = usize::from(inside.height.saturating_sub(1));
    let top = top.min(lines.len().saturating_sub(room));
    for (place, text) in lines.iter().skip(top).take(room).enumerate() {
        let y = inside.y + u16::try_from(place).unwrap_or(0);
        pen.text(inside.x, y, inside.width, text, Tone::Text);
    }
    if inside.height > 0 {
        let y = inside.bottom() - 1;
        pen.text(inside.x, y, inside.width, "y copies it, esc leaves", Tone::Dim);
    }
}

fn question(pen: &mut Pen<'_>, body: Rect, confirm: &Confirm) {
    let named: Vec<String> = match &confirm.deed {
        Deed::Jobs { jobs, .. } if jobs.len() > 1 => {
            let shown = jobs.iter().take(NAMED_MAX).map(|target| format!("{} {}", target.job, target.title));
            let more = jobs.len().saturating_sub(NAMED_MAX);
            let more = (more > 0).then(|| format!("and {more} more"));
            shown.chain(more).collect()
        }
        Deed::Jobs { .. }
        | Deed::Matching { .. }
        | Deed::Post { .. }
        | Deed::Register { .. }
        | Deed::Update { .. }
        | Deed::Agent { .. }
        | Deed::Hold { .. }
        | Deed::TestAgent { .. }
        | Deed::Engine { .. }
        | Deed::Replay { .. }
        | Deed::Reveal { .. } => Vec::new(),
    };
    let lines = named.len() + confirm.fields.len() + usize::from(confirm.typed.is_some()) + 6;
    let area = middle(body, 76, u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2));
    let inside = pen.window(area, &confirm.title);
    let mut y = inside.y;
    let bottom = inside.bottom();
    // The answer is always in sight; what is above it goes where there is no room.
    let buttons = bottom.saturating_sub(1);
    pen.text(inside.x, y, inside.width, &confirm.effect, Tone::Text);
    y += 1;
    if y + 1 < buttons {
        pen.text(inside.x, y, inside.width, &confirm.back, Tone::Dim);
        y += 1;
    }
    for name in &named {
        if y + 3 >= buttons {
            break;
        }
        pen.text(inside.x + 2, y, inside.width.saturating_sub(2), name, Tone::Dim);
        y += 1;
    }
    let focus = confirm.focused();
    for (place, field) in confirm.fields.iter().enumerate() {
        if y >= buttons {
            break;
        }
        let needed = if field.required { "*" } else { "" };
        let focused = focus == Focus::Field(place);
        pen.text(
            inside.x,
            y,
            17,
            &format!("{}{needed}:", field.label),
            if focused { Tone::Key } else { Tone::Text },
        );
        let box_area = Rect { x: inside.x + 18, y, width: inside.width.saturating_sub(18), height: 1 };
        if field.input.value().is_empty() {
            pen.text(box_area.x + 1, y, box_area.width.saturating_sub(1), field.hint, Tone::Dim);
        }
        line(pen, box_area, &field.input, focused);
        y += 1;
    }
    if let Some((count, input)) = &confirm.typed
        && y < buttons
    {
        let focused = focus == Focus::Number;
        let label = format!("Type {count} to go on:");
        let used = pen.text(inside.x, y, inside.width, &label, if focused { Tone::Key } else { Tone::Warn });
        let box_area =
            Rect { x: inside.x + used + 1, y, width: inside.width.saturating_sub(used + 1), height: 1 };
        line(pen, box_area, input, focused);
        y += 1;
    }
    if let Some(trouble) = &confirm.trouble
        && y < buttons
    {
        let sign = pen.sign(Sign::Cross);
        pen.text(inside.x, y, inside.width, &format!("{sign} {trouble}"), Tone::Bad);
    }
    let mut x = inside.x;
    for (name, part) in [(" No, leave it ", Focus::No), (" Yes, do it ", Focus::Yes)] {
        let used = pen.text(x, buttons, inside.right().saturating_sub(x), name, Tone::Key);
        if focus == part {
            pen.select(Rect { x, y: buttons, width: used, height: 1 });
        }
        x += used + 2;
    }
    pen.text(
        x,
        buttons,
        inside.right().saturating_sub(x),
        "tab goes on, esc leaves, ctrl-y as command",
        Tone::Dim,
    );
}
