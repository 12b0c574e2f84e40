//! The page of a job: what was asked, each answer, complaints, and what there is before anything happened.

use super::{Desk, job_head};
use crate::dash::model::Pane;
use crate::dash::screen::Screen;
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::ids::{AttemptNumber, JobId};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::AppealView;

/// Before a job with three attempts, each with an answer.
fn before_the_job(width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(width, height);
    desk.goes(Screen::Job(JobId(6)));
    desk
}

#[test]
fn what_was_asked_is_one_key_from_the_answer_and_beside_it_where_there_is_room() {
    let mut desk = before_the_job(80, 24);
    desk.presses(&["tab", "tab", "tab"]);
    assert_eq!(desk.model.pane, Pane::Asked);
    desk.sees("\"brief\": \"Extract the most important keywords of this text.\"");
    desk.presses(&["G"]);
    desk.sees("\"review\": \"on_abstain\"");
    desk.presses(&["/"]);
    desk.types("low tide");
    desk.presses(&["enter"]);
    desk.sees("/input/text");
    assert_eq!(desk.model.pane, Pane::Asked, "what is shown is searched");
    let mut desk = before_the_job(200, 60);
    desk.presses(&["tab", "tab"]);
    desk.sees("\"keywords\": [");
    desk.sees("output.keywords.exists(word, word == 'lighthouse')");
    desk.sees("the rock in summer.\"");
}

#[test]
fn a_long_answer_is_read_to_its_end_and_copied_whole() {
    let mut desk = Desk::new(80, 24);
    let text = (0..1_000).map(|number| format!("word{number}")).collect::<Vec<_>>().join(" ");
    desk.answer = format!("{{\"text\":\"{text}\",\"after\":true}}");
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["tab", "tab"]);
    desk.sees("word0 word1");
    desk.presses(&["G"]);
    desk.sees("word999\"");
    desk.presses(&["k", "k", "Y", "i"]);
    assert_eq!(desk.copied, [text, "/text".to_owned()]);
    desk.presses(&["enter"]);
    desk.sees("lines more");
    desk.sees("\"after\": true");
    desk.presses(&["enter", "/"]);
    desk.types("word500");
    desk.presses(&["enter"]);
    desk.sees("word500");
    // What is no JSON is broken, too.
    let mut desk = Desk::new(40, 8);
    desk.answer = format!("{} the end", "long ".repeat(100));
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["tab", "tab", "G"]);
    desk.sees("the end");
}

#[test]
fn a_megabyte_in_one_word_is_broken_once() {
    let mut desk = Desk::new(80, 24);
    desk.answer = format!("{{\"text\":\"{}z\"}}", "ab\u{301}\u{202e}".repeat(250_000));
    desk.goes(Screen::Job(JobId(6)));
    desk.presses(&["tab", "tab", "G"]);
    desk.sees("z\"");
    desk.presses(&["g", "Y"]);
    assert_eq!(desk.copied.len(), 1);
}

#[test]
fn the_answer_of_each_attempt_can_be_seen() {
    let mut desk = before_the_job(80, 24);
    desk.presses(&["G", "enter"]);
    desk.sees("Answer of #6.1 @hasty, failed");
    desk.presses(&[">"]);
    desk.sees("Answer of #6.2 @hasty, failed, repair");
    desk.presses(&[">"]);
    desk.sees("Answer of #6.3 @lexis, passed");
    desk.presses(&[">", "<"]);
    desk.sees("Answer of #6.3");
    let mut read = desk.asked_bodies.clone();
    read.dedup();
    assert_eq!(read.len(), 4, "each was read once, and what was asked: {read:?}");
    let mut desk = before_the_job(40, 8);
    desk.presses(&["<"]);
    desk.sees("Answer #6.3");
}

/// An owner says that the first answer was failed wrongly.
fn contested(desk: &mut Desk) {
    desk.appeals = vec![AppealView {
        job: JobId(6),
        attempt: AttemptNumber(1),
        kind: AppealKind::Contest,
        made_at: Timestamp(super::NOW.0 - 5_000),
        text: Some("the schema was not\u{1b}[2J sent".to_owned()),
        upheld: None,
    }];
}

#[test]
fn an_open_contest_stands_on_the_page_of_its_job() {
    let mut desk = Desk::new(80, 24);
    contested(&mut desk);
    desk.goes(Screen::Job(JobId(6)));
    desk.sees("a contest about #6.1 is open: the schema was not[2J sent");
    desk.appeals[0].upheld = Some(false);
    desk.presses(&["r"]);
    assert!(!desk.text().contains("is open"), "{}", desk.text());
    // Where there is one line about the job, it is that.
    let mut desk = Desk::new(60, 8);
    contested(&mut desk);
    desk.goes(Screen::Job(JobId(6)));
    desk.sees("a contest about #6.1 is open");
}

#[test]
fn a_contest_is_decided_from_the_inbox_and_its_answer_is_the_one_that_is_seen() {
    let mut desk = Desk::new(120, 36);
    contested(&mut desk);
    desk.presses(&["4", "G"]);
    desk.sees("#6.1 contest");
    desk.sees("U uphold");
    desk.presses(&["U"]);
    desk.sees("uphold #6 Extract");
    let Some(crate::dash::overlay::Overlay::Confirm(confirm)) = desk.model.overlays.last() else {
        panic!("it asks")
    };
    let crate::dash::overlay::Deed::Jobs { jobs, order } = &confirm.deed else { panic!("{confirm:?}") };
    assert_eq!((jobs[0].job, order.action), (JobId(6), JobAction::Uphold));
    desk.presses(&["esc", "enter", "tab", "tab"]);
    desk.sees("Answer of #6.1 @hasty, failed");
}

/// A job that no agent has tried, in this state.
fn before_an_untried_job(state: JobState) -> Desk {
    let mut desk = Desk::new(80, 24);
    desk.jobs.insert(0, job_head(40));
    desk.jobs[0].state = state.into();
    if state.is_terminal() {
        (desk.jobs[0].due_at, desk.jobs[0].changed_at) = (None, super::NOW);
    }
    desk.untried = true;
    desk.goes(Screen::Job(JobId(40)));
    desk
}

#[test]
fn a_job_that_nobody_tried_has_a_picture_and_says_why() {
    let mut desk = before_an_untried_job(JobState::Open);
    desk.sees("queue              ░░░░");
    desk.sees("1m 30s");
    desk.sees("no agent has tried it yet");
    desk.presses(&["tab"]);
    desk.sees("nobody was chosen yet");
    let mut desk = before_an_untried_job(JobState::Canceled);
    desk.sees("it was called off before any agent tried it");
    desk.presses(&["tab"]);
    desk.sees("it ended before anybody was chosen");
}

#[test]
fn without_a_daemon_a_job_shows_what_the_list_told_of_it() {
    let mut desk = Desk::new(80, 24);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2"]);
    desk.loses();
    desk.presses(&["enter"]);
    desk.sees("#40 open  Count the words of chapter 40");
    desk.sees("client 1  posted 1m");
    desk.sees("the rest of it cannot be read without a daemon");
}
