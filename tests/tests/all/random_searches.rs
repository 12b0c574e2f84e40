//! Seeded questions for the contract suite: lists of jobs in every order and both directions, and what waits.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::{JobSearch, JobWish, JobsOf, Query, Span};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{AgentId, JobId, PlaceId, UserId};
use guildhall_protocol::job::Priority;
use guildhall_protocol::listing::{Direction, JobCursor, JobSort, PageFrom, SortBy};
use guildhall_protocol::state::{HeldWhy, JOB_STATES};
use guildhall_protocol::time::Timestamp;
use rand::RngExt;

/// Searches in each order and direction.
const SEARCHES: usize = 6;

/// Questions whose answers show every row that can be found.
pub(crate) fn queries(author: &mut Author, seen: &Seen) -> Vec<Query> {
    let mut queries = Vec::new();
    for by in SortBy::ALL {
        for direction in [Direction::Ascending, Direction::Descending] {
            let sort = JobSort { by, direction };
            queries.push(Query::Find(search(JobWish::default(), sort, PageFrom::First, 10_000)));
            for _ in 0..SEARCHES {
                let (wish, from) = (wish(author), from(author, seen, by));
                queries.push(Query::CountJobs(wish.clone()));
                queries.push(Query::Find(search(wish, sort, from, author.random.random_range(1..8))));
            }
        }
    }
    let now = author.time();
    let clients = [1, 2].map(|client| JobsOf::Client(UserId(client)));
    let places = [PlaceId::LOCAL, PlaceId(2)];
    for of in [JobsOf::Everybody].into_iter().chain(clients).chain(places.map(JobsOf::Place)) {
        queries.push(Query::Waiting { of, now, limit: 10_000 });
    }
    for place in places {
        queries.extend([2, 10_000].map(|limit| Query::CountsIn { place, limit }));
    }
    for limit in [2, 10_000] {
        queries.push(Query::CountsOf { client: UserId(1), limit });
        queries.push(Query::AttemptsOf { agent: AgentId(1), limit });
    }
    queries
}

/// Some wishes.
pub(crate) fn wishes(author: &mut Author) -> Vec<JobWish> {
    (0..3).map(|_| wish(author)).collect()
}

/// A search that looks at everything.
pub(crate) fn search(wish: JobWish, sort: JobSort, from: PageFrom, limit: u32) -> JobSearch {
    JobSearch { wish, sort, from, limit, searched_max: 1_000_000 }
}

/// A row that is there, or a place where none is.
fn from(author: &mut Author, seen: &Seen, by: SortBy) -> PageFrom {
    let job = (!seen.jobs.is_empty()).then(|| &seen.jobs[author.random.random_range(0..seen.jobs.len())]);
    let key = |key: i64| if key % 3 == 0 { key + 1 } else { key };
    let cursor = match job {
        None => JobCursor { key: 5, id: JobId(5) },
        Some(job) => {
            let at = match by {
                SortBy::Number => job.id.0,
                SortBy::Changed => job.changed_at.0,
                SortBy::Posted => job.posted_at.0,
                SortBy::Deadline => job.deadline.0,
                SortBy::Due => job.due_at.map_or(7, |due| due.0),
                SortBy::Priority => job.priority.class(),
            };
            // Of a list by number, key and number are one.
            if by == SortBy::Number {
                JobCursor { key: at, id: job.id }
            } else {
                JobCursor { key: key(at), id: job.id }
            }
        }
    };
    author.pick(&[PageFrom::First, PageFrom::Last, PageFrom::After(cursor), PageFrom::Before(cursor)])
}

fn wish(author: &mut Author) -> JobWish {
    let mut states = Vec::new();
    while author.one_in(2) {
        states.push(author.pick(&JOB_STATES).name().to_owned());
    }
    let span = |author: &mut Author| {
        let bound = |author: &mut Author| {
            author.one_in(4).then(|| Timestamp(1_000 + author.random.random_range(0..200)))
        };
        Span { from: bound(author), before: bound(author) }
    };
    let ended = [EndedAs::Passed, EndedAs::Failed, EndedAs::Withdrawn, EndedAs::Unclear];
    JobWish {
        states,
        client: author.one_in(4).then(|| UserId(author.random.random_range(1..3))),
        label: author.one_in(6).then(|| "red".to_owned()),
        agent: author.one_in(6).then(|| AgentId(author.random.random_range(1..3))),
        place: author.one_in(8).then(|| PlaceId(author.random.random_range(1..3))),
        priority: author.one_in(8).then(|| author.pick(&[Priority::Low, Priority::Normal, Priority::High])),
        text: author.one_in(6).then(|| author.pick(&["TITLE 3", "le 1", "%", "no such"]).to_owned()),
        posted: span(author),
        changed: span(author),
        ended: author.one_in(8).then(|| author.pick(&ended)),
        attempts_min: author.one_in(8).then(|| author.random.random_range(0..3)),
        held: author.one_in(10).then(|| author.pick(&[HeldWhy::Unclear, HeldWhy::Poison])),
    }
}
