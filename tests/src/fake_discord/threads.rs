//! Threads: opened at a message or by themselves, renamed, closed, and joined.

use super::desk::Desk;
use super::form::Form;
use super::limits::required;
use super::messages::{needs, visible};
use super::permission::Permission;
use super::refused::Refused;
use super::rest::Reply;
use super::world::{Id, RoomKind, World};
use axum::http::Method;
use serde_json::Value;

/// Opens a thread; `message` where it hangs at one.
pub(super) fn open(desk: &Desk, form: &Form, channel: Id, message: Option<Id>) -> Result<Reply, Refused> {
    required(&form.json, "name", "name", 1, 100)?;
    let minutes = auto_archive(&form.json)?;
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let room = visible(&world, channel)?;
    let RoomKind::Text { guild } = room.kind else {
        return Err(Refused::by_the_bot(400, 50_024, "Cannot execute action on this channel type"));
    };
    let public = message.is_some() || form.json["type"] == 11;
    needs(
        &world,
        channel,
        if public { Permission::CreatePublicThreads } else { Permission::CreatePrivateThreads },
    )?;
    if let Some(message) = message {
        if room.posts.get(&message).is_none_or(|post| post.only_for.is_some()) {
            return Err(Refused::unknown_message());
        }
        if world.rooms.contains_key(&message) {
            return Err(Refused::by_the_world(
                400,
                160_004,
                "A thread has already been created for this message",
            ));
        }
    }
    let name = form.json["name"].as_str().unwrap_or_default();
    let kind = RoomKind::Thread { guild, parent: channel, public };
    let mut thread = world.add_room(now_ms, name, kind);
    if let Some(message) = message {
        // A thread at a message has the message's id.
        if let Some(room) = world.rooms.remove(&thread) {
            world.rooms.insert(message, room);
        }
        thread = message;
    }
    if let (Some(room), Some(minutes)) = (world.rooms.get_mut(&thread), minutes) {
        room.auto_archive_minutes = minutes;
    }
    if let Some(message) = message {
        let said = world.room_json(thread);
        if let Some(post) = world.post_mut(channel, message) {
            post.value["thread"] = said;
        }
    }
    Ok(Reply::Created(world.room_json(thread)))
}

/// Reads, changes or deletes a channel; what is no thread can only be read.
pub(super) fn channel(desk: &Desk, form: &Form, channel: Id) -> Result<Reply, Refused> {
    let mut world = desk.world();
    let room = visible(&world, channel)?;
    let is_thread = matches!(room.kind, RoomKind::Thread { .. });
    match form.method {
        Method::GET => Ok(Reply::Json(world.room_json(channel))),
        Method::PATCH if is_thread => {
            change(&mut world, channel, &form.json)?;
            Ok(Reply::Json(world.room_json(channel)))
        }
        Method::DELETE if is_thread => {
            needs(&world, channel, Permission::ManageThreads)?;
            let said = world.room_json(channel);
            if let Some(room) = world.rooms.get_mut(&channel) {
                room.gone = true;
            }
            Ok(Reply::Json(said))
        }
        Method::PATCH | Method::DELETE => Err(Refused::missing_permissions()),
        _ => Err(Refused::no_route()),
    }
}

fn change(world: &mut World, channel: Id, said: &Value) -> Result<(), Refused> {
    let minutes = auto_archive(said)?;
    if world.rooms.get(&channel).is_some_and(|room| room.locked) {
        needs(world, channel, Permission::ManageThreads)?;
    }
    if !said["name"].is_null() {
        required(said, "name", "name", 1, 100)?;
    }
    let Some(room) = world.rooms.get_mut(&channel) else { return Err(Refused::unknown_channel()) };
    if let Some(name) = said["name"].as_str() {
        name.clone_into(&mut room.name);
    }
    room.archived = said["archived"].as_bool().unwrap_or(room.archived);
    room.locked = said["locked"].as_bool().unwrap_or(room.locked);
    room.auto_archive_minutes = minutes.unwrap_or(room.auto_archive_minutes);
    Ok(())
}

fn auto_archive(said: &Value) -> Result<Option<u64>, Refused> {
    match (&said["auto_archive_duration"], said["auto_archive_duration"].as_u64()) {
        (Value::Null, _) => Ok(None),
        (_, Some(minutes @ (60 | 1_440 | 4_320 | 10_080))) => Ok(Some(minutes)),
        _ => {
            let said = "Value must be one of {60, 1440, 4320, 10080}.";
            Err(Refused::form("auto_archive_duration", "BASE_TYPE_CHOICES", said))
        }
    }
}

/// Brings somebody into a thread.
pub(super) fn add_member(desk: &Desk, form: &Form, channel: Id, user: Id) -> Result<Reply, Refused> {
    let world = desk.world();
    let room = visible(&world, channel)?;
    if !matches!(room.kind, RoomKind::Thread { .. }) || form.method != Method::PUT {
        return Err(Refused::no_route());
    }
    let guild = room.guild().and_then(|guild| world.guilds.get(&guild));
    if guild.is_some_and(|guild| guild.members.contains(&user)) {
        Ok(Reply::Empty)
    } else {
        Err(Refused::by_the_world(404, 10_013, "Unknown User"))
    }
}
