//! Discord's rate limits, kept: a bucket for each route and channel, as the answers announce it, and one limit for all.
//!
//! Whoever may not send yet waits here and sends nothing. A bucket that is not known yet, or begins anew, is entered by no
//! more than it holds, and a global limit stops everybody: a crowd that is let go never meets the same limit again. Serenity's
//! own limiter does neither, and cannot be used with a Discord on this machine.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Longest that a request waits for its turn.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);
/// Buckets that are kept before those that nobody uses are dropped.
const BUCKETS_MAX: usize = 1_000;
/// Between two requests after a global limit was met: Discord allows 50 a second.
const PACE: Duration = Duration::from_millis(25);
/// How long this pace is kept.
const PACED: Duration = Duration::from_mins(10);

/// What has a limit of its own: a route, and the channel that it is about, or zero.
pub(crate) type Key = (&'static str, u64);

/// What an answer says of limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Heard {
    /// Nothing: there are none here.
    Nothing,
    /// The bucket: so many in all, so many left, until it begins anew.
    Bucket { limit: u32, left: u32, anew_in: Duration },
    /// It was one too many, in its bucket or in all.
    TooMany { wait: Duration, everybody: bool },
}

impl Heard {
    /// Reads the headers of an answer, and of a refusal the body, which is more exact.
    pub(crate) fn read<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, body: &Value) -> Self {
        let seconds = |text: &str| text.parse().ok().and_then(|span| Duration::try_from_secs_f64(span).ok());
        if status == 429 {
            let span = &body["retry_after"];
            let exact = span.as_f64().and_then(|span| Duration::try_from_secs_f64(span).ok());
            let exact = exact.or_else(|| span.as_str().and_then(seconds));
            let wait = exact.or_else(|| header("retry-after").and_then(seconds));
            // What stands before Discord itself names no bucket, and means everybody.
            let everybody = body["global"] == true
                || header("x-ratelimit-global").is_some()
                || header("x-ratelimit-bucket").is_none();
            return Self::TooMany { wait: wait.unwrap_or(Duration::from_secs(1)), everybody };
        }
        let number = |name| header(name).and_then(|text| text.parse().ok());
        let anew_in = header("x-ratelimit-reset-after").and_then(seconds);
        match (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), anew_in) {
            (Some(limit), Some(left), Some(anew_in)) => Self::Bucket { limit, left, anew_in },
            _ => Self::Nothing,
        }
    }
}

/// The wait would be longer than anybody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// All limits that are known.
#[derive(Default)]
pub(crate) struct Rates {
    known: Mutex<Known>,
    /// Somebody has an answer.
    answered: Notify,
}

/// A request that is under way. Dropped without an answer, it counts as sent and says nothing.
pub(crate) struct Turn<'a> {
    rates: &'a Rates,
    key: Key,
    heard: Option<Heard>,
}

