//! An order as the line of the command line that gives it: to be copied, repeated, put into a script. What stands in it was
//! said by people, so a shell must take it as text and not as a command.

use super::overlay::{Deed, Matching, Target};
use guildhall_protocol::agent::Audience;
use guildhall_protocol::job::Priority;
use guildhall_protocol::listing::JobFilter;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::HeldWhy;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentOrder, EngineOrder, HoldOrder, Order, RegisterOptions};
use serde::Serialize;
use std::time::Duration;

/// Longest command that is made, bytes: what is longer is not for a clipboard.
const COMMAND_BYTES_MAX: usize = 30_000;

/// The command; none: the command line has no such order, or it would be too long, or hold a secret.
pub(crate) fn command(deed: &Deed, now: Timestamp) -> Option<String> {
    let command = match deed {
        Deed::Jobs { jobs, order } => of_jobs(jobs, order)?,
        Deed::Matching { matching, order } => of_matching(matching, order, now)?,
        Deed::Agent { name, order } => match order {
            AgentOrder::Pause { for_ms: None } => format!("guildhall agent pause {name}"),
            AgentOrder::Pause { for_ms: Some(ms) } => format!("guildhall agent pause {name} --for={ms}ms"),
            AgentOrder::Resume => format!("guildhall agent resume {name}"),
            AgentOrder::Retire => format!("guildhall agent retire {name}"),
        },
        Deed::Hold { name, order } => {
            let (verb, rest) = of_hold(order)?;
            format!("guildhall agent {verb} {name}{rest}")
        }
        Deed::TestAgent { name } => format!("guildhall agent test {name}"),
        Deed::Post { draft, .. } => with_document("guildhall job post", draft)?,
        Deed::Register { definition, options, .. } => {
            with_document(&with_options("guildhall agent register", options)?, definition)?
        }
        Deed::Update { definition, options, .. } => {
            with_document(&with_options("guildhall agent update", options)?, definition)?
        }
        Deed::Engine { order, reason } => {
            let verb = match order {
                EngineOrder::Pause => "pause",
                EngineOrder::Resume => "resume",
            };
            format!("guildhall engine {verb}{}", option("reason", reason.as_deref()))
        }
        Deed::Replay { notice } => format!("guildhall notices replay {}", notice.0),
        Deed::Reveal { job, reason } => {
            format!("guildhall job reveal {}{}", job.0, option("reason", Some(reason)))
        }
    };
    (command.len() <= COMMAND_BYTES_MAX).then_some(command)
}

/// One command for all of them where there is one, else one for each.
fn of_jobs(jobs: &[Target], order: &Order) -> Option<String> {
    if let (Some(verb), true) = (of_many(order.action), jobs.len() > 1) {
        let numbers: Vec<String> = jobs.iter().map(|target| target.job.0.to_string()).collect();
        return Some(format!("guildhall job order-many {verb} {}{}", numbers.join(" "), beside_many(order)));
    }
    let lines: Option<Vec<String>> = jobs.iter().map(|target| of_job(target.job.0, order)).collect();
    lines.map(|lines| lines.join("\n"))
}

fn of_job(job: i64, order: &Order) -> Option<String> {
    let name = order.action.name();
    let reason = option("reason", order.text.as_deref());
    let attempt = order.attempt.map_or_else(String::new, |attempt| format!(" --attempt={}", attempt.0));
    Some(match order.action {
        JobAction::Cancel
        | JobAction::Retry
        | JobAction::Again
        | JobAction::Accept
        | JobAction::RequestChanges
        | JobAction::Dispute
        | JobAction::Resend
        | JobAction::GiveUp => format!("guildhall job {name} {job}{reason}"),
        JobAction::Complain | JobAction::Contest => format!("guildhall job {name} {job}{reason}{attempt}"),
        JobAction::Uphold => format!("guildhall job decide {job} uphold{reason}{attempt}"),
        JobAction::Reject => format!("guildhall job decide {job} reject{reason}{attempt}"),
        JobAction::Reply => {
            // A dash alone would be the standard input.
            let answer = order.text.as_deref().filter(|text| *text != "-")?;
            format!("guildhall job answer {job} -- {}", quoted(answer))
        }
        JobAction::Reassign => {
            let to = order.agent.as_ref().map_or_else(String::new, |agent| format!(" --to={agent}"));
            format!("guildhall job reassign {job}{to}{reason}")
        }
        JobAction::Exclude | JobAction::Include => {
            format!("guildhall job {name} {job} {}{reason}", order.agent.as_ref()?)
        }
        JobAction::Prioritize => {
            format!("guildhall job prioritize {job} {}{reason}", class(order.priority?))
        }
        JobAction::Extend => format!("guildhall job extend {job} {}{reason}", order.deadline?),
    })
}

