//! The demo that stays, and the dashboard that nobody told where it is.

use super::USUAL;
use guildhall_tests::terminal::{Program, Terminal, send};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_dashboard_finds_the_demo_alive() {
    let home = tempfile::tempdir().expect("a folder");
    let runtime = home.path().to_str().expect("a name");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_test-guildhalld"));
    demo.args(["demo", "--keep"]).env("XDG_RUNTIME_DIR", runtime).env_remove("OPENAI_BASE_URL");
    let demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut demo = demo.expect("it starts");
    let mut told = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
    let socket = loop {
        let line = told.next_line().await.expect("it reads").expect("it says where it is");
        if let Some((_, socket)) = line.split_once("GUILDHALL_SOCKET=") {
            break socket.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = told.next_line().await {} });

    let program = Program::new(env!("CARGO_BIN_EXE_test-guildhall"), &[], home.path());
    let mut terminal = Terminal::open(program.with("XDG_RUNTIME_DIR", runtime), USUAL.0, USUAL.1);
    terminal.until_sees("This is the demo").await;
    terminal.until_sees("live").await;
    terminal.presses("2");
    terminal.until_sees("Count the words").await;
    // Somebody goes on posting.
    let newest = |screen: &str| {
        let number = |line: &str| line.split_whitespace().take(2).find_map(|word| word.parse::<u32>().ok());
        screen.lines().filter_map(number).max().unwrap_or(0)
    };
    let before = newest(&terminal.screen());
    terminal.until("there are more jobs than before", |screen| newest(screen) > before).await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);

    // Nothing of it is left where it was found.
    send(demo.id().expect("it runs"), "TERM");
    assert!(demo.wait().await.expect("it ends").success());
    let left = home.path().join("guildhall/demo.sock");
    assert!(std::fs::symlink_metadata(&left).is_err(), "{} is left", left.display());
    std::fs::remove_dir_all(Path::new(&socket).parent().expect("a folder")).expect("it is there");
}
