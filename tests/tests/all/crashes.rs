//! The daemon is killed right before and right after the commit of every step of a job's life; in the end each job ends as
//! it should, with one answer that passed, and nothing is counted twice.

use crate::cast::{number_from, state, tells};
use crate::place::{PATIENCE, Place, endings};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{HeldWhy, JobState};
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, Callback, Delivery, FakeAgent};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Steps after which every job of these tests has ended.
const STEPS_MAX: usize = 24;

/// A life that a job leads when nothing goes wrong.
#[derive(Clone, Copy)]
struct Life {
    name: &'static str,
    /// What the agent says to a delivery.
    says: fn(&Delivery) -> Answer,
    review: Review,
    /// Whether the same delivery twice is one job for the agent.
    idempotent: bool,
    /// How the attempts before the one that passes end.
    before: &'static [EndedAs],
}

const PLAIN: Life =
    Life { name: "plain", says: answers, review: Review::OnAbstain, idempotent: true, before: &[] };

fn answers(delivery: &Delivery) -> Answer {
    match delivery.kind.as_str() {
        "job.assigned" | "job.input_provided" => Answer::Output(json!(1)),
        _ => Answer::Status(204),
    }
}

fn accepts(delivery: &Delivery) -> Answer {
    match delivery.kind.as_str() {
        "job.assigned" => Answer::Status(202),
        "job.status" => Answer::Says(json!({"status": "working"})),
        _ => Answer::Status(204),
    }
}

fn asks(delivery: &Delivery) -> Answer {
    match delivery.kind.as_str() {
        "job.assigned" => Answer::Says(json!({"question": "Which number?"})),
        _ => answers(delivery),
    }
}

fn learns(delivery: &Delivery) -> Answer {
    let findings = delivery.data["findings"].as_array().map_or(0, Vec::len);
    if delivery.kind == "job.assigned" && findings == 0 {
        Answer::Output(json!(-1))
    } else {
        answers(delivery)
    }
}

fn declines_first(delivery: &Delivery) -> Answer {
    if delivery.data["attempt"] == 1 && delivery.kind == "job.assigned" {
        return Answer::Says(json!({"declined": "not mine"}));
    }
    answers(delivery)
}

fn is_busy_first(delivery: &Delivery) -> Answer {
    if delivery.times == 1 && delivery.kind == "job.assigned" {
        Answer::Status(503)
    } else {
        answers(delivery)
    }
}

fn breaks_first(delivery: &Delivery) -> Answer {
    match (delivery.kind.as_str(), delivery.times) {
        ("job.assigned", 1) => Answer::Status(500),
        ("job.status", _) => Answer::Says(json!({"status": "unknown"})),
        _ => answers(delivery),
    }
}

/// Where the daemon is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// When the agent has the n-th message and has not answered it: before the commit of what it says.
    Before(usize),
    /// When the n-th line of the job's history can be read: after its commit.
    After(usize),
}

/// Makes an agent keep silent about one message.
#[derive(Clone, Default)]
struct Trap(Arc<AtomicI64>);

impl Trap {
    fn set(&self, messages: usize) {
        self.0.store(i64::try_from(messages).expect("a few"), Ordering::SeqCst);
    }

    /// Whether this message is the one.
    fn springs(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) == 1
    }

    fn is_sprung(&self) -> bool {
        self.0.load(Ordering::SeqCst) <= 0
    }
}

struct Stage {
    place: Place,
    agents: Vec<FakeAgent>,
    trap: Trap,
}

impl Stage {
    async fn set(life: Life) -> Self {
        let mut place = Place::open_public().await;
        let trap = Trap::default();
        let mut agents = Vec::new();
        for name in ["ada", "bob"] {
            let trap = trap.clone();
            let says = move |delivery: &Delivery| {
                if trap.springs() { Answer::Silence } else { (life.says)(delivery) }
            };
            let agent = FakeAgent::start(says).await;
            let mut definition = agent.definition(name, "Says a number.");
            definition.idempotent = life.idempotent;
            place.hire_as(&agent, definition).await;
            agents.push(agent);
        }
        place.give_away("ada").await;
        place.give_away("bob").await;
        Self { place, agents, trap }
    }

