//! Does the embedded ranker find the right agent, and how fast? `GUILDHALL_PICKS` names a folder with `agents.json`
//! (name, description, skills) and `dev.json` (id, kind, text, gold). Prints one line of JSON.
//!
//! Few cases make a loud figure: beside each hit@1 stand the 5th and the 95th percentile over random halves of the cases,
//! and the mean over markets that lack a fifth of the agents. A change that does not move all of them moved nothing.
//!
//! With `GUILDHALL_EMBEDDINGS` (a server of embeddings, up to and with `/v1`) and `GUILDHALL_EMBEDDING_MODEL` also what
//! vectors alone find, and words and vectors fused: the texts go through the daemon's own client, the ranks through its own
//! index.

use guildhall_daemon::llm::settings::{CacheSettings, EmbeddingModel, LlmSettings};
use guildhall_daemon::llm::{Llm, cache};
use guildhall_daemon::pick::meaning::{Meanings, fuse, job_text, texts};
use guildhall_daemon::pick::relevance::{AgentText, Relevance, SkillText};
use guildhall_protocol::ids::{AgentId, StoreTag};
use guildhall_protocol::model::{Budgets, ModelName};
use guildhall_protocol::time::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

    let mut line = serde_json::Map::new();
    line.insert("bench".to_owned(), json!("picks"));
    quality(&agents, &cases, Way::Words, &mut line)?;
    let vectors = vectors(&agents, &cases)?;
    if let Some(vectors) = &vectors {
        quality(&agents, &cases, Way::Vectors(vectors), &mut line)?;
        quality(&agents, &cases, Way::Fused(vectors), &mut line)?;
    }

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
    if let Some(vectors) = &vectors {
        let mut meanings = Meanings::default();
        for id in 0..AGENTS {
            meanings
                .upsert(AgentId(id), &vectors.agents[&agents[usize::try_from(id)? % agents.len()].name])?;
        }
        let mut near: Vec<u128> = timed(
            cases.iter().map(|case| {
                let meanings = &meanings;
                move |_: &mut Relevance| drop(meanings.rank(&vectors.cases[&case.text]))
            }),
            &mut crowd,
        );
        let mut fused: Vec<u128> = timed(
            cases.iter().map(|case| {
                let meanings = &meanings;
                move |index: &mut Relevance| {
                    drop(fuse(&index.rank(&case.text), &meanings.rank(&vectors.cases[&case.text])));
                }
            }),
            &mut crowd,
        );
        line.insert("vectors_query_us_p50".to_owned(), json!(micros(&mut near, 50)));
        line.insert("vectors_query_us_p99".to_owned(), json!(micros(&mut near, 99)));
        line.insert("fused_query_us_p50".to_owned(), json!(micros(&mut fused, 50)));
        line.insert("fused_query_us_p99".to_owned(), json!(micros(&mut fused, 99)));
    }
    println!("{}", json!(line));
    Ok(())
}

/// What texts mean.
struct Vectors {
    /// By the agent's name.
    agents: BTreeMap<String, Vec<Arc<[f32]>>>,
    /// By the case's text.
    cases: BTreeMap<String, Arc<[f32]>>,
}

/// How agents are ranked.
#[derive(Clone, Copy)]
enum Way<'a> {
    Words,
    Vectors(&'a Vectors),
    Fused(&'a Vectors),
}

impl Way<'_> {
    /// What its figures' names begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Words => "",
            Self::Vectors(_) => "vectors_",
            Self::Fused(_) => "fused_",
        }
    }

    fn vectors(&self) -> Option<&Vectors> {
        match self {
            Self::Words => None,
            Self::Vectors(vectors) | Self::Fused(vectors) => Some(vectors),
        }
    }

    fn ranked(self, words: &Relevance, meanings: &Meanings, text: &str) -> Vec<AgentId> {
        let ids = |ranked: Vec<(AgentId, f32)>| ranked.into_iter().map(|(agent, _)| agent).collect();
        match self {
            Self::Words => ids(words.rank(text)),
            Self::Vectors(vectors) => ids(meanings.rank(&vectors.cases[text])),
            Self::Fused(vectors) => {
                let fits = fuse(&words.rank(text), &meanings.rank(&vectors.cases[text]));
                let mut fits: Vec<(AgentId, f32)> =
                    fits.into_iter().map(|(agent, fit)| (agent, fit.relevance)).collect();
                fits.sort_by(|a, b| b.1.total_cmp(&a.1));
                ids(fits)
            }
        }
    }
}

