//! How what a bot says becomes a message, or changes one.

use super::components;
use super::desk::Desk;
use super::form::Upload;
use super::limits::says_something;
use super::refused::Refused;
use super::world::{COMPONENTS_V2, EPHEMERAL, Id, LOADING, World, merge, without_nulls};
use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

static MENTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<@!?(\d+)>|@(everyone|here)").expect("it is an expression"));

/// Writes into a message what a request says; what the request does not name stays. The request has passed
/// [`super::limits::check_message`].
pub(super) fn write(
    desk: &Desk,
    world: &mut World,
    room: Id,
    post: Id,
    data: &Value,
    files: &[Upload],
) -> Result<(), Refused> {
    let before = world.post_mut(room, post).ok_or_else(Refused::unknown_message)?.value.clone();
    let mut after = before.clone();
    if let Some(content) = data.get("content") {
        after["content"] = json!(content.as_str().unwrap_or_default());
        mention(world, &mut after, &data["allowed_mentions"]);
    }
    if let Some(embeds) = data.get("embeds") {
        let embeds = without_nulls(embeds.clone());
        let embeds = embeds.as_array().cloned().unwrap_or_default().into_iter().map(|mut embed| {
            embed["type"] = json!("rich");
            for field in embed.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
                field["inline"] = json!(field["inline"] == true);
            }
            embed
        });
        after["embeds"] = embeds.collect();
    }
    if let Some(components) = data.get("components") {
        after["components"] =
            if components.is_null() { json!([]) } else { without_nulls(components.clone()) };
        number(&mut after["components"], &mut 0);
    }
    let own = before["flags"].as_u64().unwrap_or(0) & (EPHEMERAL | COMPONENTS_V2);
    let flags = data["flags"].as_u64().or(before["flags"].as_u64()).unwrap_or(0);
    let wanted = flags & !(EPHEMERAL | LOADING);
    after["flags"] = json!(own | wanted);
    if !data["nonce"].is_null() {
        after["nonce"] = data["nonce"].clone();
    }
    let kept = kept_attachments(&before, data, files)?;
    let is_empty = ["content", "embeds", "components"].iter().all(|part| !says_something(&after[*part]));
    if is_empty && kept.is_empty() && files.is_empty() {
        return Err(Refused::by_the_bot(400, 50_006, "Cannot send an empty message"));
    }
    let mut attachments = kept;
    for file in files {
        let said = said_of(data, file);
        let name = said["filename"].as_str().unwrap_or(&file.name);
        let mut attachment = desk.keep_file(world, room, name, &file.content_type, &file.bytes);
        if let Some(description) = said.get("description").filter(|said| said.is_string()) {
            attachment["description"] = description.clone();
        }
        attachments.push(attachment);
    }
    after["attachments"] = attachments.into();
    if let Some(post) = world.post_mut(room, post) {
        post.value = after;
    }
    Ok(())
}

/// The attachments that stay. A request that names none keeps all; one that names some keeps those.
fn kept_attachments(before: &Value, data: &Value, files: &[Upload]) -> Result<Vec<Value>, Refused> {
    let old = before["attachments"].as_array().cloned().unwrap_or_default();
    let Some(listed) = data["attachments"].as_array() else { return Ok(old) };
    let names: Vec<String> = listed.iter().map(|one| plain(&one["id"])).collect();
    for (number, name) in names.iter().enumerate() {
        let comes = files.iter().any(|file| file.number == *name);
        let stays = old.iter().any(|one| plain(&one["id"]) == *name);
        if !comes && !stays {
            let said = "The attachment is neither of this message nor of this request";
            return Err(Refused::form(&format!("attachments.{number}.id"), "ATTACHMENT_NOT_FOUND", said));
        }
    }
    Ok(old.into_iter().filter(|one| names.contains(&plain(&one["id"]))).collect())
}

/// What the request says about a file that it brings.
fn said_of(data: &Value, file: &Upload) -> Value {
    let named = data["attachments"].as_array().into_iter().flatten();
    named.into_iter().find(|one| plain(&one["id"]) == file.number).cloned().unwrap_or_default()
}

/// An id, which comes as a text or a number.
pub(super) fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Says who is pinged: those that the content names and the request allows.
fn mention(world: &World, message: &mut Value, allowed: &Value) {
    let parses = |kind: &str| {
        allowed.is_null() || allowed["parse"].as_array().into_iter().flatten().any(|one| one == kind)
    };
    let content = message["content"].as_str().unwrap_or_default().to_owned();
    let mut pinged = Vec::new();
    let mut everyone = false;
    for found in MENTION.captures_iter(&content) {
        let Some(id) = found.get(1).and_then(|id| id.as_str().parse::<Id>().ok()) else {
            everyone |= parses("everyone");
            continue;
        };
        let named = allowed["users"].as_array().into_iter().flatten().any(|one| plain(one) == id.to_string());
        if (parses("users") || named) && world.people.contains_key(&id) {
            pinged.push(world.user_json(id));
        }
    }
    message["mentions"] = pinged.into();
    message["mention_everyone"] = json!(everyone);
}

/// Gives every component without a number one, and writes down what it is unless it says otherwise.
fn number(components: &mut Value, last: &mut u64) {
    for component in components.as_array_mut().into_iter().flatten() {
        complete(component, last);
        if let Some(inner) = component.get_mut("components") {
            number(inner, last);
        }
        for single in ["accessory", "component"] {
            if let Some(inner) = component.get_mut(single) {
                complete(inner, last);
            }
        }
    }
}

fn complete(component: &mut Value, last: &mut u64) {
    *last += 1;
    let mut whole = match component["type"].as_u64() {
        Some(components::TEXT_SELECT | 5..=8) => json!({"min_values": 1, "max_values": 1}),
        Some(14) => json!({"spacing": 1, "divider": true}),
        Some(17) => json!({"accent_color": null, "spoiler": false}),
        _ => json!({}),
    };
    whole["id"] = json!(*last);
    merge(&mut whole, component.take());
    *component = whole;
}
