//! The plans of the engine's queries: each walks an index in the order that it needs, whatever the number of jobs.

use super::walk::Walk;
use super::{entry, jobs, notes, open, outbox, queries, waiting};
use crate::store::{JobWish, Span};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{AgentId, JobId, PlaceId, UserId};
use guildhall_protocol::listing::{JobCursor, SortBy};
use guildhall_protocol::state::HeldWhy;
use guildhall_protocol::time::Timestamp;
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

/// How a walk is planned that goes on behind a row.
fn walk_plan(wish: &JobWish, order: SortBy, ascends: bool) -> String {
    let from = Some(JobCursor { key: 1, id: JobId(1) });
    let (sql, _) = Walk { wish, key: order, order, ascends, from }.statement(50).expect("these states exist");
    let plan = plan(&sql);
    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN jobs"), "{sql}\n{plan}");
    plan
}

fn states(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_list_of_jobs_walks_one_index_and_sorts_nothing() {
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
        let wish = JobWish { states, client, label, agent, ..JobWish::default() };
        let plan = walk_plan(&wish, SortBy::Number, false);
        assert!(plan.contains(expected), "{wish:?}\n{plan}");
    }
}

#[test]
fn the_jobs_of_a_place_are_listed_by_their_index() {
    let (running, ended) = (states(&["open", "held"]), states(&["completed", "failed"]));
    let (client, of_states) = (Some(UserId(1)), "jobs_state (state=? AND id<?)");
    let by_place = "jobs_place (place_id=? AND state=? AND rowid<?)";
    for (states, client, place, expected) in [
        (vec![], None, 2, by_place),
        (ended.clone(), None, 2, by_place),
        (running.clone(), None, 2, by_place),
        (running.clone(), client, 2, by_place),
        (ended.clone(), client, 2, "jobs_client (client_id=? AND id<?)"),
        (running, None, 1, of_states),
        (ended, None, 1, of_states),
    ] {
        let wish = JobWish { states, client, place: Some(PlaceId(place)), ..JobWish::default() };
        for ascends in [false, true] {
            let plan = walk_plan(&wish, SortBy::Number, ascends);
            let expected = if ascends { expected.replace('<', ">") } else { expected.to_owned() };
            assert!(plan.contains(&expected), "{wish:?}\n{plan}");
        }
    }
}

#[test]
fn every_order_walks_its_index_from_the_key_on() {
    let (two, time) = (states(&["completed", "failed"]), Some(Timestamp(1)));
    let span = Span { from: time, before: time };
    let plain = JobWish::default();
    let spans = JobWish { posted: span, changed: span, ..JobWish::default() };
    let asked = JobWish {
        states: two.clone(),
        label: Some("label".to_owned()),
        agent: Some(AgentId(1)),
        text: Some("word".to_owned()),
        ended: Some(EndedAs::Failed),
        held: Some(HeldWhy::Unclear),
        attempts_min: Some(2),
        ..JobWish::default()
    };
    let table = [
        (SortBy::Number, &plain, vec!["PRIMARY KEY (rowid<?)"]),
        (
            SortBy::Changed,
            &plain,
            vec!["jobs_changed (state=? AND changed_at=? AND rowid<?)", "changed_at<?)"],
        ),
        (
            SortBy::Changed,
            &asked,
            vec!["jobs_changed (state=? AND changed_at=? AND rowid<?)", "changed_at<?)"],
        ),
        (SortBy::Changed, &spans, vec!["jobs_changed (state=? AND changed_at>? AND changed_at<?)"]),
        (SortBy::Posted, &plain, vec!["jobs_posted (posted_at=? AND rowid<?)", "jobs_posted (posted_at<?)"]),
        (SortBy::Posted, &asked, vec!["jobs_posted (posted_at=? AND rowid<?)", "jobs_posted (posted_at<?)"]),
        (SortBy::Posted, &spans, vec!["jobs_posted (posted_at>? AND posted_at<?)"]),
        (
            SortBy::Deadline,
            &plain,
            vec!["jobs_deadline (deadline=? AND rowid<?)", "jobs_deadline (deadline<?)"],
        ),
        (SortBy::Due, &plain, vec!["jobs_due (due_at=? AND id<?)"]),
        (SortBy::Priority, &plain, vec!["jobs_class (class=? AND rowid<?)", "jobs_class (class<?)"]),
    ];
    for (order, wish, expected) in table {
        let (down, up) = (walk_plan(wish, order, false), walk_plan(wish, order, true));
        for expected in expected {
            assert!(down.contains(expected), "{order} {wish:?}\n{down}");
            // Both ends of a span are there in either direction.
            let expected = if wish == &spans { expected.to_owned() } else { expected.replace('<', ">") };
            assert!(up.contains(&expected), "{order} {wish:?}\n{up}");
        }
    }
}

#[test]
fn what_waits_is_counted_along_what_has_not_ended() {
    let table = [
        (waiting::UNENDED, "jobs_state (state=?)"),
        (waiting::OF_STATE, "jobs_state (state=?)"),
        (waiting::OF_CLIENT, "jobs_unended (client_id=?)"),
        (waiting::COUNTS_OF, "jobs_client (client_id=?)"),
        (waiting::OLDEST_OPEN, "jobs_state (state=?)"),
        (waiting::OPEN, "jobs_state (state=?)"),
        (waiting::OF_PLACE, "jobs_place (place_id=? AND state=?)"),
        (waiting::OF_LOCAL, "jobs_state (state=?)"),
        (waiting::COUNT_IN_PLACE, "jobs_place (place_id=? AND state=?)"),
        (waiting::COUNT_IN_LOCAL, "jobs_state (state=?)"),
        (waiting::APPEALS, "appeals_open"),
        (waiting::APPEALS_IN, "appeals_open"),
        (waiting::DUE, "notifications_due (channel=? AND due_at"),
        (waiting::UNDELIVERABLE, "notifications_undeliverable"),
    ];
    for (sql, expected) in table {
        let plan = plan(sql);
        assert!(plan.contains(expected) && !plan.contains("SCAN jobs"), "{sql}\n{plan}");
        // The newest jobs of one client are grouped, and they are bounded.
        assert!(sql == waiting::COUNTS_OF || !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
    let plan = plan(&format!("SELECT 1 {}", queries::ATTEMPTS_OF));
    assert!(plan.contains("attempts_agent (agent_id=?)") && !plan.contains("TEMP B-TREE"), "{plan}");
}
