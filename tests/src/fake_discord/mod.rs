//! A fake Discord: a real server on loopback, REST and gateway, that checks what a bot sends as Discord does, keeps it,
//! and lets tests act as users at their own clients.
//!
//! What a bot may not do is refused with Discord's own codes and kept as a complaint; what the world does to a bot
//! (closed doors, deleted messages, limits, lost connections) is refused too and is no complaint. Where
//! [`SPEC_VARIABLE`] names Discord's own description of its API, every body is held against that as well.
//!
//! ```no_run
//! # use guildhall_tests::fake_discord::FakeDiscord;
//! # async fn scenario() {
//! let discord = FakeDiscord::start().await;
//! let channel = discord.server("Guild").channel("general");
//! let ada = discord.user("ada");
//! // Here a test starts the bot with `discord.environment()`.
//! discord.until_ready().await;
//! let shown = ada.types(&channel, "/job post", &[("agent", "@sum")]).await;
//! let shown = ada.fills(&shown.modal(), &[("Brief", "Sum up this text")]).await;
//! let card = shown.until(|message| message.has_button("Cancel")).await;
//! ada.clicks(&card, "Cancel").await.until(|message| message.shows("canceled")).await;
//! ada.until_dm(|message| message.shows("canceled")).await;
//! # }
//! ```

mod callback;
mod choosing;
mod clock;
mod commands;
mod components;
mod connection;
mod console;
mod desk;
mod dialect;
mod followups;
mod form;
mod gateway;
mod guilds;
mod interaction;
mod knobs;
mod limits;
mod message;
mod messages;
mod modal;
mod multipart;
mod options;
mod permission;
mod place;
mod rates;
mod refused;
mod rest;
mod route;
mod shown;
mod spec;
#[cfg(test)]
mod tests;
mod threads;
mod user;
mod world;
mod writing;

pub use console::Console;
pub use desk::Call;
pub use dialect::Dialect;
pub use knobs::{Door, Resumption};
pub use message::{Attachment, Button, Message, Select};
pub use modal::{Field, Modal};
pub use permission::Permission;
pub use place::{Channel, Role, Server};
pub use shown::{Choice, Shown, View};
pub use spec::SPEC_VARIABLE;
pub use user::{ClientRefuses, Options, User};

use crate::http_server::HttpServer;
use desk::{Desk, PATIENCE};
use gateway::Order;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use world::{Guild, RoomKind};

/// The id of the application and of its bot.
pub const APPLICATION: u64 = 1_000_000_000_000_000_001;
/// The token that it wants unless its setup says otherwise. Its first part is the bot's id, as in a real one.
pub const TOKEN: &str = "MTAwMDAwMDAwMDAwMDAwMDAwMQ.GuIldH.a-token-of-the-fake-discord-0123456789";

/// How a fake is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// The bot token that it wants.
    pub token: String,
    /// Gets a line about each request. A full channel loses lines.
    pub tell: Option<mpsc::Sender<String>>,
}

impl Default for Setup {
    /// Any free port of loopback, [`TOKEN`].
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), token: TOKEN.to_owned(), tell: None }
    }
}

/// The running server. It ends when it is dropped, and panics then if the bot did what it may not, unless the test
/// allowed that.
pub struct FakeDiscord {
    address: SocketAddr,
    desk: Arc<Desk>,
    /// While it is there.
    server: Option<HttpServer>,
}

