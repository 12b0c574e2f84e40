//! `job why`: the choice, with its numbers and what a model said.

use super::show::indented;
use super::story;
use crate::fault::Fault;
use crate::session::Session;
use crate::table::table;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::pick::Pick;

pub(super) async fn why(session: &Session, job: JobId) -> Result<(), Fault> {
    let story = story(session, job).await?;
    let picks: Vec<&Pick> =
        story.attempts.iter().filter_map(|view| view.pick.as_ref()).chain(&story.waiting).collect();
    session.answer(&picks, |picks| {
        if picks.is_empty() {
            return format!("Nobody was looked for yet: job {job} is {}\n", story.head.state);
        }
        picks.iter().map(|pick| pick_text(pick)).collect::<Vec<_>>().join("\n")
    })
}

/// A choice with its numbers.
pub(super) fn pick_text(pick: &Pick) -> String {
    let mut text = format!("{}\n", clean_line(&pick.reason));
    text.push_str(&format!("  {} of {} agents could take it\n", pick.eligible, pick.examined));
    if !pick.candidates.is_empty() {
        let rows = pick.candidates.iter().map(|candidate| {
            let f = &candidate.factors;
            let number = |value: f32| format!("{value:.2}");
            [
                candidate.name.to_string(),
                number(candidate.score),
                number(f.relevance),
                number(f.success),
                number(f.latency),
                number(f.free),
                number(f.newcomer),
            ]
        });
        let heading = ["agent", "score", "relevance", "success", "latency", "free", "newcomer"];
        text.push_str(&indented(&table(heading, rows)));
        text.push('\n');
    }
    for (reason, count) in &pick.excluded {
        text.push_str(&format!("  {count} {reason}\n"));
    }
    for (name, reason) in &pick.named {
        let reason = reason.map_or_else(|| "could take it".to_owned(), |reason| reason.to_string());
        text.push_str(&format!("  {name}: {reason}\n"));
    }
    text
}

pub(super) async fn why_not(session: &Session, job: JobId, agent: AgentName) -> Result<(), Fault> {
    let why =
        session.call(|service, context| async move { service.why_not(context, job, agent).await }).await?;
    session.answer(&why, |why| format!("{}\n", clean_line(&why.detail)))
}
