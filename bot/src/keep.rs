//! Keeping what shows a job current: whatever shows less than there is is leased from the daemon, brought up to date, and
//! said to be. What cannot be changed any more is replaced; what fails too often is given up, and its client told directly.

use crate::act::{Bot, story};
use crate::address::{self, Address, Card};
use crate::cards::{Spot, drawn};
use crate::discord::DiscordError;
use crate::hall::discord_id;
use crate::render::{self, Look};
use crate::threads;
use guildhall_protocol::notice::Channel;
use guildhall_protocol::surface::LeasedSurface;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that are drawn at a time: none waits long for another's rate limit.
const AT_ONCE: usize = 8;
/// Longest that one message takes, with what Discord makes us wait: well within its lease.
const DRAW_MAX: Duration = Duration::from_secs(40);
/// Longest that a card in direct messages takes in place of one that is lost; with the drawing it is within its lease still.
const DIRECT_MAX: Duration = Duration::from_secs(10);
/// Between two changes of one message: many changes become one.
const CALM: Duration = Duration::from_secs(2);
/// After a change that Discord did not take; it doubles up to the longest.
const AGAIN_FIRST: Duration = Duration::from_secs(30);
const AGAIN_MAX: Duration = Duration::from_mins(15);
/// Tries in a row, over three quarters of an hour, after which a message is given up.
const TRIES_MAX: u32 = 8;
/// Between two looks for what changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What becomes of a message that was leased.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It shows this revision now.
    Shows(u64),
    /// It could not be changed now.
    Later(String),
    /// It is not there any more, or we may not change it any more.
    Lost,
    /// Nobody needs it any more.
    Forgotten,
}

/// Keeps all that shows jobs current until `ended`.
pub(crate) async fn keep(bot: Bot, ended: CancellationToken) {
    let mut drawing = JoinSet::new();
    // Aborting it loses nothing: what was leased is leased again.
    let leasing = ended.run_until_cancelled(lease_all(&bot, &mut drawing));
    leasing.await;
    while drawing.join_next().await.is_some() {}
}

