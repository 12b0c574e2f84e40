//! How long does a page of `job list` take, and an overview, when the store holds a million jobs? The store is filled by the commands that
//! the daemon itself would give, then the daemon's own program opens it and is asked for pages of [`LIMIT`] jobs through
//! its socket. Prints one line of JSON. `GUILDHALL_BENCH_JOBS` sets the number of jobs.
//!
//! Nearly all jobs are completed, belong to somebody else and were done by one agent. A thousandth of them belongs to the
//! caller, another has a label; a ten-thousandth waits for review, and the oldest thousandth was done by another agent.

use futures::stream::{self, StreamExt, TryStreamExt};
use guildhall_daemon::agents::secrets::{MasterKey, SecretKind, place};
use guildhall_daemon::maker::Maker;
use guildhall_daemon::scribe::Scribe;
use guildhall_daemon::store::sqlite::SqliteStore;
use guildhall_daemon::store::{
    AgentFence, AgentTurn, AttemptTurn, Chain, Command, Fence, JobTurn, NewAttempt, NewPost, NewVersion,
    Outcome, Pulses, Request, SealedSecret, Store, Window,
};
use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::attempt::{AttemptState, CheckedBy, EndedAs};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, AgentVersion, AttemptNumber, JobId, PlaceId, RequestId, UserId};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::listing::{Direction, JobCursor, JobQuery, JobSort, PageFrom, SortBy};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{JobFilter, PageRequest};
use guildhall_tests::measured::{MeasuredDaemon, count_of, percentile_ms, store_in};
use serde_json::{Map, json};
use std::error::Error;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Jobs in the store, unless the variable says otherwise.
const JOBS: usize = 1_000_000;
/// Jobs in a page.
const LIMIT: u32 = 50;
/// Pages asked for in each case, and the longest time spent on one case.
const PAGES: usize = 200;
const CASE_MAX: Duration = Duration::from_secs(20);
/// Jobs posted by one command, and commands of that size at a time: an assignment counts the jobs that its agent has.
const BATCH: usize = 100;
const BATCHES_AT_A_TIME: usize = 3;
/// One in so many jobs is the caller's; the next one has the label.
const OWN_EVERY: usize = 1_000;
/// One in so many jobs waits for review.
const REVIEW_EVERY: usize = 10_000;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
async fn main() -> Result<(), Failure> {
    let jobs = count_of("GUILDHALL_BENCH_JOBS", JOBS)?;
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    fill(folder.path(), jobs).await?;
    let filled = begun.elapsed();

    let daemon = MeasuredDaemon::start(env!("CARGO_BIN_EXE_test-guildhalld"), folder.path()).await?;
    let client = daemon.client();
    let mut line = Map::new();
    line.insert("bench".to_owned(), json!("job_list"));
    line.insert("jobs".to_owned(), json!(jobs));
    line.insert("limit".to_owned(), json!(LIMIT));
    line.insert("fill_s".to_owned(), json!(filled.as_secs()));
    line.insert("store_bytes".to_owned(), json!(daemon.store_bytes()?));
    line.insert("memory_mb_idle".to_owned(), json!(daemon.usage()?.memory_mb));
    for (name, filter, after) in cases(jobs)? {
        let (rows, mut times) = ask(&client, &filter, after).await?;
        let result = json!({
            "rows": rows,
            "ms_p50": percentile_ms(&mut times, 50),
            "ms_p99": percentile_ms(&mut times, 99),
        });
        line.insert(name.to_owned(), result);
    }
    for (name, query) in searches(jobs) {
        let ask = async || {
            let query = query.clone();
            client.call(|service, context| async move { service.find_jobs(context, query).await }).await
        };
        let (page, mut times) = timed(ask).await?;
        let result = json!({
            "rows": page.rows.len(),
            "searched": page.searched,
            "ms_p50": percentile_ms(&mut times, 50),
            "ms_p99": percentile_ms(&mut times, 99),
        });
        line.insert(name.to_owned(), result);
    }
    let ask = async || client.call(|service, context| async move { service.overview(context).await }).await;
    let (_, mut times) = timed(ask).await?;
    let result = json!({"ms_p50": percentile_ms(&mut times, 50), "ms_p99": percentile_ms(&mut times, 99)});
    line.insert("overview".to_owned(), result);
    let filter = JobFilter { text: Some("of many".to_owned()), ..any() };
    let ask = async || {
        let filter = filter.clone();
        client.call(|service, context| async move { service.count_jobs(context, filter).await }).await
    };
    let (count, mut times) = timed(ask).await?;
    let result = json!({"count": count.to_string(), "ms_p50": percentile_ms(&mut times, 50)});
    line.insert("count_of_text".to_owned(), result);
    line.insert("memory_mb_max".to_owned(), json!(daemon.usage()?.memory_mb_max));
    println!("{}", json!(line));
    Ok(())
}

