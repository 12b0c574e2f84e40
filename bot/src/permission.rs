//! What the bot needs of Discord's permissions, in the words of a server's settings, and what does not work without each.

const VIEW_CHANNEL: u64 = 1 << 10;
const SEND_MESSAGES: u64 = 1 << 11;
const EMBED_LINKS: u64 = 1 << 14;
const ATTACH_FILES: u64 = 1 << 15;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;
const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
/// Whoever has it has all others.
const ADMINISTRATOR: u64 = 1 << 3;
/// Lets a member use `/setup`.
pub(crate) const MANAGE_GUILD: u64 = 1 << 5;

/// How much a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// No card can stand in the server without it.
    Vital,
    /// All but one thing works without it.
    Useful,
}

/// A permission that the bot asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    bit: u64,
    /// As the settings of a server's roles name it.
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    /// What does not work without it.
    pub(crate) without: &'static str,
}

const WANTED: [Wanted; 7] = [
    Wanted {
        bit: VIEW_CHANNEL,
        name: "View Channels",
        need: Need::Vital,
        without: "no card can stand there, and alerts do not arrive",
    },
    Wanted {
        bit: SEND_MESSAGES,
        name: "Send Messages",
        need: Need::Vital,
        without: "no card can stand there, and alerts do not arrive",
    },
    Wanted {
        bit: EMBED_LINKS,
        name: "Embed Links",
        need: Need::Vital,
        without: "no card can stand there: a card is an embed",
    },
    Wanted {
        bit: ATTACH_FILES,
        name: "Attach Files",
        need: Need::Useful,
        without: "a long answer, which is a file, does not come into its job's thread",
    },
    Wanted {
        bit: READ_MESSAGE_HISTORY,
        name: "Read Message History",
        need: Need::Useful,
        without: "Discord may refuse a thread at a card that stands there for a while",
    },
    Wanted {
        bit: CREATE_PUBLIC_THREADS,
        name: "Create Public Threads",
        need: Need::Useful,
        without: "jobs have no threads",
    },
    Wanted {
        bit: SEND_MESSAGES_IN_THREADS,
        name: "Send Messages in Threads",
        need: Need::Useful,
        without: "jobs have no threads",
    },
];

/// All that the invite link asks for.
pub(crate) fn wanted_bits() -> u64 {
    WANTED.iter().fold(0, |bits, wanted| bits | wanted.bit)
}

/// What the bot may not do in a server, of what it asks for.
pub(crate) fn missing(bits: u64) -> Vec<&'static Wanted> {
    let has_all = bits & ADMINISTRATOR != 0;
    WANTED.iter().filter(|wanted| !has_all && bits & wanted.bit == 0).collect()
}

/// What is missing for writing a card into a channel, in the words of a channel's settings; nothing where Discord does not say
/// what we may.
pub(crate) fn may_write(permissions: Option<u64>) -> Result<(), Vec<&'static str>> {
    let Some(bits) = permissions else { return Ok(()) };
    let needed =
        [(VIEW_CHANNEL, "View Channel"), (SEND_MESSAGES, "Send Messages"), (EMBED_LINKS, "Embed Links")];
    let missing = needed.into_iter().filter(|(bit, _)| bits & bit == 0);
    let missing: Vec<&str> = missing.map(|(_, name)| name).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

/// Whether threads can be opened in a channel and be written to; no where Discord does not say it.
pub(crate) fn may_thread(permissions: Option<u64>) -> bool {
    let needed = CREATE_PUBLIC_THREADS | SEND_MESSAGES_IN_THREADS;
    permissions.is_some_and(|bits| bits & needed == needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let names = |bits| missing(bits).into_iter().map(|wanted| wanted.name).collect::<Vec<_>>();
        assert_eq!(names(wanted_bits()), Vec::<&str>::new());
        assert_eq!(names(ADMINISTRATOR), Vec::<&str>::new(), "an administrator may do everything");
        assert_eq!(
            names(wanted_bits() & !EMBED_LINKS & !CREATE_PUBLIC_THREADS),
            ["Embed Links", "Create Public Threads"]
        );
        assert_eq!(names(0).len(), WANTED.len());
        assert_eq!(may_write(Some(VIEW_CHANNEL)), Err(vec!["Send Messages", "Embed Links"]));
    }
}
