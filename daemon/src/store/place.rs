//! What is written and asked about places: what is settled for them, and what their operators must know.

use super::command::Request;
use super::entry::Entry;
use super::record::Chain;
use guildhall_protocol::account::Identity;
use guildhall_protocol::ids::{AlertId, JobId, PlaceId};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::place::PlaceSettings;
use guildhall_protocol::time::Timestamp;

/// A change to places.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a command is handed over once, and few wait at a time")]
pub enum PlaceCommand {
    /// Finds the place with this identity, or makes one. Answers `Place`.
    See {
        /// How it is known.
        identity: Identity,
        /// Its name; a known place takes it.
        name: String,
    },
    /// What is settled for a place from now on. Guarded by the place's revision.
    Turn {
        /// Makes it idempotent.
        request: Request,
        /// The place as read.
        fence: PlaceFence,
        /// All of it.
        settings: PlaceSettings,
        /// Its record.
        entry: Entry,
    },
    /// Hands out what places must be told that are known on a channel, to be told before `until`: due, and not handed out to
    /// anybody else. Answers `Alerts`.
    LeaseAlerts {
        /// The channel; places of this kind.
        channel: Channel,
        /// Names the lease.
        lease: i64,
        /// When it ends.
        until: Timestamp,
        /// At most so many.
        limit: u32,
    },
    /// What became of an alert. Guarded by its lease.
    SettleAlert {
        /// The alert.
        id: AlertId,
        /// The lease.
        lease: i64,
        /// When it is told again; none when it is done with, and forgotten.
        due_at: Option<Timestamp>,
    },
}

/// A place as the caller read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceFence {
    /// The place.
    pub place: PlaceId,
    /// The head of its history.
    pub chain: Chain,
}

/// A question about places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceQuery {
    /// One place. Answers `Places` with one row or none.
    Place(PlaceId),
    /// The place that is known so. Answers `Places` with one row or none.
    Known(Identity),
    /// An alert that is not told yet. Answers `Alerts` with one row or none.
    Alert(AlertId),
    /// Places by number. Answers `Places`.
    Places {
        /// After this one.
        after: PlaceId,
        /// At most so many.
        limit: u32,
    },
}

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRecord {
    /// Its number.
    pub id: PlaceId,
    /// How it is known.
    pub identity: Identity,
    /// How it is called; foreign text.
    pub name: String,
    /// What is settled.
    pub settings: PlaceSettings,
    /// The head of its history.
    pub chain: Chain,
}

/// Something that a place's alert channel is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// Its number.
    pub id: AlertId,
    /// The place.
    pub place: PlaceId,
    /// What kind of notice.
    pub kind: NoticeKind,
    /// About which job.
    pub job: Option<JobId>,
    /// When it was written.
    pub made_at: Timestamp,
    /// How often it was handed out.
    pub tries: u32,
}
