//! The command line's own main, built by the tests that start it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Names a file. As soon as there is one, something in the program panics.
const PANIC_AT: &str = "TEST_PANIC_AT";

fn main() -> ExitCode {
    if let Some(file) = std::env::var_os(PANIC_AT).map(PathBuf::from) {
        std::thread::spawn(move || {
            while !file.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            drop(std::thread::spawn(|| panic!("what nobody thought of")).join());
            std::process::exit(101);
        });
    }
    guildhall_tui::main()
}
