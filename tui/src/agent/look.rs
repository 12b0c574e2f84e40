//! Looking at agents.

use super::story;
use crate::fault::Fault;
use crate::session::{Session, clock, print};
use crate::table::table;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::{clean, clean_line};
use guildhall_protocol::narrate::tell_agent;
use guildhall_protocol::time::show_span;
use guildhall_protocol::view::{AgentHead, AgentStory, DeliveryView, PAGE_ROWS_MAX, PageRequest};
use std::time::Duration;

pub(super) async fn list(session: &Session) -> Result<(), Fault> {
    let mut agents = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit: PAGE_ROWS_MAX };
        let page =
            session.call(|service, context| async move { service.agents(context, page).await }).await?;
        agents.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    session.answer_list(&agents, &agents, |agents| {
        if agents.is_empty() {
            return "There is no agent yet. `guildhall agent register --file agent.json` registers one.\n"
                .to_owned();
        }
        table(HEADING, agents.iter().map(|head| row(head, None)))
    })
}

const HEADING: [&str; 7] = ["agent", "version", "state", "running", "passed", "failed", "answers in"];

fn row(head: &AgentHead, relevance: Option<f32>) -> [String; 7] {
    let answers_in = head.record.answer_ms.map(|ms| show_span(Duration::from_millis(ms)));
    [
        relevance.map_or_else(|| head.name.to_string(), |relevance| format!("{} {relevance:.2}", head.name)),
        head.version.to_string(),
        head.state.to_string(),
        format!("{} of {}", head.running, head.concurrency),
        head.record.passed.to_string(),
        head.record.failed.to_string(),
        answers_in.unwrap_or_default(),
    ]
}

pub(super) async fn find(session: &Session, text: String, limit: u32) -> Result<(), Fault> {
    let found = session
        .call(|service, context| async move { service.find_agents(context, text, limit).await })
        .await?;
    session.answer_list(&found, &found, |found| {
        if found.is_empty() {
            return "No agent's texts have anything to do with it.\n".to_owned();
        }
        table(HEADING, found.iter().map(|(head, relevance)| row(head, Some(*relevance))))
    })
}

pub(super) async fn show(session: &Session, name: AgentName) -> Result<(), Fault> {
    let story = story(session, name).await?;
    session.answer(&story, show_story)
}

fn show_story(story: &AgentStory) -> String {
    let (head, definition) = (&story.head, &story.definition);
    let mut text = format!("{} {}  {}\n", head.name, head.version, head.state);
    text.push_str(&format!("  {}\n\n", clean_line(&definition.description)));
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:10}{value}\n"));
        }
    };
    line("endpoint", clean_line(&definition.endpoint));
    if let Some(chat) = &definition.chat {
        line("model", clean_line(chat.model.as_str()));
        line("prompt", clean_line(&chat.prompt));
    }
    line("granted", clean_line(&story.grants.join(", ")));
    line("owner", head.owner.to_string());
    let others = story.co_owners.iter().map(ToString::to_string);
    line("also", others.collect::<Vec<_>>().join(", "));
    line("offered", story.offered_to.map(|user| format!("to {user}")).unwrap_or_default());
    let waits = head.wanted.map(|wanted| format!("; waits for approval for {}", wanted.whom()));
    line("works for", format!("{}{}", head.audience.whom(), waits.unwrap_or_default()));
    let old =
        story.old_secrets_until.map(|until| format!("those before the newest count until {}", clock(until)));
    line("secrets", old.unwrap_or_default());
    line("tags", clean_line(&definition.tags.join(", ")));
    line("languages", clean_line(&definition.languages.join(", ")));
    let skills = definition.skills.iter().map(|skill| clean_line(&skill.name));
    line("skills", skills.collect::<Vec<_>>().join(", "));
    line(
        "takes",
        format!("{} jobs at a time, inputs up to {} bytes", head.concurrency, definition.caps.input_bytes),
    );
    let record = &head.record;
    line(
        "record",
        format!(
            "{} passed, {} failed, {} declined, {} not reached in 90 days",
            record.passed, record.failed, record.declined, record.unreachable
        ),
    );
    let schemas = [("input", &definition.input_schema), ("output", &definition.output_schema)];
    for (name, schema) in schemas {
        line(name, schema.as_ref().map(|schema| clean_line(schema.as_str())).unwrap_or_default());
    }
    for example in &definition.examples {
        line("example", clean_line(example.input.as_str()));
    }
    let versions = story.versions.iter().map(|(version, at)| format!("{version} {}", clock(*at)));
    line("versions", versions.collect::<Vec<_>>().join(", "));
    text.push_str("\nHistory\n");
    for event in &story.events {
        if let Some(told) = tell_agent(event) {
            text.push_str(&format!("  {}  {told}\n", clock(event.at)));
        }
    }
    text
}

pub(super) async fn log(session: &Session, name: AgentName, limit: u32, full: bool) -> Result<(), Fault> {
    let page = PageRequest { after: None, limit };
    let agent = name.clone();
    let deliveries = session
        .call(|service, context| async move { service.deliveries(context, agent, page).await })
        .await?;
    if session.json {
        return session.answer(&deliveries, |_| String::new());
    }
    if deliveries.rows.is_empty() {
        return print(&format!("Nothing was sent to {name} yet.\n"));
    }
    if full {
        return print(&deliveries.rows.iter().map(show_delivery).collect::<Vec<_>>().join("\n"));
    }
    let rows = deliveries.rows.iter().map(|delivery| {
        [
            clock(delivery.at),
            subject(delivery),
            delivery.status.map(|status| status.to_string()).unwrap_or_default(),
            show_span(Duration::from_millis(delivery.duration_ms)),
            delivery.failed_step.clone().unwrap_or_default(),
            delivery.summary.clone(),
        ]
    });
    print(&table(["at", "message", "status", "took", "failed at", "what happened"], rows))
}

fn subject(delivery: &DeliveryView) -> String {
    match (delivery.job, delivery.attempt) {
        (Some(job), Some(attempt)) => format!("{} {job}.{attempt}", delivery.message),
        (Some(_) | None, _) => delivery.message.clone(),
    }
}

fn show_delivery(delivery: &DeliveryView) -> String {
    let mut text = format!(
        "{}  {}  {} after {}\n",
        clock(delivery.at),
        clean_line(&subject(delivery)),
        clean_line(&delivery.summary),
        show_span(Duration::from_millis(delivery.duration_ms))
    );
    for line in clean(&delivery.reply_head).lines() {
        text.push_str(&format!("  < {line}\n"));
    }
    if !delivery.curl.is_empty() {
        text.push_str(&format!("  {}\n", clean_line(&delivery.curl)));
    }
    text
}
