//! Questions to a server on loopback: what comes of each failure, and what is kept within limits.

mod fake;
mod money;

use super::settings::{ApiKey, EmbeddingModel, Price};
use super::transport::ChatRequest;
use super::*;
use crate::llm::cache::{Memory, Off};
use fake::{Fake, Plan, answer};
use guildhall_protocol::ids::{PlaceId, UserId};
use guildhall_protocol::model::{CallOutcome, Micros, ModelRole};
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = "sk-loopback-0123456789";
const PAYER: Payer = Payer { place: PlaceId(1), user: UserId(1) };

fn model() -> ModelName {
    "m".parse().expect("a model's name")
}

fn settings(fake: &Fake) -> LlmSettings {
    let million = |dollars: u64| Micros(dollars * 1_000_000);
    let embedding = "e".parse().expect("a model's name");
    LlmSettings {
        base_url: fake.url.clone(),
        key: Some(ApiKey::new(KEY)),
        model: model(),
        second: None,
        embedding: Some(EmbeddingModel { model: embedding, base_url: fake.url.clone() }),
        time_limit: Duration::from_secs(30),
        calls_max: 8,
        answer_tokens_max: 100,
        job_tokens_max: 100_000,
        day_tokens_max: None,
        prices: [(model(), Price { tokens_in: million(1), tokens_out: million(2) })].into(),
        budgets: Budgets::default(),
    }
}

fn llm(settings: LlmSettings) -> Arc<Llm> {
    llm_with(settings, Arc::new(Off))
}

fn llm_with(settings: LlmSettings, cache: Arc<dyn Cache>) -> Arc<Llm> {
    let budgets = settings.budgets;
    let tag = StoreTag::from_random(1);
    Arc::new(Llm::new(settings, cache, tag, true, budgets, &[], Timestamp::now()).expect("good settings"))
}

fn question() -> Question {
    Question {
        role: ModelRole::Judge,
        model: model(),
        payer: PAYER,
        job_tokens_used: 0,
        schema_name: "number_1",
        schema: json!({"type": "object"}),
        system: "Say a number.".to_owned(),
        user: "A small one.".to_owned(),
        essence: [7; 32],
    }
}

fn read(value: &Value) -> Result<u64, String> {
    value["n"].as_u64().ok_or_else(|| "there is no number".to_owned())
}

fn outcome<T>(asked: &Asked<T>) -> Option<CallOutcome> {
    asked.call.as_ref().map(|call| call.outcome)
}

fn says(status: u16, body: &Value) -> Plan {
    Plan::Says(status, body.to_string())
}

#[tokio::test]
async fn an_answer_is_read_counted_and_paid() {
    let fake = Fake::new([]).await;
    let llm = llm(settings(&fake));
    let asked = llm.ask(question(), read).await;
    assert_eq!(asked.answer, Ok(1));
    let call = asked.call.expect("a call");
    assert_eq!((call.tokens_in, call.tokens_out, call.cost), (100, 10, Micros(120)));
    assert_eq!(call.outcome, CallOutcome::Answered);
    assert_eq!(call.prompt.0.len(), 64);
    let state = llm.state(Timestamp::now());
    assert_eq!((state.spent, state.set_aside, state.tokens), (Micros(120), Micros(0), 110));
    assert_eq!((state.counts.len(), state.in_flight), (1, 0));
    assert_eq!(state.unpriced, ["e".parse().expect("a name")]);

    let request = fake.seen.requests.lock().expect("requests")[0].clone();
    let (model, schema) = (model(), question().schema);
    let expected = ChatRequest::new(&model, "Say a number.", "A small one.", "number_1", &schema, 100);
    assert_eq!(request, serde_json::to_value(expected).expect("JSON"));
    assert_eq!(request["response_format"]["json_schema"]["strict"], json!(true));
    assert_eq!(fake.seen.keys.lock().expect("keys")[0].as_deref(), Some(format!("Bearer {KEY}").as_str()));
}