impl Rates {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// That takes too long; nothing was sent.
    pub(crate) async fn turn(&self, key: Key) -> Result<Turn<'_>, TooLong> {
        let ends = Instant::now() + WAIT_MAX;
        loop {
            let answered = self.answered.notified();
            tokio::pin!(answered);
            // Before the look, so that no answer is missed between the two.
            answered.as_mut().enable();
            let next = self.known().take(Instant::now(), key);
            let until = match next {
                Next::Now => return Ok(Turn { rates: self, key, heard: None }),
                Next::At(at) if at > ends => return Err(TooLong),
                Next::At(at) => at,
                Next::AfterAnswer => ends,
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = answered => {}
            }
            if Instant::now() >= ends {
                return Err(TooLong);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The answer is here.
    pub(crate) fn answered(mut self, heard: Heard) {
        self.heard = Some(heard);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.rates.known().learn(Instant::now(), self.key, self.heard);
        self.rates.answered.notify_waiters();
    }
}

#[derive(Default)]
struct Known {
    buckets: BTreeMap<Key, Bucket>,
    /// Until when nobody sends.
    all_wait_until: Option<Instant>,
    /// Until when everybody keeps the pace, and when the next one may send.
    paced: Option<(Instant, Instant)>,
}

struct Bucket {
    /// As the answers say it; none: nobody had one yet.
    limit: Option<u32>,
    left: u32,
    /// When it begins anew; none: that is not known of this one.
    anew_at: Option<Instant>,
    under_way: u32,
}

/// When a request may be sent.
#[derive(Debug, PartialEq)]
enum Next {
    Now,
    At(Instant),
    /// When somebody has heard how it stands.
    AfterAnswer,
}

impl Known {
    fn take(&mut self, now: Instant, key: Key) -> Next {
        if let Some(until) = self.all_wait_until.filter(|until| *until > now) {
            return Next::At(until);
        }
        if let Some((_, next)) = self.paced.filter(|(ends, next)| *ends > now && *next > now) {
            return Next::At(next);
        }
        if self.buckets.len() > BUCKETS_MAX {
            self.buckets
                .retain(|_, bucket| bucket.under_way > 0 || bucket.anew_at.is_some_and(|at| at > now));
        }
        let unknown = || Bucket { limit: None, left: 1, anew_at: None, under_way: 0 };
        let bucket = self.buckets.entry(key).or_insert_with(unknown);
        if bucket.anew_at.is_some_and(|at| at <= now) {
            (bucket.left, bucket.anew_at) = (bucket.limit.unwrap_or(1), None);
        }
        if bucket.left == 0 {
            return bucket.anew_at.map_or(Next::AfterAnswer, Next::At);
        }
        bucket.left -= 1;
        bucket.under_way += 1;
        if let Some((_, next)) = self.paced.as_mut().filter(|(ends, _)| *ends > now) {
            *next = now + PACE;
        }
        Next::Now
    }

    /// What a request heard; none: nobody knows whether it arrived.
    fn learn(&mut self, now: Instant, key: Key, heard: Option<Heard>) {
        let Some(bucket) = self.buckets.get_mut(&key) else { return };
        bucket.under_way = bucket.under_way.saturating_sub(1);
        match heard {
            None => {}
            Some(Heard::Nothing) => {
                (bucket.limit, bucket.left, bucket.anew_at) = (Some(u32::MAX), u32::MAX, None);
            }
            Some(Heard::Bucket { limit, left, anew_in }) => {
                // Those that are under way are not in its count yet.
                bucket.left = if bucket.limit.is_some() { bucket.left.min(left) } else { left };
                bucket.limit = Some(limit.max(1));
                bucket.anew_at = bucket.anew_at.max(Some(now + anew_in));
            }
            Some(Heard::TooMany { wait, everybody: false }) => {
                bucket.left = 0;
                bucket.anew_at = bucket.anew_at.max(Some(now + wait));
            }
            Some(Heard::TooMany { wait, everybody: true }) => {
                tracing::warn!(wait_ms = wait.as_millis(), "Discord limits all requests; they wait");
                self.all_wait_until = self.all_wait_until.max(Some(now + wait));
                self.paced = Some((now + wait + PACED, now + wait));
            }
        }
        let bucket = self.buckets.get_mut(&key);
        if let Some(bucket) = bucket.filter(|bucket| bucket.under_way == 0 && bucket.anew_at.is_none()) {
            // Nobody is left who could say how it stands: the next one asks.
            bucket.left = bucket.left.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: Key = ("send", 7);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_crowd_waits_for_the_first_answer_and_then_for_the_bucket() {
        let (mut known, now) = (Known::default(), Instant::now());
        assert_eq!(known.take(now, KEY), Next::Now);
        assert_eq!(known.take(now, KEY), Next::AfterAnswer, "nobody knows how many there may be");
        assert_eq!(known.take(now, ("send", 8)), Next::Now, "another channel");
        known.learn(now, KEY, Some(Heard::Bucket { limit: 3, left: 2, anew_in: ms(500) }));
        assert_eq!([known.take(now, KEY), known.take(now, KEY)], [Next::Now, Next::Now]);
        assert_eq!(known.take(now, KEY), Next::At(now + ms(500)));
        let later = now + ms(500);
        for _ in 0..3 {
            assert_eq!(known.take(later, KEY), Next::Now);
        }
        assert_eq!(known.take(later, KEY), Next::AfterAnswer, "when it begins anew is not known of this one");
        // An answer that was under way does not count those after it.
        known.learn(later, KEY, Some(Heard::Bucket { limit: 3, left: 2, anew_in: ms(500) }));
        assert_eq!(known.take(later, KEY), Next::At(later + ms(500)));
    }

    #[test]
    fn one_too_many_stops_its_bucket_or_everybody() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.take(now, KEY);
        known.learn(now, KEY, Some(Heard::TooMany { wait: ms(300), everybody: false }));
        assert_eq!(known.take(now, KEY), Next::At(now + ms(300)));
        assert_eq!(known.take(now, ("send", 8)), Next::Now);
        known.learn(now, ("send", 8), Some(Heard::TooMany { wait: ms(900), everybody: true }));
        let later = now + ms(900);
        assert_eq!(known.take(now + ms(400), ("edit", 9)), Next::At(later));
        assert_eq!(known.take(later, ("edit", 9)), Next::Now);
        assert_eq!(known.take(later, ("edit", 10)), Next::At(later + PACE), "they go on one by one");
    }

    #[test]
    fn whoever_hears_nothing_does_not_stop_the_others() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.take(now, KEY);
        known.learn(now, KEY, None);
        assert_eq!(known.take(now, KEY), Next::Now);
        known.learn(now, KEY, Some(Heard::Nothing));
        for _ in 0..100 {
            assert_eq!(known.take(now, KEY), Next::Now, "a Discord without limits");
        }
    }

    #[test]
    fn what_an_answer_says_is_read() {
        let read = |status, headers: &[(&'static str, &'static str)], body: Value| {
            let header = |name: &str| headers.iter().find(|(is, _)| *is == name).map(|(_, value)| *value);
            Heard::read(status, header, &body)
        };
        let bucket = [
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "4"),
            ("x-ratelimit-reset-after", "0.250"),
            ("x-ratelimit-bucket", "ab"),
            ("retry-after", "1"),
        ];
        let expected = Heard::Bucket { limit: 5, left: 4, anew_in: ms(250) };
        assert_eq!(read(200, &bucket, Value::Null), expected);
        assert_eq!(read(200, &bucket[..2], Value::Null), Heard::Nothing);
        let limited = |wait, everybody| Heard::TooMany { wait, everybody };
        assert_eq!(read(429, &bucket, json!({"retry_after": 0.3, "global": false})), limited(ms(300), false));
        assert_eq!(read(429, &bucket, json!({"retry_after": 0.3, "global": true})), limited(ms(300), true));
        let text = json!({"retry_after": "0.3", "global": false});
        assert_eq!(read(429, &bucket, text), limited(ms(300), false), "a number as a text");
        assert_eq!(
            read(429, &[("retry-after", "9")], Value::Null),
            limited(ms(9_000), true),
            "not Discord itself"
        );
        assert_eq!(read(429, &[("retry-after", "-1")], Value::Null), limited(ms(1_000), true));
    }
}
