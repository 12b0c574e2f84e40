//! Discord itself: the one file that names serenity. Everything goes out as JSON of our own, since serenity's types are
//! older than Discord.

use crate::cli::is_local;
pub(crate) use crate::discord_error::DiscordError;
use crate::discord_error::explain;
use crate::health::Counters;
use crate::incoming::{Incoming, address, identity};
use crate::message::{CONTENT_MAX, File, Message, ephemeral_flags, fit};
use crate::rates::{Heard, Rates, TooLong, WAIT_MAX};
use reqwest_of_serenity::Client as HttpClient;
use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, ChannelId, ClientBuilder, Context, CreateAttachment, Event, GatewayIntents, Http,
    HttpBuilder, Interaction, InteractionId, LightMethod, MessageId, Multipart, MultipartUpload,
    RawEventHandler, Ready, Request, Route,
};
use serenity::async_trait;
use serenity::gateway::{ConnectionStage, ShardManager};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use url::Url;

/// Longest wait for one answer of Discord.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// Between two looks whether there is a session.
const WATCH_EVERY: Duration = Duration::from_millis(250);
/// Longest that an answer to somebody waits for a limit.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);
/// Before an answer that did not arrive is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Servers on a page: as many as Discord gives.
const SERVERS_PAGE: u32 = 200;
/// What is asked for in the address of a request.
const QUERY_FIELDS: [&str; 2] = ["limit", "after"];
/// After so long without a word Discord archives a thread, minutes: as long as an answer waits for its client.
const QUIET_MINUTES: u32 = 4_320;

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
    rates: Arc<Rates>,
    counters: Arc<Counters>,
    application: u64,
}

impl Discord {
    /// With this token, at Discord or at a server on this machine that speaks like it; learns which application it is.
    pub(crate) async fn connect(
        token: &str,
        api: Option<&str>,
        counters: Arc<Counters>,
    ) -> Result<Self, DiscordError> {
        let mut builder = HttpClient::builder().timeout(REQUEST_MAX);
        if api.is_some() {
            // Whatever is mistaken, nothing leaves this machine.
            builder = builder.no_proxy().resolve("discord.com", ([127, 0, 0, 1], 9).into());
        }
        let client = builder.build().map_err(|error| DiscordError::Other(error.to_string()))?;
        let http = Arc::new(way(token, &client, api));
        let mut discord = Self { http, client, rates: Arc::default(), counters, application: 0 };
        let found = discord.about().await?;
        discord.application = id_of(&found)?;
        Ok(discord)
    }

    /// What Discord says of the application.
    pub(crate) async fn about(&self) -> Result<Value, DiscordError> {
        let route = Route::Oauth2ApplicationCurrent;
        self.ask(Limit::Bucket("application", 0), route, LightMethod::Get, &Value::Null, &[]).await
    }

    /// The servers that we are in, with what we may do there: a page of them, those after `after`.
    pub(crate) async fn servers(&self, after: Option<u64>) -> Result<Vec<Value>, DiscordError> {
        let mut query = json!({"limit": SERVERS_PAGE.to_string()});
        if let Some(after) = after {
            query["after"] = json!(after.to_string());
        }
        let limit = Limit::Bucket("servers", 0);
        let said = self.ask(limit, Route::UserMeGuilds, LightMethod::Get, &query, &[]).await?;
        Ok(said.as_array().cloned().unwrap_or_default())
    }

    /// The application's number.
    pub(crate) fn application(&self) -> u64 {
        self.application
    }

    /// Tells Discord the commands, in place of all that it had of us.
    pub(crate) async fn register(&self, commands: &Value) -> Result<(), DiscordError> {
        let route = Route::Commands { application_id: ApplicationId::new(self.application) };
        self.ask(Limit::Bucket("commands", 0), route, LightMethod::Put, commands, &[]).await.map(drop)
    }

    /// The first answer to an interaction.
    pub(crate) async fn respond(&self, to: &Incoming, response: &Response) -> Result<(), DiscordError> {
        let no_files: &[File] = &[];
        let (body, files) = match response {
            Response::Private(message) => {
                (json!({"type": 4, "data": message.ephemeral_json()}), message.files.as_slice())
            }
            Response::Form(form) => (json!({"type": 9, "data": form}), no_files),
            Response::Later => (json!({"type": 5, "data": ephemeral_flags()}), no_files),
            Response::Update(message) => {
                (json!({"type": 7, "data": message.json(None)}), message.files.as_slice())
            }
            Response::UpdateLater => (json!({"type": 6}), no_files),
            Response::Choices(choices) => {
                let choices: Vec<Value> =
                    choices.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                (json!({"type": 8, "data": {"choices": choices}}), no_files)
            }
        };
        self.callback(to.id, &to.token, &body, files).await
    }

