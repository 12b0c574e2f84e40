//! The commands on jobs. Each is guarded by the job's epoch and revision in its first statement.

use super::entry;
use super::rows::{checked_name, visibility_name};
use super::writer::Refused;
use crate::store::{
    AttemptTurn, Cause, Conflict, Entry, Fence, JobTurn, NewAttempt, NewPost, Outcome, Pulse, Receipt,
    Request, Steering, StoreError, TallyRecord,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AgentId, BodyId, JobId};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params, params};

const SELECT_FAIR_TAG: &str = "
    SELECT max(
        (SELECT clock FROM queue_clocks WHERE class = ?1),
        coalesce((SELECT fair_tag FROM queue_clients WHERE class = ?1 AND client_id = ?2), 0)
    ) + 1";
const UPSERT_CLIENT_TAG: &str = "
    INSERT INTO queue_clients (class, client_id, fair_tag)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (class, client_id) DO UPDATE SET fair_tag = excluded.fair_tag";
const NEXT_JOB: &str = "SELECT coalesce(max(id), 0) + 1 FROM jobs";
pub(super) const INSERT_JOB: &str = "
    INSERT INTO jobs (id, client_id, place_id, visibility, class, fair_tag, title, label, derived_from, trial, draft,
        state, detail, epoch, revision, chain, posted_at, changed_at, deadline, due_at, ready, lease_incarnation,
        lease_until, deaths, attempts, checked_by, waiting, window_begins_at, window_ends_at, reminded, steering,
        question, reply)
    VALUES (:id, :client, :place, :visibility, :class, :fair_tag, :title, :label, :derived_from, :trial, :draft,
        'open', '', 1, :revision, :chain, :now, :now, :deadline, :deadline, 1, NULL,
        NULL, 0, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL)";
const COUNT_BYTES: &str = "
    UPDATE users
    SET stored_bytes = stored_bytes + ?2
    WHERE id = ?1";

/// Posts jobs, all or none.
pub(super) fn post(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    jobs: &[NewPost],
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let mut ids = Vec::with_capacity(jobs.len());
    for job in jobs {
        let class = job.priority.class();
        let tag: i64 = connection
            .prepare_cached(SELECT_FAIR_TAG)?
            .query_row(params![class, job.client.0], |row| row.get(0))?;
        connection.prepare_cached(UPSERT_CLIENT_TAG)?.execute(params![class, job.client.0, tag])?;
        let id = JobId(connection.prepare_cached(NEXT_JOB)?.query_row([], |row| row.get(0))?);
        let subject = Subject::Job(id);
        entry::bodies(connection, subject, &job.entry.bodies)?;
        let head = entry::head(&job.entry, crate::store::Chain::default());
        connection.prepare_cached(INSERT_JOB)?.execute(named_params! {
            ":id": id.0,
            ":client": job.client.0,
            ":place": job.place.0,
            ":visibility": visibility_name(job.visibility),
            ":class": class,
            ":fair_tag": tag,
            ":title": job.title,
            ":label": job.label,
            ":derived_from": job.derived_from.map(|job| job.0),
            ":trial": job.trial,
            ":draft": job.draft.0,
            ":revision": head.revision,
            ":chain": head.hash,
            ":now": now.0,
            ":deadline": job.deadline.0,
        })?;
        let bytes: usize = job.entry.bodies.iter().map(|body| body.bytes.len()).sum();
        connection.prepare_cached(COUNT_BYTES)?.execute(params![job.client.0, bytes])?;
        entry::record(connection, now, subject, &job.entry)?;
        ids.push(id);
    }
    entry::keep_request(connection, now, Some(request), &Receipt::Posted(ids.clone()))?;
    Ok(Outcome::Posted(ids))
}

pub(super) const ASSIGN_JOB: &str = "
    UPDATE jobs
    SET state = :state, detail = :detail, epoch = epoch + 1, revision = :revision, chain = :chain, changed_at = :now,
        due_at = :due_at, ready = 0, lease_incarnation = :incarnation, lease_until = :until, deaths = :deaths,
        attempts = attempts + 1, checked_by = coalesce(:checked_by, checked_by), waiting = NULL,
        window_begins_at = NULL, window_ends_at = NULL, reminded = 0, steering = coalesce(:steering, steering)
    WHERE id = :id
        AND epoch = :epoch
        AND revision = :seen
        AND state = 'open'
        AND attempts + 1 = :number
        AND EXISTS (
            SELECT 1
            FROM agents
            WHERE id = :agent
                AND state = 'active'
                AND (
                    SELECT count(*)
                    FROM attempts INDEXED BY attempts_slots
                    WHERE agent_id = :agent
                        AND (attempts.state = 'sending' OR attempts.state = 'accepted' OR attempts.state = 'asked'
                            OR attempts.state = 'unclear')
                ) < concurrency
        )";
