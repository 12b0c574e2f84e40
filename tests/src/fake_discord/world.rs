//! What exists: servers, channels, people, messages, commands, interactions, files. Values only; who may do what is
//! decided by the files that handle requests.

use super::clock::written;
use super::permission::{ALL, EVERYONE, Permission};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A snowflake.
pub(super) type Id = u64;

/// The first second of Discord's own time, Unix milliseconds.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;
/// What the token of an interaction begins with; its id follows.
pub(super) const TOKEN: &str = "aW50ZXJhY3Rpb246";
/// How long the server remembers a nonce.
const NONCE_MS: i64 = 5 * 60_000;

/// The flag of a message that only one person sees.
pub(super) const EPHEMERAL: u64 = 1 << 6;
/// The flag of an answer that is still to come.
pub(super) const LOADING: u64 = 1 << 7;
/// The flag of a message made of components only.
pub(super) const COMPONENTS_V2: u64 = 1 << 15;

/// A server.
pub(super) struct Guild {
    pub(super) name: String,
    pub(super) has_bot: bool,
    pub(super) members: BTreeSet<Id>,
    /// Permissions beyond what everybody has.
    pub(super) granted: BTreeMap<Id, u64>,
    /// What the bot may not do there.
    pub(super) denied: u64,
    /// Names of roles.
    pub(super) roles: BTreeMap<Id, String>,
    /// Who has which.
    pub(super) has_roles: BTreeSet<(Id, Id)>,
}

/// What a channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RoomKind {
    /// A text channel of a server.
    Text { guild: Id },
    /// A direct message between the bot and somebody.
    Dm { with: Id },
    /// People among themselves: the bot is not there.
    Private { people: BTreeSet<Id> },
    /// A thread of a channel.
    Thread { guild: Id, parent: Id, public: bool },
}

/// A channel, a thread or a direct message.
pub(super) struct Room {
    pub(super) kind: RoomKind,
    pub(super) name: String,
    /// What the bot may not do here.
    pub(super) denied: u64,
    pub(super) gone: bool,
    pub(super) archived: bool,
    pub(super) locked: bool,
    pub(super) auto_archive_minutes: u64,
    pub(super) posts: BTreeMap<Id, Post>,
    nonces: BTreeMap<String, (Id, i64)>,
    /// The last message that all see; it may be gone, as with Discord.
    last: Option<Id>,
}

/// A message.
pub(super) struct Post {
    pub(super) value: Value,
    /// The only one who sees it, if it is ephemeral.
    pub(super) only_for: Option<Id>,
}

/// Somebody.
pub(super) struct Person {
    pub(super) name: String,
    /// The code with which she takes no direct messages: 50007 closed, 50278 nothing in common.
    pub(super) dms_closed: Option<u32>,
    /// Has the app installed for herself.
    pub(super) has_app: bool,
    pub(super) locale: String,
}

/// A file that somebody sent.
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
    pub(super) room: Id,
    /// Unix milliseconds after which its address is of no use.
    pub(super) expires_ms: i64,
}

/// What kind of interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Component,
    Autocomplete,
    /// A modal; which interaction opened it, and whether that was with a component.
    Modal {
        opened_by: Id,
        from_component: bool,
    },
}

impl Kind {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Command => 2,
            Self::Component => 3,
            Self::Autocomplete => 4,
            Self::Modal { .. } => 5,
        }
    }

    /// Whether there is a message that it came from.
    pub(super) fn has_message(self) -> bool {
        matches!(self, Self::Component | Self::Modal { from_component: true, .. })
    }
}

/// How the bot acknowledged an interaction.
#[derive(Clone, Debug)]
pub(super) enum Ack {
    /// With a message, or the promise of one.
    Message,
    /// With nothing new, or by changing the message it came from.
    Update,
    /// With choices to complete from.
    Choices(Vec<Value>),
    /// With a form.
    Modal(Value),
}

/// An interaction.
pub(super) struct Interaction {
    pub(super) kind: Kind,
    pub(super) token: String,
    pub(super) user: Id,
    pub(super) room: Id,
    pub(super) began_ms: i64,
    pub(super) ack: Option<Ack>,
    /// The message that `@original` names.
    pub(super) original: Option<Id>,
    /// The message whose component was used.
    pub(super) source: Option<Id>,
    pub(super) followups: Vec<Id>,
    /// The bot is not where it happens: only the user has the app.
    pub(super) bot_is_absent: bool,
    /// As the bot heard of it.
    pub(super) said: Value,
}

