//! What can happen to the dashboard, and what it wants done outside. Nothing else comes in or goes out.

use super::contexts::Context;
use super::link::LinkEvent;
use super::need::{Answer, Need};
use super::overlay::{Deed, Focus};
use super::row::Row;
use super::state::{DraftOf, Slot};
use crossterm::event::KeyEvent;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::listing::{JobCount, JobFilter};
use guildhall_protocol::view::{JobHead, Posted, Preview, Registered, Updated};

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
    /// How many jobs a filter admits, if it is still the same one.
    Counted {
        turn: u64,
        filter: Box<JobFilter>,
        count: Result<JobCount, ApiError>,
    },
    /// Who would get a job that is being written.
    Previewed {
        turn: u64,
        preview: Result<Box<Preview>, ApiError>,
    },
    /// What the editor gave back, or why nothing.
    Edited(Result<String, String>),
    /// Whether something was kept.
    Kept(Result<(), String>),
    /// Another daemon is looked at from now on: where it is, and the drafts for it; or why not.
    Switched {
        name: String,
        outcome: Result<(String, Vec<(DraftOf, String)>), String>,
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
    /// A line of the palette.
    Found(usize),
    /// A field of the form.
    Field(usize),
    /// A word of a choice in the form: its field, and its place there.
    Choice(usize, usize),
    /// What this key does in the form.
    Key(KeyEvent),
    /// A line or an answer of a question.
    Part(Focus),
}

/// What became of a deed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Each job by itself.
    Jobs(Vec<(JobId, Result<JobHead, ApiError>)>),
    /// One thing, in words.
    One(Result<String, ApiError>),
    Posted(Result<Posted, ApiError>),
    Registered(Result<(AgentName, Registered), ApiError>),
    Updated(Result<(AgentName, Box<Updated>), ApiError>),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Read something.
    Read(Need),
    /// Do something, and tell under this number what became of it.
    Do { number: u64, deed: Deed },
    /// Count the jobs that a filter admits; `turn` grows with each change of the filter.
    Count { turn: u64, filter: JobFilter },
    /// Ask who would get a job; `turn` grows with each look.
    Preview { turn: u64, draft: Box<JobDraft> },
    /// Give the terminal to the person's editor, with a text.
    Edit { text: String, suffix: &'static str },
    /// Keep a text for the next run, or nothing any more.
    Keep { slot: Slot, text: Option<String> },
    /// Look at another daemon.
    Switch(Box<Context>),
    /// Put text on the clipboard.
    Copy(String),
    /// Try to connect now.
    Reconnect,
    /// Give the terminal back and stop, until the person continues.
    Suspend,
    /// Leave.
    Quit,
}
