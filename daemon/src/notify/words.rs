//! Notices in words: one sentence on what happened, and one on what to do next.

use crate::store::NotificationRecord;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::notice::NoticeKind;

/// Longest title in a sentence, in graphemes.
const TITLE_MAX: usize = 80;

/// A notice in words; they are safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What happened, without a full stop.
    pub text: String,
    /// What to do next, without a full stop.
    pub next: String,
}

/// Words for a notice, or for `count` of one kind, of which it is the first.
#[expect(clippy::too_many_lines, reason = "two sentences for each kind")]
pub fn words(notice: &NotificationRecord, title: Option<&str>, agent: Option<&str>, count: usize) -> Words {
    let number = notice.job.map_or_else(|| "?".to_owned(), |job| job.0.to_string());
    let job = match title {
        Some(title) => format!("job {number} ({})", cut(&clean_line(title), TITLE_MAX)),
        None => format!("job {number}"),
    };
    let agent = agent.unwrap_or("an agent");
    if count > 1 {
        return Words { text: many(notice.kind, count, agent), next: look_at_all(notice.kind, agent) };
    }
    let show = format!("guildhall job show {number}");
    let (text, next) = match notice.kind {
        NoticeKind::JobWaiting => (
            format!("nobody can take your {job} now; it waits"),
            format!("guildhall job why {number} says why"),
        ),
        NoticeKind::Question => {
            let asker = if notice.agent.is_some() { agent } else { "the marketplace" };
            (format!("{asker} asks you something about your {job}"), answer(&number, &show))
        }
        NoticeKind::ReviewWanted => (
            format!("the answer to {job} waits for your decision"),
            format!(
                "{show}, then guildhall job accept {number} or guildhall job request-changes {number} --reason \"...\""
            ),
        ),
        NoticeKind::Reminder => (
            format!("the time to answer or decide about {job} runs out"),
            format!("{show} says what is asked"),
        ),
        NoticeKind::JobCompleted => (format!("your {job} is done"), format!("{show} shows the answer")),
        NoticeKind::JobFailed => (
            format!("nobody could do your {job}"),
            format!("{show} tells why; guildhall job again {number} posts it once more"),
        ),
        NoticeKind::JobExpired => (
            format!("the deadline of your {job} passed"),
            format!("guildhall job again {number} posts it once more"),
        ),
        NoticeKind::JobCanceled => {
            (format!("an operator called your {job} off"), format!("{show} tells why"))
        }
        NoticeKind::JobHeld => (
            format!("your {job} waits for an operator"),
            format!("there is nothing to do for you; {show} tells why"),
        ),
        NoticeKind::OperatorNeeded => (
            format!("{job} is held and needs an operator"),
            format!(
                "{show}, then guildhall job resend {number}, guildhall job reassign {number} or \
                guildhall job give-up {number}"
            ),
        ),
        NoticeKind::AppealMade => (
            format!("a complaint or contest about {job} waits for an operator"),
            format!(
                "{show}, then guildhall job decide {number} uphold or guildhall job decide {number} reject"
            ),
        ),
        NoticeKind::AppealDecided => {
            (format!("what you said about {job} was decided"), format!("{show} tells how"))
        }
        NoticeKind::AgentAssigned => (format!("{agent} got {job}"), format!("guildhall agent log {agent}")),
        NoticeKind::AgentJudged => (format!("the answer of {agent} to {job} was judged"), log(agent)),
        NoticeKind::AgentEnded => (format!("{agent} did not succeed with {job}"), log(agent)),
        NoticeKind::AgentGone => (
            format!("{agent} said that it is gone (410) and is paused"),
            format!("guildhall agent resume {agent} when it is back"),
        ),
        NoticeKind::CircuitOpened => (
            format!("{agent} cannot be reached and gets no jobs for a while"),
            format!("{}; guildhall agent test {agent} lets it work at once when it passes", log(agent)),
        ),
        NoticeKind::AgentQuarantined => (
            format!("{agent} was lost too often and gets no jobs until you test it"),
            format!("{}; then guildhall agent test {agent}", log(agent)),
        ),
        NoticeKind::CircuitClosed => {
            (format!("{agent} can be reached again and gets jobs"), "there is nothing to do".to_owned())
        }
        NoticeKind::ApprovalWanted => (
            format!("{agent} is to work for others and waits for your approval"),
            format!("guildhall agent show {agent}, then guildhall agent publish {agent} or guildhall agent refuse {agent}"),
        ),
        NoticeKind::AgentPublished => {
            (format!("{agent} works for others now"), format!("guildhall agent withdraw {agent} ends it"))
        }
        NoticeKind::PublishingRefused => (
            format!("an operator did not let {agent} work for others"),
            format!("guildhall agent show {agent} tells more"),
        ),
        NoticeKind::AgentOffered => (
            format!("{agent} is offered to you"),
            format!("guildhall agent take {agent}, then guildhall agent rotate-secret {agent}"),
        ),
        NoticeKind::AgentTaken => (
            format!("whom you offered {agent} has it now"),
            "there is nothing to do".to_owned(),
        ),
        NoticeKind::AccountJoined => (
            "another account is part of yours now, since somebody entered a code of yours".to_owned(),
            "guildhall account show tells how you are known; guildhall unlink removes an identity".to_owned(),
        ),
        NoticeKind::BudgetLow => (
            "four fifths of a day's budget for models are spent".to_owned(),
            "guildhall llm status shows whose; guildhall llm budget sets another".to_owned(),
        ),
        NoticeKind::BudgetSpent => (
            "a day's budget for models is used up, or too little is left for a call: until midnight UTC work goes on \
             without them where they would cost more"
                .to_owned(),
            "guildhall llm status shows whose; guildhall llm budget sets another".to_owned(),
        ),
    };
    Words { text, next }
}

