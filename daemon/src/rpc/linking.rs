//! Calls that make one user of two: a code of the one is entered by the other.

use super::Caller;
use super::errors::{invalid, not_found, store};
use crate::links::LinkError;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{AccountCommand, AccountQuery, Command, Query, StoreError, UserFence, UserRecord};
use guildhall_protocol::account::{Account, Identity, LinkCode, LinkOffer, Role, UserRef, UserStory};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, RequestId, UserId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::time::Timestamp;

impl Caller {
    pub(super) fn link_code(&self) -> Result<LinkCode, ApiError> {
        self.check_link()?;
        let maker = self.desk.maker();
        Ok(self.desk.links.make(self.who.user, Timestamp::now(), || maker.random_u64()))
    }

    pub(super) async fn offered_link(&self, code: String) -> Result<LinkOffer, ApiError> {
        self.check_link()?;
        let user = self.desk.links.read(&code, self.who.user, Timestamp::now()).map_err(wrong_code)?;
        let (kept, gone) = self.both(user).await?;
        let identities = Query::Account(AccountQuery::Identities(kept.id));
        let known_as = self.desk.store().identities(identities).await.map_err(store)?;
        let moves = self.usage_of(gone.id).await?;
        Ok(LinkOffer { kept: self.user_head(kept), known_as, gone: self.user_head(gone), moves })
    }

    pub(super) async fn joined(&self, id: RequestId, code: String) -> Result<UserStory, ApiError> {
        self.check_link()?;
        let request = self.request(id, "link", code.as_bytes());
        // Whoever asks again because the answer was lost is the other user by now.
        if self.receipt(&request).await?.is_some() {
            return self.user_story(None).await;
        }
        let now = Timestamp::now();
        let taken = self.desk.links.take(&code, self.who.user, now).map_err(wrong_code)?;
        let (kept, gone) = self.both(taken.user).await?;
        let (kept_id, gone_id) = (kept.id, gone.id);
        let agents: Vec<AgentId> = {
            let market = self.desk.engine.market();
            market.all().filter(|listing| listing.record.owner == gone_id).map(|one| one.record.id).collect()
        };
        let maker = self.desk.maker();
        let mut scribe = Scribe::new(maker, now, kept.chain, Actor::User(gone_id));
        scribe.event(What::UserJoined { other: gone_id });
        let people = &self.desk.engine.parts().people;
        scribe.notify(people, Notice::of_user(kept_id, NoticeKind::AccountJoined));
        let mut farewell = Scribe::new(maker, now, gone.chain, Actor::User(gone_id));
        farewell.event(What::JoinedUser { other: kept_id });
        let command = AccountCommand::Merge {
            request: crate::store::Request { user: kept_id, ..request },
            kept: UserFence { user: kept_id, chain: kept.chain },
            entry: scribe.finish(),
            gone: UserFence { user: gone_id, chain: gone.chain },
            account: Account { merged_into: Some(kept_id), ..Account::default() },
            gone_entry: farewell.finish(),
        };
        self.desk.store().apply(now, Command::Account(command)).await.map_err(store)?;
        taken.used();
        self.desk.recall(kept_id).await.map_err(store)?;
        self.desk.recall(gone_id).await.map_err(store)?;
        for agent in agents {
            self.desk.engine.refresh(agent).await.map_err(store)?;
        }
        self.story_of_user(self.named_user(Some(&UserRef::Number(kept_id))).await?).await
    }

    /// Both users, if they may become one: nobody gets or loses a role by it, and who is suspended stays so.
    async fn both(&self, user: UserId) -> Result<(UserRecord, UserRecord), ApiError> {
        let conflict = |message: String| ApiError::new(ErrorKind::Conflict, message).in_field("code");
        if user == self.who.user {
            return Err(conflict("this is your own code".to_owned())
                .hint("enter it where you are known as somebody else: there, `guildhall link CODE`"));
        }
        let kept = self.named_user(Some(&UserRef::Number(user))).await?;
        let gone = self.named_user(None).await?;
        let accounts = &self.desk.accounts;
        if accounts.of(user).suspended {
            return Err(conflict("the account of this code is suspended".to_owned()));
        }
        if accounts.of(user).merged_into.is_some() {
            return Err(wrong_code(LinkError::Unknown));
        }
        let (theirs, mine) = (accounts.role(user), accounts.role(gone.id));
        let here = |place| kept.account.places.get(place).copied().unwrap_or_default().max(theirs);
        let loses = mine > theirs || gone.account.places.iter().any(|(place, role)| *role > here(place));
        if loses {
            let told = format!("you may more than the account of this code, which is {}", article(theirs));
            return Err(conflict(told).hint(
                "that account would stay: ask for a code here with `guildhall link`, and enter it there",
            ));
        }
        Ok((kept, gone))
    }

    /// Whoever stole a token must not stay for ever by it.
    fn check_link(&self) -> Result<(), ApiError> {
        self.check(Verb::Link)?;
        if self.who.token.is_some() && !self.who.terms.bridged {
            let told = "you come with a token, which says nothing about who you are";
            return Err(ApiError::new(ErrorKind::Conflict, told)
                .hint("sign in with `guildhall login`, or come to the daemon's socket, and do it there"));
        }
        Ok(())
    }

    pub(super) async fn identity_removed(
        &self,
        id: RequestId,
        identity: Identity,
    ) -> Result<UserStory, ApiError> {
        self.check_link()?;
        let request = self.request(id, "unlink", identity.to_string().as_bytes());
        if self.receipt(&request).await?.is_some() {
            return self.user_story(None).await;
        }
        let user = self.who.user;
        let known = Query::Account(AccountQuery::Identities(user));
        let known = self.desk.store().identities(known).await.map_err(store)?;
        if !known.contains(&identity) {
            return Err(not_found(&format!("{identity} among your identities")).in_field("identity"));
        }
        if known.len() == 1 {
            return Err(invalid("identity", "this is the only way in which you are known"));
        }
        if identity.kind == "uid" && self.desk.accounts.is_born_admin(user) {
            return Err(invalid("identity", "you are an admin by this user of the machine"));
        }
        let now = Timestamp::now();
        let record = self.named_user(None).await?;
        let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(user));
        let text = scribe.text(&identity.to_string());
        scribe.event(What::IdentityRemoved { identity: Some(text) });
        let fence = UserFence { user, chain: record.chain };
        let entry = scribe.finish();
        let command = AccountCommand::RemoveIdentity { request, fence, identity: identity.clone(), entry };
        self.desk.store().apply(now, Command::Account(command)).await.map_err(|error| {
            if error == StoreError::NotFound { not_found(&identity.to_string()) } else { store(error) }
        })?;
        let discord = Channel::Discord;
        let on_discord = self.known_on(discord, user).await?.is_some();
        self.desk.engine.parts().people.set_on_discord(user, on_discord);
        self.desk.accounts.remove_identity(user, identity);
        self.story_of_user(self.named_user(None).await?).await
    }
}

fn article(role: Role) -> String {
    if role == Role::Client { format!("a {role}") } else { format!("an {role}") }
}

fn wrong_code(error: LinkError) -> ApiError {
    let (kind, hint) = match error {
        LinkError::Unknown => (ErrorKind::NotFound, "ask for another with `guildhall link`"),
        LinkError::TooMany => (ErrorKind::Limited, "nobody else is kept from it"),
    };
    ApiError::new(kind, error.to_string()).in_field("code").hint(hint)
}
