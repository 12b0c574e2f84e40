//! Trying an agent out: a job for it alone that counts for nobody, and whose answer comes back to whoever tries.

use super::{Answer, Bot, left, story};
use crate::discord::{DiscordError, Response};
use crate::draft::Draft;
use crate::fields::asked;
use crate::hall::Person;
use crate::incoming::{Incoming, Options};
use crate::message::Message;
use crate::render;
use crate::room::Seat;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::{AgentStory, JobStory, Scope};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long somebody waits for the answer of a trial; later it comes by direct message.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// Longest wait of one look, ms.
const LOOK_MS: u64 = 10_000;

impl Bot {
    /// Opens the form of a trial; with its input given, it is posted at once.
    pub(super) async fn open_try(
        &self,
        of: &Incoming,
        seat: &Seat,
        agent: AgentName,
        options: Options,
    ) -> Result<(), DiscordError> {
        let (person, name) = (self.hall.person(of), agent.clone());
        let story = person.call(|service, context| async move { service.agent(context, name).await });
        let (story, here) = tokio::join!(tokio::time::timeout(left(of), story), self.here(of, left(of)));
        if let Some(refused) = here.refuses(Some(agent.as_str())) {
            return self.say(of, refused).await;
        }
        let story = match story {
            Ok(Ok(story)) => Some(story),
            Ok(Err(error)) if error.kind == ErrorKind::NotFound => {
                return self.say(of, render::error(&error)).await;
            }
            // Whoever waits for a form gets the plain one.
            Ok(Err(_)) | Err(_) => None,
        };
        let draft = draft(&agent, story.as_ref(), options.text("input"));
        if draft.material.is_some() {
            let (bot, of_whom) = (self.clone(), of.clone());
            let post = async move { bot.post_new(&bot.hall.person(&of_whom), &of_whom, &draft).await };
            return Box::pin(self.work(of, seat, post)).await;
        }
        let form = super::post::form_of(&draft, Some(of.id));
        let (bot, of_whom) = (self.clone(), of.clone());
        self.tasks.spawn(async move { bot.keep_options(&of_whom, draft, None).await });
        self.respond(of, &Response::Form(form)).await
    }

    /// Waits a while for what becomes of a trial, unless many are waited for already. It is posted: if the daemon goes away
    /// meanwhile, it goes on all the same.
    pub(super) async fn tried(&self, person: &Person, job: JobId) -> Answer {
        let Ok(_one_of_few) = self.trials.try_acquire() else { return Ok(render::trial_goes_on(job)) };
        Ok(watched(person, job).await.ok().flatten().unwrap_or_else(|| render::trial_goes_on(job)))
    }
}

/// What became of a trial; none: it goes on.
async fn watched(person: &Person, job: JobId) -> Result<Option<Message>, ApiError> {
    let ends = Instant::now() + WAIT_MAX;
    let mut seen = 0;
    loop {
        let story = story(person, job).await?;
        if is_over(&story) {
            let (_, answer) = crate::cards::texts(person, &story).await?;
            return Ok(Some(render::tried(&story, answer.as_deref())));
        }
        if Instant::now() >= ends {
            return Ok(None);
        }
        seen = wait(person, job, seen).await?;
    }
}

async fn wait(person: &Person, job: JobId, seen: u64) -> Result<u64, ApiError> {
    person
        .call(|service, context| async move {
            service.wait_for_change(context, Scope::Job(job), seen, LOOK_MS).await
        })
        .await
}

/// Whether there is something to show: it has ended, or waits for whoever tries.
fn is_over(story: &JobStory) -> bool {
    story.head.state.known().is_none_or(|state| {
        let waits = matches!(state, JobState::InReview(_) | JobState::InputRequired(_) | JobState::Held(_));
        waits || state.is_terminal()
    })
}

/// A trial as the command line makes it: where a schema checks the answer, that is all; otherwise whoever tries looks at it.
fn draft(agent: &AgentName, story: Option<&AgentStory>, input: Option<&str>) -> Draft {
    let definition = story.map(|story| &story.definition);
    let is_checked = definition.is_some_and(|definition| definition.output_schema.is_some());
    let brief = format!("Trying {agent} out.");
    let mut options = BTreeMap::from(
        [
            ("agent", agent.to_string()),
            ("trial", "true".to_owned()),
            ("brief", brief),
            // Whatever is usual in the server: it is between whoever tries and the agent.
            ("visibility", "private".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if is_checked {
        options.insert("review".to_owned(), "never".to_owned());
    }
    if let Some(input) = input {
        return Draft { options, material: Some(input.to_owned()), ..Draft::default() };
    }
    let schema = definition.and_then(|definition| definition.input_schema.as_ref());
    let fields = schema.and_then(|schema| asked(&schema.value(), render::FIELDS_MAX)).unwrap_or_default();
    let mut typed = BTreeMap::new();
    let example = definition.and_then(|definition| definition.examples.first());
    if let Some(example) = example.filter(|_| fields.is_empty()) {
        let input = example.input.value();
        let text = input.as_str().map_or_else(|| example.input.as_str().to_owned(), str::to_owned);
        typed.insert("material".to_owned(), text);
    }
    Draft { options, fields, typed, ..Draft::default() }
}
