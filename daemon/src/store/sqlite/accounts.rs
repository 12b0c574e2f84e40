//! Users, tokens and shared jobs.

use super::entry;
use super::queries::all;
use super::writer::Refused;
use crate::store::account::{AccountCommand, AccountQuery, UserFence};
use crate::store::{Answer, Chain, Entry, Fence, Outcome, Receipt, Request, StoreError, UserRecord};
use guildhall_protocol::account::{Account, Identity, TokenView, Usage};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{JobId, TokenId, UserId};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

/// Carries out a command.
pub(super) fn apply(
    connection: &Connection,
    now: Timestamp,
    command: &AccountCommand,
) -> Result<Outcome, Refused> {
    match command {
        AccountCommand::Turn { request, fence, account, entry } => {
            turn(connection, now, request, *fence, account, entry)
        }
        AccountCommand::MakeToken { request, fence, token, hash, entry } => {
            make_token(connection, now, request, *fence, token, *hash, entry)
        }
        AccountCommand::RevokeToken { request, fence, token, entry } => {
            revoke_token(connection, now, request, *fence, *token, entry)
        }
        AccountCommand::Merge { request, kept, entry, gone, account, gone_entry } => {
            merge(connection, now, request, (*kept, entry), (*gone, gone_entry), account)
        }
        AccountCommand::RemoveIdentity { request, fence, identity, entry } => {
            remove_identity(connection, now, request, *fence, identity, entry)
        }
        AccountCommand::UseToken { token } => use_token(connection, now, *token),
        AccountCommand::Share { request, fence, user, shared, entry } => {
            share(connection, now, request, *fence, *user, *shared, entry)
        }
    }
}

const TURN_USER: &str = "
    UPDATE users
    SET revision = ?3, chain = ?4
    WHERE id = ?1 AND revision = ?2";

/// The next head of a user's history.
pub(super) fn turn_user(connection: &Connection, fence: UserFence, entry: &Entry) -> Result<(), Refused> {
    let head = entry::head(entry, fence.chain);
    let row = params![fence.user.0, fence.chain.revision, head.revision, head.hash];
    match connection.prepare_cached(TURN_USER)?.execute(row)? {
        0 => Err(Refused::Guard(StoreError::Stale)),
        _ => Ok(()),
    }
}

