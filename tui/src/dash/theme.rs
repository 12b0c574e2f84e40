//! Colors and signs by what they mean: views name a tone or a sign, never a color. No meaning is told by color alone.

use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::attempt::{AttemptState, Decision, EndedAs};
use guildhall_protocol::narrate::Mark;
use guildhall_protocol::state::JobState;
use guildhall_protocol::view::Chained;
use ratatui::style::{Color, Modifier, Style};

/// A set of colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Palette {
    /// For a dark background
    Dark,
    /// For a light background
    Light,
    /// The sixteen colors of the terminal itself
    Ansi,
    /// Told apart without red and green
    ColorBlind,
    /// No colors at all
    Plain,
}

/// What something means to whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Text,
    Dim,
    Title,
    Border,
    Good,
    Warn,
    Bad,
    Busy,
    Accent,
    Key,
    Selected,
    Marked,
    /// What was searched.
    Found,
}

/// Every tone once, for tests.
#[cfg(test)]
pub(crate) const TONES: [Tone; 13] = [
    Tone::Text,
    Tone::Dim,
    Tone::Title,
    Tone::Border,
    Tone::Good,
    Tone::Warn,
    Tone::Bad,
    Tone::Busy,
    Tone::Accent,
    Tone::Key,
    Tone::Selected,
    Tone::Marked,
    Tone::Found,
];

/// A small picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Dot,
    Ring,
    Half,
    Check,
    Cross,
    Question,
    Pause,
    Arrow,
    Step,
    Marked,
    Ellipsis,
    Rule,
    Now,
    Folded,
    Unfolded,
    Up,
}

/// How everything looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    pub(crate) palette: Palette,
    /// Only letters of ASCII.
    pub(crate) ascii: bool,
}

impl Theme {
    /// The style of a tone. Selection and marks are told by reversal and weight, too, so that they are there without colors.
    pub(crate) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let style = match tone {
            Tone::Title => plain.add_modifier(Modifier::BOLD),
            Tone::Key => plain.add_modifier(Modifier::BOLD),
            Tone::Bad => plain.add_modifier(Modifier::BOLD),
            Tone::Marked => plain.add_modifier(Modifier::BOLD),
            Tone::Found => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Tone::Selected => plain.add_modifier(Modifier::REVERSED),
            Tone::Dim | Tone::Border if self.palette == Palette::Plain => plain.add_modifier(Modifier::DIM),
            Tone::Text | Tone::Dim | Tone::Border | Tone::Good | Tone::Warn | Tone::Busy | Tone::Accent => {
                plain
            }
        };
        match self.color(tone) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    fn color(self, tone: Tone) -> Option<Color> {
        let rgb = |value: u32| {
            let [_, red, green, blue] = value.to_be_bytes();
            Some(Color::Rgb(red, green, blue))
        };
        match (self.palette, tone) {
            (Palette::Plain, _) | (_, Tone::Selected | Tone::Text) => None,
            (Palette::Dark, Tone::Dim) => rgb(0x8b_90_9c),
            (Palette::Dark, Tone::Border) => rgb(0x5a_60_70),
            (Palette::Dark, Tone::Title) => rgb(0xe6_e9_ef),
            (Palette::Dark, Tone::Good) => rgb(0x8b_d4_9c),
            (Palette::Dark, Tone::Warn) => rgb(0xe5_c0_7b),
            (Palette::Dark, Tone::Bad) => rgb(0xf0_7a_82),
            (Palette::Dark, Tone::Busy) => rgb(0x7a_b8_f5),
            (Palette::Dark, Tone::Accent | Tone::Key) => rgb(0xc0_a5_f0),
            (Palette::Dark, Tone::Marked | Tone::Found) => rgb(0xe5_c0_7b),
            (Palette::Light, Tone::Dim) => rgb(0x5f_65_70),
            (Palette::Light, Tone::Border) => rgb(0x8a_90_9c),
            (Palette::Light, Tone::Title) => rgb(0x1c_20_28),
            (Palette::Light, Tone::Good) => rgb(0x1a_7f_37),
            (Palette::Light, Tone::Warn) => rgb(0x8a_5a_00),
            (Palette::Light, Tone::Bad) => rgb(0xb4_23_18),
            (Palette::Light, Tone::Busy) => rgb(0x0b_5c_ad),
            (Palette::Light, Tone::Accent | Tone::Key) => rgb(0x6b_3f_a0),
            (Palette::Light, Tone::Marked | Tone::Found) => rgb(0x8a_5a_00),
            (Palette::ColorBlind, Tone::Dim) => rgb(0x8b_90_9c),
            (Palette::ColorBlind, Tone::Border) => rgb(0x5a_60_70),
            (Palette::ColorBlind, Tone::Title) => rgb(0xe6_e9_ef),
            // Blue, yellow, orange and sky of Okabe and Ito.
            (Palette::ColorBlind, Tone::Good) => rgb(0x56_b4_e9),
            (Palette::ColorBlind, Tone::Warn) => rgb(0xf0_e4_42),
            (Palette::ColorBlind, Tone::Bad) => rgb(0xe6_9f_00),
            (Palette::ColorBlind, Tone::Busy) => rgb(0xcc_d5_e5),
            (Palette::ColorBlind, Tone::Accent | Tone::Key) => rgb(0xcc_79_a7),
            (Palette::ColorBlind, Tone::Marked | Tone::Found) => rgb(0xf0_e4_42),
            (Palette::Ansi, Tone::Dim | Tone::Border) => Some(Color::DarkGray),
            (Palette::Ansi, Tone::Title) => None,
            (Palette::Ansi, Tone::Good) => Some(Color::Green),
            (Palette::Ansi, Tone::Warn | Tone::Marked | Tone::Found) => Some(Color::Yellow),
            (Palette::Ansi, Tone::Bad) => Some(Color::Red),
            (Palette::Ansi, Tone::Busy) => Some(Color::Cyan),
            (Palette::Ansi, Tone::Accent | Tone::Key) => Some(Color::Magenta),
        }
    }

