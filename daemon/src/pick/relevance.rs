//! Whose texts fit a job's: BM25F over two kinds of documents, the whole agent and each of its skills.
//!
//! In memory, updated on change, and the same on every machine: no order of a hash map reaches a result, and ties go by
//! id.

use super::documents::{Bag, Documents};
use super::words::Words;
use guildhall_protocol::ids::AgentId;
use std::collections::BTreeMap;

/// Most distinct terms taken from a query; a brief can be 100 KB, its head says what it is about.
const QUERY_TERMS_MAX: usize = 256;

/// What an agent says about itself.
#[derive(Clone, Copy, Debug)]
pub struct AgentText<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
    /// Words that jobs can ask for.
    pub tags: &'a [String],
    /// The single things that it can do.
    pub skills: &'a [SkillText<'a>],
    /// Names and descriptions of the properties of its schemas.
    pub properties: &'a [String],
}

/// What an agent says about one skill.
#[derive(Clone, Copy, Debug)]
pub struct SkillText<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
}

/// The index over all agents.
#[derive(Default)]
pub struct Relevance {
    words: Words,
    agents: Documents,
    skills: Documents,
    held: BTreeMap<AgentId, Held>,
    /// Agents by their place in the sums of scores; places are used again.
    owners: Vec<Option<AgentId>>,
    free: Vec<u32>,
}

/// Where an agent's documents stand.
struct Held {
    owner: u32,
    agent: u32,
    skills: Vec<u32>,
}

impl Relevance {
    /// Takes an agent in, or replaces what it said before.
    pub fn upsert(&mut self, agent: AgentId, text: &AgentText<'_>) {
        self.remove(agent);
        let owner = self.free.pop().unwrap_or_else(|| {
            self.owners.push(None);
            u32::try_from(self.owners.len() - 1).expect("memory ends before four billion agents")
        });
        self.owners[owner as usize] = Some(agent);
        let mut whole = Bag::default();
        whole.add(&self.words, text.name, 3);
        whole.add(&self.words, text.description, 1);
        for tag in text.tags {
            whole.add(&self.words, tag, 2);
        }
        for property in text.properties {
            whole.add(&self.words, property, 1);
        }
        let mut skills = Vec::with_capacity(text.skills.len());
        for skill in text.skills {
            whole.add(&self.words, skill.name, 2);
            whole.add(&self.words, skill.description, 1);
            let mut one = Bag::default();
            one.add(&self.words, skill.name, 2);
            one.add(&self.words, skill.description, 1);
            one.add(&self.words, text.name, 1);
            skills.push(self.skills.insert(owner, one));
        }
        let agent_document = self.agents.insert(owner, whole);
        self.held.insert(agent, Held { owner, agent: agent_document, skills });
    }

    /// Forgets an agent; does nothing if it is not there.
    pub fn remove(&mut self, agent: AgentId) {
        if let Some(held) = self.held.remove(&agent) {
            self.agents.remove(held.agent);
            for skill in held.skills {
                self.skills.remove(skill);
            }
            self.owners[held.owner as usize] = None;
            self.free.push(held.owner);
        }
    }

