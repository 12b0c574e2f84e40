//! The fake itself, met by a bot that is nothing but a websocket and an HTTP client.

mod channels;
mod clients;
mod gateway;
mod interactions;

use super::*;
use futures::{SinkExt, StreamExt};
use guildhall_daemon::agents::egress::Egress;
use reqwest::Method;
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message as Frame;

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A response.
struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    json: Value,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn refusal(&self) -> (u16, u64) {
        (self.status, self.json["code"].as_u64().unwrap_or(0))
    }
}

/// A bot without a library.
struct RawBot {
    api: String,
    token: Mutex<String>,
    http: reqwest::Client,
    socket: Socket,
    session: String,
    sequence: u64,
}

impl RawBot {
    /// Opens a connection without saying who it is.
    async fn dial(discord: &FakeDiscord) -> Self {
        // Reqwest takes the TLS provider that the process has.
        drop(Egress::new().expect("the daemon's own client"));
        let url = format!("{}/?v=10", discord.api().replacen("http", "ws", 1));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a gateway");
        Self {
            api: format!("{}/api/v10", discord.api()),
            token: Mutex::new(discord.token().to_owned()),
            http: reqwest::Client::new(),
            socket,
            session: String::new(),
            sequence: 0,
        }
    }

    /// A bot that is connected and has registered its commands.
    async fn start(discord: &FakeDiscord, commands: &Value) -> Self {
        let mut bot = Self::dial(discord).await;
        bot.identify().await;
        let ready = bot.hears("READY").await;
        ready["session_id"].as_str().expect("a session").clone_into(&mut bot.session);
        let path = format!("/applications/{APPLICATION}/commands");
        let got = bot.call(Method::PUT, &path, commands).await;
        assert_eq!(got.status, 200, "{}", got.json);
        bot
    }

    async fn say(&mut self, said: Value) {
        self.socket.send(Frame::Text(said.to_string().into())).await.expect("it is connected");
    }

    async fn identify(&mut self) {
        let token = desk::lock(&self.token).clone();
        let properties = json!({"os": "linux", "browser": "raw", "device": "raw"});
        self.say(json!({"op": 2, "d": {"token": token, "intents": 0, "properties": properties}})).await;
    }

    /// The next payload, or the code that the connection was closed with; 0 if it broke.
    async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let came = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("something comes");
            match came {
                Some(Ok(Frame::Text(text))) => {
                    let said: Value = serde_json::from_str(&text).expect("JSON");
                    self.sequence = said["s"].as_u64().unwrap_or(self.sequence);
                    return Ok(said);
                }
                Some(Ok(Frame::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The data of the next event of this type.
    async fn hears(&mut self, kind: &str) -> Value {
        loop {
            let said = self.next().await.expect("it stays connected");
            if said["t"] == kind {
                return said["d"].clone();
            }
        }
    }

    /// The next interaction.
    async fn asked(&mut self) -> Value {
        self.hears("INTERACTION_CREATE").await
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, "application/json", body.into_bytes()).await
    }

    /// Sends JSON and one file.
    async fn upload(&self, method: Method, path: &str, body: &Value, name: &str, bytes: &str) -> Got {
        let parts = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"payload_json\"\r\n\
             content-type: application/json\r\n\r\n{body}\r\n--edge\r\n\
             content-disposition: form-data; name=\"files[0]\"; filename=\"{name}\"\r\n\r\n{bytes}\r\n--edge--\r\n"
        );
        self.send(method, path, "multipart/form-data; boundary=edge", parts.into_bytes()).await
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Got {
        let token = desk::lock(&self.token).clone();
        let request = self
            .http
            .request(method, format!("{}{path}", self.api))
            .header("authorization", format!("Bot {token}"))
            .header("user-agent", "DiscordBot (https://example.org, 1)")
            .header("content-type", kind)
            .body(body);
        let response = request.send().await.expect("it answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let json = serde_json::from_str(&response.text().await.expect("a body")).unwrap_or_default();
        Got { status, headers, json }
    }

    async fn answers(&self, asked: &Value, answer: &Value) -> Got {
        let (id, token) = (text(&asked["id"]), text(&asked["token"]));
        self.call(Method::POST, &format!("/interactions/{id}/{token}/callback"), answer).await
    }

    async fn edits(&self, asked: &Value, body: &Value) -> Got {
        let path = format!("/webhooks/{APPLICATION}/{}/messages/@original", text(&asked["token"]));
        self.call(Method::PATCH, &path, body).await
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn message(content: &str) -> Value {
    json!({"type": 4, "data": {"content": content}})
}

/// The commands of the tests.
fn commands() -> Value {
    json!([
        {
            "name": "job", "description": "Jobs", "integration_types": [0, 1], "contexts": [0, 1, 2],
            "options": [
                {"type": 1, "name": "post", "description": "Post a job", "options": [
                    {"type": 3, "name": "agent", "description": "Who", "required": true, "max_length": 20},
                    {"type": 4, "name": "budget", "description": "How much", "min_value": 1},
                    {"type": 11, "name": "file", "description": "More"},
                    {"type": 3, "name": "speed", "description": "How fast",
                        "choices": [{"name": "Fast", "value": "fast"}, {"name": "Slow", "value": "slow"}]},
                ]},
                {"type": 1, "name": "show", "description": "Show a job", "options": [
                    {"type": 3, "name": "id", "description": "Which", "required": true, "autocomplete": true},
                ]},
            ],
        },
        {"name": "Make this a job", "type": 3, "contexts": [0]},
        {"name": "Ask", "type": 2, "contexts": [0]},
        {"name": "admin", "description": "Settings", "default_member_permissions": "32", "contexts": [0]},
    ])
}

fn button(label: &str, custom_id: &str, disabled: bool) -> Value {
    json!({"type": 2, "style": 3, "label": label, "custom_id": custom_id, "disabled": disabled})
}

fn rows(buttons: &[Value]) -> Value {
    json!([{"type": 1, "components": buttons}])
}
