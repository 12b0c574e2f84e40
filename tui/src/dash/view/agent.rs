//! An agent, whole: how it stands, what it did lately, how its circuit went, what it takes and gives, its history.

use super::agents::circuit;
use super::list::{Empty, nothing, wrapped};
use super::whole::over_lines;
use crate::dash::json_tree::JsonTree;
use crate::dash::model::Model;
use crate::dash::msg::Hit;
use crate::dash::pen::{Pen, Span};
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::{Tone, of_agent, of_attempt};
use guildhall_protocol::agent::{AgentName, AgentState, Health};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::narrate::tell_agent;
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::{AgentAttempt, AgentStory};
use ratatui::layout::Rect;
use std::time::Duration;

/// Columns before the lines about the agent.
const ABOUT_INDENT: u16 = 3;

/// A line of the page.
enum Line<'a> {
    Rule(&'static str),
    Attempt(&'a AgentAttempt),
    Circuit(Timestamp, Option<&'a Health>),
    Event(Timestamp, String),
    Text(String, Tone),
}

fn lines(story: &AgentStory, width: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let definition = &story.definition;
    for line in wrapped(&guildhall_protocol::clean::clean(&definition.description), width) {
        lines.push(Line::Text(line, Tone::Text));
    }
    lines.push(Line::Rule("Attempts, newest first"));
    if story.recent.is_empty() {
        lines.push(Line::Text("none yet, or none that you may see".to_owned(), Tone::Dim));
    }
    lines.extend(story.recent.iter().map(Line::Attempt));
    if !story.breaker.is_empty() {
        lines.push(Line::Rule("Its circuit, newest first"));
        lines.extend(story.breaker.iter().rev().map(|(at, health)| Line::Circuit(*at, health.known())));
    }
    for (title, schema) in [("It takes", &definition.input_schema), ("It gives", &definition.output_schema)] {
        let Some(schema) = schema else { continue };
        lines.push(Line::Rule(title));
        let tree = JsonTree::read(schema.as_str());
        lines.extend(tree.text().into_iter().map(|line| Line::Text(line, Tone::Dim)));
    }
    lines.push(Line::Rule("Versions"));
    for (version, made) in &story.versions {
        lines.push(Line::Event(*made, version.to_string()));
    }
    lines.push(Line::Rule("History, newest first"));
    for event in story.events.iter().rev() {
        let told =
            tell_agent(event).unwrap_or_else(|| "something that this version does not know".to_owned());
        lines.push(Line::Event(event.at, told));
    }
    lines
}

/// Lines that are shown at a time.
pub(crate) fn list_height(model: &Model) -> usize {
    let body = model.parts().body;
    let story = if let Screen::Agent(name) = model.screen() { model.data.agent(name) } else { None };
    usize::from(body.height - story.map_or(0, |story| about(story, body))).max(1)
}

/// How many lines about the agent stay in sight: half of the room at most.
fn about(story: &AgentStory, body: Rect) -> u16 {
    let lines = u16::try_from(about_lines(story, body.width).len()).unwrap_or(u16::MAX);
    lines.saturating_add(1).min(body.height / 2)
}

fn text_width(width: u16) -> usize {
    usize::from(width.saturating_sub(2)).max(1)
}

pub(super) fn rows(model: &Model, name: &AgentName) -> Vec<Row> {
    let Some(story) = model.data.agent(name) else { return Vec::new() };
    let row = |(place, line): (usize, &Line<'_>)| match line {
        Line::Attempt(attempt) => Row::Attempt(attempt.job, attempt.number),
        Line::Rule(_) => Row::Heading(place),
        Line::Circuit(..) | Line::Event(..) | Line::Text(..) => Row::Line(place),
    };
    lines(story, text_width(model.size.0)).iter().enumerate().map(row).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect, name: &AgentName) {
    let model = pen.model;
    let Some(story) = model.data.agent(name) else {
        nothing(pen, area, &Empty { loaded: false, trouble: model.data.agent_trouble(name), says: "" });
        return;
    };
    let top = about(story, area);
    head(pen, Rect { height: top, ..area }, story);
    let body = Rect { y: area.y + top, height: area.height - top, ..area };
    let lines = lines(story, text_width(area.width));
    let cursor = model.cursor();
    for line in 0..body.height {
        let at = cursor.top + usize::from(line);
        let Some(told) = lines.get(at) else { break };
        let whole = Rect { y: body.y + line, height: 1, ..body };
        paint_line(pen, whole, told);
        if at == cursor.at {
            pen.select(whole);
        }
        if let Line::Attempt(attempt) = told {
            pen.hit(whole, Hit::Row(Row::Attempt(attempt.job, attempt.number)));
        }
    }
}

fn paint_line(pen: &mut Pen<'_>, area: Rect, line: &Line<'_>) {
    let spans: Vec<Span> = match line {
        Line::Rule(title) => return pen.rule(area, title),
        Line::Attempt(attempt) => {
            let (sign, tone) = of_attempt(attempt.state.known());
            let begun = pen.time(attempt.started_at);
            let end = attempt.answered_at.or(attempt.ended_at);
            let took =
                end.map_or_else(|| "still at it".to_owned(), |end| show_span(end.since(attempt.started_at)));
            vec![
                (format!("{begun:>11} "), Tone::Dim),
                (format!("{} ", pen.sign(sign)), tone),
                (format!("{:<14}", attempt.state.to_string()), tone),
                (format!("{took:>11}  "), Tone::Text),
                (format!("{}.{} {}", attempt.job, attempt.number.0, attempt.version), Tone::Text),
            ]
        }
        Line::Circuit(at, health) => {
            let time = pen.time(*at);
            let (told, tone) = match health {
                Some(Health::Closed) => ("well", Tone::Good),
                Some(Health::Open(_)) => ("open: no jobs for a while", Tone::Bad),
                Some(Health::HalfOpen) => ("on trial: one job decides", Tone::Warn),
                Some(Health::Quarantined) => ("in quarantine", Tone::Bad),
                None => ("as this version does not know", Tone::Dim),
            };
            vec![(format!("{time:>11} "), Tone::Dim), (told.to_owned(), tone)]
        }
        Line::Event(at, told) => {
            let time = pen.time(*at);
            vec![(format!("{time:>11} "), Tone::Dim), (told.clone(), Tone::Text)]
        }
        Line::Text(text, tone) => vec![(text.clone(), *tone)],
    };
    pen.spans(area.x + 1, area.y, area.width.saturating_sub(1), &spans);
}

fn head(pen: &mut Pen<'_>, area: Rect, story: &AgentStory) {
    let head = &story.head;
    let (sign, tone) = of_agent(head.state.known(), head.health.known());
    let state = head.state.known().map_or_else(|| head.state.to_string(), AgentState::to_string);
    let circuit = circuit(pen, head.health.known());
    let first = [
        (format!(" {} ", pen.sign(sign)), tone),
        (format!("{} {}  ", head.name, head.version), Tone::Title),
        (state, tone),
        (format!("  circuit {}", circuit.0), circuit.1),
    ];
    if area.height > 0 {
        pen.spans(area.x, area.y, area.width, &first);
    }
    for (place, line) in (1..area.height).zip(about_lines(story, area.width)) {
        pen.text(
            area.x + ABOUT_INDENT,
            area.y + place,
            area.width.saturating_sub(ABOUT_INDENT),
            &line,
            Tone::Dim,
        );
    }
}

/// Its numbers and whose it is, over as many lines as they take.
fn about_lines(story: &AgentStory, width: u16) -> Vec<String> {
    let (head, definition, record) = (&story.head, &story.definition, story.head.record);
    let width = usize::from(width.saturating_sub(ABOUT_INDENT));
    let took = record
        .answer_ms
        .map_or_else(String::new, |ms| format!("answers in {}", show_span(Duration::from_millis(ms))));
    let share = match story.share.all {
        0 => String::new(),
        all => format!("{} % of all work", story.share.own * 100 / all),
    };
    let numbers = [
        format!("{}/{} slots", head.running, head.concurrency),
        format!("{} passed", record.passed),
        format!("{} failed", record.failed),
        format!("{} declined", record.declined),
        format!("{} unreachable", record.unreachable),
        took,
        share,
    ];
    let tags = if definition.tags.is_empty() {
        String::new()
    } else {
        format!("tags {}", definition.tags.join(", "))
    };
    let audience = format!("for {:?}", head.audience).to_lowercase();
    let owner = [format!("of user {}", head.owner.0), audience, clean_line(&definition.endpoint), tags];
    let mut lines = over_lines(&numbers, ", ", width);
    lines.extend(over_lines(&owner, "  ", width));
    lines
}