fn of_matching(matching: &Matching, order: &Order, now: Timestamp) -> Option<String> {
    let verb = of_many(order.action)?;
    let filter = filter(&matching.filter, now);
    Some(format!("guildhall job order-many {verb}{filter} --expect={}{}", matching.count, beside_many(order)))
}

/// What `job order-many` calls an action, if it knows it.
fn of_many(action: JobAction) -> Option<&'static str> {
    match action {
        JobAction::Cancel
        | JobAction::Retry
        | JobAction::Reassign
        | JobAction::Exclude
        | JobAction::Include
        | JobAction::Prioritize
        | JobAction::Resend
        | JobAction::GiveUp => Some(action.name()),
        JobAction::Again
        | JobAction::Accept
        | JobAction::RequestChanges
        | JobAction::Dispute
        | JobAction::Reply
        | JobAction::Extend
        | JobAction::Complain
        | JobAction::Contest
        | JobAction::Uphold
        | JobAction::Reject => None,
    }
}

fn beside_many(order: &Order) -> String {
    let to = order.agent.as_ref().map_or_else(String::new, |agent| format!(" --to={agent}"));
    let class =
        order.priority.map_or_else(String::new, |priority| format!(" --to-class={}", class(priority)));
    format!("{to}{class}{}", option("reason", order.text.as_deref()))
}

/// A filter as options. Its times are moments, and the command line takes them as spans before it runs.
fn filter(filter: &JobFilter, now: Timestamp) -> String {
    let mut options: String = filter.states.iter().map(|state| option("state", Some(state))).collect();
    if filter.mine {
        options.push_str(" --mine");
    }
    let span = |at: Option<Timestamp>| at.map(|at| span(at.since(now).max(now.since(at))));
    let others = [
        ("label", filter.label.clone()),
        ("agent", filter.agent.as_ref().map(ToString::to_string)),
        ("client", filter.client.as_ref().map(ToString::to_string)),
        ("place", filter.place.map(|place| place.0.to_string())),
        ("class", filter.priority.map(|priority| class(priority).to_owned())),
        ("text", filter.text.clone()),
        ("older", span(filter.posted_before)),
        ("newer", span(filter.posted_from)),
        ("unchanged", span(filter.changed_before)),
        ("changed", span(filter.changed_from)),
        ("ended", filter.ended.map(|ended| ended.name().to_owned())),
        ("attempts", filter.attempts_min.map(|attempts| attempts.to_string())),
        ("held", filter.held.map(|held| held_for(held).to_owned())),
    ];
    options.extend(others.iter().map(|(name, value)| option(name, value.as_deref())));
    options
}

fn held_for(held: HeldWhy) -> &'static str {
    match held {
        HeldWhy::Unclear => "unclear",
        HeldWhy::Poison => "poison",
    }
}

/// A span in its largest unit that loses nothing.
fn span(span: Duration) -> String {
    let ms = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits = units.into_iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{ms}ms"), |(unit, name)| format!("{}{name}", ms / unit))
}

fn class(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

/// The verb of an order about whose an agent is, and what follows the name; none: it is not given from here.
fn of_hold(order: &HoldOrder) -> Option<(&'static str, String)> {
    match order {
        HoldOrder::Publish { audience: Audience::Public } => {
            Some(("publish", " --audience=public".to_owned()))
        }
        HoldOrder::Publish { audience: Audience::Place } => Some(("publish", " --audience=place".to_owned())),
        HoldOrder::Refuse { reason } => Some(("refuse", option("reason", reason.as_deref()))),
        HoldOrder::Take => Some(("take", String::new())),
        HoldOrder::Publish { audience: Audience::Owner }
        | HoldOrder::Withdraw
        | HoldOrder::AddOwner { .. }
        | HoldOrder::RemoveOwner { .. }
        | HoldOrder::Offer { .. }
        | HoldOrder::Vouch => None,
    }
}

/// None: there is a key, which is for no clipboard.
fn with_options(command: &str, options: &RegisterOptions) -> Option<String> {
    if options.api_key.is_some() {
        return None;
    }
    let private = if options.allow_private { " --allow-private" } else { "" };
    let house = if options.house { " --house" } else { "" };
    let audience = match options.audience {
        Audience::Owner => "",
        Audience::Place => " --audience=place",
        Audience::Public => " --audience=public",
    };
    Some(format!("{command}{private}{house}{audience}"))
}

/// A command that reads a document, with the document. It is one line, and so it cannot end itself.
fn with_document(command: &str, document: &impl Serialize) -> Option<String> {
    let json = serde_json::to_string(document).ok()?;
    Some(format!("{command} --file=- <<'END'\n{json}\nEND"))
}

fn option(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(" --{name}={}", quoted(value)))
}

/// A word as a shell reads it back.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "@._:,/-".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
