//! `job watch`: what happens to a job, as it happens.

use super::{show, story};
use crate::fault::Fault;
use crate::session::{Session, clock, print};
use guildhall_protocol::history::Event;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::narrate::tell;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::JobStory;
use serde_json::json;

/// Tells what happens until the job ends or waits for a person, also when the daemon is started anew meanwhile.
pub(crate) async fn watch(session: &Session, job: JobId) -> Result<(), Fault> {
    let mut told = 0;
    loop {
        let story = session.patient(|| story(session, job)).await?;
        for event in story.events.iter().filter(|event| event.seq > told) {
            tell_event(session, &story, event)?;
        }
        told = story.events.last().map_or(told, |event| event.seq);
        if let Some(end) = ended(&story) {
            // Whoever decides about an answer has to see it.
            if matches!(end, Ok(()) | Err(Fault::WaitsForPerson(_))) && !session.json {
                print(&session.patient(|| show::answer_text(session, &story)).await?)?;
            }
            return end;
        }
        session.patient(|| session.wait(job, story.head.revision)).await?;
    }
}

fn tell_event(session: &Session, story: &JobStory, event: &Event) -> Result<(), Fault> {
    if session.json {
        return print(&format!("{}\n", json!({"job": story.head.id, "event": event})));
    }
    let Some(told) = tell(story, event) else { return Ok(()) };
    print(&show::event_lines(&clock(event.at), &told))
}

/// How it ended, or that it waits for a person; none while it goes on.
fn ended(story: &JobStory) -> Option<Result<(), Fault>> {
    let id = story.head.id;
    let badly = || Some(Err(Fault::EndedBadly(format!("job {id} ended: {}", story.head.state))));
    let person = |what: &str| Some(Err(Fault::WaitsForPerson(format!("job {id} waits for {what}"))));
    match story.head.state.known()? {
        JobState::Open | JobState::Assigned | JobState::Working | JobState::Evaluating => None,
        JobState::Completed => Some(Ok(())),
        JobState::Failed | JobState::Canceled | JobState::Expired => badly(),
        JobState::InputRequired(_) => person("an answer of its client"),
        JobState::InReview(Reviewer::Client) => {
            let id = id.0;
            person(&format!(
                "its client: guildhall job accept {id}, or guildhall job request-changes {id} --reason \"...\""
            ))
        }
        JobState::InReview(Reviewer::Operator) | JobState::Held(_) => person("an operator"),
    }
}
