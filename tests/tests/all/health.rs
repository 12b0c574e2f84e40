//! The health of agents: circuits, quarantine, pauses, and how much an agent takes.

use crate::cast::{Cast, is, number_from, state, tells};
use crate::place::{Place, endings};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::Policy;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{HeldWhy, JobState};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentStory, Order};
use guildhall_tests::fake_agent::{Answer, Delivery, FakeAgent};
use serde_json::json;

fn works(delivery: &Delivery) -> Answer {
    match delivery.kind.as_str() {
        "job.assigned" => Answer::Output(json!(1)),
        _ => Answer::Status(204),
    }
}

fn health(story: &AgentStory) -> Health {
    *story.head.health.known().expect("a health that we know")
}

fn is_open(story: &AgentStory) -> bool {
    matches!(health(story), Health::Open(_))
}

fn happened(story: &AgentStory, what: impl Fn(&What) -> bool) -> usize {
    story.events.iter().filter(|event| what(&event.what)).count()
}

/// Orders an agent for a job that waits while the engine is paused.
async fn order_for(place: &Place, job: JobId, agent: &str) {
    let agent = Some(agent.parse().expect("a name"));
    place.order_with(job, Order { agent, ..Order::of(JobAction::Reassign) }).await.expect("it is ordered");
}

/// An agent that left, after five deliveries missed it.
async fn lost(place: &Place, name: &str) -> FakeAgent {
    let mut agent = FakeAgent::start(works).await;
    place.hire(&agent, name, "Says a number.").await;
    place.until_agent(name, AgentState::Active).await;
    agent.leave().await;
    let mut draft = number_from(&[name]);
    draft.policy.offers_max = 1;
    let job = place.post(draft).await.expect("it is posted");
    assert_eq!(endings(&place.ended(job).await)[0].1, EndedAs::Unreachable);
    place.until_agent_tells(name, is_open).await;
    agent
}

#[tokio::test]
async fn five_missed_deliveries_open_the_circuit_and_others_get_the_jobs() {
    let place = Place::open().await;
    let mut agent = FakeAgent::start(works).await;
    place.hire(&agent, "@lost", "Says a number.").await;
    let other = FakeAgent::start(works).await;
    place.hire(&other, "@steady", "Says a number.").await;
    place.until_agent("lost", AgentState::Active).await;
    agent.leave().await;
    place.client_pauses_engine(true).await;
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = place.post(number_from(&["lost", "steady"])).await.expect("it is posted");
        order_for(&place, job, "lost").await;
        jobs.push(job);
    }
    place.client_pauses_engine(false).await;
    for job in jobs {
        let story = place.ended(job).await;
        let expected = [("lost".to_owned(), EndedAs::Withdrawn), ("steady".to_owned(), EndedAs::Passed)];
        assert_eq!(endings(&story), expected, "it never reached the agent: {story:#?}");
    }
    let story = place.until_agent_tells("lost", is_open).await;
    assert_eq!(happened(&story, |what| matches!(what, What::CircuitOpened { misses: 5, .. })), 1);
    let notice = place.until_noticed("circuit_opened").await;
    assert!(notice.next.contains("guildhall agent test"), "it says what to do: {}", notice.next);

    let (code, told, complaint) = place.guildhall(&["agent", "test", "@lost"]).await;
    assert_ne!(code, 0, "it is still away: {told}{complaint}");
    assert!(is_open(&place.agent("lost").await), "a test that fails changes nothing");
    agent.come_back().await;
    let (code, told, complaint) = place.guildhall(&["agent", "test", "@lost"]).await;
    assert_eq!(code, 0, "{told}{complaint}");
    assert_eq!(health(&place.agent("lost").await), Health::HalfOpen, "at once");
    let job = place.post(number_from(&["lost"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed);
    place.until_agent_tells("lost", |story| health(story) == Health::Closed).await;
    place.until_noticed("circuit_closed").await;
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_not_given_away_by_a_circuit() {
    let place = Place::open().await;
    let mut cast = Cast::hire(&place).await;
    place.client_pauses_engine(true).await;
    let job = place.post(number_from(&["careful", "steady"])).await.expect("it is posted");
    order_for(&place, job, "careful").await;
    place.client_pauses_engine(false).await;
    place.until(job, is(JobState::Held(HeldWhy::Unclear))).await;
    cast.careful.leave().await;
    let mut draft = number_from(&["careful"]);
    draft.policy.offers_max = 1;
    let other = place.post(draft).await.expect("it is posted");
    place.ended(other).await;
    place.until_agent_tells("careful", is_open).await;
    cast.careful.come_back().await;
    place.run(&["job", "resend", &job.0.to_string(), "--reason", "it did nothing"]).await;
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("careful".to_owned(), EndedAs::Passed)], "{story:#?}");
}

