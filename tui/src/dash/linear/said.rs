//! What somebody can say at the prompt.

use crate::dash::action::{Act, ENTRIES};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::permission::JobAction;

/// One line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Help,
    Status,
    Next,
    Inbox,
    News,
    Agents,
    /// Jobs that fit a filter.
    Jobs(String),
    More,
    Open(JobId),
    History(JobId),
    Read(JobId),
    Act {
        action: JobAction,
        job: JobId,
        /// What was said with it.
        text: Option<String>,
    },
    Quit,
}

/// What one can say beside actions: word, what may follow, what it does.
const WORDS: [(&str, &str, &str); 12] = [
    ("status", "", "how it is, in three lines"),
    ("next", "", "the next thing that waits for you"),
    ("inbox", "", "everything that waits for you"),
    ("news", "", "what happened since you asked last"),
    ("jobs", "[FILTER]", "jobs, such as: jobs state:failed age>1h"),
    ("more", "", "goes on with the jobs"),
    ("agents", "", "the agents"),
    ("open", "JOB", "a job: where it stands, and what you can do"),
    ("read", "JOB", "its answer"),
    ("history", "JOB", "all that happened to it"),
    ("decide", "JOB VERDICT", "accept, redo, cancel, uphold or reject"),
    ("quit", "", "leaves"),
];

impl Said {
    /// Reads a line. Where a job's number is missing, the one that was opened last is meant.
    pub(super) fn parse(line: &str, opened: Option<JobId>) -> Result<Self, String> {
        let (word, rest) = split(line);
        let job = || number(rest, opened).and_then(|(job, rest)| all_read(job, rest));
        Ok(match word {
            "" => Self::Nothing,
            "help" | "?" => Self::Help,
            "status" => Self::Status,
            "next" | "n" => Self::Next,
            "inbox" => Self::Inbox,
            "news" => Self::News,
            "agents" => Self::Agents,
            "jobs" => Self::Jobs(rest.to_owned()),
            "more" => Self::More,
            "open" => Self::Open(job()?),
            "history" => Self::History(job()?),
            "read" => Self::Read(job()?),
            "quit" | "exit" | "q" => Self::Quit,
            "decide" => {
                let (job, rest) = number(rest, opened)?;
                let (verdict, rest) = split(rest);
                let action = match verdict {
                    "accept" => JobAction::Accept,
                    "redo" => JobAction::RequestChanges,
                    "cancel" => JobAction::Cancel,
                    "uphold" => JobAction::Uphold,
                    "reject" => JobAction::Reject,
                    _ => {
                        let verdicts = "accept, redo, cancel, uphold or reject";
                        return Err(format!("Say what you decide: decide {} {verdicts}.", job.0));
                    }
                };
                Self::Act { action, job, text: some(rest) }
            }
            word => {
                let action = action(word)
                    .ok_or_else(|| format!("Nothing is called {word}. help says what can be asked."))?;
                let (job, rest) = number(rest, opened)?;
                Self::Act { action, job, text: some(rest) }
            }
        })
    }
}

/// Everything that can be said, a line each.
pub(super) fn help() -> String {
    let mut lines: Vec<String> = WORDS
        .iter()
        .map(|(word, rest, does)| format!("{word}{}{rest}: {does}.", if rest.is_empty() { "" } else { " " }))
        .collect();
    lines.push(
        "With JOB, or nothing for the one that was opened last, and a reason where there is one:".to_owned(),
    );
    let of_jobs = ENTRIES.iter().filter(|entry| matches!(entry.act, Act::Job(_)));
    lines.extend(of_jobs.map(|entry| format!("{}: {}.", entry.id, entry.does)));
    lines.join("\n")
}

/// An action by its name in the palette.
fn action(word: &str) -> Option<JobAction> {
    let entry = ENTRIES.iter().find(|entry| entry.id == word && matches!(entry.act, Act::Job(_)))?;
    if let Act::Job(action) = entry.act { Some(action) } else { None }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

/// The job's number, and what follows it.
fn number(text: &str, opened: Option<JobId>) -> Result<(JobId, &str), String> {
    let (word, rest) = split(text);
    match (word.parse(), opened) {
        (Ok(job), _) => Ok((job, rest)),
        (Err(_), Some(job)) => Ok((job, text)),
        (Err(_), None) => Err("Say which job: its number comes after the word.".to_owned()),
    }
}

fn all_read(job: JobId, rest: &str) -> Result<JobId, String> {
    if rest.is_empty() { Ok(job) } else { Err(format!("{rest} is no job's number.")) }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_says() {
        let opened = Some(JobId(9));
        let act = |action, job, text: Option<&str>| {
            Ok(Said::Act { action, job: JobId(job), text: text.map(str::to_owned) })
        };
        assert_eq!(Said::parse("", None), Ok(Said::Nothing));
        assert_eq!(Said::parse("open 17", None), Ok(Said::Open(JobId(17))));
        assert_eq!(Said::parse("read", opened), Ok(Said::Read(JobId(9))));
        assert_eq!(Said::parse("jobs  state:failed x", None), Ok(Said::Jobs("state:failed x".to_owned())));
        assert_eq!(
            Said::parse("decide 17 redo it is too small", None),
            act(JobAction::RequestChanges, 17, Some("it is too small"))
        );
        assert_eq!(
            Said::parse("cancel nobody wants it", opened),
            act(JobAction::Cancel, 9, Some("nobody wants it"))
        );
        assert_eq!(Said::parse("accept 17", opened), act(JobAction::Accept, 17, None));
        for (line, told) in [
            ("open", "Say which job"),
            ("open x", "Say which job"),
            ("decide 17", "Say what you decide: decide 17 accept"),
            ("dance", "Nothing is called dance"),
        ] {
            let trouble = Said::parse(line, None).expect_err(line);
            assert!(trouble.starts_with(told), "{line}: {trouble}");
        }
    }
}
