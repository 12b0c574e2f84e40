//! Callbacks, appeals, messages, notifications and people, in memory.

use super::write::head;
use super::{Notified, State};
use guildhall_daemon::store::{
    AppealRecord, AppealTurn, Callback, Cause, Chain, Conflict, Entry, MessageRecord, NewDelivery,
    NoticeLogRecord, NotificationRecord, Outcome, PersonRecord, Receipt, Request, SealedSecret, StoreError,
};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AttemptRef, JobId, MessageId, NotificationId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;

type Result<T> = std::result::Result<T, StoreError>;

impl State {
    pub(super) fn repeated_cause(&self, cause: Option<&Cause>) -> Result<Option<Outcome>> {
        let Callback { attempt, id, hash } = match cause {
            None => return Ok(None),
            Some(Cause::Request(request)) => return self.repeated(request),
            Some(Cause::Callback(callback)) => callback,
        };
        match self.callbacks.get(&(attempt.job, attempt.number.0, id.clone())) {
            None => Ok(None),
            Some((kept, _)) if kept == hash => Ok(Some(Outcome::Repeated(Receipt::Job(attempt.job)))),
            Some(_) => Err(StoreError::Conflict(Conflict::RequestReused)),
        }
    }

    pub(super) fn keep_cause(&mut self, now: Timestamp, cause: Option<&Cause>, receipt: Receipt) {
        match cause {
            None => {}
            Some(Cause::Request(request)) => self.keep(now, Some(request), receipt),
            Some(Cause::Callback(Callback { attempt, id, hash })) => {
                self.callbacks.insert((attempt.job, attempt.number.0, id.clone()), (*hash, now));
            }
        }
    }

    pub(super) fn check_appeal(&self, job: JobId, appeal: &AppealTurn) -> Result<()> {
        let (attempt, kind) = match appeal {
            AppealTurn::Made { attempt, kind, .. } | AppealTurn::Decided { attempt, kind, .. } => {
                (attempt, kind)
            }
        };
        let known = self.appeals.get(&(job, attempt.0, kind.name()));
        match appeal {
            AppealTurn::Made { .. } if known.is_some() => Err(StoreError::Conflict(Conflict::Appealed)),
            AppealTurn::Decided { .. } if known.is_none_or(|known| known.upheld.is_some()) => {
                Err(StoreError::Stale)
            }
            AppealTurn::Made { .. } | AppealTurn::Decided { .. } => Ok(()),
        }
    }

    pub(super) fn write_appeal(&mut self, now: Timestamp, job: JobId, appeal: AppealTurn) {
        match appeal {
            AppealTurn::Made { attempt, kind, user, text } => {
                let number = attempt;
                let attempt = AttemptRef { job, number };
                let row = AppealRecord { attempt, kind, user, text, made_at: now, upheld: None };
                self.appeals.insert((job, number.0, kind.name()), row);
            }
            AppealTurn::Decided { attempt, kind, upheld } => {
                if let Some(row) = self.appeals.get_mut(&(job, attempt.0, kind.name())) {
                    row.upheld = Some(upheld);
                }
            }
        }
    }

    /// Takes an entry's messages and notifications in.
    pub(super) fn post_out(&mut self, now: Timestamp, subject: Subject, entry: &Entry) {
        for new in &entry.notifications {
            let posted = if let Subject::Job(job) = subject { Some(job) } else { None };
            let row = NotificationRecord {
                id: new.id,
                user: new.user,
                channel: new.channel,
                kind: new.kind,
                job: new.job.or(posted),
                attempt: new.attempt,
                agent: new.agent,
                made_at: now,
                due_at: Some(new.due_at),
                tries: 0,
                acknowledged_at: None,
            };
            self.notifications.insert(new.id, Notified { row, lease: None, log: Vec::new() });
        }
        self.places.post_out(now, entry);
        for new in &entry.messages {
            let row = MessageRecord {
                id: new.id,
                agent: new.agent,
                kind: new.kind.to_owned(),
                attempt: AttemptRef { job: new.job, number: new.attempt },
                made_at: now,
                tries: 0,
            };
            self.messages.insert(new.id, (row, Some(now)));
        }
    }

    pub(super) fn settle_message(
        &mut self,
        id: MessageId,
        tries: u32,
        due_at: Option<Timestamp>,
        delivery: Option<&NewDelivery>,
    ) -> Result<Outcome> {
        let (row, due) = self.messages.get_mut(&id).ok_or(StoreError::NotFound)?;
        row.tries = tries;
        *due = due_at;
        self.deliveries(delivery.map_or(&[], std::slice::from_ref));
        Ok(Outcome::Done)
    }

