//! What keys do, and what they must not do.

use super::{Desk, job_head};
use crate::dash::link::Link;
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::screen::Screen;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;

/// Before the list of jobs of the demo, on one that is open.
fn before_an_open_job() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2"]);
    desk.sees("Count the words of chapter 40");
    desk
}

fn only_deed(desk: &Desk) -> &Deed {
    assert_eq!(desk.deeds.len(), 1, "{:?}", desk.deeds);
    &desk.deeds[0].1
}

#[test]
fn a_cancel_asks_waits_and_carries_what_was_seen() {
    let mut desk = before_an_open_job();
    desk.presses(&["x"]);
    desk.sees("Cancel #40 Count the words of chapter 40");
    desk.sees("Ends for good");
    desk.presses(&["enter"]);
    assert!(desk.model.overlays.is_empty() && desk.model.pending.is_empty(), "enter alone means no");
    desk.presses(&["x", "tab", "enter"]);
    desk.sees("u takes it back, 5 s: Cancel #40");
    assert!(desk.deeds.is_empty(), "nothing is sent yet");
    desk.waits(4_900);
    assert!(desk.deeds.is_empty());
    desk.waits(200);
    let Deed::Jobs { jobs, order } = only_deed(&desk) else { panic!("{:?}", desk.deeds) };
    assert_eq!((jobs[0].job, jobs[0].epoch, order.action), (JobId(40), 7, JobAction::Cancel));
    let number = desk.deeds[0].0;
    let refused = ApiError::new(ErrorKind::Conflict, "the job has changed since you looked");
    desk.meets(Msg::Done { number, outcome: Outcome::Jobs(vec![(JobId(40), Err(refused))]) });
    desk.sees("the job has changed since you looked");
    desk.presses(&["L"]);
    desk.sees("Cancel #40");
}

#[test]
fn what_was_ordered_can_be_taken_back() {
    let mut desk = before_an_open_job();
    desk.presses(&["x", "tab", "enter", "u"]);
    desk.sees("taken back, nothing was done");
    desk.waits(10_000);
    assert!(desk.deeds.is_empty());
    // Whoever leaves meant what they said.
    desk.presses(&["x", "tab", "enter", "q"]);
    assert!(desk.left);
    assert_eq!(desk.deeds.len(), 1);
}

#[test]
fn the_connection_goes_and_comes_back_while_a_question_is_open() {
    let mut desk = before_an_open_job();
    desk.presses(&["x", "tab"]);
    desk.loses();
    desk.sees("Cancel #40");
    desk.presses(&["enter"]);
    desk.waits(60_000);
    assert!(desk.deeds.is_empty(), "there is nobody to order it from");
    desk.sees("u takes it back, sent when the daemon is back: Cancel #40");
    desk.presses(&["x"]);
    desk.sees("there is no daemon to order it from");
    desk.connects();
    desk.meets(Msg::Tick);
    assert_eq!(desk.deeds.len(), 1, "it goes out with the epoch that was seen, which refuses what changed");
    desk.sees("The daemon is back after 1m 00s");
}

#[test]
fn what_is_stale_says_so_and_orders_nothing() {
    let mut desk = before_an_open_job();
    desk.loses();
    desk.sees("stale 0 s, retry in 5 s");
    desk.sees("r tries again now, q leaves: no daemon answers at /run/guildhall/guildhalld.sock");
    desk.sees("Count the words of chapter 40");
    assert!(matches!(desk.model.link, Link::Lost { .. }));
}

#[test]
fn many_must_be_counted_by_whoever_means_them() {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=60).rev().map(job_head).collect();
    desk.presses(&["2", "*", "x"]);
    desk.sees("Cancel 60 jobs");
    desk.sees("and 52 more");
    desk.sees("Type 60 to go on:");
    desk.presses(&["tab", "enter"]);
    desk.sees("type 60 to say that you mean all of them");
    assert!(desk.model.pending.is_empty());
    desk.presses(&["backtab", "backtab"]);
    desk.types("60");
    desk.presses(&["tab", "tab", "enter"]);
    desk.waits(6_000);
    let Deed::Jobs { jobs, .. } = only_deed(&desk) else { panic!("{:?}", desk.deeds) };
    assert_eq!(jobs.len(), 60);
}

