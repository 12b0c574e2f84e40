//! Who gets which job, and why the others do not.

use super::*;
use crate::judge::schema::Schema;
use crate::market::Compiled;
use crate::store::{AgentRecord, Chain, Pulses, Tally, TallyRecord};
use guildhall_protocol::agent::AgentDefinition;
use guildhall_protocol::ids::BodyId;
use guildhall_protocol::place::PlaceSettings;
use serde_json::json;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_795_390_000_000);
const CLIENT: UserId = UserId(1);

type Change = fn(&mut AgentRecord);

fn put(market: &mut Market, id: i64, definition: &Value, change: impl FnOnce(&mut AgentRecord)) {
    let definition: AgentDefinition = serde_json::from_value(definition.clone()).expect("a definition");
    let schema = |schema: &Option<guildhall_protocol::json::Json>| {
        schema.as_ref().map(|schema| Schema::compile(&schema.value()).expect("a schema"))
    };
    let mut record = AgentRecord {
        id: AgentId(id),
        name: definition.name.clone(),
        owner: CLIENT,
        state: AgentState::Active,
        health: Health::Closed,
        co_owners: Vec::new(),
        offered_to: None,
        audience: Audience::Public,
        wanted: None,
        old_secrets: None,
        version: AgentVersion(1),
        definition: BodyId(1),
        concurrency: definition.caps.concurrency,
        running: 0,
        grants: Vec::new(),
        delivery_secret: Vec::new(),
        callback_secret: Vec::new(),
        due_at: None,
        tries: 0,
        pulses: Pulses::default(),
        registered_at: NOW,
        chain: Chain::default(),
    };
    change(&mut record);
    let compiled = Compiled { input: schema(&definition.input_schema), output: None, definition };
    market.put(record, Arc::new(compiled));
}

fn agent(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "endpoint": "https://agents.example/"})
}

fn pick(market: &Market, draft: &JobDraft) -> Choice {
    pick_with(market, draft, &json!({"text": draft.brief}), &[])
}

fn pick_with(market: &Market, draft: &JobDraft, input: &Value, tried: &[AgentId]) -> Choice {
    pick_in(market, &PlaceSettings::default(), draft, input, tried)
}

fn pick_in(
    market: &Market,
    place: &PlaceSettings,
    draft: &JobDraft,
    input: &Value,
    tried: &[AgentId],
) -> Choice {
    let deadline = Timestamp(NOW.0 + 3_600_000);
    let input_bytes = input.to_string().len();
    let steering = &Steering::default();
    let material = Material::Given;
    let wanted = Wanted {
        client: CLIENT,
        draft,
        place,
        steering,
        input,
        input_bytes,
        material,
        tried,
        deadline,
        near: &[],
        seed: 42,
    };
    choose(market, &wanted, NOW)
}

fn draft(brief: &str) -> JobDraft {
    JobDraft { brief: brief.to_owned(), ..JobDraft::default() }
}

#[test]
fn the_agent_whose_texts_fit_gets_it() {
    let mut market = Market::default();
    put(&mut market, 1, &agent("@tabula", "Turns CSV tables into JSON rows."), |_| {});
    put(&mut market, 2, &agent("@gist", "Summarizes long texts."), |_| {});
    let choice = pick(&market, &draft("Turn this CSV table into JSON"));
    assert_eq!(choice.chosen, Some((AgentId(1), AgentVersion(1))));
    assert_eq!(choice.pick.excluded, [(Exclusion::LittleRelevance, 1)]);
    assert_eq!(choice.pick.reason, "@tabula is the only one who can take it now");
}