/// How the content network deviates.
#[derive(Default)]
pub(super) struct Network {
    /// It refuses every file with this status.
    pub(super) refuses: Option<u16>,
    /// Files are said to have so many bytes, whatever they have.
    pub(super) says_bytes: Option<usize>,
}

#[derive(Default)]
pub(super) struct World {
    count: u64,
    /// Fields of the application, in place of the usual ones.
    pub(super) application: serde_json::Map<String, Value>,
    pub(super) guilds: BTreeMap<Id, Guild>,
    pub(super) rooms: BTreeMap<Id, Room>,
    pub(super) people: BTreeMap<Id, Person>,
    pub(super) files: BTreeMap<Id, File>,
    pub(super) network: Network,
    pub(super) interactions: BTreeMap<Id, Interaction>,
    /// Global commands, in the order of their registration.
    pub(super) commands: Vec<Value>,
    pub(super) guild_commands: BTreeMap<Id, Vec<Value>>,
}

impl World {
    /// A new snowflake, greater than all before.
    pub(super) fn id(&mut self, now_ms: i64) -> Id {
        self.count += 1;
        let since = u64::try_from(now_ms - DISCORD_EPOCH_MS).unwrap_or(0);
        (since << 22) + self.count
    }

    pub(super) fn add_room(&mut self, now_ms: i64, name: &str, kind: RoomKind) -> Id {
        let id = self.id(now_ms);
        let room = Room {
            kind,
            name: name.to_owned(),
            denied: 0,
            gone: false,
            archived: false,
            locked: false,
            auto_archive_minutes: 4_320,
            posts: BTreeMap::new(),
            nonces: BTreeMap::new(),
            last: None,
        };
        self.rooms.insert(id, room);
        id
    }

    /// The direct messages of the bot with somebody; made when they are first needed.
    pub(super) fn dm(&mut self, now_ms: i64, with: Id) -> Id {
        let wanted = RoomKind::Dm { with };
        let known = self.rooms.iter().find(|(_, room)| room.kind == wanted).map(|(id, _)| *id);
        known.unwrap_or_else(|| self.add_room(now_ms, "", wanted))
    }

    pub(super) fn person_named(&self, name: &str) -> Option<Id> {
        self.people.iter().find(|(_, person)| person.name == name).map(|(id, _)| *id)
    }

    pub(super) fn interaction_of_token(&self, token: &str) -> Option<Id> {
        let id: Id = token.strip_prefix(TOKEN)?.parse().ok()?;
        self.interactions.contains_key(&id).then_some(id)
    }

    /// The user as others see her.
    pub(super) fn user_json(&self, id: Id) -> Value {
        let name = self.people.get(&id).map_or("somebody", |person| person.name.as_str());
        json!({
            "id": id.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
            "public_flags": 0, "flags": 0, "primary_guild": null,
        })
    }

    /// The user as a member of a server, without the user herself.
    pub(super) fn member_json(&self, guild: Id, user: Id) -> Value {
        let has_roles = self.guilds.get(&guild).into_iter().flat_map(|guild| &guild.has_roles);
        let roles: Vec<String> =
            has_roles.filter(|(known, _)| *known == user).map(|(_, role)| role.to_string()).collect();
        json!({
            "nick": null, "avatar": null, "roles": roles, "joined_at": "2024-01-01T00:00:00.000000+00:00",
            "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
            "communication_disabled_until": null, "permissions": self.permissions(guild, user).to_string(),
        })
    }

    /// What somebody may do in a server.
    pub(super) fn permissions(&self, guild: Id, user: Id) -> u64 {
        let granted = self.guilds.get(&guild).and_then(|guild| guild.granted.get(&user)).copied();
        let granted = granted.unwrap_or(0);
        if granted & Permission::Administrator.bit() == 0 { EVERYONE | granted } else { ALL }
    }

    /// What the bot may do in a server, as long as a channel does not say otherwise.
    pub(super) fn bot_permissions(&self, guild: Id) -> u64 {
        EVERYONE & !self.guilds.get(&guild).map_or(0, |guild| guild.denied)
    }

    /// A role as the API shows it.
    pub(super) fn role_json(&self, guild: Id, role: Id) -> Value {
        let name = self.guilds.get(&guild).and_then(|guild| guild.roles.get(&role));
        json!({
            "id": role.to_string(), "name": name, "color": 0, "hoist": false, "position": 1, "permissions": "0",
            "managed": false, "mentionable": false, "flags": 0, "icon": null, "unicode_emoji": null,
        })
    }

