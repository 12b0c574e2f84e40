//! One person who is known in several ways: accounts that become one, and identities that are removed.

use crate::cast::number_from;
use crate::people::{Person, acting_for, identity, scope};
use crate::place::Place;
use guildhall_protocol::account::{Identity, LinkCode, LinkOffer, Role, TokenKind, UserOrder, UserStory};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::view::{AgentOrder, JobFilter, PageRequest};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
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

async fn jobs(client: &Client) -> Vec<JobId> {
    let page = PageRequest { after: None, limit: 50 };
    let listed = client
        .call(|service, context| async move { service.jobs(context, JobFilter::default(), page).await })
        .await;
    listed.expect("they are listed").rows.into_iter().map(|head| head.id).collect()
}

/// Somebody behind the bridge of a chat.
async fn chatter(place: &Place, bridge: &str, name: &str) -> Person {
    place.person_behind(bridge, acting_for(name, None)).await
}

async fn bridge(place: &Place) -> String {
    place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_become_one_with_all_that_is_theirs() {
    let mut place = Place::open().await;
    let bridge = bridge(&place).await;
    let (ada, bob) =
        (chatter(&place, &bridge, "discord:1").await, chatter(&place, &bridge, "discord:2").await);
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@sum", "Says a number.").await;
    place.until_agent("sum", AgentState::Active).await;
    place.give_to("@sum", bob.user).await;
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let adas = ada.post(waits()).await.expect("it is posted");
    let bobs = bob.post(waits()).await.expect("it is posted");
    let done = bob.post(number_from(&["@sum"])).await.expect("it is posted");
    place.ended(done).await;
    let other = chatter(&place, &bridge, "discord:3").await;
    ada.share(adas, bob.user, true).await.expect("it is theirs");

    let LinkCode { code, .. } = code(&ada.client).await.expect("a code");
    let told = offer(&bob.client, &code).await.expect("an offer");
    assert_eq!((told.kept.id, told.gone.id), (ada.user, bob.user));
    assert_eq!((told.moves.open_jobs, told.moves.agents), (1, 1));
    let request = RequestId::fresh();
    let story = link(&bob.client, &request, &code).await.expect("they are one");
    assert_eq!(story.head.id, ada.user);
    assert_eq!(story.identities, [identity("discord:1"), identity("discord:2")]);
    assert_eq!((story.usage.open_jobs, story.usage.agents), (2, 1));

    // The connection of the one who is gone says so, and the next one is the other's.
    let error = code_error(&bob.client).await;
    assert!(error.is_none_or(|error| error.message.contains("connect again")));
    assert_eq!(bob.client.principal().await.expect("they come again").user, ada.user);
    let mut all = vec![done, bobs, adas];
    all.sort_by_key(|job| std::cmp::Reverse(job.0));
    assert_eq!(jobs(&bob.client).await, all);
    let again = link(&bob.client, &request, &code).await.expect("the same answer");
    assert_eq!(again.head.id, ada.user, "the answer was lost and is asked for again");
    let name = "@sum".parse().expect("a name");
    let pause = ada.client.call(|service, context| async move {
        service.order_agent(context, RequestId::fresh(), name, AgentOrder::Pause { for_ms: None }).await
    });
    pause.await.expect("it is theirs now");
    let error = link(&other.client, &RequestId::fresh(), &code).await.expect_err("it was used");
    assert_eq!(error.kind, ErrorKind::NotFound);

    place.stop().await;
    place.start().await;
    assert_eq!(chatter(&place, &bridge, "discord:2").await.user, ada.user);
    assert_eq!(jobs(&ada.client).await, all);
}

/// A call that a connection which is over refuses once.
async fn code_error(client: &Client) -> Option<ApiError> {
    code(client).await.err()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_role_or_loses_one_or_hides_by_it() {
    let place = Place::open().await;
    let bridge = bridge(&place).await;
    let (ada, bob) =
        (chatter(&place, &bridge, "discord:1").await, chatter(&place, &bridge, "discord:2").await);
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
async fn an_identity_that_is_removed_is_somebody_new() {
    let place = Place::open().await;
    let bridge = bridge(&place).await;
    let (ada, bob) =
        (chatter(&place, &bridge, "discord:1").await, chatter(&place, &bridge, "discord:2").await);
    let error = unlink(&ada.client, identity("discord:1")).await.expect_err("the only one");
    assert!(error.message.contains("the only way"), "{error}");
    let error = unlink(&ada.client, identity("discord:2")).await.expect_err("another's");
    assert_eq!(error.kind, ErrorKind::NotFound);
    let adas = code(&ada.client).await.expect("a code").code;
    link(&bob.client, &RequestId::fresh(), &adas).await.expect("they are one");
    drop(code(&bob.client).await);
    assert_eq!(bob.client.principal().await.expect("they come again").user, ada.user);
    let story = unlink(&ada.client, identity("discord:2")).await.expect("it is theirs");
    assert_eq!(story.identities, [identity("discord:1")]);
    // Whoever was in by that identity is out.
    let error = code(&bob.client).await.expect_err("they are somebody else");
    assert!(error.kind == ErrorKind::Forbidden && error.message.contains("connect again"), "{error}");
    let back = bob.client.principal().await.expect("they come again").user;
    assert!(back != ada.user && back != bob.user);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_joins_accounts() {
    let place = Place::open().await;
    let bridge = bridge(&place).await;
    let ada = chatter(&place, &bridge, "discord:1").await;
    // Whoever runs the daemon is an admin: that account stays.
    let told = place.run(&["link"]).await;
    let code = told.lines().next().expect("a code").to_owned();
    assert!(told.contains("guildhall link") && told.contains("Give it to nobody"), "{told}");
    let (exit, _, told) = place.guildhall(&["link", &code]).await;
    assert!(exit == 4 && told.contains("your own code"), "{told}");
    link(&ada.client, &RequestId::fresh(), &code.to_lowercase()).await.expect("they are one");
    let told = place.run(&["account", "show"]).await;
    assert!(told.contains("discord:1") && told.contains("is the same person"), "{told}");
    assert!(place.run(&["notices", "list"]).await.contains("another account is part of yours"));
    let told = place.run(&["unlink", "discord:1"]).await;
    assert!(!told.contains("known as discord:1") && told.contains("no longer known by"), "{told}");
    let (exit, _, told) = place.guildhall(&["link", "AAAA-AAAA"]).await;
    assert!(exit == 3 && told.contains("no such code"), "{told}");
}
