//! What the components of `/setup` stand for: each says all that it needs, so that it works after a restart.

use std::fmt;

/// A step of settling something for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetupStep {
    /// Shows what is about channels.
    Channels,
    /// Shows what is about people and agents; agents after this one.
    People {
        after: i64,
    },
    /// Lists from which something is chosen.
    Board,
    Alerts,
    Visibility,
    Posters,
    Operators,
    /// Of the agents after one, up to another.
    Agents {
        after: i64,
        last: i64,
    },
    /// Buttons that undo a choice.
    NoBoard,
    NoAlerts,
    Everybody,
    NoOperators,
    AllAgents,
}

/// Those that hold no numbers, with their words.
const WORDS: [(SetupStep, &str); 11] = [
    (SetupStep::Channels, "channels"),
    (SetupStep::Board, "board"),
    (SetupStep::Alerts, "alerts"),
    (SetupStep::Visibility, "visibility"),
    (SetupStep::Posters, "posters"),
    (SetupStep::Operators, "operators"),
    (SetupStep::NoBoard, "noboard"),
    (SetupStep::NoAlerts, "noalerts"),
    (SetupStep::Everybody, "everybody"),
    (SetupStep::NoOperators, "nooperators"),
    (SetupStep::AllAgents, "allagents"),
];

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, word)) = WORDS.iter().find(|(step, _)| step == self) {
            return f.write_str(word);
        }
        match self {
            Self::People { after } => write!(f, "people:{after}"),
            Self::Agents { after, last } => write!(f, "agents:{after}:{last}"),
            Self::Channels
            | Self::Board
            | Self::Alerts
            | Self::Visibility
            | Self::Posters
            | Self::Operators
            | Self::NoBoard
            | Self::NoAlerts
            | Self::Everybody
            | Self::NoOperators
            | Self::AllAgents => Err(fmt::Error),
        }
    }
}

impl SetupStep {
    /// The step with these parts; none if there is no such.
    pub(crate) fn read(parts: &[&str]) -> Option<Self> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        match parts {
            ["people", after] => Some(Self::People { after: number(after)? }),
            ["agents", after, last] => Some(Self::Agents { after: number(after)?, last: number(last)? }),
            [word] => WORDS.iter().find(|(_, known)| known == word).map(|(step, _)| *step),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_leads_back() {
        let more = [SetupStep::People { after: i64::MAX }, SetupStep::Agents { after: 0, last: i64::MAX }];
        for step in WORDS.iter().map(|(step, _)| *step).chain(more) {
            let text = step.to_string();
            assert_eq!(SetupStep::read(&text.split(':').collect::<Vec<_>>()), Some(step), "{text}");
        }
        for wrong in [&["people"][..], &["people", "-1"], &["agents", "1"], &["board", "1"], &[]] {
            assert_eq!(SetupStep::read(wrong), None, "{wrong:?}");
        }
    }
}
