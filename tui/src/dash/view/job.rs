//! A job, whole: where it stands, its time as a picture, and its parts: attempts with findings, the pick, the answer, the
//! history.

use super::gantt;
use super::jobs::short;
use super::list::{Empty, nothing, paragraph, wrapped};
use crate::dash::json_tree::{JsonTree, Kind};
use crate::dash::layout::{Width, parts};
use crate::dash::model::{Model, PANES, Pane};
use crate::dash::pen::{Pen, Span};
use crate::dash::row::{Cursor, Row};
use crate::dash::screen::Screen;
use crate::dash::theme::{Sign, Tone, of_attempt, of_chained, of_decision, of_job, of_mark};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::narrate::{tell, tell_attempt_state, tell_chained, tell_finding, tell_pick};
use guildhall_protocol::pick::Pick;
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::{JobStory, Sight};
use ratatui::layout::Rect;

/// A part of a line.
#[derive(Clone, Debug)]
enum Part {
    Text(String, Tone),
    At(Timestamp),
    Sign(Sign, Tone),
}

type Line = Vec<Part>;

/// The lines of the job that is shown. They are kept, since breaking all its words for each key would cost more than the rest
/// of a frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    of: Option<Made>,
    pane: Vec<Line>,
    beside: Vec<Line>,
}

/// What lines were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    job: JobId,
    /// How much was read by then.
    taken: u64,
    pane: Pane,
    size: (u16, u16),
}

/// Makes the lines anew if something that they are made of changed.
pub(crate) fn settle(model: &mut Model) {
    let Screen::Job(job) = *model.screen() else { return };
    let Some(story) = model.data.job(job) else { return };
    let of = Some(Made { job, taken: model.data.taken, pane: model.pane, size: model.size });
    if model.lines.of == of {
        return;
    }
    let places = places(body(model), story);
    let width = |area: Rect| usize::from(area.width.saturating_sub(2)).max(1);
    let pane = lines(story, model.pane, width(places.pane));
    let beside = places.beside.map(|beside| lines(story, beside_of(model.pane), width(beside)));
    model.lines = Lines { of, pane, beside: beside.unwrap_or_default() };
}

/// The part that stands beside another one.
fn beside_of(pane: Pane) -> Pane {
    if pane == Pane::History { Pane::Attempts } else { Pane::History }
}

fn body(model: &Model) -> Rect {
    parts(Rect::new(0, 0, model.size.0, model.size.1)).body
}

/// Where things stand.
struct Places {
    summary: Rect,
    gantt: Rect,
    tabs: Rect,
    pane: Rect,
    /// The history beside it, where there is room.
    beside: Option<Rect>,
}

fn places(area: Rect, story: &JobStory) -> Places {
    let line = |y: u16, height: u16| Rect {
        y: area.y + y.min(area.height),
        height: height.min(area.height.saturating_sub(y)),
        ..area
    };
    let summary = if area.height < 12 { 1 } else { 3 };
    let room = area.height.saturating_sub(summary + 1);
    // The picture takes a third at most.
    let picture = gantt::height(story).min(room / 3);
    let picture = if picture < 3 { 0 } else { picture };
    let top = summary + picture;
    let mut pane = line(top + 1, area.height.saturating_sub(top + 1));
    let mut beside = None;
    if Width::of(area.width) >= Width::Huge {
        let half = area.width * 3 / 5;
        beside =
            Some(Rect { x: area.x + half, y: pane.y - 1, width: area.width - half, height: pane.height + 1 });
        pane.width = half - 1;
    }
    Places { summary: line(0, summary), gantt: line(summary, picture), tabs: line(top, 1), pane, beside }
}

/// Lines of the part that are shown at a time.
pub(crate) fn pane_height(model: &Model) -> usize {
    let body = body(model);
    let story = if let Screen::Job(id) = model.screen() { model.data.job(*id) } else { None };
    usize::from(story.map_or(body.height, |story| places(body, story).pane.height)).max(1)
}