#[tokio::test]
async fn each_failure_is_told_apart_and_only_what_may_pass_is_tried_again() {
    use CallOutcome::{Answered, Malformed, Permanent, Refused, Transient};
    let error = |message: &str| json!({"error": {"message": message}});
    let choice =
        |message: Value, finish: &str| json!({"choices": [{"message": message, "finish_reason": finish}]});
    let quota = json!({"error": {"message": "no quota", "code": "insufficient_quota"}});
    let table = [
        (vec![Plan::Says(500, "<html>".to_owned()), answer("{\"n\":2}")], Answered, 2),
        (vec![Plan::Later(429, "0"), answer("{\"n\":2}")], Answered, 2),
        (vec![Plan::Half, answer("{\"n\":2}")], Answered, 2),
        (vec![Plan::Later(503, "0"), Plan::Later(503, "0"), answer("{\"n\":2}")], Transient, 2),
        (vec![Plan::Later(429, "3600")], Transient, 1),
        (vec![says(429, &quota)], Permanent, 1),
        (vec![says(401, &error("wrong key"))], Permanent, 1),
        (vec![says(404, &error("no such model"))], Permanent, 1),
        (vec![says(400, &error("response_format is not supported"))], Permanent, 1),
        (vec![says(400, &error("too long"))], Permanent, 1),
        (vec![Plan::Says(302, String::new())], Permanent, 1),
        (vec![says(200, &choice(json!({"refusal": "no"}), "stop"))], Refused, 1),
        (vec![says(200, &choice(json!({"content": "{}"}), "content_filter"))], Refused, 1),
        (vec![says(200, &choice(json!({"content": "{\"n\":2}"}), "length"))], Malformed, 1),
        (vec![answer("no JSON")], Malformed, 1),
        (vec![answer("{\"other\":1}")], Malformed, 1),
        (vec![Plan::Says(200, "<html>".to_owned())], Malformed, 1),
        (vec![Plan::Says(200, format!("\"{}\"", "x".repeat(3_000_000)))], Malformed, 1),
    ];
    for (plans, expected, requests) in table {
        let shown: String = format!("{plans:?}").chars().take(200).collect();
        let fake = Fake::new(plans).await;
        let llm = llm(settings(&fake));
        let asked = llm.ask(question(), read).await;
        assert_eq!((outcome(&asked), fake.requests()), (Some(expected), requests), "{shown}");
        let without = asked.answer.map_err(|none| none.without);
        let expected = match expected {
            Answered => Ok(2),
            Refused | Malformed => Err(WithoutModel::NoUse),
            Transient | Permanent | CallOutcome::Cached | CallOutcome::OverBudget => {
                Err(WithoutModel::Unavailable)
            }
        };
        assert_eq!(without, expected, "{shown}");
        assert_eq!(llm.state(Timestamp::now()).set_aside, Micros(0), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_time_limit_and_the_prompt() {
    let fake = Fake::new([Plan::Hang, Plan::Hang]).await;
    let llm = llm(LlmSettings { time_limit: Duration::from_millis(300), ..settings(&fake) });
    let asked = llm.ask(question(), read).await;
    assert_eq!((outcome(&asked), fake.requests()), (Some(CallOutcome::Transient), 1), "not tried again");
    let call = asked.call.expect("a call");
    assert!(call.tokens_in > 0 && call.tokens_out == 0 && call.cost > Micros(0), "{call:?}");
    assert_eq!(llm.state(Timestamp::now()).spent, call.cost);
}

#[tokio::test]
async fn no_server_at_all_costs_nothing_and_opens_the_breaker() {
    let fake = Fake::new([]).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", nobody.local_addr().expect("an address"));
    drop(nobody);
    let llm = llm(LlmSettings { base_url: url, ..settings(&fake) });
    for _ in 0..breaker::FAILURES_MAX {
        let asked = llm.ask(question(), read).await;
        assert_eq!(outcome(&asked), Some(CallOutcome::Transient));
    }
    let asked = llm.ask(question(), read).await;
    assert!(asked.call.is_none(), "nothing was called");
    let why = asked.answer.expect_err("no server").why;
    assert!(why.starts_with("the last 5 calls failed: cannot connect"), "{why}");
    assert_eq!(llm.usable(PAYER, Timestamp::now()), Err(WithoutModel::Unavailable));
    assert_eq!(llm.state(Timestamp::now()).spent, Micros(0));
    llm.set_on(true);
    assert_eq!(llm.usable(PAYER, Timestamp::now()), Ok(()), "an operator wants it tried again");
}

#[tokio::test]
async fn what_is_switched_off_is_not_called() {
    let fake = Fake::new([]).await;
    let llm = llm(settings(&fake));
    llm.set_on(false);
    let asked = llm.ask(question(), read).await;
    assert_eq!(asked.answer.map_err(|none| none.without), Err(WithoutModel::SwitchedOff));
    assert!(asked.call.is_none() && fake.requests() == 0);
    assert_eq!(llm.usable(PAYER, Timestamp::now()), Err(WithoutModel::SwitchedOff));
}

#[tokio::test]
async fn an_equal_question_is_asked_once() {
    let fake = Fake::new([answer("{\"other\":1}")]).await;
    let llm = llm_with(settings(&fake), Arc::new(Memory::new(1 << 20)));
    assert!(llm.ask(question(), read).await.answer.is_err());
    assert_eq!(llm.ask(question(), read).await.answer, Ok(1), "what cannot be read is not kept");
    let marked = Question { user: "other random marks".to_owned(), ..question() };
    let asked = llm.ask(marked, read).await;
    assert_eq!((&asked.answer, outcome(&asked), fake.requests()), (&Ok(1), Some(CallOutcome::Cached), 2));
    assert_eq!(asked.call.map(|call| (call.tokens_in, call.cost)), Some((0, Micros(0))));

    let refuses = |_: &Value| Err::<u64, _>("not good enough any more".to_owned());
    assert!(llm.ask(question(), refuses).await.answer.is_err());
    assert_eq!(fake.requests(), 3, "what its reader refuses was not found");
    let other = Question { essence: [8; 32], ..question() };
    assert_eq!(llm.ask(other, read).await.answer, Ok(1));
    assert_eq!(fake.requests(), 4, "another question");
}

#[tokio::test]
async fn the_key_and_texts_stay_out_of_logs_and_reasons() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || Tee(Arc::clone(&writer)))
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let refusal = json!({"error": {"message": format!("{KEY} is not a key")}});
    let fake = Fake::new([
        Plan::Says(200, "a secret answer that is no JSON".to_owned()),
        answer("a secret answer"),
        says(401, &refusal),
        says(401, &refusal),
    ])
    .await;
    let llm = llm(settings(&fake));
    let secret = || Question { user: "a secret prompt".to_owned(), ..question() };
    for _ in 0..2 {
        assert!(llm.ask(secret(), read).await.answer.is_err());
    }
    llm.probe().await;
    let asked = llm.ask(secret(), read).await;
    drop(guard);
    let why = asked.answer.expect_err("the key is refused").why;
    assert!(why.contains("does not accept the key") && why.contains("[the key] is not a key"), "{why}");
    let log = String::from_utf8(log.lock().expect("a log").clone()).expect("text");
    assert!(log.contains("does not accept the key"), "it is said");
    let everything = format!("{log} {why} {llm:?} {:?}", llm.state(Timestamp::now()));
    assert!(!everything.contains(KEY), "the key leaks");
    let shown: Vec<&str> =
        log.lines().filter(|line| !line.contains("TRACE") && !line.contains("DEBUG")).collect();
    assert!(!shown.join("\n").contains("secret"), "a text leaks: {shown:?}");
}

struct Tee(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let fake = Fake::new([]).await;
    let refused = |settings: LlmSettings| {
        let tag = StoreTag::from_random(1);
        Llm::new(settings, Arc::new(Off), tag, true, Budgets::default(), &[], Timestamp::now()).is_err()
    };
    for base_url in ["", "host/v1", "ftp://host/v1", "https://user:word@host/v1", "https://host/v1?key=1"] {
        assert!(refused(LlmSettings { base_url: base_url.to_owned(), ..settings(&fake) }), "{base_url}");
    }
    assert!(refused(LlmSettings { key: Some(ApiKey::new("two\nlines")), ..settings(&fake) }));
}

#[tokio::test]
async fn texts_are_embedded_once_in_batches() {
    let fake = Fake::new([]).await;
    let llm = llm_with(settings(&fake), Arc::new(Memory::new(1 << 20)));
    let texts: Vec<String> = (0..130).map(|number| "x".repeat(number % 129 + 1)).collect();
    let (vectors, call) = llm.embed(&texts, Some(PAYER)).await;
    let vectors = vectors.expect("vectors");
    assert_eq!((vectors.len(), fake.requests()), (130, 3), "129 different texts");
    assert_eq!(call.map(|call| (call.tokens_in, call.outcome)), Some((21, CallOutcome::Answered)));
    let length: f32 = vectors[9].iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-5 && vectors[9][0] > vectors[0][0]);

    let (again, call) = llm.embed(&texts[..50], None).await;
    assert_eq!((again.expect("kept")[..] == vectors[..50], fake.requests()), (true, 3));
    assert_eq!(call.map(|call| call.outcome), Some(CallOutcome::Cached));

    fake.seen.dimensions.store(6, std::sync::atomic::Ordering::SeqCst);
    let mixed = [texts[0].clone(), "a new text".to_owned()];
    let (vectors, _) = llm.embed(&mixed, None).await;
    assert!(vectors.expect("vectors").iter().all(|vector| vector.len() == 6), "the old one is of no use");

    fake.plan(says(200, &json!({"data": [{"embedding": [0, 0]}]})));
    let (zero, call) = llm.embed(&["nothing".to_owned()], None).await;
    assert_eq!(zero.map_err(|none| none.without), Err(WithoutModel::NoUse));
    assert_eq!(call.map(|call| call.outcome), Some(CallOutcome::Malformed));
}

#[tokio::test]
async fn the_key_goes_to_its_own_server_only() {
    let (fake, other) = (Fake::new([]).await, Fake::new([]).await);
    let mut settings = settings(&fake);
    if let Some(embedding) = &mut settings.embedding {
        embedding.base_url.clone_from(&other.url);
    }
    let llm = llm(settings);
    assert!(llm.embed(&["text".to_owned()], None).await.0.is_ok());
    assert_eq!(*other.seen.keys.lock().expect("keys"), [None]);
}
