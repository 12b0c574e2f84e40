//! Tokens of an issuer, of the shape of Clerk's: who gets in, and that nobody else does.

use crate::place::{PATIENCE, Place};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guildhall_protocol::account::Role;
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::time::Timestamp;
use guildhall_tests::fake_issuer::{FakeIssuer, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The application of these tests.
const APP: &str = "https://app.example";

/// Seconds from now.
fn seconds(from_now: i64) -> i64 {
    Timestamp::now().0 / 1_000 + from_now
}

/// The claims of Clerk's session tokens, with some of them changed; null takes one away.
fn claims(issuer: &FakeIssuer, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer.url, "sub": "user_2abc", "azp": APP, "sid": "sess_1", "v": 2, "sts": "active", "fva": [1, -1],
        "iat": seconds(0), "nbf": seconds(-10), "exp": seconds(600), "name": "Ada \u{1b}[31mLovelace"
    });
    let all = claims.as_object_mut().expect("an object");
    for (claim, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            all.remove(claim);
        } else {
            all.insert(claim.clone(), value.clone());
        }
    }
    claims
}

async fn place_of(issuer: &FakeIssuer) -> Place {
    Place::open_with(&[&format!("oidc_issuer={}", issuer.url), &format!("oidc_parties={APP}")]).await
}

/// Who comes with this token.
async fn enters(place: &Place, token: &str) -> (UserId, String, Role) {
    let principal = place.client_with(token, None).principal().await.expect("they get in");
    (principal.user, principal.name, principal.role)
}

