//! What users may do at their clients, and where.

use super::*;

async fn scene() -> (FakeDiscord, Server, User, RawBot) {
    let discord = FakeDiscord::start().await;
    let server = discord.server("Guild");
    let ada = discord.user("ada");
    let bot = RawBot::start(&discord, &commands()).await;
    (discord, server, ada, bot)
}

/// The bot answers the next interaction; what it was asked.
async fn echo(bot: &mut RawBot) -> Value {
    let asked = bot.asked().await;
    let got = bot.answers(&asked, &message("Yes")).await;
    assert_eq!(got.status, 204, "{}", got.json);
    asked
}

#[tokio::test]
async fn a_client_holds_options_against_their_definition() {
    let (_discord, server, ada, _bot) = scene().await;
    let channel = server.channel("general");
    let wrong: [(&str, Options<'_>, &str); 8] = [
        ("/job", &[], "a subcommand is missing"),
        ("/job pot", &[], "no subcommand"),
        ("/jobs", &[], "no command"),
        ("/job post", &[], "is required"),
        ("/job post", &[("agent", "a name of more than twenty letters")], "34 letters"),
        ("/job post", &[("agent", "@a"), ("budget", "0")], "not between"),
        ("/job post", &[("agent", "@a"), ("speed", "warp")], "one of the choices"),
        ("/job post", &[("agent", "@a"), ("file", "a.txt")], "no file"),
    ];
    for (command, options, said) in wrong {
        let refused = ada.try_types(&channel, command, options, &[]).await.expect_err(said);
        assert!(refused.0.contains(said), "{said:?} in {refused}");
    }
    assert!(ada.try_types(&channel, "/admin", &[], &[]).await.is_err());
}

#[tokio::test]
async fn a_file_comes_with_a_command() {
    let (_discord, server, ada, mut bot) = scene().await;
    let channel = server.channel("general");
    let files = [Attachment::new("brief.md", "Sum up")];
    let options = [("agent", "@a"), ("file", "brief.md")];
    let (_, asked) = tokio::join!(ada.types_with(&channel, "/job post", &options, &files), echo(&mut bot));
    let id = &asked["data"]["options"][0]["options"][1]["value"];
    let file = &asked["data"]["resolved"]["attachments"][text(id)];
    assert_eq!((&file["filename"], &file["size"]), (&json!("brief.md"), &json!(6)));
    let fetched = reqwest::get(text(&file["url"])).await.expect("it answers");
    assert_eq!(fetched.text().await.expect("a text"), "Sum up");
}

#[tokio::test]
async fn commands_are_used_in_dms_and_among_people() {
    let (discord, server, ada, mut bot) = scene().await;
    let options = [("agent", "@a")];
    let dm = ada.dm();
    let (shown, asked) = tokio::join!(ada.types(&dm, "/job post", &options), echo(&mut bot));
    assert_eq!(
        (&asked["context"], &asked["authorizing_integration_owners"]),
        (&json!(1), &json!({"0": "0"}))
    );
    assert!(asked["member"].is_null() && asked["user"]["username"] == "ada");
    assert_eq!(ada.dms()[0].id(), shown.message().id());
    let bob = discord.user("bob");
    let private = discord.private(&[&ada, &bob]);
    assert!(ada.try_types(&private, "/job post", &options, &[]).await.is_err(), "without the app");
    ada.installs_app();
    let (_, asked) = tokio::join!(ada.types(&private, "/job post", &options), echo(&mut bot));
    let owners = json!({"1": ada.id().to_string()});
    assert_eq!((&asked["context"], &asked["authorizing_integration_owners"]), (&json!(2), &owners));
    server.removes_bot();
    let channel = server.channel("general");
    let (_, asked) = tokio::join!(ada.types(&channel, "/job post", &options), echo(&mut bot));
    assert_eq!((&asked["context"], &asked["authorizing_integration_owners"]), (&json!(0), &owners));
    assert!(bob.try_types(&channel, "/job post", &options, &[]).await.is_err());
}

#[tokio::test]
async fn a_message_is_made_a_job_and_administrators_may_more() {
    let (discord, server, ada, mut bot) = scene().await;
    let channel = server.channel("general");
    let wish = ada.says(&channel, "Sum up this", &[]);
    let (shown, asked) = tokio::join!(ada.uses_on(&wish, "Make this a job"), echo(&mut bot));
    let target = text(&asked["data"]["target_id"]);
    assert_eq!(asked["data"]["resolved"]["messages"][target]["content"], "Sum up this");
    assert_eq!(shown.message().content(), "Yes");
    let bob = discord.user("bob");
    let (_, asked) = tokio::join!(ada.uses_on_user(&channel, &bob, "Ask"), echo(&mut bot));
    assert_eq!(asked["data"]["resolved"]["users"][text(&asked["data"]["target_id"])]["username"], "bob");
    server.grants(&ada, Permission::ManageGuild);
    let (_, asked) = tokio::join!(ada.types(&channel, "/admin", &[]), echo(&mut bot));
    assert_eq!(asked["data"]["name"], "admin");
}

#[tokio::test]
async fn what_only_one_sees_nobody_else_clicks() {
    let (discord, server, ada, mut bot) = scene().await;
    let channel = server.channel("general");
    let (shown, ()) = tokio::join!(ada.types(&channel, "/job post", &[("agent", "@a")]), async {
        let asked = bot.asked().await;
        let data = json!({"content": "Sure?", "flags": 64, "components": rows(&[button("Yes", "y", false)])});
        bot.answers(&asked, &json!({"type": 4, "data": data})).await;
    });
    let bob = discord.user("bob");
    assert!(bob.try_clicks(&shown.message(), "Yes").await.is_err());
    let (question, again) = (shown.message(), shown.clone());
    let (_, ()) = tokio::join!(ada.clicks(&question, "Yes"), async {
        echo(&mut bot).await;
        again.comes_again();
        let asked = bot.asked().await;
        assert_eq!(bot.answers(&asked, &message("Again")).await.refusal(), (400, 40_060));
    });
    assert_eq!(discord.take_complaints().len(), 1);
}

#[tokio::test]
async fn commands_that_discord_would_not_take_are_refused() {
    let (discord, _, _, bot) = scene().await;
    let path = format!("/applications/{APPLICATION}/commands");
    let option = |name: &str, required: bool| json!({"type": 3, "name": name, "description": "x", "required": required});
    let command = |options: Value| json!([{"name": "a", "description": "x", "options": options}]);
    let wrong = [
        json!([{"name": "Two Words", "description": "x"}]),
        json!([{"name": "a", "description": ""}]),
        json!([{"name": "a", "description": "x"}, {"name": "a", "description": "y"}]),
        command(json!([option("a", false), option("b", true)])),
        command(json!([option("a", false), {"type": 1, "name": "b", "description": "x"}])),
    ];
    for wrong in wrong {
        assert_eq!(bot.call(Method::PUT, &path, &wrong).await.refusal(), (400, 50_035), "{wrong}");
    }
    discord.take_complaints();
    let before = discord.commands();
    let mut same = commands();
    same[1]["description"] = Value::Null;
    same[2]["name_localizations"] = Value::Null;
    same[0]["options"][0]["options"][0]["max_value"] = Value::Null;
    let after = bot.call(Method::PUT, &path, &same).await.json;
    assert_eq!(after, Value::from(before), "the same commands keep ids and versions");
}
