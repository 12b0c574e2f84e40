//! What a user sees in answer to what she did. It follows the bot: a promise becomes a message, a message changes.

use super::callback::ANSWER_MS;
use super::desk::{Desk, PATIENCE};
use super::interaction;
use super::message::Message;
use super::modal::Modal;
use super::world::{Ack, Id, Interaction, World};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A choice that completes an option.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What the user reads.
    pub name: String,
    /// What the command gets: a text or a number.
    pub value: Value,
}

/// What a user sees.
#[derive(Clone, Debug)]
pub enum View {
    /// Nothing yet, and it may still come.
    Nothing,
    /// That the bot is thinking.
    Thinking,
    /// A message: a new one, or the one that she clicked as it is now.
    Message(Message),
    /// A form.
    Modal(Modal),
    /// Choices.
    Choices(Vec<Choice>),
    /// That the application did not respond.
    DidNotRespond,
    /// Nothing any more: the answer was deleted.
    Deleted,
}

/// The answer to an action.
#[derive(Clone)]
pub struct Shown {
    pub(super) desk: Arc<Desk>,
    pub(super) interaction: Id,
}

impl Shown {
    /// Waits for the first answer, or that there is none.
    pub(super) async fn first(desk: Arc<Desk>, interaction: Id) -> Self {
        let shown = Self { desk, interaction };
        let limit = Duration::from_millis(u64::try_from(ANSWER_MS).unwrap_or(0) + 50);
        let seen = |shown: &Self| Some(()).filter(|()| !matches!(shown.view(), View::Nothing));
        // Without an answer until then, the view says so.
        shown.desk.until(limit, || seen(&shown)).await.unwrap_or_default();
        shown
    }

    /// What there is to see now.
    pub fn view(&self) -> View {
        let world = self.desk.world();
        let interaction = &world.interactions[&self.interaction];
        match &interaction.ack {
            None if self.desk.now_ms() - interaction.began_ms > ANSWER_MS => View::DidNotRespond,
            None => View::Nothing,
            Some(Ack::Choices(choices)) => View::Choices(choices.iter().map(choice).collect()),
            Some(Ack::Modal(modal)) => View::Modal(Modal::new(self.interaction, modal.clone())),
            Some(Ack::Message | Ack::Update) => match self.original(&world, interaction) {
                None => View::Deleted,
                Some(message) if message.is_loading() => View::Thinking,
                Some(message) => View::Message(message),
            },
        }
    }

    fn original(&self, world: &World, interaction: &Interaction) -> Option<Message> {
        interaction.original.and_then(|post| Message::look(&self.desk, world, interaction.room, post))
    }

    /// The message that is shown now.
    ///
    /// # Panics
    /// Something else is shown.
    #[track_caller]
    pub fn message(&self) -> Message {
        let view = self.view();
        let View::Message(message) = view else { panic!("no message is shown but {view:?}") };
        message
    }

    /// The form that is shown now.
    ///
    /// # Panics
    /// Something else is shown.
    #[track_caller]
    pub fn modal(&self) -> Modal {
        let view = self.view();
        let View::Modal(modal) = view else { panic!("no form is shown but {view:?}") };
        modal
    }

    /// Whether the bot let three seconds go by.
    pub fn did_not_respond(&self) -> bool {
        matches!(self.view(), View::DidNotRespond)
    }

    /// Waits until the message that is shown is like this.
    ///
    /// # Panics
    /// It does not become so within ten seconds.
    pub async fn until(&self, is_so: impl Fn(&Message) -> bool) -> Message {
        let found = self.desk.until(PATIENCE, || match self.view() {
            View::Message(message) => Some(message).filter(&is_so),
            View::Nothing
            | View::Thinking
            | View::Modal(_)
            | View::Choices(_)
            | View::DidNotRespond
            | View::Deleted => None,
        });
        found.await.unwrap_or_else(|| panic!("what is shown stayed {:?}", self.view()))
    }

    /// Further messages of the bot about the same action.
    pub fn followups(&self) -> Vec<Message> {
        let world = self.desk.world();
        let interaction = &world.interactions[&self.interaction];
        interaction
            .followups
            .iter()
            .filter_map(|post| Message::look(&self.desk, &world, interaction.room, *post))
            .collect()
    }

    /// Waits for a further message that is like this.
    ///
    /// # Panics
    /// None comes within ten seconds.
    pub async fn until_followup(&self, is_so: impl Fn(&Message) -> bool) -> Message {
        let found = self.desk.until(PATIENCE, || self.followups().into_iter().find(&is_so));
        found.await.unwrap_or_else(|| panic!("the further messages stayed {:?}", self.followups()))
    }

    /// Lets the bot hear of the same action once more, as after a connection that broke at the wrong moment.
    pub fn comes_again(&self) {
        let said = self.desk.world().interactions[&self.interaction].said.clone();
        interaction::dispatch(&self.desk, &said);
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

fn choice(choice: &Value) -> Choice {
    let name = choice["name"].as_str().unwrap_or_default().to_owned();
    Choice { name, value: choice["value"].clone() }
}