    async fn callback(&self, id: u64, token: &str, body: &Value, files: &[File]) -> Result<(), DiscordError> {
        let route = Route::InteractionResponse { interaction_id: InteractionId::new(id), token };
        self.ask(Limit::Own, route, LightMethod::Post, body, files).await.map(drop)
    }

    /// What follows a thought.
    pub(crate) async fn complete(&self, to: &Incoming, message: &Message) -> Result<(), DiscordError> {
        let route = Route::WebhookOriginalInteractionResponse {
            application_id: ApplicationId::new(self.application),
            token: &to.token,
        };
        self.ask(Limit::Thought, route, LightMethod::Patch, &message.json(None), &message.files)
            .await
            .map(drop)
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
        id_of(
            &self
                .ask(Limit::Bucket("send", channel), route, LightMethod::Post, &body, &message.files)
                .await?,
        )
    }

    /// Changes a message; its files stay.
    pub(crate) async fn edit(&self, channel: u64, id: u64, message: &Message) -> Result<(), DiscordError> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(id));
        let route = Route::ChannelMessage { channel_id, message_id };
        let (limit, body) = (Limit::Bucket("edit", channel), message.json(None));
        self.ask(limit, route, LightMethod::Patch, &body, &message.files).await.map(drop)
    }

    /// Changes what a message says and its buttons, and nothing else of it.
    pub(crate) async fn amend(&self, channel: u64, id: u64, message: &Message) -> Result<(), DiscordError> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(id));
        let route = Route::ChannelMessage { channel_id, message_id };
        let whole = message.json(None);
        let body = json!({
            "content": whole["content"], "components": whole["components"], "allowed_mentions": whole["allowed_mentions"],
        });
        self.ask(Limit::Bucket("edit", channel), route, LightMethod::Patch, &body, &[]).await.map(drop)
    }

    /// Deletes a message of ours.
    pub(crate) async fn delete(&self, channel: u64, id: u64) -> Result<(), DiscordError> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(id));
        let route = Route::ChannelMessage { channel_id, message_id };
        self.ask(Limit::Bucket("delete", channel), route, LightMethod::Delete, &Value::Null, &[])
            .await
            .map(drop)
    }

    /// Opens a thread at a message, whose number it has.
    pub(crate) async fn open_thread(&self, channel: u64, id: u64, name: &str) -> Result<u64, DiscordError> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(id));
        let route = Route::ChannelMessageThreads { channel_id, message_id };
        let body = json!({"name": name, "auto_archive_duration": QUIET_MINUTES});
        id_of(&self.ask(Limit::Bucket("thread", channel), route, LightMethod::Post, &body, &[]).await?)
    }

    /// Archives a thread, or opens it again.
    pub(crate) async fn set_archived(&self, thread: u64, archived: bool) -> Result<(), DiscordError> {
        let route = Route::Channel { channel_id: ChannelId::new(thread) };
        let (limit, body) = (Limit::Bucket("archive", thread), json!({"archived": archived}));
        self.ask(limit, route, LightMethod::Patch, &body, &[]).await.map(drop)
    }

    /// Looks for a channel.
    ///
    /// # Errors
    /// `Gone` or `Forbidden`: we do not see it.
    pub(crate) async fn sees(&self, channel: u64) -> Result<(), DiscordError> {
        let route = Route::Channel { channel_id: ChannelId::new(channel) };
        self.ask(Limit::Bucket("look", channel), route, LightMethod::Get, &Value::Null, &[]).await.map(drop)
    }

    /// The channel of direct messages with somebody.
    pub(crate) async fn direct(&self, user: u64) -> Result<u64, DiscordError> {
        let body = json!({"recipient_id": user.to_string()});
        let limit = Limit::Bucket("direct", 0);
        id_of(&self.ask(limit, Route::UserMeDmChannels, LightMethod::Post, &body, &[]).await?)
    }

    /// One request, and what comes back: serenity would refuse an answer for a field that nobody needs. It waits for its turn,
    /// and again if that was too early all the same.
    async fn ask(
        &self,
        limit: Limit,
        route: Route<'_>,
        method: LightMethod,
        body: &Value,
        files: &[File],
    ) -> Result<Value, DiscordError> {
        let began = Instant::now();
        loop {
            let turn = match limit {
                Limit::Own | Limit::Thought => None,
                Limit::Bucket(name, channel) => {
                    let long = |_: TooLong| DiscordError::Other("Discord's limits last too long".to_owned());
                    Some(self.rates.turn((name, channel)).await.map_err(long)?)
                }
            };
            let sent = self.send_once(route, method, body, files).await;
            let (status, heard, said) = match (sent, limit) {
                (Err(error), Limit::Thought) if began.elapsed() < WAIT_MAX => {
                    tracing::info!(%error, "an answer did not arrive, and is sent again");
                    tokio::time::sleep(AGAIN_AFTER).await;
                    continue;
                }
                (sent, _) => sent?,
            };
            if let Some(turn) = turn {
                turn.answered(heard);
            }
            let so_far = began.elapsed();
            match (status, heard, limit) {
                (200..=299, _, _) => return Ok(said),
                (429, Heard::TooMany { wait, .. }, Limit::Own) if so_far + wait < ANSWER_WAIT_MAX => {
                    self.count_limit(heard);
                    tokio::time::sleep(wait).await;
                }
                (429, Heard::TooMany { wait, .. }, Limit::Thought) if so_far + wait < WAIT_MAX => {
                    self.count_limit(heard);
                    tokio::time::sleep(wait).await;
                }
                (500..=599, _, Limit::Thought) if so_far < WAIT_MAX => tokio::time::sleep(AGAIN_AFTER).await,
                (429, _, Limit::Bucket(..)) if so_far < WAIT_MAX => self.count_limit(heard),
                _ => return Err(explain(status, &said)),
            }
        }
    }

    fn count_limit(&self, heard: Heard) {
        let is_global = matches!(heard, Heard::TooMany { everybody: true, .. });
        let Counters { limited, limited_globally, .. } = self.counters.as_ref();
        Counters::one(if is_global { limited_globally } else { limited });
    }

    async fn send_once(
        &self,
        route: Route<'_>,
        method: LightMethod,
        body: &Value,
        files: &[File],
    ) -> Result<(u16, Heard, Value), DiscordError> {
        let other = |error: &dyn std::fmt::Display| DiscordError::Other(error.to_string());
        let mut request = Request::new(route, method);
        if !files.is_empty() {
            let named = |file: &File| CreateAttachment::bytes(file.bytes.clone(), file.name.clone());
            let upload = MultipartUpload::Attachments(files.iter().map(named).collect());
            let payload_json = Some(body.to_string());
            request = request.multipart(Some(Multipart { upload, fields: Vec::new(), payload_json }));
        } else if let (LightMethod::Get, Value::Object(fields)) = (method, body) {
            // It has no body: what is asked for stands in its address.
            let query = QUERY_FIELDS
                .into_iter()
                .filter_map(|name| Some((name, fields.get(name)?.as_str()?.to_owned())));
            request = request.params(Some(query.collect()));
        } else if !body.is_null() {
            request = request.body(Some(body.to_string().into_bytes()));
        }
        let request = request.build(&self.client, self.http.token(), self.http.proxy.as_deref());
        let request = request.map_err(|error| other(&error))?;
        let answer = request.send().await.map_err(|error| other(&error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(|error| other(&error))?;
        let said = serde_json::from_slice(&bytes).unwrap_or_default();
        let heard = Heard::read(status, |name| headers.get(name)?.to_str().ok(), &said);
        Ok((status, heard, said))
    }

    /// Takes what happens until `ended`: hands out interactions, and calls `ready` at every new session.
    pub(crate) async fn listen(
        &self,
        token: &str,
        incoming: mpsc::Sender<Incoming>,
    ) -> Result<(), DiscordError> {
        let handler = Handler { discord: self.clone(), incoming };
        let failed = |error: serenity::Error| DiscordError::Other(error.to_string());
        // The gateway takes a way for itself.
        let gateway = way(token, &self.client, self.http.proxy.as_deref());
        let mut client = ClientBuilder::new_with_http(gateway, GatewayIntents::empty())
            .application_id(ApplicationId::new(self.application))
            .raw_event_handler(handler)
            .await
            .map_err(failed)?;
        // Where the gateway could not be asked for, serenity takes Discord's own: a local one's token is not for it.
        let gateway = client.ws_url.lock().await.clone();
        if self.http.proxy.is_some() && !Url::parse(&gateway).is_ok_and(|url| is_local(&url)) {
            tracing::warn!("the local Discord does not say where its gateway is");
            return Ok(());
        }
        let shards = Arc::clone(&client.shard_manager);
        let outcome = tokio::select! {
            outcome = client.start() => outcome.map_err(failed),
            () = watch(&shards, &self.counters) => Ok(()),
        };
        self.counters.is_connected.store(false, Ordering::Relaxed);
        outcome
    }
}

/// Notes for as long as it is polled whether there is a session. Serenity tells of new ones, and of some that end; one that it
/// cannot resume it drops without a word.
async fn watch(shards: &ShardManager, counters: &Counters) {
    loop {
        let is_connected =
            shards.runners.lock().await.values().any(|shard| shard.stage == ConnectionStage::Connected);
        counters.is_connected.store(is_connected, Ordering::Relaxed);
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

/// What limits a request.
#[derive(Clone, Copy)]
enum Limit {
    /// Its own interaction, and nothing else: who waits for a first answer waits for seconds.
    Own,
    /// The same after a thought: the answer is waited for longer, and sending it twice changes nothing.
    Thought,
    /// The bucket of this name for this channel, and what holds for all.
    Bucket(&'static str, u64),
}

/// Serenity's way to Discord, for what it sends itself. Its limiter would not go through the proxy.
fn way(token: &str, client: &HttpClient, api: Option<&str>) -> Http {
    let http = HttpBuilder::new(token).client(client.clone()).ratelimiter_disabled(true);
    match api {
        Some(api) => http.proxy(api).build(),
        None => http.build(),
    }
}

struct Handler {
    discord: Discord,
    incoming: mpsc::Sender<Incoming>,
}

#[async_trait]
impl RawEventHandler for Handler {
    #[expect(clippy::wildcard_enum_match_arm, reason = "Discord tells much that is not asked for")]
    async fn raw_event(&self, _: Context, event: Event) {
        let counters = &self.discord.counters;
        let value = match event {
            Event::InteractionCreate(created) => Some(as_sent(&created.interaction)),
            Event::Unknown(unknown) if unknown.kind == "INTERACTION_CREATE" => Some(unknown.value),
            Event::Ready(ready) => {
                Counters::one(&counters.sessions);
                counters.is_connected.store(true, Ordering::Relaxed);
                let Ready { session_id, .. } = ready.ready;
                tracing::info!(session_id, "connected to Discord");
                None
            }
            Event::Resumed(_) => {
                counters.is_connected.store(true, Ordering::Relaxed);
                None
            }
            _ => None,
        };
        let Some(value) = value else { return };
        Counters::one(&counters.interactions);
        if let Some(incoming) = Incoming::read(&value) {
            // Only a bot that is ending has nobody who takes it.
            drop(self.incoming.send(incoming).await);
            return;
        }
        Counters::one(&counters.strange);
        tracing::warn!(kind = %value["type"], "an interaction was not understood");
        if let Some((id, token)) = address(&value) {
            let sorry =
                Message::of("This is newer than the bot: it was not understood, and nothing was done.");
            let body = json!({"type": 4, "data": sorry.ephemeral_json()});
            if let Err(error) = self.discord.callback(id, &token, &body, &[]).await {
                tracing::debug!(%error, "it could not be said either");
            }
        }
    }
}

/// An interaction as Discord sent it: serenity reads it, and leaves its kind out when it writes. What it cannot write is not
/// understood, but so much is left that it is answered.
fn as_sent(interaction: &Interaction) -> Value {
    let mut value = serde_json::to_value(interaction).unwrap_or_else(|error| {
        tracing::warn!(%error, "an interaction cannot be written as it was sent");
        json!({"id": interaction.id(), "token": interaction.token()})
    });
    value["type"] = json!(u8::from(interaction.kind()));
    value
}

/// The number of what was made.
fn id_of(made: &Value) -> Result<u64, DiscordError> {
    let nothing = || DiscordError::Other("Discord does not say what it made".to_owned());
    identity(made.get("id")).ok_or_else(nothing)
}
