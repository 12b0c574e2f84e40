//! Calls about whose an agent is, and for whom it works.

use super::Caller;
use super::errors::{forbidden, internal, invalid, not_found, store};
use crate::config::Approval;
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{AgentFence, AgentRecord, AgentTurn, Command, Holding, Request, StoreError};
use guildhall_protocol::account::{Role, UserRef};
use guildhall_protocol::agent::{AgentEvent, AgentName, AgentState, Audience};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{RequestId, UserId};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, HoldOrder};

/// Most owners beside the first.
const CO_OWNERS_MAX: usize = 20;
/// Tries to write an order while its agent changes under it: a challenge is answered, a circuit opens, others decide.
const HOLD_TRIES: u32 = 8;

/// Why an order was not carried out.
enum Missed {
    /// The agent changed since it was read.
    Stale,
    /// It cannot be: so the caller is told.
    Told(ApiError),
}

impl From<ApiError> for Missed {
    fn from(error: ApiError) -> Self {
        Self::Told(error)
    }
}

impl From<StoreError> for Missed {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Stale { Self::Stale } else { Self::Told(store(error)) }
    }
}

impl Caller {
    pub(super) async fn held(
        &self,
        id: RequestId,
        name: AgentName,
        order: HoldOrder,
    ) -> Result<AgentHead, ApiError> {
        let now = Timestamp::now();
        let content = serde_json::to_vec(&(&name, &order)).map_err(|error| internal(&error))?;
        let request = self.request(id, "hold-agent", &content);
        if let Some(agent) = self.agent_receipt(&request).await? {
            return self.agent_head_of(agent, now);
        }
        for _ in 0..HOLD_TRIES {
            let record = self.offered_or_seen(&name, &order)?;
            if record.state == AgentState::Retired {
                return Err(conflict(format!("{name} is retired, and nobody's to give")));
            }
            let id = record.id;
            match self.hold_once(request.clone(), record, order.clone(), now).await {
                Ok(()) => return self.agent_head_of(id, now),
                // It went on meanwhile; the order is right all the same, or is told what it is not by now.
                Err(Missed::Stale) => self.desk.engine.refresh(id).await.map_err(store)?,
                Err(Missed::Told(error)) => return Err(error),
            }
        }
        Err(store(StoreError::Stale))
    }

    async fn hold_once(
        &self,
        request: Request,
        record: AgentRecord,
        order: HoldOrder,
        now: Timestamp,
    ) -> Result<(), Missed> {
        match order {
            HoldOrder::Publish { audience } => self.publish(request, record, audience, now).await,
            HoldOrder::Withdraw => self.withdraw(request, record, now).await,
            HoldOrder::Refuse { reason } => self.refuse(request, record, reason, now).await,
            HoldOrder::AddOwner { user } => self.add_owner(request, record, user, now).await,
            HoldOrder::RemoveOwner { user } => self.remove_owner(request, record, user, now).await,
            HoldOrder::Offer { to } => self.offer(request, record, to, now).await,
            HoldOrder::Take => self.take(request, record, now).await,
            HoldOrder::Vouch => self.vouch(request, record, now).await,
        }
    }

    /// The agent, if it exists for this caller; to whom it is offered, it does.
    fn offered_or_seen(&self, name: &AgentName, order: &HoldOrder) -> Result<AgentRecord, ApiError> {
        let market = self.desk.engine.market();
        let is_offered =
            |record: &AgentRecord| *order == HoldOrder::Take && record.offered_to == Some(self.who.user);
        let listing =
            market.named(name).filter(|listing| self.may_see(&listing.record) || is_offered(&listing.record));
        Ok(listing.ok_or_else(|| not_found(&format!("agent {name}")))?.record.clone())
    }

    /// Lets an agent work for others: at once, or once an operator approves. Its examples are tried before.
    async fn publish(
        &self,
        request: Request,
        record: AgentRecord,
        audience: Audience,
        now: Timestamp,
    ) -> Result<(), Missed> {
        self.check_agent(Verb::AskPublish, &record)?;
        let name = &record.name;
        if audience == Audience::Owner {
            return Err(invalid("audience", "it works for its owners then: withdraw it instead").into());
        }
        if record.audience == audience {
            return Err(conflict(format!("{name} works for {} already", audience.whom())).into());
        }
        let may_approve = self.check_agent(Verb::Publish, &record).is_ok();
        let is_theirs = record.is_owned_by(self.who.user);
        if !is_theirs && record.wanted != Some(audience) {
            return Err(conflict(format!("nobody asks for {name} to work for {}", audience.whom()))
                .hint(format!("its owner does, with `guildhall agent publish {name}`"))
                .into());
        }
        if !may_approve && record.wanted == Some(audience) {
            return Err(conflict(format!("{name} waits for an operator's approval already")).into());
        }
        self.try_all(&record).await?;
        let tried = record.version;
        let record = self.again(&record)?;
        if record.version != tried {
            return Err(conflict(format!("{name} changed while it was tried")).hint("try it again").into());
        }
        let at_once = may_approve || !self.desk.approval.is_needed(audience);
        let mut scribe = self.scribe(&record, now);
        let mut holding = record.holding();
        if at_once {
            (holding.audience, holding.wanted) = (audience, None);
            scribe.event(What::AgentPublished { audience });
            self.tell_owners(&record, &mut scribe, NoticeKind::AgentPublished);
        } else {
            holding.wanted = Some(audience);
            scribe.event(What::PublishingAsked { audience });
            self.tell_operators(&record, &mut scribe);
        }
        self.hold(request, &record, holding, scribe, now).await
    }

