//! The queries. Every list is bounded by its caller and read in the order of an index.

use super::rows::{self, AGENT_COLUMNS, ATTEMPT_COLUMNS, JOB_COLUMNS};
use super::{
    accounts, agents as agent_rows, front_ends, models, notes, outbox, places, search, system as system_rows,
};
use crate::store::{
    AgentRecord, Answer, AttemptRecord, Chain, JobRecord, JobSelection, Query, SystemRecord, Tally,
    TallyRecord,
};
use guildhall_protocol::ids::{AgentId, AgentVersion, BodyId, Incarnation, StoreTag, UserId};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

/// Answers a query from one snapshot.
pub(super) fn answer(connection: &Connection, query: Query) -> rusqlite::Result<Answer> {
    match query {
        Query::System => system(connection),
        Query::Job(id) => jobs(connection, "FROM jobs WHERE id = ?1", [id.0]),
        Query::Select { selection, limit } => select(connection, selection, limit),
        Query::NextDue => next_due(connection),
        query @ (Query::List { .. }
        | Query::Find(_)
        | Query::CountJobs(_)
        | Query::Counts
        | Query::Waiting { .. }
        | Query::CountsOf { .. }
        | Query::CountsIn { .. }
        | Query::AttemptsOf { .. }) => search::answer(connection, query),
        Query::Attempts(job) => {
            let tail = "FROM attempts WHERE job_id = ?1 ORDER BY number";
            Ok(Answer::Attempts(attempts(connection, tail, [job.0])?))
        }
        Query::NewestAttempts(jobs) => {
            let mut newest = Vec::with_capacity(jobs.len());
            for job in jobs {
                let tail = "FROM attempts WHERE job_id = ?1 ORDER BY number DESC LIMIT 1";
                newest.append(&mut attempts(connection, tail, [job.0])?);
            }
            newest.sort_by_key(|attempt| attempt.job);
            Ok(Answer::Attempts(newest))
        }
        Query::Bodies(ids) => bodies(connection, &ids),
        Query::Events { subject, after, limit } => {
            let (kind, number) = subject.parts();
            let sql = "
                SELECT id, subject, subject_id, seq, bytes, hash
                FROM events
                WHERE subject = ?1 AND subject_id = ?2 AND seq > ?3
                ORDER BY seq
                LIMIT ?4";
            Ok(Answer::Events(all(connection, sql, params![kind, number, after, limit], rows::event)?))
        }
        Query::Feed { after, limit } => {
            let sql = "
                SELECT id, subject, subject_id, seq, bytes, hash
                FROM events
                WHERE id > ?1
                ORDER BY id
                LIMIT ?2";
            Ok(Answer::Events(all(connection, sql, params![after.0, limit], rows::event)?))
        }
        Query::Agents { after, limit } => {
            agents(connection, "FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2", params![after.0, limit])
        }
        Query::Agent(id) => agents(connection, "FROM agents WHERE id = ?1", [id.0]),
        Query::AgentNamed(name) => agents(connection, "FROM agents WHERE name = ?1", [name.as_str()]),
        Query::Versions(agent) => versions(connection, agent),
        Query::Tallies { since } => tallies(connection, since),
        Query::Deliveries { agent, before, limit } => {
            let sql = "
                SELECT id, agent_id, at, job_id, attempt, message, log
                FROM deliveries
                WHERE agent_id = ?1 AND id < ?2
                ORDER BY id DESC
                LIMIT ?3";
            let before = before.map_or(i64::MAX, |id| id.0);
            Ok(Answer::Deliveries(all(connection, sql, params![agent.0, before, limit], rows::delivery)?))
        }
        query @ (Query::ModelSettings
        | Query::Spent { .. }
        | Query::JobSpending(_)
        | Query::ModelTotals
        | Query::Without
        | Query::Judgements) => models::answer(connection, &query),
        Query::User(id) => accounts::user(connection, id),
        Query::Account(query) => accounts::answer(connection, &query),
        Query::Place(query) => places::answer(connection, &query),
        Query::Draft { user, name, since } => front_ends::draft(connection, user, &name, since),
        Query::Closed { user, channel } => front_ends::closed(connection, user, channel),
        Query::Surfaces(job) => front_ends::surfaces(connection, job),
        Query::Days { day } => agent_rows::days(connection, day),
        Query::DueMessages { now, limit } => outbox::due_messages(connection, now, limit),
        Query::Notifications { user, before, limit } => {
            outbox::notifications_of_user(connection, user, before, limit)
        }
        Query::NotificationsOf { job, kind } => outbox::notifications_of_job(connection, job, kind),
        Query::Notification(id) => outbox::notification(connection, id),
        Query::NoticeLog(id) => outbox::log(connection, id),
        Query::OpenAppeals { limit } => notes::open_appeals(connection, limit),
        Query::Appeals(job) => notes::appeals(connection, job),
        Query::People => system_rows::people(connection),
        Query::Receipt { user, id } => {
            let sql = "SELECT hash, receipt FROM requests WHERE user_id = ?1 AND id = ?2";
            let kept: Option<([u8; 32], String)> = connection
                .prepare_cached(sql)?
                .query_row(params![user.0, id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let read = |(hash, text): (_, String)| Some((hash, serde_json::from_str(&text).ok()?));
            Ok(Answer::Receipt(kept.and_then(read)))
        }
    }
}

pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(values, read)?.collect()
}

fn next_due(connection: &Connection) -> rusqlite::Result<Answer> {
    let due: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM jobs WHERE due_at IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(Answer::Time(due.map(Timestamp)))
}

fn system(connection: &Connection) -> rusqlite::Result<Answer> {
    let id_max = "
        SELECT max(
            coalesce((SELECT max(id) FROM bodies), 0),
            coalesce((SELECT max(id) FROM deliveries), 0),
            coalesce((SELECT max(id) FROM notifications), 0),
            coalesce((SELECT max(id) FROM messages), 0),
            coalesce((SELECT max(id) FROM alerts), 0),
            coalesce((SELECT max(id) FROM tokens), 0),
            coalesce((SELECT max(id) FROM surfaces), 0)
        )";
    let id_max: i64 = connection.prepare_cached(id_max)?.query_row([], |row| row.get(0))?;
    connection
        .prepare_cached("SELECT tag, incarnation, clean, revision, chain, paused FROM system WHERE id = 1")?
        .query_row([], |row| {
            let tag: Option<String> = row.get(0)?;
            Ok(Answer::System(SystemRecord {
                tag: tag.and_then(|tag| tag.parse::<StoreTag>().ok()),
                incarnation: Incarnation(row.get(1)?),
                clean: row.get(2)?,
                chain: Chain { revision: row.get(3)?, hash: row.get(4)? },
                paused: row.get(5)?,
                id_max,
            }))
        })
}

fn jobs(connection: &Connection, tail: &str, values: impl Params) -> rusqlite::Result<Answer> {
    let found: Vec<JobRecord> = all(connection, &format!("SELECT {JOB_COLUMNS} {tail}"), values, rows::job)?;
    Ok(Answer::Jobs(found))
}

pub(super) fn attempts(
    connection: &Connection,
    tail: &str,
    values: impl Params,
) -> rusqlite::Result<Vec<AttemptRecord>> {
    all(connection, &format!("SELECT {ATTEMPT_COLUMNS} {tail}"), values, rows::attempt)
}

pub(super) const ATTEMPTS_OF: &str = "
    FROM attempts INDEXED BY attempts_agent
    WHERE agent_id = ?1
    ORDER BY job_id DESC, number DESC
    LIMIT ?2";
pub(super) const READY: &str = "
    FROM jobs
    WHERE ready = 1
    ORDER BY class DESC, fair_tag, id
    LIMIT ?1";
pub(super) const DUE: &str = "
    FROM jobs
    WHERE due_at IS NOT NULL AND due_at <= ?1 AND coalesce(lease_until, ?1) <= ?1
    ORDER BY due_at, id
    LIMIT ?2";
pub(super) const ORPHANED: &str = "
    FROM jobs
    WHERE lease_incarnation IS NOT NULL AND lease_incarnation < ?1
    ORDER BY lease_incarnation, id
    LIMIT ?2";
pub(super) const WAITING_FOR: &str = "
    FROM waits
    JOIN jobs ON jobs.id = waits.job_id
    WHERE waits.agent_id = ?1
    ORDER BY waits.class DESC, waits.fair_tag, waits.job_id
    LIMIT ?2";

fn select(connection: &Connection, selection: JobSelection, limit: u32) -> rusqlite::Result<Answer> {
    match selection {
        JobSelection::Ready => jobs(connection, READY, [limit]),
        JobSelection::Due(now) => jobs(connection, DUE, params![now.0, limit]),
        JobSelection::Orphaned(incarnation) => jobs(connection, ORPHANED, params![incarnation.0, limit]),
        JobSelection::WaitingFor(agent) => jobs(connection, WAITING_FOR, params![agent.0, limit]),
    }
}

fn bodies(connection: &Connection, ids: &[BodyId]) -> rusqlite::Result<Answer> {
    let sql = "SELECT id, subject, subject_id, nonce, bytes FROM bodies WHERE id = ?1";
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.append(&mut all(connection, sql, [id.0], rows::body)?);
    }
    Ok(Answer::Bodies(found))
}

