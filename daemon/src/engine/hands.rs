//! The jobs whose steps are being taken: nobody takes a job twice, and of the jobs that a daemon died with one at a time.
//!
//! When a daemon dies, every job that it was picking or judging is a suspect. Taken up one by one, an innocent job soon
//! gets its step done and is a suspect no more; only what kills daemons by itself is counted again and again.

use crate::store::JobRecord;
use guildhall_protocol::ids::{Incarnation, JobId};
use guildhall_protocol::state::JobState;
use std::collections::{BTreeMap, BTreeSet};

/// Most jobs about which models think beside the steps: each holds its texts in memory. One more takes the place of a step.
const THINKING_MAX: usize = 1_024;

/// The jobs in hand.
#[derive(Default)]
pub(super) struct Hands {
    jobs: BTreeSet<JobId>,
    /// Those of them about which a model thinks: others may be taken beside them.
    thinking: BTreeSet<JobId>,
    suspect: Option<JobId>,
    /// Jobs that somebody wanted to take meanwhile, because an agent changed: they are looked at again.
    wanted: BTreeSet<JobId>,
    /// Jobs that look for an agent and have not chosen yet, with their class.
    picking: BTreeMap<JobId, i64>,
    /// Whether jobs were held back for those.
    held_back: bool,
}

impl Hands {
    /// Takes a job, unless it is in hand already, `max` others are, or it is a suspect and so is one of them. Whoever
    /// was refused is asked again when a job is put back.
    pub(super) fn take(&mut self, job: &JobRecord, mine: Incarnation, max: usize) -> bool {
        let suspect = is_suspect(job, mine);
        if self.busy() >= max || (suspect && self.suspect.is_some()) || !self.jobs.insert(job.id) {
            return false;
        }
        if suspect {
            self.suspect = Some(job.id);
        }
        if job.state == JobState::Open {
            self.picking.insert(job.id, job.priority.class());
        }
        true
    }

    /// Of jobs that are ready, those that need not wait until others of a higher class have chosen.
    pub(super) fn highest(&mut self, mut jobs: Vec<JobRecord>) -> Vec<JobRecord> {
        jobs.retain(|job| !self.has(job.id));
        let ready = jobs.iter().map(|job| job.priority.class());
        // A job about which a model thinks chooses when it has thought: nobody waits for that.
        let picking = self.picking.iter().filter(|(job, _)| !self.thinking.contains(job));
        let highest = picking.map(|(_, class)| *class).chain(ready).max();
        let count = jobs.len();
        jobs.retain(|job| Some(job.priority.class()) >= highest);
        self.held_back |= jobs.len() < count;
        jobs
    }

    /// A job has chosen. Answers whether others may have been held back for it.
    pub(super) fn chosen(&mut self, job: JobId) -> bool {
        self.picking.remove(&job).is_some() && std::mem::take(&mut self.held_back)
    }

    /// A model is asked about a job: until it has thought, others may be taken in its place. When very many think already,
    /// none may.
    pub(super) fn think(&mut self, job: JobId) {
        if self.jobs.contains(&job) && self.thinking.len() < THINKING_MAX {
            self.thinking.insert(job);
        }
    }

    /// The model has thought.
    pub(super) fn thought(&mut self, job: JobId) {
        self.thinking.remove(&job);
    }

    /// An agent changed for a job that may be in hand, and have looked before: what it saw is old.
    pub(super) fn want(&mut self, job: JobId) {
        if self.jobs.contains(&job) {
            self.wanted.insert(job);
        }
    }

    /// Its step is done. Answers whether it is to be looked at again.
    pub(super) fn put_back(&mut self, job: JobId) -> bool {
        self.jobs.remove(&job);
        self.thinking.remove(&job);
        self.picking.remove(&job);
        self.suspect = self.suspect.filter(|suspect| *suspect != job);
        self.wanted.remove(&job)
    }

    /// Whether a job is in hand.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.jobs.contains(&job)
    }

    /// How many are in hand.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many of them take a place: all but those about which a model thinks.
    pub(super) fn busy(&self) -> usize {
        self.jobs.len() - self.thinking.len()
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
    use guildhall_protocol::job::Priority;
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

    #[test]
    fn a_job_about_which_a_model_thinks_takes_no_place() {
        let mut hands = Hands::default();
        assert!(hands.take(&numbered(1, 0), MINE, 1));
        assert!(!hands.take(&numbered(2, 0), MINE, 1), "one at most");
        hands.think(JobId(1));
        assert!(hands.take(&numbered(2, 0), MINE, 1));
        assert!(!hands.take(&numbered(1, 0), MINE, 9), "it is in hand all the same");
        hands.thought(JobId(1));
        assert_eq!((hands.len(), hands.busy()), (2, 2));
        hands.think(JobId(3));
        assert_eq!(hands.busy(), 2, "it is not in hand");
    }

    #[test]
    fn a_higher_class_chooses_first() {
        let mut hands = Hands::default();
        let of = |id, priority| JobRecord { priority, ..numbered(id, 0) };
        let (low, high) = (of(1, Priority::Low), of(2, Priority::High));
        let ids = |jobs: Vec<JobRecord>| jobs.iter().map(|job| job.id.0).collect::<Vec<_>>();
        assert_eq!(ids(hands.highest(vec![high.clone(), low.clone()])), [2]);
        assert!(hands.take(&high, MINE, 4));
        assert!(hands.highest(vec![low.clone()]).is_empty(), "the high one has not chosen");
        assert!(hands.chosen(high.id), "somebody waits for this");
        assert!(!hands.chosen(high.id), "once");
        assert_eq!(ids(hands.highest(vec![low])), [1], "it may be with its agent for long");
    }

    #[test]
    fn what_was_wanted_while_it_was_in_hand_is_looked_at_again() {
        let mut hands = Hands::default();
        hands.want(JobId(1));
        assert!(hands.take(&numbered(1, 0), MINE, 9));
        assert!(!hands.put_back(JobId(1)), "it was wanted before it looked");
        assert!(hands.take(&numbered(1, 0), MINE, 9));
        hands.want(JobId(1));
        assert!(hands.put_back(JobId(1)));
        assert!(!hands.put_back(JobId(1)), "once");
    }
}
