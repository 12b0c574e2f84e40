//! The cards: each job's message is put on its server's board or where its client is, known to the daemon, and kept current by whoever of us leases it.

use crate::act::{Bot, story};
use crate::address::{self, Address, Card};
use crate::discord::DiscordError;
use crate::hall::Person;
use crate::incoming::Incoming;
use crate::message::Message;
use crate::render::{self, Look};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{BodyId, JobId};
use guildhall_protocol::job::{JobDraft, Visibility};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::view::JobStory;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Longest text of a job or an answer that is read for a card, bytes.
const TEXT_MAX: usize = 2_000_000;
/// Channels that are remembered, of each kind.
const CHANNELS_MAX: usize = 10_000;

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

/// Where a card is put.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) channel: u64,
    pub(crate) in_server: bool,
    /// Whether we may open a thread there.
    pub(crate) may_thread: bool,
}

/// What is remembered about channels.
#[derive(Default)]
pub(crate) struct Cards {
    direct: Mutex<BTreeMap<u64, u64>>,
    /// Where we were not let open a thread, though we might when a card was put there.
    threadless: Mutex<BTreeSet<u64>>,
}

impl Cards {
    /// The channel of direct messages with somebody.
    pub(crate) async fn direct(&self, bot: &Bot, user: u64) -> Result<u64, DiscordError> {
        if let Some(channel) = self.known_direct(user) {
            return Ok(channel);
        }
        let channel = bot.discord.direct(user).await?;
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if direct.len() >= CHANNELS_MAX {
            direct.clear();
        }
        direct.insert(user, channel);
        Ok(channel)
    }

    fn known_direct(&self, user: u64) -> Option<u64> {
        self.direct.lock().unwrap_or_else(PoisonError::into_inner).get(&user).copied()
    }

    /// No thread could be opened in a channel: cards there offer none from now on.
    pub(crate) fn are_threadless(&self, channel: u64) {
        let mut threadless = self.threadless.lock().unwrap_or_else(PoisonError::into_inner);
        if threadless.len() >= CHANNELS_MAX {
            threadless.clear();
        }
        threadless.insert(channel);
    }

    /// Whether a card may offer to open a thread at it, as far as is known.
    pub(crate) fn offers_thread(&self, card: &Card) -> bool {
        let threadless = self.threadless.lock().unwrap_or_else(PoisonError::into_inner);
        card.may_thread && !threadless.contains(&card.channel)
    }

    /// Where threads may be opened again, cards offer it again.
    pub(crate) fn hears(&self, of: &Incoming) {
        if let Some(channel) = of.channel.filter(|_| of.can_thread) {
            self.threadless.lock().unwrap_or_else(PoisonError::into_inner).remove(&channel);
        }
    }

    /// The channel that is remembered is gone: the next message opens another one.
    pub(crate) fn forget_direct(&self, user: u64) {
        self.direct.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
    }

