//! `guildhall-bot`: see [`guildhall_bot::main`].

use std::process::ExitCode;

fn main() -> ExitCode {
    guildhall_bot::main()
}
