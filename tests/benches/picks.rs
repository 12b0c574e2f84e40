//! Does the embedded ranker find the right agent, and how fast? `GUILDHALL_PICKS` names a folder with `agents.json`
//! (name, description, skills) and `dev.json` (id, kind, text, gold). Prints one line of JSON.

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

    let mut index = Relevance::default();
    for (id, agent) in (0..).zip(&agents) {
        put(&mut index, id, agent);
    }
    let mut line = quality(&index, &agents, &cases)?;

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

#[expect(clippy::cast_precision_loss, reason = "shares of a few dozen cases")]
fn quality(
    index: &Relevance,
    agents: &[Agent],
    cases: &[Case],
) -> Result<serde_json::Map<String, serde_json::Value>, Box<dyn Error>> {
    let mut sums: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for case in cases {
        let ranked = index.rank(&case.text);
        let mut first = Vec::new();
        for (agent, _) in ranked.iter().take(5) {
            first.push(agents[usize::try_from(agent.0)?].name.as_str());
        }
        let hit = first.first().is_some_and(|name| case.gold.iter().any(|gold| gold == name));
        let found = case.gold.iter().filter(|gold| first.contains(&gold.as_str())).count();
        let sum = sums.entry(&case.kind).or_default();
        sum.0 += 1.0;
        sum.1 += f64::from(u8::from(hit));
        sum.2 += found as f64 / case.gold.len().min(5) as f64;
    }
    let mut line = serde_json::Map::new();
    line.insert("bench".to_owned(), json!("picks"));
    for (kind, (count, hits, recall)) in sums {
        let share = |sum: f64| (sum / count * 1000.0).round() / 1000.0;
        line.insert(format!("{kind}_cases"), json!(count));
        line.insert(format!("{kind}_hit_at_1"), json!(share(hits)));
        line.insert(format!("{kind}_recall_at_5"), json!(share(recall)));
    }
    Ok(line)
}
