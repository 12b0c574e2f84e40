//! Somebody chooses from a list of a message: texts that the bot offers, or roles and channels that Discord does.

use super::components::{CHANNEL_SELECT, ROLE_SELECT, TEXT_SELECT};
use super::interaction::Place;
use super::message::Message;
use super::shown::Shown;
use super::user::{ClientRefuses, User};
use super::world::Id;
use serde_json::{Value, json};

impl User {
    /// Chooses from a list, by its placeholder or custom id; options by label or value, roles and channels by number.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn selects(&self, message: &Message, select: &str, values: &[&str]) -> Shown {
        let shown = self.try_selects(message, select, values).await;
        shown.unwrap_or_else(|refused| panic!("a choice from {select:?} of {message:?}: {refused}"))
    }

    /// Like [`Self::selects`].
    ///
    /// # Errors
    /// Her client does not let her.
    pub async fn try_selects(
        &self,
        message: &Message,
        select: &str,
        values: &[&str],
    ) -> Result<Shown, ClientRefuses> {
        let is_it = |one: &Value| {
            matches!(one["type"].as_u64(), Some(TEXT_SELECT | ROLE_SELECT | CHANNEL_SELECT))
                && (one["custom_id"] == select || one["placeholder"] == select)
        };
        let found = self.component(message, is_it)?;
        let least = found["min_values"].as_u64().unwrap_or(1);
        let most = found["max_values"].as_u64().unwrap_or(1);
        if !(least..=most).contains(&(values.len() as u64)) {
            let said = format!("{} values are chosen, not {least} to {most}", values.len());
            return Err(ClientRefuses(said));
        }
        let kind = found["type"].as_u64().unwrap_or(TEXT_SELECT);
        if kind != TEXT_SELECT {
            let resolved = self.resolve(message, &found, values)?;
            let data = json!({
                "custom_id": found["custom_id"], "component_type": kind, "id": found["id"], "values": values,
                "resolved": resolved,
            });
            return self.uses_component(message, data).await;
        }
        let offered = found["options"].as_array().cloned().unwrap_or_default();
        let chosen = values.iter().map(|value| {
            let option = offered.iter().find(|one| one["value"] == *value || one["label"] == *value);
            let option = option.ok_or_else(|| ClientRefuses(format!("it does not offer {value:?}")))?;
            Ok(option["value"].clone())
        });
        let chosen: Vec<Value> = chosen.collect::<Result<_, ClientRefuses>>()?;
        let data = json!({
            "custom_id": found["custom_id"], "component_type": TEXT_SELECT, "id": found["id"], "values": chosen,
        });
        self.uses_component(message, data).await
    }

    /// What Discord says about chosen roles or channels: only those of the server are offered.
    fn resolve(&self, message: &Message, select: &Value, values: &[&str]) -> Result<Value, ClientRefuses> {
        let world = self.desk.world();
        let guild = Place::of(&world, self.id, message.room)?.guild;
        let mut resolved = json!({});
        for value in values {
            let refused = || ClientRefuses(format!("it does not offer {value:?}"));
            let (guild, id) = (guild.ok_or_else(refused)?, value.parse::<Id>().map_err(|_| refused())?);
            if select["type"] == ROLE_SELECT {
                let known = world.guilds[&guild].roles.contains_key(&id) || id == guild;
                known.then_some(()).ok_or_else(refused)?;
                resolved["roles"][*value] = world.role_json(guild, id);
                continue;
            }
            let room = world.rooms.get(&id).filter(|room| room.guild() == Some(guild) && !room.gone);
            room.ok_or_else(refused)?;
            let mut said = world.room_json(id);
            let kinds = select["channel_types"].as_array();
            if kinds.is_some_and(|kinds| !kinds.contains(&said["type"])) {
                return Err(refused());
            }
            said["permissions"] = json!(world.permissions(guild, self.id).to_string());
            resolved["channels"][*value] = said;
        }
        Ok(resolved)
    }
}
