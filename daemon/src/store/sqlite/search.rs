//! Looking for jobs and counting them: a [`Walk`] that stops when the page is full or enough was looked at.
//!
//! Where few jobs can be meant and another order is asked for than their index has, they are sorted here.

use super::queries::{ATTEMPTS_OF, all, attempts};
use super::rows::{self, JOB_COLUMNS};
use super::waiting;
use super::walk::{Lead, Walk};
use crate::store::{Answer, Found, JobSearch, JobWish, Query};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::listing::{
    COUNT_SEARCHED_MAX, COUNTED_MAX, Direction, JobCount, JobCursor, JobSort, PageFrom, SortBy,
};
use rusqlite::{Connection, params, params_from_iter};

/// Most jobs that are sorted here. More of them are looked for in the order's own index.
const SORTED_MAX: u32 = 5_000;

/// A job that was walked over.
struct Row {
    at: JobCursor,
    is_wished: bool,
}

/// Answers a query that looks for jobs or attempts, or counts what waits.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists what comes here")]
pub(super) fn answer(connection: &Connection, query: Query) -> rusqlite::Result<Answer> {
    Ok(match query {
        Query::List { states, client, place, label, agent, before, limit } => {
            let wish = JobWish { states, client, label, agent, place, ..JobWish::default() };
            let from = before.map_or(PageFrom::First, |id| PageFrom::After(JobCursor { key: id.0, id }));
            let sort = JobSort::default();
            let all = JobSearch { wish, sort, from, limit, searched_max: u32::MAX };
            Answer::Jobs(find(connection, &all)?.jobs)
        }
        Query::Find(search) => Answer::Found(find(connection, &search)?),
        Query::CountJobs(wish) => Answer::JobCount(count(connection, &wish)?),
        Query::Counts => Answer::Counts(waiting::counts(connection)?),
        Query::Waiting { of, now, limit } => Answer::Waiting(waiting::waiting(connection, of, now, limit)?),
        Query::CountsOf { client, limit } => {
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            Answer::Counts(all(connection, waiting::COUNTS_OF, params![client.0, limit], row)?)
        }
        Query::CountsIn { place, limit } => Answer::Counts(waiting::counts_in(connection, place, limit)?),
        Query::AttemptsOf { agent, limit } => {
            Answer::Attempts(attempts(connection, ATTEMPTS_OF, params![agent.0, limit])?)
        }
        other => unreachable!("{other:?} is answered elsewhere"),
    })
}

/// Looks for a page.
pub(super) fn find(connection: &Connection, search: &JobSearch) -> rusqlite::Result<Found> {
    let snapshot = connection.unchecked_transaction()?;
    let (is_down, from) = match search.from {
        PageFrom::First => (true, None),
        PageFrom::Last => (false, None),
        PageFrom::After(cursor) => (true, Some(cursor)),
        PageFrom::Before(cursor) => (false, Some(cursor)),
    };
    let ascends = (search.sort.direction == Direction::Ascending) == is_down;
    let walk = Walk { wish: &search.wish, key: search.sort.by, order: search.sort.by, ascends, from };
    let page = match walk.sorted_here(&snapshot)? {
        Some(rows) => Page::read(rows.into_iter().map(Ok), search)?,
        None => walk.page(&snapshot, search)?,
    };
    let Page { mut ids, next, searched } = page;
    if !is_down {
        ids.reverse();
    }
    let sql = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?1");
    let mut jobs = Vec::with_capacity(ids.len());
    for id in ids {
        jobs.append(&mut all(&snapshot, &sql, [id.0], rows::job)?);
    }
    Ok(Found { jobs, next, searched })
}