pub(super) fn rows(model: &Model, id: JobId) -> Vec<Row> {
    let Some(story) = model.data.job(id) else { return Vec::new() };
    let count = match model.pane {
        Pane::Answer => shown_tree(model, story).map_or(1, |tree| tree.shown().len()),
        Pane::Attempts | Pane::Pick | Pane::History => model.lines.pane.len(),
    };
    (0..count).map(Row::Line).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, id: JobId) {
    let model = pen.model;
    let Some(story) = model.data.job(id) else {
        let trouble = model.data.job_trouble(id);
        nothing(pen, area, &Empty { loaded: false, trouble, says: "" });
        return;
    };
    let places = places(area, story);
    summary(pen, places.summary, story);
    gantt::paint(pen, places.gantt, story);
    tabs(pen, places.tabs, story);
    let cursor = model.cursor();
    if model.pane == Pane::Answer {
        answer(pen, places.pane, story, &cursor);
    } else {
        scroll(pen, places.pane, &model.lines.pane, &cursor);
    }
    if let Some(beside) = places.beside {
        let pane = beside_of(model.pane);
        pen.rule(Rect { height: 1, ..beside }, pane.title());
        let inner = Rect { y: beside.y + 1, height: beside.height - 1, ..beside };
        let lines = &model.lines.beside;
        let top =
            if pane == Pane::History { lines.len().saturating_sub(usize::from(inner.height)) } else { 0 };
        for (line, parts) in lines.iter().skip(top).take(usize::from(inner.height)).enumerate() {
            write(pen, inner, u16::try_from(line).unwrap_or(0), parts);
        }
    }
}

fn summary(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    let head = &story.head;
    let state = head.state.known();
    let (sign, tone) = of_job(state);
    let word = state.map_or_else(|| head.state.to_string(), |state| short(*state).to_owned());
    let title = head.title.clone().unwrap_or_else(|| "(forgotten)".to_owned());
    let first = [
        (format!(" {} ", pen.sign(sign)), tone),
        (format!("{} {word}  ", head.id), tone),
        (title, Tone::Title),
    ];
    pen.spans(area.x, area.y, area.width, &first);
    if area.height < 3 {
        return;
    }
    let label = head.label.as_ref().map_or_else(String::new, |label| format!("  label {label}"));
    let posted = pen.time(head.posted_at);
    let deadline = pen.until(head.deadline);
    let due = match (head.window_ends_at, head.due_at) {
        (Some(window), _) => format!("  window ends in {}", pen.until(window)),
        (None, Some(due)) => format!("  next by itself in {}", pen.until(due)),
        (None, None) => String::new(),
    };
    let time = format!(
        "   client {}  posted {posted}  deadline {deadline}{due}  {} tries  {:?}{label}",
        head.client.0, head.attempts, head.priority,
    );
    pen.text(area.x, area.y + 1, area.width, &time, Tone::Dim);
    let why = match (&story.waiting, story.asked()) {
        _ if story.sight == Sight::Masked => Some((
            "a private job of somebody else: its texts are masked; v shows them, for a reason".to_owned(),
            Tone::Warn,
        )),
        (Some(pick), _) => Some((tell_pick(pick), Tone::Warn)),
        (None, Some(question)) => Some((format!("asks: {}", question.text), Tone::Warn)),
        (None, None) => head.checked_by.map(|by| (format!("checked {by}"), Tone::Dim)),
    };
    if let Some((why, tone)) = why {
        pen.text(area.x + 3, area.y + 2, area.width.saturating_sub(3), &why, tone);
    }
}

fn tabs(pen: &mut Pen<'_>, area: Rect, story: &JobStory) {
    if area.height == 0 {
        return;
    }
    pen.rule(area, "");
    let mut x = area.x + 1;
    for pane in PANES {
        let count = match pane {
            Pane::Attempts => format!(" {}", story.attempts.len()),
            Pane::History => {
                let sign = of_chained(story.chained).map(|(sign, _)| format!(" {}", pen.sign(sign)));
                format!(" {}{}", story.events.len(), sign.unwrap_or_default())
            }
            Pane::Pick | Pane::Answer => String::new(),
        };
        let name = format!(" {}{count} ", pane.title());
        let chosen = pane == pen.model.pane;
        let used = pen.text(
            x,
            area.y,
            area.right().saturating_sub(x),
            &name,
            if chosen { Tone::Title } else { Tone::Dim },
        );
        if chosen {
            pen.select(Rect { x, width: used, ..area });
        }
        x += used + 1;
    }
}

