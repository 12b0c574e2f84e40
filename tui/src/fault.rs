//! What can go wrong, and the exit code that tells a script.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | it failed: the job, the test of an agent, a file, the daemon |
//! | 2 | the command line, a file or a request is wrong |
//! | 3 | there is no such job or agent |
//! | 4 | it does not fit the state of things: look again |
//! | 5 | no daemon can be reached, or it cannot do it now; nothing was changed |
//! | 6 | you may not do this |
//! | 7 | too much at once, or nobody knows whether it happened: the same command with the same `--key` is safe |
//! | 8 | with `--wait` or `watch`: the job waits for a person |

use guildhall_protocol::error::{ApiError, ErrorKind};
use std::io;
use std::process::ExitCode;

/// Why a command did not do what it should. Its text may quote foreign text: clean it before it is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The daemon says so, or cannot be reached.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// A file or an argument is wrong.
    #[error("{0}")]
    Input(String),
    /// A file, the terminal or a pipe.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// It was done, and did not end well.
    #[error("{0}")]
    EndedBadly(String),
    /// A person must go on.
    #[error("{0}")]
    WaitsForPerson(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io("the output cannot be written".to_owned(), error)
    }
}

impl Fault {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::EndedBadly(_) | Self::Io(..) => 1,
            Self::Input(_) => 2,
            Self::WaitsForPerson(_) => 8,
            Self::Api(error) => match error.kind {
                ErrorKind::Internal | ErrorKind::Unsupported => 1,
                ErrorKind::Invalid => 2,
                ErrorKind::NotFound => 3,
                ErrorKind::Conflict => 4,
                ErrorKind::Unavailable => 5,
                ErrorKind::Forbidden => 6,
                ErrorKind::Limited | ErrorKind::Unknown => 7,
            },
        })
    }
}
