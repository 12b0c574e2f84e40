//! Every view in five sizes, with its styles; and every size without a panic.

use super::{Desk, a_notice};
use crate::dash::form::Form;
use crate::dash::model::PANES;
use crate::dash::overlay::Overlay;
use crate::dash::screen::{Screen, TABS};
use crate::dash::state::DraftOf;
use crate::dash::theme::Palette;
use guildhall_protocol::ids::{JobId, RequestId, UserId};
use tui_input::Input;

pub(super) const SIZES: [(u16, u16); 5] = [(200, 60), (120, 36), (80, 24), (60, 15), (40, 8)];

pub(super) fn screens() -> Vec<(&'static str, Screen)> {
    let agent = "@gist".parse().expect("a name");
    let names = ["overview", "jobs", "agents", "inbox", "events", "notices", "log", "people"];
    let mut screens: Vec<_> = names.into_iter().zip(TABS).collect();
    screens.extend([
        ("job", Screen::Job(JobId(6))),
        ("agent", Screen::Agent(agent)),
        ("notice", Screen::Notice(a_notice())),
        ("person", Screen::Person(UserId(1))),
    ]);
    screens
}

#[test]
fn every_view_in_five_sizes() {
    for (name, screen) in screens() {
        for (width, height) in SIZES {
            let mut desk = Desk::new(width, height);
            desk.goes(screen.clone());
            insta::assert_debug_snapshot!(format!("{name}_{width}x{height}"), desk.buffer());
        }
    }
}

#[test]
fn questions_help_and_palette() {
    for (width, height) in SIZES {
        for (name, keys) in [("question", "x"), ("palette", ":"), ("help", "?"), ("filter", "/")] {
            let mut desk = Desk::new(width, height);
            desk.jobs.insert(0, super::job_head(40));
            desk.presses(&["2", keys]);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), desk.text());
        }
    }
}

#[test]
fn every_form_in_five_sizes() {
    for (width, height) in SIZES {
        for (name, keys) in [
            ("form_job", ["2", "N"].as_slice()),
            ("form_job_wrong", &["2", "N", "ctrl-s"]),
            ("form_agent", &["3", "R"]),
            ("form_version", &["3", "V", "tab", "tab", "tab"]),
            ("form_look", &["2", "N", "x", "ctrl-p"]),
        ] {
            let mut desk = Desk::new(width, height);
            desk.presses(keys);
            insta::assert_debug_snapshot!(format!("{name}_{width}x{height}"), desk.buffer());
        }
    }
}

#[test]
fn every_part_of_a_job() {
    for pane in PANES {
        let mut desk = Desk::new(80, 24);
        desk.goes(Screen::Job(JobId(6)));
        desk.model.pane = pane;
        desk.goes(Screen::Job(JobId(6)));
        insta::assert_snapshot!(format!("job_{}", pane.title().to_lowercase()), desk.text());
    }
}

#[test]
fn no_size_is_too_small() {
    let request: RequestId = "desk.1".parse().expect("an id");
    let overlays = [
        None,
        Some(Overlay::Help { top: 3 }),
        Some(Overlay::Palette { input: Input::default(), at: 40 }),
        Some(Overlay::Filter {
            input: Input::new("日本語 state:".to_owned()),
            trouble: None,
            back: 0,
            typed: String::new(),
        }),
        Some(Overlay::Leave),
        Some(Overlay::Actions { at: 9 }),
        Some(Overlay::Form(Box::new(Form::new(DraftOf::Job, request.clone())))),
        Some(Overlay::Form(Box::new(Form::new(DraftOf::Agent, request)))),
        Some(Overlay::Told { title: "Told".to_owned(), lines: vec!["one".to_owned(); 9], top: 40 }),
    ];
    for (place, (_, screen)) in screens().into_iter().enumerate() {
        let mut desk = Desk::new(80, 24);
        desk.goes(screen);
        // What covers all of the screen is the same over each.
        let covers = |overlay: &&Option<Overlay>| matches!(overlay, Some(Overlay::Form(_)));
        for overlay in overlays.iter().filter(|overlay| place == 0 || !covers(overlay)) {
            desk.model.overlays = overlay.clone().into_iter().collect();
            for width in [1, 2, 3, 4, 5, 7, 11, 17, 25, 30, 31, 40, 59, 60, 79, 80, 109, 110, 160, 220] {
                for height in [1, 2, 3, 4, 5, 6, 8, 11, 14, 24, 70] {
                    desk.model.size = (width, height);
                    desk.buffer();
                }
            }
        }
    }
}

#[test]
fn letters_of_ascii_alone() {
    for (_, screen) in screens() {
        let panes = if matches!(screen, Screen::Job(_)) { PANES.as_slice() } else { &PANES[..1] };
        for ((width, height), pane) in
            SIZES.into_iter().flat_map(|size| panes.iter().map(move |pane| (size, pane)))
        {
            let mut desk = Desk::new(width, height);
            desk.model.theme.ascii = true;
            desk.model.pane = *pane;
            desk.goes(screen.clone());
            // What others wrote stays as they wrote it; none of these letters is in a sign or a sentence of ours.
            let foreign = "°é";
            let shown = desk.text();
            let odd: String =
                shown.chars().filter(|letter| !letter.is_ascii() && !foreign.contains(*letter)).collect();
            assert_eq!(odd, "", "{screen:?} {pane:?} {width}x{height}\n{shown}");
        }
    }
}

#[test]
fn a_finding_has_its_sign_in_ascii() {
    let mut desk = Desk::new(80, 24);
    desk.model.theme.ascii = true;
    desk.goes(Screen::Job(JobId(6)));
    desk.sees("+ the agent's output schema");
    desk.sees("x the agent's output schema: /keywords: expected array");
    desk.model.pane = crate::dash::model::Pane::History;
    desk.goes(Screen::Job(JobId(6)));
    desk.sees("x the agent's output schema: /keywords: expected array");
}

#[test]
fn without_colors_the_chosen_row_is_there() {
    let mut desk = Desk::new(80, 24);
    desk.model.theme.palette = Palette::Plain;
    desk.goes(Screen::Jobs);
    let buffer = desk.buffer();
    let reversed =
        |y: u16| (0..80).all(|x| buffer[(x, y)].modifier.contains(ratatui::style::Modifier::REVERSED));
    assert!(reversed(3), "{}", desk.text());
    assert!(buffer.content.iter().all(|cell| cell.fg == ratatui::style::Color::Reset));
}
