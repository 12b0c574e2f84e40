//! The commands as Discord shows them. Where they can be used and how the bot may be installed is said of each.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Discord's bit of Manage Server, as it writes permissions.
const MANAGE_GUILD: &str = "32";

/// Of what somebody is told, and its name.
pub(crate) const KINDS: [(&str, &str); 24] = [
    ("Assignments of my agents", "agent_assigned"),
    ("Judgements of my agents' answers", "agent_judged"),
    ("Jobs of mine that are done", "job_completed"),
    ("Jobs of mine that wait for an agent", "job_waiting"),
    ("Answers that wait for my decision", "review_wanted"),
    ("Questions to me", "question"),
    ("Reminders before time runs out", "reminder"),
    ("Jobs of mine that nobody could do", "job_failed"),
    ("Jobs of mine whose deadline passed", "job_expired"),
    ("Jobs of mine that an operator holds", "job_held"),
    ("Jobs of mine that an operator called off", "job_canceled"),
    ("Decisions about my complaints", "appeal_decided"),
    ("Agents of mine that failed", "agent_ended"),
    ("Agents of mine that cannot be reached", "circuit_opened"),
    ("Agents of mine that can be reached again", "circuit_closed"),
    ("Agents of mine that get no jobs until tested", "agent_quarantined"),
    ("Agents of mine that are gone", "agent_gone"),
    ("Agents of mine that work for others", "agent_published"),
    ("Agents of mine that may not work for others", "publishing_refused"),
    ("Agents that are offered to me", "agent_offered"),
    ("Operators: jobs that need one", "operator_needed"),
    ("Operators: complaints and contests", "appeal_made"),
    ("Operators: agents to approve", "approval_wanted"),
    ("Operators: a budget is nearly spent", "budget_low"),
];

/// Every command.
pub(crate) fn commands() -> Value {
    json!([
        command("job", "Jobs: post what you want done, follow it, decide about the answer", &[
            sub("post", "Post a job: a form asks what you want", &[
                typed("agent", "Only this agent, such as @summarizer: the form asks what it needs"),
                text("brief", "What you want, where a line is enough"),
                choice("review", "When you look at the answer", &[
                    ("When it cannot be checked", "on_abstain"),
                    ("Always", "always"),
                    ("Never: an operator decides in doubt", "never"),
                ]),
                choice("visibility", "Who may see it", &[("Only me", "private"), ("Everybody here", "place")]),
                text("criteria", "How you will know that it is right, such as: max 200 words"),
                text("deadline", "When it must be done, such as 2h, 3d or 18:00; by default in a day"),
                text("label", "Your own word for a group of jobs"),
                file("material", "A text or JSON file to work on"),
                flag("preview", "Only show who would get it"),
                flag("thread", "Tell it in a thread at its card, if everybody here may see it"),
            ]),
            sub("list", "Your jobs, newest first", &[]),
            sub("show", "A job with its answer", &[job()]),
            sub("why", "Why an agent got a job, or why it waits", &[job()]),
            sub("cancel", "Call a job off", &[job()]),
            sub("again", "Post a job once more, saying what was wrong", &[job()]),
            sub("share", "Let somebody read a job, answer its questions and decide about it", &[
                job(),
                person("with", "Whom"),
                flag("stop", "No longer"),
            ]),
        ]),
        command("inbox", "Everything that waits for you", &[]),
        command("agent", "Agents: who does the work", &[
            sub("find", "Find agents for what you want done", &[needed(text("text", "What you want done"))]),
            sub("show", "What an agent is and did", &[needed(typed("agent", "Its name"))]),
            sub("register", "Register an agent: a form asks what it is, or a file says it", &[
                file("definition", "The whole definition, a JSON file as `guildhall agent register` reads it"),
            ]),
            sub("list", "All agents that you may use", &[]),
            sub("test", "Try your agent's endpoint and examples", &[needed(typed("agent", "Its name"))]),
            sub("try", "Try an agent with a job that counts for nobody", &[
                needed(typed("agent", "Its name")),
                text("input", "What it works on, text or JSON; else a form asks what it needs"),
            ]),
            sub("pause", "Your agent gets no new jobs", &[needed(typed("agent", "Its name"))]),
            sub("resume", "Your agent works again", &[needed(typed("agent", "Its name"))]),
            sub("retire", "Your agent gets no jobs any more, for good", &[needed(typed("agent", "Its name"))]),
            sub("rotate-secret", "New secrets for your agent, shown once behind a link", &[
                needed(typed("agent", "Its name")),
                text("overlap", "How long those before count, such as 2h or 7d; by default a day"),
                flag("now", "Those before count no longer: somebody else may know them"),
            ]),
        ]),
        command("account", "Who you are here, and how you are told", &[
            sub("show", "What you have, and your limits", &[]),
            sub("link", "Make this account part of another: enter its code", &[
                needed(text("code", "From `guildhall link` where you are known as somebody else")),
            ]),
            sub("timezone", "By which clock you live: 18:00 is yours then", &[
                typed("zone", "Such as Europe/Berlin; off forgets it"),
            ]),
            sub("usage", "What you use, what you may, and when there is room again", &[]),
            sub("privacy", "Who receives the text of your jobs, and how long it is kept", &[]),
            sub("notifications", "How you are told", &[choice("of", "Of what", &KINDS), choice("how", "How", &[("As usual", "usual"), ("Here, by direct message", "discord"), ("Not at all", "off")])]),
        ]),
        for_managers(command("setup", "Settle what Guildhall does in this server", &[])),
        command("queue", "Operators: all jobs that have not ended", &[]),
        command("status", "How the marketplace is", &[]),
        command("help", "How this works", &[choice("topic", "About what", &[
            ("Posting a job", "post"),
            ("Deciding about an answer", "decide"),
            ("Having an agent", "agent"),
            ("Managing a server", "server"),
        ])]),
        {
            "name": "Make this a job", "type": 3,
            "integration_types": [0, 1], "contexts": [0, 1, 2],
        },
    ])
}

