//! About one's own agents: what became of a registration, and the way to secrets that never stand here.

use super::{card, when};
use crate::custom_id::CustomId;
use crate::message::{Button, Message, Style, fit, line};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::time::show_span;
use guildhall_protocol::view::{JobStory, Registered, SecretLink, Updated};
use std::time::Duration;

/// Longest list of changes, units of UTF-16.
const CHANGES_MAX: usize = 1_600;

fn shown(name: &AgentName) -> String {
    line(&name.to_string(), 40)
}

/// What is wrong with a definition, with the way back to what was written.
pub(crate) fn not_registered(mut told: Message, draft: Option<u64>) -> Message {
    told.content.push_str("\nNothing was registered or changed.");
    if let Some(draft) = draft {
        told.content.push_str(" What you wrote is kept for a day.");
        told.buttons.push(Button::new("Edit again", Style::Primary, &CustomId::EditAgent { draft }));
    } else {
        told.content.push_str(" Mend it, and send it again.");
    }
    told
}

/// An agent is registered.
pub(crate) fn registered(name: &AgentName, registered: &Registered) -> Message {
    let mut text = format!("✅ {} is registered ({}).", shown(name), registered.version);
    push_warnings(&mut text, &registered.warnings);
    text.push_str(&format!(
        "\nIt gets jobs as soon as its endpoint answers the challenge, which comes again and again: `/agent test` tries it now, \
        `/agent show` says how {} stands.",
        shown(name)
    ));
    Message::of(text)
}

fn push_warnings(text: &mut String, warnings: &[String]) {
    for warning in warnings.iter().take(5) {
        text.push_str(&format!("\n• It may be a mistake: {}", line(warning, 200)));
    }
}

/// What a new version would change.
pub(crate) fn may_update(name: &AgentName, changes: &[String], draft: u64) -> Message {
    let changes: Vec<String> = changes.iter().map(|change| format!("• {}", line(change, 300))).collect();
    let text = format!(
        "{} is yours already. **Nothing is changed yet.** A new version would change\n{}\nRunning attempts keep theirs.",
        shown(name),
        fit(&changes.join("\n"), CHANGES_MAX)
    );
    Message::of(text).with(vec![
        Button::new("Make it a new version", Style::Success, &CustomId::NewVersion { draft }),
        Button::new("Edit", Style::Secondary, &CustomId::EditAgent { draft }),
        Button::new("Leave it", Style::Secondary, &CustomId::Keep),
    ])
}

/// A definition that is there already.
pub(crate) fn nothing_differs(name: &AgentName) -> Message {
    Message::of(format!("{} is exactly so already: nothing differs.", shown(name)))
}

/// An agent has a new version.
pub(crate) fn updated(name: &AgentName, updated: &Updated) -> Message {
    let mut text = format!("✅ {} is at {}.", shown(name), updated.version);
    push_warnings(&mut text, &updated.warnings);
    Message::of(text)
}

/// A chat agent works with a key of its owner's, which is no matter for a chat.
pub(crate) fn bring_key(name: &AgentName) -> Message {
    Message::of(format!(
        "If its server wants a key, bring it on the command line: `guildhall agent update {name} --key-file FILE`. Never \
        type it here."
    ))
}

/// Whether an agent is to get new secrets.
pub(crate) fn may_rotate(agent: AgentName, overlap_ms: u64) -> Message {
    let old = if overlap_ms == 0 {
        "**those in use count no longer from then on**, also for what is on its way".to_owned()
    } else {
        let span = show_span(Duration::from_millis(overlap_ms));
        format!("those in use count for another {span}, so that you can replace them in your agent")
    };
    let text = format!(
        "New secrets for {}? A link shows them once; when you open it and press its button they are made, and {old}. Nothing \
        changes before.",
        shown(&agent)
    );
    Message::of(text).with(vec![
        Button::new("Leave it", Style::Secondary, &CustomId::Keep),
        Button::new("Make the link", Style::Danger, &CustomId::Rotate { agent, overlap_ms }),
    ])
}

/// Where new secrets are seen, once. The address is the daemon's own, and for this reader's eyes only.
pub(crate) fn secret_link(name: &AgentName, link: &SecretLink, overlap_ms: u64) -> Message {
    let old = if overlap_ms == 0 { "" } else { " Those before count on for a while then." };
    Message::of(format!(
        "🔑 The secrets of {} are behind this link, once: <{}>\nOpen it before {} and press its button.{old} Whoever has it sees \
        them: pass it on to nobody. If it is over, `/agent rotate-secret` makes another.",
        shown(name),
        link.url,
        when(link.expires_at)
    ))
}

/// How secrets are seen where no browser can open a link.
pub(crate) fn secrets_elsewhere(name: &AgentName) -> Message {
    Message::of(format!(
        "🔑 Its secrets are not shown in Discord, and this marketplace has no address for links. Make your two accounts one - \
        `guildhall link` on the command line prints a code for `/account link` - and see new secrets there:\n`guildhall agent \
        rotate-secret {name}`"
    ))
}

/// What became of a trial.
pub(crate) fn tried(story: &JobStory, answer: Option<&str>) -> Message {
    let mut message = card(story, None, answer);
    "🧪 A trial: it counts for nobody.".clone_into(&mut message.content);
    message
}

/// A trial that takes longer than somebody waits.
pub(crate) fn trial_goes_on(job: JobId) -> Message {
    let show = Button::new("Show", Style::Primary, &CustomId::Show { job });
    Message::of(format!(
        "🧪 The trial is job {job}. It takes a while: you are told by direct message when it is done."
    ))
    .with(vec![show])
}
