//! Looking for jobs and counting what waits, in memory: everything is filtered, then sorted.

use super::State;
use guildhall_daemon::store::{
    Answer, AttemptRecord, Found, JobRecord, JobSearch, JobWish, JobsOf, Query, WaitingRecord,
};
use guildhall_protocol::ids::{AgentId, JobId};
use guildhall_protocol::listing::{COUNTED_MAX, Direction, JobCount, JobCursor, PageFrom, SortBy};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeMap;

impl State {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists what comes here")]
    pub(super) fn answer_search(&self, query: Query) -> Answer {
        match query {
            Query::Find(search) => Answer::Found(self.find(&search)),
            Query::CountJobs(wish) => Answer::JobCount(self.count(&wish)),
            Query::Waiting { of, now, limit } => Answer::Waiting(self.waiting(of, now, limit as usize)),
            Query::CountsOf { client, limit } => {
                let own = self.jobs.values().rev().filter(|job| job.client == client);
                let mut counts = BTreeMap::new();
                for job in own.take(limit as usize) {
                    *counts.entry(job.state.name().to_owned()).or_insert(0) += 1;
                }
                Answer::Counts(counts.into_iter().collect())
            }
            Query::CountsIn { place, limit } => {
                let mut counts = BTreeMap::new();
                for job in self.jobs.values().filter(|job| job.place == place) {
                    *counts.entry(job.state.name().to_owned()).or_insert(0) += 1;
                }
                let most = |(state, count): (String, u64)| (state, count.min(limit.into()));
                Answer::Counts(counts.into_iter().map(most).collect())
            }
            Query::AttemptsOf { agent, limit } => Answer::Attempts(self.newest_of(agent, limit as usize)),
            other => unreachable!("{other:?} is answered elsewhere"),
        }
    }

    fn newest_of(&self, agent: AgentId, limit: usize) -> Vec<AttemptRecord> {
        let own = self.attempts.values().rev().filter(|attempt| attempt.agent == agent);
        own.take(limit).cloned().collect()
    }

    fn wished<'a>(&'a self, wish: &'a JobWish) -> impl Iterator<Item = &'a JobRecord> {
        let text = wish.text.as_ref().map(|text| text.to_ascii_lowercase());
        let says = move |job: &JobRecord| {
            let title = job.title.as_ref().map(|title| title.to_ascii_lowercase());
            text.as_ref().is_none_or(|text| title.is_some_and(|title| title.contains(text)))
        };
        let ended = |job: &JobRecord, how| {
            let mut of_job = self.attempts.values().filter(|attempt| attempt.job == job.id);
            of_job.any(|attempt| attempt.state.ended() == Some(how))
        };
        self.jobs.values().filter(move |job| {
            (wish.states.is_empty() || wish.states.iter().any(|state| state == job.state.name()))
                && wish.client.is_none_or(|client| job.client == client)
                && wish.label.as_ref().is_none_or(|label| job.label.as_ref() == Some(label))
                && wish.agent.is_none_or(|agent| self.tried(job.id, agent))
                && wish.place.is_none_or(|place| job.place == place)
                && wish.priority.is_none_or(|priority| job.priority == priority)
                && wish.posted.holds(job.posted_at)
                && wish.changed.holds(job.changed_at)
                && wish.ended.is_none_or(|how| ended(job, how))
                && wish.attempts_min.is_none_or(|least| job.attempts >= least)
                && wish.held.is_none_or(|why| job.state == JobState::Held(why))
                && says(job)
        })
    }

