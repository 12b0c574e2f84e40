//! Stops calling a model that does not work, and says in words why.
//!
//! ```text
//! closed ── 5 transient failures in a row ──> open 30 s ── then one call decides ──> closed
//!    │                                            ^                  │ fails: twice as long, at most 5 min
//!    └── key, model, quota or structured output ──┴─ blocked 10 min ─┘   an operator's reset closes it at once
//! ```
//!
//! Pure: the time comes from the caller.

use super::transport::PermanentWhy;
use guildhall_protocol::time::{Timestamp, show_span};
use std::time::Duration;

/// Transient failures in a row that open a breaker.
pub const FAILURES_MAX: u32 = 5;
/// How long it is open the first time, s.
pub const OPEN_S_MIN: u64 = 30;
/// Longest that it is open after transient failures, s.
pub const OPEN_S_MAX: u64 = 300;
/// How long it is blocked by what will not work as it is configured, s.
pub const BLOCKED_S: u64 = 600;

/// One model's breaker. Closed at first.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open(Opening),
    /// One call is in flight, and it decides.
    Deciding(Opening),
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

#[derive(Clone, Debug)]
struct Opening {
    until: Timestamp,
    /// How long, so that the next time is twice that.
    span: Duration,
    why: String,
}

/// A call may be made. Its end must be reported with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As always.
    Normal,
    /// It decides whether the model works again.
    Deciding,
}

