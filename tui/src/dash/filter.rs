//! The language of the jobs' filter: `state:failed,held agent:@sum age>1h label:daily "words of the title"`.
//!
//! Words without a name are looked for in titles. What does not mean anything is refused with what does.

use guildhall_protocol::agent::AgentName;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::job::Priority;
use guildhall_protocol::listing::{Direction, JobFilter, JobSort, SortBy};
use guildhall_protocol::state::{HeldWhy, JOB_STATES, JobState};
use guildhall_protocol::time::{Timestamp, parse_span};
use guildhall_protocol::view::AgentHead;
use std::time::Duration;

/// A filter that was read: spans of time are kept as spans, for "older than an hour" goes on to mean that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    fixed: JobFilter,
    /// Posted longer ago than this.
    older: Option<Duration>,
    /// Posted less long ago than this.
    younger: Option<Duration>,
    /// Not changed for this long.
    idle: Option<Duration>,
    /// Changed since.
    fresh: Option<Duration>,
    pub(crate) sort: JobSort,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("nothing is called {name:?} here: there is {known}")]
    Name { name: String, known: String },
    #[error("{name}: {value:?} is none: there is {known}")]
    Value { name: &'static str, value: String, known: String },
    #[error("{name}: {problem}")]
    Wrong { name: &'static str, problem: String },
    #[error("a quotation mark is not closed")]
    Open,
}

/// Every name, with what may stand behind it.
const NAMES: [(&str, &str); 13] = [
    ("state:", "states"),
    ("agent:", "@name"),
    ("client:", "me, a number or discord:ID"),
    ("label:", "a label"),
    ("priority:", "low, normal, high"),
    ("held:", "unclear, poison"),
    ("ended:", "failed, declined, unreachable, silent, unclear, withdrawn, passed"),
    ("attempts>", "a number"),
    ("age>", "2h"),
    ("age<", "2h"),
    ("idle>", "2h"),
    ("changed<", "2h"),
    ("sort:", "number, changed, posted, deadline, due, priority; -posted: lowest first"),
];

impl Filter {
    /// What it means now.
    pub(crate) fn at(&self, now: Timestamp) -> JobFilter {
        JobFilter {
            posted_before: self.older.map(|span| now.before(span)),
            posted_from: self.younger.map(|span| now.before(span)),
            changed_before: self.idle.map(|span| now.before(span)),
            changed_from: self.fresh.map(|span| now.before(span)),
            ..self.fixed.clone()
        }
    }
}

/// Reads a filter.
pub(crate) fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut filter = Filter::default();
    let mut words = Vec::new();
    for term in terms(text)? {
        match term {
            Term::Words(text) => words.push(text),
            Term::Named { name, value } => named(&mut filter, &name, &value)?,
        }
    }
    if !words.is_empty() {
        filter.fixed.text = Some(words.join(" "));
    }
    Ok(filter)
}

enum Term {
    Words(String),
    Named { name: String, value: String },
}

fn terms(text: &str) -> Result<Vec<Term>, FilterError> {
    let mut terms = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(terms);
        }
        let mut name = None;
        let mut word = String::new();
        while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
            match letter {
                '"' => loop {
                    match letters.next() {
                        Some('"') => break,
                        Some(inside) => word.push(inside),
                        None => return Err(FilterError::Open),
                    }
                },
                ':' | '<' | '>' if name.is_none() && !word.is_empty() => {
                    word.push(letter);
                    name = Some(std::mem::take(&mut word));
                }
                _ => word.push(letter),
            }
        }
        terms.push(match name {
            Some(name) => Term::Named { name, value: word },
            None => Term::Words(word),
        });
    }
}

fn named(filter: &mut Filter, name: &str, value: &str) -> Result<(), FilterError> {
    let span = |name: &'static str| {
        parse_span(value).map_err(|error| FilterError::Wrong { name, problem: error.to_string() })
    };
    match name {
        "state:" => {
            for state in value.split(',') {
                filter.fixed.states.extend(states(state)?);
            }
        }
        "agent:" => filter.fixed.agent = Some(agent(value)?),
        "client:" if value == "me" => filter.fixed.mine = true,
        "client:" => {
            let user = value.parse().map_err(|error: guildhall_protocol::account::UserRefError| {
                FilterError::Wrong { name: "client", problem: error.to_string() }
            })?;
            filter.fixed.client = Some(user);
        }
        "label:" => filter.fixed.label = Some(value.to_owned()),
        "priority:" => {
            let classes = [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)];
            filter.fixed.priority = Some(one_of("priority", value, &classes)?);
        }
        "held:" => {
            let whys = [("unclear", HeldWhy::Unclear), ("poison", HeldWhy::Poison)];
            filter.fixed.held = Some(one_of("held", value, &whys)?);
        }
        "ended:" => {
            let ways = [
                EndedAs::Failed,
                EndedAs::Declined,
                EndedAs::Unreachable,
                EndedAs::Silent,
                EndedAs::Unclear,
                EndedAs::Withdrawn,
                EndedAs::Passed,
            ];
            filter.fixed.ended = Some(one_of("ended", value, &ways.map(|way| (way.name(), way)))?);
        }
        "attempts>" => {
            let number: u32 = value.parse().map_err(|_| FilterError::Wrong {
                name: "attempts>",
                problem: format!("{value:?} is no number"),
            })?;
            filter.fixed.attempts_min = Some(number.saturating_add(1));
        }
        "age>" => filter.older = Some(span("age>")?),
        "age<" => filter.younger = Some(span("age<")?),
        "idle>" => filter.idle = Some(span("idle>")?),
        "changed<" => filter.fresh = Some(span("changed<")?),
        "sort:" => {
            let (value, direction) = match value.strip_prefix('-') {
                Some(value) => (value, Direction::Ascending),
                None => (value, Direction::Descending),
            };
            let by = one_of("sort", value, &SortBy::ALL.map(|by| (by.name(), by)))?;
            filter.sort = JobSort { by, direction };
        }
        _ => {
            let known = NAMES.map(|(name, _)| name).join(" ");
            return Err(FilterError::Name { name: name.to_owned(), known });
        }
    }
    Ok(())
}

