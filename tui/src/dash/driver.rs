//! The loop: messages in, frames and effects out. It waits for nobody; a frame is painted when something changed, and when
//! nothing does, nothing runs.

use super::connection::keep;
use super::contexts::Context;
use super::editor;
use super::effects;
use super::link::LinkEvent;
use super::model::Model;
use super::msg::{Effect, Hit, Msg};
use super::pen::Drawn;
use super::start::{Begun, Options, begin};
use super::state::State;
use super::term::Screen;
use super::update::{left_behind, open_orders, update};
use crate::fault::Fault;
use crate::session::Session;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures::StreamExt;
use guildhall_protocol::time::Timestamp;
use ratatui::layout::Position;
use rustix::termios::QueueSelector;
use std::io::{IsTerminal, Stdout};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet, LocalSet};

/// Shortest time between two frames that a key asks for, and that data ask for.
const KEY_FRAME: Duration = Duration::from_millis(16);
const DATA_FRAME: Duration = Duration::from_millis(33);
/// Most messages that are taken before a frame.
const MESSAGES_MAX: usize = 256;
/// Two clicks within this are one that opens.
const TWICE: Duration = Duration::from_millis(400);
/// How long orders that are on their way may keep somebody who leaves.
const LEAVE_MAX: Duration = Duration::from_millis(60);

/// Runs until the person leaves.
pub(crate) async fn run(session: Session, options: Options) -> Result<(), Fault> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let hint = "the dashboard needs a terminal; `guildhall --no-tui`, `guildhall watch` and `guildhall --help` do not";
        return Err(Fault::Input(hint.to_owned()));
    }
    let fault = |error| Fault::Io("the terminal cannot be used".to_owned(), error);
    let size = crossterm::terminal::size().map_err(fault)?;
    let mut screen = Screen::new(std::io::stdout(), size, options.mouse);
    screen.enter().map_err(fault)?;
    let driver = Driver::new(begin(session, options, size), screen);
    let local = LocalSet::new();
    let (outcome, mut screen) = Box::pin(local.run_until(driver.drive())).await;
    screen.leave().map_err(fault)?;
    outcome.map_err(fault)?.map_or(Ok(()), Err)
}

/// Where a task tells what it found, and of which daemon.
pub(super) struct Reply {
    turn: u64,
    send: UnboundedSender<(u64, Msg)>,
}

impl Reply {
    pub(super) fn tell(&self, msg: Msg) {
        // Nobody listens any more when the program ends.
        drop(self.send.send((self.turn, msg)));
    }
}

/// Why a frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dirty {
    No,
    ByData,
    ByKey,
}

struct Driver {
    /// The daemon of the command line.
    home: Rc<Session>,
    session: Rc<Session>,
    model: Model,
    screen: Screen<Stdout>,
    drawn: Drawn,
    dirty: Dirty,
    painted_at: Option<Instant>,
    clicked: Option<(Hit, Instant)>,
    send: UnboundedSender<(u64, Msg)>,
    inbox: UnboundedReceiver<(u64, Msg)>,
    /// Grows with each change of the daemon: what another one tells later is dropped.
    turn: u64,
    /// Keeps the connection.
    keeper: Option<AbortHandle>,
    state: State,
    /// Nothing went wrong yet when something was kept.
    keeps: bool,
    retry: Rc<Notify>,
    /// What is done outside. Whoever panics there ends the program, too.
    tasks: JoinSet<()>,
    /// Orders whose outcome is not known yet.
    under_way: usize,
    /// A text for the editor, which is not opened yet.
    to_edit: Option<(String, &'static str)>,
    /// The editor has the terminal.
    editing: bool,
    leaving: bool,
}

impl Driver {
    fn new(begun: Begun, screen: Screen<Stdout>) -> Self {
        let Begun { home, session, model, state } = begun;
        let (send, inbox) = unbounded_channel();
        Self {
            home,
            session,
            model,
            screen,
            drawn: Drawn::default(),
            dirty: Dirty::ByKey,
            painted_at: None,
            clicked: None,
            send,
            inbox,
            turn: 0,
            keeper: None,
            state,
            keeps: true,
            retry: Rc::default(),
            tasks: JoinSet::new(),
            under_way: 0,
            to_edit: None,
            editing: false,
            leaving: false,
        }
    }

    /// Runs until the person leaves; what of their orders is then not done, if anything.
    async fn drive(mut self) -> (std::io::Result<Option<Fault>>, Screen<Stdout>) {
        let outcome = match self.turn().await {
            Ok(()) => self.ends().await,
            Err(error) => Err(error),
        };
        (outcome, self.screen)
    }

