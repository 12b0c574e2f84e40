//! What front ends keep in the store: messages elsewhere that show a job, and posts that somebody is still writing.

use guildhall_protocol::ids::{JobId, SurfaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;

/// How long a draft is kept, ms: a day.
pub const DRAFT_MS: i64 = 86_400_000;
/// After so long somebody who takes nothing on a channel is tried there again, ms: an hour.
pub const CLOSED_MS: i64 = 3_600_000;
/// Most drafts of one user; the oldest goes.
pub const DRAFTS_MAX: u32 = 10;

/// A change to what front ends keep. It leaves no history: nothing here decides anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontEndCommand {
    /// A message shows a job; one that is known shows this revision now, if it is a later one.
    Show {
        /// Its number, if it is new.
        id: SurfaceId,
        /// The job.
        job: JobId,
        /// Where.
        channel: Channel,
        /// What the front end finds it by; opaque here.
        address: String,
        /// The job's revision that it shows.
        shown: u64,
    },
    /// Hands out messages that show less than there is, by `due_at` and number. Answers `Surfaces`.
    LeaseSurfaces {
        /// Where.
        channel: Channel,
        /// Names the lease.
        lease: i64,
        /// When they are handed out again, unless somebody says what became of them.
        until: Timestamp,
        /// At most so many.
        limit: u32,
    },
    /// What became of a message that was handed out. Guarded by its lease.
    SettleSurface {
        /// The message.
        id: SurfaceId,
        /// The lease.
        lease: i64,
        /// The revision that it shows now; none: it is gone, and is forgotten.
        shown: Option<u64>,
        /// When it is handed out again, if it shows less than there is by then.
        due_at: Timestamp,
    },
    /// How somebody is reached on a channel. `Reach::Told` is refused with `Stale` where there is nothing to tell.
    Reach {
        /// Who.
        user: UserId,
        /// Where.
        channel: Channel,
        /// How.
        reach: Reach,
    },
    /// Takes back what was handed out on a channel, notices, alerts and messages: whoever had it is gone.
    Release {
        /// Where.
        channel: Channel,
    },
    /// Keeps a draft under a name of its user's; old ones go.
    KeepDraft {
        /// Whose.
        user: UserId,
        /// Its name; the same name replaces it.
        name: String,
        /// What is in it; opaque here.
        content: String,
    },
}

/// How somebody is reached on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// They take what is sent there.
    Open,
    /// They take nothing there now.
    Closed,
    /// They know that they take nothing there.
    Told,
}

/// Somebody takes nothing on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedRecord {
    /// When that was last seen.
    pub at: Timestamp,
    /// Whether they know it.
    pub told: bool,
}

/// A message elsewhere that shows a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceRecord {
    /// Its number.
    pub id: SurfaceId,
    /// The job.
    pub job: JobId,
    /// What the front end finds it by.
    pub address: String,
    /// The job's revision that it shows.
    pub shown: u64,
    /// How often it was handed out since it last showed something new.
    pub tries: u32,
}
