//! What waits to be said: messages to agents, notifications to people.

use super::entry;
use super::queries::all;
use super::rows::{self, NOTIFICATION_COLUMNS};
use super::writer::Refused;
use crate::store::{Answer, NewDelivery, NoticeLogRecord, Outcome, Receipt, Request, StoreError};
use guildhall_protocol::ids::{JobId, MessageId, NotificationId, UserId};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, Row, params};

const SETTLE_MESSAGE: &str = "
    UPDATE messages
    SET tries = ?2, due_at = ?3
    WHERE id = ?1";

/// A message went out, or not yet.
pub(super) fn settle_message(
    connection: &Connection,
    id: MessageId,
    tries: u32,
    due_at: Option<Timestamp>,
    delivery: Option<&NewDelivery>,
) -> Result<Outcome, Refused> {
    let row = params![id.0, tries, due_at.map(|time| time.0)];
    if connection.prepare_cached(SETTLE_MESSAGE)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::NotFound));
    }
    entry::deliveries(connection, delivery.map_or(&[], std::slice::from_ref))
}

/// In their order, job by job: what is being told, or is told again, goes before what is newer. What is only held back to
/// be told with others holds nobody up.
pub(super) const DUE_NOTIFICATIONS: &str = "
    FROM notifications AS due
    WHERE channel = ?1
        AND due_at IS NOT NULL
        AND due_at <= ?2
        AND coalesce(lease_until, ?2) <= ?2
        AND (
            job_id IS NULL
            OR NOT EXISTS (
                SELECT 1
                FROM notifications AS older
                WHERE older.user_id = due.user_id
                    AND older.channel = due.channel
                    AND older.job_id = due.job_id
                    AND older.id < due.id
                    AND older.due_at IS NOT NULL
                    AND (older.due_at <= ?2 OR older.tries > 0)
            )
        )
    ORDER BY due_at, id
    LIMIT ?3";
const LEASE_NOTIFICATION: &str = "
    UPDATE notifications
    SET lease = ?2, lease_until = ?3, tries = tries + 1
    WHERE id = ?1";

/// Hands out notifications.
pub(super) fn lease_notifications(
    connection: &Connection,
    now: Timestamp,
    channel: Channel,
    lease: i64,
    until: Timestamp,
    limit: u32,
) -> Result<Outcome, Refused> {
    let mut due = connection
        .prepare_cached(&format!("SELECT {NOTIFICATION_COLUMNS} {DUE_NOTIFICATIONS}"))?
        .query_map(params![channel.name(), now.0, limit], rows::notification)?
        .collect::<Result<Vec<_>, _>>()?;
    for notification in &mut due {
        let row = params![notification.id.0, lease, until.0];
        connection.prepare_cached(LEASE_NOTIFICATION)?.execute(row)?;
        notification.tries += 1;
    }
    Ok(Outcome::Leased(due))
}

const SETTLE_NOTIFICATION: &str = "
    UPDATE notifications
    SET due_at = ?3, lease = NULL, lease_until = NULL, acknowledged_at = coalesce(?4, acknowledged_at)
    WHERE id = ?1 AND lease = ?2";
const LOG_NOTICE: &str = "
    INSERT INTO notice_log (id, place, at, acknowledged, detail)
    VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM notice_log WHERE id = ?1), ?2, ?3, ?4)";

/// What became of notifications that were told as one.
pub(super) fn settle_notifications(
    connection: &Connection,
    now: Timestamp,
    ids: &[NotificationId],
    lease: i64,
    due_at: Option<Timestamp>,
    acknowledged: bool,
    detail: &str,
) -> Result<Outcome, Refused> {
    let mut settled = 0;
    for id in ids {
        let row = params![id.0, lease, due_at.map(|time| time.0), acknowledged.then_some(now.0)];
        if connection.prepare_cached(SETTLE_NOTIFICATION)?.execute(row)? > 0 {
            connection.prepare_cached(LOG_NOTICE)?.execute(params![id.0, now.0, acknowledged, detail])?;
            settled += 1;
        }
    }
    if settled == 0 { Err(Refused::Guard(StoreError::Stale)) } else { Ok(Outcome::Done) }
}

const REPLAY_NOTIFICATION: &str = "
    UPDATE notifications
    SET due_at = ?2, lease = NULL, lease_until = NULL
    WHERE id = ?1";

/// Sends a notification again.
pub(super) fn replay_notification(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    id: NotificationId,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    if connection.prepare_cached(REPLAY_NOTIFICATION)?.execute(params![id.0, now.0])? == 0 {
        return Err(Refused::Guard(StoreError::NotFound));
    }
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

pub(super) const DUE_MESSAGES: &str = "
    FROM messages
    WHERE due_at IS NOT NULL AND due_at <= ?1
    ORDER BY due_at, id
    LIMIT ?2";

/// Messages to agents that are due.
pub(super) fn due_messages(connection: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT id, agent_id, kind, job_id, attempt, made_at, tries {DUE_MESSAGES}");
    Ok(Answer::Messages(all(connection, &sql, params![now.0, limit], rows::message)?))
}

/// A person's notifications, or everybody's, newest first.
pub(super) fn notifications_of_user(
    connection: &Connection,
    user: Option<UserId>,
    before: Option<NotificationId>,
    limit: u32,
) -> rusqlite::Result<Answer> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let select = format!("SELECT {NOTIFICATION_COLUMNS} FROM notifications");
    let found = if let Some(user) = user {
        let sql = format!("{select} WHERE user_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
        all(connection, &sql, params![user.0, before, limit], rows::notification)?
    } else {
        let sql = format!("{select} WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
        all(connection, &sql, params![before, limit], rows::notification)?
    };
    Ok(Answer::Notifications(found))
}

/// The notifications of one kind about a job.
pub(super) fn notifications_of_job(
    connection: &Connection,
    job: JobId,
    kind: NoticeKind,
) -> rusqlite::Result<Answer> {
    let sql = format!(
        "SELECT {NOTIFICATION_COLUMNS} FROM notifications WHERE job_id = ?1 AND kind = ?2 ORDER BY id"
    );
    Ok(Answer::Notifications(all(connection, &sql, params![job.0, kind.name()], rows::notification)?))
}

/// One notification.
pub(super) fn notification(connection: &Connection, id: NotificationId) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT {NOTIFICATION_COLUMNS} FROM notifications WHERE id = ?1");
    Ok(Answer::Notifications(all(connection, &sql, [id.0], rows::notification)?))
}

/// What became of a notification.
pub(super) fn log(connection: &Connection, id: NotificationId) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT id, at, acknowledged, detail
        FROM notice_log
        WHERE id = ?1
        ORDER BY place";
    let row = |row: &Row<'_>| {
        Ok(NoticeLogRecord {
            id: NotificationId(row.get(0)?),
            at: Timestamp(row.get(1)?),
            acknowledged: row.get(2)?,
            detail: row.get(3)?,
        })
    };
    Ok(Answer::NoticeLog(all(connection, sql, [id.0], row)?))
}
