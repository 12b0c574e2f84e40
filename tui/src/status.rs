//! `status`: how the daemon is.

use crate::fault::Fault;
use crate::session::{Session, clock};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::view::Status;

pub(crate) async fn run(session: &Session) -> Result<(), Fault> {
    let status = session.call(|service, context| async move { service.status(context).await }).await?;
    session.answer(&status, show)
}

fn show(status: &Status) -> String {
    let jobs: Vec<String> = status.jobs.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let jobs = if jobs.is_empty() { "none yet".to_owned() } else { jobs.join(", ") };
    let mut text = format!(
        "guildhalld {} since {}, store {}, start {} on it\n",
        clean_line(&status.daemon),
        clock(status.started_at),
        status.store,
        status.incarnation.0,
    );
    text.push_str(&format!("jobs    {}\n", clean_line(&jobs)));
    text.push_str(&format!("agents  {} of {} active\n", status.agents_active, status.agents));
    if status.paused {
        text.push_str(
            "It is paused by an operator: no new attempts are started. `guildhall engine resume`\n",
        );
    }
    if status.draining {
        text.push_str("It is shutting down: no new attempts are started.\n");
    }
    for note in &status.notes {
        text.push_str(&format!("Note: {}.\n", clean_line(note)));
    }
    text
}
