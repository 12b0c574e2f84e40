//! What somebody wants: a pure function of what Discord says happened.

use crate::custom_id::{CustomId, CustomIdError};
use crate::incoming::{Incoming, Options, What};
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use std::collections::BTreeMap;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Open the form of a new job, with what was given beside it.
    OpenPost(Options),
    /// Open it with a message's text.
    OpenPostWith(String),
    List {
        after: Option<i64>,
    },
    Show(JobId),
    Why(JobId),
    MayCancel(JobId),
    OpenAgain(JobId),
    Share {
        job: JobId,
        with: UserRef,
        stop: bool,
    },
    Inbox,
    FindAgents(String),
    ListAgents,
    ShowAgent(AgentName),
    TestAgent(AgentName),
    PauseAgent(AgentName),
    ResumeAgent(AgentName),
    MayRetire(AgentName),
    /// Open the form of a new agent, or read the file that was given.
    OpenRegister(Options),
    /// Ask whether an agent is to get new secrets.
    MayRotate {
        agent: AgentName,
        overlap: Option<String>,
        now: bool,
    },
    /// Open the form of a trial, with what was given beside it.
    OpenTry(AgentName, Options),
    Account,
    /// See what a code would do.
    Link(String),
    Privacy,
    /// Say a time zone, or see the one that is known.
    Timezone(Option<String>),
    Usage,
    Notify {
        of: Option<String>,
        how: Option<String>,
    },
    Queue,
    Status,
    Help(Option<String>),
    /// See what is settled for the server.
    Setup,
    /// Offer jobs, agents, or agents that get jobs here, that begin so.
    CompleteJobs(String),
    CompleteAgents(String),
    CompleteWorkers(String),
    /// Offer time zones with this in their name.
    CompleteZones(String),
    Clicked(CustomId),
    Chosen(CustomId, Vec<String>),
    Submitted(CustomId, BTreeMap<String, String>),
    /// It cannot be: say so.
    Wrong(String),
}

/// What somebody wants.
pub(crate) fn route(incoming: &Incoming) -> Action {
    match &incoming.what {
        What::Command { path, options } => command(path, options),
        What::OnMessage { text, .. } => Action::OpenPostWith(text.clone()),
        What::Typing { option, text, .. } if option == "job" => Action::CompleteJobs(text.clone()),
        What::Typing { option, text, .. } if option == "zone" => Action::CompleteZones(text.clone()),
        What::Typing { path, text, .. } if path == "job post" => Action::CompleteWorkers(text.clone()),
        What::Typing { text, .. } => Action::CompleteAgents(text.clone()),
        What::Click { custom_id } => ours(custom_id, Action::Clicked),
        What::Choose { custom_id, values } => ours(custom_id, |id| chosen(id, values)),
        What::Submit { custom_id, fields } => ours(custom_id, |id| Action::Submitted(id, fields.clone())),
    }
}

/// What was chosen in a list. In the inbox it is a job or an agent; see [`crate::render::inbox`].
fn chosen(id: CustomId, values: &[String]) -> Action {
    if id != CustomId::Look {
        return Action::Chosen(id, values.to_vec());
    }
    let text = values.first().map(String::as_str).unwrap_or_default();
    let job = text.strip_prefix("job:").and_then(|number| number.parse().ok()).map(JobId);
    let agent = text.strip_prefix("agent:").and_then(|name| name.parse().ok());
    match (job, agent) {
        (Some(job), _) => Action::Show(job),
        (None, Some(agent)) => Action::ShowAgent(agent),
        (None, None) => {
            Action::Wrong("this is none of what waits for you: look again with `/inbox`".to_owned())
        }
    }
}

fn ours(custom_id: &str, action: impl FnOnce(CustomId) -> Action) -> Action {
    custom_id.parse().map_or_else(|error: CustomIdError| Action::Wrong(error.to_string()), action)
}

fn command(path: &str, options: &Options) -> Action {
    let word = |name: &str| options.text(name).map(str::to_owned);
    let is_set = |name: &str| options.text(name) == Some("true");
    let on_job = |action: fn(JobId) -> Action| job(options).map_or_else(Action::Wrong, action);
    let on_agent = |action: fn(AgentName) -> Action| agent(options).map_or_else(Action::Wrong, action);
    match path {
        "job post" => Action::OpenPost(options.clone()),
        "job list" => Action::List { after: None },
        "job show" => on_job(Action::Show),
        "job why" => on_job(Action::Why),
        "job cancel" => on_job(Action::MayCancel),
        "job again" => on_job(Action::OpenAgain),
        "job share" => match (job(options), options.text("with").and_then(user)) {
            (Ok(job), Some(with)) => Action::Share { job, with, stop: is_set("stop") },
            (Err(wrong), _) => Action::Wrong(wrong),
            (_, None) => Action::Wrong("say with whom it is to be shared".to_owned()),
        },
        "inbox" => Action::Inbox,
        "agent find" => word("text")
            .map_or_else(|| Action::Wrong("say what you want done".to_owned()), Action::FindAgents),
        "agent list" => Action::ListAgents,
        "agent show" => on_agent(Action::ShowAgent),
        "agent test" => on_agent(Action::TestAgent),
        "agent pause" => on_agent(Action::PauseAgent),
        "agent resume" => on_agent(Action::ResumeAgent),
        "agent retire" => on_agent(Action::MayRetire),
        "agent register" => Action::OpenRegister(options.clone()),
        "agent rotate-secret" => match agent(options) {
            Ok(agent) => Action::MayRotate { agent, overlap: word("overlap"), now: is_set("now") },
            Err(wrong) => Action::Wrong(wrong),
        },
        "agent try" => match agent(options) {
            Ok(agent) => Action::OpenTry(agent, options.clone()),
            Err(wrong) => Action::Wrong(wrong),
        },
        "account show" => Action::Account,
        "account link" => word("code").map_or_else(
            || {
                Action::Wrong(
                    "get a code with `guildhall link` where you are known as somebody else".to_owned(),
                )
            },
            Action::Link,
        ),
        "account privacy" => Action::Privacy,
        "account timezone" => Action::Timezone(word("zone")),
        "account usage" => Action::Usage,
        "account notifications" => Action::Notify { of: word("of"), how: word("how") },
        "setup" => Action::Setup,
        "queue" => Action::Queue,
        "status" => Action::Status,
        "help" => Action::Help(word("topic")),
        _ => Action::Wrong("this command is newer than the bot".to_owned()),
    }
}

