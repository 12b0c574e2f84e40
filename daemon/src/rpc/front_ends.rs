//! Calls of front ends that serve a channel: messages elsewhere that show jobs, and drafts.

use super::Caller;
use super::errors::{denied_channel, invalid, store};
use crate::store::front_end::{DRAFT_MS, FrontEndCommand, Reach};
use crate::store::{AccountQuery, Command, Outcome, Query, StoreError};
use guildhall_protocol::account::Identity;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, SurfaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::surface::{ADDRESS_BYTES_MAX, DRAFT_BYTES_MAX, DRAFT_NAME_BYTES_MAX, LeasedSurface};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::PAGE_ROWS_MAX;
use std::time::Duration;

/// How long a message is leased for.
const LEASE: Duration = Duration::from_mins(1);
/// Most messages that show one job.
const SURFACES_MAX: usize = 20;
/// Longest wait until a message is handed out again, ms: a day.
const AGAIN_MS_MAX: u64 = 86_400_000;

impl Caller {
    pub(super) async fn shown_at(
        &self,
        job: JobId,
        channel: Channel,
        address: String,
        shown: u64,
    ) -> Result<(), ApiError> {
        if channel != Channel::Discord {
            return Err(denied_channel(channel));
        }
        // A front end says where it shows something, in its reader's name: others would have it change what it shows.
        if !self.who.terms.bridged {
            self.check_teller()?;
        }
        if address.is_empty() || address.len() > ADDRESS_BYTES_MAX {
            return Err(invalid("address", format!("an address has 1 to {ADDRESS_BYTES_MAX} bytes")));
        }
        let job = self.visible_job(job).await?.id;
        let known = self.desk.store().surfaces(Query::Surfaces(job)).await.map_err(store)?;
        if known.len() >= SURFACES_MAX && known.iter().all(|surface| surface.address != address) {
            let told = format!("job {job} is shown in {SURFACES_MAX} messages, the most there may be");
            return Err(ApiError::new(ErrorKind::Limited, told));
        }
        let now = Timestamp::now();
        let id = SurfaceId(self.desk.maker().id(now));
        let command = FrontEndCommand::Show { id, job, channel, address, shown };
        self.desk.store().apply(now, Command::FrontEnd(command)).await.map_err(store).map(drop)
    }

    pub(super) async fn surfaces_behind(
        &self,
        channel: Channel,
        limit: u32,
    ) -> Result<Vec<LeasedSurface>, ApiError> {
        self.check_teller()?;
        let (maker, now) = (self.desk.maker(), Timestamp::now());
        let lease = maker.id(now);
        let (until, limit) = (now.after(LEASE), limit.clamp(1, PAGE_ROWS_MAX));
        let command = FrontEndCommand::LeaseSurfaces { channel, lease, until, limit };
        let outcome = self.desk.store().apply(now, Command::FrontEnd(command)).await.map_err(store)?;
        let Outcome::Surfaces(behind) = outcome else {
            return Err(store(StoreError::Unavailable("an outcome of another command".to_owned())));
        };
        let mut leased = Vec::new();
        for surface in behind {
            let job = self.desk.store().jobs(Query::Job(surface.job)).await.map_err(store)?;
            let Some(head) = self.heads(job).await?.pop() else { continue };
            let client = self.known_on(channel, head.client).await?;
            let mut others = self.addresses(head.id).await?;
            others.retain(|other| *other != surface.address);
            let (id, address, shown, tries) = (surface.id, surface.address, surface.shown, surface.tries);
            leased.push(LeasedSurface { id, lease, address, shown, job: head, client, tries, others });
        }
        Ok(leased)
    }

    /// Where a job is shown.
    pub(super) async fn surfaces_of(&self, job: JobId, channel: Channel) -> Result<Vec<String>, ApiError> {
        if channel != Channel::Discord {
            return Err(denied_channel(channel));
        }
        // Only front ends know how to read it.
        if !self.who.terms.bridged {
            self.check_teller()?;
        }
        let job = self.visible_job(job).await?.id;
        self.addresses(job).await
    }

    async fn addresses(&self, job: JobId) -> Result<Vec<String>, ApiError> {
        let surfaces = self.desk.store().surfaces(Query::Surfaces(job)).await.map_err(store)?;
        Ok(surfaces.into_iter().map(|surface| surface.address).collect())
    }

    pub(super) async fn closed_heard(&self, channel: Channel) -> Result<bool, ApiError> {
        let user = self.who.user;
        let known = self.desk.store().closed(Query::Closed { user, channel }).await.map_err(store)?;
        if known.is_none_or(|closed| closed.told) {
            return Ok(false);
        }
        match self.reach(user, channel, Reach::Told).await {
            Ok(()) => Ok(true),
            // They hear of it elsewhere just now.
            Err(StoreError::Stale) => Ok(false),
            Err(error) => Err(store(error)),
        }
    }

    /// Keeps how somebody is reached on a channel.
    pub(super) async fn reach(&self, user: UserId, channel: Channel, reach: Reach) -> Result<(), StoreError> {
        let command = Command::FrontEnd(FrontEndCommand::Reach { user, channel, reach });
        self.desk.store().apply(Timestamp::now(), command).await.map(drop)
    }

    pub(super) async fn surface_settled(
        &self,
        id: SurfaceId,
        lease: i64,
        shown: Option<u64>,
        again_ms: u64,
    ) -> Result<(), ApiError> {
        self.check_teller()?;
        let now = Timestamp::now();
        let due_at = now.after(Duration::from_millis(again_ms.min(AGAIN_MS_MAX)));
        let command = FrontEndCommand::SettleSurface { id, lease, shown, due_at };
        self.desk.store().apply(now, Command::FrontEnd(command)).await.map_err(store).map(drop)
    }

    pub(super) async fn leases_released(&self, channel: Channel) -> Result<(), ApiError> {
        self.check_teller()?;
        let command = Command::FrontEnd(FrontEndCommand::Release { channel });
        self.desk.store().apply(Timestamp::now(), command).await.map_err(store).map(drop)
    }

    /// How a user is known on a channel.
    pub(super) async fn known_on(
        &self,
        channel: Channel,
        user: UserId,
    ) -> Result<Option<Identity>, ApiError> {
        let known = Query::Account(AccountQuery::Identities(user));
        let known = self.desk.store().identities(known).await.map_err(store)?;
        Ok(known.into_iter().find(|identity| identity.kind == channel.name()))
    }

    pub(super) async fn draft_kept(&self, name: String, content: String) -> Result<(), ApiError> {
        if name.is_empty() || name.len() > DRAFT_NAME_BYTES_MAX {
            return Err(invalid("name", format!("a draft's name has 1 to {DRAFT_NAME_BYTES_MAX} bytes")));
        }
        if content.len() > DRAFT_BYTES_MAX {
            return Err(invalid("content", format!("a draft has at most {DRAFT_BYTES_MAX} bytes")));
        }
        let command = FrontEndCommand::KeepDraft { user: self.who.user, name, content };
        let now = Timestamp::now();
        self.desk.store().apply(now, Command::FrontEnd(command)).await.map_err(store).map(drop)
    }

    pub(super) async fn draft_of(&self, name: String) -> Result<Option<String>, ApiError> {
        let since = Timestamp(Timestamp::now().0 - DRAFT_MS);
        let query = Query::Draft { user: self.who.user, name, since };
        self.desk.store().text(query).await.map_err(store)
    }
}
