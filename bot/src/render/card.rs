//! The card of a job: one message that is kept current.

use super::{TITLE_MAX, color, state, when};
use crate::custom_id::CustomId;
use crate::message::{Button, Embed, File, Message, Style, block, fit, line, lines, quoted};
use guildhall_protocol::history::What;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::narrate::{readable_answer, tell};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::{JobHead, JobStory};

/// Longest answer in a card, units of UTF-16; a longer one comes as a file. With all the rest of a card it stays within an embed,
/// so that the end of its block is never cut off.
const ANSWER_MAX: usize = 1_500;
/// Longest brief in a card, graphemes.
const BRIEF_MAX: usize = 400;
/// Lines of history in a card.
const HISTORY_MAX: usize = 5;

/// How much a card shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// To everybody in a channel, of a private job: number, state and agent only.
    Public,
    /// Everything, to whoever may read the job.
    Full,
}

/// A card that tells nothing of what a private job is about.
pub(crate) fn public_card(head: &JobHead) -> Message {
    let agent = head.agent.as_ref().map_or_else(|| "none yet".to_owned(), |agent| line(agent.as_str(), 40));
    let embed = Embed {
        title: format!("Job {}", head.id),
        description: String::new(),
        fields: vec![("State".to_owned(), state(&head.state)), ("Agent".to_owned(), agent)],
        footer: match head.visibility {
            Visibility::Private => "Private: its client sees more with /job show".to_owned(),
            Visibility::Place => "/job show shows more".to_owned(),
        },
        color: color(&head.state),
    };
    let show = Button::new("Show me", Style::Secondary, &CustomId::Show { job: head.id });
    Message { embed: Some(embed), buttons: vec![show], ..Message::default() }
}

/// What the client said, for whoever decides about it: others who see the job need not read it.
fn disputed(story: &JobStory) -> Option<String> {
    let is_open = story.head.state.known() == Some(&JobState::InReview(Reviewer::Operator));
    if !is_open || !story.allowed.contains(&JobAction::Accept) {
        return None;
    }
    let event = story.events.iter().rev().find(|event| matches!(event.what, What::Disputed { .. }))?;
    tell(story, event)?.details.into_iter().next()
}

/// A card with everything. `brief` is the job's, `answer` the whole answer that counts, as far as they are known.
pub(crate) fn card(story: &JobStory, brief: Option<&str>, answer: Option<&str>) -> Message {
    let head = &story.head;
    let title = line(head.title.as_deref().unwrap_or("(forgotten)"), TITLE_MAX);
    let mut description = brief.map(|brief| fit(&lines(brief, BRIEF_MAX), 500)).unwrap_or_default();
    let told = story.events.iter().rev().filter_map(|event| tell(story, event)).take(HISTORY_MAX);
    let told: Vec<String> =
        told.map(|told| fit(&format!("{} {}", told.mark.sign(), line(&told.text, 200)), 220)).collect();
    if !told.is_empty() {
        description.push_str("\n\n");
        description.push_str(&told.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    if let Some(why) = disputed(story) {
        description.push_str(&format!("\n\n**Why the client asks you**\n{}", quoted(&why, 600)));
    }
    let mut files = Vec::new();
    if let Some(text) = answer.map(|answer| readable_answer(answer, story.display.as_deref())) {
        let name = story.answered().map(|view| view.agent.to_string()).unwrap_or_default();
        description.push_str(&format!("\n\n**Answer of {}**\n", line(&name, 40)));
        if let Some(shown) = block(&text, ANSWER_MAX) {
            description.push_str(&shown);
        } else {
            description.push_str("It is long: see the file.");
            files.push(answer_file(head, answer.unwrap_or_default(), &text));
        }
    }
    if let Some(question) = story.asked().filter(|_| story.allowed.contains(&JobAction::Reply)) {
        description.push_str(&format!("\n\n**You are asked**\n{}", quoted(&question.text, 600)));
    }
    let mut fields = vec![("State".to_owned(), state(&head.state))];
    if let Some(agent) = &head.agent {
        fields.push(("Agent".to_owned(), line(agent.as_str(), 40)));
    }
    if let Some(until) = head.window_ends_at {
        fields.push(("Decide by".to_owned(), when(until)));
    } else if head.due_at.is_some() {
        fields.push(("Deadline".to_owned(), when(head.deadline)));
    }
    if let Some(checked) = &head.checked_by {
        fields.push(("Checked".to_owned(), line(&checked.to_string(), 100)));
    }
    let footer = head.label.as_deref().map(|label| line(label, 64)).unwrap_or_default();
    let title = format!("Job {}: {title}", head.id);
    let embed = Embed {
        title,
        description: description.trim().to_owned(),
        fields,
        footer,
        color: color(&head.state),
    };
    Message { embed: Some(embed), buttons: buttons(story), files, ..Message::default() }
}

/// What people read as text, and JSON as JSON.
pub(super) fn answer_file(head: &JobHead, whole: &str, readable: &str) -> File {
    let is_text = serde_json::from_str::<serde_json::Value>(whole).is_ok_and(|value| value.is_string());
    let (end, bytes) = if is_text { ("txt", readable) } else { ("json", whole) };
    File { name: format!("job-{}.{end}", head.id), bytes: bytes.as_bytes().to_vec() }
}

/// What whoever the story was told to may do now, in the order in which it matters.
pub(super) fn buttons(story: &JobStory) -> Vec<Button> {
    let (job, epoch) = (story.head.id, story.head.epoch);
    let offered: [(JobAction, &'static str, Style, CustomId); 6] = [
        (JobAction::Accept, "Accept", Style::Success, CustomId::Accept { job, epoch }),
        (JobAction::RequestChanges, "Request changes", Style::Primary, CustomId::WhatIsWrong { job, epoch }),
        (JobAction::Dispute, "Ask an operator", Style::Secondary, CustomId::WhyDispute { job, epoch }),
        (JobAction::Reply, "Answer", Style::Primary, CustomId::AnswerForm { job }),
        (JobAction::Again, "Once more", Style::Secondary, CustomId::AgainForm { job }),
        (JobAction::Cancel, "Cancel", Style::Danger, CustomId::MayCancel { job }),
    ];
    let may = |action: &JobAction| story.allowed.contains(action);
    let offered = offered.iter().filter(|(action, ..)| may(action));
    offered.map(|(_, label, style, id)| Button::new(label, *style, id)).collect()
}
