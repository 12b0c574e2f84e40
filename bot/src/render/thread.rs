//! What a thread tells of a job: what happened since it was told last, what its client is asked, and the answer.

use super::card::{answer_file, buttons};
use super::{capital, color};
use crate::custom_id::CustomId;
use crate::message::{Button, Embed, Message, Style, block, fit, line, quoted};
use crate::threads::Opened;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::history::{Event, What};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::narrate::{readable_answer, tell};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::view::JobStory;

/// Most lines of one message; of more the newest.
const LINES_MAX: usize = 8;
/// Longest answer that is no file, units of UTF-16.
const ANSWER_MAX: usize = 3_000;
/// Longest name of a thread, units of UTF-16.
const NAME_MAX: usize = 100;

/// What a thread is called: plain text, where no format has power.
pub(crate) fn thread_name(story: &JobStory) -> String {
    let title = clean_line(story.head.title.as_deref().unwrap_or_default());
    fit(format!("Job {} {title}", story.head.id).trim(), NAME_MAX)
}

/// The button that opens a thread, for a job that may have one.
pub(crate) fn thread_button(story: &JobStory) -> Option<Button> {
    let open =
        || Button::new("Open a thread", Style::Secondary, &CustomId::OpenThread { job: story.head.id });
    (story.head.visibility != Visibility::Private && story.head.due_at.is_some()).then(open)
}

/// What came of the wish for a thread.
pub(crate) fn opened(job: JobId, opened: Opened) -> String {
    match opened {
        Opened::Here(thread) => format!("🧵 Job {job} is told in <#{thread}>."),
        Opened::Private => format!(
            "⚠️ Job {job} has no thread: it is private, and whoever manages this server reads every thread. You are told by direct message."
        ),
        Opened::NotTheirs => format!("⚠️ Only whose job it is opens a thread for job {job}."),
        Opened::CannotHere => {
            format!("⚠️ No thread can be opened here for job {job}: its card and direct messages tell you.")
        }
    }
}

/// What happened after this revision, with the question or the answer that came with it; none: nothing that people read.
/// `answer` is the whole answer that counts.
pub(crate) fn thread_news(story: &JobStory, since: u64, answer: Option<&str>) -> Option<Message> {
    let news: Vec<&Event> = story.events.iter().filter(|event| event.seq > since).collect();
    let told: Vec<String> = news
        .iter()
        .rev()
        .filter_map(|event| Some((tell(story, event)?, matches!(event.what, What::Asked { .. }))))
        .take(LINES_MAX)
        .map(|(told, asks)| {
            // A question stands below, whole.
            let detail = told.details.first().filter(|_| !asks);
            let detail = detail.map(|detail| format!(": {}", line(detail, 200)));
            fit(&format!("{} {}{}", told.mark.sign(), line(&told.text, 200), detail.unwrap_or_default()), 230)
        })
        .collect();
    let mut message = Message::of(told.into_iter().rev().collect::<Vec<_>>().join("\n"));
    let asks = news.iter().any(|event| matches!(event.what, What::Asked { .. } | What::InputAsked { .. }));
    let mut description = String::new();
    if let Some(question) = story.asked().filter(|_| asks && story.allowed.contains(&JobAction::Reply)) {
        description = format!("**You are asked**\n{}", quoted(&question.text, 1_500));
    } else if let Some(answer) = answer.filter(|_| brings_answer(story, since)) {
        let text = readable_answer(answer, story.display.as_deref());
        let name = story.answered().map(|view| view.agent.to_string()).unwrap_or_default();
        description = format!("**Answer of {}**\n", line(&name, 40));
        if let Some(shown) = block(&text, ANSWER_MAX) {
            description.push_str(&shown);
        } else {
            description.push_str("It is long: see the file.");
            message.files.push(answer_file(&story.head, answer, &text));
        }
    }
    if !description.is_empty() {
        message.embed = Some(Embed { description, color: color(&story.head.state), ..Embed::default() });
        message.buttons = buttons(story);
    }
    (!message.content.is_empty() || message.embed.is_some()).then_some(message)
}

/// Whether there is an answer to decide about, or that counts, which was not told before.
fn brings_answer(story: &JobStory, since: u64) -> bool {
    let answered = story.events.iter().rev().find(|event| matches!(event.what, What::Answered { .. }));
    let answered = answered.map_or(0, |event| event.seq);
    let mut shows = story.events.iter().filter(|event| {
        event.seq > answered && matches!(event.what, What::ReviewRequested { .. } | What::Completed { .. })
    });
    shows.next().is_some_and(|first| first.seq > since)
}

/// Somebody is told in a thread that it has news for them.
pub(crate) fn thread_ping(text: &str) -> Message {
    Message::of(format!("{}.", capital(&line(text, 400))))
}
