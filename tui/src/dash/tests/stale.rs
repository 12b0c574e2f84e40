//! What is old says so, and what was never there does not pretend that it was.

use super::Desk;
use super::pictures::{SIZES, screens};
use crate::dash::link::LinkEvent;
use crate::dash::model::Pane;
use crate::dash::msg::Msg;
use crate::dash::need::{Answer, Need};
use crate::dash::screen::Screen;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::view::Chained;

/// The daemon says no to every reading from now on, while the connection stays.
fn refuses(desk: &mut Desk) {
    desk.refuses = Some(ApiError::new(ErrorKind::Unavailable, "the store is busy"));
    desk.meets(Msg::Link(LinkEvent::Changed));
}

fn last_line(desk: &Desk) -> String {
    desk.text().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_be_read_again_tells_its_age_in_every_view() {
    for (name, screen) in screens() {
        for (width, height) in SIZES {
            let mut desk = Desk::new(width, height);
            desk.goes(screen.clone());
            let shown = |desk: &Desk| desk.text().lines().count();
            let lines = shown(&desk);
            desk.waits(65_000);
            refuses(&mut desk);
            desk.waits(400);
            let told = last_line(&desk);
            // What changes without an event was read a moment ago.
            let age = if matches!(screen, Screen::Overview | Screen::Log) { "0s" } else { "1m" };
            let begins = format!(" {age} old, again in 2 s: the st");
            assert!(told.starts_with(&begins), "{name} {width}x{height}: {told:?}\n{}", desk.text());
            assert_eq!(shown(&desk), lines, "nothing is pushed away");
            assert!(!desk.text().contains("reading ..."), "{}", desk.text());
            desk.refuses = None;
            desk.waits(2_000);
            assert!(!last_line(&desk).contains(" old"), "{}", desk.text());
        }
    }
}

#[test]
fn what_was_never_read_is_not_called_old() {
    let mut desk = Desk::new(80, 24);
    refuses(&mut desk);
    desk.presses(&["3"]);
    desk.sees("not read, again in 2 s: the store is busy");
    desk.waits(1_000);
    desk.sees("not read, again in 1 s: the store is busy");
}

#[test]
fn a_list_that_cannot_be_read_further_says_so() {
    let mut desk = Desk::new(80, 24);
    desk.jobs = (1..=300).rev().map(super::job_head).collect();
    desk.presses(&["2"]);
    desk.refuses = Some(ApiError::new(ErrorKind::Unavailable, "the store is busy"));
    for _ in 0..60 {
        desk.meets(Msg::Scroll { down: true });
    }
    desk.sees(" 0s old, again in 2 s: the store is busy");
    desk.sees("139 ○ open");
}

#[test]
fn a_daemon_that_was_never_there_is_not_called_stale() {
    for (name, screen) in screens() {
        for (width, height) in SIZES {
            let mut desk = Desk::alone(width, height);
            desk.goes(screen.clone());
            desk.waits(12_000);
            desk.loses();
            desk.waits(2_000);
            let shown = desk.text();
            let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                !words.contains("stale") && !words.contains("reading"),
                "{name} {width}x{height}\n{shown}"
            );
            for told in [
                "never reached, retry in 3 s",
                "never reached, tried for 10s; the next try is in 3 s.",
                "start one with `guildhalld serve`",
                "no daemon answers at",
            ] {
                assert!(words.contains(told), "{told:?} {name} {width}x{height}\n{shown}");
            }
        }
    }
}

#[test]
fn a_daemon_that_came_late_is_not_back() {
    let mut desk = Desk::alone(80, 24);
    desk.loses();
    desk.connects();
    assert!(!desk.text().contains("is back"), "{}", desk.text());
    desk.loses();
    desk.sees("stale 0 s, retry in 5 s");
    desk.presses(&["3"]);
    desk.waits(60_000);
    desk.sees("lost 60 s ago, retry in 0 s");
    desk.sees("The daemon was lost 1m ago");
    desk.connects();
    desk.sees("The daemon is back after 1m 00s");
}

#[test]
fn a_history_that_is_not_what_was_written_says_where() {
    let mut desk = Desk::new(80, 24);
    desk.goes(Screen::Job(JobId(6)));
    desk.sees("History 14 ✓");
    desk.model.pane = Pane::History;
    desk.meets(Msg::Tick);
    desk.sees("✓ hash chain checked: whole up to event 14");
    for (chained, tab, line) in [
        (Chained::Broken { at: 7 }, "History 14 ✗", "✗ hash chain BROKEN at event 7"),
        (Chained::Whole { after: 3, up_to: 14 }, "History 14 ✓", "whole from event 4 up to event 14"),
        (Chained::Unsaid, "History 14 ─", "@hasty"),
    ] {
        let mut story = desk.model.data.job(JobId(6)).expect("it was read").clone();
        story.chained = chained;
        desk.meets(Msg::Read(Need::Job(JobId(6)), Ok(Answer::Job(Box::new(story)))));
        desk.sees(tab);
        desk.sees(line);
    }
    assert!(!desk.text().contains("hash chain"), "{}", desk.text());
}
