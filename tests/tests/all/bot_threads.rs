//! Threads of jobs: what is told in them and to whom, who opens them, and what happens where there is none, or no longer.

use crate::chat::{Chat, NUMBER, is_card_of, job_of};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Channel, Message, Permission, User};
use serde_json::json;
use std::time::Duration;

/// A job that everybody may see, and its thread.
const OPEN: &[(&str, &str)] = &[("visibility", "Everybody here"), ("thread", "true")];
/// The same, reviewed by its client.
const REVIEWED: &[(&str, &str)] =
    &[("visibility", "Everybody here"), ("thread", "true"), ("review", "Always")];
/// What a notice in a thread says, beside what it shows already.
const DONE: &str = "is done";
const BUTTON: &str = "Open a thread";

impl Chat {
    /// An agent that asks for a number, and says it.
    async fn curious(&self) -> FakeAgent {
        let agent = FakeAgent::start(|delivery| match delivery.kind.as_str() {
            "job.input_provided" => Answer::Output(delivery.data["reply"].clone()),
            _ => Answer::Says(json!({"question": "Which number?"})),
        })
        .await;
        self.place.hire(&agent, "@curious", "Says a number.").await;
        self.place.until_agent("curious", AgentState::Active).await;
        agent
    }

    /// Posts with a thread; the job's number and the thread.
    async fn post_in_thread(&self, user: &User, options: &[(&str, &str)]) -> (String, Channel) {
        let told = self.post(user, options, NUMBER).await;
        assert!(told.shows("is told in <#"), "{told:?}");
        let number = job_of(&told);
        let thread = self.channel.until_thread(&format!("Job #{number}")).await;
        (number, thread)
    }
}

/// The messages of a channel that notify somebody.
fn pings(channel: &Channel, user: &str) -> Vec<Message> {
    channel.messages().into_iter().filter(|message| message.pings() == [user]).collect()
}

