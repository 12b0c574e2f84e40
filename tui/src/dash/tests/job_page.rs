//! The page of a job: what was asked, each answer, complaints, and what there is before anything happened.

use super::Desk;
use crate::dash::model::Pane;
use crate::dash::screen::Screen;
use guildhall_protocol::ids::JobId;

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
    desk.sees("Answer .3");
}
