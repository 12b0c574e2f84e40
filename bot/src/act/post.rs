//! Posting: the form, what was given beside it, and what became of it.

use super::account::clock;
use super::{Answer, Bot, drafts, left, request_of};
use crate::custom_id::CustomId;
use crate::discord::{DiscordError, Response};
use crate::draft::{Draft, options_alone};
use crate::fields::{Field, asked};
use crate::hall::Person;
use crate::incoming::{Attachment, Incoming, Options};
use crate::message::Message;
use crate::refusal::Refusal;
use crate::render::{self, Seen};
use crate::room::Seat;
use crate::threads::{self, Opened};
use guildhall_protocol::account::CONSENT_FIELD;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{FieldError, JobDraft, Visibility};
use guildhall_protocol::place::PlaceStory;
use guildhall_protocol::view::{NewJob, Posted};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest wait for somebody's time zone before a form: their agent is asked then, too.
const CLOCK_MAX: Duration = Duration::from_millis(500);
/// Between two looks for a draft that is being kept: a file may still be on its way.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks until a draft is taken for lost.
const LOOKS: u32 = 120;

impl Bot {
    /// Opens the form of a new job. What was given beside it is kept meanwhile: a form has no room for it.
    pub(super) async fn open_post(
        &self,
        of: &Incoming,
        seat: &Seat,
        options: Options,
    ) -> Result<(), DiscordError> {
        if options.attachment.as_ref().is_some_and(|file| file.name.to_lowercase().ends_with(".jsonl")) {
            let (bot, of_whom) = (self.clone(), of.clone());
            return Box::pin(self.work(of, seat, async move { bot.many(&of_whom, options).await })).await;
        }
        // What the form does not show is said now: nobody could mend it there.
        let (checked, fields, here) = tokio::join!(
            self.check_options(of, &options),
            self.needed_by_agent(of, &options),
            self.here(of, left(of))
        );
        if let Err(why) = checked {
            return self.say(of, render::refusal(&why)).await;
        }
        if let Some(refused) = here.refuses(options.text("agent")) {
            return self.say(of, refused).await;
        }
        let fields = match fields {
            Ok(fields) => fields,
            Err(error) => return self.say(of, render::error(&error)).await,
        };
        let Options { mut values, attachment } = options;
        here.say_who_sees(&mut values);
        let has_more = !values.is_empty() || attachment.is_some();
        let typed = values.get("brief").map(|brief| ("brief".to_owned(), brief.clone()));
        let draft = Draft { options: values, fields, typed: typed.into_iter().collect(), ..Draft::default() };
        let form = form_of(&draft, has_more.then_some(of.id));
        if has_more {
            let (bot, of) = (self.clone(), of.clone());
            self.tasks.spawn(async move { bot.keep_options(&of, draft, attachment).await });
        }
        self.respond(of, &Response::Form(form)).await
    }

    async fn check_options(&self, of: &Incoming, options: &Options) -> Result<(), Refusal> {
        has_a_here(of, options)?;
        let person = self.hall.person(of);
        let known = tokio::time::timeout(CLOCK_MAX, clock(&person, options.text("deadline"))).await;
        // A form that comes late does not come at all: then it is said when it was filled in.
        if let Ok(clock) = known {
            options_alone(&options.values, &clock?)?;
        }
        Ok(())
    }

