//! Codes that say once that two users are one person. They are in memory only: whoever loses one asks for another.

use guildhall_protocol::account::LinkCode;
use guildhall_protocol::ids::UserId;
use guildhall_protocol::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a code is good.
const LIFE: Duration = Duration::from_mins(10);
/// Wrong codes of one user within [`LIFE`].
const WRONG_MAX: u32 = 10;
/// Letters of a code: none is taken for another, and no words come out. 28 of them make 38 bits in eight letters.
const LETTERS: &[u8; 28] = b"23456789BCDFGHJKLMNPQRSTVWXZ";
/// Letters in a code.
const LENGTH: usize = 8;

/// Why a code joins nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is none like it, or no longer.
    #[error("there is no such code: it may be over, or was used before, or mistyped")]
    Unknown,
    /// Too many wrong ones.
    #[error("too many wrong codes: try again in ten minutes")]
    TooMany,
}

/// The codes that are open.
#[derive(Default)]
pub struct Links(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// By hash: looking one up takes no time that tells anything about others.
    codes: BTreeMap<[u8; 32], (UserId, Timestamp)>,
    /// Since when a user entered how many wrong ones.
    wrong: BTreeMap<UserId, (Timestamp, u32)>,
}

impl Links {
    /// A code for a user; the one before it ends. `random` makes numbers.
    pub fn make(&self, user: UserId, now: Timestamp, random: impl Fn() -> u64) -> LinkCode {
        let letters = LETTERS.len() as u64;
        let letter = |_| {
            // Below the largest multiple, so that each letter is as likely as the others.
            let number =
                std::iter::repeat_with(&random).find(|number| *number < u64::MAX - u64::MAX % letters);
            char::from(LETTERS[usize::try_from(number.unwrap_or(0) % letters).unwrap_or(0)])
        };
        let mut code: String = (0..LENGTH).map(letter).collect();
        let expires_at = now.after(LIFE);
        let mut open = self.lock();
        open.codes.retain(|_, (other, until)| *other != user && *until > now);
        open.codes.insert(hash(&code), (user, expires_at));
        code.insert(LENGTH / 2, '-');
        LinkCode { code, expires_at }
    }

    /// Who made this code.
    ///
    /// # Errors
    /// It is none; or `by` entered too many that were none.
    pub fn read(&self, code: &str, by: UserId, now: Timestamp) -> Result<UserId, LinkError> {
        self.lock().read(&hash(&plain(code)), by, now)
    }

    /// Who made this code, which is used up by it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn take(&self, code: &str, by: UserId, now: Timestamp) -> Result<Taken<'_>, LinkError> {
        let hash = hash(&plain(code));
        let mut open = self.lock();
        open.read(&hash, by, now)?;
        let (user, until) = open.codes.remove(&hash).ok_or(LinkError::Unknown)?;
        Ok(Taken { links: self, user, give_back: Some((hash, until)) })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn read(&mut self, hash: &[u8; 32], by: UserId, now: Timestamp) -> Result<UserId, LinkError> {
        self.wrong.retain(|_, (since, _)| since.after(LIFE) > now);
        if self.wrong.get(&by).is_some_and(|(_, count)| *count >= WRONG_MAX) {
            return Err(LinkError::TooMany);
        }
        let found = self.codes.get(hash).filter(|(_, until)| *until > now);
        if let Some((user, _)) = found {
            return Ok(*user);
        }
        self.wrong.entry(by).or_insert((now, 0)).1 += 1;
        Err(LinkError::Unknown)
    }
}

/// A code that is being used: nobody else can. Dropped without [`Self::used`], it is good again.
pub struct Taken<'a> {
    links: &'a Links,
    /// Who made it.
    pub user: UserId,
    give_back: Option<([u8; 32], Timestamp)>,
}

impl Taken<'_> {
    /// It did what it is for.
    pub fn used(mut self) {
        self.give_back = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some((hash, until)) = self.give_back {
            self.links.lock().codes.entry(hash).or_insert((self.user, until));
        }
    }
}

/// A code as it was made, however somebody typed it.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(LENGTH + 1).collect::<String>().to_ascii_uppercase()
}

fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const ADA: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const NOW: Timestamp = Timestamp(1_000_000);

    fn counting() -> impl Fn() -> u64 {
        let next = Cell::new(0);
        move || {
            next.set(next.get() + 11);
            next.get()
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_some_minutes() {
        let (links, random) = (Links::default(), counting());
        let LinkCode { code, expires_at } = links.make(ADA, NOW, &random);
        assert_eq!(code.len(), LENGTH + 1);
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
        assert_eq!(links.read(&typed, BOB, NOW), Ok(ADA));
        assert_eq!(links.read(&code, BOB, expires_at), Err(LinkError::Unknown));
        drop(links.take(&code, BOB, NOW).expect("it is good"));
        let taken = links.take(&code, BOB, NOW).expect("it was given back");
        assert!(links.take(&code, BOB, NOW).is_err(), "somebody is using it");
        taken.used();
        assert!(links.take(&code, BOB, NOW).is_err());
        let first = links.make(ADA, NOW, &random).code;
        let second = links.make(ADA, NOW, &random).code;
        assert_eq!(links.read(&first, BOB, NOW), Err(LinkError::Unknown), "there is a newer one");
        assert_eq!(links.read(&second, BOB, NOW), Ok(ADA));
    }

    #[test]
    fn who_guesses_is_stopped_and_nobody_else() {
        let links = Links::default();
        let code = links.make(ADA, NOW, counting()).code;
        for _ in 0..WRONG_MAX {
            assert_eq!(links.read("AAAA-AAAA", BOB, NOW), Err(LinkError::Unknown));
        }
        assert_eq!(links.read(&code, BOB, NOW), Err(LinkError::TooMany));
        assert_eq!(links.read(&code, UserId(3), NOW), Ok(ADA));
        assert_eq!(links.read(&code, BOB, NOW.after(LIFE)), Err(LinkError::Unknown), "it is over by then");
    }
}
