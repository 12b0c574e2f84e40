//! Places, what is settled for them, and what they must be told.

use super::accounts::{json, read};
use super::entry;
use super::queries::all;
use super::rows::strange;
use super::writer::Refused;
use crate::store::place::{AlertRecord, PlaceCommand, PlaceFence, PlaceQuery, PlaceRecord};
use crate::store::{Answer, Chain, Entry, Outcome, Receipt, Request, StoreError};
use guildhall_protocol::account::Identity;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AlertId, JobId, PlaceId};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::place::PlaceSettings;
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, Params, Row, params};

/// Carries out a command.
pub(super) fn apply(
    connection: &Connection,
    now: Timestamp,
    command: &PlaceCommand,
) -> Result<Outcome, Refused> {
    match command {
        PlaceCommand::See { identity, name } => see(connection, identity, name),
        PlaceCommand::Turn { request, fence, settings, entry } => {
            turn(connection, now, request, *fence, settings, entry)
        }
        PlaceCommand::LeaseAlerts { channel, lease, until, limit } => {
            lease_alerts(connection, now, *channel, *lease, *until, *limit)
        }
        PlaceCommand::SettleAlert { id, lease, due_at } => settle_alert(connection, *id, *lease, *due_at),
    }
}

const SEE: &str = "
    INSERT INTO places (kind, identity, name)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, identity) DO UPDATE SET name = excluded.name
    RETURNING id";

fn see(connection: &Connection, identity: &Identity, name: &str) -> Result<Outcome, Refused> {
    let row = params![identity.kind, identity.id, name];
    let id = connection.prepare_cached(SEE)?.query_row(row, |row| row.get(0))?;
    Ok(Outcome::Place(PlaceId(id)))
}

const TURN: &str = "
    UPDATE places
    SET settings = ?3, revision = ?4, chain = ?5
    WHERE id = ?1 AND revision = ?2";

fn turn(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: PlaceFence,
    settings: &PlaceSettings,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let head = entry::head(entry, fence.chain);
    let row = params![fence.place.0, fence.chain.revision, json(settings), head.revision, head.hash];
    if connection.prepare_cached(TURN)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    let subject = Subject::Place(fence.place);
    entry::bodies(connection, subject, &entry.bodies)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

const DUE_ALERTS: &str = "
    SELECT alerts.id, place_id, alerts.kind, job_id, made_at, tries
    FROM alerts
    JOIN places ON places.id = place_id
    WHERE places.kind = ?1 AND due_at <= ?2 AND coalesce(lease_until, ?2) <= ?2
    ORDER BY due_at, alerts.id
    LIMIT ?3";
const LEASE_ALERT: &str = "
    UPDATE alerts
    SET lease = ?2, lease_until = ?3, tries = tries + 1
    WHERE id = ?1";

fn lease_alerts(
    connection: &Connection,
    now: Timestamp,
    channel: Channel,
    lease: i64,
    until: Timestamp,
    limit: u32,
) -> Result<Outcome, Refused> {
    let mut due = all(connection, DUE_ALERTS, params![channel.name(), now.0, limit], alert)?;
    for alert in &mut due {
        connection.prepare_cached(LEASE_ALERT)?.execute(params![alert.id.0, lease, until.0])?;
        alert.tries += 1;
    }
    Ok(Outcome::Alerts(due))
}

const TELL_AGAIN: &str = "
    UPDATE alerts
    SET due_at = ?3, lease = NULL, lease_until = NULL
    WHERE id = ?1 AND lease = ?2";
const FORGET_ALERT: &str = "
    DELETE FROM alerts
    WHERE id = ?1 AND lease = ?2";

fn settle_alert(
    connection: &Connection,
    id: AlertId,
    lease: i64,
    due_at: Option<Timestamp>,
) -> Result<Outcome, Refused> {
    let settled = match due_at {
        Some(due_at) => connection.prepare_cached(TELL_AGAIN)?.execute(params![id.0, lease, due_at.0])?,
        None => connection.prepare_cached(FORGET_ALERT)?.execute(params![id.0, lease])?,
    };
    if settled == 0 { Err(Refused::Guard(StoreError::Stale)) } else { Ok(Outcome::Done) }
}

/// Reads `id, place_id, kind, job_id, made_at, tries`.
fn alert(row: &Row<'_>) -> rusqlite::Result<AlertRecord> {
    let kind: String = row.get(2)?;
    Ok(AlertRecord {
        id: AlertId(row.get(0)?),
        place: PlaceId(row.get(1)?),
        kind: NoticeKind::from_name(&kind).ok_or_else(|| strange(2, &kind))?,
        job: row.get::<_, Option<i64>>(3)?.map(JobId),
        made_at: Timestamp(row.get(4)?),
        tries: row.get(5)?,
    })
}

const ALERT: &str = "
    SELECT id, place_id, kind, job_id, made_at, tries
    FROM alerts
    WHERE id = ?1";
const PLACE: &str = "
    SELECT id, kind, identity, name, settings, revision, chain
    FROM places
    WHERE id = ?1";
const KNOWN: &str = "
    SELECT id, kind, identity, name, settings, revision, chain
    FROM places
    WHERE kind = ?1 AND identity = ?2";
const PLACES: &str = "
    SELECT id, kind, identity, name, settings, revision, chain
    FROM places
    WHERE id > ?1
    ORDER BY id
    LIMIT ?2";

/// Answers a question.
pub(super) fn answer(connection: &Connection, query: &PlaceQuery) -> rusqlite::Result<Answer> {
    match query {
        PlaceQuery::Place(id) => places(connection, PLACE, [id.0]),
        PlaceQuery::Known(identity) => places(connection, KNOWN, [&identity.kind, &identity.id]),
        PlaceQuery::Alert(id) => Ok(Answer::Alerts(all(connection, ALERT, [id.0], alert)?)),
        PlaceQuery::Places { after, limit } => places(connection, PLACES, params![after.0, limit]),
    }
}

fn places(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<Answer> {
    let row = |row: &Row<'_>| {
        let settings: String = row.get(4)?;
        Ok(PlaceRecord {
            id: PlaceId(row.get(0)?),
            identity: Identity { kind: row.get(1)?, id: row.get(2)? },
            name: row.get(3)?,
            settings: read(4, &settings)?,
            chain: Chain { revision: row.get(5)?, hash: row.get(6)? },
        })
    };
    Ok(Answer::Places(all(connection, sql, values, row)?))
}
