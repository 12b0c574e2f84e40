//! Posting the jobs of a file: they are shown first, and posted once.

use super::account::clock;
use super::post::{has_a_here, keep, kept, lost};
use super::{AT_ONCE, Answer, Bot};
use crate::draft::Draft;
use crate::hall::Person;
use crate::incoming::{Incoming, Options};
use crate::many::{beside, jobs_of};
use crate::message::Message;
use crate::refusal::Refusal;
use crate::render;
use guildhall_protocol::account::CONSENT_FIELD;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::view::NewJob;

impl Bot {
    /// Reads the jobs of a file, and shows what would be posted.
    pub(super) async fn many(&self, of: &Incoming, options: Options) -> Answer {
        let shown = self.shown_many(of, options).await;
        Ok(shown.unwrap_or_else(|why| render::refusal(&why)))
    }

    async fn shown_many(&self, of: &Incoming, mut options: Options) -> Result<Message, Refusal> {
        has_a_here(of, &options)?;
        let here = self.here(of, AT_ONCE).await;
        if let Some(refused) = here.refuses(options.text("agent")) {
            return Ok(refused);
        }
        here.say_who_sees(&mut options.values);
        let wrong = |told: String| ApiError::new(ErrorKind::Invalid, told).in_field("material");
        let alone =
            |field: &str, told: &str| Err(ApiError::new(ErrorKind::Invalid, told).in_field(field).into());
        if options.text("thread") == Some("true") {
            return alone("thread", "a thread is for one job: leave it out with a file of jobs");
        }
        if options.text("brief").is_some() {
            return alone("brief", "each line of a file of jobs says what it wants: leave it out");
        }
        let attachment = options.attachment.as_ref().ok_or_else(|| wrong("there is no file".to_owned()))?;
        let text = self.files.text(attachment).await.map_err(|error| wrong(error.to_string()))?;
        let person = self.hall.person(of);
        let clock = clock(&person, options.text("deadline")).await?;
        let jobs = beside(&options.values, jobs_of(&text)?, &clock)?;
        let shown = render::many(&jobs, &options.values, of.id);
        let draft =
            Draft { options: options.values, material: Some(text), is_many: true, ..Draft::default() };
        keep(&person, of.id, &draft).await?;
        Ok(shown)
    }

    /// Posts the jobs of a file that is kept; once, however often somebody clicks.
    pub(super) async fn post_many(&self, person: &Person, of: &Incoming, number: u64) -> Answer {
        let draft = kept(person, number).await?.ok_or_else(lost)?;
        let clock = clock(person, draft.given("deadline")).await?;
        let jobs = jobs_of(draft.material.as_deref().unwrap_or_default())?;
        let jobs = match beside(&draft.options, jobs, &clock) {
            Ok(jobs) => jobs,
            Err(wrong) => return Ok(render::refusal(&wrong.into())),
        };
        let jobs = jobs.into_iter().zip(1..).map(|(draft, line)| {
            let request = format!("discord-draft-{number}-{line}").parse();
            NewJob { request: request.unwrap_or_else(|_| RequestId::fresh()), draft }
        });
        let jobs: Vec<NewJob> = jobs.collect();
        let posted = person.call_once(|service, context| {
            let jobs = jobs.clone();
            async move { service.post(context, jobs).await }
        });
        let posted = posted.await?;
        let waits = |error: &ApiError| error.field.as_deref() == Some(CONSENT_FIELD);
        if posted.iter().any(|job| job.as_ref().is_err_and(waits)) {
            let policy = person.call(|service, context| async move { service.policy(context).await });
            return Ok(render::policy(&policy.await?, Some(number)));
        }
        let numbers: Vec<JobId> = posted.iter().flatten().map(|job| job.id).collect();
        let (bot, person, of) = (self.clone(), person.clone(), of.clone());
        self.tasks.spawn(async move { bot.cards.put_on_board(&bot, &person, &of, numbers).await });
        Ok(render::posted_many(&posted))
    }
}
