//! The life of a job as one function, [`JobState::after`]. Nothing else in the program computes a job's state.
//!
//! The machine knows no clock and no store: whoever has an event asks for the next state and stores it under a guard.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a job stands. Terminal states are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Looks for an agent.
    Open,
    /// An attempt is on its way to the agent, or with it and not yet accepted.
    Assigned,
    /// The agent said that it works on it.
    Working,
    /// Somebody asked the client something.
    InputRequired(Asker),
    /// An answer is stored and is being judged.
    Evaluating,
    /// A person decides on the answer.
    InReview(Reviewer),
    /// An operator must look.
    Held(HeldWhy),
    /// The answer was accepted.
    Completed,
    /// Nobody could do it.
    Failed,
    /// The client or an operator called it off.
    Canceled,
    /// The deadline passed without an answer.
    Expired,
}

/// Who asked the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// The marketplace, before any agent was chosen: there is no attempt.
    Daemon,
    /// The agent of the current attempt.
    Agent,
}

/// Who decides on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reviewer {
    /// The client who posted the job, or whom they shared it with.
    Client,
    /// An operator: after a dispute, or when the client was silent about a doubtful answer.
    Operator,
}

/// Why a job is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldWhy {
    /// Nobody can say whether the agent did the work, and doing it twice may do harm.
    Unclear,
    /// Five daemons died while they worked on it.
    Poison,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEvent {
    /// An attempt was written for an agent.
    Assigned,
    /// The chosen agent needs input that the client did not give.
    InputMissing,
    /// No agent is left to try.
    Exhausted,
    /// The agent accepted the delivery. Repeated: nothing.
    Accepted,
    /// The agent is alive.
    Progressed,
    /// The current attempt's answer is here.
    Answered,
    /// An answer of the current attempt that had already ended silent or unclear.
    AnsweredLate,
    /// The agent asks the client something.
    Asked,
    /// The attempt ended without an answer.
    AttemptEnded,
    /// Nobody can say whether the agent did it.
    Unresolvable,
    /// The client answered the question.
    Replied,
    /// The client did not answer the question in time.
    Lapsed,
    /// Every criterion passed and nobody asked to look.
    Passed,
    /// Every criterion passed; the client asked to look.
    ReviewWanted,
    /// A criterion could not be decided: the named person decides.
    Abstained(Reviewer),
    /// A criterion failed; another attempt follows.
    FailedTryAgain,
    /// A criterion failed, and it was the last attempt.
    FailedForGood,
    /// The reviewer accepts the answer.
    ReviewAccepted,
    /// The reviewer wants another attempt.
    ChangesRequested,
    /// The client asks an operator to decide.
    Disputed,
    /// The review window passed in silence, and every criterion had passed.
    WindowPassed,
    /// The review window passed in silence, and a criterion had abstained.
    WindowPassedDoubtful,
    /// Operator: send the same delivery again.
    Resend,
    /// Operator: look for another agent.
    Reassign,
    /// Operator: end it.
    GiveUp,
    /// Five daemons died in its pick or evaluation.
    Poisoned,
    /// The client or an operator called it off.
    Canceled,
    /// The job's deadline passed.
    Deadline,
}

/// Every event once, for tables and tests.
pub const JOB_EVENTS: [JobEvent; 29] = [
    JobEvent::Assigned,
    JobEvent::InputMissing,
    JobEvent::Exhausted,
    JobEvent::Accepted,
    JobEvent::Progressed,
    JobEvent::Answered,
    JobEvent::AnsweredLate,
    JobEvent::Asked,
    JobEvent::AttemptEnded,
    JobEvent::Unresolvable,
    JobEvent::Replied,
    JobEvent::Lapsed,
    JobEvent::Passed,
    JobEvent::ReviewWanted,
    JobEvent::Abstained(Reviewer::Client),
    JobEvent::Abstained(Reviewer::Operator),
    JobEvent::FailedTryAgain,
    JobEvent::FailedForGood,
    JobEvent::ReviewAccepted,
    JobEvent::ChangesRequested,
    JobEvent::Disputed,
    JobEvent::WindowPassed,
    JobEvent::WindowPassedDoubtful,
    JobEvent::Resend,
    JobEvent::Reassign,
    JobEvent::GiveUp,
    JobEvent::Poisoned,
    JobEvent::Canceled,
    JobEvent::Deadline,
];

/// Every state once, for tables and tests.
pub const JOB_STATES: [JobState; 14] = [
    JobState::Open,
    JobState::Assigned,
    JobState::Working,
    JobState::InputRequired(Asker::Daemon),
    JobState::InputRequired(Asker::Agent),
    JobState::Evaluating,
    JobState::InReview(Reviewer::Client),
    JobState::InReview(Reviewer::Operator),
    JobState::Held(HeldWhy::Unclear),
    JobState::Held(HeldWhy::Poison),
    JobState::Completed,
    JobState::Failed,
    JobState::Canceled,
    JobState::Expired,
];

/// An event that the state does not allow. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state} does not allow {event:?}")]
pub struct IllegalTransition {
    /// The state that it is in.
    pub state: JobState,
    /// What does not fit.
    pub event: JobEvent,
}

