//! A form over the whole screen: each field with its label, what is typed, and what is wrong with it.

use super::list::wrapped;
use super::overlays::line;
use crate::dash::chord::Chord;
use crate::dash::form::field::{Field, Shown};
use crate::dash::form::{Form, Look};
use crate::dash::msg::Hit;
use crate::dash::pen::{Pen, Span};
use crate::dash::theme::{Sign, Tone};
use crate::dash::update::form_keys;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::view::Preview;
use ratatui::layout::Rect;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Most lines of a text that is not written into at the moment, and of the one that is.
const LINES_AT_REST: usize = 3;
const LINES_AT_WORK: usize = 10;
/// Columns of a label beside its field.
const LABEL: u16 = 20;
/// From this width on, labels stand beside their fields.
const BESIDE_FROM: u16 = 70;
/// Letters of one line around the cursor that are looked at.
const NEAR: usize = 4_000;

/// How the fields are laid out.
#[derive(Clone, Copy)]
struct Plan {
    /// Whether labels stand above their fields.
    above: bool,
    width: u16,
    /// Most lines of the text with the focus.
    most: usize,
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let inside = pen.window(area, &form.title());
    if inside.height == 0 || inside.width == 0 {
        return;
    }
    let (said, tone) = says(pen, form);
    // What is wrong is worth a third of the room, the keys a line where there are five.
    let most = usize::from(inside.height / 3).clamp(1, 4);
    let mut said = wrapped(&clean_line(&said), usize::from(inside.width));
    said.truncate(most);
    let line = u16::from(inside.height >= 5);
    let foot = (at(said.len().max(1)) + line).min(inside.height);
    let body = Rect { height: inside.height - foot, ..inside };
    match &form.look {
        Look::Shown { preview, top } => {
            let lines = match preview {
                Ok(preview) => told(preview, body.width),
                Err(error) => vec![(clean_line(&error.to_string()), Tone::Bad)],
            };
            let top = (*top).min(lines.len().saturating_sub(usize::from(body.height)));
            for (place, (text, tone)) in lines.iter().skip(top).take(usize::from(body.height)).enumerate() {
                pen.text(body.x, body.y + at(place), body.width, text, *tone);
            }
        }
        Look::None | Look::Asked => fields(pen, body, form),
    }
    for (place, text) in said.iter().enumerate() {
        pen.text(body.x, body.bottom() + at(place), body.width, text, tone);
    }
    if line > 0 {
        keys(pen, Rect { y: inside.bottom() - 1, height: 1, ..inside }, form);
    }
}

/// What is wrong or good to know.
fn says(pen: &Pen<'_>, form: &Form) -> Span {
    let cross = pen.sign(Sign::Cross);
    match (&form.trouble, &form.look) {
        (Some(trouble), _) => (format!("{cross} {trouble}"), Tone::Bad),
        (None, Look::Asked) => ("asking who would get it ...".to_owned(), Tone::Dim),
        (None, _) if form.sending.is_some() => ("it is on its way ...".to_owned(), Tone::Warn),
        (None, _) if form.waits && pen.model.link.is_live() => match &form.note {
            Some(why) => (format!("{cross} what it begins with cannot be read: {why}"), Tone::Bad),
            None => ("reading what it begins with ...".to_owned(), Tone::Warn),
        },
        (None, _) if !pen.model.link.is_live() => {
            ("there is no daemon at the moment; what you write is kept".to_owned(), Tone::Warn)
        }
        (None, _) => (form.note.clone().unwrap_or_default(), Tone::Accent),
    }
}

/// What the keys do, and which field it is of how many.
fn keys(pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let count = format!(" {} of {} ", form.focus + 1, form.fields.len());
    let mut x = area.x;
    let room = area.right().saturating_sub(at(count.width()));
    for (key, does) in form_keys(form) {
        let width = at(key.width() + 1 + does.width());
        if x + width > room {
            break;
        }
        let begin = x;
        x += pen.text(x, area.y, width, key, Tone::Key) + 1;
        x += pen.text(x, area.y, width, does, Tone::Dim);
        if let Ok(chord) = key.parse::<Chord>() {
            pen.hit(Rect { x: begin, width: x - begin, ..area }, Hit::Key(chord.into()));
        }
        x += 2;
    }
    pen.right(area, &count, Tone::Dim);
}