    /// The challenge and every example, at least one: who works for others shows that they can.
    async fn try_all(&self, record: &AgentRecord) -> Result<(), ApiError> {
        let report = self.test(record.name.clone()).await?;
        if let Some(failed) = report.steps.iter().find(|step| !step.passed) {
            let told = format!("{} did not pass: {}: {}", record.name, failed.name, failed.detail);
            return Err(conflict(told).hint(format!("`guildhall agent test {}` shows all", record.name)));
        }
        // The first is the challenge.
        if report.steps.len() < 2 {
            return Err(conflict(format!("{} has no example that shows what it can do", record.name))
                .in_field("examples")
                .hint("add one to its definition with `guildhall agent update`"));
        }
        Ok(())
    }

    /// It works for its owners only from now on; what runs ends.
    async fn withdraw(&self, request: Request, record: AgentRecord, now: Timestamp) -> Result<(), Missed> {
        self.check_agent(Verb::ChangeAgent, &record)?;
        if record.audience == Audience::Owner && record.wanted.is_none() {
            return Err(conflict(format!("{} works for its owners only already", record.name)).into());
        }
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::AgentWithdrawn);
        let holding = Holding { audience: Audience::Owner, wanted: None, ..record.holding() };
        self.hold(request, &record, holding, scribe, now).await
    }

    async fn refuse(
        &self,
        request: Request,
        record: AgentRecord,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<(), Missed> {
        self.check_agent(Verb::Publish, &record)?;
        let Some(audience) = record.wanted else {
            return Err(conflict(format!("{} does not wait for approval", record.name)).into());
        };
        let mut scribe = self.scribe(&record, now);
        let reason = reason.map(|reason| scribe.text(&reason));
        scribe.event(What::PublishingRefused { audience, reason });
        self.tell_owners(&record, &mut scribe, NoticeKind::PublishingRefused);
        let holding = Holding { wanted: None, ..record.holding() };
        self.hold(request, &record, holding, scribe, now).await
    }

    async fn add_owner(
        &self,
        request: Request,
        record: AgentRecord,
        user: UserRef,
        now: Timestamp,
    ) -> Result<(), Missed> {
        self.check_giver(&record)?;
        let user = self.receiver(&user).await?;
        if record.is_owned_by(user) {
            return Err(invalid("user", format!("{} is theirs already", record.name)).into());
        }
        if record.co_owners.len() >= CO_OWNERS_MAX {
            let told = format!("{} has {CO_OWNERS_MAX} owners beside the first, the most", record.name);
            return Err(ApiError::new(ErrorKind::Limited, told).into());
        }
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::OwnerAdded { user });
        let mut holding = record.holding();
        holding.co_owners.push(user);
        holding.co_owners.sort();
        self.hold(request, &record, holding, scribe, now).await
    }

    /// The owner removes one beside them; who is one may go.
    async fn remove_owner(
        &self,
        request: Request,
        record: AgentRecord,
        user: UserRef,
        now: Timestamp,
    ) -> Result<(), Missed> {
        // Who may not give it learns nothing of who is there.
        if !record.co_owners.contains(&self.who.user) {
            self.check_giver(&record)?;
        }
        let user = self.named_user(Some(&user)).await?.id;
        if user != self.who.user {
            self.check_giver(&record)?;
        }
        if !record.co_owners.contains(&user) {
            return Err(invalid("user", "they are no owner beside the first").into());
        }
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::OwnerRemoved { user });
        let mut holding = record.holding();
        holding.co_owners.retain(|owner| *owner != user);
        self.hold(request, &record, holding, scribe, now).await
    }

    async fn offer(
        &self,
        request: Request,
        record: AgentRecord,
        to: Option<UserRef>,
        now: Timestamp,
    ) -> Result<(), Missed> {
        self.check_giver(&record)?;
        let to = match to {
            Some(user) => Some(self.receiver(&user).await?),
            None => None,
        };
        if to == Some(record.owner) {
            return Err(invalid("to", format!("{} is theirs already", record.name)).into());
        }
        if to == record.offered_to {
            return Err(conflict(format!("{} is offered so already", record.name)).into());
        }
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::AgentOffered { to });
        if let Some(user) = to {
            let people = &self.desk.engine.parts().people;
            scribe.notify(people, Notice::of_agent(user, NoticeKind::AgentOffered, record.id));
        }
        let holding = Holding { offered_to: to, ..record.holding() };
        self.hold(request, &record, holding, scribe, now).await
    }

    /// Whoever it was offered to has it from now on. Whoever had it before keeps nothing but what they know: its secrets are
    /// for the new owner to replace.
    async fn take(&self, request: Request, record: AgentRecord, now: Timestamp) -> Result<(), Missed> {
        self.check(Verb::Register)?;
        let user = self.who.user;
        if record.offered_to != Some(user) {
            return Err(forbidden(format!("{} is not offered to you", record.name)).into());
        }
        self.check_registration()?;
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::AgentTaken { from: record.owner, to: user });
        self.tell_owners(&record, &mut scribe, NoticeKind::AgentTaken);
        for owner in record.co_owners.iter().filter(|owner| **owner != user) {
            scribe.event(What::OwnerRemoved { user: *owner });
        }
        let holding = Holding { owner: user, co_owners: Vec::new(), offered_to: None, ..record.holding() };
        self.hold(request, &record, holding, scribe, now).await
    }

    /// An operator answers for an endpoint that cannot echo a challenge.
    async fn vouch(&self, request: Request, record: AgentRecord, now: Timestamp) -> Result<(), Missed> {
        self.check_agent(Verb::GrantAddress, &record)?;
        let proved = record.state.after(AgentEvent::Proved).filter(|_| record.state == AgentState::Pending);
        let state = proved.ok_or_else(|| {
            conflict(format!("{} is {}: it waits for no challenge", record.name, record.state))
        })?;
        let mut scribe = self.scribe(&record, now);
        scribe.event(What::AgentVouchedFor { version: record.version });
        let turn = AgentTurn { state, health: record.health, due_at: None, tries: 0, pulses: record.pulses };
        self.desk.engine.turn_agent(&record, Some(request), turn, scribe, now).await?;
        self.desk.engine.agent_changed();
        Ok(())
    }

    async fn hold(
        &self,
        request: Request,
        record: &AgentRecord,
        holding: Holding,
        scribe: Scribe<'_>,
        now: Timestamp,
    ) -> Result<(), Missed> {
        let fence = AgentFence { agent: record.id, revision: record.chain.revision };
        let command = Command::Hold { fence, request, holding, entry: scribe.finish() };
        self.desk.store().apply(now, command).await?;
        self.desk.engine.refresh(record.id).await?;
        self.desk.engine.agent_changed();
        Ok(())
    }

    pub(super) fn scribe(&self, record: &AgentRecord, now: Timestamp) -> Scribe<'_> {
        Scribe::new(self.desk.maker(), now, record.chain, Actor::User(self.who.user))
    }

    /// The agent as it is by now: trying it takes a while.
    fn again(&self, record: &AgentRecord) -> Result<AgentRecord, ApiError> {
        let market = self.desk.engine.market();
        let listing = market.get(record.id).ok_or_else(|| not_found("agent"))?;
        Ok(listing.record.clone())
    }

    /// Only whose it is first gives it, or operators.
    fn check_giver(&self, record: &AgentRecord) -> Result<(), ApiError> {
        self.check_agent(Verb::GiveAgent, record)?;
        if record.owner == self.who.user || self.is_operator() {
            return Ok(());
        }
        Err(forbidden(format!("only the first owner of {} gives it to others", record.name)))
    }

    /// Somebody who may have agents.
    async fn receiver(&self, user: &UserRef) -> Result<UserId, ApiError> {
        let record = self.named_user(Some(user)).await?;
        let account = self.desk.accounts.of(record.id);
        if account.merged_into.is_some() {
            return Err(invalid("user", "this account is part of another one by now"));
        }
        if account.suspended || self.desk.accounts.role(record.id) < Role::Owner {
            return Err(invalid("user", "they may have no agents"));
        }
        Ok(record.id)
    }

    fn tell_owners(&self, record: &AgentRecord, scribe: &mut Scribe<'_>, kind: NoticeKind) {
        for owner in record.owners().filter(|owner| *owner != self.who.user) {
            scribe.notify(&self.desk.engine.parts().people, Notice::of_agent(owner, kind, record.id));
        }
    }

    fn tell_operators(&self, record: &AgentRecord, scribe: &mut Scribe<'_>) {
        let people = &self.desk.engine.parts().people;
        for operator in people.operators() {
            scribe.notify(people, Notice::of_agent(operator, NoticeKind::ApprovalWanted, record.id));
        }
    }
}

impl Approval {
    /// Whether an operator must approve before an agent works for these.
    pub(super) fn is_needed(self, audience: Audience) -> bool {
        match audience {
            Audience::Owner => false,
            Audience::Place => self == Self::All,
            Audience::Public => self != Self::None,
        }
    }
}

fn conflict(message: String) -> ApiError {
    ApiError::new(ErrorKind::Conflict, message)
}
