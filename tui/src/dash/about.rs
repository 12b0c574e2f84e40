//! What the screen or its row is about: its number, the command that shows it, what lies behind it, and what is next to it.

use super::model::Model;
use super::row::Row;
use super::screen::Screen;
use super::view::job;
use super::view::overview::{Opens, lines};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AttemptNumber, JobId};

/// What opening a row leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Screen(Screen),
    /// An attempt of a job, on the job's page.
    Attempt(JobId, AttemptNumber),
    /// The answer of an attempt of the job that is shown.
    Answer(AttemptNumber),
    /// What a line of JSON hides, or shows.
    Fold,
    /// The jobs that fit this filter.
    Jobs(String),
    /// Words about it, as there is no list.
    Told {
        title: &'static str,
        lines: Vec<String>,
    },
}

/// What lies behind a row, if anything does.
pub(crate) fn behind(model: &Model, row: &Row) -> Option<Behind> {
    let screen = match row {
        Row::Job(id) => Screen::Job(*id),
        Row::Attempt(id, number) => return Some(Behind::Attempt(*id, *number)),
        Row::Agent(name) => Screen::Agent(name.clone()),
        Row::Notice(id) => Screen::Notice(*id),
        Row::User(id) => Screen::Person(*id),
        Row::Event(id) => {
            let line = model.data.feed.lines.iter().find(|line| line.id == *id)?;
            let Subject::Job(job) = line.subject else { return None };
            Screen::Job(job)
        }
        Row::Line(line) if *model.screen() == Screen::Overview => {
            match lines(model, None).into_iter().nth(*line)?.opens {
                Opens::Jobs(filter) => return Some(Behind::Jobs(filter)),
                Opens::Inbox => Screen::Inbox,
                Opens::Notices => Screen::Notices,
                Opens::Agents => Screen::Agents,
                Opens::Job(id) => Screen::Job(id),
                Opens::Agent(name) => Screen::Agent(name),
                Opens::Told { title, lines } => return Some(Behind::Told { title, lines }),
                Opens::Nothing => return None,
            }
        }
        Row::Line(line) if matches!(model.screen(), Screen::Job(_)) => {
            let folds = || job::tree(model).filter(|tree| tree.folds_at(*line)).map(|_| Behind::Fold);
            return job::attempt_at(model, *line).map(Behind::Answer).or_else(folds);
        }
        Row::Line(_) | Row::Heading(_) => return None,
    };
    Some(Behind::Screen(screen))
}

/// What one would say of what is chosen.
pub(crate) fn number(model: &Model) -> Option<String> {
    Some(match subject(model)? {
        Row::Job(id) => id.to_string(),
        Row::Attempt(job, number) => format!("{job}.{}", number.0),
        Row::Agent(name) => name.to_string(),
        Row::Notice(id) => id.0.to_string(),
        Row::User(id) => id.0.to_string(),
        Row::Event(id) => id.0.to_string(),
        Row::Line(_) | Row::Heading(_) => return None,
    })
}

/// The same; in JSON, the path to the line, if it has one.
pub(crate) fn number_or_path(model: &Model) -> Option<String> {
    let path = || {
        let tree = job::tree(model)?;
        Some(tree.path(tree.rows().get(model.cursor().at)?.line)).filter(|path| !path.is_empty())
    };
    path().or_else(|| number(model))
}

/// The value under the cursor, whole.
pub(crate) fn value(model: &Model) -> Option<String> {
    let tree = job::tree(model)?;
    Some(tree.copied(tree.rows().get(model.cursor().at)?.line))
}

/// The command that shows what is chosen.
pub(crate) fn command(model: &Model) -> Option<String> {
    Some(match subject(model)? {
        Row::Job(id) | Row::Attempt(id, _) => format!("guildhall job show {}", id.0),
        Row::Agent(name) => format!("guildhall agent show {name}"),
        Row::Notice(id) => format!("guildhall notices show {}", id.0),
        Row::User(id) => format!("guildhall user show {}", id.0),
        Row::Event(id) => {
            let line = model.data.feed.lines.iter().find(|line| line.id == id)?;
            match line.subject {
                Subject::Job(job) => format!("guildhall job show {}", job.0),
                Subject::Place(place) => format!("guildhall place show {}", place.0),
                Subject::Agent(_) | Subject::User(_) | Subject::System => return None,
            }
        }
        Row::Line(_) | Row::Heading(_) => return None,
    })
}

/// What the screen is about, or the row.
fn subject(model: &Model) -> Option<Row> {
    match model.screen() {
        Screen::Job(id) => Some(Row::Job(*id)),
        Screen::Agent(name) => Some(Row::Agent(name.clone())),
        Screen::Notice(id) => Some(Row::Notice(*id)),
        Screen::Person(id) => Some(Row::User(*id)),
        Screen::Overview
        | Screen::Jobs
        | Screen::Agents
        | Screen::Events
        | Screen::Notices
        | Screen::Inbox
        | Screen::Log
        | Screen::People => model.chosen_row(),
    }
}

/// Whether the job was opened from something that has a job before it and one after.
pub(crate) fn has_list(model: &Model) -> bool {
    let list = model.trail.before().map(|stop| &stop.screen);
    matches!(list, Some(Screen::Jobs | Screen::Inbox | Screen::Agent(_)))
}
