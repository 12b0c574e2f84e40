//! Several jobs or agents at once.

use super::{TITLE_MAX, state, when};
use crate::custom_id::CustomId;
use crate::message::{Button, Embed, Message, Style, line, lines};
use crate::select::{Choice, OPTIONS_MAX, Offered, Select};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::narrate::{tell_agent, tell_pick};
use guildhall_protocol::notice::Inbox;
use guildhall_protocol::pick::Pick;
use guildhall_protocol::view::{AgentHead, AgentStory, JobHead, JobStory, Page};

/// The look of what has no state of its own.
const PLAIN: u32 = 0x0058_65F2;

fn titled(title: &str, description: String) -> Message {
    let embed = Embed { title: title.to_owned(), description, color: PLAIN, ..Embed::default() };
    Message { embed: Some(embed), ..Message::default() }
}

fn row(head: &JobHead) -> String {
    let title = line(head.title.as_deref().unwrap_or("(forgotten)"), TITLE_MAX / 2);
    let agent =
        head.agent.as_ref().map(|agent| format!(", {}", line(agent.as_str(), 40))).unwrap_or_default();
    format!("**{}** {title}: {}{agent}", head.id, state(&head.state))
}

/// A page of jobs, with a button for the next.
pub(crate) fn jobs(page: &Page<JobHead>) -> Message {
    if page.rows.is_empty() {
        return Message::of("There is no job of yours here. `/job post` posts one.");
    }
    let rows: Vec<String> = page.rows.iter().map(row).collect();
    let next = page.next.map(|after| Button::new("Older", Style::Secondary, &CustomId::List { after }));
    titled("Your jobs", rows.join("\n")).with(next.into_iter().collect())
}

/// Everything that has not ended, as far as the reader may see it.
pub(crate) fn queue(page: &Page<JobHead>) -> Message {
    if page.rows.is_empty() {
        return Message::of("No job is open that you may see.");
    }
    let rows: Vec<String> = page.rows.iter().map(row).collect();
    let more = if page.next.is_some() { "\nThere are more: the command line shows them." } else { "" };
    titled("Open jobs", format!("{}{more}", rows.join("\n")))
}

/// Jobs of a kind in an inbox: all kinds fit into one message.
const INBOX_MAX: usize = 8;

/// Everything that waits for somebody.
pub(crate) fn inbox(inbox: &Inbox) -> Message {
    let mut text = String::new();
    for (heading, jobs, all) in [
        ("For you", &inbox.mine, "`/job list` shows all of yours"),
        ("For operators", &inbox.operators, "`/queue` shows open jobs"),
    ] {
        if !jobs.is_empty() {
            let mut rows: Vec<String> = jobs.iter().take(INBOX_MAX).map(row).collect();
            if jobs.len() > INBOX_MAX {
                rows.push(format!("and {} more: {all}", jobs.len() - INBOX_MAX));
            }
            text.push_str(&format!("**{heading}**\n{}\n\n", rows.join("\n")));
        }
    }
    for (heading, agents) in
        [("Agents to approve", &inbox.approvals), ("Agents offered to you", &inbox.offers)]
    {
        let names: Vec<String> =
            agents.iter().take(20).map(|head| line(&head.name.to_string(), 40)).collect();
        if !names.is_empty() {
            text.push_str(&format!("**{heading}**\n{}\n\n", names.join(", ")));
        }
    }
    if !inbox.appeals.is_empty() {
        let jobs: Vec<String> = inbox
            .appeals
            .iter()
            .take(10)
            .map(|appeal| format!("{} of job {}", appeal.kind, appeal.job))
            .collect();
        text.push_str(&format!("**Complaints and contests**\n{}\n", jobs.join("\n")));
    }
    if text.is_empty() {
        return Message::of("Nothing waits for you.");
    }
    let select =
        Select::new("Show one of them, with its buttons", &CustomId::Look, Offered::One(waiting(inbox)));
    let shown = titled("Waiting", text.trim().to_owned());
    Message { selects: vec![select], ..shown }
}

