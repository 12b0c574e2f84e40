//! The terminal: taken over, painted, and always given back, however the program ends.

use super::model::Model;
use super::pen::Drawn;
use super::view::view;
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::force_color_output;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io::{self, BufWriter, Write};
use std::panic::PanicHookInfo;
use std::sync::Once;

/// Enough for a whole frame: it goes out in one write.
const FRAME_BYTES: usize = 256 * 1024;
/// Most bytes that are put on a clipboard: terminals drop more without a word.
const COPY_BYTES_MAX: usize = 74_994;

/// A terminal that shows a buffer.
pub(crate) struct Screen<W: Write> {
    backend: CrosstermBackend<BufWriter<W>>,
    /// What it shows; none: nobody knows.
    shown: Option<Buffer>,
    next: Buffer,
    mouse: bool,
}

impl<W: Write> Screen<W> {
    /// A terminal of this size that was not painted yet.
    pub(crate) fn new(out: W, size: (u16, u16), mouse: bool) -> Self {
        // The theme decides about colors. With NO_COLOR crossterm would write resets that undo the selection, too.
        force_color_output(true);
        let next = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        Self {
            backend: CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, out)),
            shown: None,
            next,
            mouse,
        }
    }

    /// Takes the terminal over.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        restore_on_panic();
        terminal::enable_raw_mode()?;
        execute!(
            self.backend,
            EnterAlternateScreen,
            EnableBracketedPaste,
            cursor::Hide,
            SetTitle("guildhall")
        )?;
        if self.mouse {
            execute!(self.backend, EnableMouseCapture)?;
        }
        self.shown = None;
        Ok(())
    }

    /// Gives it back.
    pub(crate) fn leave(&mut self) -> io::Result<()> {
        give_back(&mut self.backend)
    }

    /// Paints what changed, in one write; nothing at all if nothing did.
    pub(crate) fn paint(&mut self, model: &Model) -> io::Result<Drawn> {
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        if self.next.area != area {
            self.next.resize(area);
            self.shown = None;
        }
        self.next.reset();
        let drawn = view(model, &mut self.next);
        if let Some(shown) = &self.shown {
            let changes = shown.diff(&self.next);
            if !changes.is_empty() {
                queue!(self.backend, BeginSynchronizedUpdate)?;
                self.backend.draw(changes.into_iter())?;
                execute!(self.backend, EndSynchronizedUpdate)?;
            }
        } else {
            queue!(self.backend, BeginSynchronizedUpdate, terminal::Clear(terminal::ClearType::All))?;
            let empty = Buffer::empty(area);
            self.backend.draw(empty.diff(&self.next).into_iter())?;
            execute!(self.backend, EndSynchronizedUpdate)?;
        }
        match &mut self.shown {
            Some(shown) => std::mem::swap(shown, &mut self.next),
            None => self.shown = Some(self.next.clone()),
        }
        Ok(drawn)
    }

    /// Sends text to the clipboard of the terminal, wherever that is; how many bytes.
    pub(crate) fn copy(&mut self, text: &str) -> Result<usize, String> {
        if text.len() > COPY_BYTES_MAX {
            let limit = COPY_BYTES_MAX / 1_000;
            return Err(format!(
                "{} bytes are more than terminals take ({limit} kB): use the command line",
                text.len()
            ));
        }
        let sent = execute!(self.backend, CopyToClipboard::to_clipboard_from(text.as_bytes()));
        sent.map(|()| text.len()).map_err(|error| format!("the terminal took nothing: {error}"))
    }

    /// What the terminal shows, as far as this knows.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> Option<&Buffer> {
        self.shown.as_ref()
    }
}

fn give_back(out: &mut impl Write) -> io::Result<()> {
    execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        cursor::Show,
        LeaveAlternateScreen
    )?;
    terminal::disable_raw_mode()
}

/// Whoever panics gives the terminal back first, so that the panic can be read.
fn restore_on_panic() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(giving_back(io::stdout, before));
    });
}

type PanicHook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

fn giving_back<W: Write>(out: impl Fn() -> W + Send + Sync + 'static, before: PanicHook) -> PanicHook {
    Box::new(move |panic| {
        // There is nothing left to try.
        drop(give_back(&mut out()));
        before(panic);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<String>>);

    impl Told {
        fn add(&self, text: &str) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        }
    }

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.add(&String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_told_in_a_terminal_that_was_given_back() {
        let told = Told::default();
        let (out, after) = (told.clone(), told.clone());
        let usual = std::panic::take_hook();
        std::panic::set_hook(giving_back(
            move || out.clone(),
            Box::new(move |panic| after.add(panic.payload_as_str().unwrap_or_default())),
        ));
        let panicked = std::panic::catch_unwind(|| panic!("it broke"));
        std::panic::set_hook(usual);
        assert!(panicked.is_err());
        let told = told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |part: &str| told.find(part).unwrap_or_else(|| panic!("{part:?} is in {told:?}"));
        let words = at("it broke");
        for off in ["\x1b[?2026l", "\x1b[?1000l", "\x1b[?2004l", "\x1b[?25h", "\x1b[?1049l"] {
            assert!(at(off) < words, "{off:?}");
        }
    }
}