#[tokio::test]
async fn after_its_wait_an_agent_is_probed_and_one_job_decides() {
    let mut place = Place::open().await;
    let mut agent = lost(&place, "@lost").await;
    let job = place.post(number_from(&["lost"])).await.expect("it is posted");
    place.until_story(job, |story| story.waiting.is_some()).await;
    agent.come_back().await;
    assert!(agent.got("agent.probe").is_empty());
    place.let_pass(1).await;
    assert_eq!(state(&place.ended(job).await), JobState::Completed, "it waited for this");
    assert!(!agent.got("agent.probe").is_empty());
    let story = place.until_agent_tells("lost", |story| health(story) == Health::Closed).await;
    assert_eq!(happened(&story, |what| *what == What::CircuitHalfOpened), 1);
    assert_eq!(happened(&story, |what| *what == What::CircuitClosed), 1);
}

#[tokio::test]
async fn who_is_lost_again_and_again_is_quarantined_until_its_owner_tests_it() {
    let mut place = Place::open().await;
    let mut agent = lost(&place, "@lost").await;
    for openings in 2..=6 {
        place.let_pass(1).await;
        let turned = |what: &What| matches!(what, What::CircuitOpened { .. } | What::Quarantined { .. });
        place.until_agent_tells("lost", |story| happened(story, turned) == openings).await;
    }
    assert_eq!(health(&place.agent("lost").await), Health::Quarantined);
    let notice = place.until_noticed("agent_quarantined").await;
    assert!(notice.next.contains("guildhall agent test @lost"), "{}", notice.next);
    agent.come_back().await;
    let probes = agent.got("agent.probe").len();
    let job = place.post(number_from(&["lost"])).await.expect("it is posted");
    place.let_pass(2).await;
    place.until_story(job, |story| story.waiting.is_some()).await;
    assert_eq!(agent.got("agent.probe").len(), probes, "nobody probes it");
    assert_eq!(health(&place.agent("lost").await), Health::Quarantined);
    assert_eq!(place.guildhall(&["agent", "test", "@lost"]).await.0, 0);
    assert_eq!(state(&place.ended(job).await), JobState::Completed);
    place.until_agent_tells("lost", |story| health(story) == Health::Closed).await;
}

#[tokio::test]
async fn what_an_agent_declines_or_never_gets_does_not_hurt_its_record() {
    let mut place = Place::open().await;
    let picky = FakeAgent::start(|delivery| match delivery.data["attempt"].as_i64() {
        Some(1) => Answer::Says(json!({"declined": "not mine"})),
        _ => Answer::Status(204),
    })
    .await;
    place.hire(&picky, "@picky", "Says a number.").await;
    place.give_away("@picky").await;
    for _ in 0..7 {
        let mut draft = number_from(&["picky"]);
        draft.policy.offers_max = 1;
        let job = place.post(draft).await.expect("it is posted");
        let story = place.ended(job).await;
        assert_eq!(endings(&story), [("picky".to_owned(), EndedAs::Declined)], "{story:#?}");
    }
    let story = place.agent("picky").await;
    let record = story.head.record;
    assert_eq!((record.declined, record.failed, record.unreachable), (7, 0, 0));
    assert_eq!(health(&story), Health::Closed, "who declines is there");
}

