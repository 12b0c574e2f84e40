//! What must be true of every store, whatever happened: no job in limbo, every history whole, nothing done twice.

use guildhall_daemon::store::Chain;
use guildhall_protocol::history::Event;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;

/// Every job that has not ended, and has no time at which it is looked at.
pub(crate) const IN_LIMBO: &str = "
    SELECT id
    FROM jobs
    WHERE due_at IS NULL
        AND state NOT IN ('completed', 'failed', 'canceled', 'expired')";

/// Jobs that have ended, while an attempt of theirs has not.
const LEFT_RUNNING: &str = "
    SELECT id
    FROM jobs
    WHERE state IN ('completed', 'failed', 'canceled', 'expired')
        AND EXISTS (SELECT 1 FROM attempts WHERE job_id = jobs.id AND ended_at IS NULL)";

/// Jobs with more than one attempt that runs.
const TWICE_AT_WORK: &str = "
    SELECT job_id
    FROM attempts
    WHERE ended_at IS NULL
    GROUP BY job_id
    HAVING count(*) > 1";

/// Jobs that were not done exactly as often as they say.
const NOT_ONCE_DONE: &str = "
    SELECT id
    FROM jobs
    WHERE (state = 'completed') <>
        (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND state = 'passed')";

/// Heads of histories.
const HEADS: &str = "
    SELECT 'job', id, revision, chain FROM jobs
    UNION ALL SELECT 'agent', id, revision, chain FROM agents
    UNION ALL SELECT 'user', id, revision, chain FROM users
    UNION ALL SELECT 'place', id, revision, chain FROM places
    UNION ALL SELECT 'system', 0, revision, chain FROM system";

const EVENTS: &str = "
    SELECT subject, subject_id, seq, bytes, hash
    FROM events
    ORDER BY subject, subject_id, seq";

/// Panics unless all is true of the store in this file, which no daemon writes.
pub(crate) fn audit(path: &Path) {
    let store = Connection::open(path).expect("the store");
    for (name, rule) in [
        ("without a next time", IN_LIMBO),
        ("ended, and still worked on", LEFT_RUNNING),
        ("worked on twice at once", TWICE_AT_WORK),
        ("not done exactly once", NOT_ONCE_DONE),
    ] {
        let broken = numbers(&store, rule);
        assert!(broken.is_empty(), "jobs {name}: {broken:?}");
    }
    histories_are_whole(&store);
}

fn numbers(store: &Connection, sql: &str) -> Vec<i64> {
    let mut query = store.prepare(sql).expect("a query");
    let rows = query.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("numbers")
}

/// Every event follows from the one before, reads and prints back, and the newest is what its subject's row says.
fn histories_are_whole(store: &Connection) {
    type Line = (String, i64, u64, Vec<u8>, [u8; 32]);
    let mut query = store.prepare(EVENTS).expect("a query");
    let read =
        |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    let mut chains: BTreeMap<(String, i64), Chain> = BTreeMap::new();
    for line in query.query_map([], read).expect("rows") {
        let (subject, number, seq, bytes, hash): Line = line.expect("an event");
        let told = format!("event {seq} of {subject}:{number}");
        let event: Event = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{told}: {error}"));
        assert_eq!(event.bytes(), bytes, "{told} prints as it was read");
        assert_eq!(event.seq, seq, "{told} says its place");
        let chain = chains.entry((subject, number)).or_default();
        *chain = chain.followed_by(&bytes);
        assert_eq!((chain.revision, chain.hash), (seq, hash), "{told} follows from the one before");
    }
    let mut query = store.prepare(HEADS).expect("a query");
    let read = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)));
    for head in query.query_map([], read).expect("rows") {
        let (subject, (revision, hash)): ((String, i64), (u64, [u8; 32])) = head.expect("a head");
        let chain = chains.remove(&subject).unwrap_or_default();
        assert_eq!((chain.revision, chain.hash), (revision, hash), "the head of {subject:?}");
    }
    assert!(chains.is_empty(), "histories of nobody: {:?}", chains.keys());
}
