//! Registering an agent, by a form or a file, and new versions of those that are there. Their secrets are seen elsewhere.

use super::{Answer, Bot, drafts, request_of};
use crate::definition::{Written, changes};
use crate::discord::{DiscordError, Response};
use crate::hall::Person;
use crate::incoming::{Attachment, Incoming, Options};
use crate::message::Message;
use crate::render;
use crate::room::Seat;
use guildhall_protocol::agent::{AgentDefinition, AgentKind, AgentName};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::FieldError;
use guildhall_protocol::view::{RegisterOptions, Updated};
use serde_json::Value;
use std::collections::BTreeMap;

impl Bot {
    /// Opens the form of a new agent; a file is read instead.
    pub(super) async fn open_register(
        &self,
        of: &Incoming,
        seat: &Seat,
        options: Options,
    ) -> Result<(), DiscordError> {
        let Some(file) = options.attachment else {
            let form = render::register_form(&BTreeMap::new());
            return self.respond(of, &Response::Form(form)).await;
        };
        let (bot, of_whom) = (self.clone(), of.clone());
        Box::pin(self.work(of, seat, async move { bot.register_file(&of_whom, &file).await })).await
    }

    async fn register_file(&self, of: &Incoming, file: &Attachment) -> Answer {
        let wrong = |told: String| ApiError::new(ErrorKind::Invalid, told).in_field("definition");
        let text = self.files.text(file).await.map_err(|error| wrong(error.to_string()))?;
        self.register(&self.hall.person(of), of, Written::File(text)).await
    }

    /// The form again, with what was written.
    pub(super) async fn edit_agent_form(&self, of: &Incoming, number: u64) -> Result<Value, ApiError> {
        let written = kept(&self.hall.person(of), number).await?;
        let typed = written.typed();
        let long =
            || ApiError::new(ErrorKind::Invalid, "no form holds this: edit the file, and send it again");
        Ok(render::register_form(&typed.ok_or_else(long)?))
    }

    /// Registers what was written, or shows what it would change of an agent of theirs.
    pub(super) async fn register(&self, person: &Person, of: &Incoming, written: Written) -> Answer {
        let before = match written.name() {
            Some(name) => own_definition(person, name).await?,
            None => None,
        };
        let definition = match written.definition(before.as_ref()) {
            Ok(definition) => definition,
            Err(problems) => return refused(person, of, &written, &problems, None).await,
        };
        let Some(before) = before else { return registered(person, of, &written, definition).await };
        let changes = changes(&before, &definition);
        if changes.is_empty() {
            return Ok(render::nothing_differs(&definition.name));
        }
        drafts::keep(person, Written::draft_name(of.id), &written).await?;
        Ok(render::may_update(&definition.name, &changes, of.id))
    }

    /// Makes a new version of what is kept; once, however often somebody clicks.
    pub(super) async fn new_version(&self, person: &Person, of: &Incoming, number: u64) -> Answer {
        let written = kept(person, number).await?;
        let name = written.name().ok_or_else(lost)?;
        let before = own_definition(person, name).await?.ok_or_else(lost)?;
        let definition = match written.definition(Some(&before)) {
            Ok(definition) => definition,
            Err(problems) => return refused(person, of, &written, &problems, None).await,
        };
        let request = format!("discord-version-{number}").parse().unwrap_or_else(|_| RequestId::fresh());
        let name = definition.name.clone();
        match update(person, request, definition).await {
            Ok(updated) => Ok(render::updated(&name, &updated)),
            Err(error) => refused(person, of, &written, &[], Some(error)).await,
        }
    }
}

/// Registers an agent that is new, and says where its secrets are seen.
async fn registered(
    person: &Person,
    of: &Incoming,
    written: &Written,
    definition: AgentDefinition,
) -> Answer {
    let (name, kind) = (definition.name.clone(), definition.kind);
    let registered = person.call_once(|service, context| {
        let (request, definition) = (request_of(of), definition.clone());
        async move { service.register_agent(context, request, definition, RegisterOptions::default()).await }
    });
    let registered = match registered.await {
        Ok(registered) => registered,
        Err(error) => return refused(person, of, written, &[], Some(error)).await,
    };
    let mut message = render::registered(&name, &registered);
    let next = match kind {
        AgentKind::Chat => render::bring_key(&name),
        // Nobody knows the first secrets: none of them has to count on.
        AgentKind::Native | AgentKind::A2a => super::secrets::link(person, &name, 0).await,
    };
    message.content.push('\n');
    message.content.push_str(&next.content);
    Ok(message)
}

async fn update(
    person: &Person,
    request: RequestId,
    definition: AgentDefinition,
) -> Result<Updated, ApiError> {
    let options = RegisterOptions::default();
    person
        .call(
            |service, context| async move { service.update_agent(context, request, definition, options).await },
        )
        .await
}

/// The whole definition of an agent that the person may change; none: there is none such.
async fn own_definition(person: &Person, name: AgentName) -> Result<Option<AgentDefinition>, ApiError> {
    let nothing = |error: ApiError| match error.kind {
        ErrorKind::NotFound | ErrorKind::Forbidden => Ok(None),
        ErrorKind::Invalid
        | ErrorKind::Conflict
        | ErrorKind::Limited
        | ErrorKind::Unavailable
        | ErrorKind::Unknown
        | ErrorKind::Unsupported
        | ErrorKind::Internal => Err(error),
    };
    let asked = name.clone();
    let story = match person.call(|service, context| async move { service.agent(context, asked).await }).await
    {
        Ok(story) => story,
        Err(error) => return nothing(error),
    };
    let version = story.head.version;
    // Not the story's definition: who may not change it reads it without its endpoint.
    let definition =
        person.call(|service, context| async move { service.agent_version(context, name, version).await });
    definition.await.map_or_else(nothing, |definition| Ok(Some(definition)))
}

/// What is wrong, with the way back to what was written.
async fn refused(
    person: &Person,
    of: &Incoming,
    written: &Written,
    problems: &[FieldError],
    error: Option<ApiError>,
) -> Answer {
    let told = match error {
        Some(error) if error.kind == ErrorKind::Unknown => {
            let hint = "it may have happened: look with /agent show before you do it again";
            return Ok(render::error(&error.hint(hint)));
        }
        Some(error) => render::error(&error),
        None => render::problems("definition", problems),
    };
    if written.typed().is_some() && drafts::keep(person, Written::draft_name(of.id), written).await.is_ok() {
        return Ok(render::not_registered(told, Some(of.id)));
    }
    let message: Message = render::not_registered(told, None);
    Ok(match written {
        Written::Typed(typed) => render::returned(message, typed),
        Written::File(_) => message,
    })
}

async fn kept(person: &Person, number: u64) -> Result<Written, ApiError> {
    drafts::kept(person, Written::draft_name(number)).await?.ok_or_else(lost)
}

fn lost() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "what you wrote is no longer kept, or the agent is not yours any more")
        .hint("begin again with /agent register")
}
