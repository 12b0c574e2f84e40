//! Messages elsewhere that show a job, and drafts.

use super::queries::all;
use super::writer::Refused;
use crate::store::front_end::{ClosedRecord, DRAFT_MS, DRAFTS_MAX, FrontEndCommand, Reach, SurfaceRecord};
use crate::store::{Answer, Outcome, StoreError};
use guildhall_protocol::ids::{JobId, SurfaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

const SHOW: &str = "
    INSERT INTO surfaces (id, job_id, channel, address, shown, due_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (channel, job_id, address) DO UPDATE SET
        tries = iif(excluded.shown > shown, 0, tries),
        shown = max(shown, excluded.shown)";
const BEHIND: &str = "
    SELECT surfaces.id, job_id, address, shown, tries + 1
    FROM surfaces
    JOIN jobs ON jobs.id = job_id
    WHERE channel = ?1 AND jobs.revision > shown AND surfaces.due_at <= ?2
    ORDER BY surfaces.due_at, surfaces.id
    LIMIT ?3";
const LEASE: &str = "
    UPDATE surfaces
    SET lease = ?2, due_at = ?3, tries = tries + 1
    WHERE id = ?1";
const IS_LEASED: &str = "
    SELECT 1
    FROM surfaces
    WHERE id = ?1 AND lease = ?2";
const SETTLE: &str = "
    UPDATE surfaces
    SET tries = iif(?2 > shown, 0, tries), shown = max(shown, ?2), lease = NULL, due_at = ?3
    WHERE id = ?1";
const FORGET: &str = "
    DELETE FROM surfaces
    WHERE id = ?1";
const OPEN: &str = "
    DELETE FROM closed_channels
    WHERE user_id = ?1 AND channel = ?2";
const CLOSE: &str = "
    INSERT INTO closed_channels (user_id, channel, closed_at, told)
    VALUES (?1, ?2, ?3, 0)
    ON CONFLICT DO UPDATE SET closed_at = excluded.closed_at";
const TELL: &str = "
    UPDATE closed_channels
    SET told = 1
    WHERE user_id = ?1 AND channel = ?2 AND told = 0";
const RELEASE_NOTICES: &str = "
    UPDATE notifications
    SET lease = NULL, lease_until = NULL
    WHERE channel = ?1 AND due_at IS NOT NULL AND lease IS NOT NULL";
const RELEASE_ALERTS: &str = "
    UPDATE alerts
    SET lease = NULL, lease_until = NULL
    WHERE lease IS NOT NULL AND place_id IN (SELECT id FROM places WHERE kind = ?1)";
const RELEASE_SURFACES: &str = "
    UPDATE surfaces
    SET lease = NULL, due_at = ?2
    WHERE channel = ?1 AND lease IS NOT NULL";
const DROP_OLD_DRAFTS: &str = "
    DELETE FROM drafts
    WHERE kept_at < ?1";
const KEEP_DRAFT: &str = "
    INSERT INTO drafts (user_id, name, content, kept_at)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO UPDATE SET content = excluded.content, kept_at = excluded.kept_at";
const DROP_MANY_DRAFTS: &str = "
    DELETE FROM drafts
    WHERE user_id = ?1 AND name NOT IN (
        SELECT name FROM drafts WHERE user_id = ?1 ORDER BY kept_at DESC, name DESC LIMIT ?2)";

/// Carries out a command.
pub(super) fn apply(
    connection: &Connection,
    now: Timestamp,
    command: &FrontEndCommand,
) -> Result<Outcome, Refused> {
    match command {
        FrontEndCommand::Show { id, job, channel, address, shown } => {
            let row = params![id.0, job.0, channel.name(), address, shown, now.0];
            connection.prepare_cached(SHOW)?.execute(row)?;
        }
        FrontEndCommand::LeaseSurfaces { channel, lease, until, limit } => {
            let behind = all(connection, BEHIND, params![channel.name(), now.0, limit], surface)?;
            for surface in &behind {
                connection.prepare_cached(LEASE)?.execute(params![surface.id.0, lease, until.0])?;
            }
            return Ok(Outcome::Surfaces(behind));
        }
        FrontEndCommand::SettleSurface { id, lease, shown, due_at } => {
            if !connection.prepare_cached(IS_LEASED)?.exists(params![id.0, lease])? {
                return Err(Refused::Guard(StoreError::Stale));
            }
            match shown {
                Some(shown) => connection.prepare_cached(SETTLE)?.execute(params![id.0, shown, due_at.0])?,
                None => connection.prepare_cached(FORGET)?.execute([id.0])?,
            };
        }
        FrontEndCommand::Reach { user, channel, reach } => {
            let who = params![user.0, channel.name()];
            match reach {
                Reach::Open => connection.prepare_cached(OPEN)?.execute(who)?,
                Reach::Closed => {
                    connection.prepare_cached(CLOSE)?.execute(params![user.0, channel.name(), now.0])?
                }
                Reach::Told if connection.prepare_cached(TELL)?.execute(who)? == 0 => {
                    return Err(Refused::Guard(StoreError::Stale));
                }
                Reach::Told => 1,
            };
        }
        FrontEndCommand::Release { channel } => {
            connection.prepare_cached(RELEASE_NOTICES)?.execute([channel.name()])?;
            connection.prepare_cached(RELEASE_ALERTS)?.execute([channel.name()])?;
            connection.prepare_cached(RELEASE_SURFACES)?.execute(params![channel.name(), now.0])?;
        }
        FrontEndCommand::KeepDraft { user, name, content } => {
            connection.prepare_cached(DROP_OLD_DRAFTS)?.execute([now.0 - DRAFT_MS])?;
            connection.prepare_cached(KEEP_DRAFT)?.execute(params![user.0, name, content, now.0])?;
            connection.prepare_cached(DROP_MANY_DRAFTS)?.execute(params![user.0, DRAFTS_MAX])?;
        }
    }
    Ok(Outcome::Done)
}

const DRAFT: &str = "
    SELECT content
    FROM drafts
    WHERE user_id = ?1 AND name = ?2 AND kept_at >= ?3";

/// What a draft holds, if it is still kept.
pub(super) fn draft(
    connection: &Connection,
    user: UserId,
    name: &str,
    since: Timestamp,
) -> rusqlite::Result<Answer> {
    let row = params![user.0, name, since.0];
    let found = connection.prepare_cached(DRAFT)?.query_row(row, |row| row.get(0)).optional()?;
    Ok(Answer::Text(found))
}

const CLOSED: &str = "
    SELECT closed_at, told
    FROM closed_channels
    WHERE user_id = ?1 AND channel = ?2";

/// Whether somebody takes nothing on a channel.
pub(super) fn closed(connection: &Connection, user: UserId, channel: Channel) -> rusqlite::Result<Answer> {
    let row = |row: &Row<'_>| Ok(ClosedRecord { at: Timestamp(row.get(0)?), told: row.get(1)? });
    let found = connection.prepare_cached(CLOSED)?.query_row(params![user.0, channel.name()], row);
    found.optional().map(Answer::Closed)
}

const SURFACES: &str = "
    SELECT id, job_id, address, shown, tries
    FROM surfaces
    WHERE job_id = ?1
    ORDER BY id";

/// The messages that show a job.
pub(super) fn surfaces(connection: &Connection, job: JobId) -> rusqlite::Result<Answer> {
    Ok(Answer::Surfaces(all(connection, SURFACES, [job.0], surface)?))
}

fn surface(row: &Row<'_>) -> rusqlite::Result<SurfaceRecord> {
    let (id, job) = (SurfaceId(row.get(0)?), JobId(row.get(1)?));
    Ok(SurfaceRecord { id, job, address: row.get(2)?, shown: row.get(3)?, tries: row.get(4)? })
}
