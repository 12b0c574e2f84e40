//! Newtype ids. Numbers are never reused; whatever leaves the store and may come back carries the store's tag.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The beginning of ids that are ordered by time: 2026-01-01, in Unix ms. What is left of 53 bits are 69 years of milliseconds.
pub const ID_EPOCH_MS: i64 = 1_767_225_600_000;
/// Such ids per millisecond before they run ahead of the clock.
pub const IDS_PER_MS: i64 = 1 << 12;

/// The least id of those that are made at a time, by the clock of whoever makes them.
pub fn earliest_id(at: Timestamp) -> i64 {
    at.0.saturating_sub(ID_EPOCH_MS).max(0).saturating_mul(IDS_PER_MS)
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $shown:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($shown, "{}"), self.0)
            }
        }
    };
}

number!(
    /// A job's number: a plain integer that a person can say out loud. Shown as `#1042`.
    JobId(i64), "#");
number!(
    /// An agent's number. People use its name; the number survives renames.
    AgentId(i64), "agent ");
number!(
    /// A version of an agent's definition, from 1; immutable once written.
    AgentVersion(u32), "v");
number!(
    /// A user's number.
    UserId(i64), "user ");
number!(
    /// Where people meet the marketplace: a Discord server, or the local machine ([`PlaceId::LOCAL`]).
    PlaceId(i64), "place ");
number!(
    /// A stored body of bytes: a brief, an answer, a definition. Ordered by time.
    BodyId(i64), "body ");
number!(
    /// One line of the live feed, in commit order.
    EventId(i64), "event ");
number!(
    /// A notification to one person.
    NotificationId(i64), "notification ");
number!(
    /// Something that the operators of a place must know, told in its alert channel.
    AlertId(i64), "alert ");
number!(
    /// A message to an agent beside its delivery.
    MessageId(i64), "message ");
number!(
    /// A token that lets somebody in.
    TokenId(i64), "token ");
number!(
    /// A message elsewhere that shows a job.
    SurfaceId(i64), "surface ");
number!(
    /// One request to an agent's endpoint, kept for a while.
    DeliveryLogId(i64), "delivery ");
number!(
    /// One run of a daemon on a store, from 1. Leases name it.
    Incarnation(i64), "incarnation ");
number!(
    /// An agent's try at a job, from 1.
    AttemptNumber(u32), "");

impl EventId {
    /// Before everything that happened from a time on: the feed begins there.
    pub fn earliest(at: Timestamp) -> Self {
        Self(earliest_id(at))
    }
}

impl PlaceId {
    /// The local machine: the place of everybody who comes through the unix socket.
    pub const LOCAL: Self = Self(1);
}

impl FromStr for JobId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        match digits.parse::<i64>() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(ParseIdError {
                text: text.chars().take(40).collect(),
                expected: "a job number such as 1042",
            }),
        }
    }
}

/// One attempt of one job, shown as `#1042.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptRef {
    /// The job.
    pub job: JobId,
    /// The attempt's number within it.
    pub number: AttemptNumber,
}

impl fmt::Display for AttemptRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.job, self.number)
    }
}

/// A store's random tag: six characters of `a-z2-7`, so that two stores' job 1 are never confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreTag([u8; 6]);

impl StoreTag {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

    /// The tag made of thirty of `random`'s bits.
    pub fn from_random(random: u32) -> Self {
        let mut tag = [0; 6];
        for (index, letter) in tag.iter_mut().enumerate() {
            *letter = Self::ALPHABET[(random >> (5 * index)) as usize & 31];
        }
        Self(tag)
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a tag holds letters of its alphabet only")
    }
}

impl FromStr for StoreTag {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match <[u8; 6]>::try_from(text.as_bytes()) {
            Ok(tag) if tag.iter().all(|letter| Self::ALPHABET.contains(letter)) => Ok(Self(tag)),
            _ => Err(ParseIdError {
                text: text.chars().take(40).collect(),
                expected: "a store tag of six characters a-z, 2-7",
            }),
        }
    }
}

impl TryFrom<String> for StoreTag {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<StoreTag> for String {
    fn from(tag: StoreTag) -> Self {
        tag.as_str().to_owned()
    }
}

impl fmt::Display for StoreTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id under which an agent receives an attempt: `att_<tag>_<job>_<attempt>`. It is the `webhook-id` of the delivery
/// and stays the same on every resend, so that an agent can tell a repetition from a new job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// The store that made it.
    pub store: StoreTag,
    /// The attempt that it delivers.
    pub attempt: AttemptRef,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "att_{}_{}_{}", self.store, self.attempt.job.0, self.attempt.number.0)
    }
}

impl FromStr for DeliveryId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError {
            text: text.chars().take(60).collect(),
            expected: "a delivery id att_<tag>_<job>_<attempt>",
        };
        let mut parts = text.strip_prefix("att_").ok_or_else(wrong)?.split('_');
        let (Some(tag), Some(job), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let attempt = AttemptRef {
            job: job.parse().map_err(|_| wrong())?,
            number: AttemptNumber(number.parse().map_err(|_| wrong())?),
        };
        let id = Self { store: tag.parse().map_err(|_| wrong())?, attempt };
        // One spelling per id: "007" is not "7".
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

/// Made by the caller of a writing call, one per intention: the same request again gives the same outcome.
/// One to 100 characters of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

impl RequestId {
    /// Longest id, in characters.
    pub const LENGTH_MAX: usize = 100;

    /// A fresh id, ordered by time so that storing many stays cheap.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let allowed = |letter: u8| letter.is_ascii_alphanumeric() || b"._:-".contains(&letter);
        if (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError {
                text: text.chars().take(40).collect(),
                expected: "a request id of 1 to 100 characters A-Z a-z 0-9 . _ : -",
            })
        }
    }
}

impl TryFrom<String> for RequestId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not an id of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivery_ids_have_one_spelling() {
        let store = StoreTag::from_random(12_345);
        let attempt = AttemptRef { job: JobId(1042), number: AttemptNumber(2) };
        let id = DeliveryId { store, attempt };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(attempt.to_string(), "#1042.2");
        for wrong in [
            "",
            "att_",
            "att_aaaaaa_1",
            "att_aaaaaa_01_2",
            "att_aaaaaa_1_2_3",
            "att_AAAAAA_1_2",
            "att_aaaaaa_-1_2",
        ] {
            assert!(wrong.parse::<DeliveryId>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        assert!(RequestId::fresh().as_str().parse::<RequestId>().is_ok());
        assert!("nightly:2026-11-23.7".parse::<RequestId>().is_ok());
        for wrong in ["", "a b", "a/b", "ü", &"x".repeat(101)] {
            assert!(wrong.parse::<RequestId>().is_err(), "{wrong:?} was accepted");
        }
    }
}
