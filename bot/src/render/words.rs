//! Short answers.

use super::capital;
use crate::cards::{Placed, Stands};
use crate::custom_id::CustomId;
use crate::message::{Button, File, Message, Style, line};
use guildhall_protocol::account::{CONSENT_FIELD, LinkOffer, Policy, UserStory};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::narrate::tell_pick;
use guildhall_protocol::time::{Timestamp, show_clock, zone};
use guildhall_protocol::usage::UsageReport;
use guildhall_protocol::view::{Posted, Preview, Status};
use std::collections::BTreeMap;

/// Longest text of an error, graphemes.
const ERROR_MAX: usize = 600;

/// What did not work. Command lines in hints are for the command line: here they are said, and not offered.
pub(crate) fn error(error: &ApiError) -> Message {
    let sign = match error.kind {
        ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::Internal => "🔌",
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Forbidden
        | ErrorKind::Limited
        | ErrorKind::Unsupported => "⚠️",
    };
    let mut text = format!("{sign} {}.", line(&error.message, ERROR_MAX));
    if let Some(field) = error.field.as_ref().filter(|field| *field != CONSENT_FIELD) {
        text.push_str(&format!(" (It is about {}.)", line(field, 60)));
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("\n{}.", capital(&line(hint, ERROR_MAX))));
    }
    if error.kind == ErrorKind::Unavailable {
        text.push_str("\nNothing was changed: try again in a moment.");
    }
    if let Some(incident) = &error.incident {
        text.push_str(&format!("\nIncident {}.", line(incident, 40)));
    }
    Message::of(text)
}

/// Something was decided already.
pub(crate) fn stale(error: &ApiError, job: JobId) -> Message {
    let show = Button::new("Show it", Style::Primary, &CustomId::Show { job });
    Message::of(format!("⚠️ {}. It changed meanwhile.", line(&error.message, ERROR_MAX))).with(vec![show])
}

/// A job is posted.
pub(crate) fn posted(job: JobId, card: Placed) -> Message {
    let mut text = match card.stands {
        Stands::Here => {
            format!("✅ Job {job} is posted. Its card is kept current, and you are told when it is done.")
        }
        Stands::OnBoard(board) => {
            format!(
                "✅ Job {job} is posted. Its card is kept current in <#{board}>, and you are told when it is done."
            )
        }
        Stands::InDirectMessages => {
            format!("✅ Job {job} is posted. No card can be posted here: you are told by direct message.")
        }
        Stands::Nowhere => format!(
            "✅ Job {job} is posted. Neither here nor by direct message can you be told: look at it with `/job show`."
        ),
    };
    if card.board_is_lost {
        text.push_str("\n⚠️ The board of this server takes no cards: whoever manages it chooses another channel with `/setup`.");
    }
    Message::of(text).with(vec![Button::new("Show", Style::Primary, &CustomId::Show { job })])
}

/// Who would get a job.
pub(crate) fn preview(preview: &Preview, draft: u64) -> Message {
    let mut text = format!("**Nothing is posted yet.** {}", line(&tell_pick(&preview.pick), 800));
    for note in &preview.notes {
        text.push_str(&format!("\n• {}", line(note, 300)));
    }
    Message::of(text).with(vec![
        Button::new("Post it", Style::Success, &CustomId::PostDraft { draft }),
        Button::new("Edit", Style::Secondary, &CustomId::EditPost { draft }),
    ])
}

/// What a file would post.
pub(crate) fn many(jobs: &[JobDraft], options: &BTreeMap<String, String>, draft: u64) -> Message {
    let shown = jobs.iter().take(5).map(|job| format!("• {}", line(&job.shown_title(), 100)));
    let mut text = format!(
        "**Nothing is posted yet.** The file holds {}:\n",
        if jobs.len() == 1 { "1 job".to_owned() } else { format!("{} jobs", jobs.len()) }
    );
    text.push_str(&shown.collect::<Vec<_>>().join("\n"));
    if jobs.len() > 5 {
        text.push_str("\n• and so on");
    }
    let is_for_each = |name: &str| !matches!(name, "preview" | "thread");
    for (name, given) in options.iter().filter(|(name, _)| is_for_each(name)) {
        text.push_str(&format!("\nEach, if it does not say so itself: {name} {}", line(given, 200)));
    }
    Message::of(text).with(vec![Button::new(
        "Post all of them",
        Style::Success,
        &CustomId::PostMany { draft },
    )])
}

/// What became of the jobs of a file.
pub(crate) fn posted_many(posted: &[Result<Posted, ApiError>]) -> Message {
    let numbers: Vec<String> = posted.iter().flatten().map(|posted| posted.id.to_string()).collect();
    let mut text = if numbers.is_empty() {
        "⚠️ No job was posted.".to_owned()
    } else {
        format!(
            "✅ {} posted: {}. You are told when each is done; `/job show` shows any of them.",
            if numbers.len() == 1 { "1 job is".to_owned() } else { format!("{} jobs are", numbers.len()) },
            numbers.join(", ")
        )
    };
    for (answer, number) in posted.iter().zip(1..) {
        if let Err(error) = answer {
            text.push_str(&format!("\n⚠️ Job {number} of the file: {}.", line(&error.message, 200)));
        }
    }
    Message::of(text)
}