/// Changes when the commands do.
pub(crate) fn fingerprint(commands: &Value) -> String {
    hex::encode(&Sha256::digest(commands.to_string())[..16])
}

fn command(name: &str, about: &str, options: &[Value]) -> Value {
    json!({
        "name": name, "type": 1, "description": about, "options": options,
        // In servers and for users; in servers, in direct messages with the bot, in others' direct messages.
        "integration_types": [0, 1], "contexts": [0, 1, 2],
    })
}

/// A command that a server shows to whoever may manage it, unless it says otherwise; the daemon looks for itself.
fn for_managers(mut command: Value) -> Value {
    command["default_member_permissions"] = json!(MANAGE_GUILD);
    command["integration_types"] = json!([0]);
    command["contexts"] = json!([0]);
    command
}

fn sub(name: &str, about: &str, options: &[Value]) -> Value {
    json!({"type": 1, "name": name, "description": about, "options": options})
}

fn text(name: &str, about: &str) -> Value {
    json!({"type": 3, "name": name, "description": about, "max_length": 1000})
}

/// Text that is completed while it is typed.
fn typed(name: &str, about: &str) -> Value {
    json!({"type": 3, "name": name, "description": about, "autocomplete": true})
}

fn job() -> Value {
    needed(typed("job", "Its number"))
}

fn needed(mut option: Value) -> Value {
    option["required"] = json!(true);
    option
}

fn flag(name: &str, about: &str) -> Value {
    json!({"type": 5, "name": name, "description": about})
}

fn file(name: &str, about: &str) -> Value {
    json!({"type": 11, "name": name, "description": about})
}

fn person(name: &str, about: &str) -> Value {
    json!({"type": 6, "name": name, "description": about, "required": true})
}

fn choice(name: &str, about: &str, choices: &[(&str, &str)]) -> Value {
    let choices: Vec<Value> =
        choices.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json!({"type": 3, "name": name, "description": about, "choices": choices})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Discord's limits of names, descriptions and options; required ones come first.
    fn check(option: &Value) {
        let word = |key: &str| option[key].as_str().unwrap_or_default().to_owned();
        assert!((1..=32).contains(&word("name").len()), "{option}");
        let options = option["options"].as_array().cloned().unwrap_or_default();
        assert!(
            options.len() <= 25 && option["choices"].as_array().is_none_or(|choices| choices.len() <= 25)
        );
        if option["type"] != 3 || option.get("contexts").is_none() {
            assert!((1..=100).contains(&word("description").chars().count()), "{option}");
        }
        let required: Vec<bool> = options.iter().map(|option| option["required"] == true).collect();
        assert!(required.is_sorted_by(|first, second| first >= second), "required ones come first: {option}");
        for inner in &options {
            check(inner);
        }
    }

    #[test]
    fn the_commands_are_within_discord_s_limits() {
        let commands = commands();
        for command in commands.as_array().expect("a list") {
            check(command);
            assert!(command.to_string().len() < 8_000, "{command}");
            assert!(command["contexts"].is_array() && command["integration_types"].is_array());
        }
        assert_eq!(fingerprint(&commands), fingerprint(&super::commands()));
    }
}
