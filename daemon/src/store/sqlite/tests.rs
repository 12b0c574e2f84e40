//! The plans of the engine's queries: each walks an index in the order that it needs, whatever the number of jobs.

use super::listing::Listing;
use super::{entry, jobs, notes, open, outbox, queries};
use guildhall_protocol::ids::{AgentId, PlaceId, UserId};
use rusqlite::StatementStatus;

fn plan(sql: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = open::write_connection(&folder.path().join("store.db")).expect("it opens");
    super::migrate(&mut connection).expect("it migrates");
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it prepares");
    let parameters = vec![1_i64; statement.parameter_count()];
    let lines = statement
        .query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3))
        .expect("it explains")
        .collect::<Result<Vec<_>, _>>();
    lines.expect("lines").join("\n")
}

#[test]
fn hot_queries_walk_an_index_in_order() {
    let table = [
        (queries::READY, "USING INDEX jobs_ready"),
        (queries::DUE, "USING INDEX jobs_due (due_at"),
        (queries::ORPHANED, "USING INDEX jobs_leased (lease_incarnation"),
        (queries::WAITING_FOR, "SEARCH waits USING PRIMARY KEY (agent_id=?)"),
    ];
    for (query, expected) in table {
        let plan = plan(&format!("SELECT jobs.title {query}"));
        assert!(plan.contains(expected), "{query}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
    let table = [
        (outbox::DUE_MESSAGES, "INDEX messages_due (due_at"),
        (outbox::DUE_NOTIFICATIONS, "INDEX notifications_due (channel=? AND due_at"),
        (outbox::DUE_NOTIFICATIONS, "INDEX notifications_open (user_id=? AND channel=? AND job_id=?"),
        (notes::OPEN_APPEALS, "INDEX appeals_open"),
    ];
    for (query, expected) in table {
        let plan = plan(&format!("SELECT 1 {query}"));
        assert!(plan.contains(expected), "{query}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
    }
}

#[test]
fn counting_an_agent_s_slots_reads_only_the_attempts_that_hold_one() {
    // Without the hint SQLite prefers the index over all attempts: then every assignment reads the agent's whole past.
    for sql in [jobs::ASSIGN_JOB.to_owned(), format!("SELECT {} FROM agents", super::rows::AGENT_COLUMNS)] {
        let plan = plan(&sql);
        assert!(plan.contains("USING INDEX attempts_slots (agent_id=?)"), "{plan}");
    }
}

#[test]
fn what_every_job_writes_opens_no_temporary_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut connection = open::write_connection(&folder.path().join("store.db")).expect("it opens");
    super::migrate(&mut connection).expect("it migrates");
    for sql in [
        jobs::INSERT_JOB,
        jobs::ASSIGN_JOB,
        jobs::INSERT_ATTEMPT,
        jobs::TURN_JOB,
        jobs::TURN_ATTEMPT,
        entry::INSERT_NOTIFICATION,
    ] {
        let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).expect("it prepares");
        let steps = statement.raw_query().mapped(|row| row.get::<_, String>(1));
        let steps = steps.collect::<Result<Vec<_>, _>>().expect("steps");
        assert!(!steps.iter().any(|step| step == "OpenEphemeral"), "{sql}");
    }
}

#[test]
fn a_cached_statement_is_not_prepared_again_when_it_is_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let mut connection = open::write_connection(&path).expect("it opens");
    super::migrate(&mut connection).expect("it migrates");
    for connection in [&connection, &open::read_connection(&path).expect("it opens")] {
        let mut ready =
            connection.prepare(&format!("SELECT jobs.id {}", queries::READY)).expect("it prepares");
        for limit in 1..4 {
            ready.exists([limit]).expect("it runs");
        }
        assert_eq!(ready.get_status(StatementStatus::RePrepare), 0);
    }
}

#[test]
fn every_list_of_jobs_walks_one_index_and_sorts_nothing() {
    let states = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let client = Some(UserId(1));
    let (label, agent) = (Some("label".to_owned()), Some(AgentId(1)));
    let (running, ended) = (states(&["open", "in_review", "held"]), states(&["completed", "failed"]));
    let table = [
        (vec![], None, None, None, "SEARCH jobs USING INTEGER PRIMARY KEY (rowid<?)"),
        (running.clone(), None, None, None, "jobs_state (state=? AND id<?)"),
        (ended.clone(), None, None, None, "jobs_state (state=? AND id<?)"),
        (running, client, label.clone(), agent, "jobs_state (state=? AND id<?)"),
        (ended.clone(), client, label, agent, "jobs_label (label=? AND id<?)"),
        (ended.clone(), client, None, agent, "attempts_agent (agent_id=? AND job_id<?)"),
        (ended, client, None, None, "jobs_client (client_id=? AND id<?)"),
    ];
    for (states, client, label, agent, expected) in table {
        let listing = Listing { states, client, place: None, label, agent, before: None, limit: 50 };
        let (sql, _) = listing.statement().expect("these states exist");
        let plan = plan(&sql);
        assert!(plan.contains(expected), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN jobs"), "{sql}\n{plan}");
    }
}

#[test]
fn the_jobs_of_a_place_are_listed_by_their_index() {
    let states = vec!["completed".to_owned(), "failed".to_owned()];
    for (states, place, expected) in [
        (vec![], 2, "jobs_place (place_id=? AND id<?)"),
        (states.clone(), 2, "jobs_place (place_id=? AND id<?)"),
        (vec!["held".to_owned()], 2, "jobs_state (state=? AND id<?)"),
        (states, 1, "jobs_state (state=? AND id<?)"),
    ] {
        let place = Some(PlaceId(place));
        let listing =
            Listing { states, client: None, place, label: None, agent: None, before: None, limit: 50 };
        let (sql, _) = listing.statement().expect("these states exist");
        let plan = plan(&sql);
        assert!(plan.contains(expected) && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}
