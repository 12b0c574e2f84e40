//! Points in time and spans as the marketplace keeps them: UTC milliseconds, written the way that people write them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

pub use jiff::tz::TimeZone;

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The wall clock. Only the edges call this: decisions take `now` as a value.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// This time plus a span, stopping at the end of time.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time less a span, stopping at the beginning of time.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` until this; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with milliseconds: `2026-11-22T22:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Reads a span as people type it: `90s`, `30m`, `2h`, `3d`, `1w`, and sums such as `1h30m`.
///
/// # Errors
/// Names the text and the accepted forms. A bare number is refused: nobody knows its unit.
pub fn parse_span(text: &str) -> Result<Duration, ParseTimeError> {
    let wrong = || ParseTimeError { text: text.chars().take(40).collect() };
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let (unit, following) = if let Some(following) = rest[digits..].strip_prefix("ms") {
            (1, following)
        } else {
            let mut letters = rest[digits..].chars();
            let unit = match letters.next() {
                Some('s') => 1_000,
                Some('m') => 60_000,
                Some('h') => 3_600_000,
                Some('d') => 86_400_000,
                Some('w') => 604_800_000,
                _ => return Err(wrong()),
            };
            (unit, letters.as_str())
        };
        let millis = number.checked_mul(unit).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_millis(millis)).ok_or_else(wrong)?;
        rest = following.trim_start();
    }
    Ok(total)
}

/// Reads a point in time as people type it: a span from `now` (`2h`), a clock time in `zone` (`18:30`, the next one),
/// or ISO 8601 (`2026-11-22T22:00:00Z`; without an offset it is in `zone`).
///
/// # Errors
/// Names the text and the accepted forms.
pub fn parse_moment(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, ParseTimeError> {
    let text = text.trim();
    if let Ok(span) = parse_span(text) {
        return Ok(now.after(span));
    }
    let wrong = || ParseTimeError { text: text.chars().take(40).collect() };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(time.as_millisecond()));
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        let zoned = civil.to_zoned(zone.clone()).map_err(|_| wrong())?;
        return Ok(Timestamp(zoned.timestamp().as_millisecond()));
    }
    let time: jiff::civil::Time = text.parse().map_err(|_| wrong())?;
    let here = jiff::Timestamp::from_millisecond(now.0).map_err(|_| wrong())?.to_zoned(zone.clone());
    // A clock that is set back shows some times twice, and one that is set forward leaves some out: a day is looked at by
    // itself.
    let today = || zone.to_ambiguous_zoned(here.date().to_datetime(time));
    let coming = [today().earlier(), today().later()].into_iter().flatten().find(|today| *today > here);
    let next = if let Some(today) = coming {
        today
    } else {
        let tomorrow = here.date().tomorrow().map_err(|_| wrong())?;
        tomorrow.to_datetime(time).to_zoned(zone.clone()).map_err(|_| wrong())?
    };
    Ok(Timestamp(next.timestamp().as_millisecond()))
}

/// Whether a time as people type it is another moment in another zone: `18:30`, or `2026-12-01 10:00`.
pub fn is_local(text: &str) -> bool {
    let text = text.trim();
    let is_moment = parse_span(text).is_ok() || text.parse::<jiff::Timestamp>().is_ok();
    !is_moment && (text.parse::<jiff::civil::DateTime>().is_ok() || text.parse::<jiff::civil::Time>().is_ok())
}

/// The time zone with this IANA name, such as `Europe/Berlin`, however it is capitalized; its name as the database writes it
/// is [`TimeZone::iana_name`].
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name.trim()).ok().filter(|zone| zone.iana_name().is_some())
}

/// The names of all time zones, sorted.
pub fn zone_names() -> Vec<String> {
    let is_name = |name: &String| {
        let is_region = name.contains('/') || name == "UTC";
        is_region && !name.starts_with("posix/") && !name.starts_with("right/")
    };
    let mut names: Vec<String> =
        jiff::tz::db().available().map(|name| name.as_str().to_owned()).filter(is_name).collect();
    names.sort();
    names.dedup();
    names
}

