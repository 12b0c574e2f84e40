//! Servers and channels as tests hold them.

use super::desk::{Desk, PATIENCE};
use super::message::Message;
use super::permission::Permission;
use super::user::User;
use super::world::{Guild, Id, Room, RoomKind};
use std::sync::Arc;

/// A server. A clone is the same server.
#[derive(Clone)]
pub struct Server {
    pub(super) desk: Arc<Desk>,
    pub(super) id: Id,
}

impl Server {
    /// Its snowflake.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its channel of this name; made when it is first asked for.
    pub fn channel(&self, name: &str) -> Channel {
        let now_ms = self.desk.now_ms();
        let mut world = self.desk.world();
        let wanted = RoomKind::Text { guild: self.id };
        let known = world.rooms.iter().find(|(_, room)| room.kind == wanted && room.name == name);
        let known = known.map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| world.add_room(now_ms, name, wanted));
        Channel { desk: Arc::clone(&self.desk), id }
    }

    /// Lets somebody do more than everybody may.
    pub fn grants(&self, user: &User, permission: Permission) {
        if let Some(guild) = self.desk.world().guilds.get_mut(&self.id) {
            *guild.granted.entry(user.id).or_default() |= permission.bit();
        }
    }

    /// The bot may not do this here any more, in no channel.
    pub fn denies(&self, permission: Permission) {
        self.change(|guild| guild.denied |= permission.bit());
    }

    /// Lets somebody do no more than everybody may.
    pub fn revokes(&self, user: &User) {
        self.change(|guild| {
            guild.granted.remove(&user.id);
        });
    }

    /// A new role.
    pub fn role(&self, name: &str) -> Role {
        let now_ms = self.desk.now_ms();
        let mut world = self.desk.world();
        let id = world.id(now_ms);
        if let Some(guild) = world.guilds.get_mut(&self.id) {
            guild.roles.insert(id, name.to_owned());
        }
        Role { id }
    }

    /// Gives somebody a role.
    pub fn gives(&self, user: &User, role: Role) {
        self.change(|guild| {
            guild.has_roles.insert((user.id, role.id));
        });
    }

    /// Takes a role from somebody.
    pub fn takes(&self, user: &User, role: Role) {
        self.change(|guild| {
            guild.has_roles.remove(&(user.id, role.id));
        });
    }

    /// Deletes a role: nobody has it any more.
    pub fn deletes(&self, role: Role) {
        self.change(|guild| {
            guild.roles.remove(&role.id);
            guild.has_roles.retain(|(_, known)| *known != role.id);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Guild)) {
        if let Some(guild) = self.desk.world().guilds.get_mut(&self.id) {
            change(guild);
        }
    }

    /// Removes the bot.
    pub fn removes_bot(&self) {
        self.set_bot(false);
    }

    /// Adds the bot, which is there from the beginning.
    pub fn adds_bot(&self) {
        self.set_bot(true);
    }

    fn set_bot(&self, there: bool) {
        if let Some(guild) = self.desk.world().guilds.get_mut(&self.id) {
            guild.has_bot = there;
        }
        self.desk.changed();
    }
}

/// A role of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    pub(super) id: Id,
}

impl Role {
    /// Its snowflake.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// A channel, a thread, or direct messages. A clone is the same channel.
#[derive(Clone)]
pub struct Channel {
    pub(super) desk: Arc<Desk>,
    pub(super) id: Id,
}

impl Channel {
    /// Its snowflake.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name; empty for direct messages.
    pub fn name(&self) -> String {
        self.desk.world().rooms[&self.id].name.clone()
    }

    /// What everybody there sees, in order.
    pub fn messages(&self) -> Vec<Message> {
        let world = self.desk.world();
        let posts = world.rooms[&self.id].posts.iter().filter(|(_, post)| post.only_for.is_none());
        posts.filter_map(|(id, _)| Message::look(&self.desk, &world, self.id, *id)).collect()
    }

    /// Waits for a message that everybody sees and that is like this.
    ///
    /// # Panics
    /// None comes within ten seconds.
    pub async fn until(&self, is_so: impl Fn(&Message) -> bool) -> Message {
        let found = self.desk.until(PATIENCE, || self.messages().into_iter().find(&is_so));
        found.await.unwrap_or_else(|| panic!("the messages stayed {:?}", self.messages()))
    }

    /// Its threads, in the order in which they were opened.
    pub fn threads(&self) -> Vec<Self> {
        let world = self.desk.world();
        let is_thread =
            |kind: &RoomKind| matches!(kind, RoomKind::Thread { parent, .. } if *parent == self.id);
        let threads = world.rooms.iter().filter(|(_, room)| is_thread(&room.kind) && !room.gone);
        threads.map(|(id, _)| Self { desk: Arc::clone(&self.desk), id: *id }).collect()
    }

    /// Waits for a thread with this in its name.
    ///
    /// # Panics
    /// None comes within ten seconds.
    pub async fn until_thread(&self, name: &str) -> Self {
        let found = self
            .desk
            .until(PATIENCE, || self.threads().into_iter().find(|thread| thread.name().contains(name)));
        found.await.unwrap_or_else(|| panic!("no thread is called {name:?}"))
    }

    /// Whether it is a thread that was closed.
    pub fn is_archived(&self) -> bool {
        self.desk.world().rooms[&self.id].archived
    }

    /// Somebody opens a thread at a message.
    ///
    /// # Panics
    /// This is no channel of a server.
    #[must_use]
    pub fn opens_thread(&self, message: &Message, name: &str) -> Self {
        let now_ms = self.desk.now_ms();
        let mut world = self.desk.world();
        let guild = world.rooms[&self.id].guild().expect("a channel of a server");
        let made = world.add_room(now_ms, name, RoomKind::Thread { guild, parent: self.id, public: true });
        // A thread at a message has the message's id.
        let room = world.rooms.remove(&made).expect("it was just made");
        world.rooms.insert(message.id, room);
        Self { desk: Arc::clone(&self.desk), id: message.id }
    }

    /// A moderator closes a thread.
    pub fn is_closed(&self) {
        self.change(|room| room.archived = true);
    }

    /// A moderator closes a thread, and only moderators open it again.
    pub fn is_locked(&self) {
        self.change(|room| (room.archived, room.locked) = (true, true));
    }

    fn change(&self, change: impl FnOnce(&mut Room)) {
        if let Some(room) = self.desk.world().rooms.get_mut(&self.id) {
            change(room);
        }
        self.desk.changed();
    }

    /// The bot may not do this here any more.
    pub fn denies(&self, permission: Permission) {
        if let Some(room) = self.desk.world().rooms.get_mut(&self.id) {
            room.denied |= permission.bit();
        }
    }

    /// The bot may do this here again.
    pub fn allows(&self, permission: Permission) {
        if let Some(room) = self.desk.world().rooms.get_mut(&self.id) {
            room.denied &= !permission.bit();
        }
    }

    /// Deletes a message, as a moderator does.
    pub fn loses(&self, message: &Message) {
        if let Some(room) = self.desk.world().rooms.get_mut(&self.id) {
            room.posts.remove(&message.id);
        }
        self.desk.changed();
    }

    /// Is deleted.
    pub fn goes(&self) {
        if let Some(room) = self.desk.world().rooms.get_mut(&self.id) {
            room.gone = true;
        }
        self.desk.changed();
    }
}
