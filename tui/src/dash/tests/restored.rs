//! What the next start begins with.

use super::{Desk, NOW, job_head};
use crate::dash::model::{Model, Times};
use crate::dash::place::Place;
use crate::dash::screen::Screen;
use crate::dash::state::Slot;
use crate::dash::theme::{Palette, Theme};
use guildhall_protocol::ids::JobId;

fn started_again(endpoint: &str, kept: &str) -> Model {
    let theme = Theme { palette: Palette::Dark, ascii: false };
    let mut model = Model::new(endpoint.to_owned(), theme, (80, 24), NOW);
    Place::read(kept).restore(&mut model);
    model
}

fn left() -> (String, String) {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2", "/"]);
    desk.types("state:open");
    desk.presses(&["enter", "ctrl-s", "enter", "T", "T", "f2"]);
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(40)));
    desk.presses(&["q"]);
    let (slot, text) = desk.kept.last().expect("it is kept").clone();
    assert_eq!(slot, Slot::Place);
    (desk.model.endpoint.clone(), text.expect("a text"))
}

#[test]
fn who_comes_back_is_where_they_left() {
    let (endpoint, kept) = left();
    let mut model = started_again(&endpoint, &kept);
    assert_eq!(*model.screen(), Screen::Job(JobId(40)));
    assert_eq!((model.filter_text.as_str(), model.times), ("state:open sort:changed", Times::Utc));
    assert_eq!(model.theme.palette, Palette::Light);
    model.trail.back();
    assert_eq!(*model.screen(), Screen::Jobs, "and the way back leads to its list");
}

#[test]
fn before_another_daemon_only_habits_are_the_same() {
    let (_, kept) = left();
    let model = started_again("/run/other.sock", &kept);
    assert_eq!((model.screen(), model.filter_text.as_str()), (&Screen::Overview, ""));
    assert_eq!(model.times, Times::Utc);
}

#[test]
fn what_was_kept_badly_begins_afresh() {
    for nonsense in ["", "{}", "[1]", "{\"screen\":\"job -1\",\"filter\":\"\\\"\"}", &"{".repeat(1_000_000)] {
        let model = started_again("/run/guildhall/guildhalld.sock", nonsense);
        assert_eq!((model.screen(), model.filter_text.as_str()), (&Screen::Overview, ""));
    }
}
