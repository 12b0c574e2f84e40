//! The stories of Discord: a client's, an owner's, and what goes wrong, from the slash command to the direct message, through
//! the real bot and the real daemon.

use crate::cast::{is, number_from};
use crate::chat::{Chat, NUMBER, is_card_of, job_of};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::notice::{Channel, NoticeKind, NoticeOutcome, NoticeView};
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::PageRequest;
use guildhall_tests::fake_discord::{Message, Modal};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_posts_reads_and_never_sees_a_daemon() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.discord.user("ada");

    // The first post waits for consent, and nothing that was typed is lost by that.
    let told = chat.post(&ada, &[], &[("brief", "Say a number"), ("criteria", "valid JSON")]).await;
    assert!(told.shows("who receives its text") && told.files().len() == 1, "{told:?}");
    let told = ada
        .clicks(&told, "I have read it: post my job")
        .await
        .until(|message| message.shows("is posted"))
        .await;
    let number = job_of(&told);
    let card = chat.channel.until(is_card_of(&number)).await;
    assert!(!card.text().contains("Say a number"), "a private job's card tells nothing: {}", card.text());
    chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    let told = ada.until_dm(|message| message.shows("is done")).await;
    assert!(told.shows("42"), "{told:?}");

    // Whoever clicks on the card sees what they may see.
    let shown = ada.clicks(&card, "Show me").await.until(|message| message.shows("Say a number")).await;
    assert!(shown.is_ephemeral() && shown.shows("42"), "{shown:?}");
    let bob = chat.discord.user("bob");
    let shown = bob.clicks(&card, "Show me").await.until(|message| !message.text().is_empty()).await;
    assert!(
        shown.is_ephemeral() && !shown.shows("Say a number") && shown.shows("there is no job"),
        "{shown:?}"
    );
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(listed.shows("Say a number") && listed.is_ephemeral());
    // Whoever wants the card elsewhere asks for it there.
    let other = chat.server.channel("other");
    let shown = ada.types(&other, "/job show", &[("job", &number)]).await;
    let shown = shown.until(|message| message.has_button("Put the card here")).await;
    ada.clicks(&shown, "Put the card here").await.until(|message| message.shows("is here")).await;
    let card = other.until(is_card_of(&number)).await;
    assert!(!card.text().contains("Say a number"), "it tells nothing there either: {}", card.text());
    let choices = ada.completes(&chat.channel, "/job show", "job", "num").await;
    assert_eq!(choices.len(), 1, "{choices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_what_waits_and_what_is_chosen_in_it_can_be_decided() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let nothing = ada.types(&chat.channel, "/inbox", &[]).await;
    nothing.until(|message| message.shows("Nothing waits for you")).await;
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let told = chat.post(&ada, &[("review", "Always")], &[("brief", "Say a number")]).await;
        numbers.push(job_of(&told));
        ada.until_dm(|message| message.shows(&format!("job {}", numbers[numbers.len() - 1]))).await;
    }
    let inbox = ada.types(&chat.channel, "/inbox", &[]).await;
    let inbox = inbox.until(|message| message.shows("For you")).await;
    assert!(
        inbox.is_ephemeral() && numbers.iter().all(|number| inbox.shows(&format!("#{number}"))),
        "{inbox:?}"
    );
    let value = format!("job:{}", numbers[1]);
    let shown = ada.selects(&inbox, "Show one of them, with its buttons", &[&value]).await;
    let shown = shown.until(|message| message.has_button("Accept")).await;
    assert!(shown.shows(&format!("Job #{}", numbers[1])), "{shown:?}");
    ada.clicks(&shown, "Accept").await.until(|message| message.shows("is accepted")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_decides_by_buttons_once() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[("review", "Always")], &[("brief", "Say a number")]).await;
    let number = job_of(&told);
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    assert!(asked.shows("42"), "{asked:?}");
    let form: Modal = ada.clicks(&asked, "Request changes").await.modal();
    let told = ada
        .fills(&form, &[("reason", "It is too small")])
        .await
        .until(|message| message.shows("goes back"))
        .await;
    assert!(told.is_ephemeral());
    // What was decided is not offered any more.
    let is_over = |asked: &Message| {
        let id = asked.id();
        move |message: &Message| {
            message.id() == id && message.shows("went on") && !message.has_button("Accept")
        }
    };
    ada.until_dm(is_over(&asked)).await;
    let again = ada.until_dm(|message| message.has_button("Accept") && message.id() != asked.id()).await;
    let card = ada.types(&chat.channel, "/job show", &[("job", &number)]).await;
    let card = card.until(|message| message.has_button("Accept")).await;
    let shown = ada.clicks(&card, "Accept").await;
    shown.until(|message| message.shows("is accepted")).await;
    // The button elsewhere is stale: nothing happens by it, and it goes, too.
    let stale = ada.clicks(&again, "Accept").await.until(|message| !message.text().is_empty()).await;
    assert!(stale.has_button("Show it"), "{stale:?}");
    ada.until_dm(is_over(&again)).await;
    // The same interaction once more is the same request, and Discord has its answer already.
    shown.comes_again();
    chat.place.until_met(|| !chat.discord.take_complaints().is_empty()).await;
    let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
    let story = chat.place.ended(job).await;
    assert_eq!(story.head.state.known(), Some(&JobState::Completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_hears_of_an_assignment() {
    let mut chat = Chat::open().await;
    let agent = chat.steady().await;
    let owen = chat.client("owen").await;
    let identity = crate::people::acting_for(&format!("discord:{}", owen.id()), None);
    let user =
        chat.place.client_with(&chat.token, Some(identity)).principal().await.expect("they are let in").user;
    chat.place.give_to("@steady", user).await;
    chat.place.post(number_from(&["@steady"])).await.expect("it is posted");
    let told = owen.until_dm(|message| message.shows("steady got job")).await;
    let told = owen.clicks(&told, "No more of these").await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("not told of"), "{told:?}");
    let told = owen.clicks(&told, "Tell me again").await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("You are told of"), "{told:?}");
    let paused = owen.types(&chat.channel, "/agent pause", &[("agent", "@steady")]).await;
    paused.until(|message| message.shows("paused")).await;
    let asked = owen.types(&chat.channel, "/agent retire", &[("agent", "@steady")]).await.message();
    owen.clicks(&asked, "Leave it").await.until(|message| message.shows("It is left as it is")).await;
    let ada = chat.discord.user("ada");
    let hers = ada.types(&chat.channel, "/agent retire", &[("agent", "@steady")]).await.message();
    let told = ada.clicks(&hers, "Retire it").await.until(|message| !message.text().is_empty()).await;
    assert!(!told.shows("is retired"), "it is not hers: {told:?}");
    let asked = owen.types(&chat.channel, "/agent retire", &[("agent", "@steady")]).await.message();
    owen.clicks(&asked, "Retire it").await.until(|message| message.shows("retired")).await;
    chat.place.until_agent("steady", AgentState::Retired).await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_either_loses_nothing_and_buttons_work_on() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let told = chat.post(&ada, &[("review", "Always")], &[("brief", "Say a number")]).await;
    let job = guildhall_protocol::ids::JobId(job_of(&told).parse().expect("a number"));
    chat.place.until(job, is(JobState::InReview(guildhall_protocol::state::Reviewer::Client))).await;
    let asked = ada.until_dm(|message| message.has_button("Accept")).await;
    chat.kill_bot().await;
    chat.place.kill().await;
    chat.place.start().await;
    chat.start_bot().await;
    ada.clicks(&asked, "Accept").await.until(|message| message.shows("is accepted")).await;
    chat.channel.until(|message| message.shows("completed")).await;
    chat.stop_bot().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_arrives_once_whoever_dies() {
    // More of a kind within a minute would be told as one.
    const JOBS: usize = 5;
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let owen = chat.client("owen").await;
    let identity = crate::people::acting_for(&format!("discord:{}", owen.id()), None);
    let client = chat.place.client_with(&chat.token, Some(identity));
    let user = client.principal().await.expect("they are let in").user;
    let person = crate::people::Person { client, user };
    for round in 0..JOBS {
        let job = person.post(number_from(&["@steady"])).await.expect("it is posted");
        if round % 2 == 0 {
            // At some moment between the lease and the acknowledgment, or before, or after.
            chat.place.ended(job).await;
        }
        chat.kill_bot().await;
        if round % 2 == 1 {
            chat.place.kill().await;
            chat.place.start().await;
        }
        chat.start_bot().await;
    }
    let is_done = |message: &Message| message.shows("is done");
    let told = || owen.dms().into_iter().filter(is_done).map(|message| job_of(&message));
    let all = |told: &[String]| told.iter().collect::<std::collections::BTreeSet<_>>().len() == JOBS;
    owen.until_dm(|_| all(&told().collect::<Vec<_>>())).await;
    let told: Vec<String> = told().collect();
    assert_eq!(told.len(), JOBS, "nobody is told twice: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_together_names_every_job() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let owen = chat.client("owen").await;
    chat.stop_bot().await;
    let identity = crate::people::acting_for(&format!("discord:{}", owen.id()), None);
    let client = chat.place.client_with(&chat.token, Some(identity));
    let user = client.principal().await.expect("they are let in").user;
    let person = crate::people::Person { client, user };
    for _ in 0..3 {
        let job = person.post(number_from(&["@steady"])).await.expect("it is posted");
        chat.place.ended(job).await;
    }
    let bridge = chat.place.client_with(&chat.token, None);
    let lease = || {
        bridge
            .call(|service, context| async move { service.lease_notices(context, Channel::Discord, 9).await })
    };
    let alone = lease().await.expect("they are due");
    assert_eq!(alone.len(), 3);
    // Discord took none of them: they come again together.
    for leased in alone {
        let (id, lease) = (leased.notice.id, leased.lease);
        let settled = bridge.call(|service, context| async move {
            service
                .settle_notices(context, vec![id], lease, NoticeOutcome::Later, "no answer".to_owned())
                .await
        });
        settled.await.expect("it is leased");
    }
    chat.start_bot().await;
    let told = owen.until_dm(|message| message.shows("of your jobs are done")).await;
    assert!(["3 of your", "#1", "#2", "#3"].iter().all(|part| told.shows(part)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_replayed_is_told_again_at_once() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    chat.post(&ada, &[], NUMBER).await;
    let told = ada.until_dm(|message| message.shows("is done")).await;
    let operator = &chat.place.client;
    let page = PageRequest { after: None, limit: 50 };
    let done = || async {
        let notices =
            operator.call(|service, context| async move { service.notices(context, true, page).await });
        let notices = notices.await.expect("they are listed").rows;
        let is_done = |notice: &NoticeView| notice.kind.known() == Some(&NoticeKind::JobCompleted);
        notices.into_iter().find(|notice| is_done(notice) && notice.acknowledged_at.is_some())
    };
    let id = loop {
        if let Some(notice) = done().await {
            break notice.id;
        }
        tokio::task::yield_now().await;
    };
    let replayed = operator
        .call(|service, context| async move { service.replay_notice(context, RequestId::fresh(), id).await });
    replayed.await.expect("it is replayed");
    ada.until_dm(|message| message.shows("is done") && message.id() != told.id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_stay_out_of_direct_messages_of_others_and_health_says_when_discord_is_gone() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.client("ada").await, chat.discord.user("bob"));
    ada.installs_app();
    let private = chat.discord.private(&[&ada, &bob]);
    let form = ada.types(&private, "/job post", &[]).await.modal();
    let told = ada.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    ada.until_dm(is_card_of(&job_of(&told))).await;
    assert!(!private.messages().iter().any(is_card_of(&job_of(&told))), "bob reads there, too");

    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("http://127.0.0.1:{}/healthz", chat.health_port);
    let says = |wanted: &'static str| {
        let url = url.clone();
        async move {
            loop {
                let told = reqwest::get(&url).await.expect("it listens").text().await.expect("text");
                if told.contains(wanted) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let in_time = |wanted| tokio::time::timeout(crate::place::PATIENCE, says(wanted));
    chat.discord.leave().await;
    in_time("not connected").await.expect("it notices that");
    chat.discord.come_back().await;
    in_time("ok").await.expect("it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_people_are_told_that_nothing_happened() {
    let mut chat = Chat::open().await;
    let ada = chat.client("ada").await;
    chat.place.stop().await;
    let told = chat.post(&ada, &[], &[("brief", "Say a number")]).await;
    assert!(told.shows("Nothing was") && told.files().len() == 1, "{told:?}");
    chat.place.start().await;
    let _agent = chat.steady().await;
    chat.post(&ada, &[], NUMBER).await;
    ada.until_dm(|message| message.shows("is done")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_doors_and_lost_cards_hold_nobody_up() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.client("ada").await, chat.client("bob").await);
    ada.closes_dms();
    let told = chat.post(&ada, &[], NUMBER).await;
    let number = job_of(&told);
    chat.channel.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    // A card that somebody deletes goes on in direct messages.
    let told = chat.post(&bob, &[("review", "Always")], NUMBER).await;
    let number = job_of(&told);
    let card = chat.channel.until(|message| is_card_of(&number)(message) && message.shows("review")).await;
    let asked = bob.until_dm(|message| message.has_button("Accept")).await;
    chat.channel.loses(&card);
    bob.clicks(&asked, "Accept").await.until(|message| message.shows("is accepted")).await;
    let is_card = |message: &Message| message.content().is_empty() && is_card_of(&number)(message);
    bob.until_dm(|message| is_card(message) && message.shows("completed")).await;
    // Where no card can be posted, direct messages take it.
    chat.server.removes_bot();
    bob.installs_app();
    let told = chat.post(&bob, &[], NUMBER).await;
    assert!(told.shows("told by direct message"), "{told:?}");
    bob.until_dm(is_card_of(&job_of(&told))).await;
    bob.until_dm(|message| message.shows("is done")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_answered_all_the_same() {
    let chat = Chat::open().await;
    let ada = chat.client("ada").await;
    chat.discord.drops_connection();
    chat.discord.until_connected().await;
    let told = ada.types(&chat.channel, "/help", &[]).await.message();
    assert!(told.shows("/job post"), "{told:?}");
    for (path, wanted) in [("healthz", "ok"), ("metrics", "guildhall_bot_interactions_total 1")] {
        let told = chat.served(path).await;
        assert!(told.contains(wanted), "{path}: {told}");
    }
    let (mut second, home) = (chat.bot_command(), chat.home.path());
    let output = second.env("HOME", home).output().await.expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("runs on this machine already"), "{told}");
}
