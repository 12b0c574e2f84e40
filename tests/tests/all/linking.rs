//! One person who is known in several ways: accounts that become one, and identities that are removed.

use crate::cast::number_from;
use crate::ownership::hold;
use crate::people::{Person, acting_for, identity, scope};
use crate::place::Place;
use guildhall_protocol::account::{
    Identity, LinkCode, LinkOffer, Role, TokenKind, TokenScope, UserOrder, UserRef, UserStory,
};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentOrder, HoldOrder, JobFilter, PageRequest};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_issuer::{FakeIssuer, SigningKey};
use serde_json::json;

pub(crate) async fn code(client: &Client) -> Result<LinkCode, ApiError> {
    client.call(|service, context| async move { service.make_link_code(context).await }).await
}

async fn offer(client: &Client, code: &str) -> Result<LinkOffer, ApiError> {
    let code = code.to_owned();
    client.call(|service, context| async move { service.link_offer(context, code).await }).await
}

async fn link(client: &Client, request: &RequestId, code: &str) -> Result<UserStory, ApiError> {
    let (request, code) = (request.clone(), code.to_owned());
    client.call(|service, context| async move { service.link(context, request, code).await }).await
}

async fn unlink(client: &Client, identity: Identity) -> Result<UserStory, ApiError> {
    let request = RequestId::fresh();
    client.call(|service, context| async move { service.unlink(context, request, identity).await }).await
}

async fn jobs_of(client: &Client) -> Result<Vec<JobId>, ApiError> {
    let page = PageRequest { after: None, limit: 50 };
    let listed = client
        .call(|service, context| async move { service.jobs(context, JobFilter::default(), page).await })
        .await;
    Ok(listed?.rows.into_iter().map(|head| head.id).collect())
}

/// A place whose people sign in, or come through a chat's bridge.
struct World {
    place: Place,
    issuer: FakeIssuer,
    key: SigningKey,
    bridge: String,
}

impl World {
    async fn open() -> Self {
        let key = SigningKey::ed25519("k1", 1);
        let issuer = FakeIssuer::start(&[&key]).await;
        let place =
            Place::open_with(&[&format!("oidc_issuer={}", issuer.url), "oidc_audience=guildhall"]).await;
        let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
        Self { place, issuer, key, bridge }
    }

    /// Somebody who signed in.
    async fn signed(&self, name: &str) -> Person {
        let exp = Timestamp::now().0 / 1_000 + 600;
        let claims =
            json!({"iss": self.issuer.url, "sub": name, "aud": "guildhall", "exp": exp, "name": name});
        let client = self.place.client_with(&self.key.sign(&claims), None);
        self.consented(client).await
    }

    /// Somebody of the chat.
    async fn chatter(&self, name: &str) -> Person {
        self.consented(self.place.client_with(&self.bridge, Some(acting_for(name, None)))).await
    }

    async fn consented(&self, client: Client) -> Person {
        let user = client.principal().await.expect("they are let in").user;
        let person = Person { client, user };
        person.consent().await;
        person
    }

