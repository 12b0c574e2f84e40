//! Discord itself: the one file that names serenity. Everything goes out as JSON of our own, since serenity's types are
//! older than Discord.

use crate::cli::is_local;
use crate::health::Counters;
use crate::incoming::{Incoming, address, identity};
use crate::message::{CONTENT_MAX, Message, ephemeral_flags, fit};
use reqwest_of_serenity::Client as HttpClient;
use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, ChannelId, ClientBuilder, Context, CreateAttachment, Event, GatewayIntents, Http,
    HttpBuilder, HttpError, Interaction, InteractionId, LightMethod, MessageId, Multipart, MultipartUpload,
    RawEventHandler, Ready, Request, Route,
};
use serenity::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// Longest wait for one answer of Discord.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Routes that the rate limiter keeps; it makes one for each interaction and drops none.
const ROUTES_MAX: usize = 1_000;

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscordError {
    /// The channel or message is gone, or never was.
    #[error("it is gone")]
    Gone,
    /// The person takes no direct messages of ours.
    #[error("they take no direct messages")]
    Closed,
    /// We may not.
    #[error("the bot may not do this there")]
    Forbidden,
    /// Too late, or answered already.
    #[error("the interaction is over")]
    Over,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What a person is answered.
#[derive(Clone, Debug)]
pub(crate) enum Response {
    /// A message that only they see.
    Private(Message),
    /// A form.
    Form(Value),
    /// A thought: the message comes later.
    Later,
    /// The message that they clicked, as it is now.
    Update(Message),
    /// The same, later.
    UpdateLater,
    /// Choices while something is typed.
    Choices(Vec<(String, String)>),
}

/// The way to Discord.
#[derive(Clone)]
pub(crate) struct Discord {
    http: Arc<Http>,
    client: HttpClient,
    application: u64,
}

impl Discord {
    /// With this token, at Discord or at a server on this machine that speaks like it; learns which application it is.
    pub(crate) async fn connect(token: &str, api: Option<&str>) -> Result<Self, DiscordError> {
        let mut builder = HttpClient::builder().timeout(REQUEST_MAX);
        if api.is_some() {
            // Whatever is mistaken, nothing leaves this machine.
            builder = builder.no_proxy().resolve("discord.com", ([127, 0, 0, 1], 9).into());
        }
        let client = builder.build().map_err(|error| DiscordError::Other(error.to_string()))?;
        let mut http = HttpBuilder::new(token).client(client.clone());
        if let Some(api) = api {
            // The limiter would not go through the proxy.
            http = http.proxy(api).ratelimiter_disabled(true);
        }
        let http = Arc::new(http.build());
        let found = http.get_current_application_info().await.map_err(explain)?;
        http.set_application_id(found.id);
        Ok(Self { http, client, application: found.id.get() })
    }

    /// The application's number.
    pub(crate) fn application(&self) -> u64 {
        self.application
    }

    /// Whether Discord has exactly these commands; else it has them now.
    pub(crate) async fn register(&self, commands: &Value) -> Result<(), DiscordError> {
        self.http.create_global_commands(commands).await.map_err(explain).map(drop)
    }

    /// The first answer to an interaction.
    pub(crate) async fn respond(&self, to: &Incoming, response: &Response) -> Result<(), DiscordError> {
        let (body, files) = match response {
            Response::Private(message) => {
                (json!({"type": 4, "data": message.ephemeral_json()}), attachments(message))
            }
            Response::Form(form) => (json!({"type": 9, "data": form}), Vec::new()),
            Response::Later => (json!({"type": 5, "data": ephemeral_flags()}), Vec::new()),
            Response::Update(message) => {
                (json!({"type": 7, "data": message.json(None)}), attachments(message))
            }
            Response::UpdateLater => (json!({"type": 6}), Vec::new()),
            Response::Choices(choices) => {
                let choices: Vec<Value> =
                    choices.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                (json!({"type": 8, "data": {"choices": choices}}), Vec::new())
            }
        };
        self.callback(to.id, &to.token, &body, files).await
    }

    async fn callback(
        &self,
        id: u64,
        token: &str,
        body: &Value,
        files: Vec<CreateAttachment>,
    ) -> Result<(), DiscordError> {
        self.http
            .create_interaction_response(InteractionId::new(id), token, body, files)
            .await
            .map_err(explain)
    }

    /// What follows a thought.
    pub(crate) async fn complete(&self, to: &Incoming, message: &Message) -> Result<(), DiscordError> {
        let route = Route::WebhookOriginalInteractionResponse {
            application_id: ApplicationId::new(self.application),
            token: &to.token,
        };
        self.ask(route, LightMethod::Patch, &message.json(None), attachments(message)).await.map(drop)
    }

    /// A message in a channel. `ping` is notified. Discord takes the same `nonce` for the same message for some minutes.
    pub(crate) async fn send(
        &self,
        channel: u64,
        message: &Message,
        ping: Option<u64>,
        nonce: &str,
    ) -> Result<u64, DiscordError> {
        let mut body = message.json(ping);
        if let Some(user) = ping {
            // Who is not named is not notified, whatever is allowed.
            body["content"] = json!(fit(&format!("<@{user}> {}", message.content), CONTENT_MAX));
        }
        body["nonce"] = json!(nonce);
        body["enforce_nonce"] = json!(true);
        let route = Route::ChannelMessages { channel_id: ChannelId::new(channel) };
        id_of(&self.ask(route, LightMethod::Post, &body, attachments(message)).await?)
    }

    /// Changes a message; its files stay.
    pub(crate) async fn edit(&self, channel: u64, id: u64, message: &Message) -> Result<(), DiscordError> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(id));
        let route = Route::ChannelMessage { channel_id, message_id };
        self.ask(route, LightMethod::Patch, &message.json(None), attachments(message)).await.map(drop)
    }

    /// Looks for a channel.
    ///
    /// # Errors
    /// `Gone` or `Forbidden`: we do not see it.
    pub(crate) async fn sees(&self, channel: u64) -> Result<(), DiscordError> {
        let route = Route::Channel { channel_id: ChannelId::new(channel) };
        self.http.request(Request::new(route, LightMethod::Get)).await.map_err(explain).map(drop)
    }

    /// The channel of direct messages with somebody.
    pub(crate) async fn direct(&self, user: u64) -> Result<u64, DiscordError> {
        let body = json!({"recipient_id": user.to_string()});
        id_of(&self.ask(Route::UserMeDmChannels, LightMethod::Post, &body, Vec::new()).await?)
    }

    /// One request, and what comes back: serenity would refuse an answer for a field that nobody needs.
    async fn ask(
        &self,
        route: Route<'_>,
        method: LightMethod,
        body: &Value,
        files: Vec<CreateAttachment>,
    ) -> Result<Value, DiscordError> {
        let other = |error: &dyn std::fmt::Display| DiscordError::Other(error.to_string());
        let request = Request::new(route, method);
        let request = if files.is_empty() {
            request.body(Some(serde_json::to_vec(body).map_err(|error| other(&error))?))
        } else {
            let upload = MultipartUpload::Attachments(files);
            request.multipart(Some(Multipart {
                upload,
                fields: Vec::new(),
                payload_json: Some(body.to_string()),
            }))
        };
        let answer = self.http.request(request).await.map_err(explain)?;
        let bytes = answer.bytes().await.map_err(|error| other(&error))?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Takes what happens until `ended`: hands out interactions, and calls `ready` at every new session.
    pub(crate) async fn listen(
        &self,
        token: &str,
        incoming: mpsc::Sender<Incoming>,
        counters: Arc<Counters>,
    ) -> Result<(), DiscordError> {
        let handler = Handler { discord: self.clone(), incoming, counters };
        let mut client = ClientBuilder::new_with_http(self.another(token), GatewayIntents::empty())
            .application_id(ApplicationId::new(self.application))
            .raw_event_handler(handler)
            .await
            .map_err(explain)?;
        // Where the gateway could not be asked for, serenity takes Discord's own: a local one's token is not for it.
        let gateway = client.ws_url.lock().await.clone();
        if self.http.proxy.is_some() && !Url::parse(&gateway).is_ok_and(|url| is_local(&url)) {
            tracing::warn!("the local Discord does not say where its gateway is");
            return Ok(());
        }
        client.start().await.map_err(explain)
    }

    /// The same way again for the gateway, which takes one for itself.
    fn another(&self, token: &str) -> Http {
        let mut http = HttpBuilder::new(token).client(self.client.clone());
        if let Some(api) = &self.http.proxy {
            http = http.proxy(api.clone()).ratelimiter_disabled(true);
        }
        http.build()
    }

    /// Forgets what the rate limiter keeps of interactions that are over.
    pub(crate) async fn forget_routes(&self) {
        if let Some(limiter) = &self.http.ratelimiter {
            let routes = limiter.routes();
            let mut routes = routes.write().await;
            if routes.len() > ROUTES_MAX {
                routes.clear();
            }
        }
    }
}

