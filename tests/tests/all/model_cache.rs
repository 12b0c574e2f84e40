//! Answers of models are kept, and whatever happens to where they are kept changes nothing but the number of questions.

use crate::cast::{is, state};
use crate::place::Place;
use crate::thinking::{Pair, outcomes, verses, verses_judged};
use guildhall_protocol::attempt::{CheckedBy, Decision};
use guildhall_protocol::job::{Criterion, JobDraft};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::CallOutcome;
use guildhall_protocol::state::{Asker, JobState, Reviewer};
use guildhall_protocol::view::JobStory;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::FakeOpenAi;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::process::{Child, Command};

/// What came of one job, without numbers, times, and how it was asked.
#[derive(Clone, Debug, PartialEq)]
struct Came {
    state: JobState,
    agents: Vec<String>,
    checked_by: Option<CheckedBy>,
    decisions: Vec<(Decision, Option<String>)>,
    input: Option<String>,
    question: Option<String>,
}

impl Came {
    fn of(story: &JobStory) -> Self {
        let newest = story.attempts.last();
        let findings = newest.into_iter().flat_map(|attempt| &attempt.findings);
        Self {
            state: state(story),
            agents: story.attempts.iter().map(|attempt| attempt.agent.to_string()).collect(),
            checked_by: story.head.checked_by,
            decisions: findings.map(|found| (found.decision, found.quote.clone())).collect(),
            input: newest.and_then(|attempt| attempt.input.as_ref()?.head.clone()),
            question: story.question.as_ref().map(|question| question.text.clone()),
        }
    }
}

/// The agents of the workload.
struct Crew {
    _pair: Pair,
    _counter: FakeAgent,
}

async fn hire(place: &Place) -> Crew {
    let counter = FakeAgent::start(|delivery| Answer::Output(delivery.data["input"]["number"].clone())).await;
    let mut definition = counter.definition("@counter", "Counts sheep up to a number.");
    let schema = json!({
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
    });
    definition.input_schema = Some(Json::from(schema));
    place.hire_as(&counter, definition).await;
    place.until_agent("counter", guildhall_protocol::agent::AgentState::Active).await;
    Crew { _pair: Pair::hire(place).await, _counter: counter }
}

/// Jobs in every role: chosen, judged well and badly and not at all, shaped and asked for.
async fn workload(place: &Place) -> Vec<Came> {
    let once = |mut draft: JobDraft| {
        draft.policy.attempts_max = 1;
        draft
    };
    let counting = |brief: &str| JobDraft {
        brief: brief.to_owned(),
        criteria: vec![Criterion::Rule("output > 0".to_owned())],
        ..verses()
    };
    let table: [(JobDraft, JobState); 6] = [
        (verses(), JobState::Completed),
        (verses_judged(&["It must mention \"heron\".", "It is short."]), JobState::Completed),
        (once(verses_judged(&["It must mention \"otter\"."])), JobState::Failed),
        (JobDraft { criteria: Vec::new(), ..verses() }, JobState::Completed),
        (counting("Count sheep up to the number 12."), JobState::Completed),
        (counting("Count sheep up to a number."), JobState::InputRequired(Asker::Daemon)),
    ];
    let mut came = Vec::new();
    for (draft, expected) in table {
        let job = place.post(draft).await.expect("it is posted");
        let right = |state: &JobState| {
            state.is_terminal()
                || matches!(state, JobState::InReview(Reviewer::Client) | JobState::InputRequired(_))
        };
        let story = place.until(job, right).await;
        assert_eq!(state(&story), expected, "{story:#?}");
        came.push(Came::of(&story));
    }
    came
}

fn folder(place: &Place) -> PathBuf {
    place.folder.path().join("cache")
}

