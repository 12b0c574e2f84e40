//! Painting: text that never leaves its place, times that say when they change, and what a click would hit. Every text is
//! cleaned here, whoever wrote it.

use super::model::{Model, Times};
use super::msg::Hit;
use super::theme::{Sign, Tone};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::time::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Paints one frame.
pub(crate) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub(crate) model: &'a Model,
    hits: Vec<(Rect, Hit)>,
    next_change: Option<Timestamp>,
}

/// What a frame leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// What lies where; the last that contains a place is on top.
    pub(crate) hits: Vec<(Rect, Hit)>,
    /// When something on it would read otherwise although nothing happened.
    pub(crate) next_change: Option<Timestamp>,
}

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Columns of the terminal that it needs.
    pub(crate) width: u16,
    /// Whether it takes what is left; its text may be cut.
    pub(crate) grows: bool,
    /// The first to go has the highest.
    pub(crate) rank: u8,
    pub(crate) align: Align,
}

impl Column {
    /// Text or a number of this width, never cut; it goes when there is no room.
    pub(crate) const fn fixed(title: &'static str, width: u16, rank: u8) -> Self {
        Self { title, width, grows: false, rank, align: Align::Left }
    }

    /// A number, to the right.
    pub(crate) const fn number(title: &'static str, width: u16, rank: u8) -> Self {
        Self { title, width, grows: false, rank, align: Align::Right }
    }

    /// Text of at least this width, with an ellipsis where it is cut.
    pub(crate) const fn text(title: &'static str, width: u16, rank: u8) -> Self {
        Self { title, width, grows: true, rank, align: Align::Left }
    }
}

/// The columns that are shown, with their widths: whole ones go, the highest rank first, until the others have room.
pub(crate) fn fit(columns: &[Column], width: u16) -> Vec<(usize, u16)> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let needed = |shown: &[usize]| {
        let gaps = u16::try_from(shown.len().saturating_sub(1)).unwrap_or(u16::MAX);
        shown.iter().map(|place| columns[*place].width).fold(gaps, u16::saturating_add)
    };
    while needed(&shown) > width && shown.len() > 1 {
        let worst = shown.iter().enumerate().max_by_key(|(_, place)| columns[**place].rank);
        let Some((at, _)) = worst else { break };
        shown.remove(at);
    }
    let spare = width.saturating_sub(needed(&shown));
    let growing = u16::try_from(shown.iter().filter(|place| columns[**place].grows).count()).unwrap_or(0);
    let mut left = spare;
    let each = spare.checked_div(growing).unwrap_or(0);
    let mut widths: Vec<(usize, u16)> = Vec::with_capacity(shown.len());
    for place in shown {
        let column = &columns[place];
        let more = if column.grows { each.min(left) } else { 0 };
        left -= more;
        widths.push((place, (column.width + more).min(width)));
    }
    if let Some((_, last)) = widths.iter_mut().rev().find(|(place, _)| columns[*place].grows) {
        *last += left;
    }
    widths
}

/// A part of a line.
pub(crate) type Span = (String, Tone);