fn fields(pen: &mut Pen<'_>, area: Rect, form: &Form) {
    if area.height == 0 {
        return;
    }
    let above = area.width < BESIDE_FROM;
    let width = if above { area.width } else { area.width.saturating_sub(LABEL + 1) };
    let most = LINES_AT_WORK.min(usize::from(area.height).saturating_sub(2)).max(1);
    let plan = Plan { above, width, most };
    let height = |place: usize| height(&form.fields[place], plan, place == form.focus);
    // As many fields before the focus as there is room for, and the one after it.
    let room = usize::from(area.height);
    let next = if form.focus + 1 < form.fields.len() { height(form.focus + 1) } else { 0 };
    let mut used = height(form.focus).min(room);
    let mut top = form.focus;
    let spare = if used + next <= room { next } else { 0 };
    while top > 0 && used + spare + height(top - 1) <= room {
        top -= 1;
        used += height(top);
    }
    let mut y = area.y;
    for (place, one) in form.fields.iter().enumerate().skip(top) {
        let left = area.bottom().saturating_sub(y);
        if left == 0 {
            break;
        }
        let tall = at(height(place)).min(left);
        let whole = Rect { y, height: tall, ..area };
        pen.hit(whole, Hit::Field(place));
        field(pen, whole, (place, one), plan, place == form.focus);
        y += tall;
    }
}

