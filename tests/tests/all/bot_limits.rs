//! The bot where something is scarce: Discord's rate limits, a daemon that hangs, places that others wait in.

use crate::cast::is;
use crate::chat::{Chat, NUMBER, is_card_of, job_of};
use crate::place::PATIENCE;
use guildhall_protocol::client::Client;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::Order;
use guildhall_tests::fake_discord::{Call, Door, Message, User, View};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const SEND: &str = "POST /channels/{channel_id}/messages";
/// Everybody may see it, and its client decides.
const REVIEWED: &[(&str, &str)] = &[("visibility", "Everybody here"), ("review", "Always")];
const EDIT: &str = "PATCH /channels/{channel_id}/messages/{message_id}";

impl Chat {
    /// Sends the daemon a signal, such as `STOP`: it is there, and does not answer.
    async fn signal_daemon(&self, signal: &str) {
        let daemon = self.place.daemon.as_ref().and_then(tokio::process::Child::id).expect("it runs");
        let done = Command::new("kill").arg(format!("-{signal}")).arg(daemon.to_string()).status().await;
        assert!(done.expect("it runs").success());
    }

    /// The daemon in somebody's name.
    fn known_as(&self, user: &User) -> Client {
        let identity = crate::people::acting_for(&format!("discord:{}", user.id()), None);
        self.place.client_with(&self.token, Some(identity))
    }

    /// What was leased when somebody died is free at once.
    async fn release(&self) {
        let bridge = self.place.client_with(&self.token, None);
        let released = bridge
            .call(|service, context| async move { service.release_leases(context, Channel::Discord).await });
        released.await.expect("a bridge may");
    }

    /// A job whose answer waits for its client.
    async fn in_review(&self, user: &User, options: &[(&str, &str)]) -> JobId {
        let number = job_of(&self.post(user, options, NUMBER).await);
        let job = JobId(number.parse().expect("a number"));
        self.place.until(job, is(JobState::InReview(Reviewer::Client))).await;
        self.channel.until(|message| is_card_of(&number)(message) && message.shows("review")).await;
        job
    }

