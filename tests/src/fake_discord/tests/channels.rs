//! Channels, direct messages, threads: what a bot may write there, and how often.

use super::*;

async fn scene() -> (FakeDiscord, Channel, User, RawBot, String) {
    let discord = FakeDiscord::start().await;
    let channel = discord.server("Guild").channel("general");
    let ada = discord.user("ada");
    let bot = RawBot::start(&discord, &commands()).await;
    let path = format!("/channels/{}/messages", channel.id());
    (discord, channel, ada, bot, path)
}

#[tokio::test]
async fn the_same_nonce_is_the_same_message_for_a_while() {
    let (discord, channel, _, bot, path) = scene().await;
    let said = json!({"content": "Once", "nonce": "job-1", "enforce_nonce": true});
    let first = bot.call(Method::POST, &path, &said).await.json;
    assert_eq!(bot.call(Method::POST, &path, &said).await.json["id"], first["id"]);
    assert_eq!(channel.messages().len(), 1);
    discord.passes(Duration::from_mins(10));
    assert_ne!(bot.call(Method::POST, &path, &said).await.json["id"], first["id"]);
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let (discord, _, _, bot, path) = scene().await;
    discord.limits("POST /channels/{channel_id}/messages", 1, Duration::from_secs(5));
    let said = json!({"content": "Hello"});
    let first = bot.call(Method::POST, &path, &said).await;
    assert_eq!((first.status, first.header("x-ratelimit-remaining")), (200, "0"));
    let second = bot.call(Method::POST, &path, &said).await;
    assert_eq!((second.status, second.header("x-ratelimit-scope")), (429, "user"));
    assert_eq!(second.header("x-ratelimit-bucket"), first.header("x-ratelimit-bucket"));
    assert_eq!(second.header("retry-after"), "5");
    assert!(second.json["retry_after"].as_f64().is_some_and(|seconds| seconds > 4.0), "{}", second.json);
    discord.passes(Duration::from_secs(5));
    assert_eq!(bot.call(Method::POST, &path, &said).await.status, 200);
    discord.limits_globally(1, Duration::from_secs(1));
    bot.call(Method::GET, "/users/@me", &Value::Null).await;
    let global = bot.call(Method::GET, "/users/@me", &Value::Null).await;
    assert_eq!((global.status, global.header("x-ratelimit-global")), (429, "true"));
    discord.passes(Duration::from_secs(1));
    discord.fails_next("GET /users/@me", 1, 503);
    assert_eq!(bot.call(Method::GET, "/users/@me", &Value::Null).await.status, 503);
}

#[tokio::test]
async fn direct_messages_arrive_unless_the_door_is_closed() {
    let (discord, _, ada, bot, _) = scene().await;
    let opened =
        bot.call(Method::POST, "/users/@me/channels", &json!({"recipient_id": ada.id().to_string()})).await;
    assert_eq!((opened.status, &opened.json["type"]), (200, &json!(1)));
    let path = format!("/channels/{}/messages", text(&opened.json["id"]));
    bot.call(Method::POST, &path, &json!({"content": "Your job is done"})).await;
    ada.until_dm(|message| message.shows("done")).await;
    ada.closes_dms();
    let refused = bot.call(Method::POST, &path, &json!({"content": "Hello?"})).await;
    assert_eq!(refused.refusal(), (403, 50_007));
    ada.closes_dms_as(50_278);
    let refused = bot.call(Method::POST, &path, &json!({"content": "Hello?"})).await;
    assert_eq!(refused.refusal(), (403, 50_278));
    ada.opens_dms();
    let eve = discord.user("eve");
    eve.leaves(&discord.server("Other"));
    assert_eq!(bot.call(Method::POST, &path, &json!({"content": "Hello!"})).await.status, 200);
    let nobody = bot.call(Method::POST, "/users/@me/channels", &json!({"recipient_id": "1"})).await;
    assert_eq!(nobody.refusal(), (400, 50_033));
}

