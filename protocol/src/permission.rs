//! Who may do what to a job, and when. The daemon enforces it and the front ends show it: a button that is there works.

use crate::state::{JobEvent, JobState};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person can do to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    /// Call it off.
    Cancel,
    /// Look for an agent now; of a job that ended, post it again.
    Retry,
    /// Post a corrected or repeated job.
    Again,
    /// Accept the answer in review.
    Accept,
    /// Ask for another attempt, saying what is wrong.
    RequestChanges,
    /// Ask an operator to decide.
    Dispute,
    /// Answer a question.
    Reply,
    /// Send the same delivery again.
    Resend,
    /// Look for another agent.
    Reassign,
    /// End a held job as failed.
    GiveUp,
}

/// Every action, in the order in which front ends offer them.
pub const JOB_ACTIONS: [JobAction; 10] = [
    JobAction::Accept,
    JobAction::RequestChanges,
    JobAction::Dispute,
    JobAction::Reply,
    JobAction::Resend,
    JobAction::Reassign,
    JobAction::GiveUp,
    JobAction::Retry,
    JobAction::Again,
    JobAction::Cancel,
];

/// What a user is to a job. One person may be several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Posted it.
    pub client: bool,
    /// Runs the place.
    pub operator: bool,
}

/// Why an action is not possible, in words for the person who tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The person is not the one who may do it.
    NotYours {
        /// Who may.
        who_may: &'static str,
    },
    /// The job's state does not know the action.
    NotNow {
        /// The state that it is in.
        state: JobState,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYours { who_may } => write!(f, "only {who_may} may do this"),
            Self::NotNow { state } => write!(f, "the job is {state}"),
        }
    }
}

impl JobAction {
    /// The action's name on the command line and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Again => "again",
            Self::Accept => "accept",
            Self::RequestChanges => "request-changes",
            Self::Dispute => "dispute",
            Self::Reply => "answer",
            Self::Resend => "resend",
            Self::Reassign => "reassign",
            Self::GiveUp => "give-up",
        }
    }

    /// What the action does to the state, for those that are one event of the state machine.
    fn event(self) -> Option<JobEvent> {
        match self {
            Self::Cancel => Some(JobEvent::Canceled),
            Self::Accept => Some(JobEvent::ReviewAccepted),
            Self::RequestChanges => Some(JobEvent::ChangesRequested),
            Self::Dispute => Some(JobEvent::Disputed),
            Self::Reply => Some(JobEvent::Replied),
            Self::Resend => Some(JobEvent::Resend),
            Self::Reassign => Some(JobEvent::Reassign),
            Self::GiveUp => Some(JobEvent::GiveUp),
            Self::Retry | Self::Again => None,
        }
    }
}

impl JobState {
    /// Whether somebody with this standing may do `action` to a job in this state.
    ///
    /// # Errors
    /// [`Refusal`] says who may, or that the state does not allow it.
    pub fn allows(self, action: JobAction, standing: Standing) -> Result<(), Refusal> {
        let reviewed_by_operator = self == Self::InReview(crate::state::Reviewer::Operator);
        let (may, who_may) = match action {
            JobAction::Cancel | JobAction::Retry => {
                (standing.client || standing.operator, "the client who posted the job or an operator")
            }
            JobAction::Again | JobAction::Dispute | JobAction::Reply => {
                (standing.client, "the client who posted the job")
            }
            JobAction::Accept | JobAction::RequestChanges if reviewed_by_operator => {
                (standing.operator, "an operator")
            }
            JobAction::Accept | JobAction::RequestChanges => {
                (standing.client, "the client who posted the job")
            }
            JobAction::Resend | JobAction::Reassign | JobAction::GiveUp => (standing.operator, "an operator"),
        };
        if !may {
            return Err(Refusal::NotYours { who_may });
        }
        let now = match action {
            JobAction::Retry => self == Self::Open || self.is_terminal(),
            JobAction::Again => self.is_terminal(),
            JobAction::Cancel
            | JobAction::Accept
            | JobAction::RequestChanges
            | JobAction::Dispute
            | JobAction::Reply
            | JobAction::Resend
            | JobAction::Reassign
            | JobAction::GiveUp => action.event().is_some_and(|event| self.after(event).is_ok()),
        };
        if now { Ok(()) } else { Err(Refusal::NotNow { state: self }) }
    }

    /// Everything that somebody with this standing may do now.
    pub fn allowed(self, standing: Standing) -> Vec<JobAction> {
        JOB_ACTIONS.into_iter().filter(|action| self.allows(*action, standing).is_ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Asker, HeldWhy, Reviewer};

    const CLIENT: Standing = Standing { client: true, operator: false };
    const OPERATOR: Standing = Standing { client: false, operator: true };

    #[test]
    fn what_each_state_offers() {
        use JobAction as A;
        let table: [(JobState, &[A], &[A]); 9] = [
            (JobState::Open, &[A::Retry, A::Cancel], &[A::Retry, A::Cancel]),
            (JobState::Working, &[A::Cancel], &[A::Cancel]),
            (JobState::InputRequired(Asker::Agent), &[A::Reply, A::Cancel], &[A::Cancel]),
            (JobState::Evaluating, &[A::Cancel], &[A::Cancel]),
            (
                JobState::InReview(Reviewer::Client),
                &[A::Accept, A::RequestChanges, A::Dispute, A::Cancel],
                &[A::Cancel],
            ),
            (
                JobState::InReview(Reviewer::Operator),
                &[A::Cancel],
                &[A::Accept, A::RequestChanges, A::Cancel],
            ),
            (JobState::Held(HeldWhy::Unclear), &[A::Cancel], &[A::Resend, A::Reassign, A::GiveUp, A::Cancel]),
            (JobState::Held(HeldWhy::Poison), &[A::Cancel], &[A::Reassign, A::GiveUp, A::Cancel]),
            (JobState::Completed, &[A::Retry, A::Again], &[A::Retry]),
        ];
        for (state, client, operator) in table {
            assert_eq!(state.allowed(CLIENT), client, "client, {state:?}");
            assert_eq!(state.allowed(OPERATOR), operator, "operator, {state:?}");
            assert_eq!(state.allowed(Standing::default()), [], "a stranger, {state:?}");
        }
    }

    #[test]
    fn a_refusal_says_who_or_when() {
        let refusal = JobState::Completed.allows(JobAction::Cancel, CLIENT).expect_err("it has ended");
        assert_eq!(refusal.to_string(), "the job is completed");
        let refusal = JobState::Open.allows(JobAction::Reassign, CLIENT).expect_err("an operator's verb");
        assert_eq!(refusal.to_string(), "only an operator may do this");
    }
}
