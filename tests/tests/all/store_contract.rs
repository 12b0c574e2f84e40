//! The contract suite: SQLite and the model get the same seeded commands, and must give the same outcomes, the same
//! selections on the way and the same dump at the end.
//!
//! `GUILDHALL_SEEDS=100000 cargo test -p guildhall-tests store_contract` looks further than every commit does.

use crate::random_accounts;
use crate::random_commands::{Author, Seen, USERS};
use crate::random_front_ends;
use crate::random_places;
use crate::random_searches;
use guildhall_daemon::store::sqlite::SqliteStore;
use guildhall_daemon::store::{
    Answer, Chain, Command, Found, JobSearch, JobSelection, JobWish, PlaceCommand, Query, Store,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{
    AgentId, BodyId, EventId, Incarnation, JobId, NotificationId, PlaceId, RequestId, UserId,
};
use guildhall_protocol::listing::{Direction, JobCursor, JobSort, PageFrom, SortBy};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use guildhall_tests::model::ModelStore;

const SEEDS: u64 = 60;
const COMMANDS: i64 = 150;
const ALL: u32 = 10_000;

#[tokio::test]
async fn sqlite_does_what_the_model_does() {
    let seeds = std::env::var("GUILDHALL_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = SqliteStore::open(&folder.path().join("store.db")).expect("a new store opens");
        let model = ModelStore::default();
        compare(seed, &sqlite, &model).await;
    }
}

async fn compare(seed: u64, sqlite: &SqliteStore, model: &ModelStore) {
    let mut author = Author::new(seed);
    for user in 1..=USERS {
        let entry = author.entry(Chain::default());
        let (kind, name) = ("first".to_owned(), format!("user {user}"));
        both(seed, -user, sqlite, model, Command::SeeUser { kind, identity: name.clone(), name, entry })
            .await;
    }
    let (identity, name) = (random_places::known(0), "a server".to_owned());
    both(seed, -100, sqlite, model, Command::Place(PlaceCommand::See { identity, name })).await;
    author.users = USERS;
    for step in 0..COMMANDS {
        let held = look(model).await;
        let command = author.command(&held);
        both(seed, step, sqlite, model, command).await;
        for selection in [
            JobSelection::Ready,
            JobSelection::Due(Timestamp(step * 10)),
            JobSelection::Orphaned(Incarnation(2)),
            JobSelection::WaitingFor(AgentId(1)),
        ] {
            same(seed, step, sqlite, model, Query::Select { selection, limit: 7 }).await;
        }
    }
    for query in everything(model).await {
        same(seed, COMMANDS, sqlite, model, query).await;
    }
    for query in random_searches::queries(&mut author, &look(model).await) {
        same(seed, COMMANDS, sqlite, model, query).await;
    }
    for wish in random_searches::wishes(&mut author) {
        goes_on_where_it_stopped(seed, sqlite, model, wish).await;
    }
}

async fn both(seed: u64, step: i64, sqlite: &SqliteStore, model: &ModelStore, command: Command) {
    let now = Timestamp(1_000 + step);
    let expected = model.apply(now, command.clone()).await;
    let outcome = sqlite.apply(now, command.clone()).await;
    assert_eq!(outcome, expected, "seed {seed}, step {step}: {command:#?}");
}

async fn same(seed: u64, step: i64, sqlite: &SqliteStore, model: &ModelStore, query: Query) {
    let expected = model.query(query.clone()).await.map(unsearched);
    let answer = sqlite.query(query.clone()).await.map(unsearched);
    if answer != expected {
        // The answers are long: show where they part.
        let (ours, models) = (format!("{answer:#?}"), format!("{expected:#?}"));
        let parted = ours.lines().zip(models.lines()).position(|(a, b)| a != b).unwrap_or(0);
        let near =
            |text: &str| text.lines().skip(parted.saturating_sub(3)).take(7).collect::<Vec<_>>().join("\n");
        panic!("seed {seed}, step {step}: {query:?}\nsqlite:\n{}\nmodel:\n{}", near(&ours), near(&models));
    }
}

/// Pages that end because enough was looked at show together what one page shows, in every order, down and up.
async fn goes_on_where_it_stopped(seed: u64, sqlite: &SqliteStore, model: &ModelStore, wish: JobWish) {
    for by in SortBy::ALL {
        let sort = JobSort { by, direction: Direction::Descending };
        let all = random_searches::search(wish.clone(), sort, PageFrom::First, ALL);
        let Answer::Found(all) = ask(model, Query::Find(all)).await else { panic!("jobs") };
        let mut expected: Vec<JobId> = all.jobs.iter().map(|job| job.id).collect();
        for (begin, on) in [
            (PageFrom::First, PageFrom::After as fn(JobCursor) -> PageFrom),
            (PageFrom::Last, PageFrom::Before),
        ] {
            let (mut found, mut next) = (Vec::new(), Some(begin));
            while let Some(from) = next {
                let page = random_searches::search(wish.clone(), sort, from, 3);
                let page = Query::Find(JobSearch { searched_max: 2, ..page });
                let Answer::Found(page) = ask(sqlite, page).await else { panic!("jobs") };
                let ids = page.jobs.iter().map(|job| job.id);
                if begin == PageFrom::First {
                    found.extend(ids);
                } else {
                    found.extend(ids.rev());
                }
                next = page.next.map(on);
            }
            assert_eq!(found, expected, "seed {seed}, {by} from {begin:?}: {wish:?}");
            expected.reverse();
        }
    }
}

/// How many rows a store looks at is its own business.
fn unsearched(answer: Answer) -> Answer {
    if let Answer::Found(found) = answer { Answer::Found(Found { searched: 0, ..found }) } else { answer }
}

async fn ask(store: &impl Store, query: Query) -> Answer {
    store.query(query).await.expect("the store answers")
}

async fn look(store: &ModelStore) -> Seen {
    let Answer::System(system) = ask(store, Query::System).await else { panic!("the system") };
    let Answer::Jobs(jobs) = ask(store, list()).await else { panic!("jobs") };
    let Answer::Agents(agents) = ask(store, Query::Agents { after: AgentId(0), limit: ALL }).await else {
        panic!("agents")
    };
    let mut attempts = Vec::new();
    for job in &jobs {
        let Answer::Attempts(mut of_job) = ask(store, Query::Attempts(job.id)).await else {
            panic!("attempts")
        };
        attempts.append(&mut of_job);
    }
    let Answer::Appeals(appeals) = ask(store, Query::OpenAppeals { limit: ALL }).await else {
        panic!("appeals")
    };
    let mut users = Vec::new();
    for user in 1..=USERS {
        let Answer::Users(mut found) = ask(store, Query::User(UserId(user))).await else { panic!("users") };
        users.append(&mut found);
    }
    let Answer::Places(places) = ask(store, random_places::everything()).await else { panic!("places") };
    let Answer::People(people) = ask(store, Query::People).await else { panic!("people") };
    let (chain, incarnation) = (system.chain, system.incarnation);
    Seen { chain, incarnation, jobs, attempts, agents, users, appeals, people, places }
}

fn list() -> Query {
    Query::List {
        states: vec![],
        client: None,
        place: None,
        label: None,
        agent: None,
        before: None,
        limit: ALL,
    }
}

fn of_agent(states: &[&str]) -> Query {
    let states = states.iter().map(|state| (*state).to_owned()).collect();
    Query::List {
        states,
        client: None,
        place: None,
        label: None,
        agent: Some(AgentId(1)),
        before: None,
        limit: ALL,
    }
}

fn of_place(place: i64, states: &[&str]) -> Query {
    let (states, place) = (states.iter().map(|state| (*state).to_owned()).collect(), Some(PlaceId(place)));
    Query::List { states, client: None, place, label: None, agent: None, before: None, limit: ALL }
}

fn of_states(states: &[&str]) -> Query {
    let states = states.iter().map(|state| (*state).to_owned()).collect();
    Query::List {
        states,
        client: None,
        place: None,
        label: None,
        agent: None,
        before: Some(JobId(7)),
        limit: ALL,
    }
}

/// Queries that together show every row that can be shown.
async fn everything(model: &ModelStore) -> Vec<Query> {
    let seen = look(model).await;
    let label = Some("red".to_owned());
    let states = vec!["open".to_owned(), "in_review".to_owned()];
    let mut queries = vec![
        Query::System,
        list(),
        Query::List {
            states,
            client: Some(UserId(1)),
            place: None,
            label,
            agent: None,
            before: Some(JobId(9)),
            limit: 5,
        },
        of_place(1, &[]),
        of_place(2, &[]),
        of_place(2, &["completed", "failed", "open"]),
        of_place(2, &["open", "assigned", "held"]),
        of_agent(&[]),
        of_agent(&["open", "assigned"]),
        of_agent(&["assigned", "completed", "completed", "failed"]),
        of_agent(&["no such state"]),
        of_states(&["completed", "open", "failed", "held", "completed"]),
        Query::NextDue,
        Query::Counts,
        Query::ModelSettings,
        Query::Spent { day: 0 },
        Query::Spent { day: 1 },
        Query::ModelTotals,
        Query::Without,
        Query::Judgements,
        Query::Feed { after: EventId(3), limit: ALL },
        Query::Agents { after: AgentId(0), limit: ALL },
        Query::AgentNamed("@agent-1".parse().expect("a name")),
        Query::Tallies { since: 1 },
        Query::Days { day: 0 },
        Query::Days { day: 1 },
        Query::DueMessages { now: Timestamp(i64::MAX), limit: ALL },
        Query::DueMessages { now: Timestamp(1_050), limit: 3 },
        Query::Notifications { user: None, before: None, limit: ALL },
        Query::Notifications { user: Some(UserId(2)), before: Some(NotificationId(400)), limit: 5 },
        Query::OpenAppeals { limit: ALL },
        Query::People,
        Query::User(UserId(2)),
        Query::User(UserId(99)),
        Query::NewestAttempts(seen.jobs.iter().map(|job| job.id).collect()),
        Query::Bodies((0..2_000).map(BodyId).collect()),
    ];
    let Answer::Notifications(notified) =
        ask(model, Query::Notifications { user: None, before: None, limit: ALL }).await
    else {
        panic!("notifications")
    };
    queries.extend(notified.iter().map(|row| Query::NoticeLog(row.id)));
    queries.extend(notified.first().map(|row| Query::Notification(row.id)));
    queries.extend(random_accounts::queries(&seen));
    queries.extend(random_front_ends::queries(&seen));
    queries.extend(random_places::queries());
    queries.extend(seen.users.iter().map(|user| Query::User(user.id)));
    for job in &seen.jobs {
        queries.push(Query::Appeals(job.id));
        queries.push(Query::NotificationsOf { job: job.id, kind: NoticeKind::ReviewWanted });
        queries.push(Query::Job(job.id));
        queries.push(Query::JobSpending(job.id));
        queries.push(Query::Attempts(job.id));
        queries.push(Query::Events { subject: Subject::Job(job.id), after: 1, limit: 50 });
    }
    for agent in &seen.agents {
        queries.push(Query::Agent(agent.id));
        queries.push(Query::Versions(agent.id));
        queries.push(Query::Deliveries { agent: agent.id, before: None, limit: ALL });
        queries.push(Query::Select { selection: JobSelection::WaitingFor(agent.id), limit: ALL });
    }
    for (user, number) in [(1, 0), (1, 5), (2, 3), (2, 11)] {
        let id: RequestId = format!("request-{number}").parse().expect("an id");
        queries.push(Query::Receipt { user: UserId(user), id });
    }
    queries
}
