//! What `Retry-After` asks for, of agents and of servers of models alike.

use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// Reads seconds or an HTTP date; at most `longest`.
pub fn read_retry_after(text: &str, now: Timestamp, longest: Duration) -> Option<Duration> {
    let text = text.trim();
    let asked = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Timestamp(date.timestamp().as_millisecond()).since(now)
    };
    Some(asked.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_mins(10);

    #[test]
    fn retry_after_is_read_and_capped() {
        let now = Timestamp(1_795_390_000_000);
        let table = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999", Some(600)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(read_retry_after(text, now, LONGEST), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(read_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now, LONGEST), Some(Duration::ZERO));
    }
}