    fn find(&self, search: &JobSearch) -> Found {
        let by = search.sort.by;
        let rows = self.wished(&search.wish).filter_map(|job| Some((cursor(job, by)?, job)));
        let mut rows: Vec<(JobCursor, &JobRecord)> = rows.collect();
        rows.sort_by_key(|(at, _)| *at);
        if search.sort.direction == Direction::Descending {
            rows.reverse();
        }
        let place = |from: JobCursor| {
            let is_above = |(at, _): &(JobCursor, &JobRecord)| match search.sort.direction {
                Direction::Ascending => *at < from,
                Direction::Descending => *at > from,
            };
            rows.iter().filter(|row| is_above(row)).count()
        };
        let limit = search.limit as usize;
        let is_at = |place: usize, from: JobCursor| rows.get(place).is_some_and(|(at, _)| *at == from);
        let (begin, end, is_down) = match search.from {
            PageFrom::First => (0, rows.len().min(limit), true),
            PageFrom::After(from) => {
                let begin = place(from) + usize::from(is_at(place(from), from));
                (begin, rows.len().min(begin + limit), true)
            }
            PageFrom::Last => (rows.len().saturating_sub(limit), rows.len(), false),
            PageFrom::Before(from) => (place(from).saturating_sub(limit), place(from), false),
        };
        let page = &rows[begin..end];
        let edge = if is_down { page.last() } else { page.first() };
        let next = edge.filter(|_| page.len() == limit).map(|(at, _)| *at);
        Found { jobs: page.iter().map(|(_, job)| (*job).clone()).collect(), next, searched: 0 }
    }

    fn count(&self, wish: &JobWish) -> JobCount {
        let count = self.wished(wish).count() as u64;
        if wish.is_of_states() || count <= COUNTED_MAX {
            JobCount { count, exact: true }
        } else {
            JobCount { count: COUNTED_MAX, exact: false }
        }
    }

    fn waiting(&self, of: JobsOf, now: Timestamp, limit: usize) -> WaitingRecord {
        let meant = |job: &&JobRecord| match of {
            JobsOf::Everybody => true,
            JobsOf::Client(client) => job.client == client,
            JobsOf::Place(place) => job.place == place,
        };
        let mut jobs: BTreeMap<JobState, u64> = BTreeMap::new();
        for job in self.jobs.values().filter(meant) {
            if matches!(job.state, JobState::InputRequired(_) | JobState::InReview(_) | JobState::Held(_)) {
                *jobs.entry(job.state).or_default() += 1;
            }
        }
        let oldest = |is_meant: &dyn Fn(&JobRecord) -> bool| -> Option<(JobId, Timestamp)> {
            let mut open = self.jobs.values().filter(meant).filter(|job| job.state == JobState::Open);
            open.find(|job| is_meant(job)).map(|job| (job.id, job.posted_at))
        };
        let (oldest_open, oldest_ready) = (oldest(&|_| true), oldest(&|job| job.ready));
        let mut waiting = WaitingRecord {
            jobs: jobs.into_iter().collect(),
            oldest_ready,
            oldest_open,
            ..WaitingRecord::default()
        };
        let most = |count: usize| count.min(limit) as u64;
        if !matches!(of, JobsOf::Client(_)) {
            let of_meant = |job: JobId| self.jobs.get(&job).is_some_and(|job| meant(&job));
            let undecided = self.appeals.values().filter(|appeal| appeal.upheld.is_none());
            waiting.appeals = most(undecided.filter(|appeal| of_meant(appeal.attempt.job)).count());
        }
        if of == JobsOf::Everybody {
            let rows = || self.notifications.values().map(|known| &known.row);
            waiting.due = most(rows().filter(|row| row.due_at.is_some_and(|due| due <= now)).count());
            let given_up = rows().filter(|row| row.due_at.is_none() && row.acknowledged_at.is_none());
            waiting.undeliverable = most(given_up.count());
        }
        waiting
    }
}

fn cursor(job: &JobRecord, by: SortBy) -> Option<JobCursor> {
    let key = match by {
        SortBy::Number => job.id.0,
        SortBy::Changed => job.changed_at.0,
        SortBy::Posted => job.posted_at.0,
        SortBy::Deadline => job.deadline.0,
        SortBy::Due => job.due_at?.0,
        SortBy::Priority => job.priority.class(),
    };
    Some(JobCursor { key, id: job.id })
}