pub(super) const INSERT_ATTEMPT: &str = "
    INSERT INTO attempts (job_id, number, agent_id, version, state, repair, tries, started_at, answered_at, ended_at,
        pick, answer, findings, reason, deadline, left_ms, heard_at, question, reply, replies, input)
    VALUES (?1, ?2, ?3, ?4, 'sending', ?5, 1, ?6, NULL, NULL, ?7, NULL, NULL, NULL, ?8, NULL, NULL, NULL, NULL, 0, ?9)";
const COUNT_DAY: &str = "
    INSERT INTO agent_days (day, agent_id, client_id, jobs)
    SELECT ?1, ?2, client_id, 1
    FROM jobs
    WHERE id = ?3
    ON CONFLICT (day, agent_id, client_id) DO UPDATE SET jobs = jobs + 1";
// Not by RETURNING of the assignment: SQLite would open a temporary table for it at every job.
const ADVANCE_CLOCK: &str = "
    UPDATE queue_clocks
    SET clock = max(clock, (SELECT fair_tag FROM jobs WHERE id = ?1))
    WHERE class = (SELECT class FROM jobs WHERE id = ?1)";
const DELETE_WAITS: &str = "DELETE FROM waits WHERE job_id = ?1";
const IS_CURRENT: &str = "
    SELECT state = 'open' AND attempts + 1 = ?4
    FROM jobs
    WHERE id = ?1 AND epoch = ?2 AND revision = ?3";

/// Writes the next attempt.
#[expect(clippy::too_many_arguments, reason = "they are the fields of the one command that this carries out")]
pub(super) fn assign(
    connection: &Connection,
    now: Timestamp,
    fence: Fence,
    attempt: &NewAttempt,
    turn: &JobTurn,
    steering: Option<&Steering>,
    day: Option<i64>,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let head = entry::head(entry, crate::store::Chain::default());
    let changed = connection.prepare_cached(ASSIGN_JOB)?.execute(named_params! {
        ":id": fence.job.0,
        ":epoch": fence.epoch,
        ":seen": fence.revision,
        ":number": attempt.number.0,
        ":agent": attempt.agent.0,
        ":state": turn.state.name(),
        ":detail": turn.state.detail(),
        ":revision": head.revision,
        ":chain": head.hash,
        ":now": now.0,
        ":due_at": turn.due_at.map(|time| time.0),
        ":incarnation": turn.lease.map(|lease| lease.incarnation.0),
        ":until": turn.lease.map(|lease| lease.until.0),
        ":deaths": turn.deaths,
        ":checked_by": turn.checked_by.map(checked_name),
        ":steering": steering.map(steering_text),
    })?;
    if changed == 0 {
        let current: Option<bool> = connection
            .prepare_cached(IS_CURRENT)?
            .query_row(params![fence.job.0, fence.epoch, fence.revision, attempt.number.0], |row| row.get(0))
            .optional()?;
        let why =
            if current == Some(true) { StoreError::Conflict(Conflict::NoSlot) } else { StoreError::Stale };
        return Err(Refused::Guard(why));
    }
    let subject = Subject::Job(fence.job);
    entry::bodies(connection, subject, &entry.bodies)?;
    connection.prepare_cached(INSERT_ATTEMPT)?.execute(params![
        fence.job.0,
        attempt.number.0,
        attempt.agent.0,
        attempt.version.0,
        attempt.repair,
        now.0,
        attempt.pick.0,
        attempt.deadline.0,
        attempt.input.map(|body| body.0)
    ])?;
    if let Some(day) = day {
        connection.prepare_cached(COUNT_DAY)?.execute(params![day, attempt.agent.0, fence.job.0])?;
    }
    connection.prepare_cached(ADVANCE_CLOCK)?.execute([fence.job.0])?;
    connection.prepare_cached(DELETE_WAITS)?.execute([fence.job.0])?;
    entry::record(connection, now, subject, entry)?;
    Ok(Outcome::Done)
}

