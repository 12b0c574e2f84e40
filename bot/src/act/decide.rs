//! Deciding: accepting, asking for changes, answering, calling off.

use super::{Answer, Bot, request_of, story};
use crate::cards::Stands;
use crate::commands::KINDS;
use crate::custom_id::CustomId;
use crate::definition::Written;
use crate::fields::{Field, object};
use crate::hall::Person;
use crate::incoming::Incoming;
use crate::message::{Button, Message, Style};
use crate::render;
use crate::threads;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::FieldError;
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::Order;
use serde_json::Value;
use std::collections::BTreeMap;

impl Bot {
    /// A button that does something at once.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others open forms or show things")]
    pub(super) async fn clicked(&self, person: &Person, of: &Incoming, id: CustomId) -> Answer {
        match id {
            CustomId::Accept { job, epoch } => {
                let order = Order { epoch: Some(epoch), ..Order::of(JobAction::Accept) };
                self.ordered(person, of, job, order, "is accepted", &BTreeMap::new()).await
            }
            CustomId::Cancel { job } => {
                let order = Order::of(JobAction::Cancel);
                self.ordered(person, of, job, order, "is called off", &BTreeMap::new()).await
            }
            CustomId::NewVersion { draft } => self.new_version(person, of, draft).await,
            CustomId::Rotate { agent, overlap_ms } => {
                Ok(super::secrets::link(person, &agent, overlap_ms).await)
            }
            CustomId::PostDraft { draft } => self.post_draft(person, of, draft).await,
            CustomId::PostMany { draft } => self.post_many(person, of, draft).await,
            CustomId::Consent { version, draft } => self.consent(person, of, version, draft).await,
            CustomId::CardHere { job } => {
                Ok(Message::of(match self.cards.put_here(self, person, of, job).await {
                    Stands::Here | Stands::OnBoard(_) => "✅ The card is here.",
                    Stands::InDirectMessages => {
                        "⚠️ No card can be posted here: it is in your direct messages."
                    }
                    Stands::Nowhere => "⚠️ No card can be posted here, nor in your direct messages.",
                }))
            }
            CustomId::OpenThread { job } => {
                let opened = threads::open(self, person, of, job).await?;
                Ok(Message::of(render::opened(job, opened)))
            }
            _ => Ok(Message::of("⚠️ This button is newer than the bot.")),
        }
    }

    /// A form that was filled in.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are no forms")]
    pub(super) async fn submitted(
        &self,
        person: &Person,
        of: &Incoming,
        id: CustomId,
        fields: BTreeMap<String, String>,
    ) -> Answer {
        let reason = fields.get("reason").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match id {
            CustomId::Post { draft } => self.post_submitted(person, of, draft, fields).await,
            CustomId::Register => self.register(person, of, Written::Typed(fields)).await,
            CustomId::RequestChanges { job, epoch } => {
                let order =
                    Order { epoch: Some(epoch), text: reason, ..Order::of(JobAction::RequestChanges) };
                self.ordered(person, of, job, order, "goes back to its agent", &fields).await
            }
            CustomId::Dispute { job, epoch } => {
                let order = Order { epoch: Some(epoch), text: reason, ..Order::of(JobAction::Dispute) };
                self.ordered(person, of, job, order, "waits for an operator", &fields).await
            }
            CustomId::Answer { job, epoch } => {
                let story = story(person, job).await?;
                let asked = story.asked().and_then(render::asked_by).unwrap_or_default();
                let text = match reply(&asked, &fields) {
                    Ok(text) => text,
                    Err(wrong) => return Ok(render::not_answered(&wrong, &fields)),
                };
                let order = Order { epoch: Some(epoch), text: Some(text), ..Order::of(JobAction::Reply) };
                self.ordered(person, of, job, order, "goes on with your answer", &fields).await
            }
            CustomId::Again { job } => {
                let order = Order { text: reason, ..Order::of(JobAction::Again) };
                let request = request_of(of);
                let _posting = self.posters.begin(of.user.id);
                let head = person
                    .call(|service, context| async move { service.order(context, request, job, order).await })
                    .await?;
                let card = self.cards.put_once(self, person, of, head.id).await;
                Ok(render::posted(head.id, card))
            }
            _ => Ok(Message::of("⚠️ This form is newer than the bot.")),
        }
    }