#[tokio::test]
async fn doors_are_closed_and_things_are_gone() {
    let (_discord, channel, ada, bot, path) = scene().await;
    let said = json!({"content": "Hello"});
    channel.denies(Permission::SendMessages);
    assert_eq!(bot.call(Method::POST, &path, &said).await.refusal(), (403, 50_013));
    channel.denies(Permission::ViewChannel);
    assert_eq!(bot.call(Method::POST, &path, &said).await.refusal(), (403, 50_001));
    channel.allows(Permission::ViewChannel);
    channel.allows(Permission::SendMessages);
    let sent = bot.call(Method::POST, &path, &said).await.json;
    let one = format!("{path}/{}", text(&sent["id"]));
    assert_eq!(bot.call(Method::PATCH, &one, &json!({"content": "Changed"})).await.status, 200);
    assert_eq!(bot.call(Method::DELETE, &one, &Value::Null).await.status, 204);
    assert_eq!(bot.call(Method::PATCH, &one, &said).await.refusal(), (404, 10_008));
    let theirs = ada.says(&channel, "Mine", &[]);
    let one = format!("{path}/{}", theirs.id());
    assert_eq!(bot.call(Method::GET, &one, &Value::Null).await.json["content"], "Mine");
    assert_eq!(bot.call(Method::DELETE, &one, &Value::Null).await.refusal(), (403, 50_013));
    channel.goes();
    assert_eq!(bot.call(Method::POST, &path, &said).await.refusal(), (404, 10_003));
}

#[tokio::test]
async fn threads_open_at_messages_and_are_closed() {
    let (_discord, channel, _, bot, path) = scene().await;
    let card = bot.call(Method::POST, &path, &json!({"content": "Job 1"})).await.json;
    let at = format!("{path}/{}/threads", text(&card["id"]));
    let opened = bot.call(Method::POST, &at, &json!({"name": "Job 1", "auto_archive_duration": 1_440})).await;
    assert_eq!((opened.status, &opened.json["id"]), (201, &card["id"]));
    let again = bot.call(Method::POST, &at, &json!({"name": "Job 1"})).await;
    assert_eq!(again.refusal(), (400, 160_004));
    let thread = channel.until_thread("Job 1").await;
    let inside = format!("/channels/{}/messages", thread.id());
    assert_eq!(bot.call(Method::POST, &inside, &json!({"content": "News"})).await.status, 200);
    thread.until(|message| message.shows("News")).await;
    let closed =
        bot.call(Method::PATCH, &format!("/channels/{}", thread.id()), &json!({"archived": true})).await;
    assert!(closed.status == 200 && thread.is_archived());
    channel.denies(Permission::CreatePublicThreads);
    let by_itself = format!("/channels/{}/threads", channel.id());
    let refused = bot.call(Method::POST, &by_itself, &json!({"name": "More", "type": 11})).await;
    assert_eq!(refused.refusal(), (403, 50_013));
}

#[tokio::test]
async fn what_is_too_much_is_refused_with_its_field() {
    let (discord, _, _, bot, path) = scene().await;
    let long = |letters: usize| "x".repeat(letters);
    let embed = |letters: usize| json!({"description": long(letters)});
    let wrong = [
        (json!({"content": long(2_001)}), "/errors/content"),
        (json!({"embeds": [embed(4_097)]}), "/errors/embeds/0/description"),
        (json!({"embeds": [embed(4_000), embed(4_000)]}), "/errors/embeds/_errors"),
        (json!({"embeds": [{"fields": [{"name": "", "value": "x"}]}]}), "/errors/embeds/0/fields/0/name"),
        (
            json!({"content": "x", "components": rows(&vec![button("a", "1", false); 6])}),
            "/errors/components/0/components",
        ),
        (
            json!({"content": "x", "components": rows(&[button("a", "1", false), button("b", "1", false)])}),
            "/errors/components/0/components/1/custom_id",
        ),
        (
            json!({"content": "x", "components": rows(&[button("a", &long(101), false)])}),
            "/errors/components/0/components/0/custom_id",
        ),
        (json!({"content": "x", "nonce": long(26)}), "/errors/nonce"),
        (json!({"content": "x", "attachments": [{"id": "7"}]}), "/errors/attachments/0/id"),
    ];
    let number = wrong.len();
    for (said, field) in wrong {
        let got = bot.call(Method::POST, &path, &said).await;
        assert_eq!(got.refusal(), (400, 50_035), "{said}");
        assert!(got.json.pointer(field).is_some(), "{field} in {}", got.json);
    }
    let empty = bot.call(Method::POST, &path, &json!({"content": " "})).await;
    assert_eq!(empty.refusal(), (400, 50_006));
    let complaints = discord.take_complaints();
    assert!(complaints.len() > number, "{complaints:?}");
}

