//! Doing what somebody wants, and answering in time: at once where the daemon is quick, else with a thought first. A form
//! must be the first answer.

mod account;
mod agents;
mod decide;
mod drafts;
mod many;
mod outdated;
mod post;
mod register;
mod secrets;
mod setup;
mod trial;

use crate::cards::Cards;
use crate::custom_id::CustomId;
use crate::discord::{Discord, DiscordError, Response};
use crate::hall::{Hall, Person};
use crate::health::Counters;
use crate::incoming::{Incoming, What};
use crate::message::{Button, Message, Style, fit, line};
use crate::posting::Posters;
use crate::render;
use crate::room::Seat;
use crate::route::{Action, route};
use crate::setup_step::SetupStep;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::listing::{JobQuery, JobSort, PageFrom};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::view::{JobFilter, JobHead, JobStory, PageRequest};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// Discord waits 3 s for the first answer; whoever needs longer than this says that it comes later.
const AT_ONCE: Duration = Duration::from_millis(1_500);
/// An interaction can be answered for 15 minutes.
const ANSWER_MAX: Duration = Duration::from_mins(14);
/// States of jobs that have not ended.
const OPEN: [&str; 7] = ["open", "assigned", "working", "input_required", "evaluating", "in_review", "held"];
/// Jobs on a page.
const PAGE: u32 = 10;
/// For whoever takes no direct messages.
const CLOSED: &str =
    "📪 Direct messages do not reach you: open them for this server, or look into `/inbox` now and then.\n";
/// Longest name of a choice, characters.
const CHOICE_MAX: usize = 100;
/// Choices that Discord takes.
const CHOICES_MAX: u8 = 25;

/// The bot at work.
#[derive(Clone)]
pub(crate) struct Bot {
    pub(crate) discord: Discord,
    pub(crate) hall: Arc<Hall>,
    pub(crate) cards: Arc<Cards>,
    pub(crate) posters: Arc<Posters>,
    pub(crate) files: Arc<crate::files::Files>,
    pub(crate) counters: Arc<Counters>,
    /// Settings are read, changed and written whole: one at a time, so that two quick clicks both count.
    pub(crate) settings: Arc<tokio::sync::Mutex<()>>,
    /// Answers of trials that are waited for: few enough that everybody else is answered meanwhile.
    pub(crate) trials: Arc<tokio::sync::Semaphore>,
    /// Whatever goes on beside an answer: it is waited for when the bot ends.
    pub(crate) tasks: TaskTracker,
}

type Answer = Result<Message, ApiError>;

impl Bot {
    /// Does what somebody wants. Whatever goes wrong is said to them, or logged.
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else is work, and comes to `perform`")]
    pub(crate) async fn handle(&self, incoming: Incoming, seat: Seat) {
        self.cards.hears(&incoming);
        let action = route(&incoming);
        let answered = match action {
            Action::OpenPost(options) => Box::pin(self.open_post(&incoming, &seat, options)).await,
            Action::OpenPostWith(text) => self.open_post_with(&incoming, &text).await,
            Action::OpenRegister(options) => Box::pin(self.open_register(&incoming, &seat, options)).await,
            Action::OpenTry(agent, options) => {
                Box::pin(self.open_try(&incoming, &seat, agent, options)).await
            }
            Action::Clicked(CustomId::EditAgent { draft }) => {
                self.form(&incoming, self.edit_agent_form(&incoming, draft)).await
            }
            Action::OpenAgain(job) | Action::Clicked(CustomId::AgainForm { job }) => {
                self.respond(&incoming, &Response::Form(render::again_form(job))).await
            }
            Action::Clicked(CustomId::WhatIsWrong { job, epoch }) => {
                let id = CustomId::RequestChanges { job, epoch };
                let form = render::reason_form(
                    &id,
                    &format!("Job {job}: changes"),
                    "What is wrong with the answer?",
                );
                self.respond(&incoming, &Response::Form(form)).await
            }
            Action::Clicked(CustomId::WhyDispute { job, epoch }) => {
                let id = CustomId::Dispute { job, epoch };
                let form = render::reason_form(
                    &id,
                    &format!("Job {job}: an operator"),
                    "What should an operator know?",
                );
                self.respond(&incoming, &Response::Form(form)).await
            }
            Action::Clicked(CustomId::AnswerForm { job }) => {
                self.form(&incoming, self.answer_form(&incoming, job)).await
            }
            Action::Clicked(CustomId::EditPost { draft }) => {
                self.form(&incoming, self.edit_form(&incoming, draft)).await
            }
            Action::CompleteJobs(text) => {
                let choices = Box::pin(self.job_choices(&incoming, &text));
                self.choose(&incoming, choices).await
            }
            Action::CompleteZones(text) => {
                self.choose(&incoming, std::future::ready(Ok(account::zone_choices(&text)))).await
            }
            Action::CompleteAgents(text) => {
                self.choose(&incoming, self.agent_choices(&incoming, &text, false)).await
            }
            Action::CompleteWorkers(text) => {
                self.choose(&incoming, self.agent_choices(&incoming, &text, true)).await
            }
            Action::Clicked(CustomId::Setup(step)) => self.settle(&incoming, &seat, step, Vec::new()).await,
            Action::Chosen(CustomId::Setup(step), values) => {
                self.settle(&incoming, &seat, step, values).await
            }
            Action::Help(topic) => self.say(&incoming, render::help(topic.as_deref())).await,
            Action::Wrong(why) => self.say(&incoming, Message::of(format!("⚠️ {why}."))).await,
            // What was asked is answered, and asks no longer.
            Action::Clicked(CustomId::Keep) => {
                self.respond(&incoming, &Response::Update(Message::of("It is left as it is."))).await
            }
            Action::MayCancel(job) | Action::Clicked(CustomId::MayCancel { job }) => {
                self.say(&incoming, may_cancel(job)).await
            }
            Action::MayRetire(agent) => self.say(&incoming, may_retire(agent)).await,
            Action::MayRotate { agent, overlap, now } => {
                let asked = secrets::may_rotate(agent, overlap.as_deref(), now);
                self.say(&incoming, asked.unwrap_or_else(|error| render::error(&error))).await
            }
            other => {
                let bot = self.clone();
                let of = incoming.clone();
                Box::pin(self.work(&incoming, &seat, async move { bot.perform(&of, other).await })).await
            }
        };
        match answered {
            Ok(()) => {}
            // Whoever asked has gone, or another of us was faster.
            Err(DiscordError::Over) => tracing::debug!("an interaction was over before it was answered"),
            Err(error) => {
                Counters::one(&self.counters.failed);
                tracing::warn!(%error, "an interaction could not be answered");
            }
        }
    }

