//! Users, tokens and shared jobs.

use super::State;
use super::write::head;
use guildhall_daemon::store::{
    AccountCommand, AccountQuery, Answer, Outcome, Receipt, Request, StoreError, UserFence,
};
use guildhall_protocol::account::{Identity, TokenView, Usage};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{JobId, TokenId, UserId};
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(Default)]
pub(super) struct Accounts {
    tokens: BTreeMap<TokenId, (TokenView, [u8; 32])>,
    shares: BTreeSet<(JobId, UserId)>,
    pub(super) stored: BTreeMap<UserId, u64>,
}

impl Accounts {
    /// Largest id of a token.
    pub(super) fn id_max(&self) -> i64 {
        self.tokens.keys().next_back().map_or(0, |token| token.0)
    }
}

impl State {
    pub(super) fn apply_account(&mut self, now: Timestamp, command: AccountCommand) -> Result<Outcome> {
        match command {
            AccountCommand::Turn { request, fence, account, entry } => {
                self.on_user(now, &request, fence, &entry, |state| {
                    state.users.get_mut(&fence.user).ok_or(StoreError::Stale)?.account = account;
                    Ok(())
                })
            }
            AccountCommand::MakeToken { request, fence, token, hash, entry } => {
                self.on_user(now, &request, fence, &entry, |state| {
                    state.accounts.tokens.insert(token.id, (TokenView { user: fence.user, ..token }, hash));
                    Ok(())
                })
            }
            AccountCommand::RevokeToken { request, fence, token, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                let known = self.accounts.tokens.get(&token).map(|(view, _)| view);
                let live = known.filter(|view| view.user == fence.user && view.revoked_at.is_none());
                live.ok_or(StoreError::NotFound)?;
                self.on_user(now, &request, fence, &entry, |state| {
                    if let Some((view, _)) = state.accounts.tokens.get_mut(&token) {
                        view.revoked_at = Some(now);
                    }
                    Ok(())
                })
            }
            AccountCommand::Merge { request, kept, entry, gone, account, gone_entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                let is_current = |fence: &UserFence| {
                    let user = self.users.get(&fence.user);
                    user.is_some_and(|user| user.chain.revision == fence.chain.revision)
                };
                if !is_current(&kept) || !is_current(&gone) {
                    return Err(StoreError::Stale);
                }
                let done = self.on_user(now, &request, kept, &entry, |_| Ok(()))?;
                let left = self.users.get_mut(&gone.user).ok_or(StoreError::Stale)?;
                left.chain = head(&gone_entry, gone.chain);
                left.account = account;
                self.record(now, Subject::User(gone.user), &gone_entry);
                self.move_user(kept.user, gone.user);
                Ok(done)
            }
            AccountCommand::RemoveIdentity { request, fence, identity, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                let key = (identity.kind, identity.id);
                let others = self.identities.iter().filter(|(_, user)| **user == fence.user).count();
                if self.identities.get(&key) != Some(&fence.user) || others < 2 {
                    return Err(StoreError::NotFound);
                }
                self.on_user(now, &request, fence, &entry, |state| {
                    state.identities.remove(&key);
                    Ok(())
                })
            }
            AccountCommand::UseToken { token } => {
                if let Some((view, _)) = self.accounts.tokens.get_mut(&token) {
                    view.used_at = view.used_at.max(Some(now));
                }
                Ok(Outcome::Done)
            }
            AccountCommand::Share { request, fence, user, shared, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                let job = self.current(fence)?;
                job.chain = head(&entry, job.chain);
                if shared {
                    self.accounts.shares.insert((fence.job, user));
                } else {
                    self.accounts.shares.remove(&(fence.job, user));
                }
                self.record(now, Subject::Job(fence.job), &entry);
                self.keep(now, Some(&request), Receipt::Job(fence.job));
                Ok(Outcome::Done)
            }
        }
    }

