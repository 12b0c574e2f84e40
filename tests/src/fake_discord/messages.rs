//! Messages of channels and direct messages, and who may read and write there.

use super::clock::written;
use super::desk::{Desk, bot_json};
use super::form::Form;
use super::limits::{check_change, check_message, says_something};
use super::permission::{EVERYONE, Permission};
use super::refused::Refused;
use super::rest::Reply;
use super::world::{Id, Room, RoomKind, World};
use super::writing::{plain, write};
use axum::http::Method;
use serde_json::{Value, json};

/// Messages of one page, at most.
const PAGE_MAX: usize = 100;

/// The channel, if the bot can see it.
pub(super) fn visible(world: &World, channel: Id) -> Result<&Room, Refused> {
    let room = world.rooms.get(&channel).filter(|room| !room.gone).ok_or_else(Refused::unknown_channel)?;
    match &room.kind {
        RoomKind::Private { .. } => return Err(Refused::missing_access()),
        RoomKind::Dm { .. } => {}
        RoomKind::Text { guild } | RoomKind::Thread { guild, .. } => {
            let there = world.guilds.get(guild).is_some_and(|guild| guild.has_bot);
            if !there || may(world, channel) & Permission::ViewChannel.bit() == 0 {
                return Err(Refused::missing_access());
            }
        }
    }
    Ok(room)
}

/// What the bot may do in a channel; a thread takes what its channel has.
pub(super) fn may(world: &World, channel: Id) -> u64 {
    let Some(room) = world.rooms.get(&channel) else { return 0 };
    let above = match room.kind {
        RoomKind::Thread { parent, .. } => may(world, parent),
        RoomKind::Text { guild } => world.bot_permissions(guild),
        RoomKind::Dm { .. } | RoomKind::Private { .. } => EVERYONE,
    };
    above & !room.denied
}

pub(super) fn needs(world: &World, channel: Id, permission: Permission) -> Result<(), Refused> {
    let in_guild = world.rooms.get(&channel).is_some_and(|room| room.guild().is_some());
    if in_guild && may(world, channel) & permission.bit() == 0 {
        return Err(Refused::missing_permissions());
    }
    Ok(())
}

pub(super) fn several(desk: &Desk, form: &Form, channel: Id) -> Result<Reply, Refused> {
    match form.method {
        Method::POST => create(desk, form, channel),
        Method::GET => page(desk, form, channel),
        _ => Err(Refused::no_route()),
    }
}

fn create(desk: &Desk, form: &Form, channel: Id) -> Result<Reply, Refused> {
    check_message(&form.json, &form.files, "")?;
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let room = visible(&world, channel)?;
    may_write(&world, room, channel, form)?;
    let nonce = Some(plain(&form.json["nonce"])).filter(|_| !form.json["nonce"].is_null());
    let enforced = nonce.clone().filter(|_| form.json["enforce_nonce"] == true);
    if let Some(sent) = enforced.and_then(|nonce| room.sent_with(&nonce, now_ms)) {
        let sent = world.message_json(channel, sent, &desk.base);
        return sent.map(Reply::Json).ok_or_else(Refused::unknown_message);
    }
    let referenced = form.json["message_reference"]["message_id"].as_str().map(str::to_owned);
    if let Some(id) = &referenced {
        let there = id.parse().is_ok_and(|id: Id| room.posts.contains_key(&id));
        let optional = form.json["message_reference"]["fail_if_not_exists"] == false;
        if !there && !optional {
            let said = "Unknown message";
            return Err(Refused::form("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", said));
        }
    }
    let post = world.add_post(now_ms, channel, &bot_json(), None);
    if let Err(refused) = write(desk, &mut world, channel, post, &form.json, &form.files) {
        if let Some(room) = world.rooms.get_mut(&channel) {
            room.posts.remove(&post);
        }
        return Err(refused);
    }
    if let Some(room) = world.rooms.get_mut(&channel) {
        room.archived = false;
        if let Some(nonce) = nonce {
            room.remember_nonce(nonce, post, now_ms);
        }
    }
    if let Some(id) = referenced
        && let Some(post) = world.post_mut(channel, post)
    {
        post.value["type"] = json!(19);
        post.value["message_reference"] =
            json!({"type": 0, "message_id": id, "channel_id": channel.to_string()});
    }
    world.message_json(channel, post, &desk.base).map(Reply::Json).ok_or_else(Refused::unknown_message)
}

