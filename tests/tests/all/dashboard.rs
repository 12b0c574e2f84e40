//! The dashboard as it is used: the real program in a terminal, with a real daemon behind it.

mod demo;
mod editor;
mod foreign;
mod given_back;
mod lost_daemon;
mod posting;
mod story;
mod windows;
mod without_screen;

use crate::place::Place;
use guildhall_protocol::job::JobDraft;
use guildhall_tests::terminal::{Program, Terminal};

/// Columns and rows of the usual window.
const USUAL: (u16, u16) = (120, 36);

/// A job that nobody is there to do.
fn waiting() -> JobDraft {
    JobDraft { brief: "Wait for somebody.".to_owned(), ..JobDraft::default() }
}

impl Place {
    /// `guildhall` for this place, to be run in a terminal.
    fn program(&self, arguments: &[&str]) -> Program {
        let socket = self.folder.path().join("s.sock");
        let own = ["--socket", socket.to_str().expect("a name")];
        let home = self.folder.path();
        Program::new(env!("CARGO_BIN_EXE_test-guildhall"), &[&own, arguments].concat(), home)
    }

    /// Somebody starts the dashboard.
    fn dashboard(&self) -> Terminal {
        Terminal::open(self.program(&[]), USUAL.0, USUAL.1)
    }

    /// Somebody starts the dashboard, and it has found its daemon.
    async fn live_dashboard(&self) -> Terminal {
        let mut terminal = self.dashboard();
        terminal.until_sees("live").await;
        terminal
    }
}
