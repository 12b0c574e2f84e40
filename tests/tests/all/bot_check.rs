//! `guildhall-bot check`: what it finds, what it says to do, and whether that fails it.

use crate::chat::Chat;
use guildhall_tests::fake_discord::{Dialect, Permission};
use serde_json::json;

/// What is printed, what is complained of, and whether all is there that the bot cannot do without.
async fn checked(chat: &Chat) -> (String, String, bool) {
    checked_with(chat, &[], "").await
}

async fn checked_with(chat: &Chat, options: &[&str], discord_token: &str) -> (String, String, bool) {
    let mut command = chat.bot_command();
    if !discord_token.is_empty() {
        command.env("GUILDHALL_DISCORD_TOKEN", discord_token);
    }
    let output = command.arg("check").args(options).output().await.expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_lacks_nothing_is_told_so_and_how_to_invite_it() {
    let chat = Chat::open().await;
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine, "{told}");
    for wanted in [
        "ok: Discord takes the token of application 1000000000000000001 (Guildhall)",
        "ok: it can be installed into servers, and by people for themselves",
        "lets the bot in, up to owner",
        "the bot may do all that it needs",
        "invite it: https://discord.com/oauth2/authorize?client_id=1000000000000000001&",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(told.contains(&format!("server Guild ({})", chat.server.id())), "{told}");
    assert!(!told.contains("warning") && !told.contains("missing"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_is_told_what_it_denies_and_what_mends_that() {
    let chat = Chat::open().await;
    // More than one page of them; what the last denies is found all the same.
    let others: Vec<_> = (0..205).map(|number| chat.discord.server(&format!("Other {number}"))).collect();
    others[3].denies(Permission::CreatePublicThreads);
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine, "it can do without threads: {told}");
    assert!(
        told.contains(&format!("warning: server Other 3 ({}) does not let the bot", others[3].id())),
        "{told}"
    );
    assert!(told.contains("Create Public Threads: without it jobs have no threads"), "{told}");
    assert_eq!(told.matches("the bot may do all that it needs").count(), 205, "{told}");

    let last = &others[204];
    last.denies(Permission::SendMessages);
    last.denies(Permission::EmbedLinks);
    let (told, complaint, is_fine) = checked(&chat).await;
    assert!(!is_fine && complaint.contains("cannot do without"), "{told} {complaint}");
    let at = told.find(&format!("missing: server Other 204 ({})", last.id())).expect("it is named");
    let told = &told[at..];
    for wanted in
        ["Send Messages: without it", "Embed Links: without it", &format!("&guild_id={}&", last.id())]
    {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_in_no_server_is_told_how_to_get_into_one() {
    let chat = Chat::open().await;
    chat.server.removes_bot();
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine && told.contains("warning: the bot is in no server yet"), "{told}");
    assert!(told.contains("invites it with https://discord.com/oauth2/authorize"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_hears_nothing_or_cannot_be_installed_is_told_so() {
    let chat = Chat::open().await;
    chat.discord.sets_up_application("integration_types_config", json!({"0": {}}));
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine && told.contains("warning: people cannot install it for themselves"), "{told}");
    chat.discord.sets_up_application("interactions_endpoint_url", json!("https://other.example/hook"));
    let (told, _, is_fine) = checked(&chat).await;
    assert!(
        !is_fine && told.contains("missing: what people do is sent to https://other.example/hook"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discord_that_says_less_or_says_it_differently_is_understood() {
    let chat = Chat::open().await;
    chat.discord.speaks(Dialect {
        without_optional_fields: true,
        with_extra_fields: true,
        numbers_as_texts: true,
    });
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine && told.contains("Discord does not say who can install it"), "{told}");
    assert!(told.contains("the bot may do all that it needs"), "{told}");
    chat.discord.refuses_next("GET /users/@me/guilds", 1, 403, 50_001);
    let (told, _, is_fine) = checked(&chat).await;
    assert!(is_fine && told.contains("warning: Discord does not say in which servers"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_refuses_the_bot_is_named_and_the_rest_is_looked_at_all_the_same() {
    let chat = Chat::open().await;
    let (told, _, is_fine) = checked_with(&chat, &["--socket", "/nowhere/s.sock"], "").await;
    assert!(!is_fine && told.contains("missing: the daemon at /nowhere/s.sock does not let"), "{told}");
    assert!(told.contains("the bot may do all that it needs"), "{told}");
    chat.discord.allow_complaints();
    let (told, _, is_fine) = checked_with(&chat, &[], "MTAw.wrong.token").await;
    assert!(!is_fine && told.contains("missing: Discord does not take the bot's token"), "{told}");
    assert!(told.contains("lets the bot in, up to owner") && !told.contains("invite it"), "{told}");
}