#[test]
fn every_exclusion_has_its_reason() {
    let csv = "Turns CSV tables into JSON rows.";
    let table: [(Exclusion, Value, Change); 8] = [
        (Exclusion::NotActive, agent("@x1", csv), |record| record.state = AgentState::Pending),
        (Exclusion::CircuitOpen, agent("@x2", csv), |record| {
            record.health = Health::Open(Timestamp(NOW.0 + 1));
        }),
        (Exclusion::CircuitOpen, agent("@x3", csv), |record| record.health = Health::Quarantined),
        (Exclusion::AtCapacity, agent("@x4", csv), |record| record.running = record.concurrency),
        (Exclusion::NotPublished, agent("@x5", csv), |record| {
            record.owner = UserId(9);
            record.audience = Audience::Owner;
        }),
        (
            Exclusion::KindUnsupported,
            json!({"name": "@x6", "description": csv, "endpoint": "https://a.example/", "kind": "a2a"}),
            |_| {},
        ),
        (
            Exclusion::InputTooLarge,
            json!({"name": "@x7", "description": csv, "endpoint": "https://a.example/", "caps": {"input_bytes": 10}}),
            |_| {},
        ),
        (
            Exclusion::InputInvalid,
            json!({"name": "@x8", "description": csv, "endpoint": "https://a.example/", "input_schema": {"required": ["rows"]}}),
            |_| {},
        ),
    ];
    for (expected, definition, change) in table {
        let mut market = Market::default();
        put(&mut market, 1, &definition, change);
        let choice = pick(&market, &draft("Turn this CSV table into JSON"));
        assert_eq!(choice.chosen, None, "{definition}");
        assert_eq!(choice.pick.excluded, [(expected, 1)], "{definition}");
        assert_eq!(choice.waits_for.len(), usize::from(expected.passes_with_time()), "{definition}");
        assert_eq!(choice.pick.reason, format!("0 of 1 agents can take this now: 1 {expected}"));
    }
}

#[test]
fn lists_tags_and_earlier_tries() {
    let mut market = Market::default();
    let tagged =
        json!({"name": "@a2", "description": "words", "endpoint": "https://a.example/", "tags": ["fast"]});
    put(&mut market, 1, &agent("@a1", "words"), |_| {});
    put(&mut market, 2, &tagged, |_| {});
    let only = |names: &[&str]| names.iter().map(|name| name.parse().expect("a name")).collect::<Vec<_>>();
    let chosen = |choice: &Choice| choice.chosen.map(|(agent, _)| agent.0);

    let choice = pick(&market, &JobDraft { only: only(&["@a1"]), ..draft("anything") });
    assert_eq!(chosen(&choice), Some(1));
    assert_eq!(choice.pick.named, [("@a1".parse().expect("a name"), None)]);
    assert_eq!(chosen(&pick(&market, &JobDraft { not: only(&["@a1"]), ..draft("words") })), Some(2));
    assert_eq!(
        chosen(&pick(&market, &JobDraft { tags: vec!["fast".to_owned()], ..draft("words") })),
        Some(2)
    );
    let words = draft("words");
    assert_eq!(chosen(&pick_with(&market, &words, &json!({}), &[AgentId(2)])), Some(1));
    assert_eq!(chosen(&pick_with(&market, &words, &json!({}), &[AgentId(1), AgentId(2)])), None);
}

#[test]
fn a_busy_right_agent_is_waited_for() {
    let mut market = Market::default();
    put(&mut market, 1, &agent("@tabula", "Turns CSV tables into JSON rows."), |record| record.running = 4);
    put(&mut market, 2, &agent("@gist", "Summarizes long texts."), |_| {});
    let choice = pick(&market, &draft("Turn this CSV table into JSON"));
    assert_eq!((choice.chosen, choice.waits_for), (None, vec![AgentId(1)]));
}