fn answer(number: &str, show: &str) -> String {
    format!("{show}, then guildhall job answer {number} \"...\"")
}

fn log(agent: &str) -> String {
    format!("guildhall agent log {agent} --full shows what was sent and what came back")
}

fn many(kind: NoticeKind, count: usize, agent: &str) -> String {
    match kind {
        NoticeKind::JobWaiting => format!("{count} of your jobs wait: nobody can take them now"),
        NoticeKind::Question => format!("{count} of your jobs ask you something"),
        NoticeKind::ReviewWanted => format!("{count} answers wait for your decision"),
        NoticeKind::Reminder => format!("the time to answer or decide about {count} jobs runs out"),
        NoticeKind::JobCompleted => format!("{count} of your jobs are done"),
        NoticeKind::JobFailed => format!("nobody could do {count} of your jobs"),
        NoticeKind::JobExpired => format!("the deadline of {count} of your jobs passed"),
        NoticeKind::JobCanceled => format!("an operator called {count} of your jobs off"),
        NoticeKind::JobHeld => format!("{count} of your jobs wait for an operator"),
        NoticeKind::OperatorNeeded => format!("{count} jobs are held and need an operator"),
        NoticeKind::AppealMade => format!("{count} complaints or contests wait for an operator"),
        NoticeKind::AppealDecided => format!("{count} of your complaints or contests were decided"),
        NoticeKind::AgentAssigned => format!("{agent} got {count} jobs, with others of yours"),
        NoticeKind::AgentJudged => format!("{count} answers of your agents were judged"),
        NoticeKind::AgentEnded => format!("your agents did not succeed with {count} jobs"),
        NoticeKind::AgentGone => format!("{count} of your agents said that they are gone"),
        NoticeKind::CircuitOpened => format!("your agents could not be reached {count} times"),
        NoticeKind::AgentQuarantined => format!("{count} of your agents get no jobs until you test them"),
        NoticeKind::CircuitClosed => format!("{count} of your agents can be reached again"),
        NoticeKind::ApprovalWanted => format!("{count} agents wait for your approval"),
        NoticeKind::AgentPublished => format!("{count} of your agents work for others now"),
        NoticeKind::PublishingRefused => format!("{count} of your agents may not work for others"),
        NoticeKind::AgentOffered => format!("{count} agents are offered to you"),
        NoticeKind::AgentTaken => format!("{count} of your agents are others' now"),
        NoticeKind::AccountJoined => format!("{count} accounts are part of yours now"),
        NoticeKind::BudgetLow => format!("{count} budgets for models are nearly spent"),
        NoticeKind::BudgetSpent => format!("{count} budgets for models are spent"),
    }
}

fn look_at_all(kind: NoticeKind, agent: &str) -> String {
    match kind {
        NoticeKind::AgentAssigned | NoticeKind::AgentJudged | NoticeKind::AgentEnded => log(agent),
        NoticeKind::AgentGone
        | NoticeKind::CircuitOpened
        | NoticeKind::AgentQuarantined
        | NoticeKind::CircuitClosed => "guildhall agent list shows them".to_owned(),
        NoticeKind::ApprovalWanted | NoticeKind::AgentOffered => "guildhall inbox shows them".to_owned(),
        NoticeKind::AgentPublished | NoticeKind::PublishingRefused | NoticeKind::AgentTaken => {
            "guildhall agent list shows them".to_owned()
        }
        NoticeKind::AccountJoined => "guildhall account show tells how you are known".to_owned(),
        NoticeKind::BudgetLow | NoticeKind::BudgetSpent => "guildhall llm status shows whose".to_owned(),
        NoticeKind::JobWaiting
        | NoticeKind::Question
        | NoticeKind::ReviewWanted
        | NoticeKind::Reminder
        | NoticeKind::JobCompleted
        | NoticeKind::JobFailed
        | NoticeKind::JobExpired
        | NoticeKind::JobCanceled
        | NoticeKind::JobHeld
        | NoticeKind::OperatorNeeded
        | NoticeKind::AppealMade
        | NoticeKind::AppealDecided => "guildhall inbox shows what waits for you".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::{JobId, NotificationId, UserId};
    use guildhall_protocol::notice::Channel;
    use guildhall_protocol::time::Timestamp;

    #[test]
    fn every_notice_says_what_to_do_next() {
        for kind in NoticeKind::ALL {
            let notice = NotificationRecord {
                id: NotificationId(1),
                user: UserId(1),
                channel: Channel::Log,
                kind,
                job: Some(JobId(42)),
                attempt: None,
                agent: None,
                made_at: Timestamp(0),
                due_at: None,
                tries: 1,
                acknowledged_at: None,
            };
            for count in [1, 9] {
                let said = words(&notice, Some("Count\u{1b}[2J words"), Some("@ada"), count);
                assert!(!said.next.is_empty() && !said.text.contains('\u{1b}'), "{kind}: {said:?}");
            }
        }
    }
}
