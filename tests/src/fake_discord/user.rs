//! Somebody at Discord's own client: types, clicks, fills in forms, reads. What a client refuses never reaches the bot.

use super::components::{self, BUTTON, LINK};
use super::desk::{Desk, PATIENCE};
use super::interaction::{Place, begin};
use super::message::{Attachment, Message};
use super::modal::Modal;
use super::options::{self, Scene, Typed};
use super::place::{Channel, Server};
use super::shown::{Choice, Shown, View};
use super::world::{Id, Kind, World};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// What Discord's client does not let a user do, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRefuses(pub String);

impl fmt::Display for ClientRefuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClientRefuses {}

/// Somebody. A clone is the same user.
#[derive(Clone)]
pub struct User {
    pub(super) desk: Arc<Desk>,
    pub(super) id: Id,
}

/// Options as a user types them: a name and a text each. A file is named, a user is `@ada`, a channel `#general`.
pub type Options<'a> = &'a [(&'a str, &'a str)];

impl User {
    /// Her snowflake.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Her direct messages with the bot.
    pub fn dm(&self) -> Channel {
        let room = self.desk.world().dm(self.desk.now_ms(), self.id);
        Channel { desk: Arc::clone(&self.desk), id: room }
    }

    /// Uses a slash command such as `/job post`, and waits for the first answer.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn types(&self, channel: &Channel, command: &str, options: Options<'_>) -> Shown {
        self.types_with(channel, command, options, &[]).await
    }

    /// Uses a slash command with files; an option that takes a file has the file's name as its text.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn types_with(
        &self,
        channel: &Channel,
        command: &str,
        options: Options<'_>,
        files: &[Attachment],
    ) -> Shown {
        let shown = self.try_types(channel, command, options, files).await;
        shown.unwrap_or_else(|refused| panic!("{command} {options:?}: {refused}"))
    }

    /// Like [`Self::types_with`].
    ///
    /// # Errors
    /// Her client does not let her.
    pub async fn try_types(
        &self,
        channel: &Channel,
        command: &str,
        options: Options<'_>,
        files: &[Attachment],
    ) -> Result<Shown, ClientRefuses> {
        let path = words(command);
        let typed = Typed { path: path.get(1..).unwrap_or_default(), options, files, focused: None };
        let interaction = self.command(channel, path.first().unwrap_or(&""), typed, Kind::Command)?;
        Ok(Shown::first(Arc::clone(&self.desk), interaction).await)
    }

    /// Begins to type an option and reads what she may choose from.
    ///
    /// # Panics
    /// Her client does not let her, or the bot offers nothing in time.
    pub async fn completes(&self, channel: &Channel, command: &str, option: &str, text: &str) -> Vec<Choice> {
        self.completes_after(channel, command, &[], option, text).await
    }

    /// Like [`Self::completes`], when other options are typed already.
    ///
    /// # Panics
    /// Her client does not let her, or the bot offers nothing in time.
    pub async fn completes_after(
        &self,
        channel: &Channel,
        command: &str,
        options: Options<'_>,
        option: &str,
        text: &str,
    ) -> Vec<Choice> {
        let choices = self.try_completes(channel, command, options, option, text).await;
        choices.unwrap_or_else(|refused| panic!("{command} {option}: {refused}"))
    }

    /// Like [`Self::completes_after`].
    ///
    /// # Errors
    /// Her client does not let her, or the bot offers nothing in time.
    pub async fn try_completes(
        &self,
        channel: &Channel,
        command: &str,
        options: Options<'_>,
        option: &str,
        text: &str,
    ) -> Result<Vec<Choice>, ClientRefuses> {
        let path = words(command);
        let focused = Some((option, text));
        let typed = Typed { path: path.get(1..).unwrap_or_default(), options, files: &[], focused };
        let interaction = self.command(channel, path.first().unwrap_or(&""), typed, Kind::Autocomplete)?;
        let view = Shown::first(Arc::clone(&self.desk), interaction).await.view();
        let View::Choices(choices) = view else {
            return Err(ClientRefuses("loading options failed".to_owned()));
        };
        Ok(choices)
    }

    fn command(
        &self,
        channel: &Channel,
        name: &str,
        typed: Typed<'_>,
        kind: Kind,
    ) -> Result<Id, ClientRefuses> {
        let (place, data) = {
            let mut world = self.desk.world();
            let place = Place::of(&world, self.id, channel.id)?;
            let command = place.command(&world, self.id, name, 1)?;
            let place = place.for_command(&command);
            let guild = place.guild;
            let mut scene = Scene { desk: &self.desk, world: &mut world, room: channel.id, guild };
            let data = options::data(&mut scene, &command, typed)?;
            (place, data)
        };
        Ok(begin(&self.desk, self.id, &place, kind, data, None))
    }

    /// Uses a command of the message's menu, and waits for the first answer.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn uses_on(&self, message: &Message, command: &str) -> Shown {
        self.try_uses_on(message, command).await.unwrap_or_else(|refused| panic!("{command}: {refused}"))
    }

    /// Like [`Self::uses_on`].
    ///
    /// # Errors
    /// Her client does not let her.
    pub async fn try_uses_on(&self, message: &Message, command: &str) -> Result<Shown, ClientRefuses> {
        let (place, data) = {
            let world = self.desk.world();
            let place = Place::of(&world, self.id, message.room)?;
            let command = place.command(&world, self.id, command, 3)?;
            let target = self.sees(&world, message)?;
            let mut data = json!({
                "id": command["id"], "name": command["name"], "type": 3, "target_id": message.id.to_string(),
                "resolved": {"messages": {message.id.to_string(): target}},
            });
            if !command["guild_id"].is_null() {
                data["guild_id"] = command["guild_id"].clone();
            }
            (place.for_command(&command), data)
        };
        let interaction = begin(&self.desk, self.id, &place, Kind::Command, data, None);
        Ok(Shown::first(Arc::clone(&self.desk), interaction).await)
    }

    /// Uses a command of another user's menu in a channel, and waits for the first answer.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn uses_on_user(&self, channel: &Channel, user: &Self, command: &str) -> Shown {
        let (place, data) = {
            let world = self.desk.world();
            let found = Place::of(&world, self.id, channel.id)
                .and_then(|place| Ok((place.command(&world, self.id, command, 2)?, place)));
            let (command, place) = found.unwrap_or_else(|refused| panic!("{command}: {refused}"));
            let target = user.id.to_string();
            let mut resolved = json!({"users": {target.as_str(): world.user_json(user.id)}});
            if let Some(guild) = place.guild {
                resolved["members"] = json!({target.as_str(): world.member_json(guild, user.id)});
            }
            let data = json!({
                "id": command["id"], "name": command["name"], "type": 2, "target_id": target, "resolved": resolved,
            });
            (place.for_command(&command), data)
        };
        let interaction = begin(&self.desk, self.id, &place, Kind::Command, data, None);
        Shown::first(Arc::clone(&self.desk), interaction).await
    }

    /// The message as it is now, if she still sees it.
    fn sees(&self, world: &World, message: &Message) -> Result<Value, ClientRefuses> {
        let room = world.rooms.get(&message.room);
        let post = room.and_then(|room| room.posts.get(&message.id));
        let seen = post.is_some_and(|post| post.only_for.is_none_or(|only| only == self.id));
        let value = world.message_json(message.room, message.id, &self.desk.base).filter(|_| seen);
        value.ok_or_else(|| ClientRefuses("she does not see the message".to_owned()))
    }

    /// Clicks a button, by its label or custom id, as the message is now; waits for the first answer.
    ///
    /// # Panics
    /// Her client does not let her: the message or the button is gone, or disabled.
    pub async fn clicks(&self, message: &Message, button: &str) -> Shown {
        let shown = self.try_clicks(message, button).await;
        shown.unwrap_or_else(|refused| panic!("a click on {button:?} of {message:?}: {refused}"))
    }

    /// Like [`Self::clicks`].
    ///
    /// # Errors
    /// Her client does not let her.
    pub async fn try_clicks(&self, message: &Message, button: &str) -> Result<Shown, ClientRefuses> {
        let is_it =
            |one: &Value| one["type"] == BUTTON && (one["custom_id"] == button || one["label"] == button);
        let found = self.component(message, is_it)?;
        if found["style"] == LINK {
            return Err(ClientRefuses("the button is a link".to_owned()));
        }
        let data = json!({"custom_id": found["custom_id"], "component_type": BUTTON, "id": found["id"]});
        self.uses_component(message, data).await
    }

    pub(super) fn component(
        &self,
        message: &Message,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value, ClientRefuses> {
        let now = self.sees(&self.desk.world(), message)?;
        let found: Vec<&Value> =
            components::all(&now["components"]).into_iter().filter(|one| is_it(one)).collect();
        match found.as_slice() {
            [] => Err(ClientRefuses("the message has none like that".to_owned())),
            [one] if one["disabled"] == true => Err(ClientRefuses("it is disabled".to_owned())),
            [one] => Ok((*one).clone()),
            _ => Err(ClientRefuses("the message has several like that".to_owned())),
        }
    }

    pub(super) async fn uses_component(
        &self,
        message: &Message,
        data: Value,
    ) -> Result<Shown, ClientRefuses> {
        let place = Place::of(&self.desk.world(), self.id, message.room)?;
        let interaction = begin(&self.desk, self.id, &place, Kind::Component, data, Some(message.id));
        Ok(Shown::first(Arc::clone(&self.desk), interaction).await)
    }

    /// Fills in a form and sends it; fields by custom id or label, the others as they stand. Waits for the first
    /// answer.
    ///
    /// # Panics
    /// Her client does not let her.
    pub async fn fills(&self, modal: &Modal, answers: Options<'_>) -> Shown {
        let shown = self.try_fills(modal, answers).await;
        shown.unwrap_or_else(|refused| panic!("the form {:?}: {refused}", modal.title()))
    }

    /// Like [`Self::fills`].
    ///
    /// # Errors
    /// Her client does not let her.
    pub async fn try_fills(&self, modal: &Modal, answers: Options<'_>) -> Result<Shown, ClientRefuses> {
        let data = modal.filled(answers)?;
        let (place, source) = {
            let world = self.desk.world();
            let opener =
                world.interactions.get(&modal.opened_by).filter(|interaction| interaction.user == self.id);
            let opener = opener.ok_or_else(|| ClientRefuses("the form is somebody else's".to_owned()))?;
            (Place::of(&world, self.id, opener.room)?, opener.source)
        };
        let kind = Kind::Modal { opened_by: modal.opened_by, from_component: source.is_some() };
        let interaction = begin(&self.desk, self.id, &place, kind, data, source);
        Ok(Shown::first(Arc::clone(&self.desk), interaction).await)
    }

    /// Writes a message, with files if there are any.
    ///
    /// # Panics
    /// The channel is gone.
    pub fn says(&self, channel: &Channel, text: &str, files: &[Attachment]) -> Message {
        let now_ms = self.desk.now_ms();
        let mut world = self.desk.world();
        let author = world.user_json(self.id);
        let post = world.add_post(now_ms, channel.id, &author, None);
        let kept = files.iter().map(|file| {
            self.desk.keep_file(&mut world, channel.id, &file.name, &file.content_type, &file.bytes)
        });
        let kept: Vec<Value> = kept.collect();
        if let Some(post) = world.post_mut(channel.id, post) {
            post.value["content"] = json!(text);
            post.value["attachments"] = kept.into();
        }
        let message = Message::look(&self.desk, &world, channel.id, post).expect("the channel is there");
        drop(world);
        self.desk.changed();
        message
    }

    /// What the bot wrote to her directly, in order.
    pub fn dms(&self) -> Vec<Message> {
        self.dm().messages().into_iter().filter(Message::is_from_bot).collect()
    }

    /// Waits for a direct message of the bot that is like this.
    ///
    /// # Panics
    /// None comes within ten seconds.
    pub async fn until_dm(&self, is_so: impl Fn(&Message) -> bool) -> Message {
        let found = self.desk.until(PATIENCE, || self.dms().into_iter().find(&is_so));
        found.await.unwrap_or_else(|| panic!("the direct messages stayed {:?}", self.dms()))
    }

    /// Takes no direct messages any more.
    pub fn closes_dms(&self) {
        self.closes_dms_as(50_007);
    }

    /// Takes no direct messages any more, which Discord says with this code: 50007, or 50278 where she and the bot have nothing
    /// in common.
    pub fn closes_dms_as(&self, code: u32) {
        self.change(|world| {
            if let Some(person) = world.people.get_mut(&self.id) {
                person.dms_closed = Some(code);
            }
        });
    }

    /// Takes direct messages again.
    pub fn opens_dms(&self) {
        self.change(|world| {
            if let Some(person) = world.people.get_mut(&self.id) {
                person.dms_closed = None;
            }
        });
    }

    /// Installs the app for herself: its commands are wherever she is.
    pub fn installs_app(&self) {
        self.change(|world| {
            if let Some(person) = world.people.get_mut(&self.id) {
                person.has_app = true;
            }
        });
    }

    /// Uses Discord in another language, such as `de`.
    pub fn speaks(&self, locale: &str) {
        self.change(|world| {
            if let Some(person) = world.people.get_mut(&self.id) {
                locale.clone_into(&mut person.locale);
            }
        });
    }

    /// Leaves a server.
    pub fn leaves(&self, server: &Server) {
        self.change(|world| {
            if let Some(guild) = world.guilds.get_mut(&server.id) {
                guild.members.remove(&self.id);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.desk.world());
        self.desk.changed();
    }
}

fn words(command: &str) -> Vec<&str> {
    command.trim_start_matches('/').split_whitespace().collect()
}