fn scroll(pen: &mut Pen<'_>, area: Rect, lines: &[Line], cursor: &Cursor) {
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

fn write(pen: &mut Pen<'_>, area: Rect, line: u16, parts: &Line) {
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
fn lines(story: &JobStory, pane: Pane, width: usize) -> Vec<Line> {
    match pane {
        Pane::Attempts => attempts(story, width),
        Pane::Pick => picks(story, width),
        Pane::History => history(story, width),
        Pane::Answer => Vec::new(),
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

fn attempts(story: &JobStory, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for view in story.attempts.iter().rev() {
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
            text(format!("  sent {} times", view.tries), Tone::Dim),
        ]);
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
        lines.push(vec![text("no agent has tried it yet; Pick says why", Tone::Dim)]);
    }
    lines
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
        lines.push(vec![text("nobody was chosen yet", Tone::Dim)]);
    }
    lines
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

/// The answer as a tree, if it is the one of this job.
fn shown_tree<'a>(model: &'a Model, story: &JobStory) -> Option<&'a JsonTree> {
    let answer = story.answered()?.answer.as_ref()?;
    if model.data.body != Some((story.head.id, answer.id)) {
        return None;
    }
    model.data.tree.value.as_ref()
}

/// A text with the places marked where it holds what is searched.
fn marked(text: &str, tone: Tone, search: &str) -> Vec<Span> {
    let (lower, search) = (text.to_lowercase(), search.to_lowercase());
    // Where capitals have another length, the places would not be the same.
    if search.is_empty() || lower.len() != text.len() {
        return vec![(text.to_owned(), tone)];
    }
    let mut spans = Vec::new();
    let mut done = 0;
    for (at, found) in lower.match_indices(&search) {
        let (Some(before), Some(inside)) = (text.get(done..at), text.get(at..at + found.len())) else {
            break;
        };
        spans.push((before.to_owned(), tone));
        spans.push((inside.to_owned(), Tone::Found));
        done = at + found.len();
    }
    spans.push((text.get(done..).unwrap_or_default().to_owned(), tone));
    spans
}

fn answer(pen: &mut Pen<'_>, area: Rect, story: &JobStory, cursor: &Cursor) {
    let model = pen.model;
    let Some(tree) = shown_tree(model, story) else {
        let there = story.answered().is_some_and(|view| view.answer.is_some());
        let trouble = model.data.tree.trouble.as_ref();
        let empty = Empty { loaded: !there, trouble, says: "there is no answer yet" };
        nothing(pen, area, &empty);
        return;
    };
    let shown = tree.shown();
    if shown.is_empty() {
        paragraph(pen, area, "the answer is empty", Tone::Dim);
    }
    for line in 0..area.height {
        let at = cursor.top + usize::from(line);
        let Some(place) = shown.get(at) else { break };
        let Some(json) = tree.line(*place) else { break };
        let fold = match (json.members > 0, tree.is_folded(*place)) {
            (true, true) => Some(Sign::Folded),
            (true, false) => Some(Sign::Unfolded),
            (false, _) => None,
        };
        let fold = fold.map_or(" ", |fold| pen.sign(fold));
        let mut spans: Vec<Span> = vec![(format!("{}{fold} ", "  ".repeat(json.depth.min(40))), Tone::Dim)];
        if let Some(key) = &json.key {
            spans.extend(marked(key, Tone::Accent, &model.search));
            spans.push((": ".to_owned(), Tone::Dim));
        }
        let tone = match json.kind {
            Kind::Text => Tone::Text,
            Kind::String => Tone::Good,
            Kind::Number => Tone::Busy,
            Kind::Word => Tone::Warn,
            Kind::Open | Kind::Close => Tone::Dim,
        };
        spans.extend(marked(&json.value, tone, &model.search));
        if tree.is_folded(*place) {
            spans.push((format!(" {} inside", json.members), Tone::Dim));
        }
        let whole = Rect { y: area.y + line, height: 1, ..area };
        pen.spans(area.x + 1, whole.y, area.width.saturating_sub(1), &spans);
        if at == cursor.at {
            pen.select(whole);
            let path = tree.path(*place);
            if !path.is_empty() {
                let tabs = Rect { y: area.y.saturating_sub(1), height: 1, ..area };
                pen.right(tabs, &format!(" {path} "), Tone::Accent);
            }
        }
    }
}
