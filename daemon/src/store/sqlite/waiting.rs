//! What waits, counted: along indexes that hold only what has not ended, and only up to a limit.

use super::queries::all;
use crate::store::{JobsOf, WaitingRecord};
use guildhall_protocol::ids::{JobId, PlaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::state::{JOB_STATES, JobState};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, params};

/// States in which a job waits for a person, with every detail.
const FOR_PEOPLE: [&str; 3] = ["input_required", "in_review", "held"];

const ENDED: &str = "
    SELECT state, jobs
    FROM job_counts";
pub(super) const UNENDED: &str = "
    SELECT count(*)
    FROM jobs INDEXED BY jobs_state
    WHERE state = ?1";
pub(super) const OF_STATE: &str = "
    SELECT detail
    FROM jobs INDEXED BY jobs_state
    WHERE state = ?1
    ORDER BY id
    LIMIT ?2";
pub(super) const OF_CLIENT: &str = "
    SELECT state, detail, ready, id, posted_at
    FROM jobs INDEXED BY jobs_unended
    WHERE client_id = ?1 AND due_at IS NOT NULL
    ORDER BY id
    LIMIT ?2";
/// The newest jobs of somebody, by state. Sorts at most the limit's rows.
pub(super) const COUNTS_OF: &str = "
    SELECT state, count(*)
    FROM (
        SELECT state
        FROM jobs INDEXED BY jobs_client
        WHERE client_id = ?1
        ORDER BY id DESC
        LIMIT ?2
    )
    GROUP BY state
    ORDER BY state";
pub(super) const OLDEST_OPEN: &str = "
    SELECT id, posted_at
    FROM jobs INDEXED BY jobs_state
    WHERE state = 'open'
    ORDER BY id
    LIMIT 1";
pub(super) const OPEN: &str = "
    SELECT ready, id, posted_at
    FROM jobs INDEXED BY jobs_state
    WHERE state = 'open'
    ORDER BY id
    LIMIT ?1";
pub(super) const APPEALS: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM appeals INDEXED BY appeals_open
        WHERE upheld IS NULL
        LIMIT ?1
    )";
pub(super) const APPEALS_IN: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM appeals INDEXED BY appeals_open CROSS JOIN jobs ON jobs.id = appeals.job_id
        WHERE appeals.upheld IS NULL AND jobs.place_id = ?1
        LIMIT ?2
    )";
pub(super) const OF_PLACE: &str = "
    SELECT detail, ready, id, posted_at
    FROM jobs INDEXED BY jobs_place
    WHERE place_id = ?1 AND place_id <> 1 AND state = ?2
    ORDER BY id
    LIMIT ?3";
/// The same of the machine itself, which has no index: most jobs are there.
pub(super) const OF_LOCAL: &str = "
    SELECT detail, ready, id, posted_at
    FROM jobs INDEXED BY jobs_state
    WHERE place_id = ?1 AND state = ?2
    ORDER BY id
    LIMIT ?3";
pub(super) const COUNT_IN_PLACE: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM jobs INDEXED BY jobs_place
        WHERE place_id = ?1 AND place_id <> 1 AND state = ?2
        LIMIT ?3
    )";
pub(super) const COUNT_IN_LOCAL: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM jobs INDEXED BY jobs_state
        WHERE place_id = ?1 AND state = ?2
        LIMIT ?3
    )";
pub(super) const DUE: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM notifications INDEXED BY notifications_due
        WHERE channel = ?1 AND due_at IS NOT NULL AND due_at <= ?2
        LIMIT ?3
    )";
pub(super) const UNDELIVERABLE: &str = "
    SELECT count(*)
    FROM (
        SELECT 1
        FROM notifications INDEXED BY notifications_undeliverable
        WHERE due_at IS NULL AND acknowledged_at IS NULL
        LIMIT ?1
    )";

/// Jobs per state name, by name: those that ended from their counters, the others from the index.
pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut counts = all(&snapshot, ENDED, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut names: Vec<&str> =
        JOB_STATES.iter().filter(|state| !state.is_terminal()).map(|state| state.name()).collect();
    names.dedup();
    for name in names {
        counts.push((name.to_owned(), number(&snapshot, UNENDED, [name])?));
    }
    counts.retain(|(_, count)| *count > 0);
    counts.sort_unstable();
    Ok(counts)
}

/// What waits.
pub(super) fn waiting(
    connection: &Connection,
    of: JobsOf,
    now: Timestamp,
    limit: u32,
) -> rusqlite::Result<WaitingRecord> {
    let snapshot = connection.unchecked_transaction()?;
    match of {
        JobsOf::Everybody => of_all(&snapshot, now, limit),
        JobsOf::Client(client) => of_client(&snapshot, client, limit),
        JobsOf::Place(place) => of_place(&snapshot, place, limit),
    }
}