    /// The first answer.
    async fn respond(&self, incoming: &Incoming, response: &Response) -> Result<(), DiscordError> {
        self.discord.respond(incoming, response).await?;
        self.counters.answered(incoming.heard_at.elapsed());
        if matches!(response, Response::Later | Response::UpdateLater) {
            Counters::one(&self.counters.deferred);
        }
        Ok(())
    }

    async fn say(&self, incoming: &Incoming, message: Message) -> Result<(), DiscordError> {
        self.respond(incoming, &Response::Private(message)).await
    }

    /// Answers with what comes of some work: at once if it is quick.
    async fn work(
        &self,
        incoming: &Incoming,
        seat: &Seat,
        work: impl Future<Output = Answer> + Send,
    ) -> Result<(), DiscordError> {
        let work = async {
            let answer = work.await;
            let is_closed = self.hears_closed(incoming, &answer).await;
            let mut message = answer.unwrap_or_else(|error| render::error(&error));
            if is_closed {
                // Before a long answer, of which the end is cut off: it is said this once.
                message.content.insert_str(0, CLOSED);
            }
            message
        };
        tokio::pin!(work);
        if let Ok(answer) = tokio::time::timeout(left(incoming), &mut work).await {
            return self.say(incoming, answer).await;
        }
        let Some(_waiting) = seat.wait() else { return self.say(incoming, too_many_wait()).await };
        let deferred = self.respond(incoming, &Response::Later).await;
        let answer = tokio::time::timeout(ANSWER_MAX, work).await.unwrap_or_else(|_| took_too_long());
        // What was begun is brought to its end, whether or not anybody hears of it.
        deferred?;
        self.discord.complete(incoming, &answer).await
    }

