//! Chat endpoints as agents: any OpenAI-compatible server works, behind the same guard, judge, log and circuit as all agents;
//! and its key is nowhere to be read.

use crate::cast::{number_from, state, tells};
use crate::place::{Place, endings};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::history::What;
use guildhall_protocol::job::{Criterion, JobDraft, Policy};
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::AgentStory;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_chat::{FakeChat, MODEL, Says};
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "sk-test/0f3a9c5577e1-first";
const OTHER_KEY: &str = "sk-test/77b2d1e4a690-second";
const PROMPT: &str = "Turns a text into one short line.\nNever more than five words.";

/// Writes a file beside the store; its name.
fn file(place: &Place, name: &str, text: &str) -> String {
    let path = place.folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    path.to_str().expect("a path").to_owned()
}

fn text_of(words: &str) -> Says {
    Says::Text(words.to_owned())
}

/// The command that registers a chat agent at this server, and what is said beside.
fn registering(place: &Place, base_url: &str, name: &str, beside: &[&str]) -> Vec<String> {
    let prompt = file(place, "prompt.md", PROMPT);
    let key = file(place, "key", &format!("{KEY}\n"));
    let said = [
        "agent",
        "register",
        name,
        "--kind",
        "chat",
        "--base-url",
        base_url,
        "--model",
        MODEL,
        "--prompt-file",
        &prompt,
        "--key-file",
        &key,
    ];
    said.iter().chain(beside).map(|word| (*word).to_owned()).collect()
}

async fn guildhall(place: &Place, words: &[String]) -> (i32, String, String) {
    place.guildhall(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Brings a chat agent into the market, for everybody; what the command says.
async fn hire(place: &Place, server: &FakeChat, name: &str, beside: &[&str]) -> String {
    let for_all = [&["--allow-private", "--audience", "public"], beside].concat();
    let (code, told, complaint) =
        guildhall(place, &registering(place, &server.base_url(), name, &for_all)).await;
    assert_eq!(code, 0, "{told}{complaint}");
    place.until_agent(name, AgentState::Active).await;
    told
}

/// A job for these agents whose answer is one line of at most five words.
fn line_from(agents: &[&str]) -> JobDraft {
    JobDraft {
        brief: "Say in one line what rain is.".to_owned(),
        criteria: vec![Criterion::Rule("size(output.text) < 30".to_owned())],
        ..number_from(agents)
    }
}

fn one_chance(agent: &str) -> JobDraft {
    let policy = Policy {
        attempts_max: 1,
        offers_max: 1,
        delivery_tries_max: 1,
        backoff_ms: 100,
        ..Policy::default()
    };
    JobDraft { policy, ..line_from(&[agent]) }
}

async fn log_of(place: &Place, agent: &str) -> String {
    place.run(&["agent", "log", agent, "--full", "--limit", "100"]).await
}

fn is_open(story: &AgentStory) -> bool {
    matches!(story.head.health.known(), Some(Health::Open(_)))
}

#[tokio::test]
async fn a_job_done_by_a_chat_endpoint() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |_| text_of("Water from clouds.")).await;
    let told = hire(&place, &server, "@poet", &["--tag", "verse"]).await;
    assert!(!told.contains("whsec_") && told.contains("guildhall agent test @poet"), "{told}");
    assert_eq!(server.asked_ready(), 1, "the challenge");

    let draft = JobDraft {
        input: Some(json!({"mood": "dry"}).into()),
        tags: vec!["verse".to_owned()],
        ..line_from(&["poet"])
    };
    let story = place.ended(place.post(draft).await.expect("it is posted")).await;
    assert_eq!(endings(&story), [("poet".to_owned(), EndedAs::Passed)], "{story:#?}");
    let [asked] = &server.asked()[..] else { panic!("it was asked {} times", server.asked().len()) };
    assert_eq!(asked.system(), PROMPT);
    for part in ["Say in one line what rain is.", r#"{"mood":"dry"}"#, "size(output.text) < 30"] {
        assert!(asked.user().contains(part), "{part} is not in {}", asked.user());
    }
    assert_eq!(asked.body.get("response_format"), None);

    let shown = place.run(&["agent", "show", "@poet"]).await;
    for part in [MODEL, "Turns a text into one short line.", "verse"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let of_stranger = place.guildhall_as_stranger(&["agent", "show", "@poet"]).await;
    if let Some((code, shown, _)) = of_stranger.filter(|(code, ..)| *code == 0) {
        assert!(shown.contains(MODEL) && !shown.contains("Never more than"), "{code}: {shown}");
    }
    let exported: Value =
        serde_json::from_str(&place.run(&["agent", "export", "@poet"]).await).expect("JSON");
    assert_eq!(exported["chat"], json!({"model": MODEL, "prompt": PROMPT}));
    assert_eq!((&exported["display"], &exported["endpoint"]), (&json!("/text"), &json!(server.base_url())));
}

#[tokio::test]
async fn a_repair_round_tells_what_was_wrong() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |asked| match asked.times {
        1 => text_of("Rain is water that falls from clouds, as everybody knows."),
        _ => text_of("Water from clouds."),
    })
    .await;
    hire(&place, &server, "@poet", &[]).await;
    let story = place.ended(place.post(line_from(&["poet"])).await.expect("it is posted")).await;
    let expected = [("poet".to_owned(), EndedAs::Failed), ("poet".to_owned(), EndedAs::Passed)];
    assert_eq!(endings(&story), expected, "{story:#?}");
    let asked = server.asked();
    assert!(!asked[0].user().contains("What was wrong"), "{}", asked[0].user());
    assert!(asked[1].user().contains("What was wrong:\n- size(output.text) < 30"), "{}", asked[1].user());
}

