//! What comes after the first answer: changes of it, and further messages, for fifteen minutes.

use super::callback::add_answer;
use super::desk::Desk;
use super::form::Form;
use super::limits;
use super::refused::Refused;
use super::rest::Reply;
use super::route::Which;
use super::world::{EPHEMERAL, Id, LOADING, World};
use super::writing::write;
use axum::http::Method;

/// Milliseconds for which the token of an interaction is good.
const TOKEN_MS: i64 = 15 * 60_000;
/// Followups to an interaction where the bot is not.
const ABSENT_FOLLOWUPS_MAX: usize = 5;

/// The acknowledged interaction of a token.
fn of_token(world: &World, now_ms: i64, token: &str) -> Result<Id, Refused> {
    let id = world.interaction_of_token(token).ok_or_else(Refused::unknown_webhook)?;
    let interaction = &world.interactions[&id];
    if now_ms - interaction.began_ms > TOKEN_MS {
        return Err(Refused::by_the_world(401, 50_027, "Invalid Webhook Token"));
    }
    if interaction.ack.is_none() {
        // Before the first answer there is nothing to follow.
        return Err(Refused::by_the_bot(404, 10_015, "Unknown Webhook"));
    }
    Ok(id)
}

pub(super) fn add(desk: &Desk, form: &Form, token: &str) -> Result<Reply, Refused> {
    limits::check_message(&form.json, &form.files, "")?;
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let id = of_token(&world, now_ms, token)?;
    let (room, original, bot_is_absent) = {
        let interaction = &world.interactions[&id];
        if interaction.bot_is_absent && interaction.followups.len() >= ABSENT_FOLLOWUPS_MAX {
            let said = "This interaction has reached the maximum number of follow up messages";
            return Err(Refused::by_the_bot(400, 40_094, said));
        }
        (interaction.room, interaction.original, interaction.bot_is_absent)
    };
    // The first followup takes the place of the promise.
    let promised = original.filter(|post| is_loading(&world, room, *post));
    let post = promised.unwrap_or_else(|| {
        let ephemeral = form.json["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
        add_answer(&mut world, now_ms, id, ephemeral)
    });
    if let Err(refused) = write(desk, &mut world, room, post, &form.json, &form.files) {
        if promised.is_none()
            && let Some(room) = world.rooms.get_mut(&room)
        {
            room.posts.remove(&post);
        }
        return Err(refused);
    }
    let interaction = world.interactions.get_mut(&id).expect("it was looked up");
    if promised.is_none() || bot_is_absent {
        interaction.followups.push(post);
    }
    // Unlike other webhooks, one of an interaction always answers with the message.
    world.message_json(room, post, &desk.base).map(Reply::Json).ok_or_else(Refused::unknown_message)
}

fn is_loading(world: &World, room: Id, post: Id) -> bool {
    let post = world.rooms.get(&room).and_then(|room| room.posts.get(&post));
    post.is_some_and(|post| post.value["flags"].as_u64().unwrap_or(0) & LOADING != 0)
}

pub(super) fn message(desk: &Desk, form: &Form, token: &str, which: Which) -> Result<Reply, Refused> {
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let id = of_token(&world, now_ms, token)?;
    let interaction = &world.interactions[&id];
    let room = interaction.room;
    let post = match which {
        Which::Original => interaction.original,
        Which::Numbered(post) => Some(post)
            .filter(|post| interaction.original == Some(*post) || interaction.followups.contains(post)),
    };
    let post = post.filter(|post| world.rooms.get(&room).is_some_and(|room| room.posts.contains_key(post)));
    let post = post.ok_or_else(Refused::unknown_message)?;
    match form.method {
        Method::GET => {}
        Method::PATCH => {
            let flags = world.post_mut(room, post).and_then(|post| post.value["flags"].as_u64());
            limits::check_change(&form.json, &form.files, "", flags.unwrap_or(0))?;
            write(desk, &mut world, room, post, &form.json, &form.files)?;
            let edited = super::clock::written(now_ms);
            if let Some(post) = world.post_mut(room, post) {
                post.value["edited_timestamp"] = edited.into();
            }
        }
        Method::DELETE => {
            if let Some(room) = world.rooms.get_mut(&room) {
                room.posts.remove(&post);
            }
            return Ok(Reply::Empty);
        }
        _ => return Err(Refused::no_route()),
    }
    world.message_json(room, post, &desk.base).map(Reply::Json).ok_or_else(Refused::unknown_message)
}