    async fn turn(&mut self) -> std::io::Result<()> {
        self.keep_connection();
        let mut input = Some(EventStream::new());
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        while !self.leaving {
            if let Some((text, suffix)) = self.to_edit.take() {
                // Nobody else may read what is typed there.
                input = None;
                self.open_editor(text, suffix)?;
            }
            if !self.editing && input.is_none() {
                input = Some(EventStream::new());
            }
            self.paint_if_due()?;
            let wake = self.next_wake();
            let msg = tokio::select! {
                biased;
                event = next(&mut input) => match event {
                    Some(Ok(event)) => self.read(event),
                    Some(Err(error)) => return Err(error),
                    // The terminal is gone.
                    None => Some(Msg::Terminate),
                },
                msg = self.inbox.recv() => msg.and_then(|msg| self.meant(msg)),
                // In the editor it is the editor's.
                _ = interrupt.recv() => (!self.editing).then_some(Msg::Terminate),
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended
                        && let Ok(panic) = error.try_into_panic()
                    {
                        std::panic::resume_unwind(panic);
                    }
                    None
                }
                _ = terminate.recv() => Some(Msg::Terminate),
                _ = hang_up.recv() => Some(Msg::Terminate),
                _ = resumed.recv() => {
                    if !self.editing {
                        self.screen.enter()?;
                    }
                    self.dirty = Dirty::ByKey;
                    None
                }
                () = wait_until(wake) => Some(Msg::Tick),
            };
            if let Some(msg) = msg {
                self.take(msg)?;
            }
            for _ in 0..MESSAGES_MAX {
                let Ok(msg) = self.inbox.try_recv() else { break };
                if let Some(msg) = self.meant(msg) {
                    self.take(msg)?;
                }
            }
        }
        Ok(())
    }

    /// What was ordered and is on its way gets a moment to be told; then what is not done.
    async fn ends(&mut self) -> std::io::Result<Option<Fault>> {
        let open = open_orders(&self.model);
        let ends = Instant::now() + LEAVE_MAX;
        while self.under_way > 0 {
            let left = ends.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.inbox.recv()).await {
                Ok(Some((_, done @ Msg::Done { .. }))) => self.take(done)?,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        Ok(left_behind(&self.model, &open))
    }

    /// A message, unless a daemon told it that is no longer looked at. What became of an order, and what
    /// the editor gave back, is told in any case.
    fn meant(&self, (turn, msg): (u64, Msg)) -> Option<Msg> {
        (turn == self.turn || matches!(msg, Msg::Done { .. } | Msg::Edited(_))).then_some(msg)
    }

    /// Where what is done outside tells what became of it.
    fn reply(&self) -> Reply {
        Reply { turn: self.turn, send: self.send.clone() }
    }

    fn keep_connection(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.abort();
        }
        let kept = keep(Rc::clone(&self.session), self.reply(), Rc::clone(&self.retry));
        self.keeper = Some(self.tasks.spawn_local(kept));
    }

    /// Looks at the daemon of a context from now on.
    fn switch(&mut self, context: Context) -> std::io::Result<()> {
        let session = if context.is_default() {
            Ok(Rc::clone(&self.home))
        } else {
            Session::of_context(&context.reach).map(Rc::new)
        };
        let outcome = match session {
            Ok(session) => {
                let endpoint = session.endpoint().to_string();
                let drafts = self.state.drafts(&endpoint);
                self.session = session;
                self.turn += 1;
                self.keep_connection();
                Ok((endpoint, drafts))
            }
            Err(fault) => Err(fault.to_string()),
        };
        self.take(Msg::Switched { name: context.name, outcome })
    }

    /// Gives the terminal to the editor. What happens meanwhile goes on; nothing is painted.
    fn open_editor(&mut self, text: String, suffix: &'static str) -> std::io::Result<()> {
        self.screen.leave()?;
        self.editing = true;
        let reply = self.reply();
        // A thread of its own: whoever ends the program does not wait for the editor.
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(move || reply.tell(Msg::Edited(editor::run(&text, suffix))))?;
        Ok(())
    }

