//! What passes: jobs posted and ended, how long they waited and ran, how attempts failed. Counted in memory, in buckets that
//! drop off; it begins empty with the daemon, and says since when it counts. Nothing decides by it.

use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::overview::{BUCKET_MS, BUCKETS_MAX, Bucket, FAILURES_MS, Series, Spread};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures are counted by the minute.
const MINUTE_MS: i64 = 60_000;

/// The counts of one daemon.
pub struct Flow(Mutex<Counts>);

struct Counts {
    since: Timestamp,
    /// Oldest first, without gaps.
    buckets: VecDeque<Filling>,
    /// By minute and by how they ended; minutes in which none failed are left out.
    failures: VecDeque<(i64, BTreeMap<EndedAs, u64>)>,
}

struct Filling {
    from: Timestamp,
    posted: u64,
    completed: u64,
    failed: u64,
    canceled: u64,
    wait: Histogram,
    run: Histogram,
}

impl Flow {
    /// Begins to count.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Counts { since: now, buckets: VecDeque::new(), failures: VecDeque::new() }))
    }

    /// A job was posted.
    pub fn posted(&self, now: Timestamp) {
        self.counts().bucket(now).posted += 1;
    }

    /// A job got its first attempt after this time.
    pub fn waited(&self, now: Timestamp, span: Duration) {
        self.counts().bucket(now).wait.add(span);
    }

    /// An attempt was answered after this time.
    pub fn ran(&self, now: Timestamp, span: Duration) {
        self.counts().bucket(now).run.add(span);
    }

    /// A job is in this state from now on.
    pub fn turned(&self, now: Timestamp, state: JobState) {
        if !state.is_terminal() {
            return;
        }
        let mut counts = self.counts();
        let bucket = counts.bucket(now);
        match state {
            JobState::Completed => bucket.completed += 1,
            JobState::Failed | JobState::Expired => bucket.failed += 1,
            JobState::Canceled => bucket.canceled += 1,
            JobState::Open
            | JobState::Assigned
            | JobState::Working
            | JobState::InputRequired(_)
            | JobState::Evaluating
            | JobState::InReview(_)
            | JobState::Held(_) => {}
        }
    }

    /// An attempt ended.
    pub fn ended(&self, now: Timestamp, how: EndedAs) {
        match how {
            EndedAs::Passed | EndedAs::Withdrawn => return,
            EndedAs::Failed
            | EndedAs::Declined
            | EndedAs::Unreachable
            | EndedAs::Silent
            | EndedAs::Unclear => {}
        }
        let mut counts = self.counts();
        let minute = now.0.div_euclid(MINUTE_MS);
        // The clock of the machine may have been set back: it counts where it counted last.
        if counts.failures.back().is_none_or(|(last, _)| *last < minute) {
            counts.failures.push_back((minute, BTreeMap::new()));
        }
        if let Some((_, failures)) = counts.failures.back_mut() {
            *failures.entry(how).or_default() += 1;
        }
        counts.forget_failures(now);
    }

    /// What passed lately.
    pub fn series(&self, now: Timestamp) -> Series {
        let mut counts = self.counts();
        // What nothing filled since is there, too, and empty.
        counts.bucket(now);
        let shown = |bucket: &Filling| Bucket {
            from: bucket.from,
            posted: bucket.posted,
            completed: bucket.completed,
            failed: bucket.failed,
            canceled: bucket.canceled,
            wait: bucket.wait.spread(),
            run: bucket.run.spread(),
        };
        let buckets = counts.buckets.iter().map(shown).collect();
        Series { since: counts.since, bucket_ms: BUCKET_MS, buckets }
    }

    /// How attempts failed within the last hour.
    pub fn failures(&self, now: Timestamp) -> Vec<(EndedAs, u64)> {
        let mut counts = self.counts();
        counts.forget_failures(now);
        let mut sums = BTreeMap::new();
        for (how, count) in counts.failures.iter().flat_map(|(_, failures)| failures) {
            *sums.entry(*how).or_insert(0) += count;
        }
        sums.into_iter().collect()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// The bucket of this moment; those that are too old by then are dropped.
    fn bucket(&mut self, now: Timestamp) -> &mut Filling {
        let span = i64::try_from(BUCKET_MS).unwrap_or(i64::MAX);
        let most = i64::try_from(BUCKETS_MAX).unwrap_or(i64::MAX);
        let from = now.0.div_euclid(span) * span;
        let last = self.buckets.back().map_or(from - span, |bucket| bucket.from.0);
        let mut next = (last + span).max(from - (most - 1) * span);
        while next <= from {
            self.buckets.push_back(Filling::new(Timestamp(next)));
            next += span;
        }
        // They are in the order of time: those that are too old, also after a long silence, stand at the front.
        while self.buckets.front().is_some_and(|bucket| bucket.from.0 <= from - most * span) {
            self.buckets.pop_front();
        }
        self.buckets.back_mut().expect("the bucket of this moment, or a later one, was just put there")
    }

    fn forget_failures(&mut self, now: Timestamp) {
        let oldest = now.before(Duration::from_millis(FAILURES_MS)).0.div_euclid(MINUTE_MS);
        while self.failures.front().is_some_and(|(minute, _)| *minute <= oldest) {
            self.failures.pop_front();
        }
    }
}

