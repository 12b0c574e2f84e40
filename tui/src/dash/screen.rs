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

/// Where one was, as in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trail {
    screens: Vec<Screen>,
    at: usize,
}

impl Trail {
    /// Begins at a screen.
    pub(crate) fn at(screen: Screen) -> Self {
        Self { screens: vec![screen], at: 0 }
    }

    /// The screen that is shown.
    pub(crate) fn current(&self) -> &Screen {
        &self.screens[self.at]
    }

    /// Goes to a screen; what lay ahead is forgotten.
    pub(crate) fn go(&mut self, screen: Screen) {
        if *self.current() == screen {
            return;
        }
        self.screens.truncate(self.at + 1);
        self.screens.push(screen);
        if self.screens.len() > TRAIL_MAX {
            self.screens.remove(0);
        }
        self.at = self.screens.len() - 1;
    }

    /// Shows another screen in the place of this one: the neighbor of a job is no further step.
    pub(crate) fn replace(&mut self, screen: Screen) {
        self.screens[self.at] = screen;
    }

    /// Whether there is a step back.
    pub(crate) fn has_back(&self) -> bool {
        self.at > 0
    }

    /// Whether there is a step forward.
    pub(crate) fn has_forward(&self) -> bool {
        self.at + 1 < self.screens.len()
    }

    /// One step back; whether there was one.
    pub(crate) fn back(&mut self) -> bool {
        let moved = self.has_back();
        self.at = self.at.saturating_sub(1);
        moved
    }

    /// One step forward, if there is one.
    pub(crate) fn forward(&mut self) {
        self.at += usize::from(self.has_forward());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forward_as_in_a_browser() {
        let mut trail = Trail::at(Screen::Overview);
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
        assert_eq!(trail.screens.len(), TRAIL_MAX);
    }
}
