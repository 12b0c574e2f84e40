//! Whose an agent is, for whom it works, and the secrets that replace one another.

use crate::cast::{is, number_from};
use crate::people::Person;
use crate::place::Place;
use guildhall_protocol::account::{Role, UserOrder, UserRef};
use guildhall_protocol::agent::{AgentDefinition, AgentState, Audience, Example};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{RequestId, UserId};
use guildhall_protocol::json::Json;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{AgentHead, HoldOrder, RegisterOptions, Rotated, Updated};
use guildhall_tests::fake_agent::{Answer, Callback, FakeAgent};
use serde_json::json;

fn public() -> HoldOrder {
    HoldOrder::Publish { audience: Audience::Public }
}

fn user(user: UserId) -> UserRef {
    UserRef::Number(user)
}

impl Person {
    async fn hold(&self, agent: &str, order: HoldOrder) -> Result<AgentHead, ApiError> {
        hold(&self.client, agent, order).await
    }

    async fn rotate(&self, agent: &str, overlap_ms: u64) -> Result<Rotated, ApiError> {
        let name = agent.parse().expect("a name");
        self.client
            .call(|service, context| async move {
                service.rotate_secret(context, RequestId::fresh(), name, overlap_ms).await
            })
            .await
    }
}

pub(crate) async fn hold(
    client: &guildhall_protocol::client::Client,
    agent: &str,
    order: HoldOrder,
) -> Result<AgentHead, ApiError> {
    let name = agent.parse().expect("a name");
    client
        .call(|service, context| async move {
            service.hold_agent(context, RequestId::fresh(), name, order).await
        })
        .await
}

/// An agent that says a number, with an example of that.
fn shown(agent: &FakeAgent, name: &str) -> AgentDefinition {
    let number = |value: serde_json::Value| Json::from(value);
    let output_schema = Some(number(json!({"type": "integer"})));
    let examples = vec![Example { input: number(json!("seven")), output: None }];
    AgentDefinition { output_schema, examples, ..agent.definition(name, "Says a number.") }
}

/// Brings an agent into the market that works for its owner only, and makes it somebody's.
async fn hire_for(place: &mut Place, agent: &FakeAgent, definition: AgentDefinition, owner: UserId) {
    let name = definition.name.clone();
    register(place, agent, definition).await;
    place.until_agent(name.as_str(), AgentState::Active).await;
    place.give_to(name.as_str(), owner).await;
}

