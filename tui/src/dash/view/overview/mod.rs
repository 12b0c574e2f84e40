//! Is it healthy? Counts, waits, rates and troubles on one page; each line opens what it is about.

mod rates;

use super::list::{Empty, nothing};
use super::whole::{fitting, over_lines};
use crate::dash::layout::Width;
use crate::dash::model::Model;
use crate::dash::msg::Hit;
use crate::dash::pen::{Pen, Span};
use crate::dash::row::Row;
use crate::dash::theme::{Tone, of_agent, of_job};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::overview::{MarketOverview, Overview, Waiting};
use guildhall_protocol::state::JOB_STATES;
use guildhall_protocol::time::Timestamp;
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
    /// Words about it, as there is no list.
    Told {
        title: &'static str,
        lines: Vec<String>,
    },
    Nothing,
}

/// A line: how it looks, and what it opens.
pub(crate) struct Line {
    shape: Shape,
    pub(crate) opens: Opens,
}

enum Shape {
    Rule(String),
    Plain(Vec<Span>),
    Rate(rates::Rate),
}

impl Line {
    fn plain(text: impl Into<String>, tone: Tone, opens: Opens) -> Self {
        Self { shape: Shape::Plain(vec![(text.into(), tone)]), opens }
    }
}

/// Columns of a state and its count, and the most that a gauge behind them takes.
const COUNTS: usize = 29;
const GAUGE_MAX: usize = 20;

/// How far back failures are counted.
const FAILURES_WITHIN: Duration = Duration::from_hours(1);

fn body(model: &Model) -> Rect {
    model.parts().body
}

/// Lines that are shown at a time.
pub(crate) fn list_height(model: &Model) -> usize {
    usize::from(body(model).height).max(1)
}

/// Columns of a line.
fn columns(model: &Model) -> usize {
    usize::from(body(model).width.saturating_sub(1))
}

/// Rates come first where the counts have room below them.
fn rates_first(model: &Model) -> bool {
    let body = body(model);
    body.height >= 16 && Width::of(body.width) >= Width::Narrow
}

pub(super) fn rows(model: &Model) -> Vec<Row> {
    let row = |(at, line): (usize, &Line)| match line.shape {
        Shape::Rule(_) => Row::Heading(at),
        Shape::Plain(_) | Shape::Rate(_) => Row::Line(at),
    };
    lines(model, None).iter().enumerate().map(row).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    if model.data.overview.value.is_none() {
        let trouble = model.data.overview.trouble.as_ref();
        nothing(pen, area, &Empty { loaded: false, trouble, says: "" });
        return;
    }
    let lines = lines(model, Some(pen));
    let cursor = model.cursor();
    for line in 0..area.height {
        let at = cursor.top + usize::from(line);
        let Some(told) = lines.get(at) else { break };
        let whole = Rect { y: area.y + line, height: 1, ..area };
        match &told.shape {
            Shape::Rule(title) => {
                pen.rule(whole, title);
                continue;
            }
            Shape::Plain(spans) => {
                pen.spans(whole.x + 1, whole.y, whole.width.saturating_sub(1), spans);
            }
            Shape::Rate(rate) => rate.paint(pen, whole),
        }
        if at == cursor.at {
            pen.select(whole);
        }
        pen.hit(whole, Hit::Row(Row::Line(at)));
    }
}

/// All lines; without a pen, times are left out.
pub(crate) fn lines(model: &Model, mut pen: Option<&mut Pen<'_>>) -> Vec<Line> {
    let Some(overview) = &model.data.overview.value else { return Vec::new() };
    let mut age = |at| pen.as_mut().map_or_else(String::new, |pen| pen.age(at));
    let mut lines = Vec::new();
    let first = rates_first(model);
    match &overview.market {
        Some(market) if first => rates::lines(model, market, &mut age, &mut lines),
        None if first => lines.push(Line { shape: Shape::Rule("Yours".to_owned()), opens: Opens::Nothing }),
        Some(_) | None => {}
    }
    counts(model, overview, &mut lines);
    for (oldest, what) in [(overview.oldest_ready, "ready"), (overview.oldest_open, "open")] {
        if let Some(oldest) = oldest {
            let text = format!("{what} longest: {} for {}", oldest.job, age(oldest.posted_at));
            lines.push(Line::plain(text, Tone::Text, Opens::Job(oldest.job)));
        }
    }
    waiting(overview.waiting, &mut lines);
    if let Some(market) = &overview.market {
        failures(model, market, &mut age, &mut lines);
        troubles(model, market, &mut lines);
        if !first {
            rates::lines(model, market, &mut age, &mut lines);
        }
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
        let room = columns(model).saturating_sub(COUNTS).min(GAUGE_MAX);
        let share = usize::try_from(count.saturating_mul(room as u64) / most).unwrap_or(0);
        lines.push(Line {
            shape: Shape::Plain(vec![
                (format!("{} ", model.theme.sign(sign)), tone),
                (format!("{name:<15}"), Tone::Text),
                (format!("{count:>10}  "), tone),
                (full.repeat(share), tone),
            ]),
            opens: Opens::Jobs(format!("state:{name}")),
        });
    }
    if total == 0 {
        let text = "no jobs yet: post one with `guildhall job post`";
        lines.push(Line::plain(text, Tone::Dim, Opens::Nothing));
    } else if !overview.jobs_exact {
        lines.push(Line::plain("not all of them are counted", Tone::Dim, Opens::Nothing));
    }
}

