//! The connection as the person sees it: a state of its own, so that nothing stale is ever shown as if it were now.

use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It is made for the first time, since then.
    Connecting { since: Timestamp },
    /// The daemon answers.
    Live,
    /// Nobody answers.
    Lost { before: Before, why: String, hint: Option<String>, retry_at: Timestamp },
    /// The daemon cannot be spoken to, and trying again does not help until something is changed.
    Refused { before: Before, why: String, hint: Option<String>, retry_at: Timestamp },
}

/// What there was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing: it was never reached, and is tried since then.
    Nothing(Timestamp),
    /// The daemon, heard of last at this time; what is shown is as old as that.
    Daemon(Timestamp),
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinkEvent {
    /// It is there.
    Up(Box<guildhall_protocol::handshake::Principal>),
    /// Something changed behind it.
    Changed,
    /// It is gone, or was not made: it was heard of last at `since`, and the next try is then.
    Down { error: ApiError, since: Timestamp, retry_at: Timestamp },
}

/// First wait before another try, and longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How long to wait after so many tries in a row; `share`, from 0 to 1, spreads those who wait.
pub(crate) fn back_off(tries: u32, share: f64) -> Duration {
    let full = RETRY_FIRST.saturating_mul(1 << tries.min(8)).min(RETRY_MAX);
    full.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0)
}

impl Link {
    /// After it was lost, or could not be made: the daemon was heard of last at `heard`, if it ever was.
    pub(crate) fn down(&self, error: &ApiError, heard: Timestamp, retry_at: Timestamp) -> Self {
        let (why, hint) = (error.message.clone(), error.hint.clone());
        let before = match self {
            Self::Connecting { since } => Before::Nothing(*since),
            Self::Live => Before::Daemon(heard),
            Self::Lost { before, .. } | Self::Refused { before, .. } => *before,
        };
        if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Unsupported | ErrorKind::Invalid) {
            return Self::Refused { before, why, hint, retry_at };
        }
        Self::Lost { before, why, hint, retry_at }
    }

    /// Whether orders can be given.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Self::Live => true,
            Self::Connecting { .. } | Self::Lost { .. } | Self::Refused { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_is_what_counts_as_the_age() {
        let error = ApiError::new(ErrorKind::Unavailable, "no daemon answers");
        let before = |link: &Link| match link {
            Link::Lost { before, .. } | Link::Refused { before, .. } => Some(*before),
            Link::Connecting { .. } | Link::Live => None,
        };
        let lost = Link::Live.down(&error, Timestamp(1_000), Timestamp(1_500));
        let again = lost.down(&error, Timestamp(5_000), Timestamp(9_000));
        assert!(matches!(again, Link::Lost { retry_at: Timestamp(9_000), .. }));
        assert_eq!(before(&again), Some(Before::Daemon(Timestamp(1_000))));
        let old = ApiError::new(ErrorKind::Unsupported, "too old");
        let refused = again.down(&old, Timestamp(6_000), Timestamp(9_000));
        assert!(matches!(refused, Link::Refused { .. }));
        let never = Link::Connecting { since: Timestamp(10) }.down(&old, Timestamp(11), Timestamp(20));
        let never = never.down(&error, Timestamp(12), Timestamp(30));
        assert_eq!(before(&never), Some(Before::Nothing(Timestamp(10))), "it was never there");
    }

    #[test]
    fn waits_grow_to_five_seconds_and_are_spread() {
        let ms = |tries, share| back_off(tries, share).as_millis();
        assert_eq!([ms(0, 1.0), ms(1, 1.0), ms(2, 1.0), ms(9, 1.0)], [500, 1_000, 2_000, 5_000]);
        assert_eq!(ms(9, 0.0), 2_500);
    }
}