fn agents(connection: &Connection, tail: &str, values: impl Params) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT {AGENT_COLUMNS} {tail}");
    let mut found: Vec<AgentRecord> = all(connection, &sql, values, rows::agent)?;
    let grants = "SELECT host, port FROM agent_grants WHERE agent_id = ?1 ORDER BY host, port";
    let owners = "SELECT user_id FROM agent_owners WHERE agent_id = ?1 ORDER BY user_id";
    for agent in &mut found {
        agent.co_owners = all(connection, owners, [agent.id.0], |row| Ok(UserId(row.get(0)?)))?;
        agent.grants = all(connection, grants, [agent.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    }
    Ok(Answer::Agents(found))
}

fn versions(connection: &Connection, agent: AgentId) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT version, made_at, definition
        FROM agent_versions
        WHERE agent_id = ?1
        ORDER BY version DESC";
    let version =
        |row: &Row<'_>| Ok((AgentVersion(row.get(0)?), Timestamp(row.get(1)?), BodyId(row.get(2)?)));
    Ok(Answer::Versions(all(connection, sql, [agent.0], version)?))
}

fn tallies(connection: &Connection, since: i64) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT agent_id, day, passed, failed, declined, unreachable, answered, answer_ms
        FROM agent_tallies
        WHERE day >= ?1
        ORDER BY agent_id, day";
    let tally = |row: &Row<'_>| {
        let tally = Tally {
            passed: row.get(2)?,
            failed: row.get(3)?,
            declined: row.get(4)?,
            unreachable: row.get(5)?,
            answered: row.get(6)?,
            answer_ms: row.get(7)?,
        };
        Ok(TallyRecord { agent: AgentId(row.get(0)?), day: row.get(1)?, tally })
    };
    Ok(Answer::Tallies(all(connection, sql, [since], tally)?))
}
