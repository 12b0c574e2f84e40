//! From the store to the market: agents' definitions, read and compiled.

use crate::judge::pool::Pool;
use crate::judge::schema::{Schema, SchemaError};
use crate::market::{Compiled, Market, RECORD_DAYS, day};
use crate::store::{AgentRecord, Query, Store, StoreError};
use guildhall_protocol::agent::AgentDefinition;
use guildhall_protocol::ids::{AgentId, AgentVersion, BodyId};
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;

/// Agents read at a time.
const PAGE: u32 = 500;

/// A schema of a definition that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {source}")]
pub struct CompileError {
    /// `input_schema` or `output_schema`.
    pub field: &'static str,
    /// What is wrong.
    #[source]
    pub source: SchemaError,
}

/// Compiles a definition. Recurses into foreign values: run it on the pool.
///
/// # Errors
/// The first schema that cannot be used.
pub fn compile(definition: AgentDefinition) -> Result<Compiled, CompileError> {
    let schema = |field, json: &Option<guildhall_protocol::json::Json>| match json {
        None => Ok(None),
        Some(json) => {
            Schema::compile(&json.value()).map(Some).map_err(|source| CompileError { field, source })
        }
    };
    let input = schema("input_schema", &definition.input_schema)?;
    let output = schema("output_schema", &definition.output_schema)?;
    Ok(Compiled { definition, input, output })
}

/// Reads every agent into a market.
///
/// # Errors
/// The store cannot be read.
pub async fn load(store: &dyn Store, pool: &Pool, now: Timestamp) -> Result<Market, StoreError> {
    let mut market = Market::default();
    let mut after = AgentId(0);
    loop {
        let agents = store.agents(Query::Agents { after, limit: PAGE }).await?;
        let Some(last) = agents.last() else { break };
        after = last.id;
        for agent in agents {
            let compiled = load_definition(store, pool, agent.definition).await?;
            market.put(agent, Arc::new(compiled));
        }
    }
    for tally in store.tallies(Query::Tallies { since: day(now) - RECORD_DAYS }).await? {
        market.tally(tally);
    }
    for row in store.days(Query::Days { day: day(now) }).await? {
        market.add_day(row);
    }
    Ok(market)
}

/// Reads one agent anew, as it is in the store now.
///
/// # Errors
/// `NotFound`, or the store cannot be read.
pub async fn reload(
    store: &dyn Store,
    pool: &Pool,
    id: AgentId,
) -> Result<(AgentRecord, Arc<Compiled>), StoreError> {
    let agent = store.agents(Query::Agent(id)).await?.into_iter().next().ok_or(StoreError::NotFound)?;
    let compiled = load_definition(store, pool, agent.definition).await?;
    Ok((agent, Arc::new(compiled)))
}

/// Reads one version of an agent.
///
/// # Errors
/// `NotFound`, or the store cannot be read.
pub async fn load_version(
    store: &dyn Store,
    pool: &Pool,
    agent: AgentId,
    version: AgentVersion,
) -> Result<Compiled, StoreError> {
    let versions = store.versions(Query::Versions(agent)).await?;
    let found = versions.into_iter().find(|(number, _, _)| *number == version).ok_or(StoreError::NotFound)?;
    load_definition(store, pool, found.2).await
}

async fn load_definition(store: &dyn Store, pool: &Pool, body: BodyId) -> Result<Compiled, StoreError> {
    let unreadable =
        |why: String| StoreError::Unavailable(format!("a stored definition cannot be used: {why}"));
    let bytes = store.body(body).await?.ok_or(StoreError::NotFound)?;
    let definition = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let compiled =
        pool.run(move || compile(definition)).await.map_err(|error| unreadable(error.to_string()))?;
    compiled.map_err(|error| unreadable(error.to_string()))
}
