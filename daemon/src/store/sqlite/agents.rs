//! The commands on agents, each guarded by the agent's revision.

use super::entry;
use super::queries::all;
use super::rows::{audience_name, health_parts};
use super::writer::Refused;
use crate::store::{
    AgentFence, AgentTurn, Answer, Chain, Command, Conflict, DayRecord, Entry, Holding, NewVersion, Outcome,
    Receipt, Request, StoreError,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AgentId, UserId};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

const INSERT_AGENT: &str = "
    INSERT INTO agents (name, owner_id, state, detail, health, health_until, audience, version, concurrency,
        delivery_secret, callback_secret, due_at, tries, misses, openings, opened_at, registered_at, revision, chain)
    VALUES (:name, :owner, 'pending', '', 'closed', NULL, :audience, :version, :concurrency,
        :delivery_secret, :callback_secret, :due_at, 0, 0, 0, NULL, :now, :revision, :chain)
    ON CONFLICT (name) DO NOTHING
    RETURNING id";
const INSERT_VERSION: &str = "
    INSERT INTO agent_versions (agent_id, version, definition, made_at)
    VALUES (?1, ?2, ?3, ?4)";
const INSERT_GRANT: &str = "
    INSERT INTO agent_grants (agent_id, host, port)
    VALUES (?1, ?2, ?3)
    ON CONFLICT (agent_id, host, port) DO NOTHING";

/// Registers an agent.
pub(super) fn register(
    connection: &Connection,
    now: Timestamp,
    command: &Command,
) -> Result<Outcome, Refused> {
    let Command::Register {
        request,
        name,
        owner,
        audience,
        version,
        delivery_secret,
        callback_secret,
        due_at,
        entry,
    } = command
    else {
        return Err(Refused::Guard(StoreError::Unavailable("this is no registration".to_owned())));
    };
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let head = entry::head(entry, Chain::default());
    let id: Option<i64> = connection
        .prepare_cached(INSERT_AGENT)?
        .query_row(
            named_params! {
                ":name": name.as_str(),
                ":owner": owner.0,
                ":audience": audience_name(*audience),
                ":version": version.version.0,
                ":concurrency": version.concurrency,
                ":delivery_secret": delivery_secret.0,
                ":callback_secret": callback_secret.0,
                ":due_at": due_at.0,
                ":now": now.0,
                ":revision": head.revision,
                ":chain": head.hash,
            },
            |row| row.get(0),
        )
        .optional()?;
    let Some(id) = id.map(AgentId) else {
        return Err(Refused::Guard(StoreError::Conflict(Conflict::NameTaken)));
    };
    let subject = Subject::Agent(id);
    entry::bodies(connection, subject, &entry.bodies)?;
    write_version(connection, now, id, version)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Agent(id))?;
    Ok(Outcome::Registered(id))
}

fn write_version(
    connection: &Connection,
    now: Timestamp,
    agent: AgentId,
    version: &NewVersion,
) -> Result<(), Refused> {
    let row = params![agent.0, version.version.0, version.definition.0, now.0];
    connection.prepare_cached(INSERT_VERSION)?.execute(row)?;
    for (host, port) in &version.grants {
        connection.prepare_cached(INSERT_GRANT)?.execute(params![agent.0, host, port])?;
    }
    Ok(())
}

/// Refuses before anything is written: the turn's own guard follows.
const CAN_REVISE: &str = "
    SELECT 1
    FROM agents
    WHERE id = ?1 AND revision = ?2 AND version + 1 = ?3 AND state <> 'retired'";
const REVISE_AGENT: &str = "
    UPDATE agents
    SET version = ?2, concurrency = ?3, delivery_secret = coalesce(?4, delivery_secret), audience = ?5, wanted = ?6
    WHERE id = ?1";

/// Makes a version current.
pub(super) fn revise(connection: &Connection, now: Timestamp, command: &Command) -> Result<Outcome, Refused> {
    let Command::Revise { fence, request, version, delivery_secret, audience, wanted, turn, entry } = command
    else {
        return Err(Refused::Guard(StoreError::Unavailable("this is no revision".to_owned())));
    };
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let row = params![fence.agent.0, fence.revision, version.version.0];
    if !connection.prepare_cached(CAN_REVISE)?.exists(row)? {
        return Err(Refused::Guard(StoreError::Stale));
    }
    let subject = Subject::Agent(fence.agent);
    turn_row(connection, *fence, turn, entry)?;
    let secret = delivery_secret.as_ref().map(|secret| secret.0.as_slice());
    let (audience, wanted) = (audience_name(*audience), wanted.map(audience_name));
    let row = params![fence.agent.0, version.version.0, version.concurrency, secret, audience, wanted];
    connection.prepare_cached(REVISE_AGENT)?.execute(row)?;
    entry::bodies(connection, subject, &entry.bodies)?;
    write_version(connection, now, fence.agent, version)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Agent(fence.agent))?;
    Ok(Outcome::Done)
}

const TURN_AGENT: &str = "
    UPDATE agents
    SET state = :state, detail = :detail, health = :health, health_until = :health_until, due_at = :due_at,
        tries = :tries, misses = :misses, openings = :openings, opened_at = :opened_at,
        revision = coalesce(:revision, revision), chain = coalesce(:chain, chain)
    WHERE id = :id AND revision = :seen AND state <> 'retired'";