#[tokio::test]
async fn files_stay_until_a_change_names_others_and_their_addresses_end() {
    let (discord, channel, _, bot, path) = scene().await;
    discord.set_attachment_life(Duration::from_hours(1));
    let sent = bot.upload(Method::POST, &path, &json!({"content": "Result"}), "result.txt", "42").await.json;
    let one = format!("{path}/{}", text(&sent["id"]));
    bot.call(Method::PATCH, &one, &json!({"content": "Approved"})).await;
    let message = channel.until(|message| message.shows("Approved")).await;
    assert_eq!(message.files()[0].text(), "42");
    let fetch = async || reqwest::get(&message.file_urls()[0]).await.expect("it answers").status().as_u16();
    assert_eq!(fetch().await, 200);
    discord.passes(Duration::from_hours(1));
    assert_eq!(fetch().await, 404);
    bot.call(Method::PATCH, &one, &json!({"attachments": []})).await;
    assert!(channel.messages()[0].files().is_empty());
}

#[tokio::test]
#[should_panic(expected = "the bot did what it may not")]
async fn a_wrong_request_fails_its_test() {
    let (_discord, _, _, bot, path) = scene().await;
    assert_eq!(bot.call(Method::POST, &path, &json!({"content": ""})).await.status, 400);
}

#[tokio::test]
async fn a_body_is_held_against_the_description() {
    let (discord, channel, ada, mut bot, path) = scene().await;
    if std::env::var_os(SPEC_VARIABLE).is_none() {
        return; // the description is large and not part of the repository
    }
    let said = json!({"content": "Hello", "tts": "yes", "attachments": [{"id": 0, "filename": "a.txt"}]});
    bot.upload(Method::POST, &path, &said, "a.txt", "42").await;
    let complaints = discord.take_complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("/tts"), "{complaints:?}");
    let (_, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@a")]), async {
        let asked = bot.asked().await;
        let data = json!({"content": "Hello", "tts": "yes"});
        bot.answers(&asked, &json!({"type": 4, "data": data})).await;
    });
    let complaints = discord.take_complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("/data/tts"), "{complaints:?}");
}

#[tokio::test]
async fn trouble_comes_as_a_test_wants_it() {
    let (discord, _, _, bot, path) = scene().await;
    let route = "POST /channels/{channel_id}/messages";
    let said = json!({"content": "Hello"});
    discord.refuses_next(route, 1, 403, 40_003);
    assert_eq!(bot.call(Method::POST, &path, &said).await.refusal(), (403, 40_003));
    discord.limits_next(route, 1, Duration::from_millis(1_500));
    let limited = bot.call(Method::POST, &path, &said).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "2"));
    assert_eq!(bot.call(Method::POST, &path, &said).await.status, 200);
    let statuses: Vec<u16> = discord.calls_to(route).iter().map(|call| call.status).collect();
    assert_eq!(statuses, [403, 429, 200]);
}