/// Everything that waits as options of a list, each once: jobs, then agents.
fn waiting(inbox: &Inbox) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    let mut offer = |label: String, value: String| {
        if choices.len() < OPTIONS_MAX && choices.iter().all(|choice| choice.value != value) {
            choices.push(Choice { label: clean_line(&label), value, is_chosen: false });
        }
    };
    for head in inbox.mine.iter().chain(&inbox.operators) {
        let title = head.title.as_deref().unwrap_or("(forgotten)");
        offer(format!("{}: {}, {title}", head.id, state(&head.state)), format!("job:{}", head.id.0));
    }
    for appeal in &inbox.appeals {
        offer(format!("{}: {}", appeal.job, appeal.kind), format!("job:{}", appeal.job.0));
    }
    for (why, agents) in [("to approve", &inbox.approvals), ("offered to you", &inbox.offers)] {
        for head in agents {
            offer(format!("{}, {why}", head.name), format!("agent:{}", head.name));
        }
    }
    choices
}

fn agent_row(head: &AgentHead) -> String {
    let record = &head.record;
    format!(
        "**{}** {}, {} passed and {} failed",
        line(&head.name.to_string(), 40),
        line(&head.state.to_string(), 60),
        record.passed,
        record.failed
    )
}

/// Agents by name.
pub(crate) fn agents(page: &Page<AgentHead>) -> Message {
    if page.rows.is_empty() {
        return Message::of("There is no agent that you may use yet.");
    }
    let mut rows: Vec<String> = page.rows.iter().map(agent_row).collect();
    if page.next.is_some() {
        rows.push("There are more: `/agent find` finds those that fit.".to_owned());
    }
    titled("Agents", rows.join("\n"))
}

/// The agents that fit a text.
pub(crate) fn found(found: &[(AgentHead, f32)]) -> Message {
    if found.is_empty() {
        return Message::of("No agent's texts have anything to do with it.");
    }
    let rows: Vec<String> =
        found.iter().map(|(head, fit)| format!("{fit:.2}  {}", agent_row(head))).collect();
    titled("Agents that may fit", rows.join("\n"))
}

/// Everything about an agent.
pub(crate) fn agent_story(story: &AgentStory) -> Message {
    let head = &story.head;
    let told: Vec<String> = story
        .events
        .iter()
        .rev()
        .filter_map(|event| tell_agent(event).map(|told| format!("{} {}", when(event.at), line(&told, 200))))
        .take(5)
        .collect();
    let description = format!("{}\n\n{}", lines(&story.definition.description, 600), told.join("\n"));
    let fields = vec![
        ("State".to_owned(), line(&head.state.to_string(), 100)),
        ("Works for".to_owned(), head.audience.whom().to_owned()),
        ("Working on".to_owned(), format!("{} of {}", head.running, head.concurrency)),
        ("Record".to_owned(), format!("{} passed, {} failed", head.record.passed, head.record.failed)),
    ];
    let title = format!("{} {}", line(&head.name.to_string(), 40), head.version);
    Message {
        embed: Some(Embed { title, description, fields, footer: String::new(), color: PLAIN }),
        ..Message::default()
    }
}

/// Why the agents of a job got it, or why it waits.
pub(crate) fn why(story: &JobStory) -> Message {
    let told = |pick: &Pick| line(&tell_pick(pick), 600);
    let attempts = story.attempts.iter().filter_map(|view| {
        let pick = view.pick.as_ref()?;
        Some(format!("**{}** {}", line(&view.agent.to_string(), 40), told(pick)))
    });
    let mut rows: Vec<String> = attempts.collect();
    if let Some(waiting) = &story.waiting {
        rows.push(format!("**It waits** {}", told(waiting)));
        rows.extend(
            waiting
                .excluded
                .iter()
                .take(10)
                .map(|(why, count)| format!("{count} of the others: {}", line(&why.to_string(), 200))),
        );
    }
    if rows.is_empty() {
        return Message::of("Nobody was chosen yet.");
    }
    titled(&format!("Why, of job {}", story.head.id), rows.join("\n"))
}
