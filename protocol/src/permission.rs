//! Who may do what to a job, and when. The daemon enforces it and the front ends show it: a button that is there works.

use crate::account::Role;
use crate::matrix::{Denied, Powers, Verb, Whose};
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
    /// Take it from its agent and look for another one, or for the one named.
    Reassign,
    /// End a held job as failed.
    GiveUp,
    /// Rule an agent out.
    Exclude,
    /// Let an agent that was ruled out get it again.
    Include,
    /// Move it to another class of the queue.
    Prioritize,
    /// Give it more time.
    Extend,
    /// Say that a completed job is not as it should be.
    Complain,
    /// Say that an answer of one's agent was failed wrongly.
    Contest,
    /// Decide that a complaint or contest is right.
    Uphold,
    /// Decide that it is not.
    Reject,
}

/// Every action, in the order in which front ends offer them.
pub const JOB_ACTIONS: [JobAction; 18] = [
    JobAction::Accept,
    JobAction::RequestChanges,
    JobAction::Dispute,
    JobAction::Reply,
    JobAction::Resend,
    JobAction::Reassign,
    JobAction::GiveUp,
    JobAction::Exclude,
    JobAction::Include,
    JobAction::Prioritize,
    JobAction::Extend,
    JobAction::Retry,
    JobAction::Again,
    JobAction::Complain,
    JobAction::Contest,
    JobAction::Uphold,
    JobAction::Reject,
    JobAction::Cancel,
];

/// What a user is to a job. One person may be several things.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any set of them can be true"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Posted it.
    pub client: bool,
    /// Was let in by the client.
    pub shared: bool,
    /// Owns an agent whose answer was failed.
    pub failed_owner: bool,
    /// Whether a complaint or contest about it is open.
    pub appealed: bool,
    /// What they have to show in its place.
    pub powers: Powers,
}

/// Why an action is not possible, in words for the person who tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The person is not the one who may do it.
    NotYours {
        /// Who may.
        who_may: &'static str,
    },
    /// The person may not, whatever it is.
    Denied(Denied),
    /// Nobody complained or contested anything, or it is decided.
    NothingToDecide,
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
            Self::Denied(denied) => denied.fmt(f),
            Self::NothingToDecide => f.write_str("no complaint and no contest is open"),
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
            Self::Exclude => "exclude",
            Self::Include => "include",
            Self::Prioritize => "prioritize",
            Self::Extend => "extend",
            Self::Complain => "complain",
            Self::Contest => "contest",
            Self::Uphold => "decide uphold",
            Self::Reject => "decide reject",
        }
    }

    /// Who may do it, in words.
    fn who_may(self) -> &'static str {
        match self {
            Self::Cancel | Self::Retry | Self::Extend => "the client who posted the job or an operator",
            Self::Again | Self::Complain => "the client who posted the job",
            Self::Accept | Self::RequestChanges => "whoever reviews the answer",
            Self::Dispute | Self::Reply => "the client who posted the job",
            Self::Contest => "the owner of an agent whose answer was failed",
            Self::Resend
            | Self::Reassign
            | Self::GiveUp
            | Self::Exclude
            | Self::Include
            | Self::Prioritize
            | Self::Uphold
            | Self::Reject => "an operator",
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
            Self::Retry
            | Self::Again
            | Self::Exclude
            | Self::Include
            | Self::Prioritize
            | Self::Extend
            | Self::Complain
            | Self::Contest
            | Self::Uphold
            | Self::Reject => None,
        }
    }
}

impl Standing {
    /// Whether the table lets anything that this person is do it. What an operator reviews, its client does not decide,
    /// and the other way round.
    fn may(self, action: JobAction, reviewed_by_operator: bool) -> Result<(), Refusal> {
        let decides = matches!(action, JobAction::Accept | JobAction::RequestChanges);
        let is_operator = self.powers.place >= Role::Operator;
        let as_client = !(decides && reviewed_by_operator && !is_operator);
        let as_operator = !decides || reviewed_by_operator;
        let relations = [
            (Whose::Own, self.client && as_client),
            (Whose::Shared, self.shared && as_client),
            (Whose::Assigned, self.failed_owner && as_operator),
            (Whose::Others, as_operator),
        ];
        let mut refusal = Refusal::NotYours { who_may: action.who_may() };
        for (whose, _) in relations.into_iter().filter(|(_, is)| *is) {
            match Verb::Job(action).may(whose, self.powers) {
                Ok(()) => return Ok(()),
                Err(Denied::Role { .. }) => {}
                Err(denied @ (Denied::Suspended | Denied::Bridged { .. })) => {
                    refusal = Refusal::Denied(denied);
                }
            }
        }
        Err(refusal)
    }
}

