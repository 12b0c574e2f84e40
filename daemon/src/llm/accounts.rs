//! The ledger of one UTC day: what models cost in all, each place and each user, and when that is too much.
//!
//! Pure: the time comes from the caller. A call's worst cost is set aside before it is made and settled after it, so that
//! calls in flight together cannot overshoot a budget by more than what an estimate was wrong by. A call that ends after
//! midnight belongs to the day on which it ended. Yesterday is forgotten: only the store remembers it.

use guildhall_protocol::ids::{PlaceId, UserId};
use guildhall_protocol::model::{BudgetScope, Budgets, Micros, Payer};
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A UTC day in ms.
const DAY_MS: i64 = 86_400_000;
/// Shares of a budget whose crossing is told, percent.
const TOLD_PERCENT: [u8; 2] = [80, 100];

/// What was spent today before the daemon started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose money; none: the daemon's own, such as embedding agents.
    pub payer: Option<Payer>,
    /// How much.
    pub cost: Micros,
    /// Tokens read and written.
    pub tokens: u64,
}

/// An account that a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetAccount {
    /// Everything.
    Day,
    /// A place.
    Place(PlaceId),
    /// A user.
    User(UserId),
}

impl BudgetAccount {
    /// Which budget limits it.
    pub fn scope(self) -> BudgetScope {
        match self {
            Self::Day => BudgetScope::Day,
            Self::Place(_) => BudgetScope::Place,
            Self::User(_) => BudgetScope::User,
        }
    }
}

/// An account used most of its budget, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Which account.
    pub account: BudgetAccount,
    /// What it reached: 80 or 100. A call that was refused for want of budget counts as 100.
    pub percent: u8,
    /// Spent today.
    pub spent: Micros,
    /// The budget.
    pub limit: Micros,
}

/// What stands in the way of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A budget.
    Budget(BudgetScope),
    /// The day's tokens.
    DayTokens,
}

impl fmt::Display for Limit {
    /// To be read after `the budget is spent:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(BudgetScope::Day) => f.write_str("that of the day"),
            Self::Budget(BudgetScope::Place) => f.write_str("that of the place for today"),
            Self::Budget(BudgetScope::User) => f.write_str("that of the user for today"),
            Self::DayTokens => f.write_str("the tokens of a day"),
        }
    }
}

/// Money and tokens set aside for one call. Must be settled exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what is set aside stays so until it is settled"]
pub struct Reservation {
    payer: Option<Payer>,
    cost: Micros,
    tokens: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    spent: Micros,
    set_aside: Micros,
}

impl Account {
    fn is_empty(self) -> bool {
        self.spent.0 == 0 && self.set_aside.0 == 0
    }
}

/// The ledger. Its size is bounded by the payers of one day.
#[derive(Debug)]
pub struct Accounts {
    budgets: Budgets,
    day_tokens_max: Option<u64>,
    /// Days since the epoch.
    day: i64,
    sums_of: BTreeMap<BudgetAccount, Account>,
    tokens: u64,
    tokens_set_aside: u64,
    /// What was told today already.
    told: BTreeSet<(BudgetAccount, u8)>,
    crossings: Vec<Crossing>,
}

impl Accounts {
    /// An empty ledger of the day of `now`.
    pub fn new(budgets: Budgets, day_tokens_max: Option<u64>, now: Timestamp) -> Self {
        Self {
            budgets,
            day_tokens_max,
            day: day_of(now),
            sums_of: BTreeMap::new(),
            tokens: 0,
            tokens_set_aside: 0,
            told: BTreeSet::new(),
            crossings: Vec::new(),
        }
    }

    /// Adds what was spent today before. What that crossed was told then, so it is not told again.
    pub fn load(&mut self, spent: &[Spent]) {
        for part in spent {
            self.tokens = self.tokens.saturating_add(part.tokens);
            for account in accounts_of(part.payer) {
                self.change(account, |sums| sums.spent = sums.spent.plus(part.cost));
            }
        }
        let accounts: Vec<BudgetAccount> = self.sums_of.keys().copied().collect();
        for account in accounts {
            self.note_crossings(account);
        }
        self.crossings.clear();
    }

    /// Begins a new day if it has come. A clock that goes back stays on the later day. What is set aside stays so.
    pub fn roll(&mut self, now: Timestamp) {
        let day = day_of(now);
        if day <= self.day {
            return;
        }
        self.day = day;
        self.tokens = 0;
        self.told.clear();
        self.sums_of.retain(|_, account| {
            account.spent = Micros(0);
            !account.is_empty()
        });
    }