async fn register(place: &Place, agent: &FakeAgent, definition: AgentDefinition) {
    let options = RegisterOptions { allow_private: true, ..RegisterOptions::default() };
    let registered = place.client.call(|service, context| async move {
        service.register_agent(context, RequestId::fresh(), definition, options).await
    });
    let secrets = registered.await.expect("it is registered").secrets.expect("a native agent has secrets");
    agent.trust(&secrets.delivery_secret, &secrets.callback_secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_works_for_others_once_its_example_passes_and_an_operator_approves() {
    let mut place = Place::open().await;
    let (ada, bob) = (place.person("ada", Role::Owner).await, place.person("bob", Role::Client).await);
    let good = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    let silent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    let bad = FakeAgent::start(|_| Answer::Output(json!("seven"))).await;
    hire_for(&mut place, &good, shown(&good, "@sum"), ada.user).await;
    hire_for(&mut place, &silent, silent.definition("@silent", "Says a number."), ada.user).await;
    hire_for(&mut place, &bad, shown(&bad, "@words"), ada.user).await;

    let error = ada.hold("@silent", public()).await.expect_err("it shows nothing");
    assert!(error.kind == ErrorKind::Conflict && error.message.contains("no example"), "{error}");
    let error = ada.hold("@words", public()).await.expect_err("its example fails");
    assert!(error.message.contains("did not pass: example 1"), "{error}");
    let error = bob.hold("@sum", public()).await.expect_err("they do not see it");
    assert_eq!(error.kind, ErrorKind::NotFound);

    let head = ada.hold("@sum", public()).await.expect("it is asked for");
    assert_eq!((head.audience, head.wanted), (Audience::Owner, Some(Audience::Public)));
    let waits = bob.post(number_from(&[])).await.expect("it is posted");
    let told = place.run(&["inbox"]).await;
    assert!(told.contains("Agents to approve") && told.contains("@sum"), "{told}");
    place.until_noticed("approval_wanted").await;
    let error = ada.hold("@sum", public()).await.expect_err("it waits");
    assert!(error.message.contains("waits for an operator's approval already"), "{error}");

    let refused =
        hold(&place.client, "@sum", HoldOrder::Refuse { reason: Some("Too short".to_owned()) }).await;
    assert_eq!(refused.expect("an operator may").wanted, None);
    ada.hold("@sum", public()).await.expect("it is asked for again");
    place.run(&["agent", "publish", "@sum"]).await;
    let story = place.agent("sum").await;
    assert_eq!((story.head.audience, story.head.wanted), (Audience::Public, None));
    assert_eq!(place.ended(waits).await.head.state.known(), Some(&JobState::Completed));

    ada.hold("@sum", HoldOrder::Withdraw).await.expect("it is theirs");
    let job = bob.post(number_from(&[])).await.expect("it is posted");
    // A place needs nobody's approval unless its operator says so.
    let head = ada.hold("@sum", HoldOrder::Publish { audience: Audience::Place }).await.expect("at once");
    assert_eq!((head.audience, head.wanted), (Audience::Place, None));
    place.ended(job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_an_agent_falls_between_a_look_and_the_wait() {
    let mut place = Place::open().await;
    let (ada, bob) = (place.person("ada", Role::Owner).await, place.person("bob", Role::Client).await);
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    hire_for(&mut place, &agent, shown(&agent, "@sum"), ada.user).await;
    // A job looks for an agent at the very moment in which one is there for it: whoever comes first, it gets it.
    for _ in 0..30 {
        let publish = ada.hold("@sum", HoldOrder::Publish { audience: Audience::Place });
        let (posted, published) = tokio::join!(bob.post(number_from(&[])), publish);
        published.expect("a place needs nobody's approval");
        place.ended(posted.expect("it is posted")).await;
        ada.hold("@sum", HoldOrder::Withdraw).await.expect("it is theirs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_the_host_that_was_looked_at() {
    let mut place = Place::open().await;
    let ada = place.person("ada", Role::Owner).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    let here = shown(&agent, "@sum");
    let there = AgentDefinition { endpoint: here.endpoint.replace("127.0.0.1", "localhost"), ..here.clone() };
    hire_for(&mut place, &agent, here.clone(), ada.user).await;
    // An operator allows both addresses, and lets it work for everybody.
    for definition in [&there, &here] {
        update(&place.client, definition.clone(), true).await.expect("an operator may");
        place.until_agent("sum", AgentState::Active).await;
    }
    let error = hold(&place.client, "@sum", public()).await.expect_err("nobody asks for it");
    assert!(error.message.contains("nobody asks for @sum"), "{error}");
    ada.hold("@sum", public()).await.expect("it is asked for");
    let other = AgentDefinition { description: "Says another number.".to_owned(), ..here.clone() };
    update(&ada.client, other, false).await.expect("it is theirs");
    assert_eq!(place.agent("sum").await.head.wanted, None, "what was asked for is no more what it was");
    ada.hold("@sum", public()).await.expect("it is asked for");
    hold(&place.client, "@sum", public()).await.expect("an operator may");
    let longer = AgentDefinition { description: "Says a number, or another.".to_owned(), ..here.clone() };
    update(&ada.client, longer, false).await.expect("it is theirs");
    assert_eq!(place.agent("sum").await.head.audience, Audience::Public, "it stayed where it was");
    update(&ada.client, there, false).await.expect("it is theirs");
    let head = place.agent("sum").await.head;
    assert_eq!((head.audience, head.wanted), (Audience::Owner, Some(Audience::Public)));
    place.until_noticed("approval_wanted").await;
    place.run(&["agent", "publish", "@sum"]).await;
    assert_eq!(place.agent("sum").await.head.audience, Audience::Public);
}

async fn update(
    client: &guildhall_protocol::client::Client,
    definition: AgentDefinition,
    allow_private: bool,
) -> Result<Updated, ApiError> {
    let options = RegisterOptions { allow_private, ..RegisterOptions::default() };
    client
        .call(|service, context| async move {
            service.update_agent(context, RequestId::fresh(), definition, options).await
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_several_owners_and_goes_from_one_to_another() {
    let mut place = Place::open().await;
    let (ada, bob) = (place.person("ada", Role::Owner).await, place.person("bob", Role::Owner).await);
    let carl = place.person("carl", Role::Client).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    hire_for(&mut place, &agent, shown(&agent, "@sum"), ada.user).await;

    let error = bob.rotate("@sum", 0).await.expect_err("it is not theirs");
    assert_eq!(error.kind, ErrorKind::NotFound);
    ada.hold("@sum", HoldOrder::AddOwner { user: user(bob.user) }).await.expect("it is theirs");
    let error = ada.hold("@sum", HoldOrder::AddOwner { user: user(carl.user) }).await.expect_err("a client");
    assert!(error.message.contains("may have no agents"), "{error}");
    let job = bob.post(number_from(&["@sum"])).await.expect("it is posted");
    place.ended(job).await;
    assert_eq!(place.agent("sum").await.head.record.passed, 0, "what its owners want of it says nothing");
    let error = bob.hold("@sum", HoldOrder::Offer { to: Some(user(bob.user)) }).await.expect_err("not first");
    assert!(error.message.contains("only the first owner"), "{error}");

    ada.hold("@sum", HoldOrder::Offer { to: Some(user(bob.user)) }).await.expect("it is theirs");
    let error = carl.hold("@sum", HoldOrder::Take).await.expect_err("it is not offered to them");
    assert_eq!(error.kind, ErrorKind::NotFound);
    let taken = bob.hold("@sum", HoldOrder::Take).await.expect("it is offered to them");
    assert_eq!(taken.owner, bob.user);
    let error = ada.hold("@sum", HoldOrder::Withdraw).await.expect_err("it was theirs");
    assert_eq!(error.kind, ErrorKind::NotFound);
    let story = place.agent("sum").await;
    assert_eq!((story.co_owners, story.offered_to), (vec![], None));

    // Owners come and go by themselves, and with their accounts.
    bob.hold("@sum", HoldOrder::AddOwner { user: user(ada.user) }).await.expect("it is theirs");
    ada.hold("@sum", HoldOrder::RemoveOwner { user: user(ada.user) }).await.expect("they may go");
    let error = ada.hold("@sum", HoldOrder::Withdraw).await.expect_err("they went");
    assert_eq!(error.kind, ErrorKind::NotFound);
    place.order_user(ada.user, UserOrder::Suspend).await.expect("an admin may");
    let error = bob.hold("@sum", HoldOrder::Offer { to: Some(user(ada.user)) }).await.expect_err("suspended");
    assert!(error.message.contains("may have no agents"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_who_come_at_the_same_time_all_come() {
    let mut place = Place::open().await;
    let ada = place.person("ada", Role::Owner).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    hire_for(&mut place, &agent, shown(&agent, "@sum"), ada.user).await;
    let mut owners = Vec::new();
    for name in ["bob", "carl", "dora", "emil", "fay", "gus"] {
        owners.push(place.person(name, Role::Owner).await.user);
    }
    let added = owners.iter().map(|owner| ada.hold("@sum", HoldOrder::AddOwner { user: user(*owner) }));
    for head in futures::future::join_all(added).await {
        head.expect("each is right whatever happens beside it");
    }
    assert_eq!(place.agent("sum").await.co_owners.len(), owners.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secrets_before_count_for_a_while_and_no_longer() {
    let mut place = Place::open_public().await;
    let ada = place.person("ada", Role::Owner).await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    hire_for(&mut place, &agent, agent.definition("@slow", "Says a number."), ada.user).await;
    let job = ada.post(number_from(&["@slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();

    // The agent knows the secrets before only: it understands and is understood.
    let first = ada.rotate("@slow", 60_000).await.expect("it is theirs");
    assert!(first.old_until.is_some());
    let (status, said) = agent.call_back(&delivery, json!({"progress": "half of it"})).await;
    assert_eq!(status, 200, "{said}");
    let next = ada.post(number_from(&["@slow"])).await.expect("it is posted");
    place.until(next, is(JobState::Working)).await;
    assert_eq!(agent.assigned().len(), 2);
    let told = place.run(&["agent", "show", "@slow"]).await;
    assert!(told.contains("those before the newest count until"), "{told}");

    // And with the new ones, too.
    agent.trust(&first.secrets.delivery_secret, &first.secrets.callback_secret);
    let last = ada.post(number_from(&["@slow"])).await.expect("it is posted");
    place.until(last, is(JobState::Working)).await;
    assert_eq!(agent.call_back(&delivery, json!({"progress": "more"})).await.0, 200);

    let second = ada.rotate("@slow", 0).await.expect("it is theirs");
    assert_eq!(second.old_until, None);
    let (status, said) = agent.call_back(&delivery, json!({"output": 7})).await;
    assert!(status == 401 && said.contains("signature"), "{said}");
    agent.trust(&second.secrets.delivery_secret, &second.secrets.callback_secret);
    assert_eq!(agent.call_back(&delivery, json!({"output": 7})).await.0, 200);
    place.ended(job).await;
    ada.rotate("@slow", 60_000).await.expect("it is theirs");
    let error = ada.rotate("@slow", 60_000).await.expect_err("a third set would end the first");
    assert!(error.message.contains("a third would end them"), "{error}");
    let error = ada.rotate("@slow", u64::MAX).await.expect_err("too long");
    assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Invalid, Some("overlap_ms")));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_shown_once_and_again_to_whoever_lost_the_answer() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    place.hire(&agent, "@sum", "Says a number.").await;
    place.until_agent("sum", AgentState::Active).await;
    let rotate = ["agent", "rotate-secret", "@sum", "--overlap", "2h", "--key", "once"];
    let told = place.run(&rotate).await;
    assert!(told.contains("whsec_") && told.contains("Those before count until"), "{told}");
    assert_eq!(place.run(&rotate).await, told);
    let (code, _, complaint) = place.guildhall(&["agent", "rotate-secret", "@sum", "--overlap", "1y"]).await;
    assert_eq!(code, 2, "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_an_agent_away_reads_none_of_its_secrets() {
    let place = Place::open().await;
    let (ada, bob) = (place.person("ada", Role::Owner).await, place.person("bob", Role::Owner).await);
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    let definition =
        AgentDefinition { endpoint: "https://agent.example/".to_owned(), ..shown(&agent, "@sum") };
    let once = RequestId::fresh();
    let register = |definition: AgentDefinition| {
        let (once, client) = (once.clone(), &ada.client);
        async move {
            let options = RegisterOptions::default();
            client
                .call(|service, context| async move {
                    service.register_agent(context, once, definition, options).await
                })
                .await
        }
    };
    let first = register(definition.clone()).await.expect("it is registered").secrets.expect("secrets");
    let again = register(definition.clone()).await.expect("the answer was lost").secrets.expect("secrets");
    assert_eq!(again, first);
    ada.hold("@sum", HoldOrder::Offer { to: Some(user(bob.user)) }).await.expect("it is theirs");
    bob.hold("@sum", HoldOrder::Take).await.expect("it is offered to them");
    let error = register(definition.clone()).await.expect_err("it is bob's");
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    bob.rotate("@sum", 0).await.expect("it is theirs");
    let error = register(definition).await.expect_err("it is bob's");
    assert!(error.message.contains("were shown then"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_says_no_more_than_it_may_and_is_told_when() {
    let port = crate::place::free_port();
    let place = Place::open_with(&[
        &format!("public_listen=127.0.0.1:{port}"),
        &format!("public_url=http://127.0.0.1:{port}"),
        "agent_calls_per_s=1",
    ])
    .await;
    let agent = FakeAgent::start(|_| Answer::Status(202)).await;
    place.hire(&agent, "@slow", "Says a number.").await;
    let job = place.post(number_from(&["slow"])).await.expect("it is posted");
    place.until(job, is(JobState::Working)).await;
    let delivery = agent.assigned()[0].clone();
    let wrong = || Callback {
        secret: Some(guildhall_daemon::agents::signing::SigningSecret::from_random([9; 32])),
        ..Callback::new(&delivery, json!({"progress": "x"}))
    };
    for _ in 0..5 {
        assert_eq!(wrong().send(&agent).await.0, 401, "what is not signed uses nothing up");
    }
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(agent.call_back(&delivery, json!({"progress": "at it"})).await.0);
    }
    assert!(statuses[0] == 200 && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_answers_for_an_endpoint_that_echoes_nothing() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(7))).await;
    // It does not know its secrets, so it answers no challenge.
    let definition = agent.definition("@mute", "Says a number.");
    let options = RegisterOptions { allow_private: true, ..RegisterOptions::default() };
    let registered = place.client.call(|service, context| async move {
        service.register_agent(context, RequestId::fresh(), definition, options).await
    });
    let secrets = registered.await.expect("it is registered").secrets.expect("a native agent has secrets");
    let told = place.run(&["agent", "vouch", "@mute"]).await;
    assert!(told.contains("@mute is active"), "{told}");
    agent.trust(&secrets.delivery_secret, &secrets.callback_secret);
    place.ended(place.post(number_from(&["mute"])).await.expect("it is posted")).await;
    let (code, _, told) = place.guildhall(&["agent", "vouch", "@mute"]).await;
    assert!(code == 4 && told.contains("waits for no challenge"), "{told}");
}
