//! `guildhall`: see [`guildhall_tui::main`].

use std::process::ExitCode;

fn main() -> ExitCode {
    guildhall_tui::main()
}
