//! Accounts on Discord: by which clock people live, and what they use of what they may.

use crate::bot_agents::ADDER;
use crate::cast::number_from;
use crate::chat::Chat;
use guildhall_protocol::account::{Limits, UserOrder};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::time::{Timestamp, parse_moment, zone};

#[tokio::test(flavor = "multi_thread")]
async fn clock_times_are_of_whoever_types_them() {
    let chat = Chat::open().await;
    let ada = chat.client("ada").await;
    let post = [("brief", "Say a number"), ("criteria", "valid JSON"), ("deadline", "18:00")];
    let told = chat.post(&ada, &[], &post).await;
    assert!(told.shows("/account timezone") && told.shows("When must it be done?"), "{told:?}");
    let told = ada.types(&chat.channel, "/job post", &[("deadline", "18:00")]).await.message();
    assert!(told.shows("/account timezone"), "it is said before somebody fills a form in: {told:?}");
    let told = ada.types(&chat.channel, "/account timezone", &[("zone", "Mars/Olympus")]).await;
    let told = told.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("is no time zone"), "{told:?}");
    let choices = ada.completes(&chat.channel, "/account timezone", "zone", "berl").await;
    assert!(choices.len() == 1 && choices[0].name.contains("now"), "{choices:?}");
    // Twice a year its clocks change.
    let told = ada.types(&chat.channel, "/account timezone", &[("zone", "europe/berlin")]).await;
    let told = told.until(|message| message.shows("where it is")).await;
    assert!(told.shows("Europe/Berlin"), "{told:?}");
    let berlin = zone("Europe/Berlin").expect("a zone");
    let before = Timestamp::now();
    let told = chat.post(&ada, &[], &post).await;
    let job = JobId(crate::chat::job_of(&told).parse().expect("a number"));
    let deadline = chat.place.until(job, |_| true).await.head.deadline;
    let expected = [before, Timestamp::now()].map(|now| parse_moment("18:00", now, &berlin).expect("a time"));
    assert!(expected.contains(&deadline), "{deadline} is none of {expected:?}");
    ada.types(&chat.channel, "/account timezone", &[("zone", "off")])
        .await
        .until(|message| message.shows("No time zone"))
        .await;

    // On the command line, too.
    chat.place.run(&["account", "timezone", "America/St_Johns"]).await;
    assert!(chat.place.run(&["account", "timezone"]).await.contains("America/St_Johns"));
    let before = Timestamp::now();
    let told = chat.place.run(&["job", "post", "Say a number", "--deadline", "18:00", "--json"]).await;
    let posted: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let job = JobId(posted["id"].as_i64().expect("a number"));
    let deadline = chat.place.until(job, |_| true).await.head.deadline;
    let there = zone("America/St_Johns").expect("a zone");
    let expected = [before, Timestamp::now()].map(|now| parse_moment("18:00", now, &there).expect("a time"));
    assert!(expected.contains(&deadline), "{deadline} is none of {expected:?}");
    let shown = chat.place.run(&["job", "show", &job.to_string()]).await;
    assert!(shown.contains("18:00:00"), "it is shown by the same clock: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_up_says_when_there_is_room() {
    let chat = Chat::open().await;
    let ada = chat.client("ada").await;
    let person = chat.person(&ada).await;
    let told = ada.types(&chat.channel, "/account usage", &[]).await.message();
    assert!(told.is_ephemeral() && told.shows("0 of 1000") && told.shows("0 of 100"), "{told:?}");
    let waits = JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let job = person.post(waits.clone()).await.expect("it is posted");
    let limits =
        Limits { open_jobs: Some(1), posts_per_minute: Some(1), stored_bytes: Some(10), agents: Some(0) };
    chat.place.order_user(person.user, UserOrder::Limit(limits)).await.expect("an admin may");
    person.post(waits).await.expect_err("it is one too many");
    let told = ada.types(&chat.channel, "/account usage", &[]).await.message();
    let deadline = chat.place.until(job, |_| true).await.head.deadline.0 / 1_000;
    let text = told.text();
    assert!(text.contains("have not ended: 1 of 1") && text.contains(&format!("<t:{deadline}:f>")), "{text}");
    assert!(text.contains("of 10; only an operator") && text.contains("0 of 0; none is allowed"), "{text}");
    let told = chat.register(&ada, &ADDER).await;
    assert!(told.shows("the most there may be") && told.has_button("Edit again"), "{told:?}");

    // An operator sees the same, and others nothing.
    let who = format!("discord:{}", ada.id());
    let told = chat.place.run(&["user", "usage", &who]).await;
    assert!(told.contains("Jobs that have not ended: 1 of 1; free when one ends"), "{told}");
    let own = chat.place.run(&["user", "usage"]).await;
    assert!(own.contains("no limit"), "{own}");
    let bob = chat.client("bob").await;
    let (other, user) = (chat.person(&bob).await, guildhall_protocol::account::UserRef::Number(person.user));
    let refused =
        other.client.call(|service, context| async move { service.usage(context, Some(user)).await });
    assert!(refused.await.is_err());
}
