//! The loop: messages in, frames and effects out. It waits for nobody; a frame is painted when something changed, and when
//! nothing does, nothing runs.

use super::effects;
use super::keys::Keys;
use super::link::{LinkEvent, back_off};
use super::model::Model;
use super::msg::{Effect, Hit, Msg};
use super::pen::Drawn;
use super::settings::{self, Settings};
use super::term::Screen;
use super::theme::{Palette, Theme};
use super::update::update;
use crate::cli::DashArgs;
use crate::fault::Fault;
use crate::session::Session;
use crossterm::event::{Event, EventStream, KeyEventKind, MouseButton, MouseEventKind};
use futures::StreamExt;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Scope;
use ratatui::layout::Position;
use std::io::{IsTerminal, Stdout};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet};

/// Shortest time between two frames that a key asks for, and that data ask for.
const KEY_FRAME: Duration = Duration::from_millis(16);
const DATA_FRAME: Duration = Duration::from_millis(33);
/// Most messages that are taken before a frame.
const MESSAGES_MAX: usize = 256;
/// Longest wait for a change in one call; a daemon that hangs is found out after it.
const WAIT_MS: u64 = 4_000;
/// How long such a call may take in all.
const HANGS_AFTER: Duration = Duration::from_secs(8);
/// Shortest time between two of them while much changes.
const CHANGE_EVERY: Duration = Duration::from_millis(100);
/// Two clicks within this are one that opens.
const TWICE: Duration = Duration::from_millis(400);
/// How long orders that are on their way may keep somebody who leaves.
const LEAVE_MAX: Duration = Duration::from_millis(80);

/// How the dashboard is started.
pub(crate) struct Options {
    pub(crate) theme: Theme,
    pub(crate) keys: Keys,
    pub(crate) read_only: bool,
    pub(crate) mouse: bool,
}

impl Options {
    /// As the command line says, and else the person's file.
    pub(crate) fn of(args: &DashArgs) -> Result<Self, Fault> {
        let file = match settings::usual_file() {
            Some(path) => settings::read(&path).map_err(|error| Fault::Input(error.to_string()))?,
            None => Settings::default(),
        };
        // https://no-color.org: any value that is not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let usual = if no_color { Palette::Plain } else { file.theme.unwrap_or(Palette::Dark) };
        let theme = Theme { palette: args.theme.unwrap_or(usual), ascii: args.ascii || file.ascii };
        Ok(Self { theme, keys: file.keys, read_only: args.read_only, mouse: args.mouse || file.mouse })
    }
}

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
    let mut model = Model::new(session.endpoint().to_string(), options.theme, size, Timestamp::now());
    model.keys = options.keys;
    model.read_only = options.read_only;
    let driver = Driver::new(Rc::new(session), model, screen);
    let local = LocalSet::new();
    let (outcome, mut screen) = Box::pin(local.run_until(driver.drive())).await;
    screen.leave().map_err(fault)?;
    outcome.map_err(fault)
}

/// Why a frame is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dirty {
    No,
    ByData,
    ByKey,
}

struct Driver {
    session: Rc<Session>,
    model: Model,
    screen: Screen<Stdout>,
    drawn: Drawn,
    dirty: Dirty,
    painted_at: Option<Instant>,
    clicked: Option<(Hit, Instant)>,
    send: UnboundedSender<Msg>,
    inbox: UnboundedReceiver<Msg>,
    retry: Rc<Notify>,
    /// What is done outside. Whoever panics there ends the program, too.
    tasks: JoinSet<()>,
    /// Orders whose outcome is not known yet.
    under_way: usize,
    leaving: bool,
}

impl Driver {
    fn new(session: Rc<Session>, model: Model, screen: Screen<Stdout>) -> Self {
        let (send, inbox) = unbounded_channel();
        Self {
            session,
            model,
            screen,
            drawn: Drawn::default(),
            dirty: Dirty::ByKey,
            painted_at: None,
            clicked: None,
            send,
            inbox,
            retry: Rc::default(),
            tasks: JoinSet::new(),
            under_way: 0,
            leaving: false,
        }
    }

    async fn drive(mut self) -> (std::io::Result<()>, Screen<Stdout>) {
        let outcome = self.turn().await;
        (outcome, self.screen)
    }

    async fn turn(&mut self) -> std::io::Result<()> {
        self.tasks.spawn_local(keep(Rc::clone(&self.session), self.send.clone(), Rc::clone(&self.retry)));
        let mut input = EventStream::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        while !self.leaving {
            self.paint_if_due()?;
            let wake = self.next_wake();
            let msg = tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(Ok(event)) => self.read(event),
                    Some(Err(error)) => return Err(error),
                    // The terminal is gone.
                    None => Some(Msg::Terminate),
                },
                msg = self.inbox.recv() => msg,
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
                    self.screen.enter()?;
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
                self.take(msg)?;
            }
        }
        // What was ordered and is on its way gets a moment to be told.
        let ends = Instant::now() + LEAVE_MAX;
        while self.under_way > 0 {
            let left = ends.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.inbox.recv()).await {
                Ok(Some(Msg::Done { .. })) => self.under_way -= 1,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
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
        );
        if let Msg::Done { .. } = msg {
            self.under_way = self.under_way.saturating_sub(1);
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
                let (session, send) = (Rc::clone(&self.session), self.send.clone());
                self.tasks.spawn_local(async move {
                    let answer = effects::read(&session, &need).await;
                    // Nobody listens any more when the program ends.
                    drop(send.send(Msg::Read(need, answer)));
                });
            }
            Effect::Do { number, deed } => {
                self.under_way += 1;
                let (session, send) = (Rc::clone(&self.session), self.send.clone());
                self.tasks.spawn_local(async move {
                    let outcome = effects::perform(&session, deed).await;
                    drop(send.send(Msg::Done { number, outcome }));
                });
            }
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

async fn wait_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Keeps the connection, and tells what becomes of it.
async fn keep(session: Rc<Session>, send: UnboundedSender<Msg>, retry: Rc<Notify>) {
    let mut tries = 0;
    let mut heard = Timestamp::now();
    let wait = async |seen, wait_ms| {
        let call = session.ask(|service, context| async move {
            service.wait_for_change(context, Scope::Everything, seen, wait_ms).await
        });
        let hangs = || ApiError::new(ErrorKind::Unavailable, "the daemon does not answer");
        tokio::time::timeout(HANGS_AFTER, call).await.unwrap_or_else(|_| Err(hangs()))
    };
    loop {
        let begun = async {
            let seen = wait(0, 0).await?;
            Ok::<_, ApiError>((seen, session.who().await?))
        };
        let error = match begun.await {
            Ok((mut seen, who)) => {
                tries = 0;
                drop(send.send(Msg::Link(LinkEvent::Up(Box::new(who)))));
                loop {
                    heard = Timestamp::now();
                    match wait(seen, WAIT_MS).await {
                        Ok(now) => {
                            if now != seen {
                                seen = now;
                                drop(send.send(Msg::Link(LinkEvent::Changed)));
                                tokio::time::sleep(CHANGE_EVERY).await;
                            }
                        }
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        let share = f64::from(u32::try_from(Timestamp::now().0.rem_euclid(997)).unwrap_or(0)) / 997.0;
        let pause = back_off(tries, share);
        tries += 1;
        let retry_at = Timestamp::now().after(pause);
        drop(send.send(Msg::Link(LinkEvent::Down { error, since: heard, retry_at })));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = retry.notified() => {}
        }
    }
}