const PARK_JOB: &str = "
    UPDATE jobs
    SET epoch = epoch + 1, revision = :revision, chain = :chain, changed_at = :now, due_at = :due_at, ready = 0,
        lease_incarnation = NULL, lease_until = NULL, deaths = 0
    WHERE id = :id AND epoch = :epoch AND revision = :seen AND state = 'open'
    RETURNING class, fair_tag";
const SET_WAITING: &str = "
    UPDATE jobs
    SET waiting = ?2
    WHERE id = ?1";
const INSERT_WAIT: &str = "
    INSERT INTO waits (agent_id, class, fair_tag, job_id)
    VALUES (?1, ?2, ?3, ?4)";

/// Lets a job wait for agents.
pub(super) fn park(
    connection: &Connection,
    now: Timestamp,
    fence: Fence,
    waits_for: &[AgentId],
    pick: BodyId,
    due_at: Timestamp,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let head = entry::head(entry, crate::store::Chain::default());
    let queued: Option<(i64, i64)> = connection
        .prepare_cached(PARK_JOB)?
        .query_row(
            named_params! {
                ":id": fence.job.0,
                ":epoch": fence.epoch,
                ":seen": fence.revision,
                ":revision": head.revision,
                ":chain": head.hash,
                ":now": now.0,
                ":due_at": due_at.0,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((class, tag)) = queued else {
        return Err(Refused::Guard(StoreError::Stale));
    };
    let subject = Subject::Job(fence.job);
    entry::bodies(connection, subject, &entry.bodies)?;
    connection.prepare_cached(SET_WAITING)?.execute(params![fence.job.0, pick.0])?;
    connection.prepare_cached(DELETE_WAITS)?.execute([fence.job.0])?;
    for agent in waits_for {
        connection.prepare_cached(INSERT_WAIT)?.execute(params![agent.0, class, tag, fence.job.0])?;
    }
    entry::record(connection, now, subject, entry)?;
    Ok(Outcome::Done)
}

pub(super) const TURN_JOB: &str = "
    UPDATE jobs
    SET state = :state, detail = :detail, epoch = epoch + 1, revision = :revision, chain = :chain, changed_at = :now,
        due_at = :due_at, ready = :ready, lease_incarnation = :incarnation, lease_until = :until, deaths = :deaths,
        checked_by = coalesce(:checked_by, checked_by), waiting = NULL, window_begins_at = :window_begins_at,
        window_ends_at = :window_ends_at, reminded = :reminded, steering = coalesce(:steering, steering)
    WHERE id = :id AND epoch = :epoch AND revision = :seen
        AND state <> 'completed' AND state <> 'failed' AND state <> 'canceled' AND state <> 'expired'";
const COUNT_ENDED: &str = "
    UPDATE job_counts
    SET jobs = jobs + 1
    WHERE state = ?1";
const SET_DIALOG: &str = "
    UPDATE jobs
    SET question = ?2, reply = ?3
    WHERE id = ?1";
pub(super) const TURN_ATTEMPT: &str = "
    UPDATE attempts
    SET state = :state, tries = :tries, deadline = :deadline, left_ms = :left_ms, heard_at = :heard_at,
        answered_at = :answered_at, ended_at = :ended_at, answer = :answer, findings = :findings, reason = :reason,
        question = :question, reply = :reply, replies = :replies
    WHERE job_id = :job AND number = :number";
const ADD_TALLY: &str = "
    INSERT INTO agent_tallies (agent_id, day, passed, failed, declined, unreachable, answered, answer_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (agent_id, day) DO UPDATE
    SET passed = passed + excluded.passed, failed = failed + excluded.failed, declined = declined + excluded.declined,
        unreachable = unreachable + excluded.unreachable, answered = answered + excluded.answered,
        answer_ms = answer_ms + excluded.answer_ms";

const COUNT_MISS: &str = "
    UPDATE agents
    SET misses = misses + 1
    WHERE id = ?1";
const CLEAR_MISSES: &str = "
    UPDATE agents
    SET misses = 0
    WHERE id = ?1";

/// A job goes on.
#[expect(clippy::too_many_arguments, reason = "they are the fields of the one command that this carries out")]
pub(super) fn turn(
    connection: &Connection,
    now: Timestamp,
    fence: Fence,
    cause: Option<&Cause>,
    turn: &JobTurn,
    attempt: Option<&AttemptTurn>,
    steering: Option<&Steering>,
    tally: Option<&TallyRecord>,
    pulse: Option<(AgentId, Pulse)>,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated_cause(connection, cause)? {
        return Ok(outcome);
    }
    let head = entry::head(entry, crate::store::Chain::default());
    let changed = connection.prepare_cached(TURN_JOB)?.execute(named_params! {
        ":id": fence.job.0,
        ":epoch": fence.epoch,
        ":seen": fence.revision,
        ":state": turn.state.name(),
        ":detail": turn.state.detail(),
        ":revision": head.revision,
        ":chain": head.hash,
        ":now": now.0,
        ":due_at": turn.due_at.map(|time| time.0),
        ":ready": turn.ready,
        ":incarnation": turn.lease.map(|lease| lease.incarnation.0),
        ":until": turn.lease.map(|lease| lease.until.0),
        ":deaths": turn.deaths,
        ":checked_by": turn.checked_by.map(checked_name),
        ":window_begins_at": turn.window.map(|window| window.begins_at.0),
        ":window_ends_at": turn.window.map(|window| window.ends_at.0),
        ":reminded": turn.window.map_or(0, |window| window.reminded),
        ":steering": steering.map(steering_text),
    })?;
    if changed == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    if turn.state.is_terminal() {
        // For ever: it is never counted in another state again.
        connection.prepare_cached(COUNT_ENDED)?.execute([turn.state.name()])?;
    }
    let subject = Subject::Job(fence.job);
    entry::bodies(connection, subject, &entry.bodies)?;
    if turn.question.is_some() || turn.reply.is_some() {
        // After the bodies that it refers to.
        let row = params![fence.job.0, turn.question.map(|body| body.0), turn.reply.map(|body| body.0)];
        connection.prepare_cached(SET_DIALOG)?.execute(row)?;
    }
    if let Some(attempt) = attempt {
        turn_attempt(connection, fence.job, attempt)?;
    }
    if let Some(tally) = tally {
        add_tally(connection, tally)?;
    }
    if let Some((agent, pulse)) = pulse {
        let sql = match pulse {
            Pulse::Miss => COUNT_MISS,
            Pulse::Beat => CLEAR_MISSES,
        };
        connection.prepare_cached(sql)?.execute([agent.0])?;
    }
    connection.prepare_cached(DELETE_WAITS)?.execute([fence.job.0])?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_cause(connection, now, cause, &Receipt::Job(fence.job))?;
    Ok(Outcome::Done)
}

pub(super) fn turn_attempt(
    connection: &Connection,
    job: JobId,
    attempt: &AttemptTurn,
) -> Result<(), Refused> {
    connection.prepare_cached(TURN_ATTEMPT)?.execute(named_params! {
        ":job": job.0,
        ":number": attempt.number.0,
        ":state": attempt.state.name(),
        ":tries": attempt.tries,
        ":deadline": attempt.deadline.0,
        ":left_ms": attempt.left_ms,
        ":heard_at": attempt.heard_at.map(|time| time.0),
        ":answered_at": attempt.answered_at.map(|time| time.0),
        ":ended_at": attempt.ended_at.map(|time| time.0),
        ":answer": attempt.answer.map(|body| body.0),
        ":findings": attempt.findings.map(|body| body.0),
        ":reason": attempt.reason.map(|body| body.0),
        ":question": attempt.question.map(|body| body.0),
        ":reply": attempt.reply.map(|body| body.0),
        ":replies": attempt.replies,
    })?;
    Ok(())
}

pub(super) fn add_tally(
    connection: &Connection,
    TallyRecord { agent, day, tally }: &TallyRecord,
) -> Result<(), Refused> {
    connection.prepare_cached(ADD_TALLY)?.execute(params![
        agent.0,
        day,
        tally.passed,
        tally.failed,
        tally.declined,
        tally.unreachable,
        tally.answered,
        tally.answer_ms,
    ])?;
    Ok(())
}

/// Steering as storage keeps it.
pub(super) fn steering_text(steering: &Steering) -> String {
    serde_json::to_string(steering).expect("plain numbers print as JSON")
}
