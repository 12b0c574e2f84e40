//! How a result was checked, in one line: exactly, by a model, by a person, or by nobody.

use guildhall_protocol::attempt::{CheckedBy, CriterionRef, Decision, Finding};
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{AttemptNumber, UserId};
use guildhall_protocol::model::{CallOutcome, ModelName, ModelRole};
use guildhall_protocol::state::Reviewer;
use guildhall_protocol::view::JobStory;

/// How the result was checked, to be read after `checked`; none while there is no result.
pub(super) fn checked(story: &JobStory, caller: UserId) -> Option<String> {
    let by = story.head.checked_by?;
    Some(match by {
        CheckedBy::Nobody => "by nobody: nobody looked at the answer in time".to_owned(),
        CheckedBy::Rules => by.to_string(),
        CheckedBy::Model => by_model(story),
        CheckedBy::Person => by_person(story, caller).to_owned(),
    })
}

fn by_model(story: &JobStory) -> String {
    let Some(view) = story.answered() else { return CheckedBy::Model.to_string() };
    let judges = story.events.iter().filter_map(|event| judge(&event.what, view.number));
    let found = view.findings.iter().filter_map(|finding| finding.model.as_ref());
    let mut models: Vec<&str> = Vec::new();
    for model in judges.chain(found).map(ModelName::as_str) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let told = match models.as_slice() {
        [] => CheckedBy::Model.to_string(),
        models => format!("by a model ({})", models.join(" and ")),
    };
    match view.findings.iter().filter(|finding| is_exact(finding)).count() {
        0 => told,
        1 => told + ", and 1 criterion exactly",
        count => format!("{told}, and {count} criteria exactly"),
    }
}

/// The model that judged this attempt's answer by this event.
fn judge(what: &What, number: AttemptNumber) -> Option<&ModelName> {
    let What::ModelCalled { attempt: Some(attempt), call } = what else { return None };
    let judges = matches!(call.role, ModelRole::Judge | ModelRole::SecondJudge);
    let answered = matches!(call.outcome, CallOutcome::Answered | CallOutcome::Cached);
    (*attempt == number && judges && answered).then_some(&call.model)
}

/// A criterion of the job that a schema or a rule decided.
fn is_exact(finding: &Finding) -> bool {
    finding.model.is_none()
        && finding.decision == Decision::Pass
        && matches!(finding.criterion, CriterionRef::Job(_))
}