    /// Whether somebody is to hear now that direct messages do not reach them.
    async fn hears_closed(&self, incoming: &Incoming, answer: &Answer) -> bool {
        // A daemon that did not answer just now is not waited for once more.
        if answer
            .as_ref()
            .is_err_and(|error| matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Unknown))
        {
            return false;
        }
        let person = self.hall.person(incoming);
        let heard = person
            .call(|service, context| async move { service.hear_closed(context, Channel::Discord).await });
        heard.await.unwrap_or(false)
    }

    /// Does a step of settling something, and shows what comes of it in the message that it came from.
    async fn settle(
        &self,
        incoming: &Incoming,
        seat: &Seat,
        step: SetupStep,
        chosen: Vec<String>,
    ) -> Result<(), DiscordError> {
        let work = async {
            let answer = self.setup_step(&self.hall.person(incoming), incoming, step, &chosen).await;
            answer.unwrap_or_else(|error| render::error(&error))
        };
        tokio::pin!(work);
        if let Ok(answer) = tokio::time::timeout(left(incoming), &mut work).await {
            return self.respond(incoming, &Response::Update(answer)).await;
        }
        let Some(_waiting) = seat.wait() else { return self.say(incoming, too_many_wait()).await };
        let deferred = self.respond(incoming, &Response::UpdateLater).await;
        let answer = tokio::time::timeout(ANSWER_MAX, work).await.unwrap_or_else(|_| took_too_long());
        deferred?;
        self.discord.complete(incoming, &answer).await
    }

    /// Opens a form that the daemon knows, while there is time for one.
    async fn form(
        &self,
        incoming: &Incoming,
        form: impl Future<Output = Result<Value, ApiError>> + Send,
    ) -> Result<(), DiscordError> {
        let slow = || ApiError::new(ErrorKind::Unavailable, "the daemon is slow at the moment");
        match tokio::time::timeout(left(incoming), form).await.unwrap_or_else(|_| Err(slow())) {
            Ok(form) => self.respond(incoming, &Response::Form(form)).await,
            Err(error) => self.say(incoming, render::error(&error)).await,
        }
    }

    async fn choose(
        &self,
        incoming: &Incoming,
        choices: impl Future<Output = Result<Vec<(String, String)>, ApiError>> + Send,
    ) -> Result<(), DiscordError> {
        // Nobody is told of an error while they type.
        let choices =
            tokio::time::timeout(left(incoming), choices).await.ok().and_then(Result::ok).unwrap_or_default();
        let choices = choices.into_iter().take(usize::from(CHOICES_MAX)).collect();
        self.respond(incoming, &Response::Choices(choices)).await
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "forms and short answers are given before")]
    async fn perform(&self, of: &Incoming, action: Action) -> Answer {
        let person = self.hall.person(of);
        match action {
            Action::List { after } => list(&person, after).await,
            Action::Clicked(CustomId::List { after }) => list(&person, Some(after)).await,
            Action::Show(job) | Action::Clicked(CustomId::Show { job }) => self.show(&person, of, job).await,
            Action::Why(job) => Ok(render::why(&story(&person, job).await?)),
            Action::Share { job, with, stop } => {
                let request = request_of(of);
                let head = person
                    .call(|service, context| async move {
                        service.share_job(context, request, job, with, !stop).await
                    })
                    .await?;
                let done = if stop { "is no longer shared with them" } else { "is shared with them" };
                Ok(Message::of(format!("✅ Job {} {done}.", head.id)))
            }
            Action::Inbox => {
                let inbox = person.call(|service, context| async move { service.inbox(context).await });
                Ok(render::inbox(&inbox.await?))
            }
            Action::Setup => self.setup(&person, of).await,
            Action::Queue => {
                let filter = JobFilter { states: OPEN.map(str::to_owned).to_vec(), ..JobFilter::default() };
                let page = PageRequest { after: None, limit: 2 * PAGE };
                let jobs =
                    person.call(|service, context| async move { service.jobs(context, filter, page).await });
                Ok(render::queue(&jobs.await?))
            }
            Action::Status => {
                let asked = Instant::now();
                let status = person.call(|service, context| async move { service.status(context).await });
                Ok(render::status(&status.await?, asked.elapsed().as_millis()))
            }
            Action::Account => {
                let user = person.call(|service, context| async move { service.user(context, None).await });
                Ok(render::account(&user.await?))
            }
            Action::Link(code) => {
                let asked = code.clone();
                let offer =
                    person.call(|service, context| async move { service.link_offer(context, asked).await });
                Ok(render::link_offer(&offer.await?, &code))
            }
            Action::Clicked(CustomId::Join { code }) => {
                let request = request_of(of);
                let story = person
                    .call(|service, context| async move { service.link(context, request, code).await })
                    .await?;
                Ok(render::account(&story))
            }
            Action::Privacy => {
                let policy = person.call(|service, context| async move { service.policy(context).await });
                Ok(render::policy(&policy.await?, None))
            }
            Action::Timezone(said) => self.timezone(&person, of, said).await,
            Action::Usage => self.usage(&person).await,
            Action::Notify { of: kind, how } => self.notify(&person, of, kind, how).await,
            Action::Clicked(CustomId::Silence { kind }) => {
                self.notify(&person, of, Some(kind), Some("off".to_owned())).await
            }
            Action::Clicked(CustomId::Unsilence { kind }) => {
                self.notify(&person, of, Some(kind), Some("usual".to_owned())).await
            }
            Action::FindAgents(_)
            | Action::ListAgents
            | Action::ShowAgent(_)
            | Action::TestAgent(_)
            | Action::PauseAgent(_)
            | Action::ResumeAgent(_)
            | Action::Clicked(CustomId::Retire { .. }) => self.about_agents(&person, of, action).await,
            Action::Submitted(id, fields) => {
                let submitted = self.submitted(&person, of, id, fields.clone()).await;
                submitted.or_else(|error| Ok(render::returned(render::error(&error), &fields)))
            }
            Action::Clicked(id) => self.clicked(&person, of, id).await,
            _ => Ok(Message::of("⚠️ This is newer than the bot.")),
        }
    }

    /// A job with its answer, for whoever may see it.
    async fn show(&self, person: &Person, of: &Incoming, job: JobId) -> Answer {
        let story = story(person, job).await?;
        let (brief, answer) = crate::cards::texts(person, &story).await?;
        let mut card = render::card(&story, brief.as_deref(), answer.as_deref());
        let is_shown = matches!(&of.what, What::Click { .. });
        if of.can_post && of.server.is_some() && !is_shown && !story.allowed.is_empty() {
            let here = CustomId::CardHere { job };
            card.buttons.push(Button::new("Put the card here", Style::Secondary, &here));
        }
        Ok(card)
    }

    /// Somebody's own jobs: the one with this number, and those with it in their title, newest first.
    async fn job_choices(&self, of: &Incoming, text: &str) -> Result<Vec<(String, String)>, ApiError> {
        let person = self.hall.person(of);
        let wanted = text.trim().trim_start_matches('#');
        let number = wanted.parse().ok().map(JobId);
        let text = (!wanted.is_empty()).then(|| wanted.to_owned());
        let filter = JobFilter { mine: true, text, ..JobFilter::default() };
        let query =
            JobQuery { filter, sort: JobSort::default(), from: PageFrom::First, limit: CHOICES_MAX.into() };
        let found = person.call(|service, context| async move { service.find_jobs(context, query).await });
        let numbered = async {
            // Who types a number that is no job's looks for a title.
            match number {
                Some(job) => story(&person, job).await.ok().map(|story| story.head),
                None => None,
            }
        };
        let (found, numbered) = tokio::join!(found, numbered);
        let others = found?.rows.into_iter().filter(|head| Some(head.id) != number);
        let choice = |head: JobHead| {
            let title = guildhall_protocol::clean::clean_line(head.title.as_deref().unwrap_or_default());
            let name = format!("{} {title} ({})", head.id, head.state);
            (fit(&name, CHOICE_MAX), head.id.to_string())
        };
        Ok(numbered.into_iter().chain(others).map(choice).collect())
    }
}

