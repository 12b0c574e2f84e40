//! Writes the record of one change: chained events, bodies with their commitments, notifications, deliveries. Pure: the
//! store keeps what it writes.

use crate::agents::contract::MessageType;
use crate::maker::Maker;
use crate::people::{Notice, People};
use crate::store::{
    Chain, Entry, NewAlert, NewBody, NewDelivery, NewEvent, NewJudgement, NewMessage, NewNotification,
};
use guildhall_protocol::history::{Actor, Commitment, Event, Text, What};
use guildhall_protocol::ids::{
    AgentId, AlertId, AttemptNumber, AttemptRef, BodyId, DeliveryLogId, JobId, MessageId, NotificationId,
    PlaceId,
};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use sha2::{Digest, Sha256};

/// The record of one change to one subject.
pub struct Scribe<'a> {
    maker: &'a Maker,
    now: Timestamp,
    chain: Chain,
    by: Actor,
    entry: Entry,
}

/// The commitment to a body: SHA-256 over nonce and bytes, hex.
pub fn commitment(nonce: &[u8; 16], bytes: &[u8]) -> Commitment {
    Commitment(hex::encode(Sha256::new().chain_update(nonce).chain_update(bytes).finalize()))
}

impl<'a> Scribe<'a> {
    /// Begins after the subject's newest event.
    pub fn new(maker: &'a Maker, now: Timestamp, chain: Chain, by: Actor) -> Self {
        Self { maker, now, chain, by, entry: Entry::default() }
    }

    /// Keeps foreign bytes, and commits to them.
    pub fn body(&mut self, bytes: Vec<u8>) -> (BodyId, Commitment) {
        let id = BodyId(self.maker.id(self.now));
        let nonce = self.maker.random();
        let commitment = commitment(&nonce, &bytes);
        self.entry.bodies.push(NewBody { id, nonce, bytes });
        (id, commitment)
    }

    /// Keeps foreign text that a line refers to.
    pub fn text(&mut self, text: &str) -> Text {
        let (body, commitment) = self.body(text.as_bytes().to_vec());
        Text { commitment, body }
    }

    /// Adds a line by the change's actor.
    pub fn event(&mut self, what: What) {
        self.event_by(self.by, what);
    }

    /// Adds a line by somebody else.
    pub fn event_by(&mut self, by: Actor, what: What) {
        let event = Event { seq: self.chain.revision + 1, at: self.now, by, what };
        let bytes = event.bytes();
        self.chain = self.chain.followed_by(&bytes);
        self.entry.events.push(NewEvent { bytes, chain: self.chain });
    }

    /// Tells a person, by every way that they want to be told.
    pub fn notify(&mut self, people: &People, notice: Notice) {
        let notice = Notice { user: people.heir(notice.user), ..notice };
        for (channel, due_at) in people.ways(&notice, self.now) {
            let id = NotificationId(self.maker.id(self.now));
            let Notice { user, kind, job, attempt, agent } = notice;
            self.entry.notifications.push(NewNotification {
                id,
                user,
                channel,
                kind,
                job,
                attempt,
                agent,
                due_at,
            });
        }
    }

    /// Tells a place's alert channel.
    pub fn alert(&mut self, place: PlaceId, kind: NoticeKind, job: Option<JobId>) {
        let id = AlertId(self.maker.id(self.now));
        self.entry.alerts.push(NewAlert { id, place, kind, job });
    }

    /// Tells an agent something beside its deliveries.
    pub fn message(&mut self, agent: AgentId, kind: MessageType, attempt: AttemptRef) {
        let id = MessageId(self.maker.id(self.now));
        let (job, attempt) = (attempt.job, attempt.number);
        self.entry.messages.push(NewMessage { id, agent, kind: kind.name(), job, attempt });
    }

    /// Keeps what models decided about an answer.
    pub fn judged(&mut self, judgements: &[NewJudgement]) {
        self.entry.judgements.extend_from_slice(judgements);
    }

    /// Keeps whether a person accepted the answer of an attempt, to compare models with.
    pub fn opinion(&mut self, attempt: AttemptNumber, accepted: bool) {
        self.entry.opinion = Some((attempt, accepted));
    }

    /// Keeps an exchange with an agent.
    pub fn delivery(
        &mut self,
        agent: AgentId,
        attempt: Option<(JobId, AttemptNumber)>,
        message: &'static str,
        log: Vec<u8>,
    ) {
        let id = DeliveryLogId(self.maker.id(self.now));
        self.entry.deliveries.push(NewDelivery { id, agent, at: self.now, attempt, message, log });
    }

    /// The record.
    pub fn finish(self) -> Entry {
        self.entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::UserId;

    #[test]
    fn events_chain_and_bodies_are_committed_to() {
        let maker = Maker::new(0, [3; 32]);
        let mut scribe = Scribe::new(&maker, Timestamp(5), Chain::default(), Actor::Daemon);
        let (id, reason) = scribe.body(b"because".to_vec());
        scribe.event(What::LookAgain { reason: None });
        scribe.event_by(
            Actor::User(UserId(7)),
            What::Canceled { reason: Some(Text { commitment: reason.clone(), body: BodyId(1) }) },
        );
        let entry = scribe.finish();
        assert_eq!(entry.bodies[0].id, id);
        assert_eq!(reason, commitment(&entry.bodies[0].nonce, b"because"));
        let first = Chain::default().followed_by(&entry.events[0].bytes);
        assert_eq!(entry.events[1].chain, first.followed_by(&entry.events[1].bytes));
        let event: Event = serde_json::from_slice(&entry.events[1].bytes).expect("it reads");
        assert_eq!((event.seq, event.by), (2, Actor::User(UserId(7))));
        assert!(!String::from_utf8_lossy(&entry.events[1].bytes).contains("because"));
    }
}
