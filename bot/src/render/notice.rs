//! A notice as a direct message.

use super::{capital, state};
use crate::custom_id::CustomId;
use crate::message::{Button, Message, Style, line};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::notice::{LeasedNotice, NoticeKind};
use guildhall_protocol::place::LeasedAlert;
use guildhall_protocol::view::JobHead;

/// Longest sentence, graphemes.
const TEXT_MAX: usize = 400;
/// Most jobs that are named where many are told at once.
const JOBS_MAX: usize = 60;

/// What somebody is told. What to do next is a button here, and not a command line.
pub(crate) fn notice(leased: &LeasedNotice) -> Message {
    let notice = &leased.notice;
    let mut text = format!("{}.", capital(&line(&notice.text, TEXT_MAX)));
    if let Some(NoticeKind::AgentOffered | NoticeKind::ApprovalWanted | NoticeKind::AccountJoined) =
        notice.kind.known()
    {
        text.push_str(&format!("\n{}", line(&notice.next, TEXT_MAX)));
    }
    let mut buttons = Vec::new();
    if !leased.with.is_empty() {
        let jobs: Vec<String> =
            notice.job.iter().chain(&leased.jobs).take(JOBS_MAX).map(ToString::to_string).collect();
        if !jobs.is_empty() {
            let more = if leased.jobs.len() >= JOBS_MAX { " and more" } else { "" };
            text.push_str(&format!(
                "\nJobs {}{more}: `/job show` shows each, `/inbox` what waits.",
                jobs.join(", ")
            ));
        }
    } else if let Some(job) = notice.job {
        buttons.push(Button::new("Show", Style::Primary, &CustomId::Show { job }));
        if let Some(NoticeKind::JobFailed | NoticeKind::JobExpired) = notice.kind.known() {
            buttons.push(Button::new("Once more", Style::Secondary, &CustomId::AgainForm { job }));
        }
    }
    let kind = notice.kind.to_string();
    buttons.push(Button::new("No more of these", Style::Secondary, &CustomId::Silence { kind }));
    Message::of(text).with(buttons)
}

/// What operators of a server must know, in a channel of theirs.
pub(crate) fn alert(alert: &LeasedAlert) -> Message {
    let show = alert.job.map(|job| Button::new("Show me", Style::Primary, &CustomId::Show { job }));
    Message::of(format!("🔔 {}.", capital(&line(&alert.text, TEXT_MAX)))).with(show.into_iter().collect())
}

/// That something waits, where others read it, too.
pub(crate) fn beside_card(job: JobId) -> Message {
    let show = Button::new("Show me", Style::Primary, &CustomId::Show { job });
    Message::of(format!("there is news of job {job}, and you take no direct messages.")).with(vec![show])
}

/// What a message says from now on that offered what cannot be done any more; `content` is what it said.
pub(crate) fn outdated(content: &str, head: &JobHead) -> Message {
    let show = Button::new("Show", Style::Primary, &CustomId::Show { job: head.id });
    Message::of(format!("⌛ Job {} went on: it is {} now.\n{content}", head.id, state(&head.state)))
        .with(vec![show])
}