fn one_of<T: Copy>(name: &'static str, value: &str, known: &[(&str, T)]) -> Result<T, FilterError> {
    let found = known.iter().find(|(known, _)| *known == value).map(|(_, value)| *value);
    let known = || known.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| FilterError::Value { name, value: value.to_owned(), known: known() })
}

/// The states of this name; some names mean several.
fn states(name: &str) -> Result<Vec<String>, FilterError> {
    let mut names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
    names.dedup();
    let of = |which: fn(&JobState) -> bool| {
        let mut found: Vec<String> =
            JOB_STATES.iter().filter(|state| which(state)).map(|state| state.name().to_owned()).collect();
        found.dedup();
        found
    };
    match name {
        "active" => Ok(of(|state| !state.is_terminal())),
        "ended" => Ok(of(|state| state.is_terminal())),
        name if names.contains(&name) => Ok(vec![name.to_owned()]),
        _ => {
            let known = format!("{}, active, ended", names.join(", "));
            Err(FilterError::Value { name: "state", value: name.to_owned(), known })
        }
    }
}

fn agent(value: &str) -> Result<AgentName, FilterError> {
    value.parse().map_err(|error: guildhall_protocol::agent::AgentNameError| FilterError::Wrong {
        name: "agent",
        problem: error.to_string(),
    })
}

/// The text with its last word completed, as far as there is one way to go on; none: there is none.
pub(crate) fn complete(text: &str, agents: &[AgentHead]) -> Option<String> {
    let start = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, word) = text.split_at(start);
    let candidates: Vec<String> = if let Some(part) = word.strip_prefix("agent:") {
        let part = part.trim_start_matches('@');
        let fits = |head: &&AgentHead| head.name.as_str().trim_start_matches('@').starts_with(part);
        agents.iter().filter(fits).map(|head| format!("agent:{}", head.name)).collect()
    } else if let Some(values) = word.strip_prefix("state:") {
        let (given, part) = values.rsplit_once(',').map_or(("", values), |(given, part)| (given, part));
        let comma = if given.is_empty() { "" } else { "," };
        let mut names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
        names.dedup();
        names.extend(["active", "ended"]);
        names
            .iter()
            .filter(|name| name.starts_with(part))
            .map(|name| format!("state:{given}{comma}{name}"))
            .collect()
    } else if let Some(part) = word.strip_prefix("sort:") {
        SortBy::ALL.iter().filter(|by| by.name().starts_with(part)).map(|by| format!("sort:{by}")).collect()
    } else {
        NAMES.iter().filter(|(name, _)| name.starts_with(word)).map(|(name, _)| (*name).to_owned()).collect()
    };
    let common = candidates.iter().skip(1).fold(candidates.first()?.clone(), |common, other| {
        common
            .chars()
            .zip(other.chars())
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one)
            .collect()
    });
    (common.len() > word.len()).then(|| format!("{before}{common}"))
}

/// What may stand in a filter, for help.
pub(crate) fn help() -> impl Iterator<Item = String> {
    NAMES.iter().map(|(name, values)| format!("{name}{values}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> JobFilter {
        parse(text).expect("it reads").at(Timestamp(10_000_000))
    }

    #[test]
    fn what_operators_type() {
        let found =
            read(r#"state:failed,held agent:@sum age>1h label:"my label" invoice "of march" client:me"#);
        let expected = JobFilter {
            states: vec!["failed".to_owned(), "held".to_owned()],
            agent: Some("@sum".parse().expect("a name")),
            label: Some("my label".to_owned()),
            text: Some("invoice of march".to_owned()),
            mine: true,
            posted_before: Some(Timestamp(10_000_000 - 3_600_000)),
            ..JobFilter::default()
        };
        assert_eq!(found, expected);
        assert_eq!(read(""), JobFilter::default());
        assert_eq!(read("state:ended").states, ["completed", "failed", "canceled", "expired"]);
        assert_eq!(read("attempts>2").attempts_min, Some(3));
        let sort = parse("sort:-deadline").expect("it reads").sort;
        assert_eq!(sort, JobSort { by: SortBy::Deadline, direction: Direction::Ascending });
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_does() {
        let refused = |text: &str| parse(text).expect_err("it means nothing").to_string();
        assert!(refused("state:flying").contains("\"flying\" is none: there is open, assigned"));
        assert!(refused("stat:open").starts_with("nothing is called \"stat:\" here: there is state: agent:"));
        assert!(refused("age>soon").starts_with("age>: "));
        assert_eq!(refused("\"open"), "a quotation mark is not closed");
        assert!(refused("priority:top").contains("low, normal, high"));
    }

    #[test]
    fn it_is_completed_as_far_as_it_is_clear() {
        assert_eq!(complete("st", &[]).as_deref(), Some("state:"));
        assert_eq!(complete("x state:open,com", &[]).as_deref(), Some("x state:open,completed"));
        assert_eq!(complete("age", &[]), None, "over or under?");
        assert_eq!(complete("sort:pri", &[]).as_deref(), Some("sort:priority"));
        assert_eq!(complete("zebra", &[]), None);
    }
}