/// Guarded; writes nothing when the guard does not hold.
fn turn_row(
    connection: &Connection,
    fence: AgentFence,
    turn: &AgentTurn,
    entry: &Entry,
) -> Result<(), Refused> {
    let (health, health_until) = health_parts(turn.health);
    let head = entry.events.last().map(|event| event.chain);
    let changed = connection.prepare_cached(TURN_AGENT)?.execute(named_params! {
        ":id": fence.agent.0,
        ":seen": fence.revision,
        ":state": turn.state.name(),
        ":detail": turn.state.detail(),
        ":health": health,
        ":health_until": health_until,
        ":due_at": turn.due_at.map(|time| time.0),
        ":tries": turn.tries,
        ":misses": turn.pulses.misses,
        ":openings": turn.pulses.openings,
        ":opened_at": turn.pulses.opened_at.map(|time| time.0),
        ":revision": head.map(|chain| chain.revision),
        ":chain": head.map(|chain| chain.hash),
    })?;
    if changed == 0 { Err(Refused::Guard(StoreError::Stale)) } else { Ok(()) }
}

/// An agent goes on.
pub(super) fn turn(
    connection: &Connection,
    now: Timestamp,
    fence: AgentFence,
    request: Option<&Request>,
    turn: &AgentTurn,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(request) = request
        && let Some(outcome) = entry::repeated(connection, request)?
    {
        return Ok(outcome);
    }
    turn_row(connection, fence, turn, entry)?;
    let subject = Subject::Agent(fence.agent);
    entry::bodies(connection, subject, &entry.bodies)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, request, &Receipt::Agent(fence.agent))?;
    Ok(Outcome::Done)
}

const NOTE_AGENT: &str = "
    UPDATE agents
    SET revision = ?3, chain = ?4
    WHERE id = ?1 AND revision = ?2 AND state <> 'retired'";

/// The next head of an agent's history, and what is recorded there. Guarded; the guard comes before everything else.
fn note(
    connection: &Connection,
    now: Timestamp,
    fence: AgentFence,
    request: &Request,
    entry: &Entry,
) -> Result<(), Refused> {
    let head = entry::head(entry, Chain { revision: fence.revision, hash: [0; 32] });
    let row = params![fence.agent.0, fence.revision, head.revision, head.hash];
    if connection.prepare_cached(NOTE_AGENT)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    let subject = Subject::Agent(fence.agent);
    entry::bodies(connection, subject, &entry.bodies)?;
    entry::record(connection, now, subject, entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Agent(fence.agent))
}

const IS_GONE: &str = "
    SELECT 1
    FROM users
    WHERE id = ?1 AND json_extract(account, '$.merged_into') IS NOT NULL";
const SET_HOLDING: &str = "
    UPDATE agents
    SET owner_id = ?2, offered_to = ?3, audience = ?4, wanted = ?5
    WHERE id = ?1";
const FORGET_OWNERS: &str = "
    DELETE FROM agent_owners
    WHERE agent_id = ?1";
const ADD_OWNER: &str = "
    INSERT INTO agent_owners (agent_id, user_id)
    VALUES (?1, ?2)";

/// Whose an agent is, and for whom it works.
pub(super) fn hold(
    connection: &Connection,
    now: Timestamp,
    fence: AgentFence,
    request: &Request,
    holding: &Holding,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    for user in holding.users() {
        if connection.prepare_cached(IS_GONE)?.exists([user.0])? {
            return Err(Refused::Guard(StoreError::Stale));
        }
    }
    note(connection, now, fence, request, entry)?;
    let Holding { owner, co_owners, offered_to, audience, wanted } = holding;
    let (audience, wanted) = (audience_name(*audience), wanted.map(audience_name));
    let row = params![fence.agent.0, owner.0, offered_to.map(|user| user.0), audience, wanted];
    connection.prepare_cached(SET_HOLDING)?.execute(row)?;
    connection.prepare_cached(FORGET_OWNERS)?.execute([fence.agent.0])?;
    for user in co_owners {
        connection.prepare_cached(ADD_OWNER)?.execute([fence.agent.0, user.0])?;
    }
    Ok(Outcome::Done)
}

const SET_SECRETS: &str = "
    UPDATE agents
    SET delivery_secret = ?2, callback_secret = ?3, old_delivery_secret = ?4, old_callback_secret = ?5,
        old_secrets_until = ?6
    WHERE id = ?1";

/// New secrets.
pub(super) fn rekey(connection: &Connection, now: Timestamp, command: &Command) -> Result<Outcome, Refused> {
    let Command::Rekey { fence, request, delivery_secret, callback_secret, old, entry } = command else {
        return Err(Refused::Guard(StoreError::Unavailable("these are no secrets".to_owned())));
    };
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    note(connection, now, *fence, request, entry)?;
    let old_delivery = old.as_ref().map(|old| old.delivery.as_slice());
    let old_callback = old.as_ref().map(|old| old.callback.as_slice());
    let until = old.as_ref().map(|old| old.until.0);
    let row = params![fence.agent.0, delivery_secret.0, callback_secret.0, old_delivery, old_callback, until];
    connection.prepare_cached(SET_SECRETS)?.execute(row)?;
    Ok(Outcome::Done)
}

/// What agents with daily caps got on a day.
pub(super) fn days(connection: &Connection, day: i64) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT agent_id, client_id, day, jobs
        FROM agent_days
        WHERE day = ?1
        ORDER BY agent_id, client_id";
    let row = |row: &Row<'_>| {
        Ok(DayRecord {
            agent: AgentId(row.get(0)?),
            client: UserId(row.get(1)?),
            day: row.get(2)?,
            jobs: row.get(3)?,
        })
    };
    Ok(Answer::Days(all(connection, sql, [day], row)?))
}