impl JobState {
    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalTransition`] if this state does not know the event; an agent's event is then recorded as late, a
    /// person's is refused.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalTransition> {
        use JobEvent as E;
        use JobState as S;
        let illegal = Err(IllegalTransition { state: self, event });
        if self.is_terminal() {
            return illegal;
        }
        if event == E::Canceled {
            return Ok(S::Canceled);
        }
        // An answer stored in time is judged to the end.
        if event == E::Deadline && !matches!(self, S::Evaluating | S::InReview(_)) {
            return Ok(S::Expired);
        }
        let next = match (self, event) {
            (S::Open, E::Assigned) => S::Assigned,
            (S::Open, E::InputMissing) => S::InputRequired(Asker::Daemon),
            (S::Open, E::AnsweredLate) => S::Evaluating,
            (S::Open, E::Exhausted) => S::Failed,

            (S::Assigned | S::Working, E::Accepted) => S::Working,
            (S::Assigned | S::Working, E::Progressed) => self,
            (S::Assigned | S::Working, E::Answered) => S::Evaluating,
            (S::Assigned | S::Working, E::Asked) => S::InputRequired(Asker::Agent),
            (S::Assigned | S::Working, E::AttemptEnded) => S::Open,
            (S::Assigned | S::Working, E::Unresolvable) => S::Held(HeldWhy::Unclear),

            (S::InputRequired(Asker::Daemon), E::Replied) => S::Open,
            (S::InputRequired(Asker::Agent), E::Replied) => S::Assigned,
            (S::InputRequired(Asker::Agent), E::Asked) => self,
            (S::InputRequired(Asker::Agent), E::Answered) => S::Evaluating,
            (S::InputRequired(Asker::Agent), E::AttemptEnded) => S::Open,
            (S::InputRequired(_), E::Lapsed) => S::Expired,

            (S::Evaluating, E::Passed) => S::Completed,
            (S::Evaluating, E::ReviewWanted) => S::InReview(Reviewer::Client),
            (S::Evaluating, E::Abstained(reviewer)) => S::InReview(reviewer),
            (S::Evaluating, E::FailedTryAgain) => S::Open,
            (S::Evaluating, E::FailedForGood) => S::Failed,

            (S::InReview(_), E::ReviewAccepted) => S::Completed,
            (S::InReview(_), E::ChangesRequested) => S::Open,
            (S::InReview(Reviewer::Client), E::Disputed) => S::InReview(Reviewer::Operator),
            (S::InReview(Reviewer::Client), E::WindowPassed) => S::Completed,
            (S::InReview(Reviewer::Client), E::WindowPassedDoubtful) => S::InReview(Reviewer::Operator),
            (S::InReview(Reviewer::Operator), E::WindowPassed | E::WindowPassedDoubtful) => S::Completed,

            (S::Held(HeldWhy::Unclear), E::Resend) => S::Assigned,
            (S::Held(HeldWhy::Unclear), E::Answered) => S::Evaluating,
            (
                S::Open | S::Assigned | S::Working | S::InputRequired(Asker::Agent) | S::Held(_),
                E::Reassign,
            ) => S::Open,
            (S::Held(_), E::GiveUp) => S::Failed,

            (S::Open | S::Assigned | S::Working | S::Evaluating, E::Poisoned) => S::Held(HeldWhy::Poison),
            _ => return illegal,
        };
        Ok(next)
    }

    /// Whether nothing can change any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Expired)
    }

    /// The state's name in storage, filters and JSON output, without its data: `in_review`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Working => "working",
            Self::InputRequired(_) => "input_required",
            Self::Evaluating => "evaluating",
            Self::InReview(_) => "in_review",
            Self::Held(_) => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// The state's data, as storage keeps it beside [`name`](Self::name); empty where there is none.
    pub fn detail(self) -> &'static str {
        match self {
            Self::InputRequired(Asker::Daemon) => "daemon",
            Self::InputRequired(Asker::Agent) => "agent",
            Self::InReview(Reviewer::Client) => "client",
            Self::InReview(Reviewer::Operator) => "operator",
            Self::Held(HeldWhy::Unclear) => "unclear",
            Self::Held(HeldWhy::Poison) => "poison",
            Self::Open
            | Self::Assigned
            | Self::Working
            | Self::Evaluating
            | Self::Completed
            | Self::Failed
            | Self::Canceled
            | Self::Expired => "",
        }
    }

    /// The state with this name and detail, if there is one.
    pub fn from_parts(name: &str, detail: &str) -> Option<Self> {
        JOB_STATES.into_iter().find(|state| state.name() == name && state.detail() == detail)
    }
}

impl fmt::Display for JobState {
    /// As a person reads it: `waiting for an agent`, `in review by the client`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "waiting for an agent",
            Self::Assigned => "assigned",
            Self::Working => "being worked on",
            Self::InputRequired(_) => "waiting for an answer of the client",
            Self::Evaluating => "being judged",
            Self::InReview(Reviewer::Client) => "in review by the client",
            Self::InReview(Reviewer::Operator) => "in review by an operator",
            Self::Held(HeldWhy::Unclear) => "held for an operator: the outcome is unclear",
            Self::Held(HeldWhy::Poison) => "held for an operator: it stopped the daemon five times",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        })
    }
}

#[cfg(test)]
mod tests;
