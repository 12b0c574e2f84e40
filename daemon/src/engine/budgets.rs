//! What operators say about models, and what they are told of their cost.

use super::Engine;
use crate::llm::{BudgetAccount, Crossing};
use crate::people::Notice;
use crate::scribe::Scribe;
use crate::store::{Command, Query, Request, StoreError};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::UserId;
use guildhall_protocol::model::{BudgetScope, Budgets, ModelOrder};
use guildhall_protocol::notice::NoticeKind;
use guildhall_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How often something about the marketplace is noted when it changes meanwhile.
const NOTE_TRIES: u32 = 8;

/// What operators said about models, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSwitch {
    /// Whether they are asked.
    pub on: bool,
    /// What they may cost.
    pub budgets: Budgets,
}

impl ModelSwitch {
    /// What was stored, or what is configured until an operator said something.
    pub fn read(stored: Option<&str>, configured: Budgets) -> Self {
        let read = stored.and_then(|text| serde_json::from_str(text).ok());
        read.unwrap_or(Self { on: true, budgets: configured })
    }

    fn after(mut self, order: ModelOrder) -> Self {
        match order {
            ModelOrder::On => self.on = true,
            ModelOrder::Off => self.on = false,
            ModelOrder::Budget { scope, limit } => {
                let budget = match scope {
                    BudgetScope::Day => &mut self.budgets.day,
                    BudgetScope::Place => &mut self.budgets.place,
                    BudgetScope::User => &mut self.budgets.user,
                };
                *budget = limit;
            }
        }
        self
    }
}

impl Engine {
    /// Carries out what an operator says about models, durably and at once.
    ///
    /// # Errors
    /// `NotFound`: no model is configured; or the store refuses it or cannot be written.
    pub async fn order_models(
        &self,
        who: UserId,
        request: Request,
        order: ModelOrder,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let llm = self.parts.llm.as_ref().ok_or(StoreError::NotFound)?;
        let (store, now) = (&self.parts.store, Timestamp::now());
        let read = async || {
            let stored = store.text(Query::ModelSettings).await?;
            Ok::<_, StoreError>(ModelSwitch::read(stored.as_deref(), llm.settings().budgets))
        };
        let switch = read().await?.after(order);
        let system = store.system(Query::System).await?;
        let mut scribe = Scribe::new(&self.parts.maker, now, system.chain, Actor::User(who));
        let reason = reason.map(|text| scribe.text(&text));
        scribe.event(match order {
            ModelOrder::On => What::ModelsSwitched { on: true, reason },
            ModelOrder::Off => What::ModelsSwitched { on: false, reason },
            ModelOrder::Budget { scope, limit } => What::BudgetSet { scope, limit, reason },
        });
        let settings = serde_json::to_string(&switch).unwrap_or_default();
        let command = Command::SetModels { request, chain: system.chain, settings, entry: scribe.finish() };
        store.apply(now, command).await?;
        // Somebody else may have said something meanwhile, or this was said before: what is stored counts.
        let switch = read().await?;
        llm.set_budgets(switch.budgets);
        llm.set_on(switch.on);
        Ok(())
    }

    /// Writes down that a budget is nearly or wholly spent, and tells operators.
    pub(super) async fn tell_of_budget(&self, crossing: Crossing) -> Result<(), StoreError> {
        let (store, people) = (&self.parts.store, &self.parts.people);
        let (place, user) = match crossing.account {
            BudgetAccount::Day => (None, None),
            BudgetAccount::Place(place) => (Some(place), None),
            BudgetAccount::User(user) => (None, Some(user)),
        };
        let (scope, percent) = (crossing.account.scope(), u32::from(crossing.percent));
        let kind = if percent < 100 { NoticeKind::BudgetLow } else { NoticeKind::BudgetSpent };
        tracing::warn!(
            scope = scope.name(),
            percent,
            "{percent} % of the budget for models ({scope}) are spent: {} of {}",
            crossing.spent,
            crossing.limit
        );
        for _ in 0..NOTE_TRIES {
            let now = Timestamp::now();
            let chain = store.system(Query::System).await?.chain;
            let mut scribe = Scribe::new(&self.parts.maker, now, chain, Actor::Daemon);
            scribe.event(What::BudgetReached { scope, place, user, percent });
            if let Some(place) = place.filter(|place| self.parts.places.of(*place).alerts.is_some()) {
                scribe.alert(place, kind, None);
            }
            for operator in people.operators() {
                let notice = Notice { user: operator, kind, job: None, attempt: None, agent: None };
                scribe.notify(people, notice);
            }
            match store.apply(now, Command::NoteSystem { chain, entry: scribe.finish() }).await {
                Err(StoreError::Stale) => {}
                written => return written.map(drop),
            }
        }
        Err(StoreError::Stale)
    }
}
