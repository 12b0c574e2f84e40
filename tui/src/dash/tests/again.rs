//! A job that ended is posted again, changed where a person wants it.

use super::{Desk, posted};
use crate::dash::form::Form;
use crate::dash::msg::{Effect, Msg, Outcome};
use crate::dash::need::Need;
use crate::dash::overlay::{Deed, Overlay};
use crate::dash::screen::Screen;
use crate::dash::state::{DraftOf, Slot};
use crate::dash::update::update;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::view::Posted;

fn form(desk: &Desk) -> &Form {
    match desk.model.overlays.last() {
        Some(Overlay::Form(form)) => form,
        other => panic!("no form: {other:?}"),
    }
}

fn draft_that_is_posted(desk: &Desk) -> &JobDraft {
    let Some((_, Deed::Post { draft, .. })) = desk.deeds.last() else { panic!("{:?}", desk.deeds) };
    draft
}

/// Before a job that ended.
fn before_it() -> Desk {
    let mut desk = Desk::new(120, 36);
    desk.goes(Screen::Job(JobId(6)));
    desk
}

#[test]
fn the_form_begins_with_the_job_as_it_was_posted() {
    let mut desk = before_it();
    desk.presses(&["o"]);
    desk.sees("Post #6 again");
    desk.sees("Of all chapters.");
    desk.presses(&["ctrl-s"]);
    let again = JobDraft { deadline: None, derived_from: Some(JobId(6)), ..posted() };
    assert_eq!(*draft_that_is_posted(&desk), again, "the day that is over is not kept");
    let number = desk.deeds[0].0;
    desk.meets(Msg::Done { number, outcome: Outcome::Posted(Ok(Posted { id: JobId(7), repeated: false })) });
    assert_eq!(*desk.model.screen(), Screen::Job(JobId(7)));
    desk.sees("Post #6 again: #7 is posted");
}

#[test]
fn what_was_wrong_goes_to_the_first_attempt() {
    let mut desk = before_it();
    desk.presses(&["o", "tab"]);
    desk.sees("What was wrong");
    desk.types("Two chapters are missing.");
    desk.presses(&["ctrl-s"]);
    let draft = draft_that_is_posted(&desk);
    assert_eq!(draft.correction.as_deref(), Some("Two chapters are missing."));
    assert_eq!((draft.brief.clone(), draft.derived_from), (posted().brief, Some(JobId(6))));
}

#[test]
fn each_job_has_its_own_draft() {
    let mut desk = before_it();
    desk.presses(&["o"]);
    desk.types(" Again.");
    desk.presses(&["esc"]);
    let slot = Slot::Draft { endpoint: desk.model.endpoint.clone(), of: DraftOf::Again(JobId(6)) };
    assert!(desk.kept.iter().any(|(other, text)| *other == slot && text.is_some()));
    desk.presses(&["N"]);
    assert!(form(&desk).fields[0].is_blank(), "a new job is another draft");
    desk.presses(&["esc", "o"]);
    assert!(form(&desk).text("brief").ends_with("chapters. Again."), "{}", form(&desk).text("brief"));
    desk.sees("this is your draft of before");
    desk.presses(&["ctrl-s"]);
    assert_eq!(draft_that_is_posted(&desk).derived_from, Some(JobId(6)));
}

#[test]
fn from_the_list_the_job_is_read_before() {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["2"]);
    while desk.model.chosen_jobs().first().is_none_or(|head| head.id != JobId(6)) {
        desk.presses(&["j"]);
    }
    desk.presses(&["o"]);
    desk.meets(Msg::Tick);
    assert!(form(&desk).text("brief").starts_with("Count"));
    desk.presses(&["esc"]);
    assert!(desk.model.overlays.is_empty() && desk.kept.is_empty(), "nothing was written");
}

#[test]
fn many_jobs_have_no_form() {
    let mut desk = Desk::new(120, 36);
    desk.presses(&["2", "space", "space", "o"]);
    assert!(desk.model.overlays.is_empty());
    desk.sees("its form is about one job");
}

#[test]
fn a_job_that_goes_on_is_not_posted_again() {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, super::job_head(40));
    desk.presses(&["2", "o"]);
    assert!(desk.model.overlays.is_empty(), "{}", desk.text());
}

#[test]
fn a_job_whose_texts_are_forgotten_says_so_and_sends_nothing() {
    let mut desk = before_it();
    let now = desk.model.now;
    let effects = update(&mut desk.model, now, Msg::Key(crossterm::event::KeyCode::Char('o').into()));
    let need = effects.into_iter().find_map(|effect| {
        let Effect::Read(need) = effect else { return None };
        matches!(need, Need::Draft(..)).then_some(need)
    });
    desk.sees("reading what it begins with ...");
    let gone = ApiError::new(ErrorKind::NotFound, "there is no text any more: it was forgotten");
    desk.meets(Msg::Read(need.expect("it is asked for"), Err(gone)));
    desk.sees("what it begins with cannot be read: there is no text any more: it was forgotten");
    desk.presses(&["ctrl-s"]);
    desk.sees("what it begins with is not read yet");
    assert!(desk.deeds.is_empty());
}
