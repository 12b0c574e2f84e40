//! Telling people by direct message what the daemon has for them: leased, told once as far as Discord can, and said to be
//! told.

use crate::act::{Bot, story};
use crate::address::{self, Card};
use crate::cards::shown_at;
use crate::discord::DiscordError;
use crate::hall::discord_id;
use crate::health::Counters;
use crate::message::Message;
use crate::render;
use crate::threads;
use crate::turns::Turns;
use futures::FutureExt;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{JobId, NotificationId};
use guildhall_protocol::notice::{Channel, LeasedNotice, NoticeKind, NoticeOutcome};
use guildhall_protocol::view::Scope;
use sha2::{Digest, Sha256};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Notices that are leased at a time.
const LEASES: u32 = 20;
/// Longest wait for news, ms: what was held back becomes due without any.
const WAIT_MS: u64 = 2_000;
/// People who are told at a time; nothing more is leased meanwhile.
const PEOPLE_MAX: usize = 16;
/// Longest wait until one notice is told, with what Discord makes us wait: well within its lease.
const SEND_MAX: Duration = Duration::from_secs(20);
/// Longest wait until it is said beside the job's card instead.
const ELSEWHERE_MAX: Duration = Duration::from_secs(10);
/// Longest after a lease began that a notice of it is begun: with a wait for whoever posts it ends with its lease at the latest.
const BEGIN_MAX: Duration = Duration::from_secs(20);
/// After the daemon could not be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// A notice, and when it was leased.
type Held = (LeasedNotice, Instant);

/// Tells everybody everything until `ended`; what is being told then is told.
pub(crate) async fn tell(bot: Bot, ended: CancellationToken) {
    let (turns, mut telling) = (Arc::new(Turns::default()), JoinSet::new());
    // Aborting it loses nothing: what was leased is leased again.
    let leasing = ended.run_until_cancelled(lease_all(&bot, &turns, &mut telling));
    leasing.await;
    turns.clear();
    while telling.join_next().await.is_some() {}
}

