//! From a job as it is stored, and the time, to the next step. A step may be taken twice; nothing may happen half.
//!
//! There is no special path for crashes: a lease of an earlier incarnation is void, and the job is simply due.

use crate::store::{AttemptRecord, JobRecord};
use guildhall_protocol::attempt::AttemptState;
use guildhall_protocol::ids::{AttemptNumber, Incarnation};
use guildhall_protocol::state::{Asker, JobState, Reviewer};
use guildhall_protocol::time::Timestamp;

/// Daemons that may die with a job in pick or evaluation before it is held.
pub const DEATHS_MAX: u32 = 5;

/// What a job needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing ever again.
    Nothing,
    /// Look for an agent.
    Pick,
    /// Send the delivery of this attempt again.
    Send(AttemptNumber),
    /// Nobody knows what became of the last send of this attempt: send again if the agent is idempotent, else ask.
    Reconcile(AttemptNumber),
    /// The agent accepted and was not heard of lately: ask it where it is.
    Ask(AttemptNumber),
    /// The agent accepted, and its time is up.
    GiveUpWaiting(AttemptNumber),
    /// Somebody who was asked to answer or decide is reminded.
    Remind,
    /// Judge the stored answer of this attempt.
    Evaluate(AttemptNumber),
    /// The client did not answer a question in time.
    Lapse(Asker),
    /// The reviewer was silent.
    CloseReview(Reviewer),
    /// The deadline passed.
    Expire,
    /// Another daemon died with it: count it, and hold the job when it was the fifth.
    CountDeath {
        /// Deaths with this one.
        deaths: u32,
        /// Whether that is enough.
        hold: bool,
    },
}

/// The next step of a job. `newest` is its newest attempt, `mine` this daemon's incarnation.
pub fn step(job: &JobRecord, newest: Option<&AttemptRecord>, now: Timestamp, mine: Incarnation) -> Step {
    let Some(due_at) = job.due_at else { return Step::Nothing };
    let orphaned = job.lease.is_some_and(|lease| lease.incarnation < mine);
    if let Some(lease) = job.lease
        && !orphaned
        && lease.until > now
    {
        return Step::Wait(lease.until);
    }
    let judged_to_the_end = matches!(job.state, JobState::Evaluating | JobState::InReview(_));
    if job.deadline <= now && !judged_to_the_end && !job.state.is_terminal() {
        return Step::Expire;
    }
    let number = newest.map(|attempt| attempt.number);
    let due = due_at <= now;
    let wait = Step::Wait(due_at);
    let window_is_open = job.window.is_some_and(|window| window.ends_at > now);
    match (job.state, number) {
        // Only a pick or an evaluation can kill a daemon by what the job holds: a delivery in flight is innocent.
        (JobState::Open | JobState::Evaluating, _) if orphaned && !is_checked(job, newest) => {
            let deaths = job.deaths + 1;
            Step::CountDeath { deaths, hold: deaths >= DEATHS_MAX }
        }
        (JobState::Open, _) if job.ready || due => Step::Pick,
        (JobState::Open, _) => wait,
        // A lease that ran out without a word from our own call is as unclear as a crash.
        (JobState::Assigned | JobState::Working, Some(number)) if job.lease.is_some() => {
            Step::Reconcile(number)
        }
        (JobState::Assigned, Some(number)) if due => match newest.map(|attempt| attempt.state) {
            Some(AttemptState::Unclear) => Step::Reconcile(number),
            _ => Step::Send(number),
        },
        (JobState::Working, Some(number)) if due => match newest {
            Some(attempt) if attempt.state == AttemptState::Sending => Step::Send(number),
            Some(attempt) if attempt.deadline <= now => Step::GiveUpWaiting(number),
            _ => Step::Ask(number),
        },
        (JobState::Evaluating, Some(number)) => Step::Evaluate(number),
        (JobState::InputRequired(_) | JobState::InReview(_), _) if due && window_is_open => Step::Remind,
        (JobState::InputRequired(asker), _) if due => Step::Lapse(asker),
        (JobState::InReview(reviewer), _) if due => Step::CloseReview(reviewer),
        // Held jobs end by their deadline, which is above.
        (
            JobState::Assigned
            | JobState::Working
            | JobState::Evaluating
            | JobState::InputRequired(_)
            | JobState::InReview(_)
            | JobState::Held(_),
            _,
        ) => wait,
        (JobState::Completed | JobState::Failed | JobState::Canceled | JobState::Expired, _) => Step::Nothing,
    }
}