/// What whoever comes with this token is told, and that they do not get in.
async fn refused(place: &Place, token: &str) -> String {
    let client: Client = place.client_with(token, None);
    let error = client.principal().await.expect_err("nobody gets in");
    let kinds = [ErrorKind::Forbidden, ErrorKind::Unavailable, ErrorKind::Unsupported];
    assert!(kinds.contains(&error.kind), "{error:?}");
    assert!(!error.to_string().contains(token), "a token is not repeated");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_the_issuer_gets_in_as_the_same_user_each_time() {
    let key = SigningKey::rsa("ins_1");
    let issuer = FakeIssuer::start(&[&key]).await;
    let mut place = place_of(&issuer).await;
    let (ada, name, role) = enters(&place, &key.sign(&claims(&issuer, &json!({})))).await;
    assert_eq!(role, Role::Owner, "as every new user: nobody is more by signing in");
    assert!(name.contains("Lovelace") && !name.contains('\u{1b}'), "{name:?}");
    // Clerk leaves the application out when no browser asked.
    let again = key.sign(&claims(&issuer, &json!({"azp": null, "sts": null})));
    assert_eq!(enters(&place, &again).await.0, ada);
    let other =
        key.sign(&claims(&issuer, &json!({"sub": "user_2xyz", "name": null, "email": "x@y.example"})));
    let (bob, name, _) = enters(&place, &other).await;
    assert_ne!(bob, ada);
    assert_eq!(name, "x@y.example");
    assert_eq!(issuer.asked(), 1, "its keys are kept");
    place.stop().await;
    place.start().await;
    assert_eq!(enters(&place, &again).await.0, ada);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_lets_nobody_in_and_says_why() {
    let (key, ed, swapped) =
        (SigningKey::rsa("k1"), SigningKey::ed25519("k2", 1), SigningKey::ed25519("k2", 2));
    let issuer = FakeIssuer::start(&[&key, &ed]).await;
    let place = place_of(&issuer).await;
    let with = |changes: Value| key.sign(&claims(&issuer, &changes));
    let good = with(json!({}));
    enters(&place, &good).await;
    enters(&place, &ed.sign(&claims(&issuer, &json!({})))).await;

    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = encoded(&claims(&issuer, &json!({})));
    let none = format!("{}.{body}.", encoded(&json!({"alg": "none", "kid": "k1"})));
    let public = key.published()["n"].as_str().expect("a modulus").to_owned();
    let shared = jsonwebtoken::EncodingKey::from_secret(public.as_bytes());
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some("k1".to_owned());
    let hs256 = jsonwebtoken::encode(&header, &claims(&issuer, &json!({})), &shared).expect("it is signed");
    let parts: Vec<&str> = good.split('.').collect();
    let changed = format!("{}.{}.{}", parts[0], encoded(&claims(&issuer, &json!({"sub": "root"}))), parts[2]);
    let plain = claims(&issuer, &json!({}));
    for (token, expected) in [
        (none, "signed with none are not taken"),
        (hs256, "signed with HS256 are not taken"),
        (swapped.sign(&plain), "signature of this sign-in token is wrong"),
        (changed, "signature of this sign-in token is wrong"),
        (ed.sign_with(&plain, |header| header.kid = Some("k1".to_owned())), "is not for signing with EdDSA"),
        (key.sign_with(&plain, |header| header.kid = None), "does not name its key"),
        (key.sign_with(&plain, |header| header.typ = Some("logout+jwt".to_owned())), "of type logout+jwt"),
        (with(json!({"iss": format!("{}/", issuer.url)})), "is not from http://127.0.0.1"),
        (with(json!({"aud": "somebody-else"})), "not meant for this daemon"),
        (
            with(json!({"azp": "https://evil.example"})),
            "an application (`azp`) that the daemon does not know",
        ),
        (with(json!({"nbf": seconds(300)})), "does not hold yet"),
        (with(json!({"exp": seconds(-60)})), "has expired: sign in again"),
        (with(json!({"exp": "never"})), "no whole sign-in token"),
        (with(json!({"exp": null})), "no whole sign-in token"),
        (with(json!({"sts": "pending"})), "is not finished (its status is pending)"),
        (with(json!({"sub": null})), "does not say whom it stands for"),
        (with(json!({"name": "x".repeat(2_500)})), "more than 3584 bytes"),
        (good[..parts[0].len() + 40].to_owned(), "cut short or mistyped"),
        (good[..good.len() - 4].to_owned(), "signature of this sign-in token is wrong"),
    ] {
        let why = refused(&place, &token).await;
        assert!(why.contains(expected), "{expected:?} is not in {why:?}");
    }
    assert_eq!(issuer.asked(), 1, "none of these makes the daemon ask its issuer again");
    enters(&place, &good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_is_set_is_asked_for() {
    let key = SigningKey::rsa("k1");
    let issuer = FakeIssuer::start(&[&key]).await;
    let place = Place::open_with(&[&format!("oidc_issuer={}", issuer.url), "oidc_audience=guildhall"]).await;
    for (audience, gets_in) in [
        (json!("guildhall"), true),
        (json!(["other", "guildhall"]), true),
        (json!(["other"]), false),
        (Value::Null, false),
    ] {
        let token = key.sign(&claims(&issuer, &json!({"aud": audience})));
        if gets_in {
            enters(&place, &token).await;
        } else {
            assert!(refused(&place, &token).await.contains("`aud`"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_found_and_a_flood_of_unknown_ones_asks_once() {
    let (old, new) = (SigningKey::ed25519("old", 1), SigningKey::ed25519("new", 2));
    let issuer = FakeIssuer::start(&[&old]).await;
    let place = place_of(&issuer).await;
    let plain = claims(&issuer, &json!({}));
    enters(&place, &old.sign(&plain)).await;
    issuer.publish(&[&new]);
    enters(&place, &new.sign(&plain)).await;
    assert_eq!(issuer.asked(), 2);
    assert!(refused(&place, &old.sign(&plain)).await.contains("does not publish"), "it was taken back");
    for number in 0..20 {
        let token = new.sign_with(&plain, |header| header.kid = Some(format!("flood{number}")));
        assert!(refused(&place, &token).await.contains("does not publish"));
    }
    assert_eq!(issuer.asked(), 2, "once a minute is enough");
    enters(&place, &new.sign(&plain)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_away_takes_nobody_else_down() {
    let key = SigningKey::ed25519("k1", 1);
    let mut issuer = FakeIssuer::start(&[&key]).await;
    let mut place = place_of(&issuer).await;
    let token = key.sign(&claims(&issuer, &json!({})));
    enters(&place, &token).await;
    issuer.stop().await;
    enters(&place, &token).await;
    place.stop().await;
    place.start().await;
    let why = refused(&place, &token).await;
    assert!(why.contains("cannot be had at the moment (it does not answer)"), "{why}");
    assert!(place.status().await.is_ok(), "whoever needs no issuer works on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_must_be_who_it_is_said_to_be_and_somebody_must_be_set() {
    let key = SigningKey::ed25519("k1", 1);
    let issuer = FakeIssuer::start_as(Some("https://other.example"), &[&key]).await;
    let token = key.sign(&claims(&issuer, &json!({})));
    let place = place_of(&issuer).await;
    assert!(refused(&place, &token).await.contains("names another issuer"));
    let place = Place::open().await;
    assert!(refused(&place, &token).await.contains("its oidc_issuer is not set"));
    for settings in [
        ["oidc_issuer=http://hall.example", "oidc_parties=x"],
        ["oidc_issuer=https://hall.example", "oidc_parties="],
        ["oidc_issuer=https://hall.example", "oidc_algorithms=HS256"],
        ["oidc_issuer=https://hall.example", "oidc_algorithms=none"],
    ] {
        let mut command = place.daemon_command();
        for setting in settings {
            command.args(["--set", setting]);
        }
        let output = command.args(["config", "show"]).output().await.expect("it runs");
        assert!(!output.status.success(), "{settings:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_token_that_made_it() {
    let key = SigningKey::ed25519("k1", 1);
    let issuer = FakeIssuer::start(&[&key]).await;
    let place = place_of(&issuer).await;
    // The daemon allows for clocks that differ by 30 s.
    let token = key.sign(&claims(&issuer, &json!({"exp": seconds(-20)})));
    let client = place.client_with(&token, None);
    client.principal().await.expect("it holds for some seconds");
    let ends = Instant::now() + PATIENCE;
    let why = loop {
        match client.call(|service, context| async move { service.status(context).await }).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => break error.to_string(),
        }
        assert!(Instant::now() < ends, "it does not end");
    };
    assert!(why.contains("has expired: sign in again"), "{why}");
}