/// How many columns spans take.
pub(crate) fn width_of(spans: &[Span]) -> u16 {
    let width: usize = spans.iter().map(|(text, _)| text.width()).sum();
    u16::try_from(width).unwrap_or(u16::MAX)
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buffer: &'a mut Buffer, model: &'a Model) -> Self {
        Self { buffer, model, hits: Vec::new(), next_change: None }
    }

    /// The frame is done.
    pub(crate) fn done(self) -> Drawn {
        Drawn { hits: self.hits, next_change: self.next_change }
    }

    /// The whole frame.
    pub(crate) fn area(&self) -> Rect {
        self.buffer.area
    }

    pub(crate) fn sign(&self, sign: Sign) -> &'static str {
        self.model.theme.sign(sign)
    }

    fn style(&self, tone: Tone) -> Style {
        let style = self.model.theme.style(tone);
        // What is old is dim, so that nobody takes it for the state of things.
        if self.model.link.is_live() || matches!(tone, Tone::Selected | Tone::Key) {
            style
        } else {
            style.add_modifier(Modifier::DIM)
        }
    }

    /// Writes text into one line, cut with an ellipsis at `width`; how many columns it took.
    pub(crate) fn text(&mut self, x: u16, y: u16, width: u16, text: &str, tone: Tone) -> u16 {
        let style = self.style(tone);
        self.styled(x, y, width, text, style)
    }

    fn styled(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x >= area.right() || width == 0 {
            return 0;
        }
        let width = width.min(area.right() - x);
        // Much more than a line is not looked at.
        let text: std::borrow::Cow<'_, str> = match text.char_indices().nth(usize::from(width) * 8 + 64) {
            Some((end, _)) => text[..end].into(),
            None => text.into(),
        };
        let mut line = clean_line_keeping_spaces(&text);
        if self.model.theme.ascii && !line.is_ascii() {
            line = line.chars().map(|letter| self.model.theme.letter(letter)).collect();
        }
        let fits = line.width() <= usize::from(width);
        let shown = if fits { line } else { cut(&line, usize::from(width), self.sign(Sign::Ellipsis)) };
        let (end, _) = self.buffer.set_stringn(x, y, shown, usize::from(width), style);
        end - x
    }

    /// Writes spans one after another; how many columns they took.
    pub(crate) fn spans(&mut self, x: u16, y: u16, width: u16, spans: &[Span]) -> u16 {
        let mut used = 0;
        for (text, tone) in spans {
            if used >= width {
                break;
            }
            used += self.text(x + used, y, width - used, text, *tone);
        }
        used
    }

    /// Writes text so that it ends at the right edge.
    pub(crate) fn right(&mut self, area: Rect, text: &str, tone: Tone) -> u16 {
        let width = u16::try_from(text.width()).unwrap_or(u16::MAX).min(area.width);
        self.text(area.right() - width, area.y, width, text, tone)
    }

    /// A line with a title in it, above a part.
    pub(crate) fn rule(&mut self, area: Rect, title: &str) {
        let rule = self.sign(Sign::Rule).repeat(usize::from(area.width));
        self.text(area.x, area.y, area.width, &rule, Tone::Border);
        if !title.is_empty() {
            self.text(area.x + 1, area.y, area.width.saturating_sub(2), &format!(" {title} "), Tone::Title);
        }
    }

    /// Empties a part and puts a frame around it; what is inside.
    pub(crate) fn window(&mut self, area: Rect, title: &str) -> Rect {
        let area = area.intersection(self.buffer.area);
        self.blank(area);
        // What lies under it is not hit through it.
        self.hits.retain(|(hit, _)| !area.intersects(*hit));
        if area.width < 4 || area.height < 3 {
            return area;
        }
        self.rule(Rect { height: 1, ..area }, title);
        self.rule(Rect { y: area.bottom() - 1, height: 1, ..area }, "");
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    /// Empties a part.
    pub(crate) fn blank(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// What a click there does.
    pub(crate) fn hit(&mut self, area: Rect, hit: Hit) {
        self.hits.push((area, hit));
    }

    /// Turns a line into the chosen one.
    pub(crate) fn select(&mut self, area: Rect) {
        // Reversed colors of single words would make patches of it.
        let style = self.model.theme.style(Tone::Selected).fg(Color::Reset);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// One cell of a picture.
    pub(crate) fn cell(&mut self, x: u16, y: u16, symbol: &'static str, tone: Tone) {
        let style = self.style(tone);
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    }

    /// The frame must be painted again at this time.
    pub(crate) fn changes_at(&mut self, at: Timestamp) {
        if at > self.model.now {
            self.next_change = Some(self.next_change.map_or(at, |before| before.min(at)));
        }
    }

    /// How long ago something was, coarse: `4s`, `12m`, `3h`, `2d`. Under a minute in steps of five seconds, so that an idle
    /// screen stays idle.
    pub(crate) fn age(&mut self, since: Timestamp) -> String {
        let span = self.model.now.since(since);
        let (text, step) = coarse(span);
        let next = Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(0) / step * step + step);
        self.changes_at(since.after(next));
        text
    }

    /// How long until something; negative spans are "now".
    pub(crate) fn until(&mut self, at: Timestamp) -> String {
        if at <= self.model.now {
            return "now".to_owned();
        }
        let span = at.since(self.model.now);
        let (text, step) = coarse(span);
        let left = u64::try_from(span.as_millis()).unwrap_or(0) % step;
        self.changes_at(self.model.now.after(Duration::from_millis(left + 1)));
        text
    }

    /// A point in time as the person wants to see it.
    pub(crate) fn time(&mut self, at: Timestamp) -> String {
        match self.model.times {
            Times::Relative => self.age(at),
            Times::Local => clock(at, &self.model.zone, self.model.now),
            Times::Utc => clock(at, &jiff::tz::TimeZone::UTC, self.model.now),
        }
    }
}

/// A span in its largest unit, and how long it reads so, ms.
fn coarse(span: Duration) -> (String, u64) {
    let seconds = span.as_secs();
    match seconds {
        0..60 => (format!("{}s", seconds / 5 * 5), 5_000),
        60..3_600 => (format!("{}m", seconds / 60), 60_000),
        3_600..86_400 => (format!("{}h", seconds / 3_600), 3_600_000),
        _ => (format!("{}d", seconds / 86_400), 86_400_000),
    }
}

/// `13:05:09` of today, `11-24 13:05` of this year, `2026-11-24` of another one.
fn clock(at: Timestamp, zone: &jiff::tz::TimeZone, now: Timestamp) -> String {
    let zoned =
        |at: Timestamp| jiff::Timestamp::from_millisecond(at.0).map(|time| time.to_zoned(zone.clone()));
    let (Ok(at), Ok(now)) = (zoned(at), zoned(now)) else { return "?".to_owned() };
    let form = if at.date() == now.date() {
        "%H:%M:%S"
    } else if at.year() == now.year() {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    at.strftime(form).to_string()
}

/// [`clean_line`], but leading spaces and runs of them stay: they are ours.
fn clean_line_keeping_spaces(text: &str) -> String {
    if text.chars().all(|letter| letter == ' ' || letter.is_ascii_graphic()) {
        return text.to_owned();
    }
    let lead: String = text.chars().take_while(|letter| *letter == ' ').collect();
    let tail = if text.ends_with(' ') && text.len() > lead.len() { " " } else { "" };
    format!("{lead}{}{tail}", clean_line(text))
}

/// The beginning of a text that is too wide, with a sign at its end.
fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    let room = width.saturating_sub(1);
    let mut shown = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > room {
            break;
        }
        shown.push_str(grapheme);
        used += wide;
    }
    if width > 0 {
        shown.push_str(ellipsis);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_columns_go_and_numbers_are_never_cut() {
        let columns = [
            Column::number("#", 8, 0),
            Column::text("Title", 10, 1),
            Column::fixed("State", 12, 2),
            Column::fixed("Agent", 12, 3),
        ];
        let shown = |width| fit(&columns, width);
        assert_eq!(shown(60), [(0, 8), (1, 25), (2, 12), (3, 12)]);
        assert_eq!(shown(40), [(0, 8), (1, 18), (2, 12)]);
        assert_eq!(shown(20), [(0, 8), (1, 11)]);
        assert_eq!(shown(9), [(0, 8)]);
        assert_eq!(shown(3), [(0, 3)]);
    }

    #[test]
    fn spans_are_coarse_and_say_how_long_they_last() {
        let told = |seconds| coarse(Duration::from_secs(seconds)).0;
        assert_eq!([3, 59, 61, 7_200, 200_000].map(told), ["0s", "55s", "1m", "2h", "2d"]);
    }

    #[test]
    fn wide_letters_are_cut_whole() {
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!(clean_line_keeping_spaces("  a\u{202e}b  日"), "  ab 日");
    }
}
