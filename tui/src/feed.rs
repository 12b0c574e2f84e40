//! A line of the feed in words, without the story that it belongs to.

use guildhall_protocol::history::{Actor, Event, Subject};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::narrate::{tell_agent, tell_place, tell_user};

/// A line without its story around it: what it is called, and who did it; agents by their numbers.
pub(crate) fn say(subject: Subject, event: &Event) -> String {
    say_naming(subject, event, numbered)
}

/// An agent of which only the number is known.
pub(crate) fn numbered(agent: AgentId) -> String {
    format!("agent {}", agent.0)
}

/// [`say`] with agents called as this says.
pub(crate) fn say_naming(subject: Subject, event: &Event, agent: impl Fn(AgentId) -> String) -> String {
    let told = match subject {
        Subject::Agent(_) => tell_agent(event),
        Subject::User(_) => tell_user(event),
        Subject::Place(_) => tell_place(event),
        Subject::Job(_) | Subject::System => None,
    };
    let by = match event.by {
        Actor::Daemon => String::new(),
        Actor::User(user) => format!(", by user {}", user.0),
        Actor::Agent(id) => format!(", by {}", agent(id)),
    };
    told.unwrap_or_else(|| format!("{}{by}", name(event)))
}

/// The event's name in its JSON, as words.
fn name(event: &Event) -> String {
    let json = serde_json::to_value(&event.what).unwrap_or_default();
    let name = json.get("type").and_then(|name| name.as_str()).unwrap_or("something").replace('_', " ");
    let attempt = json.get("attempt").and_then(serde_json::Value::as_u64);
    attempt.map_or_else(|| name.clone(), |attempt| format!("attempt {attempt}: {name}"))
}

/// Whose line it is, in a few letters.
pub(crate) fn whose(subject: Subject) -> String {
    match subject {
        Subject::Job(id) => format!("job {id}"),
        Subject::Agent(id) => numbered(id),
        Subject::User(id) => format!("user {}", id.0),
        Subject::Place(id) => format!("place {}", id.0),
        Subject::System => "guildhall".to_owned(),
    }
}
