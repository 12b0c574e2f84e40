//! The bytes that go out, read by a terminal: it shows what was painted, and nothing goes out when nothing changed.

use super::{Desk, job_head};
use crate::dash::screen::Screen as View;
use crate::dash::term::Screen;
use crate::dash::theme::Palette;
use guildhall_protocol::ids::JobId;
use ratatui::style::Modifier;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// What was written, and in how many writes.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<(Vec<u8>, usize)>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.0.extend_from_slice(bytes);
        wire.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    /// What was written since the last look.
    fn taken(&self) -> (Vec<u8>, usize) {
        std::mem::take(&mut *self.0.borrow_mut())
    }
}

#[test]
fn a_terminal_shows_what_was_painted() {
    for palette in [Palette::Dark, Palette::Plain] {
        let mut desk = Desk::new(100, 30);
        desk.model.theme.palette = palette;
        let wire = Wire::default();
        let mut screen = Screen::new(wire.clone(), desk.model.size, false);
        let mut terminal = vt100::Parser::new(30, 100, 0);
        desk.jobs[0].title = Some("日本語 \u{1b}[2J\u{202e}evil 🦀 e\u{301}".to_owned());
        let views = [View::Overview, View::Jobs, View::Job(JobId(6)), View::Agents, View::Inbox, View::Log];
        for view in views {
            desk.goes(view);
            screen.paint(&desk.model).expect("it is written");
            let (bytes, writes) = wire.taken();
            assert!(writes <= 2, "{writes} writes");
            terminal.process(&bytes);
            let shown = screen.shown().expect("it is painted");
            for y in 0..30 {
                for x in 0..100 {
                    let cell = terminal.screen().cell(y, x).expect("it is there");
                    if cell.is_wide_continuation() {
                        continue;
                    }
                    let painted = &shown[(x, y)];
                    let letters = if cell.contents().is_empty() { " " } else { cell.contents() };
                    assert_eq!(letters, painted.symbol(), "{palette:?} {x},{y}\n{}", desk.text());
                    let reversed = painted.modifier.contains(Modifier::REVERSED);
                    assert_eq!(cell.inverse(), reversed, "{palette:?} {x},{y}");
                }
            }
        }
    }
}

#[test]
fn nothing_goes_out_when_nothing_changed() {
    let mut desk = Desk::new(200, 60);
    desk.jobs = (1..=100).rev().map(job_head).collect();
    desk.goes(View::Jobs);
    let wire = Wire::default();
    let mut screen = Screen::new(wire.clone(), desk.model.size, false);
    screen.paint(&desk.model).expect("it is written");
    let whole = wire.taken().0.len();
    screen.paint(&desk.model).expect("it is written");
    assert_eq!(wire.taken(), (Vec::new(), 0));
    desk.presses(&["j"]);
    screen.paint(&desk.model).expect("it is written");
    let (bytes, writes) = wire.taken();
    assert!(bytes.len() * 8 < whole && writes <= 2, "{} of {whole} bytes, {writes} writes", bytes.len());
}
