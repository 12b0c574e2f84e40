//! However the dashboard ends or stops, the terminal is as it was before.

use crate::place::Place;
use guildhall_tests::terminal::{Program, Terminal};

#[tokio::test]
async fn by_a_key_and_by_a_signal() {
    let place = Place::open().await;
    for key in ["q", "ctrl-c"] {
        let mut terminal = place.live_dashboard().await;
        terminal.presses(key);
        assert_eq!(terminal.ends().await, 0, "{key}");
        terminal.until_given_back().await;
    }
    for signal in ["TERM", "HUP"] {
        let mut terminal = place.live_dashboard().await;
        terminal.sends(signal);
        assert_eq!(terminal.ends().await, 0, "{signal}");
        terminal.until_given_back().await;
    }
}

#[tokio::test]
async fn after_a_panic_that_can_be_read() {
    let place = Place::open().await;
    let file = place.folder.path().join("panic");
    let program = place.program(&[]).with("TEST_PANIC_AT", file.to_str().expect("a name"));
    let mut terminal = Terminal::open(program, 120, 36);
    terminal.until_sees("live").await;
    std::fs::write(&file, "now").expect("it is written");
    assert_eq!(terminal.ends().await, 101);
    terminal.until_given_back().await;
    terminal.until_sees("what nobody thought of").await;
}

#[tokio::test]
async fn a_window_that_is_closed_ends_it() {
    let place = Place::open().await;
    let terminal = place.live_dashboard().await;
    terminal.closes().await;
}

#[tokio::test]
async fn it_stops_and_goes_on_under_a_shell() {
    let place = Place::open().await;
    let script = r#""$@"; echo "it is stopped"; read line; fg"#;
    let socket = place.folder.path().join("s.sock");
    let guildhall = env!("CARGO_BIN_EXE_test-guildhall");
    let arguments = ["-mc", script, "sh", guildhall, "--socket", socket.to_str().expect("a name")];
    let shell = Program::new("sh", &arguments, place.folder.path());
    let mut terminal = Terminal::open(shell, 120, 36);
    terminal.until_sees("live").await;
    terminal.presses("ctrl-z");
    terminal.until_sees("it is stopped").await;
    terminal.until_given_back().await;
    terminal.presses("enter");
    terminal.until_sees("live").await;
    terminal.presses("2");
    terminal.until_sees("there are no jobs yet").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}

#[tokio::test]
async fn where_nobody_can_continue_it_it_does_not_stop() {
    let place = Place::open().await;
    // It leads the session: the system stops nobody whom no shell could continue.
    let mut terminal = place.live_dashboard().await;
    terminal.presses("ctrl-z");
    terminal.presses("2");
    terminal.until_sees("there are no jobs yet").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}
