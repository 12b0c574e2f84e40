//! The cards: each job's message is put once, known to the daemon, and kept current by whoever of us leases it.

use crate::act::{Bot, story};
use crate::discord::DiscordError;
use crate::hall::{Person, discord_id};
use crate::incoming::Incoming;
use crate::message::Message;
use crate::render::{self, Look};
use futures::StreamExt;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{BodyId, JobId};
use guildhall_protocol::job::{JobDraft, Visibility};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::surface::LeasedSurface;
use guildhall_protocol::view::JobStory;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Cards that are brought up to date in one round.
const LEASES: u32 = 20;
/// Cards that are drawn at a time: none waits long for another's rate limit.
const AT_ONCE: usize = 8;
/// Between two changes of one card: many changes become one.
const CALM: Duration = Duration::from_secs(2);
/// After a change that Discord did not take.
const AGAIN: Duration = Duration::from_secs(30);
/// Between two looks for what changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest text of a job or an answer that is read for a card, bytes.
const TEXT_MAX: usize = 2_000_000;
/// Direct channels that are remembered.
const DIRECT_MAX: usize = 10_000;

/// Where a card is, as the daemon keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Address {
    channel: u64,
    message: u64,
    /// Whether the channel is a server's.
    #[serde(default)]
    in_server: bool,
    /// Whether it shows everything.
    full: bool,
}

/// Where the card of a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// In the channel where it was asked for.
    Here,
    /// In the channel that the server has for cards.
    OnBoard(u64),
    InDirectMessages,
    Nowhere,
}

/// Where the card of a new job was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) stands: Stands,
    /// Whether it was meant for the board, which takes none.
    pub(crate) board_is_lost: bool,
}

/// What is remembered about channels.
#[derive(Default)]
pub(crate) struct Cards {
    direct: Mutex<BTreeMap<u64, u64>>,
    /// Who takes no direct messages, and was not told so yet.
    closed: Mutex<BTreeSet<u64>>,
}

/// The channel in a server where a card stands, if it stands in one.
pub(crate) fn channel_of(address: &str) -> Option<u64> {
    let address = serde_json::from_str::<Address>(address).ok()?;
    Some(address.channel).filter(|_| address.in_server)
}

impl Cards {
    /// The channel of direct messages with somebody.
    pub(crate) async fn direct(&self, bot: &Bot, user: u64) -> Result<u64, DiscordError> {
        let known = self.direct.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied();
        if let Some(channel) = known {
            return Ok(channel);
        }
        let channel = bot.discord.direct(user).await?;
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if direct.len() >= DIRECT_MAX {
            direct.clear();
        }
        direct.insert(user, channel);
        Ok(channel)
    }

