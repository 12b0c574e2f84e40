//! Agents that bring a job into every state in which it can wait, and the jobs for them.

use crate::place::Place;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{Criterion, JobDraft, Policy, Review};
use guildhall_protocol::state::{Asker, HeldWhy, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, Delivery, FakeAgent};
use serde_json::json;
use std::time::Duration;

/// A job for these agents whose answer must be a number above zero; it has ten days.
pub(crate) fn number_from(agents: &[&str]) -> JobDraft {
    JobDraft {
        brief: "Say a number above zero.".to_owned(),
        criteria: vec![Criterion::Rule("output > 0".to_owned())],
        only: agents.iter().map(|name| name.parse().expect("a name")).collect(),
        deadline: Some(Timestamp::now().after(Duration::from_hours(240))),
        policy: Policy { backoff_ms: 100, ..Policy::default() },
        ..JobDraft::default()
    }
}

pub(crate) fn is(state: JobState) -> impl Fn(&JobState) -> bool {
    move |known| *known == state
}

/// How often a story tells this.
pub(crate) fn tells(story: &JobStory, what: impl Fn(&What) -> bool) -> usize {
    story.events.iter().filter(|event| what(&event.what)).count()
}

/// The state of a story.
pub(crate) fn state(story: &JobStory) -> JobState {
    *story.head.state.known().expect("a state that we know")
}

/// An agent per state.
pub(crate) struct Cast {
    /// Accepts, and never answers by itself.
    pub(crate) slow: FakeAgent,
    /// Nobody knows whether it did the job the first time; it does it when it gets it once more.
    pub(crate) careful: FakeAgent,
    /// Answers at once.
    pub(crate) steady: FakeAgent,
    _others: Vec<FakeAgent>,
}

/// Where a job can wait for something.
pub(crate) const WAITING: [JobState; 6] = [
    JobState::Open,
    JobState::Assigned,
    JobState::Working,
    JobState::InputRequired(Asker::Agent),
    JobState::InReview(Reviewer::Client),
    JobState::Held(HeldWhy::Unclear),
];

impl Cast {
    pub(crate) async fn hire(place: &Place) -> Self {
        let says = "Says a number.";
        let busy = FakeAgent::start(|_| Answer::Status(503)).await;
        place.hire(&busy, "@busy", says).await;
        let slow = FakeAgent::start(|delivery| match delivery.kind.as_str() {
            "job.assigned" => Answer::Status(202),
            "job.status" => Answer::Says(json!({"status": "working"})),
            _ => Answer::Status(204),
        })
        .await;
        place.hire(&slow, "@slow", says).await;
        let curious = FakeAgent::start(|delivery| match delivery.kind.as_str() {
            "job.assigned" => Answer::Says(json!({"question": "Which number?"})),
            "job.input_provided" => Answer::Output(json!(3)),
            _ => Answer::Status(204),
        })
        .await;
        place.hire(&curious, "@curious", says).await;
        let careful = FakeAgent::start(unsure).await;
        let mut definition = careful.definition("@careful", says);
        definition.idempotent = false;
        place.hire_as(&careful, definition).await;
        let steady = FakeAgent::start(|_| Answer::Output(json!(1))).await;
        place.hire(&steady, "@steady", says).await;
        // Who has not proved their endpoint gets no job, and its client hears that it waits.
        for name in ["busy", "slow", "curious", "careful", "steady"] {
            place.until_agent(name, AgentState::Active).await;
        }
        Self { slow, careful, steady, _others: vec![busy, curious] }
    }

    /// Who brings a job into this state.
    pub(crate) fn agent_for(state: JobState) -> &'static str {
        match state {
            JobState::Assigned => "busy",
            JobState::Working => "slow",
            JobState::InputRequired(_) => "curious",
            JobState::Held(_) => "careful",
            JobState::Open
            | JobState::Evaluating
            | JobState::InReview(_)
            | JobState::Completed
            | JobState::Failed
            | JobState::Canceled
            | JobState::Expired => "steady",
        }
    }

    /// A job that gets into this state, and stays there.
    pub(crate) fn job_for(state: JobState) -> JobDraft {
        let mut draft = number_from(&[Self::agent_for(state)]);
        match state {
            JobState::Open => draft.tags = vec!["nobody-has-this".to_owned()],
            JobState::Assigned => draft.policy.backoff_ms = 600_000,
            JobState::InReview(_) => draft.review = Review::Always,
            JobState::Working
            | JobState::InputRequired(_)
            | JobState::Evaluating
            | JobState::Held(_)
            | JobState::Completed
            | JobState::Failed
            | JobState::Canceled
            | JobState::Expired => {}
        }
        draft
    }

    /// Brings a job into this state.
    pub(crate) async fn bring(place: &Place, wanted: JobState) -> JobId {
        let job = place.post(Self::job_for(wanted)).await.expect("it is posted");
        place
            .until_story(job, |story| {
                let there = state(story) == wanted;
                there && (wanted != JobState::Open || story.waiting.is_some())
            })
            .await;
        job
    }
}

fn unsure(delivery: &Delivery) -> Answer {
    match (delivery.kind.as_str(), delivery.times) {
        ("job.assigned", 1) => Answer::Status(500),
        ("job.assigned", _) => Answer::Output(json!(2)),
        ("job.status", _) => Answer::Says(json!({"status": "unknown"})),
        _ => Answer::Status(204),
    }
}