/// The name of a case, which jobs it asks for, and after which one the page begins.
type Case = (&'static str, JobFilter, Option<i64>);

fn cases(jobs: usize) -> Result<Vec<Case>, Failure> {
    let states =
        |names: &[&str]| JobFilter { states: names.iter().map(|name| (*name).to_owned()).collect(), ..any() };
    let agent = |name: &str| Ok::<_, Failure>(JobFilter { agent: Some(name.parse()?), ..any() });
    let mine = JobFilter { mine: true, ..any() };
    Ok(vec![
        ("first", any(), None),
        ("middle", any(), Some(i64::try_from(jobs / 2)?)),
        ("rare_state", states(&["in_review"]), None),
        ("unused_state", states(&["held"]), None),
        ("several_states", states(&["completed", "failed", "in_review"]), None),
        ("label", JobFilter { label: Some("rare".to_owned()), ..any() }, None),
        ("client", mine.clone(), None),
        ("client_and_rare_state", JobFilter { mine: true, ..states(&["in_review"]) }, None),
        ("client_and_common_state", JobFilter { mine: true, ..states(&["completed"]) }, None),
        ("busy_agent", agent("@busy")?, None),
        ("former_agent", agent("@former")?, None),
        ("former_agent_and_rare_state", JobFilter { ..agent_in(agent("@former")?, "in_review") }, None),
    ])
}

/// Lists in other orders than by number, and what each is called. Every job was posted at the same moment, has the same
/// deadline and the same class: a page begins in the middle of equal keys.
fn searches(jobs: usize) -> Vec<(&'static str, JobQuery)> {
    let middle = |key| PageFrom::After(JobCursor { key, id: JobId(i64::try_from(jobs / 2).unwrap_or(0)) });
    let query = |filter, by, from| {
        let sort = JobSort { by, direction: Direction::Descending };
        JobQuery { filter, sort, from, limit: LIMIT }
    };
    let normal = Priority::Normal.class();
    let text = |text: &str| JobFilter { text: Some(text.to_owned()), ..any() };
    let review = JobFilter { states: vec!["in_review".to_owned()], ..any() };
    let mine = JobFilter { mine: true, ..any() };
    vec![
        ("by_changed", query(any(), SortBy::Changed, PageFrom::First)),
        ("by_posted_last", query(any(), SortBy::Posted, PageFrom::Last)),
        ("by_deadline", query(any(), SortBy::Deadline, PageFrom::First)),
        ("by_due", query(any(), SortBy::Due, PageFrom::First)),
        ("by_priority_middle", query(any(), SortBy::Priority, middle(normal))),
        ("rare_state_by_deadline", query(review, SortBy::Deadline, PageFrom::First)),
        ("client_by_changed", query(mine, SortBy::Changed, PageFrom::First)),
        ("common_text", query(text("of many"), SortBy::Number, PageFrom::First)),
        ("text_that_nobody_wrote", query(text("no such words"), SortBy::Number, PageFrom::First)),
        ("text_by_changed", query(text("no such words"), SortBy::Changed, PageFrom::First)),
    ]
}

/// Asks the same again and again; answers what was answered, and how long each answer took.
async fn timed<T>(ask: impl AsyncFn() -> Result<T, ApiError>) -> Result<(T, Vec<Duration>), Failure> {
    let ends = Instant::now() + CASE_MAX;
    let mut times = Vec::new();
    loop {
        let begun = Instant::now();
        let answer = ask().await?;
        times.push(begun.elapsed());
        if times.len() == PAGES || Instant::now() > ends {
            return Ok((answer, times));
        }
    }
}

fn any() -> JobFilter {
    JobFilter::default()
}

fn agent_in(filter: JobFilter, state: &str) -> JobFilter {
    JobFilter { states: vec![state.to_owned()], ..filter }
}

/// Asks for the same page again and again; answers its rows, and how long each answer took.
async fn ask(
    client: &Client,
    filter: &JobFilter,
    after: Option<i64>,
) -> Result<(usize, Vec<Duration>), Failure> {
    let ends = Instant::now() + CASE_MAX;
    let (mut rows, mut times) = (0, Vec::new());
    while times.len() < PAGES && Instant::now() < ends {
        let filter = filter.clone();
        let page = PageRequest { after, limit: LIMIT };
        let begun = Instant::now();
        let page = client.call(|service, context| async move { service.jobs(context, filter, page).await });
        rows = page.await?.rows.len();
        times.push(begun.elapsed());
    }
    Ok((rows, times))
}

/// Makes the store and its jobs.
async fn fill(folder: &Path, jobs: usize) -> Result<(), Failure> {
    let store = SqliteStore::open(&store_in(folder))?;
    // The daemon takes whoever has our uid for the user with that identity.
    let uid = std::fs::metadata("/proc/self")?.uid().to_string();
    let key = MasterKey::open_or_create(&folder.join("master.key"))?;
    let filler = Filler::new(&store, &key, &uid).await?;
    let mut numbers = Vec::new();
    let mut first = 0;
    while first < jobs {
        let end = jobs.min(first + BATCH);
        numbers.push(first..end);
        first = end;
    }
    stream::iter(numbers)
        .map(|batch| filler.batch(batch, jobs))
        .buffered(BATCHES_AT_A_TIME)
        .try_for_each(async |()| Ok(()))
        .await
}

/// Fills a store.
struct Filler<'a> {
    store: &'a SqliteStore,
    /// The daemon's own: it opens a secret before it starts.
    key: &'a MasterKey,
    maker: Maker,
    now: Timestamp,
    caller: UserId,
    others: UserId,
    busy: AgentId,
    former: AgentId,
}