fn record_user(
    connection: &Connection,
    now: Timestamp,
    user: UserId,
    request: &Request,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    entry::bodies(connection, Subject::User(user), &entry.bodies)?;
    entry::record(connection, now, Subject::User(user), entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

const SET_ACCOUNT: &str = "
    UPDATE users
    SET account = ?2
    WHERE id = ?1";

fn turn(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: UserFence,
    account: &Account,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    turn_user(connection, fence, entry)?;
    connection.prepare_cached(SET_ACCOUNT)?.execute(params![fence.user.0, json(account)])?;
    record_user(connection, now, fence.user, request, entry)
}

const INSERT_TOKEN: &str = "
    INSERT INTO tokens (id, user_id, name, scope, hash, last4, made_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

fn make_token(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: UserFence,
    token: &TokenView,
    hash: [u8; 32],
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    turn_user(connection, fence, entry)?;
    let (made, expires) = (token.made_at.0, token.expires_at.0);
    let row =
        params![token.id.0, fence.user.0, token.name, json(&token.scope), hash, token.last4, made, expires];
    connection.prepare_cached(INSERT_TOKEN)?.execute(row)?;
    record_user(connection, now, fence.user, request, entry)
}

const IS_LIVE: &str = "
    SELECT count(*)
    FROM tokens
    WHERE id = ?1 AND user_id = ?2 AND revoked_at IS NULL";
const REVOKE_TOKEN: &str = "
    UPDATE tokens
    SET revoked_at = ?2
    WHERE id = ?1 AND revoked_at IS NULL";

fn revoke_token(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: UserFence,
    token: TokenId,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let live: i64 =
        connection.prepare_cached(IS_LIVE)?.query_row([token.0, fence.user.0], |row| row.get(0))?;
    if live == 0 {
        return Err(Refused::Guard(StoreError::NotFound));
    }
    turn_user(connection, fence, entry)?;
    connection.prepare_cached(REVOKE_TOKEN)?.execute([token.0, now.0])?;
    record_user(connection, now, fence.user, request, entry)
}

/// What is moved, in an order in which no row is in another's way. `?1` stays, `?2` goes.
const MOVES: [&str; 26] = [
    "UPDATE identities SET user_id = ?1 WHERE user_id = ?2",
    "UPDATE tokens SET user_id = ?1 WHERE user_id = ?2",
    "UPDATE jobs SET client_id = ?1 WHERE client_id = ?2",
    "UPDATE agents SET owner_id = ?1 WHERE owner_id = ?2",
    "UPDATE agents SET offered_to = ?1 WHERE offered_to = ?2",
    "UPDATE agents SET offered_to = NULL WHERE offered_to = ?1 AND owner_id = ?1",
    "UPDATE OR IGNORE agent_owners SET user_id = ?1 WHERE user_id = ?2",
    "DELETE FROM agent_owners WHERE user_id = ?2",
    "DELETE FROM agent_owners WHERE user_id = ?1 AND agent_id IN (SELECT id FROM agents WHERE owner_id = ?1)",
    "UPDATE notifications SET user_id = ?1 WHERE user_id = ?2",
    "UPDATE appeals SET user_id = ?1 WHERE user_id = ?2",
    "UPDATE OR IGNORE job_shares SET user_id = ?1 WHERE user_id = ?2",
    "DELETE FROM job_shares WHERE user_id = ?2",
    "UPDATE OR IGNORE requests SET user_id = ?1 WHERE user_id = ?2",
    "DELETE FROM requests WHERE user_id = ?2",
    "UPDATE OR IGNORE drafts SET user_id = ?1 WHERE user_id = ?2",
    "DELETE FROM drafts WHERE user_id = ?2",
    "UPDATE OR IGNORE closed_channels SET user_id = ?1 WHERE user_id = ?2",
    "DELETE FROM closed_channels WHERE user_id = ?2",
    "INSERT INTO agent_days (day, agent_id, client_id, jobs)
     SELECT day, agent_id, ?1, jobs FROM agent_days WHERE client_id = ?2
     ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs",
    "DELETE FROM agent_days WHERE client_id = ?2",
    "INSERT INTO model_days (day, place_id, user_id, tokens, cost)
     SELECT day, place_id, ?1, tokens, cost FROM model_days WHERE user_id = ?2
     ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens, cost = cost + excluded.cost",
    "DELETE FROM model_days WHERE user_id = ?2",
    "INSERT INTO queue_clients (class, client_id, fair_tag)
     SELECT class, ?1, fair_tag FROM queue_clients WHERE client_id = ?2
     ON CONFLICT DO UPDATE SET fair_tag = max(fair_tag, excluded.fair_tag)",
    "DELETE FROM queue_clients WHERE client_id = ?2",
    "UPDATE users SET stored_bytes = stored_bytes + (SELECT stored_bytes FROM users WHERE id = ?2) WHERE id = ?1",
];
const ARE_CURRENT: &str = "
    SELECT count(*)
    FROM users
    WHERE (id = ?1 AND revision = ?2) OR (id = ?3 AND revision = ?4)";
const LEAVE: &str = "
    UPDATE users
    SET account = ?2, stored_bytes = 0
    WHERE id = ?1";
const FORGET_SETTINGS: &str = "
    DELETE FROM people
    WHERE user_id = ?1";

fn merge(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    (kept, entry): (UserFence, &Entry),
    (gone, gone_entry): (UserFence, &Entry),
    account: &Account,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let fences = params![kept.user.0, kept.chain.revision, gone.user.0, gone.chain.revision];
    let current: i64 = connection.prepare_cached(ARE_CURRENT)?.query_row(fences, |row| row.get(0))?;
    if current < 2 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    turn_user(connection, gone, gone_entry)?;
    turn_user(connection, kept, entry)?;
    // Before the others' requests come: one of them may have the same id.
    let done = record_user(connection, now, kept.user, request, entry)?;
    let subject = Subject::User(gone.user);
    entry::bodies(connection, subject, &gone_entry.bodies)?;
    entry::record(connection, now, subject, gone_entry)?;
    for sql in MOVES {
        let mut statement = connection.prepare_cached(sql)?;
        let values = [kept.user.0, gone.user.0];
        // Not every statement names both.
        for place in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(place, values[place - 1])?;
        }
        statement.raw_execute()?;
    }
    connection.prepare_cached(LEAVE)?.execute(params![gone.user.0, json(account)])?;
    connection.prepare_cached(FORGET_SETTINGS)?.execute([gone.user.0])?;
    Ok(done)
}

const HAS_ANOTHER: &str = "
    SELECT count(*)
    FROM identities
    WHERE kind = ?2 AND identity = ?3 AND user_id = ?1 AND (SELECT count(*) FROM identities WHERE user_id = ?1) > 1";
const REMOVE_IDENTITY: &str = "
    DELETE FROM identities
    WHERE kind = ?1 AND identity = ?2";

fn remove_identity(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: UserFence,
    identity: &Identity,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let row = params![fence.user.0, identity.kind, identity.id];
    let found: i64 = connection.prepare_cached(HAS_ANOTHER)?.query_row(row, |row| row.get(0))?;
    if found == 0 {
        return Err(Refused::Guard(StoreError::NotFound));
    }
    turn_user(connection, fence, entry)?;
    connection.prepare_cached(REMOVE_IDENTITY)?.execute([&identity.kind, &identity.id])?;
    record_user(connection, now, fence.user, request, entry)
}

const USE_TOKEN: &str = "
    UPDATE tokens
    SET used_at = ?2
    WHERE id = ?1 AND (used_at IS NULL OR used_at < ?2)";

fn use_token(connection: &Connection, now: Timestamp, token: TokenId) -> Result<Outcome, Refused> {
    connection.prepare_cached(USE_TOKEN)?.execute([token.0, now.0])?;
    Ok(Outcome::Done)
}

const TURN_JOB: &str = "
    UPDATE jobs
    SET revision = ?4, chain = ?5
    WHERE id = ?1 AND epoch = ?2 AND revision = ?3";
const SHARE: &str = "
    INSERT INTO job_shares (job_id, user_id)
    VALUES (?1, ?2)
    ON CONFLICT DO NOTHING";
const UNSHARE: &str = "
    DELETE FROM job_shares
    WHERE job_id = ?1 AND user_id = ?2";

fn share(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    fence: Fence,
    user: UserId,
    shared: bool,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    let (job, epoch, revision) = (fence.job.0, fence.epoch, fence.revision);
    let head = entry::head(entry, Chain { revision, hash: [0; 32] });
    let row = params![job, epoch, revision, head.revision, head.hash];
    if connection.prepare_cached(TURN_JOB)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    connection.prepare_cached(if shared { SHARE } else { UNSHARE })?.execute([job, user.0])?;
    entry::bodies(connection, Subject::Job(fence.job), &entry.bodies)?;
    entry::record(connection, now, Subject::Job(fence.job), entry)?;
    entry::keep_request(connection, now, Some(request), &Receipt::Job(fence.job))?;
    Ok(Outcome::Done)
}

const USERS: &str = "
    SELECT id, name, account, revision, chain
    FROM users
    WHERE id > ?1
    ORDER BY id
    LIMIT ?2";
const USER: &str = "
    SELECT id, name, account, revision, chain
    FROM users
    WHERE id = ?1";
const KNOWN: &str = "
    SELECT id, name, account, revision, chain
    FROM users
    WHERE id = (SELECT user_id FROM identities WHERE kind = ?1 AND identity = ?2)";
const KNOWN_BY: &str = "
    SELECT DISTINCT user_id
    FROM identities
    WHERE kind = ?1
    ORDER BY user_id";
const IDENTITIES: &str = "
    SELECT kind, identity
    FROM identities
    WHERE user_id = ?1
    ORDER BY kind, identity";
const TOKEN_OF: &str = "
    SELECT id, user_id, name, scope, last4, made_at, expires_at, revoked_at, used_at
    FROM tokens
    WHERE hash = ?1";
const TOKEN: &str = "
    SELECT id, user_id, name, scope, last4, made_at, expires_at, revoked_at, used_at
    FROM tokens
    WHERE id = ?1";
const TOKENS: &str = "
    SELECT id, user_id, name, scope, last4, made_at, expires_at, revoked_at, used_at
    FROM tokens
    ORDER BY id DESC
    LIMIT ?1";
const TOKENS_OF_USER: &str = "
    SELECT id, user_id, name, scope, last4, made_at, expires_at, revoked_at, used_at
    FROM tokens
    WHERE user_id = ?1
    ORDER BY id DESC
    LIMIT ?2";
const SHARES: &str = "
    SELECT user_id
    FROM job_shares
    WHERE job_id = ?1
    ORDER BY user_id";
const OPEN_JOBS: &str = "
    SELECT count(*)
    FROM jobs
    WHERE client_id = ?1 AND due_at IS NOT NULL";
const STORED_BYTES: &str = "
    SELECT stored_bytes
    FROM users
    WHERE id = ?1";

/// One user.
pub(super) fn user(connection: &Connection, id: UserId) -> rusqlite::Result<Answer> {
    users(connection, USER, [id.0])
}

/// Answers a question.
pub(super) fn answer(connection: &Connection, query: &AccountQuery) -> rusqlite::Result<Answer> {
    match query {
        AccountQuery::Users { after, limit } => users(connection, USERS, params![after.0, limit]),
        AccountQuery::Known(identity) => users(connection, KNOWN, [&identity.kind, &identity.id]),
        AccountQuery::KnownBy(kind) => {
            Ok(Answer::UserIds(all(connection, KNOWN_BY, [kind], |row| Ok(UserId(row.get(0)?)))?))
        }
        AccountQuery::Identities(user) => {
            let row = |row: &Row<'_>| Ok(Identity { kind: row.get(0)?, id: row.get(1)? });
            Ok(Answer::Identities(all(connection, IDENTITIES, [user.0], row)?))
        }
        AccountQuery::TokenOf(hash) => tokens(connection, TOKEN_OF, [hash]),
        AccountQuery::Token(id) => tokens(connection, TOKEN, [id.0]),
        AccountQuery::Tokens { user: Some(user), limit } => {
            tokens(connection, TOKENS_OF_USER, params![user.0, limit])
        }
        AccountQuery::Tokens { user: None, limit } => tokens(connection, TOKENS, [limit]),
        AccountQuery::Shares(JobId(job)) => {
            Ok(Answer::UserIds(all(connection, SHARES, [job], |row| Ok(UserId(row.get(0)?)))?))
        }
        AccountQuery::Usage(user) => {
            let count = |sql| {
                let count = connection.prepare_cached(sql)?.query_row([user.0], |row| row.get(0)).optional();
                count.map(Option::unwrap_or_default)
            };
            let (open_jobs, stored_bytes) = (count(OPEN_JOBS)?, count(STORED_BYTES)?);
            Ok(Answer::Usage(Usage { open_jobs, stored_bytes, agents: 0 }))
        }
    }
}

fn users(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<Answer> {
    let row = |row: &Row<'_>| {
        let account: String = row.get(2)?;
        Ok(UserRecord {
            id: UserId(row.get(0)?),
            name: row.get(1)?,
            account: read(2, &account)?,
            chain: Chain { revision: row.get(3)?, hash: row.get(4)? },
        })
    };
    Ok(Answer::Users(all(connection, sql, values, row)?))
}

fn tokens(connection: &Connection, sql: &str, values: impl Params) -> rusqlite::Result<Answer> {
    let row = |row: &Row<'_>| {
        let scope: String = row.get(3)?;
        let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp));
        Ok(TokenView {
            id: TokenId(row.get(0)?),
            user: UserId(row.get(1)?),
            name: row.get(2)?,
            scope: read(3, &scope)?,
            last4: row.get(4)?,
            made_at: Timestamp(row.get(5)?),
            expires_at: Timestamp(row.get(6)?),
            revoked_at: time(7)?,
            used_at: time(8)?,
        })
    };
    Ok(Answer::Tokens(all(connection, sql, values, row)?))
}

pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain values print as JSON")
}

/// What was written as JSON. An account that cannot be read must not count as one of which nothing was said.
pub(super) fn read<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