impl FakeDiscord {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await.expect("a port")
    }

    /// Starts a server.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn with(setup: Setup) -> std::io::Result<Self> {
        let Setup { listen, token, tell } = setup;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(token, format!("http://{address}"), tell));
        let server = Some(HttpServer::begin(listener, rest::router(Arc::clone(&desk))));
        Ok(Self { address, desk, server })
    }

    /// What a bot is told to use instead of `https://discord.com`: no path.
    pub fn api(&self) -> &str {
        &self.desk.base
    }

    /// The token that it wants.
    pub fn token(&self) -> &str {
        &self.desk.token
    }

    /// The variables that send the bot here.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let Self { desk, .. } = self;
        [("GUILDHALL_DISCORD_API", desk.base.clone()), ("GUILDHALL_DISCORD_TOKEN", desk.token.clone())]
    }

    /// A new server that the bot and everybody are in.
    pub fn server(&self, name: &str) -> Server {
        let now_ms = self.desk.now_ms();
        let mut world = self.desk.world();
        let id = world.id(now_ms);
        let members: BTreeSet<u64> = world.people.keys().copied().collect();
        let guild = Guild {
            name: name.to_owned(),
            has_bot: true,
            members,
            granted: BTreeMap::new(),
            denied: 0,
            roles: BTreeMap::new(),
            has_roles: BTreeSet::new(),
        };
        world.guilds.insert(id, guild);
        Server { desk: Arc::clone(&self.desk), id }
    }

    /// The user of this name, who is in every server; made when she is first asked for.
    pub fn user(&self, name: &str) -> User {
        User { desk: Arc::clone(&self.desk), id: self.desk.person(name) }
    }

    /// Where people talk among themselves, without the bot.
    pub fn private(&self, people: &[&User]) -> Channel {
        let now_ms = self.desk.now_ms();
        let people = people.iter().map(|user| user.id).collect();
        let id = self.desk.world().add_room(now_ms, "", RoomKind::Private { people });
        Channel { desk: Arc::clone(&self.desk), id }
    }

    /// Waits until a bot is connected and has registered its commands.
    ///
    /// # Panics
    /// That does not happen within ten seconds.
    pub async fn until_ready(&self) {
        let ready = self.desk.until(PATIENCE, || {
            let connected = self.desk.gateway().is_connected();
            let world = self.desk.world();
            let registered = !world.commands.is_empty() || !world.guild_commands.is_empty();
            (connected && registered).then_some(())
        });
        ready.await.unwrap_or_else(|| panic!("no bot came; its requests were {:?}", self.calls()));
    }

    /// Waits until a bot is connected to the gateway.
    ///
    /// # Panics
    /// That does not happen within ten seconds.
    pub async fn until_connected(&self) {
        let connected =
            self.desk.until(PATIENCE, || Some(()).filter(|()| self.desk.gateway().is_connected()));
        connected.await.unwrap_or_else(|| panic!("no bot came; its requests were {:?}", self.calls()));
    }

    /// Waits until no bot is connected: whoever was killed may look connected for a moment. Another one may stay; then this
    /// answers false after two seconds.
    pub async fn until_gone(&self) -> bool {
        let gone = Some(()).filter(|()| !self.desk.gateway().is_connected());
        let later = self
            .desk
            .until(Duration::from_secs(2), || Some(()).filter(|()| !self.desk.gateway().is_connected()));
        gone.is_some() || later.await.is_some()
    }

    /// Waits until something is so; `what` is told if it does not become so.
    ///
    /// # Panics
    /// It does not become so within ten seconds.
    pub async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let became = self.desk.until(PATIENCE, || is_so().then_some(()));
        became.await.unwrap_or_else(|| panic!("it did not come to this: {what}"));
    }

    /// The requests to a route such as `POST /channels/{channel_id}/messages`, in order.
    pub fn calls_to(&self, route: &str) -> Vec<Call> {
        self.desk.log().calls.iter().filter(|call| call.route == route).cloned().collect()
    }

    /// Waits for a request of the bot that is like this.
    ///
    /// # Panics
    /// None comes within ten seconds.
    pub async fn until_call(&self, is_so: impl Fn(&Call) -> bool) -> Call {
        let found =
            self.desk.until(PATIENCE, || self.desk.log().calls.iter().find(|call| is_so(call)).cloned());
        found.await.unwrap_or_else(|| panic!("the requests stayed {:?}", self.calls()))
    }

    /// Counts whatever happens: whoever watches it can look again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.desk.changes()
    }

    /// The global commands that are registered, as they are kept.
    pub fn commands(&self) -> Vec<Value> {
        self.desk.world().commands.clone()
    }

    /// What the bot asked for, in order, refused or not.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.log().calls.clone()
    }

    /// What the bot did that it may not, in order.
    pub fn complaints(&self) -> Vec<String> {
        self.desk.log().complaints.clone()
    }

    /// Takes the complaints that came until now: a test that expects some looks at them and goes on.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.log().complaints)
    }

    /// Lets the bot do what it may not: a test that sends a wrong token means to.
    pub fn allow_complaints(&self) {
        self.desk.complaints_allowed.store(true, Ordering::SeqCst);
    }

    /// Goes away: connections break, and whoever connects from now on is refused.
    ///
    /// # Panics
    /// It is away already.
    pub async fn leave(&mut self) {
        let mut server = self.server.take().expect("it is there");
        server.stop();
        self.desk.gateway().order(|| Order::Drop);
        server.end().await;
    }

    /// Comes back to where it was, with all that it knew.
    ///
    /// # Panics
    /// Somebody else took its port.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("its port is free");
        self.server = Some(HttpServer::begin(listener, rest::router(Arc::clone(&self.desk))));
    }
}

impl Drop for FakeDiscord {
    fn drop(&mut self) {
        self.desk.gateway().order(|| Order::Drop);
        let complaints = self.complaints();
        let allowed = self.desk.complaints_allowed.load(Ordering::SeqCst);
        assert!(
            complaints.is_empty() || allowed || std::thread::panicking(),
            "the bot did what it may not: {complaints:#?}"
        );
    }
}
