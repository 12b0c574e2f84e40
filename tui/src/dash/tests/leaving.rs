//! Leaving: at once, but never with an order that is lost without a word.

use super::{Desk, job_head};
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::Overlay;
use crate::dash::update::{left_behind, open_orders};
use crate::fault::Fault;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;

/// A job is called off, and the daemon is gone before that is sent.
fn with_an_order_that_waits() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2", "x", "tab", "enter"]);
    desk.loses();
    desk
}

#[test]
fn who_leaves_while_an_order_waits_for_the_daemon_is_asked() {
    let mut desk = with_an_order_that_waits();
    desk.presses(&["q"]);
    assert!(!desk.left);
    desk.sees("Leave? There is no daemon for what was ordered");
    desk.sees("not sent: Cancel #40 Count the words of chapter 40");
    desk.presses(&["j", "esc"]);
    assert!(!desk.left && desk.model.overlays.is_empty() && desk.model.pending.len() == 1);
    desk.presses(&["q", "q"]);
    assert!(desk.left && desk.deeds.is_empty());
    let mut desk = with_an_order_that_waits();
    desk.presses(&["ctrl-c", "ctrl-c"]);
    assert!(desk.left);
}

#[test]
fn the_daemon_comes_back_while_leaving_is_asked_about() {
    let mut desk = with_an_order_that_waits();
    desk.waits(6_000);
    desk.presses(&["q"]);
    desk.connects();
    assert!(desk.model.overlays.is_empty() && !desk.left);
    assert_eq!(desk.deeds.len(), 1, "it is sent");
    desk.sees("nothing waits for the daemon any more; q leaves");
    desk.presses(&["q"]);
    assert!(desk.left);
}

#[test]
fn an_order_that_was_sent_to_a_daemon_that_is_gone_is_asked_about() {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2", "t", "tab", "enter"]);
    assert_eq!(desk.deeds.len(), 1);
    desk.loses();
    desk.presses(&["q"]);
    desk.sees("not known: Retry #40");
    let number = desk.deeds[0].0;
    let outcome = Outcome::Jobs(vec![(JobId(40), Ok(job_head(40)))]);
    desk.meets(Msg::Done { number, outcome });
    assert!(!matches!(desk.model.overlays.last(), Some(Overlay::Leave)));
}

#[test]
fn who_ends_the_process_is_told_what_was_not_sent() {
    let mut desk = with_an_order_that_waits();
    desk.meets(Msg::Terminate);
    assert!(desk.left, "nobody is there to be asked");
    let open = open_orders(&desk.model);
    let Some(Fault::Api(error)) = left_behind(&desk.model, &open) else { panic!("it is told") };
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(
        error.message,
        "not everything that was ordered is done:\n  not sent, as there was no daemon: Cancel #40 Count the words of chapter 40"
    );
}

#[test]
fn who_leaves_hears_what_became_of_the_last_order_if_it_was_not_done() {
    let left_with = |outcome: Option<Outcome>| {
        let mut desk = Desk::new(120, 36);
        desk.jobs.insert(0, job_head(40));
        desk.presses(&["2", "x", "tab", "enter", "q"]);
        assert!(desk.left && desk.deeds.len() == 1);
        let open = open_orders(&desk.model);
        if let Some(outcome) = outcome {
            desk.meets(Msg::Done { number: desk.deeds[0].0, outcome });
        }
        left_behind(&desk.model, &open).map(|fault| fault.to_string())
    };
    assert_eq!(left_with(Some(Outcome::Jobs(vec![(JobId(40), Ok(job_head(40)))]))), None);
    let told = left_with(None).expect("nobody knows");
    assert!(told.contains("sent, and nobody knows what became of it: Cancel #40"), "{told}");
    let error = ApiError::new(ErrorKind::Conflict, "the job has changed since you looked");
    let told = left_with(Some(Outcome::Jobs(vec![(JobId(40), Err(error))]))).expect("it was refused");
    assert!(told.contains("the job has changed since you looked: Cancel #40"), "{told}");
}
