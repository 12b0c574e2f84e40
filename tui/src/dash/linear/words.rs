//! What is read out: whole sentences, what matters first.

use guildhall_protocol::account::Role;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::handshake::Principal;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::narrate::{tell, tell_attempt_state, tell_chained, tell_finding};
use guildhall_protocol::notice::Inbox;
use guildhall_protocol::overview::Waiting;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::{AgentHead, JobHead, JobStory, Status};

/// Longest title, in graphemes.
const TITLE_MAX: usize = 80;
/// Longest foreign text within a sentence, in graphemes.
const TEXT_MAX: usize = 300;
/// Events that are read out with a job.
const EVENTS: usize = 6;

/// How everything is: three lines.
pub(super) fn status(endpoint: &str, who: &Principal, status: &Status, waiting: &Waiting) -> String {
    let engine = match (status.draining, status.paused) {
        (true, _) => "is ending",
        (false, true) => "is paused: no new attempts are started",
        (false, false) => "is up",
    };
    let role = if who.role >= Role::Operator { "an operator" } else { "a user" };
    let jobs: Vec<String> = status.jobs.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let jobs = if jobs.is_empty() { "none yet".to_owned() } else { jobs.join(", ") };
    let kinds = [
        (waiting.questions, "question", "questions"),
        (waiting.reviews, "answer to review", "answers to review"),
        (waiting.disputes, "answer that an operator decides", "answers that an operator decides"),
        (waiting.held, "job that is held", "jobs that are held"),
        (waiting.appeals, "complaint or contest", "complaints and contests"),
        (waiting.approvals, "agent to approve", "agents to approve"),
    ];
    let waits: Vec<String> = kinds
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    let waits = if waits.is_empty() { "nothing".to_owned() } else { waits.join(", ") };
    format!(
        "The daemon at {endpoint} {engine}; you are {}, {role}.\nJobs: {jobs}; {} of {} agents get jobs.\n\
         What waits: {waits}.",
        clean_line(&who.name),
        status.agents_active,
        status.agents,
    )
}

/// A job's title within a sentence.
pub(super) fn title(head: &JobHead) -> String {
    let title = clean_line(head.title.as_deref().unwrap_or("(forgotten)"));
    // The sentence has its own full stop.
    cut(title.trim_end().trim_end_matches('.'), TITLE_MAX)
}

/// A job in a list.
pub(super) fn job(head: &JobHead, now: Timestamp) -> String {
    let by = head.agent.as_ref().map_or_else(String::new, |agent| format!(" by {agent}"));
    let ago = show_span(now.since(head.posted_at));
    format!("Job {}, {}{by}, posted {ago} ago: {}.", head.id, head.state, title(head))
}

/// An agent in a list.
pub(super) fn agent(head: &AgentHead) -> String {
    let record = head.record;
    format!(
        "{}, {}: works on {} of {}; {} passed, {} failed.",
        head.name, head.state, head.running, head.concurrency, record.passed, record.failed
    )
}

/// What waits, in the order in which it should be looked at, with the job that it is about.
pub(super) fn waiting(inbox: &Inbox, now: Timestamp) -> Vec<(Option<JobId>, String)> {
    let mut things = Vec::new();
    let left = |head: &JobHead| {
        let until = head.window_ends_at.or(head.due_at);
        until.map_or_else(String::new, |until| format!(" {} are left.", show_span(until.since(now))))
    };
    for head in &inbox.operators {
        let text = format!("{} An operator decides.{}", job(head, now), left(head));
        things.push((Some(head.id), text));
    }
    for head in &inbox.mine {
        things.push((Some(head.id), format!("{} You are asked.{}", job(head, now), left(head))));
    }
    for appeal in &inbox.appeals {
        let why = cut(&clean_line(appeal.text.as_deref().unwrap_or("(forgotten)")), TEXT_MAX);
        let text = format!(
            "A {} about attempt {} of job {}: {why}. decide {} uphold, or reject.",
            appeal.kind, appeal.attempt.0, appeal.job, appeal.job.0
        );
        things.push((Some(appeal.job), text));
    }
    for head in &inbox.approvals {
        let text = format!(
            "{} of user {} waits for approval: guildhall agent approve {}.",
            head.name, head.owner.0, head.name
        );
        things.push((None, text));
    }
    for head in &inbox.offers {
        things.push((None, format!("{} is offered to you: guildhall agent show {}.", head.name, head.name)));
    }
    things
}

/// A job, whole: where it stands, what was tried, what happened last, what one can do.
pub(super) fn story(story: &JobStory, now: Timestamp) -> String {
    let head = &story.head;
    let mut lines = vec![job(head, now)];
    let span = |at: Timestamp| show_span(at.since(now));
    match head.window_ends_at {
        Some(until) if until > now => lines.push(format!("It is decided by itself in {}.", span(until))),
        Some(_) | None if head.deadline > now => {
            lines.push(format!("Its deadline is in {}.", span(head.deadline)));
        }
        Some(_) | None => {}
    }
    for view in &story.attempts {
        lines.push(format!("Attempt {} by {}: {}.", view.number.0, view.agent, tell_attempt_state(view)));
        lines.extend(view.findings.iter().map(|finding| format!("  {}.", tell_finding(finding))));
    }
    if story.answered().is_some() {
        lines.push(format!("It has an answer: read {}.", head.id.0));
    }
    lines.push(history(story, now, EVENTS));
    let names: Vec<&str> = story.allowed.iter().copied().map(JobAction::name).collect();
    if !names.is_empty() {
        lines.push(format!("You can do: {}.", names.join(", ")));
    }
    lines.join("\n")
}

/// What happened to it, oldest first: the last of it.
pub(super) fn history(story: &JobStory, now: Timestamp, events: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for event in &story.events {
        let Some(told) = tell(story, event) else { continue };
        let ago = show_span(now.since(event.at));
        let details = told.details.iter().map(|detail| format!("\n  {detail}"));
        lines.push(format!("{ago} ago: {}.{}", told.text, details.collect::<String>()));
    }
    let left_out = lines.len().saturating_sub(events);
    if left_out > 0 {
        lines.drain(..left_out);
        lines.insert(0, format!("What happened last; history {} tells all:", story.head.id.0));
    } else {
        lines.extend(tell_chained(story.chained).map(|chained| format!("{chained}.")));
    }
    lines.join("\n")
}
