//! Agents are found by what their texts mean, where a server embeds them, and by their words where none does: whatever that
//! server says, a job ends.

use crate::cast::tells;
use crate::place::{PATIENCE, Place};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{Criterion, JobDraft, Models};
use guildhall_protocol::model::{ModelRole, WithoutModel};
use guildhall_protocol::pick::Pick;
use guildhall_protocol::view::{JobStory, Preview, RegisterOptions};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_openai::{EmbeddingReply, FakeOpenAi, Fault};
use serde_json::json;
use std::time::{Duration, Instant};

/// A job that shares no word with any agent.
const BRIEF: &str = "Gribble the frobnic.";
/// What its words mean.
const MEANT: [(&str, &str); 2] = [("gribble", "zorble"), ("frobnic", "wig")];

/// Three agents, of which one does what the job means.
struct Trio {
    agents: Vec<FakeAgent>,
}

impl Trio {
    async fn hire(place: &Place) -> Self {
        let mut agents = Vec::new();
        for (name, description) in [
            ("@keeper", "Keeps honeybees."),
            ("@zorbler", "Zorbles wigs."),
            ("@painter", "Paints portraits."),
        ] {
            let agent = FakeAgent::start(|_| Answer::Output(json!("done"))).await;
            place.hire(&agent, name, description).await;
            place.until_agent(name, AgentState::Active).await;
            agents.push(agent);
        }
        Self { agents }
    }
}

async fn place_with(fake: &FakeOpenAi) -> Place {
    Place::open_with(&[
        &format!("llm_base_url={}", fake.base_url()),
        &format!("llm_key={}", fake.key()),
        "llm_embedding_model=text-embedding-3-small",
        // A look ahead pays for nothing: it knows what is in the cache.
        "cache=sled",
    ])
    .await
}

fn wants(brief: &str) -> JobDraft {
    // A rule decides about the answer, so that no model and no person has to.
    let criteria = vec![Criterion::Rule("output == 'done'".to_owned())];
    JobDraft { brief: brief.to_owned(), criteria, ..JobDraft::default() }
}

async fn done(place: &Place, draft: JobDraft) -> JobStory {
    let job = place.post(draft).await.expect("it is posted");
    place.ended(job).await
}

fn pick(story: &JobStory) -> &Pick {
    story.attempts.first().and_then(|attempt| attempt.pick.as_ref()).expect("a pick")
}

fn is_by_words(pick: &Pick) -> bool {
    pick.candidates.iter().all(|candidate| candidate.factors.meaning.is_none())
}

