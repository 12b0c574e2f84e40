//! The daemon's own log, as operators read it from afar: the newest lines, kept in memory.

use crate::time::Timestamp;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most lines in one page.
pub const LOG_PAGE_LINES_MAX: u32 = 1_000;
/// Most bytes of text in one page.
pub const LOG_PAGE_BYTES_MAX: usize = 512 * 1024;

/// How much a line matters, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Somebody must act.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Worth knowing.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level once, most first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A line of the log. Its texts may quote what others wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its place in the log, from 1 at the daemon's start.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Wire<LogLevel>,
    /// The part of the program that wrote it.
    pub target: String,
    /// What it says.
    pub message: String,
    /// What it is about, by name.
    pub fields: Vec<(String, String)>,
    /// Whether the line was longer than what is kept of it.
    pub cut: bool,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// The number of the last line of the page, or else what was asked: lines after it are not on it. Continue here.
    pub seen: u64,
    /// Lines after the one asked for that were dropped before they could be read.
    pub lost: u64,
}