    /// A sign, one column wide.
    pub(crate) fn sign(self, sign: Sign) -> &'static str {
        match (sign, self.ascii) {
            (Sign::Dot, false) => "●",
            (Sign::Dot, true) => "*",
            (Sign::Ring, false) => "○",
            (Sign::Ring, true) => "o",
            (Sign::Half, false) => "◐",
            (Sign::Half, true) => "%",
            (Sign::Check, false) => "✓",
            (Sign::Check, true) => "+",
            (Sign::Cross, false) => "✗",
            (Sign::Cross, true) => "x",
            (Sign::Question, _) => "?",
            (Sign::Pause, _) => "=",
            (Sign::Arrow, false) => "▸",
            (Sign::Arrow, true) => ">",
            (Sign::Step, false) => "→",
            (Sign::Step, true) => "-",
            (Sign::Marked, false) => "◆",
            (Sign::Marked, true) => "#",
            (Sign::Ellipsis, false) => "…",
            (Sign::Ellipsis, true) => "~",
            (Sign::Rule, false) => "─",
            (Sign::Rule, true) => "-",
            (Sign::Now, false) => "┊",
            (Sign::Now, true) => ":",
            (Sign::Folded, false) => "▸",
            (Sign::Folded, true) => "+",
            (Sign::Unfolded, false) => "▾",
            (Sign::Unfolded, true) => "-",
            (Sign::Up, false) => "↑",
            (Sign::Up, true) => "^",
        }
    }

    /// A letter as it is shown. Signs and typography of our own sentences have a letter of ASCII that is as wide; what others
    /// wrote in their own letters stays.
    pub(crate) fn letter(self, letter: char) -> char {
        if !self.ascii {
            return letter;
        }
        match letter {
            '✓' => '+',
            '✗' => 'x',
            '→' | '–' | '—' | '─' => '-',
            '…' => '~',
            '“' | '”' | '„' => '"',
            '‘' | '’' => '\'',
            '●' | '•' => '*',
            '▸' => '>',
            '·' => '.',
            '×' => 'x',
            other => other,
        }
    }

    /// The eight heights of a bar.
    pub(crate) fn bars(self) -> [&'static str; 8] {
        if self.ascii {
            [".", ".", ":", ":", "|", "|", "#", "#"]
        } else {
            ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
        }
    }

    /// Full and empty parts of a bar that lies.
    pub(crate) fn gauge(self) -> (&'static str, &'static str) {
        if self.ascii { ("#", ".") } else { ("█", "░") }
    }
}

/// How a job's state looks.
pub(crate) fn of_job(state: Option<&JobState>) -> (Sign, Tone) {
    match state {
        None => (Sign::Question, Tone::Dim),
        Some(JobState::Open) => (Sign::Ring, Tone::Text),
        Some(JobState::Assigned | JobState::Working) => (Sign::Dot, Tone::Busy),
        Some(JobState::Evaluating) => (Sign::Half, Tone::Busy),
        Some(JobState::InputRequired(_)) => (Sign::Question, Tone::Warn),
        Some(JobState::InReview(_)) => (Sign::Half, Tone::Warn),
        Some(JobState::Held(_)) => (Sign::Pause, Tone::Bad),
        Some(JobState::Completed) => (Sign::Check, Tone::Good),
        Some(JobState::Failed) => (Sign::Cross, Tone::Bad),
        Some(JobState::Canceled | JobState::Expired) => (Sign::Cross, Tone::Dim),
    }
}

