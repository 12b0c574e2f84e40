//! The bot's own main, built by the tests that start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    guildhall_bot::main()
}
