//! Is it healthy? Counts, waits, rates and troubles on one page; each line opens what it is about.

use super::list::{Empty, nothing};
use crate::dash::layout::{Width, parts};
use crate::dash::model::Model;
use crate::dash::pen::{Pen, Span};
use crate::dash::row::Row;
use crate::dash::theme::{Sign, Tone, of_agent, of_job};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::overview::{MarketOverview, Overview, Series, Waiting};
use guildhall_protocol::state::JOB_STATES;
use guildhall_protocol::time::show_span;
use ratatui::layout::Rect;
use std::time::Duration;

/// What a line opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    /// The jobs that fit this filter.
    Jobs(String),
    Inbox,
    Notices,
    Agents,
    Job(guildhall_protocol::ids::JobId),
    Agent(guildhall_protocol::agent::AgentName),
    Nothing,
}

/// A line: what it says, and what it opens.
pub(crate) struct Line {
    spans: Vec<Span>,
    pub(crate) opens: Opens,
}

/// Lines of pictures and rates above the list.
const PICTURES: u16 = 6;

/// Lines that are shown at a time.
pub(crate) fn list_height(model: &Model) -> usize {
    let body = parts(Rect::new(0, 0, model.size.0, model.size.1)).body;
    usize::from(body.height - pictures(body)).max(1)
}

fn pictures(body: Rect) -> u16 {
    if body.height >= 16 && Width::of(body.width) >= Width::Narrow { PICTURES } else { 0 }
}

pub(super) fn rows(model: &Model) -> Vec<Row> {
    (0..lines(model, None).len()).map(Row::Line).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let Some(overview) = &model.data.overview.value else {
        let trouble = model.data.overview.trouble.as_ref();
        nothing(pen, area, &Empty { loaded: false, trouble, says: "" });
        return;
    };
    let top = pictures(area);
    if let Some(market) = &overview.market
        && top > 0
    {
        paint_market(pen, Rect { height: top, ..area }, market);
    } else if top > 0 {
        pen.rule(Rect { height: 1, ..area }, "Yours");
    }
    let lines = lines(model, Some(pen));
    let list = Rect { y: area.y + top, height: area.height - top, ..area };
    let cursor = model.cursor();
    for line in 0..list.height {
        let at = cursor.top + usize::from(line);
        let Some(told) = lines.get(at) else { break };
        let whole = Rect { y: list.y + line, height: 1, ..list };
        pen.spans(whole.x + 1, whole.y, whole.width.saturating_sub(1), &told.spans);
        if at == cursor.at {
            pen.select(whole);
        }
        pen.hit(whole, crate::dash::msg::Hit::Row(Row::Line(at)));
    }
}

/// All lines; without a pen, times are left out.
pub(crate) fn lines(model: &Model, mut pen: Option<&mut Pen<'_>>) -> Vec<Line> {
    let Some(overview) = &model.data.overview.value else { return Vec::new() };
    let mut lines = Vec::new();
    counts(model, overview, &mut lines);
    let mut age = |at| pen.as_mut().map_or_else(String::new, |pen| pen.age(at));
    for (oldest, what) in [(overview.oldest_ready, "ready for a pick"), (overview.oldest_open, "open")] {
        if let Some(oldest) = oldest {
            let text = format!("longest {what}: {} for {}", oldest.job, age(oldest.posted_at));
            lines.push(Line { spans: vec![(text, Tone::Text)], opens: Opens::Job(oldest.job) });
        }
    }
    waiting(overview.waiting, &mut lines);
    if let Some(market) = &overview.market {
        troubles(model, market, &mut lines);
    }
    lines
}

fn counts(model: &Model, overview: &Overview, lines: &mut Vec<Line>) {
    let total: u64 = overview.jobs.iter().map(|(_, count)| count).sum();
    let most = overview.jobs.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (name, count) in &overview.jobs {
        let state = JOB_STATES.iter().find(|state| state.name() == name);
        let (sign, tone) = of_job(state);
        let (full, _) = model.theme.gauge();
        let share = usize::try_from(count.saturating_mul(20) / most).unwrap_or(0);
        lines.push(Line {
            spans: vec![
                (format!("{} ", model.theme.sign(sign)), tone),
                (format!("{name:<15}"), Tone::Text),
                (format!("{count:>10}  "), tone),
                (full.repeat(share), tone),
            ],
            opens: Opens::Jobs(format!("state:{name}")),
        });
    }
    if total == 0 {
        let text = "no jobs yet: post one with `guildhall job post`".to_owned();
        lines.push(Line { spans: vec![(text, Tone::Dim)], opens: Opens::Nothing });
    } else if !overview.jobs_exact {
        let text = "not all of them are counted".to_owned();
        lines.push(Line { spans: vec![(text, Tone::Dim)], opens: Opens::Nothing });
    }
}

fn waiting(waiting: Waiting, lines: &mut Vec<Line>) {
    let asked = [
        (waiting.disputes, "answers for an operator to decide", Opens::Inbox),
        (waiting.held, "held jobs", Opens::Jobs("state:held".to_owned())),
        (waiting.appeals, "complaints and contests", Opens::Inbox),
        (waiting.approvals, "agents to approve", Opens::Inbox),
        (waiting.reviews, "answers that clients review", Opens::Jobs("state:in_review".to_owned())),
        (waiting.questions, "questions to clients", Opens::Jobs("state:input_required".to_owned())),
    ];
    for (count, what, opens) in asked {
        if count > 0 {
            lines.push(Line { spans: vec![(format!("{count} {what}"), Tone::Warn)], opens });
        }
    }
}

