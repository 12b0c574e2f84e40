//! A daemon that is not there, dies, hangs or speaks another language.

use super::waiting;
use crate::place::Place;
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::handshake::Welcome;
use guildhall_protocol::transport::{receive_hello, send_welcome};
use guildhall_tests::terminal::{Terminal, send};
use std::time::{Duration, Instant};
use tokio::net::UnixListener;

/// After so long without an answer nothing may look as if it were now.
const STALE_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_daemon_is_killed_and_started_again_while_a_question_is_open() {
    let mut place = Place::open().await;
    let job = place.post(waiting()).await.expect("it is posted");
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    terminal.presses("x");
    terminal.until_sees("Ends for good").await;
    place.kill().await;
    terminal.until_sees("stale").await;
    terminal.until_sees("Ends for good").await;
    place.start().await;
    terminal.until_sees("The daemon is back").await;

    // The question is still there, and is answered as if nothing had been.
    terminal.until_sees("Ends for good").await;
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    place.ended(job).await;
    terminal.until_sees("canceled").await;
}

#[tokio::test]
async fn an_order_that_waits_for_the_daemon_is_not_lost_without_a_word() {
    let mut place = Place::open().await;
    place.post(waiting()).await.expect("it is posted");
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    terminal.presses("x");
    terminal.until_sees("Ends for good").await;
    place.kill().await;
    terminal.until_sees("stale").await;
    terminal.presses("y");
    terminal.until_sees("when the daemon is back").await;
    terminal.presses("q");
    terminal.until_sees("Leave? There is no daemon for what was ordered").await;
    terminal.presses("esc");
    terminal.until_misses("Leave?").await;
    terminal.sends("TERM");
    assert_eq!(terminal.ends().await, 5, "nothing was changed");
    terminal.until_sees("not sent, as there was no daemon: Cancel").await;
    terminal.until_given_back().await;
}

#[tokio::test]
async fn a_daemon_that_hangs_is_found_out_and_keys_still_work() {
    let place = Place::open().await;
    place.post(waiting()).await.expect("it is posted");
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    let daemon = place.daemon.as_ref().and_then(tokio::process::Child::id).expect("it runs");
    send(daemon, "STOP");
    let begun = Instant::now();
    terminal.until_sees("stale").await;
    let took = begun.elapsed();
    assert!(took < STALE_WITHIN + Duration::from_secs(1), "stale after {took:?}");
    terminal.presses("?");
    terminal.until_sees("What can be done here").await;
    terminal.presses("esc");
    terminal.until_sees("Wait for somebody.").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
    send(daemon, "CONT");
}

#[tokio::test]
async fn a_daemon_that_hangs_from_the_beginning_keeps_nobody() {
    let place = Place::open().await;
    let daemon = place.daemon.as_ref().and_then(tokio::process::Child::id).expect("it runs");
    send(daemon, "STOP");
    let mut terminal = place.dashboard();
    terminal.until_sees("looking for the daemon").await;
    terminal.until_sees("never reached").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    send(daemon, "CONT");
}

#[tokio::test]
async fn a_daemon_of_another_version_says_which_side_to_upgrade() {
    let mut place = Place::open().await;
    place.stop().await;
    let socket = place.folder.path().join("s.sock");
    // The file of a daemon that has ended may be left.
    drop(std::fs::remove_file(&socket));
    let listener = UnixListener::bind(socket).expect("a socket");
    let told = "the daemon is too old for guildhall 9: upgrade the daemon";
    let serve = async {
        loop {
            let (mut caller, _) = listener.accept().await.expect("somebody calls");
            receive_hello(&mut caller).await.expect("a hello");
            let reason = told.to_owned();
            let refused = Welcome::Refused { reason, kind: ErrorKind::Unsupported, sign_in: None };
            send_welcome(&mut caller, &refused).await.expect("it is heard");
        }
    };
    let look = async {
        let mut terminal = place.dashboard();
        terminal.until_sees("refused").await;
        terminal.until_sees("upgrade the daemon").await;
        terminal.presses("q");
        assert_eq!(terminal.ends().await, 0);
    };
    tokio::select! {
        () = serve => {}
        () = look => {}
    }
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_do() {
    let place = Place::open().await;
    let (code, told, complaint) = place.guildhall(&[]).await;
    assert_eq!((code, told.as_str()), (2, ""));
    assert!(complaint.contains("needs a terminal") && complaint.contains("--no-tui"), "{complaint}");
}

#[tokio::test]
async fn without_colors_the_selection_is_still_seen() {
    let place = Place::open().await;
    place.post(waiting()).await.expect("it is posted");
    let mut terminal = Terminal::open(place.program(&[]).with("NO_COLOR", "1"), 120, 36);
    terminal.until_sees("live").await;
    terminal.presses("2");
    terminal.until_sees("Wait for somebody.").await;
    terminal.until_reversed("Wait for somebody.").await;
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    for color in ["\x1b[38;", "\x1b[48;", "\x1b[31m", "\x1b[32m"] {
        assert!(!bytes.contains(color), "{}", color.escape_debug());
    }
}