/// How an attempt's state looks.
pub(crate) fn of_attempt(state: Option<&AttemptState>) -> (Sign, Tone) {
    match state {
        None => (Sign::Question, Tone::Dim),
        Some(AttemptState::Sending) => (Sign::Ring, Tone::Busy),
        Some(AttemptState::Accepted) => (Sign::Dot, Tone::Busy),
        Some(AttemptState::Asked) => (Sign::Question, Tone::Warn),
        Some(AttemptState::Answered) => (Sign::Half, Tone::Busy),
        Some(AttemptState::Unclear) => (Sign::Pause, Tone::Bad),
        Some(AttemptState::Ended(EndedAs::Passed)) => (Sign::Check, Tone::Good),
        Some(AttemptState::Ended(EndedAs::Failed | EndedAs::Silent | EndedAs::Unclear)) => {
            (Sign::Cross, Tone::Bad)
        }
        Some(AttemptState::Ended(EndedAs::Unreachable)) => (Sign::Cross, Tone::Warn),
        Some(AttemptState::Ended(EndedAs::Declined | EndedAs::Withdrawn)) => (Sign::Cross, Tone::Dim),
    }
}

/// How an agent looks.
pub(crate) fn of_agent(state: Option<&AgentState>, health: Option<&Health>) -> (Sign, Tone) {
    match (state, health) {
        (Some(AgentState::Active), Some(Health::Closed)) => (Sign::Dot, Tone::Good),
        (Some(AgentState::Active), Some(Health::HalfOpen)) => (Sign::Half, Tone::Warn),
        (Some(AgentState::Active), Some(Health::Open(_) | Health::Quarantined)) => (Sign::Cross, Tone::Bad),
        (Some(AgentState::Pending), _) => (Sign::Ring, Tone::Warn),
        (Some(AgentState::Paused(_)), _) => (Sign::Pause, Tone::Warn),
        (Some(AgentState::Retired), _) => (Sign::Cross, Tone::Dim),
        (None, _) | (_, None) => (Sign::Question, Tone::Dim),
    }
}

/// How a line of a history looks.
pub(crate) fn of_mark(mark: Mark) -> (Sign, Tone) {
    match mark {
        Mark::Step => (Sign::Step, Tone::Text),
        Mark::Good => (Sign::Check, Tone::Good),
        Mark::Bad => (Sign::Cross, Tone::Bad),
        Mark::Waits => (Sign::Ellipsis, Tone::Warn),
    }
}

/// How a history looks of which somebody says whether it is what was written.
pub(crate) fn of_chained(chained: Chained) -> Option<(Sign, Tone)> {
    match chained {
        Chained::Unsaid => None,
        Chained::Whole { .. } => Some((Sign::Check, Tone::Good)),
        Chained::Broken { .. } => Some((Sign::Cross, Tone::Bad)),
    }
}

/// How a finding looks.
pub(crate) fn of_decision(decision: Decision) -> (Sign, Tone) {
    match decision {
        Decision::Pass => (Sign::Check, Tone::Good),
        Decision::Fail => (Sign::Cross, Tone::Bad),
        Decision::Abstain => (Sign::Question, Tone::Warn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colors_nothing_is_colored_and_the_selection_is_there() {
        let theme = Theme { palette: Palette::Plain, ascii: false };
        for tone in TONES {
            assert_eq!(theme.style(tone).fg, None, "{tone:?}");
            assert_eq!(theme.style(tone).bg, None, "{tone:?}");
        }
        for palette in [Palette::Dark, Palette::Light, Palette::Ansi, Palette::ColorBlind, Palette::Plain] {
            let style = Theme { palette, ascii: false }.style(Tone::Selected);
            assert!(style.add_modifier.contains(Modifier::REVERSED), "{palette:?}");
        }
    }

    /// Relative luminance and contrast as WCAG 2 defines them.
    fn contrast(one: Color, other: (u8, u8, u8)) -> f64 {
        let Color::Rgb(red, green, blue) = one else { panic!("{one:?} is no mix") };
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |(red, green, blue): (u8, u8, u8)| {
            0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        };
        let (light, dark) = (luminance((red, green, blue)), luminance(other));
        (light.max(dark) + 0.05) / (light.min(dark) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_its_background() {
        let grounds = [
            (Palette::Dark, (0x1e, 0x1e, 0x24)),
            (Palette::ColorBlind, (0x1e, 0x1e, 0x24)),
            (Palette::Light, (0xff, 0xff, 0xff)),
        ];
        for (palette, ground) in grounds {
            for tone in TONES {
                // Lines are no text.
                let least = if tone == Tone::Border { 2.0 } else { 4.5 };
                let Some(color) = (Theme { palette, ascii: false }).color(tone) else { continue };
                let found = contrast(color, ground);
                assert!(found >= least, "{palette:?} {tone:?}: {found:.1}");
            }
        }
    }
}
