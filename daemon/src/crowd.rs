//! Limits that are counted per key: how much of something one address or one user has at a time, and does in a second.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// After so many calls the keys that have been quiet are forgotten: seldom, since all are looked through.
const FORGET_EVERY: u32 = 10_000;

/// Those who are inside, by key.
pub struct Crowd<K> {
    most: usize,
    inside: Mutex<HashMap<K, usize>>,
}

/// One of them, counted until it is dropped.
pub struct Guest<K: Copy + Eq + Hash> {
    crowd: Arc<Crowd<K>>,
    key: K,
}

impl<K: Copy + Eq + Hash> Crowd<K> {
    /// Nobody is inside; of each key so many may be.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, inside: Mutex::default() })
    }

    /// Of each key so many may be inside.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Counts one more of a key; none when there are as many as may be.
    pub fn enter(self: &Arc<Self>, key: K) -> Option<Guest<K>> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest { crowd: Arc::clone(self), key })
    }
}

impl<K: Copy + Eq + Hash> Drop for Guest<K> {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.key);
            }
        }
    }
}

/// How often each key may in a second; twice as often in a burst.
pub struct Throttle<K: Copy + Eq + Hash> {
    per_s: NonZeroU32,
    limiter: DefaultKeyedRateLimiter<K>,
    calls: AtomicU32,
}

impl<K: Copy + Eq + Hash> Throttle<K> {
    /// Nobody has called yet.
    pub fn new(per_s: NonZeroU32) -> Self {
        let burst = per_s.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let limiter = RateLimiter::keyed(Quota::per_second(per_s).allow_burst(burst));
        Self { per_s, limiter, calls: AtomicU32::new(1) }
    }

    /// How often in a second.
    pub fn per_s(&self) -> NonZeroU32 {
        self.per_s
    }

    /// Counts a call.
    ///
    /// # Errors
    /// It is one too many: how long to wait.
    pub fn call(&self, key: K) -> Result<(), Duration> {
        if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
        }
        let now = || DefaultClock::default().now();
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(now()))
    }
}

/// What limits of addresses count by: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has all of.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_all_connections() {
        let crowd = Crowd::new(256);
        let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let mut inside: Vec<_> = std::iter::from_fn(|| crowd.enter(one)).collect();
        assert_eq!(inside.len(), 256);
        assert!(crowd.enter(other).is_some(), "another address is not in its way");
        inside.pop();
        assert!(crowd.enter(one).is_some(), "who leaves makes room");
        drop(inside);
        assert!(crowd.inside.lock().expect("whole").is_empty(), "nothing is kept of who left");
    }

    #[test]
    fn an_address_is_counted_with_those_of_its_subscriber() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let parsed = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(network(parsed(address)), parsed(expected));
        }
    }

    #[test]
    fn calls_are_counted_per_key() {
        let throttle = Throttle::new(NonZeroU32::new(5).expect("more than none"));
        assert_eq!((0..10).filter(|_| throttle.call(1).is_ok()).count(), 10, "a burst");
        assert!(throttle.call(1).expect_err("one too many") > Duration::ZERO);
        assert_eq!(throttle.call(2), Ok(()));
    }
}
