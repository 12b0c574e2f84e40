//! What can happen to the dashboard, and what it wants done outside. Nothing else comes in or goes out.

use super::data::{Answer, Need};
use super::link::LinkEvent;
use super::overlay::Deed;
use super::row::Row;
use crossterm::event::KeyEvent;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Msg {
    Key(KeyEvent),
    Paste(String),
    /// Somebody clicked at a row, a tab or a key's hint; twice: opened it.
    Click {
        hit: Hit,
        twice: bool,
    },
    Scroll {
        down: bool,
    },
    Resize(u16, u16),
    Link(LinkEvent),
    /// Something was read, or could not be.
    Read(Need, Result<Answer, ApiError>),
    /// Something was done, or not.
    Done {
        number: u64,
        outcome: Outcome,
    },
    /// Whether the terminal took what was copied, as far as anybody knows.
    Copied(Result<usize, String>),
    /// Time passed.
    Tick,
    /// The process was asked to end.
    Terminate,
}

/// What lies where somebody clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    Row(Row),
    Tab(u8),
    Act(super::action::Act),
}

/// What became of a deed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Each job by itself.
    Jobs(Vec<(JobId, Result<String, ApiError>)>),
    /// One thing, in words.
    One(Result<String, ApiError>),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Read something.
    Read(Need),
    /// Do something, and tell under this number what became of it.
    Do { number: u64, deed: Deed },
    /// Put text on the clipboard.
    Copy(String),
    /// Try to connect now.
    Reconnect,
    /// Give the terminal back and stop, until the person continues.
    Suspend,
    /// Leave.
    Quit,
}
