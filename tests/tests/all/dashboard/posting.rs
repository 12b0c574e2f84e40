//! A job from its form to its answer, without leaving the dashboard.

use crate::place::Place;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

#[tokio::test]
async fn a_job_is_written_looked_at_posted_and_done() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!({"pages": 412}))).await;
    place.hire(&agent, "@ada", "Counts pages of almanacs.").await;
    place.until_agent("ada", AgentState::Active).await;
    let mut terminal = place.live_dashboard().await;
    terminal.presses("N");
    terminal.until_sees("Post a job").await;

    // What is wrong is said before anything is sent.
    terminal.presses("ctrl-s");
    terminal.until_sees("is empty: say what you want done").await;
    terminal.types("Count the pages of the almanac.");
    terminal.until_sees("Count the pages of the almanac.").await;
    terminal.presses("ctrl-s");

    // Its page opens; the answer comes, is read beside what was asked, and is accepted.
    let job = JobId(1);
    terminal.until_sees(&format!("{job} client reviews")).await;
    terminal.presses("tab");
    terminal.presses("tab");
    terminal.until_sees("\"pages\": 412").await;
    terminal.presses("tab");
    terminal.until_sees("\"Count the pages of the almanac.\"").await;
    terminal.presses("a");
    terminal.until_sees("Completes with this answer").await;
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    let story = place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed));
    let draft = story.draft.head.unwrap_or_default();
    assert!(draft.contains("Count the pages of the almanac."), "{draft}");
    terminal.until_sees(&format!("{job} completed")).await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}