    /// Everything of one user becomes another's.
    fn move_user(&mut self, to: UserId, from: UserId) {
        let theirs = |user: &mut UserId| {
            if *user == from {
                *user = to;
            }
        };
        self.identities.values_mut().for_each(theirs);
        self.jobs.values_mut().for_each(|job| theirs(&mut job.client));
        for agent in self.agents.values_mut() {
            theirs(&mut agent.owner);
            agent.offered_to.iter_mut().for_each(theirs);
            agent.co_owners.iter_mut().for_each(theirs);
            agent.co_owners.sort();
            agent.co_owners.dedup();
            if agent.owner == to {
                agent.co_owners.retain(|user| *user != to);
                agent.offered_to = agent.offered_to.filter(|user| *user != to);
            }
        }
        self.notifications.values_mut().for_each(|notified| theirs(&mut notified.row.user));
        self.appeals.values_mut().for_each(|appeal| theirs(&mut appeal.user));
        self.accounts.tokens.values_mut().for_each(|(token, _)| theirs(&mut token.user));
        let shares = std::mem::take(&mut self.accounts.shares).into_iter();
        self.accounts.shares =
            shares.map(|(job, user)| (job, if user == from { to } else { user })).collect();
        let requests: Vec<_> = self.requests.keys().filter(|(user, _)| *user == from).cloned().collect();
        for key in requests {
            if let Some(kept) = self.requests.remove(&key) {
                self.requests.entry((to, key.1)).or_insert(kept);
            }
        }
        let days: Vec<_> = self.days.keys().filter(|(_, _, client)| *client == from).copied().collect();
        for key in days {
            if let Some(jobs) = self.days.remove(&key) {
                *self.days.entry((key.0, key.1, to)).or_default() += jobs;
            }
        }
        let tags: Vec<_> = self.client_tags.keys().filter(|(_, client)| *client == from).copied().collect();
        for key in tags {
            if let Some(tag) = self.client_tags.remove(&key) {
                let kept = self.client_tags.entry((key.0, to)).or_insert(tag);
                *kept = tag.max(*kept);
            }
        }
        self.llm.move_user(to, from);
        self.front_ends.move_user(to, from);
        if let Some(stored) = self.accounts.stored.remove(&from) {
            *self.accounts.stored.entry(to).or_default() += stored;
        }
        self.people.remove(&from);
    }

    fn on_user(
        &mut self,
        now: Timestamp,
        request: &Request,
        fence: UserFence,
        entry: &guildhall_daemon::store::Entry,
        change: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Outcome> {
        if let Some(outcome) = self.repeated(request)? {
            return Ok(outcome);
        }
        let known = self.users.get_mut(&fence.user);
        let known = known.filter(|known| known.chain.revision == fence.chain.revision);
        known.ok_or(StoreError::Stale)?.chain = head(entry, fence.chain);
        change(self)?;
        self.record(now, Subject::User(fence.user), entry);
        self.keep(now, Some(request), Receipt::Done);
        Ok(Outcome::Done)
    }

    pub(super) fn answer_account(&self, query: AccountQuery) -> Answer {
        let tokens = |wanted: &dyn Fn(&TokenView, &[u8; 32]) -> bool, limit: u32| {
            let newest = self.accounts.tokens.values().rev().filter(|(view, hash)| wanted(view, hash));
            Answer::Tokens(newest.take(limit as usize).map(|(view, _)| view.clone()).collect())
        };
        match query {
            AccountQuery::Users { after, limit } => {
                let users = self.users.values().filter(|user| user.id > after);
                Answer::Users(users.take(limit as usize).cloned().collect())
            }
            AccountQuery::Known(Identity { kind, id }) => {
                let user = self.identities.get(&(kind, id)).and_then(|user| self.users.get(user));
                Answer::Users(user.cloned().into_iter().collect())
            }
            AccountQuery::KnownBy(wanted) => {
                let known = self.identities.iter().filter(|((kind, _), _)| *kind == wanted);
                let users: BTreeSet<UserId> = known.map(|(_, user)| *user).collect();
                Answer::UserIds(users.into_iter().collect())
            }
            AccountQuery::Identities(user) => {
                let known = self.identities.iter().filter(|(_, known)| **known == user);
                let known = known.map(|((kind, id), _)| Identity { kind: kind.clone(), id: id.clone() });
                Answer::Identities(known.collect())
            }
            AccountQuery::TokenOf(wanted) => tokens(&|_, hash| *hash == wanted, 1),
            AccountQuery::Token(id) => tokens(&|view, _| view.id == id, 1),
            AccountQuery::Tokens { user, limit } => {
                tokens(&|view, _| user.is_none_or(|user| view.user == user), limit)
            }
            AccountQuery::Shares(job) => {
                let shares = self.accounts.shares.iter().filter(|(shared, _)| *shared == job);
                Answer::UserIds(shares.map(|(_, user)| *user).collect())
            }
            AccountQuery::Usage(user) => {
                let open =
                    self.jobs.values().filter(|job| job.client == user && job.due_at.is_some()).count();
                let stored_bytes = self.accounts.stored.get(&user).copied().unwrap_or(0);
                let open_jobs = u64::try_from(open).unwrap_or(u64::MAX);
                Answer::Usage(Usage { open_jobs, stored_bytes, agents: 0 })
            }
        }
    }
}