/// Hands out what there is to be told, as it comes up.
async fn lease_all(bot: &Bot, turns: &Arc<Turns<Held>>, telling: &mut JoinSet<()>) {
    let mut seen = 0;
    loop {
        while telling.try_join_next().is_some() {}
        while telling.len() >= PEOPLE_MAX {
            telling.join_next().await;
        }
        let leased_at = Instant::now();
        let leased =
            bot.hall
                .itself()
                .call(|service, context| async move {
                    service.lease_notices(context, Channel::Discord, LEASES).await
                })
                .await;
        match leased {
            Ok(leased) if leased.is_empty() => {
                let news = bot.hall.itself().call(|service, context| async move {
                    service.wait_for_change(context, Scope::Everything, seen, WAIT_MS).await
                });
                match news.await {
                    Ok(news) => seen = news,
                    Err(_) => tokio::time::sleep(AGAIN).await,
                }
            }
            Ok(leased) => hand_out(bot, turns, telling, leased.into_iter().map(|one| (one, leased_at))),
            Err(error) => {
                tracing::debug!(%error, "no notices can be had at the moment");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Tells each person in their order. Who is being told something hears the rest after it; nobody else waits for that.
fn hand_out(
    bot: &Bot,
    turns: &Arc<Turns<Held>>,
    telling: &mut JoinSet<()>,
    leased: impl Iterator<Item = Held>,
) {
    for held in leased {
        let user = held.0.notice.user;
        if !turns.add(user, [held]) {
            continue;
        }
        let (bot, turns) = (bot.clone(), Arc::clone(turns));
        telling.spawn(async move {
            while let Some((leased, leased_at)) = turns.next(user) {
                // There is no time for it before its lease ends: it is left to the next one.
                if leased_at.elapsed() >= BEGIN_MAX {
                    Counters::one(&bot.counters.put_off);
                    continue;
                }
                // Whatever goes wrong with one, its reader hears the next.
                if AssertUnwindSafe(told(&bot, leased)).catch_unwind().await.is_err() {
                    Counters::one(&bot.counters.untold);
                    tracing::error!(user.id = user.0, "a notice could not be told: the bot has a mistake");
                }
            }
        });
    }
}

async fn told(bot: &Bot, mut leased: LeasedNotice) {
    if let (Some(user), Some(job)) = (leased.to.as_ref().and_then(discord_id), leased.notice.job)
        && bot.posters.waited(user).await
        && let Ok(known) = own_job_shown_at(bot, user, job).await
    {
        leased.shown_at = known;
    }
    let slow = || DiscordError::Other("Discord did not take it in time".to_owned());
    let sent = tokio::time::timeout(SEND_MAX, send(bot, &leased)).await.unwrap_or_else(|_| Err(slow()));
    let (outcome, detail) = match sent {
        Ok(outcome) => (outcome, String::new()),
        Err(error @ (DiscordError::Closed | DiscordError::Forbidden | DiscordError::Gone)) => {
            // The card may have come to stand where it is after the notice was leased.
            if let (Some(user), Some(job)) = (leased.to.as_ref().and_then(discord_id), leased.notice.job)
                && let Ok(known) = own_job_shown_at(bot, user, job).await
                && !known.is_empty()
            {
                leased.shown_at = known;
            }
            let elsewhere = tokio::time::timeout(ELSEWHERE_MAX, send_elsewhere(bot, &leased)).await;
            match elsewhere.unwrap_or_else(|_| Err(slow())) {
                Ok(()) => (NoticeOutcome::Elsewhere, "said beside the job's card".to_owned()),
                Err(error @ DiscordError::Other(_)) => (NoticeOutcome::Later, error.to_string()),
                // Nobody is there at all any more.
                Err(_) if leased.to.is_none() => (NoticeOutcome::Refused, error.to_string()),
                Err(_) => (NoticeOutcome::Closed, error.to_string()),
            }
        }
        Err(error) => (NoticeOutcome::Later, error.to_string()),
    };
    Counters::one(match outcome {
        NoticeOutcome::Taken | NoticeOutcome::Shown => &bot.counters.told,
        NoticeOutcome::Elsewhere => &bot.counters.elsewhere,
        NoticeOutcome::Later => &bot.counters.put_off,
        NoticeOutcome::Closed => &bot.counters.closed,
        NoticeOutcome::Refused => &bot.counters.untold,
    });
    settle(bot, ids(&leased).collect(), leased.lease, outcome, detail).await;
}

async fn send(bot: &Bot, leased: &LeasedNotice) -> Result<NoticeOutcome, DiscordError> {
    let user = leased.to.as_ref().and_then(discord_id).ok_or(DiscordError::Closed)?;
    if ping_in_thread(bot, leased, user).await? {
        return Ok(NoticeOutcome::Shown);
    }
    if leased.closed {
        return Err(DiscordError::Closed);
    }
    let message = drawn(bot, leased, user).await;
    let sent = match send_direct(bot, leased, user, &message).await {
        Err(DiscordError::Gone) => {
            bot.cards.forget_direct(user);
            send_direct(bot, leased, user, &message).await
        }
        sent => sent,
    };
    sent.map(|()| NoticeOutcome::Taken)
}

/// Where a job is shown by now, if it is theirs.
async fn own_job_shown_at(bot: &Bot, user: u64, job: JobId) -> Result<Vec<String>, ApiError> {
    let person = bot.hall.user(user);
    if story(&person, job).await?.head.client == person.user().await? {
        shown_at(&person, job).await
    } else {
        Ok(Vec::new())
    }
}

async fn send_direct(
    bot: &Bot,
    leased: &LeasedNotice,
    user: u64,
    message: &Message,
) -> Result<(), DiscordError> {
    let channel = bot.cards.direct(bot, user).await?;
    bot.discord.send(channel, message, None, &nonce('n', leased)).await.map(drop)
}

/// Whoever tells the same again within minutes tells it once. A bundle may have grown under its first number since it was
/// tried: all numbers make the nonce, so that Discord never takes the larger for the smaller. One that was taken and comes again
/// is to be told again: when it was taken makes the nonce, too.
fn nonce(way: char, leased: &LeasedNotice) -> String {
    let mut hash = Sha256::new();
    for id in ids(leased) {
        hash.update(id.0.to_be_bytes());
    }
    if let Some(taken) = leased.notice.acknowledged_at {
        hash.update(taken.0.to_be_bytes());
    }
    format!("{way}{}", hex::encode(&hash.finalize()[..10]))
}

/// All that are told with a notice, itself first.
fn ids(leased: &LeasedNotice) -> impl Iterator<Item = NotificationId> {
    std::iter::once(leased.notice.id).chain(leased.with.iter().copied())
}

/// Says in the job's thread that it has news: they stand there already, or come there, and notify nobody. False where there is
/// no thread, or no longer.
async fn ping_in_thread(bot: &Bot, leased: &LeasedNotice, user: u64) -> Result<bool, DiscordError> {
    let Some(at) = address::thread(&leased.shown_at).filter(|_| leased.with.is_empty()) else {
        return Ok(false);
    };
    let message = render::thread_ping(&leased.notice.text);
    match bot.discord.send(at.thread, &message, Some(user), &nonce('p', leased)).await {
        Ok(_) => {}
        Err(error @ DiscordError::Other(_)) => return Err(error),
        Err(error) => {
            tracing::info!(%error, "a thread takes no news: they go by direct message");
            return Ok(false);
        }
    }
    if let Some(
        NoticeKind::JobCompleted | NoticeKind::JobFailed | NoticeKind::JobExpired | NoticeKind::JobCanceled,
    ) = leased.notice.kind.known()
    {
        threads::archive(bot, at).await;
    }
    Ok(true)
}

/// Says beside the job's card that something waits, and nothing of what: others read it, too.
async fn send_elsewhere(bot: &Bot, leased: &LeasedNotice) -> Result<(), DiscordError> {
    let user = leased.to.as_ref().and_then(discord_id).ok_or(DiscordError::Closed)?;
    let job = leased.notice.job.ok_or(DiscordError::Closed)?;
    let message = render::beside_card(job);
    let mut outcome = Err(DiscordError::Closed);
    for Card { channel, .. } in address::cards(&leased.shown_at).filter(|card| card.in_server) {
        outcome = bot.discord.send(channel, &message, Some(user), &nonce('b', leased)).await.map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// The notice, and with it what it is about, where its reader may see that.
async fn drawn(bot: &Bot, leased: &LeasedNotice, user: u64) -> Message {
    let mut message = render::notice(leased);
    let with_job = matches!(
        leased.notice.kind.known(),
        Some(
            NoticeKind::JobCompleted | NoticeKind::ReviewWanted | NoticeKind::Question | NoticeKind::Reminder
        )
    );
    let Some(job) = leased.notice.job.filter(|_| with_job && leased.with.is_empty()) else { return message };
    let person = bot.hall.user(user);
    let drawn = async {
        let story = story(&person, job).await?;
        let (_, answer) = crate::cards::texts(&person, &story).await?;
        Ok::<_, ApiError>(render::card(&story, None, answer.as_deref()))
    };
    match drawn.await {
        Ok(card) => {
            let silence = message.buttons.pop();
            message.embed = card.embed;
            message.files = card.files;
            message.buttons = card.buttons.into_iter().chain(silence).collect();
        }
        Err(error) => tracing::debug!(job.id = job.0, %error, "a notice goes without its job"),
    }
    message
}

async fn settle(bot: &Bot, ids: Vec<NotificationId>, lease: i64, outcome: NoticeOutcome, detail: String) {
    let settled =
        bot.hall
            .itself()
            .call(|service, context| async move {
                service.settle_notices(context, ids, lease, outcome, detail).await
            })
            .await;
    if let Err(error) = settled {
        // Its lease ends by itself, and it is told once more under the same nonce.
        tracing::debug!(%error, "what became of a notice could not be said");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::UserId;
    use guildhall_protocol::notice::NoticeView;
    use guildhall_protocol::time::Timestamp;

    fn leased(first: i64, with: &[i64]) -> LeasedNotice {
        let notice = NoticeView {
            id: NotificationId(first),
            user: UserId(1),
            channel: Channel::Discord.into(),
            kind: NoticeKind::JobCompleted.into(),
            job: None,
            attempt: None,
            made_at: Timestamp(0),
            due_at: None,
            tries: 1,
            acknowledged_at: None,
            text: "3 of your jobs are done".to_owned(),
            next: String::new(),
        };
        LeasedNotice {
            notice,
            lease: 1,
            with: with.iter().copied().map(NotificationId).collect(),
            jobs: Vec::new(),
            to: None,
            closed: false,
            shown_at: Vec::new(),
        }
    }

    #[test]
    fn what_was_taken_is_told_again_when_it_comes_again() {
        let mut replayed = leased(5, &[]);
        replayed.notice.acknowledged_at = Some(Timestamp(7));
        assert_ne!(nonce('n', &replayed), nonce('n', &leased(5, &[])));
        replayed.notice.tries += 1;
        replayed.notice.due_at = Some(Timestamp(8));
        let tried = nonce('n', &replayed);
        replayed.notice.tries += 1;
        assert_eq!(nonce('n', &replayed), tried, "another try of the same");
    }

    #[test]
    fn a_bundle_that_grew_is_another_message() {
        let of = |first, with: &[i64]| nonce('n', &leased(first, with));
        assert_eq!(of(5, &[6, 7]), of(5, &[6, 7]), "the same is told once");
        assert!(of(5, &[6, 7]) != of(5, &[]) && of(5, &[6, 7]) != of(5, &[6]));
        assert_ne!(nonce('n', &leased(5, &[])), nonce('b', &leased(5, &[])));
        // Discord takes 25 characters.
        assert!(of(i64::MAX, &[i64::MAX]).len() <= 25);
    }
}