fn may_write(world: &World, room: &Room, channel: Id, form: &Form) -> Result<(), Refused> {
    if let RoomKind::Dm { with } = room.kind {
        let person = world.people.get(&with);
        let meets = world.guilds.values().any(|guild| guild.has_bot && guild.members.contains(&with));
        let strange = !meets && person.is_none_or(|person| !person.has_app);
        let closed = person.map_or(Some(50_007), |person| person.dms_closed);
        return match closed.or(strange.then_some(50_278)) {
            None => Ok(()),
            Some(50_278) => {
                let said = "Cannot send messages to this user due to having no mutual guilds";
                Err(Refused::by_the_world(403, 50_278, said))
            }
            Some(code) => Err(Refused::by_the_world(403, code, "Cannot send messages to this user")),
        };
    }
    let in_thread = matches!(room.kind, RoomKind::Thread { .. });
    needs(
        world,
        channel,
        if in_thread { Permission::SendMessagesInThreads } else { Permission::SendMessages },
    )?;
    if says_something(&form.json["embeds"]) {
        needs(world, channel, Permission::EmbedLinks)?;
    }
    if !form.files.is_empty() {
        needs(world, channel, Permission::AttachFiles)?;
    }
    if room.locked || (room.archived && may(world, channel) & Permission::SendMessagesInThreads.bit() == 0) {
        return Err(Refused::by_the_world(400, 50_083, "Thread is archived"));
    }
    Ok(())
}

fn page(desk: &Desk, form: &Form, channel: Id) -> Result<Reply, Refused> {
    let world = desk.world();
    let room = visible(&world, channel)?;
    needs(&world, channel, Permission::ReadMessageHistory)?;
    let number = |name: &str| form.query.get(name).and_then(|value| value.parse::<u64>().ok());
    let limit = number("limit").map_or(50, |limit| usize::try_from(limit).unwrap_or(0));
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Refused::form("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."));
    }
    let seen = room.posts.iter().filter(|(_, post)| post.only_for.is_none()).map(|(id, _)| *id);
    let seen = seen.filter(|id| number("before").is_none_or(|before| *id < before));
    let seen: Vec<Id> = seen.filter(|id| number("after").is_none_or(|after| *id > after)).collect();
    let chosen: Vec<Id> = if number("after").is_some() {
        seen.into_iter().take(limit).rev().collect()
    } else {
        seen.into_iter().rev().take(limit).collect()
    };
    let messages = chosen.into_iter().filter_map(|id| world.message_json(channel, id, &desk.base));
    Ok(Reply::Json(messages.collect::<Vec<Value>>().into()))
}

pub(super) fn one(desk: &Desk, form: &Form, channel: Id, message: Id) -> Result<Reply, Refused> {
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let room = visible(&world, channel)?;
    let post = room.posts.get(&message).filter(|post| post.only_for.is_none());
    let post = post.ok_or_else(Refused::unknown_message)?;
    let own = plain(&post.value["author"]["id"]) == super::APPLICATION.to_string();
    let flags = post.value["flags"].as_u64().unwrap_or(0);
    match form.method {
        Method::GET => needs(&world, channel, Permission::ReadMessageHistory)?,
        Method::PATCH => {
            if !own {
                let said = "Cannot edit a message authored by another user";
                return Err(Refused::by_the_bot(403, 50_005, said));
            }
            check_change(&form.json, &form.files, "", flags)?;
            if room.archived {
                return Err(Refused::by_the_world(400, 50_083, "Thread is archived"));
            }
            write(desk, &mut world, channel, message, &form.json, &form.files)?;
            if let Some(post) = world.post_mut(channel, message) {
                post.value["edited_timestamp"] = written(now_ms).into();
            }
        }
        Method::DELETE => {
            if !own {
                needs(&world, channel, Permission::ManageMessages)?;
            }
            if let Some(room) = world.rooms.get_mut(&channel) {
                room.posts.remove(&message);
            }
            return Ok(Reply::Empty);
        }
        _ => return Err(Refused::no_route()),
    }
    world.message_json(channel, message, &desk.base).map(Reply::Json).ok_or_else(Refused::unknown_message)
}

/// Opens the direct messages with somebody.
pub(super) fn open_dm(desk: &Desk, form: &Form) -> Result<Reply, Refused> {
    let with = plain(&form.json["recipient_id"]).parse::<Id>();
    let with = with.map_err(|_| Refused::form("recipient_id", "NUMBER_TYPE_COERCE", "not a snowflake."))?;
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    if !world.people.contains_key(&with) {
        return Err(Refused::by_the_world(400, 50_033, "Invalid Recipient(s)"));
    }
    let room = world.dm(now_ms, with);
    Ok(Reply::Json(world.room_json(room)))
}