    fn known_as(&self, name: &str) -> Identity {
        Identity { kind: "oidc".to_owned(), id: format!("{} {name}", self.issuer.url) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_become_one_with_all_that_is_theirs() {
    let mut world = World::open().await;
    let (ada, bob) = (world.signed("ada").await, world.chatter("discord:2").await);
    let other = world.chatter("discord:3").await;
    let agents =
        [FakeAgent::start(|_| Answer::Output(json!(1))).await, FakeAgent::start(|_| Answer::Silence).await];
    for (agent, name) in agents.iter().zip(["@sum", "@co"]) {
        world.place.hire(agent, name, "Says a number.").await;
        world.place.until_agent(name, AgentState::Active).await;
    }
    world.place.give_to("@sum", bob.user).await;
    let with_bob = HoldOrder::AddOwner { user: UserRef::Number(bob.user) };
    hold(&world.place.client, "@co", with_bob).await.expect("an operator may");
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let adas = ada.post(waits()).await.expect("it is posted");
    let bobs = bob.post(waits()).await.expect("it is posted");
    let done = bob.post(number_from(&["@sum"])).await.expect("it is posted");
    world.place.ended(done).await;
    ada.share(adas, bob.user, true).await.expect("it is theirs");

    let LinkCode { code, .. } = code(&ada.client).await.expect("a code");
    let told = offer(&bob.client, &code).await.expect("an offer");
    assert_eq!((told.kept.id, told.gone.id), (ada.user, bob.user));
    assert_eq!((told.moves.open_jobs, told.moves.agents), (1, 1));
    let request = RequestId::fresh();
    let story = link(&bob.client, &request, &code).await.expect("they are one");
    assert_eq!(story.head.id, ada.user);
    assert_eq!(story.identities, [identity("discord:2"), world.known_as("ada")]);
    assert_eq!((story.usage.open_jobs, story.usage.agents), (2, 1));

    // The connection of the one who is gone says so, and the next one is the other's.
    let error = jobs_of(&bob.client).await.expect_err("they are somebody else");
    assert!(error.message.contains("connect again"), "{error}");
    assert_eq!(bob.client.principal().await.expect("they come again").user, ada.user);
    let mut all = vec![done, bobs, adas];
    all.sort_by_key(|job| std::cmp::Reverse(job.0));
    assert_eq!(jobs_of(&bob.client).await, Ok(all.clone()));
    let again = link(&bob.client, &request, &code).await.expect("the same answer");
    assert_eq!(again.head.id, ada.user, "the answer was lost and is asked for again");
    for name in ["@sum", "@co"] {
        let name = name.parse().expect("a name");
        let pause = ada.client.call(|service, context| async move {
            service.order_agent(context, RequestId::fresh(), name, AgentOrder::Pause { for_ms: None }).await
        });
        pause.await.expect("it is theirs now");
    }
    let with_other = HoldOrder::AddOwner { user: UserRef::Number(other.user) };
    hold(&world.place.client, "@co", with_other).await.expect("an operator may");
    let error = link(&other.client, &RequestId::fresh(), &code).await.expect_err("it was used");
    assert_eq!(error.kind, ErrorKind::NotFound);

    world.place.stop().await;
    world.place.start().await;
    assert_eq!(world.chatter("discord:2").await.user, ada.user);
    assert_eq!(jobs_of(&ada.client).await, Ok(all));
    assert_eq!(world.place.agent("co").await.co_owners, [ada.user, other.user]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_role_or_loses_one_or_hides_by_it() {
    let world = World::open().await;
    let (ada, bob) = (world.signed("ada").await, world.chatter("discord:2").await);
    let place = &world.place;
    let request = RequestId::fresh;
    let adas = code(&ada.client).await.expect("a code").code;
    let error = link(&ada.client, &request(), &adas).await.expect_err("their own");
    assert!(error.kind == ErrorKind::Conflict && error.message.contains("your own code"), "{error}");
    let error = link(&place.client, &request(), &adas).await.expect_err("an admin would be none");
    assert!(error.message.contains("you may more than the account"), "{error}");
    let token = place.person("carl", Role::Owner).await;
    for error in [
        code(&token.client).await.expect_err("a code"),
        offer(&token.client, &adas).await.expect_err("an offer"),
    ] {
        assert!(error.message.contains("you come with a token"), "{error}");
    }
    place.order_user(bob.user, UserOrder::Suspend).await.expect("an admin may");
    let error = link(&bob.client, &request(), &adas).await.expect_err("they are suspended");
    assert_eq!(error.kind, ErrorKind::Forbidden);
    place.order_user(bob.user, UserOrder::Restore).await.expect("an admin may");
    place.order_user(ada.user, UserOrder::Suspend).await.expect("an admin may");
    let error = link(&bob.client, &request(), &adas).await.expect_err("the other is suspended");
    assert!(error.message.contains("suspended"), "{error}");
    place.order_user(ada.user, UserOrder::Restore).await.expect("an admin may");
    for _ in 0..10 {
        let error = offer(&bob.client, "AAAA-AAAA").await.expect_err("there is none");
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
    let error = link(&bob.client, &request(), &adas).await.expect_err("too many wrong ones");
    assert_eq!(error.kind, ErrorKind::Limited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_becomes_nobody_by_a_code() {
    let world = World::open().await;
    let (ada, bob) = (world.signed("ada").await, world.chatter("discord:2").await);
    // As itself it would be whoever made its token, and in an operator's name an operator.
    let itself = world.place.client_with(&world.bridge, None);
    for client in [&itself, &bob.client] {
        let error = code(client).await.expect_err("it is a bridge");
        assert!(error.kind == ErrorKind::Forbidden && error.message.contains("through a bridge"), "{error}");
    }
    let adas = code(&ada.client).await.expect("a code").code;
    let error = link(&itself, &RequestId::fresh(), &adas).await.expect_err("it is nobody");
    assert!(error.message.contains("you come with a token"), "{error}");
    let grant = UserOrder::Grant { role: Role::Operator, place: None };
    world.place.order_user(ada.user, grant).await.expect("an admin may");
    let error = link(&bob.client, &RequestId::fresh(), &adas).await.expect_err("it would be an operator");
    assert!(error.message.contains("joins no account that is more"), "{error}");
    let error = unlink(&bob.client, identity("discord:2")).await.expect_err("it is a bridge");
    assert_eq!(error.kind, ErrorKind::Forbidden);
    // A bridge that is bound to places reads nobody's notices.
    let bound = scope(TokenKind::Bridge, Role::Owner);
    let bound = TokenScope { places: vec![identity("discord:1")], ..bound };
    let bound = world.place.client_with(&world.place.token(None, bound).await.token, None);
    let leased = bound
        .call(|service, context| async move { service.lease_notices(context, Channel::Discord, 10).await });
    let error = leased.await.expect_err("that would be of all places");
    assert!(error.message.contains("bound to places"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_removed_is_somebody_new_until_it_is_joined_again() {
    let world = World::open().await;
    let (ada, bob) = (world.signed("ada").await, world.chatter("discord:2").await);
    let error = unlink(&ada.client, world.known_as("ada")).await.expect_err("the only one");
    assert!(error.message.contains("the only way"), "{error}");
    let error = unlink(&ada.client, identity("discord:2")).await.expect_err("another's");
    assert_eq!(error.kind, ErrorKind::NotFound);
    let adas = code(&ada.client).await.expect("a code").code;
    link(&bob.client, &RequestId::fresh(), &adas).await.expect("they are one");
    drop(jobs_of(&bob.client).await);
    assert_eq!(bob.client.principal().await.expect("they come again").user, ada.user);
    let story = unlink(&ada.client, identity("discord:2")).await.expect("it is theirs");
    assert_eq!(story.identities, [world.known_as("ada")]);
    // Whoever was in by that identity is out.
    let error = jobs_of(&bob.client).await.expect_err("they are somebody else");
    assert!(error.kind == ErrorKind::Forbidden && error.message.contains("connect again"), "{error}");
    let back = bob.client.principal().await.expect("they come again").user;
    assert!(back != ada.user && back != bob.user);
    let adas = code(&ada.client).await.expect("a code").code;
    link(&bob.client, &RequestId::fresh(), &adas).await.expect("they are one again");
    drop(jobs_of(&bob.client).await);
    jobs_of(&bob.client).await.expect("they are in");
    assert_eq!(bob.client.principal().await.expect("they are in").user, ada.user);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_joins_accounts_and_an_admin_is_one_on_the_socket_only() {
    let world = World::open().await;
    let (place, ada) = (&world.place, world.signed("ada").await);
    // Whoever runs the daemon is an admin: that account stays.
    let told = place.run(&["link"]).await;
    let code = told.lines().next().expect("a code").to_owned();
    assert!(told.contains("guildhall link") && told.contains("Give it to nobody"), "{told}");
    let (exit, _, told) = place.guildhall(&["link", &code]).await;
    assert!(exit == 4 && told.contains("your own code"), "{told}");
    link(&ada.client, &RequestId::fresh(), &code.to_lowercase()).await.expect("they are one");
    drop(jobs_of(&ada.client).await);
    let principal = ada.client.principal().await.expect("they come again");
    let here = place.client.principal().await.expect("they are let in");
    assert_eq!((principal.user, principal.role, here.role), (here.user, Role::Owner, Role::Admin));
    let told = place.run(&["account", "show"]).await;
    assert!(told.contains("oidc:") && told.contains("is the same person"), "{told}");
    assert!(place.run(&["notices", "list"]).await.contains("another account is part of yours"));
    let uid = told.split("uid:").nth(1).and_then(|rest| rest.split([',', '\n']).next()).expect("a uid");
    let (exit, _, told) = place.guildhall(&["unlink", &format!("uid:{uid}")]).await;
    assert!(exit == 2 && told.contains("you are an admin by this"), "{told}");
    let known = world.known_as("ada").to_string();
    let told = place.run(&["unlink", &known]).await;
    assert!(told.contains("no longer known by"), "{told}");
    let (exit, _, told) = place.guildhall(&["link", "AAAA-AAAA"]).await;
    assert!(exit == 3 && told.contains("no such code"), "{told}");
}