    /// Lets a job live, with one kill; answers its story, and whether it got as far as the kill.
    async fn live(&mut self, life: Life, kill: Kill) -> (JobStory, bool) {
        self.trap.set(match kill {
            Kill::Before(messages) => messages,
            Kill::After(_) => usize::MAX >> 1,
        });
        let draft = JobDraft { review: life.review, ..number_from(&["ada", "bob"]) };
        let job = self.place.post(draft).await.expect("it is posted");
        let ends = Instant::now() + Duration::from_mins(1);
        let mut killed = false;
        let mut callback = None;
        loop {
            let story = self.place.until(job, |_| true).await;
            let there = match kill {
                Kill::Before(_) => self.trap.is_sprung(),
                Kill::After(lines) => story.events.len() >= lines,
            };
            if there && !killed {
                self.place.kill().await;
                self.place.start().await;
                killed = true;
                continue;
            }
            if story.head.state.known().is_some_and(|state| state.is_terminal()) {
                return (story, killed);
            }
            assert!(Instant::now() < ends, "{}, {kill:?}: {story:#?}", life.name);
            self.go_on(job, &story, &mut callback).await;
        }
    }

    /// Does what the job's client, its operator or its agent would do now.
    async fn go_on(&self, job: JobId, story: &JobStory, callback: &mut Option<(usize, Callback)>) {
        let done = match state(story) {
            JobState::InputRequired(_) => self.place.order(job, JobAction::Reply, Some("7")).await,
            JobState::InReview(_) => self.place.order(job, JobAction::Accept, None).await,
            JobState::Held(HeldWhy::Unclear) => self.place.order(job, JobAction::Resend, None).await,
            JobState::Working => {
                if callback.is_none() {
                    *callback = self.callback(job);
                }
                if let Some((agent, callback)) = callback {
                    let (status, said) = callback.send(&self.agents[*agent]).await;
                    assert_eq!(status, 200, "{said}");
                }
                return;
            }
            JobState::Open
            | JobState::Assigned
            | JobState::Evaluating
            | JobState::Held(HeldWhy::Poison)
            | JobState::Completed
            | JobState::Failed
            | JobState::Canceled
            | JobState::Expired => return tokio::time::sleep(Duration::from_millis(2)).await,
        };
        done.expect("it is ordered");
    }

    /// What the agent that has the job calls back: the same each time.
    fn callback(&self, job: JobId) -> Option<(usize, Callback)> {
        let has = |agent: &FakeAgent| {
            agent.assigned().into_iter().rev().find(|delivery| delivery.data["job"] == job.0)
        };
        let (agent, delivery) =
            self.agents.iter().enumerate().find_map(|(number, agent)| Some((number, has(agent)?)))?;
        Some((agent, Callback::new(&delivery, json!({"output": 1}))))
    }

