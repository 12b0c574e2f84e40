//! How the marketplace is: counters, indexed counts of what has not ended, and what the daemon holds in memory. It costs the
//! same with ten jobs and with a million.

use super::Caller;
use super::errors::store;
use super::session::Sees;
use crate::market::Listing;
use crate::store::{JobsOf, Query, WaitingRecord};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::overview::{
    AgentLoad, AgentsOverview, Breakers, MarketOverview, ModelBudget, NAMED_AGENTS_MAX, NoticesOverview,
    OldestJob, Overview, OverviewOf, WAITING_MAX, Waiting,
};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

/// Newest jobs of one client that are counted by state; jobs of one place that are counted in each state.
const COUNTED_MAX: u32 = 20_000;

impl Caller {
    pub(super) async fn overview_now(&self) -> Result<Overview, ApiError> {
        let now = Timestamp::now();
        let (told, of) = match self.sees() {
            Sees::Everything => (OverviewOf::Market, JobsOf::Everybody),
            Sees::Place => (OverviewOf::Place, JobsOf::Place(self.who.terms.place)),
            Sees::Own => (OverviewOf::Caller, JobsOf::Client(self.who.user)),
        };
        let limit = u32::try_from(WAITING_MAX).unwrap_or(u32::MAX);
        let counts = match of {
            JobsOf::Everybody => Query::Counts,
            JobsOf::Client(client) => Query::CountsOf { client, limit: COUNTED_MAX },
            JobsOf::Place(place) => Query::CountsIn { place, limit: COUNTED_MAX },
        };
        let jobs = self.desk.store().counts(counts).await.map_err(store)?;
        let is_below = |count: u64| count < u64::from(COUNTED_MAX);
        let jobs_exact = match of {
            JobsOf::Everybody => true,
            JobsOf::Client(_) => is_below(jobs.iter().map(|(_, count)| count).sum()),
            JobsOf::Place(_) => jobs.iter().all(|(_, count)| is_below(*count)),
        };
        let waits = Query::Waiting { of, now, limit };
        let waits = self.desk.store().waiting(waits).await.map_err(store)?;
        let oldest = |oldest: Option<(_, _)>| oldest.map(|(job, posted_at)| OldestJob { job, posted_at });
        Ok(Overview {
            at: now,
            of: told.into(),
            jobs,
            jobs_exact,
            oldest_ready: oldest(waits.oldest_ready),
            oldest_open: oldest(waits.oldest_open),
            waiting: self.waiting(&waits),
            market: (told == OverviewOf::Market).then(|| self.market_overview(&waits, now)),
        })
    }

    fn waiting(&self, waits: &WaitingRecord) -> Waiting {
        let mut waiting = Waiting { appeals: waits.appeals, ..Waiting::default() };
        for (state, count) in &waits.jobs {
            let sum = match state {
                JobState::InputRequired(_) => &mut waiting.questions,
                JobState::InReview(Reviewer::Client) => &mut waiting.reviews,
                JobState::InReview(Reviewer::Operator) => &mut waiting.disputes,
                JobState::Held(_) => &mut waiting.held,
                JobState::Open
                | JobState::Assigned
                | JobState::Working
                | JobState::Evaluating
                | JobState::Completed
                | JobState::Failed
                | JobState::Canceled
                | JobState::Expired => continue,
            };
            *sum += count;
        }
        if self.is_operator() {
            let market = self.desk.engine.market();
            let waits = |listing: &&Listing| {
                listing.record.wanted.is_some() && listing.record.state != AgentState::Retired
            };
            waiting.approvals = count(market.all().filter(waits).count());
        }
        waiting
    }

    fn market_overview(&self, waits: &WaitingRecord, now: Timestamp) -> MarketOverview {
        let engine = &self.desk.engine;
        let models = engine.parts().llm.as_ref().map(|llm| {
            let state = llm.state(now);
            ModelBudget { on: state.on, spent: state.spent, limit: state.budgets.day }
        });
        let failures = engine.flow().failures(now).into_iter();
        MarketOverview {
            paused: engine.is_paused(),
            draining: engine.is_draining(),
            series: engine.flow().series(now),
            failures: failures.map(|(how, count)| (how.into(), count)).collect(),
            agents: agents(engine.market().all()),
            models,
            notices: NoticesOverview { due: waits.due, undeliverable: waits.undeliverable },
        }
    }
}

fn agents<'a>(listings: impl Iterator<Item = &'a Listing>) -> AgentsOverview {
    let mut all = AgentsOverview::default();
    let (mut busy, mut troubled): (Vec<&Listing>, Vec<&Listing>) = (Vec::new(), Vec::new());
    for listing in listings.filter(|listing| listing.record.state != AgentState::Retired) {
        let record = &listing.record;
        all.agents += 1;
        all.used += u64::from(listing.running);
        if record.state == AgentState::Active {
            all.active += 1;
            all.slots += u64::from(record.concurrency);
        }
        if listing.running > 0 {
            busy.push(listing);
        }
        *breaker(&mut all.breakers, record.health) += 1;
        if record.health != Health::Closed {
            troubled.push(listing);
        }
    }
    busy.sort_by(|a, b| b.running.cmp(&a.running).then_with(|| a.record.name.cmp(&b.record.name)));
    let load = |listing: &&Listing| AgentLoad {
        name: listing.record.name.clone(),
        used: listing.running,
        slots: listing.record.concurrency,
    };
    all.busiest = busy.iter().take(NAMED_AGENTS_MAX).map(load).collect();
    let trouble = |listing: &&Listing| (listing.record.name.clone(), listing.record.health.into());
    all.troubled = troubled.iter().take(NAMED_AGENTS_MAX).map(trouble).collect();
    all
}

fn breaker(breakers: &mut Breakers, health: Health) -> &mut u64 {
    match health {
        Health::Closed => &mut breakers.closed,
        Health::Open(_) => &mut breakers.open,
        Health::HalfOpen => &mut breakers.half_open,
        Health::Quarantined => &mut breakers.quarantined,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
