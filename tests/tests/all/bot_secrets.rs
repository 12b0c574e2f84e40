//! Links to secrets on Discord: for whom they are, how often and how long, and whoever else opens them; and what is shown where
//! there can be none.

use crate::bot_agents::{ADDER, link_in, look, press, secrets_on};
use crate::cast::number_from;
use crate::chat::Chat;
use guildhall_protocol::account::UserOrder;
use guildhall_protocol::agent::{AgentDefinition, AgentState};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::view::RegisterOptions;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_one_owner_one_agent_and_one_time() {
    let chat = Chat::open_public(&[]).await;
    let (owen, bob) = (chat.discord.user("owen"), chat.discord.user("bob"));
    let first = link_in(&chat.register(&owen, &ADDER).await);
    // Nobody asks for the secrets of others, and no code is near another.
    let told = chat.rotate(&bob, &[("agent", "@adder")]).await;
    assert!(told.shows("there is no agent") && !told.text().contains("http"), "{told:?}");
    let last = first.chars().next_back().expect("a code");
    let near = format!("{}{}", &first[..first.len() - 1], if last == '0' { '1' } else { '0' });
    let base = first.rsplit_once('/').expect("an address").0;
    for wrong in [near.as_str(), &format!("{base}/x"), &format!("{base}/{}", "0".repeat(64))] {
        assert_eq!((look(wrong).await.0, press(wrong).await.0), (410, 410), "{wrong}");
    }
    // Another link ends the one before, and so does who replaces the secrets elsewhere.
    let second = link_in(&chat.rotate(&owen, &[("agent", "@adder"), ("now", "true")]).await);
    assert_eq!((press(&first).await.0, look(&second).await.0), (410, 200));
    chat.place.run(&["agent", "rotate-secret", "@adder", "--now"]).await;
    let (status, page) = press(&second).await;
    assert!(status == 410 && !page.contains("whsec_"), "{status} {page}");
    // Two who press at once: one sees them.
    let third = link_in(&chat.rotate(&owen, &[("agent", "@adder"), ("now", "true")]).await);
    let (one, other) = tokio::join!(press(&third), press(&third));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410]);
    // Who may no longer, sees nothing by what they asked for while they might.
    let fourth = link_in(&chat.rotate(&owen, &[("agent", "@adder"), ("now", "true")]).await);
    let user = chat.person(&owen).await.user;
    chat.place.order_user(user, UserOrder::Suspend).await.expect("an admin may");
    assert_eq!(press(&fourth).await.0, 410);
    assert_eq!(chat.rotations("adder").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_not_opened_in_time_changes_nothing() {
    let chat = Chat::open_public(&["secret_link_s=1"]).await;
    let owen = chat.discord.user("owen");
    let link = link_in(&chat.register(&owen, &ADDER).await);
    let ends = std::time::Instant::now() + crate::place::PATIENCE;
    while look(&link).await.0 != 410 {
        assert!(std::time::Instant::now() < ends, "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((press(&link).await.0, chat.rotations("adder").await), (410, 0));
    let again = link_in(&chat.rotate(&owen, &[("agent", "@adder")]).await);
    assert_eq!(press(&again).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_looks_are_told_to_come_again() {
    let chat = Chat::open_public(&["public_calls_per_s=2"]).await;
    let owen = chat.discord.user("owen");
    let link = link_in(&chat.register(&owen, &ADDER).await);
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(look(&link).await.0);
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_the_command_line_shows_secrets() {
    let chat = Chat::open().await;
    let owen = chat.discord.user("owen");
    let told = chat.register(&owen, &ADDER).await;
    assert!(told.shows("is registered") && !told.text().contains("whsec_"), "{told:?}");
    assert!(told.text().contains("`guildhall agent rotate-secret @adder`"), "{told:?}");
    assert!(told.text().contains("/account link"), "{told:?}");
    let told = chat.rotate(&owen, &[("agent", "@adder")]).await;
    assert!(told.text().contains("`guildhall agent rotate-secret @adder`"), "{told:?}");
    assert_eq!(chat.rotations("adder").await, 0);
    // No secret passes the bridge, whatever a front end asks for: not by a registration, nor by the same once more.
    let person = chat.person(&owen).await;
    let definition = AgentDefinition {
        name: "@other".parse().expect("a name"),
        ..chat.place.agent("adder").await.definition
    };
    let definition = AgentDefinition { endpoint: "https://agents.invalid/other".to_owned(), ..definition };
    for _ in 0..2 {
        let (definition, request) = (definition.clone(), "the-same".parse().expect("an id"));
        let registered = person.client.call(|service, context| async move {
            service.register_agent(context, request, definition, RegisterOptions::default()).await
        });
        assert_eq!(registered.await.expect("an owner may").secrets, None);
    }
    let name = "@other".parse().expect("a name");
    let refused = person.client.call(|service, context| async move {
        service.rotate_secret(context, RequestId::fresh(), name, 0).await
    });
    assert!(refused.await.expect_err("no secret passes").message.contains("bridge"));
    let key = RegisterOptions {
        api_key: Some("sk-0123456789".parse().expect("a key")),
        ..RegisterOptions::default()
    };
    let refused = person.client.call(|service, context| async move {
        service.register_agent(context, RequestId::fresh(), definition, key).await
    });
    assert!(refused.await.expect_err("nor does a key").message.contains("bridge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_program_writes_a_link_into_its_log() {
    let mut chat = Chat::open_public(&[]).await;
    let daemon_log = chat.place.log_to_file("trace");
    chat.place.stop().await;
    chat.place.start().await;
    chat.stop_bot().await;
    let bot_log = chat.place.folder.path().join("bot.log");
    let mut command = chat.bot_command();
    command.env("GUILDHALL_BOT_LOG", "trace").stderr(std::fs::File::create(&bot_log).expect("a log file"));
    chat.bot = Some(command.spawn().expect("it starts"));
    chat.discord.until_connected().await;
    let owen = chat.discord.user("owen");
    let link = link_in(&chat.register(&owen, &ADDER).await);
    let page = press(&link).await.1;
    let [delivery, callback] = secrets_on(&page);
    let code = link.rsplit('/').next().expect("a code");
    chat.stop_bot().await;
    chat.place.stop().await;
    for log in [daemon_log, bot_log] {
        let text = String::from_utf8_lossy(&std::fs::read(&log).expect("a log")).into_owned();
        assert!(text.len() > 10_000, "there is something to look through: {}", log.display());
        for secret in [code, delivery.as_str(), callback.as_str()] {
            // As text, and as a list of bytes.
            let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
            assert!(!text.contains(secret) && !text.contains(&bytes.join(", ")), "{}", log.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_secrets_replace_the_old_ones_without_a_job_lost() {
    let chat = Chat::open_public(&[]).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    let owen = chat.client("owen").await;
    let (_, page) = press(&link_in(&chat.register(&owen, &ADDER).await)).await;
    let [delivery, callback] = secrets_on(&page);
    chat.move_to("adder", &agent).await;
    agent.trust(&delivery, &callback);
    chat.place.until_agent("adder", AgentState::Active).await;

    let told = owen
        .types(&chat.channel, "/agent rotate-secret", &[("agent", "@adder"), ("overlap", "soon")])
        .await
        .message();
    assert!(told.shows("is not a time"), "{told:?}");
    let options = [("agent", "@adder"), ("overlap", "2h")];
    let asked = owen.types(&chat.channel, "/agent rotate-secret", &options).await.message();
    assert!(asked.shows("2h 00m") && asked.shows("Nothing changes"), "{asked:?}");
    owen.clicks(&asked, "Leave it").await.until(|message| message.shows("It is left as it is")).await;
    let link = link_in(&chat.rotate(&owen, &options).await);
    let person = chat.person(&owen).await;
    let before = person.post(number_from(&["@adder"])).await.expect("it is posted");
    chat.place.ended(before).await;
    let (status, page) = press(&link).await;
    let [new_delivery, new_callback] = secrets_on(&page);
    assert!(status == 200 && new_delivery != delivery && page.contains("count until"), "{page}");
    for [delivery, callback] in [[&delivery, &callback], [&new_delivery, &new_callback]] {
        agent.trust(delivery, callback);
        let job = person.post(number_from(&["@adder"])).await.expect("it is posted");
        let story = chat.place.ended(job).await;
        assert_eq!(story.attempts.len(), 1, "both count: {story:?}");
    }
    // A third pair would end one that counts.
    let told = chat.rotate(&owen, &options).await;
    assert!(told.shows("a third would end them") && !told.text().contains("http"), "{told:?}");
}