/// Counts what is wished for.
pub(super) fn count(connection: &Connection, wish: &JobWish) -> rusqlite::Result<JobCount> {
    if wish.is_of_states() {
        let counts = waiting::counts(connection)?;
        let is_meant = |(state, _): &(String, u64)| {
            wish.states.is_empty() || wish.states.iter().any(|name| name == state)
        };
        let count = counts.into_iter().filter(is_meant).map(|(_, count)| count).sum();
        return Ok(JobCount { count, exact: true });
    }
    let order = match (Lead::of(wish), wish.changed.is_bounded(), wish.posted.is_bounded()) {
        (Lead::Order, true, _) => SortBy::Changed,
        (Lead::Order, false, true) => SortBy::Posted,
        (Lead::Order | Lead::States | Lead::Label | Lead::Agent | Lead::Client | Lead::Place, _, _) => {
            SortBy::Number
        }
    };
    let walk = Walk { wish, key: order, order, ascends: false, from: None };
    let Some((sql, values)) = walk.statement(COUNT_SEARCHED_MAX) else {
        return Ok(JobCount { count: 0, exact: true });
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut count, mut searched) = (0, 0);
    while let Some(row) = rows.next()? {
        searched += 1;
        if is_wished(row)? {
            if count == COUNTED_MAX {
                return Ok(JobCount { count, exact: false });
            }
            count += 1;
        }
    }
    Ok(JobCount { count, exact: searched < COUNT_SEARCHED_MAX })
}

/// The numbers on a page.
struct Page {
    ids: Vec<JobId>,
    next: Option<JobCursor>,
    searched: u32,
}

impl Page {
    fn read(rows: impl Iterator<Item = rusqlite::Result<Row>>, search: &JobSearch) -> rusqlite::Result<Self> {
        let limit = usize::try_from(search.limit).unwrap_or(usize::MAX);
        let mut page = Self { ids: Vec::new(), next: None, searched: 0 };
        let mut last = None;
        for row in rows {
            let row = row?;
            page.searched += 1;
            last = Some(row.at);
            if row.is_wished {
                page.ids.push(row.at.id);
                if page.ids.len() == limit {
                    page.next = last;
                    return Ok(page);
                }
            }
        }
        page.next = last.filter(|_| page.searched >= search.searched_max);
        Ok(page)
    }
}

impl Walk<'_> {
    fn page(&self, connection: &Connection, search: &JobSearch) -> rusqlite::Result<Page> {
        let Some((sql, values)) = self.statement(search.searched_max) else {
            return Page::read(std::iter::empty(), search);
        };
        let mut statement = connection.prepare_cached(&sql)?;
        Page::read(statement.query_map(params_from_iter(values), row)?, search)
    }

    /// The rows from the page's first on, if few can be meant and their index has another order.
    fn sorted_here(&self, connection: &Connection) -> rusqlite::Result<Option<Vec<Row>>> {
        let lead = Lead::of(self.wish);
        let is_in_order =
            self.order == SortBy::Number || (self.order == SortBy::Changed && lead == Lead::States);
        if is_in_order || lead == Lead::Order {
            return Ok(None);
        }
        let few = Walk { order: SortBy::Number, from: None, ..*self };
        let Some((sql, values)) = few.statement(SORTED_MAX + 1) else { return Ok(Some(Vec::new())) };
        let mut rows = all(connection, &sql, params_from_iter(values), row)?;
        if rows.len() > SORTED_MAX as usize {
            return Ok(None);
        }
        rows.sort_unstable_by_key(|row| row.at);
        if !self.ascends {
            rows.reverse();
        }
        let is_behind = |at: JobCursor, from: JobCursor| if self.ascends { at > from } else { at < from };
        rows.retain(|row| self.from.is_none_or(|from| is_behind(row.at, from)));
        Ok(Some(rows))
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    // A job that has nothing due has no key then, and is not wished for.
    let key: Option<i64> = row.get(1)?;
    let at = JobCursor { key: key.unwrap_or(i64::MIN), id: JobId(row.get(0)?) };
    Ok(Row { at, is_wished: is_wished(row)? })
}

/// What compares with nothing is nothing in SQL: it is not wished for.
fn is_wished(row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
    Ok(row.get::<_, Option<bool>>(2)?.unwrap_or(false))
}
