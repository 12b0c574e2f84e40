//! Calls about tokens: making, listing, revoking.

use super::Caller;
use super::errors::{internal, invalid, not_found, store};
use crate::scribe::Scribe;
use crate::store::{AccountCommand, AccountQuery, Command, Outcome, Query, UserFence};
use crate::token;
use guildhall_protocol::account::{
    NewToken, Role, TOKEN_DAYS_MAX, TOKEN_NAME_BYTES_MAX, TokenKind, TokenMade, TokenView, UserRef,
};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{RequestId, TokenId};
use guildhall_protocol::matrix::{Verb, Whose};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Most tokens in a list.
const TOKENS_MAX: u32 = 500;
const DAY: Duration = Duration::from_hours(24);

impl Caller {
    pub(super) async fn token_made(&self, id: RequestId, new: NewToken) -> Result<TokenMade, ApiError> {
        // Those who could make none for anybody learn nothing of who is there.
        let whose = if new.user.is_some() { Whose::Others } else { Whose::Own };
        self.check_on(Verb::MakeToken, whose)?;
        self.check_token(&new)?;
        let record = self.named_user(new.user.as_ref()).await?;
        self.check_on(Verb::MakeToken, self.relation_to_user(record.id))?;
        let content = serde_json::to_vec(&(record.id, &new)).map_err(|error| internal(&error))?;
        let request = self.request(id, "make-token", &content);
        let (maker, now) = (self.desk.maker(), Timestamp::now());
        let asked = now.after(DAY.saturating_mul(u32::try_from(new.days).unwrap_or(u32::MAX)));
        // A token makes none that outlives it. Who signed in somewhere else is a person, whatever their session lasts.
        let ends = self.who.token.and(self.who.expires_at);
        let expires_at = ends.map_or(asked, |ends| ends.min(asked));
        let text = token::make(new.scope.kind, || maker.random_u64());
        let view = TokenView {
            id: TokenId(maker.id(now)),
            user: record.id,
            name: new.name,
            last4: token::last4(&text),
            made_at: now,
            expires_at,
            revoked_at: None,
            used_at: None,
            scope: new.scope,
        };
        let mut scribe = Scribe::new(maker, now, record.chain, Actor::User(self.who.user));
        scribe.event(What::TokenMade {
            token: view.id,
            kind: view.scope.kind,
            up_to: view.scope.up_to,
            expires_at: view.expires_at,
        });
        let fence = UserFence { user: record.id, chain: record.chain };
        let (hash, entry) = (token::hash(&text), scribe.finish());
        let command = AccountCommand::MakeToken { request, fence, token: view.clone(), hash, entry };
        let done = self.desk.store().apply(now, Command::Account(command)).await.map_err(store)?;
        if let Outcome::Repeated(_) = done {
            let message = "this request made a token before, and it was shown then";
            return Err(ApiError::new(ErrorKind::Conflict, message)
                .hint("revoke it and make another: `guildhalld token list`"));
        }
        Ok(TokenMade { token: text, view })
    }

    fn check_token(&self, new: &NewToken) -> Result<(), ApiError> {
        if !(1..=TOKEN_DAYS_MAX).contains(&new.days) {
            return Err(invalid("days", format!("a token lives 1 to {TOKEN_DAYS_MAX} days")));
        }
        if new.name.trim().is_empty() || new.name.len() > TOKEN_NAME_BYTES_MAX {
            let message = format!("say what it is for, in 1 to {TOKEN_NAME_BYTES_MAX} bytes");
            return Err(invalid("name", message));
        }
        let most = self.powers().market;
        if new.scope.up_to > most {
            let message = format!("you come with no more than {most}: nothing that you make may more");
            return Err(ApiError::new(ErrorKind::Forbidden, message).in_field("up_to"));
        }
        let is_bridge = new.scope.kind == TokenKind::Bridge;
        if is_bridge && most < Role::Admin {
            let message =
                "only an admin makes a bridge's token: whoever holds it is everybody up to its ceiling";
            return Err(ApiError::new(ErrorKind::Forbidden, message).in_field("kind"));
        }
        if is_bridge && new.scope.up_to == Role::Admin {
            return Err(invalid("up_to", "no bridge acts for admins: operator is the most"));
        }
        if !is_bridge && !new.scope.places.is_empty() {
            return Err(invalid("places", "only a bridge is bound to places"));
        }
        if new.scope.places.len() > 100 {
            return Err(invalid("places", "a bridge is bound to 100 places at most"));
        }
        Ok(())
    }

    pub(super) async fn list_tokens(
        &self,
        user: Option<UserRef>,
        all: bool,
    ) -> Result<Vec<TokenView>, ApiError> {
        let whose = if all || user.is_some() { Whose::Others } else { Whose::Own };
        self.check_on(Verb::ReadTokens, whose)?;
        let user = if all { None } else { Some(self.named_user(user.as_ref()).await?.id) };
        let query = AccountQuery::Tokens { user, limit: TOKENS_MAX };
        self.desk.store().tokens(Query::Account(query)).await.map_err(store)
    }

    pub(super) async fn token_revoked(&self, id: RequestId, token: TokenId) -> Result<TokenView, ApiError> {
        self.check(Verb::RevokeToken)?;
        let nothing = || not_found(&format!("{token}"));
        let view = self.token(token).await?.ok_or_else(nothing)?;
        self.check_on(Verb::RevokeToken, self.relation_to_user(view.user)).map_err(|_| nothing())?;
        let request = self.request(id, "revoke-token", &token.0.to_be_bytes());
        if view.revoked_at.is_none() {
            let now = Timestamp::now();
            let record = self.named_user(Some(&UserRef::Number(view.user))).await?;
            let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
            scribe.event(What::TokenRevoked { token });
            let fence = UserFence { user: record.id, chain: record.chain };
            let command = AccountCommand::RevokeToken { request, fence, token, entry: scribe.finish() };
            self.desk.store().apply(now, Command::Account(command)).await.map_err(store)?;
        }
        self.desk.accounts.revoke(token);
        self.token(token).await?.ok_or_else(nothing)
    }

    async fn token(&self, token: TokenId) -> Result<Option<TokenView>, ApiError> {
        let found = self.desk.store().tokens(Query::Account(AccountQuery::Token(token))).await;
        Ok(found.map_err(store)?.into_iter().next())
    }
}
