//! About agents.

use super::{Answer, Bot, CHOICES_MAX, request_of};
use crate::custom_id::CustomId;
use crate::hall::Person;
use crate::incoming::Incoming;
use crate::message::{Message, line};
use crate::render;
use crate::route::Action;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::view::{AgentOrder, PageRequest};

/// Agents in a list.
const AGENTS: u32 = 25;

impl Bot {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller chose what is about agents")]
    pub(super) async fn about_agents(&self, person: &Person, of: &Incoming, action: Action) -> Answer {
        match action {
            Action::FindAgents(text) => {
                let found = person
                    .call(|service, context| async move { service.find_agents(context, text, 10).await })
                    .await?;
                Ok(render::found(&found))
            }
            Action::ListAgents => {
                let page = PageRequest { after: None, limit: AGENTS };
                let agents =
                    person.call(|service, context| async move { service.agents(context, page).await });
                Ok(render::agents(&agents.await?))
            }
            Action::ShowAgent(name) => {
                let story = person.call(|service, context| async move { service.agent(context, name).await });
                Ok(render::agent_story(&story.await?))
            }
            Action::TestAgent(name) => {
                let report =
                    person.call(|service, context| async move { service.test_agent(context, name).await });
                let steps = report.await?.steps.into_iter().map(|step| {
                    let sign = if step.passed { "✅" } else { "❌" };
                    format!("{sign} {}: {}", line(&step.name, 100), line(&step.detail, 300))
                });
                Ok(Message::of(steps.collect::<Vec<_>>().join("\n")))
            }
            Action::PauseAgent(name) => ordered(person, of, name, AgentOrder::Pause { for_ms: None }).await,
            Action::Clicked(CustomId::Retire { agent }) => {
                ordered(person, of, agent, AgentOrder::Retire).await
            }
            Action::ResumeAgent(name) => ordered(person, of, name, AgentOrder::Resume).await,
            _ => Ok(Message::of("⚠️ This is newer than the bot.")),
        }
    }

    /// Agents whose names have this in them; for work: only those that get jobs here.
    pub(super) async fn agent_choices(
        &self,
        of: &Incoming,
        text: &str,
        for_work: bool,
    ) -> Result<Vec<(String, String)>, ApiError> {
        let (person, text, most) = (self.hall.person(of), text.to_owned(), CHOICES_MAX.into());
        let names = person
            .call(|service, context| async move { service.agents_named(context, text, for_work, most).await })
            .await?;
        Ok(names.into_iter().map(|name| (name.to_string(), name.to_string())).collect())
    }
}

async fn ordered(person: &Person, of: &Incoming, name: AgentName, order: AgentOrder) -> Answer {
    let request = request_of(of);
    let head = person
        .call(|service, context| async move { service.order_agent(context, request, name, order).await })
        .await?;
    let name = line(&head.name.to_string(), 40);
    Ok(Message::of(format!("✅ {name} is {}.", line(&head.state.to_string(), 100))))
}