#[tokio::test]
async fn a_message_of_components_stays_one() {
    let (discord, channel, _, bot, path) = scene().await;
    let body = |text: &str| {
        json!([{"type": 17, "components": [
            {"type": 10, "content": text}, {"type": 1, "components": [button("Go", "go", false)]},
        ]}])
    };
    let sent =
        bot.call(Method::POST, &path, &json!({"flags": 32_768, "components": body("# Job")})).await.json;
    let one = format!("{path}/{}", text(&sent["id"]));
    assert_eq!(bot.call(Method::PATCH, &one, &json!({"components": body("# Done")})).await.status, 200);
    let message = channel.until(|message| message.shows("# Done")).await;
    assert!(message.has_button("Go"));
    assert_eq!(bot.call(Method::PATCH, &one, &json!({"content": "Plain"})).await.refusal(), (400, 50_035));
    let complaints = discord.take_complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
}

#[tokio::test]
async fn a_token_in_the_open_is_a_complaint() {
    let (discord, channel, _, bot, path) = scene().await;
    bot.upload(Method::POST, &path, &json!({"content": discord.token()}), "a.txt", "42").await;
    let url = channel.messages()[0].file_urls().remove(0);
    let fetched = bot.http.get(url).header("authorization", "Bot of mine").send().await;
    assert_eq!(fetched.expect("it answers").status(), 200);
    assert_eq!(discord.take_complaints().len(), 2);
}

#[tokio::test]
async fn it_answers_whatever_a_bot_looks_up() {
    let (discord, channel, ada, bot, path) = scene().await;
    let server = discord.server("Other");
    let embed = json!({"title": "Job", "fields": [{"name": "State", "value": "open"}]});
    let sent = bot.call(Method::POST, &path, &json!({"embeds": [embed, {"description": "More"}]})).await.json;
    let reply = json!({"content": "See above", "message_reference": {"message_id": sent["id"]}});
    assert_eq!(bot.call(Method::POST, &path, &reply).await.json["type"], 19);
    for known in [
        "/gateway".to_owned(),
        "/gateway/bot".to_owned(),
        "/users/@me".to_owned(),
        "/applications/@me".to_owned(),
        "/oauth2/applications/@me".to_owned(),
        format!("/applications/{APPLICATION}/commands"),
        format!("/applications/{APPLICATION}/guilds/{}/commands", server.id()),
        format!("/guilds/{}", server.id()),
        format!("/channels/{}", channel.id()),
        format!("/channels/{}", ada.dm().id()),
        format!("{path}?limit=1"),
        format!("{path}/{}", text(&sent["id"])),
    ] {
        assert_eq!(bot.call(Method::GET, &known, &Value::Null).await.status, 200, "{known}");
    }
}

#[tokio::test]
async fn servers_come_page_by_page_with_what_the_bot_may_do_there() {
    let discord = FakeDiscord::start().await;
    let bot = RawBot::start(&discord, &json!([])).await;
    let servers: Vec<Server> = ["A", "B", "C"].map(|name| discord.server(name)).into();
    servers[1].denies(Permission::EmbedLinks);
    servers[2].removes_bot();
    let first = bot.call(Method::GET, "/users/@me/guilds?limit=1", &Value::Null).await.json;
    assert_eq!(first[0]["name"], "A");
    let path = format!("/users/@me/guilds?limit=200&after={}", text(&first[0]["id"]));
    let rest = bot.call(Method::GET, &path, &Value::Null).await.json;
    assert_eq!(rest.as_array().map(Vec::len), Some(1), "it is in no third: {rest}");
    let bits: u64 = text(&rest[0]["permissions"]).parse().expect("a bit field");
    assert_eq!(bits & Permission::EmbedLinks.bit(), 0);
    assert_ne!(bits & Permission::SendMessages.bit(), 0);
    discord.allow_complaints();
    let refused = bot.call(Method::GET, "/users/@me/guilds?limit=201", &Value::Null).await;
    assert_eq!(refused.refusal(), (400, 50_035));
}