    /// Waits until so many answers are counted; answers how many are.
    async fn passed(&self, wanted: u32) -> u32 {
        let ends = Instant::now() + PATIENCE;
        loop {
            // A record is told from memory, which is a moment behind the store.
            let passed = self.counted().await;
            if passed >= wanted || Instant::now() > ends {
                return passed;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn counted(&self) -> u32 {
        let (ada, bob) = (self.place.agent("ada").await, self.place.agent("bob").await);
        let (ada, bob) = (ada.head.record, bob.head.record);
        assert_eq!((ada.unreachable, bob.unreachable), (0, 0));
        ada.passed + bob.passed
    }
}

/// Kills the daemon at every step of a life.
async fn every_kill(life: Life) {
    let mut stage = Stage::set(life).await;
    let mut jobs = 0;
    let kills = (1..).map(Kill::Before).take(STEPS_MAX);
    let later = (1..).map(Kill::After).take(STEPS_MAX);
    for steps in [kills.collect::<Vec<_>>(), later.collect()] {
        for kill in steps {
            let (story, killed) = stage.live(life, kill).await;
            jobs += 1;
            let told = format!("{}, {kill:?}: {story:#?}", life.name);
            assert_eq!(state(&story), JobState::Completed, "{told}");
            let ends: Vec<EndedAs> = endings(&story).into_iter().map(|(_, ended)| ended).collect();
            assert_eq!(ends, [life.before, &[EndedAs::Passed]].concat(), "{told}");
            assert_eq!(tells(&story, |what| matches!(what, What::Completed { .. })), 1, "{told}");
            assert_eq!(stage.passed(jobs).await, jobs, "counted once: {told}");
            if !killed {
                break;
            }
        }
    }
    assert!(jobs > 4, "{}: {jobs} jobs", life.name);
}

#[tokio::test]
async fn kills_around_an_answer() {
    every_kill(PLAIN).await;
}

#[tokio::test]
async fn kills_around_long_work() {
    every_kill(Life { name: "long work", says: accepts, ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_a_question() {
    every_kill(Life { name: "question", says: asks, ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_a_review() {
    every_kill(Life { name: "review", review: Review::Always, ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_a_repair() {
    every_kill(Life { name: "repair", says: learns, before: &[EndedAs::Failed], ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_a_decline() {
    every_kill(Life { name: "decline", says: declines_first, before: &[EndedAs::Declined], ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_a_busy_agent() {
    every_kill(Life { name: "busy", says: is_busy_first, ..PLAIN }).await;
}

#[tokio::test]
async fn kills_around_an_unclear_outcome() {
    every_kill(Life { name: "unclear", says: breaks_first, idempotent: false, ..PLAIN }).await;
}

#[tokio::test]
async fn kills_under_a_callback() {
    let life = Life { name: "callback", says: accepts, ..PLAIN };
    let mut stage = Stage::set(life).await;
    stage.trap.set(usize::MAX >> 1);
    for round in 0..8_u32 {
        let job = stage.place.post(number_from(&["ada", "bob"])).await.expect("it is posted");
        stage.place.until(job, |state| *state == JobState::Working).await;
        let (agent, callback) = stage.callback(job).expect("an agent has it");
        // The daemon dies while the callback is on its way, being written, or answered.
        let first = tokio::select! {
            sent = callback.try_send(&stage.agents[agent]) => sent.map(|(status, _)| status),
            () = tokio::time::sleep(Duration::from_millis(round.into())) => None,
        };
        stage.place.kill().await;
        stage.place.start().await;
        assert!(first.is_none_or(|status| status == 200), "{first:?}");
        let (status, said) = callback.send(&stage.agents[agent]).await;
        assert_eq!(status, 200, "{said}");
        let story = stage.place.ended(job).await;
        assert_eq!(state(&story), JobState::Completed, "{story:#?}");
        assert_eq!(tells(&story, |what| matches!(what, What::Answered { .. })), 1, "{story:#?}");
        assert_eq!(tells(&story, |what| matches!(what, What::Late { .. })), 0, "{story:#?}");
        assert_eq!(stage.passed(round + 1).await, round + 1, "counted once: {story:#?}");
    }
}

#[tokio::test]
async fn whatever_dies_when_every_job_ends() {
    let seed = std::env::var("GUILDHALL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut place = Place::open_public().await;
    let mut agents = Vec::new();
    for (name, says) in [("ada", accepts as fn(&Delivery) -> Answer), ("bob", answers), ("cyd", learns)] {
        let agent = FakeAgent::start(says).await;
        place.hire(&agent, name, "Says a number.").await;
        agents.push(agent);
    }
    let mut jobs = Vec::new();
    for round in 0..12 {
        for _ in 0..3 {
            jobs.push(place.post(number_from(&["ada", "bob", "cyd"])).await.expect("it is posted"));
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        let away = random.random_range(0..agents.len());
        match round % 3 {
            0 => agents[away].leave().await,
            1 => place.kill().await,
            _ => {
                agents[away].leave().await;
                place.kill().await;
            }
        }
        call_back(&agents[0], &mut random).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
        if place.daemon.is_none() {
            place.start().await;
        }
        if round % 3 != 1 {
            agents[away].come_back().await;
        }
    }
    let ends = Instant::now() + Duration::from_mins(1);
    for job in jobs {
        let mut story = place.until(job, |_| true).await;
        while !state(&story).is_terminal() {
            assert!(Instant::now() < ends, "GUILDHALL_SEED={seed}: {story:#?}");
            call_back(&agents[0], &mut random).await;
            if story.waiting.is_some() {
                place.let_pass(1).await; // An open circuit is probed, and the job has its agent.
            }
            story = place.until(job, |_| true).await;
        }
        let passed = endings(&story).iter().filter(|(_, ended)| *ended == EndedAs::Passed).count();
        assert_eq!(
            passed,
            usize::from(state(&story) == JobState::Completed),
            "GUILDHALL_SEED={seed}: {story:#?}"
        );
    }
}

/// An agent that calls back about some of its jobs, whether anybody listens or not.
async fn call_back(agent: &FakeAgent, random: &mut rand_chacha::ChaCha8Rng) {
    for delivery in agent.assigned() {
        if random.random_bool(0.5) {
            drop(Callback::new(&delivery, json!({"output": 1})).try_send(agent).await);
        }
    }
}
