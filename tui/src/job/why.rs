//! `job why`: the choice, with its numbers and what a model said.

use super::show::indented;
use super::story;
use crate::fault::Fault;
use crate::session::Session;
use crate::table::table;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::pick::{ModelPick, Pick};

/// Longest reason of a model shown, in graphemes.
const REASON_SHOWN_MAX: usize = 400;

pub(super) async fn why(session: &Session, job: JobId) -> Result<(), Fault> {
    let story = story(session, job).await?;
    let picks: Vec<&Pick> =
        story.attempts.iter().filter_map(|view| view.pick.as_ref()).chain(&story.waiting).collect();
    session.answer(&picks, |picks| {
        if picks.is_empty() && story.question.is_some() {
            return format!("Nobody got job {job} yet: its client is asked for what the best agent needs\n");
        }
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
    if let Some(model) = &pick.model {
        text.push_str(&model_text(model));
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

/// What a model was shown, and what it said.
fn model_text(pick: &ModelPick) -> String {
    let shown: Vec<String> = pick.order.iter().map(ToString::to_string).collect();
    let mut text = format!("  {} was to choose among, in this order: {}\n", pick.model, shown.join(", "));
    let reason = cut(&clean_line(&pick.reason), REASON_SHOWN_MAX);
    text.push_str(&match &pick.chosen {
        Some(chosen) if reason.is_empty() => format!("  it chose {chosen}, and gave no reason\n"),
        Some(chosen) => format!("  it chose {chosen}: {reason}\n"),
        None => format!("  it had no part in the choice: {reason}\n"),
    });
    text
}

pub(super) async fn why_not(session: &Session, job: JobId, agent: AgentName) -> Result<(), Fault> {
    let why =
        session.call(|service, context| async move { service.why_not(context, job, agent).await }).await?;
    session.answer(&why, |why| format!("{}\n", clean_line(&why.detail)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::history::Commitment;

    #[test]
    fn a_model_s_choice_is_told_with_its_order_or_with_why_it_counts_for_nothing() {
        let name = |name: &str| name.parse::<AgentName>().expect("a name");
        let mut pick = ModelPick {
            model: "gpt-x".parse().expect("a name"),
            prompt: Commitment(String::new()),
            order: vec![name("ada"), name("gist")],
            chosen: Some(name("gist")),
            reason: "it sums\u{1b}[31m\nup".to_owned(),
        };
        let order = "  gpt-x was to choose among, in this order: @ada, @gist\n";
        assert_eq!(model_text(&pick), format!("{order}  it chose @gist: it sums[31m up\n"));
        pick.chosen = None;
        pick.reason = "it named nobody of the list".to_owned();
        assert_eq!(
            model_text(&pick),
            format!("{order}  it had no part in the choice: it named nobody of the list\n")
        );
    }
}
