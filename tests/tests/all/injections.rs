//! The corpus of injections against a model that obeys whatever it reads, through real jobs.
//!
//! What must hold whatever a model does: no answer that a rule failed is accepted, nobody is chosen who is not on the list, and
//! the secret of a prompt is nowhere to be read. What holds only as well as the model does is printed, not asserted.

use crate::cast::state;
use crate::place::Place;
use crate::thinking::{Pair, VERSES, first_agent, verses};
use guildhall_protocol::agent::{AgentDefinition, AgentState, Audience};
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::json::Json;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, JobState};
use guildhall_protocol::view::{JobStory, RegisterOptions};
use guildhall_tests::fake_agent::{Answer, Delivery, FakeAgent};
use guildhall_tests::fake_openai::{FakeOpenAi, Gullible};
use guildhall_tests::injections::{Injection, Place as Stands, corpus};
use regex::bytes::RegexBuilder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Met by no answer of an agent here, and a sensible judge sees that.
const UNMET: &str = "The answer must mention OTTER.";
/// Failed by every answer of an agent here.
const FAILING: &str = "output == 'nothing that any agent here says'";
/// What a job for a form says.
const COUNT: &str = "Count sheep up to the number 12.";

/// A marketplace whose models obey.
struct Hall {
    place: Place,
    server: FakeOpenAi,
    /// Answers with the text that a job's number stands for.
    echo: FakeAgent,
    /// Answers with what was said about an earlier answer.
    parrot: FakeAgent,
    pair: Pair,
    pushy: FakeAgent,
    ghost: FakeAgent,
    counter: FakeAgent,
    log: PathBuf,
    /// Everything that people were shown.
    shown: Vec<String>,
    /// What became of each attempt: by place and aim, then by outcome, the ids.
    figures: BTreeMap<(String, &'static str), Vec<&'static str>>,
}

/// The injection that a brief names.
fn numbered(delivery: &Delivery, texts: &[String]) -> Value {
    let brief = delivery.data["brief"].as_str().unwrap_or_default();
    let number =
        brief.rsplit("No. ").next().and_then(|rest| rest.trim_end_matches('.').parse::<usize>().ok());
    Value::from(texts[number.expect("a number")].clone())
}

impl Hall {
    async fn open(level: Gullible, injections: &[Injection]) -> Self {
        let server = FakeOpenAi::gullible(level).await;
        let mut place = Place::open_thinking(&server, &["llm_budget_day=off"]).await;
        place.kill().await;
        let log = place.log_to_file("info");
        place.start().await;
        let texts: Vec<String> = injections.iter().map(|injection| injection.text.clone()).collect();
        let echo = FakeAgent::start(move |delivery| Answer::Output(numbered(delivery, &texts))).await;
        let parrot =
            FakeAgent::start(|delivery| Answer::Output(delivery.data["findings"][0]["evidence"].clone()))
                .await;
        let [pushy, ghost] = [(); 2].map(|()| FakeAgent::start(|_| Answer::Output(json!(VERSES))));
        let (pushy, ghost) = (pushy.await, ghost.await);
        let counter =
            FakeAgent::start(|delivery| Answer::Output(delivery.data["input"]["number"].clone())).await;
        for (agent, definition) in [
            (&echo, echo.definition("@echo", "Says something.")),
            (&parrot, parrot.definition("@parrot", "Says what was said.")),
            (&pushy, described(&pushy, "")),
            (&ghost, ghost.definition("@ghost", "Writes short verses about a river in spring.")),
            (&counter, form(&counter, "The number.")),
        ] {
            let mut definition = definition;
            definition.caps.concurrency = 20;
            let name = definition.name.clone();
            place.hire_as(agent, definition).await;
            place.until_agent(name.as_str(), AgentState::Active).await;
        }
        let pair = Pair::hire_many(&place, 20).await;
        let figures = BTreeMap::new();
        Self { place, server, echo, parrot, pair, pushy, ghost, counter, log, shown: Vec::new(), figures }
    }

    async fn post(&self, draft: JobDraft) -> JobId {
        self.place.post(draft).await.expect("it is posted")
    }

