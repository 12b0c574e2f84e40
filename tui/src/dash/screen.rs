//! Where one can be: the views, and the way back.

use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::{JobId, NotificationId, UserId};

/// Most screens that the way back remembers.
const TRAIL_MAX: usize = 100;

/// One view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Screen {
    Overview,
    Jobs,
    Job(JobId),
    Agents,
    Agent(AgentName),
    Events,
    Notices,
    Notice(NotificationId),
    Inbox,
    Log,
    People,
    Person(UserId),
}

/// The views that are reached by one key, in their order.
pub(crate) const TABS: [Screen; 8] = [
    Screen::Overview,
    Screen::Jobs,
    Screen::Agents,
    Screen::Inbox,
    Screen::Events,
    Screen::Notices,
    Screen::Log,
    Screen::People,
];

impl Screen {
    /// Its title.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Overview => "Overview".to_owned(),
            Self::Jobs => "Jobs".to_owned(),
            Self::Job(id) => format!("Job {id}"),
            Self::Agents => "Agents".to_owned(),
            Self::Agent(name) => name.to_string(),
            Self::Events => "Events".to_owned(),
            Self::Notices => "Notices".to_owned(),
            Self::Notice(id) => format!("Notice {}", id.0),
            Self::Inbox => "Inbox".to_owned(),
            Self::Log => "Log".to_owned(),
            Self::People => "People".to_owned(),
            Self::Person(id) => format!("User {}", id.0),
        }
    }

    /// The tab to which it belongs.
    pub(crate) fn tab(&self) -> Self {
        match self {
            Self::Job(_) => Self::Jobs,
            Self::Agent(_) => Self::Agents,
            Self::Notice(_) => Self::Notices,
            Self::Person(_) => Self::People,
            Self::Overview
            | Self::Jobs
            | Self::Agents
            | Self::Events
            | Self::Notices
            | Self::Inbox
            | Self::Log
            | Self::People => self.clone(),
        }
    }
}

/// A place on the way: a screen, and the filter of the jobs at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) screen: Screen,
    pub(crate) filter: String,
}

/// Where one was, as in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trail {
    stops: Vec<Stop>,
    at: usize,
}

impl Trail {
    /// Begins at a screen, with this filter of the jobs.
    pub(crate) fn at(screen: Screen, filter: &str) -> Self {
        Self { stops: vec![Stop { screen, filter: filter.to_owned() }], at: 0 }
    }

    /// The screen that is shown.
    pub(crate) fn current(&self) -> &Screen {
        &self.stops[self.at].screen
    }

    /// The filter of the jobs.
    pub(crate) fn filter(&self) -> &str {
        &self.stops[self.at].filter
    }

    /// The stop before this one: what is shown was opened there.
    pub(crate) fn before(&self) -> Option<&Stop> {
        self.stops.get(self.at.checked_sub(1)?)
    }

    /// Goes to a screen; what lay ahead is forgotten.
    pub(crate) fn go(&mut self, screen: Screen) {
        let filter = self.filter().to_owned();
        self.push(Stop { screen, filter });
    }

    /// Goes to the jobs that another filter means.
    pub(crate) fn list(&mut self, filter: &str) {
        self.push(Stop { screen: Screen::Jobs, filter: filter.to_owned() });
    }

    fn push(&mut self, stop: Stop) {
        if self.stops[self.at] == stop {
            return;
        }
        self.stops.truncate(self.at + 1);
        self.stops.push(stop);
        if self.stops.len() > TRAIL_MAX {
            self.stops.remove(0);
        }
        self.at = self.stops.len() - 1;
    }

    /// Shows another screen in the place of this one: the neighbor of a job is no further step.
    pub(crate) fn replace(&mut self, screen: Screen) {
        self.stops[self.at].screen = screen;
    }

    /// The jobs have this filter from here on: another sort is no further step.
    pub(crate) fn refilter(&mut self, filter: &str) {
        filter.clone_into(&mut self.stops[self.at].filter);
    }

    /// Whether there is a step back.
    pub(crate) fn has_back(&self) -> bool {
        self.at > 0
    }

    /// Whether there is a step forward.
    pub(crate) fn has_forward(&self) -> bool {
        self.at + 1 < self.stops.len()
    }

    /// One step back; whether there was one.
    pub(crate) fn back(&mut self) -> bool {
        let moved = self.has_back();
        self.turn(self.at.saturating_sub(1));
        moved
    }

    /// One step forward, if there is one.
    pub(crate) fn forward(&mut self) {
        let moved = self.has_forward();
        self.turn(self.at + usize::from(moved));
    }

    /// Only the list of jobs brings its filter back; elsewhere the one that is in force stays.
    fn turn(&mut self, at: usize) {
        let filter = self.filter().to_owned();
        self.at = at;
        if *self.current() != Screen::Jobs {
            self.refilter(&filter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_as_in_a_browser() {
        let mut trail = Trail::at(Screen::Overview, "");
        assert!(!trail.back());
        trail.go(Screen::Jobs);
        trail.go(Screen::Job(JobId(7)));
        trail.go(Screen::Job(JobId(7)));
        assert!(trail.back() && *trail.current() == Screen::Jobs);
        trail.forward();
        assert_eq!(*trail.current(), Screen::Job(JobId(7)));
        assert!(!trail.has_forward());
        assert!(trail.back() && trail.back());
        trail.go(Screen::Agents);
        assert!(!trail.has_forward(), "what lay ahead is forgotten");
        for number in 0..1_000 {
            trail.go(Screen::Job(JobId(number)));
        }
        assert_eq!(trail.stops.len(), TRAIL_MAX);
    }

    #[test]
    fn each_list_of_jobs_comes_back_with_its_filter() {
        let mut trail = Trail::at(Screen::Overview, "");
        trail.list("state:open");
        trail.list("state:failed");
        trail.list("state:failed");
        trail.go(Screen::Job(JobId(7)));
        trail.go(Screen::Agents);
        assert!(trail.back() && trail.back() && trail.back());
        assert_eq!((trail.current(), trail.filter()), (&Screen::Jobs, "state:open"));
        assert!(trail.back());
        assert_eq!((trail.current(), trail.filter()), (&Screen::Overview, "state:open"), "it is in force");
        trail.forward();
        trail.forward();
        assert_eq!(trail.filter(), "state:failed");
    }
}
