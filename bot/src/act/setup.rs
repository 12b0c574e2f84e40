//! Settling things for a server. The daemon says who may; what is shown is what it keeps.

use super::{Answer, Bot, request_of};
use crate::discord::DiscordError;
use crate::hall::Person;
use crate::incoming::Incoming;
use crate::message::{Embed, Message};
use crate::permission::may_write;
use crate::render;
use crate::select::OPTIONS_MAX;
use crate::setup_step::SetupStep;
use guildhall_protocol::agent::{AgentName, AgentState};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::job::Visibility;
use guildhall_protocol::place::{PlaceChange, PlaceStory, Posters};
use guildhall_protocol::view::{AgentHead, Page, PageRequest};
use std::collections::BTreeSet;

/// Agents that are asked for at a time, to find those of a page.
const AGENTS: u32 = 200;

impl Bot {
    /// Shows what is settled, to whoever may change it.
    pub(super) async fn setup(&self, person: &Person, of: &Incoming) -> Answer {
        let story = self.settled(person, of).await?;
        let mut notes = Vec::new();
        let settings = &story.head.settings;
        for (what, channel) in [("board", &settings.board), ("alerts", &settings.alerts)] {
            let Some(channel) = channel.as_deref().and_then(|channel| channel.parse().ok()) else { continue };
            if let Err(DiscordError::Gone | DiscordError::Forbidden) = self.discord.sees(channel).await {
                notes.push(format!("⚠️ I do not see the channel for {what} any more: choose another one."));
            }
        }
        Ok(render::setup_channels(&story, &notes))
    }

    /// Does what a component of it stands for, and shows what is settled then. What cannot be is said in the same place.
    pub(super) async fn setup_step(
        &self,
        person: &Person,
        of: &Incoming,
        step: SetupStep,
        chosen: &[String],
    ) -> Answer {
        let story = self.settled(person, of).await?;
        let changed = async {
            let Some(change) = self.change(person, of, step, chosen).await? else { return Ok(None) };
            let (request, changes) = (request_of(of), vec![change]);
            let set = person.call(|service, context| async move {
                service.set_place(context, request, None, changes).await
            });
            set.await.map(Some)
        };
        match changed.await {
            Ok(None) => self.page(person, &story, step, &[]).await,
            Ok(Some(story)) => {
                self.page(person, &story, step, &["✅ It counts from now on.".to_owned()]).await
            }
            Err(error) if error.kind == ErrorKind::Unavailable => Err(error),
            Err(error) => {
                let told = render::error(&error).content;
                self.page(person, &story, step, &[told]).await
            }
        }
    }

    /// What is settled here, for whoever may change it.
    async fn settled(&self, person: &Person, of: &Incoming) -> Result<PlaceStory, ApiError> {
        if of.server.is_none() {
            let told = "there is nothing to settle here: use /setup in the server that it is about";
            return Err(ApiError::new(ErrorKind::Invalid, told));
        }
        let story = person.call(|service, context| async move { service.place(context, None).await }).await?;
        if story.may_change {
            return Ok(story);
        }
        let told = "only whoever manages this server may settle what Guildhall does in it";
        Err(ApiError::new(ErrorKind::Forbidden, told).hint("that is the permission Manage Server"))
    }

    async fn page(&self, person: &Person, story: &PlaceStory, step: SetupStep, notes: &[String]) -> Answer {
        let after = match step {
            SetupStep::Channels
            | SetupStep::Board
            | SetupStep::Alerts
            | SetupStep::Visibility
            | SetupStep::NoBoard
            | SetupStep::NoAlerts => return Ok(render::setup_channels(story, notes)),
            SetupStep::People { after } | SetupStep::Agents { after, .. } => after,
            SetupStep::Posters
            | SetupStep::Operators
            | SetupStep::Everybody
            | SetupStep::NoOperators
            | SetupStep::AllAgents => 0,
        };
        let agents = agents_after(person, after).await?;
        Ok(render::setup_people(story, &agents, after, notes))
    }

