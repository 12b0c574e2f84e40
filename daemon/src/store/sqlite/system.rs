//! The commands on the store itself, on users, and on rows that have had their time.

use super::queries::all;
use super::writer::Refused;
use super::{accounts, entry};
use crate::store::{
    Answer, Chain, Entry, Outcome, PersonRecord, Receipt, Request, SealedSecret, StoreError, UserFence,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{Incarnation, StoreTag, UserId};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

const FOUND: &str = "
    UPDATE system
    SET tag = ?1
    WHERE tag IS NULL";

/// Gives a new store its tag.
pub(super) fn found(connection: &Connection, tag: StoreTag) -> Result<Outcome, Refused> {
    match connection.prepare_cached(FOUND)?.execute([tag.as_str()])? {
        0 => Err(Refused::Guard(StoreError::Stale)),
        _ => Ok(Outcome::Done),
    }
}

const START_DAEMON: &str = "
    UPDATE system
    SET incarnation = ?1, clean = 0, revision = ?2, chain = ?3
    WHERE revision = ?4 AND incarnation + 1 = ?1";
const STOP_DAEMON: &str = "
    UPDATE system
    SET clean = 1, revision = ?2, chain = ?3
    WHERE revision = ?4 AND incarnation = ?1 AND clean = 0";

/// A daemon begins.
pub(super) fn start_daemon(
    connection: &Connection,
    now: Timestamp,
    incarnation: Incarnation,
    chain: Chain,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    change(connection, now, START_DAEMON, incarnation, chain, entry)
}

/// A daemon ends in good order.
pub(super) fn stop_daemon(
    connection: &Connection,
    now: Timestamp,
    incarnation: Incarnation,
    chain: Chain,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    change(connection, now, STOP_DAEMON, incarnation, chain, entry)
}

fn change(
    connection: &Connection,
    now: Timestamp,
    statement: &str,
    incarnation: Incarnation,
    chain: Chain,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let head = entry::head(entry, chain);
    let row = params![incarnation.0, head.revision, head.hash, chain.revision];
    if connection.prepare_cached(statement)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    entry::bodies(connection, Subject::System, &entry.bodies)?;
    entry::record(connection, now, Subject::System, entry)?;
    Ok(Outcome::Done)
}

const SELECT_IDENTITY: &str = "
    SELECT user_id
    FROM identities
    WHERE kind = ?1 AND identity = ?2";
const INSERT_USER: &str = "
    INSERT INTO users (name, revision, chain)
    VALUES (?1, ?2, ?3)
    RETURNING id";
const INSERT_IDENTITY: &str = "
    INSERT INTO identities (kind, identity, user_id)
    VALUES (?1, ?2, ?3)";

/// Finds or makes a user.
pub(super) fn see_user(
    connection: &Connection,
    now: Timestamp,
    kind: &str,
    identity: &str,
    name: &str,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let known: Option<i64> = connection
        .prepare_cached(SELECT_IDENTITY)?
        .query_row([kind, identity], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(Outcome::User(UserId(id)));
    }
    let head = entry::head(entry, Chain::default());
    let id = UserId(
        connection
            .prepare_cached(INSERT_USER)?
            .query_row(params![name, head.revision, head.hash], |row| row.get(0))?,
    );
    connection.prepare_cached(INSERT_IDENTITY)?.execute(params![kind, identity, id.0])?;
    entry::bodies(connection, Subject::User(id), &entry.bodies)?;
    entry::record(connection, now, Subject::User(id), entry)?;
    Ok(Outcome::User(id))
}

const PAUSE_ENGINE: &str = "
    UPDATE system
    SET paused = ?1, revision = ?2, chain = ?3
    WHERE revision = ?4";

/// Stops or starts new attempts everywhere.
pub(super) fn pause_engine(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    chain: Chain,
    paused: bool,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let head = entry::head(entry, chain);
    let row = params![paused, head.revision, head.hash, chain.revision];
    if connection.prepare_cached(PAUSE_ENGINE)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    entry::bodies(connection, Subject::System, &entry.bodies)?;
    entry::record(connection, now, Subject::System, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

const UPSERT_PERSON: &str = "
    INSERT INTO people (user_id, settings, secret)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (user_id) DO UPDATE SET settings = excluded.settings, secret = coalesce(excluded.secret, secret)";

/// How a person wants to be told.
pub(super) fn set_person(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    revision: u64,
    settings: &str,
    secret: Option<&SealedSecret>,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let chain = Chain { revision, ..Chain::default() };
    accounts::turn_user(connection, UserFence { user: request.user, chain }, entry)?;
    let row = params![request.user.0, settings, secret.map(|secret| &secret.0)];
    connection.prepare_cached(UPSERT_PERSON)?.execute(row)?;
    let subject = Subject::User(request.user);
    entry::bodies(connection, subject, &entry.bodies)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

const PRUNE_REQUESTS: &str = "
    DELETE FROM requests
    WHERE (user_id, id) IN (SELECT user_id, id FROM requests WHERE at < ?1 ORDER BY at LIMIT 1000)";
const PRUNE_CALLBACKS: &str = "
    DELETE FROM callbacks
    WHERE (job_id, attempt, id) IN (SELECT job_id, attempt, id FROM callbacks WHERE at < ?1 ORDER BY at LIMIT 1000)";
const PRUNE_DELIVERIES: &str = "
    DELETE FROM deliveries
    WHERE id IN (SELECT id FROM deliveries WHERE at < ?1 ORDER BY id LIMIT 1000)";
const PRUNE_NOTICE_LOG: &str = "
    DELETE FROM notice_log
    WHERE id IN (SELECT id FROM notifications WHERE made_at < ?1 AND due_at IS NULL ORDER BY id LIMIT 1000)";
const PRUNE_NOTIFICATIONS: &str = "
    DELETE FROM notifications
    WHERE id IN (SELECT id FROM notifications WHERE made_at < ?1 AND due_at IS NULL ORDER BY id LIMIT 1000)";

const PRUNE_MESSAGES: &str = "
    DELETE FROM messages
    WHERE id IN (SELECT id FROM messages WHERE made_at < ?1 AND due_at IS NULL ORDER BY id LIMIT 1000)";

/// Drops what has had its time.
pub(super) fn prune(
    connection: &Connection,
    requests_before: Timestamp,
    deliveries_before: Timestamp,
) -> Result<Outcome, Refused> {
    let mut dropped = 0;
    for (sql, before) in [
        (PRUNE_REQUESTS, requests_before),
        (PRUNE_CALLBACKS, requests_before),
        (PRUNE_DELIVERIES, deliveries_before),
        (PRUNE_NOTICE_LOG, deliveries_before),
        (PRUNE_NOTIFICATIONS, deliveries_before),
        (PRUNE_MESSAGES, deliveries_before),
    ] {
        dropped += connection.prepare_cached(sql)?.execute([before.0])?;
    }
    Ok(Outcome::Dropped(u64::try_from(dropped).unwrap_or(u64::MAX)))
}

/// How everybody wants to be told.
pub(super) fn people(connection: &Connection) -> rusqlite::Result<Answer> {
    let sql = "SELECT user_id, settings, secret FROM people ORDER BY user_id";
    let row = |row: &Row<'_>| {
        Ok(PersonRecord { user: UserId(row.get(0)?), settings: row.get(1)?, secret: row.get(2)? })
    };
    Ok(Answer::People(all(connection, sql, [], row)?))
}
