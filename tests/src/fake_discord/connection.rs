//! One connection to the gateway: it greets, checks who comes, and obeys orders.

use super::desk::Desk;
use super::gateway::{self, Order};
use super::knobs::Door;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one message of a bot.
const PAYLOAD_BYTES_MAX: usize = 4_096;
/// The intents that Discord knows, bits 0 to 25.
const INTENTS: u64 = (1 << 26) - 1;
/// Members, presences, the content of messages: only for bots that were reviewed.
const PRIVILEGED_INTENTS: u64 = (1 << 1) | (1 << 8) | (1 << 15);

pub(super) async fn upgrade(State(desk): State<Arc<Desk>>, uri: Uri, socket: WebSocketUpgrade) -> Response {
    if desk.gateway().door == Door::Shut {
        desk.gateway().turn_away();
        desk.changed();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let query = uri.query().unwrap_or_default().to_owned();
    socket.on_upgrade(async move |socket| converse(&desk, socket, &query).await)
}

/// How a connection ends.
enum End {
    /// The bot is closed with this code.
    Closed(u16),
    /// The bot went and will not resume.
    Left,
    /// It broke.
    Lost,
}

struct Connection<'a> {
    desk: &'a Desk,
    socket: WebSocket,
    number: u64,
    session: Option<String>,
}

async fn converse(desk: &Desk, socket: WebSocket, query: &str) {
    let (number, mut orders) = desk.gateway().connect();
    desk.changed();
    let mut connection = Connection { desk, socket, number, session: None };
    let end = if query.split('&').any(|part| part == "v=10") && !query.contains("compress=") {
        connection.run(&mut orders).await
    } else {
        desk.complain(format!("the gateway was opened with {query:?}, not with v=10"));
        End::Closed(4_012)
    };
    let over = match end {
        End::Closed(code) => {
            let close = CloseFrame { code, reason: reason(code).into() };
            // Who is closed may be gone already.
            drop(connection.socket.send(Message::Close(Some(close))).await);
            gateway::is_final(code)
        }
        End::Left => true,
        End::Lost => false,
    };
    desk.gateway().disconnect(number, over);
    desk.changed();
}

impl Connection<'_> {
    async fn run(&mut self, orders: &mut tokio::sync::mpsc::Receiver<Order>) -> End {
        let beat = Duration::from_millis(self.desk.gateway().heartbeat_ms);
        let hello = json!({"op": 10, "d": {"heartbeat_interval": beat.as_millis()}});
        let is_silent = self.desk.gateway().door == Door::Silent;
        if !is_silent && self.send(hello.to_string()).await.is_err() {
            return End::Lost;
        }
        let mut silent_at = tokio::time::Instant::now() + 2 * beat;
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Send(text)) => if self.send(text).await.is_err() { return End::Lost },
                    Some(Order::Close(code)) => return End::Closed(code),
                    Some(Order::Drop) | None => return End::Lost,
                },
                came = self.socket.recv() => {
                    let payload = match came {
                        Some(Ok(Message::Text(text))) => text.to_string(),
                        Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(frame))) => {
                            let goes = frame.is_some_and(|frame| matches!(frame.code, 1_000 | 1_001));
                            return if goes { End::Left } else { End::Lost };
                        }
                        Some(Err(_)) | None => return End::Lost,
                    };
                    silent_at = tokio::time::Instant::now() + 2 * beat;
                    if let Err(end) = self.hear(&payload).await { return end }
                }
                () = tokio::time::sleep_until(silent_at) => {
                    self.desk.complain("the bot sent no heartbeat".to_owned());
                    return End::Closed(4_009);
                }
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), axum::Error> {
        self.socket.send(Message::Text(text.into())).await
    }

    async fn hear(&mut self, payload: &str) -> Result<(), End> {
        let said: Value = serde_json::from_str(payload).unwrap_or_default();
        if payload.len() > PAYLOAD_BYTES_MAX || !said["op"].is_u64() {
            self.desk.complain(format!("a gateway payload of {} bytes cannot be decoded", payload.len()));
            return Err(End::Closed(4_002));
        }
        match said["op"].as_u64() {
            Some(1) => {
                let acks = {
                    let mut gateway = self.desk.gateway();
                    gateway.heartbeats += 1;
                    gateway.acks_heartbeats
                };
                self.desk.changed();
                if acks {
                    self.send(json!({"op": 11}).to_string()).await.map_err(|_| End::Lost)
                } else {
                    Ok(())
                }
            }
            Some(2) if self.session.is_some() => Err(self.closes(4_005)),
            Some(2) => self.identify(&said["d"]),
            Some(6) => self.resume(&said["d"]).await,
            Some(3 | 4 | 8 | 31) if self.session.is_some() => Ok(()),
            Some(3 | 4 | 8 | 31) => Err(self.closes(4_003)),
            _ => Err(self.closes(4_001)),
        }
    }

    fn closes(&self, code: u16) -> End {
        self.desk.complain(format!("the gateway closed with {code}: {}", reason(code)));
        End::Closed(code)
    }

    fn identify(&mut self, said: &Value) -> Result<(), End> {
        if let Some(code) = self.desk.gateway().closes_next.take() {
            return Err(End::Closed(code));
        }
        if !self.knows(&said["token"]) {
            return Err(self.closes(4_004));
        }
        let properties = &said["properties"];
        let Some(intents) = said["intents"].as_u64().filter(|_| properties["os"].is_string()) else {
            return Err(self.closes(4_002));
        };
        if intents & !INTENTS != 0 {
            return Err(self.closes(4_013));
        }
        if intents & PRIVILEGED_INTENTS != 0 {
            return Err(self.closes(4_014));
        }
        let shard = &said["shard"];
        if !shard.is_null() && *shard != json!([0, 1]) {
            return Err(self.closes(4_010));
        }
        let dialect = self.desk.dialect();
        // The world is looked at before the gateway is held: never one inside the other.
        let greeting = gateway::ready(self.desk, "");
        let session = self.desk.gateway().identify(self.number, |id| {
            let mut ready = greeting;
            ready["session_id"] = json!(id);
            dialect.speak(ready)
        });
        self.session = Some(session);
        self.desk.changed();
        Ok(())
    }

    async fn resume(&mut self, said: &Value) -> Result<(), End> {
        if !self.knows(&said["token"]) {
            return Err(self.closes(4_004));
        }
        let id = said["session_id"].as_str().unwrap_or_default();
        let sequence = said["seq"].as_u64().unwrap_or(0);
        let resumed = self.desk.gateway().resume(self.number, id, sequence);
        if resumed {
            self.session = Some(id.to_owned());
            self.desk.changed();
            return Ok(());
        }
        self.send(json!({"op": 9, "d": false}).to_string()).await.map_err(|_| End::Lost)
    }

    fn knows(&self, token: &Value) -> bool {
        let token = token.as_str().unwrap_or_default();
        token.strip_prefix("Bot ").unwrap_or(token) == self.desk.token
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        4_001 => "Unknown opcode.",
        4_002 => "Error while decoding payload.",
        4_003 => "Not authenticated.",
        4_004 => "Authentication failed.",
        4_005 => "Already authenticated.",
        4_007 => "Invalid seq.",
        4_008 => "Rate limited.",
        4_009 => "Session timed out.",
        4_010 => "Invalid shard.",
        4_012 => "Invalid API version.",
        4_013 => "Invalid intent(s).",
        4_014 => "Disallowed intent(s).",
        _ => "",
    }
}