#[tokio::test]
async fn the_three_caches_differ_in_nothing_but_questions() {
    let mut before: Option<Vec<Came>> = None;
    for (mode, repeats) in [("sled", 0), ("memory", 0), ("off", 1)] {
        // A job that changed while a model thought about it is thought about again: without a cache that is a question.
        let fits = |asked: usize, usual: usize| if repeats == 0 { asked == usual } else { asked >= usual };
        let server = FakeOpenAi::sensible().await;
        let place = Place::open_thinking(&server, &[&format!("cache={mode}")]).await;
        let _crew = hire(&place).await;
        let first = workload(&place).await;
        let asked = server.seen().len();
        // In whichever order agents are listed, an equal choice is an equal question.
        assert!(fits(asked, 6 + 3 * repeats), "{mode}: {asked}: {:#?}", server.seen());
        let second = workload(&place).await;
        assert_eq!(first, second, "{mode}");
        let again = server.seen().len() - asked;
        assert!(fits(again, 9 * repeats), "{mode}: {again} the second time");
        assert_eq!(before.get_or_insert_with(|| first.clone()), &first, "{mode}");
        let told = place.models().await.cache;
        assert!(told.starts_with(mode), "{told}");
    }
}

#[tokio::test]
async fn an_equal_job_is_answered_from_the_cache_free_and_history_says_so() {
    for mode in ["sled", "memory"] {
        let server = FakeOpenAi::sensible().await;
        let place = Place::open_thinking(&server, &[&format!("cache={mode}")]).await;
        let _pair = Pair::hire(&place).await;
        let draft = verses_judged(&["It is short."]);
        let first = place.ended(place.post(draft.clone()).await.expect("it is posted")).await;
        let again = place.ended(place.post(draft).await.expect("it is posted")).await;
        assert!(outcomes(&first).iter().all(|(_, outcome)| *outcome == CallOutcome::Answered), "{first:#?}");
        assert!(outcomes(&again).iter().all(|(_, outcome)| *outcome == CallOutcome::Cached), "{again:#?}");
        assert_eq!((outcomes(&again).len(), again.spent.calls, again.spent.cost.0), (2, 0, 0), "{mode}");
        assert_eq!(again.head.checked_by, Some(CheckedBy::Model), "a kept verdict is a model's");
        assert_eq!(server.seen().len(), 2);
        let shown = place.run(&["job", "show", &again.head.id.0.to_string()]).await;
        assert!(shown.contains("an equal question was answered before"), "{shown}");

        // Another word is another question.
        let other = verses_judged(&["It is very short."]);
        let other = place.ended(place.post(other).await.expect("it is posted")).await;
        assert_eq!(outcomes(&other)[1].1, CallOutcome::Answered, "{other:#?}");
    }
}