/// A point in time on the clocks of a zone: `18:05`.
pub fn show_clock(at: Timestamp, zone: &TimeZone) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).map(|time| time.to_zoned(zone.clone()));
    time.map_or_else(|_| at.to_string(), |time| time.strftime("%H:%M").to_string())
}

/// Writes a span for people, in its two largest units: `340 ms`, `12.3 s`, `4m 05s`, `2h 10m`, `3d 4h`.
pub fn show_span(span: Duration) -> String {
    let millis = span.as_millis();
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", seconds, millis % 1000 / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a time: write a span such as 90s, 2h or 3d, a clock time such as 18:30, or 2026-11-22T22:00:00Z"
)]
pub struct ParseTimeError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(parse_span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_span("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "5", "h", "2x", "2h3", "-1h", "99999999999999999999d", "18446744073709551615w"] {
            assert!(parse_span(wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_clock_time_is_the_next_one() {
        let now = Timestamp(jiff::Timestamp::from_second(1_795_390_000).expect("a time").as_millisecond());
        let moment = |text| parse_moment(text, now, &TimeZone::UTC);
        assert_eq!(now.to_string(), "2026-11-22T23:26:40.000Z");
        assert_eq!(moment("23:30").expect("a time").to_string(), "2026-11-22T23:30:00.000Z");
        assert_eq!(moment("09:00").expect("a time").to_string(), "2026-11-23T09:00:00.000Z");
        assert_eq!(
            moment("2026-12-01T10:00:00+01:00").expect("a time").to_string(),
            "2026-12-01T09:00:00.000Z"
        );
        assert_eq!(moment("2026-12-01 10:00").expect("a time").to_string(), "2026-12-01T10:00:00.000Z");
        assert!(moment("soon").is_err());
    }

    #[test]
    fn a_clock_time_follows_the_zone_through_its_changes() {
        let berlin = zone("europe/berlin").expect("a zone");
        assert_eq!(berlin.iana_name(), Some("Europe/Berlin"));
        let moment = |text: &str, now: &str| {
            let now = now.parse::<jiff::Timestamp>().expect("a time");
            parse_moment(text, Timestamp(now.as_millisecond()), &berlin).expect("a time").to_string()
        };
        // An hour is left out in the night to the 29th of March, and one comes twice in that to the 25th of October.
        assert_eq!(moment("18:00", "2026-03-28T12:00:00Z"), "2026-03-28T17:00:00.000Z");
        assert_eq!(moment("18:00", "2026-03-28T20:00:00Z"), "2026-03-29T16:00:00.000Z");
        assert_eq!(moment("02:30", "2026-03-28T20:00:00Z"), "2026-03-29T01:30:00.000Z");
        assert_eq!(moment("02:30", "2026-10-24T20:00:00Z"), "2026-10-25T00:30:00.000Z");
        // The time that was left out today is there tomorrow; the one that comes twice is still to come once it was there.
        assert_eq!(moment("02:30", "2026-03-29T12:00:00Z"), "2026-03-30T00:30:00.000Z");
        assert_eq!(moment("02:30", "2026-10-25T00:45:00Z"), "2026-10-25T01:30:00.000Z");
        assert_eq!(moment("02:30", "2026-10-25T02:00:00Z"), "2026-10-26T01:30:00.000Z");
        assert_eq!(moment("2026-12-01 10:00", "2026-03-28T20:00:00Z"), "2026-12-01T09:00:00.000Z");
        for (text, expected) in [("18:00", true), ("2026-12-01 10:00", true), ("2h", false), ("soon", false)]
        {
            assert_eq!(is_local(text), expected, "{text}");
        }
        assert!(!is_local("2026-12-01T10:00:00Z"));
        assert!(zone("Mars/Olympus").is_none() && zone("").is_none());
        let names = zone_names();
        assert!(names.len() > 300 && names.iter().all(|name| zone(name).is_some()), "{}", names.len());
    }
}