fn troubles(model: &Model, market: &MarketOverview, lines: &mut Vec<Line>) {
    let mut say = |text: String, tone, opens| lines.push(Line { spans: vec![(text, tone)], opens });
    for (ended, count) in &market.failures {
        say(
            format!("{count} attempts {ended} within the hour"),
            Tone::Bad,
            Opens::Jobs(format!("ended:{ended}")),
        );
    }
    let notices = market.notices;
    if notices.undeliverable > 0 {
        say(format!("{} notices that no channel took", notices.undeliverable), Tone::Bad, Opens::Notices);
    }
    if notices.due > 0 {
        say(format!("{} notices to be told", notices.due), Tone::Text, Opens::Notices);
    }
    let agents = &market.agents;
    let breakers = agents.breakers;
    say(
        format!(
            "{} of {} agents active, {} of {} slots in use; circuits: {} well, {} on trial, {} open, {} in quarantine",
            agents.active,
            agents.agents,
            agents.used,
            agents.slots,
            breakers.closed,
            breakers.half_open,
            breakers.open,
            breakers.quarantined
        ),
        Tone::Text,
        Opens::Agents,
    );
    for (name, health) in &agents.troubled {
        let (sign, tone) = of_agent(Some(&AgentState::Active), health.known());
        let how = match health.known() {
            Some(Health::Closed) => "is well",
            Some(Health::Open(_)) => "gets no jobs for a while: its circuit is open",
            Some(Health::HalfOpen) => "is on trial",
            Some(Health::Quarantined) => "is in quarantine until somebody tests it",
            None => "is as this version does not know",
        };
        let text = format!("{} {name} {how}", model.theme.sign(sign));
        say(text, tone, Opens::Agent(name.clone()));
    }
    for load in &agents.busiest {
        let (full, empty) = model.theme.gauge();
        let share =
            |part: u32| usize::try_from(u64::from(part) * 10 / u64::from(load.slots.max(1))).unwrap_or(0);
        let used = share(load.used).min(10);
        let bar = format!("{}{}", full.repeat(used), empty.repeat(10 - used));
        say(
            format!("{bar} {:>3}/{:<3} {}", load.used, load.slots, load.name),
            Tone::Text,
            Opens::Agent(load.name.clone()),
        );
    }
}

/// Rates and their last ten minutes as bars, and what models cost.
fn paint_market(pen: &mut Pen<'_>, area: Rect, market: &MarketOverview) {
    let series = &market.series;
    let rate = series.per_second(pen.model.now);
    let since = pen.age(series.since);
    pen.rule(Rect { height: 1, ..area }, &format!("The last ten minutes (counted for {since})"));
    let budget = market.models.map_or_else(
        || "no model is configured".to_owned(),
        |models| {
            let limit = models.limit.map_or_else(String::new, |limit| format!(" of {limit}"));
            let on = if models.on { "" } else { ", switched off" };
            format!("models today {}{limit}{on}", models.spent)
        },
    );
    let spread =
        |pick: fn(&guildhall_protocol::overview::Bucket) -> Option<guildhall_protocol::overview::Spread>| {
            let newest = series.buckets.iter().rev().find_map(pick);
            newest.map_or_else(String::new, |spread| {
                let span = |ms| show_span(Duration::from_millis(ms));
                format!("half within {}, 19 of 20 within {}", span(spread.p50_ms), span(spread.p95_ms))
            })
        };
    let rows: [(&str, String, Tone, Vec<u64>); 4] = [
        ("posted", format!("{:.1}/s", rate.posted), Tone::Text, values(series, |bucket| bucket.posted)),
        (
            "completed",
            format!("{:.1}/s", rate.completed),
            Tone::Good,
            values(series, |bucket| bucket.completed),
        ),
        ("failed", format!("{:.1}/s", rate.failed), Tone::Bad, values(series, |bucket| bucket.failed)),
        (
            "wait",
            spread(|bucket| bucket.wait),
            Tone::Busy,
            values(series, |bucket| bucket.wait.map_or(0, |wait| wait.p95_ms)),
        ),
    ];
    for (place, (name, told, tone, values)) in rows.into_iter().enumerate() {
        let y = area.y + 1 + u16::try_from(place).unwrap_or(0);
        pen.text(area.x + 1, y, 10, name, Tone::Dim);
        bars(
            pen,
            Rect { x: area.x + 12, y, width: 60.min(area.width.saturating_sub(24)), height: 1 },
            &values,
            tone,
        );
        let x = area.x + 13 + 60.min(area.width.saturating_sub(24));
        pen.text(x, y, area.right().saturating_sub(x), &told, tone);
    }
    let run = spread(|bucket| bucket.run);
    let run = if run.is_empty() { String::new() } else { format!("run: {run}   ") };
    let arrow = pen.sign(Sign::Step);
    pen.text(area.x + 1, area.y + 5, area.width, &format!("{arrow} {run}{budget}"), Tone::Dim);
}

fn values(series: &Series, of: fn(&guildhall_protocol::overview::Bucket) -> u64) -> Vec<u64> {
    series.buckets.iter().map(of).collect()
}

/// The newest values as bars, to the right edge.
fn bars(pen: &mut Pen<'_>, area: Rect, values: &[u64], tone: Tone) {
    let most = values.iter().copied().max().unwrap_or(0);
    let heights = pen.model.theme.bars();
    let width = usize::from(area.width);
    let shown = &values[values.len().saturating_sub(width)..];
    let x = area.right() - u16::try_from(shown.len()).unwrap_or(0);
    for (place, value) in shown.iter().enumerate() {
        if *value == 0 {
            continue;
        }
        let height = usize::try_from(value * 7 / most.max(1)).unwrap_or(0).min(7);
        pen.cell(x + u16::try_from(place).unwrap_or(0), area.y, heights[height], tone);
    }
}