    /// Puts the card of a new job on the server's board, if everybody there may see the job and there is one; else where it
    /// was posted.
    pub(crate) async fn put(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Placed {
        let mut board_is_lost = false;
        if let Some(board) = board_for(person, of, job).await {
            match self.put_on(bot, person, of, board, job).await {
                Ok(stands) => return Placed { stands, board_is_lost },
                Err(error) => {
                    tracing::info!(job.id = job.0, %error, "a server's board takes no card");
                    let lost = error.downcast_ref::<DiscordError>();
                    board_is_lost = matches!(lost, Some(DiscordError::Gone | DiscordError::Forbidden));
                }
            }
        }
        Placed { stands: self.put_where_they_are(bot, person, of, job).await, board_is_lost }
    }

    /// Puts the cards of several jobs on the board, those that belong there and have none: whoever posts a file once more, since
    /// we died in between, misses none. One after another, as Discord wants it.
    pub(crate) async fn put_on_board(&self, bot: &Bot, person: &Person, of: &Incoming, jobs: Vec<JobId>) {
        for job in jobs {
            let Some(board) = board_for(person, of, job).await else { continue };
            let known = shown_at(person, job).await.unwrap_or_default();
            if address::cards(&known).next().is_some() {
                continue;
            }
            if let Err(error) = self.put_on(bot, person, of, board, job).await {
                tracing::info!(job.id = job.0, %error, "a server's board takes no card");
            }
        }
    }

    async fn put_on(
        &self,
        bot: &Bot,
        person: &Person,
        of: &Incoming,
        board: u64,
        job: JobId,
    ) -> anyhow::Result<Stands> {
        // What we may do in another channel than theirs is not known.
        let is_here = of.channel == Some(board);
        let spot = Spot { channel: board, in_server: true, may_thread: is_here && of.can_thread };
        self.put_into(bot, person, spot, job, None).await?;
        Ok(if is_here { Stands::Here } else { Stands::OnBoard(board) })
    }

    /// Puts the card of a job where somebody is, or else into direct messages.
    async fn put_where_they_are(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Stands {
        let here = of.channel.filter(|_| of.can_post);
        let spot = |channel| Spot { channel, in_server: true, may_thread: of.can_thread };
        if let Some(channel) = here
            && let Ok(()) = self.put_into(bot, person, spot(channel), job, None).await
        {
            return Stands::Here;
        }
        let stands = self.put_direct(bot, person, of.user.id, job).await;
        let is_there = of.channel.is_some() && of.channel == self.known_direct(of.user.id);
        if is_there && stands == Stands::InDirectMessages { Stands::Here } else { stands }
    }

    /// Where the card of a job stands that may have one already; it is put only if there is none.
    pub(crate) async fn put_once(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Placed {
        let known = shown_at(person, job).await.unwrap_or_default();
        let stands = match address::cards(&known)
            .max_by_key(|card| (Some(card.channel) == of.channel, card.in_server))
        {
            Some(card) if Some(card.channel) == of.channel => Stands::Here,
            Some(card) if card.in_server => Stands::OnBoard(card.channel),
            Some(_) => Stands::InDirectMessages,
            None => return self.put(bot, person, of, job).await,
        };
        Placed { stands, board_is_lost: false }
    }

    /// Puts the card of a job into the channel where somebody asks for it, unless it is there.
    pub(crate) async fn put_here(&self, bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Stands {
        let known = shown_at(person, job).await.unwrap_or_default();
        if address::cards(&known).any(|card| Some(card.channel) == of.channel) {
            return Stands::Here;
        }
        self.put_where_they_are(bot, person, of, job).await
    }

    /// Puts the card of a job into direct messages.
    pub(crate) async fn put_direct(&self, bot: &Bot, person: &Person, user: u64, job: JobId) -> Stands {
        let put = match self.direct(bot, user).await {
            Ok(channel) => {
                let spot = Spot { channel, in_server: false, may_thread: false };
                self.put_into(bot, person, spot, job, None).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = put {
            tracing::warn!(job.id = job.0, %error, "a job has no card");
            return Stands::Nowhere;
        }
        Stands::InDirectMessages
    }

    /// Puts the card of a job into a channel, once for the same `nonce`; without one, once in some minutes.
    pub(crate) async fn put_into(
        &self,
        bot: &Bot,
        person: &Person,
        spot: Spot,
        job: JobId,
        nonce: Option<String>,
    ) -> anyhow::Result<()> {
        let Spot { channel, in_server, may_thread } = spot;
        let story = story(person, job).await?;
        let full = !in_server || story.head.visibility != Visibility::Private;
        let look = if full { Look::Full } else { Look::Public };
        let known = shown_at(person, job).await?;
        let card = drawn(person, &story, look, may_thread && address::thread(&known).is_none()).await?;
        let nonce = nonce.unwrap_or_else(|| format!("c{}-{}", job.0, channel % 1_000_000_007));
        let message = bot.discord.send(channel, &card, None, &nonce).await?;
        let address = Address::Card(Card { channel, message, in_server, full, may_thread }).write();
        let shown = story.head.revision;
        person
            .call(|service, context| async move {
                service.show_at(context, job, Channel::Discord, address, shown).await
            })
            .await?;
        Ok(())
    }
}

/// The board on which a job's card belongs.
async fn board_for(person: &Person, of: &Incoming, job: JobId) -> Option<u64> {
    of.server.as_ref()?;
    let here = person.call(|service, context| async move { service.place(context, None).await });
    let board = here.await.ok()?.head.settings.board?.parse().ok()?;
    let head = story(person, job).await.ok()?.head;
    (head.visibility != Visibility::Private).then_some(board)
}

/// The addresses of a job's messages.
pub(crate) async fn shown_at(person: &Person, job: JobId) -> Result<Vec<String>, ApiError> {
    person
        .call(|service, context| async move { service.surfaces(context, job, Channel::Discord).await })
        .await
}

/// The card of a job; with the button that opens a thread, if one may be opened there.
pub(crate) async fn drawn(
    person: &Person,
    story: &JobStory,
    look: Look,
    may_thread: bool,
) -> Result<Message, ApiError> {
    if look == Look::Public {
        return Ok(render::public_card(&story.head));
    }
    let (brief, answer) = texts(person, story).await?;
    let mut card = render::card(story, brief.as_deref(), answer.as_deref());
    // A file would come once more with every change: the answer has a message of its own.
    card.files.clear();
    if may_thread {
        card.buttons.extend(render::thread_button(story));
    }
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