fn of_all(connection: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<WaitingRecord> {
    let mut waiting = WaitingRecord::default();
    for state in FOR_PEOPLE {
        for detail in all(connection, OF_STATE, params![state, limit], |row| row.get::<_, String>(0))? {
            count(&mut waiting, state, &detail);
        }
    }
    let oldest = |row: &rusqlite::Row<'_>| Ok((JobId(row.get(0)?), Timestamp(row.get(1)?)));
    waiting.oldest_open = connection.prepare_cached(OLDEST_OPEN)?.query_row([], oldest).optional()?;
    waiting.oldest_ready = oldest_ready(connection, limit)?;
    waiting.appeals = number(connection, APPEALS, [limit])?;
    for channel in Channel::ALL {
        waiting.due += number(connection, DUE, params![channel.name(), now.0, limit])?;
    }
    waiting.due = waiting.due.min(limit.into());
    waiting.undeliverable = number(connection, UNDELIVERABLE, [limit])?;
    waiting.jobs.sort_unstable_by_key(|(state, _)| *state);
    Ok(waiting)
}

/// The first ready one of the oldest open jobs.
fn oldest_ready(connection: &Connection, limit: u32) -> rusqlite::Result<Option<(JobId, Timestamp)>> {
    let mut statement = connection.prepare_cached(OPEN)?;
    let mut rows = statement.query([limit])?;
    while let Some(row) = rows.next()? {
        if row.get(0)? {
            return Ok(Some((JobId(row.get(1)?), Timestamp(row.get(2)?))));
        }
    }
    Ok(None)
}

fn of_client(connection: &Connection, client: UserId, limit: u32) -> rusqlite::Result<WaitingRecord> {
    let mut waiting = WaitingRecord::default();
    let mut statement = connection.prepare_cached(OF_CLIENT)?;
    let mut rows = statement.query(params![client.0, limit])?;
    while let Some(row) = rows.next()? {
        let (state, detail): (String, String) = (row.get(0)?, row.get(1)?);
        let job = (JobId(row.get(3)?), Timestamp(row.get(4)?));
        if FOR_PEOPLE.contains(&state.as_str()) {
            count(&mut waiting, &state, &detail);
        } else if state == "open" {
            waiting.oldest_open.get_or_insert(job);
            if row.get(2)? {
                waiting.oldest_ready.get_or_insert(job);
            }
        }
    }
    waiting.jobs.sort_unstable_by_key(|(state, _)| *state);
    Ok(waiting)
}

fn of_place(connection: &Connection, place: PlaceId, limit: u32) -> rusqlite::Result<WaitingRecord> {
    let mut waiting = WaitingRecord::default();
    let mut statement =
        connection.prepare_cached(if place == PlaceId::LOCAL { OF_LOCAL } else { OF_PLACE })?;
    for state in FOR_PEOPLE {
        let mut rows = statement.query(params![place.0, state, limit])?;
        while let Some(row) = rows.next()? {
            count(&mut waiting, state, &row.get::<_, String>(0)?);
        }
    }
    let mut rows = statement.query(params![place.0, "open", limit])?;
    while let Some(row) = rows.next()? {
        let job = (JobId(row.get(2)?), Timestamp(row.get(3)?));
        waiting.oldest_open.get_or_insert(job);
        if row.get(1)? {
            waiting.oldest_ready = Some(job);
            break;
        }
    }
    waiting.appeals = number(connection, APPEALS_IN, params![place.0, limit])?;
    waiting.jobs.sort_unstable_by_key(|(state, _)| *state);
    Ok(waiting)
}

/// Jobs of a place per state name, states without any left out.
pub(super) fn counts_in(
    connection: &Connection,
    place: PlaceId,
    limit: u32,
) -> rusqlite::Result<Vec<(String, u64)>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut states: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
    states.sort_unstable();
    states.dedup();
    let sql = if place == PlaceId::LOCAL { COUNT_IN_LOCAL } else { COUNT_IN_PLACE };
    let mut counts = Vec::new();
    for state in states {
        let count = number(&snapshot, sql, params![place.0, state, limit])?;
        if count > 0 {
            counts.push((state.to_owned(), count));
        }
    }
    Ok(counts)
}

fn count(waiting: &mut WaitingRecord, state: &str, detail: &str) {
    let Some(state) = JobState::from_parts(state, detail) else { return };
    match waiting.jobs.iter_mut().find(|(known, _)| *known == state) {
        Some((_, count)) => *count += 1,
        None => waiting.jobs.push((state, 1)),
    }
}

fn number(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<u64> {
    connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))
}
