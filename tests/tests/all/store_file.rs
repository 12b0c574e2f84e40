//! The store as a file: one daemon at a time, versions, concurrent writers, what survives.

use crate::audit::IN_LIMBO;
use crate::random_commands::Author;
use guildhall_daemon::store::sqlite::{OpenError, SqliteStore};
use guildhall_daemon::store::{Answer, Chain, Command, NewPost, Outcome, Query, Request, Store, StoreError};
use guildhall_protocol::ids::{JobId, PlaceId, RequestId, StoreTag, UserId};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::state::{JOB_STATES, JobState};
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_000);

async fn user(store: &SqliteStore, author: &mut Author) -> UserId {
    let entry = author.entry(Chain::default());
    let command =
        Command::SeeUser { kind: "uid".to_owned(), identity: "1".to_owned(), name: "ada".to_owned(), entry };
    let Ok(Outcome::User(user)) = store.apply(NOW, command).await else { panic!("a user") };
    user
}

fn post(author: &mut Author, client: UserId, request: &str) -> Command {
    let entry = author.entry(Chain::default());
    let job = NewPost {
        client,
        place: PlaceId::LOCAL,
        visibility: Visibility::Private,
        priority: Priority::Normal,
        title: "t".to_owned(),
        label: None,
        derived_from: None,
        trial: false,
        draft: entry.bodies[0].id,
        deadline: NOW,
        entry,
    };
    let id: RequestId = request.parse().expect("an id");
    Command::Post { request: Request { user: client, id, hash: [7; 32] }, jobs: vec![job] }
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_the_first_one_s_data_is_there_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let first = SqliteStore::open(&path).expect("it opens");
    let tag = StoreTag::from_random(4_711);
    assert_eq!(first.apply(NOW, Command::Found { tag }).await, Ok(Outcome::Done));

    let refused = SqliteStore::open(&path).err().expect("it is in use");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("another daemon has the store"), "{refused}");

    drop(first);
    let second = SqliteStore::open(&path).expect("it is free again");
    let Ok(Answer::System(system)) = second.query(Query::System).await else { panic!("the system") };
    assert_eq!(system.tag, Some(tag));
    assert_eq!(second.apply(NOW, Command::Found { tag }).await, Err(StoreError::Stale));
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    drop(SqliteStore::open(&path).expect("it opens"));
    let file = rusqlite::Connection::open(&path).expect("a connection");
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
        SELECT version + 1, 'later', applied_on, '1' FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    file.execute(sql, []).expect("a row");
    drop(file);

    let refused = SqliteStore::open(&path).err().expect("it is newer");
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    assert!(refused.to_string().contains("written by a newer Guildhall"), "{refused}");
}

#[tokio::test]
async fn a_group_with_a_bad_command_keeps_the_good_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(SqliteStore::open(&folder.path().join("store.db")).expect("it opens"));
    let mut author = Author::new(1);
    let client = user(&store, &mut author).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        // Every tenth names a client that does not exist: a foreign key refuses it in the middle of a group.
        let who = if number % 10 == 0 { UserId(99) } else { client };
        let mut command = post(&mut author, who, &format!("r{number}"));
        if let Command::Post { request, .. } = &mut command {
            request.user = client;
        }
        let store = Arc::clone(&store);
        calls.spawn(async move { (number, store.apply(NOW, command).await) });
    }
    let mut posted = Vec::new();
    while let Some(call) = calls.join_next().await {
        let (number, outcome) = call.expect("the call ends");
        match outcome {
            Ok(Outcome::Posted(ids)) => posted.extend(ids),
            Err(StoreError::Unavailable(why)) => {
                assert!(number % 10 == 0 && why.contains("FOREIGN KEY"), "{number}: {why}");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    posted.sort();
    assert_eq!(posted, (1..=180).map(JobId).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_request_gives_the_same_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("store.db")).expect("it opens");
    let mut author = Author::new(2);
    let client = user(&store, &mut author).await;
    let first = store.apply(NOW, post(&mut author, client, "once")).await;
    assert_eq!(first, Ok(Outcome::Posted(vec![JobId(1)])));
    let again = store.apply(NOW, post(&mut author, client, "once")).await;
    assert!(matches!(again, Ok(Outcome::Repeated(_))), "{again:?}");
    let Ok(Answer::Counts(counts)) = store.query(Query::Counts).await else { panic!("counts") };
    assert_eq!(counts, [("open".to_owned(), 1)]);
}

#[tokio::test]
async fn no_state_that_has_not_ended_is_stored_without_a_next_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).expect("it opens");
    let mut author = Author::new(3);
    let client = user(&store, &mut author).await;
    store.apply(NOW, post(&mut author, client, "once")).await.expect("it is posted");
    drop(store);
    let file = rusqlite::Connection::open(&path).expect("a connection");
    let set = "
        UPDATE jobs
        SET state = ?1, detail = ?2, due_at = ?3, ready = 0, checked_by = 'rules', window_begins_at = ?4,
            window_ends_at = ?4";
    for state in JOB_STATES {
        let waits = matches!(state, JobState::InputRequired(_) | JobState::InReview(_)).then_some(9);
        let write = |due_at: Option<i64>| {
            file.execute(set, rusqlite::params![state.name(), state.detail(), due_at, waits])
        };
        let (right, wrong) = if state.is_terminal() { (None, Some(7)) } else { (Some(7), None) };
        assert_eq!(write(right).expect("this is as it should be"), 1, "{state:?}");
        let refused = write(wrong).expect_err("a job in limbo").to_string();
        assert!(refused.contains("CHECK") && refused.contains("due_at"), "{state:?}: {refused}");
        if !state.is_terminal() {
            let forgot = file.execute("UPDATE jobs SET due_at = NULL", []).expect_err("nobody may forget it");
            assert!(forgot.to_string().contains("CHECK"), "{state:?}: {forgot}");
        }
        let in_limbo =
            file.query_row(&format!("SELECT count(*) FROM ({IN_LIMBO})"), [], |row| row.get::<_, i64>(0));
        assert_eq!(in_limbo.expect("a count"), 0, "{state:?}");
    }
}