#[test]
fn letters_that_are_pasted_are_no_keys() {
    let mut desk = before_an_open_job();
    desk.meets(Msg::Paste("xyq\n".repeat(30_000)));
    assert!(desk.model.overlays.is_empty() && !desk.left && desk.deeds.is_empty());
    desk.presses(&["/"]);
    desk.meets(Msg::Paste(format!("state:open\u{1b}[2J {}", "x".repeat(200_000))));
    let Some(Overlay::Filter { input, .. }) = desk.model.overlays.last() else { panic!("it is open") };
    assert!(input.value().starts_with("state:open[2J x") && input.value().len() == 4_000);
}

#[test]
fn read_only_is_read_only() {
    let mut desk = before_an_open_job();
    desk.model.read_only = true;
    desk.presses(&["x"]);
    assert!(desk.model.overlays.is_empty());
    desk.sees("the dashboard is read-only");
    desk.presses(&[":"]);
    desk.types("cancel");
    desk.sees("call it off: the dashboard is read-only");
}

#[test]
fn an_action_that_the_state_does_not_know_says_why() {
    let mut desk = before_an_open_job();
    desk.jobs[0].state = JobState::Completed.into();
    desk.presses(&["r", "x"]);
    desk.sees("call it off: the job is completed");
}

#[test]
fn the_filter_is_completed_refused_and_kept() {
    let mut desk = before_an_open_job();
    desk.presses(&["/"]);
    desk.types("state:comp");
    desk.presses(&["tab", "enter"]);
    assert_eq!(desk.model.filter_text, "state:completed");
    desk.sees("/state:completed");
    desk.presses(&["/"]);
    desk.types(" stat:x");
    desk.presses(&["enter"]);
    desk.sees("nothing is called \"stat:\" here");
    desk.presses(&["esc", "\\"]);
    assert_eq!(desk.model.filter_text, "");
}

#[test]
fn back_and_forward_and_the_neighbors_of_a_job() {
    let mut desk = before_an_open_job();
    desk.presses(&["j", "enter"]);
    let second = desk.jobs[1].id;
    assert_eq!(*desk.model.screen(), Screen::Job(second));
    desk.presses(&["n"]);
    assert_eq!(*desk.model.screen(), Screen::Job(desk.jobs[2].id));
    desk.presses(&["p", "p", "p"]);
    desk.sees("this is the first one");
    desk.presses(&["esc"]);
    assert_eq!(*desk.model.screen(), Screen::Jobs);
    desk.presses(&["]"]);
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(40)));
}

#[test]
fn the_cursor_stays_on_its_job_while_others_arrive() {
    let mut desk = Desk::new(120, 20);
    desk.jobs = (1..=100).rev().map(job_head).collect();
    desk.presses(&["2"]);
    desk.presses(&["j"; 30]);
    let on = desk.model.chosen_row();
    let above = desk.model.cursor().at - desk.model.cursor().top;
    for number in 101..=105 {
        desk.jobs.insert(0, job_head(number));
    }
    desk.presses(&["r"]);
    assert_eq!(desk.model.chosen_row(), on);
    assert_eq!(desk.model.cursor().at - desk.model.cursor().top, above, "it stays where the eye is");
    desk.sees("5 new above (g)");
    desk.presses(&["g"]);
    desk.sees("chapter 105");
}

#[test]
fn commands_and_numbers_are_copied() {
    let mut desk = before_an_open_job();
    desk.presses(&["y", "i"]);
    assert_eq!(desk.copied, ["guildhall job show 40", "#40"]);
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["tab", "tab", "j", "j", "i", "z"]);
    assert_eq!(desk.copied.last().map(String::as_str), Some("/keywords/0"));
    desk.sees("\"keywords\": [ 3 inside");
}

#[test]
fn everything_is_found_by_name() {
    let mut desk = before_an_open_job();
    desk.presses(&[":"]);
    desk.types("agents");
    desk.presses(&["enter"]);
    assert_eq!(*desk.model.screen(), Screen::Agents);
    desk.presses(&["?"]);
    desk.sees("What can be done here");
    desk.presses(&["esc", "1", "j", "j", "j", "j", "j", "j", "enter"]);
    assert_eq!(desk.model.filter_text, "state:open", "a number opens what it counts");
}
