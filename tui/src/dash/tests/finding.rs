//! Filters, views, sorting, searching in an answer, the palette with something behind a word, other daemons.

use super::{Desk, job_head};
use crate::dash::contexts::{Contexts, Written};
use crate::dash::link::Link;
use crate::dash::model::Pane;
use crate::dash::overlay::Overlay;
use crate::dash::screen::Screen;
use crate::dash::state::Slot;
use crate::dash::theme::{Palette, Tone};
use crate::dash::views::Finding;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::listing::{Direction, SortBy};
use std::collections::BTreeMap;

fn before_the_jobs() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.jobs[0].label = Some("month end".to_owned());
    desk.presses(&["2"]);
    desk
}

fn filters(desk: &mut Desk, text: &str) {
    desk.presses(&["\\", "/"]);
    desk.types(text);
    desk.presses(&["enter"]);
}

fn typed(desk: &Desk) -> String {
    match desk.model.overlays.last() {
        Some(Overlay::Filter { input, .. } | Overlay::Palette { input, .. }) => input.value().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn filters_of_before_come_back_and_what_was_typed_is_not_lost() {
    let mut desk = before_the_jobs();
    filters(&mut desk, "state:open");
    filters(&mut desk, "state:failed");
    desk.presses(&["\\", "/"]);
    desk.types("age>1h");
    desk.presses(&["up"]);
    assert_eq!(typed(&desk), "state:failed");
    desk.presses(&["up", "up"]);
    assert_eq!(typed(&desk), "state:open", "there is none before it");
    desk.presses(&["down", "down"]);
    assert_eq!(typed(&desk), "age>1h");
    let (slot, text) = desk.kept.last().expect("it is kept").clone();
    assert_eq!(slot, Slot::Finding);
    assert_eq!(Finding::read(&text.expect("a text")), desk.model.finding);
}

#[test]
fn what_the_daemon_knows_is_completed_as_a_ghost() {
    let mut desk = before_the_jobs();
    desk.presses(&["/"]);
    desk.types("agent:gis");
    desk.sees("agent:gist");
    assert_eq!(typed(&desk), "agent:gis");
    desk.presses(&["right"]);
    assert_eq!(typed(&desk), "agent:gist");
    desk.types(" label:");
    desk.sees("label:\"month end\"");
    desk.presses(&["tab", "enter"]);
    assert_eq!(desk.model.filter_text, "agent:gist label:\"month end\"");
}

#[test]
fn the_sort_goes_through_the_indexed_columns_and_the_heading_tells() {
    let mut desk = before_the_jobs();
    filters(&mut desk, "state:open");
    desk.presses(&["ctrl-s", "ctrl-s", "alt-s"]);
    let sort = desk.model.filter.sort;
    assert_eq!((sort.by, sort.direction), (SortBy::Posted, Direction::Ascending));
    desk.sees("by posted, lowest first");
    assert_eq!(desk.model.filter_text, "state:open sort:-posted", "so it goes into a view, too");
    desk.presses(&["ctrl-s", "ctrl-s", "ctrl-s", "ctrl-s"]);
    assert_eq!(desk.model.filter_text, "state:open");
}

#[test]
fn a_view_is_saved_shown_and_forgotten() {
    let mut desk = before_the_jobs();
    filters(&mut desk, "state:open sort:deadline");
    desk.presses(&[":"]);
    desk.types("save urgent");
    desk.presses(&["enter", "\\", "1", ":"]);
    desk.types("view ur");
    desk.sees("state:open sort:deadline");
    desk.presses(&["enter"]);
    assert_eq!(
        (desk.model.screen(), desk.model.filter_text.as_str()),
        (&Screen::Jobs, "state:open sort:deadline")
    );
    desk.presses(&[":"]);
    desk.types("forget urgent");
    desk.presses(&["enter", ":"]);
    desk.types("view ");
    desk.sees("nothing fits");
}

#[test]
fn the_palette_takes_what_stands_behind_a_word() {
    let mut desk = before_the_jobs();
    let mut palette = |text: &str| {
        desk.presses(&[":"]);
        desk.types(text);
        desk.presses(&["enter"]);
        desk.model.screen().clone()
    };
    assert_eq!(palette("job 6"), Screen::Job(JobId(6)));
    assert_eq!(palette("agent @gis"), Screen::Agent("@gist".parse().expect("a name")));
    assert_eq!(palette("filter state:failed"), Screen::Jobs);
    assert_eq!(desk.model.filter_text, "state:failed");
    desk.presses(&[":"]);
    desk.types("job x\u{1b}[2J");
    desk.sees("a number is wanted, such as 17");
    desk.presses(&["enter"]);
    assert_eq!(*desk.model.screen(), Screen::Jobs);
    desk.presses(&[":"]);
    desk.types("forg");
    desk.presses(&["enter"]);
    assert_eq!(typed(&desk), "forget ", "a verb wants something behind it");
}

#[test]
fn a_search_in_an_answer_goes_on_and_marks_what_it_found() {
    let mut desk = Desk::new(120, 36);
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["/"]);
    desk.sees("Find in the answer");
    desk.types("MARKET");
    desk.presses(&["enter"]);
    assert_eq!(desk.model.pane, Pane::Answer);
    let first = desk.model.cursor().at;
    desk.presses(&["."]);
    let second = desk.model.cursor().at;
    assert!(second > first, "{first} {second}");
    desk.presses(&["."]);
    assert_eq!(desk.model.cursor().at, first, "around the end");
    desk.presses(&[","]);
    assert_eq!(desk.model.cursor().at, second);
    let style = desk.model.theme.style(Tone::Found);
    let buffer = desk.buffer();
    let marked = buffer
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(style.add_modifier) && cell.symbol() != " ")
        .count();
    assert_eq!(marked, "market".len() * 2, "{}", desk.text());
    desk.presses(&["/"]);
    desk.presses(&["backspace"; 6]);
    desk.types("nowhere");
    desk.presses(&["enter"]);
    desk.sees("it is not in the answer");
    desk.presses(&["esc"]);
    assert!(desk.model.search.is_empty() && *desk.model.screen() == Screen::Job(JobId(6)));
}

