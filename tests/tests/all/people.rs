//! People beside the one who runs the daemon: with tokens of their own, or behind a bridge.

use crate::place::Place;
use guildhall_protocol::account::{
    Identity, NewToken, Role, TokenKind, TokenMade, TokenScope, UserOrder, UserRef, UserStory,
};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::handshake::{ActingFor, ActingIn, Hello};
use guildhall_protocol::ids::{JobId, RequestId, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::view::{JobStory, NewJob};

/// Somebody with a connection of their own.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) user: UserId,
}

pub(crate) fn scope(kind: TokenKind, up_to: Role) -> TokenScope {
    TokenScope { kind, up_to, read_only: false, places: vec![] }
}

pub(crate) fn identity(text: &str) -> Identity {
    text.parse().expect("an identity")
}

/// For whom a bridge acts, and where: `discord:1`, and what they are there.
pub(crate) fn acting_for(person: &str, place: Option<(&str, Role)>) -> ActingFor {
    let here = place.map(|(place, role)| ActingIn {
        identity: identity(place),
        name: place.to_owned(),
        role,
        manages: false,
        groups: Vec::new(),
    });
    ActingFor { identity: identity(person), name: person.to_owned(), place: here }
}

impl Place {
    /// A connection that comes with this.
    pub(crate) fn client_with(&self, credential: &str, acting_for: Option<ActingFor>) -> Client {
        let credential = Some(credential.to_owned());
        let hello = Hello { credential, acting_for, ..Hello::of("test") };
        Client::new(self.folder.path().join("s.sock"), hello)
    }

    /// Makes a token, as whoever runs the daemon.
    pub(crate) async fn token(&self, user: Option<&str>, scope: TokenScope) -> TokenMade {
        let user = user.map(|user| user.parse().expect("a user"));
        let token = NewToken { user, name: "a test".to_owned(), scope, days: 1 };
        let made = self.client.call(|service, context| async move {
            service.make_token(context, RequestId::fresh(), token).await
        });
        made.await.expect("it is made")
    }

    /// Decides about a user, as whoever runs the daemon.
    pub(crate) async fn order_user(&self, user: UserId, order: UserOrder) -> Result<UserStory, ApiError> {
        let user = UserRef::Number(user);
        self.client
            .call(|service, context| async move {
                service.order_user(context, RequestId::fresh(), user, order, None).await
            })
            .await
    }

    /// Somebody with this role who comes with a token, and has consented.
    pub(crate) async fn person(&self, name: &str, role: Role) -> Person {
        let added = name.to_owned();
        let story = self.client.call(|service, context| async move {
            service.add_user(context, RequestId::fresh(), added).await
        });
        let user = story.await.expect("they are added").head.id;
        self.order_user(user, UserOrder::Grant { role, place: None }).await.expect("an admin may");
        let made = self.token(Some(&format!("name:{name}")), scope(TokenKind::Api, Role::Admin)).await;
        let person = Person { client: self.client_with(&made.token, None), user };
        person.consent().await;
        person
    }

    /// Somebody behind a bridge with this token, who has consented.
    pub(crate) async fn person_behind(&self, token: &str, acting_for: ActingFor) -> Person {
        let client = self.client_with(token, Some(acting_for));
        let user = client.principal().await.expect("they are let in").user;
        let person = Person { client, user };
        person.consent().await;
        person
    }
}

impl Person {
    pub(crate) async fn consent(&self) {
        let policy = self.client.call(|service, context| async move { service.policy(context).await });
        let version = policy.await.expect("a policy").version;
        let consent = self.client.call(|service, context| async move {
            service.consent(context, RequestId::fresh(), version).await
        });
        consent.await.expect("they may");
    }

    pub(crate) async fn post(&self, draft: JobDraft) -> Result<JobId, ApiError> {
        let job = NewJob { request: RequestId::fresh(), draft };
        let posted =
            self.client.call(|service, context| async move { service.post(context, vec![job]).await });
        Ok(posted.await?.pop().expect("one answer")?.id)
    }

    pub(crate) async fn read(&self, job: JobId) -> Result<JobStory, ApiError> {
        self.client.call(|service, context| async move { service.job(context, job).await }).await
    }

    pub(crate) async fn share(&self, job: JobId, user: UserId, shared: bool) -> Result<(), ApiError> {
        let user = UserRef::Number(user);
        let shared = self.client.call(|service, context| async move {
            service.share_job(context, RequestId::fresh(), job, user, shared).await
        });
        shared.await.map(drop)
    }
}
