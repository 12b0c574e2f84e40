//! What people send a bot on Discord that is too large, lies, is gone, or is a bomb.

use crate::chat::{Chat, NUMBER, job_of, plain};
use guildhall_protocol::ids::JobId;
use guildhall_tests::fake_discord::{Attachment, Message, User};
use serde_json::{Value, json};
use std::time::Duration;

/// As much as Discord takes of somebody in a server that pays for it.
const LARGE: usize = 24 << 20;

impl Chat {
    /// Posts by the form with a file beside it; the answer.
    async fn post_with(&self, user: &User, file: Attachment, fields: &[(&str, &str)]) -> Message {
        let name = file.name.clone();
        let options = [("material", name.as_str())];
        let form = user.types_with(&self.channel, "/job post", &options, &[file]).await.modal();
        user.fills(&form, fields).await.until(|message| !message.text().is_empty()).await
    }

    /// The most memory that the bot ever had, KiB.
    fn peak(&self) -> u64 {
        let bot = self.bot.as_ref().and_then(tokio::process::Child::id).expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{bot}/status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_24_megabytes_is_refused_and_fills_no_memory() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let before = chat.peak();
    let large = |name: &str| Attachment::new(name, vec![b'x'; LARGE]);
    let told = chat.post_with(&ada, large("book.txt"), NUMBER).await;
    assert!(told.shows("the file has 25165824 bytes, the most is 1000000"), "{told:?}");
    assert!(told.is_ephemeral() && told.shows("Nothing was posted"), "{told:?}");
    let told =
        ada.types_with(&chat.channel, "/job post", &[("material", "a.jsonl")], &[large("a.jsonl")]).await;
    let told = told.until(|message| !message.text().is_empty()).await;
    assert!(told.is_ephemeral() && told.shows("the file has 25165824 bytes"), "{told:?}");
    // A size that is a lie is found out while it is read, and not after.
    chat.discord.misstates_files(1_000);
    let told = chat.post_with(&ada, large("page.txt"), NUMBER).await;
    assert!(told.shows("more than 1000000 bytes") && told.shows("Nothing was posted"), "{told:?}");
    assert!(told.shows("Say a number") && told.has_button("Edit again"), "{told:?}");
    let grown = chat.peak() - before;
    assert!(grown < 12 << 10, "the bot took {grown} KiB for it");
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(listed.shows("There is no job of yours"), "{listed:?}");
    assert!(agent.assigned().is_empty() && chat.channel.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_takes_nothing_with_it_that_was_typed() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let file = || Attachment::new("numbers.txt", b"1, 2".to_vec());
    // Its address is over before the bot comes to it.
    chat.discord.set_attachment_life(Duration::ZERO);
    let expired = chat.post_with(&ada, file(), NUMBER).await;
    chat.discord.set_attachment_life(Duration::from_hours(1));
    let mut told = vec![expired];
    for status in [404, 403] {
        chat.discord.refuses_files(status);
        told.push(chat.post_with(&ada, file(), NUMBER).await);
    }
    for told in told {
        assert!(told.is_ephemeral() && plain(&told).contains("cannot be fetched: send it again"), "{told:?}");
        assert!(told.shows("Nothing was posted") && told.shows("Say a number"), "{told:?}");
        let form = ada.clicks(&told, "Edit again").await.modal();
        let typed: Vec<String> = form.fields().into_iter().map(|field| field.value).collect();
        assert_eq!(typed[0], "Say a number");
        let posted = ada.fills(&form, &[("material", "3, 4")]).await;
        let job =
            JobId(job_of(&posted.until(|message| message.shows("is posted")).await).parse().expect("one"));
        chat.place.ended(job).await;
    }
    let inputs: Vec<Value> = agent.assigned().iter().map(|offer| offer.data["input"].clone()).collect();
    assert_eq!(inputs, vec![json!("3, 4"); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_holds_counts_and_not_what_it_is_said_to_be() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let file = |name: &str, kind: &str, bytes: &[u8]| Attachment {
        name: name.to_owned(),
        content_type: kind.to_owned(),
        bytes: bytes.to_vec(),
    };
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let told = chat.post_with(&ada, file("notes.txt", "text/plain; charset=utf-8", picture), NUMBER).await;
    assert!(told.shows("the file is no text") && told.shows("Nothing was posted"), "{told:?}");
    // Bytes that are text but for one that ends texts elsewhere.
    let told = chat.post_with(&ada, file("a.json", "application/json", b"{\"a\": \"\0\"}"), NUMBER).await;
    assert!(told.shows("the file is no text"), "{told:?}");
    let told = chat.post_with(&ada, file("photo.png", "image/png", b"\xef\xbb\xbf{\"a\": 1}"), NUMBER).await;
    assert!(told.shows("is posted"), "{told:?}");
    chat.place.until_met(|| !agent.assigned().is_empty()).await;
    assert_eq!(agent.assigned()[0].data["input"], json!({"a": 1}));
}

/// Exactly as long as a form takes it, characters.
fn bomb() -> String {
    let zalgo = "z\u{301}\u{302}\u{303}\u{304}\u{305}".repeat(100);
    let ticks = ["`".repeat(400), "```\n".repeat(100), "~~~ ".repeat(10)].concat();
    let text = format!(
        "@everyone @here <@1> <@&2> <#3> </job post:4> **b** __u__ ||s|| # big\n> quote\n- list\n\
        [x](https://evil.example) https://evil.example evil.example 👩‍👩‍👧‍👦 🏳️‍🌈 😀 {zalgo} \u{202e}rtl {ticks}"
    );
    let missing = 4_000 - text.chars().count();
    [text, "😀".repeat(missing)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_as_long_as_a_form_takes_is_posted_whole_and_has_no_power() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let bomb = bomb();
    assert_eq!(bomb.chars().count(), 4_000);
    let title: String = bomb.chars().take(60).collect();
    let options = [("visibility", "Everybody here"), ("review", "Always"), ("label", "@everyone")];
    let fields =
        [("brief", bomb.as_str()), ("material", &bomb), ("title", &title), ("criteria", "valid JSON")];
    let told = chat.post(&ada, &options, &fields).await;
    let number = job_of(&told);
    chat.place.until_met(|| !agent.assigned().is_empty()).await;
    let data = agent.assigned()[0].data.clone();
    assert_eq!((data["brief"].as_str(), data["input"].as_str()), (Some(bomb.as_str()), Some(bomb.as_str())));
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    let form = ada.clicks(&asked, "Request changes").await.modal();
    let changes: String = bomb.chars().take(2_000).collect();
    ada.fills(&form, &[("reason", &changes)]).await.until(|message| message.shows("goes back")).await;
    ada.until_dm(|message| message.has_button("Accept") && message.id() != asked.id()).await;
    for command in ["/job show", "/job why"] {
        let shown = ada.types(&chat.channel, command, &[("job", &number)]).await;
        shown.until(|message| !message.text().is_empty()).await;
    }
    ada.types(&chat.channel, "/job list", &[]).await.until(|message| message.shows("#1")).await;
    // What is refused shows it once more.
    let fields = [("brief", bomb.as_str()), ("title", &title), ("deadline", "@everyone ```")];
    let told = chat.post(&ada, &[], &fields).await;
    assert!(told.shows("Nothing was posted") && told.files()[0].text().contains(&bomb), "{told:?}");

    let cards = chat.channel.until(|message| message.shows(&format!("Job #{number}"))).await;
    assert!(cards.text().chars().count() < 6_000);
    let mut said = 0;
    for call in chat.discord.calls() {
        let data = call.body.get("data").unwrap_or(&call.body);
        if data.get("content").is_none() && data.get("embeds").is_none() {
            continue;
        }
        said += 1;
        assert_eq!(data["allowed_mentions"]["parse"], json!([]), "{call:?}");
        let users = data["allowed_mentions"]["users"].as_array().cloned().unwrap_or_default();
        assert!(users.iter().all(|user| *user == json!(ada.id().to_string())), "{call:?}");
        assert!(data["allowed_mentions"]["roles"].as_array().is_none_or(Vec::is_empty), "{call:?}");
        let texts = [&data["content"], &data["embeds"][0]["title"], &data["embeds"][0]["description"]];
        for text in texts.into_iter().filter_map(Value::as_str) {
            // Outside of blocks nothing of it acts, and no block is left by it.
            let outside: String = text.split("```").step_by(2).collect();
            for power in
                ["@everyone", "@here", "<@1>", "<@&2>", "<#3>", "</job", "https://", "**b**", "||s||"]
            {
                assert!(!outside.contains(power), "{power}: {text}");
            }
            assert!(text.matches("```").count() % 2 == 0 && !text.contains('\u{202e}'), "{text}");
        }
    }
    assert!(said >= 8, "only {said} messages were looked at");
    let all = chat.channel.messages().into_iter().chain(ada.dms());
    assert!(all.into_iter().all(|message| message.pings().iter().all(|name| name == "ada")));
}
