//! Texts of clients and agents that want to do something to the terminal.

use crate::cast::number_from;
use crate::place::Place;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

/// Clears the screen, names the window, asks for the terminal's name, turns the writing around, and joins letters.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[c\u{9b}31m\u{202e}evil\u{200b}\u{2066}e\u{301}👩\u{200d}🔬";

#[tokio::test]
async fn no_text_does_anything_to_the_terminal() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| {
        let long = format!("{HOSTILE} {}", "lorem ipsum ".repeat(80_000));
        Answer::Output(json!({"text": long, HOSTILE: [HOSTILE, 1]}))
    })
    .await;
    place.hire(&agent, "@ada", "Says what it likes.").await;
    let brief = format!("First {HOSTILE} last");
    let draft =
        JobDraft { brief, criteria: Vec::new(), label: Some(HOSTILE.to_owned()), ..number_from(&["ada"]) };
    let draft_of_plain_label = JobDraft { label: None, ..draft.clone() };
    // A label may be refused for what it holds; then the brief alone is hostile.
    let job = match place.post(draft).await {
        Ok(job) => job,
        Err(_) => place.post(draft_of_plain_label).await.expect("it is posted"),
    };
    place.until(job, |state| matches!(state, JobState::InReview(_))).await;
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("First").await;
    terminal.presses("enter");
    terminal.until_sees("History").await;
    for _ in 0..5 {
        terminal.presses("tab");
        terminal.until_painted().await;
    }
    terminal.presses("tab");
    terminal.presses("tab");
    terminal.until_sees("lorem ipsum").await;
    for view in ["5", "6", "1"] {
        terminal.presses(view);
        terminal.until_painted().await;
    }
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
    let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    for harm in ["\u{1b}]0;owned", "\u{1b}[c", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{7}owned"] {
        assert!(!bytes.contains(harm), "{} came through", harm.escape_debug());
    }
    // The screen is cleared for the first picture, and never by a text.
    assert_eq!(bytes.matches("\u{1b}[2J").count(), 1);
}
