//! Events and the daemon's log: each follows or stands still by itself, and says how much came since.

use super::Desk;
use crate::dash::msg::Msg;
use crate::dash::screen::Screen;
use guildhall_protocol::log::{LogLevel, LogLine};

fn line(number: u64) -> LogLine {
    LogLine {
        number,
        at: super::NOW,
        level: LogLevel::Info.into(),
        target: "guildhalld".to_owned(),
        message: format!("line {number}"),
        fields: Vec::new(),
        cut: false,
    }
}

#[test]
fn the_log_stands_still_while_the_events_follow() {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["7", "f"]);
    desk.sees("standing still; f follows");
    desk.presses(&["5"]);
    desk.sees("following; f stands still");
    desk.presses(&["7"]);
    desk.sees("standing still; f follows");
    desk.presses(&["f"]);
    desk.sees("following; f stands still");
}

#[test]
fn a_log_that_stands_still_says_how_much_is_new() {
    let mut desk = Desk::new(120, 12);
    desk.presses(&["7"]);
    desk.model.data.log.lines.extend((4..=30).map(line));
    desk.waits(10);
    desk.presses(&["f"]);
    assert!(!desk.text().contains(" new "), "all of it was seen: {}", desk.text());
    desk.model.data.log.lines.extend((31..=34).map(line));
    desk.waits(10);
    desk.sees("4 new  standing still");
    desk.presses(&["k"]);
    desk.sees("4 new  standing still");
    desk.presses(&["G"]);
    assert!(!desk.text().contains(" new "), "they are seen now: {}", desk.text());
    desk.presses(&["f"]);
    assert_eq!(desk.model.new_lines(&Screen::Log), 0);
}

#[test]
fn events_above_the_last_one_seen_are_not_new() {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["5", "k", "k"]);
    desk.sees("standing still; f follows");
    assert!(!desk.text().contains(" new ") && !desk.text().contains(" below"), "{}", desk.text());
    let mut line = desk.model.data.feed.lines.back().expect("a line").clone();
    line.id.0 += 1;
    desk.model.data.feed.lines.push_back(line);
    desk.model.size.1 = 5;
    desk.waits(10);
    desk.sees("1 new  standing still");
}

#[test]
fn the_wheel_in_a_feed_makes_it_stand_still_as_a_key_does() {
    let mut desk = Desk::new(120, 12);
    desk.presses(&["7"]);
    desk.model.data.log.lines.extend((4..=60).map(line));
    desk.waits(10);
    desk.sees("line 60");
    for _ in 0..8 {
        desk.meets(Msg::Scroll { down: false });
    }
    desk.sees("standing still; f follows");
    assert!(!desk.text().contains("line 60"), "{}", desk.text());
}
