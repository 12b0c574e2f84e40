//! Accounts in memory: what every call asks, without asking the store.
//!
//! The store is the truth; this is written after it, by whoever changed it.

use guildhall_protocol::account::{Account, Identity, Role};
use guildhall_protocol::ids::{PlaceId, TokenId, UserId};
use guildhall_protocol::matrix::Powers;
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everybody of whom something was said, and the tokens that are over.
#[derive(Default)]
pub struct Accounts(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    accounts: BTreeMap<UserId, Account>,
    /// Admins whom nobody made: whoever runs the daemon, root, and those in the configuration.
    born: BTreeSet<UserId>,
    revoked: BTreeSet<TokenId>,
    /// How somebody was known until they removed it.
    removed: BTreeSet<(UserId, Identity)>,
    /// Posts per user in the newest minute.
    posts: (i64, BTreeMap<UserId, u64>),
}

/// Under what a caller stands, beside their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The most that what they came with allows.
    pub ceiling: Role,
    /// Where they act.
    pub place: PlaceId,
    /// What a bridge says that they are there.
    pub claimed: Role,
    /// Whether a bridge says that they may change the settings of where they act.
    pub manages: bool,
    /// Whether a bridge acts for them.
    pub bridged: bool,
    /// Whether they came as a user of the machine who is an admin by that.
    pub born: bool,
}

impl Terms {
    /// Of somebody at this machine, or from nowhere in particular.
    pub fn up_to(ceiling: Role) -> Self {
        Self {
            ceiling,
            place: PlaceId::LOCAL,
            claimed: Role::Client,
            manages: false,
            bridged: false,
            born: false,
        }
    }
}

impl Accounts {
    /// What is kept of a user from now on.
    pub fn put(&self, user: UserId, account: Account) {
        self.lock().accounts.insert(user, account);
    }

    /// What is kept of a user.
    pub fn of(&self, user: UserId) -> Account {
        self.lock().accounts.get(&user).cloned().unwrap_or_default()
    }

    /// Somebody is an admin as long as this daemon runs, whatever is kept of them.
    pub fn bear_admin(&self, user: UserId) {
        self.lock().born.insert(user);
    }

    /// Whether somebody is an admin whom nobody made.
    pub fn is_born_admin(&self, user: UserId) -> bool {
        self.lock().born.contains(&user)
    }

    /// The role of somebody in the whole marketplace.
    pub fn role(&self, user: UserId) -> Role {
        self.lock().role(user)
    }

    /// Whether somebody consented to this version of the privacy policy.
    pub fn consented(&self, user: UserId, version: &str) -> bool {
        self.lock().accounts.get(&user).is_some_and(|account| account.consent.as_deref() == Some(version))
    }

    /// What somebody has to show in a place.
    pub fn powers(&self, user: UserId, terms: &Terms, place: PlaceId) -> Powers {
        let ledger = self.lock();
        let account = ledger.accounts.get(&user);
        // Who is known in other ways, too, is an admin only where they came as that user of the machine.
        let own = account.map(|account| account.role).unwrap_or_default();
        let market = if terms.born { Role::Admin } else { own }.min(terms.ceiling);
        let granted = account.and_then(|account| account.places.get(&place)).copied();
        let claimed = (terms.bridged && place == terms.place).then_some(terms.claimed.min(Role::Operator));
        let here = granted.into_iter().chain(claimed).max().map_or(market, |role| role.min(terms.ceiling));
        Powers {
            market,
            place: here.max(market),
            suspended: account.is_some_and(|account| account.suspended) && !terms.born,
            bridged: terms.bridged,
        }
    }

    /// Somebody is no longer known so.
    pub fn remove_identity(&self, user: UserId, identity: Identity) {
        self.lock().removed.insert((user, identity));
    }

    /// Somebody is known so again.
    pub fn restore_identities(&self, user: UserId, identities: &[Identity]) {
        let mut ledger = self.lock();
        for identity in identities {
            ledger.removed.remove(&(user, identity.clone()));
        }
    }