/// Looks ahead until something is so.
async fn until_preview(place: &Place, brief: &str, right: impl Fn(&Preview) -> bool) -> Preview {
    let ends = Instant::now() + PATIENCE;
    loop {
        let draft = wants(brief);
        let preview =
            place.client.call(|service, context| async move { service.preview(context, draft).await });
        let preview = preview.await.expect("a preview");
        if right(&preview) {
            return preview;
        }
        assert!(Instant::now() < ends, "it does not get there: {preview:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until agents have vectors.
async fn until_compared(place: &Place) {
    let by_meaning = |note: &String| note.contains("by meaning too");
    until_preview(place, BRIEF, |preview| {
        preview.notes.iter().any(by_meaning) || !is_by_words(&preview.pick)
    })
    .await;
}

/// Waits until everybody has vectors, and the job's text too: then a look ahead knows whom the words mean.
async fn until_known(place: &Place) {
    until_compared(place).await;
    done(place, wants(BRIEF)).await;
    let zorbler = |preview: &Preview| {
        preview.pick.chosen.as_ref().is_some_and(|name| name.as_str() == "zorbler")
            && !is_by_words(&preview.pick)
    };
    until_preview(place, BRIEF, zorbler).await;
}

fn texts(fake: &FakeOpenAi) -> Vec<String> {
    fake.embedded().into_iter().flat_map(|asked| asked.input).collect()
}

fn asked_about(fake: &FakeOpenAi, word: &str) -> bool {
    texts(fake).iter().any(|text| text.contains(word))
}

fn asked_for(story: &JobStory) -> usize {
    tells(story, |what| matches!(what, What::ModelCalled { call, .. } if call.role == ModelRole::Embed))
}

#[tokio::test(flavor = "multi_thread")]
async fn other_words_find_the_agent_that_is_meant() {
    let mut fake = FakeOpenAi::sensible().await;
    fake.always_embeddings(EmbeddingReply::Synonyms(MEANT.to_vec()));
    let place = place_with(&fake).await;
    let _trio = Trio::hire(&place).await;
    until_known(&place).await;

    let story = done(&place, wants(BRIEF)).await;
    let chosen = pick(&story);
    assert_eq!(chosen.chosen.as_ref().map(ToString::to_string).as_deref(), Some("@zorbler"));
    assert_eq!(chosen.candidates[0].factors.meaning, Some(1.0));
    assert_eq!(asked_for(&story), 1, "{:#?}", story.events);
    let asked = texts(&fake).iter().filter(|text| *text == BRIEF).count();
    assert_eq!(asked, 1, "the second job of the same words asks nobody");

    fake.leave().await;
    let story = done(&place, wants("Frobnic, gribble it")).await;
    assert!(is_by_words(pick(&story)) && pick(&story).eligible == 3, "{:#?}", pick(&story));
    let without = tells(&story, |what| {
        matches!(what, What::WithoutModel { role: ModelRole::Embed, why: WithoutModel::Unavailable, .. })
    });
    assert_eq!(without, 1, "{:#?}", story.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_is_embedded_once() {
    let fake = FakeOpenAi::sensible().await;
    fake.always_embeddings(EmbeddingReply::Synonyms(MEANT.to_vec()));
    let mut place = place_with(&fake).await;
    let trio = Trio::hire(&place).await;
    let all_asked = || ["honeybees", "wigs", "portraits"].iter().all(|word| asked_about(&fake, word));
    place.until_met(all_asked).await;
    until_known(&place).await;
    let before = texts(&fake).len();
    // In good order: a cache that is killed may forget what it has just been told.
    place.stop().await;
    place.start().await;
    until_known(&place).await;
    assert_eq!(texts(&fake)[before..], [""; 0], "a restart asks nothing again");
    let before = texts(&fake).len();
    let definition = trio.agents[0].definition("@keeper", "Keeps wasps.");
    let options = RegisterOptions { allow_private: true, ..RegisterOptions::default() };
    let updated = place.client.call(|service, context| async move {
        service.update_agent(context, RequestId::fresh(), definition, options).await
    });
    updated.await.expect("a new version");
    place.until_met(|| texts(&fake).len() > before).await;
    let new = &texts(&fake)[before..];
    assert!(new.iter().all(|text| text.contains("wasps")), "only what changed: {new:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_keeps_its_text_from_models_is_ranked_by_words() {
    let fake = FakeOpenAi::sensible().await;
    let place = place_with(&fake).await;
    let _trio = Trio::hire(&place).await;
    until_compared(&place).await;
    let secret = "Paint a portrait of the secret heir";
    let story = done(&place, JobDraft { models: Models::Off, ..wants(secret) }).await;
    assert_eq!(pick(&story).chosen.as_ref().map(ToString::to_string).as_deref(), Some("@painter"));
    assert!(is_by_words(pick(&story)), "{:#?}", pick(&story));
    let says_so = |what: &What| {
        matches!(what, What::WithoutModel { role: ModelRole::Embed, why: WithoutModel::JobSaysNo, .. })
    };
    assert_eq!((tells(&story, says_so), asked_for(&story)), (1, 0), "{:#?}", story.events);
    assert!(texts(&fake).iter().all(|text| !text.contains("heir")), "{:?}", texts(&fake));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_of_embeddings_gets_wrong_changes_nothing() {
    let fake = FakeOpenAi::sensible().await;
    let place = place_with(&fake).await;
    let _trio = Trio::hire(&place).await;
    until_compared(&place).await;
    let wrong = [
        EmbeddingReply::OneMissing,
        EmbeddingReply::UnequalLengths,
        EmbeddingReply::Zeros,
        EmbeddingReply::NotNumbers,
        EmbeddingReply::Fails(Fault::ServerError),
        EmbeddingReply::Fails(Fault::HalfBody),
    ];
    for (number, reply) in wrong.into_iter().enumerate() {
        fake.always_embeddings(reply.clone());
        let story = done(&place, wants(&format!("Paint portrait number {number}"))).await;
        let chosen = pick(&story).chosen.as_ref().map(ToString::to_string);
        assert_eq!(chosen.as_deref(), Some("@painter"), "{reply:?}");
        assert!(is_by_words(pick(&story)), "{reply:?}: {:#?}", pick(&story));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_whose_texts_could_not_be_embedded_are_tried_again() {
    let fake = FakeOpenAi::sensible().await;
    fake.always_embeddings(EmbeddingReply::NotNumbers);
    let place = place_with(&fake).await;
    let _trio = Trio::hire(&place).await;
    let story = done(&place, wants("Paint a portrait")).await;
    assert!(is_by_words(pick(&story)) && asked_for(&story) == 0, "nothing to compare it to: {story:#?}");
    fake.always_embeddings(EmbeddingReply::Synonyms(MEANT.to_vec()));
    until_known(&place).await;
}