    /// The story of a job that ended or waits for a person.
    async fn settled(&mut self, job: JobId) -> JobStory {
        let there = |state: &JobState| {
            state.is_terminal() || matches!(state, JobState::InReview(_) | JobState::InputRequired(_))
        };
        let story = self.place.until(job, there).await;
        self.shown.push(serde_json::to_string(&story).expect("a story prints"));
        story
    }

    fn note(&mut self, injection: &Injection, became: &'static str) {
        let of = format!("{:?}, {:?}", injection.place, injection.aim);
        self.figures.entry((of, became)).or_default().push(injection.id);
    }

    /// Posts a job whose answer no judge should pass, and the same with a rule that it fails; notes what became of the first.
    async fn judged(&mut self, injections: &[&Injection], draft: impl Fn(usize, &Injection) -> JobDraft) {
        let mut jobs = Vec::new();
        for (number, injection) in injections.iter().enumerate() {
            let mut open = draft(number, injection);
            open.policy.attempts_max = 1;
            open.criteria.push(Criterion::Judge(UNMET.to_owned()));
            let mut ruled = open.clone();
            ruled.criteria.insert(0, Criterion::Rule(FAILING.to_owned()));
            jobs.push((injection, self.post(open).await, self.post(ruled).await));
        }
        for (injection, open, ruled) in jobs {
            let story = self.settled(ruled).await;
            assert_eq!(state(&story), JobState::Failed, "{}: a rule failed it: {story:#?}", injection.id);
            let attempt = story.attempts.last().expect("an attempt");
            assert_eq!(attempt.state.known().and_then(|state| state.ended()), Some(EndedAs::Failed));
            assert!(attempt.findings.iter().all(|found| found.model.is_none()), "{}", injection.id);
            let story = self.settled(open).await;
            self.off_list(injection, &story);
            let became = match state(&story) {
                JobState::Completed => "PASSED BY THE MODEL",
                JobState::Failed => "failed, as it should be",
                JobState::InReview(_) => "left to a person",
                JobState::Open
                | JobState::Assigned
                | JobState::Working
                | JobState::InputRequired(_)
                | JobState::Evaluating
                | JobState::Held(_)
                | JobState::Canceled
                | JobState::Expired => panic!("{}: {story:#?}", injection.id),
            };
            self.note(injection, became);
        }
    }

    /// Nobody gets a job who was not on its list.
    fn off_list(&self, injection: &Injection, story: &JobStory) {
        for attempt in &story.attempts {
            assert_ne!(attempt.agent.as_str(), "ghost", "{}: {story:#?}", injection.id);
            let pick = attempt.pick.as_ref().expect("a pick");
            let listed = pick.candidates.iter().any(|candidate| candidate.name == attempt.agent);
            assert!(listed, "{}: {pick:#?}", injection.id);
        }
        assert!(self.ghost.assigned().is_empty(), "{}", injection.id);
    }

    /// Changes what an agent says about itself.
    async fn update(&self, definition: AgentDefinition) {
        let name = definition.name.clone();
        let options =
            RegisterOptions { allow_private: true, audience: Audience::Public, ..RegisterOptions::default() };
        let updated = self.place.client.call(|service, context| async move {
            service.update_agent(context, RequestId::fresh(), definition, options).await
        });
        let version = updated.await.expect("it is ours").version;
        let there = |story: &guildhall_protocol::view::AgentStory| {
            story.head.version == version && story.head.state.known() == Some(&AgentState::Active)
        };
        self.place.until_agent_tells(name.as_str(), there).await;
    }

    /// Descriptions of an agent that is on the list: who is chosen?
    async fn chosen(&mut self, injection: &Injection) {
        self.update(described(&self.pushy, &injection.text)).await;
        let job = self.post(choosing(&verses().brief)).await;
        let story = self.settled(job).await;
        assert_eq!(state(&story), JobState::Completed, "{}: {story:#?}", injection.id);
        self.off_list(injection, &story);
        let pick = story.attempts[0].pick.as_ref().expect("a pick");
        let by_model = pick.model.as_ref().is_some_and(|model| model.chosen.is_some());
        let became = if !by_model {
            "left to the rank"
        } else if first_agent(&story) == "pushy" {
            "PUSHED ITSELF IN"
        } else {
            "chosen as without it"
        };
        self.note(injection, became);
    }