#[tokio::test]
async fn a_pause_lets_running_jobs_finish_and_ends_by_itself() {
    let mut place = Place::open_public().await;
    let agent = FakeAgent::start(|delivery| match (delivery.kind.as_str(), delivery.data["job"].as_i64()) {
        ("job.assigned", Some(1)) => Answer::Status(202),
        _ => works(delivery),
    })
    .await;
    place.hire(&agent, "@tired", "Says a number.").await;
    let running = place.post(number_from(&["tired"])).await.expect("it is posted");
    place.until(running, is(JobState::Working)).await;
    let (code, told, complaint) = place.guildhall(&["agent", "pause", "@tired", "--for", "2h"]).await;
    assert_eq!(code, 0, "{told}{complaint}");
    let waiting = place.post(number_from(&["tired"])).await.expect("it is posted");
    place.until_story(waiting, |story| story.waiting.is_some()).await;
    let (status, said) = agent.call_back(&agent.assigned()[0].clone(), json!({"output": 5})).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(state(&place.ended(running).await), JobState::Completed, "what runs is finished");
    place.let_pass(1).await;
    let paused = |story: &AgentStory| matches!(story.head.state.known(), Some(AgentState::Paused(_)));
    assert!(paused(&place.agent("tired").await), "an hour is not two");
    place.let_pass(2).await;
    assert_eq!(state(&place.ended(waiting).await), JobState::Completed, "it resumed by itself");
    let story = place.agent("tired").await;
    assert_eq!(happened(&story, |what| *what == What::AgentResumed), 1, "{story:#?}");
}

/// Days since 1970.
fn today() -> i64 {
    Timestamp::now().0.div_euclid(86_400_000)
}

#[tokio::test]
async fn daily_caps_let_jobs_wait_for_the_next_day_also_after_a_restart() {
    for caps in [json!({"jobs_per_day": 1}), json!({"jobs_per_client_per_day": 1})] {
        let (mut place, agent) = (Place::open().await, FakeAgent::start(works).await);
        let mut definition = agent.definition("@rare", "Says a number.");
        definition.caps = serde_json::from_value(caps).expect("caps");
        place.hire_as(&agent, definition).await;
        let begun = today();
        let first = place.post(number_from(&["rare"])).await.expect("it is posted");
        place.ended(first).await;
        place.kill().await;
        place.start().await;
        let second = place.post(number_from(&["rare"])).await.expect("it is posted");
        let story = place.until_story(second, |story| story.waiting.is_some()).await;
        if today() != begun {
            continue; // It became midnight: this day's cap is not used up.
        }
        assert_eq!(state(&story), JobState::Open);
        let due = story.head.due_at.expect("it waits for a time");
        assert_eq!(due.0, (begun + 1) * 86_400_000, "the next day");
        assert_eq!(agent.assigned().len(), 1, "it is counted after the restart");
        place.let_pass(24).await;
        assert_eq!(state(&place.ended(second).await), JobState::Completed);
    }
}

#[tokio::test]
async fn an_agent_gets_no_more_jobs_at_a_time_than_it_takes() {
    let place = Place::open_public().await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    let mut definition = agent.definition("@two-hands", "Says a number.");
    definition.caps.concurrency = 2;
    place.hire_as(&agent, definition).await;
    place.until_agent("two-hands", AgentState::Active).await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(place.post(number_from(&["two-hands"])).await.expect("it is posted"));
    }
    for job in &jobs {
        let settled = |story: &guildhall_protocol::view::JobStory| {
            state(story) == JobState::Working || story.waiting.is_some()
        };
        place.until_story(*job, settled).await;
    }
    assert_eq!(agent.assigned().len(), 2);
    assert_eq!(place.agent("two-hands").await.head.running, 2);
    for done in 0..4 {
        place.until_met(|| agent.assigned().len() > done).await;
        let delivery = agent.assigned()[done].clone();
        assert_eq!(agent.call_back(&delivery, json!({"output": 1})).await.0, 200);
        assert!(place.agent("two-hands").await.head.running <= 2);
    }
    for job in jobs {
        assert_eq!(state(&place.ended(job).await), JobState::Completed);
    }
}

#[tokio::test]
async fn an_agent_that_is_only_busy_keeps_its_circuit() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Status(503)).await;
    place.hire(&agent, "@busy", "Says a number.").await;
    let policy = Policy { backoff_ms: 100, offers_max: 1, delivery_tries_max: 7, ..Policy::default() };
    let mut draft = number_from(&["busy"]);
    draft.policy = Policy { backoff_ms: 100, ..policy };
    let job = place.post(draft).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(tells(&story, |what| matches!(what, What::Resent { .. })), 6, "{story:#?}");
    assert_eq!(health(&place.agent("busy").await), Health::Closed);
}
