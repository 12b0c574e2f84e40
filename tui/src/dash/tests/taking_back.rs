//! What can be taken back, and how; and orders to all jobs that match.

use super::{Desk, job_head};
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::Deed;
use crate::dash::screen::Screen;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::Priority;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::AgentOrder;

fn before_one_job() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2"]);
    desk
}

/// The last order was done, and this is the epoch of its job now.
fn is_done(desk: &mut Desk, epoch: u64) {
    let (number, deed) = desk.deeds.last().expect("something was ordered").clone();
    let Deed::Jobs { jobs, .. } = deed else { panic!("{deed:?}") };
    let outcomes = jobs.iter().map(|target| {
        let mut head = job_head(target.job.0);
        head.epoch = epoch;
        (target.job, Ok(head))
    });
    let outcome = Outcome::Jobs(outcomes.collect());
    desk.meets(Msg::Done { number, outcome });
}

fn moves_it_up(desk: &mut Desk) {
    desk.presses(&["!"]);
    desk.types("high");
    desk.presses(&["tab", "tab", "tab", "enter"]);
}

#[test]
fn another_class_is_sent_at_once_and_brought_back_by_another_order() {
    let mut desk = before_one_job();
    desk.presses(&["!"]);
    desk.sees("It is sent at once; for five seconds u brings back what was.");
    desk.presses(&["esc"]);
    moves_it_up(&mut desk);
    assert_eq!(desk.deeds.len(), 1, "it is sent at once");
    desk.sees("u brings back what was, 5 s");
    is_done(&mut desk, 9);
    desk.presses(&["u"]);
    let Deed::Jobs { jobs, order } = &desk.deeds[1].1 else { panic!("{:?}", desk.deeds) };
    assert_eq!((jobs[0].job, jobs[0].epoch), (JobId(40), 9), "the epoch is that after the order");
    assert_eq!((order.action, order.priority), (JobAction::Prioritize, Some(Priority::Normal)));
    desk.presses(&["u"]);
    assert_eq!(desk.deeds.len(), 2, "once");
}

#[test]
fn who_takes_back_before_the_outcome_is_known_gets_it_when_it_is() {
    let mut desk = before_one_job();
    moves_it_up(&mut desk);
    desk.presses(&["u"]);
    desk.sees("it is taken back as soon as it is done");
    assert_eq!(desk.deeds.len(), 1);
    desk.waits(9_000);
    is_done(&mut desk, 9);
    assert_eq!(desk.deeds.len(), 2);
}

#[test]
fn what_did_not_happen_or_is_long_ago_is_not_taken_back() {
    let mut desk = before_one_job();
    moves_it_up(&mut desk);
    let refused = ApiError::new(ErrorKind::Conflict, "the job has changed since you looked");
    let number = desk.deeds[0].0;
    desk.meets(Msg::Done { number, outcome: Outcome::Jobs(vec![(JobId(40), Err(refused))]) });
    desk.presses(&["u"]);
    assert_eq!(desk.deeds.len(), 1, "there is nothing to bring back");
    let mut desk = before_one_job();
    moves_it_up(&mut desk);
    is_done(&mut desk, 9);
    desk.waits(5_100);
    desk.presses(&["u"]);
    assert_eq!(desk.deeds.len(), 1, "the time is over");
}

#[test]
fn each_question_says_how_it_is_taken_back() {
    let mut desk = before_one_job();
    for (key, told) in [
        ("x", "It is sent after five seconds; until then u takes it back."),
        ("E", "It is sent at once; for five seconds u brings back what was."),
        ("t", "It is sent at once, for good."),
    ] {
        desk.presses(&[key]);
        desk.sees(told);
        desk.presses(&["esc"]);
    }
}

#[test]
fn an_agent_that_was_paused_works_again() {
    let mut desk = Desk::new(120, 36);
    desk.goes(Screen::Agents);
    desk.presses(&["s"]);
    desk.sees("for five seconds u resumes it, after a new challenge");
    desk.presses(&["tab", "enter"]);
    desk.sees("u resumes it, after a new challenge, 5 s");
    let (number, deed) = desk.deeds[0].clone();
    assert!(matches!(deed, Deed::Agent { order: AgentOrder::Pause { for_ms: None }, .. }));
    desk.meets(Msg::Done { number, outcome: Outcome::One(Ok("it is paused".to_owned())) });
    desk.presses(&["u"]);
    assert!(matches!(desk.deeds[1].1, Deed::Agent { order: AgentOrder::Resume, .. }));
}

fn before_many_jobs(matching: u64) -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=700).rev().map(job_head).collect();
    desk.count = matching;
    desk.presses(&["2", "/"]);
    desk.types("state:open");
    desk.presses(&["enter", "*"]);
    desk
}

#[test]
fn all_that_match_are_named_counted_and_ordered_by_their_filter() {
    let mut desk = before_many_jobs(700);
    desk.sees("200 rows are marked; * once more means all that match");
    desk.presses(&["*"]);
    desk.sees("all 700 that match are meant");
    desk.presses(&["x"]);
    desk.sees("Cancel all 700 jobs that match state:open");
    desk.sees("Type 700 to go on:");
    desk.presses(&["backtab"]);
    desk.types("700");
    desk.presses(&["tab", "tab", "enter"]);
    desk.waits(5_100);
    let Deed::Matching { matching, order } = &desk.deeds[0].1 else { panic!("{:?}", desk.deeds) };
    assert_eq!((matching.count, order.action), (700, JobAction::Cancel));
    assert_eq!(matching.filter.states, ["open"]);
    assert!(desk.model.marks.is_empty() && desk.model.matching.is_none());
}

#[test]
fn more_than_one_order_takes_are_not_meant() {
    let mut desk = before_many_jobs(1_001);
    desk.presses(&["*"]);
    desk.sees("1001 match, and one order takes 1000: narrow the filter with /");
    assert!(desk.model.matching.is_none());
    let mut desk = before_many_jobs(700);
    desk.presses(&["*", "*"]);
    assert!(desk.model.marks.is_empty() && desk.model.matching.is_none(), "the third time means none");
    let mut desk = before_many_jobs(700);
    desk.presses(&["*", "space", "x"]);
    desk.sees("Cancel 199 jobs");
}