struct Handler {
    discord: Discord,
    incoming: mpsc::Sender<Incoming>,
    counters: Arc<Counters>,
}

#[async_trait]
impl RawEventHandler for Handler {
    #[expect(clippy::wildcard_enum_match_arm, reason = "Discord tells much that is not asked for")]
    async fn raw_event(&self, _: Context, event: Event) {
        let value = match event {
            Event::InteractionCreate(created) => as_sent(&created.interaction),
            Event::Unknown(unknown) if unknown.kind == "INTERACTION_CREATE" => Some(unknown.value),
            Event::Ready(ready) => {
                Counters::one(&self.counters.sessions);
                let Ready { session_id, .. } = ready.ready;
                tracing::info!(session_id, "connected to Discord");
                None
            }
            _ => None,
        };
        let Some(value) = value else { return };
        Counters::one(&self.counters.interactions);
        if let Some(incoming) = Incoming::read(&value) {
            // Only a bot that is ending has nobody who takes it.
            drop(self.incoming.send(incoming).await);
            return;
        }
        Counters::one(&self.counters.strange);
        tracing::warn!(kind = %value["type"], "an interaction was not understood");
        if let Some((id, token)) = address(&value) {
            let sorry =
                Message::of("This is newer than the bot: it was not understood, and nothing was done.");
            let body = json!({"type": 4, "data": sorry.ephemeral_json()});
            if let Err(error) = self.discord.callback(id, &token, &body, Vec::new()).await {
                tracing::debug!(%error, "it could not be said either");
            }
        }
    }
}

