//! A store in memory that shares nothing with SQLite but the types: what the contract suite compares a database with.
//!
//! It is written for plainness, not for speed, and checks every guard by itself.

mod accounts;
mod agents;
mod front_ends;
mod llm;
mod outbox;
mod places;
mod read;
mod search;
mod secrets;
mod write;

use futures::FutureExt;
use futures::future::BoxFuture;
use guildhall_daemon::store::{
    AgentRecord, Answer, AppealRecord, AttemptRecord, BodyRecord, Chain, Command, DeliveryRecord,
    EventRecord, JobRecord, MessageRecord, NoticeLogRecord, NotificationRecord, Outcome, PersonRecord, Query,
    Receipt, Store, StoreError, SystemRecord, Tally, UserRecord,
};
use guildhall_protocol::ids::{
    AgentId, AgentVersion, BodyId, Incarnation, JobId, MessageId, NotificationId, RequestId, UserId,
};
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The store in memory.
pub struct ModelStore(Mutex<State>);

struct State {
    system: SystemRecord,
    identities: BTreeMap<(String, String), UserId>,
    users: BTreeMap<UserId, UserRecord>,
    jobs: BTreeMap<JobId, JobRecord>,
    attempts: BTreeMap<(JobId, u32), AttemptRecord>,
    waits: BTreeSet<(AgentId, JobId)>,
    clocks: BTreeMap<i64, i64>,
    client_tags: BTreeMap<(i64, UserId), i64>,
    agents: BTreeMap<AgentId, AgentRecord>,
    versions: BTreeMap<(AgentId, AgentVersion), (Timestamp, BodyId)>,
    tallies: BTreeMap<(AgentId, i64), Tally>,
    bodies: BTreeMap<BodyId, BodyRecord>,
    events: Vec<EventRecord>,
    deliveries: BTreeMap<i64, DeliveryRecord>,
    requests: BTreeMap<(UserId, RequestId), Kept>,
    callbacks: BTreeMap<(JobId, u32, String), ([u8; 32], Timestamp)>,
    appeals: BTreeMap<(JobId, u32, &'static str), AppealRecord>,
    days: BTreeMap<(i64, AgentId, UserId), u32>,
    messages: BTreeMap<MessageId, (MessageRecord, Option<Timestamp>)>,
    notifications: BTreeMap<NotificationId, Notified>,
    people: BTreeMap<UserId, PersonRecord>,
    llm: llm::LanguageModels,
    accounts: accounts::Accounts,
    front_ends: front_ends::FrontEnds,
    places: places::Places,
    /// Largest id of a body.
    id_max: i64,
}

/// A notification with its lease and its log.
struct Notified {
    row: NotificationRecord,
    lease: Option<(i64, Timestamp)>,
    log: Vec<NoticeLogRecord>,
}

struct Kept {
    hash: [u8; 32],
    receipt: Receipt,
    at: Timestamp,
}

impl Default for ModelStore {
    fn default() -> Self {
        let system = SystemRecord {
            tag: None,
            incarnation: Incarnation(0),
            clean: true,
            paused: false,
            chain: Chain::default(),
            id_max: 0,
        };
        Self(Mutex::new(State {
            system,
            identities: BTreeMap::new(),
            users: BTreeMap::new(),
            jobs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            waits: BTreeSet::new(),
            clocks: BTreeMap::new(),
            client_tags: BTreeMap::new(),
            agents: BTreeMap::new(),
            versions: BTreeMap::new(),
            tallies: BTreeMap::new(),
            bodies: BTreeMap::new(),
            events: Vec::new(),
            deliveries: BTreeMap::new(),
            requests: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            appeals: BTreeMap::new(),
            days: BTreeMap::new(),
            messages: BTreeMap::new(),
            notifications: BTreeMap::new(),
            people: BTreeMap::new(),
            llm: llm::LanguageModels::default(),
            accounts: accounts::Accounts::default(),
            front_ends: front_ends::FrontEnds::default(),
            places: places::Places::default(),
            id_max: 0,
        }))
    }
}

impl Store for ModelStore {
    fn apply(&self, now: Timestamp, command: Command) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        async move { self.0.lock().unwrap_or_else(PoisonError::into_inner).apply(now, command) }.boxed()
    }

    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, StoreError>> {
        async move { Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(query)) }.boxed()
    }
}