    /// Somebody takes no direct messages: they are told with the next answer that they get.
    pub(crate) fn is_closed(&self, user: u64) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if closed.len() < DIRECT_MAX {
            closed.insert(user);
        }
    }

    /// Whether somebody is to be told now that direct messages do not reach them.
    pub(crate) fn was_closed(&self, user: u64) -> bool {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).remove(&user)
    }

    /// Puts the card of a new job on the server's board, if everybody there may see the job and there is one; else where it
    /// was posted.
    pub(crate) async fn put(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Placed {
        let board = board_for(person, of, job).await;
        let mut board_is_lost = false;
        if let Some(board) = board {
            match self.put_into(bot, person, board, true, job).await {
                Ok(()) if of.channel == Some(board) => return Placed { stands: Stands::Here, board_is_lost },
                Ok(()) => return Placed { stands: Stands::OnBoard(board), board_is_lost },
                Err(error) => {
                    tracing::info!(job.id = job.0, %error, "a server's board takes no card");
                    let lost = error.downcast_ref::<DiscordError>();
                    board_is_lost = matches!(lost, Some(DiscordError::Gone | DiscordError::Forbidden));
                }
            }
        }
        Placed { stands: self.put_here(bot, person, of, job).await, board_is_lost }
    }

    /// Puts the cards of several new jobs on the board, those that belong there; one after another, as Discord wants it.
    pub(crate) async fn put_on_board(&self, bot: &Bot, person: &Person, of: &Incoming, jobs: Vec<JobId>) {
        for job in jobs {
            let Some(board) = board_for(person, of, job).await else { continue };
            if let Err(error) = self.put_into(bot, person, board, true, job).await {
                tracing::info!(job.id = job.0, %error, "a server's board takes no card");
            }
        }
    }

    /// Puts the card of a job where somebody is, or else into direct messages.
    pub(crate) async fn put_here(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Stands {
        let here = of.channel.filter(|_| of.can_post);
        if let Some(channel) = here
            && let Ok(()) = self.put_into(bot, person, channel, of.server.is_some(), job).await
        {
            return Stands::Here;
        }
        self.put_direct(bot, person, of.user.id, job).await
    }

    async fn put_direct(&self, bot: &Bot, person: &Person, user: u64, job: JobId) -> Stands {
        let put = match self.direct(bot, user).await {
            Ok(channel) => self.put_into(bot, person, channel, false, job).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = put {
            tracing::warn!(job.id = job.0, %error, "a job has no card");
            return Stands::Nowhere;
        }
        Stands::InDirectMessages
    }

    async fn put_into(
        &self,
        bot: &Bot,
        person: &Person,
        channel: u64,
        in_server: bool,
        job: JobId,
    ) -> anyhow::Result<()> {
        let story = story(person, job).await?;
        let look =
            if in_server && story.head.visibility == Visibility::Private { Look::Public } else { Look::Full };
        let card = drawn(person, &story, look).await?;
        let nonce = format!("c{}-{}", job.0, channel % 1_000_000_007);
        let message = bot.discord.send(channel, &card, None, &nonce).await?;
        let address =
            serde_json::to_string(&Address { channel, message, in_server, full: look == Look::Full })?;
        let shown = story.head.revision;
        person
            .call(|service, context| async move {
                service.show_at(context, job, Channel::Discord, address, shown).await
            })
            .await?;
        Ok(())
    }

    /// Keeps all cards current until `ended`.
    pub(crate) async fn keep(bot: Bot, ended: CancellationToken) {
        loop {
            let leased = bot
                .hall
                .itself()
                .call(|service, context| async move {
                    service.lease_surfaces(context, Channel::Discord, LEASES).await
                })
                .await;
            let leased = leased.unwrap_or_else(|error| {
                tracing::debug!(%error, "no cards can be had at the moment");
                Vec::new()
            });
            let is_busy = leased.len() >= LEASES as usize;
            let each = leased.into_iter().map(|surface| bring_up(&bot, surface));
            futures::stream::iter(each).for_each_concurrent(AT_ONCE, |drawing| drawing).await;
            let wait = if is_busy { Duration::ZERO } else { LOOK_EVERY };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = ended.cancelled() => return,
            }
        }
    }
}

/// The board on which a job's card belongs.
async fn board_for(person: &Person, of: &Incoming, job: JobId) -> Option<u64> {
    of.server.as_ref()?;
    let head = story(person, job).await.ok()?.head;
    if head.visibility == Visibility::Private {
        return None;
    }
    let here = person.call(|service, context| async move { service.place(context, None).await });
    here.await.ok()?.head.settings.board?.parse().ok()
}

/// Brings one card up to date, and tells the daemon what it shows.
async fn bring_up(bot: &Bot, surface: LeasedSurface) {
    let LeasedSurface { id, lease, address, shown, job, client } = surface;
    let Ok(at) = serde_json::from_str::<Address>(&address) else {
        tracing::warn!("the address of a card cannot be read: it is forgotten");
        settle(bot, id, lease, None, Duration::ZERO).await;
        return;
    };
    let changed = async {
        if !at.full {
            return Ok((render::public_card(&job), job.revision));
        }
        // Everything of a job is drawn in its client's name.
        let client = client.as_ref().and_then(discord_id);
        let client = client.ok_or_else(|| anyhow::anyhow!("its client is not known on Discord any more"))?;
        let person = bot.hall.user(client);
        let story = story(&person, job.id).await?;
        Ok::<_, anyhow::Error>((drawn(&person, &story, Look::Full).await?, story.head.revision))
    };
    let (card, revision) = match changed.await {
        Ok(changed) => changed,
        Err(error) => {
            tracing::debug!(job.id = job.id.0, %error, "a card cannot be drawn at the moment");
            return settle(bot, id, lease, Some(shown), AGAIN).await;
        }
    };
    match bot.discord.edit(at.channel, at.message, &card).await {
        Ok(()) => settle(bot, id, lease, Some(revision), CALM).await,
        Err(DiscordError::Gone | DiscordError::Forbidden | DiscordError::Closed) => {
            tracing::info!(job.id = job.id.0, "a card is gone, and is forgotten");
            // In a server: in direct messages somebody still sees how the job goes on.
            if let Some(client) = client.as_ref().and_then(discord_id).filter(|_| at.in_server) {
                bot.cards.put_direct(bot, &bot.hall.user(client), client, job.id).await;
            }
            settle(bot, id, lease, None, Duration::ZERO).await;
        }
        Err(error) => {
            tracing::warn!(job.id = job.id.0, %error, "a card could not be changed; it is tried again");
            settle(bot, id, lease, Some(shown), AGAIN).await;
        }
    }
}

async fn settle(
    bot: &Bot,
    id: guildhall_protocol::ids::SurfaceId,
    lease: i64,
    shown: Option<u64>,
    again: Duration,
) {
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

async fn drawn(person: &Person, story: &JobStory, look: Look) -> Result<Message, ApiError> {
    if look == Look::Public {
        return Ok(render::public_card(&story.head));
    }
    let (brief, answer) = texts(person, story).await?;
    let mut card = render::card(story, brief.as_deref(), answer.as_deref());
    // A file would come once more with every change: the answer has a message of its own.
    card.files.clear();
    Ok(card)
}

/// The brief of a job, and the answer that counts, as far as they are not forgotten.
pub(crate) async fn texts(
    person: &Person,
    story: &JobStory,
) -> Result<(Option<String>, Option<String>), ApiError> {
    let draft = match &story.draft.head {
        Some(_) => body(person, story.head.id, story.draft.id).await?,
        None => String::new(),
    };
    let brief = serde_json::from_str::<JobDraft>(&draft).ok().map(|draft| draft.brief);
    let answer =
        story.answered().and_then(|view| view.answer.as_ref()).filter(|answer| answer.head.is_some());
    let answer = match answer {
        Some(answer) => Some(body(person, story.head.id, answer.id).await?),
        None => None,
    };
    Ok((brief, answer))
}

/// A whole body, page by page.
async fn body(person: &Person, job: JobId, body: BodyId) -> Result<String, ApiError> {
    let mut text = String::new();
    let mut offset = Some(0);
    while let Some(from) = offset.filter(|_| text.len() < TEXT_MAX) {
        let page = person
            .call(|service, context| async move { service.read_body(context, job, body, from).await })
            .await?;
        text.push_str(&page.text);
        offset = page.next;
    }
    Ok(text)
}
