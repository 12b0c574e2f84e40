//! What tests do to the bot: time goes on, connections break, limits bite, the server speaks differently.

use super::FakeDiscord;
use super::dialect::Dialect;
use super::gateway::Order;
use super::rates::Trouble;
use serde_json::{Value, json};
use std::time::Duration;

/// Whether a bot may go on with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumption {
    /// It may.
    Possible,
    /// It must begin anew.
    Impossible,
}

/// What a bot meets at the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// It is let in.
    #[default]
    Open,
    /// The connection is refused (503).
    Shut,
    /// The connection stands, and nobody says hello.
    Silent,
}

impl FakeDiscord {
    /// Time goes on so much at once: interactions run out, limits begin again, addresses of files end.
    pub fn passes(&self, span: Duration) {
        self.desk.clock.pass(span);
        self.desk.changed();
    }

    /// The bot hears of an event of any type, known or not.
    pub fn dispatches(&self, kind: &str, data: &Value) {
        let said = self.desk.dialect().speak(data.clone());
        self.desk.gateway().dispatch(kind, &said);
    }

    /// Every connection to the gateway breaks without a word. A session can be resumed.
    pub fn drops_connection(&self) {
        self.desk.gateway().order(|| Order::Drop);
    }

    /// Asks the bot to reconnect and resume (op 7).
    pub fn asks_to_reconnect(&self) {
        self.desk.gateway().order(|| Order::Send(json!({"op": 7, "d": null}).to_string()));
    }

    /// Tells the bot that its session is invalid (op 9).
    pub fn invalidates_session(&self, resumption: Resumption) {
        let resumable = resumption == Resumption::Possible;
        let mut gateway = self.desk.gateway();
        if !resumable {
            gateway.forget();
        }
        gateway.order(|| Order::Send(json!({"op": 9, "d": resumable}).to_string()));
    }

    /// Closes every connection to the gateway with this code.
    pub fn closes(&self, code: u16) {
        self.desk.gateway().close(code);
    }

    /// Closes the next connection that identifies itself with this code.
    pub fn closes_next(&self, code: u16) {
        self.desk.gateway().closes_next = Some(code);
    }

    /// Heartbeats stay unanswered from now on.
    pub fn stops_acking(&self) {
        self.desk.gateway().acks_heartbeats = false;
    }

    /// Heartbeats are answered again.
    pub fn acks_again(&self) {
        self.desk.gateway().acks_heartbeats = true;
    }

    /// Who connects from now on must send a heartbeat that often. Counted in whole milliseconds.
    pub fn set_heartbeat(&self, every: Duration) {
        self.desk.gateway().heartbeat_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    }

    /// How often a bot sent a heartbeat.
    pub fn heartbeats(&self) -> u64 {
        self.desk.gateway().heartbeats
    }

    /// How often a bot began a session.
    pub fn identifies(&self) -> u64 {
        self.desk.gateway().identifies
    }

    /// How often a bot went on with a session.
    pub fn resumes(&self) -> u64 {
        self.desk.gateway().resumes
    }

    /// Allows so many requests to a route, such as `POST /channels/{channel_id}/messages`, in so much time for each
    /// channel or webhook.
    pub fn limits(&self, route: &str, requests: u32, per: Duration) {
        self.desk.rates().limit(route, requests, per);
    }

    /// Allows so many requests in so much time, those of interactions aside.
    pub fn limits_globally(&self, requests: u32, per: Duration) {
        self.desk.rates().limit_globally(requests, per);
    }

    /// For so long every request is one too many (429, global), those of interactions aside.
    pub fn limits_all_for(&self, span: Duration) {
        self.desk.rates().block(self.desk.now_ms(), span);
    }

    /// The next requests to a route are one too many (429). Counted in whole milliseconds.
    pub fn limits_next(&self, route: &str, times: u32, retry_after: Duration) {
        let retry_after_ms = u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX);
        self.desk.rates().trouble(route, times, Trouble::Limited { retry_after_ms });
    }

    /// The next requests to a route meet an outage with this status.
    pub fn fails_next(&self, route: &str, times: u32, status: u16) {
        self.desk.rates().trouble(route, times, Trouble::Fails { status });
    }

    /// The next requests to a route are refused with one of Discord's codes, such as 403 and 40003.
    pub fn refuses_next(&self, route: &str, times: u32, status: u16, code: u32) {
        self.desk.rates().trouble(route, times, Trouble::Refuses { status, code });
    }

    /// Every answer of the API comes so much later from now on. Counted in whole milliseconds.
    pub fn set_latency(&self, latency: Duration) {
        self.desk.set_latency(latency);
    }

    /// A field of the application, as it is set up in the developer portal, in place of the usual one.
    pub fn sets_up_application(&self, field: &str, value: Value) {
        self.desk.world().application.insert(field.to_owned(), value);
    }

    /// What it sends from now on deviates like this.
    pub fn speaks(&self, dialect: Dialect) {
        self.desk.set_dialect(dialect);
    }

    /// The content network refuses every file with this status from now on.
    pub fn refuses_files(&self, status: u16) {
        self.desk.world().network.refuses = Some(status);
    }

    /// Files that are sent from now on are said to have so many bytes, whatever they have.
    pub fn misstates_files(&self, bytes: usize) {
        self.desk.world().network.says_bytes = Some(bytes);
    }

    /// Whoever comes to the gateway from now on meets this.
    pub fn sets_door(&self, door: Door) {
        self.desk.gateway().door = door;
    }

    /// How often a bot came to the gateway, let in or not.
    pub fn arrivals(&self) -> u64 {
        self.desk.gateway().arrivals()
    }

    /// The addresses of files that are sent from now on are good for so long.
    pub fn set_attachment_life(&self, life: Duration) {
        self.desk.set_attachment_life(life);
    }
}
