//! What the server is made of, and how its parts learn that something changed.

use super::clock::Clock;
use super::dialect::Dialect;
use super::gateway::Gateway;
use super::rates::Rates;
use super::spec::Spec;
use super::world::{File, Id, Person, World};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long the world waits for what a test waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long an attachment's address is good, unless a test says otherwise.
const ATTACHMENT_MS: i64 = 24 * 3_600_000;
/// Requests that are remembered.
const CALLS_MAX: usize = 100_000;

/// A request of the bot.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path below `/api/v10`, with a first slash.
    pub path: String,
    /// Its route, such as `POST /channels/{channel_id}/messages`; empty where the server has none like that.
    pub route: String,
    /// Its JSON; null where it had none.
    pub body: Value,
    /// The names of the files that came with it.
    pub files: Vec<String>,
    /// The status that it was answered with.
    pub status: u16,
    /// Discord's code, where it was refused.
    pub code: Option<u32>,
    /// When it was answered, Unix milliseconds.
    pub at_ms: i64,
}

/// What came.
#[derive(Default)]
pub(super) struct Log {
    pub(super) calls: Vec<Call>,
    pub(super) complaints: Vec<String>,
}

pub(super) struct Desk {
    pub(super) token: String,
    /// `http://127.0.0.1:PORT`.
    pub(super) base: String,
    pub(super) clock: Clock,
    pub(super) spec: Option<Spec>,
    pub(super) complaints_allowed: AtomicBool,
    attachment_ms: AtomicI64,
    latency_ms: AtomicU64,
    world: Mutex<World>,
    log: Mutex<Log>,
    gateway: Mutex<Gateway>,
    rates: Mutex<Rates>,
    dialect: Mutex<Dialect>,
    changed: watch::Sender<u64>,
    tell: Option<mpsc::Sender<String>>,
}

impl Desk {
    pub(super) fn new(token: String, base: String, tell: Option<mpsc::Sender<String>>) -> Self {
        Self {
            token,
            base,
            clock: Clock::start(),
            spec: Spec::from_environment(),
            complaints_allowed: AtomicBool::new(false),
            attachment_ms: AtomicI64::new(ATTACHMENT_MS),
            latency_ms: AtomicU64::new(0),
            world: Mutex::default(),
            log: Mutex::default(),
            gateway: Mutex::default(),
            rates: Mutex::default(),
            dialect: Mutex::default(),
            changed: watch::Sender::new(0),
            tell,
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub(super) fn gateway(&self) -> MutexGuard<'_, Gateway> {
        lock(&self.gateway)
    }

    pub(super) fn rates(&self) -> MutexGuard<'_, Rates> {
        lock(&self.rates)
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub(super) fn dialect(&self) -> Dialect {
        *lock(&self.dialect)
    }

    pub(super) fn set_dialect(&self, dialect: Dialect) {
        *lock(&self.dialect) = dialect;
    }

    pub(super) fn set_attachment_life(&self, life: Duration) {
        let ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX / 2);
        self.attachment_ms.store(ms, Ordering::SeqCst);
    }

    pub(super) fn set_latency(&self, latency: Duration) {
        let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.latency_ms.store(ms, Ordering::SeqCst);
    }

    /// Waits as long as a test wants the bot to wait for each answer.
    pub(super) async fn wait(&self) {
        let ms = self.latency_ms.load(Ordering::SeqCst);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// When the address of a file that is sent now ends.
    pub(super) fn attachment_expires_ms(&self) -> i64 {
        self.now_ms() + self.attachment_ms.load(Ordering::SeqCst)
    }

    pub(super) fn complain(&self, complaint: String) {
        self.tell(format!("complaint: {complaint}"));
        self.log().complaints.push(complaint);
    }

    pub(super) fn remember(&self, call: Call) {
        let code = call.code.map(|code| format!(" {code}")).unwrap_or_default();
        self.tell(format!("{} {} -> {}{code}", call.method, call.path, call.status));
        let mut log = self.log();
        if log.calls.len() < CALLS_MAX {
            log.calls.push(call);
        }
    }

    /// Whoever reads may be slow or gone; the line is then lost.
    fn tell(&self, line: String) {
        if let Some(tell) = &self.tell {
            drop(tell.try_send(line));
        }
    }

    /// Tells everybody who waits that something is different now.
    pub(super) fn changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until a look at the world finds something; nothing after this long.
    pub(super) async fn until<T>(&self, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let mut changes = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            changes.borrow_and_update();
            if let Some(found) = look() {
                return Some(found);
            }
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                return look();
            }
        }
    }

    /// Keeps a file of a message in this channel; answers what the message shows of it.
    pub(super) fn keep_file(
        &self,
        world: &mut World,
        room: Id,
        name: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Value {
        let id = world.id(self.now_ms());
        let file = File {
            name: name.to_owned(),
            content_type: kind.to_owned(),
            bytes: bytes.to_vec(),
            room,
            expires_ms: self.attachment_expires_ms(),
        };
        world.keep_file(id, file)
    }

    /// Somebody of this name, who joins every server; who is there already stays as she is.
    pub(super) fn person(&self, name: &str) -> Id {
        let mut world = self.world();
        if let Some(id) = world.person_named(name) {
            return id;
        }
        let id = world.id(self.now_ms());
        let person =
            Person { name: name.to_owned(), dms_closed: None, has_app: false, locale: "en-US".to_owned() };
        world.people.insert(id, person);
        for guild in world.guilds.values_mut() {
            guild.members.insert(id);
        }
        id
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bot as others see it.
pub(super) fn bot_json() -> Value {
    serde_json::json!({
        "id": super::APPLICATION.to_string(), "username": "guildhall", "discriminator": "0000", "global_name": null,
        "avatar": null, "bot": true, "verified": true, "flags": 0, "public_flags": 0, "email": null,
        "mfa_enabled": false, "locale": "en-US", "primary_guild": null,
    })
}
