//! `job show`: the whole story and the answer.

use super::checked::checked;
use super::story;
use crate::fault::Fault;
use crate::session::{Session, clock, print};
use guildhall_protocol::attempt::Question;
use guildhall_protocol::clean::{clean, clean_line, cut};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::{JobId, UserId};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::narrate::{
    Told, readable_answer, tell, tell_attempt_state, tell_chained, tell_finding, tell_spending,
};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::{AttemptView, JobStory, Sight};

/// Longest answer shown with a story, in graphemes; `--answer` shows all.
const ANSWER_SHOWN_MAX: usize = 4_000;
/// Longest brief and input shown with a story, in graphemes.
const BRIEF_SHOWN_MAX: usize = 1_000;

pub(super) async fn show(session: &Session, job: JobId) -> Result<(), Fault> {
    let story = story(session, job).await?;
    if session.json {
        return session.answer(&story, |_| String::new());
    }
    let mut text = heading(&story, session.user().await?);
    text.push_str(&draft_text(session, &story).await?);
    text.push_str("\nHistory\n");
    for event in &story.events {
        if let Some(told) = tell(&story, event) {
            text.push_str(&event_lines(&clock(event.at), &told));
        }
    }
    if let Some(chained) = tell_chained(story.chained) {
        text.push_str(&format!("  {chained}\n"));
    }
    let asked = asked_text(story.question.as_ref(), story.reply.as_deref());
    if !asked.is_empty() {
        text.push_str(&format!("\nAsked by the marketplace itself\n{asked}"));
    }
    for view in &story.attempts {
        text.push_str(&attempt_text(job, view));
    }
    text.push_str(&answer_text(session, &story).await?);
    let allowed: Vec<&str> = story.allowed.iter().copied().map(JobAction::name).collect();
    if !allowed.is_empty() {
        text.push_str(&format!("\nYou can: {}\n", allowed.join(", ")));
    }
    print(&text)
}

fn heading(story: &JobStory, caller: UserId) -> String {
    let head = &story.head;
    let title = clean_line(head.title.as_deref().unwrap_or("(forgotten)"));
    let mut text = format!("Job {}  {title}\n", head.id);
    text.push_str(&format!("  state     {}\n", head.state));
    if let Some(checked) = checked(story, caller) {
        text.push_str(&format!("  checked   {checked}\n"));
    }
    if let Some(spent) = spent_text(story) {
        text.push_str(&format!("  models    {spent}\n"));
    }
    text.push_str(&format!("  posted    {} by {}\n", clock(head.posted_at), head.client));
    text.push_str(&format!("  deadline  {}\n", clock(head.deadline)));
    if let Some(until) = head.window_ends_at {
        text.push_str(&format!("  decide    by {}\n", clock(until)));
    }
    if !story.excluded.is_empty() {
        let names: Vec<String> = story.excluded.iter().map(ToString::to_string).collect();
        text.push_str(&format!("  ruled out {}\n", names.join(", ")));
    }
    if let Some(label) = &head.label {
        text.push_str(&format!("  label     {}\n", clean_line(label)));
    }
    text
}

/// What models cost for it; none if none was asked.
fn spent_text(story: &JobStory) -> Option<String> {
    let asked = story.events.iter().any(|event| matches!(event.what, What::ModelCalled { .. }));
    match story.spent.calls {
        0 if asked => Some("no cost: equal questions were answered before, or nothing was called".to_owned()),
        0 => None,
        1 => Some(format!("1 call: {}", tell_spending(&story.spent))),
        calls => Some(format!("{calls} calls: {}", tell_spending(&story.spent))),
    }
}

/// What was asked for, unless it was forgotten.
async fn draft_text(session: &Session, story: &JobStory) -> Result<String, Fault> {
    if story.sight == Sight::Masked {
        let how = format!("guildhall job reveal {} --reason \"...\"", story.head.id.0);
        return Ok(format!("  its texts are masked, as it is private to its client: {how}\n"));
    }
    if story.draft.head.is_none() {
        return Ok("  its text was forgotten\n".to_owned());
    }
    let draft = session.body(story.head.id, story.draft.id).await?;
    let draft: JobDraft = crate::input::parse(&draft, "the stored job")?;
    let mut text = format!("\n{}\n", indented(&cut(&clean(draft.brief.trim()), BRIEF_SHOWN_MAX)));
    if let Some(input) = &draft.input {
        text.push_str(&format!("  input     {}\n", cut(&clean_line(input.as_str()), BRIEF_SHOWN_MAX)));
    }
    for criterion in &draft.criteria {
        let line = match criterion {
            Criterion::Schema(schema) => format!("schema    {}", clean_line(schema.as_str())),
            Criterion::Rule(rule) => format!("rule      {}", clean_line(rule)),
            Criterion::Judge(text) => format!("judge     {}", clean_line(text)),
        };
        text.push_str(&format!("  {}\n", cut(&line, BRIEF_SHOWN_MAX)));
    }
    Ok(text)
}

