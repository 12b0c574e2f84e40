//! The jobs whose steps are being taken: nobody takes a job twice, and of the jobs that a daemon died with one at a time.
//!
//! When a daemon dies, every job that it was picking or judging is a suspect. Taken up one by one, an innocent job soon
//! gets its step done and is a suspect no more; only what kills daemons by itself is counted again and again.

use crate::store::JobRecord;
use guildhall_protocol::ids::{Incarnation, JobId};
use guildhall_protocol::state::JobState;
use std::collections::BTreeSet;

/// The jobs in hand.
#[derive(Default)]
pub(super) struct Hands {
    jobs: BTreeSet<JobId>,
    suspect: Option<JobId>,
}

impl Hands {
    /// Takes a job, unless it is in hand already, `max` others are, or it is a suspect and so is one of them. Whoever
    /// was refused is asked again when a job is put back.
    pub(super) fn take(&mut self, job: &JobRecord, mine: Incarnation, max: usize) -> bool {
        let suspect = is_suspect(job, mine);
        if self.jobs.len() >= max || (suspect && self.suspect.is_some()) || !self.jobs.insert(job.id) {
            return false;
        }
        if suspect {
            self.suspect = Some(job.id);
        }
        true
    }

    /// Its step is done.
    pub(super) fn put_back(&mut self, job: JobId) {
        self.jobs.remove(&job);
        self.suspect = self.suspect.filter(|suspect| *suspect != job);
    }

    /// Whether a job is in hand.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.jobs.contains(&job)
    }

    /// How many are in hand.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }
}

/// A daemon died with it, and its next step is what that daemon was doing. Counting a death is no such step.
fn is_suspect(job: &JobRecord, mine: Incarnation) -> bool {
    let orphaned = job.lease.is_some_and(|lease| lease.incarnation < mine);
    job.deaths > 0 && !orphaned && matches!(job.state, JobState::Open | JobState::Evaluating)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::tests::job;
    use crate::store::Lease;
    use guildhall_protocol::time::Timestamp;

    const MINE: Incarnation = Incarnation(7);

    fn numbered(id: i64, deaths: u32) -> JobRecord {
        JobRecord { id: JobId(id), deaths, ..job(JobState::Open) }
    }

    #[test]
    fn suspects_are_taken_one_by_one() {
        let mut hands = Hands::default();
        let mut take = |job: &JobRecord| hands.take(job, MINE, 4);
        assert!(take(&numbered(1, 1)));
        assert!(!take(&numbered(2, 1)), "one suspect at a time");
        assert!(take(&numbered(3, 0)), "the others do not wait for it");
        assert!(!take(&numbered(3, 0)), "nobody is taken twice");
        let lease = Some(Lease { incarnation: Incarnation(6), until: Timestamp(2_000) });
        assert!(take(&JobRecord { lease, ..numbered(4, 1) }), "its death is only counted");
        assert!(take(&JobRecord { state: JobState::Assigned, ..numbered(5, 1) }), "a delivery is innocent");
        assert!(!take(&numbered(6, 0)), "four at most");
        hands.put_back(JobId(1));
        assert!(hands.take(&numbered(2, 1), MINE, 4));
        assert_eq!(hands.len(), 4);
    }
}
