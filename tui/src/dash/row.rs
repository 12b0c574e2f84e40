//! What a row of a list stands for: the cursor stays on it while others come and go.

use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::{AttemptNumber, EventId, JobId, NotificationId, UserId};

/// A thing in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Job(JobId),
    Agent(AgentName),
    Notice(NotificationId),
    Attempt(JobId, AttemptNumber),
    Event(EventId),
    User(UserId),
    /// A line of text: it stands for nothing else.
    Line(usize),
    /// A heading: nobody stands on it.
    Heading(usize),
}

/// Where somebody is in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The row, from 0.
    pub(crate) at: usize,
    /// The first row that is shown.
    pub(crate) top: usize,
    /// What it stands on.
    pub(crate) on: Option<Row>,
}

impl Cursor {
    /// The rows changed: it stays on its thing, or where it was if that is gone. `height` is how many are shown.
    pub(crate) fn settle(&mut self, rows: &[Row], height: usize) {
        let found = self.on.as_ref().and_then(|on| rows.iter().position(|row| row == on));
        if let Some(place) = found {
            // What is shown moves with it, so that the row stays where the eye is.
            self.top = (self.top + place).saturating_sub(self.at);
            self.at = place;
        }
        self.at = self.at.min(rows.len().saturating_sub(1));
        if self.on.is_none() && !rows.get(self.at).is_some_and(is_thing) {
            // Whoever has just come stands on the first thing, not on its heading.
            self.at = rows.iter().position(is_thing).unwrap_or(self.at);
        }
        self.on = rows.get(self.at).cloned();
        self.show(rows.len(), height);
    }

    /// Moves by so many rows, over what stands for nothing.
    pub(crate) fn by(&mut self, rows: &[Row], step: isize, height: usize) {
        let last = rows.len().saturating_sub(1);
        let mut at = self.at.saturating_add_signed(step).min(last);
        while at > 0 && at < last && matches!(rows.get(at), Some(Row::Heading(_))) && has_things(rows) {
            at = at.saturating_add_signed(step.signum());
        }
        if has_things(rows) && matches!(rows.get(at), Some(Row::Heading(_))) {
            at = if step < 0 { rows.iter().position(is_thing) } else { rows.iter().rposition(is_thing) }
                .unwrap_or(at);
        }
        self.at = at.min(last);
        self.on = rows.get(self.at).cloned();
        self.show(rows.len(), height);
    }

    fn show(&mut self, rows: usize, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.at);
        if self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
        self.top = self.top.min(rows.saturating_sub(height));
    }
}

fn is_thing(row: &Row) -> bool {
    !matches!(row, Row::Heading(_))
}

fn has_things(rows: &[Row]) -> bool {
    rows.iter().any(is_thing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(numbers: impl IntoIterator<Item = i64>) -> Vec<Row> {
        numbers.into_iter().map(|number| Row::Job(JobId(number))).collect()
    }

    #[test]
    fn it_stays_on_its_job_while_others_arrive_above() {
        let mut cursor = Cursor::default();
        cursor.settle(&jobs((1..=20).rev()), 10);
        cursor.by(&jobs((1..=20).rev()), 4, 10);
        assert_eq!(cursor.on, Some(Row::Job(JobId(16))));
        cursor.settle(&jobs((1..=23).rev()), 10);
        assert_eq!((cursor.on.clone(), cursor.at, cursor.top), (Some(Row::Job(JobId(16))), 7, 3));
        cursor.settle(&jobs((1..=15).rev()), 10);
        assert_eq!(
            (cursor.on.clone(), cursor.at),
            (Some(Row::Job(JobId(8))), 7),
            "its job is gone: it stays where it was"
        );
        cursor.settle(&[], 10);
        assert_eq!(cursor, Cursor { at: 0, top: 0, on: None });
    }

    #[test]
    fn it_steps_over_headings() {
        let rows =
            [Row::Heading(0), Row::Job(JobId(1)), Row::Heading(2), Row::Job(JobId(2)), Row::Heading(4)];
        let mut cursor = Cursor { at: 1, top: 0, on: None };
        cursor.by(&rows, 1, 3);
        assert_eq!((cursor.at, cursor.top), (3, 1));
        cursor.by(&rows, 1, 3);
        assert_eq!(cursor.at, 3);
        cursor.by(&rows, -9, 3);
        assert_eq!(cursor.at, 1);
    }
}
