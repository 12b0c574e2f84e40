//! A place whose daemon asks models, the agents that models choose among, and what a story tells about it.

use crate::place::Place;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::history::{Event, What};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{Criterion, JobDraft, Policy};
use guildhall_protocol::model::{CallOutcome, ModelCall, ModelOrder, ModelRole, ModelStatus, WithoutModel};
use guildhall_protocol::view::{AttemptView, JobStory};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::FakeOpenAi;
use serde_json::json;

/// What the agents of [`Pair`] answer.
pub(crate) const VERSES: &str = "The rain is over, the river is brown, and a heron stands in it.";
/// A job for [`Pair`]; the rank prefers `@sonnet`.
pub(crate) const BRIEF: &str = "Write short verses about a river in spring.";

impl Place {
    /// A place whose daemon asks this server, with settings of its own.
    pub(crate) async fn open_thinking(server: &FakeOpenAi, settings: &[&str]) -> Self {
        let own = [format!("llm_base_url={}", server.base_url()), format!("llm_key={}", server.key())];
        let all: Vec<&str> = own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        Self::open_with(&all).await
    }

    /// How models are.
    pub(crate) async fn models(&self) -> ModelStatus {
        let status = self.client.call(|service, context| async move { service.models(context).await });
        status.await.expect("anybody may look")
    }

    /// An operator says something about models.
    pub(crate) async fn order_models(&self, order: ModelOrder) -> ModelStatus {
        let ordered = self.client.call(|service, context| async move {
            service.order_models(context, RequestId::fresh(), order, None).await
        });
        ordered.await.expect("an operator may")
    }

    /// Brings an agent into the market, and waits until it can be chosen.
    pub(crate) async fn hire_ready(&self, agent: &FakeAgent, name: &str, description: &str) {
        self.hire(agent, name, description).await;
        self.until_agent(name, AgentState::Active).await;
    }

    /// What happened to the marketplace itself, oldest first.
    pub(crate) async fn system_events(&self) -> Vec<Event> {
        let lines = self.client.call(|service, context| async move {
            service.events(context, guildhall_protocol::ids::EventId(0), 500).await
        });
        let lines = lines.await.expect("an operator may").into_iter();
        let system = lines.filter(|line| line.subject == guildhall_protocol::history::Subject::System);
        system.filter_map(|line| line.event.known().cloned()).collect()
    }
}

/// Two agents for the same work.
pub(crate) struct Pair {
    /// `@sonnet`: its description is nearer to [`BRIEF`].
    pub(crate) sonnet: FakeAgent,
    /// `@haiku`.
    pub(crate) haiku: FakeAgent,
}

impl Pair {
    /// Both, ready to be chosen.
    pub(crate) async fn hire(place: &Place) -> Self {
        Self::hire_many(place, 4).await
    }

    /// Both, each of which takes so many jobs at a time.
    pub(crate) async fn hire_many(place: &Place, concurrency: u32) -> Self {
        let hired = async |name: &str, description: &str| {
            let agent = FakeAgent::start(|_| Answer::Output(json!(VERSES))).await;
            let mut definition = agent.definition(name, description);
            definition.caps.concurrency = concurrency;
            place.hire_as(&agent, definition).await;
            place.until_agent(name, AgentState::Active).await;
            agent
        };
        let sonnet = hired("@sonnet", "Writes short verses about a river in spring.").await;
        let haiku = hired("@haiku", "Writes short verses about a river or a lake.").await;
        Self { sonnet, haiku }
    }
}

/// A job for the agents of [`Pair`] whose answer a rule checks.
pub(crate) fn verses() -> JobDraft {
    JobDraft {
        brief: BRIEF.to_owned(),
        criteria: vec![Criterion::Rule("max 40 words".to_owned())],
        policy: Policy { backoff_ms: 100, ..Policy::default() },
        ..JobDraft::default()
    }
}

/// The same job, whose answer only a model or a person can judge.
pub(crate) fn verses_judged(statements: &[&str]) -> JobDraft {
    let criteria = statements.iter().map(|text| Criterion::Judge((*text).to_owned())).collect();
    JobDraft { criteria, ..verses() }
}

/// The calls that a story tells of.
pub(crate) fn calls(story: &JobStory) -> Vec<&ModelCall> {
    let mut calls = Vec::new();
    for event in &story.events {
        if let What::ModelCalled { call, .. } = &event.what {
            calls.push(call);
        }
    }
    calls
}

/// What the calls of a story were for, and what came of them.
pub(crate) fn outcomes(story: &JobStory) -> Vec<(ModelRole, CallOutcome)> {
    calls(story).into_iter().map(|call| (call.role, call.outcome)).collect()
}

/// What a story tells was done without a model, why, and in which words.
pub(crate) fn without(story: &JobStory) -> Vec<(ModelRole, WithoutModel, String)> {
    let word = |event: &Event| {
        let What::WithoutModel { role, why, detail } = &event.what else { return None };
        let told = detail.as_ref().and_then(|text| story.texts.iter().find(|(body, _)| *body == text.body));
        Some((*role, *why, told.map(|(_, words)| words.clone()).unwrap_or_default()))
    };
    story.events.iter().filter_map(word).collect()
}

/// The only attempt of a story.
pub(crate) fn only_attempt(story: &JobStory) -> &AttemptView {
    assert_eq!(story.attempts.len(), 1, "{story:#?}");
    &story.attempts[0]
}

/// The agent of the first attempt.
pub(crate) fn first_agent(story: &JobStory) -> &str {
    story.attempts.first().expect("an attempt").agent.as_str()
}
