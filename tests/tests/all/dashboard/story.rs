//! What an operator does in a day, from an empty terminal to a dispute that is decided.

use crate::cast::{is, number_from};
use crate::place::Place;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

/// An agent that says how many findings it got, plus one.
async fn hired(place: &Place) -> FakeAgent {
    let agent = FakeAgent::start(|delivery| {
        let findings = delivery.data["findings"].as_array().map_or(0, Vec::len);
        Answer::Output(json!({"number": findings + 1, "note": "counted by hand"}))
    })
    .await;
    place.hire(&agent, "@ada", "Says a number.").await;
    agent
}

fn reviewed(brief: &str) -> JobDraft {
    let usual = number_from(&["ada"]);
    JobDraft { brief: brief.to_owned(), criteria: Vec::new(), review: Review::Always, ..usual }
}

async fn in_review(place: &Place, brief: &str) -> JobId {
    let job = place.post(reviewed(brief)).await.expect("it is posted");
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    job
}

#[tokio::test]
async fn from_an_empty_terminal_to_a_dispute_that_is_decided() {
    let mut place = Place::open().await;
    let agent = hired(&place).await;
    place.stop().await;

    // The dashboard is there before its daemon is, says so, and finds it.
    let mut terminal = place.dashboard();
    terminal.until_sees("no daemon answers at").await;
    terminal.until_sees("retry in").await;
    place.start().await;
    terminal.until_sees("live").await;

    // Jobs arrive while the list is open.
    terminal.presses("2");
    terminal.until_sees("there are no jobs yet").await;
    let job = in_review(&place, "Count the pages of the almanac.").await;
    in_review(&place, "Count the plates of the atlas.").await;
    terminal.until_sees("Count the pages of the almanac.").await;
    terminal.until_sees("Count the plates of the atlas.").await;

    // A job has its parts.
    terminal.presses("j");
    terminal.presses("enter");
    terminal.until_sees("@ada").await;
    for (part, told) in [
        ("Pick", "@ada"),
        ("Answer", "counted by hand"),
        ("Asked", "\"count the pages of the almanac.\""),
        ("History", "posted"),
    ] {
        terminal.presses("tab");
        terminal.until(part, |screen| screen.to_lowercase().contains(told)).await;
    }

    // Its client disputes; the inbox shows it, and nobody had to look for it.
    let number = job.0.to_string();
    terminal.until_sees(&format!("{job} client reviews")).await;
    terminal.presses("D");
    terminal.until_sees("An operator decides about the answer.").await;
    terminal.types("It is too small.");
    terminal.presses("tab");
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    terminal.presses("4");
    terminal.until_sees("You are asked (1)").await;
    terminal.until_sees("An operator decides (1)").await;

    // The operator reads why, and the answer.
    terminal.presses("G");
    terminal.presses("enter");
    terminal.until_sees(&format!("{job} to be decided")).await;
    terminal.until_sees("It is too small.").await;
    terminal.presses("backtab");
    terminal.presses("backtab");
    terminal.until_sees("counted by hand").await;
    terminal.presses("tab");
    terminal.presses("tab");
    terminal.until_sees("It is too small.").await;

    // Another attempt is asked for, with a reason; it can be taken back for five seconds, and then it is done.
    terminal.presses("A");
    terminal.until_sees("Request changes").await;
    terminal.types("Count the plates, too.");
    terminal.presses("tab");
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    let story = place.until_story(job, |story| story.attempts.len() == 2).await;
    let told = |what: &What| matches!(what, What::Disputed { .. });
    assert_eq!(story.events.iter().filter(|event| told(&event.what)).count(), 1);
    let newest = agent.assigned().pop().expect("it got it again");
    assert!(newest.data["findings"].to_string().contains("Count the plates, too."), "{:?}", newest.data);

    // The better answer is accepted.
    place.until(job, is(JobState::InReview(Reviewer::Client))).await;
    terminal.until_sees("client reviews").await;
    terminal.presses("a");
    terminal.until_sees("Completes with this answer").await;
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    place.until(job, is(JobState::Completed)).await;
    terminal.until(&format!("job {number} is completed"), |screen| screen.contains("completed")).await;

    // What happened stands in the history, and what was ordered from here in its own log.
    terminal.until_sees("Count the plates, too.").await;
    terminal.presses("L");
    terminal.until_sees("What was ordered from here").await;
    terminal.until_sees(&format!("Request changes {job}")).await;
    terminal.until_sees(&format!("Accept {job}")).await;
    terminal.presses("esc");
    terminal.until_misses("What was ordered from here").await;

    // All of it passed by in the feed.
    terminal.presses("5");
    terminal.until_sees("disputed").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    terminal.until_given_back().await;
}

#[tokio::test]
async fn a_cancel_is_taken_back() {
    let place = Place::open().await;
    let _agent = hired(&place).await;
    let job = in_review(&place, "Count the pages of the almanac.").await;
    let mut terminal = place.live_dashboard().await;
    terminal.presses("2");
    terminal.until_sees("Count the pages").await;
    terminal.presses("x");
    terminal.until_sees("Ends for good").await;

    // The question begins on "no": whoever presses enter without reading changes nothing.
    terminal.presses("enter");
    terminal.until_misses("Ends for good").await;
    terminal.presses("x");
    terminal.until_sees("Ends for good").await;
    terminal.presses("y");
    terminal.until_sees("u takes it back").await;
    terminal.presses("u");
    terminal.until_sees("taken back, nothing was done").await;
    terminal.presses("L");
    terminal.until_sees("What was ordered from here").await;
    terminal.presses("esc");
    terminal.until_misses("What was ordered from here").await;
    terminal.presses("q");
    assert_eq!(terminal.ends().await, 0);
    let story = place.until(job, |_| true).await;
    assert!(!story.events.iter().any(|event| matches!(event.what, What::Canceled { .. })), "{story:#?}");
}