fn at(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

/// Lines of the value of a field.
fn lines(field: &Field, plan: Plan, focused: bool) -> usize {
    match field.shown() {
        Shown::Text(lines, cursor) => {
            let most = if focused { plan.most } else { LINES_AT_REST };
            rows(lines, cursor, usize::from(plan.width), most, focused)
                .0
                .len()
                .clamp(if focused { 3.min(most) } else { 1 }, most)
        }
        Shown::Line(_) | Shown::Choice(..) => 1,
    }
}

/// Lines of a field with its label, and what is said below it.
fn height(field: &Field, plan: Plan, focused: bool) -> usize {
    let below = usize::from(field.error.is_some() || (focused && !field.hint.is_empty()));
    usize::from(plan.above) + lines(field, plan, focused) + below
}

fn field(pen: &mut Pen<'_>, area: Rect, (place, field): (usize, &Field), plan: Plan, focused: bool) {
    let needed = if field.required { "*" } else { "" };
    let tone = if focused { Tone::Key } else { Tone::Text };
    let label = format!("{}{needed}", field.label);
    let width = if plan.above { area.width } else { LABEL };
    pen.text(area.x, area.y, width, &label, tone);
    let below = u16::from(field.error.is_some() || (focused && !field.hint.is_empty()));
    let head = u16::from(plan.above);
    let x = if plan.above { area.x } else { area.x + LABEL + 1 };
    let value = Rect {
        x,
        y: area.y + head,
        width: area.right().saturating_sub(x),
        height: area.height.saturating_sub(head + below).min(at(lines(field, plan, focused))),
    };
    if value.height > 0 {
        entry(pen, value, (place, field), focused);
    }
    let y = value.bottom();
    if below == 0 || y >= area.bottom() {
        return;
    }
    match &field.error {
        Some(error) => {
            let cross = pen.sign(Sign::Cross);
            pen.text(x, y, value.width, &format!("{cross} {error}"), Tone::Bad);
        }
        None => {
            pen.text(x, y, value.width, &field.hint, Tone::Dim);
        }
    }
}

fn entry(pen: &mut Pen<'_>, area: Rect, (place, field): (usize, &Field), focused: bool) {
    match field.shown() {
        Shown::Line(input) if field.secret => {
            let hidden = "*".repeat(input.value().chars().count().min(usize::from(area.width)));
            let used = pen.text(area.x, area.y, area.width, &hidden, Tone::Text);
            if focused {
                let x = (area.x + used).min(area.right().saturating_sub(1));
                pen.select(Rect { x, width: 1, height: 1, ..area });
            }
        }
        Shown::Line(input) => line(pen, Rect { height: 1, ..area }, input, focused),
        Shown::Choice(options, chosen) if focused => choice(pen, area, place, options, chosen),
        Shown::Choice(options, chosen) => {
            let word = options.get(chosen).map_or("", String::as_str);
            pen.text(area.x, area.y, area.width, word, Tone::Text);
        }
        Shown::Text(lines, cursor) => {
            let (rows, cursor) =
                rows(lines, cursor, usize::from(area.width), usize::from(area.height), focused);
            for (place, row) in rows.iter().enumerate() {
                pen.text(area.x, area.y + at(place), area.width, row, Tone::Text);
            }
            let (row, column) = cursor;
            if focused && at(row) < area.height {
                let x = (area.x + at(column)).min(area.right().saturating_sub(1));
                pen.select(Rect { x, y: area.y + at(row), width: 1, height: 1 });
            }
        }
    }
    if !focused && !field.required && field.is_blank() {
        let dash = pen.sign(Sign::Rule);
        pen.text(area.x, area.y, area.width, dash, Tone::Dim);
    }
}

/// All words of the choice with the focus where there is room, else the chosen one and its place. A click chooses.
fn choice(pen: &mut Pen<'_>, area: Rect, field: usize, options: &[String], chosen: usize) {
    let clean: Vec<String> = options.iter().map(|option| clean_line(option)).collect();
    let all: usize = clean.iter().map(|option| option.width() + 3).sum();
    if all <= usize::from(area.width) {
        let mut x = area.x;
        for (place, option) in clean.iter().enumerate() {
            let tone = if place == chosen { Tone::Key } else { Tone::Dim };
            let used = pen.text(x, area.y, area.right().saturating_sub(x), &format!(" {option} "), tone);
            let word = Rect { x, width: used, height: 1, ..area };
            if place == chosen {
                pen.select(word);
            }
            pen.hit(word, Hit::Choice(field, place));
            x += used + 1;
        }
        return;
    }
    let shown = clean.get(chosen).map_or("", String::as_str);
    let place = format!("  ({} of {}, left and right)", chosen + 1, clean.len());
    let used = pen.spans(area.x, area.y, area.width, &[(shown.to_owned(), Tone::Text), (place, Tone::Dim)]);
    pen.select(Rect { width: used.min(at(shown.width())), height: 1, ..area });
    let next = (chosen + 1) % clean.len().max(1);
    pen.hit(Rect { width: used, height: 1, ..area }, Hit::Choice(field, next));
}

/// The rows of a text that are shown, broken at the width, so that the next letter is among them; and where that stands.
fn rows(
    lines: &[String],
    cursor: (usize, usize),
    width: usize,
    most: usize,
    focused: bool,
) -> (Vec<String>, (usize, usize)) {
    let (width, most) = (width.max(1), most.max(1));
    let (line, column) = if focused { cursor } else { (0, 0) };
    let own = lines.get(line).map_or("", String::as_str);
    let (mut shown, mut at_row, at_column) = broken(own, column, width);
    // What comes after it, then as much before it as there is room for.
    let mut before: Vec<String> = Vec::new();
    let mut upper = line;
    while upper > 0 && before.len() + at_row + 1 < most {
        upper -= 1;
        let mut rows = broken(&lines[upper], 0, width).0;
        rows.append(&mut before);
        before = rows;
    }
    at_row += before.len();
    before.append(&mut shown);
    let mut rows = before;
    for lower in lines.iter().skip(line + 1) {
        if rows.len() >= at_row + most {
            break;
        }
        rows.extend(broken(lower, 0, width).0);
    }
    // Not more than there is room for, with the row of the next letter.
    let top = (at_row + 1).saturating_sub(most);
    let top = if focused { top } else { 0 };
    let rows: Vec<String> = rows.into_iter().skip(top).take(most).collect();
    (rows, (at_row.saturating_sub(top), at_column))
}

/// One line broken at the width, and the row and column of a letter of it. Of a line that is very long, the part around it.
fn broken(line: &str, column: usize, width: usize) -> (Vec<String>, usize, usize) {
    let skipped = column.saturating_sub(NEAR);
    let mut rows = vec![String::new()];
    let (mut used, mut place) = (0, None);
    for (number, letter) in line.chars().enumerate().skip(skipped).take(NEAR * 2) {
        let letter = if letter == '\t' { ' ' } else { letter };
        let wide = letter.width().unwrap_or(0);
        if used + wide > width {
            rows.push(String::new());
            used = 0;
        }
        if number == column {
            place = Some((rows.len() - 1, used));
        }
        if let Some(row) = rows.last_mut() {
            row.push(letter);
        }
        used += wide;
    }
    if used >= width && place.is_none() {
        rows.push(String::new());
        used = 0;
    }
    let (row, column) = place.unwrap_or((rows.len() - 1, used));
    (rows, row, column)
}

/// Who would get a job and why, and what may be wrong with it.
fn told(preview: &Preview, width: u16) -> Vec<(String, Tone)> {
    let pick = &preview.pick;
    let mut lines = Vec::new();
    let mut say = |text: &str, indent: usize, tone: Tone| {
        let room = usize::from(width).saturating_sub(indent);
        for line in wrapped(&clean_line(text), room) {
            lines.push((format!("{}{line}", " ".repeat(indent)), tone));
        }
    };
    match &pick.chosen {
        Some(name) => say(&format!("{name} would get it"), 0, Tone::Good),
        None => say("nobody would get it now", 0, Tone::Warn),
    }
    say(&pick.reason, 0, Tone::Text);
    for note in &preview.notes {
        say(&format!("Note: {note}"), 0, Tone::Warn);
    }
    say(&format!("{} of {} agents could take it", pick.eligible, pick.examined), 0, Tone::Dim);
    for candidate in &pick.candidates {
        let factors = &candidate.factors;
        let numbers = format!(
            "{:.2}  {}  relevance {:.2}, past {:.2}, speed {:.2}, free {:.2}",
            candidate.score,
            candidate.name,
            factors.relevance,
            factors.success,
            factors.latency,
            factors.free
        );
        say(&numbers, 2, if pick.chosen.as_ref() == Some(&candidate.name) { Tone::Good } else { Tone::Text });
    }
    for (name, exclusion) in &pick.named {
        let why = exclusion.map_or("could take it", guildhall_protocol::pick::Exclusion::of_one);
        say(&format!("{name} {why}"), 2, Tone::Warn);
    }
    for (exclusion, count) in &pick.excluded {
        say(&format!("{count} {exclusion}"), 2, Tone::Dim);
    }
    if let Some(model) = &pick.model {
        say(&format!("{} says: {}", model.model, model.reason), 0, Tone::Dim);
    }
    say("Nothing is posted yet.", 0, Tone::Accent);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_the_next_letter_is_shown() {
        let lines: Vec<String> = ["one two", "three", "four five six"].map(str::to_owned).to_vec();
        let shown = |cursor, most| rows(&lines, cursor, 4, most, true);
        assert_eq!(shown((0, 5), 9).0, ["one ", "two", "thre", "e", "four", " fiv", "e si", "x"]);
        assert_eq!(shown((0, 5), 9).1, (1, 1));
        let (some, place) = shown((2, 13), 2);
        assert_eq!((some, place), (vec!["e si".to_owned(), "x".to_owned()], (1, 1)));
        assert_eq!(rows(&["x".repeat(1_000_000)], (0, 999_999), 10, 3, true).0.len(), 3);
        assert_eq!(
            rows(&["日本".to_owned()], (0, 2), 3, 3, true),
            (vec!["日".to_owned(), "本".to_owned()], (1, 2))
        );
        assert_eq!(rows(&[], (0, 0), 0, 0, true).0.len(), 1);
    }
}
