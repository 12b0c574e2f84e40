//! Calls that make one user of two: a code of the one is entered by the other.

use super::Caller;
use super::errors::{invalid, not_found, store};
use crate::links::LinkError;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{
    AccountCommand, AccountQuery, AgentRecord, Command, Query, StoreError, UserFence, UserRecord,
};
use guildhall_protocol::account::{Account, Identity, LinkCode, LinkOffer, Role, UserRef, UserStory};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AgentId, RequestId, UserId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::time::Timestamp;

impl Caller {
    pub(super) fn link_code(&self) -> Result<LinkCode, ApiError> {
        self.check_link(Verb::LinkCode)?;
        let maker = self.desk.maker();
        Ok(self.desk.links.make(self.who.user, Timestamp::now(), || maker.random_u64()))
    }

    pub(super) async fn offered_link(&self, code: String) -> Result<LinkOffer, ApiError> {
        self.check_link(Verb::Link)?;
        let user = self.desk.links.read(&code, self.who.user, Timestamp::now()).map_err(wrong_code)?;
        let (kept, gone) = self.both(user).await?;
        let identities = Query::Account(AccountQuery::Identities(kept.id));
        let known_as = self.desk.store().identities(identities).await.map_err(store)?;
        let moves = self.usage_of(gone.id).await?;
        Ok(LinkOffer { kept: self.user_head(kept), known_as, gone: self.user_head(gone), moves })
    }

    pub(super) async fn joined(&self, id: RequestId, code: String) -> Result<UserStory, ApiError> {
        self.check_link(Verb::Link)?;
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
            let is_theirs =
                |record: &AgentRecord| record.is_owned_by(gone_id) || record.offered_to == Some(gone_id);
            market.all().filter(|listing| is_theirs(&listing.record)).map(|one| one.record.id).collect()
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
        match self.desk.store().apply(now, Command::Account(command)).await {
            Ok(_) => taken.used(),
            // It may have happened: then the code is used up.
            Err(error @ StoreError::Unknown(_)) => {
                taken.used();
                return Err(store(error));
            }
            Err(error) => return Err(store(error)),
        }
        self.desk.recall(kept_id).await.map_err(store)?;
        self.desk.recall(gone_id).await.map_err(store)?;
        for agent in agents {
            self.desk.engine.refresh(agent).await.map_err(store)?;
        }
        let known = Query::Account(AccountQuery::Identities(kept_id));
        self.desk
            .accounts
            .restore_identities(kept_id, &self.desk.store().identities(known).await.map_err(store)?);
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
        // Whatever a bridge stands under, no account of more may be part of this.
        let most = |account: &Account, role: Role| account.places.values().copied().fold(role, Role::max);
        let highest = most(&kept.account, theirs).max(most(&gone.account, mine));
        if self.who.terms.bridged && highest > self.who.terms.ceiling {
            let told = format!("a bridge up to {} joins no account that is more", self.who.terms.ceiling);
            return Err(ApiError::new(ErrorKind::Forbidden, told)
                .hint("enter the code with `guildhall link` on the command line"));
        }
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

    /// Whoever stole a token, a bridge's among them, must not stay for ever by it: who is known by nothing else joins nothing.
    fn check_link(&self, verb: Verb) -> Result<(), ApiError> {
        self.check(verb)?;
        if self.who.identity.is_none() {
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
        self.check_link(Verb::LinkCode)?;
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
        // By a name that an admin gave nobody comes without a token.
        if !known.iter().any(|other| *other != identity && other.kind != "name") {
            return Err(invalid("identity", "this is the only way in which you are known"));
        }
        if self.desk.is_admin_uid(&identity) {
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