    /// The change that a step is; none: it only shows.
    async fn change(
        &self,
        person: &Person,
        of: &Incoming,
        step: SetupStep,
        chosen: &[String],
    ) -> Result<Option<PlaceChange>, ApiError> {
        let nothing = || ApiError::new(ErrorKind::Invalid, "nothing was chosen");
        let one = || chosen.first().cloned().ok_or_else(nothing);
        Ok(Some(match step {
            SetupStep::Channels | SetupStep::People { .. } => return Ok(None),
            SetupStep::Board => {
                let channel = one()?;
                self.try_channel(of, &channel, "The cards of new jobs that everybody may see stand here")
                    .await?;
                PlaceChange::Board(Some(channel))
            }
            SetupStep::Alerts => {
                let channel = one()?;
                self.try_channel(
                    of,
                    &channel,
                    "What operators must know of the jobs of this server is told here",
                )
                .await?;
                PlaceChange::Alerts(Some(channel))
            }
            SetupStep::NoBoard => PlaceChange::Board(None),
            SetupStep::NoAlerts => PlaceChange::Alerts(None),
            SetupStep::Visibility => PlaceChange::Visibility(match one()?.as_str() {
                render::VISIBLE => Visibility::Place,
                _ => Visibility::Private,
            }),
            // Everybody is a role, too, with the server's own number.
            SetupStep::Posters if chosen.iter().any(|role| is_everybody(of, role)) => {
                PlaceChange::Posters(Posters::Everybody)
            }
            SetupStep::Posters => PlaceChange::Posters(Posters::Groups(chosen.iter().cloned().collect())),
            SetupStep::Everybody => PlaceChange::Posters(Posters::Everybody),
            SetupStep::Operators => {
                let role = one()?;
                if is_everybody(of, &role) {
                    let told =
                        "everybody would be an operator of everybody's jobs: choose a role that few have";
                    return Err(ApiError::new(ErrorKind::Invalid, told));
                }
                PlaceChange::Operators(Some(role))
            }
            SetupStep::NoOperators => PlaceChange::Operators(None),
            SetupStep::AllAgents => PlaceChange::AllAgents,
            SetupStep::Agents { after, last } => {
                let allow: BTreeSet<AgentName> = chosen.iter().filter_map(|name| name.parse().ok()).collect();
                let offered = agents_after(person, after).await?.rows.into_iter();
                // Of what the list did not offer, nothing is said by leaving it out.
                let offered = offered.filter(|head| head.id.0 <= last).map(|head| head.name);
                let leave = offered.filter(|name| !allow.contains(name)).collect();
                PlaceChange::Agents { allow, leave }
            }
        }))
    }

    /// Writes into a channel that somebody chose: whether it can be done is known only then. Of the channel in which they
    /// are, Discord says it beforehand.
    async fn try_channel(&self, of: &Incoming, channel: &str, about: &str) -> Result<(), ApiError> {
        let wrong = |told: String| ApiError::new(ErrorKind::Invalid, told);
        let id: u64 = channel.parse().map_err(|_| wrong("this is no channel of Discord's".to_owned()))?;
        if of.channel == Some(id)
            && let Err(missing) = may_write(of.app_permissions)
        {
            return Err(wrong(format!("I may not write there: I need {}", missing.join(", "))));
        }
        let embed = Embed { description: format!("{about}."), color: 0x0058_65F2, ..Embed::default() };
        let hello = Message { embed: Some(embed), ..Message::default() };
        match self.discord.send(id, &hello, None, &format!("s{}", of.id)).await {
            Ok(_) => Ok(()),
            Err(DiscordError::Gone) => Err(wrong("the channel is gone".to_owned())),
            Err(DiscordError::Forbidden) => Err(wrong(
                "I may not write there: give me View Channel, Send Messages and Embed Links in that channel"
                    .to_owned(),
            )),
            Err(
                DiscordError::Closed
                | DiscordError::Worn
                | DiscordError::Archived
                | DiscordError::HasThread
                | DiscordError::Over
                | DiscordError::Other(_),
            ) => Err(wrong("Discord did not let me write there: try again".to_owned())),
        }
    }
}

/// Everybody is a role with the number of the server.
fn is_everybody(of: &Incoming, role: &str) -> bool {
    of.server.as_ref().is_some_and(|server| server.id.to_string() == role)
}

/// A page of the agents that may be chosen: by number, so that later ones come later.
async fn agents_after(person: &Person, after: i64) -> Result<Page<AgentHead>, ApiError> {
    let page = PageRequest { after: Some(after), limit: AGENTS };
    let found = person.call(|service, context| async move { service.agents(context, page).await }).await?;
    let mut rows = found.rows;
    rows.retain(|head| head.state.known() != Some(&AgentState::Retired));
    let is_more = rows.len() > OPTIONS_MAX || found.next.is_some();
    rows.truncate(OPTIONS_MAX);
    let next = rows.last().map(|head| head.id.0).or(found.next).filter(|_| is_more);
    Ok(Page { rows, next })
}