fn contexts() -> Contexts {
    let written: BTreeMap<String, Written> = toml::from_str(
        "[hall]\nserver = \"hall.example\"\nread_only = true\ntheme = \"light\"\n[own]\nsocket = \"/run/own.sock\"",
    )
    .expect("it reads");
    Contexts::new(written, None).expect("they lead somewhere")
}

#[test]
fn another_daemon_without_leaving() {
    let mut desk = before_the_jobs();
    desk.model.contexts = contexts();
    desk.presses(&["space", "x", "tab", "enter", ":"]);
    assert!(desk.deeds.is_empty(), "it waits for its undo");
    desk.types("ctx ");
    desk.sees("hall.example, read-only");
    desk.presses(&["enter"]);
    assert_eq!(desk.deeds.len(), 1, "what was ordered there is sent there");
    assert_eq!(desk.model.endpoint, "/run/other.sock");
    assert!(matches!(desk.model.link, Link::Connecting { .. }));
    assert!(desk.model.data.jobs.rows.is_empty() && desk.model.marks.is_empty());
    assert_eq!((desk.model.read_only, desk.model.theme.palette), (true, Palette::Light));
    desk.connects();
    desk.sees("hall: read-only ada (operator)");
    desk.presses(&["x"]);
    desk.sees("the dashboard is read-only");
    desk.loses();
    desk.sees("hall: read-only stale 0 s");
    desk.presses(&[":"]);
    desk.types("ctx own");
    desk.presses(&["enter"]);
    assert!(!desk.model.read_only, "that was the context's word alone");
    assert_eq!(desk.model.theme.palette, Palette::Dark, "and so were the colors");
    desk.presses(&[":"]);
    desk.types("ctx def");
    desk.sees("the daemon of the command line");
    desk.presses(&["enter"]);
    assert_eq!(desk.model.contexts.current, None);
}
