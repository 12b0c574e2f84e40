//! How the last word of a filter may go on: names, states, and what the daemon is known to know.

use super::filter::NAMES;
use super::model::Model;
use guildhall_protocol::listing::SortBy;
use guildhall_protocol::state::JOB_STATES;
use std::collections::BTreeSet;

/// What the daemon is known to know, for completion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) agents: Vec<String>,
    pub(crate) labels: Vec<String>,
}

impl Known {
    /// Agents, and the labels of the jobs that were seen.
    pub(crate) fn of(model: &Model) -> Self {
        let agents = model.data.agents.value.iter().flatten().map(|head| head.name.as_str().to_owned());
        let labels: BTreeSet<&str> =
            model.data.jobs.rows.iter().filter_map(|head| head.label.as_deref()).collect();
        Self { agents: agents.collect(), labels: labels.into_iter().map(quoted).collect() }
    }
}

/// A value as it is written in a filter.
fn quoted(value: &str) -> String {
    let plain = !value.contains(char::is_whitespace);
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "")) }
}

/// Where the last word begins: spaces in quotation marks end none.
fn last_word(text: &str) -> usize {
    let (mut start, mut open) = (0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => open = !open,
            letter if letter.is_whitespace() && !open => start = at + letter.len_utf8(),
            _ => {}
        }
    }
    start
}

/// The words that the last one may become.
pub(crate) fn candidates(text: &str, known: &Known) -> Vec<String> {
    let word = &text[last_word(text)..];
    if let Some(part) = word.strip_prefix("agent:") {
        // The sign may be left out.
        let sign = if part.is_empty() || part.starts_with('@') { "@" } else { "" };
        let part = part.trim_start_matches('@');
        let fits = known.agents.iter().filter(|name| name.starts_with(part));
        return fits.map(|name| format!("agent:{sign}{name}")).collect();
    }
    if let Some(part) = word.strip_prefix("label:") {
        let fits = known.labels.iter().filter(|label| label.starts_with(part));
        return fits.map(|label| format!("label:{label}")).collect();
    }
    if let Some(values) = word.strip_prefix("state:") {
        let (given, part) = values.rsplit_once(',').map_or(("", values), |(given, part)| (given, part));
        let comma = if given.is_empty() { "" } else { "," };
        let mut names: Vec<&str> = JOB_STATES.iter().map(|state| state.name()).collect();
        names.dedup();
        names.extend(["active", "ended"]);
        let fits = names.iter().filter(|name| name.starts_with(part));
        return fits.map(|name| format!("state:{given}{comma}{name}")).collect();
    }
    let values: &[&str] = match word.split_once(':').map(|(name, _)| name) {
        Some("priority") => &["low", "normal", "high"],
        Some("held") => &["unclear", "poison"],
        Some("ended") => &["failed", "declined", "unreachable", "silent", "unclear", "withdrawn", "passed"],
        Some("client") => &["me"],
        Some("sort") => {
            let fits = SortBy::ALL.iter().map(|by| format!("sort:{by}"));
            return fits.filter(|sort| sort.starts_with(word)).collect();
        }
        Some(_) => &[],
        None => {
            let fits = NAMES.iter().filter(|(name, _)| name.starts_with(word));
            return fits.map(|(name, _)| (*name).to_owned()).collect();
        }
    };
    let name = word.split(':').next().unwrap_or_default();
    let fits = values.iter().map(|value| format!("{name}:{value}"));
    fits.filter(|whole| whole.starts_with(word)).collect()
}

/// The text with its last word completed, as far as there is one way to go on; none: there is none.
pub(crate) fn complete(text: &str, known: &Known) -> Option<String> {
    let (before, word) = text.split_at(last_word(text));
    let candidates = candidates(text, known);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_completed_as_far_as_it_is_clear() {
        let known =
            Known { agents: vec!["sum".to_owned(), "sieve".to_owned()], labels: vec!["\"a b\"".to_owned()] };
        let complete = |text| complete(text, &known);
        assert_eq!(complete("st").as_deref(), Some("state:"));
        assert_eq!(complete("x state:open,com").as_deref(), Some("x state:open,completed"));
        assert_eq!(complete("age"), None, "over or under?");
        assert_eq!(complete("agent:@su").as_deref(), Some("agent:@sum"));
        assert_eq!(complete("label:").as_deref(), Some("label:\"a b\""));
        assert_eq!(complete("\"two words\" sort:pri").as_deref(), Some("\"two words\" sort:priority"));
        assert_eq!(complete("zebra"), None);
    }
}
