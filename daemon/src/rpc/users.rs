//! Calls about users: who they are, what an operator or admin decides about them, their consent.

use super::Caller;
use super::errors::{internal, invalid, not_found, store};
use crate::market::Listing;
use crate::scribe::Scribe;
use crate::store::{
    AccountCommand, AccountQuery, AgentTurn, Command, Outcome, PlaceCommand, Query, Request, StoreError,
    UserFence, UserRecord,
};
use guildhall_protocol::account::{
    Account, IDENTITY_BYTES_MAX, Identity, Limits, Policy, Role, Usage, UserHead, UserOrder, UserRef,
    UserStory,
};
use guildhall_protocol::agent::{AgentEvent, AgentState, PausedWhy};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{PlaceId, RequestId, UserId};
use guildhall_protocol::matrix::{Verb, Whose};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{PAGE_ROWS_MAX, Page, PageRequest};

impl Caller {
    /// The user that is named; none: the caller.
    pub(super) async fn named_user(&self, user: Option<&UserRef>) -> Result<UserRecord, ApiError> {
        let query = match user {
            None => Query::User(self.who.user),
            Some(UserRef::Number(id)) => Query::User(*id),
            Some(UserRef::Identity(identity)) => Query::Account(AccountQuery::Known(identity.clone())),
        };
        let found = self.desk.store().users(query).await.map_err(store)?.into_iter().next();
        found.ok_or_else(|| user.map_or_else(|| not_found("user"), no_user))
    }

    pub(super) async fn user_story(&self, user: Option<UserRef>) -> Result<UserStory, ApiError> {
        let record = self.named_user(user.as_ref()).await?;
        // Whether somebody is there is nobody's business who may not read them.
        let nobody = |_| user.as_ref().map_or_else(|| not_found("user"), no_user);
        self.check_on(Verb::ReadUser, self.relation_to_user(record.id)).map_err(nobody)?;
        self.story_of_user(record).await
    }

    pub(super) async fn story_of_user(&self, record: UserRecord) -> Result<UserStory, ApiError> {
        let identities = Query::Account(AccountQuery::Identities(record.id));
        let identities = self.desk.store().identities(identities).await.map_err(store)?;
        let events = self.desk.events(Subject::User(record.id), record.chain.revision).await?;
        let (usage, limits) = (self.usage_of(record.id).await?, self.limits_of(record.id));
        Ok(UserStory { head: self.user_head(record), identities, usage, limits, events })
    }

    /// A user as others see them: the role that is in force.
    pub(super) fn user_head(&self, record: UserRecord) -> UserHead {
        let role = self.desk.accounts.role(record.id);
        UserHead { id: record.id, name: record.name, account: Account { role, ..record.account } }
    }

    pub(super) async fn usage_of(&self, user: UserId) -> Result<Usage, ApiError> {
        Ok(Usage { agents: self.agents_of(user), ..self.jobs_of(user).await? })
    }

    /// What a user's jobs hold.
    pub(super) async fn jobs_of(&self, user: UserId) -> Result<Usage, ApiError> {
        self.desk.store().usage(Query::Account(AccountQuery::Usage(user))).await.map_err(store)
    }

    /// A user's agents that are not retired. Looks through all agents.
    pub(super) fn agents_of(&self, user: UserId) -> u64 {
        let market = self.desk.engine.market();
        let is_theirs =
            |listing: &&Listing| listing.record.owner == user && listing.record.state != AgentState::Retired;
        u64::try_from(market.all().filter(is_theirs).count()).unwrap_or(u64::MAX)
    }

    /// What is in force for a user; nothing limits who runs the marketplace.
    pub(super) fn limits_of(&self, user: UserId) -> Limits {
        let own = self.desk.accounts.of(user).limits;
        if self.desk.accounts.role(user) >= Role::Operator { own } else { own.or(self.desk.limits) }
    }