    pub(super) fn room_json(&self, id: Id) -> Value {
        let room = &self.rooms[&id];
        let last = room.last.map(|id| id.to_string());
        let mut said = json!({"id": id.to_string(), "last_message_id": last, "flags": 0});
        let more = match &room.kind {
            RoomKind::Text { guild } => json!({
                "type": 0, "guild_id": guild.to_string(), "name": room.name, "position": 0, "nsfw": false,
                "topic": null, "parent_id": null, "permission_overwrites": [], "rate_limit_per_user": 0,
            }),
            RoomKind::Dm { with } => json!({"type": 1, "recipients": [self.user_json(*with)]}),
            RoomKind::Private { people } => json!({
                "type": 3, "name": null, "icon": null,
                "recipients": people.iter().map(|id| self.user_json(*id)).collect::<Vec<_>>(),
            }),
            RoomKind::Thread { guild, parent, public } => json!({
                "type": if *public { 11 } else { 12 }, "guild_id": guild.to_string(), "name": room.name,
                "parent_id": parent.to_string(), "owner_id": super::APPLICATION.to_string(),
                "message_count": room.posts.len(), "total_message_sent": room.posts.len(), "member_count": 1, "rate_limit_per_user": 0,
                "thread_metadata": {
                    "archived": room.archived, "locked": room.locked,
                    "auto_archive_duration": room.auto_archive_minutes,
                    "archive_timestamp": "2026-01-01T00:00:00.000000+00:00",
                },
            }),
        };
        merge(&mut said, more);
        said
    }

    /// A message as it is now, with addresses of its files that begin with `base`.
    pub(super) fn message_json(&self, room: Id, id: Id, base: &str) -> Option<Value> {
        let mut value = self.rooms.get(&room)?.posts.get(&id)?.value.clone();
        for attachment in value["attachments"].as_array_mut().into_iter().flatten() {
            self.address_attachment(attachment, base);
        }
        Some(value)
    }

    /// Writes where an attachment can be fetched now.
    pub(super) fn address_attachment(&self, attachment: &mut Value, base: &str) {
        let id = attachment["id"].as_str().and_then(|id| id.parse::<Id>().ok());
        if let Some((id, file)) = id.and_then(|id| Some((id, self.files.get(&id)?))) {
            let until = file.expires_ms / 1_000;
            let url = format!("{base}/attachments/{}/{id}/{}?ex={until:x}&is=0&hm=0", file.room, file.name);
            attachment["url"] = json!(url);
            attachment["proxy_url"] = json!(url);
        }
    }

    /// Keeps a file, and says what a message shows of it.
    pub(super) fn keep_file(&mut self, id: Id, file: File) -> Value {
        let said = json!({
            "id": id.to_string(), "filename": file.name, "content_type": file.content_type, "url": "",
            "size": self.network.says_bytes.unwrap_or(file.bytes.len()), "proxy_url": "",
        });
        self.files.insert(id, file);
        said
    }

    /// A new message of an author.
    pub(super) fn add_post(&mut self, now_ms: i64, room: Id, author: &Value, only_for: Option<Id>) -> Id {
        let id = self.id(now_ms);
        let value = json!({
            "id": id.to_string(), "channel_id": room.to_string(), "author": author, "content": "",
            "timestamp": written(now_ms), "edited_timestamp": null, "tts": false, "mention_everyone": false,
            "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [],
            "pinned": false, "type": 0, "flags": if only_for.is_some() { EPHEMERAL } else { 0 },
        });
        if let Some(room) = self.rooms.get_mut(&room) {
            room.last = if only_for.is_none() { Some(id) } else { room.last };
            room.posts.insert(id, Post { value, only_for });
        }
        id
    }

    pub(super) fn post_mut(&mut self, room: Id, id: Id) -> Option<&mut Post> {
        self.rooms.get_mut(&room)?.posts.get_mut(&id)
    }
}

impl Room {
    /// The server that it is part of.
    pub(super) fn guild(&self) -> Option<Id> {
        match self.kind {
            RoomKind::Text { guild } | RoomKind::Thread { guild, .. } => Some(guild),
            RoomKind::Dm { .. } | RoomKind::Private { .. } => None,
        }
    }

    /// The message that was sent with this nonce, unless that is too long ago or it is gone.
    pub(super) fn sent_with(&self, nonce: &str, now_ms: i64) -> Option<Id> {
        let (id, at) = self.nonces.get(nonce)?;
        (now_ms - at < NONCE_MS && self.posts.contains_key(id)).then_some(*id)
    }

    pub(super) fn remember_nonce(&mut self, nonce: String, id: Id, now_ms: i64) {
        self.nonces.insert(nonce, (id, now_ms));
    }
}

/// Puts the fields of one object into another.
pub(super) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// A value without the fields that are null: a bot may send them, and the server never does.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        Value::Object(fields) => {
            let said = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