#[test]
fn a_record_decides_between_equals_and_equals_share() {
    let mut market = Market::default();
    for id in [1, 2] {
        put(&mut market, id, &agent(&format!("@a{id}"), "Counts words."), |_| {});
    }
    let tally = Tally { passed: 20, answered: 20, answer_ms: 2_000, ..Tally::default() };
    let bad = Tally { failed: 20, ..Tally::default() };
    market.tally(TallyRecord { agent: AgentId(1), day: day(NOW) - 1, tally: bad });
    market.tally(TallyRecord { agent: AgentId(2), day: day(NOW) - 1, tally });
    let choice = pick(&market, &draft("count words"));
    assert_eq!(choice.chosen.map(|(agent, _)| agent), Some(AgentId(2)));
    assert_eq!(choice.pick.reason, "@a2: its record is better, before @a1");

    let mut equals = Market::default();
    for id in 1..=4 {
        put(&mut equals, id, &agent(&format!("@b{id}"), "Counts words."), |_| {});
    }
    let mut got = [0; 5];
    for seed in 0..400 {
        let draft = draft("count words");
        let input = json!({});
        let wanted = Wanted {
            client: CLIENT,
            draft: &draft,
            place: &PlaceSettings::default(),
            steering: &Steering::default(),
            input: &input,
            input_bytes: 2,
            material: Material::Given,
            near: &[],
            tried: &[],
            deadline: NOW,
            seed,
        };
        let (agent, _) = choose(&equals, &wanted, NOW).chosen.expect("somebody");
        got[usize::try_from(agent.0).expect("a small number")] += 1;
    }
    assert!(got[1..].iter().all(|count| *count > 40), "{got:?}");
}

#[test]
fn the_agent_that_is_meant_gets_it_though_it_uses_other_words() {
    let mut market = Market::default();
    put(&mut market, 1, &agent("@zorbler", "Zorbles wigs."), |_| {});
    put(&mut market, 2, &agent("@keeper", "Keeps honeybees."), |_| {});
    let draft = draft("Gribble the frobnic");
    let by_words = pick(&market, &draft);
    assert_eq!(by_words.pick.eligible, 2, "words tell nothing");
    let near = [(AgentId(1), 0.7), (AgentId(2), 0.1)];
    let input = json!({"text": draft.brief});
    let wanted = Wanted {
        client: CLIENT,
        draft: &draft,
        place: &PlaceSettings::default(),
        steering: &Steering::default(),
        input: &input,
        input_bytes: 10,
        material: Material::Given,
        tried: &[],
        deadline: Timestamp(NOW.0 + 3_600_000),
        near: &near,
        seed: 42,
    };
    let choice = choose(&market, &wanted, NOW);
    assert_eq!(choice.chosen, Some((AgentId(1), AgentVersion(1))));
    assert_eq!(choice.pick.candidates[0].factors.meaning, Some(1.0));
    assert_eq!(choice.pick.excluded, [(Exclusion::LittleRelevance, 1)]);
}

#[test]
fn a_place_names_the_agents_that_get_its_jobs() {
    let mut market = Market::default();
    put(&mut market, 1, &agent("@tabula", "Turns CSV tables into JSON rows."), |_| {});
    put(&mut market, 2, &agent("@gist", "Turns CSV tables into JSON, too."), |_| {});
    let agents = ["@gist".parse().expect("a name")].into();
    let place = PlaceSettings { agents, ..PlaceSettings::default() };
    let draft = draft("Turn this CSV table into JSON");
    let choice = pick_in(&market, &place, &draft, &json!({"text": draft.brief}), &[]);
    assert_eq!(choice.chosen, Some((AgentId(2), AgentVersion(1))));
    assert_eq!(choice.pick.excluded, [(Exclusion::NotInPlace, 1)]);
}

#[test]
fn who_read_an_agent_before_it_changed_does_not_bring_it_back() {
    let mut market = Market::default();
    let definition = agent("@sum", "Adds numbers.");
    let of = |owner: UserId, revision: u64| {
        move |record: &mut AgentRecord| (record.owner, record.chain.revision) = (owner, revision)
    };
    put(&mut market, 1, &definition, of(UserId(2), 5));
    put(&mut market, 1, &definition, of(UserId(1), 4));
    let owner = |market: &Market| market.get(AgentId(1)).expect("it is there").record.owner;
    assert_eq!(owner(&market), UserId(2));
    put(&mut market, 1, &definition, of(UserId(3), 5));
    assert_eq!(owner(&market), UserId(3), "what is no change of its history may be read again");
}