/// Hands out what shows less than there is, as far as there is room.
async fn lease_all(bot: &Bot, drawing: &mut JoinSet<()>) {
    loop {
        while drawing.try_join_next().is_some() {}
        let room = AT_ONCE.saturating_sub(drawing.len());
        if room == 0 {
            drawing.join_next().await;
            continue;
        }
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let leased =
            bot.hall
                .itself()
                .call(|service, context| async move {
                    service.lease_surfaces(context, Channel::Discord, limit).await
                })
                .await;
        let leased = leased.unwrap_or_else(|error| {
            tracing::debug!(%error, "no cards can be had at the moment");
            Vec::new()
        });
        let is_busy = leased.len() >= room;
        for surface in leased {
            let bot = bot.clone();
            drawing.spawn(async move { bring_up(&bot, surface).await });
        }
        if !is_busy {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Brings one message up to date, and tells the daemon what it shows.
async fn bring_up(bot: &Bot, surface: LeasedSurface) {
    let job = surface.job.id;
    let address = Address::read(&surface.address);
    let drawing = async {
        match &address {
            Some(Address::Card(card)) => draw(bot, &surface, card).await,
            Some(Address::Thread(thread)) => threads::tell(bot, &surface, *thread).await,
            None => {
                tracing::warn!(job.id = job.0, "the address of a card cannot be read: it is forgotten");
                Fate::Forgotten
            }
        }
    };
    let slow = |_| Fate::Later("Discord did not take it in time".to_owned());
    let mut fate = tokio::time::timeout(DRAW_MAX, drawing).await.unwrap_or_else(slow);
    if let Fate::Later(why) = &fate {
        if surface.tries >= TRIES_MAX {
            tracing::warn!(
                job.id = job.0,
                why,
                "a card could not be changed {TRIES_MAX} times; it is given up"
            );
            fate = Fate::Lost;
        } else {
            tracing::info!(job.id = job.0, why, "a card could not be changed; it is tried again");
        }
    }
    let client = surface.client.as_ref().and_then(discord_id);
    if let (Fate::Lost, Some(Address::Card(card)), Some(client)) = (&fate, &address, client)
        && card.in_server
        && address::cards(&surface.others).all(|other| other.in_server)
    {
        // In direct messages somebody still sees how the job goes on.
        tracing::info!(job.id = job.0, "a card is lost: it goes on in direct messages");
        let person = bot.hall.user(client);
        if tokio::time::timeout(DIRECT_MAX, bot.cards.put_direct(bot, &person, client, job)).await.is_err() {
            tracing::warn!(job.id = job.0, "a job has no card: Discord did not take one in time");
        }
    }
    settle(bot, &surface, &fate).await;
}

/// Brings one card up to date.
async fn draw(bot: &Bot, surface: &LeasedSurface, card: &Card) -> Fate {
    let client = surface.client.as_ref().and_then(discord_id);
    let changed = match client.filter(|_| card.full) {
        // Everything of a job is drawn in its client's name.
        Some(client) => {
            let person = bot.hall.user(client);
            let may_thread = bot.cards.offers_thread(card) && address::thread(&surface.others).is_none();
            async {
                let story = story(&person, surface.job.id).await?;
                let card = drawn(&person, &story, Look::Full, may_thread).await?;
                Ok::<_, guildhall_protocol::error::ApiError>((card, story.head.revision))
            }
            .await
        }
        // Whoever is not known here any more has nothing drawn for them that others do not see.
        None => Ok((render::public_card(&surface.job), surface.job.revision)),
    };
    let (message, revision) = match changed {
        Ok(changed) => changed,
        Err(error) => return Fate::Later(error.message),
    };
    let edit = || bot.discord.edit(card.channel, card.message, &message);
    let edited = match edit().await {
        // Somebody's own thread: news of a job wake it up.
        Err(DiscordError::Archived) => match bot.discord.set_archived(card.channel, false).await {
            Ok(()) => edit().await,
            Err(error) => Err(error),
        },
        edited => edited,
    };
    match edited {
        Ok(()) => Fate::Shows(revision),
        Err(DiscordError::Gone | DiscordError::Forbidden | DiscordError::Closed | DiscordError::Archived) => {
            Fate::Lost
        }
        Err(DiscordError::Worn) => replace(bot, surface, card, client).await,
        Err(error @ (DiscordError::Over | DiscordError::HasThread | DiscordError::Other(_))) => {
            Fate::Later(error.to_string())
        }
    }
}

/// Discord lets an old message be changed a few times only: another one takes its place.
async fn replace(bot: &Bot, surface: &LeasedSurface, card: &Card, client: Option<u64>) -> Fate {
    let Some(client) = client else { return Fate::Forgotten };
    let Card { channel, message, in_server, may_thread, .. } = *card;
    let spot = Spot { channel, in_server, may_thread };
    // The number of what it replaces: whoever dies in between puts one all the same.
    let nonce = Some(format!("r{}", surface.id.0));
    let person = bot.hall.user(client);
    if let Err(error) = bot.cards.put_into(bot, &person, spot, surface.job.id, nonce).await {
        return Fate::Later(error.to_string());
    }
    // What it says is old, and its buttons with it. Where it stays it says so when somebody clicks.
    if let Err(error) = bot.discord.delete(channel, message).await {
        tracing::debug!(%error, "an old card stays");
    }
    Fate::Forgotten
}

async fn settle(bot: &Bot, surface: &LeasedSurface, fate: &Fate) {
    let (shown, again) = match fate {
        Fate::Shows(revision) => (Some(*revision), CALM),
        Fate::Later(_) => (Some(surface.shown), again(surface.tries)),
        Fate::Lost | Fate::Forgotten => (None, Duration::ZERO),
    };
    let (id, lease) = (surface.id, surface.lease);
    let again_ms = u64::try_from(again.as_millis()).unwrap_or(u64::MAX);
    let settled =
        bot.hall
            .itself()
            .call(|service, context| async move {
                service.settle_surface(context, id, lease, shown, again_ms).await
            })
            .await;
    if let Err(error) = settled {
        // Its lease ends by itself, and it is drawn once more.
        tracing::debug!(%error, "what became of a card could not be said");
    }
}

/// How long a message waits that could not be changed so often.
fn again(tries: u32) -> Duration {
    AGAIN_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(AGAIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_spread_over_three_quarters_of_an_hour() {
        assert_eq!((again(0), again(1), again(2)), (AGAIN_FIRST, AGAIN_FIRST, AGAIN_FIRST * 2));
        assert_eq!(again(u32::MAX), AGAIN_MAX);
        let all: Duration = (1..TRIES_MAX).map(again).sum();
        assert!((Duration::from_mins(45)..Duration::from_mins(50)).contains(&all), "{all:?}");
    }
}