/// Who accepted the answer.
fn by_person(story: &JobStory, caller: UserId) -> &'static str {
    let accepted = story.events.iter().rev().find_map(|event| {
        if let What::ReviewAccepted { reviewer } = event.what { Some((reviewer, event.by)) } else { None }
    });
    match accepted {
        Some((Reviewer::Operator, by)) if by == Actor::User(caller) => "by you, as an operator",
        Some((Reviewer::Operator, _)) => "by an operator",
        Some((Reviewer::Client, _)) | None if story.head.client == caller => "by you",
        Some((Reviewer::Client, _)) => "by the client",
        None => "by a person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::attempt::{AttemptState, EndedAs};
    use guildhall_protocol::history::{Commitment, Event};
    use guildhall_protocol::ids::{AgentVersion, BodyId, JobId};
    use guildhall_protocol::job::{Priority, Visibility};
    use guildhall_protocol::model::{Micros, ModelCall, ModelSpending};
    use guildhall_protocol::state::JobState;
    use guildhall_protocol::time::Timestamp;
    use guildhall_protocol::view::{AttemptView, BodyHead, Chained, JobHead, Sight};

    const CLIENT: UserId = UserId(1);
    const OPERATOR: UserId = UserId(2);
    const NOW: Timestamp = Timestamp(0);

    fn body() -> BodyHead {
        BodyHead { id: BodyId(1), bytes: 0, sha256: String::new(), head: None }
    }

    fn story(
        checked_by: Option<CheckedBy>,
        findings: Vec<Finding>,
        accepted: &[(Reviewer, UserId)],
    ) -> JobStory {
        let attempt = AttemptView {
            number: AttemptNumber(1),
            agent: "ada".parse().expect("a name"),
            version: AgentVersion(1),
            state: AttemptState::Ended(EndedAs::Passed).into(),
            repair: false,
            tries: 1,
            started_at: NOW,
            deadline: NOW,
            heard_at: None,
            answered_at: None,
            ended_at: None,
            question: None,
            reply: None,
            reason: None,
            pick: None,
            input: None,
            answer: Some(body()),
            findings,
        };
        let event = |(reviewer, user): &(Reviewer, UserId)| Event {
            seq: 1,
            at: NOW,
            by: Actor::User(*user),
            what: What::ReviewAccepted { reviewer: *reviewer },
        };
        JobStory {
            head: JobHead {
                id: JobId(1),
                title: None,
                label: None,
                state: JobState::Completed.into(),
                client: CLIENT,
                visibility: Visibility::Private,
                priority: Priority::Normal,
                agent: None,
                attempts: 1,
                checked_by,
                posted_at: NOW,
                changed_at: NOW,
                deadline: NOW,
                due_at: None,
                window_ends_at: None,
                epoch: 0,
                revision: 0,
            },
            draft: body(),
            attempts: vec![attempt],
            waiting: None,
            question: None,
            reply: None,
            spent: ModelSpending::default(),
            display: None,
            events: accepted.iter().map(event).collect(),
            texts: Vec::new(),
            agents: Vec::new(),
            excluded: Vec::new(),
            appeals: Vec::new(),
            allowed: Vec::new(),
            chained: Chained::Unsaid,
            sight: Sight::Open,
        }
    }

    #[test]
    fn a_model_is_named_beside_what_was_exact() {
        let exact = Finding::new(CriterionRef::Job(0), "max 3 words", Decision::Pass, "");
        let contract = Finding::new(CriterionRef::Contract, "readable", Decision::Pass, "");
        let model = Some("gpt-x".parse().expect("a name"));
        let judged = Finding { model, ..Finding::new(CriterionRef::Job(1), "it rhymes", Decision::Pass, "") };
        let told = |findings: &[&Finding]| {
            let findings = findings.iter().map(|finding| (*finding).clone()).collect();
            checked(&story(Some(CheckedBy::Model), findings, &[]), CLIENT).expect("a result")
        };
        assert_eq!(told(&[&contract, &judged]), "by a model (gpt-x)");
        assert_eq!(told(&[&contract, &exact, &judged]), "by a model (gpt-x), and 1 criterion exactly");
        assert_eq!(told(&[]), "by a model", "its findings were forgotten");
    }

    #[test]
    fn a_second_model_is_named_if_it_said_something_about_this_answer() {
        let call = |number, role, model: &str, outcome| Event {
            seq: 1,
            at: NOW,
            by: Actor::Daemon,
            what: What::ModelCalled {
                attempt: Some(AttemptNumber(number)),
                call: ModelCall {
                    role,
                    model: model.parse().expect("a name"),
                    prompt: Commitment(String::new()),
                    tokens_in: 0,
                    tokens_out: 0,
                    cost: Micros(0),
                    latency_ms: 0,
                    outcome,
                },
            },
        };
        let mut story = story(Some(CheckedBy::Model), Vec::new(), &[]);
        story.events = vec![
            call(1, ModelRole::Judge, "gpt-x", CallOutcome::Cached),
            call(1, ModelRole::SecondJudge, "gpt-y", CallOutcome::Answered),
            call(1, ModelRole::SecondJudge, "gpt-down", CallOutcome::Transient),
            call(2, ModelRole::Judge, "gpt-elsewhere", CallOutcome::Answered),
        ];
        assert_eq!(checked(&story, CLIENT).as_deref(), Some("by a model (gpt-x and gpt-y)"));
    }

    #[test]
    fn a_person_is_told_from_another() {
        use Reviewer::{Client, Operator};
        for (accepted, caller, expected) in [
            (&[(Client, CLIENT)][..], CLIENT, "by you"),
            (&[(Client, CLIENT)], OPERATOR, "by the client"),
            (&[(Operator, OPERATOR)], CLIENT, "by an operator"),
            (&[(Operator, OPERATOR)], OPERATOR, "by you, as an operator"),
            (&[], CLIENT, "by you"),
            (&[], OPERATOR, "by a person"),
        ] {
            let story = story(Some(CheckedBy::Person), Vec::new(), accepted);
            assert_eq!(checked(&story, caller).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_result_says_that_nobody_looked_and_none_says_nothing() {
        let told = |by| checked(&story(by, Vec::new(), &[]), CLIENT);
        assert_eq!(told(None), None);
        assert_eq!(
            told(Some(CheckedBy::Nobody)).as_deref(),
            Some("by nobody: nobody looked at the answer in time")
        );
        assert_eq!(told(Some(CheckedBy::Rules)).as_deref(), Some("exactly, by schemas and rules"));
    }
}
