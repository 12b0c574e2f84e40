//! Whose turn it is to be told something: each person hears theirs in order, and nobody waits for anybody else's.

use guildhall_protocol::ids::UserId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What waits for each person that is being told something. Who is here is being told by exactly one task; it takes the next
/// until there is none, and they leave with that.
pub(crate) struct Turns<T> {
    people: Mutex<BTreeMap<UserId, VecDeque<T>>>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { people: Mutex::default() }
    }
}

impl<T> Turns<T> {
    /// Adds what somebody is to be told. True: nobody tells them anything just now, and whoever called must begin.
    #[must_use]
    pub(crate) fn add(&self, user: UserId, more: impl IntoIterator<Item = T>) -> bool {
        let mut people = self.people();
        let is_new = !people.contains_key(&user);
        people.entry(user).or_default().extend(more);
        is_new
    }

    /// What somebody is told next. None: there is nothing, and whoever calls tells them nothing more.
    pub(crate) fn next(&self, user: UserId) -> Option<T> {
        let mut people = self.people();
        let next = people.get_mut(&user).and_then(VecDeque::pop_front);
        if next.is_none() {
            people.remove(&user);
        }
        next
    }

    /// Forgets what waits: whoever is being told something hears that, and no more.
    pub(crate) fn clear(&self) {
        self.people().values_mut().for_each(VecDeque::clear);
    }

    fn people(&self) -> MutexGuard<'_, BTreeMap<UserId, VecDeque<T>>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_theirs_in_order_from_one_at_a_time() {
        let (ada, owen) = (UserId(1), UserId(2));
        let turns = Turns::default();
        assert!(turns.add(ada, [1, 2]) && turns.add(owen, [9]));
        assert_eq!(turns.next(ada), Some(1));
        assert!(!turns.add(ada, [3]), "somebody tells her already");
        assert_eq!([turns.next(ada), turns.next(ada), turns.next(ada)], [Some(2), Some(3), None]);
        assert!(turns.add(ada, [4]), "she has heard all");
        turns.clear();
        assert_eq!((turns.next(ada), turns.next(owen)), (None, None));
    }
}