impl<'a> Filler<'a> {
    async fn new(store: &'a SqliteStore, key: &'a MasterKey, uid: &str) -> Result<Self, Failure> {
        let maker = Maker::new(0, [1; 32]);
        let now = Timestamp::now();
        let (caller, others) = (UserId(0), UserId(0));
        let (busy, former) = (AgentId(0), AgentId(0));
        let mut filler = Self { store, key, maker, now, caller, others, busy, former };
        filler.caller = filler.user(uid).await?;
        filler.others = filler.user("somebody else").await?;
        filler.busy = filler.agent("@busy").await?;
        filler.former = filler.agent("@former").await?;
        Ok(filler)
    }

    fn scribe(&self, chain: Chain) -> Scribe<'_> {
        Scribe::new(&self.maker, self.now, chain, Actor::Daemon)
    }

    async fn user(&self, identity: &str) -> Result<UserId, Failure> {
        let mut scribe = self.scribe(Chain::default());
        scribe.event(What::UserSeen);
        let (kind, name) = ("uid".to_owned(), format!("uid {identity}"));
        let command = Command::SeeUser { kind, identity: identity.to_owned(), name, entry: scribe.finish() };
        let Outcome::User(user) = self.store.apply(self.now, command).await? else {
            return Err("no user".into());
        };
        Ok(user)
    }

    fn request(&self) -> Request {
        Request { user: self.caller, id: RequestId::fresh(), hash: [0; 32] }
    }

    async fn agent(&self, name: &str) -> Result<AgentId, Failure> {
        let definition = json!({"name": name, "description": "Works.", "endpoint": "https://example.com/"});
        let mut scribe = self.scribe(Chain::default());
        let (body, commitment) = scribe.body(definition.to_string().into_bytes());
        let (owner, version) = (self.others, AgentVersion(1));
        scribe.event(What::AgentRegistered { owner, version, definition: commitment });
        let name: AgentName = name.parse()?;
        let sealed = |kind| {
            let secret = self.maker.random::<32>();
            SealedSecret(self.key.seal(&place(&name, kind), self.maker.random(), &secret))
        };
        let (delivery_secret, callback_secret) = (sealed(SecretKind::Delivery), sealed(SecretKind::Callback));
        let entry = scribe.finish();
        let registered = entry.events[0].chain;
        let command = Command::Register {
            request: self.request(),
            name,
            owner,
            audience: Audience::Public,
            version: NewVersion { version, definition: body, concurrency: 1_000_000, grants: Vec::new() },
            delivery_secret,
            callback_secret,
            due_at: self.now,
            entry,
        };
        let Outcome::Registered(agent) = self.store.apply(self.now, command).await? else {
            return Err("no agent".into());
        };
        let mut scribe = self.scribe(registered);
        scribe.event(What::AgentProved { version });
        let fence = AgentFence { agent, revision: registered.revision };
        let turn = AgentTurn {
            state: AgentState::Active,
            health: Health::Closed,
            due_at: None,
            tries: 0,
            pulses: Pulses::default(),
        };
        let command = Command::TurnAgent { fence, request: None, turn, entry: scribe.finish() };
        self.store.apply(self.now, command).await?;
        Ok(agent)
    }

    /// Posts jobs, and takes each to where it stays. `numbers` count from 0, job numbers from 1.
    async fn batch(&self, numbers: std::ops::Range<usize>, jobs: usize) -> Result<(), Failure> {
        let posts: Vec<NewPost> = numbers.clone().map(|number| self.new_post(number)).collect();
        let chains: Vec<Chain> = posts.iter().map(|post| post.entry.events[0].chain).collect();
        let command = Command::Post { request: self.request(), jobs: posts };
        let Outcome::Posted(ids) = self.store.apply(self.now, command).await? else {
            return Err("not posted".into());
        };
        let work = numbers.zip(ids).zip(chains);
        let work =
            work.map(|((number, job), chain)| self.carry_out(number < jobs / 1_000, number, job, chain));
        futures::future::try_join_all(work).await?;
        Ok(())
    }

    fn new_post(&self, number: usize) -> NewPost {
        let client = if number.is_multiple_of(OWN_EVERY) { self.caller } else { self.others };
        let deadline = self.now.after(Duration::from_hours(24 * 60));
        let mut scribe = Scribe::new(&self.maker, self.now, Chain::default(), Actor::User(client));
        let title = format!("Job {number} of many, with a title of usual length");
        let draft = json!({"brief": title, "input": {"text": "word ".repeat(60)}, "deadline": deadline});
        let (draft, commitment) = scribe.body(draft.to_string().into_bytes());
        scribe.event(What::Posted { client, draft: commitment, deadline, derived_from: None, trial: false });
        NewPost {
            client,
            place: PlaceId::LOCAL,
            visibility: Visibility::Private,
            priority: Priority::Normal,
            title,
            label: (number % OWN_EVERY == 1).then(|| "rare".to_owned()),
            derived_from: None,
            trial: false,
            draft,
            deadline,
            entry: scribe.finish(),
        }
    }

    async fn carry_out(
        &self,
        by_former: bool,
        number: usize,
        job: JobId,
        chain: Chain,
    ) -> Result<(), Failure> {
        let agent = if by_former { self.former } else { self.busy };
        let (attempt, version) = (AttemptNumber(1), AgentVersion(1));
        let later = self.now.after(Duration::from_hours(24 * 30));
        let mut scribe = self.scribe(chain);
        let (pick, commitment) = scribe.body(b"null".to_vec());
        scribe.event(What::Assigned { attempt, agent, version, pick: commitment, repair: false });
        let entry = scribe.finish();
        let assigned = entry.events[0].chain;
        let turn = |state, due_at, checked_by, window| JobTurn {
            state,
            due_at,
            ready: false,
            lease: None,
            deaths: 0,
            checked_by,
            window,
            question: None,
            reply: None,
        };
        let command = Command::Assign {
            fence: Fence { job, epoch: 1, revision: chain.revision },
            attempt: NewAttempt {
                number: attempt,
                agent,
                version,
                repair: false,
                deadline: later,
                pick,
                input: None,
            },
            turn: turn(JobState::Assigned, Some(later), None, None),
            steering: None,
            day: None,
            entry,
        };
        self.store.apply(self.now, command).await?;

        let mut scribe = self.scribe(assigned);
        let (answer, commitment) = scribe.body(br#"{"text": "done"}"#.to_vec());
        scribe.event(What::Answered { attempt, answer: commitment });
        let by = CheckedBy::Rules;
        let (turn, ended) = if number.is_multiple_of(REVIEW_EVERY) {
            let reviewer = Reviewer::Client;
            scribe.event(What::ReviewRequested { reviewer, until: later });
            let window = Window { begins_at: self.now, ends_at: later, reminded: 0 };
            (turn(JobState::InReview(reviewer), Some(later), None, Some(window)), None)
        } else {
            scribe.event(What::Completed { attempt, by });
            (turn(JobState::Completed, None, Some(by), None), Some(EndedAs::Passed))
        };
        let attempt = AttemptTurn {
            number: attempt,
            state: ended.map_or(AttemptState::Answered, AttemptState::Ended),
            tries: 1,
            deadline: later,
            left_ms: None,
            heard_at: None,
            answered_at: Some(self.now),
            ended_at: ended.map(|_| self.now),
            answer: Some(answer),
            findings: None,
            reason: None,
            question: None,
            reply: None,
            replies: 0,
        };
        let command = Command::Turn {
            fence: Fence { job, epoch: 2, revision: assigned.revision },
            cause: None,
            turn,
            attempt: Some(attempt),
            steering: None,
            tally: None,
            pulse: None,
            entry: scribe.finish(),
        };
        self.store.apply(self.now, command).await?;
        Ok(())
    }
}
