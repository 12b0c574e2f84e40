//! Telling people by direct message what the daemon has for them: leased, told once as far as Discord can, and said to be
//! told.

use crate::act::{Bot, story};
use crate::cards::channel_of;
use crate::discord::DiscordError;
use crate::hall::discord_id;
use crate::health::Counters;
use crate::message::Message;
use crate::render;
use futures::StreamExt;
use guildhall_protocol::ids::{NotificationId, UserId};
use guildhall_protocol::notice::{Channel, LeasedNotice, NoticeKind, NoticeOutcome};
use guildhall_protocol::view::Scope;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Notices that are told in one round.
const LEASES: u32 = 20;
/// Longest wait for news, ms: what was held back becomes due without any.
const WAIT_MS: u64 = 2_000;
/// People who are told at a time.
const PEOPLE_MAX: usize = 16;
/// Longest wait until one notice is told, with what Discord makes us wait: well within its lease.
const SEND_MAX: Duration = Duration::from_secs(20);
/// After the daemon could not be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells everybody everything until `ended`.
pub(crate) async fn tell(bot: Bot, ended: CancellationToken) {
    let mut seen = 0;
    let mut has_begun = false;
    while !ended.is_cancelled() {
        // Whoever was told half of it before is told now: there is one bot.
        if !has_begun {
            let released = bot.hall.itself().call(|service, context| async move {
                service.release_leases(context, Channel::Discord).await
            });
            has_begun = released.await.is_ok();
        }
        let leased =
            bot.hall
                .itself()
                .call(|service, context| async move {
                    service.lease_notices(context, Channel::Discord, LEASES).await
                })
                .await;
        let wait = match leased {
            Ok(leased) if leased.is_empty() => {
                let news = bot.hall.itself().call(|service, context| async move {
                    service.wait_for_change(context, Scope::Everything, seen, WAIT_MS).await
                });
                let news = tokio::select! {
                    news = news => news,
                    () = ended.cancelled() => return,
                };
                if let Ok(news) = news {
                    seen = news;
                    continue;
                }
                AGAIN
            }
            Ok(leased) => {
                round(&bot, leased).await;
                continue;
            }
            Err(error) => {
                tracing::debug!(%error, "no notices can be had at the moment");
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = ended.cancelled() => return,
        }
    }
}

/// Tells each person in their order, and nobody waits for another's.
async fn round(bot: &Bot, leased: Vec<LeasedNotice>) {
    let mut people: BTreeMap<UserId, Vec<LeasedNotice>> = BTreeMap::new();
    for notice in leased {
        people.entry(notice.notice.user).or_default().push(notice);
    }
    let each = people.into_values().map(|notices| async move {
        for notice in notices {
            told(bot, notice).await;
        }
    });
    futures::stream::iter(each).for_each_concurrent(PEOPLE_MAX, |telling| telling).await;
}

async fn told(bot: &Bot, leased: LeasedNotice) {
    let id = leased.notice.id;
    let slow = || DiscordError::Other("Discord did not take it in time".to_owned());
    let sent = tokio::time::timeout(SEND_MAX, send(bot, &leased)).await.unwrap_or_else(|_| Err(slow()));
    let (outcome, detail) = match sent {
        Ok(()) => {
            Counters::one(&bot.counters.told);
            (NoticeOutcome::Taken, String::new())
        }
        Err(error @ (DiscordError::Closed | DiscordError::Forbidden | DiscordError::Gone)) => {
            match send_elsewhere(bot, &leased).await {
                Ok(()) => (NoticeOutcome::Taken, "said beside the job's card".to_owned()),
                Err(error @ DiscordError::Other(_)) => (NoticeOutcome::Later, error.to_string()),
                Err(_) => (NoticeOutcome::Refused, error.to_string()),
            }
        }
        Err(error) => (NoticeOutcome::Later, error.to_string()),
    };
    for id in std::iter::once(id).chain(leased.with.iter().copied()) {
        settle(bot, id, leased.lease, outcome, detail.clone()).await;
    }
}

async fn send(bot: &Bot, leased: &LeasedNotice) -> Result<(), DiscordError> {
    let user = leased.to.as_ref().and_then(discord_id).ok_or(DiscordError::Closed)?;
    let channel = bot.cards.direct(bot, user).await?;
    let message = drawn(bot, leased, user).await;
    // The notice's number is the nonce: whoever tells it again within minutes tells it once.
    bot.discord.send(channel, &message, None, &format!("n{}", leased.notice.id.0)).await.map(drop)
}

/// Says beside the job's card that something waits, and nothing of what: others read it, too.
async fn send_elsewhere(bot: &Bot, leased: &LeasedNotice) -> Result<(), DiscordError> {
    let user = leased.to.as_ref().and_then(discord_id).ok_or(DiscordError::Closed)?;
    bot.cards.is_closed(user);
    let job = leased.notice.job.ok_or(DiscordError::Closed)?;
    let message = render::beside_card(job);
    let mut outcome = Err(DiscordError::Closed);
    for channel in leased.shown_at.iter().filter_map(|address| channel_of(address)) {
        let nonce = format!("b{}", leased.notice.id.0);
        outcome = bot.discord.send(channel, &message, Some(user), &nonce).await.map(drop);
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
        Ok::<_, guildhall_protocol::error::ApiError>(render::card(&story, None, answer.as_deref()))
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

async fn settle(bot: &Bot, id: NotificationId, lease: i64, outcome: NoticeOutcome, detail: String) {
    let settled =
        bot.hall
            .itself()
            .call(|service, context| async move {
                service.settle_notice(context, id, lease, outcome, detail).await
            })
            .await;
    if let Err(error) = settled {
        // Its lease ends by itself, and it is told once more under the same nonce.
        tracing::debug!(%error, "what became of a notice could not be said");
    }
}