/// The privacy policy, with a button that consents and goes on.
pub(crate) fn policy(policy: &Policy, draft: Option<u64>) -> Message {
    let file = File { name: "privacy.txt".to_owned(), bytes: policy.text.clone().into_bytes() };
    let version = policy.version.clone();
    let consented = if policy.consented { "You consented to it." } else { "You did not consent to it yet." };
    let mut message = Message {
        content: format!("Who receives the text of your jobs, and how long it is kept. {consented}"),
        files: vec![file],
        ..Message::default()
    };
    if let Some(draft) = draft {
        "Before your first post: read who receives its text and how long it is kept."
            .clone_into(&mut message.content);
        let id = CustomId::Consent { version, draft };
        message.buttons.push(Button::new("I have read it: post my job", Style::Success, &id));
    }
    message
}

/// Who somebody is here.
pub(crate) fn account(story: &UserStory) -> Message {
    let of = |most: Option<u64>| most.map(|most| format!(" of {most}")).unwrap_or_default();
    let known: Vec<String> =
        story.identities.iter().map(|identity| line(&identity.to_string(), 200)).collect();
    Message::of(format!(
        "You are **{}** ({}, {}).\nKnown as {}.\nOpen jobs {}{}, agents {}{}.",
        line(&story.head.name, 80),
        story.head.id,
        story.head.account.role,
        known.join(", "),
        story.usage.open_jobs,
        of(story.limits.open_jobs),
        story.usage.agents,
        of(story.limits.agents),
    ))
}

/// By which clock somebody lives.
pub(crate) fn timezone(name: Option<&str>, now: Timestamp) -> Message {
    let known = name.and_then(|name| Some((name, zone(name)?)));
    Message::of(match known {
        Some((name, zone)) => format!(
            "🕰️ Clock times that you type, such as 18:00, are of **{}**, where it is {} now.",
            line(name, 60),
            show_clock(now, &zone)
        ),
        None => "🕰️ No time zone of yours is known: a deadline such as 18:00 takes one. `/account timezone zone:` says it."
            .to_owned(),
    })
}

/// What somebody uses, and may.
pub(crate) fn usage(report: &UsageReport) -> Message {
    Message::of(format!("• {}", report.lines(super::when).join("\n• ")))
}

/// What entering a code would do.
pub(crate) fn link_offer(offer: &LinkOffer, code: &str) -> Message {
    let known: Vec<String> = offer.known_as.iter().map(|identity| line(&identity.to_string(), 200)).collect();
    let text = format!(
        "You would become part of **{}** ({}; known as {}). {} open jobs and {} agents of yours move. It cannot be undone.",
        line(&offer.kept.name, 80),
        offer.kept.id,
        known.join(", "),
        offer.moves.open_jobs,
        offer.moves.agents
    );
    let code =
        code.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(16).collect();
    Message::of(text).with(vec![Button::new("Join them", Style::Danger, &CustomId::Join { code })])
}

/// How the marketplace is.
pub(crate) fn status(status: &Status, latency_ms: u128) -> Message {
    let jobs: Vec<String> =
        status.jobs.iter().map(|(state, count)| format!("{} {count}", line(state, 40))).collect();
    let mut text = format!(
        "The daemon answers in {latency_ms} ms. {} of {} agents are active.\nJobs: {}",
        status.agents_active,
        status.agents,
        if jobs.is_empty() { "none".to_owned() } else { jobs.join(", ") }
    );
    for note in &status.notes {
        text.push_str(&format!("\n• {}", line(note, 300)));
    }
    Message::of(text)
}

/// How this works.
pub(crate) fn help(topic: Option<&str>) -> Message {
    Message::of(match topic {
        Some("decide") => {
            "An answer that cannot be checked comes back to you: **Accept** it, **Request changes** and say what is wrong, or \
             **Ask an operator**. Silence accepts after three days if all that could be checked had passed. `/inbox` shows \
             what waits for you."
        }
        Some("agent") => {
            "Whatever speaks HTTP can be an agent. `/agent register` opens a form, or takes a file; its secrets are shown once, \
             behind a link, and never here. `/agent test` tries its endpoint, `/agent try` gives it a job that counts for nobody. \
             You hear of its jobs by direct message; `/agent pause` and `/agent rotate-secret` work here, too."
        }
        Some("server") => {
            "Whoever may manage a server types `/setup` in it: where the cards of new jobs stand, which channel is told what \
             operators must know, who may post, who operates its jobs, which agents get them, and who sees a job that does not \
             say it. Each choice counts at once."
        }
        _ => {
            "`/job post` opens a form: say what you want. An agent is picked, its answer is checked, and you are told. `/job \
             list` shows your jobs, `/job show` one with its answer, `/job cancel` calls one off, `/inbox` shows what waits for you. A \
             job that everybody here may see is told in a thread of its own with `thread:`, or by the button on its card."
        }
    })
}
