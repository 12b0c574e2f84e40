//! What the palette takes with something behind it: `job 17`, `agent @sum`, `view mine`, `filter state:open`.

use super::filter;
use super::model::Model;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;

/// Something to do, with what it is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Job(JobId),
    Agent(AgentName),
    Context(String),
    View(String),
    Save(String),
    Forget(String),
    Filter(String),
}

/// The first words, with what stands behind them and what they do.
pub(crate) const VERBS: [(&str, &str, &str); 7] = [
    ("job", "17", "shows a job"),
    ("agent", "@name", "shows an agent"),
    ("filter", "state:open", "filters the jobs"),
    ("view", "name", "shows the jobs of a saved view"),
    ("save", "name", "saves the filter and its sort as a view"),
    ("forget", "name", "forgets a saved view"),
    ("ctx", "name", "goes to another daemon of tui.toml"),
];

/// A command that fits what was typed.
pub(crate) struct Offer {
    pub(crate) text: String,
    pub(crate) does: String,
    /// What it does, or why it cannot be done.
    pub(crate) command: Result<Command, String>,
}

/// Most offers for one text.
const OFFERS_MAX: usize = 50;

/// The verb that a text begins with, and what stands behind it; none: it is no command.
fn split(text: &str) -> Option<(&'static str, &str)> {
    let (first, rest) = text.trim_start().split_once(' ')?;
    let (verb, _, _) = VERBS.iter().find(|(verb, _, _)| *verb == first)?;
    Some((verb, rest.trim()))
}

/// What a text with a verb may mean, best first; none: it has no verb.
pub(crate) fn offers(model: &Model, text: &str) -> Option<Vec<Offer>> {
    let (verb, rest) = split(text)?;
    let offer = |name: &str, does: String, command: Result<Command, String>| Offer {
        text: format!("{verb} {name}"),
        does,
        command,
    };
    let starts = |name: &str| name.trim_start_matches('@').starts_with(rest.trim_start_matches('@'));
    let views = || model.finding.views().filter(|(name, _)| starts(name));
    let offers: Vec<Offer> = match verb {
        "job" => {
            let command =
                rest.parse().map(Command::Job).map_err(|_| "a number is wanted, such as 17".to_owned());
            vec![offer(rest, "shows it".to_owned(), command)]
        }
        "agent" => {
            let known = model.data.agents.value.iter().flatten().map(|head| &head.name);
            let known = known.filter(|name| starts(name.as_str()));
            let known = known.map(|name| {
                offer(&name.to_string(), "shows it".to_owned(), Ok(Command::Agent(name.clone())))
            });
            let typed = rest
                .parse()
                .map(Command::Agent)
                .map_err(|error: guildhall_protocol::agent::AgentNameError| error.to_string());
            let mut all: Vec<Offer> = known.collect();
            if all.is_empty() {
                all.push(offer(rest, "shows it".to_owned(), typed));
            }
            all
        }
        "filter" => {
            let command = filter::parse(rest).map(|_| Command::Filter(rest.to_owned()));
            vec![offer(rest, "filters the jobs".to_owned(), command.map_err(|error| error.to_string()))]
        }
        "view" => views()
            .map(|(name, filter)| offer(name, shown(filter).to_owned(), Ok(Command::View(name.to_owned()))))
            .collect(),
        "forget" => views()
            .map(|(name, filter)| offer(name, shown(filter).to_owned(), Ok(Command::Forget(name.to_owned()))))
            .collect(),
        "save" => {
            let known = model.finding.view(rest).is_some();
            let does =
                format!("{} {}", if known { "replaces it with" } else { "saves" }, shown(&model.filter_text));
            let command = if rest.is_empty() {
                Err("a name is wanted".to_owned())
            } else {
                Ok(Command::Save(rest.to_owned()))
            };
            vec![offer(rest, does, command)]
        }
        _ => model
            .contexts
            .others()
            .filter(|context| starts(&context.name))
            .map(|context| offer(&context.name, context.told(), Ok(Command::Context(context.name.clone()))))
            .collect(),
    };
    Some(offers.into_iter().take(OFFERS_MAX).collect())
}

fn shown(filter: &str) -> &str {
    if filter.is_empty() { "all jobs" } else { filter }
}
