//! Places: where people meet the marketplace, and what is settled for each of them.
//!
//! The daemon knows no chat. A channel or a group is whatever the bridge calls it, within bounds: the daemon compares such
//! names and hands them back, and never looks into them.

use crate::account::Identity;
use crate::agent::AgentName;
use crate::history::Event;
use crate::ids::{AlertId, JobId, PlaceId};
use crate::job::{FieldError, Visibility};
use crate::notice::NoticeKind;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Longest name of a channel or group, bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Most groups that a bridge tells of one person.
pub const GROUPS_MAX: usize = 128;
/// Most groups whose members may post.
pub const POSTERS_MAX: usize = 25;
/// Most agents that a place names.
pub const AGENTS_MAX: usize = 100;
/// Most changes in one call.
pub const CHANGES_MAX: usize = 10;

/// A field of a post that the place's rule about posters refused.
pub const POSTERS_FIELD: &str = "posters";

/// What is settled for a place. What nobody settled is as in a place that nobody cares about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaceSettings {
    /// The channel in which the cards of new jobs stand that everybody in the place may see; none: where they were posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board: Option<String>,
    /// The channel that is told what operators must know of the place's jobs, beside whoever is told anyway: nobody who runs
    /// the marketplace hears less because of what a place settles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<String>,
    /// Who may post.
    pub posters: Posters,
    /// Members of this group are operators of the place's jobs, up to the ceiling of the bridge that they come through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operators: Option<String>,
    /// Only these agents get the place's jobs; empty: all whose audience allows it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentName>,
    /// Who may see a job whose draft does not say it.
    pub visibility: Visibility,
}

/// Who may post in a place. Whoever manages it, and operators, always may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posters {
    /// Everybody there.
    #[default]
    Everybody,
    /// Members of any of these groups; at least one.
    Groups(BTreeSet<String>),
}

impl PlaceSettings {
    /// Whether an agent may get the place's jobs.
    pub fn allows(&self, agent: &AgentName) -> bool {
        self.agents.is_empty() || self.agents.contains(agent)
    }

    /// The settings after a change.
    ///
    /// # Errors
    /// The change does not fit: a name that is none, or too many of them.
    pub fn after(mut self, change: &PlaceChange) -> Result<Self, FieldError> {
        change.check()?;
        match change {
            PlaceChange::Board(channel) => self.board.clone_from(channel),
            PlaceChange::Alerts(channel) => self.alerts.clone_from(channel),
            PlaceChange::Posters(posters) => self.posters = posters.clone(),
            PlaceChange::Operators(group) => self.operators.clone_from(group),
            PlaceChange::Agents { allow, leave } => {
                self.agents.retain(|agent| !leave.contains(agent));
                self.agents.extend(allow.iter().cloned());
            }
            PlaceChange::AllAgents => self.agents.clear(),
            PlaceChange::Visibility(visibility) => self.visibility = *visibility,
        }
        if self.agents.len() > AGENTS_MAX {
            return Err(FieldError::new("agents", &format!("are too many: at most {AGENTS_MAX}")));
        }
        Ok(self)
    }
}

/// One thing that somebody settles. Two people who settle different things at once both succeed; of the same thing, the
/// later one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceChange {
    /// See [`PlaceSettings::board`].
    Board(Option<String>),
    /// See [`PlaceSettings::alerts`].
    Alerts(Option<String>),
    /// See [`PlaceSettings::posters`].
    Posters(Posters),
    /// See [`PlaceSettings::operators`].
    Operators(Option<String>),
    /// Some agents more, and some less: whoever sees a part of them settles that part.
    Agents {
        /// These may get jobs.
        allow: BTreeSet<AgentName>,
        /// These are no longer named.
        leave: BTreeSet<AgentName>,
    },
    /// No agent is named any more, so that all may get jobs.
    AllAgents,
    /// See [`PlaceSettings::visibility`].
    Visibility(Visibility),
}

/// What can be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see the fields of `PlaceSettings`")]
pub enum PlaceSetting {
    Board,
    Alerts,
    Posters,
    Operators,
    Agents,
    Visibility,
}

impl PlaceSetting {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Alerts => "alerts",
            Self::Posters => "posters",
            Self::Operators => "operators",
            Self::Agents => "agents",
            Self::Visibility => "visibility",
        }
    }
}

impl fmt::Display for PlaceSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PlaceChange {
    /// What it settles.
    pub fn setting(&self) -> PlaceSetting {
        match self {
            Self::Board(_) => PlaceSetting::Board,
            Self::Alerts(_) => PlaceSetting::Alerts,
            Self::Posters(_) => PlaceSetting::Posters,
            Self::Operators(_) => PlaceSetting::Operators,
            Self::Agents { .. } | Self::AllAgents => PlaceSetting::Agents,
            Self::Visibility(_) => PlaceSetting::Visibility,
        }
    }

    /// Checks what can be checked without knowing the place.
    fn check(&self) -> Result<(), FieldError> {
        let field = self.setting().name();
        let named = |name: &Option<String>| match name {
            Some(name) if !is_name(name) => Err(no_name(field)),
            Some(_) | None => Ok(()),
        };
        match self {
            Self::Board(name) | Self::Alerts(name) | Self::Operators(name) => named(name),
            Self::Posters(Posters::Groups(groups)) if groups.is_empty() || groups.len() > POSTERS_MAX => {
                let told = format!("are 1 to {POSTERS_MAX} groups, or everybody");
                Err(FieldError::new(field, &told))
            }
            Self::Posters(Posters::Groups(groups)) if !groups.iter().all(|group| is_name(group)) => {
                Err(no_name(field))
            }
            Self::Agents { allow, leave } if allow.len().max(leave.len()) > AGENTS_MAX => {
                Err(FieldError::new(field, &format!("are too many: at most {AGENTS_MAX}")))
            }
            Self::Posters(_) | Self::Agents { .. } | Self::AllAgents | Self::Visibility(_) => Ok(()),
        }
    }
}