fn attempt_text(job: JobId, view: &AttemptView) -> String {
    let mut text = format!(
        "\nAttempt {job}.{} by {} {}: {}\n",
        view.number,
        view.agent,
        view.version,
        tell_attempt_state(view)
    );
    if let Some(input) = &view.input {
        let head = input.head.as_deref().unwrap_or("(forgotten)");
        text.push_str(&format!("  input, built by a model: {}\n", cut(&clean_line(head), BRIEF_SHOWN_MAX)));
    }
    for finding in &view.findings {
        text.push_str(&format!("  {}\n", tell_finding(finding)));
    }
    text.push_str(&asked_text(view.question.as_ref(), view.reply.as_deref()));
    if let Some(reason) = &view.reason {
        text.push_str(&format!("  {}\n", cut(&clean_line(reason), BRIEF_SHOWN_MAX)));
    }
    text
}

/// A question and what the client said to it.
fn asked_text(question: Option<&Question>, reply: Option<&str>) -> String {
    let mut text = String::new();
    let mut told = |name: &str, words: &str| {
        let words = cut(clean(words).trim(), BRIEF_SHOWN_MAX);
        // A question may be a list: its lines stay lines.
        let words: Vec<&str> = words.lines().map(str::trim_end).collect();
        text.push_str(&format!("  {name}: {}\n", words.join("\n    ")));
    };
    if let Some(question) = question {
        told("asks", &question.text);
        if let Some(schema) = &question.schema {
            told("wants", &clean_line(schema.as_str()));
        }
    }
    if let Some(reply) = reply {
        told("reply", reply);
    }
    text
}

/// The newest answer that counts, for people; empty without one.
pub(super) async fn answer_text(session: &Session, story: &JobStory) -> Result<String, Fault> {
    let Some(view) = story.answered() else { return Ok(String::new()) };
    let Some(body) = view.answer.as_ref().filter(|answer| answer.head.is_some()) else {
        let why = if story.sight == Sight::Masked { "masked" } else { "forgotten" };
        return Ok(format!("\nAnswer: {why}\n"));
    };
    let whole = session.body(story.head.id, body.id).await?;
    let shown = readable_answer(&whole, story.display.as_deref());
    let cut_text = cut(&clean(&shown), ANSWER_SHOWN_MAX);
    let more = if cut_text.ends_with('…') {
        format!("\n  (all of it: guildhall job show {} --answer)", story.head.id)
    } else {
        String::new()
    };
    Ok(format!("\nAnswer of {}\n{}{more}\n", view.agent, indented(&cut_text)))
}

/// `job show N --answer`: the answer as it came.
pub(super) async fn answer(session: &Session, job: JobId) -> Result<(), Fault> {
    let story = story(session, job).await?;
    let body = story.answered().and_then(|view| view.answer.as_ref());
    let body = body
        .ok_or_else(|| Fault::EndedBadly(format!("job {job} has no answer: it is {}", story.head.state)))?;
    let whole = session.body(job, body.id).await?;
    let whole = if session.json { whole } else { clean(&whole) };
    print(&(whole + "\n"))
}

/// An event in words, after a time.
pub(super) fn event_lines(at: &str, told: &Told) -> String {
    let mut text = format!("  {at}  {} {}\n", told.mark.sign(), told.text);
    for detail in &told.details {
        text.push_str(&format!("  {:width$}    {detail}\n", "", width = at.len()));
    }
    text
}

pub(super) fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_keeps_its_lines_and_nothing_else() {
        let question = Question { text: "It needs:\n- from\n- to\u{1b}[2J\r\n".to_owned(), schema: None };
        let told = asked_text(Some(&question), Some("mi\tto km"));
        assert_eq!(told, "  asks: It needs:\n    - from\n    - to[2J\n  reply: mi  to km\n");
        assert_eq!(asked_text(None, None), "");
    }
}