    /// Why somebody who came as this user, by this identity, is this user no longer.
    pub fn is_left(&self, user: UserId, identity: Option<&Identity>) -> bool {
        let ledger = self.lock();
        let merged = ledger.accounts.get(&user).is_some_and(|account| account.merged_into.is_some());
        merged || identity.is_some_and(|identity| ledger.removed.contains(&(user, identity.clone())))
    }

    /// A token is over.
    pub fn revoke(&self, token: TokenId) {
        self.lock().revoked.insert(token);
    }

    /// Whether a token was revoked since the daemon started.
    pub fn is_revoked(&self, token: TokenId) -> bool {
        self.lock().revoked.contains(&token)
    }

    /// Counts a post of a user in this minute, if that is not one too many.
    ///
    /// # Errors
    /// Seconds until the next minute.
    pub fn count_post(&self, user: UserId, most: u64, now: Timestamp) -> Result<(), i64> {
        let mut ledger = self.lock();
        let minute = now.0.div_euclid(60_000);
        if ledger.posts.0 != minute {
            ledger.posts = (minute, BTreeMap::new());
        }
        let count = ledger.posts.1.entry(user).or_default();
        if *count >= most {
            return Err(((minute + 1) * 60_000 - now.0 + 999) / 1_000);
        }
        *count += 1;
        Ok(())
    }

    /// What a user posted in this minute.
    pub fn posts_of(&self, user: UserId, now: Timestamp) -> u64 {
        let ledger = self.lock();
        let (minute, posts) = &ledger.posts;
        let is_now = *minute == now.0.div_euclid(60_000);
        posts.get(&user).copied().filter(|_| is_now).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn role(&self, user: UserId) -> Role {
        if self.born.contains(&user) {
            return Role::Admin;
        }
        self.accounts.get(&user).map(|account| account.role).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(7);
    const GUILD: PlaceId = PlaceId(2);

    fn terms(ceiling: Role) -> Terms {
        Terms { ceiling, place: GUILD, claimed: Role::Admin, manages: false, bridged: true, born: false }
    }

    #[test]
    fn a_ceiling_holds_for_every_role() {
        let accounts = Accounts::default();
        accounts.put(ADA, Account { role: Role::Admin, ..Account::default() });
        let powers = accounts.powers(ADA, &terms(Role::Owner), GUILD);
        assert_eq!((powers.market, powers.place), (Role::Owner, Role::Owner));
        let powers = accounts.powers(ADA, &terms(Role::Client), PlaceId::LOCAL);
        assert_eq!((powers.market, powers.place), (Role::Client, Role::Client));
    }

    #[test]
    fn what_a_bridge_claims_holds_in_its_place_and_never_for_the_market() {
        let accounts = Accounts::default();
        let powers = accounts.powers(ADA, &terms(Role::Operator), GUILD);
        assert_eq!((powers.market, powers.place), (Role::Owner, Role::Operator));
        let powers = accounts.powers(ADA, &terms(Role::Operator), PlaceId(3));
        assert_eq!((powers.market, powers.place), (Role::Owner, Role::Owner));
    }

    #[test]
    fn nobody_suspends_whoever_runs_the_daemon() {
        let accounts = Accounts::default();
        accounts.put(ADA, Account { suspended: true, role: Role::Client, ..Account::default() });
        assert!(accounts.powers(ADA, &terms(Role::Admin), GUILD).suspended);
        accounts.bear_admin(ADA);
        assert!(accounts.powers(ADA, &terms(Role::Admin), GUILD).suspended, "they came otherwise");
        let here = Terms { born: true, bridged: false, ..terms(Role::Admin) };
        let powers = accounts.powers(ADA, &here, GUILD);
        assert!(!powers.suspended && powers.market == Role::Admin);
    }

    #[test]
    fn posts_are_counted_by_the_minute() {
        let accounts = Accounts::default();
        assert_eq!(accounts.count_post(ADA, 1, Timestamp(1_500)), Ok(()));
        assert_eq!(accounts.count_post(ADA, 1, Timestamp(1_500)), Err(59));
        assert_eq!(accounts.posts_of(ADA, Timestamp(59_999)), 1);
        assert_eq!(accounts.posts_of(ADA, Timestamp(60_000)), 0);
        assert_eq!(accounts.count_post(ADA, 1, Timestamp(60_000)), Ok(()));
    }
}