#[tokio::test]
async fn a_sled_is_there_after_a_restart_and_a_memory_is_not() {
    for (mode, kept) in [("sled", true), ("memory", false)] {
        let server = FakeOpenAi::sensible().await;
        let mut place = Place::open_thinking(&server, &[&format!("cache={mode}")]).await;
        let _crew = hire(&place).await;
        let first = workload(&place).await;
        let asked = server.seen().len();
        place.stop().await;
        place.start().await;
        assert_eq!(workload(&place).await, first, "{mode}");
        assert_eq!(server.seen().len() - asked, if kept { 0 } else { asked }, "{mode}");
        // After `kill -9` something may be lost, and nothing else.
        place.kill().await;
        place.start().await;
        assert_eq!(workload(&place).await, first, "{mode}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Overwrites every file of a folder, from a place on.
fn overwrite(folder: &Path, from: usize) {
    for file in files(folder) {
        let Ok(mut bytes) = std::fs::read(&file) else { continue };
        bytes.iter_mut().skip(from).for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(0x5a));
        drop(std::fs::write(&file, bytes)); // sled may have taken it away meanwhile
    }
}

fn delete_files(folder: &Path) {
    for file in files(folder) {
        drop(std::fs::remove_file(file)); // sled may have been faster
    }
}

fn cut_short(folder: &Path) {
    for file in files(folder) {
        let opened = std::fs::OpenOptions::new().write(true).open(file);
        drop(opened.and_then(|file| file.set_len(100))); // as above
    }
}

#[tokio::test]
async fn whatever_happens_to_the_folder_changes_only_how_often_a_model_is_asked() {
    type Harm = fn(&Path);
    let table: [(&str, Harm); 8] = [
        ("deleted", |folder| drop(std::fs::remove_dir_all(folder))),
        ("its files deleted", delete_files),
        ("overwritten", |folder| overwrite(folder, 0)),
        ("overwritten behind its head", |folder| overwrite(folder, 512)),
        ("cut short", cut_short),
        ("out of reach", |folder| drop(std::fs::set_permissions(folder, Permissions::from_mode(0o000)))),
        ("a file", |folder| {
            drop(std::fs::remove_dir_all(folder));
            drop(std::fs::write(folder, "no folder"));
        }),
        ("moved away", |folder| drop(std::fs::rename(folder, folder.with_extension("away")))),
    ];
    let server = FakeOpenAi::sensible().await;
    for (harm, do_harm) in table {
        let mut place = Place::open_thinking(&server, &["cache=sled"]).await;
        let _crew = hire(&place).await;
        let start = server.seen().len();
        let first = workload(&place).await;
        let asked = server.seen().len() - start;
        place.until_met(|| !files(&folder(&place)).is_empty()).await;
        do_harm(&folder(&place));
        assert_eq!(workload(&place).await, first, "{harm}, while it runs");
        let more = server.seen().len() - start - asked;
        assert!(more <= asked, "{harm}: {more} of {asked}");
        place.stop().await;
        do_harm(&folder(&place));
        place.start().await;
        assert_eq!(workload(&place).await, first, "{harm}, and a new daemon");
        drop(std::fs::set_permissions(folder(&place), Permissions::from_mode(0o700)));
    }
}

/// Holds the lock of every file in a folder until it is killed.
async fn lock(folder: &Path) -> Vec<Child> {
    let mut holders = Vec::new();
    for file in files(folder) {
        let mut command = Command::new("flock");
        let holder = command.arg("--exclusive").arg(&file).args(["sh", "-c", "echo held; exec sleep 600"]);
        let mut holder =
            holder.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().expect("there is flock");
        let mut said = String::new();
        let stdout = holder.stdout.take().expect("a pipe");
        let mut lines = tokio::io::BufReader::new(stdout);
        tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut said).await.expect("it says so");
        assert_eq!(said, "held\n");
        holders.push(holder);
    }
    holders
}

#[tokio::test]
async fn a_folder_that_another_program_holds_is_done_without() {
    let server = FakeOpenAi::sensible().await;
    let mut place = Place::open_thinking(&server, &["cache=sled"]).await;
    let _crew = hire(&place).await;
    let first = workload(&place).await;
    place.stop().await;
    let holders = lock(&folder(&place)).await;
    assert!(!holders.is_empty());
    let asked = server.seen().len();
    place.start().await;
    assert_eq!(workload(&place).await, first);
    assert!(server.seen().len() > asked, "what cannot be read is asked");
    let told = place.models().await.cache;
    assert!(told.contains("sled") && told.contains(';'), "what is wrong is said: {told}");
    for mut holder in holders {
        holder.kill().await.expect("it is ours");
    }
}

#[tokio::test]
async fn a_judge_s_word_is_kept_for_its_own_answer_only() {
    let server = FakeOpenAi::sensible().await;
    let place = Place::open_thinking(&server, &["cache=memory"]).await;
    let answers = std::sync::Mutex::new(vec!["A heron.", "An otter.", "A heron."].into_iter());
    let agent = FakeAgent::start(move |_| {
        let next: Value = answers.lock().expect("no panic").next().map(Value::from).expect("three");
        Answer::Output(next)
    })
    .await;
    place.hire_ready(&agent, "@poet", "Writes short verses about a river in spring.").await;
    let mut draft = verses_judged(&["It must mention \"heron\"."]);
    draft.policy.attempts_max = 1;
    for (expected, asked) in [(JobState::Completed, 1), (JobState::Failed, 2), (JobState::Completed, 2)] {
        let job = place.post(draft.clone()).await.expect("it is posted");
        place.until(job, is(expected)).await;
        assert_eq!(server.of_role("judge").len(), asked);
    }
}