/// A job as people type it: `12`, `#12`, or what a completion holds.
fn job(options: &Options) -> Result<JobId, String> {
    let typed = options.text("job").unwrap_or_default();
    let number = typed.trim_start_matches('#').split_whitespace().next().unwrap_or_default();
    let number = number.parse().ok().filter(|number: &i64| *number > 0);
    number
        .map(JobId)
        .ok_or_else(|| "a job is named by its number, such as 12: `/job list` shows yours".to_owned())
}

fn agent(options: &Options) -> Result<AgentName, String> {
    let typed = options.text("agent").unwrap_or_default();
    typed.parse().map_err(|_| "an agent is named like @summarizer: `/agent list` shows them".to_owned())
}

fn user(id: &str) -> Option<UserRef> {
    id.parse().ok().map(|id| UserRef::Identity(crate::hall::discord(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::User;
    use crate::setup_step::SetupStep;

    fn wants(what: What) -> Action {
        let user = User { id: 1, name: "ada".to_owned() };
        route(&Incoming {
            id: 7,
            token: "t".to_owned(),
            user,
            server: None,
            channel: None,
            can_post: false,
            app_permissions: None,
            can_thread: false,
            clicked: None,
            heard_at: std::time::Instant::now(),
            what,
        })
    }

    fn typed(path: &str, options: &[(&str, &str)]) -> Action {
        let values = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        wants(What::Command { path: path.to_owned(), options: Options { values, attachment: None } })
    }

    #[test]
    fn commands_lead_to_what_they_say() {
        assert_eq!(typed("job show", &[("job", "#12")]), Action::Show(JobId(12)));
        assert_eq!(typed("job why", &[("job", "12 Count the words")]), Action::Why(JobId(12)));
        assert_eq!(
            typed("agent show", &[("agent", "@sum")]),
            Action::ShowAgent("@sum".parse().expect("a name"))
        );
        let rotate = typed("agent rotate-secret", &[("agent", "@sum"), ("now", "true")]);
        let agent = || "@sum".parse().expect("a name");
        assert_eq!(rotate, Action::MayRotate { agent: agent(), overlap: None, now: true });
        assert!(
            matches!(typed("agent try", &[("agent", "@sum")]), Action::OpenTry(name, _) if name == agent())
        );
        assert_eq!(typed("account timezone", &[]), Action::Timezone(None));
        let share = typed("job share", &[("job", "3"), ("with", "99"), ("stop", "true")]);
        let with = UserRef::Identity(crate::hall::discord(99));
        assert_eq!(share, Action::Share { job: JobId(3), with, stop: true });
        for (path, options) in [
            ("job show", vec![("job", "the one from yesterday")]),
            ("job show", vec![("job", "-3")]),
            ("job share", vec![("job", "3")]),
            ("agent show", vec![("agent", "no name")]),
            ("agent find", vec![("text", "  ")]),
            ("job sing", vec![]),
        ] {
            assert!(matches!(typed(path, &options), Action::Wrong(_)), "{path}");
        }
    }

    #[test]
    fn what_is_chosen_in_the_inbox_is_shown() {
        let choose = |value: &str| {
            wants(What::Choose { custom_id: "v1:look".to_owned(), values: vec![value.to_owned()] })
        };
        assert_eq!(choose("job:7"), Action::Show(JobId(7)));
        assert_eq!(choose("agent:@sum"), Action::ShowAgent("@sum".parse().expect("a name")));
        for wrong in ["", "job:", "job:-x", "agent:", "user:1"] {
            assert!(matches!(choose(wrong), Action::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn buttons_of_other_versions_say_so() {
        let click = |id: &str| wants(What::Click { custom_id: id.to_owned() });
        assert_eq!(click("v1:show:3"), Action::Clicked(CustomId::Show { job: JobId(3) }));
        let chosen = What::Choose { custom_id: "v1:setup:board".to_owned(), values: vec!["7".to_owned()] };
        assert_eq!(wants(chosen), Action::Chosen(CustomId::Setup(SetupStep::Board), vec!["7".to_owned()]));
        assert!(matches!(click("v0:show:3"), Action::Wrong(text) if text.contains("another version")));
    }
}
