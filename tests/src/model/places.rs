//! Places, what is settled for them, and what they must be told, in memory.

use super::State;
use super::write::{head, next};
use guildhall_daemon::store::{
    AlertRecord, Answer, Chain, Entry, Outcome, PlaceCommand, PlaceQuery, PlaceRecord, Receipt, StoreError,
};
use guildhall_protocol::account::Identity;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AlertId, PlaceId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::place::PlaceSettings;
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) struct Places {
    places: BTreeMap<PlaceId, PlaceRecord>,
    alerts: BTreeMap<AlertId, Alert>,
}

struct Alert {
    record: AlertRecord,
    due_at: Timestamp,
    lease: Option<(i64, Timestamp)>,
}

impl Default for Places {
    fn default() -> Self {
        let identity = Identity { kind: "local".to_owned(), id: "local".to_owned() };
        let local = place(PlaceId::LOCAL, identity, "this machine".to_owned());
        Self { places: BTreeMap::from([(PlaceId::LOCAL, local)]), alerts: BTreeMap::new() }
    }
}

fn place(id: PlaceId, identity: Identity, name: String) -> PlaceRecord {
    PlaceRecord { id, identity, name, settings: PlaceSettings::default(), chain: Chain::default() }
}

impl Places {
    /// Largest id of an alert.
    pub(super) fn id_max(&self) -> i64 {
        self.alerts.keys().next_back().map_or(0, |alert| alert.0)
    }

    fn is_of(&self, alert: &Alert, channel: Channel) -> bool {
        self.places.get(&alert.record.place).is_some_and(|place| place.identity.kind == channel.name())
    }

    /// Takes an entry's alerts in.
    pub(super) fn post_out(&mut self, now: Timestamp, entry: &Entry) {
        for new in &entry.alerts {
            let (id, place, kind, job) = (new.id, new.place, new.kind, new.job);
            let record = AlertRecord { id, place, kind, job, made_at: now, tries: 0 };
            self.alerts.insert(id, Alert { record, due_at: now, lease: None });
        }
    }

    /// Whoever had what was handed out is gone.
    pub(super) fn release(&mut self, channel: Channel) {
        let of_channel: Vec<AlertId> = self
            .alerts
            .values()
            .filter(|alert| self.is_of(alert, channel))
            .map(|alert| alert.record.id)
            .collect();
        for id in of_channel {
            if let Some(alert) = self.alerts.get_mut(&id) {
                alert.lease = None;
            }
        }
    }
}

impl State {
    pub(super) fn apply_place(&mut self, now: Timestamp, command: PlaceCommand) -> Result<Outcome> {
        match command {
            PlaceCommand::See { identity, name } => {
                let places = &mut self.places.places;
                if let Some(known) = places.values_mut().find(|place| place.identity == identity) {
                    known.name = name;
                    return Ok(Outcome::Place(known.id));
                }
                let id = PlaceId(next(places.len()));
                places.insert(id, place(id, identity, name));
                Ok(Outcome::Place(id))
            }
            PlaceCommand::Turn { request, fence, settings, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                let known = self.places.places.get_mut(&fence.place);
                let known = known.filter(|known| known.chain.revision == fence.chain.revision);
                let known = known.ok_or(StoreError::Stale)?;
                known.settings = settings;
                known.chain = head(&entry, fence.chain);
                self.record(now, Subject::Place(fence.place), &entry);
                self.keep(now, Some(&request), Receipt::Done);
                Ok(Outcome::Done)
            }
            PlaceCommand::LeaseAlerts { channel, lease, until, limit } => {
                let free = |alert: &&Alert| {
                    alert.due_at <= now
                        && alert.lease.is_none_or(|(_, until)| until <= now)
                        && self.places.is_of(alert, channel)
                };
                let mut due: Vec<_> = self.places.alerts.values().filter(free).collect();
                due.sort_by_key(|alert| (alert.due_at, alert.record.id));
                let due: Vec<AlertId> =
                    due.into_iter().take(limit as usize).map(|alert| alert.record.id).collect();
                let mut leased = Vec::new();
                for id in due {
                    if let Some(alert) = self.places.alerts.get_mut(&id) {
                        alert.lease = Some((lease, until));
                        alert.record.tries += 1;
                        leased.push(alert.record);
                    }
                }
                Ok(Outcome::Alerts(leased))
            }
            PlaceCommand::SettleAlert { id, lease, due_at } => {
                let alert = self.places.alerts.get_mut(&id);
                let alert = alert.filter(|alert| alert.lease.is_some_and(|(held, _)| held == lease));
                let alert = alert.ok_or(StoreError::Stale)?;
                match due_at {
                    Some(due_at) => (alert.due_at, alert.lease) = (due_at, None),
                    None => drop(self.places.alerts.remove(&id)),
                }
                Ok(Outcome::Done)
            }
        }
    }

    pub(super) fn answer_place(&self, query: PlaceQuery) -> Answer {
        let places = self.places.places.values();
        Answer::Places(match query {
            PlaceQuery::Alert(id) => {
                let found = self.places.alerts.get(&id).map(|alert| alert.record);
                return Answer::Alerts(found.into_iter().collect());
            }
            PlaceQuery::Place(id) => places.filter(|place| place.id == id).cloned().collect(),
            PlaceQuery::Known(identity) => {
                places.filter(|place| place.identity == identity).cloned().collect()
            }
            PlaceQuery::Places { after, limit } => {
                places.filter(|place| place.id > after).take(limit as usize).cloned().collect()
            }
        })
    }
}
