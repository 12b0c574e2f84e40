//! The demo on the terminal: a line per event as it happens, a table at the end.

use super::jobs::{Models, Planned};
use guildhall_protocol::attempt::{AttemptState, EndedAs};
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::narrate::{Mark, tell};
use guildhall_protocol::view::JobStory;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Columns of a job's title.
const TITLE_WIDTH: usize = 44;

pub(super) struct Timeline<'a, W: Write> {
    out: &'a mut W,
    started: Instant,
    colored: bool,
}

impl<'a, W: Write> Timeline<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        let colored = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { out, started: Instant::now(), colored }
    }

    pub(super) fn heading(&mut self, agents: usize, jobs: usize, notes: &[String]) -> io::Result<()> {
        let title = self.paint("1", "Guildhall, the whole loop on one machine");
        writeln!(self.out, "{title}")?;
        writeln!(self.out, "{agents} sample agents have proved their endpoints; {jobs} jobs are posted.")?;
        for note in notes {
            self.note(note)?;
        }
        writeln!(self.out)
    }

    /// Tells what happened to a job after the first `from` lines of its history.
    pub(super) fn tell(&mut self, story: &JobStory, from: u64) -> io::Result<()> {
        let new = story.events.iter().filter(|event| event.seq > from);
        for event in new {
            let Some(told) = tell(story, event) else { continue };
            let (number, at) = (story.head.id.to_string(), self.started.elapsed().as_secs_f64());
            let mark = self.mark(told.mark);
            let mut text = told.text;
            if event.seq == 1 {
                let title = clean_line(story.head.title.as_deref().unwrap_or_default());
                text = self.paint("1", &title);
            }
            writeln!(self.out, "{at:5.1}s  {number:>3} {mark} {text}")?;
            for detail in told.details {
                let detail = self.paint("2", &detail);
                writeln!(self.out, "               {detail}")?;
            }
        }
        self.out.flush()
    }

    /// Something that a person should know.
    pub(super) fn note(&mut self, note: &str) -> io::Result<()> {
        writeln!(self.out, "Note: {note}.")
    }

    /// How every job ended, and what it cost where models were asked.
    pub(super) fn table(&mut self, ended: &[(JobStory, Planned)], models: Models) -> io::Result<()> {
        writeln!(self.out)?;
        let width = TITLE_WIDTH;
        writeln!(self.out, "{:>3}   {:width$} {:10} attempts", "job", "title", "ended")?;
        for (story, plan) in ended {
            let mark = self.mark(if plan.ended_right(story, models) { Mark::Good } else { Mark::Bad });
            let title = cut(&clean_line(story.head.title.as_deref().unwrap_or_default()), width);
            let state = story.head.state.known().map_or_else(String::new, |state| state.name().to_owned());
            let attempts = story.attempts.iter().map(|view| {
                let ended = view.state.known().copied().and_then(AttemptState::ended);
                format!("{} {}", view.agent, ended.map_or("running", EndedAs::name))
            });
            let mut attempts: Vec<String> = attempts.collect();
            if story.spent.calls > 0 {
                let calls = if story.spent.calls == 1 { "call" } else { "calls" };
                attempts.push(format!("{} {calls} of models for {}", story.spent.calls, story.spent.cost));
            }
            let number = story.head.id.to_string();
            writeln!(self.out, "{number:>3} {mark} {title:width$} {state:10} {}", attempts.join(", "))?;
        }
        writeln!(self.out)
    }

    pub(super) fn ending(&mut self, well: bool, store: &str) -> io::Result<()> {
        let verdict =
            if well { "Every job ended as it should." } else { "Not every job ended as it should." };
        writeln!(self.out, "{verdict} The store stays at {store}")
    }

    /// Where to look while everything goes on; whether the dashboard finds it by itself.
    pub(super) fn kept(&mut self, socket: &str, is_found: bool) -> io::Result<()> {
        writeln!(self.out, "\nIt goes on until Ctrl-C, with a job every few seconds. In another terminal:")?;
        if is_found {
            writeln!(self.out, "  cargo run -p guildhall-tui               # the dashboard finds the demo")?;
        }
        writeln!(self.out, "  export GUILDHALL_SOCKET={socket}")?;
        writeln!(
            self.out,
            "  cargo run -p guildhall-tui -- job list   # the command line must be told of it"
        )?;
        self.out.flush()
    }

    fn mark(&self, mark: Mark) -> String {
        let color = match mark {
            Mark::Step => "36",
            Mark::Good => "32",
            Mark::Bad => "31",
            Mark::Waits => "33",
        };
        self.paint(color, mark.sign())
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.colored { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