    fn take(&mut self, msg: Msg) -> std::io::Result<()> {
        let quiet = matches!(msg, Msg::Link(LinkEvent::Changed));
        let by_key = matches!(
            msg,
            Msg::Key(_)
                | Msg::Paste(_)
                | Msg::Click { .. }
                | Msg::Scroll { .. }
                | Msg::Resize(..)
                | Msg::Copied(_)
                | Msg::Edited(_)
        );
        if let Msg::Done { .. } = msg {
            self.under_way = self.under_way.saturating_sub(1);
        }
        if let Msg::Edited(_) = msg {
            self.editing = false;
            // What was typed for the editor and not read there is no key of ours.
            rustix::termios::tcflush(std::io::stdin(), QueueSelector::IFlush)?;
            // The reader that made room for the editor may have left a wake-up behind. Found together with the next key, it
            // would hide that key until another one comes.
            crossterm::event::poll(Duration::ZERO)?;
            self.screen.enter()?;
            self.model.size = crossterm::terminal::size()?;
        }
        let effects = update(&mut self.model, Timestamp::now(), msg);
        if by_key {
            self.dirty = Dirty::ByKey;
        } else if !quiet && self.dirty == Dirty::No {
            self.dirty = Dirty::ByData;
        }
        for effect in effects {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> std::io::Result<()> {
        match effect {
            Effect::Read(need) => {
                let (session, reply) = (Rc::clone(&self.session), self.reply());
                self.tasks.spawn_local(async move {
                    let answer = effects::read(&session, &need).await;
                    reply.tell(Msg::Read(need, answer));
                });
            }
            Effect::Do { number, deed } => {
                self.under_way += 1;
                let (session, reply) = (Rc::clone(&self.session), self.reply());
                self.tasks.spawn_local(async move {
                    let outcome = effects::perform(&session, deed).await;
                    reply.tell(Msg::Done { number, outcome });
                });
            }
            Effect::Count { turn, filter } => {
                let (session, reply) = (Rc::clone(&self.session), self.reply());
                self.tasks.spawn_local(async move {
                    let count = effects::count(&session, filter.clone()).await;
                    let filter = Box::new(filter);
                    reply.tell(Msg::Counted { turn, filter, count });
                });
            }
            Effect::Preview { turn, draft } => {
                let (session, reply) = (Rc::clone(&self.session), self.reply());
                self.tasks.spawn_local(async move {
                    let preview = effects::preview(&session, *draft).await;
                    reply.tell(Msg::Previewed { turn, preview });
                });
            }
            Effect::Edit { text, suffix } => self.to_edit = Some((text, suffix)),
            Effect::Keep { slot, text } => {
                let kept = self.state.keep(&slot, text.as_deref());
                // It is told once: whoever cannot write there cannot write there a minute later.
                if kept.is_err() && std::mem::replace(&mut self.keeps, false) {
                    return self.take(Msg::Kept(kept));
                }
            }
            Effect::Switch(context) => return self.switch(*context),
            Effect::Copy(text) => {
                let copied = self.screen.copy(&text);
                return self.take(Msg::Copied(copied));
            }
            Effect::Reconnect => self.retry.notify_one(),
            Effect::Suspend => {
                self.screen.leave()?;
                rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
                // Somebody continued it, or nobody could have and the system did not stop it.
                self.screen.enter()?;
                self.dirty = Dirty::ByKey;
            }
            Effect::Quit => self.leaving = true,
        }
        Ok(())
    }

    fn paint_if_due(&mut self) -> std::io::Result<()> {
        let pause = match self.dirty {
            _ if self.editing => return Ok(()),
            Dirty::No => return Ok(()),
            Dirty::ByKey => KEY_FRAME,
            Dirty::ByData => DATA_FRAME,
        };
        if self.painted_at.is_some_and(|at| at.elapsed() < pause) {
            return Ok(());
        }
        self.model.now = self.model.now.max(Timestamp::now());
        self.drawn = self.screen.paint(&self.model)?;
        self.painted_at = Some(Instant::now());
        self.dirty = Dirty::No;
        Ok(())
    }

    /// When to look again although nothing happens; none: never.
    fn next_wake(&self) -> Option<Instant> {
        let frame = match (self.dirty, self.painted_at) {
            _ if self.editing => None,
            (Dirty::No, _) | (_, None) => None,
            (Dirty::ByKey, Some(at)) => Some(at + KEY_FRAME),
            (Dirty::ByData, Some(at)) => Some(at + DATA_FRAME),
        };
        let due = [self.model.wake_at, self.drawn.next_change].into_iter().flatten().min();
        let due = due.map(|due| Instant::now() + due.since(Timestamp::now()));
        [frame, due].into_iter().flatten().min()
    }

    /// What an event of the terminal means.
    fn read(&mut self, event: Event) -> Option<Msg> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(key)),
            Event::Paste(text) => Some(Msg::Paste(text)),
            Event::Resize(width, height) => Some(Msg::Resize(width, height)),
            Event::Mouse(mouse) => {
                let place = Position::new(mouse.column, mouse.row);
                match mouse.kind {
                    MouseEventKind::ScrollDown => Some(Msg::Scroll { down: true }),
                    MouseEventKind::ScrollUp => Some(Msg::Scroll { down: false }),
                    MouseEventKind::Down(MouseButton::Left) => {
                        let hits = self.drawn.hits.iter().rev();
                        let hit = hits.clone().find(|(area, _)| area.contains(place))?.1.clone();
                        let before = self.clicked.replace((hit.clone(), Instant::now()));
                        let twice = before.is_some_and(|(other, at)| other == hit && at.elapsed() < TWICE);
                        Some(Msg::Click { hit, twice })
                    }
                    MouseEventKind::Down(_)
                    | MouseEventKind::Up(_)
                    | MouseEventKind::Drag(_)
                    | MouseEventKind::Moved
                    | MouseEventKind::ScrollLeft
                    | MouseEventKind::ScrollRight => None,
                }
            }
            Event::Key(_) | Event::FocusGained | Event::FocusLost => None,
        }
    }
}

/// The next event of the terminal; while an editor has it, none comes.
async fn next(input: &mut Option<EventStream>) -> Option<std::io::Result<Event>> {
    match input {
        Some(input) => input.next().await,
        None => std::future::pending().await,
    }
}

async fn wait_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