    pub(super) fn lease_notifications(
        &mut self,
        now: Timestamp,
        channel: Channel,
        lease: i64,
        until: Timestamp,
        limit: u32,
    ) -> Vec<NotificationRecord> {
        let open = |known: &&Notified| known.row.due_at.is_some_and(|due| due <= now || known.row.tries > 0);
        let is_first = |row: &NotificationRecord| {
            row.job.is_none()
                || !self.notifications.values().filter(open).any(|older| {
                    (older.row.user, older.row.channel, older.row.job) == (row.user, row.channel, row.job)
                        && older.row.id < row.id
                })
        };
        let free = |known: &&Notified| known.lease.is_none_or(|(_, until)| until <= now);
        let due = self
            .notifications
            .values()
            .filter(|known| known.row.channel == channel && known.row.due_at.is_some_and(|due| due <= now))
            .filter(free)
            .filter(|known| is_first(&known.row));
        let mut due: Vec<(Option<Timestamp>, NotificationId)> =
            due.map(|known| (known.row.due_at, known.row.id)).collect();
        due.sort();
        let mut leased = Vec::new();
        for (_, id) in due.into_iter().take(limit as usize) {
            if let Some(known) = self.notifications.get_mut(&id) {
                known.lease = Some((lease, until));
                known.row.tries += 1;
                leased.push(known.row.clone());
            }
        }
        leased
    }

    pub(super) fn settle_notifications(
        &mut self,
        now: Timestamp,
        ids: &[NotificationId],
        lease: i64,
        due_at: Option<Timestamp>,
        acknowledged: bool,
        detail: &str,
    ) -> Result<Outcome> {
        let mut settled = 0;
        for id in ids {
            let known = self.notifications.get_mut(id);
            let Some(known) = known.filter(|known| known.lease.is_some_and(|(held, _)| held == lease)) else {
                continue;
            };
            known.row.due_at = due_at;
            known.lease = None;
            if acknowledged {
                known.row.acknowledged_at = Some(now);
            }
            known.log.push(NoticeLogRecord { id: *id, at: now, acknowledged, detail: detail.to_owned() });
            settled += 1;
        }
        if settled == 0 { Err(StoreError::Stale) } else { Ok(Outcome::Done) }
    }

    pub(super) fn replay_notification(
        &mut self,
        now: Timestamp,
        request: &Request,
        id: NotificationId,
    ) -> Result<Outcome> {
        if let Some(outcome) = self.repeated(request)? {
            return Ok(outcome);
        }
        let known = self.notifications.get_mut(&id).ok_or(StoreError::NotFound)?;
        known.row.due_at = Some(now);
        known.lease = None;
        self.keep(now, Some(request), Receipt::Done);
        Ok(Outcome::Done)
    }

    pub(super) fn set_person(
        &mut self,
        now: Timestamp,
        request: &Request,
        revision: u64,
        settings: String,
        secret: Option<SealedSecret>,
        entry: &Entry,
    ) -> Result<Outcome> {
        if let Some(outcome) = self.repeated(request)? {
            return Ok(outcome);
        }
        let user = request.user;
        let known = self.users.get_mut(&user).filter(|known| known.chain.revision == revision);
        known.ok_or(StoreError::Stale)?.chain = head(entry, Chain::default());
        let before = self.people.remove(&user).and_then(|person| person.secret);
        let secret = secret.map(|secret| secret.0).or(before);
        self.people.insert(user, PersonRecord { user, settings, secret });
        self.record(now, Subject::User(user), entry);
        self.keep(now, Some(request), Receipt::Done);
        Ok(Outcome::Done)
    }

    pub(super) fn prune(&mut self, requests_before: Timestamp, deliveries_before: Timestamp) -> u64 {
        let count = |state: &Self| {
            let logs: usize = state.notifications.values().map(|known| known.log.len()).sum();
            state.requests.len()
                + state.callbacks.len()
                + state.deliveries.len()
                + state.notifications.len()
                + state.messages.len()
                + logs
        };
        let before = count(self);
        self.requests.retain(|_, kept| kept.at >= requests_before);
        self.callbacks.retain(|_, (_, at)| *at >= requests_before);
        self.deliveries.retain(|_, delivery| delivery.at >= deliveries_before);
        self.notifications
            .retain(|_, known| known.row.due_at.is_some() || known.row.made_at >= deliveries_before);
        self.messages.retain(|_, (row, due)| due.is_some() || row.made_at >= deliveries_before);
        u64::try_from(before - count(self)).unwrap_or(u64::MAX)
    }
}
