//! What passes, in numbers and as bars; and what models cost.

use super::super::whole::fitting;
use super::{Line, Opens, Shape, columns};
use crate::dash::model::Model;
use crate::dash::pen::Pen;
use crate::dash::theme::Tone;
use guildhall_protocol::overview::{Bucket, MarketOverview, ModelBudget, Series, Spread};
use guildhall_protocol::time::{Timestamp, show_span};
use ratatui::layout::Rect;
use std::time::Duration;

/// Columns of the names.
const NAMES: u16 = 11;
/// Columns of the bars: so many where there is room, and with fewer than the least there are none.
const BARS_MAX: usize = 60;
const BARS_MIN: usize = 8;
/// How far back the bars go.
const WITHIN: Duration = Duration::from_mins(10);

/// A rate, or how long something takes.
pub(super) struct Rate {
    name: &'static str,
    /// The number in words, which are never cut.
    told: String,
    tone: Tone,
    /// The newest last.
    values: Vec<u64>,
    /// Columns of its bars.
    bars: u16,
}

/// The lines, under a heading that says of which time they are.
pub(super) fn lines(
    model: &Model,
    market: &MarketOverview,
    age: &mut impl FnMut(Timestamp) -> String,
    lines: &mut Vec<Line>,
) {
    let series = &market.series;
    let title = if series.since > model.now.before(WITHIN) {
        format!("Since the start {} ago", age(series.since))
    } else {
        "The last ten minutes".to_owned()
    };
    lines.push(Line { shape: Shape::Rule(title), opens: Opens::Nothing });
    let rate = series.per_second(model.now);
    let jobs = |filter: &str| Opens::Jobs(filter.to_owned());
    let per_second = |rate: f64| vec![format!("{rate:.1}/s")];
    let ended = "changed<10m sort:changed";
    let completed = jobs(&format!("state:completed {ended}"));
    let failed = jobs(&format!("state:failed,expired {ended}"));
    let waiting = jobs("state:open sort:-posted");
    let rows = [
        (
            "posted",
            per_second(rate.posted),
            Tone::Text,
            values(series, |bucket| bucket.posted),
            jobs("age<10m"),
        ),
        (
            "completed",
            per_second(rate.completed),
            Tone::Good,
            values(series, |bucket| bucket.completed),
            completed,
        ),
        ("failed", per_second(rate.failed), Tone::Bad, values(series, |bucket| bucket.failed), failed),
        (
            "wait",
            spread(series, |bucket| bucket.wait),
            Tone::Busy,
            slowest(series, |bucket| bucket.wait),
            waiting,
        ),
        (
            "run",
            spread(series, |bucket| bucket.run),
            Tone::Busy,
            slowest(series, |bucket| bucket.run),
            Opens::Agents,
        ),
    ];
    let room = columns(model).saturating_sub(usize::from(NAMES));
    let longest = rows.iter().map(|(_, told, ..)| told.join(", ").len() + 1).max().unwrap_or(0);
    let bars = room.saturating_sub(longest).min(BARS_MAX);
    let bars = if bars < BARS_MIN { 0 } else { bars };
    for (name, told, tone, values, opens) in rows {
        let told = fitting(&told, ", ", room - bars);
        let bars = u16::try_from(bars).unwrap_or(0);
        lines.push(Line { shape: Shape::Rate(Rate { name, told, tone, values, bars }), opens });
    }
    lines.push(models(market.models, columns(model)));
}

fn values(series: &Series, of: fn(&Bucket) -> u64) -> Vec<u64> {
    series.buckets.iter().map(of).collect()
}

fn slowest(series: &Series, of: fn(&Bucket) -> Option<Spread>) -> Vec<u64> {
    series.buckets.iter().map(|bucket| of(bucket).map_or(0, |spread| spread.p95_ms)).collect()
}

/// How long it took lately.
fn spread(series: &Series, of: fn(&Bucket) -> Option<Spread>) -> Vec<String> {
    let Some(newest) = series.buckets.iter().rev().find_map(of) else {
        return vec!["none lately".to_owned()];
    };
    let span = |ms| show_span(Duration::from_millis(ms));
    vec![format!("half within {}", span(newest.p50_ms)), format!("19 of 20 within {}", span(newest.p95_ms))]
}

/// What models cost.
fn models(budget: Option<ModelBudget>, width: usize) -> Line {
    let title = "Models";
    let Some(budget) = budget else {
        let lines = vec![
            "No model is configured: agents are chosen by the embedded rank, and what only a model could"
                .to_owned(),
            "judge is reviewed by the client. `guildhall llm status` says how to use one.".to_owned(),
        ];
        return Line::plain("no model is configured", Tone::Dim, Opens::Told { title, lines });
    };
    let limit = budget.limit.map_or_else(String::new, |limit| format!("of {limit}"));
    let on = if budget.on { "" } else { "(switched off)" };
    let parts = [format!("models today {}", budget.spent), limit, on.to_owned()];
    let lines = vec![
        fitting(&parts, " ", usize::MAX),
        "`guildhall llm status` tells which models, and what each costs;".to_owned(),
        "`guildhall llm budget` sets the limit, `guildhall llm on` and `off` switch them.".to_owned(),
    ];
    let tone = if budget.on { Tone::Text } else { Tone::Warn };
    Line::plain(fitting(&parts, " ", width), tone, Opens::Told { title, lines })
}

impl Rate {
    pub(super) fn paint(&self, pen: &mut Pen<'_>, area: Rect) {
        let mut x = area.x + 1;
        pen.text(x, area.y, NAMES - 1, self.name, Tone::Dim);
        x += NAMES;
        if self.bars > 0 {
            bars(pen, Rect { x, width: self.bars, ..area }, &self.values, self.tone);
            x += self.bars + 1;
        }
        pen.text(x, area.y, area.right().saturating_sub(x), &self.told, self.tone);
    }
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