    /// The form for the answer to what is asked now.
    pub(super) async fn answer_form(&self, of: &Incoming, job: JobId) -> Result<Value, ApiError> {
        let person = self.hall.person(of);
        let story = story(&person, job).await?;
        let question = story.asked().filter(|_| story.allowed.contains(&JobAction::Reply));
        let Some(question) = question else {
            // Whoever it is for answers it by the same button.
            if matches!(story.head.state.known(), Some(JobState::InputRequired(_))) {
                let told = format!("what job {job} asks is not for you to answer");
                return Err(ApiError::new(ErrorKind::Forbidden, told));
            }
            self.was_outdated(&person, of, job);
            return Err(ApiError::new(ErrorKind::Conflict, format!("job {job} asks nothing now")));
        };
        Ok(render::answer_form(job, story.head.epoch, question))
    }

    /// How somebody is told of a kind of things.
    pub(super) async fn notify(
        &self,
        person: &Person,
        of: &Incoming,
        kind: Option<String>,
        how: Option<String>,
    ) -> Answer {
        let _one_at_a_time = self.settings.lock().await;
        let mut settings =
            person.call(|service, context| async move { service.settings(context).await }).await?;
        let (Some(kind), Some(how)) = (kind.as_deref().and_then(NoticeKind::from_name), how.as_deref())
        else {
            let own: Vec<String> = settings
                .kinds
                .iter()
                .map(|(kind, channels)| {
                    let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
                    let how = if names.is_empty() { "off".to_owned() } else { names.join(", ") };
                    format!("{}: {how}", called(*kind))
                })
                .collect();
            let own = if own.is_empty() { "all as usual".to_owned() } else { own.join("\n") };
            return Ok(Message::of(format!("How you are told: {own}")));
        };
        match how {
            "off" => settings.kinds.insert(kind, Vec::new()),
            "discord" => settings.kinds.insert(kind, vec![Channel::Discord]),
            _ => settings.kinds.remove(&kind),
        };
        let request = request_of(of);
        person
            .call(|service, context| async move { service.set_settings(context, request, settings).await })
            .await?;
        if how != "off" {
            return Ok(Message::of(format!("✅ You are told of this: {}.", called(kind))));
        }
        let undo = CustomId::Unsilence { kind: kind.name().to_owned() };
        Ok(Message::of(format!("✅ You are not told of this any more: {}.", called(kind)))
            .with(vec![Button::new("Tell me again", Style::Secondary, &undo)]))
    }

    async fn ordered(
        &self,
        person: &Person,
        of: &Incoming,
        job: JobId,
        order: Order,
        done: &str,
        typed: &BTreeMap<String, String>,
    ) -> Answer {
        let request = request_of(of);
        let ordered = person
            .call(|service, context| async move { service.order(context, request, job, order).await })
            .await;
        match ordered {
            Ok(head) => {
                // A message that offered it offers nothing more.
                self.was_outdated(person, of, job);
                Ok(Message::of(format!("✅ Job {} {done}. It is {} now.", head.id, head.state)))
            }
            // Somebody was faster, or the job went on: say so, and offer what it is now.
            Err(error) if error.kind == ErrorKind::Conflict => {
                self.was_outdated(person, of, job);
                Ok(render::returned(render::stale(&error, job), typed))
            }
            Err(error) => Err(error),
        }
    }
}

/// What the command calls a kind of notices.
fn called(kind: NoticeKind) -> &'static str {
    KINDS.into_iter().find(|(_, name)| *name == kind.name()).map_or(kind.name(), |(called, _)| called)
}

/// Words as they are; what was asked for field by field as the object that it is.
///
/// # Errors
/// Everything that cannot be, by the words that stand above it.
fn reply(asked: &[Field], fields: &BTreeMap<String, String>) -> Result<String, Vec<FieldError>> {
    if asked.is_empty() {
        return Ok(fields.values().next().cloned().unwrap_or_default());
    }
    let label = |wrong: FieldError| {
        let field = asked.iter().find(|field| field.name == wrong.field);
        FieldError { field: field.map_or(wrong.field, |field| field.label.clone()), ..wrong }
    };
    let object = object(asked, fields).map(|object| object.to_string());
    object.map_err(|wrong| wrong.into_iter().map(label).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_words_or_an_object() {
        let fields = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        assert_eq!(reply(&[], &fields(&[("reply", "by price")])), Ok("by price".to_owned()));
        let schema = json!({"properties": {"zip": {"type": "string"}, "count": {"type": "integer", "title": "How many"}}});
        let asked = crate::fields::asked(&schema, 5).expect("a form shows it");
        let object = reply(&asked, &fields(&[("zip", "04109"), ("count", "3")]));
        assert_eq!(object, Ok(r#"{"count":3,"zip":"04109"}"#.to_owned()));
        let wrong = reply(&asked, &fields(&[("count", "x")])).expect_err("no number");
        assert_eq!(wrong[0].field, "How many");
    }
}
