//! What an order is about: the marks, wherever they are; and never more than what is in sight of the question.

use super::{Desk, NOW, job_head};
use crate::dash::msg::{Effect, Msg};
use crate::dash::overlay::Deed;
use crate::dash::screen::Screen;
use crate::dash::update::update;
use crossterm::event::KeyCode;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::listing::JobCount;
use guildhall_protocol::permission::JobAction;

/// Before a list of so many open jobs.
fn before_jobs(count: i64) -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=count).rev().map(job_head).collect();
    desk.count = u64::try_from(count).unwrap_or(0);
    desk.presses(&["2"]);
    desk
}

fn only_jobs(desk: &Desk) -> Vec<JobId> {
    assert_eq!(desk.deeds.len(), 1, "{:?}", desk.deeds);
    let Deed::Jobs { jobs, .. } = &desk.deeds[0].1 else { panic!("{:?}", desk.deeds) };
    jobs.iter().map(|target| target.job).collect()
}

#[test]
fn an_order_in_a_job_is_about_that_job_though_all_that_match_are_meant_in_the_list() {
    let mut desk = before_jobs(633);
    desk.presses(&["*", "*"]);
    desk.sees("all 633 that match are meant");
    desk.presses(&["j", "enter", "x"]);
    desk.sees("Cancel #632 Count the words of chapter 632");
    desk.presses(&["tab", "enter"]);
    desk.waits(5_100);
    assert_eq!(only_jobs(&desk), [JobId(632)]);
    desk.presses(&["esc"]);
    desk.sees("all 633 that match are meant");
}

#[test]
fn an_order_in_the_inbox_is_about_its_row_though_all_that_match_are_meant_in_the_list() {
    let mut desk = before_jobs(300);
    desk.count = 12;
    desk.presses(&["*", "*"]);
    desk.sees("all 12 that match are meant");
    desk.presses(&["4", "a"]);
    desk.sees("Accept #13");
    desk.presses(&["tab", "enter"]);
    desk.waits(5_100);
    assert_eq!(only_jobs(&desk), [JobId(13)]);
}

#[test]
fn marks_stay_while_their_rows_are_let_go() {
    let mut desk = before_jobs(634);
    desk.presses(&["space", "space", "space"]);
    desk.presses(&["pagedown"; 40]);
    assert!(!desk.model.data.jobs.rows.iter().any(|head| head.id == JobId(634)), "the first rows are let go");
    desk.sees("3 marked");
    desk.presses(&["g", "j", "j", "j", "j", "j", "x"]);
    desk.sees("Cancel 3 jobs");
    desk.sees("#634 Count the words of chapter 634");
    desk.presses(&["tab", "enter"]);
    desk.waits(5_100);
    assert_eq!(only_jobs(&desk), [JobId(634), JobId(633), JobId(632)], "in the order of the list");
    assert!(desk.model.marks.is_empty());
}

#[test]
fn marks_on_rows_that_are_let_go_are_ordered_as_they_were_seen() {
    let mut desk = before_jobs(634);
    desk.presses(&["space"]);
    desk.presses(&["pagedown"; 40]);
    desk.presses(&["x", "tab", "enter"]);
    desk.waits(5_100);
    let Deed::Jobs { jobs, order } = &desk.deeds[0].1 else { panic!("{:?}", desk.deeds) };
    assert_eq!((jobs[0].job, jobs[0].epoch, order.action), (JobId(634), 7, JobAction::Cancel));
}

#[test]
fn a_mark_whose_job_left_the_list_is_told() {
    let mut desk = before_jobs(50);
    desk.presses(&["space", "space"]);
    desk.jobs.remove(0);
    desk.presses(&["r"]);
    desk.sees("1 marked");
    desk.sees("#50 is no longer in the list, and no longer marked");
    desk.jobs.remove(0);
    desk.presses(&["r"]);
    assert!(desk.model.marks.is_empty());
}

#[test]
fn other_marks_stay_when_a_job_is_ordered_from_its_page_and_when_the_list_is_sorted() {
    let mut desk = before_jobs(50);
    desk.presses(&["space", "space", "enter", "x", "tab", "enter"]);
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(48)));
    assert_eq!(desk.model.marks.len(), 2);
    desk.presses(&["esc", "ctrl-s"]);
    assert_eq!(desk.model.marks.len(), 2);
    desk.presses(&["/"]);
    desk.types(" state:open");
    desk.presses(&["enter"]);
    desk.sees("the 2 marks were of another list and are gone");
}

#[test]
fn more_than_one_order_takes_are_refused_before_the_question() {
    let mut desk = before_jobs(1_400);
    for _ in 0..10 {
        desk.presses(&["*"]);
        desk.presses(&["pagedown"; 20]);
    }
    assert!(desk.model.marks.len() > 1_000, "{}", desk.model.marks.len());
    desk.presses(&["x"]);
    assert!(desk.model.overlays.is_empty());
    desk.sees("one order takes 1000");
}

#[test]
fn g_goes_to_the_first_row_of_the_list_and_calls_nothing_new_that_is_not() {
    let mut desk = before_jobs(634);
    desk.presses(&["pagedown"; 40]);
    desk.sees("chapter 1");
    desk.presses(&["g"]);
    desk.sees("chapter 634");
    assert_eq!(desk.model.chosen_row(), Some(crate::dash::row::Row::Job(JobId(634))));
    assert!(!desk.text().contains("new above"), "{}", desk.text());
    desk.presses(&["G"]);
    desk.sees("chapter 1 ");
    desk.jobs.insert(0, job_head(635));
    desk.presses(&["r", "g"]);
    desk.sees("chapter 635");
}

#[test]
fn what_was_counted_for_other_marks_means_nothing() {
    let mut desk = before_jobs(600);
    desk.presses(&["*"]);
    // The count is still under way when a row is unmarked.
    let mut effects = update(&mut desk.model, NOW, Msg::Key(KeyCode::Char('*').into()));
    let Some(Effect::Count { turn, filter }) = effects.pop() else { panic!("{effects:?}") };
    desk.presses(&["space"]);
    let count = Ok(JobCount { count: 600, exact: true });
    desk.meets(Msg::Counted { turn, filter: Box::new(filter), count });
    assert_eq!(desk.model.matching, None);
    desk.presses(&["x"]);
    assert!(!desk.text().contains("everything"), "{}", desk.text());
}

#[test]
fn what_is_told_of_marks_is_what_they_are() {
    let mut desk = before_jobs(600);
    desk.presses(&["*", "*"]);
    desk.sees("all 600 that match are meant; * means none");
    desk.presses(&["*"]);
    desk.sees("nothing is marked any more");
    assert!(!desk.text().contains("are meant"), "{}", desk.text());
}
