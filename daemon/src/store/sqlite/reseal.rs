//! Sealing every secret anew: all of them, or none.

use super::models;
use super::writer::Refused;
use crate::store::reseal::{Resealed, SecretAt};
use crate::store::{Chain, Entry, Outcome, StoreError};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, params};

const COUNT: &str = "
    SELECT 2 * (SELECT count(*) FROM agents) + 2 * (SELECT count(*) FROM agents WHERE old_secrets_until IS NOT NULL)
        + (SELECT count(*) FROM people WHERE secret IS NOT NULL)";

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
        let (table, row, column, id) = place(secret.at);
        let sql = format!("SELECT 1 FROM {table} WHERE {row} = ?1 AND {column} = ?2");
        if !connection.prepare_cached(&sql)?.exists(params![id, secret.before.0])? {
            return Err(Refused::Guard(StoreError::Stale));
        }
    }
    models::note_system(connection, now, chain, entry)?;
    for secret in secrets {
        let (table, row, column, id) = place(secret.at);
        let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {row} = ?1");
        connection.prepare_cached(&sql)?.execute(params![id, secret.after.0])?;
    }
    Ok(Outcome::Done)
}

/// Table, key, column, and which row.
fn place(at: SecretAt) -> (&'static str, &'static str, &'static str, i64) {
    match at {
        SecretAt::Delivery(agent) => ("agents", "id", "delivery_secret", agent.0),
        SecretAt::Callback(agent) => ("agents", "id", "callback_secret", agent.0),
        SecretAt::OldDelivery(agent) => ("agents", "id", "old_delivery_secret", agent.0),
        SecretAt::OldCallback(agent) => ("agents", "id", "old_callback_secret", agent.0),
        SecretAt::Webhook(user) => ("people", "user_id", "secret", user.0),
    }
}