/// Whether an answer met everything that can be decided exactly, so that only a model's opinion is missing: a daemon that
/// died then did not die of the answer.
fn is_checked(job: &JobRecord, newest: Option<&AttemptRecord>) -> bool {
    job.state == JobState::Evaluating && newest.is_some_and(|newest| newest.findings.is_some())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::{Chain, Lease, Steering, Window};
    use guildhall_protocol::ids::{AgentId, AgentVersion, BodyId, JobId, PlaceId, UserId};
    use guildhall_protocol::job::{Priority, Visibility};
    use guildhall_protocol::state::{HeldWhy, JOB_STATES};

    const MINE: Incarnation = Incarnation(7);
    const DEADLINE: Timestamp = Timestamp(1_000);

    /// A job in this state that was posted at 0 and must be done at 1,000.
    pub(in crate::engine) fn job(state: JobState) -> JobRecord {
        JobRecord {
            id: JobId(1),
            client: UserId(1),
            place: PlaceId::LOCAL,
            visibility: Visibility::Private,
            priority: Priority::Normal,
            fair_tag: 1,
            title: None,
            label: None,
            derived_from: None,
            trial: false,
            draft: BodyId(1),
            state,
            epoch: 1,
            chain: Chain::default(),
            posted_at: Timestamp(0),
            changed_at: Timestamp(0),
            deadline: DEADLINE,
            due_at: (!state.is_terminal()).then_some(Timestamp(100)),
            ready: false,
            lease: None,
            deaths: 0,
            attempts: 1,
            checked_by: None,
            waiting: None,
            window: None,
            steering: Steering::default(),
            question: None,
            reply: None,
        }
    }

    fn attempt(state: AttemptState) -> AttemptRecord {
        AttemptRecord {
            job: JobId(1),
            number: AttemptNumber(1),
            agent: AgentId(1),
            version: AgentVersion(1),
            state,
            repair: false,
            tries: 1,
            started_at: Timestamp(0),
            answered_at: None,
            ended_at: None,
            pick: BodyId(2),
            answer: None,
            findings: None,
            reason: None,
            deadline: Timestamp(900),
            left_ms: None,
            heard_at: None,
            question: None,
            reply: None,
            replies: 0,
            input: None,
        }
    }

    fn next(job: &JobRecord, now: i64) -> Step {
        step(job, Some(&attempt(AttemptState::Sending)), Timestamp(now), MINE)
    }

    #[test]
    fn what_time_alone_does() {
        let first = AttemptNumber(1);
        let early = Step::Wait(Timestamp(100));
        let table = [
            (JobState::Open, early, Step::Pick, Step::Expire),
            (JobState::Assigned, early, Step::Send(first), Step::Expire),
            (JobState::Working, early, Step::Send(first), Step::Expire),
            (JobState::InputRequired(Asker::Agent), early, Step::Lapse(Asker::Agent), Step::Expire),
            (JobState::Evaluating, Step::Evaluate(first), Step::Evaluate(first), Step::Evaluate(first)),
            (
                JobState::InReview(Reviewer::Client),
                early,
                Step::CloseReview(Reviewer::Client),
                Step::CloseReview(Reviewer::Client),
            ),
            (JobState::Held(HeldWhy::Unclear), early, early, Step::Expire),
            (JobState::Completed, Step::Nothing, Step::Nothing, Step::Nothing),
        ];
        for (state, before, due, after) in table {
            let job = job(state);
            assert_eq!(
                [next(&job, 99), next(&job, 100), next(&job, 1_000)],
                [before, due, after],
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_live_lease_is_left_alone() {
        for state in JOB_STATES.into_iter().filter(|state| !state.is_terminal()) {
            let mut job = job(state);
            job.lease = Some(Lease { incarnation: MINE, until: Timestamp(2_000) });
            assert_eq!(next(&job, 1_500), Step::Wait(Timestamp(2_000)), "{state:?}");
        }
    }

    #[test]
    fn after_a_crash_the_job_is_simply_due() {
        let lease = Some(Lease { incarnation: Incarnation(6), until: Timestamp(2_000) });
        let orphan = |state, deaths| next(&JobRecord { lease, deaths, ..job(state) }, 50);
        assert_eq!(orphan(JobState::Assigned, 0), Step::Reconcile(AttemptNumber(1)));
        assert_eq!(orphan(JobState::Evaluating, 0), Step::CountDeath { deaths: 1, hold: false });
        assert_eq!(orphan(JobState::Open, 4), Step::CountDeath { deaths: 5, hold: true });
    }

    #[test]
    fn an_answer_that_waits_for_a_model_is_no_suspect() {
        let lease = Some(Lease { incarnation: Incarnation(6), until: Timestamp(2_000) });
        let job = JobRecord { lease, ..job(JobState::Evaluating) };
        let checked = AttemptRecord { findings: Some(BodyId(9)), ..attempt(AttemptState::Answered) };
        assert_eq!(step(&job, Some(&checked), Timestamp(50), MINE), Step::Evaluate(AttemptNumber(1)));
    }

    #[test]
    fn a_call_that_outlives_its_lease_is_unclear() {
        let lease = Some(Lease { incarnation: MINE, until: Timestamp(90) });
        assert_eq!(
            next(&JobRecord { lease, ..job(JobState::Assigned) }, 95),
            Step::Reconcile(AttemptNumber(1))
        );
    }

    #[test]
    fn an_agent_that_works_is_asked_until_its_time_is_up() {
        let at_work =
            |now| step(&job(JobState::Working), Some(&attempt(AttemptState::Accepted)), Timestamp(now), MINE);
        let first = AttemptNumber(1);
        assert_eq!(at_work(99), Step::Wait(Timestamp(100)));
        assert_eq!(at_work(100), Step::Ask(first));
        assert_eq!(at_work(900), Step::GiveUpWaiting(first));
    }

    #[test]
    fn people_are_reminded_before_their_time_is_up() {
        let window = Some(Window { begins_at: Timestamp(0), ends_at: Timestamp(200), reminded: 0 });
        for (state, at_the_end) in [
            (JobState::InputRequired(Asker::Agent), Step::Lapse(Asker::Agent)),
            (JobState::InReview(Reviewer::Operator), Step::CloseReview(Reviewer::Operator)),
        ] {
            let waits = JobRecord { window, ..job(state) };
            assert_eq!(next(&waits, 100), Step::Remind);
            assert_eq!(next(&waits, 200), at_the_end);
        }
    }

    #[test]
    fn ready_jobs_are_looked_at_before_they_are_due() {
        assert_eq!(next(&JobRecord { ready: true, ..job(JobState::Open) }, 1), Step::Pick);
    }
}
