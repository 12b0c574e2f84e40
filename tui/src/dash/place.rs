//! Where somebody was when they left, so that the next start begins there.

use super::filter;
use super::model::{Model, Times};
use super::screen::{Screen, Trail};
use super::theme::Palette;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use serde::{Deserialize, Serialize};

/// All of it. What a newer or older program wrote otherwise counts as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    /// None: the daemon of the command line.
    pub(crate) context: Option<String>,
    /// Where that was: elsewhere, screens and filters mean other things.
    endpoint: String,
    screen: String,
    filter: String,
    times: String,
    /// None: as the file or the command line says.
    palette: Option<Palette>,
}

impl Place {
    /// Reads what was kept; what cannot be read counts for nothing.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// To be kept.
    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self).expect("names are text")
    }

    /// Where the person is now.
    pub(crate) fn of(model: &Model) -> Self {
        let times = match model.times {
            Times::Relative => "relative",
            Times::Local => "local",
            Times::Utc => "utc",
        };
        Self {
            context: model.contexts.current.clone(),
            endpoint: model.endpoint.clone(),
            screen: name(model.screen()),
            filter: model.filter_text.clone(),
            times: times.to_owned(),
            palette: model.chosen_palette,
        }
    }

    /// The colors are said elsewhere.
    pub(crate) fn forget_palette(&mut self) {
        self.palette = None;
    }

    /// Goes there, as far as the daemon is the same.
    pub(crate) fn restore(&self, model: &mut Model) {
        model.times = match self.times.as_str() {
            "local" => Times::Local,
            "utc" => Times::Utc,
            _ => Times::Relative,
        };
        if let Some(palette) = self.palette {
            model.theme.palette = palette;
            model.chosen_palette = Some(palette);
        }
        if self.endpoint != model.endpoint {
            return;
        }
        if let Ok(filter) = filter::parse(&self.filter) {
            model.filter = filter;
            model.filter_text.clone_from(&self.filter);
        }
        if let Some(screen) = screen(&self.screen) {
            model.trail = Trail::at(screen.tab(), &model.filter_text);
            model.trail.go(screen);
        }
    }
}

/// A screen in one word, if it is one to come back to.
fn name(screen: &Screen) -> String {
    match screen {
        Screen::Job(id) => format!("job {}", id.0),
        Screen::Agent(name) => format!("agent {name}"),
        Screen::Notice(_) | Screen::Person(_) => screen.tab().title().to_lowercase(),
        Screen::Overview
        | Screen::Jobs
        | Screen::Agents
        | Screen::Events
        | Screen::Notices
        | Screen::Inbox
        | Screen::Log
        | Screen::People => screen.title().to_lowercase(),
    }
}

fn screen(name: &str) -> Option<Screen> {
    if let Some(id) = name.strip_prefix("job ") {
        return id.parse::<JobId>().ok().map(Screen::Job);
    }
    if let Some(name) = name.strip_prefix("agent ") {
        return name.parse::<AgentName>().ok().map(Screen::Agent);
    }
    super::screen::TABS.into_iter().find(|tab| tab.title().to_lowercase() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_screen_leads_back_or_to_its_tab() {
        for tab in super::super::screen::TABS {
            assert_eq!(screen(&name(&tab)), Some(tab));
        }
        for one in [Screen::Job(JobId(7)), Screen::Agent("@sum".parse().expect("a name"))] {
            assert_eq!(screen(&name(&one)), Some(one));
        }
        assert_eq!(screen("job -1"), None);
        assert_eq!(screen("\u{1b}[2J"), None);
        assert_eq!(Place::read("{\"palette\": \"no such\"}"), Place::default());
    }
}
