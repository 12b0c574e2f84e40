//! Who the samples are: what each says about itself, and what it does.

use super::slow::{sieve, sorter};
use super::text::{csv_rows, keywords, matches, sort_lines, statistics, summarize};
use super::units::{Knows, convert};
use super::{Task, Work};
use guildhall_protocol::agent::AgentDefinition;
use serde_json::json;
use std::net::SocketAddr;

/// Words of a summary when nobody asked for less.
const SUMMARY_WORDS: usize = 60;

/// What a sample does, by its name.
pub(super) fn work_of(name: &str) -> Option<fn(&Task<'_>) -> Work> {
    Some(match name {
        "wordsmith" => {
            |task| text_of(task).map_or_else(|declined| declined, |text| Work::Output(statistics(text)))
        }
        "tabula" => tabula,
        "finder" => finder,
        "metric" => |task| convert(&task.input, Knows::Metric),
        "furlong" => |task| convert(&task.input, Knows::All),
        "gist" => gist,
        "lexis" => |task| {
            text_of(task)
                .map_or_else(|declined| declined, |text| Work::Output(json!({"keywords": keywords(text, 5)})))
        },
        // The flaw: one text where its own schema promises a list, whatever it is told about it.
        "hasty" => |task| {
            let words = text_of(task).map(|text| keywords(text, 5).join(", "));
            words.map_or_else(|declined| declined, |words| Work::Output(json!({"keywords": words})))
        },
        "sleepy" => |task| {
            text_of(task)
                .map_or_else(|declined| declined, |text| Work::Output(json!({"lines": sort_lines(text)})))
        },
        "sieve" => sieve,
        "sorter" => sorter,
        _ => return None,
    })
}

fn text_of<'a>(task: &'a Task<'_>) -> Result<&'a str, Work> {
    task.input["text"].as_str().ok_or_else(|| Work::Declined("there is no text in the input".to_owned()))
}

fn tabula(task: &Task<'_>) -> Work {
    let Some(csv) = task.input["csv"].as_str() else {
        return Work::Declined("there is no csv in the input".to_owned());
    };
    match csv_rows(csv) {
        Ok(rows) => Work::Output(json!({"rows": rows})),
        Err(why) => Work::Declined(why),
    }
}

fn finder(task: &Task<'_>) -> Work {
    let (Some(text), Some(pattern)) = (task.input["text"].as_str(), task.input["pattern"].as_str()) else {
        return Work::Declined("the input needs a text and a pattern".to_owned());
    };
    match matches(text, pattern) {
        Ok(found) => Work::Output(json!({"count": found.len(), "matches": found})),
        Err(why) => Work::Declined(why),
    }
}

/// It reads how long a summary may be only when it is told that one was too long.
fn gist(task: &Task<'_>) -> Work {
    let text = match text_of(task) {
        Ok(text) => text,
        Err(declined) => return declined,
    };
    let failed = task.findings.iter().filter(|finding| finding.decision == "fail");
    let limits = failed
        .filter(|finding| finding.label.contains("words"))
        .filter_map(|finding| finding.label.split_whitespace().find_map(|word| word.parse::<usize>().ok()));
    let words_max = limits.min().unwrap_or(SUMMARY_WORDS);
    Work::Output(json!({"summary": summarize(text, words_max)}))
}

/// What each says about itself: what `guildhall agent register` would read, endpoints aside.
const DEFINITIONS: &str = include_str!("agents.json");

/// What each says about itself, listening at `address`.
pub(super) fn definitions(address: SocketAddr) -> Vec<AgentDefinition> {
    let definitions: Vec<AgentDefinition> =
        serde_json::from_str(DEFINITIONS).expect("a test reads every definition");
    let at_address = |definition: AgentDefinition| AgentDefinition {
        endpoint: format!("http://{address}/agents/{}", definition.name.as_str()),
        ..definition
    };
    definitions.into_iter().map(at_address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_has_an_agent() {
        for definition in definitions(([127, 0, 0, 1], 1).into()) {
            assert_eq!(definition.check(), Ok(()), "{}", definition.name);
            let work = work_of(definition.name.as_str()).expect("it works");
            let task = Task { input: definition.examples[0].input.value(), findings: &[], reply: None };
            let done = matches!(work(&task), Work::Output(_) | Work::Later(_));
            assert!(done, "{} does its example", definition.name);
        }
    }
}