    /// What the agent that was named asks for, as far as a form shows it; nothing if it does not say so in time, or a file is
    /// its input.
    ///
    /// # Errors
    /// There is no such agent: better said before somebody writes a page for it.
    async fn needed_by_agent(&self, of: &Incoming, options: &Options) -> Result<Vec<Field>, ApiError> {
        let Some(name) = options.text("agent") else { return Ok(Vec::new()) };
        let name: AgentName = name
            .parse()
            .map_err(|_| ApiError::new(ErrorKind::Invalid, "no agent is named so").in_field("agent"))?;
        if options.attachment.is_some() {
            return Ok(Vec::new());
        }
        let person = self.hall.person(of);
        let story = person.call(|service, context| async move { service.agent(context, name).await });
        let most = if options.text("brief").is_some() { render::FIELDS_MAX } else { render::FIELDS_MAX - 1 };
        match tokio::time::timeout(left(of), story).await {
            Ok(Ok(story)) => {
                let schema = story.definition.input_schema;
                Ok(schema.and_then(|schema| asked(&schema.value(), most)).unwrap_or_default())
            }
            Ok(Err(error)) if error.kind == ErrorKind::NotFound => Err(error),
            Ok(Err(_)) | Err(_) => Ok(Vec::new()),
        }
    }

    /// What is settled where somebody is, if the daemon says it in time.
    pub(super) async fn here(&self, of: &Incoming, in_time: Duration) -> Here {
        let person = self.hall.person(of);
        let story = person.call(|service, context| async move { service.place(context, None).await });
        match tokio::time::timeout(in_time, story).await {
            Ok(Ok(story)) => Here::Known(Box::new(story)),
            Ok(Err(_)) | Err(_) => Here::Unknown,
        }
    }

    /// Keeps what was given beside a form, with the text of the file that came along.
    pub(super) async fn keep_options(&self, of: &Incoming, mut draft: Draft, attachment: Option<Attachment>) {
        if let Some(attachment) = attachment {
            match self.files.text(&attachment).await {
                Ok(text) => draft.material = Some(text),
                Err(why) => draft.problem = Some(why.to_string()),
            }
        }
        let person = self.hall.person(of);
        let Err(error) = keep(&person, of.id, &draft).await else { return };
        // Without the file at least: the form must find what belongs to it.
        let problem = format!("the file could not be kept: {}", error.message);
        let without = Draft { material: None, problem: draft.problem.or(Some(problem)), ..draft };
        if let Err(error) = keep(&person, of.id, &without).await {
            tracing::warn!(%error, "a draft could not be kept");
        }
    }

    /// Opens the form with the text of a message.
    pub(super) async fn open_post_with(&self, of: &Incoming, text: &str) -> Result<(), DiscordError> {
        let here = self.here(of, left(of)).await;
        if let Some(refused) = here.refuses(None) {
            return self.say(of, refused).await;
        }
        let typed = BTreeMap::from([("brief".to_owned(), text.to_owned())]);
        let mut draft = Draft { typed, ..Draft::default() };
        here.say_who_sees(&mut draft.options);
        let has_more = !draft.options.is_empty();
        let form = form_of(&draft, has_more.then_some(of.id));
        if has_more {
            let (bot, of) = (self.clone(), of.clone());
            self.tasks.spawn(async move { bot.keep_options(&of, draft, None).await });
        }
        self.respond(of, &Response::Form(form)).await
    }

    /// The form again, with what was typed.
    pub(super) async fn edit_form(&self, of: &Incoming, number: u64) -> Result<Value, ApiError> {
        let draft = kept(&self.hall.person(of), number).await?.ok_or_else(lost)?;
        Ok(form_of(&draft, Some(number)))
    }

    /// The form of a new job was filled in.
    pub(super) async fn post_submitted(
        &self,
        person: &Person,
        of: &Incoming,
        before: Option<u64>,
        typed: BTreeMap<String, String>,
    ) -> Answer {
        let mut draft = match before {
            None => Draft::default(),
            Some(number) => match waited(person, number).await.and_then(|draft| draft.ok_or_else(lost)) {
                Ok(draft) => draft,
                Err(error) => return Ok(render::returned(render::error(&error), &typed)),
            },
        };
        draft.typed = typed;
        if draft.options.get("preview").map(String::as_str) == Some("true") {
            return self.preview(person, of, &draft).await;
        }
        self.post(person, of, &draft, request_of(of)).await
    }