/// An interaction as Discord sent it: serenity reads it, and leaves its kind out when it writes.
fn as_sent(interaction: &Interaction) -> Option<Value> {
    let mut value = serde_json::to_value(interaction).ok()?;
    value["type"] = json!(u8::from(interaction.kind()));
    Some(value)
}

/// The number of what was made.
fn id_of(made: &Value) -> Result<u64, DiscordError> {
    let nothing = || DiscordError::Other("Discord does not say what it made".to_owned());
    identity(made.get("id")).ok_or_else(nothing)
}

fn attachments(message: &Message) -> Vec<CreateAttachment> {
    message.files.iter().map(|file| CreateAttachment::bytes(file.bytes.clone(), file.name.clone())).collect()
}

fn explain(error: serenity::Error) -> DiscordError {
    let serenity::Error::Http(HttpError::UnsuccessfulRequest(refused)) = error else {
        return DiscordError::Other(error.to_string());
    };
    match refused.error.code {
        10003 | 10008 => DiscordError::Gone,
        50007 | 50278 => DiscordError::Closed,
        50001 | 50013 => DiscordError::Forbidden,
        10062 | 40060 | 10015 => DiscordError::Over,
        code => DiscordError::Other(format!(
            "Discord refuses it (status {}, code {code}: {})",
            refused.status_code.as_u16(),
            refused.error.message
        )),
    }
}