/// Embeds everything, if a server is named.
fn vectors(agents: &[Agent], cases: &[Case]) -> Result<Option<Vectors>, Box<dyn Error>> {
    let Ok(base_url) = std::env::var("GUILDHALL_EMBEDDINGS") else { return Ok(None) };
    let model = std::env::var("GUILDHALL_EMBEDDING_MODEL").unwrap_or_else(|_| "embeddings".to_owned());
    let model: ModelName = model.parse()?;
    let settings = LlmSettings {
        base_url: base_url.clone(),
        key: None,
        model: model.clone(),
        second: None,
        embedding: Some(EmbeddingModel { model, base_url }),
        time_limit: Duration::from_mins(10),
        calls_max: 4,
        answer_tokens_max: 1_000,
        job_tokens_max: u64::MAX,
        day_tokens_max: None,
        prices: BTreeMap::new(),
        budgets: Budgets::default(),
    };
    let (tag, now) = (StoreTag::from_random(0), Timestamp::now());
    let cache = cache::open(&CacheSettings::Off, tag);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let llm = Llm::new(settings, cache, tag, true, Budgets::default(), &[], now)?;
    let embed = |texts: Vec<String>| {
        let (vectors, _) = runtime.block_on(llm.embed(&texts, None));
        vectors.map_err(|error| error.why)
    };
    let mut of_agents = BTreeMap::new();
    for agent in agents {
        of_agents.insert(agent.name.clone(), embed(with_text(agent, texts))?);
    }
    let of_cases = embed(cases.iter().filter_map(|case| job_text(None, &case.text)).collect())?;
    let of_cases = cases.iter().map(|case| case.text.clone()).zip(of_cases).collect();
    Ok(Some(Vectors { agents: of_agents, cases: of_cases }))
}

/// What an agent says about itself, lent.
fn with_text<R>(agent: &Agent, read: impl FnOnce(&AgentText<'_>) -> R) -> R {
    let skills: Vec<SkillText<'_>> = agent
        .skills
        .iter()
        .map(|skill| SkillText { name: &skill.name, description: &skill.description })
        .collect();
    read(&AgentText {
        name: &agent.name,
        description: &agent.description,
        tags: &[],
        skills: &skills,
        properties: &[],
    })
}

fn put(index: &mut Relevance, id: i64, agent: &Agent) {
    with_text(agent, |text| index.upsert(AgentId(id), text));
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
fn outcomes<'a>(
    agents: &[&Agent],
    cases: &'a [Case],
    way: Way<'_>,
) -> Result<Vec<Outcome<'a>>, Box<dyn Error>> {
    let (mut index, mut meanings) = (Relevance::default(), Meanings::default());
    for (id, agent) in (0..).zip(agents) {
        put(&mut index, id, agent);
        if let Some(vectors) = way.vectors() {
            meanings.upsert(AgentId(id), &vectors.agents[&agent.name])?;
        }
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
        for agent in way.ranked(&index, &meanings, &case.text).iter().take(5) {
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
    way: Way<'_>,
    line: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Box<dyn Error>> {
    let rounded = |share: f64| json!((share * 1000.0).round() / 1000.0);
    let hits = |outcomes: &[&Outcome<'_>]| {
        outcomes.iter().filter(|outcome| outcome.hit).count() as f64 / outcomes.len().max(1) as f64
    };
    let prefix = way.prefix();
    let all = outcomes(&agents.iter().collect::<Vec<_>>(), cases, way)?;
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
        let outcomes = outcomes(&some, cases, way)?;
        for kind in kinds.keys() {
            let of_kind: Vec<&Outcome<'_>> =
                outcomes.iter().filter(|outcome| outcome.kind == *kind).collect();
            *smaller.entry(kind).or_default() += hits(&of_kind) / MARKETS as f64;
        }
    }
    for (kind, outcomes) in &mut kinds {
        let recall = outcomes.iter().map(|outcome| outcome.recall).sum::<f64>() / outcomes.len() as f64;
        line.insert(format!("{prefix}{kind}_cases"), json!(outcomes.len()));
        line.insert(format!("{prefix}{kind}_hit_at_1"), rounded(hits(outcomes)));
        line.insert(format!("{prefix}{kind}_recall_at_5"), rounded(recall));
        let mut halves: Vec<f64> = (0..HALVES)
            .map(|_| {
                chance.shuffle(outcomes);
                hits(&outcomes[..outcomes.len() / 2])
            })
            .collect();
        halves.sort_by(f64::total_cmp);
        let spread = [rounded(halves[HALVES / 20]), rounded(halves[HALVES - 1 - HALVES / 20])];
        line.insert(format!("{prefix}{kind}_hit_at_1_of_halves"), json!(spread));
        line.insert(format!("{prefix}{kind}_hit_at_1_smaller_markets"), rounded(smaller[kind]));
    }
    Ok(())
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
