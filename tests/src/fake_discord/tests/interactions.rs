//! Answers to interactions: in time, once, of a kind that fits.

use super::*;

/// A fake with a server, a user, and a bot that has registered its commands.
async fn scene() -> (FakeDiscord, Channel, User, RawBot) {
    let discord = FakeDiscord::start().await;
    let channel = discord.server("Guild").channel("general");
    let ada = discord.user("ada");
    let bot = RawBot::start(&discord, &commands()).await;
    (discord, channel, ada, bot)
}

#[tokio::test]
async fn a_command_is_answered_and_seen_by_all() {
    let (discord, channel, ada, mut bot) = scene().await;
    let options = [("agent", "@sum"), ("budget", "5"), ("speed", "Fast")];
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &options), async {
        let asked = bot.asked().await;
        assert_eq!((&asked["type"], &asked["context"]), (&json!(2), &json!(0)));
        assert_eq!(asked["member"]["user"]["username"], "ada");
        let post = &asked["data"]["options"][0];
        assert_eq!((&post["name"], &post["type"]), (&json!("post"), &json!(1)));
        let values: Vec<&Value> =
            post["options"].as_array().expect("options").iter().map(|one| &one["value"]).collect();
        assert_eq!(values, [&json!("@sum"), &json!(5), &json!("fast")]);
        assert_eq!(bot.answers(&asked, &message("Posted")).await.status, 204);
        assert_eq!(bot.answers(&asked, &message("Posted again")).await.refusal(), (400, 40_060));
    });
    assert_eq!((shown.message().content(), shown.message().is_ephemeral()), ("Posted", false));
    assert_eq!(channel.messages().len(), 1);
    assert_eq!(discord.take_complaints().len(), 1);
}

#[tokio::test]
async fn a_promise_becomes_a_message_and_files_follow() {
    let (_discord, channel, ada, mut bot) = scene().await;
    let (shown, asked) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        bot.answers(&asked, &json!({"type": 5, "data": {"flags": 64}})).await;
        asked
    });
    assert!(matches!(shown.view(), View::Thinking));
    let got = bot
        .edits(&asked, &json!({"content": "Done", "components": rows(&[button("Approve", "a", false)])}))
        .await;
    assert_eq!(got.json["flags"], 64);
    let message = shown.until(|message| message.has_button("Approve")).await;
    assert!(message.is_ephemeral() && message.is_edited() && channel.messages().is_empty());
    let path = format!("/webhooks/{APPLICATION}/{}?wait=true", text(&asked["token"]));
    let said = json!({"content": "The result", "attachments": [{"id": "0", "filename": "answer.md", "description": null}]});
    let got = bot.upload(Method::POST, &path, &said, "result.md", "42").await;
    assert_eq!(got.status, 200, "{}", got.json);
    let followup = shown.until_followup(|message| message.shows("result")).await;
    assert_eq!((followup.files()[0].name.as_str(), followup.files()[0].text().as_str()), ("answer.md", "42"));
    let file = reqwest::get(&followup.file_urls()[0]).await.expect("it answers");
    assert_eq!(file.headers()["content-type"], "text/markdown; charset=utf-8");
}

#[tokio::test]
async fn who_answers_late_finds_nobody() {
    let (discord, channel, ada, mut bot) = scene().await;
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        discord.passes(Duration::from_millis(3_001));
        assert_eq!(bot.answers(&asked, &message("Sorry")).await.refusal(), (404, 10_062));
    });
    assert!(shown.did_not_respond());
}

#[tokio::test]
async fn a_token_is_good_for_fifteen_minutes() {
    let (discord, channel, ada, mut bot) = scene().await;
    let (_, asked) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        let early = bot.edits(&asked, &json!({"content": "Too early"})).await;
        assert_eq!(early.refusal(), (404, 10_015));
        bot.answers(&asked, &message("Hello")).await;
        asked
    });
    discord.passes(Duration::from_mins(14));
    assert_eq!(bot.edits(&asked, &json!({"content": "Still"})).await.status, 200);
    discord.passes(Duration::from_mins(2));
    assert_eq!(bot.edits(&asked, &json!({"content": "Too late"})).await.refusal(), (401, 50_027));
    assert_eq!(discord.take_complaints().len(), 1);
}

