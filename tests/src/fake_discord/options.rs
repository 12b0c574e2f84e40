//! What a user types after the name of a command, held against what the bot registered, as Discord's client does.

use super::desk::Desk;
use super::message::Attachment;
use super::user::ClientRefuses;
use super::world::{Id, World};
use serde_json::{Map, Value, json};

/// Letters of a text option.
const TEXT_MAX: u64 = 6_000;
/// Whole numbers beyond this are not exact in a client.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

const SUBCOMMAND: u64 = 1;
const GROUP: u64 = 2;

/// What is typed: a command with its subcommands, options, and files for the options that take one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed<'a> {
    pub(super) path: &'a [&'a str],
    pub(super) options: &'a [(&'a str, &'a str)],
    pub(super) files: &'a [Attachment],
    /// The option that is being completed.
    pub(super) focused: Option<(&'a str, &'a str)>,
}

/// Where it is typed.
pub(super) struct Scene<'a> {
    pub(super) desk: &'a Desk,
    pub(super) world: &'a mut World,
    pub(super) room: Id,
    pub(super) guild: Option<Id>,
}

/// The data of an interaction with a slash command.
pub(super) fn data(scene: &mut Scene<'_>, command: &Value, typed: Typed<'_>) -> Result<Value, ClientRefuses> {
    let mut leaf = command;
    let mut kinds = Vec::new();
    for name in typed.path {
        let inner = leaf["options"].as_array().into_iter().flatten();
        let mut inner = inner.filter(|option| matches!(option["type"].as_u64(), Some(SUBCOMMAND | GROUP)));
        leaf = inner
            .find(|option| option["name"] == *name)
            .ok_or_else(|| refuse(format!("there is no subcommand {name:?}")))?;
        kinds.push(leaf["type"].clone());
    }
    let defined = leaf["options"].as_array().cloned().unwrap_or_default();
    if defined.iter().any(|option| matches!(option["type"].as_u64(), Some(SUBCOMMAND | GROUP))) {
        let names: Vec<&str> = defined.iter().filter_map(|option| option["name"].as_str()).collect();
        return Err(refuse(format!("a subcommand is missing, one of {names:?}")));
    }
    let mut resolved = json!({});
    let mut options = chosen(scene, &defined, typed, &mut resolved)?;
    for (name, kind) in typed.path.iter().zip(kinds).rev() {
        options = json!([{"name": name, "type": kind, "options": options}]);
    }
    let mut data = json!({"id": command["id"], "name": command["name"], "type": 1, "options": options});
    if resolved.as_object().is_some_and(|resolved| !resolved.is_empty()) {
        data["resolved"] = resolved;
    }
    if !command["guild_id"].is_null() {
        data["guild_id"] = command["guild_id"].clone();
    }
    Ok(data)
}

fn chosen(
    scene: &mut Scene<'_>,
    defined: &[Value],
    typed: Typed<'_>,
    resolved: &mut Value,
) -> Result<Value, ClientRefuses> {
    let find = |name: &str| {
        let found = defined.iter().find(|option| option["name"] == name);
        found.ok_or_else(|| refuse(format!("there is no option {name:?}")))
    };
    let mut options: Vec<Value> = Vec::new();
    for (name, text) in typed.options {
        let option = find(name)?;
        if options.iter().any(|one| one["name"] == *name) {
            return Err(refuse(format!("the option {name:?} stands twice")));
        }
        let value = value(scene, option, text, typed.files, resolved)
            .map_err(|refused| refuse(format!("option {name:?}: {refused}")))?;
        options.push(json!({"name": name, "type": option["type"], "value": value}));
    }
    if let Some((name, text)) = typed.focused {
        let option = find(name)?;
        if option["autocomplete"] != true {
            return Err(refuse(format!("the option {name:?} is not completed")));
        }
        options.push(json!({"name": name, "type": option["type"], "value": text, "focused": true}));
    } else {
        let missing = defined.iter().find(|option| {
            option["required"] == true && !options.iter().any(|one| one["name"] == option["name"])
        });
        if let Some(option) = missing {
            return Err(refuse(format!("the option {} is required", option["name"])));
        }
    }
    Ok(options.into())
}

