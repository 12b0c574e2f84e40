//! Sealing every secret anew: all of them, or none.

use super::models;
use super::writer::Refused;
use crate::store::reseal::{Resealed, SecretAt};
use crate::store::{Chain, Entry, Outcome, StoreError};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, params};

const COUNT: &str = "
    SELECT 2 * (SELECT count(*) FROM agents) + (SELECT count(*) FROM people WHERE secret IS NOT NULL)";
const IS_DELIVERY: &str = "
    SELECT 1
    FROM agents
    WHERE id = ?1 AND delivery_secret = ?2";
const IS_CALLBACK: &str = "
    SELECT 1
    FROM agents
    WHERE id = ?1 AND callback_secret = ?2";
const IS_WEBHOOK: &str = "
    SELECT 1
    FROM people
    WHERE user_id = ?1 AND secret = ?2";
const SET_DELIVERY: &str = "
    UPDATE agents
    SET delivery_secret = ?2
    WHERE id = ?1";
const SET_CALLBACK: &str = "
    UPDATE agents
    SET callback_secret = ?2
    WHERE id = ?1";
const SET_WEBHOOK: &str = "
    UPDATE people
    SET secret = ?2
    WHERE user_id = ?1";

/// Seals every secret anew.
pub(super) fn reseal(
    connection: &Connection,
    now: Timestamp,
    chain: Chain,
    secrets: &[Resealed],
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let count: usize = connection.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    if count != secrets.len() {
        return Err(Refused::Guard(StoreError::Stale));
    }
    for secret in secrets {
        let (is, _, id) = statements(secret.at);
        if !connection.prepare_cached(is)?.exists(params![id, secret.before.0])? {
            return Err(Refused::Guard(StoreError::Stale));
        }
    }
    models::note_system(connection, now, chain, entry)?;
    for secret in secrets {
        let (_, set, id) = statements(secret.at);
        connection.prepare_cached(set)?.execute(params![id, secret.after.0])?;
    }
    Ok(Outcome::Done)
}

fn statements(at: SecretAt) -> (&'static str, &'static str, i64) {
    match at {
        SecretAt::Delivery(agent) => (IS_DELIVERY, SET_DELIVERY, agent.0),
        SecretAt::Callback(agent) => (IS_CALLBACK, SET_CALLBACK, agent.0),
        SecretAt::Webhook(user) => (IS_WEBHOOK, SET_WEBHOOK, user.0),
    }
}
