//! Posting on Discord: what forms ask, what comes along with them, and what is typed wrong, maliciously, or by many at once.

use crate::chat::{Chat, NUMBER, job_of, plain};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Attachment, Dialect};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_posted_is_said_field_by_field_and_kept() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let wrong = [("brief", " "), ("criteria", "valid JSON\nmax many words"), ("deadline", "soon")];
    let told = chat.post(&ada, &[], &wrong).await;
    let text = plain(&told);
    for part in ["**What do you want?** is empty", "**When must it be done?**", "Nothing was posted"] {
        assert!(told.is_ephemeral() && text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("max many words") && text.contains("soon"), "what was typed is shown: {text}");
    // What only the daemon knows is said by the same words.
    let form = ada.clicks(&told, "Edit again").await.modal();
    let filled = ada.fills(&form, &[("brief", "Say a number"), ("deadline", "100d")]).await;
    let told = filled.until(|message| message.has_button("Edit again")).await;
    assert!(plain(&told).contains("**When must it be done?** the deadline"), "{}", plain(&told));
    let form = ada.clicks(&told, "Edit again").await.modal();
    let long = "x".repeat(4_000);
    let fields = [("deadline", "2h"), ("criteria", "valid JSON\nrule: size(output) >"), ("material", &long)];
    let told = ada.fills(&form, &fields).await.until(|message| message.has_button("Edit again")).await;
    let text = plain(&told);
    assert!(text.contains("**How will you know that it is right? Line 2**"), "{text}");
    assert!(
        !text.contains("xxx") && told.files()[0].text().contains(&long),
        "too long to be shown: {told:?}"
    );
    let form = ada.clicks(&told, "Edit again").await.modal();
    let typed: Vec<String> = form.fields().into_iter().map(|field| field.value).collect();
    assert_eq!(typed, ["Say a number", &long, "valid JSON\nrule: size(output) >", "", "2h"]);
    let filled = ada.fills(&form, &[("criteria", "valid JSON")]).await;
    let number = job_of(&filled.until(|message| message.shows("is posted")).await);
    let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
    assert_eq!(chat.place.ended(job).await.head.title.as_deref(), Some("Say a number"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_along_with_what_was_given_beside_the_form() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let file = Attachment::new("numbers.json", br#"{"numbers": [1, 2]}"#.to_vec());
    let options = [("agent", "@steady"), ("label", "sums"), ("material", "numbers.json")];
    let form = ada.types_with(&chat.channel, "/job post", &options, &[file]).await.modal();
    ada.fills(&form, &[("brief", "Add them")]).await.until(|message| message.shows("is posted")).await;
    chat.place.until_met(|| !agent.assigned().is_empty()).await;
    assert_eq!(agent.assigned()[0].data["input"], json!({"numbers": [1, 2]}));
    let lie = Attachment::new("picture.png", vec![0_u8, 159, 146, 150]);
    let form =
        ada.types_with(&chat.channel, "/job post", &[("material", "picture.png")], &[lie]).await.modal();
    let told =
        ada.fills(&form, &[("brief", "Add them")]).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("the file is no text") && told.shows("Nothing was posted"), "{told:?}");
    // What is edited goes without it, and is not refused for ever.
    let form = ada.clicks(&told, "Edit again").await.modal();
    ada.fills(&form, &[("criteria", "valid JSON")]).await.until(|message| message.shows("is posted")).await;
    // What no form could mend is said before somebody fills one in.
    let told = ada.types(&chat.channel, "/job post", &[("deadline", "soon")]).await.message();
    assert!(told.is_ephemeral() && told.shows("deadline"), "{told:?}");
    let both = [("deadline", "soon"), ("agent", "a b")];
    let told = ada.types(&chat.channel, "/job post", &both).await.message();
    assert!(told.shows("**deadline**") && told.shows("**agent**"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_has_no_power_and_long_answers_are_files() {
    const BOMB: &str = "@everyone <@1> **bold** `tick` ```fence``` ||hidden|| https://evil.example [x](http://evil.example) \u{202e}rtl";
    let chat = Chat::open().await;
    let agent = FakeAgent::start(|delivery| {
        let long = delivery.data["brief"].as_str().is_some_and(|brief| brief.contains("long"));
        Answer::Output(json!(if long { "x".repeat(900_000) } else { BOMB.to_owned() }))
    })
    .await;
    chat.place.hire(&agent, "@bomber", "Says something odd.").await;
    chat.place.until_agent("bomber", AgentState::Active).await;
    let ada = chat.client("ada").await;
    let brief = format!("{BOMB} {}", "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}".repeat(300));
    let fields = [("brief", brief.as_str()), ("title", BOMB), ("criteria", "min 1 words")];
    chat.post(&ada, &[("visibility", "Everybody here")], &fields).await;
    let card = chat.channel.until(|message| message.shows("completed")).await;
    let told = ada.until_dm(|message| message.shows("is done")).await;
    for message in [&card, &told] {
        assert!(message.pings().is_empty());
        let text = message.text();
        // Outside of the block nothing of it acts; in the block only its end would.
        let outside: String = text.split("```").step_by(2).collect();
        assert!(
            !outside.contains("@everyone") && !outside.contains("<@1>") && !outside.contains("https://"),
            "{outside}"
        );
        assert!(text.matches("```").count() % 2 == 0 && !text.contains('\u{202e}'), "{text}");
    }
    let long = [("brief", "Say something long"), ("criteria", "min 1 words")];
    let told = chat.post(&ada, &[], &long).await;
    let number = job_of(&told);
    let told = ada.until_dm(|message| message.shows("is done") && message.shows(&format!("#{number}"))).await;
    assert!(told.files().len() == 1 && told.files()[0].bytes.len() == 900_000, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_people_post_at_once_through_any_dialect() {
    let chat = Chat::open_with(&["user_posts_per_minute=1000"]).await;
    let _agent = chat.steady().await;
    chat.discord.speaks(Dialect {
        without_optional_fields: true,
        with_extra_fields: true,
        numbers_as_texts: true,
    });
    let mut people = Vec::new();
    for number in 0..50 {
        people.push(chat.client(&format!("user{number}")).await);
    }
    let posts = people.iter().map(|user| chat.post(user, &[], NUMBER));
    let told = futures::future::join_all(posts).await;
    let numbers: std::collections::BTreeSet<String> = told.iter().map(job_of).collect();
    assert_eq!(numbers.len(), 50, "each has a job of their own");
    assert_eq!(chat.channel.messages().len(), 50, "and a card");
    for number in numbers {
        let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
        assert_eq!(chat.place.ended(job).await.head.state.known(), Some(&JobState::Completed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_jobs_is_shown_and_then_posted_once() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let lines: String = (1..=12).map(|number| format!("{{\"brief\": \"Say number {number}\"}}\n")).collect();
    let file = Attachment::new("jobs.jsonl", lines.into_bytes());
    let shown = ada
        .types_with(&chat.channel, "/job post", &[("material", "jobs.jsonl"), ("label", "many")], &[file])
        .await;
    let shown = shown.until(|message| message.has_button("Post all of them")).await;
    assert!(shown.shows("12 jobs") && shown.shows("Nothing is posted yet"), "{shown:?}");
    for _ in 0..2 {
        ada.clicks(&shown, "Post all of them")
            .await
            .until(|message| message.shows("12 jobs are posted"))
            .await;
    }
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(listed.shows("#12") && !listed.shows("#13") && listed.has_button("Older"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_beside_a_file_of_jobs_is_each_one_s() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let other = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    chat.place.hire(&other, "@other", "Says a number.").await;
    chat.place.until_agent("other", AgentState::Active).await;
    let ada = chat.discord.user("ada");
    let file = Attachment::new("jobs.jsonl", b"Say a number\nSay another\n".to_vec());
    let options = [("material", "jobs.jsonl"), ("agent", "@other"), ("criteria", "valid JSON")];
    let shown = ada.types_with(&chat.channel, "/job post", &options, &[file]).await;
    let shown = shown.until(|message| message.has_button("Post all of them")).await;
    assert!(shown.shows("agent @") && shown.shows("2 jobs"), "{shown:?}");
    // The first post waits for consent, here as anywhere.
    let told = ada.clicks(&shown, "Post all of them").await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("who receives its text"), "{told:?}");
    let told = ada.clicks(&told, "I have read it: post my job").await;
    told.until(|message| message.shows("2 jobs are posted")).await;
    chat.place.until_met(|| other.assigned().len() == 2).await;
    assert!(agent.assigned().is_empty(), "the other one was named");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_asks_what_the_agent_needs() {
    let chat = Chat::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    let mut definition = agent.definition("@reader", "Reads a page.");
    let schema = json!({"type": "object", "required": ["url", "depth"], "properties": {
        "url": {"type": "string", "title": "Which page"}, "depth": {"type": "integer", "title": "How deep", "maximum": 9},
        "tags": {"type": "array"}, "tone": {"enum": ["dry", "warm"]}}});
    definition.input_schema = Some(schema.into());
    chat.place.hire_as(&agent, definition).await;
    chat.place.until_agent("reader", AgentState::Active).await;
    let ada = chat.client("ada").await;
    let told = ada.types(&chat.channel, "/job post", &[("agent", "@nobody")]).await.message();
    assert!(told.is_ephemeral() && told.shows("there is no agent") && told.shows("Or it is"), "{told:?}");

    let options = [("agent", "@reader"), ("criteria", "valid JSON")];
    let form = ada.types(&chat.channel, "/job post", &options).await.modal();
    let labels: Vec<String> = form.fields().iter().map(|field| field.label.clone()).collect();
    assert_eq!(labels, ["What do you want?", "How deep", "Which page", "tone"]);
    let fields = [("brief", "Read it"), ("Which page", " "), ("How deep", "very"), ("tone", "cold")];
    let told = ada.fills(&form, &fields).await.until(|message| !message.text().is_empty()).await;
    let text = plain(&told);
    for part in [
        "**Which page** is missing",
        "**How deep** `very` is no whole number: write one such as 3",
        "**tone** `cold` is none of these, write one of them: dry, warm",
        "```\nRead it\n```",
    ] {
        assert!(told.is_ephemeral() && text.contains(part), "{part}: {text}");
    }
    let form = ada.clicks(&told, "Edit again").await.modal();
    let fields = [("Which page", "https://a.example"), ("How deep", "12"), ("tone", "WARM")];
    let told = ada.fills(&form, &fields).await.until(|message| message.has_button("Edit again")).await;
    assert!(plain(&told).contains("/depth"), "the daemon checks it against the schema: {}", plain(&told));
    let form = ada.clicks(&told, "Edit again").await.modal();
    ada.fills(&form, &[("How deep", "3")]).await.until(|message| message.shows("is posted")).await;
    chat.place.until_met(|| !agent.assigned().is_empty()).await;
    let data = &agent.assigned()[0].data;
    let input = json!({"url": "https://a.example", "depth": 3, "tone": "warm"});
    assert_eq!((&data["input"], data["brief"].as_str()), (&input, Some("Read it")));

    // What is wanted can be said beside it, and then the form asks nothing else.
    let options = [("agent", "@reader"), ("brief", "Read it")];
    let form = ada.types(&chat.channel, "/job post", &options).await.modal();
    assert_eq!(form.fields().len(), 3);
}