/// So many of something, by its names for one and for more.
fn counted(count: u64, names: [&str; 2]) -> String {
    format!("{count} {}", names[usize::from(count != 1)])
}

fn waiting(waiting: Waiting, lines: &mut Vec<Line>) {
    let asked = [
        (waiting.disputes, ["answer", "answers"], " for an operator to decide", Opens::Inbox),
        (waiting.held, ["held job", "held jobs"], "", Opens::Jobs("state:held".to_owned())),
        (waiting.appeals, ["complaint or contest", "complaints and contests"], "", Opens::Inbox),
        (waiting.approvals, ["agent", "agents"], " to approve", Opens::Inbox),
        (waiting.reviews, ["answer", "answers"], " under review", Opens::Jobs("state:in_review".to_owned())),
        (
            waiting.questions,
            ["question", "questions"],
            " to clients",
            Opens::Jobs("state:input_required".to_owned()),
        ),
    ];
    for (count, names, rest, opens) in asked {
        if count > 0 {
            lines.push(Line::plain(format!("{}{rest}", counted(count, names)), Tone::Warn, opens));
        }
    }
}

/// Attempts that ended badly within the hour, or since the daemon started, where that is later: it counts them itself.
fn failures(
    model: &Model,
    market: &MarketOverview,
    age: &mut impl FnMut(Timestamp) -> String,
    lines: &mut Vec<Line>,
) {
    let since = market.series.since;
    let (within, told) = if since > model.now.before(FAILURES_WITHIN) {
        (model.now.since(since), format!("since the start {} ago", age(since)))
    } else {
        (FAILURES_WITHIN, "within the hour".to_owned())
    };
    // A job that had a failed attempt then has changed since.
    let minutes = within.as_secs().div_ceil(60).max(1);
    for (ended, count) in &market.failures {
        let text = fitting(
            &[format!("{} {ended}", counted(*count, ["attempt", "attempts"])), told.clone()],
            " ",
            columns(model),
        );
        lines.push(Line::plain(text, Tone::Bad, Opens::Jobs(format!("ended:{ended} changed<{minutes}m"))));
    }
    if market.failures.is_empty() && within < FAILURES_WITHIN {
        let text = format!("no attempt has failed {told}");
        lines.push(Line::plain(text, Tone::Dim, Opens::Jobs("state:ended changed<1h".to_owned())));
    }
}

fn troubles(model: &Model, market: &MarketOverview, lines: &mut Vec<Line>) {
    let mut say = |text: String, tone, opens| lines.push(Line::plain(text, tone, opens));
    let notices = market.notices;
    if notices.undeliverable > 0 {
        let given_up = counted(notices.undeliverable, ["notice", "notices"]);
        say(format!("{given_up} that no channel took"), Tone::Bad, Opens::Notices);
    }
    if notices.due > 0 {
        let due = counted(notices.due, ["notice", "notices"]);
        say(format!("{due} to be told"), Tone::Text, Opens::Notices);
    }
    let agents = &market.agents;
    let breakers = agents.breakers;
    let used = [
        format!("{} of {} agents active", agents.active, agents.agents),
        format!("{} of {} slots in use", agents.used, agents.slots),
    ];
    let some = |count: u64, what: &str| if count > 0 { format!("{count} {what}") } else { String::new() };
    let circuits = [
        format!("circuits: {} well", breakers.closed),
        some(breakers.open, "open"),
        some(breakers.quarantined, "in quarantine"),
        some(breakers.half_open, "on trial"),
    ];
    for line in [used.as_slice(), &circuits].iter().flat_map(|parts| over_lines(parts, ", ", columns(model)))
    {
        say(line, Tone::Text, Opens::Agents);
    }
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
