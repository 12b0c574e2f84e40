//! The routes of the API that the fake has, read from a path.

use super::world::Id;
use axum::http::Method;

/// A message of an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// `@original`.
    Original,
    /// A followup, or the original by its id.
    Numbered(Id),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Gateway,
    GatewayBot,
    Application,
    Me,
    MyGuilds,
    Commands { guild: Option<Id> },
    Callback { interaction: Id, token: String },
    Followup { token: String },
    FollowupMessage { token: String, which: Which },
    OpenDm,
    Channel { channel: Id },
    Messages { channel: Id },
    Message { channel: Id, message: Id },
    ThreadOfMessage { channel: Id, message: Id },
    Threads { channel: Id },
    ThreadMember { channel: Id, user: Id },
    Typing { channel: Id },
    Guild { guild: Id },
}

impl Route {
    /// Reads a path below `/api/v10`.
    pub(super) fn read(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let id = |text: &str| text.parse::<Id>().ok();
        Some(match parts.as_slice() {
            ["gateway"] => Self::Gateway,
            ["gateway", "bot"] => Self::GatewayBot,
            ["applications", "@me"] | ["oauth2", "applications", "@me"] => Self::Application,
            ["users", "@me"] => Self::Me,
            ["users", "@me", "guilds"] => Self::MyGuilds,
            ["applications", own, "commands"] if is_own(own) => Self::Commands { guild: None },
            ["applications", own, "guilds", guild, "commands"] if is_own(own) => {
                Self::Commands { guild: Some(id(guild)?) }
            }
            ["interactions", interaction, token, "callback"] => {
                Self::Callback { interaction: id(interaction)?, token: (*token).to_owned() }
            }
            ["webhooks", own, token] if is_own(own) => Self::Followup { token: (*token).to_owned() },
            ["webhooks", own, token, "messages", which] if is_own(own) => {
                let which = if *which == "@original" { Which::Original } else { Which::Numbered(id(which)?) };
                Self::FollowupMessage { token: (*token).to_owned(), which }
            }
            ["users", "@me", "channels"] => Self::OpenDm,
            ["channels", channel] => Self::Channel { channel: id(channel)? },
            ["channels", channel, "messages"] => Self::Messages { channel: id(channel)? },
            ["channels", channel, "messages", message] => {
                Self::Message { channel: id(channel)?, message: id(message)? }
            }
            ["channels", channel, "messages", message, "threads"] => {
                Self::ThreadOfMessage { channel: id(channel)?, message: id(message)? }
            }
            ["channels", channel, "threads"] => Self::Threads { channel: id(channel)? },
            ["channels", channel, "thread-members", user] => {
                Self::ThreadMember { channel: id(channel)?, user: id(user)? }
            }
            ["channels", channel, "typing"] => Self::Typing { channel: id(channel)? },
            ["guilds", guild] => Self::Guild { guild: id(guild)? },
            _ => return None,
        })
    }

    /// As Discord's description names it, with its method: `POST /channels/{channel_id}/messages`.
    pub(super) fn named(&self, method: &Method) -> String {
        let path = match self {
            Self::Gateway => "/gateway",
            Self::GatewayBot => "/gateway/bot",
            Self::Application => "/applications/@me",
            Self::Me => "/users/@me",
            Self::MyGuilds => "/users/@me/guilds",
            Self::Commands { guild: None } => "/applications/{application_id}/commands",
            Self::Commands { guild: Some(_) } => "/applications/{application_id}/guilds/{guild_id}/commands",
            Self::Callback { .. } => "/interactions/{interaction_id}/{interaction_token}/callback",
            Self::Followup { .. } => "/webhooks/{webhook_id}/{webhook_token}",
            Self::FollowupMessage { which: Which::Original, .. } => {
                "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
            }
            Self::FollowupMessage { which: Which::Numbered(_), .. } => {
                "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
            }
            Self::OpenDm => "/users/@me/channels",
            Self::Channel { .. } => "/channels/{channel_id}",
            Self::Messages { .. } => "/channels/{channel_id}/messages",
            Self::Message { .. } => "/channels/{channel_id}/messages/{message_id}",
            Self::ThreadOfMessage { .. } => "/channels/{channel_id}/messages/{message_id}/threads",
            Self::Threads { .. } => "/channels/{channel_id}/threads",
            Self::ThreadMember { .. } => "/channels/{channel_id}/thread-members/{user_id}",
            Self::Typing { .. } => "/channels/{channel_id}/typing",
            Self::Guild { .. } => "/guilds/{guild_id}",
        };
        format!("{method} {path}")
    }

    /// What has a bucket of its own within the route.
    pub(super) fn major(&self) -> String {
        match self {
            Self::Channel { channel }
            | Self::Messages { channel }
            | Self::Message { channel, .. }
            | Self::ThreadOfMessage { channel, .. }
            | Self::Threads { channel }
            | Self::ThreadMember { channel, .. }
            | Self::Typing { channel } => channel.to_string(),
            Self::Guild { guild } | Self::Commands { guild: Some(guild) } => guild.to_string(),
            Self::Callback { token, .. } | Self::Followup { token } | Self::FollowupMessage { token, .. } => {
                token.clone()
            }
            Self::Gateway
            | Self::GatewayBot
            | Self::Application
            | Self::Me
            | Self::MyGuilds
            | Self::OpenDm
            | Self::Commands { guild: None } => String::new(),
        }
    }

    /// Whether the token in its path is all that it needs; such a route is not counted globally either.
    pub(super) fn is_of_interaction(&self) -> bool {
        matches!(self, Self::Callback { .. } | Self::Followup { .. } | Self::FollowupMessage { .. })
    }
}

fn is_own(application: &str) -> bool {
    application == super::APPLICATION.to_string()
}