    /// Whether a call that costs next to nothing would be allowed.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn look(&mut self, payer: Option<Payer>, now: Timestamp) -> Result<(), Limit> {
        self.roll(now);
        self.fits(payer, Micros(0), 0).map_err(|(limit, _)| limit)
    }

    /// Sets aside what a call may cost at most. Where the budget is spent, or zero, even a call that costs nothing is
    /// refused.
    ///
    /// # Errors
    /// What stands in the way; nothing was set aside.
    pub fn reserve(
        &mut self,
        payer: Option<Payer>,
        cost: Micros,
        tokens: u64,
        now: Timestamp,
    ) -> Result<Reservation, Limit> {
        self.roll(now);
        if let Err((limit, account)) = self.fits(payer, cost, tokens) {
            if let Some(account) = account {
                self.note(account, 100);
            }
            return Err(limit);
        }
        self.tokens_set_aside = self.tokens_set_aside.saturating_add(tokens);
        for account in accounts_of(payer) {
            self.change(account, |sums| sums.set_aside = sums.set_aside.plus(cost));
        }
        Ok(Reservation { payer, cost, tokens })
    }

    /// Gives back what was set aside and writes down what the call did cost.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a reservation that was settled must not be settled again"
    )]
    pub fn settle(&mut self, reservation: Reservation, cost: Micros, tokens: u64, now: Timestamp) {
        self.roll(now);
        self.tokens_set_aside = self.tokens_set_aside.saturating_sub(reservation.tokens);
        self.tokens = self.tokens.saturating_add(tokens);
        for account in accounts_of(reservation.payer) {
            self.change(account, |sums| {
                sums.set_aside = Micros(sums.set_aside.0.saturating_sub(reservation.cost.0));
                sums.spent = sums.spent.plus(cost);
            });
            self.note_crossings(account);
        }
    }

    /// Puts other budgets in force. What a changed budget's accounts have reached is told anew.
    pub fn set_budgets(&mut self, budgets: Budgets) {
        let before = std::mem::replace(&mut self.budgets, budgets);
        self.told.retain(|(account, _)| before.of(account.scope()) == budgets.of(account.scope()));
    }

    /// What was crossed since this was last called.
    pub fn take_crossings(&mut self) -> Vec<Crossing> {
        std::mem::take(&mut self.crossings)
    }

    /// Budgets in force.
    pub fn budgets(&self) -> Budgets {
        self.budgets
    }

    /// Spent today in all.
    pub fn spent(&self) -> Micros {
        self.sums(BudgetAccount::Day).spent
    }

    /// Set aside for calls in flight.
    pub fn set_aside(&self) -> Micros {
        self.sums(BudgetAccount::Day).set_aside
    }

    /// Tokens used today.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Places that spent most today, most first.
    pub fn top_places(&self, places_max: usize) -> Vec<(PlaceId, Micros)> {
        let place = |account: &BudgetAccount| match account {
            BudgetAccount::Place(place) => Some(*place),
            BudgetAccount::Day | BudgetAccount::User(_) => None,
        };
        self.top(place, places_max)
    }

    /// Users who spent most today, most first.
    pub fn top_users(&self, users_max: usize) -> Vec<(UserId, Micros)> {
        let user = |account: &BudgetAccount| match account {
            BudgetAccount::User(user) => Some(*user),
            BudgetAccount::Day | BudgetAccount::Place(_) => None,
        };
        self.top(user, users_max)
    }

    fn top<Id: Ord + Copy>(
        &self,
        id: impl Fn(&BudgetAccount) -> Option<Id>,
        rows_max: usize,
    ) -> Vec<(Id, Micros)> {
        let mut rows: Vec<(Id, Micros)> = self
            .sums_of
            .iter()
            .filter(|(_, sums)| sums.spent.0 > 0)
            .filter_map(|(account, sums)| Some((id(account)?, sums.spent)))
            .collect();
        rows.sort_by_key(|(id, spent)| (std::cmp::Reverse(*spent), *id));
        rows.truncate(rows_max);
        rows
    }

    /// Whether a call fits; else what stands in the way, and the account whose budget it is.
    fn fits(
        &self,
        payer: Option<Payer>,
        cost: Micros,
        tokens: u64,
    ) -> Result<(), (Limit, Option<BudgetAccount>)> {
        for account in accounts_of(payer) {
            let Some(limit) = self.budgets.of(account.scope()) else { continue };
            let sums = self.sums(account);
            if sums.spent >= limit || sums.spent.plus(sums.set_aside).plus(cost) > limit {
                return Err((Limit::Budget(account.scope()), Some(account)));
            }
        }
        let used = self.tokens.saturating_add(self.tokens_set_aside).saturating_add(tokens);
        match self.day_tokens_max {
            Some(limit) if self.tokens >= limit || used > limit => Err((Limit::DayTokens, None)),
            Some(_) | None => Ok(()),
        }
    }

    fn sums(&self, account: BudgetAccount) -> Account {
        self.sums_of.get(&account).copied().unwrap_or_default()
    }

    /// Changes an account; one that holds nothing is not kept.
    fn change(&mut self, account: BudgetAccount, change: impl FnOnce(&mut Account)) {
        let mut sums = self.sums(account);
        change(&mut sums);
        if sums.is_empty() {
            self.sums_of.remove(&account);
        } else {
            self.sums_of.insert(account, sums);
        }
    }

    fn note_crossings(&mut self, account: BudgetAccount) {
        let Some(limit) = self.budgets.of(account.scope()) else { return };
        let spent = self.sums(account).spent;
        let reached = |percent: &u8| u128::from(spent.0) * 100 >= u128::from(limit.0) * u128::from(*percent);
        if let Some(percent) = TOLD_PERCENT.into_iter().rev().find(reached) {
            self.note(account, percent);
        }
    }

    /// Tells that a share was reached, unless it was told today. A budget of zero is a switch, and nothing to tell about.
    fn note(&mut self, account: BudgetAccount, percent: u8) {
        let Some(limit) = self.budgets.of(account.scope()).filter(|limit| limit.0 > 0) else { return };
        if self.told.insert((account, percent)) {
            // Who hears of 100 % need not hear of 80 % later, when something set aside is given back.
            let below = TOLD_PERCENT.into_iter().filter(|below| *below < percent);
            self.told.extend(below.map(|below| (account, below)));
            self.crossings.push(Crossing { account, percent, spent: self.sums(account).spent, limit });
        }
    }
}

fn day_of(now: Timestamp) -> i64 {
    now.0.div_euclid(DAY_MS)
}

fn accounts_of(payer: Option<Payer>) -> impl Iterator<Item = BudgetAccount> {
    let own = payer.map(|payer| [BudgetAccount::Place(payer.place), BudgetAccount::User(payer.user)]);
    std::iter::once(BudgetAccount::Day).chain(own.into_iter().flatten())
}

#[cfg(test)]
mod tests;
