//! Trying an agent out: its endpoint by itself, or with a job that never counts.

use super::story;
use crate::fault::Fault;
use crate::input;
use crate::job::watch;
use crate::session::Session;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{JobDraft, Review};
use guildhall_protocol::view::TestReport;

pub(super) async fn test(session: &Session, name: AgentName) -> Result<(), Fault> {
    let agent = name.clone();
    let report =
        session.call(|service, context| async move { service.test_agent(context, agent).await }).await?;
    session.answer(&report, show)?;
    if report.steps.iter().all(|step| step.passed) {
        return Ok(());
    }
    Err(Fault::EndedBadly(format!(
        "{name} did not pass; guildhall agent log {name} --full shows the exchanges"
    )))
}

fn show(report: &TestReport) -> String {
    let line = |passed: bool, name: &str, detail: &str| {
        let sign = if passed { "✓" } else { "✗" };
        format!("{sign} {}: {}\n", clean_line(name), clean_line(detail))
    };
    report.steps.iter().map(|step| line(step.passed, &step.name, &step.detail)).collect()
}

pub(super) async fn attempt(
    session: &Session,
    name: AgentName,
    brief: Vec<String>,
    argument: Option<String>,
) -> Result<(), Fault> {
    let given = argument.as_deref().map(input::json).transpose()?;
    let definition = story(session, name.clone()).await?.definition;
    let example = if given.is_none() && brief.is_empty() {
        let example = definition.examples.into_iter().next();
        let example = example.ok_or_else(|| {
            Fault::Input(format!("{name} has no example: say what you want, or give --input"))
        })?;
        Some(example.input)
    } else {
        None
    };
    // Where a schema checks the answer, that is all; otherwise whoever tries the agent looks at it.
    let review = if definition.output_schema.is_some() { Review::Never } else { Review::default() };
    let brief = if brief.is_empty() { format!("Trying {name} out.") } else { brief.join(" ") };
    let draft = JobDraft {
        brief,
        input: given.or(example),
        only: vec![name],
        trial: true,
        review,
        ..JobDraft::default()
    };
    let posted = session.post(RequestId::fresh(), draft).await?;
    watch(session, posted.id).await
}