fn form() -> Value {
    let input = |id: &str, label: &str, required: bool| {
        json!({"type": 1, "components": [
            {"type": 4, "custom_id": id, "label": label, "style": 1, "required": required, "max_length": 10},
        ]})
    };
    json!({"type": 9, "data": {"custom_id": "v1:post", "title": "Post a job", "components": [
        input("brief", "Brief", true), input("title", "Title", false),
    ]}})
}

#[tokio::test]
async fn a_form_is_opened_filled_in_and_answered() {
    let (discord, channel, ada, mut bot) = scene().await;
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        assert_eq!(bot.answers(&asked, &form()).await.status, 204);
    });
    let modal = shown.modal();
    assert_eq!((modal.title(), modal.fields().len()), ("Post a job", 2));
    for (wrong, said) in [
        (("brief", ""), "required"),
        (("brief", "eleven letters"), "14 letters"),
        (("color", "red"), "no field"),
    ] {
        let refused = ada.try_fills(&modal, &[wrong]).await.expect_err(said);
        assert!(refused.0.contains(said), "{refused}");
    }
    let (shown, ()) = tokio::join!(ada.fills(&modal, &[("Brief", "Sum up")]), async {
        let asked = bot.asked().await;
        assert_eq!((&asked["type"], &asked["data"]["custom_id"]), (&json!(5), &json!("v1:post")));
        let values = [0, 1].map(|row| asked["data"]["components"][row]["components"][0]["value"].clone());
        assert_eq!(values, ["Sum up", ""]);
        assert_eq!(bot.answers(&asked, &form()).await.refusal(), (400, 50_035));
        assert_eq!(bot.answers(&asked, &message("Thanks")).await.status, 204);
    });
    assert_eq!(shown.message().content(), "Thanks");
    assert_eq!(discord.take_complaints().len(), 1);
}

#[tokio::test]
async fn a_click_changes_the_message() {
    let (_discord, channel, ada, mut bot) = scene().await;
    let card = json!({"content": "Job", "components": rows(&[button("Approve", "v1:a", false), button("Old", "v1:o", true)])});
    bot.call(Method::POST, &format!("/channels/{}/messages", channel.id()), &card).await;
    let card = channel.until(|message| message.shows("Job")).await;
    assert_eq!(ada.try_clicks(&card, "Old").await.expect_err("disabled").0, "it is disabled");
    assert!(ada.try_clicks(&card, "Reject").await.is_err());
    let (shown, ()) = tokio::join!(ada.clicks(&card, "Approve"), async {
        let asked = bot.asked().await;
        assert_eq!(
            (&asked["data"]["custom_id"], &asked["message"]["content"]),
            (&json!("v1:a"), &json!("Job"))
        );
        let done = json!({"content": "Approved", "components": []});
        assert_eq!(bot.answers(&asked, &json!({"type": 7, "data": done})).await.status, 204);
    });
    assert_eq!(shown.message().id(), card.id());
    assert_eq!(channel.messages()[0].content(), "Approved");
    assert!(ada.try_clicks(&card, "Approve").await.is_err(), "it is gone");
}