    /// How often Discord refused with a code.
    fn refusals(&self, code: u32) -> usize {
        self.discord.calls().into_iter().filter(|call| call.code == Some(code)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_meets_discord_s_limits_and_nobody_is_lost() {
    let chat = Chat::open_with(&["user_posts_per_minute=1000"]).await;
    let _agent = chat.steady().await;
    let mut people = Vec::new();
    for number in 0..50 {
        people.push(chat.client(&format!("user{number}")).await);
    }
    for route in [SEND, EDIT] {
        chat.discord.limits(route, 10, Duration::from_secs(1));
    }
    chat.discord.limits_globally(50, Duration::from_secs(1));
    let blocked = Duration::from_secs(2);
    let mut forms = Vec::new();
    for user in &people {
        forms.push(user.types(&chat.channel, "/job post", &[]).await.modal());
    }
    chat.discord.limits_all_for(blocked);
    let posts = people.iter().zip(&forms).map(|(user, form)| user.fills(form, NUMBER));
    let mut numbers = BTreeSet::new();
    for shown in futures::future::join_all(posts).await {
        assert!(!shown.did_not_respond());
        let told = shown.until(|message| !message.text().is_empty()).await;
        assert!(told.shows("is posted") && told.shows("kept current"), "{told:?}");
        numbers.insert(job_of(&told));
    }
    assert_eq!((numbers.len(), chat.channel.messages().len()), (50, 50), "each has a job and a card");
    for number in numbers {
        let job = guildhall_protocol::ids::JobId(number.parse().expect("a number"));
        assert_eq!(chat.place.ended(job).await.head.state.known(), Some(&JobState::Completed));
    }
    let is_done = |message: &Message| message.shows("is done");
    for user in &people {
        user.until_dm(is_done).await;
    }
    for user in &people {
        assert_eq!(user.dms().into_iter().filter(is_done).count(), 1, "nobody is told twice");
    }
    let refused: Vec<Call> = chat.discord.calls().into_iter().filter(|call| call.status == 429).collect();
    // Those that were under way when it began, and none of those that it stopped.
    assert!((1..20).contains(&refused.len()), "{} were too many", refused.len());
    let (first, last) = (refused[0].at_ms, refused[refused.len() - 1].at_ms);
    assert!(last - first < 1_000, "nobody tried again before the time: {refused:?}");
    chat.until_counted(&format!("rate_limits_total{{kind=\"global\"}} {}", refused.len())).await;
    // Some were told before that nobody could take their job yet.
    let told: usize = people.iter().map(|user| user.dms().len()).sum();
    chat.until_counted(&format!("notices_total{{outcome=\"told\"}} {told}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_hangs_leaves_the_bot_answering_everybody() {
    let chat = Chat::open().await;
    let people: Vec<_> = (0..300).map(|number| chat.discord.user(&format!("user{number}"))).collect();
    let mut forms = Vec::new();
    for user in &people[..20] {
        forms.push(user.types(&chat.channel, "/job post", &[]).await.modal());
    }
    // What was said of these has changed: they come anew. The others have a connection that hangs.
    let role = chat.server.role("newcomers");
    for user in &people[..10] {
        chat.server.gives(user, role);
    }
    chat.signal_daemon("STOP").await;
    let posts = people.iter().zip(&forms).map(|(user, form)| user.fills(form, NUMBER));
    let others = people[20..].iter().map(|user| user.types(&chat.channel, "/job list", &[]));
    let (posts, others) = tokio::join!(futures::future::join_all(posts), futures::future::join_all(others));
    for shown in posts.iter().chain(&others) {
        assert!(matches!(shown.view(), View::Thinking | View::Message(_)), "{shown:?}");
    }
    // Whoever comes now waits behind nobody.
    let told = chat.discord.user("late").types(&chat.channel, "/help", &[]).await.message();
    assert!(told.shows("/job post"), "{told:?}");
    for shown in &others {
        shown.until(|message| message.shows("Nothing was changed: try again")).await;
    }
    for shown in &posts[..10] {
        let told = shown.until(|message| message.shows("Nothing was changed: try again")).await;
        assert_eq!(told.files().len(), 1, "what was typed is not lost");
    }
    chat.signal_daemon("CONT").await;
    for shown in &posts[10..] {
        // What they sent is answered as ever.
        shown.until(|message| message.shows("Before your first post")).await;
    }
    let listed = people[299].types(&chat.channel, "/job list", &[]).await;
    listed.until(|message| message.shows("There is no job of yours")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_not_said_to_be_nothing() {
    let mut chat = Chat::open().await;
    let ada = chat.client("ada").await;
    let form = ada.types(&chat.channel, "/job post", &[]).await.modal();
    let agent = ada.types(&chat.channel, "/agent register", &[]).await.modal();
    // The daemon has what is asked of it, and dies before it says what came of it.
    chat.signal_daemon("STOP").await;
    let posted = ada.fills(&form, NUMBER).await;
    chat.place.kill().await;
    let told = posted.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("may have been posted") && told.files().len() == 1, "{told:?}");
    assert!(!told.shows("Nothing was"), "nobody knows that: {told:?}");
    let told =
        ada.fills(&agent, &[("name", "@a"), ("description", "a"), ("endpoint", "https://a.example")]).await;
    let told = told.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("Nothing was"), "it was not asked at all: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_changed_too_often_is_replaced() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let job = chat.in_review(&ada, REVIEWED).await;
    let old = chat.channel.until(is_card_of(&job.0.to_string())).await;
    chat.discord.refuses_next(EDIT, 1, 400, 30_046);
    ada.clicks(&old, "Accept").await.until(|message| message.shows("is accepted")).await;
    let new = chat.channel.until(|message| message.shows("completed")).await;
    assert_ne!(new.id(), old.id());
    chat.discord.until("the old card goes", || chat.channel.messages().len() == 1).await;
    assert_eq!(chat.refusals(30_046), 1, "it is not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_in_a_thread_that_sleeps_wakes_it_and_one_that_is_locked_goes_on_elsewhere() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    for is_locked in [false, true] {
        let form = ada.types(&chat.channel, "/job post", REVIEWED).await.modal();
        let told = ada.fills(&form, NUMBER).await.until(|message| message.shows("is posted")).await;
        let card = chat.channel.until(is_card_of(&job_of(&told))).await;
        let clicked = ada.clicks(&card, "Open a thread").await;
        clicked.until(|message| message.shows("is told in")).await;
        let thread = chat.channel.until_thread(&format!("Job #{}", job_of(&told))).await;
        let form = ada.types(&thread, "/job post", REVIEWED).await.modal();
        let told = ada.fills(&form, NUMBER).await.until(|message| message.shows("is posted")).await;
        let is_card = is_card_of(&job_of(&told));
        let card = thread.until(|message| is_card(message) && message.has_button("Accept")).await;
        assert!(!card.has_button("Open a thread"), "a thread has none");
        let asked = ada.until_dm(|message| message.has_button("Accept") && is_card(message)).await;
        if is_locked {
            thread.is_locked();
        } else {
            thread.is_closed();
        }
        ada.clicks(&asked, "Accept").await.until(|message| message.shows("is accepted")).await;
        if is_locked {
            ada.until_dm(|message| message.content().is_empty() && is_card(message)).await;
        } else {
            thread.until(|message| is_card(message) && message.shows("completed")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_cannot_be_changed_is_given_up() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let job = chat.in_review(&ada, REVIEWED).await;
    chat.stop_bot().await;
    let client = chat.known_as(&ada);
    let ordered = client.call(|service, context| async move {
        service.order(context, RequestId::fresh(), job, Order::of(JobAction::Accept)).await
    });
    ordered.await.expect("it is hers");
    let bridge = chat.place.client_with(&chat.token, None);
    let lease = || {
        bridge.call(
            |service, context| async move { service.lease_surfaces(context, Channel::Discord, 9).await },
        )
    };
    chat.release().await;
    for tries in 1..8 {
        let mut leased = lease().await.expect("a bridge may");
        while leased.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            leased = lease().await.expect("a bridge may");
        }
        assert_eq!((leased.len(), leased[0].tries), (1, tries));
        let (id, lease, shown) = (leased[0].id, leased[0].lease, leased[0].shown);
        let settled = bridge.call(|service, context| async move {
            service.settle_surface(context, id, lease, Some(shown), 0).await
        });
        settled.await.expect("it is leased");
    }
    chat.discord.refuses_next(EDIT, 100, 400, 50_000);
    chat.start_bot().await;
    let is_card = is_card_of(&job.0.to_string());
    ada.until_dm(|message| message.content().is_empty() && is_card(message) && message.shows("completed"))
        .await;
    chat.place.until_met(|| chat.refusals(50_000) == 1).await;
    let direct = ada.dm().id().to_string();
    loop {
        let known = client
            .call(|service, context| async move { service.surfaces(context, job, Channel::Discord).await });
        let known = known.await.expect("it is hers");
        if known.len() == 1 && known[0].contains(&direct) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_client_is_not_known_here_shows_what_anybody_sees() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let job = chat.in_review(&ada, REVIEWED).await;
    chat.place.hand_over(job).await;
    chat.release().await;
    chat.place.order(job, JobAction::Cancel, None).await.expect("an operator may");
    let card = chat.channel.until(|message| message.shows("canceled")).await;
    assert!(!card.shows("42") && !card.has_button("Accept"), "{card:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_no_direct_messages_is_remembered_and_told_once() {
    remembered_and_told_once(50_007).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_nothing_in_common_with_the_bot_is_remembered_and_told_once() {
    remembered_and_told_once(50_278).await;
}

/// Whom Discord refuses direct messages with this code is told elsewhere, and hears of it once.
async fn remembered_and_told_once(code: u32) {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    ada.closes_dms_as(code);
    let news = |number: String| {
        move |message: &Message| {
            message.pings() == ["ada"] && message.shows(&format!("news of job #{number}"))
        }
    };
    let number = job_of(&chat.post(&ada, &[], NUMBER).await);
    chat.channel.until(news(number)).await;
    assert_eq!(chat.refusals(code), 1);
    chat.until_counted("notices_total{outcome=\"elsewhere\"} 1").await;
    // In good order: what was told is said to be.
    chat.stop_bot().await;
    chat.start_bot().await;
    let told = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(told.shows("Direct messages do not reach you"), "{told:?}");
    let told = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(!told.shows("Direct messages do not reach you"), "once is enough: {told:?}");
    ada.opens_dms();
    // The agent is quicker than Discord: there is no card yet when there is news.
    chat.discord.set_latency(Duration::from_millis(300));
    let number = job_of(&chat.post(&ada, &[], NUMBER).await);
    chat.channel.until(news(number)).await;
    assert_eq!(chat.refusals(code), 1, "nobody tries again so soon");
    chat.discord.set_latency(Duration::ZERO);
    chat.place.let_pass(2).await;
    chat.post(&ada, &[], NUMBER).await;
    ada.until_dm(|message| message.shows("is done")).await;
}

/// Ends a bot as a service manager does, and looks that it takes no longer than one may wait.
async fn ends_in_time(mut bot: Child, what: &str) {
    let id = bot.id().expect("it runs").to_string();
    let asked = Instant::now();
    assert!(Command::new("kill").arg(id).status().await.expect("it runs").success());
    let ended = tokio::time::timeout(PATIENCE, bot.wait()).await.expect("it ends").expect("it ran");
    let took = asked.elapsed();
    assert!(ended.success() && took < Duration::from_secs(3), "{what}: {ended:?} after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_no_gateway_serves_ends_in_time() {
    let mut chat = Chat::open().await;
    chat.kill_bot().await;
    for door in [Door::Shut, Door::Silent] {
        chat.discord.sets_door(door);
        let arrivals = chat.discord.arrivals();
        let bot = chat.bot_command().spawn().expect("it starts");
        chat.discord.until("it comes to the gateway", || chat.discord.arrivals() > arrivals).await;
        ends_in_time(bot, &format!("{door:?}")).await;
    }
    chat.discord.sets_door(Door::Open);
    chat.start_bot().await;
    chat.discord.leave().await;
    let bot = chat.bot.take().expect("it runs");
    ends_in_time(bot, "a Discord that is gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_be_told_nowhere_hears_of_it_at_the_next_command() {
    let mut chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let listed = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(!listed.shows("Direct messages do not reach you"), "{listed:?}");
    chat.server.removes_bot();
    ada.installs_app();
    ada.closes_dms();
    chat.post(&ada, &[], NUMBER).await;
    chat.until_counted("notices_total{outcome=\"closed\"} 1").await;
    let told = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(told.shows("Direct messages do not reach you"), "{told:?}");
    // It is said once, by this bot or by another.
    chat.kill_bot().await;
    chat.start_bot().await;
    let told = ada.types(&chat.channel, "/job list", &[]).await.message();
    assert!(!told.shows("Direct messages do not reach you"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_long_after_puts_no_second_card() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.client("ada").await;
    let form = ada.types(&chat.channel, "/job post", &[("preview", "true")]).await.modal();
    let shown = ada.fills(&form, NUMBER).await.until(|message| message.has_button("Post it")).await;
    let first = ada.clicks(&shown, "Post it").await.until(|message| message.shows("is posted")).await;
    // Discord forgets a nonce after some minutes.
    chat.discord.passes(Duration::from_mins(10));
    let second = ada.clicks(&shown, "Post it").await.until(|message| message.shows("is posted")).await;
    assert_eq!(job_of(&first), job_of(&second));
    assert!(second.shows("kept current"), "{second:?}");
    let is_card = is_card_of(&job_of(&first));
    assert_eq!(chat.channel.messages().iter().filter(|message| is_card(message)).count(), 1);
    let shown = ada.types(&chat.channel, "/job show", &[("job", &job_of(&first))]).await;
    let shown = shown.until(|message| message.has_button("Put the card here")).await;
    ada.clicks(&shown, "Put the card here").await.until(|message| message.shows("is here")).await;
    assert_eq!(chat.channel.messages().iter().filter(|message| is_card(message)).count(), 1);
}
