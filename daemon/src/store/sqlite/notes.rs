//! Notes on jobs: what changes neither a job's state nor its epoch, and may come after its end; among it the complaints
//! and contests about attempts.

use super::entry;
use super::jobs::{add_tally, steering_text, turn_attempt};
use super::queries::all;
use super::rows;
use super::writer::Refused;
use crate::store::{
    Answer, AppealTurn, Cause, Conflict, Entry, Fence, JobNote, Outcome, Receipt, StoreError, TallyRecord,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params, params};

const NOTE_JOB: &str = "
    UPDATE jobs
    SET revision = coalesce(:revision, revision), chain = coalesce(:chain, chain), changed_at = :now,
        deadline = :deadline, due_at = :due_at, window_begins_at = :window_begins_at, window_ends_at = :window_ends_at,
        reminded = :reminded, steering = coalesce(:steering, steering)
    WHERE id = :id AND epoch = :epoch AND revision = :seen";
/// In another class a job comes as if it were posted now by somebody new.
const MOVE_JOB: &str = "
    UPDATE jobs
    SET class = ?2, fair_tag = (SELECT clock FROM queue_clocks WHERE class = ?2) + 1
    WHERE id = ?1 AND class <> ?2";
const MOVE_WAITS: &str = "
    UPDATE waits
    SET class = ?2, fair_tag = (SELECT fair_tag FROM jobs WHERE id = ?1)
    WHERE job_id = ?1";

/// Notes something about a job.
#[expect(clippy::too_many_arguments, reason = "they are the fields of the one command that this carries out")]
pub(super) fn note(
    connection: &Connection,
    now: Timestamp,
    fence: Fence,
    cause: Option<&Cause>,
    note: &JobNote,
    tallies: &[TallyRecord],
    appeal: Option<&AppealTurn>,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated_cause(connection, cause)? {
        return Ok(outcome);
    }
    if let Some(appeal) = appeal {
        check_appeal(connection, fence.job, appeal)?;
    }
    let head = entry.events.last().map(|event| event.chain);
    let changed = connection.prepare_cached(NOTE_JOB)?.execute(named_params! {
        ":id": fence.job.0,
        ":epoch": fence.epoch,
        ":seen": fence.revision,
        ":revision": head.map(|head| head.revision),
        ":chain": head.map(|head| head.hash),
        ":now": now.0,
        ":deadline": note.deadline.0,
        ":due_at": note.due_at.map(|time| time.0),
        ":window_begins_at": note.window.map(|window| window.begins_at.0),
        ":window_ends_at": note.window.map(|window| window.ends_at.0),
        ":reminded": note.window.map_or(0, |window| window.reminded),
        ":steering": note.steering.as_ref().map(steering_text),
    })?;
    if changed == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    let subject = Subject::Job(fence.job);
    entry::bodies(connection, subject, &entry.bodies)?;
    let class = note.priority.class();
    if connection.prepare_cached(MOVE_JOB)?.execute(params![fence.job.0, class])? > 0 {
        connection.prepare_cached(MOVE_WAITS)?.execute(params![fence.job.0, class])?;
    }
    if let Some(attempt) = &note.attempt {
        turn_attempt(connection, fence.job, attempt)?;
    }
    for tally in tallies {
        add_tally(connection, tally)?;
    }
    if let Some(appeal) = appeal {
        write_appeal(connection, now, fence.job, appeal)?;
    }
    entry::record(connection, now, subject, entry)?;
    entry::keep_cause(connection, now, cause, &Receipt::Job(fence.job))?;
    Ok(Outcome::Done)
}

const SELECT_APPEAL: &str = "
    SELECT upheld
    FROM appeals
    WHERE job_id = ?1 AND attempt = ?2 AND kind = ?3";
const INSERT_APPEAL: &str = "
    INSERT INTO appeals (job_id, attempt, kind, user_id, text, made_at, upheld)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
const DECIDE_APPEAL: &str = "
    UPDATE appeals
    SET upheld = ?4
    WHERE job_id = ?1 AND attempt = ?2 AND kind = ?3 AND upheld IS NULL";

fn check_appeal(connection: &Connection, job: JobId, appeal: &AppealTurn) -> Result<(), Refused> {
    let (attempt, kind) = match appeal {
        AppealTurn::Made { attempt, kind, .. } | AppealTurn::Decided { attempt, kind, .. } => (attempt, kind),
    };
    let known: Option<Option<bool>> = connection
        .prepare_cached(SELECT_APPEAL)?
        .query_row(params![job.0, attempt.0, kind.name()], |row| row.get(0))
        .optional()?;
    match (appeal, known) {
        (AppealTurn::Made { .. }, None) | (AppealTurn::Decided { .. }, Some(None)) => Ok(()),
        (AppealTurn::Made { .. }, Some(_)) => Err(Refused::Guard(StoreError::Conflict(Conflict::Appealed))),
        (AppealTurn::Decided { .. }, None | Some(Some(_))) => Err(Refused::Guard(StoreError::Stale)),
    }
}

fn write_appeal(
    connection: &Connection,
    now: Timestamp,
    job: JobId,
    appeal: &AppealTurn,
) -> Result<(), Refused> {
    match appeal {
        AppealTurn::Made { attempt, kind, user, text } => {
            let row = params![job.0, attempt.0, kind.name(), user.0, text.0, now.0];
            connection.prepare_cached(INSERT_APPEAL)?.execute(row)?;
        }
        AppealTurn::Decided { attempt, kind, upheld } => {
            let row = params![job.0, attempt.0, kind.name(), upheld];
            connection.prepare_cached(DECIDE_APPEAL)?.execute(row)?;
        }
    }
    Ok(())
}

pub(super) const OPEN_APPEALS: &str = "
    FROM appeals
    WHERE upheld IS NULL
    ORDER BY made_at, job_id, attempt, kind
    LIMIT ?1";
const APPEAL_COLUMNS: &str = "job_id, attempt, kind, user_id, text, made_at, upheld";

/// Complaints and contests that are not decided.
pub(super) fn open_appeals(connection: &Connection, limit: u32) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT {APPEAL_COLUMNS} {OPEN_APPEALS}");
    Ok(Answer::Appeals(all(connection, &sql, [limit], rows::appeal)?))
}

/// Complaints and contests about a job.
pub(super) fn appeals(connection: &Connection, job: JobId) -> rusqlite::Result<Answer> {
    let sql = format!("SELECT {APPEAL_COLUMNS} FROM appeals WHERE job_id = ?1 ORDER BY attempt, kind");
    Ok(Answer::Appeals(all(connection, &sql, [job.0], rows::appeal)?))
}
