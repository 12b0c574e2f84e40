//! Who is shown the texts of whose private job, and until when. In memory only: after a restart an operator says once more
//! why. What stays is the line in the job's history.

use guildhall_protocol::ids::{JobId, UserId};
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most that are open; of more, the one that ends first ends at once.
const OPEN_MAX: usize = 10_000;

/// What is open.
#[derive(Default)]
pub struct Reveals(Mutex<BTreeMap<(UserId, JobId), Timestamp>>);

impl Reveals {
    /// Shows a job's texts to somebody until then.
    pub fn open(&self, user: UserId, job: JobId, until: Timestamp, now: Timestamp) {
        let mut open = self.lock();
        open.retain(|_, until| *until > now);
        open.insert((user, job), until);
        if open.len() > OPEN_MAX
            && let Some(first) = open.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            open.remove(&first);
        }
    }

    /// Until when a job's texts are shown to somebody, if they are.
    pub fn until(&self, user: UserId, job: JobId, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(&(user, job)).copied().filter(|until| *until > now)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(UserId, JobId), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ends_by_itself_and_there_are_not_too_many() {
        let reveals = Reveals::default();
        let (user, job, now) = (UserId(1), JobId(1), Timestamp(0));
        reveals.open(user, job, Timestamp(10), now);
        assert_eq!(reveals.until(user, job, Timestamp(9)), Some(Timestamp(10)));
        assert_eq!(reveals.until(user, job, Timestamp(10)), None);
        assert_eq!(reveals.until(UserId(2), job, now), None);
        for number in 0..20_000 {
            reveals.open(user, JobId(number), Timestamp(100 + number), now);
        }
        assert_eq!(reveals.lock().len(), OPEN_MAX);
        assert_eq!(reveals.until(user, JobId(5), now), None);
        assert_eq!(reveals.until(user, JobId(19_999), now), Some(Timestamp(20_099)));
    }
}