#[tokio::test]
async fn a_list_is_chosen_from_and_an_option_completed() {
    let (_discord, channel, ada, mut bot) = scene().await;
    let options = json!([{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}]);
    let list = json!([{"type": 1, "components": [{"type": 3, "custom_id": "pick", "options": options}]}]);
    bot.call(
        Method::POST,
        &format!("/channels/{}/messages", channel.id()),
        &json!({"content": "Pick", "components": list}),
    )
    .await;
    let message = channel.until(|message| !message.selects().is_empty()).await;
    assert!(ada.try_selects(&message, "pick", &["One", "Two"]).await.is_err());
    let (shown, ()) = tokio::join!(ada.selects(&message, "pick", &["Two"]), async {
        let asked = bot.asked().await;
        assert_eq!(asked["data"]["values"], json!(["2"]));
        assert_eq!(bot.answers(&asked, &json!({"type": 6})).await.status, 204);
    });
    assert_eq!(shown.message().content(), "Pick");
    let (choices, ()) = tokio::join!(ada.completes(&channel, "/job show", "id", "12"), async {
        let asked = bot.asked().await;
        let option = &asked["data"]["options"][0]["options"][0];
        assert_eq!((&option["value"], &option["focused"]), (&json!("12"), &json!(true)));
        let choices = json!([{"name": "Job 12", "value": "12"}]);
        assert_eq!(bot.answers(&asked, &json!({"type": 8, "data": {"choices": choices}})).await.status, 204);
    });
    assert_eq!(choices, [Choice { name: "Job 12".to_owned(), value: json!("12") }]);
}

#[tokio::test]
async fn a_callback_answers_with_what_it_made_if_asked() {
    let (_discord, channel, ada, mut bot) = scene().await;
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        let (id, token) = (text(&asked["id"]), text(&asked["token"]));
        let path = format!("/interactions/{id}/{token}/callback?with_response=true");
        let got = bot.call(Method::POST, &path, &message("Hello")).await;
        assert_eq!((got.status, &got.json["resource"]["message"]["content"]), (200, &json!("Hello")));
    });
    let again = message_of(&bot, &shown.message()).await;
    assert_eq!(again.json["interaction_metadata"]["name"], "job");
}

async fn message_of(bot: &RawBot, message: &Message) -> Got {
    let path = format!("/channels/{}/messages/{}", message.channel_id(), message.id());
    bot.call(Method::GET, &path, &Value::Null).await
}

#[tokio::test]
async fn where_only_the_user_has_the_app_five_followups_are_all() {
    let (discord, channel, ada, mut bot) = scene().await;
    ada.installs_app();
    let private = discord.private(&[&ada]);
    let (shown, asked) = tokio::join!(ada.types(&private, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        bot.answers(&asked, &json!({"type": 5})).await;
        asked
    });
    let path = format!("/webhooks/{APPLICATION}/{}", text(&asked["token"]));
    for _ in 0..5 {
        assert_eq!(bot.call(Method::POST, &path, &json!({"content": "More"})).await.status, 200);
    }
    assert_eq!(bot.call(Method::POST, &path, &json!({"content": "More"})).await.refusal(), (400, 40_094));
    assert_eq!((shown.message().content(), shown.followups().len()), ("More", 5));
    let direct = format!("/channels/{}/messages", private.id());
    assert_eq!(bot.call(Method::POST, &direct, &json!({"content": "Me"})).await.refusal(), (403, 50_001));
    assert_eq!((discord.take_complaints().len(), channel.messages().len()), (1, 0));
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_refused() {
    let (discord, channel, ada, mut bot) = scene().await;
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@sum")]), async {
        let asked = bot.asked().await;
        for wrong in [
            json!({"type": 1}),
            json!({"type": 6}),
            json!({"type": 7, "data": {"content": "Hello"}}),
            json!({"type": 8, "data": {"choices": []}}),
            json!({"type": 4, "data": {"content": "x".repeat(2_001)}}),
            json!({"type": 9, "data": {"custom_id": "f", "title": "x".repeat(46), "components": []}}),
            json!({"data": {"content": "Hello"}}),
        ] {
            assert_eq!(bot.answers(&asked, &wrong).await.refusal(), (400, 50_035), "{wrong}");
        }
        assert_eq!(bot.answers(&asked, &message("Hello")).await.status, 204);
    });
    assert_eq!(shown.message().content(), "Hello");
    discord.allow_complaints();
}
