//! Random commands about users, tokens and shared jobs, right ones and wrong ones.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::{AccountCommand, AccountQuery, Command, Query, Request, UserFence};
use guildhall_protocol::account::{Account, Identity, Limits, ROLES, TokenKind, TokenScope, TokenView};
use guildhall_protocol::ids::{JobId, PlaceId, TokenId, UserId};
use rand::{Rng, RngExt};

/// Tokens that may be in the store; each number is also its hash.
const TOKENS: i64 = 40;

fn hash(token: i64) -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&token.to_be_bytes());
    hash
}

impl Author {
    pub(crate) fn account(&mut self, seen: &Seen) -> Command {
        let user = self.pick(&seen.users.iter().collect::<Vec<_>>());
        let mut fence = UserFence { user: user.id, chain: user.chain };
        let entry = self.entry(user.chain);
        if self.one_in(6) {
            fence.chain.revision += 1;
        }
        let request = Request { user: user.id, ..self.request() };
        Command::Account(match self.random.random_range(0..10) {
            0..3 => AccountCommand::Turn { request, fence, account: self.some_account(), entry },
            3 | 4 => {
                self.tokens += 1;
                let token = self.token(self.tokens, fence.user);
                AccountCommand::MakeToken { request, fence, token, hash: hash(self.tokens), entry }
            }
            5 => {
                let token = TokenId(self.random.random_range(1..=TOKENS));
                AccountCommand::RevokeToken { request, fence, token, entry }
            }
            7 if seen.users.len() > 1 => {
                let other =
                    self.pick(&seen.users.iter().filter(|other| other.id != user.id).collect::<Vec<_>>());
                let gone = UserFence { user: other.id, chain: other.chain };
                let (account, gone_entry) = (self.some_account(), self.entry(other.chain));
                AccountCommand::Merge { request, kept: fence, entry, gone, account, gone_entry }
            }
            8 => {
                let (kind, id) = if self.one_in(4) { ("discord", "1") } else { ("uid", "1") };
                let identity = Identity { kind: kind.to_owned(), id: id.to_owned() };
                AccountCommand::RemoveIdentity { request, fence, identity, entry }
            }
            6 => AccountCommand::UseToken { token: TokenId(self.random.random_range(1..=TOKENS)) },
            _ if seen.jobs.is_empty() => AccountCommand::UseToken { token: TokenId(1) },
            _ => {
                let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
                let (fence, entry) = (self.fence(job), self.entry(job.chain));
                let user = self.pick(&seen.users.iter().collect::<Vec<_>>()).id;
                AccountCommand::Share { request, fence, user, shared: !self.one_in(3), entry }
            }
        })
    }

    fn some_account(&mut self) -> Account {
        let place = PlaceId(self.random.random_range(1..4));
        let limit = self.one_in(2).then(|| u64::from(self.random.next_u32()));
        Account {
            role: self.pick(&ROLES),
            places: self.one_in(2).then(|| (place, self.pick(&ROLES))).into_iter().collect(),
            suspended: self.one_in(3),
            limits: Limits { open_jobs: limit, ..Limits::default() },
            consent: self.one_in(2).then(|| "0123456789ab".to_owned()),
            merged_into: self.one_in(3).then_some(UserId(1)),
        }
    }

    fn token(&mut self, number: i64, user: UserId) -> TokenView {
        let kind = self.pick(&[TokenKind::Api, TokenKind::Bridge]);
        TokenView {
            id: TokenId(number),
            user,
            name: format!("token {number}"),
            scope: TokenScope { kind, up_to: self.pick(&ROLES), read_only: self.one_in(2), places: vec![] },
            last4: "abcd".to_owned(),
            made_at: self.time(),
            expires_at: self.time(),
            revoked_at: None,
            used_at: None,
        }
    }
}

/// Queries that show all that these commands change.
pub(crate) fn queries(seen: &Seen) -> Vec<Query> {
    let mut queries = vec![
        AccountQuery::Users { after: UserId(0), limit: 100 },
        AccountQuery::Users { after: UserId(1), limit: 1 },
        AccountQuery::Known(Identity { kind: "uid".to_owned(), id: "1".to_owned() }),
        AccountQuery::Known(Identity { kind: "discord".to_owned(), id: "nobody".to_owned() }),
        AccountQuery::KnownBy("uid".to_owned()),
        AccountQuery::KnownBy("discord".to_owned()),
        AccountQuery::Tokens { user: None, limit: 1_000 },
        AccountQuery::Tokens { user: Some(UserId(1)), limit: 2 },
        AccountQuery::TokenOf(hash(3)),
        AccountQuery::Token(TokenId(2)),
    ];
    for user in &seen.users {
        queries.push(AccountQuery::Identities(user.id));
        queries.push(AccountQuery::Usage(user.id));
    }
    queries.extend(
        (1..=seen.jobs.len()).filter_map(|job| Some(AccountQuery::Shares(JobId(i64::try_from(job).ok()?)))),
    );
    queries.into_iter().map(Query::Account).collect()
}
