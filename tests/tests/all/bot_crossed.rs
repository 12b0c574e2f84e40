//! Where ways cross on Discord: two clicks at once, clicks on what is another's, two bots, other people's conversations.

use crate::chat::{Chat, NUMBER, is_card_of, job_of};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_tests::fake_discord::{Attachment, Call, Message};

#[tokio::test(flavor = "multi_thread")]
async fn two_clicks_at_once_are_one() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let options = [("preview", "true"), ("review", "Always")];
    let form = ada.types(&chat.channel, "/job post", &options).await.modal();
    let shown = ada.fills(&form, NUMBER).await.until(|message| message.has_button("Post it")).await;
    let clicks = (ada.clicks(&shown, "Post it"), ada.clicks(&shown, "Post it"));
    let (first, second) = tokio::join!(clicks.0, clicks.1);
    let first = first.until(|message| message.shows("is posted")).await;
    let second = second.until(|message| message.shows("is posted")).await;
    assert_eq!(job_of(&first), job_of(&second));
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    let (first, second) = tokio::join!(ada.clicks(&asked, "Accept"), ada.clicks(&asked, "Accept"));
    let mut accepted = 0;
    for shown in [first, second] {
        let told = shown.until(|message| !message.text().is_empty()).await;
        accepted += usize::from(told.shows("is accepted"));
        assert!(told.shows("is accepted") || told.shows("changed meanwhile"), "{told:?}");
    }
    assert_eq!(accepted, 1, "it is decided once");
    let job = JobId(job_of(&asked).parse().expect("a number"));
    assert_eq!(chat.place.ended(job).await.head.state.known(), Some(&JobState::Completed));
    let is_card = is_card_of(&job_of(&asked));
    assert_eq!(chat.channel.messages().iter().filter(|message| is_card(message)).count(), 1);
    assert_eq!(agent.assigned().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_else_s_to_decide_stays_so() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.client("ada").await, chat.client("bob").await);
    let options = [("visibility", "Everybody here"), ("review", "Always")];
    let number = job_of(&chat.post(&ada, &options, NUMBER).await);
    let is_card = is_card_of(&number);
    let card = chat.channel.until(|message| is_card(message) && message.has_button("Accept")).await;
    for button in ["Accept", "Open a thread"] {
        let told = bob.clicks(&card, button).await.until(|message| !message.text().is_empty()).await;
        assert!(told.is_ephemeral() && !told.shows("✅"), "{button}: {told:?}");
    }
    for button in ["Request changes", "Ask an operator"] {
        let form = bob.clicks(&card, button).await.modal();
        let told = bob.fills(&form, &[("reason", "It is mine")]).await;
        let told = told.until(|message| !message.text().is_empty()).await;
        assert!(told.is_ephemeral() && !told.shows("✅") && told.files().len() == 1, "{button}: {told:?}");
    }
    let canceled = bob.types(&chat.channel, "/job cancel", &[("job", &number)]).await.message();
    let told = bob.clicks(&canceled, "Call it off").await.until(|message| !message.text().is_empty()).await;
    assert!(!told.shows("✅"), "{told:?}");
    // Nothing came of it, and the card of those whom it concerns is as it was.
    let job = JobId(number.parse().expect("a number"));
    chat.place.until(job, crate::cast::is(JobState::InReview(Reviewer::Client))).await;
    let card = chat.channel.until(|message| is_card(message) && message.has_button("Accept")).await;
    ada.clicks(&card, "Accept").await.until(|message| message.shows("is accepted")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bots_on_two_machines_do_everything_once() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let (home, port) = (tempfile::tempdir().expect("a folder"), crate::place::free_port());
    let mut second = chat.bot_command();
    second.env("HOME", home.path()).env("GUILDHALL_BOT_LISTEN", format!("127.0.0.1:{port}"));
    let _second = second.spawn().expect("it starts");
    chat.discord.until("both are there", || chat.discord.identifies() == 2).await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[], NUMBER).await;
    assert!(told.shows("is posted"), "{told:?}");
    let number = job_of(&told);
    let card = chat.channel.until(|message| message.shows("completed")).await;
    ada.clicks(&card, "Show me").await.until(|message| message.shows("Say a number")).await;
    ada.until_dm(|message| message.shows("is done")).await;
    let is_done = |message: &Message| message.shows("is done");
    assert_eq!(ada.dms().into_iter().filter(is_done).count(), 1, "nobody is told twice");
    assert_eq!(chat.channel.messages().len(), 1, "there is one card");
    assert_eq!((number.as_str(), agent.assigned().len()), ("1", 1), "and one job");
    // Whoever answers second is told so by Discord; that is all that goes wrong.
    chat.discord.until("each was answered twice", || chat.discord.complaints().len() == 3).await;
    let complaints = chat.discord.take_complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("40060")), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_conversation_of_others_everything_is_for_whoever_asks() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.client("ada").await, chat.discord.user("bob"));
    ada.installs_app();
    let group = chat.discord.private(&[&ada, &bob]);
    for command in ["/help", "/job list", "/inbox", "/status", "/account usage"] {
        let told = ada.types(&group, command, &[]).await.until(|message| !message.text().is_empty()).await;
        assert!(told.is_ephemeral(), "{command}: {told:?}");
    }
    // Nobody here is in a server: there is no "here" that could see a job.
    let told = ada.types(&group, "/job post", &[("visibility", "Everybody here")]).await.message();
    assert!(told.is_ephemeral() && told.shows("no server here"), "{told:?}");
    let file = Attachment::new("jobs.jsonl", b"Say a number\n".to_vec());
    let options = [("material", "jobs.jsonl"), ("visibility", "Everybody here")];
    let told = ada.types_with(&group, "/job post", &options, &[file]).await;
    let told = told.until(|message| !message.text().is_empty()).await;
    assert!(told.is_ephemeral() && told.shows("no server here"), "{told:?}");
    let form = ada.types(&group, "/job post", &[("thread", "true"), ("review", "Always")]).await.modal();
    assert_eq!(form.title(), "Post a job");
    let told = ada.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    assert!(told.is_ephemeral() && told.shows("No card can be posted here"), "{told:?}");
    let number = job_of(&told);
    let is_card = is_card_of(&number);
    let is_card = |message: &Message| message.content().is_empty() && is_card(message);
    let card = ada.until_dm(|message| is_card(message) && message.has_button("Accept")).await;
    let shown = ada.clicks(&told, "Show").await.until(|message| message.shows("Say a number")).await;
    assert!(shown.is_ephemeral() && !shown.has_button("Put the card here"), "{shown:?}");
    let shown = ada.types(&group, "/job show", &[("job", &number)]).await;
    let shown = shown.until(|message| message.shows("Say a number")).await;
    assert!(shown.is_ephemeral() && !shown.has_button("Put the card here"), "{shown:?}");
    let told = ada.clicks(&shown, "Accept").await.until(|message| message.shows("is accepted")).await;
    assert!(told.is_ephemeral());
    ada.until_dm(|message| message.id() == card.id() && message.shows("completed")).await;
    // In her direct messages with the bot the card stands where she is.
    let dm = ada.dm();
    let form = ada.types(&dm, "/job post", &[]).await.modal();
    let told = ada.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("Its card is kept current, and"), "{told:?}");
    ada.until_dm(is_card_of(&job_of(&told))).await;
    // Where direct messages do not reach her either, she is told so.
    ada.closes_dms_as(50_278);
    let form = ada.types(&group, "/job post", &[]).await.modal();
    let told = ada.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("Neither here nor by direct message"), "{told:?}");
    let job = JobId(job_of(&told).parse().expect("a number"));
    assert_eq!(chat.place.ended(job).await.head.state.known(), Some(&JobState::Completed));
    assert!(group.messages().is_empty(), "bob reads there, too");
    let written = format!("/channels/{}", group.id());
    let tried: Vec<Call> =
        chat.discord.calls().into_iter().filter(|call| call.path.starts_with(&written)).collect();
    assert!(tried.is_empty(), "and nothing was tried there: {tried:?}");
}