    async fn preview(&self, person: &Person, of: &Incoming, draft: &Draft) -> Answer {
        if let Err(error) = keep(person, of.id, draft).await {
            return Ok(render::returned(render::error(&error), &draft.typed));
        }
        let shown = async {
            let job = written(person, draft).await?;
            let preview = person.call(|service, context| async move { service.preview(context, job).await });
            Ok::<_, Refusal>(render::preview(&preview.await?, of.id))
        };
        match shown.await {
            Ok(shown) => Ok(shown),
            Err(why) => Ok(not_posted(person, of, draft, &why).await),
        }
    }

    /// Posts a draft that is kept.
    pub(super) async fn post_draft(&self, person: &Person, of: &Incoming, number: u64) -> Answer {
        let draft = kept(person, number).await?.ok_or_else(lost)?;
        // Whoever clicks twice posts once.
        let request = format!("discord-draft-{number}").parse().unwrap_or_else(|_| RequestId::fresh());
        self.post(person, of, &draft, request).await
    }

    /// Consents, and posts what waited for it.
    pub(super) async fn consent(
        &self,
        person: &Person,
        of: &Incoming,
        version: String,
        draft: u64,
    ) -> Answer {
        let request = request_of(of);
        person
            .call(|service, context| async move { service.consent(context, request, version).await })
            .await?;
        let is_many = kept(person, draft).await?.is_some_and(|draft| draft.is_many);
        if is_many {
            return self.post_many(person, of, draft).await;
        }
        self.post_draft(person, of, draft).await
    }

    /// Posts what nobody clicked on before.
    pub(super) async fn post_new(&self, person: &Person, of: &Incoming, draft: &Draft) -> Answer {
        self.post(person, of, draft, request_of(of)).await
    }

    async fn post(&self, person: &Person, of: &Incoming, draft: &Draft, request: RequestId) -> Answer {
        // What is told of a job that is quick finds its card and thread all the same.
        let posting = self.posters.begin(of.user.id);
        let posted = posted(person, draft, request).await;
        let why = match posted {
            Ok(posted) if draft.is_trial() => {
                // It has no card, and its answer may take minutes.
                drop(posting);
                return self.tried(person, posted.id).await;
            }
            Ok(posted) => {
                // Of what was posted before there is a card already, unless we died in between.
                let card = if posted.repeated {
                    self.cards.put_once(self, person, of, posted.id).await
                } else {
                    self.cards.put(self, person, of, posted.id).await
                };
                let mut message = render::posted(posted.id, card);
                if draft.wants_thread() {
                    let opened = threads::open(self, person, of, posted.id).await;
                    let opened = opened.unwrap_or(Opened::CannotHere);
                    message.content.push_str(&format!("\n{}", render::opened(posted.id, opened)));
                }
                return Ok(message);
            }
            Err(why) => why,
        };
        if let Refusal::Other(error) = &why {
            if error.kind == ErrorKind::Unknown {
                return Ok(render::may_be_posted(error, draft));
            }
            // What was typed is not lost, if the daemon can keep it.
            let waits = error.field.as_deref() == Some(CONSENT_FIELD);
            if waits && keep(person, of.id, draft).await.is_ok() {
                let policy = person.call(|service, context| async move { service.policy(context).await });
                return Ok(render::policy(&policy.await?, Some(of.id)));
            }
        }
        Ok(not_posted(person, of, draft, &why).await)
    }
}

/// What is settled where somebody posts: in a server, or beside all of them.
pub(super) enum Here {
    /// The daemon does not say it in time.
    Unknown,
    Known(Box<PlaceStory>),
}

