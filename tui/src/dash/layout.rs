//! How much room there is: what a view shows and what a page is are reckoned in one place.

use ratatui::layout::Rect;

/// How wide the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    /// Under 60 columns: what matters most.
    Tiny,
    /// Under 80.
    Narrow,
    /// The usual terminal.
    Normal,
    /// 110 and more.
    Wide,
    /// 160 and more: two parts beside each other.
    Huge,
}

impl Width {
    /// The class of a number of columns.
    pub(crate) fn of(columns: u16) -> Self {
        match columns {
            0..60 => Self::Tiny,
            60..80 => Self::Narrow,
            80..110 => Self::Normal,
            110..160 => Self::Wide,
            160.. => Self::Huge,
        }
    }
}

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) header: Rect,
    pub(crate) body: Rect,
    /// What was told lately.
    pub(crate) told: Rect,
    pub(crate) footer: Rect,
}

/// Most lines of what was told lately.
const TOLD_MAX: usize = 3;

/// Header and footer have a line each as long as there are three; what was told lately gets so many of the rest, at most a
/// third.
pub(crate) fn parts(area: Rect, told: usize) -> Parts {
    let bar = u16::from(area.height >= 3);
    let rest = area.height - 2 * bar;
    let told =
        u16::try_from(told.min(TOLD_MAX)).unwrap_or(0).min(rest.div_ceil(3)).min(rest.saturating_sub(1));
    let line = |y: u16, height: u16| Rect { y, height, ..area };
    Parts {
        header: line(area.y, bar),
        body: line(area.y + bar, rest - told),
        told: line(area.y + bar + rest - told, told),
        footer: line(area.y + area.height - bar, bar),
    }
}
