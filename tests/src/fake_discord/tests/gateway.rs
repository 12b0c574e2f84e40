//! The gateway: who comes in, what is said again, how it ends.

use super::*;

#[tokio::test]
async fn a_bot_identifies_and_is_ready() {
    let discord = FakeDiscord::start().await;
    let server = discord.server("Guild");
    let mut bot = RawBot::dial(&discord).await;
    assert_eq!(bot.next().await.expect("a greeting")["op"], 10);
    bot.say(json!({"op": 1, "d": null})).await;
    assert_eq!(bot.next().await.expect("an ack"), json!({"op": 11}));
    bot.identify().await;
    let ready = bot.hears("READY").await;
    assert_eq!(ready["guilds"][0]["id"], server.id().to_string());
    assert_eq!(ready["application"]["id"], APPLICATION.to_string());
    discord.until_connected().await;
    assert_eq!((discord.identifies(), discord.heartbeats(), bot.sequence), (1, 1, 1));
}

#[tokio::test]
async fn a_wrong_token_is_closed_with_4004() {
    let discord = FakeDiscord::start().await;
    discord.allow_complaints();
    let mut bot = RawBot::dial(&discord).await;
    "wrong".clone_into(&mut desk::lock(&bot.token));
    bot.next().await.expect("a greeting");
    bot.identify().await;
    assert_eq!(bot.next().await, Err(4_004));
    assert_eq!(bot.call(Method::GET, "/users/@me", &Value::Null).await.status, 401);
}

#[tokio::test]
async fn a_bot_that_resumes_hears_what_it_missed() {
    let discord = FakeDiscord::start().await;
    let mut bot = RawBot::start(&discord, &commands()).await;
    let (session, sequence) = (bot.session.clone(), bot.sequence);
    discord.drops_connection();
    assert_eq!(bot.next().await, Err(0));
    discord.dispatches("NEWS", &json!({"number": 1}));
    discord.dispatches("NEWS", &json!({"number": 2}));
    let mut bot = RawBot::dial(&discord).await;
    let resume = json!({"token": discord.token(), "session_id": session, "seq": sequence});
    bot.say(json!({"op": 6, "d": resume})).await;
    assert_eq!(bot.hears("NEWS").await["number"], 1);
    assert_eq!(bot.hears("NEWS").await["number"], 2);
    bot.hears("RESUMED").await;
    discord.dispatches("NEWS", &json!({"number": 3}));
    assert_eq!(bot.hears("NEWS").await["number"], 3);
    assert_eq!((discord.resumes(), discord.identifies()), (1, 1));
}

#[tokio::test]
async fn a_session_that_ended_cannot_be_resumed() {
    let discord = FakeDiscord::start().await;
    let mut bot = RawBot::start(&discord, &commands()).await;
    discord.invalidates_session(Resumption::Impossible);
    assert_eq!(bot.next().await, Ok(json!({"op": 9, "d": false})));
    let resume = json!({"token": discord.token(), "session_id": bot.session, "seq": bot.sequence});
    let mut next = RawBot::dial(&discord).await;
    next.next().await.expect("a greeting");
    next.say(json!({"op": 6, "d": resume})).await;
    assert_eq!(next.next().await, Ok(json!({"op": 9, "d": false})));
}

#[tokio::test]
async fn it_asks_to_reconnect_stops_acking_and_closes() {
    let discord = FakeDiscord::start().await;
    let mut bot = RawBot::start(&discord, &commands()).await;
    discord.asks_to_reconnect();
    assert_eq!(bot.next().await.expect("op 7")["op"], 7);
    discord.stops_acking();
    bot.say(json!({"op": 1, "d": bot.sequence})).await;
    discord.closes(4_000);
    assert_eq!(bot.next().await, Err(4_000));
    discord.closes_next(4_013);
    let mut bot = RawBot::dial(&discord).await;
    bot.next().await.expect("a greeting");
    bot.identify().await;
    assert_eq!(bot.next().await, Err(4_013));
}

#[tokio::test]
async fn what_no_gateway_takes_is_closed_and_kept() {
    let discord = FakeDiscord::start().await;
    for (said, code) in [
        (json!({"op": 99}), 4_001),
        (json!("hello"), 4_002),
        (json!({"op": 3, "d": {}}), 4_003),
        (
            json!({"op": 2, "d": {"token": discord.token(), "intents": 1 << 15, "properties": {"os": "linux"}}}),
            4_014,
        ),
    ] {
        let mut bot = RawBot::dial(&discord).await;
        bot.next().await.expect("a greeting");
        bot.say(said).await;
        assert_eq!(bot.next().await, Err(code));
    }
    assert_eq!(discord.take_complaints().len(), 4);
}

#[tokio::test]
async fn a_bot_without_a_heartbeat_is_closed() {
    let discord = FakeDiscord::start().await;
    discord.set_heartbeat(Duration::from_millis(20));
    let mut bot = RawBot::dial(&discord).await;
    bot.next().await.expect("a greeting");
    assert_eq!(bot.next().await, Err(4_009));
    assert_eq!(discord.take_complaints(), ["the bot sent no heartbeat"]);
}

#[tokio::test]
async fn it_goes_and_comes_back() {
    let mut discord = FakeDiscord::start().await;
    let mut bot = RawBot::start(&discord, &commands()).await;
    discord.leave().await;
    assert_eq!(bot.next().await, Err(0));
    discord.come_back().await;
    let bot = RawBot::start(&discord, &commands()).await;
    assert_eq!(bot.call(Method::GET, "/users/@me", &Value::Null).await.status, 200);
    assert_eq!((discord.identifies(), discord.commands().len()), (2, 4));
}

#[tokio::test]
async fn a_dialect_changes_what_is_sent() {
    let discord = FakeDiscord::start().await;
    let server = discord.server("Guild");
    let mut bot = RawBot::start(&discord, &commands()).await;
    let ada = discord.user("ada");
    discord.speaks(Dialect {
        without_optional_fields: true,
        with_extra_fields: true,
        numbers_as_texts: true,
    });
    let channel = server.channel("general");
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        assert!(asked.get("entitlements").is_none() && asked["field_of_tomorrow"].is_object());
        assert_eq!((&asked["version"], &asked["type"]), (&json!("1"), &json!(2)));
        assert_eq!(bot.answers(&asked, &message("Hello")).await.status, 204);
    });
    assert_eq!(shown.message().content(), "Hello");
}

#[tokio::test]
async fn a_door_is_shut_or_nobody_says_hello() {
    let discord = FakeDiscord::start().await;
    discord.sets_door(Door::Silent);
    let mut bot = RawBot::dial(&discord).await;
    discord.until("it came", || discord.arrivals() == 1).await;
    discord.sets_door(Door::Shut);
    let url = discord.api().replacen("http", "ws", 1);
    assert!(tokio_tungstenite::connect_async(format!("{url}/?v=10")).await.is_err());
    assert_eq!(discord.arrivals(), 2);
    discord.closes(4_000);
    assert_eq!(bot.next().await, Err(4_000), "there was no hello before");
}
