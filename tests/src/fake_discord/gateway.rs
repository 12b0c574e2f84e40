//! The sessions of the gateway: what was sent in each, so that a bot that lost its connection misses nothing.

use super::desk::{Desk, bot_json};
use super::knobs::Door;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::mpsc;

/// Events that a session keeps for a bot that comes back.
const EVENTS_MAX: usize = 1_000;
/// Sessions that could be resumed.
const SESSIONS_MAX: usize = 16;
/// Orders that wait for one connection; more than it can miss, so that a resumption fits.
pub(super) const ORDERS_MAX: usize = 2 * EVENTS_MAX;
/// The heartbeat that Discord wants.
const HEARTBEAT_MS: u64 = 41_250;
/// The close codes after which a session cannot be resumed.
const FINAL: [u16; 8] = [4_004, 4_007, 4_009, 4_010, 4_011, 4_012, 4_013, 4_014];

/// What a connection must do.
#[derive(Debug)]
pub(super) enum Order {
    Send(String),
    Close(u16),
    /// Goes without a word.
    Drop,
}

/// A session.
#[derive(Debug)]
struct Session {
    sequence: u64,
    events: VecDeque<(u64, String)>,
    /// The connection that it has now.
    line: Option<(u64, mpsc::Sender<Order>)>,
}

#[derive(Debug)]
pub(super) struct Gateway {
    sessions: BTreeMap<String, Session>,
    lines: BTreeMap<u64, mpsc::Sender<Order>>,
    count: u64,
    pub(super) acks_heartbeats: bool,
    pub(super) heartbeat_ms: u64,
    pub(super) heartbeats: u64,
    pub(super) identifies: u64,
    pub(super) resumes: u64,
    /// The next to identify is closed with this code.
    pub(super) closes_next: Option<u16>,
    /// What whoever comes meets.
    pub(super) door: Door,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            sessions: BTreeMap::new(),
            lines: BTreeMap::new(),
            count: 0,
            acks_heartbeats: true,
            heartbeat_ms: HEARTBEAT_MS,
            heartbeats: 0,
            identifies: 0,
            resumes: 0,
            closes_next: None,
            door: Door::default(),
        }
    }
}

impl Session {
    fn say(&mut self, kind: &str, data: &Value) {
        self.sequence += 1;
        let text = json!({"op": 0, "t": kind, "s": self.sequence, "d": data}).to_string();
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((self.sequence, text.clone()));
        if let Some((_, line)) = &self.line
            && line.try_send(Order::Send(text)).is_err()
        {
            self.line = None;
        }
    }
}

impl Gateway {
    /// A connection comes: its number and its orders.
    pub(super) fn connect(&mut self) -> (u64, mpsc::Receiver<Order>) {
        self.count += 1;
        let (line, orders) = mpsc::channel(ORDERS_MAX);
        self.lines.insert(self.count, line);
        (self.count, orders)
    }

    /// How many came.
    pub(super) fn arrivals(&self) -> u64 {
        self.count
    }

    /// A connection is refused.
    pub(super) fn turn_away(&mut self) {
        self.count += 1;
    }

    /// A connection goes; `over` if its session cannot be resumed.
    pub(super) fn disconnect(&mut self, connection: u64, over: bool) {
        self.lines.remove(&connection);
        let of = |session: &Session| session.line.as_ref().is_some_and(|(number, _)| *number == connection);
        if over {
            self.sessions.retain(|_, session| !of(session));
        }
        for session in self.sessions.values_mut().filter(|session| of(session)) {
            session.line = None;
        }
    }

    /// Opens a session for a connection.
    pub(super) fn identify(&mut self, connection: u64, ready: impl FnOnce(&str) -> Value) -> String {
        self.identifies += 1;
        let id = format!("{:032x}", self.identifies);
        let line = self.lines.get(&connection).map(|line| (connection, line.clone()));
        let mut session = Session { sequence: 0, events: VecDeque::new(), line };
        session.say("READY", &ready(&id));
        // Their names count up: the first is the oldest.
        if self.sessions.len() == SESSIONS_MAX {
            self.sessions.pop_first();
        }
        self.sessions.insert(id.clone(), session);
        id
    }

    /// Goes on with a session after an event: says again what came since. Whether that is possible.
    pub(super) fn resume(&mut self, connection: u64, id: &str, sequence: u64) -> bool {
        let Some(line) = self.lines.get(&connection).cloned() else { return false };
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let oldest = session.events.front().map_or(0, |(number, _)| *number);
        if sequence > session.sequence || sequence + 1 < oldest {
            return false;
        }
        for (_, text) in session.events.iter().filter(|(number, _)| *number > sequence) {
            drop(line.try_send(Order::Send(text.clone())));
        }
        session.line = Some((connection, line));
        session.say("RESUMED", &json!({}));
        self.resumes += 1;
        true
    }

    /// Says something in every session; one that is interrupted hears it later.
    pub(super) fn dispatch(&mut self, kind: &str, data: &Value) {
        self.sessions.values_mut().for_each(|session| session.say(kind, data));
    }

    /// Whether a bot is there.
    pub(super) fn is_connected(&self) -> bool {
        self.sessions.values().any(|session| session.line.is_some())
    }

    /// Every connection gets an order.
    pub(super) fn order(&mut self, order: impl Fn() -> Order) {
        self.lines.values().for_each(|line| drop(line.try_send(order())));
    }

    /// Closes every connection with this code; the bot may come back unless the code says otherwise.
    pub(super) fn close(&mut self, code: u16) {
        if is_final(code) {
            self.sessions.clear();
        }
        self.order(|| Order::Close(code));
    }

    /// Forgets what was said: nobody can resume.
    pub(super) fn forget(&mut self) {
        self.sessions.clear();
    }
}

/// Whether a session ends with this close code.
pub(super) fn is_final(code: u16) -> bool {
    FINAL.contains(&code)
}

/// What a bot hears when it has identified itself.
pub(super) fn ready(desk: &Desk, session: &str) -> Value {
    let world = desk.world();
    let guilds = world.guilds.iter().filter(|(_, guild)| guild.has_bot);
    let guilds: Vec<Value> =
        guilds.map(|(id, _)| json!({"id": id.to_string(), "unavailable": true})).collect();
    json!({
        "v": 10, "user": bot_json(), "guilds": guilds, "session_id": session,
        "resume_gateway_url": desk.base.replacen("http", "ws", 1), "shard": [0, 1],
        "application": {"id": super::APPLICATION.to_string(), "flags": 0},
    })
}
