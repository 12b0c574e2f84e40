//! Messages elsewhere that show a job, and drafts, in memory.

use super::State;
use guildhall_daemon::store::front_end::{
    ClosedRecord, DRAFT_MS, DRAFTS_MAX, FrontEndCommand, Reach, SurfaceRecord,
};
use guildhall_daemon::store::{Answer, Outcome, StoreError};
use guildhall_protocol::ids::{JobId, SurfaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct FrontEnds {
    surfaces: BTreeMap<SurfaceId, Surface>,
    drafts: BTreeMap<(UserId, String), (String, Timestamp)>,
    closed: BTreeMap<(UserId, Channel), ClosedRecord>,
}

struct Surface {
    record: SurfaceRecord,
    channel: Channel,
    due_at: Timestamp,
    lease: Option<i64>,
}

impl Surface {
    fn shows(&mut self, shown: u64) {
        if shown > self.record.shown {
            (self.record.shown, self.record.tries) = (shown, 0);
        }
    }
}

impl FrontEnds {
    /// Largest id of a surface.
    pub(super) fn id_max(&self) -> i64 {
        self.surfaces.keys().next_back().map_or(0, |surface| surface.0)
    }

    /// What one user was writing, another one does, and is reached as they were.
    pub(super) fn move_user(&mut self, to: UserId, from: UserId) {
        let names: Vec<_> = self.drafts.keys().filter(|(user, _)| *user == from).cloned().collect();
        for key in names {
            if let Some(draft) = self.drafts.remove(&key) {
                self.drafts.entry((to, key.1)).or_insert(draft);
            }
        }
        for channel in Channel::ALL {
            if let Some(closed) = self.closed.remove(&(from, channel)) {
                self.closed.entry((to, channel)).or_insert(closed);
            }
        }
    }
}

impl State {
    pub(super) fn apply_front_end(
        &mut self,
        now: Timestamp,
        command: FrontEndCommand,
    ) -> Result<Outcome, StoreError> {
        match command {
            FrontEndCommand::Show { id, job, channel, address, shown } => {
                let known = self.front_ends.surfaces.values_mut().find(|surface| {
                    surface.channel == channel
                        && surface.record.job == job
                        && surface.record.address == address
                });
                if let Some(surface) = known {
                    surface.shows(shown);
                } else {
                    let record = SurfaceRecord { id, job, address, shown, tries: 0 };
                    let surface = Surface { record, channel, due_at: now, lease: None };
                    self.front_ends.surfaces.insert(id, surface);
                }
                Ok(Outcome::Done)
            }
            FrontEndCommand::LeaseSurfaces { channel, lease, until, limit } => {
                let jobs = &self.jobs;
                let is_behind = |surface: &Surface| {
                    let revision = jobs.get(&surface.record.job).map(|job| job.chain.revision);
                    surface.channel == channel
                        && surface.due_at <= now
                        && revision.is_some_and(|revision| revision > surface.record.shown)
                };
                let mut behind: Vec<&mut Surface> =
                    self.front_ends.surfaces.values_mut().filter(|surface| is_behind(surface)).collect();
                behind.sort_by_key(|surface| (surface.due_at, surface.record.id));
                behind.truncate(limit as usize);
                let mut handed_out = Vec::new();
                for surface in behind {
                    (surface.lease, surface.due_at) = (Some(lease), until);
                    surface.record.tries += 1;
                    handed_out.push(surface.record.clone());
                }
                Ok(Outcome::Surfaces(handed_out))
            }
            FrontEndCommand::SettleSurface { id, lease, shown, due_at } => {
                let surface = self.front_ends.surfaces.get_mut(&id);
                let surface =
                    surface.filter(|surface| surface.lease == Some(lease)).ok_or(StoreError::Stale)?;
                if let Some(shown) = shown {
                    surface.shows(shown);
                    (surface.lease, surface.due_at) = (None, due_at);
                } else {
                    self.front_ends.surfaces.remove(&id);
                }
                Ok(Outcome::Done)
            }
            FrontEndCommand::Reach { user, channel, reach } => {
                let closed = &mut self.front_ends.closed;
                match reach {
                    Reach::Open => drop(closed.remove(&(user, channel))),
                    Reach::Closed => {
                        closed.entry((user, channel)).or_insert(ClosedRecord { at: now, told: false }).at =
                            now;
                    }
                    Reach::Told => {
                        let known = closed.get_mut(&(user, channel)).filter(|closed| !closed.told);
                        known.ok_or(StoreError::Stale)?.told = true;
                    }
                }
                Ok(Outcome::Done)
            }
            FrontEndCommand::Release { channel } => {
                for notified in self.notifications.values_mut() {
                    if notified.row.channel == channel && notified.row.due_at.is_some() {
                        notified.lease = None;
                    }
                }
                self.places.release(channel);
                for surface in self.front_ends.surfaces.values_mut() {
                    if surface.channel == channel && surface.lease.is_some() {
                        (surface.lease, surface.due_at) = (None, now);
                    }
                }
                Ok(Outcome::Done)
            }
            FrontEndCommand::KeepDraft { user, name, content } => {
                let drafts = &mut self.front_ends.drafts;
                drafts.retain(|_, (_, kept_at)| kept_at.0 >= now.0 - DRAFT_MS);
                drafts.insert((user, name), (content, now));
                let mut own: Vec<(Timestamp, String)> = drafts
                    .iter()
                    .filter(|((owner, _), _)| *owner == user)
                    .map(|((_, name), (_, kept_at))| (*kept_at, name.clone()))
                    .collect();
                own.sort();
                let many = own.len().saturating_sub(DRAFTS_MAX as usize);
                for (_, name) in own.into_iter().take(many) {
                    drafts.remove(&(user, name));
                }
                Ok(Outcome::Done)
            }
        }
    }

    pub(super) fn draft(&self, user: UserId, name: String, since: Timestamp) -> Answer {
        let kept = self.front_ends.drafts.get(&(user, name));
        Answer::Text(kept.filter(|(_, kept_at)| *kept_at >= since).map(|(content, _)| content.clone()))
    }

    pub(super) fn closed(&self, user: UserId, channel: Channel) -> Answer {
        Answer::Closed(self.front_ends.closed.get(&(user, channel)).copied())
    }

    pub(super) fn surfaces(&self, job: JobId) -> Answer {
        let surfaces = self.front_ends.surfaces.values().filter(|surface| surface.record.job == job);
        Answer::Surfaces(surfaces.map(|surface| surface.record.clone()).collect())
    }
}
