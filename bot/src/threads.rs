//! Threads: where a client wants one, a job is told in it message by message, from its card on.
//!
//! A private job has none. Whoever manages the threads of a server reads its private threads as well, and its client chose
//! none of them; direct messages are what they have for that.

use crate::act::{Bot, story};
use crate::address::{self, Address, Card, Thread};
use crate::cards::{drawn, shown_at, texts};
use crate::discord::DiscordError;
use crate::hall::{Person, discord_id};
use crate::incoming::Incoming;
use crate::keep::Fate;
use crate::render::{self, Look};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::Visibility;
use guildhall_protocol::notice::Channel;
use guildhall_protocol::surface::LeasedSurface;
use guildhall_protocol::view::JobStory;

/// What came of the wish for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It is there, now or since before.
    Here(u64),
    /// The job is private.
    Private,
    /// It is not for them to open one.
    NotTheirs,
    /// No card of it stands here, or we may not open threads here.
    CannotHere,
}

/// Opens the thread of a job at its card in the channel where somebody asks for it, or else at its card on the board. A job has
/// one at most.
pub(crate) async fn open(bot: &Bot, person: &Person, of: &Incoming, job: JobId) -> Result<Opened, ApiError> {
    let story = story(person, job).await?;
    if story.head.client != person.user().await? {
        return Ok(Opened::NotTheirs);
    }
    if story.head.visibility == Visibility::Private {
        return Ok(Opened::Private);
    }
    let known = shown_at(person, job).await?;
    if let Some(Thread { thread }) = address::thread(&known) {
        return Ok(Opened::Here(thread));
    }
    let here = address::cards(&known).find(|card| Some(card.channel) == of.channel);
    let card = match here {
        Some(card) if !of.can_thread => {
            cannot(bot, person, &story, &card).await;
            None
        }
        Some(card) => Some(card),
        // On a board in another channel Discord says only then whether we may.
        None => address::cards(&known).find(|card| card.in_server).filter(|_| of.server.is_some()),
    };
    let Some(card) = card else { return Ok(Opened::CannotHere) };
    let opened = match bot.discord.open_thread(card.channel, card.message, &render::thread_name(&story)).await
    {
        // A thread has the number of its message. Whoever opened it died before it was known, or it was archived.
        Err(DiscordError::HasThread) => {
            bot.discord.set_archived(card.message, false).await.map(|()| card.message)
        }
        opened => opened,
    };
    let thread = match opened {
        Ok(thread) => thread,
        Err(error) => {
            tracing::info!(job.id = job.0, %error, "a thread could not be opened");
            if matches!(error, DiscordError::Forbidden) {
                cannot(bot, person, &story, &card).await;
            }
            return Ok(Opened::CannotHere);
        }
    };
    // From here on whoever of us looks for what is behind tells what there is.
    let address = Address::Thread(Thread { thread }).write();
    let known = person.call(|service, context| async move {
        service.show_at(context, job, Channel::Discord, address, 0).await
    });
    known.await?;
    without_button(bot, person, &story, &card).await?;
    Ok(Opened::Here(thread))
}

/// We may open none there any more: the card does not go on offering it.
async fn cannot(bot: &Bot, person: &Person, story: &JobStory, card: &Card) {
    bot.cards.are_threadless(card.channel);
    if let Err(error) = without_button(bot, person, story, card).await {
        tracing::debug!(job.id = story.head.id.0, %error, "a card keeps its button until it changes next");
    }
}

async fn without_button(bot: &Bot, person: &Person, story: &JobStory, card: &Card) -> Result<(), ApiError> {
    let message = drawn(person, story, Look::Full, false).await?;
    if let Err(error) = bot.discord.edit(card.channel, card.message, &message).await {
        tracing::debug!(job.id = story.head.id.0, %error, "a card keeps its button until it changes next");
    }
    Ok(())
}

/// Tells in a thread what it does not tell yet, and archives it when its job has ended.
pub(crate) async fn tell(bot: &Bot, surface: &LeasedSurface, at: Thread) -> Fate {
    let job = surface.job.id;
    let Some(client) = surface.client.as_ref().and_then(discord_id) else {
        tracing::info!(job.id = job.0, "the client of a job in a thread is not known here any more");
        return Fate::Forgotten;
    };
    let person = bot.hall.user(client);
    let told = async {
        let story = story(&person, job).await?;
        let (_, answer) = texts(&person, &story).await?;
        Ok::<_, ApiError>((story, answer))
    };
    let (story, answer) = match told.await {
        Ok(told) => told,
        Err(error) => return Fate::Later(error.message),
    };
    let revision = story.head.revision;
    if let Some(message) = render::thread_news(&story, surface.shown, answer.as_deref()) {
        // The same news is the same message, whoever tells it again.
        match bot.discord.send(at.thread, &message, None, &format!("t{}-{revision}", job.0)).await {
            Ok(_) => {}
            Err(DiscordError::Other(error)) => return Fate::Later(error),
            Err(error) => {
                tracing::info!(job.id = job.0, %error, "a thread is lost: its job goes on without one");
                return Fate::Lost;
            }
        }
    }
    if is_over(&story) {
        archive(bot, at).await;
    }
    Fate::Shows(revision)
}

/// Archives a thread. Whoever writes there opens it again.
pub(crate) async fn archive(bot: &Bot, at: Thread) {
    if let Err(error) = bot.discord.set_archived(at.thread, true).await {
        tracing::debug!(%error, "a thread stays open");
    }
}

fn is_over(story: &JobStory) -> bool {
    story.head.due_at.is_none()
}