impl Filling {
    fn new(from: Timestamp) -> Self {
        let (wait, run) = (Histogram::default(), Histogram::default());
        Self { from, posted: 0, completed: 0, failed: 0, canceled: 0, wait, run }
    }
}

/// Spans of time by their size: exact below 16 ms, and 16 steps for each doubling above. Holds at most about a thousand
/// numbers.
#[derive(Default)]
struct Histogram(BTreeMap<u32, u64>);

impl Histogram {
    fn add(&mut self, span: Duration) {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        *self.0.entry(step(ms)).or_default() += 1;
    }

    fn spread(&self) -> Option<Spread> {
        let count: u64 = self.0.values().sum();
        let at = |percent: u64| {
            let rank = (count * percent).div_ceil(100);
            let mut passed = 0;
            for (step, count) in &self.0 {
                passed += count;
                if passed >= rank {
                    return Some(largest(*step));
                }
            }
            None
        };
        Some(Spread { count, p50_ms: at(50)?, p95_ms: at(95)? })
    }
}

/// The step of a number.
fn step(ms: u64) -> u32 {
    let Some(doublings) = ms.checked_ilog2().and_then(|log| log.checked_sub(4)) else {
        return u32::try_from(ms).unwrap_or(u32::MAX);
    };
    let within = u32::try_from(ms >> doublings).unwrap_or(u32::MAX);
    (doublings << 4) + within
}

/// The largest number of a step.
fn largest(step: u32) -> u64 {
    let Some(doublings) = (step >> 4).checked_sub(1) else { return step.into() };
    let within = u64::from(step - (doublings << 4));
    ((within + 1) << doublings).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_holds_its_numbers_within_a_sixteenth() {
        for ms in (0..5_000).chain([1 << 20, (1 << 30) + 12_345, u64::MAX - 1, u64::MAX]) {
            let most = largest(step(ms));
            assert!(most >= ms && most - ms <= ms / 16, "{ms}: {most}");
        }
        let mut histogram = Histogram::default();
        for ms in 1..=100 {
            histogram.add(Duration::from_millis(ms));
        }
        let spread = histogram.spread().expect("there are some");
        assert_eq!((spread.count, spread.p50_ms, spread.p95_ms), (100, 51, 95));
        assert_eq!(Histogram::default().spread(), None);
    }

    #[test]
    fn buckets_have_no_gaps_and_drop_off() {
        let flow = Flow::new(Timestamp(5_000));
        flow.posted(Timestamp(5_000));
        flow.turned(Timestamp(34_000), JobState::Completed);
        flow.turned(Timestamp(34_000), JobState::Expired);
        flow.turned(Timestamp(34_000), JobState::Working);
        let series = flow.series(Timestamp(41_000));
        let shown = |bucket: &Bucket| (bucket.from.0, bucket.posted, bucket.completed, bucket.failed);
        let buckets: Vec<_> = series.buckets.iter().map(shown).collect();
        let expected =
            [(0, 1, 0, 0), (10_000, 0, 0, 0), (20_000, 0, 0, 0), (30_000, 0, 1, 1), (40_000, 0, 0, 0)];
        assert_eq!(buckets, expected);
        assert_eq!(series.since, Timestamp(5_000));
        let later = flow.series(Timestamp(50_000_000_000)).buckets;
        assert_eq!(
            (later.len(), later.last().map(|bucket| bucket.from.0)),
            (BUCKETS_MAX, Some(50_000_000_000))
        );
        assert!(later.iter().all(|bucket| bucket.posted + bucket.completed == 0));
        // The clock is set back: nothing panics, and what passes counts where it counted last.
        flow.posted(Timestamp(1_000));
        assert_eq!(flow.series(Timestamp(1_000)).buckets.last().map(|bucket| bucket.posted), Some(1));
    }

    #[test]
    fn failures_are_those_of_an_hour() {
        let flow = Flow::new(Timestamp(0));
        flow.ended(Timestamp(0), EndedAs::Silent);
        for how in [EndedAs::Failed, EndedAs::Failed, EndedAs::Passed, EndedAs::Withdrawn] {
            flow.ended(Timestamp(3_000_000), how);
        }
        assert_eq!(flow.failures(Timestamp(3_000_000)), [(EndedAs::Failed, 2), (EndedAs::Silent, 1)]);
        assert_eq!(flow.failures(Timestamp(4_000_000)), [(EndedAs::Failed, 2)]);
        assert_eq!(flow.failures(Timestamp(9_000_000)), []);
    }
}
