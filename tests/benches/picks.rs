//! Does the embedded ranker find the right agent, and how fast? `GUILDHALL_PICKS` names a folder with `agents.json`
//! (name, description, skills) and `dev.json` (id, kind, text, gold). Prints one line of JSON.
//!
//! Few cases make a loud figure: beside each hit@1 stand the 5th and the 95th percentile over random halves of the cases,
//! and the mean over markets that lack a fifth of the agents. A change that does not move all of them moved nothing.

use guildhall_daemon::pick::relevance::{AgentText, Relevance, SkillText};
use guildhall_protocol::ids::AgentId;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// Agents in the timed index.
const AGENTS: i64 = 10_000;
/// Random halves of the cases, and smaller markets.
const HALVES: usize = 1_000;
const MARKETS: u64 = 20;

#[derive(Deserialize)]
struct Agent {
    name: String,
    #[serde(default)]
    description: String,
    skills: Vec<Skill>,
}

#[derive(Deserialize)]
struct Skill {
    name: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    text: String,
    gold: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "the line is the bench's result")]
fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::var_os("GUILDHALL_PICKS") else {
        println!("{}", json!({"bench": "picks", "skipped": "GUILDHALL_PICKS names no folder"}));
        return Ok(());
    };
    let read = |name| std::fs::read_to_string(Path::new(&folder).join(name));
    let agents: Vec<Agent> = serde_json::from_str(&read("agents.json")?)?;
    let cases: Vec<Case> = serde_json::from_str(&read("dev.json")?)?;

    let mut line = quality(&agents, &cases)?;

    let mut crowd = Relevance::default();
    for id in 0..AGENTS {
        put(&mut crowd, id, &agents[usize::try_from(id)? % agents.len()]);
    }
    let micros = |times: &mut Vec<u128>, share: usize| {
        times.sort_unstable();
        times[times.len() * share / 100]
    };
    let mut queries: Vec<u128> =
        timed(cases.iter().map(|case| move |index: &mut Relevance| drop(index.rank(&case.text))), &mut crowd);
    let mut upserts: Vec<u128> = timed(
        (0..200_i64).map(|number| {
            let agent = &agents[usize::try_from(number).unwrap_or(0) % agents.len()];
            move |index: &mut Relevance| put(index, number * 37 % AGENTS, agent)
        }),
        &mut crowd,
    );
    line.insert("agents".to_owned(), json!(AGENTS));
    line.insert("query_us_p50".to_owned(), json!(micros(&mut queries, 50)));
    line.insert("query_us_p99".to_owned(), json!(micros(&mut queries, 99)));
    line.insert("upsert_us_p50".to_owned(), json!(micros(&mut upserts, 50)));
    println!("{}", json!(line));
    Ok(())
}

fn put(index: &mut Relevance, id: i64, agent: &Agent) {
    let skills: Vec<SkillText<'_>> = agent
        .skills
        .iter()
        .map(|skill| SkillText { name: &skill.name, description: &skill.description })
        .collect();
    let text = AgentText {
        name: &agent.name,
        description: &agent.description,
        tags: &[],
        skills: &skills,
        properties: &[],
    };
    index.upsert(AgentId(id), &text);
}

fn timed<F: FnOnce(&mut Relevance)>(runs: impl Iterator<Item = F>, index: &mut Relevance) -> Vec<u128> {
    runs.map(|run| {
        let start = Instant::now();
        run(index);
        start.elapsed().as_micros()
    })
    .collect()
}

/// What became of one case.
struct Outcome<'a> {
    kind: &'a str,
    hit: bool,
    recall: f64,
}

/// Asks for every case of which at least one right agent is there.
#[expect(clippy::cast_precision_loss, reason = "shares of a few agents")]
fn outcomes<'a>(agents: &[&Agent], cases: &'a [Case]) -> Result<Vec<Outcome<'a>>, Box<dyn Error>> {
    let mut index = Relevance::default();
    for (id, agent) in (0..).zip(agents) {
        put(&mut index, id, agent);
    }
    let mut outcomes = Vec::new();
    for case in cases {
        let gold: Vec<&str> = agents
            .iter()
            .map(|agent| agent.name.as_str())
            .filter(|name| case.gold.iter().any(|gold| gold == name))
            .collect();
        if gold.is_empty() {
            continue;
        }
        let mut first = Vec::new();
        for (agent, _) in index.rank(&case.text).iter().take(5) {
            first.push(agents[usize::try_from(agent.0)?].name.as_str());
        }
        let found = gold.iter().filter(|name| first.contains(name)).count();
        outcomes.push(Outcome {
            kind: &case.kind,
            hit: first.first().is_some_and(|name| gold.contains(name)),
            recall: found as f64 / gold.len().min(5) as f64,
        });
    }
    Ok(outcomes)
}

#[expect(clippy::cast_precision_loss, reason = "shares of a few dozen cases")]
fn quality(
    agents: &[Agent],
    cases: &[Case],
) -> Result<serde_json::Map<String, serde_json::Value>, Box<dyn Error>> {
    let rounded = |share: f64| json!((share * 1000.0).round() / 1000.0);
    let hits = |outcomes: &[&Outcome<'_>]| {
        outcomes.iter().filter(|outcome| outcome.hit).count() as f64 / outcomes.len().max(1) as f64
    };
    let all = outcomes(&agents.iter().collect::<Vec<_>>(), cases)?;
    let mut kinds: BTreeMap<&str, Vec<&Outcome<'_>>> = BTreeMap::new();
    for outcome in &all {
        kinds.entry(outcome.kind).or_default().push(outcome);
    }
    let mut chance = Chance(1);
    let mut smaller: BTreeMap<&str, f64> = BTreeMap::new();
    for _ in 0..MARKETS {
        let mut some: Vec<&Agent> = agents.iter().collect();
        chance.shuffle(&mut some);
        some.truncate(agents.len() * 4 / 5);
        let outcomes = outcomes(&some, cases)?;
        for kind in kinds.keys() {
            let of_kind: Vec<&Outcome<'_>> =
                outcomes.iter().filter(|outcome| outcome.kind == *kind).collect();
            *smaller.entry(kind).or_default() += hits(&of_kind) / MARKETS as f64;
        }
    }
    let mut line = serde_json::Map::new();
    line.insert("bench".to_owned(), json!("picks"));
    for (kind, outcomes) in &mut kinds {
        let recall = outcomes.iter().map(|outcome| outcome.recall).sum::<f64>() / outcomes.len() as f64;
        line.insert(format!("{kind}_cases"), json!(outcomes.len()));
        line.insert(format!("{kind}_hit_at_1"), rounded(hits(outcomes)));
        line.insert(format!("{kind}_recall_at_5"), rounded(recall));
        let mut halves: Vec<f64> = (0..HALVES)
            .map(|_| {
                chance.shuffle(outcomes);
                hits(&outcomes[..outcomes.len() / 2])
            })
            .collect();
        halves.sort_by(f64::total_cmp);
        let spread = [rounded(halves[HALVES / 20]), rounded(halves[HALVES - 1 - HALVES / 20])];
        line.insert(format!("{kind}_hit_at_1_of_halves"), json!(spread));
        line.insert(format!("{kind}_hit_at_1_smaller_markets"), rounded(smaller[kind]));
    }
    Ok(line)
}

/// A small generator, the same everywhere: the figures of two runs compare.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