#[tokio::test]
async fn answers_of_a_schema() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |asked| match asked.times {
        1 => text_of("```json\n{\"n\": 0}\n```"),
        2 => text_of("{\"n\": 3}"),
        _ => text_of("I think it is 3."),
    })
    .await;
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false});
    let schema_file = file(&place, "schema.json", &schema.to_string());
    hire(&place, &server, "@counter", &["--output-schema", &schema_file, "--description", "Counts."]).await;
    let count =
        || JobDraft { criteria: vec![Criterion::Rule("output.n > 0".to_owned())], ..line_from(&["counter"]) };
    let story = place.ended(place.post(count()).await.expect("it is posted")).await;
    let expected = [("counter".to_owned(), EndedAs::Failed), ("counter".to_owned(), EndedAs::Passed)];
    assert_eq!(endings(&story), expected, "{story:#?}");
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}});
    assert!(server.asked().iter().all(|asked| asked.body["response_format"] == format));

    let mut draft = count();
    draft.policy = one_chance("counter").policy;
    let story = place.ended(place.post(draft).await.expect("it is posted")).await;
    let reason = story.attempts[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("the model's answer is not JSON"), "{story:#?}");
    let exported: Value =
        serde_json::from_str(&place.run(&["agent", "export", "@counter"]).await).expect("JSON");
    assert_eq!((exported.get("display"), &exported["description"]), (None, &json!("Counts.")));
}

#[tokio::test]
async fn who_refuses_leaves_the_job_to_others() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |_| {
        Says::Choice(json!({"message": {"content": null, "refusal": "I can't help with rain."}, "finish_reason": "stop"}))
    })
    .await;
    hire(&place, &server, "@prude", &[]).await;
    let other = FakeAgent::start(|_| Answer::Output(json!({"text": "Wet."}))).await;
    place.hire(&other, "@steady", "Mends clocks.").await;
    place.until_agent("steady", AgentState::Active).await;
    let story = place.ended(place.post(line_from(&["prude", "steady"])).await.expect("it is posted")).await;
    let expected = [("prude".to_owned(), EndedAs::Declined), ("steady".to_owned(), EndedAs::Passed)];
    assert_eq!(endings(&story), expected, "{story:#?}");
    let reason = story.attempts[0].reason.as_deref().unwrap_or_default();
    assert_eq!(reason, "the model refused: I can't help with rain.");
    assert_eq!(place.agent("prude").await.head.record.failed, 0, "no harm to its record");
}

