//! After a failed attempt: repair it, try another agent, or give up. The table of DESIGN's "after a failed attempt".

use crate::store::AttemptRecord;
use guildhall_protocol::attempt::{AttemptState, Counts, EndedAs};
use guildhall_protocol::job::Policy;
use guildhall_protocol::time::Timestamp;

/// Why the newest attempt ended, as far as it matters for what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A readable answer missed a criterion, or a reviewer asked for changes: its agent can be told what to mend.
    Criteria,
    /// Anything else: declined, unreachable, silent, unclear, or an answer that cannot be read.
    Other,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// A new attempt with the same agent and version, which gets its findings.
    Repair,
    /// A new attempt with another agent.
    AnotherAgent,
    /// The job failed.
    GiveUp,
}

/// What is known about the job when its newest attempt has ended.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// All its attempts, oldest first; the last is the one that ended.
    pub attempts: &'a [AttemptRecord],
    /// Why it ended.
    pub failure: Failure,
    /// Whether its agent would take another attempt now: active, and its circuit closed.
    pub agent_ready: bool,
    /// When the job was posted.
    pub posted_at: Timestamp,
    /// When it must be done.
    pub deadline: Timestamp,
}

/// What follows the newest attempt.
pub fn next_step(story: &Story<'_>, policy: &Policy, now: Timestamp) -> NextStep {
    let used = |counts| {
        let ended = story.attempts.iter().filter_map(|attempt| attempt.state.ended());
        ended.filter(|ended| ended.counts_as() == counts).count()
    };
    let spent = |counts, max: u32| used(counts) >= max as usize;
    if spent(Counts::Attempt, policy.attempts_max) || spent(Counts::Offer, policy.offers_max) {
        return NextStep::GiveUp;
    }
    let Some(newest) = story.attempts.last() else { return NextStep::AnotherAgent };
    let repairs =
        story.attempts.iter().filter(|attempt| attempt.agent == newest.agent && attempt.repair).count();
    let time = story.deadline.since(story.posted_at);
    let time_left = story.deadline.since(now);
    let can_repair = story.failure == Failure::Criteria
        && newest.state == AttemptState::Ended(EndedAs::Failed)
        && repairs < policy.repairs_max as usize
        && story.agent_ready
        && time_left >= time / 4;
    if can_repair { NextStep::Repair } else { NextStep::AnotherAgent }
}

/// An attempt's part of its job's time: an equal share of what is left for each attempt that may still be made.
pub fn attempt_deadline(
    attempts: &[AttemptRecord],
    policy: &Policy,
    deadline: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let used = attempts
        .iter()
        .filter_map(|attempt| attempt.state.ended())
        .filter(|ended| ended.counts_as() == Counts::Attempt)
        .count();
    let left = policy.attempts_max.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)).max(1);
    now.after(deadline.since(now) / left).min(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::{AgentId, AgentVersion, AttemptNumber, BodyId, JobId};

    /// One letter per attempt: agent `a` or `b`, then how it ended; a capital letter is a repair.
    fn attempts(story: &str) -> Vec<AttemptRecord> {
        let attempt = |(number, word): (u32, &str)| {
            let (agent, ended) = word.split_at(1);
            let ended = match ended {
                "+failed" => EndedAs::Failed,
                "+declined" => EndedAs::Declined,
                "+unreachable" => EndedAs::Unreachable,
                "+silent" => EndedAs::Silent,
                "+withdrawn" => EndedAs::Withdrawn,
                other => panic!("{other} is not in the table"),
            };
            AttemptRecord {
                job: JobId(1),
                number: AttemptNumber(number),
                agent: AgentId(i64::from(agent.to_ascii_lowercase().as_bytes()[0])),
                version: AgentVersion(1),
                state: AttemptState::Ended(ended),
                repair: agent.chars().all(char::is_uppercase),
                tries: 1,
                started_at: Timestamp(0),
                answered_at: None,
                ended_at: Some(Timestamp(1)),
                pick: BodyId(1),
                answer: None,
                findings: None,
                reason: None,
                deadline: Timestamp(1),
                left_ms: None,
                heard_at: None,
                question: None,
                reply: None,
                replies: 0,
                input: None,
            }
        };
        (1..).zip(story.split_whitespace()).map(attempt).collect()
    }

    #[test]
    fn what_follows_what() {
        use Failure::{Criteria, Other};
        use NextStep::{AnotherAgent, GiveUp, Repair};
        let table = [
            ("a+failed", Criteria, Repair),
            ("a+failed", Other, AnotherAgent),
            ("a+failed A+failed", Criteria, AnotherAgent),
            ("a+failed A+failed b+failed", Criteria, GiveUp),
            ("a+failed b+failed", Criteria, Repair),
            ("a+declined", Other, AnotherAgent),
            ("a+unreachable", Other, AnotherAgent),
            ("a+silent", Other, AnotherAgent),
            ("a+silent b+silent a+silent", Other, GiveUp),
            ("a+withdrawn a+withdrawn a+withdrawn a+withdrawn", Other, AnotherAgent),
            (&"a+declined ".repeat(11), Other, AnotherAgent),
            (&"a+declined ".repeat(12), Other, GiveUp),
        ];
        for (story, failure, expected) in table {
            let attempts = attempts(story);
            let story_now = Story {
                attempts: &attempts,
                failure,
                agent_ready: true,
                posted_at: Timestamp(0),
                deadline: Timestamp(1_000),
            };
            assert_eq!(
                next_step(&story_now, &Policy::default(), Timestamp(500)),
                expected,
                "{story}, {failure:?}"
            );
        }
    }

    #[test]
    fn a_repair_needs_a_ready_agent_and_a_quarter_of_the_time() {
        let attempts = attempts("a+failed");
        let story = Story {
            attempts: &attempts,
            failure: Failure::Criteria,
            agent_ready: true,
            posted_at: Timestamp(0),
            deadline: Timestamp(1_000),
        };
        let policy = Policy::default();
        assert_eq!(next_step(&story, &policy, Timestamp(750)), NextStep::Repair);
        assert_eq!(next_step(&story, &policy, Timestamp(751)), NextStep::AnotherAgent);
        assert_eq!(next_step(&story, &policy, Timestamp(9_000)), NextStep::AnotherAgent);
        let busy = Story { agent_ready: false, ..story };
        assert_eq!(next_step(&busy, &policy, Timestamp(0)), NextStep::AnotherAgent);
        let never = Policy { repairs_max: 0, ..policy };
        assert_eq!(next_step(&story, &never, Timestamp(0)), NextStep::AnotherAgent);
    }

    #[test]
    fn attempts_share_the_time() {
        let policy = Policy { attempts_max: 3, ..Policy::default() };
        let deadline =
            |story: &str, now| attempt_deadline(&attempts(story), &policy, Timestamp(900), Timestamp(now)).0;
        assert_eq!(deadline("", 0), 300);
        assert_eq!(deadline("a+failed", 100), 500);
        assert_eq!(deadline("a+failed b+declined", 100), 500, "an offer uses up nothing");
        assert_eq!(deadline("a+failed A+failed", 100), 900);
        assert_eq!(deadline("a+failed A+failed b+silent", 100), 900);
        assert_eq!(deadline("", 1_000), 900, "nothing is left");
    }
}
