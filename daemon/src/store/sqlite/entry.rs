//! What every change leaves behind in its transaction: history, bodies, notifications, messages, deliveries; and the
//! requests that make it idempotent.

use super::models;
use super::writer::Refused;
use crate::store::{
    Callback, Cause, Conflict, Entry, NewBody, NewDelivery, NewEvent, Outcome, Receipt, Request, StoreError,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::earliest_id;
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

const INSERT_BODY: &str = "
    INSERT INTO bodies (id, subject, subject_id, nonce, bytes)
    VALUES (?1, ?2, ?3, ?4, ?5)";
/// Ids grow, and say about when it was: the feed can begin at a time.
const INSERT_EVENT: &str = "
    INSERT INTO events (id, subject, subject_id, seq, bytes, hash)
    VALUES (max(coalesce((SELECT max(id) FROM events), 0) + 1, ?6), ?1, ?2, ?3, ?4, ?5)";
pub(super) const INSERT_NOTIFICATION: &str = "
    INSERT INTO notifications (id, user_id, channel, kind, job_id, attempt, agent_id, made_at, due_at, tries, lease,
        lease_until, acknowledged_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, NULL, NULL, NULL)";
const INSERT_ALERT: &str = "
    INSERT INTO alerts (id, place_id, kind, job_id, made_at, due_at, tries, lease, lease_until)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5, 0, NULL, NULL)";
const INSERT_MESSAGE: &str = "
    INSERT INTO messages (id, agent_id, kind, job_id, attempt, made_at, due_at, tries)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0)";
const INSERT_DELIVERY: &str = "
    INSERT INTO deliveries (id, agent_id, at, job_id, attempt, message, log)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const SELECT_REQUEST: &str = "
    SELECT hash, receipt
    FROM requests
    WHERE user_id = ?1 AND id = ?2";