#[tokio::test]
async fn trouble_with_a_server_is_told_from_a_bad_answer() {
    use EndedAs::{Declined, Failed, Unclear, Unreachable};
    let cut_off = json!({"message": {"content": "Rain is"}, "finish_reason": "length"});
    let table = [
        ("is-busy", Says::Status(429, Some(0)), Unreachable, "429"),
        ("breaks", Says::Status(500, None), Unclear, "500"),
        ("is-accepting", Says::Status(202, None), Failed, "202"),
        ("cannot-do-it", Says::Status(422, None), Declined, "422"),
        ("is-cut", Says::Half, Unclear, ""),
        ("is-long", Says::Choice(cut_off), Failed, "was cut off"),
        ("is-empty", text_of(" "), Failed, "no content"),
        ("is-elsewhere", Says::Status(404, None), Declined, "404"),
    ];
    let place = Place::open().await;
    for (name, says, ended, told) in table {
        let server = FakeChat::start(KEY, move |_| says.clone()).await;
        hire(&place, &server, &format!("@{name}"), &[]).await;
        let story = place.ended(place.post(one_chance(name)).await.expect("it is posted")).await;
        assert_eq!(endings(&story), [(name.to_owned(), ended)], "{story:#?}");
        let reason = story.attempts[0].reason.as_deref().unwrap_or_default();
        assert!(reason.contains(told), "{name}: the reason is {reason:?}");
    }
}

