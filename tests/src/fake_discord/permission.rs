//! The permissions that the fake knows, with Discord's own bits.

/// Something that a member of a server may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// All of it.
    Administrator,
    /// See the settings of the server.
    ManageGuild,
    /// See the channel.
    ViewChannel,
    /// Write there.
    SendMessages,
    /// Delete what others wrote.
    ManageMessages,
    /// Embeds in messages.
    EmbedLinks,
    /// Files in messages.
    AttachFiles,
    /// Read what was written before.
    ReadMessageHistory,
    /// Use slash commands and context menus.
    UseApplicationCommands,
    /// Close and rename threads of others.
    ManageThreads,
    /// Open threads that all see.
    CreatePublicThreads,
    /// Open threads for those invited.
    CreatePrivateThreads,
    /// Write in threads.
    SendMessagesInThreads,
}

impl Permission {
    /// Its bit in Discord's bit field.
    pub fn bit(self) -> u64 {
        match self {
            Self::Administrator => 1 << 3,
            Self::ManageGuild => 1 << 5,
            Self::ViewChannel => 1 << 10,
            Self::SendMessages => 1 << 11,
            Self::ManageMessages => 1 << 13,
            Self::EmbedLinks => 1 << 14,
            Self::AttachFiles => 1 << 15,
            Self::ReadMessageHistory => 1 << 16,
            Self::UseApplicationCommands => 1 << 31,
            Self::ManageThreads => 1 << 34,
            Self::CreatePublicThreads => 1 << 35,
            Self::CreatePrivateThreads => 1 << 36,
            Self::SendMessagesInThreads => 1 << 38,
        }
    }
}

/// What everybody may do in a channel.
pub(super) const EVERYONE: u64 =
    (1 << 10) | (1 << 11) | (1 << 14) | (1 << 15) | (1 << 16) | (1 << 31) | (1 << 35) | (1 << 36) | (1 << 38);

/// What an administrator may do.
pub(super) const ALL: u64 = (1 << 53) - 1;
