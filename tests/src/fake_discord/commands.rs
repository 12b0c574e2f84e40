//! The commands that the bot registers: kept as they are, if Discord would take them.

use super::limits::{list, required, text};
use super::refused::Refused;
use super::world::{Id, World, merge, without_nulls};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const CHAT_INPUT: u64 = 1;
const COMMANDS_MAX: usize = 100;
const OPTIONS_MAX: usize = 25;
/// Letters of names, descriptions and values of one command, all options together.
const LETTERS_MAX: usize = 8_000;

static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[-_'\p{L}\p{N}]{1,32}$").expect("it is an expression"));

/// Replaces the commands of a scope by these, and answers them as they are kept.
pub(super) fn replace(
    world: &mut World,
    now_ms: i64,
    guild: Option<Id>,
    wanted: &Value,
) -> Result<Vec<Value>, Refused> {
    let commands = list(wanted, "", 130)?;
    let mut names = BTreeSet::new();
    for (number, command) in commands.iter().enumerate() {
        check_command(command, &number.to_string())?;
        if !names.insert((kind(command), command["name"].to_string())) {
            let said = "Application command names must be unique";
            return Err(Refused::form(
                &format!("{number}.name"),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                said,
            ));
        }
    }
    if commands.iter().filter(|command| kind(command) == CHAT_INPUT).count() > COMMANDS_MAX {
        return Err(Refused::by_the_bot(
            400,
            30_032,
            "Maximum number of application commands reached (100).",
        ));
    }
    let before = match guild {
        None => world.commands.clone(),
        Some(guild) => world.guild_commands.get(&guild).cloned().unwrap_or_default(),
    };
    let kept =
        commands.iter().map(|command| keep(world, now_ms, guild, command, &before)).collect::<Vec<_>>();
    match guild {
        None => world.commands.clone_from(&kept),
        Some(guild) => drop(world.guild_commands.insert(guild, kept.clone())),
    }
    Ok(kept)
}

/// A command with what the server adds; one that was there keeps its id, and its version if nothing changed.
fn keep(world: &mut World, now_ms: i64, guild: Option<Id>, command: &Value, before: &[Value]) -> Value {
    let mut kept = json!({
        "application_id": super::APPLICATION.to_string(), "type": CHAT_INPUT, "description": "", "options": [],
        "default_member_permissions": null, "nsfw": false, "name_localizations": null,
        "description_localizations": null, "integration_types": [0], "contexts": null, "dm_permission": true,
    });
    merge(&mut kept, without_nulls(command.clone()));
    if let Some(bits) = kept["default_member_permissions"].as_u64() {
        kept["default_member_permissions"] = json!(bits.to_string());
    }
    if let Some(guild) = guild {
        kept["guild_id"] = json!(guild.to_string());
    }
    let same = |old: &&Value| kind(old) == kind(command) && old["name"] == command["name"];
    let old = before.iter().find(same).cloned().unwrap_or(Value::Null);
    kept["id"] = old["id"].clone();
    kept["version"] = old["version"].clone();
    if kept["id"].is_null() {
        kept["id"] = json!(world.id(now_ms).to_string());
    }
    if kept != old {
        kept["version"] = json!(world.id(now_ms).to_string());
    }
    kept
}

fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(CHAT_INPUT)
}

fn check_command(command: &Value, at: &str) -> Result<(), Refused> {
    let name = format!("{at}.name");
    required(command, "name", &name, 1, 32)?;
    if kind(command) == CHAT_INPUT {
        check_name(&command["name"], &name)?;
        required(command, "description", &format!("{at}.description"), 1, 100)?;
        check_options(&command["options"], &format!("{at}.options"), 0)?;
    } else if !command["description"].as_str().unwrap_or_default().is_empty() {
        let said = "Context menu commands cannot have description";
        return Err(Refused::form(&format!("{at}.description"), "APPLICATION_COMMAND_CONTEXT_MENU", said));
    }
    if letters(command) > LETTERS_MAX {
        let said = "Command exceeds maximum size (8000)";
        return Err(Refused::form(at, "APPLICATION_COMMAND_TOO_LARGE", said));
    }
    Ok(())
}

fn check_name(name: &Value, at: &str) -> Result<(), Refused> {
    let name = name.as_str().unwrap_or_default();
    if !NAME.is_match(name) || name.to_lowercase() != name {
        return Err(Refused::form(at, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"));
    }
    Ok(())
}

fn check_options(options: &Value, at: &str, depth: usize) -> Result<(), Refused> {
    let options = list(options, at, OPTIONS_MAX)?;
    let mut names = BTreeSet::new();
    let mut optional_before = false;
    for (number, option) in options.iter().enumerate() {
        let at = format!("{at}.{number}");
        required(option, "name", &format!("{at}.name"), 1, 32)?;
        check_name(&option["name"], &format!("{at}.name"))?;
        required(option, "description", &format!("{at}.description"), 1, 100)?;
        if !names.insert(option["name"].to_string()) {
            let said = "Option names must be unique";
            return Err(Refused::form(&at, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", said));
        }
        match option["type"].as_u64() {
            Some(1 | 2) if depth < 2 => {
                check_options(&option["options"], &format!("{at}.options"), depth + 1)?;
            }
            Some(3..=11) => {
                let needed = option["required"] == true;
                if needed && optional_before {
                    let said = "Required options must be placed before non-required options";
                    return Err(Refused::form(&at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", said));
                }
                optional_before |= !needed;
                check_choices(option, &at)?;
            }
            Some(_) => {
                let said = "this type of option cannot stand here";
                return Err(Refused::form(
                    &format!("{at}.type"),
                    "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                    said,
                ));
            }
            None => return Err(Refused::required(&format!("{at}.type"))),
        }
    }
    let nested = |option: &&Value| matches!(option["type"].as_u64(), Some(1 | 2));
    let subcommands = options.iter().filter(nested).count();
    if subcommands > 0 && subcommands < options.len() {
        let said = "Sub-command and sub-command group option types are mutually exclusive to all other types";
        return Err(Refused::form(at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", said));
    }
    Ok(())
}

fn check_choices(option: &Value, at: &str) -> Result<(), Refused> {
    let choices = list(&option["choices"], &format!("{at}.choices"), OPTIONS_MAX)?;
    for (number, choice) in choices.iter().enumerate() {
        let at = format!("{at}.choices.{number}");
        required(choice, "name", &format!("{at}.name"), 1, 100)?;
        if !choice["value"].is_number() {
            required(choice, "value", &format!("{at}.value"), 1, 100)?;
        }
    }
    if option["autocomplete"] == true && !choices.is_empty() {
        let said = "Choices and autocomplete are mutually exclusive";
        return Err(Refused::form(at, "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", said));
    }
    text(option, "name", at, 1, 32).map(drop)
}

fn letters(part: &Value) -> usize {
    let own = ["name", "description", "value"].into_iter().map(|name| {
        let longest_of = format!("{name}_localizations");
        let plain = part[name].as_str().map_or(0, |text| text.chars().count());
        let others = part[longest_of.as_str()].as_object().into_iter().flatten();
        let others = others.filter_map(|(_, text)| text.as_str()).map(|text| text.chars().count());
        others.max().unwrap_or(0).max(plain)
    });
    let inner = ["options", "choices"]
        .into_iter()
        .map(|name| part[name].as_array().into_iter().flatten().map(letters).sum::<usize>());
    own.sum::<usize>() + inner.sum::<usize>()
}
