//! Random commands about places and their alerts.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::{Command, NewAlert, PlaceCommand, PlaceFence, PlaceQuery, Query, Request};
use guildhall_protocol::account::Identity;
use guildhall_protocol::ids::{AlertId, JobId, PlaceId};
use guildhall_protocol::job::Visibility;
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::place::{PlaceSettings, Posters};
use rand::{Rng, RngExt};

impl Author {
    pub(crate) fn place(&mut self, seen: &Seen) -> Command {
        let lease = self.random.random_range(1..4);
        Command::Place(match self.random.random_range(0..9) {
            0..2 => {
                let identity = known(self.random.random_range(0..3));
                PlaceCommand::See { identity, name: format!("place {}", self.random.next_u32()) }
            }
            2..5 => {
                let place = self.pick(&seen.places.iter().collect::<Vec<_>>());
                let mut fence = PlaceFence { place: place.id, chain: place.chain };
                let entry = self.entry(place.chain);
                if self.one_in(5) {
                    fence.chain.revision += 1;
                }
                let request: Request = self.request();
                let settings = self.some_settings();
                PlaceCommand::Turn { request, fence, settings, entry }
            }
            5..7 => {
                let (until, limit) = (self.time(), self.random.random_range(1..4));
                PlaceCommand::LeaseAlerts { channel: Channel::Discord, lease, until, limit }
            }
            _ => {
                let id = AlertId(self.random.random_range(1..200));
                let due_at = self.one_in(2).then(|| self.time());
                PlaceCommand::SettleAlert { id, lease, due_at }
            }
        })
    }

    /// Something for the operators of a place that is always there.
    pub(crate) fn alert(&mut self) -> NewAlert {
        let job = self.one_in(2).then(|| JobId(self.random.random_range(1..4)));
        let kind = self.pick(&[NoticeKind::OperatorNeeded, NoticeKind::AppealMade]);
        NewAlert { id: AlertId(self.id()), place: PlaceId(self.random.random_range(1..=2)), kind, job }
    }

    fn some_settings(&mut self) -> PlaceSettings {
        let mut name = || self.random.random_range(0..9).to_string();
        let groups = Posters::Groups([name(), name()].into());
        let (board, operators) = (Some(name()), Some(name()));
        PlaceSettings {
            board: board.filter(|_| self.one_in(2)),
            operators: operators.filter(|_| self.one_in(2)),
            posters: if self.one_in(2) { groups } else { Posters::Everybody },
            visibility: self.pick(&[Visibility::Private, Visibility::Place]),
            agents: self.one_in(2).then(|| "@agent-1".parse().expect("a name")).into_iter().collect(),
            alerts: None,
        }
    }
}

/// The place that is always there beside the machine's own has the first of these.
pub(crate) fn known(number: u32) -> Identity {
    Identity { kind: "discord".to_owned(), id: number.to_string() }
}

/// Every place.
pub(crate) fn everything() -> Query {
    Query::Place(PlaceQuery::Places { after: PlaceId(0), limit: 100 })
}

/// Queries that show all that these commands change.
pub(crate) fn queries() -> Vec<Query> {
    let mut queries: Vec<_> = (1..200).map(|id| Query::Place(PlaceQuery::Alert(AlertId(id)))).collect();
    queries.extend([
        everything(),
        Query::Place(PlaceQuery::Places { after: PlaceId(1), limit: 1 }),
        Query::Place(PlaceQuery::Place(PlaceId(2))),
        Query::Place(PlaceQuery::Known(known(1))),
        Query::Place(PlaceQuery::Known(known(9))),
    ]);
    queries
}
