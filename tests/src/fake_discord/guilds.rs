//! What servers say about themselves, and in which the bot is.

use super::desk::Desk;
use super::form::Form;
use super::refused::Refused;
use super::rest::Reply;
use super::world::Id;
use axum::http::Method;
use serde_json::{Value, json};

/// Servers of one page, at most.
const PAGE_MAX: usize = 200;

/// What a server says about itself.
pub(super) fn one(desk: &Desk, form: &Form, guild: Id) -> Result<Reply, Refused> {
    if form.method != Method::GET {
        return Err(Refused::no_route());
    }
    let world = desk.world();
    let unknown = || Refused::by_the_world(404, 10_004, "Unknown Guild");
    let known = world.guilds.get(&guild).filter(|guild| guild.has_bot).ok_or_else(unknown)?;
    Ok(Reply::Json(json!({
        "id": guild.to_string(), "name": known.name, "icon": null, "icon_hash": null, "splash": null,
        "discovery_splash": null, "owner_id": "1", "region": "deprecated", "afk_channel_id": null, "afk_timeout": 300,
        "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
        "default_message_notifications": 0, "explicit_content_filter": 0, "roles": [], "emojis": [], "features": [],
        "mfa_level": 0, "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
        "rules_channel_id": null, "max_presences": null, "max_members": 500_000, "vanity_url_code": null,
        "description": null, "banner": null, "premium_tier": 0, "premium_subscription_count": 0,
        "preferred_locale": "en-US", "public_updates_channel_id": null, "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50, "nsfw_level": 0, "stickers": [], "premium_progress_bar_enabled": false,
        "safety_alerts_channel_id": null, "home_header": null, "nsfw": false, "incidents_data": null,
    })))
}

/// The servers that the bot is in, a page of them in the order of their ids.
pub(super) fn mine(desk: &Desk, form: &Form) -> Result<Reply, Refused> {
    let number = |name: &str| match form.query.get(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| Refused::form(name, "NUMBER_TYPE_COERCE", &format!("Value \"{text}\" is not int."))),
    };
    let limit = number("limit")?.map_or(PAGE_MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if !(1..=PAGE_MAX).contains(&limit) {
        let said = format!("int value should be between 1 and {PAGE_MAX}.");
        return Err(Refused::form("limit", "NUMBER_TYPE_MAX", &said));
    }
    let (after, before) = (number("after")?, number("before")?);
    let world = desk.world();
    let within = |id: Id| after.is_none_or(|after| id > after) && before.is_none_or(|before| id < before);
    let known = world.guilds.iter().filter(|(id, guild)| guild.has_bot && within(**id));
    let page = known.take(limit).map(|(id, guild)| {
        json!({
            "id": id.to_string(), "name": guild.name, "icon": null, "banner": null, "owner": false,
            "permissions": world.bot_permissions(*id).to_string(), "features": [],
        })
    });
    Ok(Reply::Json(Value::Array(page.collect())))
}