    /// Every agent that shares a term with the query, best first, ties by id. 1.0 is an agent that is the best both as a
    /// whole and by its best skill; half of that is the best in one of the two alone. Numbers of two queries do not
    /// compare: a fraction of the best of the same query does.
    pub fn rank(&self, query: &str) -> Vec<(AgentId, f32)> {
        let mut terms = Vec::new();
        for term in self.words.terms(query, QUERY_TERMS_MAX * 8) {
            if terms.len() == QUERY_TERMS_MAX {
                break;
            }
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        let whole = self.agents.score(&terms, self.owners.len());
        let skill = self.skills.score(&terms, self.owners.len());
        let top = |scores: &[f32]| scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max) * 2.0;
        let (whole_top, skill_top) = (top(&whole), top(&skill));
        let sums = whole.iter().zip(&skill).map(|(whole, skill)| whole / whole_top + skill / skill_top);
        let mut ranked: Vec<(AgentId, f32)> = self
            .owners
            .iter()
            .zip(sums)
            .filter(|(_, score)| *score > 0.0)
            .filter_map(|(owner, score)| owner.map(|agent| (agent, score)))
            .collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is no agent.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, &str, &str); 6] = [
        ("tabula", "Turns CSV tables into JSON rows.", "csv_to_json"),
        ("wordsmith", "Counts words, sentences and characters of a text.", "count_words"),
        ("metric", "Converts units: miles, kilograms, degrees.", "convert_unit"),
        ("gist", "Summarizes long texts in a few sentences.", "summarize"),
        ("finder", "Finds dates, numbers and addresses in a text.", "extract_entities"),
        ("echo", "Says it again.", "repeat"),
    ];

    fn put(index: &mut Relevance, agent: usize) {
        let (name, description, skill) = TEXTS[agent % TEXTS.len()];
        let skills = [SkillText { name: skill, description }];
        let text = AgentText { name, description, tags: &[], skills: &skills, properties: &[] };
        index.upsert(AgentId(i64::try_from(agent).expect("a small number")), &text);
    }

    fn index(agents: impl IntoIterator<Item = usize>) -> Relevance {
        let mut index = Relevance::default();
        for agent in agents {
            put(&mut index, agent);
        }
        index
    }

    #[test]
    fn the_right_agent_comes_first() {
        let index = index(0..6);
        for (query, expected) in [
            ("Please convert this csv to JSON", 0),
            ("how many words are in my text?", 1),
            ("convert 12 miles", 2),
            ("summarize this article", 3),
            ("extract all dates", 4),
        ] {
            assert_eq!(index.rank(query)[0].0, AgentId(expected), "{query}: {:?}", index.rank(query));
        }
        assert_eq!(index.rank("of the"), []);
        assert_eq!(index.rank("zzz"), []);
    }

    #[test]
    fn neither_order_nor_history_matters() {
        let fresh = index(0..40);
        let backward = index((0..40).rev());
        let mut changed = index(0..60);
        for agent in (0..60).rev() {
            // A walk that visits everybody: away, back, away again if it is not among the first forty.
            let visited = agent * 7 % 60;
            changed.remove(AgentId(i64::try_from(visited).expect("a small number")));
            if visited < 40 {
                put(&mut changed, visited);
            }
        }
        for (_, query, _) in TEXTS {
            assert_eq!(backward.rank(query), fresh.rank(query), "{query}");
            assert_eq!(changed.rank(query), fresh.rank(query), "{query}");
        }
        assert_eq!((changed.len(), fresh.is_empty()), (40, false));
    }

    #[test]
    fn ties_go_by_id_and_scores_stay_in_bounds() {
        let ranked = index([13, 1, 7]).rank("count words");
        assert_eq!(ranked.iter().map(|(agent, _)| agent.0).collect::<Vec<_>>(), [1, 7, 13]);
        assert!(ranked.iter().all(|(_, score)| (0.0..=1.0).contains(score)), "{ranked:?}");
    }

    #[test]
    fn a_name_says_more_than_a_description() {
        let mut index = Relevance::default();
        let (weather, other) = ("weather", "Forecasts");
        for (id, name, description) in [(1, other, weather), (2, weather, other)] {
            let text = AgentText { name, description, tags: &[], skills: &[], properties: &[] };
            index.upsert(AgentId(id), &text);
        }
        assert_eq!(index.rank("weather")[0].0, AgentId(2));
    }

    #[test]
    fn a_huge_brief_is_read_by_its_head() {
        use std::fmt::Write;
        let mut brief = "count words ".to_owned();
        for number in 0..50_000 {
            write!(brief, "q{number}x ").expect("a string takes all");
        }
        assert_eq!(index(0..6).rank(&brief)[0].0, AgentId(1));
    }
}
