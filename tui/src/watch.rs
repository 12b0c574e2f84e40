//! `watch`: everything that happens, line by line, as it happens.

use crate::cli::WatchArgs;
use crate::fault::Fault;
use crate::feed::{say, whose};
use crate::session::{Session, clock, print};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Event, Subject};
use guildhall_protocol::ids::{EventId, JobId};
use guildhall_protocol::narrate::tell;
use guildhall_protocol::state::JOB_STATES;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{FeedLine, JobStory, Scope};
use guildhall_protocol::wire::Wire;
use std::collections::BTreeMap;

/// Lines of one reading.
const LINES: u32 = 200;
/// Longest wait for a change in one call, ms.
const WAIT_MS: u64 = 20_000;

/// Tells what happens until it is ended from outside, also when the daemon is started anew meanwhile.
pub(crate) async fn run(session: &Session, args: WatchArgs) -> Result<(), Fault> {
    if let Some(name) = args.state.iter().find(|name| !JOB_STATES.iter().any(|state| state.name() == **name))
    {
        let names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
        return Err(Fault::Input(format!("{name} is no state; the states are {}", names.join(", "))));
    }
    let mut after = args.after.map_or_else(|| EventId::earliest(Timestamp::now()), EventId);
    loop {
        // Asked for before reading: what happens in between is a change, too.
        let seen = session.patient(|| changes(session, 0, 0)).await?;
        loop {
            let lines = session.patient(|| lines(session, after)).await?;
            let Some(last) = lines.last() else { break };
            after = last.id;
            tell_lines(session, &args, &lines).await?;
        }
        session.patient(|| changes(session, seen, WAIT_MS)).await?;
    }
}

async fn changes(session: &Session, seen: u64, wait_ms: u64) -> Result<u64, Fault> {
    let wait = session.call(|service, context| async move {
        service.wait_for_change(context, Scope::Everything, seen, wait_ms).await
    });
    wait.await
}

async fn lines(session: &Session, after: EventId) -> Result<Vec<FeedLine>, Fault> {
    session.call(|service, context| async move { service.events(context, after, LINES).await }).await
}

async fn tell_lines(session: &Session, args: &WatchArgs, lines: &[FeedLine]) -> Result<(), Fault> {
    // Each job is asked for once in a reading.
    let mut stories: BTreeMap<JobId, Option<JobStory>> = BTreeMap::new();
    for line in lines {
        let mut story = None;
        if let Subject::Job(job) = line.subject
            && (!session.json || args.chooses())
        {
            if let std::collections::btree_map::Entry::Vacant(place) = stories.entry(job) {
                place.insert(session.patient(|| found(session, job)).await?);
            }
            story = stories.get(&job).and_then(Option::as_ref);
        }
        if args.chooses() && !story.is_some_and(|story| args.fits(story)) {
            continue;
        }
        if session.json {
            let text = serde_json::to_string(line)
                .map_err(|error| Fault::Input(format!("the line cannot be printed as JSON: {error}")))?;
            print(&(text + "\n"))?;
        } else if let Some(text) = in_words(line, story) {
            print(&text)?;
        }
    }
    Ok(())
}

/// A job's story; none: it is not this person's.
async fn found(session: &Session, job: JobId) -> Result<Option<JobStory>, Fault> {
    match session.call(|service, context| async move { service.job(context, job).await }).await {
        Ok(story) => Ok(Some(story)),
        Err(Fault::Api(ApiError { kind: ErrorKind::NotFound | ErrorKind::Forbidden, .. })) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// One line, and what belongs to it under it; none where there is nothing to say.
fn in_words(line: &FeedLine, story: Option<&JobStory>) -> Option<String> {
    let whose = whose(line.subject);
    let Wire::Known(event) = &line.event else {
        return Some(format!("{whose}: something that this version does not know\n"));
    };
    let at = clock(event.at);
    let Some(story) = story else {
        return Some(format!("{at}  {whose}: {}\n", clean_line(&say(line.subject, event))));
    };
    told(&at, &whose, story, event)
}

fn told(at: &str, whose: &str, story: &JobStory, event: &Event) -> Option<String> {
    let told = tell(story, event)?;
    let mut text = format!("{at}  {whose}: {} {}\n", told.mark.sign(), told.text);
    for detail in &told.details {
        text.push_str(&format!("{:width$}  {detail}\n", "", width = at.len()));
    }
    Some(text)
}

impl WatchArgs {
    /// Whether only some jobs are wanted.
    fn chooses(&self) -> bool {
        !self.state.is_empty() || self.label.is_some() || self.agent.is_some()
    }

    /// Whether this job is one of them.
    fn fits(&self, story: &JobStory) -> bool {
        let head = &story.head;
        let state = head.state.known().map_or("", |state| state.name());
        (self.state.is_empty() || self.state.iter().any(|name| name == state))
            && self.label.as_ref().is_none_or(|label| head.label.as_ref() == Some(label))
            && self
                .agent
                .as_ref()
                .is_none_or(|agent| story.attempts.iter().any(|attempt| attempt.agent == *agent))
    }
}