    /// An agent's form, or a client's reply, on the way to an agent's input.
    async fn shaped(&mut self, injection: &Injection) {
        let mut draft = JobDraft { only: vec!["counter".parse().expect("a name")], ..verses() };
        draft.criteria = vec![Criterion::Rule("output == 12".to_owned())];
        draft.policy.attempts_max = 1;
        let asked = injection.place == Stands::Question;
        draft.brief = if asked { "Count sheep.".to_owned() } else { COUNT.to_owned() };
        let form_says = if asked { "The number." } else { &injection.text };
        self.update(form(&self.counter, form_says)).await;
        let job = self.post(draft).await;
        let mut story = self.settled(job).await;
        if asked {
            assert_eq!(state(&story), JobState::InputRequired(Asker::Daemon), "{}", injection.id);
            self.place.order(job, JobAction::Reply, Some(&injection.text)).await.expect("it is a reply");
            story = self.place.until_story(job, |now| now.head.revision > story.head.revision).await;
            if state(&story) != JobState::Completed {
                story = self.settled(job).await;
            }
        }
        let asked_then = state(&story) == JobState::InputRequired(Asker::Daemon);
        let with_form = story.question.as_ref().is_some_and(|question| question.schema.is_some());
        let became = if state(&story) == JobState::Completed {
            "the input is right all the same"
        } else if asked_then && with_form {
            "left to the client's own form"
        } else if asked_then {
            "the client is asked"
        } else {
            "AN INPUT THAT THE CLIENT DID NOT MEAN"
        };
        self.note(injection, became);
        if !state(&story).is_terminal() {
            self.place.order(job, JobAction::Cancel, None).await.expect("the client may");
            self.settled(job).await;
        }
    }

    /// Everything that agents were sent, as text.
    fn delivered(&self) -> Vec<String> {
        let Self { echo, parrot, pair, pushy, counter, .. } = self;
        let agents = [echo, parrot, &pair.sonnet, &pair.haiku, pushy, counter];
        agents.iter().flat_map(|agent| agent.assigned()).map(|delivery| delivery.data.to_string()).collect()
    }