impl JobState {
    /// Whether somebody with this standing may do `action` to a job in this state.
    ///
    /// # Errors
    /// [`Refusal`] says who may, or that the state does not allow it.
    pub fn allows(self, action: JobAction, standing: Standing) -> Result<(), Refusal> {
        standing.may(action, self == Self::InReview(crate::state::Reviewer::Operator))?;
        let now = match action {
            JobAction::Retry => self == Self::Open || self.is_terminal(),
            JobAction::Again => self.is_terminal(),
            JobAction::Complain => self == Self::Completed,
            JobAction::Contest => true,
            JobAction::Uphold | JobAction::Reject => {
                if !standing.appealed {
                    return Err(Refusal::NothingToDecide);
                }
                true
            }
            JobAction::Exclude | JobAction::Include | JobAction::Prioritize | JobAction::Extend => {
                !self.is_terminal()
            }
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

    const fn powers(role: Role) -> Powers {
        Powers { market: role, place: role, suspended: false, bridged: false }
    }

    const NOBODY: Standing = Standing {
        client: false,
        shared: false,
        failed_owner: false,
        appealed: false,
        powers: powers(Role::Owner),
    };
    const CLIENT: Standing = Standing { client: true, ..NOBODY };
    const OPERATOR: Standing = Standing { powers: powers(Role::Operator), ..NOBODY };

    /// Actions by their first letters, in the order in which they are offered.
    fn offered(state: JobState, standing: Standing) -> String {
        let names: Vec<&str> = state.allowed(standing).into_iter().map(JobAction::name).collect();
        names.join(" ")
    }

    #[test]
    fn what_each_state_offers() {
        let steer = "exclude include prioritize extend";
        let table = [
            (JobState::Open, "extend retry cancel", format!("reassign {steer} retry cancel")),
            (JobState::Working, "extend cancel", format!("reassign {steer} cancel")),
            (
                JobState::InputRequired(Asker::Agent),
                "answer extend cancel",
                format!("reassign {steer} cancel"),
            ),
            (JobState::InputRequired(Asker::Daemon), "answer extend cancel", format!("{steer} cancel")),
            (JobState::Evaluating, "extend cancel", format!("{steer} cancel")),
            (
                JobState::InReview(Reviewer::Client),
                "accept request-changes dispute extend cancel",
                format!("{steer} cancel"),
            ),
            (
                JobState::InReview(Reviewer::Operator),
                "extend cancel",
                format!("accept request-changes {steer} cancel"),
            ),
            (
                JobState::Held(HeldWhy::Unclear),
                "extend cancel",
                format!("resend reassign give-up {steer} cancel"),
            ),
            (JobState::Held(HeldWhy::Poison), "extend cancel", format!("reassign give-up {steer} cancel")),
            (JobState::Completed, "retry again complain", "retry".to_owned()),
            (JobState::Failed, "retry again", "retry".to_owned()),
        ];
        for (state, client, operator) in table {
            assert_eq!(offered(state, CLIENT), client, "client, {state:?}");
            assert_eq!(offered(state, OPERATOR), operator, "operator, {state:?}");
            assert_eq!(offered(state, NOBODY), "", "a stranger, {state:?}");
        }
        let owner = Standing { failed_owner: true, ..NOBODY };
        assert_eq!(offered(JobState::Failed, owner), "contest");
        let judge = Standing { appealed: true, ..OPERATOR };
        assert_eq!(offered(JobState::Completed, judge), "retry decide uphold decide reject");
    }

    #[test]
    fn a_refusal_says_who_or_when() {
        let refusal = JobState::Completed.allows(JobAction::Cancel, CLIENT).expect_err("it has ended");
        assert_eq!(refusal.to_string(), "the job is completed");
        let refusal = JobState::Open.allows(JobAction::Reassign, CLIENT).expect_err("an operator's verb");
        assert_eq!(refusal.to_string(), "only an operator may do this");
    }
}
