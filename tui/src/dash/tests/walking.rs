//! From job to job, and back: the list that one came from is the one that goes on.

use super::{Desk, job_head};
use crate::dash::place::Place;
use crate::dash::screen::Screen;
use guildhall_protocol::ids::JobId;

fn before_jobs(count: i64) -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=count).rev().map(job_head).collect();
    desk.presses(&["2"]);
    desk
}

fn is_at(desk: &Desk, job: i64) {
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(job)), "{}", desk.text());
}

#[test]
fn the_neighbors_go_on_where_the_loaded_rows_end() {
    let mut desk = before_jobs(634);
    desk.presses(&["enter"]);
    desk.presses(&["n"; 633]);
    is_at(&desk, 1);
    assert!(!desk.text().contains("the last one"), "{}", desk.text());
    desk.presses(&["n"]);
    desk.sees("this is the last one");
    desk.presses(&["p"; 633]);
    is_at(&desk, 634);
    desk.presses(&["p"]);
    desk.sees("this is the first one");
    desk.presses(&["n", "n", "esc"]);
    assert_eq!(desk.model.chosen_row(), Some(crate::dash::row::Row::Job(JobId(632))));
}

#[test]
fn the_neighbors_of_a_job_of_the_inbox_are_those_of_the_inbox() {
    let mut desk = before_jobs(300);
    desk.jobs.extend([13, 12].map(job_head));
    desk.presses(&["4", "enter"]);
    is_at(&desk, 13);
    desk.presses(&["n"]);
    is_at(&desk, 12);
    desk.presses(&["n"]);
    desk.sees("this is the last one");
    desk.presses(&["esc"]);
    assert_eq!(desk.model.chosen_row(), Some(crate::dash::row::Row::Job(JobId(12))));
}

#[test]
fn what_is_in_no_list_says_so() {
    let mut desk = before_jobs(634);
    desk.presses(&[":"]);
    desk.types("job 9");
    desk.presses(&["enter", "n"]);
    desk.sees("#9 is not in the list that it was opened from");
    desk.presses(&["1", ":"]);
    desk.types("job 9");
    desk.presses(&["enter", "n"]);
    desk.sees("it was not opened from a list of jobs; 2 shows one");
}

#[test]
fn the_neighbors_wait_for_no_daemon() {
    let mut desk = before_jobs(634);
    desk.presses(&["enter"]);
    desk.presses(&["n"; 199]);
    desk.loses();
    desk.presses(&["n"]);
    desk.sees("the rest of the list cannot be read without a daemon");
    assert_eq!(desk.model.walking, None);
}

#[test]
fn a_job_where_the_dashboard_begins_has_its_neighbors() {
    let mut desk = before_jobs(634);
    desk.presses(&["enter"]);
    desk.presses(&["n"; 300]);
    let place = Place::of(&desk.model).written();
    let mut again = before_jobs(634);
    again.model.data.jobs = crate::dash::window::Window::default();
    Place::read(&place).restore(&mut again.model);
    again.waits(10);
    again.presses(&["n"]);
    is_at(&again, 333);
    again.presses(&["p", "p"]);
    is_at(&again, 335);
}

#[test]
fn back_and_forward_bring_each_filter_back() {
    let mut desk = before_jobs(20);
    for filter in ["state:open", "state:failed"] {
        desk.presses(&["\\", "/"]);
        desk.types(filter);
        desk.presses(&["enter"]);
    }
    desk.presses(&["ctrl-s", "enter", "["]);
    assert_eq!(desk.model.filter_text, "state:failed sort:changed");
    desk.presses(&["[", "["]);
    assert_eq!(desk.model.filter_text, "state:open");
    assert_eq!(desk.model.filter.at(desk.model.now).states, ["open"]);
    desk.sees("/state:open");
    desk.presses(&["[", "["]);
    assert_eq!((desk.model.filter_text.as_str(), desk.model.screen()), ("", &Screen::Overview));
    desk.presses(&["]", "]", "]", "]"]);
    assert_eq!(desk.model.filter_text, "state:failed sort:changed");
}

#[test]
fn the_neighbors_are_those_of_the_list_that_was_left_for_another() {
    let mut desk = before_jobs(20);
    desk.presses(&["enter", ":"]);
    desk.types("filter state:open");
    desk.presses(&["enter", "["]);
    is_at(&desk, 20);
    assert_eq!(desk.model.filter_text, "state:open");
    desk.presses(&["n"]);
    is_at(&desk, 19);
    assert_eq!(desk.model.filter_text, "", "it was opened from all");
}
