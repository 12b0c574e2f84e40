//! Rate limits: buckets by route and channel, a global one, and refusals that a test asked for. What the headers say
//! is always true.

use super::refused::Refused;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the headers say where no test set a limit.
const GENEROUS: Limit = Limit { requests: 5_000, per_ms: 1_000 };

/// So many requests in so many milliseconds.
#[derive(Clone, Copy, Debug)]
struct Limit {
    requests: u32,
    per_ms: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began_ms: i64,
    used: u32,
}

/// What a test wants of the next requests to a route.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// 429, to be tried again after so many milliseconds.
    Limited { retry_after_ms: u32 },
    /// Any status without a body of Discord's own, such as 503.
    Fails { status: u16 },
    /// A refusal with one of Discord's codes, such as 403 and 40003.
    Refuses { status: u16, code: u32 },
}

/// What is decided about a request before anybody reads it.
pub(super) enum Verdict {
    /// It goes on, and its answer has these headers.
    Passes(HeaderMap),
    /// It is one too many.
    Limited(HeaderMap, Value),
    /// It meets an outage.
    Fails(u16),
    /// It is refused.
    Refused(Refused),
}

#[derive(Default)]
pub(super) struct Rates {
    limits: BTreeMap<String, Limit>,
    windows: BTreeMap<String, Window>,
    global: Option<Limit>,
    global_window: Window,
    /// Until when whatever is no interaction's is one too many.
    blocked_until_ms: i64,
    troubles: BTreeMap<String, (u32, Trouble)>,
}

impl Rates {
    /// A route is written as `POST /channels/{channel_id}/messages`.
    pub(super) fn limit(&mut self, route: &str, requests: u32, per: Duration) {
        let per_ms = i64::try_from(per.as_millis()).unwrap_or(i64::MAX);
        self.limits.insert(route.to_owned(), Limit { requests, per_ms });
    }

    pub(super) fn limit_globally(&mut self, requests: u32, per: Duration) {
        let per_ms = i64::try_from(per.as_millis()).unwrap_or(i64::MAX);
        self.global = Some(Limit { requests, per_ms });
    }

    pub(super) fn block(&mut self, now_ms: i64, span: Duration) {
        self.blocked_until_ms = now_ms + i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 2);
    }

    pub(super) fn trouble(&mut self, route: &str, times: u32, trouble: Trouble) {
        self.troubles.insert(route.to_owned(), (times, trouble));
    }

    /// Counts a request to a route about `major`, the channel or webhook that has a bucket of its own.
    pub(super) fn take(&mut self, now_ms: i64, route: &str, major: &str, interaction: bool) -> Verdict {
        match self.next_trouble(route) {
            Some(Trouble::Fails { status }) => return Verdict::Fails(status),
            Some(Trouble::Refuses { status, code }) => {
                return Verdict::Refused(Refused::by_the_world(status, code, "Refused"));
            }
            Some(Trouble::Limited { retry_after_ms }) => {
                let limit = self.limits.get(route).copied().unwrap_or(GENEROUS);
                return limited(now_ms, route, limit, i64::from(retry_after_ms), "user");
            }
            None => {}
        }
        if now_ms < self.blocked_until_ms && !interaction {
            let limit = self.global.unwrap_or(GENEROUS);
            return limited(now_ms, route, limit, self.blocked_until_ms - now_ms, "global");
        }
        if let Some(global) = self.global.filter(|_| !interaction)
            && let Err(wait_ms) = self.global_window.take(now_ms, global)
        {
            return limited(now_ms, route, global, wait_ms, "global");
        }
        let limit = self.limits.get(route).copied().unwrap_or(GENEROUS);
        let window = self.windows.entry(format!("{route} {major}")).or_default();
        if let Err(wait_ms) = window.take(now_ms, limit) {
            return limited(now_ms, route, limit, wait_ms, "user");
        }
        let left = limit.requests - window.used;
        Verdict::Passes(headers(now_ms, route, limit, left, window.began_ms + limit.per_ms - now_ms))
    }

    fn next_trouble(&mut self, route: &str) -> Option<Trouble> {
        let (times, trouble) = self.troubles.get_mut(route)?;
        *times = times.checked_sub(1)?;
        Some(*trouble)
    }
}

impl Window {
    /// Counts one; otherwise says how many milliseconds to wait.
    fn take(&mut self, now_ms: i64, limit: Limit) -> Result<(), i64> {
        if now_ms - self.began_ms >= limit.per_ms {
            *self = Self { began_ms: now_ms, used: 0 };
        }
        if self.used >= limit.requests {
            return Err(self.began_ms + limit.per_ms - now_ms);
        }
        self.used += 1;
        Ok(())
    }
}

fn limited(now_ms: i64, route: &str, limit: Limit, wait_ms: i64, scope: &'static str) -> Verdict {
    let mut said = headers(now_ms, route, limit, 0, wait_ms);
    let whole_seconds = (wait_ms + 999) / 1_000;
    put(&mut said, "retry-after", &whole_seconds.to_string());
    put(&mut said, "x-ratelimit-scope", scope);
    if scope == "global" {
        put(&mut said, "x-ratelimit-global", "true");
    }
    let body = json!({
        "message": "You are being rate limited.", "retry_after": seconds(wait_ms), "global": scope == "global",
    });
    Verdict::Limited(said, body)
}

fn headers(now_ms: i64, route: &str, limit: Limit, left: u32, wait_ms: i64) -> HeaderMap {
    let mut said = HeaderMap::new();
    // A bucket's name says nothing, and is the same for the same route.
    let sum = route.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    put(&mut said, "x-ratelimit-limit", &limit.requests.to_string());
    put(&mut said, "x-ratelimit-remaining", &left.to_string());
    put(&mut said, "x-ratelimit-reset", &format!("{:.3}", seconds(now_ms + wait_ms)));
    put(&mut said, "x-ratelimit-reset-after", &format!("{:.3}", seconds(wait_ms)));
    put(&mut said, "x-ratelimit-bucket", &format!("{sum:032x}"));
    said
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("digits and letters");
    headers.insert(HeaderName::from_static(name), value);
}

/// As Discord writes spans: seconds with milliseconds behind the point.
fn seconds(ms: i64) -> f64 {
    std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}
