//! What was clicked and is not so any more, by that click or by somebody else: the message says so from then on, instead of
//! offering it to the next click, too.

use super::{Bot, story};
use crate::address;
use crate::cards::shown_at;
use crate::hall::Person;
use crate::incoming::{Clicked, Incoming};
use crate::render;
use guildhall_protocol::ids::JobId;

impl Bot {
    /// Brings the message that was clicked up to date, beside the answer. What cannot be changed stays as it is.
    pub(super) fn was_outdated(&self, person: &Person, of: &Incoming, job: JobId) {
        let (Some(channel), Some(clicked)) = (of.channel, of.clicked.clone()) else { return };
        let (bot, person) = (self.clone(), person.clone());
        self.tasks.spawn(async move { bot.amend(&person, channel, &clicked, job).await });
    }

    async fn amend(&self, person: &Person, channel: u64, clicked: &Clicked, job: JobId) {
        let (Ok(story), Ok(known)) = tokio::join!(story(person, job), shown_at(person, job)) else { return };
        // A card is drawn anew by whoever leases it, in its client's name and not in that of whoever clicks.
        if address::cards(&known).any(|card| card.message == clicked.message) {
            return;
        }
        let told = render::outdated(&clicked.content, &story.head);
        if let Err(error) = self.discord.amend(channel, clicked.message, &told).await {
            tracing::debug!(job.id = job.0, %error, "an old message keeps its buttons");
        }
    }
}