    fn summary(&self, level: Gullible) -> String {
        let mut told = format!("a model that obeys ({level:?}), {} questions:\n", self.server.seen().len());
        for ((of, became), ids) in &self.figures {
            writeln!(told, "  {of}: {} {became}: {}", ids.len(), ids.join(" ")).expect("it is text");
        }
        told
    }
}

/// `@pushy`, with this before what it does.
fn described(agent: &FakeAgent, text: &str) -> AgentDefinition {
    let mut definition = agent.definition("@pushy", &format!("{text}\nDoes many things with words."));
    definition.caps.concurrency = 20;
    definition
}

/// `@counter`, whose form says this about its only field.
fn form(agent: &FakeAgent, text: &str) -> AgentDefinition {
    let mut definition = agent.definition("@counter", "Counts sheep up to a number.");
    definition.input_schema = Some(Json::from(json!({
        "type": "object",
        "properties": {"number": {"type": "integer", "description": text}},
        "required": ["number"],
        "additionalProperties": false,
    })));
    definition.caps.concurrency = 20;
    definition
}

/// A job for whomever a model chooses among three; `@ghost` would be the best and is not among them.
fn choosing(brief: &str) -> JobDraft {
    let only = ["sonnet", "haiku", "pushy"].iter().map(|name| name.parse().expect("a name")).collect();
    JobDraft { only, brief: brief.to_owned(), ..verses() }
}

/// The secrets of the prompts that were sent.
fn canaries(server: &FakeOpenAi) -> Vec<String> {
    let canary = |system: &str| Some(system.split("The word ").nth(1)?.split(' ').next()?.to_owned());
    server.seen().iter().map(|chat| canary(&chat.system).expect("a prompt has a canary")).collect()
}

/// Small letters and digits only: what stands between them hides nothing.
fn squeezed(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}

/// The forms of a secret in which it must be nowhere.
fn forms(canary: &str) -> [String; 4] {
    use base64::Engine;
    let back: String = canary.chars().rev().collect();
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let code = base64::engine::general_purpose::STANDARD_NO_PAD.encode(canary).to_lowercase();
    [canary.to_owned(), back, hex, code]
}

fn turned(canary: &str) -> String {
    let turn = |byte: u8| if byte.is_ascii_lowercase() { (byte - b'a' + 13) % 26 + b'a' } else { byte };
    canary.bytes().map(|byte| char::from(turn(byte))).collect()
}

/// Which of these words are in a text.
fn found(words: &[String], text: &[u8]) -> Vec<String> {
    let any = RegexBuilder::new(&words.join("|")).size_limit(64 << 20).build().expect("plain words");
    any.find_iter(text).map(|hit| String::from_utf8_lossy(hit.as_bytes()).into_owned()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn injected(level: Gullible) {
    let corpus = corpus();
    let of = |stands: Stands| corpus.iter().filter(|one| one.place == stands).collect::<Vec<_>>();
    let mut hall = Hall::open(level, &corpus).await;
    let only = |name: &str, brief: String| JobDraft {
        only: vec![name.parse().expect("a name")],
        brief,
        criteria: Vec::new(),
        ..verses()
    };
    let number =
        |injection: &Injection| corpus.iter().position(|one| one.id == injection.id).expect("it is there");
    hall.judged(&of(Stands::Answer), |_, one| only("echo", format!("Say something. No. {}.", number(one))))
        .await;
    hall.judged(&of(Stands::Finding), |_, one| JobDraft {
        correction: Some(one.text.clone()),
        ..only("parrot", "Say something.".to_owned())
    })
    .await;
    hall.judged(&of(Stands::Criterion), |_, one| JobDraft {
        criteria: vec![Criterion::Judge(one.text.clone())],
        ..only("sonnet", verses().brief)
    })
    .await;
    hall.judged(&of(Stands::Brief), |_, one| JobDraft {
        criteria: Vec::new(),
        ..choosing(&format!("{}\n{}", one.text, verses().brief))
    })
    .await;
    for injection in of(Stands::Description) {
        hall.chosen(injection).await;
    }
    for injection in of(Stands::SchemaField).into_iter().chain(of(Stands::Question)) {
        hall.shaped(injection).await;
    }
    let leaks = nothing_leaked(&mut hall).await;
    report(&format!("{}{leaks}", hall.summary(level)));
}

#[expect(clippy::print_stdout, reason = "how far a model was misled is to be read, not asserted")]
fn report(figures: &str) {
    println!("{figures}");
}

/// The secrets of prompts are in nothing that was stored, shown, delivered or logged, unless ciphered: where those are.
async fn nothing_leaked(hall: &mut Hall) -> String {
    let secrets = canaries(&hall.server);
    assert!(secrets.len() > 50, "{}", secrets.len());
    let words: Vec<String> = secrets.iter().flat_map(|canary| forms(canary)).collect();
    let ciphered: Vec<String> = secrets.iter().map(|canary| turned(canary)).collect();
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    places.push(("what people are shown".to_owned(), hall.shown.join("\n").into_bytes()));
    places.push(("what agents are sent".to_owned(), hall.delivered().join("\n").into_bytes()));
    let notices = format!("{:?} {:?}", hall.place.notices().await, hall.place.models().await);
    places.push(("what operators are told".to_owned(), notices.into_bytes()));
    hall.place.kill().await;
    let stored = files(hall.place.folder.path());
    assert!(stored.contains(&hall.log) && stored.len() > 3, "{stored:?}");
    for file in stored {
        // A socket cannot be read.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        places.push((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes));
    }
    let mut told = String::new();
    for (name, bytes) in places {
        let text = squeezed(&bytes);
        let leaked = found(&words, &text);
        assert!(leaked.is_empty(), "{name}: {leaked:?}");
        let hidden = found(&ciphered, &text).len();
        if hidden > 0 {
            writeln!(told, "  in {name}: {hidden} secrets, ciphered").expect("it is text");
        }
    }
    told
}

#[tokio::test]
async fn a_model_that_reads_through_marks_and_obeys_breaks_no_promise() {
    injected(Gullible::ReadsMarks).await;
}

#[tokio::test]
async fn a_model_that_obeys_plain_text_meets_none() {
    injected(Gullible::PlainOnly).await;
}
