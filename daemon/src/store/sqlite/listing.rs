//! Lists of jobs, newest first. Each walks one index from the page's first row on and stops when the page is full: it
//! sorts nothing, whatever the number of jobs.
//!
//! SQLite has no statistics and would guess, so the index is named here. Jobs that have not ended are few among many:
//! when only their states are asked for, they lead, one walk a state, merged. Otherwise the narrowest other filter leads.

use super::rows::JOB_COLUMNS;
use guildhall_protocol::ids::{AgentId, JobId, PlaceId, UserId};
use guildhall_protocol::state::{JOB_STATES, JobState};
use rusqlite::types::Value;

/// Which jobs to list, and from where.
pub(super) struct Listing {
    pub(super) states: Vec<String>,
    pub(super) client: Option<UserId>,
    pub(super) place: Option<PlaceId>,
    pub(super) label: Option<String>,
    pub(super) agent: Option<AgentId>,
    pub(super) before: Option<JobId>,
    pub(super) limit: u32,
}

/// A statement and the values of its places.
pub(super) type Statement = (String, Vec<Value>);

impl Listing {
    /// The statement that reads the page; none when no job can be on it.
    pub(super) fn statement(self) -> Option<Statement> {
        let mut values =
            vec![Value::Integer(self.before.map_or(i64::MAX, |id| id.0)), Value::Integer(self.limit.into())];
        let mut bind = |value| {
            values.push(value);
            format!("?{}", values.len())
        };
        let states = distinct(&self.states);
        if states.is_empty() && !self.states.is_empty() {
            return None;
        }
        let running = !states.is_empty() && !states.iter().any(|state| state.is_terminal());
        let states: Vec<String> =
            states.into_iter().map(|state| bind(Value::Text(state.name().to_owned()))).collect();
        let client = self.client.map(|client| bind(Value::Integer(client.0)));
        let has_index = self.place.is_some_and(|place| place != PlaceId::LOCAL);
        let place = self.place.map(|place| bind(Value::Integer(place.0)));
        let label = self.label.map(|label| bind(Value::Text(label)));
        let agent = self.agent.map(|agent| bind(Value::Integer(agent.0)));

        let mut conditions = vec!["jobs.id < ?1".to_owned()];
        conditions.extend(client.as_ref().map(|client| format!("jobs.client_id = {client}")));
        conditions.extend(place.as_ref().map(|place| format!("jobs.place_id = {place}")));
        conditions.extend(label.as_ref().map(|label| format!("jobs.label = {label}")));
        let tried = |agent: &String| {
            format!("EXISTS (SELECT 1 FROM attempts AS a WHERE a.agent_id = {agent} AND a.job_id = jobs.id)")
        };
        let narrow = client.is_some() || label.is_some() || agent.is_some() || has_index;
        if !states.is_empty() && (running || !narrow) {
            conditions.extend(agent.as_ref().map(tried));
            let rest = conditions.join(" AND ");
            let walk = |state: &String| {
                let from = "FROM jobs INDEXED BY jobs_state";
                format!("SELECT {JOB_COLUMNS} {from} WHERE jobs.state = {state} AND {rest}")
            };
            let walks: Vec<String> = states.iter().map(walk).collect();
            // The first column is the id: a union knows columns by their place.
            return Some((format!("{} ORDER BY 1 DESC LIMIT ?2", walks.join(" UNION ALL ")), values));
        }
        if !states.is_empty() {
            conditions.push(format!("jobs.state IN ({})", states.join(", ")));
        }
        let (from, order) = match (label, agent, client) {
            (Some(_), agent, _) => {
                conditions.extend(agent.as_ref().map(tried));
                ("jobs INDEXED BY jobs_label", "jobs.id")
            }
            (None, Some(agent), _) => {
                conditions.push(format!("attempts.agent_id = {agent} AND attempts.job_id < ?1"));
                conditions.push(FIRST_TRY.to_owned());
                let from = "attempts INDEXED BY attempts_agent CROSS JOIN jobs ON jobs.id = attempts.job_id";
                (from, "attempts.job_id")
            }
            (None, None, Some(_)) => ("jobs INDEXED BY jobs_client", "jobs.id"),
            (None, None, None) if has_index => {
                // The index holds only these.
                conditions.push("jobs.place_id <> 1".to_owned());
                ("jobs INDEXED BY jobs_place", "jobs.id")
            }
            (None, None, None) => ("jobs", "jobs.id"),
        };
        let rest = conditions.join(" AND ");
        Some((
            format!("SELECT {JOB_COLUMNS} FROM {from} WHERE {rest} ORDER BY {order} DESC LIMIT ?2"),
            values,
        ))
    }
}

/// An agent may have tried a job several times, and the job stands in the list once.
const FIRST_TRY: &str = "NOT EXISTS (
    SELECT 1
    FROM attempts AS a
    WHERE a.agent_id = attempts.agent_id AND a.job_id = attempts.job_id AND a.number < attempts.number)";

/// The states with these names, each once.
fn distinct(names: &[String]) -> Vec<JobState> {
    let mut states: Vec<JobState> = Vec::new();
    for state in JOB_STATES {
        let is_new = states.iter().all(|known| known.name() != state.name());
        if is_new && names.iter().any(|name| name == state.name()) {
            states.push(state);
        }
    }
    states
}