fn no_name(field: &str) -> FieldError {
    FieldError::new(field, &format!("is named by 1 to {NAME_BYTES_MAX} bytes of printable text"))
}

/// Whether a text can name a channel or a group.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Names a place: its number, or its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceRef {
    /// By number.
    Number(PlaceId),
    /// By identity.
    Identity(Identity),
}

/// Text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no place: write a number from `guildhall place list`, or an identity such as discord:1182"
)]
pub struct PlaceRefError(String);

impl FromStr for PlaceRef {
    type Err = PlaceRefError;

    fn from_str(text: &str) -> Result<Self, PlaceRefError> {
        let identity = || text.parse().map(Self::Identity).ok();
        let number = text.parse().map(|id| Self::Number(PlaceId(id)));
        number.ok().or_else(identity).ok_or_else(|| PlaceRefError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for PlaceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "{}", id.0),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceHead {
    /// Its number.
    pub id: PlaceId,
    /// How its bridge knows it.
    pub identity: Identity,
    /// How it is called; foreign text.
    pub name: String,
    /// What is settled.
    pub settings: PlaceSettings,
}

/// Everything about a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceStory {
    /// In short.
    pub head: PlaceHead,
    /// Whether the caller may change its settings.
    pub may_change: bool,
    /// Whether the caller may post there.
    pub may_post: bool,
    /// Its history, for whoever may change its settings.
    pub events: Vec<Event>,
}

/// Something that operators must know of a place, handed out to be told in its alert channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedAlert {
    /// Its number.
    pub id: AlertId,
    /// Names the lease, to be given back with what became of it.
    pub lease: i64,
    /// The place.
    pub place: Identity,
    /// The channel, as the place has it now.
    pub channel: String,
    /// What kind of notice.
    pub kind: Wire<NoticeKind>,
    /// About which job.
    pub job: Option<JobId>,
    /// What happened, without any client's words: more people read the channel than may read the job.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<AgentName> {
        list.iter().map(|name| name.parse().expect("a name")).collect()
    }

    #[test]
    fn changes_of_different_things_do_not_meet() {
        let settings = PlaceSettings::default();
        let board = PlaceChange::Board(Some("7".to_owned()));
        let seen = PlaceChange::Visibility(Visibility::Place);
        let one = settings.clone().after(&board).and_then(|settings| settings.after(&seen));
        let other = settings.after(&seen).and_then(|settings| settings.after(&board));
        assert_eq!(one, other);
    }

    #[test]
    fn agents_are_named_part_by_part() {
        let change =
            |allow: &[&str], leave: &[&str]| PlaceChange::Agents { allow: names(allow), leave: names(leave) };
        let settings = PlaceSettings::default().after(&change(&["@aa", "@bb"], &[])).expect("they fit");
        let settings = settings.after(&change(&["@cc"], &["@aa"])).expect("they fit");
        assert_eq!(settings.agents, names(&["@bb", "@cc"]));
        assert!(
            settings.allows(&"@cc".parse().expect("a name"))
                && !settings.allows(&"@aa".parse().expect("a name"))
        );
        let settings = settings.after(&PlaceChange::AllAgents).expect("it fits");
        assert!(settings.allows(&"@aa".parse().expect("a name")));
    }

    #[test]
    fn names_and_numbers_have_bounds() {
        let groups = |count: usize| (0..count).map(|group| group.to_string()).collect();
        for wrong in [
            PlaceChange::Board(Some(String::new())),
            PlaceChange::Alerts(Some("x".repeat(NAME_BYTES_MAX + 1))),
            PlaceChange::Operators(Some("a\nb".to_owned())),
            PlaceChange::Posters(Posters::Groups(BTreeSet::new())),
            PlaceChange::Posters(Posters::Groups(groups(POSTERS_MAX + 1))),
            PlaceChange::Posters(Posters::Groups(BTreeSet::from([String::new()]))),
        ] {
            let error = PlaceSettings::default().after(&wrong).expect_err("it does not fit");
            assert_eq!(error.field, wrong.setting().name(), "{wrong:?}");
        }
        let many = |from: usize| {
            (from..from + 60).map(|agent| format!("@agent{agent}").parse().expect("a name")).collect()
        };
        let change = |from| PlaceChange::Agents { allow: many(from), leave: BTreeSet::new() };
        let settings = PlaceSettings::default().after(&change(0)).expect("they fit");
        assert_eq!(settings.after(&change(60)).expect_err("too many").field, "agents");
    }

    #[test]
    fn a_place_of_which_nothing_was_said_reads() {
        assert_eq!(serde_json::from_str::<PlaceSettings>("{}").expect("it reads"), PlaceSettings::default());
        assert_eq!("7".parse(), Ok(PlaceRef::Number(PlaceId(7))));
        assert!("discord:1182".parse::<PlaceRef>().is_ok() && "the server".parse::<PlaceRef>().is_err());
    }
}