const INSERT_REQUEST: &str = "
    INSERT INTO requests (user_id, id, hash, receipt, at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// Bodies come first: rows refer to them.
pub(super) fn bodies(connection: &Connection, subject: Subject, bodies: &[NewBody]) -> Result<(), Refused> {
    let (kind, number) = subject.parts();
    for body in bodies {
        connection
            .prepare_cached(INSERT_BODY)?
            .execute(params![body.id.0, kind, number, body.nonce, body.bytes])?;
    }
    Ok(())
}

/// Everything of an entry but its bodies.
pub(super) fn record(
    connection: &Connection,
    now: Timestamp,
    subject: Subject,
    entry: &Entry,
) -> Result<(), Refused> {
    let (kind, number) = subject.parts();
    for NewEvent { bytes, chain } in &entry.events {
        connection.prepare_cached(INSERT_EVENT)?.execute(params![
            kind,
            number,
            chain.revision,
            bytes,
            chain.hash,
            earliest_id(now)
        ])?;
    }
    for notification in &entry.notifications {
        let posted = if let Subject::Job(job) = subject { Some(job.0) } else { None };
        let job = notification.job.map(|job| job.0).or(posted);
        let attempt = notification.attempt.map(|attempt| attempt.0);
        let row = params![
            notification.id.0,
            notification.user.0,
            notification.channel.name(),
            notification.kind.name(),
            job,
            attempt,
            notification.agent.map(|agent| agent.0),
            now.0,
            notification.due_at.0
        ];
        connection.prepare_cached(INSERT_NOTIFICATION)?.execute(row)?;
    }
    for alert in &entry.alerts {
        let row = params![alert.id.0, alert.place.0, alert.kind.name(), alert.job.map(|job| job.0), now.0];
        connection.prepare_cached(INSERT_ALERT)?.execute(row)?;
    }
    for message in &entry.messages {
        let row =
            params![message.id.0, message.agent.0, message.kind, message.job.0, message.attempt.0, now.0];
        connection.prepare_cached(INSERT_MESSAGE)?.execute(row)?;
    }
    deliveries(connection, &entry.deliveries)?;
    models::judgements(connection, subject, &entry.judgements, entry.opinion)
}

/// Exchanges with agents.
pub(super) fn deliveries(connection: &Connection, deliveries: &[NewDelivery]) -> Result<Outcome, Refused> {
    for delivery in deliveries {
        let job = delivery.attempt.map(|(job, _)| job.0);
        let attempt = delivery.attempt.map(|(_, attempt)| attempt.0);
        let row = params![
            delivery.id.0,
            delivery.agent.0,
            delivery.at.0,
            job,
            attempt,
            delivery.message,
            delivery.log
        ];
        connection.prepare_cached(INSERT_DELIVERY)?.execute(row)?;
    }
    Ok(Outcome::Done)
}

/// What this request led to, if it was made before.
pub(super) fn repeated(connection: &Connection, request: &Request) -> Result<Option<Outcome>, Refused> {
    let mut statement = connection.prepare_cached(SELECT_REQUEST)?;
    let row = statement
        .query_row(params![request.user.0, request.id.as_str()], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    match row {
        None => Ok(None),
        Some((hash, _)) if hash != request.hash => {
            Err(Refused::Guard(StoreError::Conflict(Conflict::RequestReused)))
        }
        Some((_, text)) => {
            let receipt = serde_json::from_str(&text).map_err(|error| {
                Refused::Guard(StoreError::Unavailable(format!("a stored receipt cannot be read: {error}")))
            })?;
            Ok(Some(Outcome::Repeated(receipt)))
        }
    }
}

const SELECT_CALLBACK: &str = "
    SELECT hash
    FROM callbacks
    WHERE job_id = ?1 AND attempt = ?2 AND id = ?3";
const INSERT_CALLBACK: &str = "
    INSERT INTO callbacks (job_id, attempt, id, hash, at)
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// What this cause led to, if it was there before.
pub(super) fn repeated_cause(
    connection: &Connection,
    cause: Option<&Cause>,
) -> Result<Option<Outcome>, Refused> {
    let Callback { attempt, id, hash } = match cause {
        None => return Ok(None),
        Some(Cause::Request(request)) => return repeated(connection, request),
        Some(Cause::Callback(callback)) => callback,
    };
    let kept: Option<[u8; 32]> = connection
        .prepare_cached(SELECT_CALLBACK)?
        .query_row(params![attempt.job.0, attempt.number.0, id], |row| row.get(0))
        .optional()?;
    match kept {
        None => Ok(None),
        Some(kept) if kept == *hash => Ok(Some(Outcome::Repeated(Receipt::Job(attempt.job)))),
        Some(_) => Err(Refused::Guard(StoreError::Conflict(Conflict::RequestReused))),
    }
}

/// Keeps what a cause led to.
pub(super) fn keep_cause(
    connection: &Connection,
    now: Timestamp,
    cause: Option<&Cause>,
    receipt: &Receipt,
) -> Result<(), Refused> {
    match cause {
        None => Ok(()),
        Some(Cause::Request(request)) => keep_request(connection, now, Some(request), receipt),
        Some(Cause::Callback(Callback { attempt, id, hash })) => {
            let row = params![attempt.job.0, attempt.number.0, id, hash, now.0];
            connection.prepare_cached(INSERT_CALLBACK)?.execute(row)?;
            Ok(())
        }
    }
}

/// Keeps what a request led to.
pub(super) fn keep_request(
    connection: &Connection,
    now: Timestamp,
    request: Option<&Request>,
    receipt: &Receipt,
) -> Result<(), Refused> {
    if let Some(request) = request {
        let text = serde_json::to_string(receipt).expect("a receipt of plain values prints as JSON");
        let row = params![request.user.0, request.id.as_str(), request.hash, text, now.0];
        connection.prepare_cached(INSERT_REQUEST)?.execute(row)?;
    }
    Ok(())
}

/// The chain's head after an entry, or `before` if it has no events.
pub(super) fn head(entry: &Entry, before: crate::store::Chain) -> crate::store::Chain {
    entry.events.last().map_or(before, |event| event.chain)
}