    pub(super) async fn list_users(&self, page: PageRequest) -> Result<Page<UserHead>, ApiError> {
        self.check(Verb::ListUsers)?;
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX);
        let query = AccountQuery::Users { after: UserId(page.after.unwrap_or(0)), limit };
        let rows = self.desk.store().users(Query::Account(query)).await.map_err(store)?;
        let full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|user| user.id.0);
        Ok(Page { rows: rows.into_iter().map(|record| self.user_head(record)).collect(), next })
    }

    pub(super) async fn add(&self, name: String) -> Result<UserStory, ApiError> {
        self.check(Verb::AddUser)?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if name.is_empty() || name.len() > IDENTITY_BYTES_MAX / 8 || !name.chars().all(is_name) {
            return Err(invalid("name", "a name is 1 to 64 letters, digits, dots, dashes or underscores"));
        }
        // The same name is the same user, so that asking again is harmless.
        let user = self.desk.user("name", &name, &name).await.map_err(store)?;
        self.story_of_user(self.named_user(Some(&UserRef::Number(user))).await?).await
    }

    pub(super) async fn user_ordered(
        &self,
        request: RequestId,
        user: UserRef,
        order: UserOrder,
        reason: Option<String>,
    ) -> Result<UserStory, ApiError> {
        let verb = match &order {
            UserOrder::Grant { .. } | UserOrder::Revoke { .. } => Verb::ChangeRoles,
            UserOrder::Suspend | UserOrder::Restore | UserOrder::Limit(_) => Verb::SuspendUser,
        };
        self.check_on(verb, Whose::Others)?;
        let record = self.named_user(Some(&user)).await?;
        self.check_on(verb, self.relation_to_user(record.id))?;
        self.check_rank(&record, &order)?;
        let content = serde_json::to_vec(&(record.id, &order, &reason)).map_err(|error| internal(&error))?;
        let request = self.request(request, "order-user", &content);
        let (id, suspends) = (record.id, order == UserOrder::Suspend);
        self.turn_account(request, record, |account, scribe| {
            let reason = reason.as_deref().map(|reason| scribe.text(reason));
            let what = match order {
                UserOrder::Grant { role, place: None } => {
                    account.role = role;
                    What::RoleGranted { role, place: None, reason }
                }
                UserOrder::Grant { role, place: Some(place) } => {
                    account.places.insert(place, role);
                    What::RoleGranted { role, place: Some(place), reason }
                }
                UserOrder::Revoke { place: None } => {
                    account.role = Role::default();
                    What::RoleRevoked { place: None, reason }
                }
                UserOrder::Revoke { place: Some(place) } => {
                    account.places.remove(&place);
                    What::RoleRevoked { place: Some(place), reason }
                }
                UserOrder::Suspend => {
                    account.suspended = true;
                    What::UserSuspended { reason }
                }
                UserOrder::Restore => {
                    account.suspended = false;
                    What::UserRestored { reason }
                }
                UserOrder::Limit(limits) => {
                    account.limits = limits;
                    What::UserLimited { limits, reason }
                }
            };
            scribe.event(what);
        })
        .await?;
        if suspends {
            self.pause_agents_of(id).await?;
        }
        self.story_of_user(self.named_user(Some(&UserRef::Number(id))).await?).await
    }

    /// Nobody decides about those of their own rank and above but an admin; and somebody always remains who is one.
    fn check_rank(&self, record: &UserRecord, order: &UserOrder) -> Result<(), ApiError> {
        let conflict = |message: &str| ApiError::new(ErrorKind::Conflict, message);
        let takes = match order {
            UserOrder::Grant { role, place: None } => *role < Role::Admin,
            UserOrder::Revoke { place: None } | UserOrder::Suspend => true,
            UserOrder::Grant { .. } | UserOrder::Revoke { .. } | UserOrder::Restore | UserOrder::Limit(_) => {
                false
            }
        };
        if let UserOrder::Grant { role: Role::Admin, place: Some(_) } = order {
            return Err(invalid("role", "nobody is an admin of a place: operator is the most"));
        }
        if takes && self.desk.accounts.is_born_admin(record.id) {
            return Err(conflict("whoever runs the daemon stays an admin: there must always be one")
                .hint("who that is stands in the configuration: the daemon's uid, root, admin_uids"));
        }
        if takes && record.id == self.who.user {
            return Err(conflict("nobody takes this from themselves: ask another admin"));
        }
        let theirs = self.desk.accounts.role(record.id);
        if self.powers().market < Role::Admin && theirs >= Role::Operator {
            return Err(ApiError::new(
                ErrorKind::Forbidden,
                format!("only an admin decides about an {theirs}"),
            ));
        }
        Ok(())
    }

    /// Writes a change of an account, and lets it count at once.
    async fn turn_account(
        &self,
        request: Request,
        record: UserRecord,
        change: impl FnOnce(&mut Account, &mut Scribe<'_>),
    ) -> Result<(), ApiError> {
        let now = Timestamp::now();
        let (user, mut account) = (record.id, record.account);
        let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
        change(&mut account, &mut scribe);
        let fence = UserFence { user, chain: record.chain };
        let command = AccountCommand::Turn { request, fence, account, entry: scribe.finish() };
        self.desk.store().apply(now, Command::Account(command)).await.map_err(store)?;
        self.desk.recall(user).await.map_err(store)
    }

    /// Their agents get no new jobs; what runs ends.
    async fn pause_agents_of(&self, user: UserId) -> Result<(), ApiError> {
        let (now, why) = (Timestamp::now(), PausedWhy::Operator);
        let agents: Vec<_> = {
            let market = self.desk.engine.market();
            let theirs = market.all().filter(|listing| listing.record.owner == user);
            theirs.map(|listing| listing.record.clone()).collect()
        };
        for record in agents {
            let state = record.state.after(AgentEvent::Paused(why)).filter(|state| *state != record.state);
            let Some(state) = state else { continue };
            let mut scribe = Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user));
            scribe.event(What::AgentPaused { why, until: None });
            let (health, pulses) = (record.health, record.pulses);
            let turn = AgentTurn { state, health, due_at: None, tries: 0, pulses };
            match self.desk.engine.turn_agent(&record, None, turn, scribe, now).await {
                // It changed just now; a suspension that is ordered again takes it, too.
                Ok(()) | Err(StoreError::Stale) => self.desk.engine.release(record.id).await,
                Err(error) => return Err(store(error)),
            }
        }
        Ok(())
    }

    pub(super) fn policy_now(&self) -> Policy {
        let policy = &self.desk.policy;
        let consented = self.desk.accounts.consented(self.who.user, &policy.version);
        Policy { version: policy.version.clone(), text: policy.text.clone(), consented }
    }

    pub(super) async fn consents(&self, request: RequestId, version: String) -> Result<Policy, ApiError> {
        self.check(Verb::Consent)?;
        if version != self.desk.policy.version {
            let message = format!("version {version} is not in force: {} is", self.desk.policy.version);
            return Err(ApiError::new(ErrorKind::Conflict, message)
                .in_field("version")
                .hint("read what is in force with `guildhall account privacy`"));
        }
        let record = self.named_user(None).await?;
        let request = self.request(request, "consent", version.as_bytes());
        self.turn_account(request, record, |account, scribe| {
            account.consent = Some(version.clone());
            scribe.event(What::Consented { version });
        })
        .await?;
        Ok(self.policy_now())
    }

    /// Whether this caller has been told who receives what they post. Whoever runs the daemon wrote it.
    pub(super) fn knows_policy(&self) -> bool {
        self.who.terms.born || self.desk.accounts.consented(self.who.user, &self.desk.policy.version)
    }
}

