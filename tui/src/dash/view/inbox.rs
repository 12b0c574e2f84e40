//! What waits for the person: answers to review, disputes to decide, complaints, agents to approve.

use super::jobs;
use super::list::{Empty, aligned, nothing};
use crate::dash::model::{Model, Times};
use crate::dash::msg::Hit;
use crate::dash::pen::{Pen, fit};
use crate::dash::row::Row;
use crate::dash::theme::Tone;
use guildhall_protocol::notice::Inbox;
use guildhall_protocol::view::{AgentHead, AppealView, JobHead};
use ratatui::layout::Rect;

/// A line of the inbox.
enum Entry<'a> {
    Heading(String),
    Job(&'a JobHead),
    Appeal(&'a AppealView),
    Agent(&'a AgentHead),
}

fn entries(inbox: &Inbox) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    add(&mut entries, "You are asked", &inbox.mine, Entry::Job);
    add(&mut entries, "An operator decides", &inbox.operators, Entry::Job);
    add(&mut entries, "Complaints and contests", &inbox.appeals, Entry::Appeal);
    add(&mut entries, "Agents to approve", &inbox.approvals, Entry::Agent);
    add(&mut entries, "Agents that are offered to you", &inbox.offers, Entry::Agent);
    entries
}

/// A heading and what stands under it, if there is anything.
fn add<'a, T>(entries: &mut Vec<Entry<'a>>, title: &str, things: &'a [T], entry: fn(&'a T) -> Entry<'a>) {
    if !things.is_empty() {
        entries.push(Entry::Heading(format!("{title} ({})", things.len())));
        entries.extend(things.iter().map(entry));
    }
}

pub(super) fn rows(model: &Model) -> Vec<Row> {
    let Some(inbox) = &model.data.inbox.value else { return Vec::new() };
    let row = |(place, entry): (usize, &Entry<'_>)| match entry {
        Entry::Heading(_) => Row::Heading(place),
        Entry::Job(head) => Row::Job(head.id),
        Entry::Appeal(appeal) => Row::Attempt(appeal.job, appeal.attempt),
        Entry::Agent(head) => Row::Agent(head.name.clone()),
    };
    entries(inbox).iter().enumerate().map(row).collect()
}

pub(super) fn paint(pen: &mut Pen<'_>, area: Rect) {
    let model = pen.model;
    let entries = model.data.inbox.value.as_ref().map(entries).unwrap_or_default();
    if entries.is_empty() {
        let empty = Empty {
            loaded: model.data.inbox.value.is_some(),
            trouble: model.data.inbox.trouble.as_ref(),
            says: "nothing waits for you",
        };
        nothing(pen, area, &empty);
        return;
    }
    let rows = rows(model);
    let cursor = model.cursor();
    let shown = fit(&jobs::COLUMNS, area.width.saturating_sub(2));
    for line in 0..area.height {
        let at = cursor.top + usize::from(line);
        let Some(entry) = entries.get(at) else { break };
        let whole = Rect { y: area.y + line, height: 1, ..area };
        match entry {
            Entry::Heading(title) => pen.rule(whole, title),
            Entry::Job(head) => {
                let mut x = area.x + 2;
                for (column, width) in &shown {
                    let (text, tone) = jobs::cell(pen, head, *column);
                    let text = aligned(&text, *width, jobs::COLUMNS[*column].align);
                    pen.text(x, whole.y, *width, &text, tone);
                    x += width + 1;
                }
            }
            Entry::Appeal(appeal) => {
                let made = pen.time(appeal.made_at);
                let words = appeal.text.as_deref().unwrap_or("(forgotten)");
                let spans = [
                    (format!("  {}.{} ", appeal.job, appeal.attempt.0), Tone::Text),
                    (format!("{} ", appeal.kind.name()), Tone::Warn),
                    (
                        if model.times == Times::Relative {
                            format!("{made} ago  ")
                        } else {
                            format!("{made}  ")
                        },
                        Tone::Dim,
                    ),
                    (words.to_owned(), Tone::Text),
                ];
                pen.spans(whole.x, whole.y, whole.width, &spans);
            }
            Entry::Agent(head) => {
                let wanted = head
                    .wanted
                    .map_or_else(String::new, |audience| format!("  for {audience:?}").to_lowercase());
                let text = format!("  {} {} of user {}{wanted}", head.name, head.version, head.owner.0);
                pen.text(whole.x, whole.y, whole.width, &text, Tone::Text);
            }
        }
        if at == cursor.at && !matches!(entry, Entry::Heading(_)) {
            pen.select(whole);
        }
        if let Some(row) = rows.get(at) {
            pen.hit(whole, Hit::Row(row.clone()));
        }
    }
}
