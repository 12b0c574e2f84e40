//! The first answer to an interaction: once, in time, and of a kind that fits.

use super::components;
use super::desk::{Desk, bot_json};
use super::form::Form;
use super::limits;
use super::refused::Refused;
use super::rest::Reply;
use super::world::{Ack, EPHEMERAL, Id, Kind, LOADING, World, merge};
use super::writing::write;
use serde_json::{Value, json};

/// Milliseconds in which the first answer must come.
pub(super) const ANSWER_MS: i64 = 3_000;

/// What kind of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Message = 4,
    Later = 5,
    UpdateLater = 6,
    Update = 7,
    Choices = 8,
    Modal = 9,
}

impl Answer {
    fn read(number: &Value) -> Result<Self, Refused> {
        Ok(match number.as_u64() {
            Some(4) => Self::Message,
            Some(5) => Self::Later,
            Some(6) => Self::UpdateLater,
            Some(7) => Self::Update,
            Some(8) => Self::Choices,
            Some(9) => Self::Modal,
            None => return Err(Refused::required("type")),
            Some(_) => {
                let said = "Value must be one of {4, 5, 6, 7, 8, 9}.";
                return Err(Refused::form("type", "BASE_TYPE_CHOICES", said));
            }
        })
    }

    fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Message | Self::Later => kind != Kind::Autocomplete,
            Self::UpdateLater | Self::Update => kind.has_message(),
            Self::Choices => kind == Kind::Autocomplete,
            Self::Modal => matches!(kind, Kind::Command | Kind::Component),
        }
    }
}

pub(super) fn answer(desk: &Desk, form: &Form, id: Id, token: &str) -> Result<Reply, Refused> {
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    let interaction = world.interactions.get(&id).filter(|interaction| interaction.token == token);
    let interaction = interaction.ok_or_else(Refused::unknown_interaction)?;
    if interaction.ack.is_some() {
        return Err(Refused::by_the_bot(400, 40_060, "Interaction has already been acknowledged."));
    }
    if now_ms - interaction.began_ms > ANSWER_MS {
        return Err(Refused::unknown_interaction());
    }
    let kind = interaction.kind;
    let answer = Answer::read(&form.json["type"])?;
    if !answer.fits(kind) {
        let said = format!(
            "an answer of type {} does not fit an interaction of type {}",
            answer as u8,
            kind.number()
        );
        return Err(Refused::form("type", "INTERACTION_CALLBACK_INVALID", &said));
    }
    let data = &form.json["data"];
    match answer {
        Answer::Message => {
            limits::check_message(data, &form.files, "data.")?;
            begin_message(desk, &mut world, now_ms, id, data, Some(form))?;
        }
        Answer::Later => begin_message(desk, &mut world, now_ms, id, data, None)?,
        Answer::UpdateLater => acknowledge(&mut world, id, Ack::Update),
        Answer::Update => {
            let (room, source) = (world.interactions[&id].room, world.interactions[&id].source);
            let source = source.ok_or_else(Refused::unknown_message)?;
            let flags = world.post_mut(room, source).and_then(|post| post.value["flags"].as_u64());
            limits::check_change(data, &form.files, "data.", flags.unwrap_or(0))?;
            write(desk, &mut world, room, source, data, &form.files)?;
            acknowledge(&mut world, id, Ack::Update);
        }
        Answer::Choices => {
            components::check_choices(&data["choices"])?;
            let choices = data["choices"].as_array().cloned();
            let choices = choices.ok_or_else(|| Refused::required("data.choices"))?;
            acknowledge(&mut world, id, Ack::Choices(choices));
        }
        Answer::Modal => {
            components::check_modal(data)?;
            acknowledge(&mut world, id, Ack::Modal(data.clone()));
        }
    }
    if !form.asks("with_response") {
        return Ok(Reply::Empty);
    }
    Ok(Reply::Json(describe(desk, &world, id, answer)))
}

fn acknowledge(world: &mut World, id: Id, ack: Ack) {
    let interaction = world.interactions.get_mut(&id).expect("it was looked up");
    if matches!(ack, Ack::Update) {
        interaction.original = interaction.source;
    }
    interaction.ack = Some(ack);
}

/// The message that answers: as the request says, or a promise of one.
fn begin_message(
    desk: &Desk,
    world: &mut World,
    now_ms: i64,
    id: Id,
    data: &Value,
    form: Option<&Form>,
) -> Result<(), Refused> {
    let post = add_answer(world, now_ms, id, data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0);
    let room = world.interactions[&id].room;
    match form {
        None => {
            if let Some(post) = world.post_mut(room, post) {
                post.value["flags"] = json!(post.value["flags"].as_u64().unwrap_or(0) | LOADING);
            }
        }
        Some(form) => {
            if let Err(refused) = write(desk, world, room, post, data, &form.files) {
                if let Some(room) = world.rooms.get_mut(&room) {
                    room.posts.remove(&post);
                }
                return Err(refused);
            }
        }
    }
    let interaction = world.interactions.get_mut(&id).expect("it was looked up");
    interaction.original = Some(post);
    interaction.ack = Some(Ack::Message);
    Ok(())
}

/// An empty message of the bot that belongs to an interaction.
pub(super) fn add_answer(world: &mut World, now_ms: i64, id: Id, ephemeral: bool) -> Id {
    let interaction = &world.interactions[&id];
    let (room, user, kind) = (interaction.room, interaction.user, interaction.kind.number());
    let post = world.add_post(now_ms, room, &bot_json(), ephemeral.then_some(user));
    let more = json!({
        "application_id": super::APPLICATION.to_string(), "webhook_id": super::APPLICATION.to_string(),
        "type": if kind == 2 { 20 } else { 0 },
        "interaction_metadata": metadata(world, id),
    });
    if let Some(post) = world.post_mut(room, post) {
        merge(&mut post.value, more);
    }
    post
}

/// What a message says about the interaction that it answers, and that about the one before it.
fn metadata(world: &World, id: Id) -> Value {
    let Some(interaction) = world.interactions.get(&id) else { return Value::Null };
    let mut said = json!({
        "id": id.to_string(), "type": interaction.kind.number(), "user": world.user_json(interaction.user),
        "authorizing_integration_owners": interaction.said["authorizing_integration_owners"],
    });
    match interaction.kind {
        Kind::Command => {
            said["name"] = interaction.said["data"]["name"].clone();
            said["command_type"] = interaction.said["data"]["type"].clone();
        }
        Kind::Component => {
            said["interacted_message_id"] = json!(interaction.source.map(|post| post.to_string()));
        }
        Kind::Modal { opened_by, .. } => {
            said["triggering_interaction_metadata"] = metadata(world, opened_by);
        }
        Kind::Autocomplete => {}
    }
    said
}

fn describe(desk: &Desk, world: &World, id: Id, answer: Answer) -> Value {
    let interaction = &world.interactions[&id];
    let message =
        interaction.original.and_then(|post| world.message_json(interaction.room, post, &desk.base));
    let mut resource = json!({"type": answer as u8});
    if let Some(message) = &message {
        resource["message"] = message.clone();
    }
    json!({
        "interaction": {
            "id": id.to_string(), "type": interaction.kind.number(),
            "response_message_id": interaction.original.map(|post| post.to_string()),
            "response_message_loading": answer == Answer::Later,
            "response_message_ephemeral": message.is_some_and(|one| one["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0),
        },
        "resource": resource,
    })
}
