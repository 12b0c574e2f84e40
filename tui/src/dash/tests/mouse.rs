//! What a click and the wheel do.

use super::{Desk, job_head};
use crate::dash::form::{Form, Look};
use crate::dash::msg::{Hit, Msg};
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::screen::Screen;
use guildhall_protocol::job::Priority;

fn form(desk: &Desk) -> &Form {
    match desk.model.overlays.last() {
        Some(Overlay::Form(form)) => form,
        other => panic!("no form: {other:?}"),
    }
}

fn focused(desk: &Desk) -> &str {
    &form(desk).fields[form(desk).focus].key
}

fn wheel(desk: &mut Desk, down: bool, times: usize) {
    for _ in 0..times {
        desk.meets(Msg::Scroll { down });
    }
}

/// Before the list of jobs, on one that is open.
fn before_an_open_job() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2"]);
    desk
}

#[test]
fn a_job_is_written_and_posted_with_the_mouse() {
    let mut desk = before_an_open_job();
    desk.clicks("N post");
    desk.types("Count the words.");
    desk.clicks("Label");
    assert_eq!(focused(&desk), "label");
    desk.types("mine");
    desk.clicks("Class");
    assert_eq!(focused(&desk), "priority");
    desk.clicks(" low ");
    assert_eq!(form(&desk).text("priority"), "low");
    desk.clicks("who would get it");
    assert!(matches!(form(&desk).look, Look::Shown { .. }));
    desk.clicks("back to the fields");
    desk.clicks("ctrl-s");
    let Some((_, Deed::Post { draft, .. })) = desk.deeds.last() else { panic!("{:?}", desk.deeds) };
    assert_eq!((draft.label.as_deref(), draft.priority), (Some("mine"), Priority::Low));
    desk.clicks("Brief");
    assert_eq!(focused(&desk), "priority", "it is on its way");
}

#[test]
fn a_choice_without_room_for_its_words_goes_on_at_each_click() {
    let mut desk = Desk::new(30, 24);
    desk.presses(&["N"]);
    wheel(&mut desk, true, 11);
    desk.clicks("Visible");
    assert_eq!(focused(&desk), "visibility");
    for word in ["private", "place", "as usual here"] {
        desk.clicks("of 3, ");
        assert_eq!(form(&desk).text("visibility"), word);
    }
}

#[test]
fn the_wheel_goes_over_the_fields_and_not_around() {
    for size in [(120, 36), (40, 8)] {
        let mut desk = Desk::new(size.0, size.1);
        desk.presses(&["N"]);
        desk.meets(Msg::Paste("one\ntwo\nthree\nfour\nfive\nsix\nseven".to_owned()));
        wheel(&mut desk, false, 9);
        assert_eq!(focused(&desk), "brief");
        wheel(&mut desk, true, 2);
        assert_eq!(focused(&desk), "brief", "it has more lines");
        wheel(&mut desk, true, 1);
        assert_eq!(focused(&desk), "title");
        wheel(&mut desk, true, 99);
        assert_eq!(form(&desk).focus, form(&desk).fields.len() - 1);
        assert!(desk.kept.is_empty() && form(&desk).fields[0].value().ends_with("seven"));
    }
}

#[test]
fn what_lies_under_a_form_is_not_reached() {
    let mut desk = before_an_open_job();
    let cursor = desk.model.cursor();
    desk.presses(&["N"]);
    wheel(&mut desk, true, 2);
    desk.clicks(" 3 Agents ");
    assert_eq!((desk.model.screen().clone(), desk.model.cursor()), (Screen::Jobs, cursor));
    desk.presses(&["esc", "?"]);
    desk.clicks(" 3 Agents ");
    assert_eq!(*desk.model.screen(), Screen::Jobs);
    let before = desk.text();
    wheel(&mut desk, true, 2);
    assert_ne!(desk.text(), before, "help is longer than the screen");
}

#[test]
fn a_question_is_answered_with_the_mouse() {
    let mut desk = before_an_open_job();
    desk.clicks("x cancel");
    desk.sees("Ends for good");
    desk.clicks("x cancel");
    assert_eq!(desk.model.overlays.len(), 1, "it is asked once");
    desk.clicks("No, leave it");
    assert!(desk.model.overlays.is_empty() && desk.model.pending.is_empty());
    desk.clicks("x cancel");
    desk.clicks("Reason");
    desk.types("yes");
    assert!(!desk.model.overlays.is_empty(), "a letter in a line is no answer");
    desk.clicks("Yes, do it");
    desk.waits(6_000);
    let Some((_, Deed::Jobs { order, .. })) = desk.deeds.last() else { panic!("{:?}", desk.deeds) };
    assert_eq!(order.text.as_deref(), Some("yes"));
}

#[test]
fn many_are_counted_before_a_click_does_it() {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=60).rev().map(job_head).collect();
    desk.presses(&["2", "*", "x"]);
    desk.clicks("Yes, do it");
    desk.sees("type 60 to say that you mean all of them");
    desk.clicks("Type 60");
    desk.types("60");
    desk.clicks("Yes, do it");
    assert_eq!(desk.model.pending.len(), 1);
}

fn before_many_jobs() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=100).rev().map(job_head).collect();
    desk.presses(&["2"]);
    desk
}

#[test]
fn the_wheel_moves_what_lies_on_top() {
    let mut desk = before_many_jobs();
    desk.presses(&["x"]);
    desk.meets(Msg::Scroll { down: true });
    assert_eq!((desk.model.cursor().at, desk.model.overlays.len()), (0, 1));
    desk.presses(&["esc", ":"]);
    desk.meets(Msg::Scroll { down: true });
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Palette { at: 3, .. })));
    desk.presses(&["esc", "?"]);
    desk.meets(Msg::Scroll { down: true });
    desk.meets(Msg::Scroll { down: true });
    desk.meets(Msg::Scroll { down: false });
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Help { top: 3 })));
    assert_eq!(desk.model.cursor().at, 0);
    desk.presses(&["esc"]);
    desk.meets(Msg::Scroll { down: true });
    assert_eq!(desk.model.cursor().at, 3);
}

#[test]
fn a_click_in_the_palette_is_the_palettes() {
    let mut desk = before_many_jobs();
    desk.presses(&[":"]);
    desk.types("agents");
    desk.meets(Msg::Click { hit: Hit::Tab(0), twice: false });
    assert_eq!(*desk.model.screen(), Screen::Jobs);
    desk.meets(Msg::Click { hit: Hit::Found(0), twice: false });
    assert_eq!(*desk.model.screen(), Screen::Agents);
}
