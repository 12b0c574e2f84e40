//! The bot where something is scarce: Discord's rate limits, a daemon that hangs, places that others wait in.

use crate::chat::{Chat, NUMBER, job_of};
use guildhall_protocol::state::JobState;
use guildhall_tests::fake_discord::{Call, Message, View};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::process::Command;

const SEND: &str = "POST /channels/{channel_id}/messages";
const EDIT: &str = "PATCH /channels/{channel_id}/messages/{message_id}";

impl Chat {
    /// Sends the daemon a signal, such as `STOP`: it is there, and does not answer.
    async fn signal_daemon(&self, signal: &str) {
        let daemon = self.place.daemon.as_ref().and_then(tokio::process::Child::id).expect("it runs");
        let done = Command::new("kill").arg(format!("-{signal}")).arg(daemon.to_string()).status().await;
        assert!(done.expect("it runs").success());
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_hangs_leaves_the_bot_answering_everybody() {
    let chat = Chat::open().await;
    let people: Vec<_> = (0..300).map(|number| chat.discord.user(&format!("user{number}"))).collect();
    let mut forms = Vec::new();
    for user in &people[..20] {
        forms.push(user.types(&chat.channel, "/job post", &[]).await.modal());
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
    for shown in &posts {
        let told = shown.until(|message| message.shows("Nothing was changed: try again")).await;
        assert_eq!(told.files().len(), 1, "what was typed is not lost");
    }
    chat.signal_daemon("CONT").await;
    let listed = people[299].types(&chat.channel, "/job list", &[]).await;
    listed.until(|message| message.shows("There is no job of yours")).await;
}
