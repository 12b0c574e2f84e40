//! What somebody looks for again and again: the filters typed lately, and those with a name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most filters that are remembered.
const HISTORY_MAX: usize = 100;
/// Most views.
const VIEWS_MAX: usize = 100;
/// Longest filter that is remembered, bytes.
const FILTER_BYTES_MAX: usize = 4_000;
/// Longest name of a view, in characters.
const NAME_MAX: usize = 40;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Finding {
    /// Newest last.
    history: Vec<String>,
    /// By name: a filter, with its sort.
    views: BTreeMap<String, String>,
}

/// Why a view has no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ViewError {
    #[error("a view's name has 1 to {NAME_MAX} letters and no space")]
    Name,
    #[error("there are {VIEWS_MAX} views already: `:forget NAME` makes room")]
    Full,
}

impl Finding {
    /// Reads what was kept; what cannot be read counts for nothing.
    pub(crate) fn read(text: &str) -> Self {
        let mut finding: Self = serde_json::from_str(text).unwrap_or_default();
        let over = finding.history.len().saturating_sub(HISTORY_MAX);
        finding.history.drain(..over);
        finding.history.retain(|filter| filter.len() <= FILTER_BYTES_MAX);
        finding.views.retain(|name, filter| is_name(name) && filter.len() <= FILTER_BYTES_MAX);
        while finding.views.len() > VIEWS_MAX {
            finding.views.pop_last();
        }
        finding
    }

    /// To be kept.
    pub(crate) fn written(&self) -> String {
        serde_json::to_string(self).expect("names and filters are text")
    }

    /// Remembers a filter; whether that is new.
    pub(crate) fn used(&mut self, filter: &str) -> bool {
        if filter.is_empty()
            || filter.len() > FILTER_BYTES_MAX
            || self.history.last().is_some_and(|last| last == filter)
        {
            return false;
        }
        self.history.retain(|other| other != filter);
        self.history.push(filter.to_owned());
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
        true
    }

    /// The filter so many steps back, from 1.
    pub(crate) fn back(&self, steps: usize) -> Option<&str> {
        self.history.len().checked_sub(steps).and_then(|at| self.history.get(at)).map(String::as_str)
    }

    /// The views, by name.
    pub(crate) fn views(&self) -> impl Iterator<Item = (&str, &str)> {
        self.views.iter().map(|(name, filter)| (name.as_str(), filter.as_str()))
    }

    /// The filter of a view.
    pub(crate) fn view(&self, name: &str) -> Option<&str> {
        self.views.get(name).map(String::as_str)
    }

    /// Gives a filter a name.
    pub(crate) fn save(&mut self, name: &str, filter: &str) -> Result<(), ViewError> {
        if !is_name(name) {
            return Err(ViewError::Name);
        }
        if self.views.len() >= VIEWS_MAX && !self.views.contains_key(name) {
            return Err(ViewError::Full);
        }
        self.views.insert(name.to_owned(), filter.to_owned());
        Ok(())
    }

    /// Forgets a view; whether there was one.
    pub(crate) fn forget(&mut self, name: &str) -> bool {
        self.views.remove(name).is_some()
    }
}

fn is_name(name: &str) -> bool {
    let letters = name.chars().count();
    (1..=NAME_MAX).contains(&letters)
        && !name.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_remembered_once_and_views_by_name() {
        let mut finding = Finding::default();
        for filter in ["state:open", "state:failed", "state:open", "state:open", ""] {
            finding.used(filter);
        }
        assert_eq!(
            (finding.back(1), finding.back(2), finding.back(3)),
            (Some("state:open"), Some("state:failed"), None)
        );
        finding.save("mine", "client:me sort:-posted").expect("a name");
        assert_eq!(finding.save("two words", "x"), Err(ViewError::Name));
        assert_eq!(Finding::read(&finding.written()), finding);
        assert!(finding.forget("mine") && !finding.forget("mine"));
    }

    #[test]
    fn what_was_kept_badly_counts_for_nothing() {
        assert_eq!(Finding::read("nonsense"), Finding::default());
        assert_eq!(Finding::read(r#"{"history":7}"#), Finding::default());
        let long = serde_json::json!({"history": vec!["x"; 500], "views": {"a\u{1b}b": "x", "big": "y".repeat(9_000)}});
        let read = Finding::read(&long.to_string());
        assert_eq!((read.history.len(), read.views.len()), (HISTORY_MAX, 0));
        for _ in 0..300 {
            let mut finding = Finding::default();
            finding.used(&"z".repeat(FILTER_BYTES_MAX + 1));
            assert_eq!(finding, Finding::default());
        }
    }
}
