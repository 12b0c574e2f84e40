//! The mouse means what lies on top.

use super::{Desk, job_head};
use crate::dash::action::Act;
use crate::dash::msg::{Hit, Msg};
use crate::dash::overlay::Overlay;
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;

fn before_jobs() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs = (1..=100).rev().map(job_head).collect();
    desk.presses(&["2"]);
    desk
}

fn clicks(desk: &mut Desk, hit: Hit) {
    desk.meets(Msg::Click { hit, twice: false });
}

#[test]
fn a_click_beside_a_question_does_nothing() {
    let mut desk = before_jobs();
    desk.presses(&["x"]);
    for hit in [Hit::Tab(2), Hit::Act(Act::Job(JobAction::Retry)), Hit::Row(Row::Job(JobId(90)))] {
        clicks(&mut desk, hit);
        assert_eq!((desk.model.screen(), desk.model.overlays.len()), (&Screen::Jobs, 1));
    }
    assert_eq!(desk.model.chosen_row(), Some(Row::Job(JobId(100))));
    desk.sees("Cancel #100");
    desk.presses(&["esc"]);
    clicks(&mut desk, Hit::Tab(2));
    assert_eq!(*desk.model.screen(), Screen::Agents);
}

#[test]
fn the_wheel_moves_what_lies_on_top() {
    let mut desk = before_jobs();
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
    let mut desk = before_jobs();
    desk.presses(&[":"]);
    desk.types("agents");
    clicks(&mut desk, Hit::Tab(0));
    assert_eq!(*desk.model.screen(), Screen::Jobs);
    clicks(&mut desk, Hit::Found(0));
    assert_eq!(*desk.model.screen(), Screen::Agents);
}
