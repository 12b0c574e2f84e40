//! `logs`: the daemon's own log, from afar.

use crate::cli::LogsArgs;
use crate::fault::Fault;
use crate::session::{Session, clock, print};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::log::{LogLevel, LogLine, LogPage};
use guildhall_protocol::view::Scope;
use serde_json::json;

/// Longest wait for a line, ms.
const WAIT_MS: u64 = 20_000;

pub(crate) async fn run(session: &Session, args: LogsArgs) -> Result<(), Fault> {
    let least = args.level.map(LogLevel::from);
    let page = lines(session, None, args.lines).await?;
    tell(session, &page, least)?;
    let mut seen = page.seen;
    if !args.follow {
        return Ok(());
    }
    loop {
        session.patient(|| wait(session, seen)).await?;
        let page = session.patient(|| lines(session, Some(seen), 1_000)).await?;
        tell(session, &page, least)?;
        seen = page.seen;
    }
}

async fn lines(session: &Session, after: Option<u64>, limit: u32) -> Result<LogPage, Fault> {
    session.call(|service, context| async move { service.log_lines(context, after, limit).await }).await
}

async fn wait(session: &Session, seen: u64) -> Result<u64, Fault> {
    session
        .call(|service, context| async move {
            service.wait_for_change(context, Scope::Log, seen, WAIT_MS).await
        })
        .await
}

fn tell(session: &Session, page: &LogPage, least: Option<LogLevel>) -> Result<(), Fault> {
    if page.lost > 0 && !session.json {
        print(&format!("({} lines were dropped before they could be read)\n", page.lost))?;
    }
    // A level of a newer daemon's is shown rather than lost.
    let matters =
        |line: &&LogLine| least.is_none_or(|least| line.level.known().is_none_or(|level| *level <= least));
    let text = page
        .lines
        .iter()
        .filter(matters)
        .map(|line| if session.json { format!("{}\n", json!(line)) } else { show(line) });
    print(&text.collect::<String>())
}

fn show(line: &LogLine) -> String {
    let mut text = format!("{}  {:5} {}", clock(line.at), line.level.to_string(), clean_line(&line.message));
    for (name, value) in &line.fields {
        text.push_str(&format!(" {}={}", clean_line(name), clean_line(value)));
    }
    if line.cut {
        text.push_str(" (cut)");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::time::Timestamp;

    #[test]
    fn a_line_of_the_log_is_one_line_here() {
        let line = LogLine {
            number: 1,
            at: Timestamp(0),
            level: LogLevel::Warn.into(),
            target: "guildhall_daemon".to_owned(),
            message: "job 7\nwaits\u{1b}[2J".to_owned(),
            fields: vec![("why".to_owned(), "a\tb".to_owned())],
            cut: true,
        };
        let shown = show(&line);
        assert!(shown.ends_with("(cut)\n") && shown.lines().count() == 1, "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
}