fn value(
    scene: &mut Scene<'_>,
    option: &Value,
    text: &str,
    files: &[Attachment],
    resolved: &mut Value,
) -> Result<Value, ClientRefuses> {
    let choices = option["choices"].as_array().filter(|choices| !choices.is_empty());
    if let Some(choices) = choices {
        let is_it =
            |choice: &&Value| choice["name"] == text || super::writing::plain(&choice["value"]) == text;
        let choice = choices.iter().find(is_it);
        return choice
            .map(|choice| choice["value"].clone())
            .ok_or_else(|| refuse(format!("{text:?} is not one of the choices")));
    }
    match option["type"].as_u64() {
        Some(3) => {
            let letters = text.chars().count() as u64;
            let least = option["min_length"].as_u64().unwrap_or(1).max(1);
            let most = option["max_length"].as_u64().unwrap_or(TEXT_MAX);
            if letters < least || letters > most {
                return Err(refuse(format!("it has {letters} letters, not {least} to {most}")));
            }
            Ok(json!(text))
        }
        Some(4) => {
            let number: i64 = text.parse().map_err(|_| refuse(format!("{text:?} is no whole number")))?;
            #[allow(clippy::cast_precision_loss, reason = "what is beyond the exact numbers is refused")]
            within(option, number as f64)?;
            Ok(json!(number))
        }
        Some(10) => {
            let number: f64 = text.parse().map_err(|_| refuse(format!("{text:?} is no number")))?;
            within(option, number)?;
            Ok(json!(number))
        }
        Some(5) => match text {
            "true" | "True" => Ok(json!(true)),
            "false" | "False" => Ok(json!(false)),
            _ => Err(refuse(format!("{text:?} is neither true nor false"))),
        },
        Some(6 | 9) => user(scene, text, resolved),
        Some(7) => channel(scene, text, resolved),
        Some(11) => attachment(scene, text, files, resolved),
        _ => Err(refuse("no user can choose anything here".to_owned())),
    }
}

fn within(option: &Value, number: f64) -> Result<(), ClientRefuses> {
    let least = option["min_value"].as_f64().unwrap_or(-INTEGER_MAX);
    let most = option["max_value"].as_f64().unwrap_or(INTEGER_MAX);
    if (least..=most).contains(&number) {
        Ok(())
    } else {
        Err(refuse(format!("{number} is not between {least} and {most}")))
    }
}

fn user(scene: &mut Scene<'_>, text: &str, resolved: &mut Value) -> Result<Value, ClientRefuses> {
    let name = text.trim_start_matches('@');
    let id = scene.world.person_named(name);
    let id = id.or_else(|| name.parse().ok().filter(|id| scene.world.people.contains_key(id)));
    let id = id.ok_or_else(|| refuse(format!("nobody is called {text:?}")))?;
    let user = scene.world.user_json(id);
    put(resolved, "users", id, user);
    if let Some(guild) = scene.guild {
        let member = scene.world.member_json(guild, id);
        put(resolved, "members", id, member);
    }
    Ok(json!(id.to_string()))
}

fn channel(scene: &mut Scene<'_>, text: &str, resolved: &mut Value) -> Result<Value, ClientRefuses> {
    let name = text.trim_start_matches('#');
    let mut rooms = scene.world.rooms.iter();
    let found = rooms.find(|(id, room)| {
        room.guild().is_some() && room.guild() == scene.guild && (room.name == name || id.to_string() == name)
    });
    let id = found.map(|(id, _)| *id).ok_or_else(|| refuse(format!("there is no channel {text:?}")))?;
    let mut said = scene.world.room_json(id);
    said["permissions"] = json!(super::permission::EVERYONE.to_string());
    put(resolved, "channels", id, said);
    Ok(json!(id.to_string()))
}

fn attachment(
    scene: &mut Scene<'_>,
    text: &str,
    files: &[Attachment],
    resolved: &mut Value,
) -> Result<Value, ClientRefuses> {
    let file = files.iter().find(|file| file.name == text);
    let file = file.ok_or_else(|| refuse(format!("there is no file {text:?}")))?;
    let mut said = scene.desk.keep_file(scene.world, scene.room, &file.name, &file.content_type, &file.bytes);
    scene.world.address_attachment(&mut said, &scene.desk.base);
    said["ephemeral"] = json!(true);
    let id = said["id"].clone();
    let number = id.as_str().and_then(|id| id.parse().ok()).expect("it was made from a number");
    put(resolved, "attachments", number, said);
    Ok(id)
}

fn put(resolved: &mut Value, kind: &str, id: Id, said: Value) {
    if resolved[kind].is_null() {
        resolved[kind] = Value::Object(Map::new());
    }
    resolved[kind][id.to_string()] = said;
}

fn refuse(why: String) -> ClientRefuses {
    ClientRefuses(why)
}
