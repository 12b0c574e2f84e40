//! What is offered can be done; what cannot says why.

use super::Desk;
use super::pictures::screens;
use crate::dash::action::{Act, ENTRIES};
use crate::dash::enabled::{Now, now};
use crate::dash::model::Pane;
use crate::dash::screen::Screen;
use crate::dash::view::job;
use guildhall_protocol::ids::{AgentId, JobId};

fn of(desk: &Desk, act: Act) -> Now {
    let entry = ENTRIES.iter().find(|entry| entry.act == act).expect("it is there");
    now(&desk.model, entry)
}

fn no(why: &str) -> Now {
    Now::No(why.to_owned())
}

#[test]
fn back_and_forward_are_offered_where_there_is_a_way() {
    let mut desk = Desk::new(120, 36);
    assert_eq!(of(&desk, Act::Back), no("this is where you began"));
    assert_eq!(of(&desk, Act::Forward), no("nothing lies ahead"));
    assert!(!desk.text().contains("back"), "{}", desk.text());
    desk.presses(&["["]);
    desk.sees("back: this is where you began");
    desk.presses(&["2"]);
    assert_eq!((of(&desk, Act::Back), of(&desk, Act::Forward)), (Now::Yes, no("nothing lies ahead")));
    desk.presses(&["["]);
    assert_eq!((of(&desk, Act::Back), of(&desk, Act::Forward)), (no("this is where you began"), Now::Yes));
    desk.presses(&["]"]);
    assert_eq!(*desk.model.screen(), Screen::Jobs);
}

/// What opening something changes.
fn shown(desk: &Desk) -> (Screen, String, Pane, usize, Option<usize>) {
    let model = &desk.model;
    let rows = job::tree(model).map(|tree| tree.rows().len());
    (model.screen().clone(), model.filter_text.clone(), model.pane, model.overlays.len(), rows)
}

#[test]
fn what_is_offered_does_something_in_every_row_of_every_view() {
    for (name, screen) in screens() {
        let mut desk = Desk::new(80, 24);
        desk.goes(screen.clone());
        for _ in 0..40 {
            let before = desk.copied.len();
            for (act, key) in [(Act::CopyId, "i"), (Act::CopyCommand, "y")] {
                let (can, copied) = (of(&desk, act), desk.copied.len());
                desk.presses(&[key]);
                assert_eq!(can == Now::Yes, desk.copied.len() > copied, "{name}: {key} is {can:?}");
                assert!(can != Now::Absent, "{name}: {key} says nothing");
            }
            assert!(desk.copied[before..].iter().all(|text| !text.is_empty()), "{name}");
            let (can, cursor) = (of(&desk, Act::Open), desk.model.cursor());
            let (before, pane) = (shown(&desk), desk.model.pane);
            desk.presses(&["enter"]);
            let moved = shown(&desk) != before;
            assert_eq!(can == Now::Yes, moved, "{name}: open is {can:?} at {cursor:?}\n{}", desk.text());
            desk.model.filter_text.clear();
            desk.model.overlays.clear();
            desk.model.pane = pane;
            desk.model.trail = crate::dash::screen::Trail::at(screen.clone(), "");
            desk.presses(&["j"]);
        }
    }
}

#[test]
fn a_line_of_the_feed_about_nothing_that_can_be_shown_is_not_opened() {
    let mut desk = Desk::new(80, 24);
    desk.goes(Screen::Events);
    assert_eq!((of(&desk, Act::Open), of(&desk, Act::CopyCommand)), (Now::Yes, Now::Yes));
    for line in &mut desk.model.data.feed.lines {
        line.subject = guildhall_protocol::history::Subject::Agent(AgentId(1));
    }
    assert_eq!(of(&desk, Act::Open), no("nothing lies behind this line"));
    assert_eq!(of(&desk, Act::CopyCommand), no("no command shows it"));
    assert_eq!(of(&desk, Act::CopyId), Now::Yes);
}

#[test]
fn the_first_line_of_an_answer_has_no_path_and_its_job_is_copied() {
    let mut desk = Desk::new(80, 24);
    desk.goes(Screen::Job(JobId(6)));
    desk.model.pane = Pane::Answer;
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["i", "j", "i"]);
    assert_eq!(desk.copied, ["#6", "/keywords"]);
}

#[test]
fn a_job_that_was_opened_from_no_list_has_no_neighbors() {
    let mut desk = Desk::new(80, 24);
    desk.goes(Screen::Job(JobId(6)));
    assert_eq!(of(&desk, Act::NextJob), no("it was not opened from a list of jobs; 2 shows one"));
    desk.goes(Screen::Jobs);
    desk.goes(Screen::Job(desk.jobs[0].id));
    assert_eq!((of(&desk, Act::NextJob), of(&desk, Act::PreviousJob)), (Now::Yes, Now::Yes));
}