#[tokio::test]
async fn who_is_busy_or_lost_is_asked_again() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |asked| match asked.times {
        1 => Says::Status(429, Some(1)),
        2 => Says::Half,
        _ => text_of("Water from clouds."),
    })
    .await;
    hire(&place, &server, "@poet", &[]).await;
    let story = place.ended(place.post(line_from(&["poet"])).await.expect("it is posted")).await;
    assert_eq!(endings(&story), [("poet".to_owned(), EndedAs::Passed)], "{story:#?}");
    assert_eq!(tells(&story, |what| matches!(what, What::Deferred { .. })), 2, "{story:#?}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_key_that_opens_nothing_is_said_and_replaced() {
    let mut place = Place::open().await;
    let server = FakeChat::start(KEY, |_| text_of("Water from clouds.")).await;
    hire(&place, &server, "@poet", &[]).await;
    server.change_key(OTHER_KEY);
    place.client_pauses_engine(true).await;
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(place.post(one_chance("poet")).await.expect("it is posted"));
    }
    place.client_pauses_engine(false).await;
    for job in &jobs {
        let story = place.ended(*job).await;
        assert_eq!(endings(&story), [("poet".to_owned(), EndedAs::Declined)], "{story:#?}");
    }
    place.until_agent_tells("poet", is_open).await;
    let log = log_of(&place, "@poet").await;
    assert!(log.contains("refused the request (401): the key does not open the endpoint"), "{log}");
    let (code, told, _) = place.guildhall(&["agent", "test", "@poet"]).await;
    assert!(code == 1 && told.contains("✗ the key opens the endpoint"), "{told}");

    let key = file(&place, "key2", OTHER_KEY);
    let update = ["agent", "update", "@poet", "--key-file", &key, "--key", "replace-it"];
    let told = place.run(&update).await;
    assert!(told.contains("@poet is at v2") && told.contains("opened with the new key"), "{told}");
    assert_eq!(place.run(&update).await, told, "the same request again");
    let told = place.run(&["agent", "update", "@poet", "--key-file", &key]).await;
    assert!(told.contains("nothing differs"), "{told}");
    place.until_agent("poet", AgentState::Active).await;
    assert!(place.run(&["agent", "show", "@poet"]).await.contains("its endpoint is opened with another key"));
    place.run(&["agent", "test", "@poet"]).await;
    let job = place.post(line_from(&["poet"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed);

    let turned_away = server.turned_away();
    place.kill().await;
    place.start().await;
    let job = place.post(line_from(&["poet"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed, "the new key is kept");
    assert_eq!(server.turned_away(), turned_away);
}

#[tokio::test]
async fn a_key_is_never_sent_to_another_server() {
    let mut place = Place::open().await;
    let old = FakeChat::start(KEY, |_| Says::Status(429, Some(600))).await;
    hire(&place, &old, "@poet", &[]).await;
    let mut draft = line_from(&["poet"]);
    draft.policy = Policy { offers_max: 1, delivery_tries_max: 3, backoff_ms: 100, ..Policy::default() };
    let job = place.post(draft).await.expect("it is posted");
    place.until_story(job, |story| tells(story, |what| matches!(what, What::Deferred { .. })) == 1).await;

    let new = FakeChat::start(OTHER_KEY, |_| text_of("Water from clouds.")).await;
    let (base_url, key) = (new.base_url(), file(&place, "key2", OTHER_KEY));
    let moves = ["agent", "update", "@poet", "--base-url", &base_url, "--key-file", &key, "--allow-private"];
    place.run(&moves).await;
    place.until_agent("poet", AgentState::Active).await;
    place.let_pass(1).await;
    let story = place.ended(job).await;
    assert_eq!(endings(&story), [("poet".to_owned(), EndedAs::Unreachable)], "{story:#?}");
    let reason = story.attempts[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("has moved to another server"), "{reason}");
    assert_eq!((old.turned_away(), old.asked().len()), (0, 1), "the new key was not shown to the old server");
    let (code, _, complaint) = place.guildhall(&["agent", "rollback", "@poet", "1"]).await;
    assert!(code == 2 && complaint.contains("--key-file"), "{complaint}");
    let job = place.post(line_from(&["poet"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed);
}

#[tokio::test]
async fn an_open_circuit_is_probed_by_the_smallest_completion() {
    let mut place = Place::open().await;
    let server = FakeChat::start(KEY, |asked| match asked.times {
        1..=5 => Says::Status(500, None),
        _ => text_of("Water from clouds."),
    })
    .await;
    hire(&place, &server, "@poet", &[]).await;
    let mut draft = line_from(&["poet"]);
    draft.policy = Policy { attempts_max: 1, delivery_tries_max: 5, backoff_ms: 100, ..Policy::default() };
    let story = place.ended(place.post(draft).await.expect("it is posted")).await;
    assert_eq!(endings(&story), [("poet".to_owned(), EndedAs::Unclear)], "{story:#?}");
    place.until_agent_tells("poet", is_open).await;
    assert_eq!(server.asked_ready(), 1, "the challenge");
    place.let_pass(1).await;
    place.until_agent_tells("poet", |story| story.head.health.known() == Some(&Health::HalfOpen)).await;
    assert_eq!(server.asked_ready(), 2, "the probe");
    let job = place.post(line_from(&["poet"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed);
}

#[tokio::test]
async fn what_cannot_be_registered_or_changed() {
    let place = Place::open().await;
    let server = FakeChat::start(KEY, |_| text_of("Water from clouds.")).await;
    let base_url = server.base_url();
    let (code, _, complaint) = guildhall(&place, &registering(&place, &base_url, "@poet", &[])).await;
    assert!(code == 2 && complaint.contains("--allow-private"), "{complaint}");

    let mut words = registering(&place, &base_url, "@poet", &["--allow-private"]);
    let key = place.folder.path().join("key");
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("a mode");
    let (code, _, complaint) = guildhall(&place, &words).await;
    assert!(code == 2 && complaint.contains("mode 644") && complaint.contains("chmod 600"), "{complaint}");
    file(&place, "key", "sk with spaces");
    let (code, _, complaint) = guildhall(&place, &words).await;
    assert!(code == 2 && complaint.contains("no API key") && !complaint.contains("spaces\""), "{complaint}");

    words = registering(&place, &format!("{base_url}/chat/completions"), "@poet", &["--allow-private"]);
    let (code, _, complaint) = guildhall(&place, &words).await;
    assert!(code == 2 && complaint.contains("/chat/completions"), "{complaint}");
    let (code, _, complaint) = place.guildhall(&["agent", "register", "@poet", "--model", MODEL]).await;
    assert!(code == 2 && complaint.contains("--base-url, --prompt-file"), "{complaint}");

    let native = json!({"name": "@poet", "description": "Verse.", "endpoint": "https://agents.example/"});
    let native_file = file(&place, "native.json", &native.to_string());
    let key = file(&place, "key", KEY);
    let (code, _, complaint) =
        place.guildhall(&["agent", "register", "--file", &native_file, "--key-file", &key]).await;
    assert!(code == 2 && complaint.contains("kind chat"), "{complaint}");

    hire(&place, &server, "@poet", &[]).await;
    let (code, _, complaint) = place.guildhall(&["agent", "update", "--file", &native_file]).await;
    assert!(code == 2 && complaint.contains("registered as another kind"), "{complaint}");
    let elsewhere = ["agent", "update", "@poet", "--base-url", "https://models.example/v1"];
    let (code, _, complaint) = place.guildhall(&elsewhere).await;
    assert!(code == 2 && complaint.contains("its key is for this one"), "{complaint}");
    let told = place.run(&["agent", "update", "@poet", "--tag", "verse", "--tag", "short"]).await;
    assert!(told.contains("@poet is at v2") && told.contains("\"verse\""), "{told}");
}

#[tokio::test]
async fn a_server_that_wants_no_key_and_a_definition_in_a_file() {
    let place = Place::open().await;
    let server = FakeChat::start("", |_| text_of("Water from clouds.")).await;
    let definition = json!({
        "name": "@local", "description": "Says short lines.", "endpoint": server.base_url(), "kind": "chat",
        "chat": {"model": MODEL, "prompt": PROMPT},
    });
    let definition = file(&place, "local.json", &definition.to_string());
    let register = [
        "agent",
        "register",
        "--file",
        &definition,
        "--allow-private",
        "--house",
        "--audience",
        "public",
        "--json",
        "--key",
        "once",
    ];
    let told = place.run(&register).await;
    assert_eq!(place.run(&register).await, told, "the same request again");
    let registered: Value = serde_json::from_str(&told).expect("JSON");
    assert!(registered["version"] == 1 && registered.get("delivery_secret").is_none(), "{registered}");
    place.until_agent("local", AgentState::Active).await;
    let job = place.post(line_from(&["local"])).await.expect("it is posted");
    assert_eq!(state(&place.ended(job).await), JobState::Completed);
    assert_eq!(place.agent("local").await.head.record.passed, 1, "an agent of the house");
}

#[tokio::test]
async fn the_key_is_nowhere_to_be_read() {
    let mut place = Place::open().await;
    let log_file = place.log_to_file("debug");
    place.kill().await;
    place.start().await;
    // One that gossips: it says its key in an answer, and quotes it when it refuses it.
    let server = FakeChat::start(KEY, |_| text_of(&format!("{KEY}!"))).await;
    let mut told = hire(&place, &server, "@gossip", &["--key", "once"]).await;
    let job = place.post(line_from(&["gossip"])).await.expect("it is posted");
    let story = place.ended(job).await;
    assert_eq!(state(&story), JobState::Completed, "{story:#?}");
    server.change_key(OTHER_KEY);
    let story = place.ended(place.post(one_chance("gossip")).await.expect("it is posted")).await;
    assert_eq!(endings(&story), [("gossip".to_owned(), EndedAs::Declined)]);
    assert!(server.turned_away() > 0);

    let wrong = file(&place, "wrong", &format!("{KEY} {OTHER_KEY}"));
    let number = job.to_string();
    for words in [
        vec!["agent", "log", "@gossip", "--full"],
        vec!["agent", "log", "@gossip", "--json"],
        vec!["agent", "show", "@gossip"],
        vec!["agent", "show", "@gossip", "--json"],
        vec!["agent", "export", "@gossip"],
        vec!["agent", "test", "@gossip"],
        vec!["agent", "update", "@gossip", "--key-file", &wrong],
        vec!["job", "show", &number],
        vec!["job", "show", &number, "--json"],
    ] {
        let (_, said, complaint) = place.guildhall(&words).await;
        assert!(!said.is_empty() || !complaint.is_empty(), "{words:?} says nothing");
        told += &(said + &complaint);
    }
    assert!(
        told.contains("$KEY!") && told.contains("Bearer $KEY") && told.contains("Incorrect API key provided"),
        "{told}"
    );
    let key = file(&place, "key2", OTHER_KEY);
    told += &place.run(&["agent", "update", "@gossip", "--key-file", &key, "--json"]).await;
    place.until_agent("gossip", AgentState::Active).await;
    place.kill().await;
    let mut kept = vec![("what was told".to_owned(), told.into_bytes())];
    for name in ["guildhall.db", "guildhall.db-wal"] {
        let path = place.folder.path().join(name);
        if path.exists() {
            kept.push((name.to_owned(), std::fs::read(&path).expect("it is ours")));
        }
    }
    kept.push(("the log".to_owned(), std::fs::read(&log_file).expect("a log")));
    for (name, bytes) in &kept {
        for key in [KEY, OTHER_KEY] {
            assert!(!holds(bytes, key), "the key {key} is in {name}");
        }
    }
    assert!(kept.len() >= 3 && !kept[kept.len() - 1].1.is_empty(), "there is something to look through");
}

/// Whether bytes hold a key, as it is or as JSON may write it.
fn holds(bytes: &[u8], key: &str) -> bool {
    let forms = [key.to_owned(), key.replace('/', r"\/")];
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
}
