//! The feeds: each follows what comes, or stands still by itself and counts what came since.

use crate::dash::model::Model;
use crate::dash::screen::Screen;

/// Follows again, or stands still.
pub(super) fn turn(model: &mut Model) {
    let screen = model.screen().clone();
    if model.still.remove(&screen).is_none() {
        stand(model);
    }
}

/// Whoever moves in a feed looks at something: it stands still.
pub(super) fn stand(model: &mut Model) {
    let screen = model.screen().clone();
    if matches!(screen, Screen::Events | Screen::Log) {
        let newest = model.data.lines_of(&screen).next_back().unwrap_or(0);
        model.still.entry(screen).or_insert(newest);
    }
}

/// Whether the screen is a feed that follows.
pub(super) fn follows(model: &Model) -> bool {
    matches!(model.screen(), Screen::Events | Screen::Log) && !model.is_still()
}

/// What is shown was seen.
pub(super) fn settle(model: &mut Model) {
    let screen = model.screen().clone();
    let Some(seen) = model.still.get(&screen).copied() else { return };
    let shown = model.cursor().top + model.height();
    let last = model.data.lines_of(&screen).take(shown).last();
    model.still.insert(screen, last.map_or(seen, |last| last.max(seen)));
}
