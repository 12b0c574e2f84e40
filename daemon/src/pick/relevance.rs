//! Whose texts fit a job's: BM25F over two kinds of documents, the whole agent and each of its skills.
//!
//! In memory, updated on change, and the same on every machine: no order of a hash map reaches a result, and ties go by
//! id.

use super::documents::{Bag, Documents, Field};
use super::query;
use super::words::Words;
use guildhall_protocol::ids::AgentId;
use std::collections::BTreeMap;

/// The fields of a whole agent. Names weigh more than prose; the lengths are what agents in the wild have, rounded.
const NAME: Field = Field { weight: 3.0, usual: 4.0 };
const TAGS: Field = Field { weight: 2.0, usual: 6.0 };
const LEAD: Field = Field { weight: 1.0, usual: 16.0 };
const REST: Field = Field { weight: 1.0, usual: 16.0 };
const PROPERTIES: Field = Field { weight: 1.0, usual: 30.0 };
const SKILL_NAMES: Field = Field { weight: 2.0, usual: 24.0 };
/// Of its skills' descriptions an agent gets the first sentences only, and lightly: with all of them an agent of thirty
/// skills would be about everything. Each skill has a document that holds them.
const SKILL_LEADS: Field = Field { weight: 0.5, usual: 64.0 };
/// The fields of one skill.
const SKILL_NAME: Field = Field { weight: 2.0, usual: 4.0 };
const SKILL_LEAD: Field = Field { weight: 1.0, usual: 10.0 };
const SKILL_REST: Field = Field { weight: 1.0, usual: 20.0 };
const SKILL_AGENT: Field = Field { weight: 2.0, usual: 4.0 };

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
        let (words, (lead, rest)) = (&self.words, first_sentence(text.description));
        let mut whole = Bag::default();
        whole.add(words, NAME, [text.name]);
        whole.add(words, LEAD, [lead]);
        whole.add(words, REST, [rest]);
        whole.add(words, TAGS, text.tags.iter().map(String::as_str));
        whole.add(words, PROPERTIES, text.properties.iter().map(String::as_str));
        whole.add(words, SKILL_NAMES, text.skills.iter().map(|skill| skill.name));
        whole.add(words, SKILL_LEADS, text.skills.iter().map(|skill| first_sentence(skill.description).0));
        let mut skills = Vec::with_capacity(text.skills.len());
        for skill in text.skills {
            let (lead, rest) = first_sentence(skill.description);
            let mut one = Bag::default();
            one.add(words, SKILL_NAME, [skill.name]);
            one.add(words, SKILL_LEAD, [lead]);
            one.add(words, SKILL_REST, [rest]);
            one.add(words, SKILL_AGENT, [text.name]);
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
        let wanted = query::wanted(&self.words, query);
        let whole = self.agents.score(&wanted, self.owners.len());
        let skill = self.skills.score(&wanted, self.owners.len());
        let top = |scores: &[f32]| scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max) * 2.0;
        let (whole_top, skill_top) = (top(&whole), top(&skill));
        let sums = whole.iter().zip(&skill).map(|(whole, skill)| whole / whole_top + skill / skill_top);
        // Integers sort in half the time of pairs, and bits of positive numbers sort as the numbers do: turned over, the best
        // come first.
        let mut keys: Vec<u64> = (0_u32..)
            .zip(sums)
            .filter(|(_, score)| *score > 0.0)
            .map(|(place, score)| (u64::from(!score.to_bits()) << 32) | u64::from(place))
            .collect();
        keys.sort_unstable();
        let agent = |key: u64| {
            let (place, bits) = (key & u64::from(u32::MAX), key >> 32);
            let agent = self.owners[usize::try_from(place).ok()?]?;
            Some((agent, f32::from_bits(!u32::try_from(bits).ok()?)))
        };
        let mut ranked: Vec<(AgentId, f32)> = keys.into_iter().filter_map(agent).collect();
        for equals in ranked.chunk_by_mut(|a, b| a.1.to_bits() == b.1.to_bits()) {
            equals.sort_unstable_by_key(|(agent, _)| *agent);
        }
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

/// A text's first sentence and the others. The first says what a thing is, the others what else there is to know.
fn first_sentence(text: &str) -> (&str, &str) {
    let text = text.trim();
    let ends = |(at, letter): (usize, char)| {
        let after = &text[at + letter.len_utf8()..];
        match letter {
            '.' | '!' | '?' => after.starts_with(char::is_whitespace),
            '。' | '！' | '？' | '\n' => true,
            _ => false,
        }
        .then_some(at + letter.len_utf8())
    };
    text.split_at(text.char_indices().find_map(ends).unwrap_or(text.len()))
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
    fn other_words_for_the_same_find_an_agent_and_its_own_words_come_first() {
        let mut index = Relevance::default();
        for (id, description) in [(1, "Erases records."), (2, "Deletes records."), (3, "Counts records.")] {
            let text = AgentText { name: "records", description, tags: &[], skills: &[], properties: &[] };
            index.upsert(AgentId(id), &text);
        }
        let ranked: Vec<i64> =
            index.rank("Delete the old records").iter().map(|(agent, _)| agent.0).collect();
        assert_eq!(ranked, [2, 1, 3]);
    }

    #[test]
    fn many_skills_do_not_bury_what_an_agent_is() {
        let filler: Vec<String> =
            (0..30).map(|number| format!("Handles matter {number} at length.")).collect();
        let mut skills: Vec<SkillText<'_>> =
            filler.iter().map(|description| SkillText { name: "handle_matter", description }).collect();
        skills.push(SkillText { name: "weather_report", description: "Reports the weather." });
        let mut index = Relevance::default();
        let few =
            [SkillText { name: "sail", description: "Sails. Asks about the weather before it leaves." }];
        for (id, name, skills) in [(1, "sailor", &few[..]), (2, "factotum", &skills)] {
            let text = AgentText { name, description: "", tags: &[], skills, properties: &[] };
            index.upsert(AgentId(id), &text);
        }
        assert_eq!(index.rank("weather report")[0].0, AgentId(2));
    }

    #[test]
    fn a_first_sentence_ends_where_readers_end_it() {
        let table = [
            ("", ("", "")),
            ("One.", ("One.", "")),
            ("Reads v1.2 files. Fast!", ("Reads v1.2 files.", " Fast!")),
            ("Erste Zeile\nzweite", ("Erste Zeile\n", "zweite")),
            ("搜索网页。返回列表", ("搜索网页。", "返回列表")),
        ];
        for (text, expected) in table {
            assert_eq!(first_sentence(text), expected, "{text:?}");
        }
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
