//! How an action of a user becomes an interaction that the bot hears of.

use super::desk::Desk;
use super::limits::FILE_BYTES_MAX;
use super::messages::may;
use super::permission::EVERYONE;
use super::user::ClientRefuses;
use super::world::{Id, Interaction, Kind, RoomKind, TOKEN, World, merge};
use serde_json::{Value, json};

/// Where a user acts, as the bot is told.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) room: Id,
    /// 0 a server, 1 the bot's direct messages, 2 people among themselves.
    pub(super) context: u64,
    pub(super) guild: Option<Id>,
    /// The server has the app, and what stands for it.
    pub(super) by_guild: Option<String>,
    /// The user has the app.
    pub(super) by_user: Option<Id>,
}

impl Place {
    /// Looks where a user is; she must be able to be there, and the app must be in reach.
    pub(super) fn of(world: &World, user: Id, room: Id) -> Result<Self, ClientRefuses> {
        let not_here = || ClientRefuses("the channel is not there for this user".to_owned());
        let found = world.rooms.get(&room).filter(|room| !room.gone).ok_or_else(not_here)?;
        let has_app = world.people.get(&user).is_some_and(|person| person.has_app);
        let by_user = has_app.then_some(user);
        let place = match &found.kind {
            RoomKind::Text { guild } | RoomKind::Thread { guild, .. } => {
                let server = world.guilds.get(guild).filter(|server| server.members.contains(&user));
                let server = server.ok_or_else(not_here)?;
                let by_guild = server.has_bot.then(|| guild.to_string());
                Self { room, context: 0, guild: Some(*guild), by_guild, by_user }
            }
            RoomKind::Dm { with } if *with == user => {
                let meets = world.guilds.values().any(|one| one.has_bot && one.members.contains(&user));
                Self { room, context: 1, guild: None, by_guild: meets.then(|| "0".to_owned()), by_user }
            }
            RoomKind::Private { people } if people.contains(&user) => {
                Self { room, context: 2, guild: None, by_guild: None, by_user }
            }
            RoomKind::Dm { .. } | RoomKind::Private { .. } => return Err(not_here()),
        };
        if place.by_guild.is_none() && place.by_user.is_none() {
            return Err(ClientRefuses("the app is installed neither here nor by this user".to_owned()));
        }
        Ok(place)
    }

    /// A command that the user sees here.
    pub(super) fn command(
        &self,
        world: &World,
        user: Id,
        name: &str,
        kind: u64,
    ) -> Result<Value, ClientRefuses> {
        let own = self.guild.filter(|_| self.by_guild.is_some());
        let own = own.and_then(|guild| world.guild_commands.get(&guild)).into_iter().flatten();
        let named = |command: &&Value| command["type"] == kind && command["name"] == name;
        let command = own.chain(&world.commands).find(named);
        let command = command.ok_or_else(|| ClientRefuses(format!("there is no command {name:?}")))?;
        if command["guild_id"].is_null() {
            let contexts = &command["contexts"];
            let here = match contexts.as_array() {
                None => self.context == 0 || command["dm_permission"] != false,
                Some(contexts) => contexts.iter().any(|context| *context == self.context),
            };
            let types = command["integration_types"].as_array().cloned().unwrap_or_default();
            let installed = (self.by_guild.is_some() && types.contains(&json!(0)))
                || (self.by_user.is_some() && types.contains(&json!(1)));
            if !here || !installed {
                return Err(ClientRefuses(format!("the command {name:?} is not for this place")));
            }
        }
        let bits = command["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok());
        if let (Some(guild), Some(bits)) = (self.guild, bits) {
            let has = world.permissions(guild, user);
            let is_administrator = has == super::permission::ALL;
            if !is_administrator && (bits == 0 || has & bits != bits) {
                return Err(ClientRefuses(format!("the command {name:?} is not for this user")));
            }
        }
        Ok(command.clone())
    }

    /// The place as a command sees it: an installation that the command is not for does not count.
    pub(super) fn for_command(mut self, command: &Value) -> Self {
        let types = command["integration_types"].as_array().cloned().unwrap_or_default();
        if command["guild_id"].is_null() {
            self.by_guild = self.by_guild.filter(|_| types.contains(&json!(0)));
            self.by_user = self.by_user.filter(|_| types.contains(&json!(1)));
        }
        self
    }
}

/// Sends an interaction to the bot, and answers its id.
pub(super) fn begin(desk: &Desk, user: Id, place: &Place, kind: Kind, data: Value, source: Option<Id>) -> Id {
    let now_ms = desk.now_ms();
    let (id, said) = {
        let mut world = desk.world();
        let id = world.id(now_ms);
        let mut said = describe(&world, user, place, kind, id);
        said["data"] = data;
        if let Some(message) = source.and_then(|post| world.message_json(place.room, post, &desk.base)) {
            said["message"] = message;
        }
        let interaction = Interaction {
            kind,
            token: said["token"].as_str().unwrap_or_default().to_owned(),
            user,
            room: place.room,
            began_ms: now_ms,
            ack: None,
            original: None,
            source,
            followups: Vec::new(),
            bot_is_absent: place.by_guild.is_none(),
            said: said.clone(),
        };
        world.interactions.insert(id, interaction);
        (id, said)
    };
    dispatch(desk, &said);
    id
}

/// Lets the bot hear of an interaction, for the first time or again.
pub(super) fn dispatch(desk: &Desk, said: &Value) {
    let said = desk.dialect().speak(said.clone());
    desk.gateway().dispatch("INTERACTION_CREATE", &said);
    desk.changed();
}

fn describe(world: &World, user: Id, place: &Place, kind: Kind, id: Id) -> Value {
    let locale = world.people.get(&user).map_or("en-US", |person| person.locale.as_str());
    let mut owners = json!({});
    if let Some(guild) = &place.by_guild {
        owners["0"] = json!(guild);
    }
    if let Some(user) = place.by_user {
        owners["1"] = json!(user.to_string());
    }
    let mut channel = world.room_json(place.room);
    let theirs = place.guild.map_or(EVERYONE, |guild| world.permissions(guild, user));
    channel["permissions"] = json!(theirs.to_string());
    let of_bot = if place.by_guild.is_some() { may(world, place.room) } else { EVERYONE };
    let mut said = json!({
        "id": id.to_string(), "application_id": super::APPLICATION.to_string(), "type": kind.number(),
        "token": format!("{TOKEN}{id}"), "version": 1, "channel_id": place.room.to_string(),
        "channel": channel, "app_permissions": of_bot.to_string(), "locale": locale, "entitlements": [],
        "authorizing_integration_owners": owners, "context": place.context, "attachment_size_limit": FILE_BYTES_MAX,
    });
    let who = match place.guild {
        None => json!({"user": world.user_json(user)}),
        Some(guild) => {
            let mut member = world.member_json(guild, user);
            member["user"] = world.user_json(user);
            json!({
                "member": member, "guild_id": guild.to_string(), "guild_locale": "en-US",
                "guild": {"id": guild.to_string(), "locale": "en-US", "features": []},
            })
        }
    };
    merge(&mut said, who);
    said
}
