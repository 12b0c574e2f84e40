//! `overview`: how the marketplace is.

use crate::fault::Fault;
use crate::session::{Session, clock};
use guildhall_protocol::agent::Health;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::overview::{MarketOverview, OldestJob, Overview, OverviewOf, Spread, WAITING_MAX};
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::wire::Wire;
use std::time::Duration;

pub(crate) async fn run(session: &Session) -> Result<(), Fault> {
    let overview = session.call(|service, context| async move { service.overview(context).await }).await?;
    session.answer(&overview, show)
}

fn show(overview: &Overview) -> String {
    let mut text = String::new();
    let mut line = |name: &str, told: &str| text.push_str(&format!("{name:<9} {told}\n"));
    let jobs: Vec<String> =
        overview.jobs.iter().map(|(state, count)| format!("{count} {}", clean_line(state))).collect();
    let more = match (overview.jobs_exact, &overview.of) {
        (true, _) => "",
        (false, Wire::Known(OverviewOf::Place)) => ", or more",
        (false, _) => ", of the newest",
    };
    let jobs = if jobs.is_empty() { "none yet".to_owned() } else { jobs.join(", ") + more };
    line("jobs", &jobs);
    let at = overview.at;
    line("ready", &oldest(overview.oldest_ready, at));
    line("open", &oldest(overview.oldest_open, at));
    let waiting = &overview.waiting;
    let counts = [
        (waiting.questions, "questions"),
        (waiting.reviews, "reviews"),
        (waiting.disputes, "disputes"),
        (waiting.held, "held"),
        (waiting.appeals, "complaints and contests"),
        (waiting.approvals, "agents to approve"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{} {what}", at_least(*count))).collect();
    let nobody = || "nobody is waited for".to_owned();
    line("people", &if counts.is_empty() { nobody() } else { counts.join(", ") });
    if let Some(market) = &overview.market {
        text.push_str(&show_market(market, at));
    }
    text
}

fn show_market(market: &MarketOverview, now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |name: &str, told: String| text.push_str(&format!("{name:<9} {told}\n"));
    let rate = market.series.per_second(now);
    let since = clock(market.series.since);
    line(
        "rate",
        format!(
            "{:.1}/s posted, {:.1}/s completed, {:.1}/s failed; counted since {since}",
            rate.posted, rate.completed, rate.failed
        ),
    );
    let newest = |of: fn(&guildhall_protocol::overview::Bucket) -> Option<Spread>| {
        let spread = market.series.buckets.iter().rev().find_map(of);
        spread.map_or_else(|| "nothing lately".to_owned(), tell_spread)
    };
    line("wait", newest(|bucket| bucket.wait));
    line("run", newest(|bucket| bucket.run));
    let agents = &market.agents;
    line(
        "agents",
        format!(
            "{} of {} active, {} of {} slots used",
            agents.active, agents.agents, agents.used, agents.slots
        ),
    );
    let busiest: Vec<String> =
        agents.busiest.iter().map(|load| format!("{} {}/{}", load.name, load.used, load.slots)).collect();
    if !busiest.is_empty() {
        line("busiest", busiest.join(", "));
    }
    for (name, health) in &agents.troubled {
        line("trouble", format!("{name}: {}", tell_health(health)));
    }
    let failures: Vec<String> = market.failures.iter().map(|(how, count)| format!("{count} {how}")).collect();
    line(
        "failures",
        if failures.is_empty() { "none within the hour".to_owned() } else { failures.join(", ") },
    );
    if let Some(models) = &market.models {
        let limit = models.limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        let off = if models.on { "" } else { "; switched off" };
        line("models", format!("{}{limit} today{off}", models.spent));
    }
    let notices = &market.notices;
    line("notices", format!("{} due, {} given up", at_least(notices.due), at_least(notices.undeliverable)));
    if market.paused {
        line("paused", "no new attempts are started: `guildhall engine resume`".to_owned());
    }
    if market.draining {
        line("ending", "the daemon is shutting down".to_owned());
    }
    text
}

fn oldest(oldest: Option<OldestJob>, now: Timestamp) -> String {
    oldest.map_or_else(
        || "none waits".to_owned(),
        |oldest| {
            format!("job {} for longest: posted {} ago", oldest.job, show_span(now.since(oldest.posted_at)))
        },
    )
}

/// A circuit in words.
fn tell_health(health: &Wire<Health>) -> String {
    match health {
        Wire::Known(Health::Closed) => "all is well".to_owned(),
        Wire::Known(Health::Open(until)) => format!("gets no jobs until {}", clock(*until)),
        Wire::Known(Health::HalfOpen) => "one job decides".to_owned(),
        Wire::Known(Health::Quarantined) => {
            "gets no jobs until it is tested: `guildhall agent test`".to_owned()
        }
        Wire::Unknown(text) => clean_line(text),
    }
}

fn at_least(count: u64) -> String {
    if count >= WAITING_MAX { format!("{count} or more") } else { count.to_string() }
}

fn tell_spread(spread: Spread) -> String {
    let span = |ms| show_span(Duration::from_millis(ms));
    format!(
        "half within {}, 19 of 20 within {} ({} lately)",
        span(spread.p50_ms),
        span(spread.p95_ms),
        spread.count
    )
}
