//! Something that is read from the daemon: what it is, how old, and when it must be read again.

use super::need::Answer;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Between two readings of the same thing while it changes.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// After a reading that failed.
const AGAIN_AFTER_TROUBLE: Duration = Duration::from_secs(2);

/// Something that was read, or is being read, or could not be.
#[derive(Clone, Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) value: Option<T>,
    /// When it was so.
    pub(crate) at: Timestamp,
    /// The change of the daemon that it shows.
    seen: u64,
    /// Why the last reading failed.
    pub(crate) trouble: Option<ApiError>,
    /// When it was asked for last, and at which change.
    asked: Option<(Timestamp, u64)>,
    pub(super) in_flight: bool,
}

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self { value: None, at: Timestamp(0), seen: 0, trouble: None, asked: None, in_flight: false }
    }
}

/// Whether something must be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    At(Timestamp),
    Never,
}

/// How something stands that is shown or should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// As of when it is what is shown; none: nothing is.
    pub(crate) shown_of: Option<Timestamp>,
    /// Why the last reading failed, if it did.
    pub(crate) failed: Option<&'a ApiError>,
    /// When it is read again after that; none: that is under way.
    pub(crate) again_at: Option<Timestamp>,
}

impl<T> Loaded<T> {
    /// How it stands.
    pub(super) fn reading(&self) -> Reading<'_> {
        let again_at = self.asked.map(|(asked, _)| asked.after(AGAIN_AFTER_TROUBLE));
        Reading {
            shown_of: self.value.as_ref().map(|_| self.at),
            failed: self.trouble.as_ref(),
            again_at: again_at.filter(|_| !self.in_flight),
        }
    }

    pub(super) fn when(&self, version: u64, now: Timestamp) -> When {
        if self.in_flight {
            return When::Never;
        }
        let Some((asked, _)) = self.asked else { return When::Now };
        if self.trouble.is_none() && self.seen >= version {
            return When::Never;
        }
        let pause = if self.trouble.is_some() { AGAIN_AFTER_TROUBLE } else { AGAIN_AFTER };
        if asked.after(pause) <= now { When::Now } else { When::At(asked.after(pause)) }
    }

    pub(super) fn ask(&mut self, version: u64, now: Timestamp) {
        self.asked = Some((now, version));
        self.in_flight = true;
    }

    pub(super) fn take(&mut self, now: Timestamp, answer: Result<T, ApiError>) {
        self.in_flight = false;
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.at = now;
                self.seen = self.asked.map_or(0, |(_, version)| version);
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error),
        }
    }

    /// It is read again soon, whatever changed.
    pub(super) fn renew(&mut self) {
        self.asked = None;
        self.in_flight = false;
    }
}

/// Takes an answer of the kind that `read` knows; what nobody waits for any more is dropped.
pub(super) fn settle<T>(
    place: Option<&mut Loaded<T>>,
    now: Timestamp,
    answer: Result<Answer, ApiError>,
    read: impl FnOnce(Answer) -> Option<T>,
) {
    let Some(place) = place else { return };
    match answer {
        Ok(answer) => {
            if let Some(value) = read(answer) {
                place.take(now, Ok(value));
            }
        }
        Err(error) => place.take(now, Err(error)),
    }
}
