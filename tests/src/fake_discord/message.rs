//! A message as people see it.

use super::components;
use super::desk::Desk;
use super::form::content_type_of;
use super::world::{EPHEMERAL, Id, LOADING, World};
use serde_json::Value;
use std::fmt;

/// A file of a message, or one that a user sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Attachment {
    /// A file of the type that its name says.
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), content_type: content_type_of(name).to_owned(), bytes: bytes.into() }
    }

    /// Its content as a text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} bytes)", self.name, self.content_type, self.bytes.len())
    }
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What the bot knows it by; empty for a link.
    pub custom_id: String,
    /// Where a link leads.
    pub url: Option<String>,
    /// Whether it cannot be clicked.
    pub disabled: bool,
    /// 1 blue, 2 gray, 3 green, 4 red, 5 a link.
    pub style: u64,
}

/// A list to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// What the bot knows it by.
    pub custom_id: String,
    /// What stands in it while nothing is chosen.
    pub placeholder: String,
    /// The labels and values of its options.
    pub options: Vec<(String, String)>,
    /// Whether it cannot be used.
    pub disabled: bool,
}

/// A message as it was when somebody looked.
#[derive(Clone)]
pub struct Message {
    pub(super) room: Id,
    pub(super) id: Id,
    value: Value,
    files: Vec<Attachment>,
}

impl Message {
    pub(super) fn look(desk: &Desk, world: &World, room: Id, id: Id) -> Option<Self> {
        let value = world.message_json(room, id, &desk.base)?;
        let ids = value["attachments"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|one| one["id"].as_str()?.parse::<Id>().ok());
        let files = ids.filter_map(|id| world.files.get(&id)).map(|file| Attachment {
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            bytes: file.bytes.clone(),
        });
        Some(Self { room, id, files: files.collect(), value })
    }

    /// Its snowflake.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its channel's snowflake.
    pub fn channel_id(&self) -> u64 {
        self.room
    }

    /// As the API shows it.
    pub fn raw(&self) -> &Value {
        &self.value
    }

    /// Its own text, without embeds.
    pub fn content(&self) -> &str {
        self.value["content"].as_str().unwrap_or_default()
    }

    /// Its embeds as the API shows them.
    pub fn embeds(&self) -> &[Value] {
        self.value["embeds"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Everything that can be read in it, a line each: content, embeds, texts of components.
    pub fn text(&self) -> String {
        let mut lines = vec![self.content().to_owned()];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        for embed in self.embeds() {
            lines.extend(text(&embed["author"]["name"]));
            lines.extend(text(&embed["title"]));
            lines.extend(text(&embed["description"]));
            for field in embed["fields"].as_array().into_iter().flatten() {
                lines.push(format!(
                    "{}: {}",
                    field["name"].as_str().unwrap_or_default(),
                    field["value"].as_str().unwrap_or_default()
                ));
            }
            lines.extend(text(&embed["footer"]["text"]));
        }
        lines.extend(self.components().into_iter().filter_map(|one| text(&one["content"])));
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }

    /// Whether this can be read somewhere in it.
    pub fn shows(&self, wanted: &str) -> bool {
        self.text().contains(wanted)
    }

    /// Its buttons, as they stand.
    pub fn buttons(&self) -> Vec<Button> {
        let buttons = self.components().into_iter().filter(|one| one["type"] == components::BUTTON);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let read = |one: &Value| Button {
            label: text(&one["label"]),
            custom_id: text(&one["custom_id"]),
            url: one["url"].as_str().map(str::to_owned),
            disabled: one["disabled"] == true,
            style: one["style"].as_u64().unwrap_or(0),
        };
        buttons.map(read).collect()
    }

    /// Whether it has a button with this label that can be clicked.
    pub fn has_button(&self, label: &str) -> bool {
        self.buttons().iter().any(|button| button.label == label && !button.disabled)
    }

    /// Its lists to choose from, as they stand.
    pub fn selects(&self) -> Vec<Select> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_select = |one: &&Value| matches!(one["type"].as_u64(), Some(3 | 5..=8));
        let selects = self.components().into_iter().filter(is_select).map(|one| Select {
            custom_id: text(&one["custom_id"]),
            placeholder: text(&one["placeholder"]),
            options: one["options"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|option| (text(&option["label"]), text(&option["value"])))
                .collect(),
            disabled: one["disabled"] == true,
        });
        selects.collect()
    }

    /// Its files.
    pub fn files(&self) -> &[Attachment] {
        &self.files
    }

    /// The addresses of its files, in order.
    pub fn file_urls(&self) -> Vec<String> {
        let files = self.value["attachments"].as_array().into_iter().flatten();
        files.filter_map(|one| one["url"].as_str()).map(str::to_owned).collect()
    }

    /// Who wrote it.
    pub fn author(&self) -> &str {
        self.value["author"]["username"].as_str().unwrap_or_default()
    }

    /// Whether the bot wrote it.
    pub fn is_from_bot(&self) -> bool {
        self.value["author"]["bot"] == true
    }

    /// Whether only one person sees it.
    pub fn is_ephemeral(&self) -> bool {
        self.flags() & EPHEMERAL != 0
    }

    /// Whether it was changed after it was sent.
    pub fn is_edited(&self) -> bool {
        !self.value["edited_timestamp"].is_null()
    }

    /// The names of those whom it pings.
    pub fn pings(&self) -> Vec<String> {
        let pinged = self.value["mentions"].as_array().into_iter().flatten();
        let mut names: Vec<String> =
            pinged.filter_map(|user| user["username"].as_str()).map(str::to_owned).collect();
        if self.value["mention_everyone"] == true {
            names.push("everyone".to_owned());
        }
        names
    }

    pub(super) fn is_loading(&self) -> bool {
        self.flags() & LOADING != 0
    }

    pub(super) fn components(&self) -> Vec<&Value> {
        components::all(&self.value["components"])
    }

    fn flags(&self) -> u64 {
        self.value["flags"].as_u64().unwrap_or(0)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.is_ephemeral() { " (ephemeral)" } else { "" };
        write!(f, "{}{who}: {:?}", self.author(), self.text())?;
        for button in self.buttons() {
            write!(f, " [{}{}]", button.label, if button.disabled { ", disabled" } else { "" })?;
        }
        if self.files.is_empty() { Ok(()) } else { write!(f, " {:?}", self.files) }
    }
}
