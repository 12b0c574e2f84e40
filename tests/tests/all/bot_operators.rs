//! Operators of a server: what a role lets them do, and what comes to their channel.

use crate::bot_places::ALERTS;
use crate::cast::number_from;
use crate::chat::{Chat, is_card_of, job_of, plain};
use crate::people::acting_for;
use guildhall_protocol::account::Role;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::notice::{Channel, NoticeOutcome};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::Order;
use guildhall_tests::fake_discord::{Message, User};
use serde_json::json;

const OPERATORS: &str = "Operators: members of this role";

#[tokio::test(flavor = "multi_thread")]
async fn operators_of_a_server_see_and_steer_its_jobs_only() {
    let chat = Chat::open_up_to(Role::Operator, &[]).await;
    let (ada, bob, olga) = (chat.manager("ada").await, chat.client("bob").await, chat.client("olga").await);
    let keepers = chat.server.role("keepers");
    chat.server.gives(&olga, keepers);
    let told = chat.post(&bob, &[], &[("brief", "Nobody can do this")]).await;
    let number = job_of(&told);
    let elsewhere = chat.place.post(number_from(&[])).await.expect("it is posted");
    assert!(chat.answered(&olga, "/queue", &[]).await.shows("No job is open"), "she is nobody yet");
    let shown = chat.people(&ada).await;
    let everybody = chat.server.id().to_string();
    let told = ada.selects(&shown, OPERATORS, &[&everybody]).await;
    let told = told.until(|message| message.shows("choose a role that few have")).await;
    let told = ada.selects(&told, OPERATORS, &[&keepers.id().to_string()]).await;
    told.until(|message| message.shows(&format!("Operators of jobs here: <@&{}>", keepers.id()))).await;

    let listed = chat.answered(&olga, "/queue", &[]).await;
    assert!(listed.shows("Nobody can do this") && !listed.shows(&format!("#{}", elsewhere.0)), "{listed:?}");
    let refused = chat.answered(&olga, "/job show", &[("job", &elsewhere.0.to_string())]).await;
    assert!(refused.shows("there is no job"), "{refused:?}");
    let other = chat.discord.server("Another guild").channel("jobs");
    let listed = olga.types(&other, "/queue", &[]).await.until(|message| !message.text().is_empty()).await;
    assert!(listed.shows("No job is open"), "her role is of another server: {listed:?}");
    let asked = olga.types(&chat.channel, "/job cancel", &[("job", &number)]).await.message();
    olga.clicks(&asked, "Call it off").await.until(|message| message.shows("is called off")).await;
    // Without the role she is nobody, at once.
    chat.server.takes(&olga, keepers);
    assert!(chat.answered(&olga, "/queue", &[]).await.shows("No job is open"));
    let told = chat.people(&ada).await;
    ada.clicks(&told, "No operators").await.until(|message| message.shows("those of the marketplace")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_below_an_operator_makes_none() {
    let chat = Chat::open().await;
    let ada = chat.manager("ada").await;
    let keepers = chat.server.role("keepers");
    let shown = chat.people(&ada).await;
    let told = ada.selects(&shown, OPERATORS, &[&keepers.id().to_string()]).await;
    let told = told.until(|message| message.shows("acts up to owner")).await;
    assert!(told.shows("operator") && told.shows("those of the marketplace"), "nothing is saved: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_notices_of_a_server_come_to_its_alert_channel() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.manager("ada").await, chat.client("bob").await);
    let alerts = chat.server.channel("alerts");
    let shown = chat.setup(&ada).await;
    ada.selects(&shown, ALERTS, &[&alerts.id().to_string()])
        .await
        .until(|message| message.shows("It counts"))
        .await;
    let number = chat.disputed(&bob).await;
    let told =
        alerts.until(|message| message.shows(&format!("#{number} waits for an operator's decision"))).await;
    assert!(told.pings().is_empty() && !told.shows("secret"), "{told:?}");
    assert_eq!(told.raw()["mention_roles"], json!([]));
    // The button shows it to whoever may see it.
    let shown = ada.clicks(&told, "Show me").await.until(|message| !message.text().is_empty()).await;
    assert!(shown.is_ephemeral() && shown.shows("there is no job"), "{shown:?}");
    // Whoever runs the marketplace is told all the same.
    chat.place.until_noticed("review_wanted").await;

    // Told once, whoever dies.
    chat.stop_bot().await;
    let job = chat.disputed_behind_the_bot(&bob).await;
    let bridge = chat.place.client_with(&chat.token, None);
    let leased = bridge
        .call(|service, context| async move { service.lease_alerts(context, Channel::Discord, 9).await });
    let leased = leased.await.expect("it is a bridge");
    assert_eq!(leased.len(), 1, "{leased:?}");
    chat.place.kill().await;
    chat.place.start().await;
    chat.start_bot().await;
    let is_it = |message: &Message| message.shows(&format!("#{job} waits for an operator's decision"));
    alerts.until(is_it).await;
    assert_eq!(alerts.messages().iter().filter(|message| is_it(message)).count(), 1);
    let (id, lease) = (leased[0].id, leased[0].lease);
    let late = bridge.call(|service, context| async move {
        service.settle_alert(context, id, lease, NoticeOutcome::Taken, String::new()).await
    });
    late.await.expect_err("its lease is over");

    // A channel that is gone: nothing is held up, and whoever manages the server sees it.
    alerts.goes();
    chat.disputed(&bob).await;
    chat.place.until_met(|| chat.open_alerts() == 0).await;
    let shown = chat.setup(&ada).await;
    assert!(shown.shows("do not see the channel for alerts"), "{shown:?}");
    ada.clicks(&shown, "No alerts").await.until(|message| message.shows("told directly")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_decides_a_dispute_in_direct_messages_and_its_client_hears_of_it() {
    let chat = Chat::open_up_to(Role::Operator, &[]).await;
    let _agent = chat.steady().await;
    let (bob, olga) = (chat.client("bob").await, chat.client("olga").await);
    chat.place.run(&["user", "grant", &format!("discord:{}", olga.id()), "operator"]).await;
    let number = chat.disputed(&bob).await;
    let is_wanted = |message: &Message| {
        message.has_button("Accept") && message.shows(&format!("The answer to job {number} "))
    };
    let asked = olga.until_dm(is_wanted).await;
    assert!(asked.shows("waits for your decision") && asked.shows("42"), "she sees it: {asked:?}");
    assert!(asked.shows("It is none"), "and why she is asked: {asked:?}");
    assert!(!asked.has_button("Ask an operator"), "she is one: {asked:?}");

    // Beside it, she sees the same in the server, and others do not.
    let row = format!("#{number}");
    let listed = chat.answered(&olga, "/queue", &[]).await;
    assert!(listed.is_ephemeral() && listed.shows("Open jobs") && listed.shows(&row), "{listed:?}");
    let waiting = chat.answered(&olga, "/inbox", &[]).await;
    assert!(waiting.shows("For operators") && waiting.shows(&row), "{waiting:?}");
    let status = plain(&chat.answered(&olga, "/status", &[]).await);
    assert!(status.contains("1 of 1 agents are active") && status.contains("in_review 1"), "{status}");
    let eve = chat.client("eve").await;
    assert!(chat.answered(&eve, "/queue", &[]).await.shows("No job is open"));

    // She sends it back: its client is asked about the next answer, and asks her again.
    let form = olga.clicks(&asked, "Request changes").await.modal();
    let told = olga.fills(&form, &[("reason", "Say a real one")]).await;
    told.until(|message| message.shows("goes back to its agent")).await;
    chat.asks_an_operator(&bob, &number, 2).await;
    let again = olga.until_dm(|message| is_wanted(message) && message.id() != asked.id()).await;

    // She accepts: it ends, and its client hears of that though they did nothing.
    olga.clicks(&again, "Accept").await.until(|message| message.shows("is accepted")).await;
    let told = bob.until_dm(|message| message.shows("is done")).await;
    assert!(told.shows(&format!("Your job {number} ")) && told.shows("42"), "{told:?}");
    chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    assert!(chat.answered(&olga, "/queue", &[]).await.shows("No job is open"));
}

impl Chat {
    /// A job of somebody who is not content with its first answer: it waits for an operator.
    async fn disputed(&self, user: &User) -> String {
        let told = self.post(user, &[("review", "Always")], &[("brief", "Say a secret")]).await;
        let number = job_of(&told);
        self.asks_an_operator(user, &number, 1).await;
        number
    }

    /// Disputes the newest answer: the so manieth of this job about which they were asked. What was decided is not asked any more.
    async fn asks_an_operator(&self, user: &User, number: &str, times: usize) {
        let is_asked =
            |message: &Message| message.has_button("Ask an operator") && message.shows(&format!("#{number}"));
        let all = || user.dms().into_iter().filter(is_asked);
        let went_on = format!("Job #{number} went on");
        let decided = || user.dms().into_iter().filter(|message| message.shows(&went_on)).count();
        user.until_dm(|_| all().count() == 1 && decided() + 1 == times).await;
        let asked = all().next_back().expect("it came");
        let form = user.clicks(&asked, "Ask an operator").await.modal();
        let told = user.fills(&form, &[("reason", "It is none")]).await;
        told.until(|message| message.shows("waits for an operator")).await;
    }

    /// Alerts that are not told yet.
    fn open_alerts(&self) -> i64 {
        let count = self.place.store().query_row("SELECT count(*) FROM alerts", [], |row| row.get(0));
        count.expect("a count")
    }

    /// A job of somebody in the server that waits for an operator, while no bot runs.
    async fn disputed_behind_the_bot(&self, user: &User) -> i64 {
        let server = format!("discord:{}", self.server.id());
        let here = acting_for(&format!("discord:{}", user.id()), Some((&server, Role::Client)));
        let person = self.place.person_behind(&self.token, here).await;
        let draft = JobDraft { review: Review::Always, ..number_from(&["@steady"]) };
        let job = person.post(draft).await.expect("it is posted");
        self.place.until(job, |state| *state == JobState::InReview(Reviewer::Client)).await;
        let order = Order { text: Some("It is none".to_owned()), ..Order::of(JobAction::Dispute) };
        let request = RequestId::fresh();
        let ordered = person
            .client
            .call(|service, context| async move { service.order(context, request, job, order).await });
        ordered.await.expect("it is theirs");
        job.0
    }
}