/// How long something may take that must be done before the first answer.
fn left(incoming: &Incoming) -> Duration {
    AT_ONCE.saturating_sub(incoming.heard_at.elapsed())
}

fn too_many_wait() -> Message {
    let many = ApiError::new(ErrorKind::Unknown, "too many wait for the daemon at the moment");
    render::error(&many.hint("look whether it happened all the same before you do it again"))
}

fn took_too_long() -> Message {
    render::error(&ApiError::new(ErrorKind::Unknown, "it took too long: look before you do it again"))
}

fn may_cancel(job: JobId) -> Message {
    Message::of(format!("Call job {job} off? What an agent is doing for it stops counting.")).with(vec![
        Button::new("Leave it", Style::Secondary, &CustomId::Keep),
        Button::new("Call it off", Style::Danger, &CustomId::Cancel { job }),
    ])
}

fn may_retire(agent: AgentName) -> Message {
    let name = line(agent.as_str(), 40);
    Message::of(format!(
        "Retire {name} for good? What it works on now ends as it may; nobody brings it back."
    ))
    .with(vec![
        Button::new("Leave it", Style::Secondary, &CustomId::Keep),
        Button::new("Retire it", Style::Danger, &CustomId::Retire { agent }),
    ])
}

async fn list(person: &Person, after: Option<i64>) -> Answer {
    let filter = JobFilter { mine: true, ..JobFilter::default() };
    let page = PageRequest { after, limit: PAGE };
    let jobs = person.call(|service, context| async move { service.jobs(context, filter, page).await });
    Ok(render::jobs(&jobs.await?))
}

/// A job's story, in somebody's name.
pub(crate) async fn story(person: &Person, job: JobId) -> Result<JobStory, ApiError> {
    person.call(|service, context| async move { service.job(context, job).await }).await
}

/// The same interaction is the same request, however often it arrives.
fn request_of(incoming: &Incoming) -> RequestId {
    format!("discord-{}", incoming.id).parse().unwrap_or_else(|_| RequestId::fresh())
}