fn job(number: &str) -> JobId {
    JobId(number.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_told_in_its_thread_from_the_first_step_to_the_answer() {
    let chat = Chat::open().await;
    let _agent = chat.curious().await;
    let ada = chat.client("ada").await;
    // The agent is quicker than Discord: it asks before there is a thread.
    chat.discord.set_latency(Duration::from_millis(200));
    let (number, thread) = chat.post_in_thread(&ada, OPEN).await;
    chat.discord.set_latency(Duration::ZERO);
    let asked = thread.until(|message| message.has_button("Answer")).await;
    assert!(asked.shows("Which number?"), "{asked:?}");
    thread.until(|message| message.shows("posted")).await;
    thread.until(|message| message.pings() == ["ada"]).await;
    // Others read it, and the daemon does not take their answer.
    let bob = chat.discord.user("bob");
    let told = bob.clicks(&asked, "Answer").await.until(|message| !message.text().is_empty()).await;
    assert!(told.is_ephemeral() && told.shows("not for you to answer"), "{told:?}");
    // Her own button is not spoiled by his click.
    let form = ada.clicks(&asked, "Answer").await.modal();
    ada.fills(&form, &[("reply", "42")]).await.until(|message| message.shows("goes on")).await;
    thread.until(|message| message.shows("Answer of") && message.shows("42")).await;
    thread.until(|message| message.shows(DONE)).await;
    chat.place.until_met(|| thread.is_archived()).await;
    let done = pings(&thread, "ada").into_iter().filter(|message| message.shows(DONE)).count();
    assert_eq!(done, 1, "edits notify nobody, and one message does");
    assert!(ada.dms().is_empty(), "what the thread tells is not told twice: {:?}", ada.dms());
    let answers = thread.messages().into_iter().filter(|message| message.shows("Answer of")).count();
    assert_eq!(answers, 1, "{:?}", thread.messages());
    let everybody = thread.messages().into_iter().flat_map(|message| message.pings());
    assert!(everybody.into_iter().all(|name| name == "ada"), "nobody else is notified");
    let card = chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    assert!(!card.has_button(BUTTON), "{card:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_client_opens_a_thread_later_and_a_restarted_bot_finds_it() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let options = &REVIEWED[..1];
    let told = chat.post(&ada, &[options, &REVIEWED[2..]].concat(), NUMBER).await;
    let number = job_of(&told);
    let card = chat.channel.until(|message| is_card_of(&number)(message) && message.shows("review")).await;
    assert!(card.has_button(BUTTON), "{card:?}");
    let bob = chat.client("bob").await;
    let told = bob.clicks(&card, BUTTON).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("Only whose job it is") && chat.channel.threads().is_empty(), "{told:?}");
    let clicked = ada.clicks(&card, BUTTON).await;
    clicked.until(|message| message.shows("is told in")).await;
    let thread = chat.channel.until_thread("Job").await;
    let answer = thread.until(|message| message.has_button("Accept")).await;
    assert!(answer.shows("42"), "{answer:?}");
    chat.channel.until(|message| is_card_of(&number)(message) && !message.has_button(BUTTON)).await;
    // The click once more, as after a connection that broke: it has its thread.
    clicked.comes_again();
    chat.place.until_met(|| !chat.discord.take_complaints().is_empty()).await;
    chat.kill_bot().await;
    chat.start_bot().await;
    ada.clicks(&answer, "Accept").await.until(|message| message.shows("is accepted")).await;
    thread.until(|message| message.shows("completed")).await;
    chat.place.until_met(|| thread.is_archived()).await;
    assert_eq!(chat.channel.threads().len(), 1);
    let answers = thread.messages().into_iter().filter(|message| message.shows("Answer of")).count();
    assert_eq!(answers, 1, "what was told before the restart is not told again: {:?}", thread.messages());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_thread_may_be_the_job_goes_on_without() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &OPEN[1..], NUMBER).await;
    assert!(told.shows("is posted") && told.shows("it is private"), "{told:?}");
    ada.until_dm(|message| message.shows(DONE) && message.shows("42")).await;
    for permission in [Permission::CreatePublicThreads, Permission::SendMessagesInThreads] {
        chat.channel.denies(permission);
        let told = chat.post(&ada, REVIEWED, NUMBER).await;
        assert!(told.shows("is posted") && told.shows("No thread can be opened here"), "{told:?}");
        let card = chat.channel.until(is_card_of(&job_of(&told))).await;
        assert!(!card.has_button(BUTTON), "{card:?}");
        chat.channel.allows(permission);
    }
    let form = ada.types(&ada.dm(), "/job post", &OPEN[1..]).await.modal();
    let told = ada.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("it is private"), "{told:?}");
    assert!(chat.channel.threads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_threads_are_forbidden_meanwhile_a_card_stops_to_offer_one() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let options = [("visibility", "Everybody here"), ("review", "Always")];
    let number = job_of(&chat.post(&ada, &options, NUMBER).await);
    let (is_card, waits) = (is_card_of(&number), |message: &Message| message.has_button("Accept"));
    let card =
        chat.channel.until(|message| is_card(message) && waits(message) && message.has_button(BUTTON)).await;
    chat.channel.denies(Permission::CreatePublicThreads);
    let told = ada.clicks(&card, BUTTON).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("No thread can be opened here"), "{told:?}");
    chat.channel.until(|message| is_card(message) && waits(message) && !message.has_button(BUTTON)).await;
    // It does not come back with the next change.
    let edits = || chat.discord.calls_to("PATCH /channels/{channel_id}/messages/{message_id}").len();
    let before = edits();
    let form = ada.clicks(&card, "Request changes").await.modal();
    ada.fills(&form, &[("reason", "Another one")]).await.until(|message| message.shows("goes back")).await;
    chat.discord.until("the card is drawn anew", || edits() > before).await;
    let card = chat.channel.until(|message| is_card(message) && waits(message)).await;
    assert!(!card.has_button(BUTTON), "{card:?}");
    // Until threads may be opened again.
    chat.channel.allows(Permission::CreatePublicThreads);
    let form = ada.clicks(&card, "Request changes").await.modal();
    ada.fills(&form, &[("reason", "Another one")]).await.until(|message| message.shows("goes back")).await;
    let card = chat.channel.until(|message| is_card(message) && message.has_button(BUTTON)).await;
    let told = ada.clicks(&card, BUTTON).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("is told in <#"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_is_lost_leaves_direct_messages() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    for lose in [Channel::goes, Channel::is_locked] {
        let (number, thread) = chat.post_in_thread(&ada, REVIEWED).await;
        thread.until(|message| message.has_button("Accept")).await;
        thread.until(|message| message.pings() == ["ada"]).await;
        lose(&thread);
        let card = chat.channel.until(|message| is_card_of(&number)(message) && message.has_button("Accept"));
        let form = ada.clicks(&card.await, "Request changes").await.modal();
        let told = ada.fills(&form, &[("reason", "Another one")]).await;
        told.until(|message| message.shows("goes back")).await;
        // The next answer waits for her where she is found without it.
        let title = format!("Job #{number}");
        let asked = ada.until_dm(|message| message.has_button("Accept") && message.shows(&title)).await;
        ada.clicks(&asked, "Accept").await.until(|message| message.shows("is accepted")).await;
        chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_somebody_opened_at_the_card_is_the_job_s() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[REVIEWED[0], REVIEWED[2]], NUMBER).await;
    let number = job_of(&told);
    let card = chat.channel.until(|message| is_card_of(&number)(message) && message.has_button(BUTTON)).await;
    let thread = chat.channel.opens_thread(&card, "What is this?");
    thread.is_closed();
    ada.clicks(&card, BUTTON).await.until(|message| message.shows("is told in")).await;
    thread.until(|message| message.has_button("Accept")).await;
    assert_eq!(chat.channel.threads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_sleeps_wakes() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let (number, thread) = chat.post_in_thread(&ada, REVIEWED).await;
    let answer = thread.until(|message| message.has_button("Accept")).await;
    chat.place.until(job(&number), |state| *state == JobState::InReview(Reviewer::Client)).await;
    thread.until(|message| message.pings() == ["ada"]).await;
    thread.is_closed();
    let form = ada.clicks(&answer, "Request changes").await.modal();
    ada.fills(&form, &[("reason", "Another one")]).await.until(|message| message.shows("goes back")).await;
    let again = thread.until(|message| message.has_button("Accept") && message.id() != answer.id()).await;
    chat.discord.until("she is told there", || pings(&thread, "ada").len() == 2).await;
    assert!(!thread.is_archived(), "it is at work again");
    ada.clicks(&again, "Accept").await.until(|message| message.shows("is accepted")).await;
    thread.until(|message| message.shows("completed")).await;
    chat.place.until_met(|| thread.is_archived()).await;
}
