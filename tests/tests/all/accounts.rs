//! Who somebody is, what they come with, what they may not, and what ends at once.

use crate::cast::number_from;
use crate::people::{Person, acting_for, scope};
use crate::place::Place;
use guildhall_protocol::account::{CONSENT_FIELD, Limits, NewToken, Role, TokenKind, TokenScope, UserOrder};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{JobDraft, Visibility};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::{EngineOrder, Order, RegisterOptions, Status};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

fn wants(brief: &str) -> JobDraft {
    JobDraft { brief: brief.to_owned(), ..JobDraft::default() }
}

async fn status(client: &Client) -> Result<Status, ApiError> {
    client.call(|service, context| async move { service.status(context).await }).await
}

async fn pause_engine(client: &Client) -> Result<Status, ApiError> {
    client
        .call(|service, context| async move {
            service.order_engine(context, RequestId::fresh(), EngineOrder::Pause, None).await
        })
        .await
}

fn kind<T: std::fmt::Debug>(answer: Result<T, ApiError>) -> (ErrorKind, String) {
    let error = answer.expect_err("it is refused");
    (error.kind, error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_its_user_in_up_to_its_ceiling_until_it_is_revoked() {
    let mut place = Place::open().await;
    let grace = place.person("grace", Role::Operator).await;
    let made = place.token(Some("name:grace"), scope(TokenKind::Api, Role::Client)).await;
    let weak = place.client_with(&made.token, None);
    let principal = weak.principal().await.expect("it is known");
    assert_eq!((principal.user, principal.role), (grace.user, Role::Client));
    assert!(pause_engine(&grace.client).await.is_ok());
    let (refused, why) = kind(pause_engine(&weak).await);
    assert_eq!(
        (refused, why.as_str()),
        (ErrorKind::Forbidden, "only an operator may stop or start new attempts")
    );

    place.stop().await;
    place.start().await;
    assert!(status(&weak).await.is_ok(), "a token is there after a restart");
    let revoked = made.view.id;
    let view = grace.client.call(|service, context| async move {
        service.revoke_token(context, RequestId::fresh(), revoked).await
    });
    assert!(view.await.expect("their own").revoked_at.is_some());
    let (refused, why) = kind(status(&weak).await);
    assert_eq!(refused, ErrorKind::Forbidden);
    assert!(why.starts_with("this token was revoked"), "{why}");
    let anew = place.client_with(&made.token, None);
    assert!(kind(status(&anew).await).1.contains("was revoked"), "nor does it let anybody in again");

    let bytes = std::fs::read(place.folder.path().join("guildhall.db")).expect("the store");
    let kept = bytes.windows(made.token.len()).any(|window| window == made.token.as_bytes());
    assert!(!kept, "the store keeps its hash only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_none_that_may_more_or_lives_longer() {
    let place = Place::open().await;
    place.person("grace", Role::Operator).await;
    let made = place.token(Some("name:grace"), scope(TokenKind::Api, Role::Client)).await;
    let weak = place.client_with(&made.token, None);
    let another = async |up_to, days| {
        let token =
            NewToken { user: None, name: "another".to_owned(), scope: scope(TokenKind::Api, up_to), days };
        weak.call(
            |service, context| async move { service.make_token(context, RequestId::fresh(), token).await },
        )
        .await
    };
    let (refused, why) = kind(another(Role::Operator, 1).await);
    assert_eq!((refused, why.contains("no more than client")), (ErrorKind::Forbidden, true), "{why}");
    let longer = another(Role::Client, 30).await.expect("as much as it may itself");
    assert_eq!(longer.view.expires_at, made.view.expires_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_told_why() {
    let mut place = Place::open().await;
    let made = place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let never_given = guildhall_daemon::token::make(TokenKind::Api, || 7);
    let cut = made[..made.len() - 3].to_owned();
    for (credential, expected) in [
        ("", "no token of Guildhall"),
        ("ghp_0123456789", "no token of Guildhall"),
        (cut.as_str(), "cut short or mistyped"),
        (&made.replace("_api_", "_bridge_"), "cut short or mistyped"),
        (&never_given, "does not know this token"),
    ] {
        let (refused, why) = kind(status(&place.client_with(credential, None)).await);
        assert_eq!(refused, ErrorKind::Forbidden, "{credential}: {why}");
        assert!(why.contains(expected) && !why.contains(&made), "{credential}: {why}");
    }
    place.end_token(&made).await;
    assert!(kind(status(&place.client_with(&made, None)).await).1.contains("has expired"));
    let made = place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let acting = Some(acting_for("discord:1", None));
    assert!(kind(status(&place.client_with(&made, acting)).await).1.contains("only a bridge's token"));
    assert!(place.status().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_read_changes_nothing() {
    let place = Place::open().await;
    let read_only = TokenScope { read_only: true, ..scope(TokenKind::Api, Role::Admin) };
    let reader = place.client_with(&place.token(None, read_only).await.token, None);
    assert!(status(&reader).await.is_ok());
    let (refused, why) = kind(pause_engine(&reader).await);
    assert_eq!(
        (refused, why.as_str()),
        (ErrorKind::Forbidden, "this token may only read; nothing was changed")
    );
    assert!(!place.status().await.expect("it answers").paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_is_everybody_up_to_its_ceiling_and_in_its_places() {
    let place = Place::open().await;
    let grace = place.person("grace", Role::Operator).await;
    let places = vec![crate::people::identity("discord:1182")];
    let bridge =
        place.token(None, TokenScope { places, ..scope(TokenKind::Bridge, Role::Owner) }).await.token;
    let here = |who: &str| acting_for(who, Some(("discord:1182", Role::Admin)));

    let bob = place.person_behind(&bridge, here("discord:80351")).await;
    let again = place.person_behind(&bridge, here("discord:80351")).await;
    assert_eq!(bob.user, again.user);
    let principal = bob.client.principal().await.expect("they are let in");
    assert_eq!(
        (principal.role, principal.place_role),
        (Role::Owner, Role::Owner),
        "the ceiling holds here, too"
    );

    // Whoever is an operator elsewhere is none behind a bridge with a lower ceiling.
    place
        .order_user(bob.user, UserOrder::Grant { role: Role::Operator, place: None })
        .await
        .expect("an admin");
    assert_eq!(kind(pause_engine(&bob.client).await).0, ErrorKind::Forbidden);

    let other = Some(acting_for("discord:80351", Some(("discord:7", Role::Client))));
    assert!(kind(status(&place.client_with(&bridge, other)).await).1.contains("does not act in discord:7"));
    let nowhere = Some(acting_for("discord:80351", None));
    assert!(status(&place.client_with(&bridge, nowhere)).await.is_err());
    for posing in ["uid:0", "name:grace", "oidc:https://id.example 1"] {
        let posing = Some(acting_for(posing, Some(("discord:1182", Role::Client))));
        let (_, why) = kind(status(&place.client_with(&bridge, posing)).await);
        assert!(why.contains("names people and places"), "{why}");
    }

    let job = bob.post(wants("Say hello")).await.expect("it is posted");
    assert_eq!(kind(grace_reads_as_stranger(&place, job).await).0, ErrorKind::NotFound);
    assert!(grace.read(job).await.is_ok(), "operators see it");
    let grant = UserOrder::Grant { role: Role::Admin, place: None };
    let (user, of) = (guildhall_protocol::account::UserRef::Number(bob.user), grant.clone());
    let passed = bob.client.call(|service, context| async move {
        service.order_user(context, RequestId::fresh(), user, of, None).await
    });
    let (refused, why) = kind(passed.await);
    assert_eq!((refused, why.contains("through a bridge")), (ErrorKind::Forbidden, true), "{why}");
}

async fn grace_reads_as_stranger(
    place: &Place,
    job: guildhall_protocol::ids::JobId,
) -> Result<guildhall_protocol::view::JobStory, ApiError> {
    place.person("a-stranger", Role::Owner).await.read(job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_place_are_seen_in_that_place() {
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Operator)).await.token;
    let of = |who: &str, server: &str, role| acting_for(who, Some((server, role)));
    let ada = place.person_behind(&bridge, of("discord:1", "discord:100", Role::Client)).await;
    let bob = place.person_behind(&bridge, of("discord:2", "discord:100", Role::Client)).await;
    let moderator = place.person_behind(&bridge, of("discord:3", "discord:100", Role::Operator)).await;
    let elsewhere = place.person_behind(&bridge, of("discord:4", "discord:200", Role::Operator)).await;
    let shown = ada
        .post(JobDraft { visibility: Some(Visibility::Place), ..wants("Say hello") })
        .await
        .expect("a job");
    let private = ada.post(wants("Say a secret")).await.expect("a job");

    assert!(bob.read(shown).await.is_ok());
    assert_eq!(kind(bob.read(private).await).0, ErrorKind::NotFound);
    assert!(moderator.read(private).await.is_ok(), "who runs the place sees it");
    for job in [shown, private] {
        assert_eq!(kind(elsewhere.read(job).await).0, ErrorKind::NotFound);
    }
    let order = Order::of(JobAction::Cancel);
    let canceled = moderator.client.call(|service, context| async move {
        service.order(context, RequestId::fresh(), private, order).await
    });
    assert!(canceled.await.is_ok());
    assert_eq!(kind(pause_engine(&moderator.client).await).0, ErrorKind::Forbidden, "and runs nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_job_is_read_by_those_who_were_let_in() {
    let place = Place::open().await;
    let (ada, bob) = (place.person("ada", Role::Client).await, place.person("bob", Role::Client).await);
    let job = ada.post(wants("Say a secret")).await.expect("a job");
    assert_eq!(kind(bob.read(job).await).0, ErrorKind::NotFound);
    assert_eq!(
        kind(bob.share(job, bob.user, true).await).0,
        ErrorKind::NotFound,
        "nobody lets themselves in"
    );
    ada.share(job, bob.user, true).await.expect("it is theirs");
    assert!(bob.read(job).await.is_ok());
    assert_eq!(kind(bob.share(job, ada.user, true).await).0, ErrorKind::Forbidden);
    let cancel = Order::of(JobAction::Cancel);
    let canceled = bob.client.call(|service, context| async move {
        service.order(context, RequestId::fresh(), job, cancel).await
    });
    assert_eq!(kind(canceled.await).0, ErrorKind::Forbidden);
    ada.share(job, bob.user, false).await.expect("it is theirs");
    assert_eq!(kind(bob.read(job).await).0, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_begins_nothing_and_what_runs_ends() {
    let mut place = Place::open().await;
    let ada = place.person("ada", Role::Owner).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@hers", "Says a number.").await;
    place.until_agent("hers", AgentState::Active).await;
    place.give_to("hers", ada.user).await;
    let waiting =
        ada.post(JobDraft { tags: vec!["nobody".to_owned()], ..wants("Say 1") }).await.expect("a job");

    place.order_user(ada.user, UserOrder::Suspend).await.expect("an admin may");
    let (refused, why) = kind(ada.post(wants("Say 2")).await);
    assert_eq!(refused, ErrorKind::Forbidden);
    assert!(why.contains("suspended"), "{why}");
    assert!(ada.read(waiting).await.is_ok(), "what is theirs stays readable");
    assert!(matches!(place.agent("hers").await.head.state.known(), Some(AgentState::Paused(_))));
    let cancel = Order::of(JobAction::Cancel);
    let canceled = ada.client.call(|service, context| async move {
        service.order(context, RequestId::fresh(), waiting, cancel).await
    });
    assert!(canceled.await.is_ok());

    place.stop().await;
    place.start().await;
    assert!(kind(ada.post(wants("Say 3")).await).1.contains("suspended"), "over a restart, too");
    place.order_user(ada.user, UserOrder::Restore).await.expect("an admin may");
    assert!(ada.post(wants("Say 4")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_always_remains_who_is_an_admin() {
    let place = Place::open().await;
    let admin = place.person("root-of-all", Role::Admin).await;
    let own = place.client.principal().await.expect("it answers").user;
    for order in [UserOrder::Revoke { place: None }, UserOrder::Suspend] {
        for user in [own, admin.user] {
            let (user, order) = (guildhall_protocol::account::UserRef::Number(user), order.clone());
            let ordered = admin.client.call(|service, context| async move {
                service.order_user(context, RequestId::fresh(), user, order, None).await
            });
            assert_eq!(kind(ordered.await).0, ErrorKind::Conflict);
        }
    }
    let operator = place.person("grace", Role::Operator).await;
    let user = guildhall_protocol::account::UserRef::Number(admin.user);
    let ordered = operator.client.call(|service, context| async move {
        service.order_user(context, RequestId::fresh(), user, UserOrder::Suspend, None).await
    });
    assert_eq!(kind(ordered.await).0, ErrorKind::Forbidden, "an operator does not suspend an admin");
    let taken =
        place.order_user(admin.user, UserOrder::Revoke { place: None }).await.expect("another admin may");
    assert_eq!(taken.head.account.role, Role::Owner);
    let listed = admin.client.call(|service, context| async move {
        service.users(context, guildhall_protocol::view::PageRequest { after: None, limit: 5 }).await
    });
    assert_eq!(kind(listed.await).0, ErrorKind::Forbidden, "and it counts at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_post_waits_for_consent() {
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let client = place.client_with(&bridge, Some(acting_for("discord:5", None)));
    let user = client.principal().await.expect("they are let in").user;
    let person = Person { client, user };
    let error = person.post(wants("Say hello")).await.expect_err("they were not told");
    assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Forbidden, Some(CONSENT_FIELD)));
    let wrong = person.client.call(|service, context| async move {
        service.consent(context, RequestId::fresh(), "000000000000".to_owned()).await
    });
    assert_eq!(kind(wrong.await).0, ErrorKind::Conflict, "nobody consents to what they cannot have read");
    person.consent().await;
    assert!(person.post(wants("Say hello")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_say_what_is_too_much_and_when_to_try_again() {
    let place = Place::open_with(&["user_posts_per_minute=1000", "user_open_jobs_max=2"]).await;
    let ada = place.person("ada", Role::Owner).await;
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    for _ in 0..2 {
        ada.post(waits()).await.expect("it fits");
    }
    let (refused, why) = kind(ada.post(waits()).await);
    assert_eq!(refused, ErrorKind::Limited);
    assert!(why.contains("2 jobs that have not ended"), "{why}");

    let limits = Limits { open_jobs: Some(100), posts_per_minute: Some(0), ..Limits::default() };
    place.order_user(ada.user, UserOrder::Limit(limits)).await.expect("an admin may");
    let (refused, why) = kind(ada.post(waits()).await);
    assert_eq!(refused, ErrorKind::Limited);
    assert!(why.contains("try again in"), "{why}");

    let limits = Limits { open_jobs: Some(100), stored_bytes: Some(1), agents: Some(0), ..Limits::default() };
    place.order_user(ada.user, UserOrder::Limit(limits)).await.expect("an admin may");
    assert!(kind(ada.post(waits()).await).1.contains("the most is 1"));
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    let definition = agent.definition("@hers", "Says a number.");
    let registered = ada.client.call(|service, context| async move {
        service.register_agent(context, RequestId::fresh(), definition, RegisterOptions::default()).await
    });
    assert!(kind(registered.await).1.contains("0 agents"));
    let grace = place.person("grace", Role::Operator).await;
    for _ in 0..3 {
        grace.post(waits()).await.expect("nothing limits an operator");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_tokens() {
    let place = Place::open().await;
    place.run(&["user", "add", "ada"]).await;
    let made = place.guildhalld(&["token", "create", "laptop", "--for", "name:ada", "--days", "7"]).await;
    let token = made.lines().next().expect("a token").to_owned();
    assert!(token.starts_with("hall_api_") && made.contains("shown once"), "{made}");
    let listed = place.guildhalld(&["token", "list", "--for", "name:ada"]).await;
    assert!(listed.contains("laptop: api of user") && !listed.contains(&token), "{listed}");
    assert!(status(&place.client_with(&token, None)).await.is_ok());
    let number = listed.split_whitespace().next().expect("a number");
    assert!(place.guildhalld(&["token", "revoke", number]).await.contains("revoked at"));
    let shown = place.run(&["user", "show", "name:ada"]).await;
    assert!(shown.contains("known as name:ada") && shown.contains("was revoked"), "{shown}");
    let policy = place.guildhalld(&["privacy"]).await;
    let read = place.run(&["account", "privacy"]).await;
    let version = policy.trim().rsplit(' ').next().expect("a version");
    assert!(read.contains(version), "{read}");
}