impl Breaker {
    /// Whether a call would be admitted.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn look(&self, now: Timestamp) -> Result<(), String> {
        match &self.state {
            State::Closed { .. } => Ok(()),
            State::Open(opening) if now >= opening.until => Ok(()),
            State::Open(_) | State::Deciding(_) => Err(self.words(now).unwrap_or_default()),
        }
    }

    /// Admits a call. A deciding one must end in a report, or in [`Self::abandoned`].
    ///
    /// # Errors
    /// Why not, for people.
    pub fn admit(&mut self, now: Timestamp) -> Result<Admission, String> {
        self.look(now)?;
        match std::mem::take(&mut self.state) {
            closed @ State::Closed { .. } => {
                self.state = closed;
                Ok(Admission::Normal)
            }
            State::Open(opening) | State::Deciding(opening) => {
                self.state = State::Deciding(opening);
                Ok(Admission::Deciding)
            }
        }
    }

    /// A call came through: the server answered, whatever the answer was worth. What was in flight when the breaker opened
    /// does not close it.
    pub fn worked(&mut self, admission: Admission) {
        match (&self.state, admission) {
            (State::Closed { .. }, _) | (State::Deciding(_), Admission::Deciding) => self.reset(),
            (State::Open(_), _) | (State::Deciding(_), Admission::Normal) => {}
        }
    }

    /// A call failed in a way that may pass. Whether that opened it.
    pub fn failed(&mut self, admission: Admission, why: &str, now: Timestamp) -> bool {
        match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures < FAILURES_MAX {
                    return false;
                }
                let why = format!("the last {failures} calls failed: {why}");
                self.open(Duration::from_secs(OPEN_S_MIN), why, now);
                true
            }
            State::Deciding(opening) if admission == Admission::Deciding => {
                let span = (opening.span * 2).min(Duration::from_secs(OPEN_S_MAX));
                self.open(span, format!("it still fails: {why}"), now);
                true
            }
            State::Open(_) | State::Deciding(_) => false,
        }
    }

    /// It will not work as things are. Stops calls until [`Self::reset`], or for [`BLOCKED_S`]; then one call decides.
    /// What is the matter with one request only stops nothing. Whether that opened it.
    pub fn block(&mut self, what: PermanentWhy, why: &str, now: Timestamp, admission: Admission) -> bool {
        let words = match what {
            PermanentWhy::Key => "the server does not accept the key",
            PermanentWhy::Model => "the server does not know the model, or the base URL is wrong",
            PermanentWhy::Structured => "the model or its server has no structured output (json_schema)",
            PermanentWhy::Quota => "the account at the server has no quota left",
            PermanentWhy::Other => {
                self.worked(admission);
                return false;
            }
        };
        let news = matches!(self.state, State::Closed { .. });
        self.open(Duration::from_secs(BLOCKED_S), format!("{words}: {why}"), now);
        news
    }

    /// A deciding call was given up before it ended: the next one decides.
    pub fn abandoned(&mut self, admission: Admission) {
        if admission == Admission::Deciding
            && let State::Deciding(opening) = std::mem::take(&mut self.state)
        {
            self.state = State::Open(opening);
        }
    }

    /// Closes it: an operator says that it works.
    pub fn reset(&mut self) {
        self.state = State::default();
    }

    /// What is wrong and when it is tried again, for people; none: nothing.
    pub fn words(&self, now: Timestamp) -> Option<String> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open(opening) if now >= opening.until => {
                Some(format!("{}; the next call tries again", opening.why))
            }
            State::Open(opening) => {
                let wait = show_span(opening.until.since(now));
                Some(format!("{}; tried again in {wait}", opening.why))
            }
            State::Deciding(opening) => Some(format!("{}; a call tries it now", opening.why)),
        }
    }

    fn open(&mut self, span: Duration, why: String, now: Timestamp) {
        self.state = State::Open(Opening { until: now.after(span), span, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.after(Duration::from_secs(seconds))
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.look(START), Ok(()));
            breaker.failed(Admission::Normal, "connection refused", START);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_between_them_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES_MAX {
                breaker.failed(Admission::Normal, "busy", START);
            }
            breaker.worked(Admission::Normal);
        }
        assert_eq!(breaker.words(START), None);
        let words = opened().words(at(6)).expect("it is open");
        assert_eq!(words, "the last 5 calls failed: connection refused; tried again in 24.0 s");
    }

    #[test]
    fn then_one_call_decides() {
        let mut breaker = opened();
        assert!(breaker.admit(at(29)).is_err());
        assert_eq!(breaker.admit(at(30)), Ok(Admission::Deciding));
        assert!(breaker.admit(at(30)).is_err(), "only one");
        breaker.worked(Admission::Normal);
        assert!(breaker.admit(at(31)).is_err(), "what was in flight before decides nothing");
        breaker.worked(Admission::Deciding);
        assert_eq!(breaker.admit(at(31)), Ok(Admission::Normal));
    }

    #[test]
    fn it_stays_open_twice_as_long_each_time_up_to_five_minutes() {
        let mut breaker = opened();
        let mut now = 30;
        for span in [60, 120, 240, 300, 300] {
            assert_eq!(breaker.admit(at(now)), Ok(Admission::Deciding));
            breaker.failed(Admission::Deciding, "busy", at(now));
            assert!(breaker.admit(at(now + span - 1)).is_err());
            now += span;
        }
        assert_eq!(breaker.admit(at(now)), Ok(Admission::Deciding));
    }

    #[test]
    fn a_deciding_call_that_was_given_up_leaves_the_decision_to_the_next() {
        let mut breaker = opened();
        let admission = breaker.admit(at(30)).expect("its time has come");
        breaker.abandoned(admission);
        assert_eq!(breaker.admit(at(30)), Ok(Admission::Deciding));
    }

    #[test]
    fn what_is_configured_wrongly_blocks_until_somebody_says_otherwise() {
        for what in [PermanentWhy::Key, PermanentWhy::Model, PermanentWhy::Structured, PermanentWhy::Quota] {
            let mut breaker = Breaker::default();
            assert!(breaker.block(what, "401", START, Admission::Normal));
            assert!(!breaker.block(what, "401", START, Admission::Normal), "no news");
            assert!(breaker.admit(at(BLOCKED_S - 1)).is_err());
            assert_eq!(breaker.clone().admit(at(BLOCKED_S)), Ok(Admission::Deciding));
            breaker.reset();
            assert_eq!(breaker.admit(START), Ok(Admission::Normal));
        }
        let mut breaker = Breaker::default();
        assert!(!breaker.block(PermanentWhy::Other, "400", START, Admission::Normal));
        assert_eq!(breaker.words(START), None);
    }
}