impl Here {
    /// Why nothing can be posted, better said before somebody writes a page.
    pub(super) fn refuses(&self, agent: Option<&str>) -> Option<Message> {
        let Self::Known(story) = self else { return None };
        let settings = &story.head.settings;
        if !story.may_post {
            return Some(render::may_not_post(settings));
        }
        let agent: AgentName = agent?.parse().ok()?;
        let told = format!("{agent} gets no jobs in this server");
        let error =
            ApiError::new(ErrorKind::Invalid, told).in_field("agent").hint("name another one, or none");
        (!settings.allows(&agent)).then(|| render::error(&error))
    }

    /// What the form shows is what holds, whatever is settled while it is filled in: who sees the job is said with it.
    pub(super) fn say_who_sees(&self, options: &mut BTreeMap<String, String>) {
        let usual = match self {
            Self::Unknown => "private",
            Self::Known(story) => match story.head.settings.visibility {
                Visibility::Place => render::VISIBLE,
                Visibility::Private => return,
            },
        };
        options.entry("visibility".to_owned()).or_insert_with(|| usual.to_owned());
    }
}

/// Whether there are others here, if they are to see what is posted: those outside of servers have nothing in common.
pub(super) fn has_a_here(of: &Incoming, options: &Options) -> Result<(), Refusal> {
    if of.server.is_some() || options.text("visibility") != Some(render::VISIBLE) {
        return Ok(());
    }
    let told = "is for a server, and there is no server here: without it, only you see the job";
    Err(vec![FieldError::new("visibility", told)].into())
}

/// The job that somebody wrote, by their own clock.
async fn written(person: &Person, draft: &Draft) -> Result<JobDraft, Refusal> {
    Ok(draft.job(&clock(person, draft.given("deadline")).await?)?)
}

/// Posts a draft; the same request posts nothing twice.
async fn posted(person: &Person, draft: &Draft, request: RequestId) -> Result<Posted, Refusal> {
    let job = NewJob { request, draft: written(person, draft).await? };
    let posted = person.call_once(|service, context| {
        let jobs = vec![job.clone()];
        async move { service.post(context, jobs).await }
    });
    let nothing = || ApiError::new(ErrorKind::Internal, "the daemon posted nothing");
    Ok(posted.await?.pop().ok_or_else(nothing)??)
}

/// What is wrong, with what was typed and the way back to it.
async fn not_posted(person: &Person, of: &Incoming, draft: &Draft, why: &Refusal) -> Message {
    // What is edited now goes without a file that was no use: else it would be refused for ever.
    let draft = Draft { problem: None, ..draft.clone() };
    let kept = keep(person, of.id, &draft).await.ok().map(|()| of.id);
    render::not_posted(why, &draft, kept)
}

/// The form of a job: an agent's own, if it says what it needs.
pub(super) fn form_of(draft: &Draft, kept_as: Option<u64>) -> Value {
    let id = CustomId::Post { draft: kept_as };
    let is_seen = draft.options.get("visibility").is_some_and(|visibility| visibility == render::VISIBLE);
    let seen = if is_seen { Seen::ByAll } else { Seen::Privately };
    match draft.options.get("agent") {
        Some(agent) if !draft.fields.is_empty() => render::agent_form(&id, agent, draft, seen),
        Some(agent) if draft.is_trial() => render::try_form(&id, agent, &draft.typed),
        _ => render::post_form(&id, &draft.typed, seen),
    }
}

pub(super) fn lost() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "what you gave beside the form is no longer kept, or never was")
        .hint("begin again with /job post")
}

pub(super) async fn keep(person: &Person, number: u64, draft: &Draft) -> Result<(), ApiError> {
    drafts::keep(person, Draft::name(number), draft).await
}

pub(super) async fn kept(person: &Person, number: u64) -> Result<Option<Draft>, ApiError> {
    drafts::kept(person, Draft::name(number)).await
}

/// A draft that may be on its way still.
async fn waited(person: &Person, number: u64) -> Result<Option<Draft>, ApiError> {
    for _ in 0..LOOKS {
        if let Some(draft) = kept(person, number).await? {
            return Ok(Some(draft));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(None)
}
