//! What can be taken back within five seconds, and how.
//!
//! Two ways are honest. An order that another one undoes is given at once, and the other one is offered. An order that
//! nothing undoes is held back by the front end for [`UNDO_MS`] before it is given: until then nothing has happened, and the
//! epoch that goes with it still refuses what changed meanwhile. What stands here as neither is given at once, for good.

use crate::agent::AgentState;
use crate::permission::JobAction;
use crate::view::{AgentHead, AgentOrder, JobHead, Order};

/// How long a person may take an order back, ms.
pub const UNDO_MS: u64 = 5_000;

/// How an order is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo<T> {
    /// By this order, after it.
    By(T),
    /// By not giving it yet: nothing would undo it.
    HoldBack,
}

/// How an order to a job that stood so before is taken back; none: not at all.
///
/// What it does not bring back: time that an attempt had lost is not given again, and an agent that was ruled out is not
/// assigned once more, if it was.
pub fn undo(order: &Order, before: &JobHead) -> Option<Undo<Order>> {
    match order.action {
        JobAction::Prioritize => {
            let priority = Some(before.priority).filter(|before| order.priority != Some(*before));
            priority
                .map(|before| Undo::By(Order { priority: Some(before), ..Order::of(JobAction::Prioritize) }))
        }
        JobAction::Extend => {
            let deadline = Some(before.deadline).filter(|before| order.deadline != Some(*before));
            deadline.map(|before| Undo::By(Order { deadline: Some(before), ..Order::of(JobAction::Extend) }))
        }
        JobAction::Exclude => order
            .agent
            .clone()
            .map(|agent| Undo::By(Order { agent: Some(agent), ..Order::of(JobAction::Include) })),
        JobAction::Include => order
            .agent
            .clone()
            .map(|agent| Undo::By(Order { agent: Some(agent), ..Order::of(JobAction::Exclude) })),
        // The job ends, its agent loses it, or somebody is told a decision: for ever.
        JobAction::Cancel
        | JobAction::GiveUp
        | JobAction::Reassign
        | JobAction::Resend
        | JobAction::Accept
        | JobAction::RequestChanges
        | JobAction::Dispute
        | JobAction::Uphold
        | JobAction::Reject => Some(Undo::HoldBack),
        // Looking again does no harm; a job that was posted again is canceled as any other; words that somebody wrote are
        // sent when they are sent.
        JobAction::Retry | JobAction::Again | JobAction::Reply | JobAction::Complain | JobAction::Contest => {
            None
        }
    }
}

/// How an order to an agent that stood so before is taken back; none: not at all.
///
/// An agent that was resumed proves itself once more before it gets jobs. A pause that would have ended by itself is
/// brought back as one that somebody ends.
pub fn undo_agent(order: AgentOrder, before: &AgentHead) -> Option<Undo<AgentOrder>> {
    match order {
        AgentOrder::Pause { .. } => Some(Undo::By(AgentOrder::Resume)),
        AgentOrder::Resume => match before.state.known() {
            Some(AgentState::Paused(_)) => Some(Undo::By(AgentOrder::Pause { for_ms: None })),
            Some(AgentState::Pending | AgentState::Active | AgentState::Retired) | None => None,
        },
        AgentOrder::Retire => Some(Undo::HoldBack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::AgentName;
    use crate::ids::{JobId, UserId};
    use crate::job::{Priority, Visibility};
    use crate::permission::JOB_ACTIONS;
    use crate::state::JobState;
    use crate::time::Timestamp;

    fn before() -> JobHead {
        JobHead {
            id: JobId(7),
            title: None,
            label: None,
            state: JobState::Open.into(),
            client: UserId(1),
            visibility: Visibility::Private,
            priority: Priority::Normal,
            agent: None,
            attempts: 0,
            checked_by: None,
            posted_at: Timestamp(1),
            changed_at: Timestamp(1),
            deadline: Timestamp(100),
            due_at: Some(Timestamp(50)),
            window_ends_at: None,
            epoch: 3,
            revision: 4,
        }
    }

    #[test]
    fn what_each_order_offers_within_five_seconds() {
        let agent: AgentName = "@sum".parse().expect("a name");
        let told = JOB_ACTIONS.into_iter().map(|action| {
            let (priority, deadline) = (Some(Priority::High), Some(Timestamp(200)));
            let order = Order { agent: Some(agent.clone()), priority, deadline, ..Order::of(action) };
            match undo(&order, &before()) {
                None => format!("{}: none", action.name()),
                Some(Undo::HoldBack) => format!("{}: held back", action.name()),
                Some(Undo::By(by)) => format!("{}: {}", action.name(), by.action.name()),
            }
        });
        let expected = [
            "accept: held back",
            "request-changes: held back",
            "dispute: held back",
            "answer: none",
            "resend: held back",
            "reassign: held back",
            "give-up: held back",
            "exclude: include",
            "include: exclude",
            "prioritize: prioritize",
            "extend: extend",
            "retry: none",
            "again: none",
            "complain: none",
            "contest: none",
            "decide uphold: held back",
            "decide reject: held back",
            "cancel: held back",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_brought_back_is_what_was() {
        let order = Order { priority: Some(Priority::Low), ..Order::of(JobAction::Prioritize) };
        let Some(Undo::By(back)) = undo(&order, &before()) else { panic!("it can be undone") };
        assert_eq!(back.priority, Some(Priority::Normal));
        let same = Order { priority: Some(Priority::Normal), ..order };
        assert_eq!(undo(&same, &before()), None, "nothing changed, so nothing is brought back");
        let order = Order { deadline: Some(Timestamp(900)), ..Order::of(JobAction::Extend) };
        let Some(Undo::By(back)) = undo(&order, &before()) else { panic!("it can be undone") };
        assert_eq!(back.deadline, Some(Timestamp(100)));
    }
}
