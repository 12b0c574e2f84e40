//! Alerts of places in words. More people read a channel than may read a job: no word of a client is in them.

use guildhall_protocol::ids::JobId;
use guildhall_protocol::notice::NoticeKind;

/// What happened, without a full stop.
#[expect(clippy::wildcard_enum_match_arm, reason = "operators are told of nothing else")]
pub fn told(kind: NoticeKind, job: Option<JobId>) -> String {
    let job = job.map_or_else(|| "a job".to_owned(), |job| format!("job {job}"));
    match kind {
        NoticeKind::OperatorNeeded => format!("{job} is held, and needs an operator"),
        NoticeKind::ReviewWanted => format!("the answer to {job} waits for an operator's decision"),
        NoticeKind::Reminder => format!("the time to decide about {job} runs out"),
        NoticeKind::AppealMade => format!("a complaint or a contest about {job} waits for an operator"),
        NoticeKind::BudgetLow => {
            "four fifths of this place's budget for models of today are spent".to_owned()
        }
        NoticeKind::BudgetSpent => {
            "this place's budget for models of today is spent: work goes on without them".to_owned()
        }
        _ => format!("{job} needs a look"),
    }
}