impl super::Desk {
    /// Reads an account anew into memory.
    pub(super) async fn recall(&self, user: UserId) -> Result<(), StoreError> {
        let record = self.store().user(user).await?;
        self.remember(&record);
        Ok(())
    }

    /// Keeps an account in memory; who is an operator is told what operators must know.
    pub(super) fn remember(&self, record: &UserRecord) {
        self.accounts.put(record.id, record.account.clone());
        if let Some(other) = record.account.merged_into {
            self.engine.parts().people.move_to(record.id, other);
            return;
        }
        let is_operator = self.accounts.role(record.id) >= Role::Operator;
        self.engine.parts().people.set_operator(record.id, is_operator);
    }

    /// Somebody is an admin as long as this daemon runs.
    pub(super) fn bear_admin(&self, user: UserId) {
        self.accounts.bear_admin(user);
        self.engine.parts().people.set_operator(user, true);
    }

    /// The place that a bridge names.
    pub(super) async fn place(&self, identity: &Identity, name: &str) -> Result<PlaceId, StoreError> {
        let command = PlaceCommand::See { identity: identity.clone(), name: name.to_owned() };
        let outcome = self.store().apply(Timestamp::now(), Command::Place(command)).await?;
        let Outcome::Place(place) = outcome else {
            return Err(StoreError::Unavailable("an outcome of another command".to_owned()));
        };
        Ok(place)
    }
}

fn no_user(user: &UserRef) -> ApiError {
    not_found(&format!("user {user}")).in_field("user")
}
